// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/chat_backends.h"

#include <string_view>

#include "vragent/chat/mock_chat.h"
#include "vragent/engine/native_chat.h"
#include "vragent/models/hf_folder.h"
#include "vragent/nn/device.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"

namespace vragent::engine {
namespace {

constexpr std::string_view kMockPrefix = "mock:";

}  // namespace

std::unique_ptr<chat::ChatModel> make_chat_model(const chat::BackendConfig& config) {
  if (config.backend.starts_with(kMockPrefix)) {
    return std::make_unique<chat::MockChat>(
        chat::load_mock_rules(config.backend.substr(kMockPrefix.size())));
  }
  if (config.backend != "native") {
    throw ConfigError("--backend must be native or mock:FILE; got \"" + config.backend + "\"");
  }
  check_given("model", config.model);
  nn::prepare_torch({.device = config.device, .dtype = config.dtype, .threads = config.threads});
  return std::make_unique<NativeChat>(models::resolve_model(config.model),
                                      nn::parse_dtype(config.dtype),
                                      nn::parse_device(config.device));
}

}  // namespace vragent::engine

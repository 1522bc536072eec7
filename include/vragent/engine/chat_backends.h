// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// --backend and --model -> a model that answers.
#pragma once

#include <memory>

#include "vragent/chat/backend_config.h"
#include "vragent/chat/chat_model.h"

namespace vragent::engine {

/// "native": our engine on the folder (or cached org/name) config.model; "mock:FILE": the rules of
/// a file (see chat/mock_chat).
/// @throws ConfigError on another backend or a missing model, Error (66) and DataError on what is
///   named, Error (69) when the device is not there
std::unique_ptr<chat::ChatModel> make_chat_model(const chat::BackendConfig& config);

}  // namespace vragent::engine

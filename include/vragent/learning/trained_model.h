// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The model that a trainer changes: all of its weights, or an adapter on a frozen base.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "vragent/engine/adapter_folder.h"
#include "vragent/engine/chat_encoder.h"
#include "vragent/engine/native_chat.h"
#include "vragent/nn/device.h"
#include "vragent/nn/lora.h"

namespace vragent::learning {

struct TrainedModel {
  std::filesystem::path base;  ///< the model folder below an adapter, or --model itself
  engine::LanguageModel language_model;
  std::optional<engine::AdapterConfig> adapter;  ///< what is trained and saved; none: all weights
  nn::LowRank::Use start = nn::LowRank::Use::kOff;  ///< how adapters stand for the model as loaded
};

/// Loads --model with gradients on what is to learn. With lora.rank above 0 an adapter is trained:
/// a fresh one, or that of an adapter's folder, which must have the same settings; its start is
/// kept. Without, an adapter's folder is its base with the adapter merged.
/// @param encoder what was read of the same folder
/// @throws ConfigError naming a setting that differs from the folder's adapter; DataError when the
///   tokenizer is another model's: it ends answers with other tokens than "eos_token_id" names
TrainedModel load_trained_model(const std::string& model,
                                const engine::ChatEncoder& encoder,
                                const nn::LoraConfig& lora,
                                const nn::RuntimeConfig& runtime,
                                torch::Device device);

/// @param vocabulary tokens of the model; 0: not known. @throws DataError, `where` in front, when
/// an id is not among them: the tokenizer is another model's
void check_vocabulary(std::span<const std::int64_t> ids,
                      std::int64_t vocabulary,
                      const std::string& where);

}  // namespace vragent::learning

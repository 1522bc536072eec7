// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Messages and images to what a language model takes: token ids with image places expanded,
// patches, positions. Shared by the chat backend and by training, so both see the same prompts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vragent/chat/chat_model.h"
#include "vragent/models/pixels.h"
#include "vragent/models/vision_lm.h"
#include "vragent/text/chat_template.h"
#include "vragent/text/tokenizer.h"

namespace vragent::engine {

/// One encoded chat.
struct EncodedChat {
  std::vector<std::int64_t> ids;    ///< image places expanded
  std::vector<models::Grid> grids;  ///< one an image
  torch::Tensor patches;            ///< [sum of h*w, C*T*p*p]; undefined without images
  torch::Tensor positions;          ///< int64 [3, T] with images, else undefined
  std::int64_t position_delta = 0;
};

/// A prompt with images as a chat.
EncodedChat encoded_prompt(models::VisionPrompt prompt);

class ChatEncoder {
 public:
  /// Reads tokenizer, template and pixel settings of a qwen2, qwen3, llama or qwen2_5_vl folder, or
  /// of an adapter's base.
  explicit ChatEncoder(const std::filesystem::path& model);

  /// @param add_generation_prompt ends with the head of the assistant's turn and `prefill`
  [[nodiscard]] EncodedChat encode(std::span<const chat::Message> messages,
                                   const std::string& prefill,
                                   bool add_generation_prompt = true) const;

  /// Whether messages may hold images.
  [[nodiscard]] bool sees_images() const { return vision_.has_value(); }

  [[nodiscard]] const text::Tokenizer& tokenizer() const { return *tokenizer_; }

  [[nodiscard]] text::ChatTemplate chat_template() const { return template_; }

  /// Ids that end an answer, rising: eos of generation_config.json (a number or a list) and
  /// config.json, the tokenizer's, and the template's end of turn.
  [[nodiscard]] const std::vector<std::int64_t>& stop_ids() const { return stop_ids_; }

  /// Whether the id is one of stop_ids().
  [[nodiscard]] bool ends_answer(std::int64_t id) const;

  /// Text of an answer without its stop token and other special tokens.
  [[nodiscard]] std::string decode(std::span<const std::int64_t> ids) const;

 private:
  std::unique_ptr<text::Tokenizer> tokenizer_;
  text::ChatTemplate template_{};
  std::optional<models::VisionLmConfig> vision_;
  models::QwenPixelConfig pixels_;
  std::vector<std::int64_t> stop_ids_;
};

}  // namespace vragent::engine

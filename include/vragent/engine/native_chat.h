// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Our own engine behind the chat seam: a qwen2, qwen3, llama or qwen2_5_vl folder answers messages
// (and images).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vragent/chat/chat_model.h"
#include "vragent/engine/chat_encoder.h"
#include "vragent/engine/generator.h"
#include "vragent/models/causal_lm.h"
#include "vragent/models/vision_lm.h"

namespace vragent::engine {

/// A language model that may see images, loaded from a folder.
struct LanguageModel {
  models::CausalLm causal{nullptr};  ///< one of the two is set
  models::VisionLm vision{nullptr};

  [[nodiscard]] models::TextModel text() const {
    return causal.is_empty() ? vision->text() : causal->text();
  }

  [[nodiscard]] torch::nn::Module& module() {
    return causal.is_empty() ? static_cast<torch::nn::Module&>(*vision)
                             : static_cast<torch::nn::Module&>(*causal);
  }
};

/// A model's folder, or an adapter's: then its base with the adapter merged in fp32.
/// @throws DataError for another architecture, or an adapter that does not fit its base
LanguageModel load_language_model_folder(const std::filesystem::path& folder,
                                         torch::Dtype dtype,
                                         torch::Device device);

/// The prompt of one encoded chat, with image features computed by the model's vision tower.
Prompt make_prompt(LanguageModel& model, const EncodedChat& encoded);

struct NativeChatConfig {
  std::int64_t max_rows = 128;
  std::int64_t max_prefill_tokens = 16384;
};

class NativeChat : public chat::ChatModel {
 public:
  NativeChat(const std::filesystem::path& folder,
             torch::Dtype dtype,
             torch::Device device,
             const NativeChatConfig& config = {});

  std::vector<std::vector<chat::Answer>> answer(std::span<const chat::Request> requests) override;
  std::vector<std::vector<double>> choice_log_probs(
      std::span<const chat::Request> requests, const std::vector<std::string>& choices) override;

  [[nodiscard]] bool sees_images() const { return encoder_.sees_images(); }

  [[nodiscard]] std::string name() const override { return name_; }

  [[nodiscard]] std::string backend() const override { return "native"; }

 private:
  [[nodiscard]] Prompt prompt_of(const chat::Request& request);

  std::string name_;
  ChatEncoder encoder_;
  LanguageModel model_;
  models::TextModel text_;  ///< of model_, laid out for inference
  NativeChatConfig config_;
};

}  // namespace vragent::engine

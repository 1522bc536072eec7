// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Checkpoint folders of tiny random models with tokenizers, written at run time. Every parameter is
// drawn (norms and biases too): what is one or zero by default hides mistakes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <torch/nn/module.h>
#include <torch/types.h>

#include "mini_world/bpe_trainer.h"
#include "mini_world/tiny_tokenizers.h"
#include "support/tensor_matchers.h"
#include "vragent/models/bert.h"
#include "vragent/models/clip.h"
#include "vragent/models/hf_folder.h"
#include "vragent/models/vision_lm.h"
#include "vragent/models/vit.h"
#include "vragent/text/tokenizer.h"
#include "vragent/util/files.h"
#include "vragent/util/random.h"

namespace vragent::test {

inline constexpr std::int64_t kTinyClipSide = 28;
inline constexpr std::int64_t kTinyClipPositions = 24;

/// Draws every parameter: norm weights around one, the rest around zero.
inline void randomise(torch::nn::Module& module, std::uint64_t seed, double spread = 0.2) {
  const torch::NoGradGuard no_grad;
  for (auto& item : module.named_parameters()) {
    const bool is_norm = item.value().dim() == 1 && item.key().ends_with("weight");
    const torch::Tensor noise =
        randn(item.value().sizes(), mix_seed(seed, {hash_text(item.key())}));
    item.value().copy_(noise * spread + (is_norm ? 1 : 0));
  }
}

/// What the tokenizers learn from.
inline std::vector<std::string> tiny_texts() {
  return {"the cat plays in the snow",
          "a dog runs through the garden and the cat watches",
          "cooking noodles at the night market",
          "yes",
          "no",
          "answer answer think think"};
}

/// Two layers, grouped heads. @param tied head shared with the embedding
inline models::CausalLmConfig tiny_lm_config(std::int64_t vocab_size, bool tied = true) {
  return {.hidden_size = 32,
          .intermediate_size = 48,
          .num_layers = 2,
          .num_heads = 4,
          .num_kv_heads = 2,
          .head_dim = 8,
          .vocab_size = vocab_size,
          .max_positions = 2048,
          .rope_theta = 10000,
          .tie_embeddings = tied};
}

inline models::VisionLmConfig tiny_vlm_config(std::int64_t vocab_size, std::int64_t image_token) {
  models::VisionLmConfig config{.text = tiny_lm_config(vocab_size, false),
                                .vision = {.depth = 2,
                                           .hidden_size = 32,
                                           .intermediate_size = 40,
                                           .num_heads = 2,
                                           .out_hidden_size = 32,
                                           .fullatt_block_indexes = {1}},
                                .image_token_id = image_token};
  config.text.model_type = "qwen2_5_vl_text";
  config.text.head_dim = 8;
  config.text.mrope_section = {1, 1, 2};
  return config;
}

inline models::BertConfig tiny_bert_config(std::int64_t vocab_size) {
  return {.vocab_size = vocab_size,
          .hidden_size = 24,
          .intermediate_size = 40,
          .num_layers = 2,
          .num_heads = 2,
          .max_positions = 64};
}

inline models::ClipConfig tiny_clip_config(std::int64_t vocab_size, std::int64_t end_token) {
  return {.text = {.hidden_size = 32, .intermediate_size = 48, .num_layers = 2, .num_heads = 2},
          .vision = {.hidden_size = 24, .intermediate_size = 40, .num_layers = 2, .num_heads = 2},
          .vocab_size = vocab_size,
          .max_positions = kTinyClipPositions,
          .eos_token_id = end_token,
          .image_size = kTinyClipSide,
          .patch_size = 14,
          .projection_dim = 16};
}

inline void write_weights(const std::filesystem::path& folder,
                          const torch::nn::Module& module,
                          const std::string& config_json) {
  models::write_model_files(folder,
                            {.tensors = nn::parameters_of(module), .config_json = config_json});
}

/// A Qwen2.5 folder with a byte-level tokenizer of a few dozen merges.
inline std::filesystem::path write_tiny_lm(const std::filesystem::path& folder,
                                           std::uint64_t seed,
                                           bool tied = true) {
  const auto bpe = mini_world::train_bpe(tiny_texts(), mini_world::BpeFlavour::kQwen2, 300);
  mini_world::write_qwen_tokenizer(folder, bpe, text::ChatTemplate::kQwen25);
  models::CausalLmConfig config = tiny_lm_config(text::load_tokenizer(folder)->vocab_size(), tied);
  models::CausalLm lm(config);
  randomise(*lm, seed);
  write_weights(folder, *lm, models::to_config_json(config));
  return folder;
}

/// A Qwen2.5-VL folder; a square image becomes 56 x 56 pixels, four tokens.
inline std::filesystem::path write_tiny_vlm(const std::filesystem::path& folder,
                                            std::uint64_t seed) {
  const auto bpe = mini_world::train_bpe(tiny_texts(), mini_world::BpeFlavour::kQwen2, 300);
  mini_world::write_qwen_tokenizer(folder, bpe, text::ChatTemplate::kQwen25Vl);
  const auto tokenizer = text::load_tokenizer(folder);
  const models::VisionLmConfig config =
      tiny_vlm_config(tokenizer->vocab_size(), tokenizer->need_token("<|image_pad|>"));
  models::VisionLm lm(config);
  randomise(*lm, seed);
  write_weights(folder, *lm, models::to_config_json(config));
  write_file(folder / "preprocessor_config.json",
             R"({"min_pixels": 3136, "max_pixels": 3136, "patch_size": 14, "merge_size": 2})");
  return folder;
}

/// A folder of the vision towers' encoders, for squares of 28 pixels. @param type vit, vit_mae or
/// videomae (clips of four frames)
inline std::filesystem::path write_tiny_vit(const std::filesystem::path& folder,
                                            const std::string& type,
                                            std::uint64_t seed) {
  models::VitConfig config{.model_type = type,
                           .hidden_size = 24,
                           .intermediate_size = 40,
                           .num_layers = 2,
                           .num_heads = 3,
                           .image_size = 28,
                           .patch_size = 14};
  if (config.is_video()) {
    config.num_frames = 4;
    config.tubelet_size = 2;
  }
  models::Vit vit(config);
  randomise(*vit, seed);
  write_weights(folder, *vit, models::to_config_json(config));
  write_file(folder / "preprocessor_config.json",
             config.is_video()
                 ? R"({"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}})"
                 : R"({"size": {"height": 28, "width": 28}})");
  return folder;
}

/// A CLIP folder for images of 28 x 28 pixels.
inline std::filesystem::path write_tiny_clip(const std::filesystem::path& folder,
                                             std::uint64_t seed) {
  const auto bpe = mini_world::train_bpe(tiny_texts(), mini_world::BpeFlavour::kClip, 540);
  mini_world::write_clip_tokenizer(folder, bpe, kTinyClipPositions);
  const auto tokenizer = text::load_tokenizer(folder);
  const models::ClipConfig config =
      tiny_clip_config(tokenizer->vocab_size(), tokenizer->need_token("<|endoftext|>"));
  models::Clip clip(config);
  randomise(*clip, seed);
  write_weights(folder, *clip, models::to_config_json(config));
  write_file(folder / "preprocessor_config.json", R"({"crop_size": {"height": 28, "width": 28}})");
  return folder;
}

/// A BERT folder of two layers.
inline std::filesystem::path write_tiny_bert(const std::filesystem::path& folder,
                                             std::uint64_t seed) {
  mini_world::write_bert_tokenizer(folder, tiny_texts(), 120, 64);
  const models::BertConfig config = tiny_bert_config(text::load_tokenizer(folder)->vocab_size());
  models::Bert bert(config);
  randomise(*bert, seed);
  write_weights(folder, *bert, models::to_config_json(config));
  return folder;
}

}  // namespace vragent::test

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The demo's tiny models before training, in the layouts of the real ones: tokenizers learned from
// the corpus, configs, and random weights. Folders below the one given:
//   clip  CLIPModel        text 64 wide, vision 96 wide, 56 px
//   vlm   Qwen2.5-VL       text 128 wide, 3 layers; vision 96 wide, 2 layers; images of 56 x 56
//   lm    Qwen2.5          128 wide, 3 layers, tied
//   bert  BertModel        64 wide, 2 layers
#pragma once

#include <cstdint>
#include <filesystem>

namespace mini_world {

struct TinyModelsConfig {
  std::filesystem::path out;
  std::filesystem::path texts;
  std::int64_t vocab_size = 1000;
  std::int64_t seed = 21;

  void visit(auto& v) {
    v("out", out, "folder below which the model folders are made (required)");
    v("texts", texts, "texts.txt of a corpus: what the tokenizers learn from (required)");
    v("vocab-size", vocab_size, "tokens of the language models' vocabulary, special tokens aside");
    v("seed", seed, "of the weights");
  }

  /// @throws vragent::ConfigError
  void check() const;
};

/// Writes the four folders. The same texts and seed give the same bytes.
void make_tiny_models(const TinyModelsConfig& config);

}  // namespace mini_world

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// config.json of decoder-only language models, old and new spellings (`models.md` 1.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vragent/ops/rotary.h"

namespace vragent::models {

/// What config.json says, with the class defaults of transformers for what it leaves out.
struct CausalLmConfig {
  std::string model_type = "qwen2";  ///< qwen2, qwen3, llama, or qwen2_5_vl_text
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t num_layers = 0;
  std::int64_t num_heads = 0;
  std::int64_t num_kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t vocab_size = 0;
  std::int64_t max_positions = 32768;
  double rms_eps = 1e-6;
  double rope_theta = 10000;
  bool tie_embeddings = false;
  bool qkv_bias = true;  ///< Qwen2 has biases on q, k, v only; the others none
  bool qk_norm = false;  ///< Qwen3 norms each head of q and k
  std::optional<ops::RotaryStretch> rope_stretch;  ///< Llama 3's, where asked for
  std::vector<std::int64_t> mrope_section;  ///< half-dims for time, height, width; empty: one axis
};

/// The "model_type" of the language models that are built here, for errors.
inline constexpr const char* kLanguageModels = "qwen2, qwen3, llama, qwen2_5_vl";

/// Whether a "model_type" is one of them, or that of Qwen2.5-VL's text part.
bool is_language_model(std::string_view model_type);

/// Reads the text part of a config (flat 4.x or nested 5.x). @throws DataError naming what is not
/// supported (another architecture, RoPE scaled otherwise, sliding windows in use)
CausalLmConfig parse_causal_lm_config(const std::string& config_json, const std::string& where);

/// Numbers in all matrices of the layers and in the embedding, without a head.
double num_weights(const CausalLmConfig& config);

/// A config.json that transformers reads (5.x and 4.x spellings of what moved).
std::string to_config_json(const CausalLmConfig& config);

}  // namespace vragent::models

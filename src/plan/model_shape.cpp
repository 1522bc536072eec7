// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/plan/model_shape.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "vragent/engine/adapter_folder.h"
#include "vragent/models/hf_folder.h"
#include "vragent/nn/lora.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::plan {
namespace fs = std::filesystem;

namespace {

struct Known {
  const char* name;
  const char* model_type;
  std::int64_t width, inner, layers, heads, kv_heads, head_dim, vocabulary;
  bool tied;
};

/// As in the config.json of each.
constexpr Known kKnown[] = {
    {"smollm2-135m", "llama", 576, 1536, 30, 9, 3, 64, 49152, true},
    {"qwen2.5-0.5b", "qwen2", 896, 4864, 24, 14, 2, 64, 151936, true},
    {"qwen2.5-1.5b", "qwen2", 1536, 8960, 28, 12, 2, 128, 151936, true},
    {"qwen2.5-3b", "qwen2", 2048, 11008, 36, 16, 2, 128, 151936, true},
    {"qwen2.5-7b", "qwen2", 3584, 18944, 28, 28, 4, 128, 152064, false},
    {"qwen2.5-14b", "qwen2", 5120, 13824, 48, 40, 8, 128, 152064, false},
    {"llama-3.1-8b", "llama", 4096, 14336, 32, 32, 8, 128, 128256, false},
    {"qwen3-8b", "qwen3", 4096, 12288, 36, 32, 8, 128, 151936, false},
};

ModelShape shape_of_known(const Known& known) {
  const std::string type = known.model_type;
  ModelShape shape{.name = known.name};
  shape.text = {.model_type = type,
                .hidden_size = known.width,
                .intermediate_size = known.inner,
                .num_layers = known.layers,
                .num_heads = known.heads,
                .num_kv_heads = known.kv_heads,
                .head_dim = known.head_dim,
                .vocab_size = known.vocabulary,
                .tie_embeddings = known.tied,
                .qkv_bias = type == "qwen2",
                .qk_norm = type == "qwen3"};
  return shape;
}

/// Elements of all tensors whose names say that they belong to a vision tower.
std::int64_t count_tower(const fs::path& folder) {
  if (!fs::exists(folder / "model.safetensors") &&
      !fs::exists(folder / "model.safetensors.index.json"))
    return 0;
  const models::WeightFiles files(folder);
  std::int64_t count = 0;
  for (const std::string& name : files.names()) {
    if (name.find("visual.") != std::string::npos) count += files.find(name).numel();
  }
  return count;
}

/// A linear layer of each decoder layer.
struct Matrix {
  const char* name;
  std::int64_t in;
  std::int64_t out;
};

std::vector<Matrix> matrices(const models::CausalLmConfig& text) {
  const std::int64_t queries = text.num_heads * text.head_dim;
  const std::int64_t keys = text.num_kv_heads * text.head_dim;
  return {{"self_attn.q_proj", text.hidden_size, queries},
          {"self_attn.k_proj", text.hidden_size, keys},
          {"self_attn.v_proj", text.hidden_size, keys},
          {"self_attn.o_proj", queries, text.hidden_size},
          {"mlp.gate_proj", text.hidden_size, text.intermediate_size},
          {"mlp.up_proj", text.hidden_size, text.intermediate_size},
          {"mlp.down_proj", text.intermediate_size, text.hidden_size}};
}

}  // namespace

std::vector<std::string> known_shapes() {
  std::vector<std::string> names;
  for (const Known& known : kKnown) names.emplace_back(known.name);
  return names;
}

ModelShape shape_of(const std::string& model) {
  std::string name = model;
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const Known& known : kKnown) {
    if (name == known.name) return shape_of_known(known);
  }
  try {
    const fs::path folder = engine::base_folder(models::resolve_model(model));
    ModelShape shape{.name = folder.filename().string()};
    if (shape.name.empty()) shape.name = folder.parent_path().filename().string();
    shape.text = models::parse_causal_lm_config(models::read_model_config(folder),
                                                (folder / "config.json").string());
    shape.tower_parameters = count_tower(folder);
    return shape;
  } catch (const Error& error) {
    if (error.code() != ExitCode::kNoInput) throw;
    std::string known;
    for (const std::string& one : known_shapes()) known += (known.empty() ? "" : ", ") + one;
    throw Error(ExitCode::kNoInput,
                formatted("{}; known by name are {}", std::string(error.what()), known));
  }
}

std::int64_t layer_matrices(const ModelShape& shape) {
  std::int64_t count = 0;
  for (const Matrix& matrix : matrices(shape.text)) count += matrix.in * matrix.out;
  return count * shape.text.num_layers;
}

std::int64_t head_matrix(const ModelShape& shape) {
  return shape.text.vocab_size * shape.text.hidden_size;
}

std::int64_t num_parameters(const ModelShape& shape) {
  const models::CausalLmConfig& text = shape.text;
  std::int64_t vectors = 2 * text.hidden_size;
  if (text.qkv_bias) vectors += (text.num_heads + 2 * text.num_kv_heads) * text.head_dim;
  if (text.qk_norm) vectors += 2 * text.head_dim;
  return layer_matrices(shape) + vectors * text.num_layers + text.hidden_size +
         head_matrix(shape) * (text.tie_embeddings ? 1 : 2) + shape.tower_parameters;
}

std::int64_t adapter_parameters(const ModelShape& shape,
                                std::int64_t rank,
                                const std::vector<std::string>& targets) {
  const bool all = std::find(targets.begin(), targets.end(), nn::kAllLinear) != targets.end();
  std::int64_t count = 0;
  for (const Matrix& matrix : matrices(shape.text)) {
    if (all || nn::is_named(targets, matrix.name)) count += rank * (matrix.in + matrix.out);
  }
  return count * shape.text.num_layers;
}

std::int64_t kv_elements(const ModelShape& shape) {
  return 2 * shape.text.num_layers * shape.text.num_kv_heads * shape.text.head_dim;
}

std::int64_t saved_elements(const ModelShape& shape, bool makes_again) {
  const models::CausalLmConfig& text = shape.text;
  const std::int64_t queries = text.num_heads * text.head_dim;
  const std::int64_t keys = text.num_kv_heads * text.head_dim;
  const std::int64_t norms_and_inputs = (makes_again ? 2 : 4) * text.hidden_size;
  const std::int64_t attention = 2 * queries + 2 * keys;  // rotated q and k, v, and the result
  const std::int64_t before_norms = text.qk_norm ? queries + keys : 0;
  const std::int64_t gated = (makes_again ? 2 : 3) * text.intermediate_size;
  return norms_and_inputs + attention + before_norms + gated;
}

}  // namespace vragent::plan

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Sizes of a language model without its weights: of a folder's config.json, or of a model that is
// known by name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vragent/models/causal_lm_config.h"

namespace vragent::plan {

struct ModelShape {
  std::string name;
  models::CausalLmConfig text;
  std::int64_t tower_parameters = 0;  ///< of a vision tower; known where there are weights
};

/// Names that shape_of() knows: qwen2.5-7b and others.
std::vector<std::string> known_shapes();

/// A known name (any letter case), or a model folder, whose weights are looked at but not loaded;
/// an adapter's folder is its base. @throws Error (66) naming the known ones when it is neither
ModelShape shape_of(const std::string& model);

/// Parameters of the layers' matrices; of the head (or the tied embedding in its place).
std::int64_t layer_matrices(const ModelShape& shape);
std::int64_t head_matrix(const ModelShape& shape);

/// All parameters, tower included.
std::int64_t num_parameters(const ModelShape& shape);

/// Parameters of an adapter of this rank on the named layers (or all-linear) of the text model.
std::int64_t adapter_parameters(const ModelShape& shape,
                                std::int64_t rank,
                                const std::vector<std::string>& targets);

/// Keys and values of one token in all layers, in elements.
std::int64_t kv_elements(const ModelShape& shape);

/// What the backward pass needs of one token and layer, in elements: inputs of norms, matrices,
/// attention and SwiGLU, each once.
/// @param makes_again what norms and SwiGLU give to matrices is made again instead (ops::Remade)
std::int64_t saved_elements(const ModelShape& shape, bool makes_again);

}  // namespace vragent::plan

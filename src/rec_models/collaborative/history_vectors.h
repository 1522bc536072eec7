// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The fields that factorisation machines make of a history.
#pragma once

#include <cstdint>

#include <torch/types.h>

#include "vragent/nn/layers.h"

namespace vragent::rec_models::collaborative {

/// A history's items as vectors, zeros where it is padded.
/// @param history int64 [B, L], 0 is padding; max_len L; model named when the shape is another
/// @return [B, L, D]
torch::Tensor history_vectors(nn::Embedding item_table,
                              const torch::Tensor& history,
                              std::int64_t max_len,
                              const char* model);

}  // namespace vragent::rec_models::collaborative

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "rec_models/collaborative/history_vectors.h"

namespace vragent::rec_models::collaborative {

using torch::Tensor;

Tensor history_vectors(nn::Embedding item_table,
                       const Tensor& history,
                       std::int64_t max_len,
                       const char* model) {
  TORCH_CHECK(history.dim() == 2 && history.size(1) == max_len,
              model,
              ": want [B, ",
              max_len,
              "], got ",
              history.sizes());
  return item_table(history) * (history > 0).unsqueeze(-1).to(item_table->weight.scalar_type());
}

}  // namespace vragent::rec_models::collaborative

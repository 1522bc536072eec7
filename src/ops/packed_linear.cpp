// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/packed_linear.h"

#include <algorithm>

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/generated/variable_factories.h>

#include "ops/kernels/amx_linear.h"

#ifndef INTRA_OP_PARALLEL
#error "at::parallel_for runs on one thread unless it is compiled with OpenMP"
#endif

namespace vragent::ops {
namespace {

using amx::Bf16;
using torch::Tensor;

constexpr std::int64_t kGrain = 1 << 15;  ///< weights worth a thread of their own
constexpr std::int64_t kFewRows = 64;     ///< up to here a plain weight is read as it lies
constexpr std::int64_t kManyRows = 256;   ///< from here on packing it for one product pays

Bf16* data(const Tensor& x) {
  return static_cast<Bf16*>(x.mutable_data_ptr());
}

const Bf16* data_or_null(const Tensor& x) {
  return x.defined() ? static_cast<const Bf16*>(x.const_data_ptr()) : nullptr;
}

/// matrix [rows, in] in the order of tiles
Tensor packed(const Tensor& matrix) {
  const std::int64_t rows = matrix.size(0);
  const std::int64_t in = matrix.size(1);
  Tensor result = torch::empty({amx::padded(rows), amx::padded(in)}, matrix.options());
  at::parallel_for(0, amx::padded(rows) / amx::kBlock, 4, [&](auto begin, auto end) {
    amx::pack(data(matrix), rows, in, data(result), begin, end);
  });
  return result;
}

/// Runs pieces of `in` x 32 weights on all threads.
template <class Product>
void run(const Product& task, std::int64_t pieces) {
  const std::int64_t grain = std::max<std::int64_t>(1, kGrain / (task.in * amx::kBlock));
  at::parallel_for(0, pieces, grain, [&](auto begin, auto end) { amx::run(task, begin, end); });
}

std::vector<std::int64_t> shape_of(const Tensor& x, std::int64_t out) {
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() = out;
  return shape;
}

bool suits_tiles(const Tensor& x, const Tensor& weight) {
  return packing_pays(weight) && !torch::GradMode::is_enabled() && x.is_cpu() &&
         x.scalar_type() == torch::kBFloat16 && weight.is_contiguous() && x.numel() > 0;
}

/// x [.., in] by a weight as it lies, in a multiple of 32
Tensor few_rows(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const std::int64_t in = weight.size(1);
  const Tensor packed_x = packed(x.reshape({-1, in}).contiguous());
  Tensor y = torch::empty(shape_of(x, weight.size(0)), x.options());
  const amx::PlainProduct task{.packed_x = data(packed_x),
                               .weight = data(weight),
                               .bias = data_or_null(bias),
                               .y = data(y),
                               .rows = x.numel() / in,
                               .in = in,
                               .out = weight.size(0)};
  run(task, amx::padded(task.out) / amx::kBlock);
  return y;
}

}  // namespace

bool has_amx_bf16() {
  return amx::is_available();
}

bool packing_pays(const Tensor& weight) {
  return amx::is_available() && weight.is_cpu() && weight.scalar_type() == torch::kBFloat16;
}

PackedLinear pack_linear(const std::vector<Tensor>& weights, const std::vector<Tensor>& biases) {
  const torch::NoGradGuard no_grad;
  const Tensor all = (weights.size() == 1 ? weights[0] : torch::cat(weights)).detach().contiguous();
  PackedLinear result{.weight = packed(all), .in = all.size(1), .out = all.size(0)};
  if (!biases.empty()) result.bias = torch::cat(biases).detach();
  return result;
}

Tensor PackedLinear::forward(const Tensor& x) const {
  TORCH_CHECK(x.dim() >= 1 && x.size(-1) == in && x.scalar_type() == torch::kBFloat16,
              "packed linear: want bfloat16 [..., ",
              in,
              "], got ",
              x.sizes());
  const std::int64_t padding = amx::padded(in) - in;
  const Tensor rows = (padding == 0 ? x : at::constant_pad_nd(x, {0, padding})).contiguous();
  Tensor y = torch::empty(shape_of(x, out), x.options());
  const amx::Product task{.x = data(rows),
                          .packed = data(weight),
                          .bias = data_or_null(bias),
                          .y = data(y),
                          .rows = x.numel() / in,
                          .in = in,
                          .out = out};
  run(task, amx::num_pieces(task));
  return y;
}

Tensor linear(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias) {
  if (!suits_tiles(x, weight)) return at::linear(x, weight, bias);
  const std::int64_t in = weight.size(1);
  const std::int64_t rows = x.numel() / in;
  const Tensor added = bias.value_or(Tensor());
  if (rows <= kFewRows && in % amx::kBlock == 0) return few_rows(x, weight, added);
  if (rows < kManyRows) return at::linear(x, weight, bias);
  return PackedLinear{.weight = packed(weight), .bias = added, .in = in, .out = weight.size(0)}
      .forward(x);
}

}  // namespace vragent::ops

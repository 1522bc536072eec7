// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/linear/packed_linear.h"

#include <algorithm>

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/generated/variable_factories.h>

#include "ops/kernels/bf16_linear.h"
#include "ops/linear/onednn_linear.h"

#ifndef INTRA_OP_PARALLEL
#error "at::parallel_for runs on one thread unless it is compiled with OpenMP"
#endif

namespace vragent::ops {
namespace {

using bf16::Bf16;
using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

constexpr std::int64_t kGrain = 1 << 15;    ///< weights worth a thread of their own
constexpr std::int64_t kFewRows = 64;       ///< up to here tiles read a plain weight as it lies
constexpr std::int64_t kFewInVectors = 16;  ///< up to here vectors do
constexpr std::int64_t kManyRows = 256;  ///< from here on packing it for one product of tiles pays

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
  Tensor result = torch::empty({bf16::padded(rows), bf16::padded(in)}, matrix.options());
  at::parallel_for(0, bf16::padded(rows) / bf16::kBlock, 4, [&](auto begin, auto end) {
    bf16::pack(data(matrix), rows, in, data(result), begin, end);
  });
  return result;
}

/// The transpose of a matrix [in, columns] in the order of tiles.
Tensor packed_columns(const Tensor& matrix) {
  const std::int64_t in = matrix.size(0);
  const std::int64_t columns = matrix.size(1);
  Tensor result = torch::empty({bf16::padded(columns), bf16::padded(in)}, matrix.options());
  at::parallel_for(0, bf16::padded(in) / bf16::kBlock, 1, [&](auto begin, auto end) {
    bf16::pack_columns(data(matrix), in, columns, data(result), begin, end);
  });
  return result;
}

/// Runs pieces of `in` x 32 weights on all threads.
template <class Product>
void run(const Product& task, std::int64_t pieces) {
  const std::int64_t grain = std::max<std::int64_t>(1, kGrain / (task.in * bf16::kBlock));
  at::parallel_for(0, pieces, grain, [&](auto begin, auto end) { bf16::run(task, begin, end); });
}

std::vector<std::int64_t> shape_of(const Tensor& x, std::int64_t out) {
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() = out;
  return shape;
}

bool suits_kernels(const Tensor& x, const Tensor& weight) {
  return packing_pays(weight) && x.is_cpu() && x.scalar_type() == torch::kBFloat16 &&
         weight.is_contiguous() && x.numel() > 0;
}

bool packing_for_one_product_pays(std::int64_t rows) {
  return rows >= kManyRows && bf16::unit() == bf16::Unit::kTiles;
}

/// What torch or oneDNN computes, whichever is faster.
Tensor library_linear(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias) {
  if (!suits_onednn(x, weight)) return at::linear(x, weight, bias);
  return onednn_linear(x, weight, bias.value_or(Tensor()));
}

/// x [.., in] by a weight as it lies, in a multiple of 32
Tensor few_rows(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const std::int64_t in = weight.size(1);
  Tensor rows = x.reshape({-1, in}).contiguous();
  if (bf16::unit() == bf16::Unit::kTiles) rows = packed(rows);
  Tensor y = torch::empty(shape_of(x, weight.size(0)), x.options());
  const bf16::PlainProduct task{.x = data(rows),
                                .weight = data(weight),
                                .bias = data_or_null(bias),
                                .y = data(y),
                                .rows = x.numel() / in,
                                .in = in,
                                .out = weight.size(0)};
  run(task, bf16::padded(task.out) / bf16::kBlock);
  return y;
}

/// a^T b of a [tokens, m] and b [tokens, columns], of which packed_columns() are given
Tensor over_tokens(const Tensor& a, const Tensor& packed_b, std::int64_t columns) {
  Tensor y = torch::empty({a.size(1), columns}, a.options());
  const bf16::Product task{.x = data(a),
                           .packed = data(packed_b),
                           .bias = nullptr,
                           .y = data(y),
                           .rows = a.size(1),
                           .in = a.size(0),
                           .out = columns,
                           .is_turned = true};
  run(task, bf16::num_pieces(task));
  return y;
}

/// Whether linear() with its gradients goes through tiles, by a weight packed for this one product.
bool learns_in_tiles(const Tensor& x, const Tensor& weight) {
  return suits_kernels(x, weight) && packing_for_one_product_pays(x.numel() / weight.size(1));
}

/// The product through tiles, by a weight packed for it alone.
Tensor tiled_linear(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias) {
  return PackedLinear{.weight = packed(weight),
                      .bias = bias.value_or(Tensor()),
                      .in = weight.size(1),
                      .out = weight.size(0)}
      .forward(x);
}

/// linear() of many rows with its gradients. x [rows, in], contiguous
struct TiledLinear : torch::autograd::Function<TiledLinear> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& x,
                        const Tensor& weight,
                        const std::optional<Tensor>& bias) {
    context->save_for_backward({weight.requires_grad() ? x : Tensor(), weight});
    context->saved_data["learns_bias"] = bias && bias->requires_grad();
    return tiled_linear(x, weight, bias);
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor& weight = saved[1];
    const Tensor grad = gradients[0].contiguous();
    tensor_list result(3);
    if (context->needs_input_grad(0)) result[0] = linear_input_gradient(grad, weight);
    if (context->needs_input_grad(1))
      result[1] = over_tokens(grad, packed_columns(saved[0]), saved[0].size(1));
    if (context->saved_data["learns_bias"].toBool()) result[2] = grad.sum(0);
    return result;
  }
};

/// What the backward pass calls.
struct HeldMake : torch::CustomClassHolder {
  decltype(Remade::make) make;
};

/// linears() whose input is made again.
struct RemadeLinears : torch::autograd::Function<RemadeLinears> {
  static tensor_list forward(AutogradContext* context,
                             const Tensor& x,
                             at::TensorList weights,
                             at::TensorList biases,
                             const Remade& source) {
    tensor_list saved = weights.vec();
    saved.insert(saved.end(), source.kept.begin(), source.kept.end());
    context->save_for_backward(saved);
    auto held = c10::make_intrusive<HeldMake>();
    held->make = source.make;
    context->saved_data["source"] = torch::IValue::make_capsule(held);
    const bool in_tiles = learns_in_tiles(x, weights[0]);
    context->saved_data["in_tiles"] = in_tiles;
    context->saved_data["with_biases"] = !biases.empty();
    context->set_materialize_grads(false);
    tensor_list outputs;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const auto bias = biases.empty() ? std::nullopt : std::optional<Tensor>(biases[i]);
      outputs.push_back(in_tiles ? tiled_linear(x, weights[i], bias)
                                 : at::linear(x, weights[i], bias));
    }
    return outputs;
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto capsule = context->saved_data["source"].toCapsule();
    const bool in_tiles = context->saved_data["in_tiles"].toBool();
    const bool with_biases = context->saved_data["with_biases"].toBool();
    const std::size_t layers = gradients.size();
    const Tensor x = static_cast<const HeldMake&>(*capsule).make(
        {saved.begin() + static_cast<std::ptrdiff_t>(layers), saved.end()});
    const Tensor columns = in_tiles ? packed_columns(x) : Tensor();
    tensor_list result(2 + (with_biases ? 2 : 1) * layers);
    // The gradients of x are added up as autograd would: from the last layer to the first.
    for (std::size_t i = layers; i-- > 0;) {
      if (!gradients[i].defined()) continue;
      const Tensor grad = in_tiles ? gradients[i].contiguous() : gradients[i];
      if (context->needs_input_grad(0)) {
        const Tensor to_x = linear_input_gradient(grad, saved[i]);
        result[0] = result[0].defined() ? result[0].add_(to_x) : to_x;
      }
      if (context->needs_input_grad(1 + i))
        result[1 + i] = in_tiles ? over_tokens(grad, columns, x.size(1)) : grad.t().mm(x);
      if (with_biases && context->needs_input_grad(1 + layers + i))
        result[1 + layers + i] = grad.sum(0);
    }
    return result;
  }
};

/// Whether an input can be made again in place of being kept for the gradients of these weights.
bool suits_making_again(const Remade& x, const std::vector<Tensor>& weights) {
  if (!x.make || !torch::GradMode::is_enabled() || at::autocast::is_autocast_enabled(at::kCPU))
    return false;
  const auto suits = [&](const Tensor& weight) {
    return weight.is_cpu() && weight.is_contiguous() &&
           weight.scalar_type() == x.value.scalar_type();
  };
  const auto learns = [](const Tensor& weight) { return weight.requires_grad(); };
  return x.value.is_cpu() && x.value.dim() == 2 && x.value.is_contiguous() &&
         std::all_of(weights.begin(), weights.end(), suits) &&
         std::any_of(weights.begin(), weights.end(), learns);
}

}  // namespace

bool has_amx_bf16() {
  return bf16::unit() == bf16::Unit::kTiles;
}

bool multiplies_bf16() {
  return bf16::unit() != bf16::Unit::kNone;
}

bool packing_pays(const Tensor& weight) {
  return multiplies_bf16() && weight.is_cpu() && weight.scalar_type() == torch::kBFloat16;
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
  const std::int64_t padding = bf16::padded(in) - in;
  const Tensor rows = (padding == 0 ? x : at::constant_pad_nd(x, {0, padding})).contiguous();
  Tensor y = torch::empty(shape_of(x, out), x.options());
  const bf16::Product task{.x = data(rows),
                           .packed = data(weight),
                           .bias = data_or_null(bias),
                           .y = data(y),
                           .rows = x.numel() / in,
                           .in = in,
                           .out = out};
  run(task, bf16::num_pieces(task));
  return y;
}

Tensor linear(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias) {
  if (!suits_kernels(x, weight)) return library_linear(x, weight, bias);
  const std::int64_t in = weight.size(1);
  const std::int64_t rows = x.numel() / in;
  if (torch::GradMode::is_enabled()) {
    if (!packing_for_one_product_pays(rows)) return at::linear(x, weight, bias);
    return TiledLinear::apply(x.reshape({rows, in}).contiguous(), weight, bias)
        .view(shape_of(x, weight.size(0)));
  }
  const std::int64_t few = bf16::unit() == bf16::Unit::kTiles ? kFewRows : kFewInVectors;
  if (rows <= few && in % bf16::kBlock == 0) return few_rows(x, weight, bias.value_or(Tensor()));
  if (!packing_for_one_product_pays(rows)) return library_linear(x, weight, bias);
  return tiled_linear(x, weight, bias);
}

std::vector<Tensor> linears(const Remade& x,
                            const std::vector<Tensor>& weights,
                            const std::vector<Tensor>& biases) {
  TORCH_CHECK(biases.empty() || biases.size() == weights.size(),
              "linears: ",
              weights.size(),
              " weights, ",
              biases.size(),
              " biases");
  if (suits_making_again(x, weights))
    return RemadeLinears::apply(x.value, at::TensorList(weights), at::TensorList(biases), x);
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto bias = biases.empty() ? std::nullopt : std::optional<Tensor>(biases[i]);
    outputs.push_back(ops::linear(x.value, weights[i], bias));
  }
  return outputs;
}

Tensor linear_input_gradient(const Tensor& grad, const Tensor& weight) {
  if (!suits_kernels(grad, weight) || !packing_for_one_product_pays(grad.size(0)))
    return grad.mm(weight);
  return PackedLinear{.weight = packed_columns(weight), .in = weight.size(0), .out = weight.size(1)}
      .forward(grad);
}

}  // namespace vragent::ops

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/layers.h"

#include <algorithm>

#include <torch/csrc/autograd/custom_function.h>

#include "vragent/util/error.h"

namespace vragent::nn {
namespace {

/// The sizes of the batch that x is rows of.
std::vector<std::int64_t> sizes_of_batch(const torch::Tensor& x, const BatchRows& rows) {
  std::vector<std::int64_t> sizes = x.sizes().vec();
  if (rows.all > 0) sizes[0] = rows.all;
  return sizes;
}

/// Inputs dropped with probability `share`, the others scaled up. The mask is drawn on the CPU, so
/// that it does not depend on the device.
torch::Tensor dropped(const torch::Tensor& x,
                      double share,
                      at::Generator stream,
                      const BatchRows& rows) {
  const torch::Tensor kept = at::empty(sizes_of_batch(x, rows), x.options().device(torch::kCPU))
                                 .bernoulli_(1 - share, stream)
                                 .narrow(0, rows.first, x.size(0));
  return x * (kept / (1 - share)).to(x.device());
}

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

/// x W^T + bias + scale * x A^T B^T in the type of x: what A and B are rounded to it adds less
/// error than rounding the sum, and no matrix of the output's size is made in fp32. W and bias are
/// frozen.
struct LowRankLinear : torch::autograd::Function<LowRankLinear> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& x,
                        const Tensor& weight,
                        const std::optional<Tensor>& bias,
                        const Tensor& a,
                        const Tensor& b,
                        double scale) {
    const Tensor narrow_a = a.to(x.scalar_type());
    const Tensor narrow_b = (b * scale).to(x.scalar_type());
    const Tensor inner = at::linear(x, narrow_a);
    Tensor y = ops::linear(x, weight, bias);
    y.addmm_(inner, narrow_b.t());
    context->save_for_backward({x, weight, narrow_a, narrow_b, inner});
    context->saved_data["scale"] = scale;
    context->saved_data["type"] = a.scalar_type();
    return y;
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto type = context->saved_data["type"].toScalarType();
    const Tensor grad = gradients[0].contiguous();
    const Tensor inner_grad = grad.mm(saved[3]);  // scaled
    Tensor to_x;
    if (context->needs_input_grad(0)) {
      to_x = ops::linear_input_gradient(grad, saved[1]);
      to_x.addmm_(inner_grad, saved[2]);
    }
    const Tensor to_a = inner_grad.t().mm(saved[0]).to(type);
    const Tensor to_b = grad.t().mm(saved[4]).to(type) * context->saved_data["scale"].toDouble();
    return {to_x, Tensor(), Tensor(), to_a, to_b, Tensor()};
  }
};

}  // namespace

torch::Tensor LowRank::added_to(const torch::Tensor& y, const torch::Tensor& x) const {
  if (use == Use::kOff) return y;
  const bool is_start = use == Use::kStart;
  torch::Tensor inputs = x.flatten(0, -2).to(a.scalar_type());
  if (drops) inputs = dropped(inputs, dropout, *drops, rows);
  const torch::Tensor inner = at::linear(inputs, is_start ? start_a : a);
  return at::addmm(y.flatten(0, -2).to(a.scalar_type()),
                   inner,
                   (is_start ? start_b : b).t(),
                   /*beta=*/1,
                   /*alpha=*/scale)
      .to(y.scalar_type())
      .view(y.sizes());
}

LinearImpl::LinearImpl(std::int64_t in, std::int64_t out, bool with_bias)
    : weight(register_parameter("weight", torch::empty({out, in}))) {
  if (with_bias) bias = register_parameter("bias", torch::empty({out}));
}

torch::Tensor LinearImpl::forward(const torch::Tensor& x) const {
  const auto maybe_bias = bias.defined() ? std::optional<torch::Tensor>(bias) : std::nullopt;
  if (adapter && adapter->use != LowRank::Use::kOff && !adapter->drops &&
      x.scalar_type() == torch::kBFloat16) {
    const bool is_start = adapter->use == LowRank::Use::kStart;
    const torch::Tensor y = LowRankLinear::apply(x.flatten(0, -2),
                                                 weight,
                                                 maybe_bias,
                                                 is_start ? adapter->start_a : adapter->a,
                                                 is_start ? adapter->start_b : adapter->b,
                                                 adapter->scale);
    std::vector<std::int64_t> shape = x.sizes().vec();
    shape.back() = y.size(1);
    return y.view(shape);
  }
  const torch::Tensor y = ops::linear(x, weight, maybe_bias);
  return adapter ? adapter->added_to(y, x) : y;
}

std::vector<torch::Tensor> outputs_of(const std::vector<Linear>& layers, const ops::Remade& x) {
  std::vector<torch::Tensor> outputs;
  if (std::any_of(layers.begin(), layers.end(), [](const Linear& layer) {
        return layer->adapter.has_value();
      })) {
    for (const Linear& layer : layers) outputs.push_back(layer->forward(x.value));
    return outputs;
  }
  std::vector<torch::Tensor> weights;
  std::vector<torch::Tensor> biases;
  for (const Linear& layer : layers) {
    weights.push_back(layer->weight);
    if (layer->bias.defined()) biases.push_back(layer->bias);
  }
  return ops::linears(x, weights, biases);
}

EmbeddingImpl::EmbeddingImpl(std::int64_t rows, std::int64_t width)
    : weight(register_parameter("weight", torch::empty({rows, width}))) {}

torch::Tensor EmbeddingImpl::forward(const torch::Tensor& ids) const {
  return at::embedding(weight, ids);
}

RmsNormImpl::RmsNormImpl(std::int64_t width, double epsilon)
    : weight(register_parameter("weight", torch::empty({width}))), eps(epsilon) {}

torch::Tensor RmsNormImpl::forward(const torch::Tensor& x) const {
  return ops::rms_norm(x, weight, eps);
}

ops::Remade RmsNormImpl::remade(const torch::Tensor& x) const {
  return ops::remade_rms_norm(x, weight, eps);
}

LayerNormImpl::LayerNormImpl(std::int64_t width, double epsilon)
    : weight(register_parameter("weight", torch::empty({width}))),
      bias(register_parameter("bias", torch::empty({width}))),
      eps(epsilon) {}

torch::Tensor LayerNormImpl::forward(const torch::Tensor& x) const {
  return at::layer_norm(x, weight.sizes(), weight, bias, eps);
}

SwiGluImpl::SwiGluImpl(std::int64_t width, std::int64_t inner, bool with_bias)
    : gate_proj(register_module("gate_proj", Linear(width, inner, with_bias))),
      up_proj(register_module("up_proj", Linear(width, inner, with_bias))),
      down_proj(register_module("down_proj", Linear(inner, width, with_bias))) {}

torch::Tensor SwiGluImpl::forward(const ops::Remade& x) {
  if (packed_gate_up.is_packed())
    return packed_down.forward(ops::swiglu_halves(packed_gate_up.forward(x.value)));
  const std::vector<torch::Tensor> gate_up = outputs_of({gate_proj, up_proj}, x);
  return outputs_of({down_proj}, ops::remade_swiglu(gate_up[0], gate_up[1]))[0];
}

void SwiGluImpl::pack(bool keep_plain) {
  if (!ops::packing_pays(gate_proj->weight)) return;
  packed_gate_up = take_packed({gate_proj, up_proj}, keep_plain);
  packed_down = take_packed({down_proj}, keep_plain);
}

void SwiGluImpl::unpack() {
  packed_gate_up = {};
  packed_down = {};
}

std::shared_ptr<torch::nn::Module> add_group(torch::nn::Module& parent, const char* name) {
  return parent.register_module(name, std::make_shared<torch::nn::Module>(name));
}

ops::PackedLinear take_packed(std::vector<Linear> layers, bool keep_plain) {
  std::vector<torch::Tensor> weights;
  std::vector<torch::Tensor> biases;
  for (const Linear& layer : layers) {
    TORCH_CHECK(!layer->adapter, "an adapter is merged before its layer is packed");
    weights.push_back(layer->weight);
    if (layer->bias.defined()) biases.push_back(layer->bias);
  }
  ops::PackedLinear packed = ops::pack_linear(weights, biases);
  if (keep_plain) return packed;
  for (Linear& layer : layers) layer->weight.set_data(torch::empty({0}, layer->weight.options()));
  return packed;
}

torch::Tensor activate(const torch::Tensor& x, const std::string& name) {
  if (name == "silu") return torch::silu(x);
  if (name == "gelu") return torch::gelu(x);
  if (name == "quick_gelu") return ops::quick_gelu(x);
  if (name == "gelu_pytorch_tanh" || name == "gelu_new") return torch::gelu(x, "tanh");
  if (name == "relu") return torch::relu(x);
  throw DataError("unknown activation \"" + name + "\"");
}

void check_activation(const std::string& name, const std::string& where) {
  for (const char* known :
       {"silu", "gelu", "quick_gelu", "gelu_pytorch_tanh", "gelu_new", "relu"}) {
    if (name == known) return;
  }
  throw DataError(where + ": unknown activation \"" + name + "\"");
}

}  // namespace vragent::nn

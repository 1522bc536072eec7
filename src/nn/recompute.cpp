// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/recompute.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "vragent/nn/lora.h"

namespace vragent::nn {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

/// An adapter as its layer uses it, with a stream of its own that begins where that one stands.
struct UsedAdapter {
  std::shared_ptr<LinearImpl> layer;
  LowRank adapter;
};

LowRank with_own_stream(LowRank adapter) {
  if (adapter.drops) adapter.drops = adapter.drops->clone();
  return adapter;
}

std::vector<UsedAdapter> adapters_of(const torch::nn::Module& module) {
  std::vector<UsedAdapter> adapters;
  for (const NamedLinear& item : linear_layers(module)) {
    if (item.layer->adapter)
      adapters.push_back({item.layer, with_own_stream(*item.layer->adapter)});
  }
  return adapters;
}

/// Puts adapters as they were used in the place of the present ones until destroyed.
class AdapterReplay {
 public:
  explicit AdapterReplay(const std::vector<UsedAdapter>& used) {
    for (const auto& [layer, adapter] : used)
      present_.emplace_back(layer, std::exchange(layer->adapter, with_own_stream(adapter)));
  }

  ~AdapterReplay() {
    for (auto& [layer, adapter] : present_) layer->adapter = std::move(adapter);
  }

  AdapterReplay(const AdapterReplay&) = delete;
  AdapterReplay& operator=(const AdapterReplay&) = delete;

 private:
  std::vector<std::pair<std::shared_ptr<LinearImpl>, std::optional<LowRank>>> present_;
};

/// What the backward pass calls.
struct HeldLayer : torch::CustomClassHolder {
  LayerFunction layer;
  tensor_list parameters;
  std::vector<UsedAdapter> adapters;
};

struct Recomputed : torch::autograd::Function<Recomputed> {
  /// @param parameters those of `held`, whose gradients backward() gives
  static Tensor forward(AutogradContext* context,
                        const Tensor& x,
                        at::TensorList /*parameters*/,
                        const c10::intrusive_ptr<HeldLayer>& held) {
    context->save_for_backward({x});
    context->saved_data["layer"] = torch::IValue::make_capsule(held);
    // As the second time: some products of few rows are rounded otherwise without gradient.
    const torch::AutoGradMode with_gradient(true);
    return held->layer(x.detach()).detach();
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    const auto capsule = context->saved_data["layer"].toCapsule();
    const auto& held = static_cast<const HeldLayer&>(*capsule);
    const bool to_x = context->needs_input_grad(0);
    const AdapterReplay replay(held.adapters);
    const torch::AutoGradMode with_gradient(true);
    const Tensor x = context->get_saved_variables()[0].detach().requires_grad_(to_x);
    tensor_list inputs = held.parameters;
    if (to_x) inputs.push_back(x);
    tensor_list result = torch::autograd::grad({held.layer(x)},
                                               inputs,
                                               {gradients[0]},
                                               /*retain_graph=*/std::nullopt,
                                               /*create_graph=*/false,
                                               /*allow_unused=*/true);
    if (!to_x) result.emplace_back();
    std::rotate(result.begin(), result.end() - 1, result.end());  // x stands first
    result.emplace_back();                                        // of `held`
    return result;
  }
};

}  // namespace

Tensor recomputed(const Tensor& x, const torch::nn::Module& module, LayerFunction layer) {
  if (!torch::GradMode::is_enabled()) return layer(x);
  auto held = c10::make_intrusive<HeldLayer>();
  held->layer = std::move(layer);
  held->adapters = adapters_of(module);
  for (const Tensor& parameter : module.parameters()) {
    if (parameter.requires_grad()) held->parameters.push_back(parameter);
  }
  return Recomputed::apply(x, at::TensorList(held->parameters), held);
}

}  // namespace vragent::nn

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/lora.h"

#include <algorithm>
#include <cmath>

#include "vragent/nn/parameters.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/random.h"

namespace vragent::nn {
namespace {

using torch::Tensor;

/// Calls use(name, layer) for each layer with an adapter.
template <class Use>
void for_each_adapter(const torch::nn::Module& module, Use use) {
  for (const NamedLinear& item : linear_layers(module)) {
    if (item.layer->adapter) use(item.name, *item.layer);
  }
}

/// The parameter `weight` in a child module of its own, which gives it PEFT's name.
Tensor register_low_rank(LinearImpl& layer, const char* name, const Tensor& value) {
  const auto child = add_group(layer, name);
  const Tensor copy = value.detach().to(torch::kFloat32).clone(at::MemoryFormat::Contiguous);
  return child->register_parameter("weight", copy.to(layer.weight.device()));
}

}  // namespace

double LoraConfig::scale() const {
  const auto size = static_cast<double>(rank);
  return alpha / (rslora ? std::sqrt(size) : size);
}

void LoraConfig::check() const {
  check_range("lora.rank", static_cast<double>(rank), 0, 65536);
  check_range("lora.alpha", alpha, 0, 1e6);
  check_range("lora.dropout", dropout, 0, 0.99);
  if (rank > 0 && target_modules.empty()) throw ConfigError("--lora.target-modules is empty");
}

std::vector<NamedLinear> linear_layers(const torch::nn::Module& module) {
  std::vector<NamedLinear> layers;
  for (const auto& item : module.named_modules("", /*include_self=*/false)) {
    if (auto layer = std::dynamic_pointer_cast<LinearImpl>(item.value()))
      layers.push_back({item.key(), std::move(layer)});
  }
  return layers;
}

bool is_named(const std::vector<std::string>& targets, const std::string& layer_name) {
  return std::any_of(targets.begin(), targets.end(), [&](const std::string& target) {
    return layer_name == target || layer_name.ends_with("." + target);
  });
}

void attach_adapter(LinearImpl& layer, const Tensor& a, const Tensor& b, const LoraConfig& config) {
  TORCH_CHECK(!layer.adapter, "the layer has an adapter already");
  TORCH_CHECK(a.dim() == 2 && b.dim() == 2 && a.size(0) == config.rank &&
                  a.size(1) == layer.weight.size(1) && b.size(0) == layer.weight.size(0) &&
                  b.size(1) == config.rank,
              "adapter: A ",
              a.sizes(),
              ", B ",
              b.sizes(),
              ", weight ",
              layer.weight.sizes(),
              ", rank ",
              config.rank);
  layer.weight.set_requires_grad(false);
  if (layer.bias.defined()) layer.bias.set_requires_grad(false);
  layer.adapter = LowRank{.a = register_low_rank(layer, "lora_A", a),
                          .b = register_low_rank(layer, "lora_B", b),
                          .scale = config.scale(),
                          .dropout = config.dropout};
}

void attach_fresh_adapters(const std::vector<NamedLinear>& layers,
                           const LoraConfig& config,
                           std::uint64_t seed) {
  for (const NamedLinear& item : layers) {
    const std::int64_t in = item.layer->weight.size(1);
    const double bound = 1.0 / std::sqrt(static_cast<double>(in));
    const Tensor a = torch::empty({config.rank, in})
                         .uniform_(-bound, bound, make_generator(seed, item.name + ".lora_A"));
    attach_adapter(*item.layer, a, torch::zeros({item.layer->weight.size(0), config.rank}), config);
  }
}

NamedTensors adapter_tensors(const torch::nn::Module& module) {
  NamedTensors tensors;
  for_each_adapter(module, [&](const std::string& name, const LinearImpl& layer) {
    tensors[name + ".lora_A.weight"] = layer.adapter->a.detach();
    tensors[name + ".lora_B.weight"] = layer.adapter->b.detach();
  });
  return tensors;
}

void keep_start(torch::nn::Module& module) {
  for_each_adapter(module, [](const std::string&, LinearImpl& layer) {
    layer.adapter->start_a = layer.adapter->a.detach().clone();
    layer.adapter->start_b = layer.adapter->b.detach().clone();
  });
}

AdapterSwitch::AdapterSwitch(torch::nn::Module& module, LowRank::Use use) : module_(module) {
  for_each_adapter(module_, [&](const std::string&, LinearImpl& layer) {
    TORCH_CHECK(use != LowRank::Use::kStart || layer.adapter->start_a.defined(),
                "no start of the adapters was kept");
    layer.adapter->use = use;
  });
}

AdapterSwitch::~AdapterSwitch() {
  for_each_adapter(module_, [](const std::string&, LinearImpl& layer) {
    layer.adapter->use = LowRank::Use::kOn;
  });
}

AdapterDropout::AdapterDropout(torch::nn::Module& module, std::uint64_t seed, BatchRows rows)
    : module_(module) {
  for_each_adapter(module_, [&](const std::string& name, LinearImpl& layer) {
    layer.adapter->rows = rows;
    if (layer.adapter->dropout > 0) layer.adapter->drops = make_generator(seed, name);
  });
}

AdapterDropout::~AdapterDropout() {
  for_each_adapter(module_,
                   [](const std::string&, LinearImpl& layer) { layer.adapter->drops.reset(); });
}

Tensor merged_weight(const Tensor& weight, const Tensor& a, const Tensor& b, double scale) {
  const torch::NoGradGuard no_grad;
  const Tensor added = b.to(torch::kFloat32).matmul(a.to(torch::kFloat32)) * scale;
  return (weight.to(torch::kFloat32) + added).to(weight.scalar_type());
}

void merge_adapters(torch::nn::Module& module) {
  for_each_adapter(module, [](const std::string&, LinearImpl& layer) {
    const LowRank& adapter = *layer.adapter;
    layer.weight.set_data(
        merged_weight(layer.weight, adapter.a, adapter.b, adapter.scale).detach());
    layer.adapter.reset();
    layer.unregister_module("lora_A");
    layer.unregister_module("lora_B");
  });
}

}  // namespace vragent::nn

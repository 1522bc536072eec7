// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Low-rank adapters (LoRA, Hu et al. 2021; rank-stabilised, Kalajdzievski 2023) on the linear
// layers of a network: y = x W^T + b + scale * drop(x) A^T B^T, W and b frozen, A and B in fp32.
// Names and numbers are those of PEFT.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <torch/nn/module.h>
#include <torch/types.h>

#include "vragent/nn/layers.h"
#include "vragent/nn/safetensors.h"

namespace vragent::nn {

/// A target that stands for all linear layers but the head.
inline constexpr const char* kAllLinear = "all-linear";

struct LoraConfig {
  std::int64_t rank = 0;
  double alpha = 32;
  double dropout = 0.0;
  bool rslora = false;
  std::vector<std::string> target_modules = {kAllLinear};

  void visit(auto& v) {
    v("rank", rank, "rank of a trained adapter (LoRA), whose base stays frozen; 0 trains all");
    v("alpha", alpha, "what the adapter adds is scaled by alpha / rank");
    v("dropout", dropout, "share of a layer's inputs that the adapter does not see in training");
    v("rslora", rslora, "scale by alpha / sqrt(rank) instead");
    v("target-modules",
      target_modules,
      "linear layers of the text model with an adapter: q_proj, k_proj, v_proj, o_proj, gate_proj, "
      "up_proj, down_proj, or all-linear");
  }

  /// alpha / rank, or alpha / sqrt(rank)
  [[nodiscard]] double scale() const;

  void check() const;
};

/// A linear layer with its name in the module that holds it.
struct NamedLinear {
  std::string name;
  std::shared_ptr<LinearImpl> layer;
};

/// All linear layers below a module, by name.
std::vector<NamedLinear> linear_layers(const torch::nn::Module& module);

/// Whether one of `targets` is a layer's name or the end of it behind a dot ("q_proj",
/// "mlp.up_proj").
bool is_named(const std::vector<std::string>& targets, const std::string& layer_name);

/// Puts an adapter on a layer that has none: its parameters lora_A.weight and lora_B.weight learn,
/// the layer's own are frozen.
/// @param a [rank, in], b [out, rank]; copied, to fp32 and the layer's device
void attach_adapter(LinearImpl& layer,
                    const torch::Tensor& a,
                    const torch::Tensor& b,
                    const LoraConfig& config);

/// A fresh adapter on each layer: A uniform within 1 / sqrt(in) (as PEFT draws it, one stream a
/// layer), B zero, so that nothing changes yet.
void attach_fresh_adapters(const std::vector<NamedLinear>& layers,
                           const LoraConfig& config,
                           std::uint64_t seed);

/// "LAYER.lora_A.weight" and "LAYER.lora_B.weight" of all adapters, detached.
NamedTensors adapter_tensors(const torch::nn::Module& module);

/// Keeps the adapters as they are now for LowRank::Use::kStart.
void keep_start(torch::nn::Module& module);

/// Switches all adapters until destroyed; then they are on.
class AdapterSwitch {
 public:
  AdapterSwitch(torch::nn::Module& module, LowRank::Use use);
  ~AdapterSwitch();
  AdapterSwitch(const AdapterSwitch&) = delete;
  AdapterSwitch& operator=(const AdapterSwitch&) = delete;

 private:
  torch::nn::Module& module_;
};

/// Lets adapters drop inputs until destroyed, each layer by a stream of its own that depends on the
/// seed and its name alone. Does nothing where the dropout is 0.
class AdapterDropout {
 public:
  /// @param rows of the layers' inputs, where they are a part of a batch
  AdapterDropout(torch::nn::Module& module, std::uint64_t seed, BatchRows rows = {});
  ~AdapterDropout();
  AdapterDropout(const AdapterDropout&) = delete;
  AdapterDropout& operator=(const AdapterDropout&) = delete;

 private:
  torch::nn::Module& module_;
};

/// weight + scale * B A, summed in fp32 and rounded once to the weight's type.
torch::Tensor merged_weight(const torch::Tensor& weight,
                            const torch::Tensor& a,
                            const torch::Tensor& b,
                            double scale);

/// Adds every adapter to its layer's weight and takes it off.
void merge_adapters(torch::nn::Module& module);

}  // namespace vragent::nn

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/optim/adamw.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include <ATen/Parallel.h>
#include <torch/nn/module.h>

#include "vragent/util/config.h"
#include "vragent/util/error.h"

namespace vragent::nn {
namespace {

constexpr double kMaxBeta = 0.9999999;         // at 1 the first moments would be divided by zero
constexpr std::int64_t kMostCopied = 1 << 26;  // elements of gradients and masters made at one time
constexpr std::int64_t kGrain = 1 << 15;       // elements worth a thread of their own

// A number rounded to bf16 is its upper half, or one more. With the lower half as a signed number
// it is the upper half of the result * 2^16 + the lower half: less than 2^15 was taken away (the
// half is positive), or at most 2^15 added (it is negative). Halfway between two, an odd upper half
// has 2^15 added, and an even one has it taken away, which a signed half cannot say.
constexpr std::int64_t kHalfway = -(1 << 15);
constexpr std::int64_t kUnit = 1 << 16;

/// bits [n] = rounded * 2^16 + low
void join(const torch::Tensor& bits, const torch::Tensor& rounded, const torch::Tensor& low) {
  if (!bits.is_cpu()) {
    bits.copy_(rounded).mul_(kUnit).add_(low);
    return;
  }
  auto* into = bits.mutable_data_ptr<std::int32_t>();
  const auto* upper = rounded.const_data_ptr<std::int16_t>();
  const auto* lower = low.const_data_ptr<std::int16_t>();
  at::parallel_for(0, bits.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      into[i] = static_cast<std::int32_t>((static_cast<std::uint32_t>(upper[i]) << 16) +
                                          static_cast<std::uint32_t>(lower[i]));
    }
  });
}

}  // namespace

torch::Tensor AdamW::Slot::master() const {
  const torch::NoGradGuard no_grad;
  if (!is_rounded()) return parameter.detach();
  torch::Tensor wide = torch::empty(
      parameter.sizes(), parameter.options().dtype(torch::kFloat32).requires_grad(false));
  torch::Tensor bits = wide.view(torch::kInt32).view(-1);
  join(bits, parameter.detach().reshape(-1).view(torch::kInt16), low);
  bits.index_copy_(0, down, bits.index_select(0, down) + kUnit);
  return wide;
}

void AdamW::Slot::take(const torch::Tensor& master) {
  const torch::NoGradGuard no_grad;
  parameter.detach().copy_(master);
  const torch::Tensor bits = master.view(torch::kInt32).view(-1);
  low.copy_(bits);  // modulo 2^16
  const torch::Tensor halfway = (low == kHalfway).nonzero().squeeze(1);
  const torch::Tensor rounded = parameter.detach().reshape(-1).view(torch::kInt16);
  const torch::Tensor upper = bits.index_select(0, halfway).bitwise_right_shift(16);
  down = halfway.masked_select(upper == rounded.index_select(0, halfway));
}

void OptimConfig::check() const {
  check_range("lr", lr, 0, 100);
  check_range("beta1", beta1, 0, kMaxBeta);
  check_range("beta2", beta2, 0, kMaxBeta);
  check_range("eps", eps, 0, 1);
  check_range("weight-decay", weight_decay, 0, 100);
  check_range("clip", clip, 0, 1e9);
  check_range("warmup-steps", static_cast<double>(warmup_steps), 0, 1e12);
  check_range("final-share", final_share, 0, 1);
  check_one_of("schedule", schedule, {"constant", "linear", "cosine"});
}

double learning_rate(const OptimConfig& config, std::int64_t step, std::int64_t total_steps) {
  if (step < config.warmup_steps) {
    return config.lr * static_cast<double>(step + 1) / static_cast<double>(config.warmup_steps);
  }
  if (config.schedule == "constant") return config.lr;
  const double span =
      static_cast<double>(std::max<std::int64_t>(total_steps - config.warmup_steps, 1));
  const double done = std::min(1.0, static_cast<double>(step - config.warmup_steps) / span);
  const double shape =
      config.schedule == "linear" ? 1.0 - done : 0.5 * (1.0 + std::cos(std::numbers::pi * done));
  return config.lr * (config.final_share + (1.0 - config.final_share) * shape);
}

std::vector<ParameterGroup> decay_groups(const std::vector<NamedParameter>& parameters,
                                         double weight_decay) {
  ParameterGroup matrices{.parameters = {}, .lr_scale = 1.0, .weight_decay = weight_decay};
  ParameterGroup vectors;
  for (const NamedParameter& parameter : parameters) {
    (parameter.tensor.dim() >= 2 ? matrices : vectors).parameters.push_back(parameter);
  }
  return {matrices, vectors};
}

std::vector<NamedParameter> trainable_parameters(const torch::nn::Module& module) {
  std::vector<NamedParameter> parameters;
  for (const auto& item : module.named_parameters()) {
    if (item.value().requires_grad()) parameters.push_back({item.key(), item.value()});
  }
  return parameters;
}

AdamW::AdamW(std::vector<ParameterGroup> groups, const OptimConfig& config) : config_(config) {
  for (const ParameterGroup& group : groups) {
    for (const NamedParameter& item : group.parameters) {
      const bool is_bf16 = item.tensor.scalar_type() == torch::kBFloat16;
      TORCH_CHECK(is_bf16 || item.tensor.scalar_type() == torch::kFloat32,
                  item.name,
                  ": want float32 or bfloat16, got ",
                  item.tensor.scalar_type());
      const auto options = item.tensor.options().requires_grad(false);
      const auto fp32 = options.dtype(torch::kFloat32);
      Slot slot{.name = item.name, .parameter = item.tensor};
      if (is_bf16) {
        slot.low = torch::zeros({item.tensor.numel()}, options.dtype(torch::kInt16));
        slot.down = torch::empty({0}, options.dtype(torch::kInt64));
      }
      slot.m = torch::zeros(item.tensor.sizes(), fp32);
      slot.v = torch::zeros(item.tensor.sizes(), fp32);
      slot.step = torch::zeros({}, fp32);
      slot.lr_scale = group.lr_scale;
      slot.weight_decay = group.weight_decay;
      slots_.push_back(std::move(slot));
    }
  }
}

void AdamW::zero_grad() {
  for (Slot& slot : slots_) slot.parameter.mutable_grad() = torch::Tensor();
}

double AdamW::clip_gradients(double max_norm) {
  std::vector<torch::Tensor> norms;
  for (const Slot& slot : slots_) {
    if (slot.parameter.grad().defined())
      norms.push_back(slot.parameter.grad().to(torch::kFloat32).norm());
  }
  if (norms.empty()) return 0.0;
  const double norm = torch::stack(norms).norm().item<double>();
  if (max_norm > 0 && std::isfinite(norm) && norm > max_norm) {
    const double scale = max_norm / (norm + 1e-6);
    for (Slot& slot : slots_) {
      if (slot.parameter.grad().defined()) slot.parameter.mutable_grad().mul_(scale);
    }
  }
  return norm;
}

void AdamW::step(double lr) {
  const torch::NoGradGuard no_grad;

  struct Lists {
    std::vector<torch::Tensor> parameters, gradients, m, v, steps;
  };

  std::map<std::pair<double, double>, Lists> by_group;
  std::vector<std::pair<Slot*, torch::Tensor>> masters;
  const auto update = [&] {
    for (auto& [key, lists] : by_group) {
      at::_fused_adamw_(lists.parameters,
                        lists.gradients,
                        lists.m,
                        lists.v,
                        {},
                        lists.steps,
                        lr * key.first,
                        config_.beta1,
                        config_.beta2,
                        key.second,
                        config_.eps,
                        /*amsgrad=*/false,
                        /*maximize=*/false);
    }
    by_group.clear();
    for (auto& [slot, master] : masters) slot->take(master);
    masters.clear();
  };
  std::int64_t copied = 0;
  for (Slot& slot : slots_) {
    if (!slot.parameter.grad().defined()) continue;
    const bool is_wide = slot.parameter.grad().scalar_type() == torch::kFloat32;
    const std::int64_t copies = (slot.is_rounded() ? 1 : 0) + (is_wide ? 0 : 1);
    if (copied > 0 && copied + copies * slot.parameter.numel() > kMostCopied) {
      update();
      copied = 0;
    }
    copied += copies * slot.parameter.numel();
    slot.step.add_(1);
    const torch::Tensor master = slot.master();
    if (slot.is_rounded()) masters.emplace_back(&slot, master);
    Lists& lists = by_group[{slot.lr_scale, slot.weight_decay}];
    lists.parameters.push_back(master);
    lists.gradients.push_back(slot.parameter.grad().to(torch::kFloat32).contiguous());
    lists.m.push_back(slot.m);
    lists.v.push_back(slot.v);
    lists.steps.push_back(slot.step);
  }
  update();
}

NamedTensors AdamW::state() const {
  NamedTensors state;
  for (const Slot& slot : slots_) {
    state["m." + slot.name] = slot.m;
    state["v." + slot.name] = slot.v;
    state["step." + slot.name] = slot.step;
    if (slot.is_rounded()) state["master." + slot.name] = slot.master();
  }
  return state;
}

void AdamW::load_state(const NamedTensors& state, const std::string& where) {
  const auto restore = [&](const std::string& name, torch::Tensor& into) {
    const auto found = state.find(name);
    if (found == state.end()) throw DataError(where + ": optimiser state lacks \"" + name + "\"");
    if (found->second.sizes() != into.sizes())
      throw DataError(where + ": \"" + name + "\" has another shape");
    into.copy_(found->second);
  };
  for (Slot& slot : slots_) {
    restore("m." + slot.name, slot.m);
    restore("v." + slot.name, slot.v);
    restore("step." + slot.name, slot.step);
    if (!slot.is_rounded()) continue;
    torch::Tensor master = torch::empty_like(slot.m);
    restore("master." + slot.name, master);
    slot.take(master);
  }
}

}  // namespace vragent::nn

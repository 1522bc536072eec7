// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/optim/adamw.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include <torch/nn/module.h>

#include "vragent/util/config.h"
#include "vragent/util/error.h"

namespace vragent::nn {
namespace {

constexpr double kMaxBeta = 0.9999999;         // at 1 the first moments would be divided by zero
constexpr std::int64_t kMostCopied = 1 << 26;  // elements of gradients in fp32 at one time

}  // namespace

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
      Slot slot{.name = item.name, .parameter = item.tensor};
      slot.master = item.tensor.detach();
      if (item.tensor.scalar_type() != torch::kFloat32)
        slot.master = slot.master.to(torch::kFloat32).clone();
      slot.m = torch::zeros_like(slot.master);
      slot.v = torch::zeros_like(slot.master);
      slot.step = torch::zeros({}, slot.master.options());
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
  };
  std::int64_t copied = 0;
  for (Slot& slot : slots_) {
    if (!slot.parameter.grad().defined()) continue;
    if (slot.parameter.grad().scalar_type() != torch::kFloat32) copied += slot.parameter.numel();
    if (copied > kMostCopied) {
      update();
      copied = slot.parameter.numel();
    }
    slot.step.add_(1);
    Lists& lists = by_group[{slot.lr_scale, slot.weight_decay}];
    lists.parameters.push_back(slot.master);
    lists.gradients.push_back(slot.parameter.grad().to(torch::kFloat32).contiguous());
    lists.m.push_back(slot.m);
    lists.v.push_back(slot.v);
    lists.steps.push_back(slot.step);
  }
  update();
  for (Slot& slot : slots_) {
    if (slot.parameter.scalar_type() != torch::kFloat32 && slot.parameter.grad().defined())
      slot.parameter.detach().copy_(slot.master);
  }
}

NamedTensors AdamW::state() const {
  NamedTensors state;
  for (const Slot& slot : slots_) {
    state["m." + slot.name] = slot.m;
    state["v." + slot.name] = slot.v;
    state["step." + slot.name] = slot.step;
    if (slot.parameter.scalar_type() != torch::kFloat32) state["master." + slot.name] = slot.master;
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
    if (slot.parameter.scalar_type() != torch::kFloat32)
      restore("master." + slot.name, slot.master);
  }
}

}  // namespace vragent::nn

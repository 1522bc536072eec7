// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/parameters.h"

#include <cmath>
#include <sstream>

#include <ATen/CPUGeneratorImpl.h>
#include <torch/nn/module.h>

#include "vragent/util/error.h"
#include "vragent/util/random.h"

namespace vragent::nn {
namespace {

std::string shape_text(const torch::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

std::string joined(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i)
    text += (i > 0 ? ", " : "") + names[i];
  if (names.size() > kShown) text += " and " + std::to_string(names.size() - kShown) + " more";
  return text;
}

void fill(torch::Tensor& parameter,
          const std::string& name,
          const InitRule& rule,
          at::Generator generator) {
  const bool is_embedding = name.find("embed") != std::string::npos;
  if (parameter.dim() < 2 && name.ends_with("bias")) {
    parameter.zero_();
  } else if (parameter.dim() < 2 && name.ends_with("weight")) {
    parameter.fill_(1);
  } else if (is_embedding || parameter.dim() < 2) {
    parameter.normal_(0, rule.embedding_std, generator);
  } else if (rule.kind == InitRule::Kind::kNormal) {
    parameter.normal_(0, rule.std, generator);
  } else {
    const double fan_out = static_cast<double>(parameter.size(0));
    const double fan_in = static_cast<double>(parameter.numel() / parameter.size(0));
    const double std = std::sqrt(2.0 / (fan_in + fan_out));
    if (rule.kind == InitRule::Kind::kXavierNormal) {
      parameter.normal_(0, std, generator);
    } else {
      parameter.uniform_(-std * std::sqrt(3.0), std * std::sqrt(3.0), generator);
    }
  }
}

}  // namespace

void load_parameters(torch::nn::Module& module,
                     const TensorLookup& lookup,
                     const std::string& where) {
  const torch::NoGradGuard no_grad;
  LoadReport report;
  for (auto& item : module.named_parameters()) {
    const torch::Tensor source = lookup(item.key());
    if (!source.defined()) {
      report.missing.push_back(item.key());
    } else if (source.sizes() != item.value().sizes()) {
      report.wrong_shape.push_back(item.key() + ": " + shape_text(source) + ", the model wants " +
                                   shape_text(item.value()));
    } else {
      item.value().copy_(source);
    }
  }
  if (!report.missing.empty())
    throw DataError(where + ": missing tensors: " + joined(report.missing));
  if (!report.wrong_shape.empty())
    throw DataError(where + ": wrong shapes: " + joined(report.wrong_shape));
}

NamedTensors parameters_of(const torch::nn::Module& module) {
  NamedTensors tensors;
  for (const auto& item : module.named_parameters()) tensors[item.key()] = item.value().detach();
  return tensors;
}

void init_parameters(torch::nn::Module& module, const InitRule& rule, std::uint64_t seed) {
  const torch::NoGradGuard no_grad;
  for (auto& item : module.named_parameters())
    fill(item.value(), item.key(), rule, make_generator(seed, item.key()));
}

void set_requires_grad(torch::nn::Module& module, bool on) {
  for (torch::Tensor& parameter : module.parameters()) parameter.set_requires_grad(on);
}

at::Generator make_generator(std::uint64_t seed, const std::string& name) {
  return at::detail::createCPUGenerator(mix_seed(seed, {hash_text(name)}));
}

}  // namespace vragent::nn

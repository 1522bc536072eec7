// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/parameters.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <sstream>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <torch/nn/module.h>

#include "vragent/util/error.h"
#include "vragent/util/random.h"

namespace vragent::nn {
namespace {

std::string joined(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i)
    text += (i > 0 ? "; " : "") + names[i];
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

/// Whether one of the numbers, given by their bits, has all exponent bits set (NaN, infinity).
template <class Bits>
bool has_special(const Bits* bits, std::int64_t count, Bits exponent) {
  constexpr std::int64_t kBlock = 512;  // a constant count lets the compiler use vectors
  const std::int64_t whole = count / kBlock * kBlock;
  for (std::int64_t begin = 0; begin < whole; begin += kBlock) {
    Bits bad = 0;
    for (std::int64_t i = 0; i < kBlock; ++i)
      bad |= static_cast<Bits>((bits[begin + i] & exponent) == exponent ? 1 : 0);
    if (bad != 0) return true;
  }
  return std::any_of(bits + whole, bits + count, [exponent](Bits value) {
    return (value & exponent) == exponent;
  });
}

template <class Bits>
bool has_special(const torch::Tensor& flat, Bits exponent) {
  const auto* bits = static_cast<const Bits*>(flat.const_data_ptr());
  std::atomic<bool> found = false;
  at::parallel_for(0, flat.numel(), 1 << 18, [&](std::int64_t begin, std::int64_t end) {
    if (has_special(bits + begin, end - begin, exponent)) found = true;
  });
  return found;
}

/// @param flat contiguous, of a floating-point type
bool is_finite(const torch::Tensor& flat) {
  if (flat.is_cpu() && flat.scalar_type() == torch::kFloat32)
    return !has_special<std::uint32_t>(flat, 0x7F800000U);
  if (flat.is_cpu() && flat.scalar_type() == torch::kBFloat16)
    return !has_special<std::uint16_t>(flat, 0x7F80U);
  if (flat.is_cpu() && flat.scalar_type() == torch::kFloat16)
    return !has_special<std::uint16_t>(flat, 0x7C00U);
  return flat.isfinite().all().item<bool>();
}

/// Copies and looks at the values on the way. @return whether all are finite
bool copy_stretches(const torch::Tensor& source, torch::Tensor& target) {
  constexpr std::int64_t kStretch = 1 << 20;  // elements; looked at and copied out of the cache
  const torch::Tensor from = source.contiguous().view(-1);
  torch::Tensor into = target.view(-1);
  bool finite = true;
  for (std::int64_t begin = 0; begin < from.numel(); begin += kStretch) {
    const std::int64_t size = std::min(kStretch, from.numel() - begin);
    const torch::Tensor part = from.narrow(0, begin, size);
    finite = finite && is_finite(part);
    into.narrow(0, begin, size).copy_(part);
    drop_pages(part);
  }
  return finite;
}

void throw_unless_empty(const std::vector<std::string>& names,
                        const std::string& where,
                        const char* problem) {
  if (!names.empty()) throw DataError(where + ": " + problem + ": " + joined(names));
}

}  // namespace

std::string respelt(std::string name,
                    std::span<const std::pair<std::string_view, std::string_view>> spellings) {
  for (const auto& [first, second] : spellings) {
    if (const auto at = name.find(first); at != std::string::npos)
      name.replace(at, first.size(), second);
  }
  return name;
}

std::string shape_text(const torch::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

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
    } else if (!source.is_floating_point()) {
      report.wrong_dtype.push_back(item.key() + ": " + c10::toString(source.scalar_type()));
    } else if (!copy_stretches(source, item.value())) {
      report.not_finite.push_back(item.key());
    }
  }
  throw_unless_empty(report.missing, where, "missing tensors");
  throw_unless_empty(report.wrong_shape, where, "wrong shapes");
  throw_unless_empty(
      report.wrong_dtype, where, "tensors of whole numbers where weights are wanted");
  throw_unless_empty(report.not_finite, where, "weights that are not finite (NaN or infinity)");
}

NamedTensors parameters_of(const torch::nn::Module& module) {
  NamedTensors tensors;
  for (const auto& item : module.named_parameters()) tensors[item.key()] = item.value().detach();
  return tensors;
}

void init_parameters(torch::nn::Module& module, const InitRule& rule, std::uint64_t seed) {
  const torch::NoGradGuard no_grad;
  for (auto& item : module.named_parameters()) {
    // Drawn on the CPU, so that the weights do not depend on the device.
    torch::Tensor drawn = item.value().is_cpu()
                              ? item.value()
                              : torch::empty(item.value().sizes(), item.value().scalar_type());
    fill(drawn, item.key(), rule, make_generator(seed, item.key()));
    if (!item.value().is_cpu()) item.value().copy_(drawn);
  }
}

void set_requires_grad(torch::nn::Module& module, bool on) {
  for (torch::Tensor& parameter : module.parameters()) parameter.set_requires_grad(on);
}

at::Generator make_generator(std::uint64_t seed, const std::string& name) {
  return at::detail::createCPUGenerator(mix_seed(seed, {hash_text(name)}));
}

}  // namespace vragent::nn

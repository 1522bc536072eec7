// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Assertions about tensors in one line each, and gradients by finite differences.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <torch/types.h>

namespace vragent::test {

/// Largest absolute difference in double; infinity for other shapes, and where one side is not a
/// number.
inline double max_difference(const torch::Tensor& a, const torch::Tensor& b) {
  if (!a.defined() || !b.defined() || a.sizes() != b.sizes())
    return std::numeric_limits<double>::infinity();
  if (a.numel() == 0) return 0.0;
  const double difference =
      (a.detach().to(torch::kFloat64) - b.detach().to(torch::kFloat64)).abs().max().item<double>();
  return std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
}

/// EXPECT_TRUE(close(got, wanted, 1e-5))
inline ::testing::AssertionResult close(const torch::Tensor& got,
                                        const torch::Tensor& wanted,
                                        double tolerance) {
  const double difference = max_difference(got, wanted);
  if (difference <= tolerance) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "differ by " << difference << " (allowed " << tolerance << "), shapes " << got.sizes()
         << " and " << wanted.sizes() << "\ngot " << got << "\nwanted " << wanted;
}

/// Equal names, shapes, types and bits.
inline ::testing::AssertionResult same_tensors(const std::map<std::string, torch::Tensor>& got,
                                               const std::map<std::string, torch::Tensor>& wanted) {
  if (got.size() != wanted.size())
    return ::testing::AssertionFailure() << got.size() << " tensors, wanted " << wanted.size();
  for (const auto& [name, tensor] : wanted) {
    const auto found = got.find(name);
    if (found == got.end()) return ::testing::AssertionFailure() << name << " is missing";
    if (found->second.scalar_type() != tensor.scalar_type() || !found->second.equal(tensor)) {
      return ::testing::AssertionFailure()
             << name << " differs by " << max_difference(found->second, tensor);
    }
  }
  return ::testing::AssertionSuccess();
}

/// Reproducible normal numbers.
inline torch::Tensor randn(at::IntArrayRef shape, std::uint64_t seed) {
  torch::Generator generator = at::detail::createCPUGenerator(seed);
  return torch::randn(shape, generator);
}

/// d f / d x by central differences. @param x float64, changed in place and restored
inline torch::Tensor numeric_gradient(const std::function<double()>& f,
                                      const torch::Tensor& x,
                                      double step = 1e-6) {
  const torch::NoGradGuard no_grad;
  torch::Tensor gradient = torch::zeros(x.sizes(), torch::kFloat64);
  torch::Tensor flat = x.detach().view(-1);
  for (std::int64_t i = 0; i < flat.numel(); ++i) {
    const double before = flat[i].item<double>();
    flat[i] = before + step;
    const double above = f();
    flat[i] = before - step;
    const double below = f();
    flat[i] = before;
    gradient.view(-1)[i] = (above - below) / (2 * step);
  }
  return gradient;
}

/// d f(x + t direction) / dt at 0 by a central difference: one number for a whole parameter.
/// @param x float64, changed in place and restored
inline double numeric_slope(const std::function<double()>& f,
                            const torch::Tensor& x,
                            const torch::Tensor& direction,
                            double step = 1e-6) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor values = x.detach();
  const torch::Tensor before = values.clone();
  values.add_(direction, step);
  const double above = f();
  values.copy_(before).sub_(direction, step);
  const double below = f();
  values.copy_(before);
  return (above - below) / (2 * step);
}

}  // namespace vragent::test

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "ops/onednn_linear.h"

#include <optional>
#include <string_view>

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>

namespace vragent::ops {
namespace {

using torch::Tensor;

/// Below, there is little to gain, and oneDNN has to make a kernel for every number of rows.
constexpr std::int64_t kFewProducts = 1 << 27;

using Scalars = c10::List<std::optional<at::Scalar>>;
using Product = Tensor(const Tensor&,
                       const Tensor&,
                       const std::optional<Tensor>&,
                       std::string_view,
                       Scalars,
                       std::optional<std::string_view>);

/// torch's operator, absent where torch is built without oneDNN.
const std::optional<c10::TypedOperatorHandle<Product>>& product() {
  static const auto found = [] {
    const auto handle = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    return handle ? std::optional(handle->typed<Product>()) : std::nullopt;
  }();
  return found;
}

bool is_faster_on_this_cpu() {
#if defined(__x86_64__)
  static const bool result = __builtin_cpu_supports("avx512f") != 0 && !__builtin_cpu_is("intel");
  return result;
#else
  return false;
#endif
}

bool is_multiplied(torch::ScalarType type) {
  return type == torch::kFloat32 || type == torch::kBFloat16;
}

}  // namespace

bool suits_onednn(const Tensor& x, const Tensor& weight) {
  return is_faster_on_this_cpu() && !torch::GradMode::is_enabled() && x.is_cpu() &&
         weight.is_cpu() && x.scalar_type() == weight.scalar_type() &&
         is_multiplied(x.scalar_type()) && weight.is_contiguous() && weight.numel() > 0 &&
         x.numel() / weight.size(1) >= kFewProducts / weight.numel() && product().has_value();
}

Tensor onednn_linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const auto added = bias.defined() ? std::optional<Tensor>(bias) : std::nullopt;
  return product()->call(x, weight, added, "none", Scalars(), std::nullopt);
}

}  // namespace vragent::ops

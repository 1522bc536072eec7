// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "ops/linear/onednn_linear.h"

#include <optional>
#include <string_view>

#include <ATen/Context.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>

namespace vragent::ops {
namespace {

using torch::Tensor;

/// Below, there is little to gain, and oneDNN has to make a kernel for every number of rows.
constexpr std::int64_t kFewProducts = 1 << 27;
constexpr std::int64_t kFewRows = 16;  ///< for these a weight is read at the speed of memory

using Scalars = c10::List<std::optional<at::Scalar>>;
using Product = Tensor(const Tensor&,
                       const Tensor&,
                       const std::optional<Tensor>&,
                       std::string_view,
                       Scalars,
                       std::optional<std::string_view>);

using Operator = c10::TypedOperatorHandle<Product>;

/// torch's operator; none where torch is built without oneDNN or declares it otherwise.
const std::optional<Operator>& product() {
  static const auto found = []() -> std::optional<Operator> {
    const auto handle = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    if (!handle) return std::nullopt;
    try {
      return handle->typed<Product>();
    } catch (const c10::Error&) {
      return std::nullopt;
    }
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

bool has_onednn() {
  return product().has_value() && at::globalContext().userEnabledMkldnn();
}

bool suits_onednn(const Tensor& x, const Tensor& weight) {
  if (!is_faster_on_this_cpu() || torch::GradMode::is_enabled() || !x.is_cpu() ||
      !weight.is_cpu() || !is_multiplied(x.scalar_type()) ||
      x.scalar_type() != weight.scalar_type() || weight.dim() != 2 || !weight.is_contiguous() ||
      weight.numel() == 0 || x.dim() == 0 || x.size(-1) != weight.size(1))
    return false;
  const std::int64_t rows = x.numel() / weight.size(1);
  return rows > kFewRows && rows * weight.numel() >= kFewProducts && has_onednn();
}

Tensor onednn_linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const auto added = bias.defined() ? std::optional<Tensor>(bias) : std::nullopt;
  return product()->call(x, weight, added, "none", Scalars(), std::nullopt);
}

}  // namespace vragent::ops

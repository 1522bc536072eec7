// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/packed_linear.h"

#include <ATen/core/dispatch/Dispatcher.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace vragent::ops {
namespace {

using torch::Tensor;
using Scalars = c10::List<std::optional<at::Scalar>>;

// torch registers oneDNN's packed products with its dispatcher only.
using Reorder = Tensor(const Tensor&, std::optional<std::int64_t>);
using LinearPointwise = Tensor(const Tensor&,
                               const Tensor&,
                               const std::optional<Tensor>&,
                               std::string_view,
                               Scalars,
                               std::optional<std::string_view>);

template <class Signature>
auto find_op(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

}  // namespace

bool has_amx_bf16() {
#if defined(__x86_64__)
  constexpr unsigned kAmxBf16Bit = 1U << 22U;  // leaf 7, EDX
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx & kAmxBf16Bit) != 0;
#else
  return false;
#endif
}

bool packing_pays(const Tensor& weight) {
  static const bool amx = has_amx_bf16();
  return amx && weight.is_cpu() && weight.scalar_type() == torch::kBFloat16;
}

PackedLinear pack_linear(const std::vector<Tensor>& weights, const std::vector<Tensor>& biases) {
  static const auto reorder = find_op<Reorder>("mkldnn::_reorder_linear_weight");
  const torch::NoGradGuard no_grad;
  const Tensor all = weights.size() == 1 ? weights[0] : torch::cat(weights);
  PackedLinear packed{.weight = reorder.call(all.detach().contiguous(), std::nullopt)};
  if (!biases.empty()) packed.bias = torch::cat(biases).detach();
  return packed;
}

Tensor PackedLinear::forward(const Tensor& x) const {
  static const auto linear = find_op<LinearPointwise>("mkldnn::_linear_pointwise");
  const auto maybe_bias = bias.defined() ? std::optional<Tensor>(bias) : std::nullopt;
  return linear.call(x, weight, maybe_bias, "none", Scalars(), "");
}

}  // namespace vragent::ops

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Compiled as the row kernels are (src/CMakeLists.txt).
#include "vragent/nn/dropout.h"

#include <cmath>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include "vragent/ops/kernels/cpu_math.h"

namespace vragent::nn {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

constexpr std::int64_t kGrain = 1 << 14;  ///< elements worth a thread of their own

template <class T>
struct Drop {
  const T* x;
  T* y;
  std::uint32_t low;
  std::uint32_t high;
  std::uint32_t limit;  ///< hashes below it are dropped
  float scale;
};

/// A bijection of 32 bits that leaves no trace of a counter (multiply and shift rounds).
inline std::uint32_t mixed(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352dU;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  return x ^ (x >> 16);
}

template <class T>
inline void drop(const Drop<T>& task, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) {
    const std::uint32_t hash = mixed(mixed(static_cast<std::uint32_t>(i) + task.low) ^ task.high);
    const float kept = hash < task.limit ? 0.0F : task.scale;
    ops::cpu::narrow(ops::cpu::widen(task.x[i]) * kept, task.y[i]);
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const Drop<float>& task, std::int64_t begin, std::int64_t end) {
  drop(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const Drop<ops::cpu::Bf16>& task, std::int64_t begin, std::int64_t end) {
  drop(task, begin, end);
}

/// What decides which elements are dropped.
struct Choice {
  double share = 0;
  std::uint64_t seed = 0;
  std::int64_t first = 0;  ///< place of the first element
};

template <class T>
void drop_all(const Tensor& x, const Tensor& y, const Choice& choice) {
  const Drop<T> task{
      .x = static_cast<const T*>(x.const_data_ptr()),
      .y = static_cast<T*>(y.mutable_data_ptr()),
      .low = static_cast<std::uint32_t>(choice.seed) + static_cast<std::uint32_t>(choice.first),
      .high = static_cast<std::uint32_t>(choice.seed >> 32),
      .limit = static_cast<std::uint32_t>(choice.share * 4294967296.0),
      .scale = static_cast<float>(1.0 / (1.0 - choice.share))};
  at::parallel_for(0, x.numel(), kGrain, [&](auto begin, auto end) { run(task, begin, end); });
}

bool has_kernel(const Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == torch::kFloat32 || x.scalar_type() == torch::kBFloat16);
}

/// mixed() on every element; the high half of each int64 is zero.
Tensor mixed(Tensor x) {
  constexpr std::int64_t kLow = 0xFFFFFFFF;
  x = x ^ x.bitwise_right_shift(16);
  x = (x * 0x7feb352d).bitwise_and_(kLow);
  x = x ^ x.bitwise_right_shift(15);
  x = (x * 0x846ca68b).bitwise_and_(kLow);
  return x ^ x.bitwise_right_shift(16);
}

/// ATen twin of the kernels, for other devices and types: the same elements are dropped.
Tensor dropped_by_aten(const Tensor& x, const Choice& choice) {
  const auto index = torch::TensorOptions(x.device()).dtype(torch::kInt64);
  const auto half = [&](int shift) {
    return static_cast<std::int64_t>(choice.seed >> shift & 0xFFFFFFFFU);
  };
  const Tensor place =
      (at::arange(x.numel(), index) + (half(0) + choice.first)).bitwise_and_(0xFFFFFFFF);
  const Tensor hash = mixed(mixed(place).bitwise_xor_(half(32)));
  const Tensor kept = hash >= static_cast<std::int64_t>(choice.share * 4294967296.0);
  return x * kept.view(x.sizes()).to(x.scalar_type()) * (1.0 / (1.0 - choice.share));
}

Tensor dropped(const Tensor& x, const Choice& choice) {
  if (!has_kernel(x)) return dropped_by_aten(x, choice);
  Tensor y = at::empty_like(x);
  if (x.scalar_type() == torch::kFloat32) {
    drop_all<float>(x, y, choice);
  } else {
    drop_all<ops::cpu::Bf16>(x, y, choice);
  }
  return y;
}

struct DropoutFunction : torch::autograd::Function<DropoutFunction> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& x,
                        double share,
                        std::int64_t seed,
                        std::int64_t first) {
    context->saved_data["share"] = share;
    context->saved_data["seed"] = seed;
    context->saved_data["first"] = first;
    return dropped(x, {share, static_cast<std::uint64_t>(seed), first});
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    return {dropped(gradients[0].contiguous(),
                    {context->saved_data["share"].toDouble(),
                     static_cast<std::uint64_t>(context->saved_data["seed"].toInt()),
                     context->saved_data["first"].toInt()}),
            Tensor(),
            Tensor(),
            Tensor()};
  }
};

}  // namespace

Tensor seeded_dropout(const Tensor& x, double share, std::uint64_t seed, std::int64_t first) {
  TORCH_CHECK(share >= 0 && share < 1, "dropout: share ", share);
  return DropoutFunction::apply(x.contiguous(), share, static_cast<std::int64_t>(seed), first);
}

std::uint64_t draw_seed() {
  const Tensor drawn = at::empty({}, torch::TensorOptions(torch::kInt64)).random_();
  return static_cast<std::uint64_t>(drawn.item<std::int64_t>());
}

Tensor dropout(const Tensor& x, double share, bool training, BatchRows rows) {
  if (!training || share == 0) return x;
  const std::int64_t of_row = x.dim() > 0 && x.size(0) > 0 ? x.numel() / x.size(0) : 0;
  return seeded_dropout(x, share, draw_seed(), rows.first * of_row);
}

}  // namespace vragent::nn

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/fused_layers.h"

#include <functional>

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"

namespace vragent::ops {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;
using Layer = std::function<Tensor(const Tensors&)>;

struct Pair {
  const char* name;
  Layer fused;
  Layer plain;
  Tensors inputs;  ///< float64
};

Tensor wide(at::IntArrayRef shape, std::uint64_t seed) {
  return test::randn(shape, seed).to(torch::kFloat64);
}

std::vector<Pair> pairs() {
  const Rotary table =
      rotary_table(torch::tensor({0, 5, 3000}), rotary_frequencies(8, 1e4, torch::kCPU));
  const auto turned = [table](auto turn) {
    return [table, turn](const Tensors& x) { return turn(x[0], table.to(x[0].scalar_type())); };
  };
  return {
      {"RmsNorm",
       [](const Tensors& x) { return rms_norm(x[0], x[1], 1e-6); },
       [](const Tensors& x) { return rms_norm_plain(x[0], x[1], 1e-6); },
       {wide({5, 37}, 1), wide({37}, 2)}},
      {"RmsNormOfManyRows",
       [](const Tensors& x) { return rms_norm(x[0], x[1], 1e-5); },
       [](const Tensors& x) { return rms_norm_plain(x[0], x[1], 1e-5); },
       {wide({2, 700, 96}, 1), wide({96}, 2)}},
      {"Rotate", turned(rotate), turned(rotate_plain), {wide({3, 2, 8}, 3)}},
      {"SwiGlu",
       [](const Tensors& x) { return swiglu(x[0], x[1]); },
       [](const Tensors& x) { return swiglu_plain(x[0], x[1]); },
       {wide({7, 33}, 4) * 5, wide({7, 33}, 5)}},
  };
}

class FusedLayer : public ::testing::TestWithParam<std::size_t> {
 protected:
  static Tensors cast(const Tensors& inputs, torch::Dtype dtype) {
    Tensors result;
    for (const Tensor& input : inputs)
      result.push_back(input.detach().to(dtype).clone().requires_grad_());
    return result;
  }

  static Tensors gradients(const Layer& layer, const Tensors& inputs) {
    const Tensor out = layer(inputs);
    const Tensor weights = wide(out.sizes(), 9).to(out.scalar_type());
    return torch::autograd::grad({(out * weights).sum()}, inputs);
  }

  Pair pair = pairs()[GetParam()];
};

TEST_P(FusedLayer, EqualsItsPlainTwinInSinglePrecision) {
  const Tensors x = cast(pair.inputs, torch::kFloat32);
  EXPECT_TRUE(
      test::close(pair.fused(x), pair.plain(x), 2e-6 * pair.plain(x).abs().max().item<double>()));
  const Tensors got = gradients(pair.fused, x);
  const Tensors wanted = gradients(pair.plain, x);
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_TRUE(test::close(got[i], wanted[i], 4e-6 * wanted[i].abs().max().item<double>())) << i;
}

TEST_P(FusedLayer, RoundsBfloat16AsItsPlainTwinDoes) {
  const torch::NoGradGuard no_grad;
  const Tensors x = cast(pair.inputs, torch::kBFloat16);
  const Tensor got = pair.fused(x).to(torch::kFloat32);
  const Tensor wanted = pair.plain(x).to(torch::kFloat32);
  // The last bit may differ where the sums behind it were added in another order.
  EXPECT_GT((got == wanted).to(torch::kFloat32).mean().item<double>(), 0.99);
  EXPECT_TRUE(torch::allclose(got, wanted, 1.0 / 64, 1e-6));
}

TEST_P(FusedLayer, HasGradientsInBfloat16NearThoseOfSinglePrecision) {
  const Tensors rounded = cast(pair.inputs, torch::kBFloat16);
  const Tensors got = gradients(pair.fused, rounded);
  const Tensors wanted = gradients(pair.plain, cast(rounded, torch::kFloat32));
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].scalar_type(), torch::kBFloat16);
    const double size = wanted[i].abs().max().item<double>();
    EXPECT_TRUE(test::close(got[i].to(torch::kFloat32), wanted[i], 2e-2 * size)) << i;
  }
}

TEST_P(FusedLayer, HasTheGradientsOfFiniteDifferencesInDoublePrecision) {
  Tensors x = cast(pair.inputs, torch::kFloat64);
  if (x[0].numel() > 1000) return;  // the twin above covers its size
  const Tensors got = gradients(pair.fused, x);
  const auto value = [&] {
    const Tensor out = pair.fused(x);
    return (out * wide(out.sizes(), 9)).sum().item<double>();
  };
  for (std::size_t i = 0; i < x.size(); ++i)
    EXPECT_TRUE(test::close(got[i], test::numeric_gradient(value, x[i]), 1e-6)) << i;
}

INSTANTIATE_TEST_SUITE_P(Layers,
                         FusedLayer,
                         ::testing::Range<std::size_t>(0, 4),
                         [](const auto& index) { return std::string(pairs()[index.param].name); });

TEST(FusedLayers, HandNanOn) {
  Tensor x = torch::ones({2, 20});
  x[1][3] = std::numeric_limits<float>::quiet_NaN();
  for (const auto dtype : {torch::kFloat32, torch::kBFloat16}) {
    const Tensor normed = rms_norm(x.to(dtype), torch::ones({20}, dtype), 1e-6);
    EXPECT_TRUE(normed[0].isfinite().all().item<bool>());
    EXPECT_TRUE(normed[1].isnan().all().item<bool>());
    EXPECT_TRUE(swiglu(x.to(dtype), x.to(dtype))[1][3].isnan().item<bool>());
  }
}

TEST(FusedLayers, StayFiniteForLargeNumbers) {
  const Tensor x = torch::tensor({-1e4F, -100.0F, 100.0F, 1e4F});
  const Tensor got = swiglu(x, torch::ones_like(x));
  EXPECT_TRUE(test::close(got, torch::tensor({0.0F, 0.0F, 100.0F, 1e4F}), 1e-3));
}

TEST(FusedLayers, QuickGeluEqualsItsPlainTwinWithAndWithoutGradient) {
  Tensor x = wide({3, 700}, 6) * 8;
  x[1][3] = std::numeric_limits<float>::quiet_NaN();
  x[2][5] = -1e4F;
  for (const auto dtype : {torch::kFloat32, torch::kBFloat16}) {
    const Tensor input = x.to(dtype).t();  // not contiguous
    const Tensor wanted = quick_gelu_plain(input);
    const double bound = dtype == torch::kFloat32 ? 2e-6 : 1.0 / 128;
    EXPECT_TRUE(torch::allclose(quick_gelu(input), wanted, bound, bound, /*equal_nan=*/true));
    const torch::NoGradGuard no_grad;
    EXPECT_TRUE(torch::allclose(quick_gelu(input), wanted, bound, bound, /*equal_nan=*/true));
    EXPECT_EQ(quick_gelu(input).sizes(), input.sizes());
  }
}

TEST(FusedLayers, TakeGateAndUpAsHalvesOfOneTensor) {
  const torch::NoGradGuard no_grad;
  const Tensor both = test::randn({5, 42}, 1);
  EXPECT_TRUE(swiglu_halves(both).equal(swiglu(both.narrow(1, 0, 21), both.narrow(1, 21, 21))));
}

TEST(FusedLayers, ReadStridedHeads) {
  const Tensor qkv = test::randn({3, 3, 2, 8}, 1);
  const Rotary table =
      rotary_table(torch::tensor({4, 9, 2}), rotary_frequencies(8, 1e4, torch::kCPU));
  EXPECT_TRUE(rotate(qkv.select(1, 1), table).equal(rotate(qkv.select(1, 1).contiguous(), table)));
}

}  // namespace
}  // namespace vragent::ops

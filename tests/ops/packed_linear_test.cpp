// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/linear/packed_linear.h"

#include <tuple>

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "ops/linear/onednn_linear.h"
#include "support/tensor_matchers.h"
#include "vragent/ops/fused_layers.h"

namespace vragent::ops {
namespace {

using torch::Tensor;

Tensor bf16(at::IntArrayRef shape, std::uint64_t seed) {
  return test::randn(shape, seed).to(torch::kBFloat16);
}

/// The product in double precision, rounded once.
Tensor exact(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor y = torch::matmul(x.to(torch::kFloat64), weight.to(torch::kFloat64).t());
  return bias.defined() ? y + bias.to(torch::kFloat64) : y;
}

/// One rounding to bfloat16 (2^-9 of the value) and sums of up to 1,000 products in float32.
bool is_close(const Tensor& y, const Tensor& wanted) {
  return torch::allclose(y.to(torch::kFloat64), wanted, 1.0 / 256, 2e-4);
}

#define SKIP_WITHOUT_BF16()                                           \
  if (!multiplies_bf16())                                             \
  GTEST_SKIP() << "skipped: this CPU multiplies no bf16, nothing is " \
                  "packed"

TEST(PackedLinear, EqualsTheExactProductForEveryNumberOfRows) {
  SKIP_WITHOUT_BF16();
  const std::vector<Tensor> weights = {bf16({48, 96}, 1), bf16({13, 96}, 2)};
  const std::vector<Tensor> biases = {bf16({48}, 3), bf16({13}, 4)};
  for (const std::int64_t rows : {1, 2, 15, 16, 17, 31, 32, 33, 48, 300, 1100}) {
    const Tensor x = bf16({rows, 96}, 5);
    for (const bool with_bias : {false, true}) {
      const PackedLinear packed = pack_linear(weights, with_bias ? biases : std::vector<Tensor>());
      const Tensor bias = with_bias ? torch::cat(biases) : Tensor();
      EXPECT_TRUE(is_close(packed.forward(x), exact(x, torch::cat(weights), bias))) << rows;
    }
  }
}

TEST(PackedLinear, PadsWidthsThatAreNoMultipleOfATile) {
  SKIP_WITHOUT_BF16();
  for (const std::int64_t in : {1, 31, 33, 50, 107}) {
    const Tensor weight = bf16({70, in}, 6);
    const Tensor x = bf16({2, 21, in}, 7);
    const Tensor y = pack_linear({weight}).forward(x);
    EXPECT_EQ(y.sizes(), at::IntArrayRef({2, 21, 70}));
    EXPECT_TRUE(is_close(y, exact(x, weight, {}))) << in;
  }
}

TEST(PackedLinear, GivesARowTheSameBitsWhateverIsBesideIt) {
  SKIP_WITHOUT_BF16();
  const PackedLinear packed = pack_linear({bf16({64, 192}, 8)});
  const Tensor x = bf16({700, 192}, 9);
  const Tensor all = packed.forward(x);
  for (const std::int64_t row : {0, 5, 16, 40, 555, 699})
    EXPECT_TRUE(all[row].equal(packed.forward(x[row].unsqueeze(0))[0])) << row;
}

TEST(Linear, MultipliesByAPlainWeightInTiles) {
  SKIP_WITHOUT_BF16();
  const torch::NoGradGuard no_grad;
  for (const std::int64_t out : {1, 16, 33, 150}) {
    const Tensor weight = bf16({out, 64}, 10);
    const Tensor bias = bf16({out}, 11);
    for (const std::int64_t rows : {1, 16, 20, 50, 64, 100, 256, 700}) {
      const Tensor x = bf16({rows, 64}, 12);
      EXPECT_TRUE(is_close(ops::linear(x, weight, bias), exact(x, weight, bias)))
          << out << " " << rows;
      EXPECT_TRUE(is_close(ops::linear(x, weight), exact(x, weight, {}))) << out << " " << rows;
    }
  }
}

TEST(Linear, TakesTorchsProductWhereTilesDoNotSuit) {
  const Tensor x = test::randn({3, 20}, 13);
  const Tensor weight = test::randn({5, 20}, 14).requires_grad_(true);
  const Tensor y = ops::linear(x, weight);
  EXPECT_TRUE(y.equal(at::linear(x, weight)));
  EXPECT_TRUE(y.requires_grad());
  const torch::NoGradGuard no_grad;
  const Tensor wide = bf16({100, 32}, 15);
  const Tensor other = bf16({8, 32}, 16);
  EXPECT_TRUE(ops::linear(wide, other).equal(at::linear(wide, other)));
  EXPECT_EQ(ops::linear(torch::empty({0, 32}, torch::kBFloat16), other).sizes(),
            at::IntArrayRef({0, 8}));
}

/// product(x, weight, bias) of large matrices against the exact one.
template <class Product>
void multiply_large_matrices(const Product& product) {
  const torch::NoGradGuard no_grad;
  const Tensor x = test::randn({520, 1024}, 25).t().view({4, 256, 520});  // not contiguous
  const Tensor weight = test::randn({600, 520}, 26);
  const Tensor bias = test::randn({600}, 27);
  for (const auto& [type, share, least] :
       {std::tuple{torch::kFloat32, 1e-5, 1e-4}, {torch::kBFloat16, 1.0 / 256, 2e-4}}) {
    for (const Tensor& b : {bias.to(type), Tensor()}) {
      const Tensor y = product(x.to(type), weight.to(type), b);
      EXPECT_EQ(y.scalar_type(), type);
      const Tensor wanted = exact(x.to(type), weight.to(type), b);
      EXPECT_TRUE(torch::allclose(y.to(torch::kFloat64), wanted, share, least))
          << type << " " << b.defined();
    }
  }
}

TEST(Linear, MultipliesLargeMatricesByWhicheverLibrary) {
  multiply_large_matrices([](const Tensor& x, const Tensor& weight, const Tensor& bias) {
    return bias.defined() ? ops::linear(x, weight, bias) : ops::linear(x, weight);
  });
}

TEST(OnednnLinear, MultipliesLargeMatrices) {
  if (!has_onednn()) GTEST_SKIP() << "skipped: this torch is built without oneDNN";
  multiply_large_matrices(onednn_linear);
}

TEST(OnednnLinear, IsForLargeProductsWithoutGradientThatFit) {
  const Tensor x = test::randn({1024, 512}, 28);
  const Tensor weight = test::randn({512, 512}, 29);
  EXPECT_FALSE(suits_onednn(x, weight)) << "gradients are recorded";
  const torch::NoGradGuard no_grad;
  EXPECT_FALSE(suits_onednn(x.narrow(0, 0, 16), weight));
  EXPECT_FALSE(suits_onednn(x.narrow(1, 0, 511), weight));
  EXPECT_FALSE(suits_onednn(x.to(torch::kFloat64), weight.to(torch::kFloat64)));
  EXPECT_FALSE(suits_onednn(x, weight.to(torch::kBFloat16)));
}

TEST(Linear, HasTheGradientsOfTheExactProduct) {
  for (const std::int64_t rows : {20, 256, 300, 1025}) {
    for (const auto& [in, out] : {std::pair{64, 33}, {50, 150}, {96, 48}}) {
      const std::vector<Tensor> leaves = {
          bf16({rows, in}, 17), bf16({out, in}, 18), bf16({out}, 19)};
      std::vector<Tensor> narrow;
      std::vector<Tensor> wide;
      for (const Tensor& x : leaves) {
        narrow.push_back(x.detach().clone().requires_grad_());
        wide.push_back(x.to(torch::kFloat64).requires_grad_());
      }
      const Tensor grad = bf16({rows, out}, 20);
      const auto got =
          torch::autograd::grad({ops::linear(narrow[0], narrow[1], narrow[2])}, narrow, {grad});
      const Tensor y = torch::matmul(wide[0], wide[1].t()) + wide[2];
      const auto wanted = torch::autograd::grad({y}, wide, {grad.to(torch::kFloat64)});
      for (std::size_t i = 0; i < got.size(); ++i)
        EXPECT_TRUE(is_close(got[i], wanted[i])) << rows << " " << in << " " << out << " " << i;
    }
  }
}

TEST(Linear, GivesItsInputTheGradientThatTheTransposedWeightWould) {
  for (const std::int64_t rows : {20, 256, 301}) {
    for (const auto& [in, out] : {std::pair{64, 33}, {50, 150}}) {
      const Tensor grad = bf16({rows, out}, 23);
      const Tensor weight = bf16({out, in}, 24);
      const Tensor got = linear_input_gradient(grad, weight);
      EXPECT_TRUE(is_close(got, exact(grad, weight.t(), {}))) << rows << " " << in;
      if (rows < 256 || !has_amx_bf16()) continue;
      const torch::NoGradGuard no_grad;
      EXPECT_TRUE(got.equal(ops::linear(grad, weight.t().contiguous()))) << rows << " " << in;
    }
  }
}

TEST(Linear, LearnsNoWeightThatIsFrozen) {
  const Tensor x = bf16({300, 64}, 21).requires_grad_();
  const Tensor weight = bf16({32, 64}, 22);
  ops::linear(x.view({3, 100, 64}), weight).sum().backward();
  EXPECT_TRUE(is_close(x.grad(), exact(torch::ones({300, 32}), weight.t(), {})));
  EXPECT_FALSE(weight.grad().defined());
}

/// A norm, three layers that read it, and one that reads the gated product of the first two.
struct Layers {
  Layers(std::int64_t rows, torch::Dtype type) {
    auto leaf = [&, seed = 40](at::IntArrayRef shape) mutable {
      leaves.push_back(test::randn(shape, ++seed).to(type).requires_grad_());
      return leaves.back();
    };
    x = leaf({rows, 64});
    norm = leaf({64});
    weights = {leaf({48, 64}), leaf({48, 64}), leaf({33, 64})};
    biases = {leaf({48}), leaf({48}), leaf({33})};
    down = leaf({20, 48});
  }

  [[nodiscard]] std::vector<Tensor> kept_outputs(bool with_biases) const {
    const Tensor y = rms_norm(x, norm, 1e-6);
    std::vector<Tensor> outputs;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      outputs.push_back(with_biases ? ops::linear(y, weights[i], biases[i])
                                    : ops::linear(y, weights[i]));
    }
    outputs.push_back(ops::linear(swiglu(outputs[0], outputs[1]), down));
    return outputs;
  }

  [[nodiscard]] std::vector<Tensor> remade_outputs(bool with_biases) const {
    std::vector<Tensor> outputs = linears(
        remade_rms_norm(x, norm, 1e-6), weights, with_biases ? biases : std::vector<Tensor>());
    outputs.push_back(linears(remade_swiglu(outputs[0], outputs[1]), {down})[0]);
    return outputs;
  }

  /// Of all leaves that learn; undefined where one has no part in the outputs.
  [[nodiscard]] std::vector<Tensor> gradients(const std::vector<Tensor>& outputs) const {
    std::vector<Tensor> learning;
    for (const Tensor& leaf : leaves) {
      if (leaf.requires_grad()) learning.push_back(leaf);
    }
    std::vector<Tensor> weighed;
    for (const Tensor& y : outputs)
      weighed.push_back(test::randn(y.sizes(), 60 + weighed.size()).to(y.scalar_type()));
    return torch::autograd::grad(outputs,
                                 learning,
                                 weighed,
                                 /*retain_graph=*/std::nullopt,
                                 /*create_graph=*/false,
                                 /*allow_unused=*/true);
  }

  std::vector<Tensor> leaves;
  Tensor x;
  Tensor norm;
  std::vector<Tensor> weights;
  std::vector<Tensor> biases;
  Tensor down;
};

/// Undefined in the same places, and equal elsewhere.
void expect_same_bits(const std::vector<Tensor>& got, const std::vector<Tensor>& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_EQ(got[i].defined(), wanted[i].defined()) << i;
    EXPECT_TRUE(!wanted[i].defined() || got[i].equal(wanted[i])) << i;
  }
}

void expect_the_bits_of_kept_inputs(const Layers& layers, bool with_biases) {
  const std::vector<Tensor> got = layers.remade_outputs(with_biases);
  const std::vector<Tensor> wanted = layers.kept_outputs(with_biases);
  expect_same_bits(got, wanted);
  expect_same_bits(layers.gradients(got), layers.gradients(wanted));
}

TEST(Linears, HaveTheBitsOfLinearThoughTheirInputIsMadeAgain) {
  for (const auto type : {torch::kFloat32, torch::kBFloat16}) {
    for (const std::int64_t rows : {0, 1, 20, 256, 301}) {
      for (const bool with_biases : {false, true}) {
        SCOPED_TRACE(std::to_string(rows) + (with_biases ? " with biases" : ""));
        Layers layers(rows, type);
        expect_the_bits_of_kept_inputs(layers, with_biases);
        layers.weights[1].requires_grad_(false);
        layers.biases[0].requires_grad_(false);
        expect_the_bits_of_kept_inputs(layers, with_biases);
        for (Tensor& weight : layers.weights) weight.requires_grad_(false);
        expect_the_bits_of_kept_inputs(layers, with_biases);
        for (Tensor& weight : layers.weights) weight.requires_grad_(true);
        layers.x.requires_grad_(false);
        layers.norm.requires_grad_(false);
        expect_the_bits_of_kept_inputs(layers, with_biases);
      }
    }
  }
}

TEST(Linears, PassOnTheGradientsOfSomeOfTheirOutputs) {
  for (const std::int64_t rows : {20, 300}) {
    const Layers layers(rows, torch::kBFloat16);
    expect_same_bits(layers.gradients({layers.remade_outputs(true)[2]}),
                     layers.gradients({layers.kept_outputs(true)[2]}));
  }
}

TEST(Linears, DoNotKeepAnInputThatCanBeMadeAgain) {
  for (const auto type : {torch::kFloat32, torch::kBFloat16}) {
    for (const std::int64_t rows : {20, 300}) {
      const Layers layers(rows, type);
      Tensor value;
      std::vector<Tensor> outputs;
      {
        const Remade source = remade_rms_norm(layers.x, layers.norm, 1e-6);
        EXPECT_TRUE(source.make(source.kept).equal(source.value));
        value = source.value;
        outputs = linears(source, layers.weights);
      }
      EXPECT_EQ(value.use_count(), 1) << rows;
      outputs = linears({.value = value}, layers.weights);
      EXPECT_GT(value.use_count(), 1) << rows << ", by linear()";
    }
  }
}

TEST(PackedLinear, IsForBfloat16OnCpusThatMultiplyItOnly) {
  EXPECT_FALSE(packing_pays(test::randn({4, 4}, 1)));
  EXPECT_EQ(packing_pays(bf16({4, 4}, 1)), multiplies_bf16());
  EXPECT_FALSE(PackedLinear().is_packed());
}

}  // namespace
}  // namespace vragent::ops

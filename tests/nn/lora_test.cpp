// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/lora.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"
#include "vragent/util/error.h"

namespace vragent::nn {
namespace {

using torch::Tensor;

/// Two linear layers, the second without bias.
struct PairImpl : torch::nn::Module {
  PairImpl()
      : first(register_module("first", Linear(6, 5))),
        second(register_module("second", Linear(5, 4, false))) {
    const torch::NoGradGuard no_grad;
    std::uint64_t seed = 0;
    for (Tensor& parameter : parameters()) parameter.copy_(test::randn(parameter.sizes(), ++seed));
  }

  Tensor forward(const Tensor& x) { return second(first(x)); }

  Linear first;
  Linear second;
};

TORCH_MODULE(Pair);

const LoraConfig kRankTwo = {.rank = 2, .alpha = 6};

/// Both layers with adapters that change something.
Pair adapted(const LoraConfig& config = kRankTwo) {
  Pair pair;
  attach_adapter(*pair->first, test::randn({2, 6}, 11), test::randn({5, 2}, 12), config);
  attach_adapter(*pair->second, test::randn({2, 5}, 13), test::randn({4, 2}, 14), config);
  return pair;
}

/// The formula: x (W + scale B A)^T + b.
Tensor by_formula(const Pair& pair, const Tensor& x, double scale) {
  const auto weight = [&](const Linear& layer) {
    return layer->weight + scale * layer->adapter->b.matmul(layer->adapter->a);
  };
  return (x.matmul(weight(pair->first).t()) + pair->first->bias).matmul(weight(pair->second).t());
}

TEST(Lora, ScalesByRankOrItsRoot) {
  EXPECT_EQ(kRankTwo.scale(), 3.0);
  EXPECT_DOUBLE_EQ((LoraConfig{.rank = 4, .alpha = 6, .rslora = true}).scale(), 3.0);
}

TEST(Lora, AddsTheLowRankProduct) {
  Pair pair = adapted();
  const Tensor x = test::randn({3, 7, 6}, 1);
  EXPECT_TRUE(test::close(pair(x), by_formula(pair, x, 3.0), 1e-4));
  const AdapterSwitch off(*pair, LowRank::Use::kOff);
  EXPECT_TRUE(pair(x).equal(Pair()(x)));
}

TEST(Lora, ComesBackOnBehindASwitchAndKnowsHowItBegan) {
  Pair pair = adapted();
  const Tensor x = test::randn({3, 6}, 1);
  const Tensor before = pair(x).detach();
  keep_start(*pair);
  {
    const torch::NoGradGuard no_grad;
    pair->first->adapter->a.add_(1);
  }
  EXPECT_FALSE(pair(x).equal(before));
  {
    const AdapterSwitch start(*pair, LowRank::Use::kStart);
    EXPECT_TRUE(pair(x).equal(before));
  }
  EXPECT_FALSE(pair(x).equal(before));
}

TEST(Lora, LearnsAloneWithTheFormulasGradients) {
  Pair pair = adapted();
  const Tensor x = test::randn({3, 6}, 1);
  pair(x).square().sum().backward();
  for (const auto& item : pair->named_parameters()) {
    const bool learns = item.key().find("lora_") != std::string::npos;
    EXPECT_EQ(item.value().requires_grad(), learns) << item.key();
    EXPECT_EQ(item.value().grad().defined(), learns) << item.key();
  }
  const std::vector<Tensor> parameters = {pair->first->adapter->a, pair->second->adapter->b};
  const auto wanted = torch::autograd::grad({by_formula(pair, x, 3.0).square().sum()}, parameters);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const double scale = wanted[i].abs().max().item<double>();
    EXPECT_TRUE(test::close(parameters[i].grad() / scale, wanted[i] / scale, 1e-5)) << i;
  }
}

TEST(Lora, NamesItsTensorsAsPeftDoes) {
  const NamedTensors tensors = adapter_tensors(*adapted());
  ASSERT_EQ(tensors.size(), 4);
  EXPECT_EQ(tensors.at("first.lora_A.weight").sizes(), (std::vector<std::int64_t>{2, 6}));
  EXPECT_EQ(tensors.at("second.lora_B.weight").sizes(), (std::vector<std::int64_t>{4, 2}));
}

TEST(Lora, BeginsWithoutEffectFromItsSeed) {
  Pair pair;
  attach_fresh_adapters(linear_layers(*pair), kRankTwo, 7);
  const Tensor x = test::randn({3, 6}, 1);
  EXPECT_TRUE(pair(x).equal(Pair()(x)));
  EXPECT_LE(pair->first->adapter->a.abs().max().item<double>(), 1 / std::sqrt(6.0));
  EXPECT_GT(pair->first->adapter->a.abs().max().item<double>(), 0.5 / std::sqrt(6.0));
  Pair again;
  attach_fresh_adapters(linear_layers(*again), kRankTwo, 7);
  EXPECT_TRUE(again->second->adapter->a.equal(pair->second->adapter->a));
}

TEST(Lora, MergesIntoTheWeightsAndLeaves) {
  Pair pair = adapted();
  const Tensor x = test::randn({3, 6}, 1);
  const Tensor wanted = pair(x).detach();
  merge_adapters(*pair);
  EXPECT_TRUE(test::close(pair(x), wanted, 1e-4));
  EXPECT_EQ(pair->named_parameters().size(), 3);
  EXPECT_TRUE(adapter_tensors(*pair).empty());
}

TEST(Lora, MergesInFp32AndRoundsOnce) {
  const Tensor weight = test::randn({5, 6}, 1).to(torch::kBFloat16);
  const Tensor a = test::randn({2, 6}, 2);
  const Tensor b = test::randn({5, 2}, 3);
  const Tensor wanted =
      (weight.to(torch::kFloat64) + 0.01 * b.to(torch::kFloat64).matmul(a.to(torch::kFloat64)))
          .to(torch::kFloat32)
          .to(torch::kBFloat16);
  EXPECT_TRUE(merged_weight(weight, a, b, 0.01).equal(wanted));
}

TEST(Lora, StaysNearTheFormulaOnALayerOfBf16) {
  Linear layer(6, 5, false);
  layer->weight.set_data(test::randn({5, 6}, 1).to(torch::kBFloat16));
  attach_adapter(*layer, test::randn({2, 6}, 2), test::randn({5, 2}, 3), kRankTwo);
  const Tensor x = test::randn({4, 6}, 4).to(torch::kBFloat16);
  const Tensor base = at::linear(x, layer->weight).to(torch::kFloat32);
  const Tensor added =
      3.0 * x.to(torch::kFloat32).matmul(layer->adapter->a.t()).matmul(layer->adapter->b.t());
  EXPECT_EQ(layer(x).scalar_type(), torch::kBFloat16);
  EXPECT_TRUE(test::close(
      layer(x).to(torch::kFloat32), (base + added).to(torch::kBFloat16).to(torch::kFloat32), 1e-1))
      << "one rounding of values up to 30";
}

/// Rows for torch's products, and for those in tiles (256 and more, where the CPU has them).
TEST(Lora, HasTheGradientsOfTheFormulaOnALayerOfBf16) {
  const auto narrow = [](const Tensor& x) { return x.to(torch::kBFloat16); };
  const auto wide = [](const Tensor& t) { return t.detach().to(torch::kFloat64).requires_grad_(); };
  for (const std::int64_t rows : {40, 256, 300}) {
    Linear layer(50, 33);
    layer->weight.set_data(narrow(test::randn({33, 50}, 1)));
    layer->bias.set_data(narrow(test::randn({33}, 5)));
    attach_adapter(*layer, test::randn({2, 50}, 2), test::randn({33, 2}, 3), kRankTwo);
    Tensor x = narrow(test::randn({rows, 50}, 4)).requires_grad_();
    const Tensor weights = narrow(test::randn({rows, 33}, 6));
    LowRank& adapter = *layer->adapter;
    const auto got = torch::autograd::grad({(layer(x) * weights).sum()}, {x, adapter.a, adapter.b});
    const Tensor x64 = wide(x);
    const Tensor a = wide(adapter.a);
    const Tensor b = wide(adapter.b);
    const Tensor y = x64.matmul((wide(layer->weight) + 3.0 * b.matmul(a)).t()) + wide(layer->bias);
    const auto wanted = torch::autograd::grad({(y * wide(weights)).sum()}, {x64, a, b});
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].scalar_type(), i == 0 ? torch::kBFloat16 : torch::kFloat32);
      const double bound = 0.015 * wanted[i].abs().max().item<double>();
      EXPECT_TRUE(test::close(got[i].to(torch::kFloat64), wanted[i], bound)) << rows << " " << i;
    }
  }
}

TEST(Lora, DropsInputsOnlyWhileToldToAndByItsSeed) {
  LoraConfig config = kRankTwo;
  config.dropout = 0.5;
  Pair pair = adapted(config);
  const Tensor x = test::randn({64, 6}, 1);
  const Tensor whole = pair(x);
  const auto with_seed = [&](std::uint64_t seed) {
    const AdapterDropout dropout(*pair, seed);
    return pair(x).detach();
  };
  EXPECT_TRUE(with_seed(1).equal(with_seed(1)));
  EXPECT_FALSE(with_seed(1).equal(with_seed(2)));
  EXPECT_FALSE(with_seed(1).equal(whole));
  EXPECT_TRUE(pair(x).equal(whole));
  // Kept inputs are scaled up: over many masks the mean is the undropped layer.
  Tensor sum = torch::zeros({64, 5});
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const AdapterDropout dropout(*pair, seed);
    sum += pair->first(x).detach();
  }
  EXPECT_LT((sum / 2000 - pair->first(x)).abs().mean().item<double>(), 0.15);
}

TEST(Lora, KnowsLayersByTheEndsOfTheirNames) {
  const std::string name = "model.layers.0.self_attn.q_proj";
  EXPECT_TRUE(is_named({"k_proj", "q_proj"}, name));
  EXPECT_TRUE(is_named({"self_attn.q_proj"}, name));
  EXPECT_TRUE(is_named({name}, name));
  EXPECT_FALSE(is_named({"proj", "attn.q_proj"}, name));
}

TEST(Lora, RefusesSettingsOutOfRange) {
  EXPECT_THROW((LoraConfig{.rank = -1}).check(), ConfigError);
  EXPECT_THROW((LoraConfig{.rank = 2, .dropout = 1.0}).check(), ConfigError);
  EXPECT_THROW((LoraConfig{.rank = 2, .target_modules = {}}).check(), ConfigError);
  EXPECT_NO_THROW(kRankTwo.check());
}

}  // namespace
}  // namespace vragent::nn

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <cmath>

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"
#include "vragent/nn/parameters.h"
#include "vragent/rec_models/gru4rec.h"
#include "vragent/rec_models/nextitnet.h"
#include "vragent/rec_models/sasrec.h"
#include "vragent/rec_models/user_encoder.h"
#include "vragent/util/error.h"

namespace vragent::rec_models {
namespace {

using torch::Tensor;

/// Every parameter drawn, in double; no dropout.
template <class Module>
Module prepared(Module module) {
  module->to(torch::kFloat64);
  const torch::NoGradGuard no_grad;
  std::uint64_t seed = 40;
  for (Tensor& parameter : module->parameters())
    parameter.copy_(test::randn(parameter.sizes(), ++seed) * 0.5);
  module->eval();
  return module;
}

Tensor items_of(at::IntArrayRef shape, std::uint64_t seed) {
  return test::randn(shape, seed).to(torch::kFloat64);
}

/// Analytic gradients of every parameter and of the input against finite differences.
template <class Module, class Forward>
void expect_true_gradients(Module& module, Tensor items, Forward forward) {
  items.requires_grad_();
  const Tensor weights = items_of(forward(items).sizes(), 77);
  const auto loss = [&] { return (forward(items) * weights).sum(); };
  std::vector<Tensor> leaves = {items};
  std::vector<std::string> names = {"items"};
  for (const auto& item : module->named_parameters()) {
    leaves.push_back(item.value());
    names.push_back(item.key());
  }
  const auto gradients = torch::autograd::grad({loss()}, leaves);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const Tensor numeric =
        test::numeric_gradient([&] { return loss().template item<double>(); }, leaves[i]);
    EXPECT_TRUE(test::close(gradients[i], numeric, 1e-5)) << names[i];
  }
}

/// Changes everything from position `from` on.
Tensor changed_from(const Tensor& items, std::int64_t from) {
  Tensor other = items.clone();
  other.narrow(1, from, items.size(1) - from).neg_().add_(1);
  return other;
}

SasRecConfig small_sasrec() {
  return {.width = 6, .num_blocks = 2, .num_heads = 2, .max_len = 5, .dropout = 0.5};
}

TEST(SasRec, SeesNothingOfTheFuture) {
  SasRec net = prepared(SasRec(small_sasrec()));
  const Tensor items = items_of({2, 5, 6}, 1);
  const Tensor real = torch::ones({2, 5}, torch::kBool);
  const Tensor before = net(items, real);
  const Tensor after = net(changed_from(items, 3), real);
  EXPECT_TRUE(after.narrow(1, 0, 3).equal(before.narrow(1, 0, 3)));
  EXPECT_GT(test::max_difference(after.narrow(1, 3, 2), before.narrow(1, 3, 2)), 1e-3);
}

TEST(SasRec, DoesNotSeePads) {
  SasRec net = prepared(SasRec(small_sasrec()));
  Tensor items = items_of({1, 5, 6}, 1);
  const Tensor real = torch::tensor({{false, false, true, true, true}});
  const Tensor before = net(items, real);
  items.narrow(1, 0, 2).fill_(100);
  EXPECT_TRUE(test::close(net(items, real).narrow(1, 2, 3), before.narrow(1, 2, 3), 1e-12));
  EXPECT_TRUE(net(items, torch::zeros({1, 5}, torch::kBool)).isfinite().all().item<bool>());
}

TEST(SasRec, CountsItsSlotsFromTheRightEnd) {
  SasRec net = prepared(SasRec(small_sasrec()));
  const Tensor items = items_of({1, 5, 6}, 1);
  const Tensor padded = net(items, torch::tensor({{false, false, true, true, true}}));
  const Tensor alone = net(items.narrow(1, 2, 3), torch::ones({1, 3}, torch::kBool));
  EXPECT_TRUE(test::close(padded.narrow(1, 2, 3), alone, 1e-12));
}

TEST(SasRec, FollowsTheReleasesFormula) {
  SasRecConfig config = small_sasrec();
  config.num_blocks = 1;
  SasRec net = prepared(SasRec(config));
  auto p = net->named_parameters();
  const Tensor items = items_of({1, 5, 6}, 1);
  const auto norm = [&](const Tensor& x, const std::string& name) {
    const Tensor centred = x - x.mean(-1, true);
    return centred / (centred.square().mean(-1, true) + 1e-6).sqrt() * p[name + ".weight"] +
           p[name + ".bias"];
  };
  const Tensor x = norm(items + p["position_embedding.weight"], "layer_norm")[0];
  const Tensor q = x.matmul(p["blocks.0.query.weight"].t());
  const Tensor k = x.matmul(p["blocks.0.key.weight"].t());
  const Tensor v = x.matmul(p["blocks.0.value.weight"].t());
  Tensor mixed = torch::zeros_like(x);
  for (std::int64_t head = 0; head < 2; ++head) {
    for (std::int64_t t = 0; t < 5; ++t) {
      const auto part = [&](const Tensor& y) { return y.narrow(-1, head * 3, 3); };
      const Tensor scores = part(k).narrow(0, 0, t + 1).matmul(part(q)[t]) / std::sqrt(3.0);
      mixed[t]
          .narrow(0, head * 3, 3)
          .copy_(torch::softmax(scores, 0).matmul(part(v).narrow(0, 0, t + 1)));
    }
  }
  const Tensor attended =
      norm(x + mixed.matmul(p["blocks.0.output.weight"].t()), "blocks.0.attention_norm");
  const Tensor inner =
      torch::relu(attended.matmul(p["blocks.0.inner.weight"].t()) + p["blocks.0.inner.bias"]);
  const Tensor wanted =
      norm(attended + inner.matmul(p["blocks.0.outer.weight"].t()) + p["blocks.0.outer.bias"],
           "blocks.0.feed_forward_norm");
  EXPECT_TRUE(test::close(net(items, torch::ones({1, 5}, torch::kBool))[0], wanted, 1e-10));
}

TEST(SasRec, HasTheReleasesNumberOfParameters) {
  std::int64_t count = 0;
  for (const Tensor& parameter : SasRec(SasRecConfig{.width = 512})->parameters())
    count += parameter.numel();
  EXPECT_EQ(count, 6306816);
}

TEST(SasRec, HasTrueGradients) {
  SasRec net =
      prepared(SasRec(SasRecConfig{.width = 4, .num_blocks = 1, .num_heads = 2, .max_len = 3}));
  const Tensor real = torch::tensor({{false, true, true}, {true, true, true}});
  expect_true_gradients(
      net, items_of({2, 3, 4}, 1), [&](const Tensor& x) { return net(x, real).narrow(1, 1, 2); });
}

TEST(SasRec, DropsOutOnlyInTraining) {
  SasRec net = prepared(SasRec(small_sasrec()));
  const Tensor items = items_of({2, 5, 6}, 1);
  const Tensor real = torch::ones({2, 5}, torch::kBool);
  EXPECT_TRUE(net(items, real).equal(net(items, real)));
  net->train();
  EXPECT_FALSE(net(items, real).equal(net(items, real)));
}

TEST(SasRec, RefusesALongerHistoryThanItsPositions) {
  SasRec net = prepared(SasRec(small_sasrec()));
  EXPECT_THROW(net(items_of({1, 6, 6}, 1), torch::ones({1, 6}, torch::kBool)), c10::Error);
  EXPECT_THROW(net(items_of({1, 5, 6}, 1), torch::ones({1, 4}, torch::kBool)), c10::Error);
}

TEST(Gru4Rec, EqualsTorchsGruWithoutBiases) {
  Gru4Rec net = prepared(Gru4Rec(Gru4RecConfig{.width = 5, .dropout = 0.5}));
  const Tensor items = items_of({3, 7, 5}, 1);
  const Tensor start = torch::zeros({1, 3, 5}, torch::kFloat64);
  const auto [wanted, last] = at::gru(items,
                                      start,
                                      {net->input->weight, net->hidden->weight},
                                      /*has_biases=*/false,
                                      /*num_layers=*/1,
                                      0.0,
                                      /*train=*/false,
                                      /*bidirectional=*/false,
                                      /*batch_first=*/true);
  EXPECT_TRUE(test::close(net(items), wanted, 1e-10));
}

TEST(Gru4Rec, HasTrueGradients) {
  Gru4Rec net = prepared(Gru4Rec(Gru4RecConfig{.width = 3}));
  expect_true_gradients(net, items_of({2, 4, 3}, 1), [&](const Tensor& x) { return net(x); });
}

TEST(Gru4Rec, DropsItsInputsOutOnlyInTraining) {
  Gru4Rec net = prepared(Gru4Rec(Gru4RecConfig{.width = 8, .dropout = 0.5}));
  const Tensor items = items_of({2, 4, 8}, 1);
  EXPECT_TRUE(net(items).equal(net(items)));
  net->train();
  EXPECT_FALSE(net(items).equal(net(items)));
  EXPECT_THROW(net(items_of({2, 4, 7}, 1)), c10::Error);
}

/// A history behind pads counts as it would alone; fed pads change it.
TEST(UserEncoder, HidesPadsWhereAsked) {
  for (const char* name : {"gru4rec", "nextitnet"}) {
    for (const bool masked : {true, false}) {
      UserEncoder encoder = prepared(UserEncoder(
          UserEncoderConfig{.user_encoder = name, .width = 4, .pads = masked ? "masked" : "fed"},
          8));
      const Tensor vectors = items_of({6, 4}, 1);  // that of the pad is not zero
      const Tensor alone = torch::tensor({{3, 1, 5}});
      const Tensor padded = torch::tensor({{0, 0, 0, 0, 0, 3, 1, 5}});
      const Tensor wanted = encoder(vectors, alone);
      const Tensor got = encoder(vectors, padded).narrow(1, 5, 3);
      EXPECT_EQ(test::close(got, wanted, 1e-12), masked) << name;
      EXPECT_TRUE(test::close(encoder->last(vectors, padded), got.select(1, 2), 1e-12)) << name;
    }
  }
  EXPECT_THROW((UserEncoderConfig{.pads = "hidden"}).check(), ConfigError);
}

TEST(NextItNet, SeesNothingOfTheFuture) {
  NextItNet net = prepared(NextItNet(NextItNetConfig{.width = 4}));
  const Tensor items = items_of({2, 10, 4}, 1);
  const Tensor before = net(items);
  for (const std::int64_t from : {1, 6, 9}) {
    const Tensor after = net(changed_from(items, from));
    EXPECT_TRUE(test::close(after.narrow(1, 0, from), before.narrow(1, 0, from), 1e-12));
    EXPECT_GT(test::max_difference(after.narrow(1, from, 1), before.narrow(1, from, 1)), 1e-4);
  }
}

TEST(NextItNet, AddsTwoDilatedConvolutionsToEachBlocksInput) {
  NextItNet net = prepared(NextItNet(NextItNetConfig{.width = 3, .dilations = {2}}));
  auto p = net->named_parameters();
  const Tensor items = items_of({1, 9, 3}, 1);
  const auto convolve = [&](const Tensor& x, const std::string& name, std::int64_t dilation) {
    Tensor out = p[name + ".bias"].expand({9, 3}).clone();
    for (std::int64_t t = 0; t < 9; ++t) {
      for (std::int64_t tap = 0; tap < 3; ++tap) {
        const std::int64_t from = t - (2 - tap) * dilation;
        if (from >= 0) out[t] += p[name + ".weight"].select(2, tap).matmul(x[from]);
      }
    }
    return out;
  };
  const auto norm = [&](const Tensor& x, const std::string& name) {
    const Tensor centred = x - x.mean(-1, true);
    return centred / (centred.square().mean(-1, true) + 1e-8).sqrt() * p[name + ".weight"] +
           p[name + ".bias"];
  };
  const Tensor first = torch::relu(norm(convolve(items[0], "blocks.0.conv1", 2), "blocks.0.norm1"));
  const Tensor second = torch::relu(norm(convolve(first, "blocks.0.conv2", 4), "blocks.0.norm2"));
  EXPECT_TRUE(test::close(net(items)[0], second + items[0], 1e-10));
}

TEST(NextItNet, HasTrueGradients) {
  NextItNet net = prepared(NextItNet(NextItNetConfig{.width = 3, .dilations = {1, 2}}));
  expect_true_gradients(net, items_of({1, 5, 3}, 1), [&](const Tensor& x) { return net(x); });
}

}  // namespace
}  // namespace vragent::rec_models

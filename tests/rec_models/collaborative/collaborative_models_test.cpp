// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Every network against its formula written out over single users and items, and its gradients
// against finite differences.
#include <vector>

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"
#include "vragent/nn/parameters.h"
#include "vragent/rec_models/collaborative/deepfm.h"
#include "vragent/rec_models/collaborative/dssm.h"
#include "vragent/rec_models/collaborative/lightgcn.h"
#include "vragent/rec_models/collaborative/mmgcn.h"
#include "vragent/rec_models/collaborative/nfm.h"
#include "vragent/rec_models/collaborative/vbpr.h"

namespace vragent::rec_models::collaborative {
namespace {

using torch::Tensor;

constexpr std::int64_t kUsers = 3;
constexpr std::int64_t kItems = 4;
constexpr std::int64_t kWidth = 6;

const std::vector<Edge> kEdges = {{0, 1}, {0, 2}, {1, 2}, {2, 2}, {2, 4}, {1, 3}};

Tensor numbers(at::IntArrayRef shape, std::uint64_t seed) {
  return test::randn(shape, seed).to(torch::kFloat64);
}

/// Every parameter drawn, in double.
template <class Module>
Module prepared(Module module) {
  module->to(torch::kFloat64);
  const torch::NoGradGuard no_grad;
  std::uint64_t seed = 40;
  for (Tensor& parameter : module->parameters())
    parameter.copy_(numbers(parameter.sizes(), ++seed) * 0.5);
  return module;
}

/// Gradients of a random weighting of some outputs in every parameter.
template <class Module, class Forward>
void expect_true_gradients(Module& module, Forward forward) {
  const Tensor weights = numbers(forward().sizes(), 77);
  const auto loss = [&] { return (forward() * weights).sum(); };
  for (const auto& item : module->named_parameters()) {
    const Tensor got = torch::autograd::grad({loss()}, {item.value()})[0];
    const Tensor wanted =
        test::numeric_gradient([&] { return loss().template item<double>(); }, item.value());
    EXPECT_TRUE(test::close(got, wanted, 1e-6)) << item.key();
  }
}

Adjacency adjacency(EdgeWeight weight) {
  return make_adjacency(kEdges, kUsers, kItems, weight).to(torch::kCPU, torch::kFloat64);
}

/// Nodes that share an edge with `node`, users first.
std::vector<std::int64_t> neighbours_of(std::int64_t node) {
  std::vector<std::int64_t> found;
  for (const Edge& edge : kEdges) {
    if (edge.user == node) found.push_back(kUsers + edge.item);
    if (kUsers + edge.item == node) found.push_back(edge.user);
  }
  return found;
}

Tensor all_of(const NodeVectors& vectors) {
  return torch::cat({vectors.users, vectors.items});
}

TEST(Dssm, GivesItsTables) {
  Dssm net = prepared(Dssm(DssmConfig{.num_users = kUsers, .num_items = kItems, .width = kWidth}));
  const NodeVectors got = net();
  EXPECT_TRUE(got.users.equal(net->named_parameters()["user_table.weight"]));
  EXPECT_TRUE(got.items.equal(net->named_parameters()["item_table.weight"]));
  EXPECT_EQ(got.items.size(0), kItems + 1);
}

class LightGcnNet : public ::testing::Test {
 protected:
  static LightGcn net(std::int64_t layers) {
    return prepared(LightGcn(LightGcnConfig{
        .num_users = kUsers, .num_items = kItems, .width = kWidth, .num_layers = layers}));
  }
};

TEST_F(LightGcnNet, AveragesTheLayersOfTheGraph) {
  LightGcn two = net(2);
  Tensor layer = torch::cat({two->user_table->weight, two->item_table->weight});
  Tensor sum = layer.clone();
  for (int l = 0; l < 2; ++l) {
    std::vector<Tensor> next;
    for (std::int64_t node = 0; node < layer.size(0); ++node) {
      Tensor passed = torch::zeros({kWidth}, torch::kFloat64);
      const auto own = static_cast<double>(neighbours_of(node).size());
      for (const std::int64_t other : neighbours_of(node)) {
        const auto degree = static_cast<double>(neighbours_of(other).size());
        passed = passed + layer[other] / std::sqrt(own * degree);
      }
      next.push_back(passed);
    }
    layer = torch::stack(next);
    sum = sum + layer;
  }
  EXPECT_TRUE(test::close(all_of(two(adjacency(EdgeWeight::kSymmetric))), sum / 3, 1e-12));
}

TEST_F(LightGcnNet, HasTrueGradients) {
  LightGcn one = net(1);
  const Adjacency graph = adjacency(EdgeWeight::kSymmetric);
  expect_true_gradients(one, [&] { return all_of(one(graph)); });
}

class DeepFmNet : public ::testing::Test {
 protected:
  static constexpr std::int64_t kMaxLen = 3;

  DeepFm net =
      prepared(DeepFm(DeepFmConfig{.num_items = kItems, .width = kWidth, .max_len = kMaxLen}));
  Tensor history = torch::tensor({{0, 0, 2}, {3, 1, 4}, {0, 0, 0}});

  /// One score, fields and all.
  Tensor score(std::int64_t row, std::int64_t candidate, bool released) {
    auto p = net->named_parameters();
    std::vector<Tensor> fields;
    for (std::int64_t i = 0; i < kMaxLen; ++i) {
      const auto item = history[row][i].item<std::int64_t>();
      fields.push_back(p["item_table.weight"][item] * (item > 0 ? 1.0 : 0.0));
    }
    const Tensor own = p["item_table.weight"][candidate];
    Tensor machine = torch::zeros({}, torch::kFloat64);  // the sum over pairs of fields
    const Tensor seen =
        released ? p["hidden.weight"].narrow(1, kMaxLen * kWidth, kWidth).matmul(own) : own;
    for (std::int64_t i = 0; i < kMaxLen; ++i) {
      const auto at = static_cast<std::size_t>(i);
      machine = machine + fields[at].dot(seen);
      for (std::size_t j = at + 1; j < fields.size(); ++j)
        machine = machine + fields[at].dot(fields[j]);
    }
    fields.push_back(own);
    const Tensor layer = p["hidden.weight"].matmul(torch::cat(fields)).relu();
    return machine + p["output.weight"][0].dot(layer) + p["output.bias"][0];
  }

  Tensor scores(const Tensor& candidates, bool released = false) {
    std::vector<Tensor> all;
    for (std::int64_t row = 0; row < history.size(0); ++row) {
      for (std::int64_t c = 0; c < candidates.size(0); ++c)
        all.push_back(score(row, candidates[c].item<std::int64_t>(), released));
    }
    return torch::stack(all).view({history.size(0), candidates.size(0)});
  }
};

TEST_F(DeepFmNet, ScoresBySumsOverPairsAndTheLayers) {
  const Tensor candidates = torch::tensor({4, 1, 2});
  EXPECT_TRUE(test::close(net(history, candidates), scores(candidates), 1e-12));
}

TEST_F(DeepFmNet, ScoresAllItemsTheSameWay) {
  const Tensor all = torch::arange(kItems + 1);
  const Tensor layer = net->candidate_layer();
  EXPECT_TRUE(test::close(
      net->all_scores(history, layer, DeepFmCandidates::kTheirOwn), scores(all), 1e-12));
  EXPECT_TRUE(test::close(
      net->all_scores(history, layer, DeepFmCandidates::kHidden), scores(all, true), 1e-12));
  EXPECT_GT(test::max_difference(scores(all), scores(all, true)), 1e-3);
}

TEST_F(DeepFmNet, ScoresAllItemsInSinglePrecision) {
  const Tensor wanted = scores(torch::arange(kItems + 1)).detach();
  net->to(torch::kFloat32);
  EXPECT_TRUE(test::close(
      net->all_scores(history, net->candidate_layer(), DeepFmCandidates::kTheirOwn), wanted, 1e-4));
}

TEST_F(DeepFmNet, HasTrueGradients) {
  const Tensor candidates = torch::tensor({4, 1});
  expect_true_gradients(net, [&] { return net(history, candidates); });
}

class NfmNet : public ::testing::Test {
 protected:
  static constexpr std::int64_t kMaxLen = 3;

  Nfm net = prepared(Nfm(NfmConfig{.num_items = kItems, .width = kWidth, .max_len = kMaxLen}));
  Tensor history = torch::tensor({{0, 0, 2}, {3, 1, 4}, {0, 0, 0}});

  /// One score, pair of fields by pair of fields.
  Tensor score(std::int64_t row, std::int64_t candidate) {
    auto p = net->named_parameters();
    std::vector<Tensor> fields = {p["item_table.weight"][candidate]};
    for (std::int64_t i = 0; i < kMaxLen; ++i) {
      const auto item = history[row][i].item<std::int64_t>();
      if (item > 0) fields.push_back(p["item_table.weight"][item]);
    }
    Tensor pairs = torch::zeros({kWidth}, torch::kFloat64);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      for (std::size_t j = i + 1; j < fields.size(); ++j) pairs = pairs + fields[i] * fields[j];
    }
    const Tensor layer = (p["hidden.weight"].matmul(pairs) + p["hidden.bias"]).relu();
    return p["output.weight"][0].dot(layer);
  }

  Tensor scores(const Tensor& candidates) {
    std::vector<Tensor> all;
    for (std::int64_t row = 0; row < history.size(0); ++row) {
      for (std::int64_t c = 0; c < candidates.size(0); ++c)
        all.push_back(score(row, candidates[c].item<std::int64_t>()));
    }
    return torch::stack(all).view({history.size(0), candidates.size(0)});
  }
};

TEST_F(NfmNet, ReadsTheSumOverPairsOfFields) {
  const Tensor candidates = torch::tensor({4, 1, 2});
  EXPECT_TRUE(test::close(net(history, candidates), scores(candidates), 1e-12));
}

TEST_F(NfmNet, ScoresAllItemsTheSameWay) {
  EXPECT_TRUE(test::close(net->all_scores(history), scores(torch::arange(kItems + 1)), 1e-12));
}

TEST_F(NfmNet, HasTrueGradients) {
  const Tensor candidates = torch::tensor({4, 1});
  expect_true_gradients(net, [&] { return net(history, candidates); });
}

class MmgcnNet : public ::testing::Test {
 protected:
  std::vector<Modality> modalities = {{.features = with_padding({kItems, 5}, 1)},
                                      {.features = with_padding({kItems, 7}, 2), .reduced = 3}};
  Mmgcn net = prepared(
      Mmgcn(MmgcnConfig{.num_users = kUsers, .num_items = kItems, .width = kWidth}, modalities));
  Adjacency graph = adjacency(EdgeWeight::kMean);

  static Tensor with_padding(at::IntArrayRef shape, std::uint64_t seed) {
    return torch::cat({torch::zeros({1, shape[1]}, torch::kFloat64), numbers(shape, seed)});
  }

  static Tensor leaky(const Tensor& x) { return torch::where(x > 0, x, x * 0.01); }

  /// Node by node, as `recommender.md` 3.6 writes it.
  Tensor by_formula() {
    auto p = net->named_parameters();
    std::vector<Tensor> parts;
    for (int m = 0; m < 2; ++m) {
      const std::string part = "parts." + std::to_string(m) + ".";
      const Tensor& given = modalities[static_cast<std::size_t>(m)].features;
      const Tensor features =
          m == 0 ? given : given.matmul(p[part + "reduce.weight"].t()) + p[part + "reduce.bias"];
      Tensor x = torch::cat({p[part + "preference"], features});
      x = x / x.square().sum(1, true).sqrt();
      for (int l = 0; l < 3; ++l) {
        const std::string layer = part + "layers." + std::to_string(l) + ".";
        std::vector<Tensor> next;
        for (std::int64_t node = 0; node < x.size(0); ++node) {
          Tensor mean = torch::zeros({x.size(1)}, torch::kFloat64);
          const auto others = neighbours_of(node);
          for (const std::int64_t other : others)
            mean = mean + x[other].matmul(p[layer + "weight"]) / static_cast<double>(others.size());
          const Tensor own = leaky(p[layer + "own.weight"].matmul(x[node]) + p[layer + "own.bias"]);
          const Tensor both = torch::cat({leaky(mean), own + p["ids"][node]});
          next.push_back(leaky(p[layer + "merge.weight"].matmul(both) + p[layer + "merge.bias"]));
        }
        x = torch::stack(next);
      }
      parts.push_back(x);
    }
    return (parts[0] + parts[1]) / 2;
  }
};

TEST_F(MmgcnNet, FollowsTheFormulaNodeByNode) {
  // Padding has neither features nor edges; its row is compared without the first modality's.
  const Tensor got = all_of(net(graph));
  const Tensor wanted = by_formula();
  for (std::int64_t node = 0; node < got.size(0); ++node) {
    if (node == kUsers) continue;
    EXPECT_TRUE(test::close(got[node], wanted[node], 1e-12)) << node;
  }
}

TEST_F(MmgcnNet, HasTrueGradients) {
  expect_true_gradients(net, [&] {
    const NodeVectors vectors = net(graph);
    return torch::cat({vectors.users, vectors.items.narrow(0, 1, kItems)});
  });
}

TEST_F(MmgcnNet, PenalisesIdsOfTheBatchAndPreferencesOfReducedModalities) {
  auto p = net->named_parameters();
  double ids = 0;
  for (const auto& [user, item] : {std::pair{0, 2}, std::pair{2, 4}}) {
    ids += p["ids"][user].square().sum().item<double>() / (2 * kWidth);
    ids += p["ids"][kUsers + item].square().sum().item<double>() / (2 * kWidth);
  }
  const double wanted = ids + p["parts.1.preference"].square().mean().item<double>();
  const Tensor got = net->penalty(torch::tensor({0, 2}), torch::tensor({2, 4}));
  EXPECT_NEAR(got.item<double>(), wanted, 1e-12);
}

TEST_F(MmgcnNet, TrainsNoTableWhenTheyAreFrozen) {
  net->freeze_tables();
  for (const auto& item : net->named_parameters()) {
    const bool is_table = item.key() == "ids" || item.key().ends_with("preference");
    EXPECT_EQ(item.value().requires_grad(), !is_table) << item.key();
  }
}

TEST(Vbpr, PutsTheProjectedFeaturesBehindTheIds) {
  const Tensor features = numbers({kItems + 1, 5}, 9);
  Vbpr net = prepared(
      Vbpr(VbprConfig{.num_users = kUsers, .num_items = kItems, .width = kWidth}, features));
  auto p = net->named_parameters();
  const NodeVectors got = net();
  for (std::int64_t item = 0; item <= kItems; ++item) {
    const Tensor wanted =
        torch::cat({p["item_table.weight"][item], p["project.weight"].matmul(features[item])});
    EXPECT_TRUE(test::close(got.items[item], wanted, 1e-12));
  }
  EXPECT_TRUE(got.users.equal(p["user_table.weight"]));
  expect_true_gradients(net, [&] { return all_of(net()); });
}

}  // namespace
}  // namespace vragent::rec_models::collaborative

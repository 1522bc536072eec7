// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Features from files, and the towers over them.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "support/temp_dir.h"
#include "support/tensor_matchers.h"
#include "vragent/nn/safetensors.h"
#include "vragent/rec_models/feature_tower.h"
#include "vragent/rec_models/item_features.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::rec_models {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using torch::Tensor;

class ItemFeatures : public ::testing::Test {
 protected:
  Tensor rows = test::randn({4, 3}, 1);
  std::vector<std::string> items = {"", "4", "2"};
  test::TempDir folder_;

  Tensor load(const nn::NamedTensors& tensors, const std::string& ids = "") {
    nn::save_safetensors(folder_ / "f.safetensors", tensors);
    if (!ids.empty()) write_file(folder_ / "ids.txt", ids);
    return load_item_features(
        folder_ / "f.safetensors", ids.empty() ? "" : folder_ / "ids.txt", items);
  }

  void expect_refusal(const nn::NamedTensors& tensors,
                      const std::string& ids,
                      const std::string& part) {
    EXPECT_THAT([&] { load(tensors, ids); }, ThrowsMessage<DataError>(HasSubstr(part)));
  }

  void expect_rows(const Tensor& got, std::int64_t first, std::int64_t second) {
    EXPECT_TRUE(got.equal(torch::stack({torch::zeros({3}), rows[first], rows[second]})));
  }
};

TEST_F(ItemFeatures, CountsRowsAsMicroLensDoes) {
  expect_rows(load({{"x", rows}}), 3, 1);
}

TEST_F(ItemFeatures, FindsRowsByTheirIds) {
  expect_rows(load({{"x", rows}}, "2\nu\n4\n9\n"), 2, 0);
  expect_rows(load({{"features", rows}, {"item_ids", torch::tensor({7, 4, 3, 2})}}), 1, 3);
}

TEST_F(ItemFeatures, SaysWhenThereAreMoreRowsThanItems) {
  const auto said = [&](const Tensor& tensor, const std::string& ids) {
    ::testing::internal::CaptureStderr();
    load({{"x", tensor}}, ids);
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(said(rows, ""), "");
  EXPECT_THAT(said(torch::cat({rows, rows.narrow(0, 0, 1)}), ""),
              HasSubstr("f.safetensors: 5 rows, but the largest item in use is 4: row r"));
}

TEST_F(ItemFeatures, RefusesMoreRowsThanItemsWithPaddingInFront) {
  const Tensor padded = torch::cat({torch::zeros({1, 3}), rows});
  expect_refusal({{"x", padded}},
                 "",
                 "5 rows, but the largest item in use is 4: row r (from 0) is item r+1, and row 0, "
                 "all zeros, looks like padding");
  expect_rows(load({{"x", padded}}, "0\n1\n2\n3\n4\n"), 3, 1);
  rows[0].zero_();
  expect_rows(load({{"x", rows}}), 3, 1);  // as many rows as items: of an item without features
}

TEST_F(ItemFeatures, RefusesRowsThatDoNotFit) {
  expect_refusal({{"x", rows}}, "2\n4\n9\n", "f.safetensors has 4 rows, but ");
  expect_refusal({{"x", rows}}, "2\n4\n9\n4\n", "ids.txt:4: item 4 comes a second time");
  expect_refusal(
      {{"x", rows}}, "2\n3\n9\n7\n", "1 of 2 items have no row among its 4; the first is 4");
  expect_refusal({{"x", rows.narrow(0, 0, 3)}}, "", "the first is 4 (row r is item r+1");
  expect_refusal({{"x", rows}, {"y", rows}}, "", "2 matrices, one is wanted");
  expect_refusal({{"x", torch::zeros({4, 3}, torch::kInt64)}}, "", "floating-point");
}

TEST_F(ItemFeatures, SaysWhichFilesItReads) {
  write_file(folder_ / "rows.json", "[[1, 2]]");
  EXPECT_THAT(
      [&] { load_item_features(folder_ / "rows.json", "", items); },
      ThrowsMessage<DataError>(HasSubstr("rows.json: features are a .npy or a .safetensors")));
}

TEST_F(ItemFeatures, RefusesNumbersThatAreNotFinite) {
  rows[1][2] = NAN;
  expect_refusal({{"x", rows}}, "", "row 1 (item 2) has a value that is not a finite number");
  rows[1][2] = 0;
  rows[0][0] = INFINITY;  // a row of no item
  expect_rows(load({{"x", rows}}), 3, 1);
}

class FeatureTowers : public ::testing::Test {
 protected:
  Tensor text = numbers({5, 4}, 1);
  Tensor video = numbers({5, 3}, 2);
  Tensor index = torch::tensor({3, 0, 1});

  static Tensor numbers(at::IntArrayRef shape, std::uint64_t seed) {
    return test::randn(shape, seed).to(torch::kFloat64);
  }

  FeatureTower tower(Fusion fusion, bool with_text = true, bool with_video = true) {
    std::vector<FeatureSource> sources;
    if (with_text) sources.push_back({.features = text});
    if (with_video) sources.push_back({.features = video, .is_video = true});
    FeatureTower made(sources, 6, fusion);
    made->to(torch::kFloat64);
    const torch::NoGradGuard no_grad;
    std::uint64_t seed = 10;
    for (Tensor& parameter : made->parameters())
      parameter.copy_(numbers(parameter.sizes(), ++seed));
    return made;
  }

  Tensor projected(FeatureTower& made, int source, const Tensor& features) {
    auto p = made->named_parameters();
    const std::string name = "projects." + std::to_string(source);
    return features.matmul(p[name + ".weight"].t()) + p[name + ".bias"];
  }

  static Tensor gelu(const Tensor& x) { return x * 0.5 * (1 + torch::erf(x / std::sqrt(2.0))); }

  void expect_rows(FeatureTower& made, const Tensor& all) {
    const Tensor wanted = torch::stack({all[3], torch::zeros({6}, torch::kFloat64), all[1]});
    EXPECT_TRUE(test::close(made(index), wanted, 1e-12));
    for (const auto& item : made->named_parameters()) {
      const Tensor weights = numbers({3, 6}, 30);
      const auto loss = [&] { return (made(index) * weights).sum(); };
      const Tensor numeric =
          test::numeric_gradient([&] { return loss().item<double>(); }, item.value());
      EXPECT_TRUE(test::close(torch::autograd::grad({loss()}, {item.value()})[0], numeric, 1e-6))
          << item.key();
    }
  }
};

TEST_F(FeatureTowers, ProjectOneSource) {
  FeatureTower of_text = tower(Fusion::kWeighted, true, false);
  expect_rows(of_text, projected(of_text, 0, text));
  FeatureTower of_video = tower(Fusion::kWeighted, false, true);
  expect_rows(of_video, gelu(projected(of_video, 0, video)));
}

TEST_F(FeatureTowers, AddUp) {
  FeatureTower made = tower(Fusion::kSum);
  expect_rows(made, projected(made, 0, text) + gelu(projected(made, 1, video)));
}

TEST_F(FeatureTowers, ConcatenateBeforeTwoLayers) {
  FeatureTower made = tower(Fusion::kConcat);
  auto p = made->named_parameters();
  const Tensor both = torch::cat({projected(made, 0, text), gelu(projected(made, 1, video))}, 1);
  const Tensor joined = both.matmul(p["join.weight"].t()) + p["join.bias"];
  expect_rows(made, joined.matmul(p["last.weight"].t()) + p["last.bias"]);
}

TEST_F(FeatureTowers, WeighNormedVectors) {
  FeatureTower made = tower(Fusion::kWeighted);
  auto p = made->named_parameters();
  const auto norm = [&](const Tensor& x, const std::string& name) {
    const Tensor centred = x - x.mean(1, true);
    return centred / (centred.square().mean(1, true) + 1e-6).sqrt() * p[name + ".weight"] +
           p[name + ".bias"];
  };
  const Tensor shares = p["mix"].exp() / p["mix"].exp().sum();
  expect_rows(made,
              shares[0] * norm(projected(made, 0, text), "norms.0") +
                  shares[1] * norm(projected(made, 1, video), "norms.1"));
}

TEST_F(FeatureTowers, StartWithEqualShares) {
  FeatureTower made = tower(Fusion::kWeighted);
  made->init(1);
  EXPECT_EQ(made->mix.abs().max().item<double>(), 0.0);
  EXPECT_EQ(made->named_parameters()["norms.0.weight"].min().item<double>(), 1.0);
}

}  // namespace
}  // namespace vragent::rec_models

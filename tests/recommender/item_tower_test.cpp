// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/item_tower.h"

#include <set>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "recommender/tower_slopes.h"
#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/nn/autocast.h"
#include "vragent/nn/dropout.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::recommender {
namespace {

using torch::Tensor;

constexpr std::int64_t kWidth = 6;

TEST(IdTower, LooksItemsUp) {
  ItemTower tower(9, kWidth);
  tower->init(3);
  const Tensor table = tower->item_embedding->weight;
  ASSERT_EQ(table.sizes(), (std::vector<std::int64_t>{10, kWidth}));
  EXPECT_TRUE(
      tower(torch::tensor({4, 0, 4})).equal(table.index_select(0, torch::tensor({4, 0, 4}))));
  EXPECT_TRUE(tower->all_vectors().equal(table));
  EXPECT_FALSE(tower->all_vectors().requires_grad());
  ItemTower same(9, kWidth);
  same->init(3);
  EXPECT_TRUE(same->all_vectors().equal(table));
  EXPECT_NEAR(table.std().item<double>(), std::sqrt(2.0 / 16), 0.1);
}

TEST(IdTower, LearnsNothingInThePadRow) {
  ItemTower tower(9, kWidth);
  tower->init(3);
  tower(torch::tensor({0, 4, 0})).square().sum().backward();
  const Tensor gradient = tower->item_embedding->weight.grad();
  EXPECT_TRUE(gradient[0].eq(0).all().item<bool>());
  EXPECT_TRUE(gradient[4].ne(0).all().item<bool>());
}

class TextTower : public ::testing::Test {
 protected:
  TextTower() { test::write_tiny_bert(folder_.path(), 2); }

  ItemTower make(TowerConfig config) {
    config.tower = "text";
    config.text_model = folder_.path();
    ItemTower tower(texts, kWidth, config, torch::kCPU);
    tower->init(3);
    return tower;
  }

  /// Hidden states of one text alone: [T, D].
  Tensor states_of(ItemTower& tower, const std::string& text, std::int64_t max_tokens) {
    const auto ids = text::load_tokenizer(folder_.path())->encode(text, {.max_length = max_tokens});
    const auto length = static_cast<std::int64_t>(ids.size());
    return tower->encoder(torch::tensor(ids).unsqueeze(0),
                          torch::ones({1, length}, torch::kBool))[0];
  }

  /// Names of the encoder's parameters that train.
  static std::set<std::string> trained(const ItemTower& tower) {
    std::set<std::string> names;
    for (const auto& item : tower->encoder->named_parameters()) {
      if (item.value().requires_grad()) names.insert(item.key());
    }
    return names;
  }

  std::vector<std::string> texts = {
      "", "the cat plays in the snow", "yes", "", "a dog runs through the garden"};
  test::TempDir folder_;
};

TEST_F(TextTower, ProjectsTheFirstTokenOrTheMeanOfAll) {
  const torch::NoGradGuard no_grad;
  for (const std::int64_t max_tokens : {4, 30}) {
    for (const char* pooling : {"cls", "mean"}) {
      ItemTower tower = make({.max_tokens = max_tokens, .pooling = pooling});
      const Tensor got = tower(torch::tensor({4, 2, 1, 3}));
      std::int64_t row = 0;
      for (const std::size_t item : {4, 2, 1, 3}) {
        const Tensor states = states_of(tower, texts[item], max_tokens);
        const Tensor pooled = std::string(pooling) == "cls" ? states[0] : states.mean(0);
        EXPECT_TRUE(test::close(got[row++], tower->project(pooled.unsqueeze(0))[0], 1e-5))
            << pooling << item;
      }
    }
  }
}

TEST_F(TextTower, GivesPaddingZerosAndNoGradientThatIsNoNumber) {
  for (const auto& [pooling, share] :
       {std::pair("cls", 0.0), {"mean", 0.0}, {"cls", -1.0}, {"mean", -1.0}}) {
    ItemTower tower = make({.trainable_layers = -1, .pooling = pooling, .text_dropout = share});
    const Tensor vectors = tower(torch::tensor({0, 1, 0}));
    EXPECT_TRUE(vectors[0].eq(0).all().item<bool>()) << pooling;
    EXPECT_TRUE(vectors[2].eq(0).all().item<bool>()) << pooling;
    EXPECT_GT(vectors[1].abs().max().item<float>(), 0);
    vectors.square().sum().backward();
    for (const auto& item : tower->named_parameters()) {
      if (item.value().grad().defined()) {
        EXPECT_TRUE(item.value().grad().isfinite().all().item<bool>()) << pooling << item.key();
      }
    }
    EXPECT_TRUE(tower(torch::tensor({0})).eq(0).all().item<bool>()) << "padding alone";
  }
}

TEST_F(TextTower, ReadsLowerCaseWhereAsked) {
  const torch::NoGradGuard no_grad;
  const Tensor lower = make({.lower_case = true})->all_vectors();
  texts = {"", "THE cat plays IN the Snow", "Yes", "", "A dog RUNS through the garden"};
  EXPECT_TRUE(make({.lower_case = true})->all_vectors().equal(lower));
}

TEST_F(TextTower, TrainsTheLastLayersOnly) {
  EXPECT_TRUE(trained(make({.trainable_layers = 0})).empty());
  const auto last = trained(make({.trainable_layers = 1}));
  ASSERT_FALSE(last.empty());
  for (const std::string& name : last) {
    EXPECT_FALSE(name.starts_with("embeddings.")) << name;
    EXPECT_FALSE(name.starts_with("encoder.layer.0.")) << name;
  }
  const auto both = trained(make({.trainable_layers = 2}));
  EXPECT_TRUE(both.contains("encoder.layer.0.attention.self.query.weight"));
  EXPECT_FALSE(both.contains("embeddings.word_embeddings.weight"));
  EXPECT_TRUE(
      trained(make({.trainable_layers = -1})).contains("embeddings.word_embeddings.weight"));
}

TEST_F(TextTower, IsTheSameFrozenAsTrained) {
  ItemTower frozen = make({.trainable_layers = 0});
  ItemTower trains = make({.trainable_layers = 2});
  const Tensor index = torch::tensor({3, 1, 4, 0});
  EXPECT_TRUE(test::close(frozen(index), trains(index), 1e-5));
  EXPECT_TRUE(frozen(index).requires_grad()) << "the projection trains";
  EXPECT_TRUE(test::close(frozen->all_vectors(), trains->all_vectors(), 1e-5));
  EXPECT_TRUE(test::close(trains->all_vectors().index_select(0, index), trains(index), 1e-5));
}

TEST_F(TextTower, HasTheGradientsOfFiniteDifferences) {
  for (const char* pooling : {"cls", "mean"}) {
    ItemTower tower = make({.trainable_layers = -1, .pooling = pooling});
    EXPECT_EQ(expect_numeric_slopes(tower, torch::tensor({3, 0, 1, 4, 1})),
              trained(tower).size() + 2)
        << "the projection's two learn too";
  }
}

TEST_F(TextTower, DropsInTrainingAloneAndByTheStepsSeed) {
  const torch::NoGradGuard no_grad;
  const Tensor index = torch::tensor({3, 1, 4, 0});
  for (const char* pooling : {"cls", "mean"}) {
    const Tensor plain = make({.pooling = pooling})(index);
    for (const double share : {-1.0, 0.3}) {  // the model's own is .1
      ItemTower tower = make({.pooling = pooling, .text_dropout = share});
      const auto of_step = [&](std::uint64_t seed) {
        torch::manual_seed(seed);
        return tower(index);
      };
      const Tensor first = of_step(1);
      EXPECT_GT(test::max_difference(first, plain), 1e-2) << pooling << share;
      EXPECT_GT(test::max_difference(first, of_step(2)), 1e-2) << pooling << share;
      EXPECT_TRUE(first.equal(of_step(1))) << pooling << share;
      tower->eval();
      EXPECT_TRUE(tower(index).equal(plain)) << pooling << share;
    }
  }
  ItemTower frozen = make({.trainable_layers = 0, .text_dropout = 0.3});
  EXPECT_TRUE(frozen(index).equal(make({.trainable_layers = 0})(index)));
}

TEST_F(TextTower, DropsTheSharesThatItsModelNames) {
  const torch::NoGradGuard no_grad;
  const std::filesystem::path file = folder_ / "config.json";
  std::string config = read_file(file);
  const std::string key = "\"hidden_dropout_prob\": 0.1";
  ASSERT_NE(config.find(key), std::string::npos);
  write_file(file, config.replace(config.find(key) + key.size() - 3, 3, "0.3"));
  ItemTower tower = make({.text_dropout = -1});
  torch::manual_seed(5);
  const std::uint64_t seed = nn::draw_seed();
  torch::manual_seed(5);
  const Tensor got = tower(torch::tensor({2}));
  const Tensor ids =
      torch::tensor(text::load_tokenizer(folder_.path())->encode(texts[2], {.max_length = 30}));
  const Tensor mask = torch::ones({1, ids.size(0)}, torch::kBool);
  const auto with_shares = [&](double hidden, double attention) {
    return tower->project(tower->encoder->first_states(
        ids.unsqueeze(0), mask, {.hidden = hidden, .attention = attention, .seed = seed}));
  };
  EXPECT_TRUE(test::close(got, with_shares(0.3, 0.1), 1e-6));
  EXPECT_GT(test::max_difference(got, with_shares(0.1, 0.3)), 1e-3);
}

TEST_F(TextTower, DropsTheSameElementsInBf16) {
  const torch::NoGradGuard no_grad;
  ItemTower tower = make({.text_dropout = 0.3});
  const auto drawn = [&](torch::Dtype dtype) {
    const nn::ComputeGuard compute(dtype, torch::kCPU);
    torch::manual_seed(5);
    return tower(torch::tensor({3, 1, 4})).to(torch::kFloat32);
  };
  const Tensor wanted = drawn(torch::kFloat32);
  EXPECT_TRUE(
      test::close(drawn(torch::kBFloat16), wanted, 5e-2 * wanted.abs().max().item<double>()));
}

TEST_F(TextTower, KeepsFrozenVectorsByWhatTheyAreMadeOf) {
  const std::filesystem::path cache = folder_ / "cache";
  const auto kept = [&] {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(cache))
      names.insert(entry.path().filename().string());
    return names;
  };
  const TowerConfig config = {.vector_cache = cache, .trainable_layers = 0};
  const Tensor wanted = make(config)->all_vectors();
  const auto first = kept();
  ASSERT_EQ(first.size(), 1);
  EXPECT_TRUE(make(config)->all_vectors().equal(wanted));
  EXPECT_EQ(kept(), first) << "found again";

  ItemTower other = make(config);  // what was kept is read, not computed anew
  const torch::NoGradGuard no_grad;
  for (Tensor& parameter : other->encoder->parameters()) parameter.zero_();
  EXPECT_TRUE(other->all_vectors().equal(wanted));

  texts[1] = "the cat sleeps in the snow";
  EXPECT_FALSE(make(config)->all_vectors()[1].equal(wanted[1]));
  EXPECT_EQ(kept().size(), 2) << "other texts";
  TowerConfig mean = config;
  mean.pooling = "mean";
  make(mean)->all_vectors();
  EXPECT_EQ(kept().size(), 3) << "other pooling";
  test::write_tiny_bert(folder_.path(), 1);
  make(config)->all_vectors();
  EXPECT_EQ(kept().size(), 4) << "other weights";
  TowerConfig trains = config;
  trains.trainable_layers = 1;
  make(trains)->all_vectors();
  EXPECT_EQ(kept().size(), 4) << "what trains is not kept";

  for (const std::string& name : first) write_file(cache / name, "cut");
  texts[1] = "the cat plays in the snow";
  test::write_tiny_bert(folder_.path(), 2);
  EXPECT_THROW(make(config)->all_vectors(), Error);
}

TEST_F(TextTower, RefusesSettingsThatCannotWork) {
  EXPECT_THROW((TowerConfig{.tower = "text"}).check(), ConfigError) << "no model";
  EXPECT_THROW((TowerConfig{.tower = "video"}).check(), ConfigError)
      << "neither model nor features";
  EXPECT_THROW((TowerConfig{.max_tokens = 2}).check(), ConfigError);
  EXPECT_THROW((TowerConfig{.text_dropout = 1}).check(), ConfigError);
  EXPECT_THROW((TowerConfig{.text_dropout = -0.5}).check(), ConfigError);
  EXPECT_NO_THROW((TowerConfig{.text_dropout = -1}).check());
  ItemTower tower = make({});
  EXPECT_THROW(tower(torch::zeros({2, 2}, torch::kInt64)), c10::Error);
}

}  // namespace
}  // namespace vragent::recommender

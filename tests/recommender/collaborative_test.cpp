// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/collaborative.h"

#include <cmath>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "recommender/small_sequences.h"
#include "recommender/stopped_training.h"
#include "support/temp_dir.h"
#include "support/tensor_matchers.h"
#include "vragent/nn/parameters.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/json.h"

namespace vragent::recommender {
namespace {

using ::testing::MatchesRegex;
using ::testing::ThrowsMessage;

using rec_models::collaborative::Modality;
using torch::Tensor;

constexpr std::int32_t kOfAGroup = 12;

/// Items of a user's train part come from one of a few groups: what a user likes is a group.
data::Sequences grouped_sequences(std::int32_t num_groups, std::int32_t num_users) {
  RandomStream random(3);
  std::vector<std::vector<std::int32_t>> histories;
  for (std::int32_t user = 0; user < num_users; ++user) {
    std::vector<std::int32_t> history;
    for (const std::int64_t item : random.sample(kOfAGroup, 6 + user % 3))
      history.push_back(static_cast<std::int32_t>(item) + user % num_groups * kOfAGroup);
    histories.push_back(history);
  }
  return sequences_of(histories, num_groups * kOfAGroup);
}

/// Features that show an item's group through noise.
std::vector<Modality> modalities_for(const data::Sequences& sequences) {
  constexpr std::int64_t kWidth = 9;
  Tensor features = test::randn({sequences.num_items() + 1, kWidth}, 8) * 0.1;
  features[0].zero_();
  for (std::int64_t item = 1; item <= sequences.num_items(); ++item) {
    const int number = std::stoi(sequences.item_ids[static_cast<std::size_t>(item)]) - 100;
    features[item][number / kOfAGroup % kWidth] += 1.0;
  }
  return {{.features = features, .reduced = 5}};
}

/// Loss of the last epoch of a log.
double read_loss(const std::filesystem::path& log) {
  double loss = NAN;
  for_each_line(log, [&](const std::string& line, const std::string& where) {
    loss = parse_json_object(line, where)["loss"].get<double>();
  });
  return loss;
}

TEST(TrainingPairs, AreTheTrainParts) {
  const data::Sequences sequences = sequences_of({{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0, 5}}, 6);
  const auto pairs = training_pairs(sequences);
  ASSERT_EQ(pairs.size(), 7);
  EXPECT_EQ(pairs[2].user, 0);
  EXPECT_EQ(pairs[2].item, sequences.item_index.at("102"));
  EXPECT_EQ(pairs[3].user, 1);
}

TEST(LeaveOneOutRows, TakeEveryItemAsTheTargetOfAllOthers) {
  const data::Sequences sequences = sequences_of({{0, 1, 2, 3, 4}}, 5);
  const auto rows = leave_one_out_rows(sequences);
  ASSERT_EQ(rows.size(), 3);
  EXPECT_EQ(rows[0].items, (std::vector<std::int32_t>{2, 3, 1}));
  EXPECT_EQ(rows[1].items, (std::vector<std::int32_t>{1, 3, 2}));
  EXPECT_EQ(rows[2].items, (std::vector<std::int32_t>{1, 2, 3}));
  for (const TrainingRow& row : rows) EXPECT_EQ(row.first_target, 2);
}

class PairBatch : public ::testing::Test {
 protected:
  data::Sequences sequences = random_sequences(30, 20, 4);
  std::vector<double> popularity = train_popularity(sequences);
  std::vector<TrainingPair> all = training_pairs(sequences);
  std::vector<TrainingPair> pairs = {all[0], all[9], all[1], all[40], all[0], all[62]};
};

/// The release's loss over one column a pair: only other copies of the same item are masked.
TEST_F(PairBatch, GivesTheReleasesLossOverItsColumns) {
  const SequenceBatch batch = make_pair_batch(pairs, sequences, popularity, {});
  const Tensor states = test::randn({6, 1, 5}, 1).to(torch::kFloat64);
  const Tensor table = test::randn({sequences.num_items() + 1, 5}, 2).to(torch::kFloat64);
  double total = 0;
  for (const std::int64_t count : sequences.train_counts) total += static_cast<double>(count);
  double wanted = 0;
  for (std::size_t row = 0; row < pairs.size(); ++row) {
    double sum = 0;
    double own = 0;
    for (std::size_t column = 0; column < pairs.size(); ++column) {
      const std::int32_t item = pairs[column].item;
      const auto count =
          static_cast<double>(sequences.train_counts[static_cast<std::size_t>(item)]);
      const double logit =
          states[static_cast<std::int64_t>(row)][0].dot(table[item]).item<double>() -
          std::log(count / total);
      if (column == row) own = logit;
      if (column == row || item != pairs[row].item) sum += std::exp(logit);
    }
    wanted += (std::log(sum) - own) / 6;
  }
  const Tensor got =
      sequence_loss(states, table.index_select(0, batch.unique), batch, {}, sequences.num_items());
  EXPECT_NEAR(got.item<double>(), wanted, 1e-6);
}

TEST_F(PairBatch, DrawsNoItemOfTheUser) {
  const LossConfig loss = {.loss = "bpr", .num_negatives = 300};
  const std::int64_t num_items = sequences.num_items();
  const SequenceBatch batch =
      with_candidates(make_pair_batch(pairs, sequences, popularity, loss), loss, num_items, 5);
  for (std::size_t row = 0; row < pairs.size(); ++row) {
    const auto train = sequences.train(pairs[row].user);
    const Tensor drawn =
        batch.unique.index_select(0, batch.negatives[static_cast<std::int64_t>(row)].flatten());
    EXPECT_EQ(drawn.eq(0).sum().item<std::int64_t>(), 0);
    for (const std::int32_t item : train) EXPECT_FALSE(drawn.eq(item).any().item<bool>());
  }
}

struct ModelCase {
  std::string model;
  LossConfig loss;
};

class CollaborativeTraining : public ::testing::TestWithParam<ModelCase> {
 protected:
  ~CollaborativeTraining() override { clear_interrupt(); }

  [[nodiscard]] Collaborative fresh(const CollaborativeConfig& config = {}) const {
    Collaborative model(GetParam().model, config, sequences, 16, modalities_for(sequences));
    model->init(11);
    return model;
  }

  static LoopConfig loop(std::int64_t epochs) {
    return {.batch_size = 64,
            .epochs = epochs,
            .patience = 0,
            .optim = {.lr = 1e-2, .weight_decay = 0, .clip = 0}};
  }

  TrainingInput input(const std::string& folder, bool resume = false) {
    std::filesystem::create_directories(folder_ / folder);
    return {.sequences = sequences,
            .rows = {},
            .run_folder = folder_ / folder,
            .seed = 7,
            .resume = resume,
            .loss = GetParam().loss};
  }

  TrainingResult run(Collaborative& model,
                     std::int64_t epochs,
                     const std::string& folder,
                     bool resume = false) {
    return train(model, loop(epochs), input(folder, resume));
  }

  data::Sequences sequences = grouped_sequences(6, 120);
  test::TempDir folder_;
};

TEST_P(CollaborativeTraining, FindsTheGroupOfAUser) {
  Collaborative model = fresh();
  const auto hit_rate = [&] {
    return evaluate(sequences,
                    data::Split::kTest,
                    collaborative_ranker(model, sequences, torch::kCPU),
                    {.cutoffs = {10}})
        .all.cutoffs[0]
        .hit_rate;
  };
  EXPECT_LT(hit_rate(), 0.4);
  run(model, 20, "learns");
  EXPECT_GT(hit_rate(), 0.9) << "12 items of a group, some of them seen";
}

TEST_P(CollaborativeTraining, ResumesBitForBit) {
  Collaborative whole = fresh();
  run(whole, 3, "whole");
  Collaborative first = fresh();
  const TrainingInput parts = input("parts");
  const Learner learner = learner_of(first, loop(3), parts);
  const auto steps_of_an_epoch = static_cast<std::int64_t>((learner.num_examples + 63) / 64);
  train_until(steps_of_an_epoch + 2, learner, loop(3), parts);
  Collaborative second = fresh();
  run(second, 3, "parts", /*resume=*/true);
  EXPECT_TRUE(test::same_tensors(nn::parameters_of(*second), nn::parameters_of(*whole)));
}

TEST_P(CollaborativeTraining, NamesTheUsersOfAStepThatIsNoNumber) {
  Collaborative model = fresh();
  {
    const torch::NoGradGuard no_grad;
    model->parameters().front().fill_(NAN);
  }
  EXPECT_THAT([&] { run(model, 1, "broken"); },
              ThrowsMessage<Error>(MatchesRegex(
                  "loss is nan at step 1 \\(epoch 1\\), users( u[0-9]+){20} and 44 more;.*")));
}

INSTANTIATE_TEST_SUITE_P(Models,
                         CollaborativeTraining,
                         ::testing::Values(ModelCase{"dssm", {}},
                                           ModelCase{"lightgcn", {}},
                                           ModelCase{"deepfm", {}},
                                           ModelCase{"nfm", {}},
                                           ModelCase{"mmgcn", {.loss = "bpr"}},
                                           ModelCase{"vbpr", {}}),
                         [](const auto& instance) { return instance.param.model; });

TEST(CollaborativeRanker, ScoresUsersByTheirVectors) {
  const data::Sequences sequences = random_sequences(20, 12, 5);
  Collaborative model("lightgcn", CollaborativeConfig{}, sequences, 8, std::vector<Modality>());
  model->init(3);
  const auto vectors = model->vectors();
  const Tensor got =
      collaborative_ranker(model, sequences, torch::kCPU)({4, 9}, data::Split::kTest);
  EXPECT_TRUE(test::close(got[1], vectors.items.matmul(vectors.users[9]), 1e-6));
}

TEST(CollaborativeRanker, FollowsTheReleasesDeepFmWhenAsked) {
  const data::Sequences sequences = random_sequences(20, 12, 5);
  const auto scores = [&](const char* eval) {
    Collaborative model(
        "deepfm", CollaborativeConfig{.deepfm_eval = eval}, sequences, 8, std::vector<Modality>());
    model->init(3);
    return collaborative_ranker(model, sequences, torch::kCPU)({4, 9}, data::Split::kTest);
  };
  EXPECT_GT(test::max_difference(scores("fixed"), scores("released")), 1e-3);
}

TEST(CollaborativeLoss, AddsThePenaltyOfTheRowsThatABatchTouches) {
  const data::Sequences sequences = sequences_of({{0, 1, 2}}, 3, {.min_len = 3});
  const auto loss_with = [&](double factor) {
    Collaborative model(
        "dssm", CollaborativeConfig{.embedding_l2 = factor}, sequences, 4, std::vector<Modality>());
    model->init(3);
    test::TempDir folder;
    train(model,
          {.batch_size = 8, .epochs = 1, .patience = 0, .optim = {.lr = 0.0}},
          {.sequences = sequences, .rows = {}, .run_folder = folder.path()});
    const Tensor rows =
        torch::cat({model->dssm->user_table->weight[0], model->dssm->item_table->weight[1]});
    return std::pair{read_loss(folder.path() / "train_log.jsonl"),
                     0.5 * rows.square().sum().item<double>()};
  };
  const auto [plain, squares] = loss_with(0);
  EXPECT_NEAR(loss_with(2).first - plain, 2 * squares, 1e-6);
}

}  // namespace
}  // namespace vragent::recommender

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What `train-sasrec --dry-run` says of memory.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recommender/small_sequences.h"
#include "support/temp_dir.h"
#include "vragent/recommender/training_run.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::recommender {
namespace {

using ::testing::HasSubstr;

constexpr double kGiB = 1024.0 * 1024 * 1024;
constexpr std::size_t kTraining = 1;
constexpr std::size_t kRanking = 2;

class RecommenderPlan : public ::testing::Test {
 protected:
  RecommenderPlan() {
    write_file(folder_ / "pairs.tsv", pairs_of(ring_of_items(20, 40)));
    config.interactions = folder_ / "pairs.tsv";
    config.dry_run = true;
    config.encoder.width = 8;
    config.loop.batch_size = 16;
    config.runtime.threads = 1;
  }

  static double number(const std::string& cell) { return cell.empty() ? 0.0 : std::stod(cell); }

  [[nodiscard]] double cell(const std::string& row, std::size_t column, int processes = 1) const {
    for (const auto& cells : plan_training(config, processes).rows) {
      if (cells[0] == row) return number(cells[column]);
    }
    ADD_FAILURE() << "no row " << row;
    return 0.0;
  }

  TrainConfig config;
  test::TempDir folder_;
};

TEST_F(RecommenderPlan, SaysWhatAStepAndABlockOfUsersHold) {
  config.encoder.width = 2048;
  // 24 d^2 and a little for two blocks: 0.375 GiB in fp32, half as much again for each moment.
  EXPECT_NEAR(cell("weights", kTraining), 0.376, 0.002);
  EXPECT_NEAR(cell("moments", kTraining), 2 * cell("weights", kTraining), 0.002);
  EXPECT_NEAR(cell("copy of the best epoch", kRanking), cell("weights", kTraining), 0.001);
  EXPECT_THAT(plan_training(config).notes.at(1), HasSubstr("about 56 targets against 21 items"))
      << "16 users with 3 to 6 items each, all 20 items and padding";
  const double small = cell("activations", kTraining);
  config.loop.batch_size = 40;
  EXPECT_NEAR(cell("activations", kTraining) / small, 2.5, 0.1);
  config.model = "pop";
  EXPECT_THROW(plan_training(config), ConfigError);
}

TEST_F(RecommenderPlan, AddsUpItsPartsAndTheProgram) {
  for (const char* model : {"sequential", "lightgcn"}) {
    config.model = model;
    for (const std::size_t phase : {kTraining, kRanking}) {
      const Table table = plan_training(config);
      double sum = 0;
      for (std::size_t row = 0; row + 1 < table.rows.size(); ++row)
        sum += number(table.rows[row][phase]);
      const double rounding = 0.0005 * static_cast<double>(table.rows.size());
      EXPECT_EQ(table.rows.back()[0], "sum");
      EXPECT_NEAR(number(table.rows.back()[phase]), sum, rounding) << model;
      EXPECT_NEAR(cell("program and libraries", phase), 250.0 / 1024, 0.001) << model;
    }
  }
}

TEST_F(RecommenderPlan, CountsWhatTheAllocatorKeepsOfSmallNetworksAndALittleOfLargeOnes) {
  config.encoder.width = 256;
  const double known = cell("sum", kTraining) - cell("program and libraries", kTraining) -
                       cell("kept by the allocator", kTraining);
  EXPECT_GT(known, 0.02);
  EXPECT_NEAR(cell("kept by the allocator", kTraining), 0.4 * known, 0.002);
  config.encoder.width = 2048;
  EXPECT_NEAR(cell("kept by the allocator", kTraining), 0.25, 0.001);
}

TEST_F(RecommenderPlan, CountsTheDataSetByItsUsersAndLongIds) {
  constexpr std::int32_t kUsers = 60000;
  const auto data_of = [&](const std::string& before_id) {
    const std::string pairs = pairs_of(ring_of_items(20, kUsers));
    std::string longer;
    for (const char c : pairs) {
      if (c == 'u') longer += before_id;
      longer += c;
    }
    write_file(folder_ / "pairs.tsv", longer);
    return cell("data set", kTraining) * kGiB / kUsers;
  };
  const double of_a_user = data_of("");  // a name twice, a window, a row of training
  EXPECT_GT(of_a_user, 250);
  EXPECT_LT(of_a_user, 350);
  EXPECT_NEAR(data_of(std::string(60, 'x')) - of_a_user, 2 * 82, 25);
}

TEST_F(RecommenderPlan, CountsTheAttentionOfLongHistories) {
  config.protocol.max_len = 200;
  // 4 copies of 16 * 2 heads * 200 * 200 weights in each of 2 blocks, and 0.0016 GiB of vectors.
  EXPECT_NEAR(cell("activations", kTraining), 0.0397, 0.002);
  config.encoder.user_encoder = "gru4rec";
  EXPECT_LT(cell("activations", kTraining), 0.005);
}

TEST_F(RecommenderPlan, CountsWhatMicroBatchesAndProcessesHoldOfGradients) {
  config.encoder.width = 2048;
  const double alone = cell("gradients", kTraining);
  EXPECT_NEAR(cell("gradients", kTraining, 4), 1.25 * alone, 0.002) << "the sums of its share";
  EXPECT_NEAR(cell("moments", kTraining, 4), 0.75 * alone, 0.002) << "and masters, a fourth";
  config.loop.micro_batch = 4;
  EXPECT_NEAR(cell("gradients", kTraining) - alone, 1.0 / 16, 0.001) << "one of [4 d, d]";
}

TEST_F(RecommenderPlan, DividesPairsAmongProcessesAndNoGraph) {
  config.model = "lightgcn";
  config.encoder.width = 32768;
  const double graph = cell("activations", kTraining);
  EXPECT_NEAR(graph, 4 * 61 * 32768 * 4 / kGiB, 0.001) << "40 users, 20 items, padding";
  EXPECT_EQ(cell("activations", kTraining, 4), graph);
  EXPECT_NEAR(cell("moments", kTraining, 4), 3.0 / 8 * cell("moments", kTraining), 0.001);
  config.model = "nfm";
  config.encoder.width = 2048;
  EXPECT_NEAR(cell("activations", kTraining, 4), cell("activations", kTraining) / 4, 0.001);
}

}  // namespace
}  // namespace vragent::recommender

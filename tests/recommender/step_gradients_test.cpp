// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Micro-batches and processes weigh by their targets: the gradients of a step are the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "recommender/small_sequences.h"
#include "vragent/comm/communicator.h"
#include "vragent/nn/optim/sharded_adamw.h"
#include "vragent/recommender/trainer.h"

namespace vragent::recommender {
namespace {

using torch::Tensor;

/// One of several processes, whose sums the test makes.
class OneOfMany final : public comm::Communicator {
 public:
  OneOfMany(int rank, int size) : rank_(rank), size_(size) {}

  [[nodiscard]] int rank() const override { return rank_; }

  [[nodiscard]] int size() const override { return size_; }

  [[nodiscard]] int local_rank() const override { return rank_; }

  [[nodiscard]] int local_size() const override { return size_; }

  void all_reduce(const Tensor&) const override {}

  [[nodiscard]] Tensor reduce_scatter(const Tensor& whole) const override { return whole; }

  [[nodiscard]] Tensor all_gather(const Tensor& part) const override { return part; }

  void broadcast(const Tensor&, int) const override {}

  void barrier() const override {}

  [[noreturn]] void abort(int code) const override { std::_Exit(code); }

 private:
  int rank_;
  int size_;
};

/// Of one step over users with histories of 1 to 5 targets.
class GradientsOfAStep : public ::testing::Test {
 protected:
  GradientsOfAStep() {
    for (std::size_t i = 0; i < rows.size(); i += 3) rows[i].items.resize(2);
    for (std::size_t i = 0; i < 16; ++i) examples.push_back(i * 3 % 20);  // short ones unevenly
  }

  [[nodiscard]] Recommender fresh() const {
    ItemTower tower(sequences.num_items(), 16);
    tower->init(11);
    rec_models::UserEncoder encoder(
        rec_models::UserEncoderConfig{.user_encoder = "sasrec", .width = 16, .dropout = 0},
        sequences.protocol.max_len);
    encoder->init(12);
    return Recommender(tower, encoder);
  }

  /// Sums of the gradients of the processes, each of which computes `at_once` of its examples.
  nn::NamedTensors gradients(int processes, std::size_t at_once, const LossConfig& loss) {
    nn::NamedTensors sums;
    for (int rank = 0; rank < processes; ++rank) {
      const OneOfMany process(rank, processes);
      const TrainingInput given{.sequences = sequences,
                                .rows = rows,
                                .run_folder = {},
                                .loss = loss,
                                .processes = process};
      Recommender model = fresh();
      const LoopConfig loop;
      const Learner learner = learner_of(model, loop, given);
      nn::ShardedAdamW optimizer(learner.groups, loop.optim, comm::alone());
      train_step(learner, optimizer, examples, /*draw_seed=*/1, {.lr = 0, .at_once = at_once});
      for (const nn::NamedParameter& parameter : nn::trainable_parameters(*model)) {
        const Tensor& gradient = parameter.tensor.grad();
        Tensor& sum = sums[parameter.name];
        sum = sum.defined() ? sum + gradient : gradient;
      }
    }
    return sums;
  }

  static void expect_close(const nn::NamedTensors& got, const nn::NamedTensors& wanted) {
    ASSERT_EQ(got.size(), wanted.size());
    for (const auto& [name, tensor] : wanted)
      EXPECT_TRUE(torch::allclose(got.at(name), tensor, 0, 1e-6)) << name;
  }

  data::Sequences sequences = ring_of_items(15, 60);
  std::vector<TrainingRow> rows = training_rows(sequences);
  std::vector<std::size_t> examples;
};

TEST_F(GradientsOfAStep, AreTheSameInPartsAndInManyProcesses) {
  const LossConfig softmax = {.loss = "softmax"};  // no user is another's negative
  const nn::NamedTensors whole = gradients(1, SIZE_MAX, softmax);
  EXPECT_GT(whole.at("items.item_embedding.weight").abs().max().item<double>(), 1e-3);
  for (const std::size_t at_once : {3, 8}) expect_close(gradients(1, at_once, softmax), whole);
  for (const int processes : {2, 3}) {
    expect_close(gradients(processes, SIZE_MAX, softmax), whole);
    expect_close(gradients(processes, 5, softmax), whole);
  }
  const LossConfig in_batch;
  expect_close(gradients(3, SIZE_MAX, in_batch), gradients(1, SIZE_MAX, in_batch));
}

TEST_F(GradientsOfAStep, OfProcessesThatCompareWithTheirOwnItemsAreThoseOfParts) {
  const LossConfig own = {.batch_negatives = "own"};
  for (const int processes : {2, 4})
    expect_close(gradients(processes, SIZE_MAX, own),
                 gradients(1, 16 / static_cast<std::size_t>(processes), own));
}

}  // namespace
}  // namespace vragent::recommender

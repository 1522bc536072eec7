// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Micro-batches and processes weigh by their targets: the gradients of a step are the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "recommender/small_sequences.h"
#include "support/tensor_matchers.h"
#include "vragent/comm/communicator.h"
#include "vragent/nn/optim/sharded_adamw.h"
#include "vragent/recommender/collaborative.h"
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

/// Adds the gradients that one process makes of a step, which computes `at_once` of its examples.
void add_gradients(const Learner& learner,
                   const std::vector<std::size_t>& examples,
                   std::size_t at_once,
                   nn::NamedTensors& sums) {
  nn::ShardedAdamW optimizer(learner.groups, nn::OptimConfig(), comm::alone());
  train_step(learner, optimizer, examples, /*draw_seed=*/1, {.lr = 0, .at_once = at_once});
  for (const nn::NamedParameter& parameter : nn::trainable_parameters(learner.module)) {
    const Tensor& gradient = parameter.tensor.grad();
    if (!gradient.defined()) continue;  // of a process without examples
    Tensor& sum = sums[parameter.name];
    sum = sum.defined() ? sum + gradient : gradient;
  }
}

void expect_close(const nn::NamedTensors& got, const nn::NamedTensors& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  for (const auto& [name, tensor] : wanted) {
    // One number added to all scores changes no softmax: its gradient is rounding alone.
    const double bound =
        name == "deepfm.output.bias" ? 1e-6 : 1e-5 * tensor.abs().max().item<double>() + 1e-8;
    EXPECT_TRUE(torch::allclose(got.at(name), tensor, 0, bound)) << name;
  }
}

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
      add_gradients(learner_of(model, LoopConfig(), given), examples, at_once, sums);
    }
    return sums;
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

struct PairCase {
  std::string model;
  LossConfig loss;
  double embedding_l2 = 0;
};

/// Of one step of a collaborative model.
class GradientsOfPairs : public ::testing::TestWithParam<PairCase> {
 protected:
  GradientsOfPairs() {
    modalities[0].features[0].zero_();
    for (std::size_t i = 0; i < 16; ++i) examples.push_back(i * 11);
  }

  [[nodiscard]] nn::NamedTensors gradients(int processes,
                                           std::size_t at_once,
                                           const LossConfig& loss) const {
    nn::NamedTensors sums;
    for (int rank = 0; rank < processes; ++rank) {
      const OneOfMany process(rank, processes);
      const TrainingInput given{
          .sequences = sequences, .rows = {}, .run_folder = {}, .loss = loss, .processes = process};
      Collaborative model(GetParam().model,
                          CollaborativeConfig{.embedding_l2 = GetParam().embedding_l2},
                          sequences,
                          16,
                          modalities);
      model->init(11);
      add_gradients(learner_of(model, LoopConfig(), given), examples, at_once, sums);
    }
    return sums;
  }

  static double largest(const nn::NamedTensors& tensors) {
    double most = 0;
    for (const auto& [name, tensor] : tensors)
      most = std::max(most, tensor.abs().max().item<double>());
    return most;
  }

  data::Sequences sequences = ring_of_items(15, 60);
  std::vector<rec_models::collaborative::Modality> modalities = {
      {.features = test::randn({16, 9}, 8), .reduced = 5}};
  std::vector<std::size_t> examples;
};

TEST_P(GradientsOfPairs, AreTheSameInManyProcesses) {
  const LossConfig& loss = GetParam().loss;
  const nn::NamedTensors whole = gradients(1, SIZE_MAX, loss);
  EXPECT_GT(largest(whole), 1e-4);
  for (const int processes : {2, 3}) expect_close(gradients(processes, SIZE_MAX, loss), whole);
  expect_close(gradients(3, 5, loss), gradients(1, 5, loss));
}

TEST_P(GradientsOfPairs, AreTheSameWhereAProcessHasNoPairs) {
  examples.resize(2);
  const LossConfig& loss = GetParam().loss;
  expect_close(gradients(3, SIZE_MAX, loss), gradients(1, SIZE_MAX, loss));
}

TEST_P(GradientsOfPairs, OfProcessesThatCompareWithTheirOwnItemsAreThoseOfParts) {
  LossConfig own = GetParam().loss;
  own.batch_negatives = "own";
  if (own.loss == "in-batch-softmax") {
    expect_close(gradients(4, SIZE_MAX, own), gradients(1, 4, own));
  } else {
    expect_close(gradients(4, SIZE_MAX, own), gradients(1, SIZE_MAX, own));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models,
    GradientsOfPairs,
    ::testing::Values(PairCase{"dssm", {}, 0.1},
                      PairCase{"lightgcn", {.loss = "sampled-softmax", .num_negatives = 3}, 0.1},
                      PairCase{"deepfm", {}},
                      PairCase{"nfm", {}},
                      PairCase{"mmgcn", {.loss = "bpr", .num_negatives = 2}, 0.1},
                      PairCase{"vbpr", {.loss = "softmax"}}),
    [](const auto& instance) { return instance.param.model; });

}  // namespace
}  // namespace vragent::recommender

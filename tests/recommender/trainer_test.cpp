// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/trainer.h"

#include <cmath>
#include <functional>

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
#include "vragent/util/format.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/json.h"

namespace vragent::recommender {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using torch::Tensor;

constexpr std::int64_t kStepsOfAnEpoch = 4;  // 60 users, 16 of them a step

LoopConfig small_loop(std::int64_t epochs) {
  return {.batch_size = 16,
          .epochs = epochs,
          .patience = 0,
          .optim = {.lr = 5e-3, .weight_decay = 0.01, .clip = 5.0}};
}

class RecommenderTraining : public ::testing::TestWithParam<const char*> {
 protected:
  ~RecommenderTraining() override { clear_interrupt(); }

  [[nodiscard]] Recommender fresh() const {
    ItemTower tower(sequences.num_items(), 16);
    tower->init(11);
    rec_models::UserEncoder encoder(
        rec_models::UserEncoderConfig{
            .user_encoder = encoder_name(), .width = 16, .dropout = dropout},
        sequences.protocol.max_len);
    encoder->init(12);
    return Recommender(tower, encoder);
  }

  [[nodiscard]] virtual std::string encoder_name() const { return GetParam(); }

  TrainingInput input(const std::string& folder, bool resume = false, const LossConfig& loss = {}) {
    make_folder(folder_ / folder);
    return {.sequences = sequences,
            .rows = training_rows(sequences),
            .run_folder = folder_ / folder,
            .seed = 7,
            .resume = resume,
            .loss = loss};
  }

  TrainingResult run(Recommender& model,
                     const LoopConfig& loop,
                     const std::string& folder,
                     bool resume = false,
                     const LossConfig& loss = {}) {
    return train(model, loop, input(folder, resume, loss));
  }

  /// Stops in the step-th step.
  void run_until(std::int64_t step,
                 const LoopConfig& loop,
                 const std::string& folder,
                 const LossConfig& loss = {}) {
    Recommender model = fresh();
    const TrainingInput given = input(folder, /*resume=*/false, loss);
    train_until(step, learner_of(model, loop, given), loop, given);
  }

  data::Sequences sequences = ring_of_items(15, 60);
  double dropout = 0.2;
  test::TempDir folder_;
};

TEST_P(RecommenderTraining, ResumesBitForBit) {
  Recommender whole = fresh();
  const TrainingResult wanted = run(whole, small_loop(6), "whole");

  run_until(kStepsOfAnEpoch + 2, small_loop(6), "parts");
  Recommender second = fresh();
  const TrainingResult got = run(second, small_loop(6), "parts", /*resume=*/true);

  EXPECT_TRUE(test::same_tensors(nn::parameters_of(*second), nn::parameters_of(*whole)));
  EXPECT_EQ(got.epochs_run, wanted.epochs_run);
  EXPECT_EQ(got.best_epoch, wanted.best_epoch);
  EXPECT_EQ(got.best_valid, wanted.best_valid);
  EXPECT_EQ(read_file(folder_ / "parts/train_log.jsonl"),
            read_file(folder_ / "whole/train_log.jsonl"));
}

TEST_P(RecommenderTraining, LearnsWhatFollowsWhat) {
  sequences = ring_of_items(50, 150);
  Recommender model = fresh();
  const auto hit_rate = [&] {
    return evaluate(sequences,
                    data::Split::kTest,
                    model_ranker(model, sequences, torch::kCPU),
                    {.cutoffs = {10}})
        .all.cutoffs[0]
        .hit_rate;
  };
  const double before = hit_rate();
  LoopConfig loop = small_loop(12);
  loop.optim.lr = 2e-2;
  run(model, loop, "learns");
  EXPECT_LT(before, 0.5);
  EXPECT_GT(hit_rate(), 0.9);
}

INSTANTIATE_TEST_SUITE_P(Encoders,
                         RecommenderTraining,
                         ::testing::Values("sasrec", "gru4rec", "nextitnet"),
                         [](const auto& instance) { return std::string(instance.param); });

class SasRecTraining : public RecommenderTraining {
 protected:
  [[nodiscard]] std::string encoder_name() const override { return "sasrec"; }
};

TEST_F(SasRecTraining, LearnsFromDrawnNegatives) {
  sequences = ring_of_items(50, 150);
  for (const LossConfig& loss :
       {LossConfig{.loss = "sampled-softmax", .num_negatives = 20, .negatives_per = "row"},
        LossConfig{.loss = "bce", .num_negatives = 8, .bce_calibration = 0.75},
        LossConfig{.loss = "bpr", .num_negatives = 4}}) {
    Recommender model = fresh();
    const std::string folder = loss.description();
    EXPECT_GT(run(model, small_loop(60), folder, /*resume=*/false, loss).best_valid, 0.9) << folder;
  }
}

TEST_F(SasRecTraining, ResumesBitForBitWithDrawnNegativesInMicroBatches) {
  const LossConfig loss = {.loss = "bce", .num_negatives = 3};
  LoopConfig loop = small_loop(3);
  loop.micro_batch = 8;  // two a step, which drop out and draw for themselves
  Recommender whole = fresh();
  run(whole, loop, "whole", /*resume=*/false, loss);
  run_until(kStepsOfAnEpoch + 2, loop, "parts", loss);
  Recommender second = fresh();
  run(second, loop, "parts", /*resume=*/true, loss);
  EXPECT_TRUE(test::same_tensors(nn::parameters_of(*second), nn::parameters_of(*whole)));
}

TEST_F(SasRecTraining, MicroBatchesAddUpToTheBatch) {
  dropout = 0;                                  // a part draws for itself
  const LossConfig loss = {.loss = "softmax"};  // no user is another's negative
  LoopConfig loop = small_loop(2);
  loop.optim.eps = 1e-4;  // else a gradient that is rounding only becomes a whole step
  std::vector<TrainingRow> rows = training_rows(sequences);
  for (std::size_t i = 0; i < rows.size(); i += 3) rows[i].items.resize(2);  // parts differ
  const auto trained = [&](std::int64_t micro_batch) {
    loop.micro_batch = micro_batch;
    Recommender model = fresh();
    TrainingInput given = input(formatted("micro{}", micro_batch), /*resume=*/false, loss);
    given.rows = rows;
    train(model, loop, given);
    return nn::parameters_of(*model);
  };
  const nn::NamedTensors whole = trained(0);
  for (const std::int64_t micro_batch : {3, 7}) {  // of batches of 16: the last part is smaller
    for (const auto& [name, tensor] : trained(micro_batch))
      EXPECT_TRUE(torch::allclose(tensor, whole.at(name), 0, 1e-6)) << name << ", " << micro_batch;
  }
}

TEST_F(SasRecTraining, KeepsTheBestEpochAndStopsWithoutPatience) {
  Recommender model = fresh();
  LoopConfig loop = small_loop(30);
  loop.patience = 2;
  loop.optim.lr = 0;  // nothing gets better: the first epoch stays the best
  const TrainingResult result = run(model, loop, "patience");
  EXPECT_EQ(result.best_epoch, 1);
  EXPECT_EQ(result.epochs_run, 3);
  EXPECT_TRUE(test::same_tensors(nn::parameters_of(*model), nn::parameters_of(*fresh())));
}

TEST_F(SasRecTraining, ChoosesTheBestEpochByTheMetricAskedFor) {
  Recommender model = fresh();
  LoopConfig loop = small_loop(8);
  loop.select_metric = "ndcg@10";
  const TrainingResult result = run(model, loop, "ndcg");
  double best = 0;
  std::int64_t best_epoch = 0;
  for_each_line(folder_ / "ndcg/train_log.jsonl", [&](const std::string& line, const std::string&) {
    const Json row = Json::parse(line);
    const double value = row["valid_ndcg@10"].get<double>();
    if (value <= best) return;
    best = value;
    best_epoch = row["step"].get<std::int64_t>();
  });
  EXPECT_EQ(result.best_epoch, best_epoch);
  EXPECT_EQ(result.best_valid, best);
}

/// Runs whose loss is changed on the way.
class BrokenSteps : public SasRecTraining {
 protected:
  using Change = std::function<Tensor(std::int64_t call, const Tensor& loss)>;

  TrainingResult run_changed(Recommender& model,
                             const std::string& on_nan,
                             const Change& change,
                             bool resume = false) {
    make_folder(folder_ / "run");
    LoopConfig loop = small_loop(2);
    loop.on_nan = on_nan;
    const TrainingInput input{.sequences = sequences,
                              .rows = training_rows(sequences),
                              .run_folder = folder_ / "run",
                              .seed = 7,
                              .resume = resume};
    Learner learner = learner_of(model, loop, input);
    std::int64_t calls = 0;
    const auto plain = learner.loss;
    learner.loss = [&](const std::vector<std::size_t>& examples, std::uint64_t draw_seed) {
      return change(calls++, plain(examples, draw_seed));
    };
    return run_loop(learner, loop, input);
  }

  /// The message of the error that such a run ends with.
  std::string error_of(Recommender& model, const std::string& on_nan, const Change& change) {
    try {
      run_changed(model, on_nan, change);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kInternal);
      return error.what();
    }
    return "";
  }

  [[nodiscard]] bool has_checkpoint() const {
    return std::filesystem::exists(folder_ / "run/checkpoint");
  }
};

TEST_F(BrokenSteps, EndTheRunNamingStepAndUsersAndResumeWithoutTheStep) {
  Recommender model = fresh();
  const std::string message = error_of(model, "stop", [](std::int64_t call, const Tensor& loss) {
    return call == kStepsOfAnEpoch + 1 ? loss * NAN : loss;
  });
  EXPECT_THAT(message, MatchesRegex("loss is nan at step 6 \\(epoch 2\\), users( u[0-9]+){16};.*"));
  ASSERT_TRUE(has_checkpoint()) << "of the first epoch";
  Recommender again = fresh();
  const TrainingResult result = run_changed(
      again,
      "skip",
      [](std::int64_t call, const Tensor& loss) { return call == 1 ? loss * NAN : loss; },
      /*resume=*/true);
  EXPECT_EQ(result.epochs_run, 2);
  EXPECT_EQ(result.skipped_steps, 1);
  EXPECT_THAT(read_file(folder_ / "run/train_log.jsonl"), HasSubstr("\"skipped_steps\":1"));
}

TEST_F(BrokenSteps, ThatAreSkippedLeaveNoTraceInWeightsAndMeanLoss) {
  std::vector<double> kept;
  Recommender model = fresh();
  const TrainingResult result =
      run_changed(model, "skip", [&](std::int64_t call, const Tensor& loss) {
        if (call == 2) return loss * INFINITY;
        if (call < kStepsOfAnEpoch) kept.push_back(loss.item<double>());
        return loss;
      });
  EXPECT_EQ(result.skipped_steps, 1);
  for (const auto& [name, tensor] : nn::parameters_of(*model))
    EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
  const std::string log = read_file(folder_ / "run/train_log.jsonl");
  const Json first = parse_json_object(log.substr(0, log.find('\n')), "log");
  EXPECT_NEAR(first["loss"].get<double>(), (kept[0] + kept[1] + kept[2]) / 3, 1e-6);
}

TEST_F(BrokenSteps, AreFoundByTheirGradientsToo) {
  // The value is that of the loss, the gradient of a root at zero is infinite.
  const auto broken = [&](Recommender& model) {
    return [&model](std::int64_t, const Tensor& loss) {
      return loss + (model->items->item_embedding->weight.flatten()[3] * 0).sqrt();
    };
  };
  Recommender model = fresh();
  EXPECT_THAT(error_of(model, "stop", broken(model)), HasSubstr("gradient norm is nan at step 1"));
  EXPECT_THAT(error_of(model, "skip", broken(model)), HasSubstr("every step of epoch 1"));
  EXPECT_TRUE(test::same_tensors(nn::parameters_of(*model), nn::parameters_of(*fresh())));
  EXPECT_FALSE(has_checkpoint());
}

TEST_F(BrokenSteps, WeightsThatAreNotFiniteReachNoCheckpoint) {
  Recommender model = fresh();
  const auto overflow = [&](std::int64_t call, const Tensor& loss) {
    if (call == kStepsOfAnEpoch - 1)
      model->items->item_embedding->weight.variable_data()[5].fill_(INFINITY);
    return loss;
  };
  EXPECT_THAT(error_of(model, "skip", overflow),
              HasSubstr("items.item_embedding.weight is not finite after step 4 (epoch 1)"));
  EXPECT_FALSE(has_checkpoint());
}

TEST_F(SasRecTraining, RefusesToTrainOnNothing) {
  Recommender model = fresh();
  EXPECT_THROW(
      train(
          model, small_loop(1), {.sequences = sequences, .rows = {}, .run_folder = folder_.path()}),
      DataError);
}

}  // namespace
}  // namespace vragent::recommender

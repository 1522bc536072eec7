// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// train-sasrec under mpirun with 2 and 4 processes ends with the model of one process.
#include <gtest/gtest.h>

#include "cli/small_files.h"
#include "processes/training.h"
#include "support/tiny_models.h"

namespace vragent::test {
namespace {

class RecommenderTogether : public Training {
 protected:
  void SetUp() override {
    Training::SetUp();
    write("interactions.tsv", small_interactions());
    write("titles.csv", small_titles());
  }

  /// 24 steps with dropout; the last batch of an epoch is shorter than the others.
  [[nodiscard]] static std::string command(const std::string& more) {
    return "$vragent train-sasrec --interactions interactions.tsv --width 32 --batch-size 6 "
           "--patience 0 --epochs 6 --optim.lr 1e-3 " +
           more;
  }

  void expect_the_result_of_one(const std::string& typed) {
    train(1, typed, "one");
    for (const int processes : {2, 4}) {
      const std::string out = "of" + std::to_string(processes);
      train(processes, typed, out);
      expect_close(out, "one");
      expect_close_log(out, "one", "loss");
      EXPECT_EQ(read(out + "/metrics.json"), read("one/metrics.json"));
      EXPECT_EQ(rows_without("scores", out + "/topk.jsonl"),
                rows_without("scores", "one/topk.jsonl"));
    }
  }
};

TEST_F(RecommenderTogether, LearnsWhatOneProcessLearns) {
  expect_the_result_of_one(command(""));
  train(4, command(""), "again");
  expect_same_bits("again", "of4");
}

TEST_F(RecommenderTogether, LearnsWhatOneProcessLearnsFromDrawnNegatives) {
  expect_the_result_of_one(command("--loss bce --num-negatives 3 --user-encoder gru4rec"));
}

/// Parts of four users, of which a process may have one or none.
TEST_F(RecommenderTogether, LearnsWhatOneProcessLearnsInMicroBatches) {
  expect_the_result_of_one(command("--micro-batch 4"));
}

/// No user is another's negative: parts and processes that weigh by their targets give the same.
TEST_F(RecommenderTogether, LearnsTheSameInPartsOfUsersWithUnequalHistories) {
  const std::string more = "--loss softmax --dropout 0 --optim.eps 1e-4";
  expect_the_result_of_one(command(more));
  train(1, command(more + " --micro-batch 4"), "parts");
  expect_close("parts", "one");
  train(2, command(more + " --micro-batch 4"), "shared-parts");
  expect_close("shared-parts", "one");
}

/// With an epsilon that AdamW does not need elsewhere: texts so alike give some weights gradients
/// that are nothing but rounding, and divided by their own size they become whole steps.
TEST_F(RecommenderTogether, SharesTheEncodingOfTexts) {
  write_tiny_bert(here() / "bert", 3);
  expect_the_result_of_one(
      command("--tower text --items titles.csv --text-model bert --trainable-layers 1 "
              "--text-lr 1e-4 --optim.eps 1e-4"));
}

TEST_F(RecommenderTogether, DropsWhatOneProcessDropsOfTexts) {
  write_tiny_bert(here() / "bert", 3);
  for (const char* pooling : {"cls", "mean"}) {
    expect_the_result_of_one(
        command(std::string("--tower text --items titles.csv --text-model bert --text-dropout -1 "
                            "--trainable-layers -1 --text-lr 1e-4 --optim.eps 1e-4 --overwrite "
                            "--pooling ") +
                pooling));
  }
}

TEST_F(RecommenderTogether, ComparesWithItsOwnItemsWhereAsked) {
  train(2, command(""), "all");
  train(2, command("--batch-negatives own"), "own");
  const auto all = nn::load_safetensors(here() / "all" / "model.safetensors");
  const auto own = nn::load_safetensors(here() / "own" / "model.safetensors");
  EXPECT_GT(
      max_difference(own.at("items.item_embedding.weight"), all.at("items.item_embedding.weight")),
      1e-4);
  EXPECT_LT(learning::logged(here() / "own", "loss").back(),
            learning::logged(here() / "own", "loss").front());
}

TEST_F(RecommenderTogether, ComparesWithItsOwnItemsAsMicroBatchesDo) {
  const std::string more =
      "$vragent train-sasrec --interactions interactions.tsv --width 32 --batch-size 10 "
      "--patience 0 --epochs 6 --optim.lr 1e-3 --optim.eps 1e-4 --dropout 0 ";
  train(2, more + "--batch-negatives own", "own");
  train(1, more + "--micro-batch 5", "parts");
  expect_close("own", "parts");
  expect_close_log("own", "parts", "loss");
}

struct PairCase {
  std::string model;
  std::string more;
};

/// The models of pairs, with an epsilon as above: what a graph sums up cancels in places.
class CollaborativeTogether : public RecommenderTogether,
                              public ::testing::WithParamInterface<PairCase> {
 protected:
  void SetUp() override {
    RecommenderTogether::SetUp();
    nn::save_safetensors(here() / "covers.safetensors",
                         {{"features", randn({kNumSmallItems, 8}, 4)}});
  }

  /// 19 steps an epoch, the last of two pairs: fewer than 4 processes.
  [[nodiscard]] static std::string of_epochs(int epochs) {
    return formatted(
        "$vragent train-sasrec --interactions interactions.tsv --width 32 --batch-size 6 "
        "--patience 0 --epochs {} --optim.lr 1e-3 --optim.eps 1e-3 --model {} {}",
        epochs,
        GetParam().model,
        GetParam().more);
  }
};

TEST_P(CollaborativeTogether, LearnsWhatOneProcessLearns) {
  expect_the_result_of_one(of_epochs(2));
}

TEST_P(CollaborativeTogether, GoesOnInAnotherNumberOfProcesses) {
  train(1, of_epochs(2), "whole");
  train(2, of_epochs(1), "run");
  train(4, of_epochs(2) + " --resume", "run");
  expect_close("run", "whole");
  expect_close_log("run", "whole", "loss");
}

INSTANTIATE_TEST_SUITE_P(
    Models,
    CollaborativeTogether,
    ::testing::Values(PairCase{"dssm", "--embedding-l2 0.1"},
                      PairCase{"lightgcn", "--loss bpr --num-negatives 3 --embedding-l2 0.1"},
                      PairCase{"deepfm", ""},
                      PairCase{"nfm", ""},
                      PairCase{"mmgcn",
                               "--loss bpr --image-features covers.safetensors --embedding-l2 0.1"},
                      PairCase{"vbpr", "--image-features covers.safetensors --feature-lr 2e-3"}),
    [](const auto& instance) { return instance.param.model; });

}  // namespace
}  // namespace vragent::test

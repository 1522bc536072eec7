// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Trainings that are killed in the middle, more than once: the same command, typed again, ends with
// the bits of a run that nothing happened to.
#include <chrono>
#include <csignal>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/small_files.h"
#include "vragent/util/format.h"
#include "vragent/util/random.h"

namespace vragent::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Killed : public SmallFiles {
 protected:
  void SetUp() override {
    SmallFiles::SetUp();
    make_models();
    output_of(kMakeCases + "--num-users 4 --split valid --out cases.jsonl");
  }

  /// Kills the command `run` once behind each of these checkpoints, and lets it end then.
  void kill_behind(const std::vector<int>& steps, const std::string& command) {
    for (const int step : steps) {
      const auto running = start(command);
      running->wait_for(here() / formatted("run/checkpoint-{}/trainer_state.json", step));
      running->send(SIGKILL);
      EXPECT_EQ(running->wait().code, 137) << "it had ended before";
      EXPECT_FALSE(exists("run/model.safetensors"));
      write(formatted("run/.tmp-0-{}/model.safetensors", step), "half");
    }
    output_of(command);
    EXPECT_THAT(listing("run"), Not(HasSubstr(".tmp"))) << "what the kills left";
  }

  /// Kills the command six times, each after a part of what it took whole, wherever that finds
  /// it: starting, in a step, in the middle of a save; then lets it end.
  void kill_at_random(const std::string& command, std::chrono::duration<double> whole) {
    RandomStream random(7);
    for (int kill = 0; kill < 6; ++kill) {
      const auto running = start(command);
      std::this_thread::sleep_for(whole * (0.1 + 0.5 * random.uniform()));
      running->send(SIGKILL);
      const int code = running->wait().code;
      if (code == 0) break;  // so little was left to do
      EXPECT_EQ(code, 137) << "it failed by itself";
    }
    output_of(command);
    EXPECT_THAT(listing("run"), Not(HasSubstr(".tmp"))) << "what the kills left";
  }

  std::chrono::duration<double> time_of(const std::string& command) {
    const auto begin = std::chrono::steady_clock::now();
    output_of(command);
    return std::chrono::steady_clock::now() - begin;
  }

  void expect_same_bits(const std::vector<std::string>& files) {
    for (const std::string& file : files)
      EXPECT_TRUE(read("run/" + file) == read("whole/" + file)) << file;
  }
};

TEST_F(Killed, SftGoesOnBitForBit) {
  const auto tune = [](const std::string& out) {
    return "$vragent sft --model models/lm --train cases.jsonl --valid cases.jsonl --valid-every 3 "
           "--keep best --no-prompt.cot --batch-size 4 --epochs 100 --max-steps 24 --log-every 1 "
           "--save-every 2 --keep-checkpoints 99 --optim.lr 1e-3 --lora.rank 2 --lora.dropout 0.2 "
           "--resume --threads 1 --out " +
           out;
  };
  output_of(tune("whole"));
  kill_behind({2, 8, 14}, tune("run"));
  expect_same_bits({"adapter_model.safetensors",
                    "checkpoint-24/adapter_model.safetensors",
                    "checkpoint-24/state/state.safetensors"});
  EXPECT_EQ(rows_of("run/train_log.jsonl"), rows_of("whole/train_log.jsonl"));
}

TEST_F(Killed, GrpoTrainGoesOnBitForBit) {
  const auto reinforce = [](const std::string& out) {
    return "$vragent grpo-train --model models/lm --cases cases.jsonl --stages judge:4,select:4 "
           "--replay 0.25 --batch-prompts 4 --mini-prompts 2 --group-size 2 "
           "--updates-per-rollout 2 "
           "--sampling.max-tokens 6 --loss.entropy-coef 0.5 --optim.lr 1e-3 --save-every 1 "
           "--keep-checkpoints 99 --resume --threads 1 --out " +
           out;
  };
  output_of(reinforce("whole"));
  const std::size_t steps = rows_of("whole/train_log.jsonl").size();
  ASSERT_GE(steps, 8) << "or the kills come too late";
  kill_behind({1, 3, 5}, reinforce("run"));
  const std::string last = formatted("checkpoint-{}/", std::to_string(steps));
  expect_same_bits({"model.safetensors",
                    last + "model.safetensors",
                    last + "state/state.safetensors",
                    "completions.jsonl"});
  EXPECT_EQ(rows_of("run/train_log.jsonl"), rows_of("whole/train_log.jsonl"));
}

TEST_F(Killed, TrainSasrecGoesOnBitForBitWhereverItIsKilled) {
  const auto train = [](const std::string& out) {
    return "$vragent train-sasrec --interactions interactions.tsv --width 32 --patience 0 "
           "--batch-size 2 --micro-batch 1 --save-every 2 --optim.lr 1e-2 --epochs 12 --resume "
           "--threads 1 --out " +
           out;
  };
  kill_at_random(train("run"), time_of(train("whole")));
  expect_same_bits(
      {"model.safetensors", "metrics.json", "topk.jsonl", "checkpoint/state.safetensors"});
  EXPECT_EQ(rows_of("run/train_log.jsonl"), rows_of("whole/train_log.jsonl"));
}

TEST_F(Killed, SftGoesOnBitForBitWhereverItIsKilled) {
  const auto tune = [](const std::string& out) {
    return "$vragent sft --model models/lm --train cases.jsonl --no-prompt.cot --batch-size 4 "
           "--epochs 100 --max-steps 20 --log-every 1 --save-every 1 --optim.lr 1e-3 --resume "
           "--threads 1 --out " +
           out;
  };
  kill_at_random(tune("run"), time_of(tune("whole")));
  expect_same_bits({"model.safetensors", "checkpoint-20/state/state.safetensors"});
  EXPECT_EQ(rows_of("run/train_log.jsonl"), rows_of("whole/train_log.jsonl"));
}

}  // namespace
}  // namespace vragent::test

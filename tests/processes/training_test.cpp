// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// sft and grpo-train under mpirun with 2 and 4 processes end with the model of one process.
#include "processes/training.h"

#include <csignal>

#include <gtest/gtest.h>

#include "learning/small_cases.h"
#include "support/tiny_models.h"

namespace vragent::test {
namespace {

class LanguageModelTogether : public Training {
 protected:
  void SetUp() override {
    Training::SetUp();
    write_tiny_lm(here() / "lm", 1);
    std::vector<data::Case> cases;
    for (std::int64_t i = 0; i < 6; ++i) {
      cases.push_back(learning::judge_case("j" + std::to_string(i), i % 2));
      cases.push_back(learning::select_case("s" + std::to_string(i), i % 3));
    }
    learning::write_cases(here() / "cases.jsonl", cases);
  }

  /// 20 steps of batches that neither 2 nor 4 divide.
  [[nodiscard]] static std::string sft(const std::string& more = "") {
    return "$vragent sft --model lm --train cases.jsonl --valid cases.jsonl --valid-every 7 "
           "--batch-size 5 --epochs 100 --max-steps 20 --log-every 1 --save-every 5 "
           "--keep-checkpoints 9 --no-prompt.cot --optim.lr 1e-4 " +
           more;
  }

  [[nodiscard]] static std::string grpo(const std::string& more = "") {
    return "$vragent grpo-train --model start --cases cases.jsonl --stages both:5 "
           "--batch-prompts 3 --group-size 4 --micro-prompts 1 --save-every 5 --no-prompt.cot "
           "--sampling.max-tokens 12 --optim.lr 1e-4 " +
           more;
  }

  /// completions.jsonl without what is rounded.
  [[nodiscard]] std::vector<std::string> tokens_and_rewards(const std::string& out) const {
    return rows_without("advantage", out + "/completions.jsonl");
  }

  void make_start() {
    train(1,
          "$vragent sft --model lm --train cases.jsonl --batch-size 12 --epochs 40 "
          "--no-prompt.cot --optim.lr 1e-2",
          "start");
  }
};

TEST_F(LanguageModelTogether, LearnsFromExamplesAsOneProcess) {
  train(1, sft(), "one");
  for (const int processes : {2, 4}) {
    for (const char* zero : {"1", "2"}) {
      const std::string out = "of" + std::to_string(processes) + "-" + zero;
      train(processes, sft(std::string("--zero ") + zero), out);
      expect_close(out, "one");
      for (const char* name : {"loss", "eval_loss", "num_tokens"})
        expect_close_log(out, "one", name);
    }
  }
  train(4, sft("--zero 2"), "again");
  expect_same_bits("again", "of4-2");
}

TEST_F(LanguageModelTogether, TrainsAnAdapterAsOneProcess) {
  const std::string lora = "--lora.rank 2 --lora.dropout 0.3 --keep best";
  train(1, sft(lora), "one");
  for (const int processes : {2, 4}) {
    const std::string out = "of" + std::to_string(processes);
    train(processes, sft(lora), out);
    expect_close(out, "one", "adapter_model.safetensors");
    expect_close_log(out, "one", "loss");
  }
}

/// Micro-batches of which there are fewer than processes in a short step, after a rehearsal that
/// all have made together.
TEST_F(LanguageModelTogether, LearnsFromMicroBatchesAsOneProcess) {
  const std::string more = "--micro-tokens 300 --rehearse on";
  train(1, sft(more), "one");
  for (const char* zero : {"1", "2"}) {
    const std::string out = std::string("three-") + zero;
    train(3, sft(more + " --zero " + zero), out);
    expect_close(out, "one");
    for (const char* name : {"loss", "eval_loss", "num_tokens"}) expect_close_log(out, "one", name);
  }
}

/// A checkpoint of some processes, by others.
TEST_F(LanguageModelTogether, GoesOnInAnotherNumberOfProcesses) {
  train(1, sft(), "whole");
  for (const auto& [before, after] : {std::pair(2, 4), std::pair(4, 1), std::pair(1, 2)}) {
    const std::string out = std::to_string(before) + "then" + std::to_string(after);
    train(before, sft(), out);
    output_of("cd " + out + " && rm -r checkpoint-15 checkpoint-20 trainer_state.json model*");
    train(after, sft("--resume --zero 2"), out);
    expect_close(out, "whole");
    expect_close_log(out, "whole", "loss");
  }
}

TEST_F(LanguageModelTogether, LearnsFromRewardsAsOneProcess) {
  make_start();
  train(1, grpo(), "one");
  EXPECT_EQ(learning::logged(here() / "one", "loss").size(), 20);
  for (const int processes : {2, 4}) {
    const std::string out = "of" + std::to_string(processes);
    train(processes, grpo(processes == 4 ? "--zero 2" : ""), out);
    expect_close(out, "one");
    for (const char* name : {"loss", "reward", "kl", "entropy", "completions/mean_length"})
      expect_close_log(out, "one", name);
    EXPECT_EQ(tokens_and_rewards(out), tokens_and_rewards("one"));
  }
  EXPECT_FALSE(same_tensors(nn::load_safetensors(here() / "one/model.safetensors"),
                            nn::load_safetensors(here() / "start/model.safetensors")))
      << "it learned";
}

TEST_F(LanguageModelTogether, TrainsAnAdapterFromRewardsAsOneProcess) {
  make_start();
  const std::string lora =
      "--lora.rank 2 --lora.alpha 8 --lora.dropout 0.2 --updates-per-rollout 2";
  train(1, grpo(lora), "one");
  train(2, grpo(lora + " --zero 2"), "two");
  expect_close("two", "one", "adapter_model.safetensors");
  for (const char* name : {"loss", "reward", "kl"}) expect_close_log("two", "one", name);
  EXPECT_EQ(tokens_and_rewards("two"), tokens_and_rewards("one"));
  const auto kl = learning::logged(here() / "one", "kl");
  EXPECT_GT(*std::max_element(kl.begin(), kl.end()), 0) << "it learned";
}

/// A checkpoint of two processes goes on in four, and one of theirs in one. Groups that are asked
/// in place of flat ones bring the curriculum to another place than the step says.
TEST_F(LanguageModelTogether, GoesOnWithRewardsInAnotherNumberOfProcesses) {
  make_start();
  const std::string command = grpo("--resample-rounds 2 --keep-checkpoints 9 ");
  train(1, command, "whole");
  train(2, command, "run");
  output_of("cd run && rm -r checkpoint-{10,15,20} trainer_state.json model*");
  train(4, command + "--resume --zero 2", "run");
  output_of("cd run && rm -r checkpoint-{15,20} trainer_state.json model*");
  train(1, command + "--resume", "run");
  expect_close("run", "whole");
  for (const char* name : {"loss", "reward", "dynamic_sampling/kept_groups"})
    expect_close_log("run", "whole", name);
  EXPECT_EQ(tokens_and_rewards("run"), tokens_and_rewards("whole"));
  const auto numbers = [&](const std::string& out) {
    return parse_json_object(read(out + "/checkpoint-20/state/state.json"), out);
  };
  EXPECT_EQ(numbers("run"), numbers("whole")) << "the place in the curriculum among them";
  EXPECT_GT(numbers("run")["dropped_groups"].get<double>(), 0) << "or the test shows nothing";
}

TEST_F(LanguageModelTogether, GoesOnBitForBitWhereOneOfThemIsKilled) {
  make_start();
  const std::string command = grpo("--zero 2 --resume");
  train(2, command, "whole");
  const auto running = start(two_known(command + " --threads 1 --out run"));
  running->wait_for(here() / "run/checkpoint-5/trainer_state.json");
  ::kill(pid_of(1), SIGKILL);
  EXPECT_EQ(running->wait().code, 137);
  EXPECT_FALSE(exists("run/model.safetensors")) << "it had ended before";
  train(2, command, "run");
  expect_same_bits("run", "whole");
  EXPECT_EQ(learning::timeless_log(here() / "run"), learning::timeless_log(here() / "whole"));
  EXPECT_EQ(read("run/completions.jsonl"), read("whole/completions.jsonl"));
}

/// Several updates a rollout, the entropy bonus, and advantages scaled by the whole batch: all that
/// looks beyond one micro-batch.
TEST_F(LanguageModelTogether, LearnsFromRewardsOfTheWholeBatch) {
  make_start();
  const std::string more =
      "--updates-per-rollout 2 --loss.type dapo --advantage.scale batch --loss.entropy-coef 0.01";
  train(1, grpo(more), "one");
  train(2, grpo(more + " --zero 2"), "two");
  expect_close("two", "one");
  expect_close_log("two", "one", "loss");
}

/// An update of each prompt, twice, whose answers stand alone: what the processes share is a part
/// of the rollout. The epsilon is for gradients that are nothing but rounding, which Adam would
/// make whole steps of.
TEST_F(LanguageModelTogether, LearnsFromMiniBatchesAsOneProcess) {
  make_start();
  const std::string more =
      "--mini-prompts 1 --micro-tokens 1 --updates-per-rollout 2 --optim.eps 1e-4";
  train(1, grpo(more), "one");
  EXPECT_EQ(learning::logged(here() / "one", "loss").size(), 20);
  for (const char* zero : {"1", "2"}) {
    const std::string out = std::string("two-") + zero;
    train(2, grpo(more + " --zero " + zero), out);
    expect_close(out, "one");
    for (const char* name : {"loss", "reward", "kl"}) expect_close_log(out, "one", name);
    EXPECT_EQ(tokens_and_rewards(out), tokens_and_rewards("one"));
  }
}

/// Updates of a single micro-batch, which leave three of four processes idle.
TEST_F(LanguageModelTogether, LearnsFromMiniBatchesOfWhichMostHaveNone) {
  make_start();
  const std::string more = "--mini-prompts 1 --updates-per-rollout 2 --optim.eps 1e-4";
  train(1, grpo(more), "one");
  train(4, grpo(more + " --zero 2"), "four");
  expect_close("four", "one");
  for (const char* name : {"loss", "reward", "kl"}) expect_close_log("four", "one", name);
  EXPECT_EQ(tokens_and_rewards("four"), tokens_and_rewards("one"));
}

/// Groups whose answers all earn the same, which are left out: what remains is divided by all. The
/// norm of a gradient is not held to 1e-6: it is taken at weights that differ by up to that.
TEST_F(LanguageModelTogether, LearnsFromWhatIsLeftWithoutFlatGroups) {
  make_start();
  for (const char* type : {"bnpo", "dapo"}) {
    const std::string more = std::string("--loss.kl-coef 0 --loss.type ") + type;
    const std::string one = std::string("one-") + type;
    train(1, grpo(more), one);
    const auto flat = learning::logged(here() / one, "frac_reward_zero_std");
    EXPECT_TRUE(std::any_of(flat.begin(), flat.end(), [](double x) { return x > 0 && x < 1; }))
        << "or the test shows nothing";
    for (const int processes : {1, 2}) {
      const std::string out = type + std::to_string(processes);
      train(processes, grpo(more + " --zero 2"), out);
      expect_close(out, one);
      for (const char* name : {"loss", "reward"}) expect_close_log(out, one, name);
    }
  }
}

/// Groups that are dropped and asked again, whose number no process knows before, cut by tokens.
TEST_F(LanguageModelTogether, LearnsFromTheGroupsThatDynamicSamplingKeeps) {
  make_start();
  const std::string more = "--resample-rounds 2 --micro-tokens 250 --rehearse on";
  train(1, grpo(more), "one");
  for (const int processes : {2, 4}) {
    const std::string out = "of" + std::to_string(processes);
    train(processes, grpo(more + " --zero 2"), out);
    expect_close(out, "one");
    for (const char* name : {"loss", "dynamic_sampling/rounds", "dynamic_sampling/kept_groups"})
      expect_close_log(out, "one", name);
    EXPECT_EQ(tokens_and_rewards(out), tokens_and_rewards("one"));
  }
}

}  // namespace
}  // namespace vragent::test

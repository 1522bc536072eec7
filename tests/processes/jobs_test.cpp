// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What happens to one process of a launch ends them all, with the right exit code.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "cli/small_files.h"
#include "processes/launched.h"
#include "vragent/util/text.h"

namespace vragent::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Jobs : public Launches {
 protected:
  void SetUp() override {
    Launches::SetUp();
    write("interactions.tsv", small_interactions());
  }

  static std::string train(const std::string& epochs, const std::string& out) {
    std::string command = "$vragent train-sasrec --interactions interactions.tsv --width 32 ";
    command += "--patience 0 --batch-size 4 --optim.lr 1e-3 --threads 1 --epochs ";
    command += epochs;
    command += " --out ";
    return command += out;
  }

  /// Sends a signal to the second process of a training that would last for hours.
  Ran hit(const std::string& out, int signal_number) {
    const auto running = start(two_known(train("1000000", out)));
    running->wait_for(here() / out / "train_log.jsonl");
    ::kill(pid_of(1), signal_number);
    return running->wait();
  }
};

TEST_F(Jobs, SaveWhenOneOfThemIsAskedToStop) {
  const Ran ran = hit("run", SIGTERM);
  EXPECT_EQ(ran.code, 143);
  EXPECT_THAT(ran.err, HasSubstr("is saved; run the same command with --resume to go on"));
  EXPECT_TRUE(exists("run/checkpoint/state.safetensors"));
  EXPECT_FALSE(exists("run/model.safetensors"));
  EXPECT_EQ(hit("other", SIGINT).code, 130);
}

/// A batch system asks all of them: what a process hears from another must not make its own signal
/// the second one, which would end it before it has saved.
TEST_F(Jobs, SaveWhenAllOfThemAreAskedToStop) {
  const auto running = start(two_known(train("1000000", "run")));
  running->wait_for(here() / "run" / "train_log.jsonl");
  ::kill(pid_of(1), SIGTERM);
  ::usleep(3000);
  ::kill(pid_of(0), SIGTERM);
  EXPECT_EQ(running->wait().code, 143);
  EXPECT_TRUE(exists("run/checkpoint/state.safetensors"));
}

TEST_F(Jobs, EndWhenOneOfThemIsKilled) {
  EXPECT_EQ(hit("run", SIGKILL).code, 137);
}

/// Only the second process is told to use a GPU that is not there.
TEST_F(Jobs, EndWithTheCodeOfTheOneThatFails) {
  std::string script = "bash -c 'exec ";
  script += train("1000000", "run");
  script += " $([ $OMPI_COMM_WORLD_RANK = 1 ] && echo --device cuda:99)'";
  const Ran ran = run(in(2, script));
  EXPECT_EQ(ran.code, 69);
  EXPECT_THAT(ran.err, HasSubstr("rank 1: --device cuda:99"));
}

TEST_F(Jobs, SayOnceWhatAllOfThemRunInto) {
  const Ran ran = run(in(4, train("2", "run") + " --feedback nowhere.jsonl"));
  EXPECT_EQ(ran.code, 66);
  EXPECT_THAT(ran.err, HasSubstr("vragent: nowhere.jsonl"));
  EXPECT_THAT(ran.err, Not(HasSubstr("rank 1:")));
}

TEST_F(Jobs, AreNotForStudiesOfFeedback) {
  const Ran ran = run(in(2, "$vragent eval feedback --interactions interactions.tsv --out study"));
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("trains its arms in one process"));
  EXPECT_FALSE(exists("study"));
}

/// As many ranks as there are, and what --zero says they share; the plan is printed once.
TEST_F(Jobs, AreWhatADryRunPlansFor) {
  const std::string plan =
      "$vragent sft --model qwen2.5-7b --dry-run --zero 2 --plan.card h100-80 ";
  const std::string of_two = output_of(in(2, plan));
  EXPECT_THAT(of_two, HasSubstr("2 x h100-80, ZeRO-2"));
  EXPECT_EQ(of_two, output_of(plan + "--plan.ranks 2"));
  EXPECT_THAT(output_of(in(2, plan + "--plan.ranks 8")), HasSubstr("8 x h100-80, ZeRO-2"));
  EXPECT_THAT(output_of(plan), HasSubstr("1 x h100-80"));
}

TEST_F(Jobs, SpeakWithOneVoice) {
  const Ran alone = run(train("2", "one"));
  const Ran ran = run(in(2, train("2", "two")));
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, alone.out);
  EXPECT_EQ(split(ran.err, '\n').size(), split(alone.err, '\n').size()) << ran.err;
}

}  // namespace
}  // namespace vragent::test

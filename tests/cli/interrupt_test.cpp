// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Ctrl-C in the middle: the right exit code, no half file, and a resumed run that ends with the
// bits of one that was never stopped.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/small_files.h"
#include "vragent/util/json.h"
#include "vragent/util/progress.h"
#include "vragent/util/text.h"

namespace vragent::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Interrupt : public SmallFiles {
 protected:
  /// Sends a signal to a started command once `file` holds something.
  Ran interrupted(const std::string& command, const std::string& file, int signal_number) {
    const auto running = start(command);
    running->wait_for(here() / file);
    running->send(signal_number);
    return running->wait();
  }

  void expect_no_half_file(const std::string& folder) {
    EXPECT_THAT(listing(folder), Not(HasSubstr(".tmp")));
  }
};

class InterruptTraining : public Interrupt {
 protected:
  static std::string train(const std::string& out, const std::string& epochs = "14") {
    return "$vragent train-sasrec --interactions interactions.tsv --width 32 --patience 0 "
           "--batch-size 2 --optim.lr 1e-2 --threads 1 --epochs " +
           epochs + " --out " + out;
  }

  void expect_same_run(const std::string& one, const std::string& other) {
    for (const char* name : {"model.safetensors", "metrics.json", "topk.jsonl", "train_log.jsonl"})
      EXPECT_EQ(read(one + "/" + name), read(other + "/" + name)) << name;
  }
};

TEST_F(InterruptTraining, EndsWith130AndGoesOnBitForBit) {
  output_of(train("whole"));
  const Ran ran = interrupted(train("run"), "run/train_log.jsonl", SIGINT);
  EXPECT_EQ(ran.code, 130);
  EXPECT_THAT(ran.err, HasSubstr("is saved; run the same command with --resume to go on"));
  EXPECT_FALSE(exists("run/model.safetensors"));
  EXPECT_FALSE(exists("run/metrics.json"));
  expect_no_half_file("run");
  output_of(train("run") + " --resume");
  expect_same_run("whole", "run");
}

TEST_F(InterruptTraining, EndsWith143OnATermination) {
  const Ran ran = interrupted(train("run"), "run/train_log.jsonl", SIGTERM);
  EXPECT_EQ(ran.code, 143);
  EXPECT_TRUE(exists("run/checkpoint/state.safetensors"));
  expect_no_half_file("run");
}

TEST_F(InterruptTraining, SurvivesAKill) {
  output_of(train("whole"));
  EXPECT_EQ(interrupted(train("run"), "run/train_log.jsonl", SIGKILL).code, 137);
  output_of(train("run") + " --resume");
  expect_same_run("whole", "run");
}

TEST_F(InterruptTraining, EndsAtOnceOnASecondSignal) {
  const auto running = start(train("run", "100000"));
  running->wait_for(here() / "run/train_log.jsonl");
  running->send(SIGSTOP);  // both signals wait, and meet the program together
  running->send(SIGINT);
  running->send(SIGTERM);
  running->send(SIGCONT);
  const Ran ended = running->wait();
  EXPECT_THAT(ended.code, ::testing::AnyOf(130, 143));
  EXPECT_THAT(ended.err, ::testing::Not(::testing::HasSubstr("--resume"))) << "it took its time";
}

class InterruptTuning : public Interrupt {
 protected:
  void SetUp() override {
    make_models();
    std::string chats;
    for (const char* colour : {"red", "blue", "green", "white", "black", "grey"}) {
      const std::string word = colour;
      chats += "{\"messages\":[{\"role\":\"user\",\"content\":\"say " + word +
               "\"},{\"role\":\"assistant\",\"content\":\"a " + word + " boat\"}]}\n";
    }
    write("chats.jsonl", chats);
  }

  /// Sorted.
  [[nodiscard]] std::vector<std::string> checkpoint_files(const std::string& out) const {
    std::vector<std::string> files;
    for (const std::string_view file : split(listing(out), '\n')) {
      if (file.starts_with("checkpoint-")) files.emplace_back(file);
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  static std::string tune(const std::string& out) {
    return "$vragent sft --model models/lm --train chats.jsonl --batch-size 4 --epochs 100 "
           "--max-steps 24 --log-every 1 --optim.lr 1e-3 --threads 1 --out " +
           out;
  }
};

TEST_F(InterruptTuning, EndsWith130AndGoesOnBitForBit) {
  output_of(tune("whole"));
  const Ran ran = interrupted(tune("run"), "run/train_log.jsonl", SIGINT);
  EXPECT_EQ(ran.code, 130);
  EXPECT_THAT(ran.err, HasSubstr("is saved; run the same command with --resume to go on"));
  EXPECT_FALSE(exists("run/model.safetensors"));
  EXPECT_THAT(listing("run"), HasSubstr("/state/state.safetensors"));
  expect_no_half_file("run");
  output_of(tune("run") + " --resume");
  EXPECT_EQ(read("run/model.safetensors"), read("whole/model.safetensors"));
  EXPECT_EQ(rows_of("run/train_log.jsonl"), rows_of("whole/train_log.jsonl"));
}

TEST_F(InterruptTuning, KeepsTheCheckpointBeforeAFullDiskAndGoesOnFromIt) {
  output_of(tune("whole"));
  EXPECT_EQ(interrupted(tune("run"), "run/train_log.jsonl", SIGTERM).code, 143);
  const std::vector<std::string> before = checkpoint_files("run");
  const Ran full = run("ulimit -f 64; " + tune("run") + " --resume --save-every 1");
  EXPECT_EQ(full.code, 74);
  EXPECT_THAT(full.err, HasSubstr("cannot write: File too large"));
  EXPECT_EQ(checkpoint_files("run"), before) << "no half checkpoint, and none is gone";
  output_of(tune("run") + " --resume");
  EXPECT_EQ(read("run/model.safetensors"), read("whole/model.safetensors"));
}

TEST_F(InterruptTuning, EndsWithin5SecondsOfATermination) {
  const auto running = start(tune("run"));
  running->wait_for(here() / "run/train_log.jsonl");
  const Stopwatch watch;
  running->send(SIGTERM);
  EXPECT_EQ(running->wait().code, 143);
  EXPECT_LT(watch.seconds(), 5);
}

TEST_F(InterruptTuning, RefusesToGoOnWithOtherSettings) {
  EXPECT_EQ(interrupted(tune("run"), "run/train_log.jsonl", SIGTERM).code, 143);
  const Ran ran = run(tune("run") + " --resume --seed 9");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("--seed was 1"));
}

class InterruptAsking : public Interrupt {};

TEST_F(InterruptAsking, KeepsWholeDecisionsAndAsksTheRest) {
  make_models();
  output_of(kMakeCases + "--num-users 6 --out cases.jsonl");
  const auto ask = [](const std::string& out) {
    return "$vragent simulate --agent vragent --model models/lm cases.jsonl --max-tokens 24 "
           "--batch-size 1 --threads 1 --out " +
           out;
  };
  output_of(ask("whole"));
  const Ran ran = interrupted(ask("run"), "run/decisions.jsonl", SIGINT);
  EXPECT_EQ(ran.code, 130);
  EXPECT_TRUE(read("run/decisions.jsonl").ends_with("\n"));
  output_of(ask("run") + " --resume");
  EXPECT_EQ(rows_of("run/decisions.jsonl"), rows_of("whole/decisions.jsonl"));
}

TEST_F(InterruptAsking, BreaksAnAnswerOffThatNothingIsSavedOf) {
  make_models();
  const std::string ask =
      "$vragent inspect generate --model models/lm --prompt 'a boat' --max-tokens 50000 "
      "--repetition-penalty 0.5 --threads 1 >answer";  // says one word for ever
  for (const int signal_number : {SIGINT, SIGTERM}) {
    write("answer", "");
    const auto running = start(ask);
    running->wait_for(here() / "answer");
    const Stopwatch watch;
    running->send(signal_number);
    const Ran ran = running->wait();
    EXPECT_EQ(ran.code, 128 + signal_number);
    EXPECT_LT(watch.seconds(), 5);
    EXPECT_THAT(ran.err, HasSubstr("vragent: interrupted; the answer is not whole\n"));
    EXPECT_TRUE(read("answer").ends_with("\n"));
  }
}

TEST_F(InterruptAsking, EndsAtOnceWhatReadsItsInputAndKeepsNothing) {
  make_models();
  output_of("mkfifo input");
  for (const auto& [command, signal_number] : std::vector<std::pair<std::string, int>>{
           {"tokenize --model models/lm", SIGINT},
           {"logits --model models/lm --ids - --out logits.safetensors", SIGTERM},
           {"generate --model models/lm --ids -", SIGINT},
           {"data --interactions -", SIGTERM}}) {
    const auto running = start("$vragent inspect " + command + " <input");
    std::ofstream input(here() / "input");
    input << std::string(1U << 20U, ' ') << std::flush;  // a pipe holds less: it has read of it
    running->send(signal_number);
    input.close();  // a command that does not hear ends too, otherwise
    EXPECT_EQ(running->wait().code, 128 + signal_number) << command;
  }
  EXPECT_FALSE(exists("logits.safetensors"));
}

}  // namespace
}  // namespace vragent::test

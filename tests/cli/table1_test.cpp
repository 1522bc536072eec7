// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// scripts/reproduce/table1.sh as a user calls it, on small files.
#include <csignal>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/small_files.h"

namespace vragent::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Table1 : public SmallFiles {
 protected:
  void SetUp() override {
    SmallFiles::SetUp();
    output_of("mkdir data && mv interactions.tsv data/small_pairs.tsv");
  }

  /// The script of that name, wherever the test stands.
  std::string script_ = std::filesystem::absolute("scripts/reproduce/table1.sh").string();

  /// The line that runs DSSM and SASRec at a tiny size, with `options` and flags of every run.
  [[nodiscard]] std::string script(const std::string& options, const std::string& flags) const {
    return "env VRAGENT=$vragent bash " + script_ + " --data data --out table --rows DSSM,SASRec " +
           options + " -- --width 16 --threads 1 " + flags;
  }
};

TEST_F(Table1, IsPlannedWithoutRunningAnything) {
  const std::string plan =
      output_of("VRAGENT=$vragent bash " + script_ + " --data data --out table --plan");
  EXPECT_THAT(plan,
              AllOf(HasSubstr("WARNING: these are not the counts of a published set"),
                    HasSubstr("SASRec           at most 50 epochs, roughly"),
                    HasSubstr("SASRec_T         left out: needs "),
                    HasSubstr("MMGCN            left out: needs ")));
  EXPECT_FALSE(exists("table"));
}

TEST_F(Table1, RunsRowsSideBySideAndEndsWithTheTable) {
  const std::string out = output_of(script("--jobs 2 --seeds '1 2'", "--epochs 1"));
  EXPECT_THAT(out,
              AllOf(HasSubstr("== DSSM seed 1: done after "),
                    HasSubstr("== SASRec seed 2: done after "),
                    HasSubstr("(data/small_pairs.tsv) with --width 16 --threads 1 --epochs 1, "
                              "beside the paper's on MicroLens-100K"),
                    HasSubstr("small_pairs.tsv, n=2")));
  EXPECT_THAT(read("table/sasrec-seed1.log"), HasSubstr("epochs"));
  const std::string again = output_of(script("--seeds '1 2'", "--epochs 1"));
  EXPECT_THAT(again, HasSubstr("== SASRec seed 2: done before"));
  EXPECT_THAT(again, Not(HasSubstr("done after")));
  const std::string longer = output_of(script("", "--epochs 2"));
  EXPECT_THAT(longer, HasSubstr("== SASRec seed 1: goes on"));
  EXPECT_EQ(objects_in(read("table/sasrec/seed1/train_log.jsonl")).size(), 2);
}

TEST_F(Table1, SaysWhichRowsFailedAndStillEndsWithTheTable) {
  EXPECT_THAT(output_of(script("--plan", "--num-heads 5")),
              HasSubstr("SASRec           left out: vragent: --width must be a multiple"));
  output_of("mkdir table");
  write("table/sasrec", "in the way");
  const Ran ran = run(script("--jobs 2", "--epochs 1"));
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("table1.sh: failed: SASRec seed 1 (exit 73)"));
  EXPECT_THAT(ran.out, AllOf(HasSubstr("== DSSM seed 1: done after"), HasSubstr("DSSM ")));
}

TEST_F(Table1, SavesWhatRunsAtASignalAndGoesOnWithTheSameCommand) {
  const std::string line = script("--jobs 2 ", "--epochs 3000 --patience 0");
  const auto running = start(line);
  for (const char* log : {"dssm", "sasrec"})
    running->wait_for(here() / "table" / log / "seed1/train_log.jsonl");
  running->send(SIGTERM);
  const Ran stopped = running->wait();
  EXPECT_EQ(stopped.code, 130) << stopped.err;
  EXPECT_THAT(stopped.out, HasSubstr("== SASRec seed 1: stopped"));
  EXPECT_THAT(stopped.err, HasSubstr("the same command goes on"));
  EXPECT_TRUE(exists("table/sasrec/seed1/checkpoint/state.json"));
  const std::string rest = output_of(script("--jobs 2", "--epochs 1 --patience 0"));
  EXPECT_THAT(rest, HasSubstr("== SASRec seed 1: goes on"));
}

}  // namespace
}  // namespace vragent::test

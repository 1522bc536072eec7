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
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class Table1 : public SmallFiles {
 protected:
  void SetUp() override {
    SmallFiles::SetUp();
    output_of("mkdir data && mv interactions.tsv data/small_pairs.tsv");
  }

  /// A program of that name, a bash script.
  void write_program(const std::string& name, const std::string& lines) {
    write(name, "#!/bin/bash\n" + lines);
    output_of("chmod +x " + name);
  }

  /// The script of that name, wherever the test stands.
  std::string script_ = std::filesystem::absolute("scripts/reproduce/table1.sh").string();

  /// What the script takes for the program.
  std::string program_ = "$vragent";

  /// The line that runs DSSM and SASRec at a tiny size, with `options` and flags of every run.
  [[nodiscard]] std::string script(const std::string& options, const std::string& flags) const {
    return "env VRAGENT=" + program_ + " bash " + script_ +
           " --data data --out table --rows DSSM,SASRec " + options +
           " -- --width 16 --threads 1 " + flags;
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
  EXPECT_THAT(longer, HasSubstr("== SASRec seed 2: not in the table"));
  EXPECT_EQ(objects_in(read("table/sasrec/seed1/train_log.jsonl")).size(), 2);
}

TEST_F(Table1, PutsTheFloorsBesideARow) {
  const std::string out = output_of("env VRAGENT=$vragent bash " + script_ +
                                    " --data data --out table --rows pop,markov,DSSM"
                                    " -- --width 16 --threads 1 --epochs 1");
  EXPECT_THAT(out,
              AllOf(HasSubstr("pop              a floor"),
                    HasSubstr("== markov seed 1: done after "),
                    HasSubstr("pop (control)"),
                    HasSubstr("markov (control)")));
}

/// The heading of a table that has no row.
constexpr const char* kNoRows = ", beside the paper's on MicroLens-100K\n";

TEST_F(Table1, ShowsNoNumbersOfOtherSettings) {
  output_of(script("", "--epochs 1"));
  for (int i = 0; i < 2; ++i) {  // the first refusal must not make the second call believe the rest
    const Ran refused = run(script("", "--epochs 1 --optim.lr 0.01"));
    EXPECT_EQ(refused.code, 1);
    EXPECT_THAT(refused.err, HasSubstr("table1.sh: failed: SASRec seed 1 (exit 2)"));
    EXPECT_THAT(refused.out,
                AllOf(HasSubstr("== SASRec seed 1: not in the table"), EndsWith(kNoRows)));
  }
  EXPECT_THAT(output_of(script("", "--epochs 1")),
              AllOf(HasSubstr("== SASRec seed 1: done after "), Not(EndsWith(kNoRows))));
}

TEST_F(Table1, ShowsNoOlderNumbersOfAKilledRun) {
  output_of(script("", "--epochs 1"));
  write_program("killed",
                "[ \"$1\" != train-sasrec ] || kill -KILL $$\n"
                "exec '" VRAGENT_PROGRAM "' \"$@\"\n");
  program_ = "./killed";
  const Ran killed = run(script("", "--epochs 2"));
  EXPECT_EQ(killed.code, 1);
  EXPECT_THAT(killed.err, HasSubstr("table1.sh: failed: SASRec seed 1 (exit 137)"));
  EXPECT_THAT(killed.out, EndsWith(kNoRows));
  program_ = "$vragent";
  EXPECT_THAT(output_of(script("", "--epochs 2")),
              AllOf(HasSubstr("== SASRec seed 1: goes on"),
                    HasSubstr("== SASRec seed 1: done after "),
                    Not(EndsWith(kNoRows))));
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

/// An encoder as its config.json gives it, and how many of its layers train.
struct EncoderSize {
  double width = 768;
  double inner = 3072;
  double layers = 12;
  double tokens = 30;
  double trained = 2;
};

/// The plan of one row, by a program that says what 1000 users with 10 training videos each, of
/// 1000, come to. A row's users are one batch, so its step encodes every video.
class Table1Plan : public Table1 {
 protected:
  void SetUp() override {
    Table1::SetUp();
    write_program("counting",
                  "case $2 in\n"
                  "  inspect) echo 'interactions users=1000 items=1000 interactions=12000'\n"
                  "    echo 'protocol users=1000 items=1000 train_interactions=10000' ;;\n"
                  "  *) echo '[{\"rows\": [{\"training\": \"1.0\", \"ranking\": \"0.5\"}]}]' ;;\n"
                  "esac\n");
    output_of(
        "mkdir -p bert minilm vit videomae data/extracted_modality_features "
        "hub/models--tiny--minilm/refs hub/models--tiny--minilm/snapshots");
    write("data/titles.csv", small_titles());
    write("data/extracted_modality_features/video.npy", "");
    write("bert/config.json", R"({"hidden_size": 768, "num_hidden_layers": 12})");
    write("minilm/config.json",
          R"({"hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 6})");
    write("vit/config.json", R"({"image_size": [224, 224], "patch_size": 16})");
    write("videomae/config.json", R"({"num_frames": 8, "tubelet_size": 2, "patch_size": 32})");
  }

  /// Hours of one epoch at 10^7 multiplications a second, as printed.
  double planned_hours(const std::string& row, const std::string& flags = "") {
    const std::string plan =
        output_of("env HF_HUB_CACHE=hub VRAGENT=./counting VRAGENT_GFLOPS=0.01 bash " + script_ +
                  " --data data --out table --plan --rows " + row +
                  " -- --width 2 --epochs 1 --batch-size 1000 --micro-batch 0 " + flags);
    const std::string before = "roughly 1.00 GiB and ";
    const std::size_t at = plan.find(before);
    if (at == std::string::npos) {
      ADD_FAILURE() << plan;
      return -1;
    }
    std::size_t length = 0;
    const std::string time = plan.substr(at + before.size());
    const double number = std::stod(time, &length);
    return time.substr(length).starts_with(" min") ? number / 60 : number;
  }

  /// What encoding alone takes: `passes` over all videos in the steps, of which the layers that
  /// train also have a backward (twice a forward), then one after the epoch and one at the end.
  static double hours(const EncoderSize& size, double passes = 1) {
    const double matrices = 4 * size.width * size.width + 2 * size.width * size.inner;
    const double layer = 2 * size.tokens * (matrices + 2 * size.tokens * size.width);
    const double layers = passes * (size.layers + 2 * size.trained) + 2 * size.layers;
    return 1000 * layers * layer / 1e7 / 3600;
  }
};

TEST_F(Table1Plan, PricesATextEncoderByItsSize) {
  const double bert = planned_hours("SASRec_T --text-model bert");
  EXPECT_NEAR(bert, hours({}), 0.01 * bert);
  const EncoderSize small{.width = 384, .inner = 1536, .layers = 6};
  const double minilm = planned_hours("SASRec_T --text-model minilm");
  EXPECT_NEAR(minilm, hours(small), 0.01 * minilm);
}

TEST_F(Table1Plan, FindsTheEncoderInTheLocalCache) {
  const double of_folder = planned_hours("SASRec_T --text-model minilm");
  output_of("cd hub/models--tiny--minilm && mv ../../minilm snapshots/abc && echo abc > refs/main");
  EXPECT_EQ(planned_hours("SASRec_T --text-model tiny/minilm"), of_folder);
}

TEST_F(Table1Plan, PricesPicturesAndFramesByTheirPatches) {
  const double image = planned_hours("SASRec_I --image-model vit --covers .");
  EXPECT_NEAR(image, hours({.tokens = 14 * 14 + 1}), 0.01 * image);
  const double video = planned_hours("SASRec_V --video-model videomae --frames frames");
  EXPECT_NEAR(video, hours({.tokens = 7 * 7 * 4}), 0.01 * video);
  EXPECT_LT(planned_hours("SASRec_V"), 0.1);  // features that were computed before
}

TEST_F(Table1Plan, PricesTheLayersThatTrain) {
  const std::string row = "SASRec_T --text-model bert";
  const double whole = planned_hours(row, "--trainable-layers -1");
  EXPECT_NEAR(whole, hours({.trained = 12}), 0.01 * whole);
  const double frozen = planned_hours(row, "--trainable-layers 0 --epochs 9");
  EXPECT_NEAR(frozen, hours({.trained = 0}, 0) / 2, 0.01 * frozen);  // once, whatever the epochs
}

TEST_F(Table1Plan, EncodesTheVideosOfEveryMicroBatch) {
  const double parts = planned_hours("SASRec_T --text-model bert", "--micro-batch 100");
  EXPECT_NEAR(parts, hours({}, 10), 0.01 * parts);
}

}  // namespace
}  // namespace vragent::test

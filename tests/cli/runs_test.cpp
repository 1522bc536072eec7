// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The commands that train and describe, from their inputs to what the next command reads: what they
// print, leave behind, and keep of a run that was stopped.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/small_files.h"
#include "support/synthetic_video.h"
#include "vragent/data/media_records.h"
#include "vragent/media/video_writer.h"
#include "vragent/util/json.h"
#include "vragent/util/progress.h"
#include "vragent/util/text.h"

namespace vragent::test {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;

class Runs : public SmallFiles {
 protected:
  void SetUp() override {
    SmallFiles::SetUp();
    make_models();
  }

  /// Whether two files hold the same bytes (a failure prints no weights).
  bool same(const std::string& one, const std::string& other) { return read(one) == read(other); }
};

class GrpoRun : public Runs {
 protected:
  void SetUp() override {
    Runs::SetUp();
    output_of(kMakeCases + "--num-users 4 --split valid --out cases.jsonl");
  }

  /// Random weights never earn a reward, so it is the entropy bonus that moves them.
  static std::string reinforce(const std::string& out) {
    return "$vragent grpo-train --model models/lm --cases cases.jsonl --stages judge:2,select:2 "
           "--batch-prompts 4 --group-size 2 --sampling.max-tokens 6 --save-every 1 "
           "--loss.entropy-coef 0.5 --optim.lr 1e-3 "
           "--threads 1 --out " +
           out;
  }
};

TEST_F(GrpoRun, TrainsThroughTheCurriculumIntoAModelThatAnswers) {
  const std::string printed = output_of(reinforce("run") + " --json");
  const Json counts = parse_json_object(printed, "stdout");
  const auto log = rows_of("run/train_log.jsonl");
  ASSERT_EQ(counts["steps"], std::ssize(log));
  EXPECT_EQ(log.front()["stage"], 0);
  EXPECT_EQ(log.back()["stage"], 1);
  EXPECT_TRUE(log.front().contains("accuracy/judge"));
  EXPECT_TRUE(log.back().contains("accuracy/select"));
  EXPECT_EQ(log.back()["reward"], counts["last_reward"]);
  for (const Json& step : log) {
    for (const char* name : {"loss", "kl", "reward_std", "completions/mean_length"})
      EXPECT_TRUE(step.contains(name)) << name;
  }
  EXPECT_FALSE(same("run/model.safetensors", "models/lm/model.safetensors"));
  for (const char* command : {"$vragent inspect --model run",
                              "$vragent inspect generate --model run --prompt yes --max-tokens 2",
                              "$vragent simulate -q --agent vragent --model run --limit 1 "
                              "--max-tokens 4 cases.jsonl --out answers"})
    output_of(command);
  EXPECT_THAT(rows_of("run/completions.jsonl"), Not(SizeIs(0)));
}

TEST_F(GrpoRun, StopsOnASignalAndGoesOnBitForBit) {
  output_of(reinforce("whole"));
  const auto running = start(reinforce("run"));
  running->wait_for(here() / "run/train_log.jsonl");
  const Stopwatch watch;
  running->send(SIGTERM);
  const Ran ran = running->wait();
  EXPECT_LT(watch.seconds(), 5);
  EXPECT_EQ(ran.code, 143);
  EXPECT_THAT(ran.err, HasSubstr("run the same command with --resume to go on"));
  EXPECT_FALSE(exists("run/model.safetensors"));
  EXPECT_THAT(listing("run"), Not(HasSubstr(".tmp")));
  output_of(reinforce("run") + " --resume");
  EXPECT_TRUE(same("run/model.safetensors", "whole/model.safetensors"));
  EXPECT_EQ(rows_of("run/train_log.jsonl"), rows_of("whole/train_log.jsonl"));
  EXPECT_EQ(rows_of("run/completions.jsonl"), rows_of("whole/completions.jsonl"));
}

TEST_F(GrpoRun, RefusesABrokenCaseByItsLine) {
  write("broken.jsonl", "{\"case_id\": \"x\"}\n");
  const Ran ran = run("$vragent grpo-train --model models/lm --cases broken.jsonl --out run");
  EXPECT_EQ(ran.code, 65);
  EXPECT_THAT(ran.err, MatchesRegex("vragent: broken.jsonl:1: [^\n]*\n"));
}

class CaptionRun : public Runs {
 protected:
  void SetUp() override {
    Runs::SetUp();
    for (const char* name : {"1", "2", "3", "4"})
      media::write_video(here() / "videos" / (std::string(name) + ".mp4"), numbered_frames(10));
    write("shown.csv", "1,a red boat\n2,a blue boat\n3,a dog\n4,a cat\n");
    output_of(
        "$vragent extract-frames -q --videos videos --items shown.csv --clip models/clip "
        "--num-frames 6 --jobs 1 --threads 1 --out frames");
  }

  static std::string caption(const std::string& out) {
    return "$vragent ip-caption --model models/vlm --frames frames --items shown.csv "
           "--num-frames 2 --batch-size 1 --sampling.max-tokens 64 --max-words 5 --threads 1 "
           "--out " +
           out;
  }
};

TEST_F(CaptionRun, DescribesEveryVideoForTheRecommender) {
  EXPECT_EQ(output_of(caption("run")), "captions done=4 failed=0 kept=0\n");
  const auto rows = data::load_captions(here() / "run/captions.jsonl");
  ASSERT_THAT(rows, SizeIs(4));
  for (const data::CaptionRow& row : rows) {
    EXPECT_EQ(row.status, "ok") << row.item_id;
    EXPECT_GE(count_words(row.caption), 1) << row.item_id;
    EXPECT_LE(count_words(row.caption), 5) << row.item_id;
  }
  output_of(
      "$vragent train-sasrec -q --interactions interactions.tsv --tower text --text-model "
      "models/bert --items titles.csv --captions run --epochs 1 --width 16 --threads 1 --out rec");
  EXPECT_TRUE(exists("rec/metrics.json"));
  output_of(caption("plain") + " --no-kfr --no-cmp --no-rra");
  EXPECT_NE(read("plain/captions.jsonl"), read("run/captions.jsonl"));
}

TEST_F(CaptionRun, KeepsWholeCaptionsOfAStoppedRunAndMakesTheRest) {
  output_of(caption("whole"));
  const auto running = start(caption("run"));
  running->wait_for(here() / "run/captions.jsonl");
  running->send(SIGINT);
  EXPECT_EQ(running->wait().code, 130);
  EXPECT_TRUE(read("run/captions.jsonl").ends_with("\n"));
  EXPECT_THAT(output_of(caption("run") + " --resume"), HasSubstr("failed=0"));
  EXPECT_EQ(rows_of("run/captions.jsonl"), rows_of("whole/captions.jsonl"));
}

class ReportRun : public SmallFiles {};

TEST_F(ReportRun, TablesAndThePageTellWhatTheRunsFound) {
  for (const char* model : {"pop", "markov"})
    output_of("$vragent train-sasrec -q --interactions interactions.tsv --model " +
              std::string(model) + " --out " + model);
  output_of(kMakeCases + "-q --num-users 6 --out cases.jsonl");
  output_of("$vragent simulate -q --agent random,always-yes cases.jsonl --out answers");
  output_of("$vragent eval score -q --cases cases.jsonl answers --out answers");

  const std::string table =
      output_of("$vragent eval table --id 1 --data small Popularity=pop Chain=markov --json");
  const Json metrics = parse_json_object(read("pop/metrics.json"), "metrics");
  const Json rows = parse_json_object(table, "table").at("rows");
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows.at(0).at("name"), "Popularity");
  EXPECT_EQ(rows.at(0).at("values").at("HR@10").at("value"), metrics.at("test").at("hr@10"));

  write("spec.json", R"({"title": "Small <runs>", "tables": [
      {"id": 1, "data": "small files", "runs": ["Popularity=pop", "Chain=markov"]}],
      "accuracy": [{"title": "Controls", "scores": ["random=answers"]}]})");
  output_of("$vragent eval report --spec spec.json --out page");
  const std::string page = read("page/report.html");
  EXPECT_THAT(page, HasSubstr("Small &lt;runs&gt;"));
  EXPECT_THAT(page, HasSubstr("<svg"));
  EXPECT_THAT(page, Not(HasSubstr("src=\"http")));
  EXPECT_THAT(read("page/report.json"), HasSubstr("Popularity"));
}

}  // namespace
}  // namespace vragent::test

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/training_run.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "recommender/small_sequences.h"
#include "recommender/training_run_fixture.h"
#include "support/tiny_models.h"
#include "vragent/data/decisions.h"
#include "vragent/nn/safetensors.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/json.h"

namespace vragent::recommender {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;

TEST_F(TrainingRun, WritesModelMetricsAndLists) {
  TrainConfig config = this->config("run");
  config.top_k_splits = {"test", "valid", "train"};
  const Json metrics = run(config);
  EXPECT_EQ(metrics["counts"]["users"], 40);
  EXPECT_EQ(metrics["training"]["epochs_run"], 3);
  EXPECT_EQ(parse_json_object(read_file(config.out / "metrics.json"), "file"), metrics);
  for (const char* name :
       {"model.safetensors", "config.json", "train_log.jsonl", "events.out.tfevents.vragent"})
    EXPECT_TRUE(std::filesystem::exists(config.out / name)) << name;
  for (const char* name : {"topk.jsonl", "topk.valid.jsonl", "topk.train.jsonl"}) {
    std::int64_t users = 0;
    for_each_line(config.out / name, [&](const std::string& line, const std::string&) {
      ++users;
      EXPECT_EQ(Json::parse(line)["items"].size(), 4);
    });
    EXPECT_EQ(users, 40);
  }
  const auto lists_of = [&](const std::string& name) { return read_file(config.out / name); };
  EXPECT_NE(lists_of("topk.train.jsonl"), lists_of("topk.valid.jsonl"));
  EXPECT_NE(lists_of("topk.train.jsonl"), lists_of("topk.jsonl"));
  EXPECT_TRUE(metrics["lists"].contains("train"));
}

TEST_F(TrainingRun, ResumesToTheSameModelAndRefusesOtherSettings) {
  const Json whole = run(config("whole"));
  TrainConfig parts = config("parts");
  parts.loop.epochs = 2;
  run(parts);
  parts.loop.epochs = 3;
  parts.resume = true;
  EXPECT_EQ(run(parts), whole);
  EXPECT_TRUE(test::same_tensors(nn::load_safetensors(parts.out / "model.safetensors"),
                                 nn::load_safetensors(folder_ / "whole/model.safetensors")));
  parts.encoder.dropout = 0.4;
  EXPECT_THROW(run_training(parts), ConfigError);
}

TEST_F(TrainingRun, DoesNotGoOnWithOtherData) {
  TrainConfig config = this->config("run");
  config.loop.epochs = 2;
  run(config);
  write_file(folder_ / "pairs.tsv", pairs_of(ring_of_items(20, 39)));
  config.loop.epochs = 3;
  config.resume = true;
  EXPECT_THAT([&] { run(config); },
              ThrowsMessage<ConfigError>(HasSubstr("--interactions holds other data than when ")));
}

TEST_F(TrainingRun, OfMoreEpochsThanAskedForIsEvaluatedAsItStandsAndSaysSo) {
  TrainConfig config = this->config("run");
  const Json longer = run(config);
  config.resume = true;
  const auto said = [&] {
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(run(config), longer);
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(said(), Not(HasSubstr("more than --epochs")));
  config.loop.epochs = 2;
  EXPECT_THAT(said(), HasSubstr("3 epochs have run, more than --epochs 2;"));
}

TEST_F(TrainingRun, ThatIsOverwrittenLeavesNothingToGoOnFrom) {
  TrainConfig config = this->config("run");
  run(config);
  config.overwrite = true;
  config.loop.optim.lr = 2e-2;
  config.candidates = folder_ / "missing.jsonl";
  EXPECT_THROW(run(config), Error) << "before the first step";
  config.overwrite = false;
  config.resume = true;
  config.candidates.clear();
  TrainConfig fresh = this->config("fresh");
  fresh.loop.optim.lr = 2e-2;
  EXPECT_EQ(run(config), run(fresh));
  EXPECT_TRUE(test::same_tensors(nn::load_safetensors(config.out / "model.safetensors"),
                                 nn::load_safetensors(fresh.out / "model.safetensors")));
}

TEST_F(TrainingRun, ScoresGivenItemsAndMakesOtherListsOfAFinishedRun) {
  TrainConfig config = this->config("run");
  const Json metrics = run(config);
  const std::string lists = read_file(config.out / "topk.jsonl");
  config.resume = true;
  config.top_k = 2;
  config.top_k_splits = {"valid"};
  config.candidates = config.out / "topk.jsonl";  // its items have been scored once already
  EXPECT_EQ(run(config)["test"], metrics["test"]);
  EXPECT_EQ(read_file(config.out / "scores.jsonl"), lists);
  EXPECT_FALSE(std::filesystem::exists(config.out / "topk.jsonl")) << "was not asked for";
  std::int64_t users = 0;
  for_each_line(config.out / "topk.valid.jsonl", [&](const std::string& line, const std::string&) {
    ++users;
    EXPECT_EQ(Json::parse(line)["items"].size(), 2);
  });
  EXPECT_EQ(users, 40);

  config.candidates = folder_ / "wrong.jsonl";
  const std::string known = "{\"user_id\": \"u1\", \"items\": [\"119\", \"100\"]}\n";
  write_file(config.candidates, known + "{\"user_id\": \"u1\", \"items\": [\"120\"]}\n");
  EXPECT_THAT([&] { run(config); },
              ThrowsMessage<DataError>(HasSubstr("wrong.jsonl:2: item 120 is not among")));
  write_file(config.candidates, known + "{\"user_id\": \"u41\", \"items\": []}\n");
  EXPECT_THAT([&] { run(config); },
              ThrowsMessage<DataError>(HasSubstr("wrong.jsonl:2: user u41 is not among")));
  write_file(config.candidates, known + known);
  run(config);
  const std::string scored = read_file(config.out / "scores.jsonl");
  const std::string line = scored.substr(0, scored.find('\n') + 1);
  EXPECT_EQ(scored, line + line);
  EXPECT_EQ(Json::parse(line)["items"], (Json{"119", "100"})) << "in the order given";
}

TEST_F(TrainingRun, CountsWithoutTraining) {
  for (const char* model : {"pop", "markov"}) {
    TrainConfig config = this->config(model);
    config.model = model;
    const Json metrics = run(config);
    EXPECT_EQ(metrics["test"]["users"], 40);
    EXPECT_FALSE(metrics.contains("training"));
    EXPECT_FALSE(std::filesystem::exists(config.out / "model.safetensors"));
  }
}

TEST_F(TrainingRun, StopsBetweenRankings) {
  TrainConfig config = this->config("pop");
  config.model = "pop";
  request_interrupt(SIGTERM);
  EXPECT_THAT([&] { run(config); },
              ThrowsMessage<Interrupted>(HasSubstr("pop: stopped before results were written")));
  EXPECT_FALSE(std::filesystem::exists(config.out / "metrics.json"));
  clear_interrupt();
  config.resume = true;
  EXPECT_EQ(run(config)["test"]["users"], 40);
}

TEST_F(TrainingRun, SaysWhichListsItRemoves) {
  TrainConfig config = this->config("pop");
  config.model = "pop";
  config.top_k_splits = {"test", "valid"};
  run(config);
  config.top_k_splits = {"valid"};
  config.resume = true;
  ::testing::internal::CaptureStderr();
  run(config);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("topk.jsonl: removed, --top-k"));
  EXPECT_FALSE(std::filesystem::exists(config.out / "topk.jsonl"));
}

TEST_F(TrainingRun, LetsWhatWasWatchedCompeteWhereAsked) {
  TrainConfig masked = config("masked");
  TrainConfig open = config("open");
  open.loop.mask_history = false;
  const Json with = run(masked);
  const Json without = run(open);
  EXPECT_EQ(with["protocol"]["masked"], "history");
  EXPECT_EQ(without["protocol"]["masked"], "nothing");
  EXPECT_LT(without["test"]["mrr"], with["test"]["mrr"]) << "more candidates stand before a target";
  for (const auto& [run, metrics] : {std::pair(masked, with), std::pair(open, without)}) {
    double best = 0;  // epochs are chosen by what is reported
    for_each_line(run.out / "train_log.jsonl", [&](const std::string& line, const std::string&) {
      best = std::max(best, Json::parse(line)["valid_hr@10"].get<double>());
    });
    EXPECT_EQ(metrics["valid"]["hr@10"], best);
  }
  open.loop.mask_history = true;
  open.resume = true;
  EXPECT_THROW(run(open), ConfigError);
}

TEST_F(TrainingRun, AddsFeedbackRowsAndSaysSo) {
  std::string lines;
  for (const char* item : {"100", "110", "115"})
    lines += data::to_line({.case_id = item,
                            .user_id = "u1",
                            .item_id = item,
                            .agent = "a",
                            .yes = true,
                            .status = data::AnswerStatus::kOk}) +
             "\n";
  write_file(folder_ / "decisions.jsonl", lines);
  const Json plain = run(config("plain"));
  TrainConfig fed = config("fed");
  fed.feedback.feedback = folder_ / "decisions.jsonl";
  const Json metrics = run(fed);
  EXPECT_EQ(metrics["feedback"]["inserted"], 2);
  EXPECT_EQ(metrics["feedback"]["arm"], "like");
  EXPECT_EQ(metrics["training"]["rows"], plain["training"]["rows"].get<int>() + 2);
  fed.out = folder_ / "tail";
  fed.feedback.insert = "tail";
  const Json tail = run(fed);
  EXPECT_EQ(tail["feedback"]["insert"], "tail");
  EXPECT_EQ(tail["training"]["rows"], plain["training"]["rows"]) << "the user's own has grown";
  EXPECT_EQ(tail["counts"], plain["counts"]) << "what is evaluated has not";
  EXPECT_NE(read_file(fed.out / "train_log.jsonl"), read_file(folder_ / "plain/train_log.jsonl"));
  fed.out = folder_ / "pop";
  fed.model = "pop";
  EXPECT_THROW(run_training(fed), ConfigError);
}

TEST_F(TrainingRun, ReadsCaptionsBeforeTitlesWithATextTower) {
  test::write_tiny_bert(folder_ / "bert", 2);
  std::string items;
  std::string captions;
  for (int item = 100; item < 120; ++item) {
    const std::string id = std::to_string(item);
    items += "{\"item_id\": \"" + id + "\", \"title\": \"the cat " + id + "\"}\n";
    captions +=
        "{\"item_id\": \"" + id + "\", \"status\": \"ok\", \"caption\": \"a dog " + id + "\"}\n";
  }
  write_file(folder_ / "items.jsonl", items);
  write_file(folder_ / "captions.jsonl", captions);
  TrainConfig text = config("titles");
  text.tower.tower = "text";
  text.tower.text_model = folder_ / "bert";
  EXPECT_THROW(run_training(text), ConfigError) << "no texts";
  text.items = folder_ / "items.jsonl";
  const Json titles = run(text);
  text.out = folder_ / "captions";
  text.captions = folder_ / "captions.jsonl";
  const Json with_captions = run(text);
  EXPECT_EQ(titles["training"]["epochs_run"], 3);
  EXPECT_NE(read_file(folder_ / "titles/train_log.jsonl"),
            read_file(folder_ / "captions/train_log.jsonl"));
}

TEST_F(TrainingRun, MixesPrecisionAndRanksTheSameAfterAResume) {
  test::write_tiny_bert(folder_ / "bert", 2);
  std::string titles;
  for (int item = 100; item < 120; ++item)
    titles += std::to_string(item) + ",the cat " + std::to_string(item % 7) + "\n";
  write_file(folder_ / "titles.csv", titles);
  TrainConfig config = this->config("mixed");
  config.tower.tower = "text";
  config.tower.text_model = folder_ / "bert";
  config.tower.trainable_layers = 0;
  config.items = folder_ / "titles.csv";
  config.runtime.dtype = "bfloat16";
  const Json whole = run(config);
  const std::string lists = read_file(config.out / "topk.jsonl");
  config.resume = true;  // of a finished run: only ranks
  EXPECT_EQ(run(config), whole);
  EXPECT_EQ(read_file(config.out / "topk.jsonl"), lists);
}

TEST_F(TrainingRun, RefusesItemsWithoutATextUnlessTold) {
  test::write_tiny_bert(folder_ / "bert", 2);
  std::string titles = "100,\n";
  for (int item = 101; item < 119; ++item) titles += std::to_string(item) + ",the cat\n";
  write_file(folder_ / "titles.csv", titles);
  TrainConfig config = this->config("text");
  config.tower.tower = "text";
  config.tower.text_model = folder_ / "bert";
  config.items = folder_ / "titles.csv";
  EXPECT_THAT([&] { run_training(config); },
              ThrowsMessage<DataError>(AllOf(HasSubstr("2 of 20 items of "),
                                             HasSubstr("the first, 100, is empty"),
                                             HasSubstr("pairs.tsv:1 is its first line"))));
  write_file(folder_ / "known.csv", titles.substr(titles.find('\n') + 1));
  config.items = folder_ / "known.csv";
  config.out = folder_ / "unknown";
  EXPECT_THAT([&] { run_training(config); },
              ThrowsMessage<DataError>(HasSubstr("the first, 100, is not in --items")));
  config.items = folder_ / "titles.csv";
  config.out = folder_ / "empty";
  config.missing_text = "empty";
  EXPECT_EQ(run(config)["training"]["epochs_run"], 3);
}

TEST_F(TrainingRun, TrainsWithAnyLossAndNamesIt) {
  TrainConfig config = this->config("bce");
  config.loss = {.loss = "bce", .num_negatives = 4, .bce_calibration = 0.75};
  const Json metrics = run(config);
  EXPECT_EQ(metrics["protocol"]["loss"], "bce, 4 uniform negatives a position, calibration 0.75");
  EXPECT_EQ(run(this->config("plain"))["protocol"]["loss"],
            "in-batch softmax, popularity-debiased");
}

}  // namespace
}  // namespace vragent::recommender

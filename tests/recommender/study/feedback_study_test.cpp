// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/study/feedback_study.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recommender/small_sequences.h"
#include "support/error_text.h"
#include "support/temp_dir.h"
#include "vragent/data/decisions.h"
#include "vragent/data/top_k.h"
#include "vragent/metrics/ranking.h"
#include "vragent/recommender/study/study_report.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace vragent::recommender::study {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// 60 users of a ring of 30 items, of whom the first 20 were asked about 4 items each.
class Study : public ::testing::Test {
 protected:
  Study() : sequences(ring_of_items(30, 60)) {
    std::string decisions;
    std::string lists;
    for (std::size_t user = 0; user < sequences.windows.size(); ++user) {
      if (user >= 20) continue;
      data::TopK list{.user_id = sequences.user_ids[user]};
      for (std::size_t k = 0; k < 4; ++k) {
        list.items.push_back(sequences.item_ids[1 + (user * 5 + k * 7) % 30]);
        decisions += data::to_line({.case_id = list.user_id + "-" + std::to_string(k),
                                    .user_id = list.user_id,
                                    .item_id = list.items.back(),
                                    .agent = "a",
                                    .yes = k % 2 == 0,
                                    .status = data::AnswerStatus::kOk}) +
                     "\n";
      }
      lists += data::to_line(list) + "\n";
    }
    write_file(folder / "pairs.tsv", pairs_of(sequences));
    write_file(folder / "decisions.jsonl", decisions);
    write_file(folder / "lists.jsonl", lists);
  }

  [[nodiscard]] FeedbackStudyConfig config(const std::string& out) const {
    FeedbackStudyConfig config{.seeds = {3, 8}, .num_draws = 200};
    config.train.out = folder / out;
    config.train.interactions = folder / "pairs.tsv";
    config.train.feedback.feedback = folder / "decisions.jsonl";
    config.train.feedback.lists = folder / "lists.jsonl";
    config.train.encoder.width = 8;
    config.train.loop.batch_size = 16;
    config.train.loop.epochs = 2;
    config.train.loop.optim.lr = 1e-2;
    config.train.runtime.threads = 1;
    return config;
  }

  data::Sequences sequences;
  test::TempDir folder;
};

TEST_F(Study, TrainsEveryArmUnderEverySeedAndComparesTheSameUsers) {
  const FeedbackStudy study = run_feedback_study(config("study"));
  std::vector<std::string> names;
  for (const ArmResult& arm : study.arms) {
    names.push_back(arm.name);
    ASSERT_EQ(arm.hits.size(), 2U) << arm.name;
    EXPECT_EQ(arm.hits[0].size(), 60U);
    EXPECT_EQ(arm.counts.users, arm.name == "base" ? 0 : 20) << arm.name;
  }
  EXPECT_THAT(names, ElementsAre("base", "like", "dislike", "random", "dislike-negative", "self"));
  EXPECT_EQ(study.treated.size(), 20U);
  // 5 arms against base and 4 against random, 3 groups, 2 metrics.
  EXPECT_EQ(study.differences.size(), 9U * 3 * 2);
  for (const Difference& row : study.differences) EXPECT_GE(row.adjusted_p, row.result.p_value);
  EXPECT_EQ(parse_json_object(read_file(folder / "study/feedback.json"), "study")["arms"].size(),
            6U);
}

TEST_F(Study, CountsWhatTheListsOfARunHold) {
  FeedbackStudyConfig config = this->config("lists");
  config.arms = {"like", "base"};
  const FeedbackStudy study = run_feedback_study(config);
  ASSERT_EQ(study.arms[0].name, "base");
  for (const ArmResult& arm : study.arms) {
    for (std::size_t seed = 0; seed < 2; ++seed) {
      const std::string run = "lists/" + arm.name + (seed == 0 ? "/seed-3" : "/seed-8");
      const Json metrics = parse_json_object(read_file(folder / run / "metrics.json"), run);
      const auto mean = [&](const auto& values) { return over_seeds({values}, study.all).mean; };
      EXPECT_NEAR(mean(arm.hits[seed]), metrics["test"]["hr@10"].get<double>(), 1e-9) << run;
      EXPECT_NEAR(mean(arm.gains[seed]), metrics["test"]["ndcg@10"].get<double>(), 1e-9) << run;
      EXPECT_EQ(metrics.contains("feedback"), arm.name == "like");
    }
  }
  EXPECT_EQ(study.differences.size(), 6U);
  const metrics::MeanStd like = over_seeds(study.arms[1].hits, study.treated);
  const metrics::MeanStd base = over_seeds(study.arms[0].hits, study.treated);
  for (const Difference& row : study.differences) {
    if (row.group == "treated" && row.metric == "hr@10") {
      EXPECT_NEAR(row.result.estimate, like.mean - base.mean, 1e-12);
    }
  }
}

TEST_F(Study, GoesOnToTheSameNumbers) {
  FeedbackStudyConfig config = this->config("again");
  config.arms = {"base", "dislike-negative"};
  const std::string whole = study_json(run_feedback_study(config));
  EXPECT_THROW(run_feedback_study(config), Error) << "there is a study already";
  std::filesystem::remove_all(folder / "again/dislike-negative/seed-8");
  config.train.resume = true;
  EXPECT_EQ(study_json(run_feedback_study(config)), whole);
}

TEST_F(Study, SaysNothingOfArmsThatDoNotDiffer) {
  FeedbackStudy study{.seeds = {1}, .all = {0, 1, 2}, .cold = {1}, .treated = {}};
  const ArmResult base{.name = "base", .hits = {{1, 0, 1}}, .gains = {{1, 0, 0.5}}};
  study.arms = {base, base};
  study.arms[1].name = "original";
  study.differences = compare_arms(study, 100);
  ASSERT_EQ(study.differences.size(), 4U) << "no treated users, no random arm";
  for (const Difference& row : study.differences) {
    EXPECT_EQ(row.result.estimate, 0);
    EXPECT_EQ(row.adjusted_p, 1);
  }
  EXPECT_EQ(study_tables(study).size(), 3U);
}

TEST_F(Study, RefusesWhatItCannotRun) {
  const auto message = [&](auto change) {
    FeedbackStudyConfig config = this->config("refused");
    change(config);
    return test::message_of<ConfigError>([&] { config.check(); });
  };
  using Config = FeedbackStudyConfig;
  EXPECT_EQ(message([](Config&) {}), "");
  EXPECT_THAT(message([](Config& c) { c.arms = {"like"}; }), HasSubstr("--arms needs base"));
  EXPECT_THAT(message([](Config& c) { c.arms = {"base", "love"}; }), HasSubstr("--arms"));
  EXPECT_THAT(message([](Config& c) { c.arms = {"base", "base"}; }), HasSubstr("twice"));
  EXPECT_THAT(message([](Config& c) { c.arms = {"base", "original"}; }), HasSubstr("--captions"));
  EXPECT_THAT(message([](Config& c) { c.seeds = {}; }), HasSubstr("--seeds is empty"));
  EXPECT_THAT(message([](Config& c) { c.train.loop.mask_history = false; }),
              HasSubstr("--mask-history"));
  EXPECT_THAT(message([](Config& c) { c.train.feedback.feedback.clear(); }),
              HasSubstr("--feedback"));
  EXPECT_THAT(message([](Config& c) {
                c.arms = {"base", "self"};
                c.train.feedback.lists.clear();
              }),
              HasSubstr("--feedback-lists"));
  EXPECT_THAT(message([](Config& c) {
                c.arms = {"base", "dislike-negative"};
                c.train.loss.loss = "softmax";
              }),
              HasSubstr("in-batch-softmax"));
}

}  // namespace
}  // namespace vragent::recommender::study

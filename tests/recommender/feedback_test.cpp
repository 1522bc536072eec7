// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/feedback.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recommender/small_sequences.h"
#include "support/temp_dir.h"
#include "vragent/data/decisions.h"
#include "vragent/data/top_k.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::recommender {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// u1 and u2 over items 100 .. 109; u1 holds 103 (valid) and 104 (test) out, u2 106 and 107.
class FeedbackFile : public ::testing::Test {
 protected:
  FeedbackFile()
      : sequences(sequences_of({{0, 1, 2, 3, 4}, {1, 2, 5, 6, 7}, {8, 9, 0, 1, 2}}, 10)) {}

  void say(const std::string& user,
           const std::string& item,
           std::optional<bool> yes,
           std::optional<double> p_yes = std::nullopt,
           std::int64_t repeat = 0,
           const std::string& agent = "a") {
    lines_ +=
        data::to_line({.case_id = user + "-" + item + "-" + std::to_string(lines_.size()),
                       .user_id = user,
                       .item_id = item,
                       .agent = agent,
                       .repeat = repeat,
                       .yes = yes,
                       .p_yes = p_yes,
                       .status = yes ? data::AnswerStatus::kOk : data::AnswerStatus::kEmpty}) +
        "\n";
  }

  /// The lists that the decisions' items were shown from, u1's alone.
  void show(const std::vector<std::string>& items) {
    write_file(folder_ / "lists.jsonl", data::to_line({.user_id = "u1", .items = items}) + "\n");
  }

  Feedback load(const std::string& arm, std::int64_t per_user = 2, bool guard = true) {
    const auto path = folder_ / "decisions.jsonl";
    write_file(path, lines_);
    return load_feedback({.feedback = path,
                          .arm = arm,
                          .per_user = per_user,
                          .by_answer = by_answer_,
                          .guard = guard,
                          .lists = folder_ / "lists.jsonl"},
                         sequences,
                         1);
  }

  /// Ids of the inserted items, sorted.
  [[nodiscard]] std::vector<std::string> inserted(const Feedback& feedback) const {
    std::vector<std::string> ids;
    for (const TrainingRow& row : feedback.rows)
      ids.push_back(sequences.item_ids[static_cast<std::size_t>(row.items.back())]);
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  data::Sequences sequences;
  std::string lines_;
  bool by_answer_ = false;
  test::TempDir folder_;
};

using Ids = std::vector<std::string>;

TEST_F(FeedbackFile, TakesTheMostAndTheLeastLikedByProbability) {
  say("u1", "105", true, 0.9);
  say("u1", "106", true, 0.6);
  say("u1", "107", false, 0.3);
  say("u1", "108", false, 0.1);
  const Feedback liked = load("like");
  EXPECT_EQ(inserted(liked), (Ids{"105", "106"}));
  EXPECT_EQ(liked.counts.answered_yes, 2);
  const Feedback disliked = load("dislike");
  EXPECT_EQ(inserted(disliked), (Ids{"107", "108"}));
  EXPECT_EQ(disliked.counts.answered_yes, 0);
  EXPECT_EQ(inserted(load("like", 1)), (Ids{"105"}));
}

TEST_F(FeedbackFile, TakesTheAnswerWhereNoProbabilityIsGiven) {
  for (const char* item : {"105", "106", "107"}) say("u1", item, false);
  say("u1", "108", true);
  say("u1", "109", true);
  EXPECT_EQ(inserted(load("like")), (Ids{"108", "109"}));
  const Ids least = inserted(load("dislike", 3));
  EXPECT_EQ(least, (Ids{"105", "106", "107"}));
}

TEST_F(FeedbackFile, GoesByTheAnswersAloneWhereAsked) {
  say("u1", "105", true, 0.4);  // answered in words, whatever the probability
  say("u1", "106", false, 0.6);
  say("u1", "107", false, 0.1);
  say("u3", "108", false);
  by_answer_ = true;
  EXPECT_EQ(inserted(load("like")), (Ids{"105"}));
  EXPECT_EQ(inserted(load("dislike")), (Ids{"106", "107", "108"}));
  EXPECT_EQ(inserted(load("dislike", 1)), (Ids{"107", "108"}));
  EXPECT_EQ(inserted(load("random")).size(), 1U) << "as many as there are Yes";
  EXPECT_EQ(load("dislike-negative").counts.answered_yes, 0);
  lines_.clear();
  say("u1", "103", true);  // held out: no Yes that may be inserted
  say("u1", "105", true);
  say("u1", "106", false);
  show({"106", "105", "103"});
  EXPECT_EQ(inserted(load("like")), (Ids{"105"}));
  EXPECT_EQ(inserted(load("self")), (Ids{"106"})) << "as many";
  lines_.clear();
  say("u1", "105", true);
  EXPECT_EQ(load("dislike").counts.inserted, 0) << "no error: all were liked";
}

TEST_F(FeedbackFile, TakesWhatWasChosen) {
  const auto choose = [&](const std::string& item) {
    lines_ += data::to_line({.case_id = std::to_string(lines_.size()),
                             .user_id = item.empty() ? "" : "u1",
                             .item_id = item,
                             .agent = "a",
                             .choice = item.empty() ? std::nullopt : std::optional<std::int64_t>(1),
                             .status = item.empty() ? data::AnswerStatus::kOutOfSet
                                                    : data::AnswerStatus::kOk}) +
              "\n";
  };
  choose("105");
  choose("");
  choose("107");
  choose("107");  // of another case
  const Feedback feedback = load("like");
  EXPECT_EQ(inserted(feedback), (Ids{"105", "107"}));
  EXPECT_EQ(feedback.counts.answered_yes, 2);
  EXPECT_EQ(feedback.counts.unanswered, 1);
}

TEST_F(FeedbackFile, ThatHoldsNothingToInsertIsRefused) {
  say("u1", "105", std::nullopt);
  say("nobody", "105", true);
  say("u1", "103", true);  // held out
  EXPECT_THAT([&] { load("like"); },
              ThrowsMessage<DataError>(HasSubstr(
                  "decisions.jsonl: nothing to insert for --feedback-arm like: 1 decisions of "
                  "unknown users or items, 1 without an answer, 1 on held-out videos")));
}

TEST_F(FeedbackFile, MakesOneOpinionOfRepeats) {
  for (std::int64_t repeat = 0; repeat < 3; ++repeat) {
    say("u1", "105", repeat == 0, repeat == 0 ? 1.0 : 0.1, repeat);  // 0.4 on average, No
    say("u1", "106", repeat != 0, 0.5, repeat);                      // Yes
    say("u1", "107", false, 0.2, repeat);
  }
  const Feedback liked = load("like");
  EXPECT_EQ(inserted(liked), (Ids{"105", "106"}));
  EXPECT_EQ(liked.counts.answered_yes, 1);
  EXPECT_EQ(inserted(load("random", 3)), (Ids{"105", "106", "107"}));
}

TEST_F(FeedbackFile, IsOfOneAgentThatAnswersOnce) {
  say("u1", "105", true);
  say("u1", "105", false);
  EXPECT_THAT([&] { load("like"); },
              ThrowsMessage<DataError>(HasSubstr("decisions.jsonl:2: this user has answered")));
  lines_.clear();
  say("u1", "105", true);
  say("u2", "105", true, std::nullopt, 0, "b");
  EXPECT_THAT([&] { load("like"); },
              ThrowsMessage<DataError>(HasSubstr("decisions.jsonl:2: a decision of agent b")));
}

TEST_F(FeedbackFile, InsertsAsManyRowsInEveryArm) {
  for (const char* user : {"u1", "u2", "u3"}) {
    for (const char* item : {"105", "108", "109"}) say(user, item, item[2] == '8');
  }
  for (const char* arm : {"like", "dislike", "dislike-negative", "random"}) {
    const Feedback feedback = load(arm);
    EXPECT_EQ(feedback.counts.users, 3) << arm;
    EXPECT_EQ(feedback.counts.inserted, 6) << arm;
  }
}

TEST_F(FeedbackFile, TakesWhatTheRecommenderPutFirstWhateverTheAnswers) {
  for (const char* item : {"105", "106", "107", "108"}) say("u1", item, item[2] == '5');
  say("u2", "109", true);  // without a list: what was shown is taken all the same
  show({"108", "103", "106", "105"});
  EXPECT_EQ(inserted(load("self")), (Ids{"106", "108", "109"}));
  show({"107", "105"});
  EXPECT_EQ(inserted(load("self", 3)).size(), 4);
  EXPECT_THROW((FeedbackConfig{.arm = "self"}).check(), ConfigError) << "no lists";
}

TEST_F(FeedbackFile, GivesTheLeastLikedToTheUsersOwnRowsAsNegatives) {
  say("u1", "105", true, 0.9);
  say("u1", "107", false, 0.2);
  say("u1", "108", false, 0.1);
  say("u3", "105", false);
  const Feedback feedback = load("dislike-negative");
  EXPECT_TRUE(feedback.rows.empty());
  EXPECT_EQ(feedback.counts.inserted, 3);
  EXPECT_EQ(feedback.users, (std::vector<std::int64_t>{0, 2}));
  auto rows = training_rows(sequences);
  add_feedback(rows, feedback, sequences);
  ASSERT_EQ(rows.size(), 3U);
  const auto item = [&](const char* id) { return sequences.item_index.at(id); };
  EXPECT_EQ(rows[0].negatives, (std::vector<std::int32_t>{item("108"), item("107")}));
  EXPECT_TRUE(rows[1].negatives.empty());
  EXPECT_EQ(rows[2].negatives, (std::vector<std::int32_t>{item("105")}));
}

TEST_F(FeedbackFile, DrawsTheRandomArmFromTheSeedWhateverTheAnswers) {
  for (const char* item : {"105", "106", "107", "108", "109"}) say("u1", item, item[2] == '5');
  std::set<Ids> drawn;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    write_file(folder_ / "decisions.jsonl", lines_);
    const FeedbackConfig config{.feedback = folder_ / "decisions.jsonl", .arm = "random"};
    const Ids once = inserted(load_feedback(config, sequences, seed));
    EXPECT_EQ(inserted(load_feedback(config, sequences, seed)), once);
    drawn.insert(once);
  }
  EXPECT_GE(drawn.size(), 6) << "of ten pairs";
}

TEST_F(FeedbackFile, NeverFeedsAUsersOwnHeldOutItemsBack) {
  say("u1", "103", true, 0.99);  // u1's validation item
  say("u1", "104", true, 0.98);  // u1's test item
  say("u1", "105", true, 0.5);
  say("u2", "104", true, 0.7);  // held out for another user only
  const Feedback feedback = load("like");
  EXPECT_EQ(inserted(feedback), (Ids{"104", "105"}));
  EXPECT_EQ(feedback.counts.held_out, 2);
  const Feedback open = load("like", 2, /*guard=*/false);
  EXPECT_EQ(inserted(open), (Ids{"103", "104", "104"}));
  EXPECT_EQ(open.counts.held_out, 2) << "counted where they are let through, too";
}

TEST_F(FeedbackFile, MakesTheInsertedItemTheOnlyTargetBehindTheTrainPart) {
  say("u1", "109", true);
  say("u2", "109", true);
  for (const TrainingRow& row : load("like").rows) {
    ASSERT_EQ(row.items.size(), 4);
    EXPECT_EQ(row.first_target, 3);
    EXPECT_EQ(row.items.back(), sequences.item_index.at("109"));
  }
}

TEST_F(FeedbackFile, GoesBehindTheUsersOwnTrainPartWhereAsked) {
  sequences = sequences_of(
      {{0, 1, 2, 3, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {4, 5, 6}, {17, 18, 19, 0, 1}},
      20,
      {.min_len = 3});
  for (const char* user : {"u1", "u2", "u3"}) {
    say(user, "118", true, 0.9);
    say(user, "119", true, 0.8);
    say(user, "117", false, 0.1);
  }
  write_file(folder_ / "decisions.jsonl", lines_);
  FeedbackConfig config{.feedback = folder_ / "decisions.jsonl", .insert = "tail"};
  const Feedback feedback = load_feedback(config, sequences, 1);
  EXPECT_EQ(feedback.counts.inserted, 6);
  EXPECT_TRUE(feedback.rows.empty());
  auto rows = training_rows(sequences);
  add_feedback(rows, feedback, sequences);
  ASSERT_EQ(rows.size(), 4);
  const auto ids_of = [&](const TrainingRow& row) {
    Ids ids;
    for (const std::int32_t item : row.items)
      ids.push_back(sequences.item_ids[static_cast<std::size_t>(item)]);
    return ids;
  };
  EXPECT_EQ(ids_of(rows[0]), (Ids{"100", "101", "102", "118", "119"}));
  EXPECT_EQ(rows[0].first_target, 1) << "every item behind the first is learnt";
  EXPECT_EQ(ids_of(rows[1]),
            (Ids{"102", "103", "104", "105", "106", "107", "108", "109", "110", "118", "119"}))
      << "a row of max-len + 1 items has lost the two oldest";
  EXPECT_EQ(ids_of(rows[2]), (Ids{"117", "118", "119"})) << "of the user who was not asked";
  EXPECT_EQ(ids_of(rows[3]), (Ids{"104", "118", "119"})) << "had a single item to train on";
  EXPECT_EQ(rows[3].user, 2);
  config.arm = "dislike-negative";
  const Feedback disliked = load_feedback(config, sequences, 1);
  EXPECT_TRUE(disliked.tails.empty());
  EXPECT_EQ(disliked.negatives.size(), 3);
  config.insert = "middle";
  EXPECT_THROW(config.check(), ConfigError);
}

TEST_F(FeedbackFile, KeepsHeldOutItemsOutOfEveryTrainingRow) {
  const data::Sequences many = random_sequences(60, 40, 5);
  for (std::int64_t user = 0; user < many.num_users(); ++user) {
    for (std::size_t item = 1; item < many.item_ids.size(); item += 2)
      say(many.user_ids[static_cast<std::size_t>(user)], many.item_ids[item], item % 3 == 0);
  }
  write_file(folder_ / "decisions.jsonl", lines_);
  for (const char* arm : {"like", "dislike", "random"}) {
    auto rows = training_rows(many);  // one a user, in order
    ASSERT_EQ(std::ssize(rows), many.num_users());
    std::int64_t user = 0;
    const auto expect_clean = [&](const TrainingRow& row, std::int64_t of) {
      EXPECT_LE(std::ssize(row.items), many.protocol.max_len + 1);
      for (const auto split : {data::Split::kValid, data::Split::kTest})
        EXPECT_EQ(std::count(row.items.begin(), row.items.end(), many.target(of, split)), 0);
    };
    for (const TrainingRow& row : rows) expect_clean(row, user++);
    const Feedback feedback =
        load_feedback({.feedback = folder_ / "decisions.jsonl", .arm = arm}, many, 3);
    ASSERT_EQ(std::ssize(feedback.rows), 2 * many.num_users());
    for (std::size_t i = 0; i < feedback.rows.size(); ++i)
      expect_clean(feedback.rows[i], static_cast<std::int64_t>(i) / 2);  // users in order
  }
}

TEST_F(FeedbackFile, CountsWhatItCannotUse) {
  say("nobody", "105", true);
  say("u1", "nothing", true);
  say("u1", "105", std::nullopt);
  say("u1", "106", true);
  const FeedbackCounts counts = load("like").counts;
  EXPECT_EQ(counts.unknown, 2);
  EXPECT_EQ(counts.unanswered, 1);
  EXPECT_EQ(counts.users, 1);
  EXPECT_EQ(counts.inserted, 1);
}

TEST_F(FeedbackFile, RefusesDecisionsThatDoNotSayWhoOrWhat) {
  say("u1", "105", true);
  say("u1", "", true);
  try {
    load("like");
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("decisions.jsonl:2"), std::string::npos)
        << error.what();
  }
  EXPECT_THROW((FeedbackConfig{.arm = "love"}).check(), ConfigError);
  EXPECT_THROW((FeedbackConfig{.per_user = 0}).check(), ConfigError);
}

}  // namespace
}  // namespace vragent::recommender

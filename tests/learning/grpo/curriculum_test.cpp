// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "learning/grpo/curriculum.h"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learning/small_cases.h"
#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/util/error.h"

namespace vragent::learning {
namespace {

/// Six judgments and four selections.
std::vector<data::Case> ten_cases() {
  std::vector<data::Case> cases;
  for (int i = 0; i < 6; ++i) cases.push_back(judge_case("j" + std::to_string(i), 1));
  for (int i = 0; i < 4; ++i) cases.push_back(select_case("s" + std::to_string(i), 1));
  return cases;
}

/// The cases of a step when every step asks as many.
std::vector<const data::Case*> cases_of(const Curriculum& curriculum,
                                        std::int64_t step,
                                        std::int64_t batch) {
  Curriculum::Place place;
  std::vector<const data::Case*> asked;
  for (std::int64_t i = 0; i <= step; ++i) {
    if (curriculum.begins_stage(i)) place = {};
    asked = curriculum.next_cases(i, batch, place);
  }
  return asked;
}

TEST(Curriculum, AsksOneStageBehindTheOther) {
  const auto cases = ten_cases();
  const Curriculum curriculum(cases, {"judge:1", "select:2", "both:0.5"}, 2, 0, 1);
  EXPECT_EQ(curriculum.total_steps(), 3 + 4 + 3);
  for (std::int64_t step = 0; step < curriculum.total_steps(); ++step) {
    const std::size_t stage = step < 3 ? 0 : step < 7 ? 1 : 2;
    EXPECT_EQ(curriculum.stage_of(step), stage) << step;
    const auto asked = cases_of(curriculum, step, 2);
    ASSERT_EQ(asked.size(), 2);
    for (const data::Case* row : asked) {
      if (stage < 2) {
        EXPECT_EQ(row->task, stage == 0 ? data::Task::kJudge : data::Task::kSelect);
      }
    }
  }
}

TEST(Curriculum, AsksEveryCaseOnceAnEpochInANewOrder) {
  const auto cases = ten_cases();
  const Curriculum curriculum(cases, {"judge:4"}, 2, 0, 1);
  std::vector<std::vector<std::string>> orders;
  for (std::int64_t epoch = 0; epoch < 4; ++epoch) {
    orders.emplace_back();
    std::map<std::string, int> count;
    for (std::int64_t step = epoch * 3; step < epoch * 3 + 3; ++step) {
      for (const data::Case* row : cases_of(curriculum, step, 2)) {
        orders.back().push_back(row->case_id);
        ++count[row->case_id];
      }
    }
    EXPECT_EQ(count.size(), 6);
  }
  EXPECT_NE(orders[0], orders[1]);
  Curriculum::Place begin;
  EXPECT_EQ(curriculum.next_cases(0, 2, begin),
            cases_of(Curriculum(cases, {"judge:4"}, 2, 0, 1), 0, 2))
      << "an earlier epoch again";
  EXPECT_EQ(curriculum.epoch_of(3), 1.0);
  const Curriculum again(cases, {"judge:4"}, 2, 0, 1);
  EXPECT_EQ(cases_of(again, 5, 2), cases_of(curriculum, 5, 2))
      << "a step's cases depend on the seed alone";
  const Curriculum other(cases, {"judge:4"}, 2, 0, 2);
  bool differs = false;
  for (std::int64_t step = 0; step < 12; ++step)
    differs = differs || cases_of(other, step, 2) != cases_of(curriculum, step, 2);
  EXPECT_TRUE(differs);
}

TEST(Curriculum, ReplaysTasksOfEarlierStages) {
  const auto cases = ten_cases();
  const Curriculum curriculum(cases, {"judge:1", "select:3"}, 4, 0.25, 1);
  for (std::int64_t step = 0; step < curriculum.total_steps(); ++step) {
    std::int64_t judgments = 0;
    const auto asked = cases_of(curriculum, step, 4);
    ASSERT_EQ(asked.size(), 4);
    for (const data::Case* row : asked) judgments += row->task == data::Task::kJudge ? 1 : 0;
    EXPECT_EQ(judgments, curriculum.stage_of(step) == 0 ? 4 : 1) << step;
  }
}

TEST(Curriculum, RefusesStagesItCannotFill) {
  const std::vector<data::Case> judgments = {judge_case("a", 1)};
  EXPECT_THROW(Curriculum(judgments, {"judge:1", "select:1"}, 1, 0, 1), DataError);
  const auto cases = ten_cases();
  EXPECT_THROW(Curriculum(cases, {"judge:1", "select:1"}, 1, 0.9, 1), ConfigError);
  for (const char* bad :
       {"judge", "judge:", "judge:x", "judge:-1", "watch:1", ":1", "", "judge:1:2"})
    EXPECT_THROW(parse_stage(bad), ConfigError) << bad;
}

TEST(Curriculum, GoesOnBehindWhatAStepAskedMore) {
  const auto cases = ten_cases();
  const Curriculum curriculum(cases, {"judge:2"}, 2, 0, 1);
  Curriculum::Place place;
  std::vector<const data::Case*> asked;
  for (const std::int64_t count : {2, 1, 2, 1}) {
    for (const data::Case* row : curriculum.next_cases(0, count, place)) asked.push_back(row);
  }
  EXPECT_EQ(place.own, 6);
  std::vector<const data::Case*> plain;
  for (const std::int64_t step : {0, 1, 2}) {
    for (const data::Case* row : cases_of(curriculum, step, 2)) plain.push_back(row);
  }
  EXPECT_EQ(asked, plain) << "an epoch in the same order, however it is cut";
}

TEST(Curriculum, NeverAsksACaseTwiceInARound) {
  const std::vector<std::int64_t> counts = {3, 1, 2, 4, 1, 4, 4, 3};  // as dynamic sampling asks
  for (std::size_t num_cases = 4; num_cases <= 9; ++num_cases) {
    std::vector<data::Case> cases;
    for (std::size_t i = 0; i < num_cases; ++i)
      cases.push_back(judge_case("j" + std::to_string(i), 1));
    for (const bool even : {true, false}) {
      const Curriculum curriculum(cases, {"judge:20"}, 4, 0, 1);
      Curriculum::Place place;
      std::vector<const data::Case*> all;
      for (std::size_t step = 0; step < 5 * num_cases; ++step) {
        const auto asked = curriculum.next_cases(0, even ? 4 : counts[step % counts.size()], place);
        EXPECT_EQ(std::set(asked.begin(), asked.end()).size(), asked.size()) << num_cases;
        all.insert(all.end(), asked.begin(), asked.end());
      }
      for (std::size_t i = 0; i + num_cases <= all.size(); i += num_cases)
        EXPECT_EQ(std::set(&all[i], &all[i] + num_cases).size(), num_cases) << "an epoch has all";
    }
  }
}

TEST(Curriculum, AsksFewerWhereAStageHasFewer) {
  const auto cases = ten_cases();
  const Curriculum curriculum(cases, {"judge:1", "select:2"}, 5, 0, 1);
  EXPECT_EQ(curriculum.prompts_of(0), 5);
  EXPECT_EQ(curriculum.prompts_of(2), 4) << "of four selections each is asked once a step";
  EXPECT_EQ(curriculum.total_steps(), 2 + 2);
  EXPECT_EQ(curriculum.epoch_of(3), 10.0 / 6 + 1);
}

class CaseFiles : public ::testing::Test {
 protected:
  CaseFiles() : encoder((test::write_tiny_lm(folder / "lm", 1), folder / "lm")) {}

  /// What two files of cases are refused with; "" when they are not.
  std::string complaint(const std::vector<data::Case>& first,
                        const std::vector<data::Case>& second) {
    write_cases(folder / "first.jsonl", first);
    write_cases(folder / "second.jsonl", second);
    try {
      load_fitting_cases({folder / "first.jsonl", folder / "second.jsonl"}, encoder, {}, {});
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  }

  test::TempDir folder;
  engine::ChatEncoder encoder;
};

TEST_F(CaseFiles, AreRefusedWhereACaseIsThereTwice) {
  EXPECT_EQ(complaint({judge_case("a", 1)}, {judge_case("b", 1), select_case("c", 0)}), "");
  EXPECT_THAT(complaint({select_case("c", 0), judge_case("a", 1)}, {judge_case("a", 1)}),
              ::testing::MatchesRegex(".*second.jsonl:1: case a is there twice, first in "
                                      ".*first.jsonl:2"));
}

TEST_F(CaseFiles, AreRefusedWhereACaseHasNoLabel) {
  EXPECT_THAT(complaint({judge_case("a", 1)}, {judge_case("b", 0), judge_case("c", -1)}),
              ::testing::EndsWith("second.jsonl:2: case c has no label, which rewards need"));
  EXPECT_THAT(complaint({select_case("a", -1)}, {}),
              ::testing::EndsWith("first.jsonl:1: case a has no answer_index, which rewards need"));
}

}  // namespace
}  // namespace vragent::learning

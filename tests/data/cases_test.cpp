// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/cases.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::data {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Case select_case() {
  Case row;
  row.case_id = "u1-select3-topk";
  row.user_id = "1";
  row.task = Task::kSelect;
  row.history = {{"5", "five", "a caption", "nice"}, {"6", "six", "", ""}};
  row.candidates = {{"7", "seven", "cap"}, {"8", "eight", ""}};
  row.answer_index = 1;
  row.negatives = "topk";
  row.seed = 42;
  row.response = "<answer>B</answer>";
  row.aux = {{0.5, 0.25}, {1, 0}, {10, 3}};
  row.extra = "{\"note\":\"x\"}";
  return row;
}

std::string error_of(const std::string& line) {
  try {
    parse_case(line, "cases.jsonl:9");
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

/// A judge line with members replaced or added.
std::string judge_line(const std::string& rest) {
  return "{\"case_id\":\"c\",\"user_id\":\"u\",\"task\":\"judge\",\"history\":[]," + rest + "}";
}

TEST(CaseLine, RoundTripsByteForByte) {
  const std::string line = to_line(select_case());
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  EXPECT_EQ(to_line(parse_case(line, "f:1")), line);
  EXPECT_THAT(line, HasSubstr("\"note\":\"x\""));
  const Case back = parse_case(line, "f:1");
  EXPECT_EQ(back.answer_index, 1);
  EXPECT_EQ(back.label, -1);
  EXPECT_EQ(back.history[0].comment, "nice");
  EXPECT_EQ(back.aux.rec_rank[1], 0);
}

TEST(CaseLine, FlatScalarsComeFirst) {
  const std::string line = to_line(select_case());
  EXPECT_LT(line.find("\"seed\""), line.find("\"history\""));
}

TEST(CaseLine, WithoutAnswerShowsNothingThatGivesItAway) {
  const std::string line = to_line(select_case().without_answer());
  for (const char* hidden : {"answer_index", "response", "aux", "rec_score", "note", "label"}) {
    EXPECT_THAT(line, Not(HasSubstr(hidden)));
  }
  EXPECT_THAT(line, HasSubstr("\"seven\""));
}

TEST(CaseLine, IsRefusedWithItsPlaceAndKey) {
  const std::string one = "\"candidates\":[{\"item_id\":\"7\"}]";
  const std::string two = "\"candidates\":[{\"item_id\":\"7\"},{\"item_id\":\"8\"}]";
  EXPECT_EQ(error_of(judge_line(one)), "no error");
  EXPECT_THAT(error_of(judge_line("\"candidates\":[]")),
              HasSubstr("cases.jsonl:9: \"candidates\""));
  EXPECT_THAT(error_of(judge_line(two)), HasSubstr("one is wanted to judge"));
  EXPECT_THAT(error_of(judge_line(one + ",\"label\":2")), HasSubstr("\"label\": 0 or 1"));
  EXPECT_THAT(error_of(judge_line(one + ",\"label\":0.5")), HasSubstr("\"label\""));
  EXPECT_THAT(error_of(judge_line(one + ",\"answer_index\":0")), HasSubstr("answer_index"));
  EXPECT_THAT(error_of(judge_line(one + ",\"aux\":{\"popularity\":[1,2]}")), HasSubstr("\"aux\""));
  EXPECT_THAT(error_of(judge_line("\"candidates\":[7]")), HasSubstr("a list of objects"));
  EXPECT_THAT(error_of("{\"case_id\":\"c\"}"), HasSubstr("\"user_id\": missing"));
  EXPECT_THAT(error_of("{\"case_id\":\"c\",\"user_id\":\"u\",\"task\":\"rank\"}"),
              HasSubstr("task must be judge or select, got \"rank\""));
}

TEST(CaseLine, RefusesASelectionThatCannotBeRight) {
  Case row = select_case();
  row.answer_index = 2;
  EXPECT_THAT(error_of(to_line(row)), HasSubstr("\"answer_index\": 0 .. 1"));
  row = select_case();
  row.candidates[1].item_id = "7";
  EXPECT_THAT(error_of(to_line(row)), HasSubstr("item 7 is there twice"));
  row = select_case();
  row.candidates.resize(1);
  row.aux = {};
  EXPECT_THAT(error_of(to_line(row)), HasSubstr("two or more are wanted"));
}

TEST(CaseFile, RefusesACaseThatIsThereTwice) {
  const test::TempDir folder;
  const std::string line = to_line(select_case());
  write_file(folder / "cases.jsonl", line + "\n\n" + line + "\n");
  try {
    load_cases(folder / "cases.jsonl");
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("cases.jsonl:3: case u1-select3-topk is there twice, first in "));
    EXPECT_THAT(error.what(), ::testing::EndsWith("cases.jsonl:1"));
  }
}

TEST(CaseHash, DependsOnTheQuestionsAndNotOnTheAnswers) {
  const Case row = select_case();
  const std::string hash = hash_cases({row});
  EXPECT_EQ(hash.size(), 16U);
  EXPECT_EQ(hash_cases({row.without_answer()}), hash);
  Case other = row;
  other.candidates[0].title = "changed";
  EXPECT_NE(hash_cases({other}), hash);
  EXPECT_NE(hash_cases({row, row}), hash);
  EXPECT_NE(hash_cases({}), hash);
  EXPECT_EQ(hash_case(row), hash_case(row.without_answer()));
  EXPECT_NE(hash_case(row), hash_case(other));
}

}  // namespace
}  // namespace vragent::data

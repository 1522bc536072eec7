// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/decisions.h"

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

std::string error_of(const std::string& rest) {
  try {
    parse_decision("{\"case_id\":\"c\",\"agent\":\"a\"," + rest + "}", "d.jsonl:4");
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

TEST(DecisionLine, RoundTripsByteForByte) {
  Decision row;
  row.case_id = "c";
  row.case_hash = "0123456789abcdef";
  row.agent = "vragent";
  row.model = "m";
  row.backend = "native";
  row.seed = 7;
  row.repeat = 2;
  row.yes = true;
  row.p_yes = 0.1;
  row.status = AnswerStatus::kLenient;
  row.reasoning = "likes cats\nand dogs";
  row.raw = "<think>\t</think>";
  row.latency_ms = 12.5;
  row.extra = "{\"perm\":[1,0]}";
  const std::string line = to_line(row);
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  EXPECT_THAT(line, Not(HasSubstr("choice")));
  EXPECT_EQ(to_line(parse_decision(line, "f:1")), line);
  EXPECT_EQ(parse_decision(line, "f:1").reasoning, row.reasoning);
}

TEST(DecisionLine, EveryStatusHasANameThatIsReadBack) {
  for (const auto status : {AnswerStatus::kOk,
                            AnswerStatus::kLenient,
                            AnswerStatus::kAmbiguous,
                            AnswerStatus::kOutOfSet,
                            AnswerStatus::kEmpty,
                            AnswerStatus::kRefusal,
                            AnswerStatus::kTruncated}) {
    EXPECT_EQ(parse_status(to_string(status), "f:1"), status);
    EXPECT_EQ(is_answered(status), status == AnswerStatus::kOk || status == AnswerStatus::kLenient);
  }
  EXPECT_THROW(parse_status("fine", "f:1"), DataError);
}

TEST(DecisionLine, IsRefusedWhenAnswerAndStatusContradict) {
  EXPECT_EQ(error_of("\"status\":\"ok\",\"choice\":0"), "no error");
  EXPECT_EQ(error_of("\"status\":\"empty\",\"choice\":null"), "no error");
  EXPECT_THAT(error_of("\"status\":\"ok\""),
              HasSubstr("d.jsonl:4: \"status\": no answer to be ok"));
  EXPECT_THAT(error_of("\"status\":\"empty\",\"yes\":true"), HasSubstr("needs ok or lenient"));
  EXPECT_THAT(error_of("\"status\":\"ok\",\"yes\":true,\"choice\":1"), HasSubstr("not both"));
  EXPECT_THAT(error_of("\"status\":\"ok\",\"choice\":-1"), HasSubstr("\"choice\": 0 or more"));
  EXPECT_THAT(error_of("\"status\":\"ok\",\"yes\":true,\"p_yes\":1.5"), HasSubstr("p_yes"));
  EXPECT_THAT(error_of("\"status\":\"ok\",\"yes\":1"), HasSubstr("true or false"));
  EXPECT_THAT(error_of("\"status\":\"ok\",\"choice\":18446744073709551615"), HasSubstr("64 bits"));
  EXPECT_THAT(error_of("\"repeat\":0"), HasSubstr("\"status\": missing"));
}

TEST(DecisionFile, RefusesOneDecisionTwiceButTakesRepeatsAndOtherAgents) {
  const test::TempDir folder;
  Decision row;
  row.case_id = "c";
  row.agent = "a";
  Decision repeat = row;
  repeat.repeat = 1;
  Decision other = row;
  other.agent = "b";
  const std::string lines = to_line(row) + "\n" + to_line(repeat) + "\n" + to_line(other) + "\n";
  write_file(folder / "d.jsonl", lines);
  EXPECT_EQ(load_decisions(folder / "d.jsonl").size(), 3U);
  write_file(folder / "d.jsonl", lines + to_line(repeat));
  try {
    load_decisions(folder / "d.jsonl");
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("d.jsonl:4: case c, agent a, repeat 1 is there twice"));
  }
}

}  // namespace
}  // namespace vragent::data

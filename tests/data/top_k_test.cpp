// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/top_k.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string error_of(const std::string& line) {
  try {
    parse_top_k(line, "f:3");
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

TEST(TopKLine, RoundTripsWithScoresAndUnknownMembers) {
  const std::string line =
      "{\"user_id\":\"u\",\"items\":[\"3\",\"1\"],\"scores\":[0.1,-2.5],\"model\":{\"a\":[1]}}";
  const TopK row = parse_top_k(line, "f:1");
  EXPECT_THAT(row.items, ElementsAre("3", "1"));
  EXPECT_THAT(row.scores, ElementsAre(0.1, -2.5));
  EXPECT_EQ(to_line(row), line);
}

TEST(TopKLine, TakesNumbersAsIdsAndListsWithoutScoresOrItems) {
  const TopK row = parse_top_k("{\"user_id\":12,\"items\":[3,1]}", "f:1");
  EXPECT_EQ(row.user_id, "12");
  EXPECT_THAT(row.items, ElementsAre("3", "1"));
  EXPECT_TRUE(parse_top_k("{\"user_id\":\"u\",\"items\":[]}", "f:1").items.empty());
}

TEST(TopKLine, IsRefusedWithItsPlace) {
  EXPECT_THAT(error_of("{\"items\":[]}"), HasSubstr("f:3: \"user_id\": missing"));
  EXPECT_THAT(error_of("{\"user_id\":\"u\"}"), HasSubstr("f:3: \"items\": missing"));
  EXPECT_THAT(error_of("{\"user_id\":\"u\",\"items\":[1,1]}"), HasSubstr("item 1 is there twice"));
  EXPECT_THAT(error_of("{\"user_id\":\"u\",\"items\":[1],\"scores\":[1,2]}"), HasSubstr("scores"));
  EXPECT_THAT(error_of("{\"user_id\":\"u\",\"items\":[\"\"]}"), HasSubstr("empty id"));
  EXPECT_THAT(error_of("[1]"), HasSubstr("f:3: expected a JSON object"));
}

TEST(TopKFile, RefusesTwoListsOfOneUser) {
  const test::TempDir folder;
  write_file(folder / "topk.jsonl",
             "{\"user_id\":1,\"items\":[2]}\n{\"user_id\":\"1\",\"items\":[3]}\n");
  try {
    load_top_k(folder / "topk.jsonl");
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("topk.jsonl:2: user 1 has two lists"));
  }
}

}  // namespace
}  // namespace vragent::data

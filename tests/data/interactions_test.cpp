// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/interactions.h"

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

class InteractionsFile : public ::testing::Test {
 protected:
  Interactions load(const std::string& content, const std::string& format = "auto") {
    write_file(path_, content);
    return load_interactions(path_, format);
  }

  std::string error_of(const std::string& content, const std::string& format = "auto") {
    try {
      load(content, format);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  test::TempDir folder_;
  std::filesystem::path path_ = folder_ / "pairs.tsv";
};

TEST_F(InteractionsFile, NumbersItemsInNumericOrderOfTheirIds) {
  const Interactions data = load("u2\t10 9 100\r\nu1\t9 10\r\n");
  EXPECT_THAT(data.item_ids, ElementsAre("9", "10", "100"));
  EXPECT_THAT(data.user_ids, ElementsAre("u2", "u1"));
  EXPECT_THAT(data.histories[0], ElementsAre(1, 0, 2));
  EXPECT_THAT(data.histories[1], ElementsAre(0, 1));
  EXPECT_EQ(data.num_interactions(), 5);
}

TEST_F(InteractionsFile, NumbersItemsByBytesWhenOneIdIsNoNumber) {
  EXPECT_THAT(load("u\t10 9 x\n").item_ids, ElementsAre("10", "9", "x"));
}

TEST_F(InteractionsFile, KeepsIdsApartThatAreTheSameNumber) {
  EXPECT_THAT(load("u\t7 07 7\n").item_ids, ElementsAre("07", "7"));
}

TEST_F(InteractionsFile, SortsCsvRowsByTimeWithinAUserAndKeepsTheOrderOfTies) {
  const Interactions data =
      load("user,item,timestamp\n1,5,300\n2,6,1\n1,4,100\n1,9,300\n\"1\",8,200\n", "microlens-csv");
  EXPECT_THAT(data.user_ids, ElementsAre("1", "2"));
  std::vector<std::string> items;
  for (const std::int32_t item : data.histories[0]) {
    items.push_back(data.item_ids[static_cast<std::size_t>(item)]);
  }
  EXPECT_THAT(items, ElementsAre("4", "8", "5", "9"));
}

TEST_F(InteractionsFile, IsRefusedWithPathAndLine) {
  EXPECT_THAT(error_of("1\t5 6\n1\t7\n"), HasSubstr("pairs.tsv:2: user 1 is there twice"));
  EXPECT_THAT(error_of("1\t5 6\n2\t \n"), HasSubstr("pairs.tsv:2: user 2 has no items"));
  EXPECT_THAT(error_of("1\t5\nno tab\n"), HasSubstr("pairs.tsv:2: expected"));
  EXPECT_THAT(error_of("user,item,timestamp\n1,2,x\n"), HasSubstr("pairs.tsv:2: timestamp \"x\""));
  EXPECT_THAT(error_of("user,item,timestamp\n1,2\n"), HasSubstr("pairs.tsv:2: expected"));
  EXPECT_THAT(error_of("user,item,timestamp\n1,2,1.5\n"), HasSubstr("1.5"));
  EXPECT_THAT(error_of("a b c\n"), HasSubstr("pairs.tsv:1: neither"));
  EXPECT_THAT(error_of(""), HasSubstr("no interactions"));
  EXPECT_THAT(error_of("user,item,timestamp\n"), HasSubstr("no interactions"));
  EXPECT_THAT(error_of("1\t5\n", "microlens-csv"), HasSubstr("looks like microlens-tsv"));
  EXPECT_THAT(error_of("1\t5\n", "excel"), HasSubstr("--format must be one of"));
}

}  // namespace
}  // namespace vragent::data

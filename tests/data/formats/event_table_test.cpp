// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "data/formats/event_table.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/util/error.h"

namespace vragent::data::formats {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StrEq;
using ::testing::ThrowsMessage;

struct Row {
  std::string user;
  std::string item;
  double time = 0;
};

Interactions taken(const std::vector<Row>& rows, const ReadConfig& config = {}) {
  EventTable table;
  std::int64_t line = 0;
  for (const Row& row : rows) {
    ++line;
    table.add(table.add_user(row.user, line).first, row.item, row.time, line);
  }
  return table.take(config, [](std::int64_t number) { return "file:" + std::to_string(number); });
}

TEST(EventTable, NumbersItemsInTheOrderOfTheirIds) {
  EXPECT_THAT(taken({{"u", "10"}, {"u", "9"}}).item_ids, ElementsAre("9", "10"));
  EXPECT_THAT(taken({{"u", "10"}, {"u", "9"}, {"u", "x"}}).item_ids, ElementsAre("10", "9", "x"));
  EXPECT_THAT(taken({{"u", "7"}, {"u", "07"}}).item_ids, ElementsAre("07", "7"));
}

TEST(EventTable, RemembersTheLinesOfItsItems) {
  const Interactions data = taken({{"u", "10"}, {"u", "9"}, {"v", "9"}, {"v", "8"}});
  EXPECT_THAT(data.item_ids, ElementsAre("8", "9", "10"));
  EXPECT_THAT(data.item_lines, ElementsAre(4, 2, 1));
}

std::string said(const std::vector<Row>& rows) {
  ::testing::internal::CaptureStderr();
  taken(rows);
  return ::testing::internal::GetCapturedStderr();
}

TEST(EventTable, SaysWhichIdIsNoNumberWhenOthersAre) {
  EXPECT_THAT(said({{"u", "10"}, {"u", "12a"}, {"u", "9"}}),
              HasSubstr("file:2: item \"12a\" is not a number, 2 others are; items are now "
                        "ordered by bytes"));
  EXPECT_THAT(said({{"1", "10"}, {"u4", "9"}, {"3", "9"}}),
              HasSubstr("file:2: user \"u4\" is not a number, 2 others are"));
  EXPECT_THAT(said({{"1", "10"}, {"1", "9"}, {"2", "-7"}}),
              HasSubstr("file:3: item \"-7\" is not a number from 0, 2 others are"));
  EXPECT_EQ(said({{"ann", "10"}, {"7", "9"}, {"bob", "9"}}), "") << "names, one of digits only";
  EXPECT_THAT(taken({{"1", "10"}, {"1", "9"}, {"1", "-7"}}).item_ids, ElementsAre("-7", "9", "10"));
}

TEST(EventTable, RefusesASingleItemThatIsNoNumberAmongManyThatAre) {
  std::vector<Row> rows = {{"u", "boat"}};
  for (int item = 1; item < 100; ++item) rows.push_back({"u", std::to_string(item)});
  EXPECT_EQ(taken(rows).item_ids.size(), 100);
  rows.push_back({"u", "100"});
  EXPECT_THAT([&] { taken(rows); },
              ThrowsMessage<DataError>(
                  StrEq("file:1: item \"boat\" is not a number, 100 others are: correct that "
                        "line, or give no item a number as its id")));
}

/// A hundred users from 1 on, each with an item of its own from 1 on, and one more row.
void take_hundred_and(const Row& last) {
  std::vector<Row> rows;
  for (int row = 1; row <= 100; ++row) rows.push_back({std::to_string(row), std::to_string(row)});
  rows.push_back(last);
  taken(rows);
}

TEST(EventTable, WarnsOfAUserThatIsNoNumberHoweverManyAre) {
  std::vector<Row> rows = {{"u4", "1"}, {"-1", "2"}};
  for (int row = 1; row <= 150; ++row) rows.push_back({std::to_string(row), std::to_string(row)});
  EXPECT_THAT(said(rows), HasSubstr("file:1: user \"u4\" is not a number, 150 others are"));
}

TEST(EventTable, TakesNumbersOfMoreThan64Bits) {
  std::vector<Row> rows = {{"18446744073709551007", "18446744073709551007"}};
  for (int row = 1; row <= 150; ++row) rows.push_back({std::to_string(row), std::to_string(row)});
  EXPECT_EQ(said(rows), "");
}

TEST(EventTable, RefusesASingleNegativeIdAmongManyThatAreNot) {
  const Row item = {"1", "-7"};
  EXPECT_THAT([&] { take_hundred_and(item); },
              ThrowsMessage<DataError>(
                  HasSubstr("file:101: item \"-7\" is not a number from 0, 100 others are: ")));
}

TEST(EventTable, TakesAnyNumberOfWords) {
  std::vector<Row> rows;
  for (int row = 0; row < 300; ++row) {
    const std::string number = std::to_string(row);
    rows.push_back({"u" + number, "i" + number});
  }
  EXPECT_EQ(said(rows), "");
}

TEST(EventTable, RefusesIdsThatAreNotUtf8) {
  const std::vector<Row> users = {{"u", "1"}, {"\xFFz", "1"}, {"\xFEz", "2"}};
  EXPECT_THAT([&] { taken(users); },
              ThrowsMessage<DataError>(
                  StrEq("file:2: user id \"\xEF\xBF\xBDz\" is not UTF-8: convert the file")));
  const std::vector<Row> latin = {{"u", "caf\xE9"}};
  EXPECT_THAT([&] { taken(latin); },
              ThrowsMessage<DataError>(HasSubstr("file:1: item id \"caf\xEF\xBF\xBD\" is not")));
  EXPECT_THAT(taken({{"\xE4\xB8\xAD", "caf\xC3\xA9"}}).item_ids, ElementsAre("caf\xC3\xA9"));
}

TEST(EventTable, KeepsTheDuplicatesThatItIsToldTo) {
  const std::vector<Row> rows = {{"u", "1", 5}, {"u", "2", 6}, {"u", "1", 7}, {"v", "1", 1}};
  EXPECT_THAT(taken(rows).histories[0], ElementsAre(0, 1));
  EXPECT_THAT(taken(rows, {.duplicates = "keep-last"}).histories[0], ElementsAre(1, 0));
  EXPECT_THAT(taken(rows, {.duplicates = "keep-all"}).histories[0], ElementsAre(0, 1, 0));
  EXPECT_EQ(taken(rows).counts.duplicates, 1);
  EXPECT_THAT([&] { taken(rows, {.duplicates = "error"}); },
              ThrowsMessage<DataError>(
                  StrEq("file:3: user u has item 1 twice; --duplicates says what to do")));
}

TEST(EventTable, CutsDownToTheCoreUntilBothBoundsHold) {
  // Without item 3, which only c has, c has one item; without c, item 2 has one user, and so on.
  const std::vector<Row> rows = {
      {"a", "1"}, {"a", "4"}, {"b", "1"}, {"b", "4"}, {"b", "2"}, {"c", "2"}, {"c", "3"}};
  const Interactions core = taken(rows, {.min_user_items = 2, .min_item_users = 2});
  EXPECT_THAT(core.user_ids, ElementsAre("a", "b"));
  EXPECT_THAT(core.item_ids, ElementsAre("1", "4"));
  EXPECT_EQ(core.counts.outside_core, 3);
  EXPECT_THAT(taken(rows, {.min_user_items = 3}).user_ids, ElementsAre("b"));
  EXPECT_TRUE(taken(rows, {.min_item_users = 3}).histories.empty());
}

}  // namespace
}  // namespace vragent::data::formats

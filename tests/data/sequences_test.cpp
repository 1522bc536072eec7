// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/sequences.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/util/error.h"

namespace vragent::data {
namespace {

using ::testing::ElementsAre;

/// Users "1", "2", ... over items named by number.
Interactions histories(const std::vector<std::vector<std::int32_t>>& rows) {
  Interactions data;
  for (std::int32_t item = 0; item < 30; ++item)
    data.item_ids.push_back(std::to_string(item + 100));
  data.histories = rows;
  for (std::size_t i = 0; i < rows.size(); ++i) data.user_ids.push_back(std::to_string(i + 1));
  return data;
}

std::vector<std::int32_t> values(std::span<const std::int32_t> items) {
  return {items.begin(), items.end()};
}

std::vector<std::int32_t> range(std::int32_t first, std::int32_t count) {
  std::vector<std::int32_t> items(static_cast<std::size_t>(count));
  std::iota(items.begin(), items.end(), first);
  return items;
}

TEST(Sequences, KeepTheLastThirteenItemsAndRenumberTheCatalogue) {
  const Sequences seq = make_sequences(histories({range(0, 20), range(8, 5)}), {});
  ASSERT_EQ(seq.num_users(), 2);
  EXPECT_EQ(seq.num_items(), 13) << "items 0..6 are outside of every window";
  EXPECT_EQ(seq.item_ids[0], "");
  EXPECT_EQ(seq.item_ids[1], "107");
  EXPECT_EQ(seq.item_lines, std::vector<std::int64_t>(14)) << "of no file";
  EXPECT_EQ(seq.item_index.at("119"), 13);
  EXPECT_EQ(values(seq.windows[0]), range(1, 13));
  EXPECT_EQ(seq.full_lengths[0], 20);
  EXPECT_FALSE(seq.cold[0]);
  EXPECT_TRUE(seq.cold[1]);
}

TEST(Sequences, SplitLeavesTheLastTwoItemsOut) {
  const Sequences seq = make_sequences(histories({range(0, 20)}), {});
  EXPECT_EQ(values(seq.train(0)), range(1, 11));
  EXPECT_EQ(values(seq.input(0, Split::kValid)), range(2, 10));
  EXPECT_EQ(values(seq.seen(0, Split::kValid)), range(1, 11));
  EXPECT_EQ(seq.target(0, Split::kValid), 12);
  EXPECT_EQ(values(seq.input(0, Split::kTest)), range(3, 10));
  EXPECT_EQ(values(seq.seen(0, Split::kTest)), range(1, 12));
  EXPECT_EQ(seq.target(0, Split::kTest), 13);
  EXPECT_EQ(values(seq.input(0, Split::kTrain)), range(1, 10));
  EXPECT_EQ(seq.target(0, Split::kTrain), 11);
}

TEST(Sequences, HaveAHistoryBeforeTheLastTrainItemWhereThereIsOne) {
  const Sequences seq = make_sequences(histories({range(0, 3), range(0, 4)}), {.min_len = 3});
  EXPECT_FALSE(seq.has_history(0, Split::kTrain));
  EXPECT_TRUE(seq.has_history(0, Split::kValid));
  EXPECT_TRUE(seq.has_history(1, Split::kTrain));
  EXPECT_EQ(seq.target(1, Split::kTrain), seq.item_index.at("101"));
}

TEST(Sequences, CountTrainPartsOnly) {
  const Sequences seq = make_sequences(histories({{1, 2, 1, 3, 4}, {1, 5, 6, 2, 3}}), {});
  EXPECT_THAT(seq.train_counts, ElementsAre(0, 3, 1, 0, 0, 1, 1));
}

TEST(Sequences, DropUsersWithFewItemsAndFindTheOthersById) {
  const Sequences seq = make_sequences(histories({range(0, 4), range(0, 5), range(0, 6)}), {});
  EXPECT_THAT(seq.user_ids, ElementsAre("2", "3"));
  EXPECT_EQ(seq.user_index.at("3"), 1);
  EXPECT_EQ(seq.user_index.count("1"), 0U);
}

TEST(Sequences, RefuseAProtocolThatCannotSplit) {
  EXPECT_THROW(make_sequences(histories({range(0, 5)}), {.min_len = 2}), ConfigError);
  EXPECT_THROW(make_sequences(histories({range(0, 5)}), {.max_len = 0}), ConfigError);
  EXPECT_NO_THROW(make_sequences(histories({range(0, 3)}), {.min_len = 3}));
}

}  // namespace
}  // namespace vragent::data

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/world.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mini_world/wording.h"
#include "vragent/util/error.h"

namespace mini_world {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<WorldUser> some_users(const std::vector<WorldItem>& items) {
  return draw_users(items, TasteWeights{}, 11, "user", 300);
}

TEST(WorldItems, DoNotDependOnHowManyThereAre) {
  const auto few = draw_items(11, 20);
  const auto many = draw_items(11, 200);
  for (std::size_t i = 0; i < few.size(); ++i) {
    EXPECT_EQ(few[i].own, many[i].own);
    EXPECT_EQ(few[i].b_roll, many[i].b_roll);
    EXPECT_EQ(few[i].title, many[i].title);
  }
}

TEST(WorldItems, DifferBetweenSeeds) {
  EXPECT_NE(draw_items(11, 1)[0].title + caption_of(draw_items(11, 1)[0].own),
            draw_items(12, 1)[0].title + caption_of(draw_items(12, 1)[0].own));
}

TEST(WorldItems, SpreadEveryAttributeEvenly) {
  const auto items = draw_items(11, 6000);
  for (const Slot slot : kSlots) {
    std::vector<double> counts(words_of(slot).size());
    for (const WorldItem& item : items) ++counts[static_cast<std::size_t>(item.own[slot])];
    const double expected = 6000.0 / static_cast<double>(counts.size());
    for (const double count : counts) EXPECT_NEAR(count, expected, 0.15 * expected);
  }
}

TEST(WorldItems, HaveABRollThatSharesNothingVisibleButTheColour) {
  std::set<int> same_colour;
  for (const WorldItem& item : draw_items(11, 500)) {
    EXPECT_NE(item.own[Slot::kSubject], item.b_roll[Slot::kSubject]);
    EXPECT_NE(item.own[Slot::kSetting], item.b_roll[Slot::kSetting]);
    EXPECT_NE(item.own[Slot::kActivity], item.b_roll[Slot::kActivity]);
    same_colour.insert(item.own[Slot::kColour] == item.b_roll[Slot::kColour] ? 1 : 0);
  }
  EXPECT_THAT(same_colour, ElementsAre(0, 1));
}

TEST(WorldUsers, WatchFiveToThirteenDifferentItemsAndCommentOnEach) {
  const auto items = draw_items(11, 100);
  double total = 0;
  for (const WorldUser& user : some_users(items)) {
    EXPECT_GE(user.watched.size(), 5U);
    EXPECT_LE(user.watched.size(), 13U);
    EXPECT_EQ(std::set<int>(user.watched.begin(), user.watched.end()).size(), user.watched.size());
    EXPECT_EQ(user.comments.size(), user.watched.size());
    total += static_cast<double>(user.watched.size());
  }
  EXPECT_NEAR(total / 300, 8.0, 0.4);
}

TEST(WorldUsers, WatchMostlyWhatTheyLike) {
  const auto items = draw_items(11, 600);
  double liked = 0;
  double disliked_genre = 0;
  double total = 0;
  for (const WorldUser& user : some_users(items)) {
    for (const int item : user.watched) {
      const Attributes& own = items[static_cast<std::size_t>(item)].own;
      liked += user.tastes.likes(Slot::kSubject, own) ? 1 : 0;
      disliked_genre += user.tastes.likes(Slot::kGenre, own) ? 0 : 1;
      ++total;
    }
  }
  EXPECT_GT(liked / total, 0.8);
  EXPECT_GT(disliked_genre / total, 0.3) << "the genre weighs less";
}

TEST(WorldUsers, OfAnotherNameAreOtherPeople) {
  const auto items = draw_items(11, 100);
  const auto a = draw_users(items, TasteWeights{}, 11, "user", 1);
  const auto b = draw_users(items, TasteWeights{}, 11, "corpus-user", 1);
  EXPECT_NE(a[0].watched, b[0].watched);
}

TEST(WorldUsers, OfManyItemsCanWatchAsManyAsThereAre) {
  const auto items = draw_items(11, 20);
  EXPECT_EQ(some_users(items).size(), 300U);
}

TEST(Tastes, NeverLikeASetting) {
  const Tastes tastes = {.subjects = {0, 1}, .activities = {2, 3}, .genre = 4, .colour = 5};
  Attributes item;
  item[Slot::kSubject] = 1;
  item[Slot::kGenre] = 4;
  EXPECT_TRUE(tastes.likes(Slot::kSubject, item));
  EXPECT_TRUE(tastes.likes(Slot::kGenre, item));
  EXPECT_FALSE(tastes.likes(Slot::kActivity, item));
  EXPECT_FALSE(tastes.likes(Slot::kColour, item));
  EXPECT_FALSE(tastes.likes(Slot::kSetting, item));
}

TEST(WorldConfig, TakesItsSizesFromTheProfileUnlessTold) {
  EXPECT_EQ(WorldConfig{}.num_items(), 600);
  EXPECT_EQ((WorldConfig{.profile = "smoke"}.num_users()), 600);
  EXPECT_EQ((WorldConfig{.profile = "smoke", .items = 33}.num_items()), 33);
}

TEST(WorldConfig, RefusesAnUnknownProfileAndAWorldTooSmall) {
  EXPECT_THROW((WorldConfig{.profile = "huge"}.check()), vragent::ConfigError);
  EXPECT_THROW((WorldConfig{.items = 3}.check()), vragent::ConfigError);
  EXPECT_THROW((WorldConfig{.users = -1}.check()), vragent::ConfigError);
}

}  // namespace
}  // namespace mini_world

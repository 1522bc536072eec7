// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/world.h"

#include <algorithm>
#include <limits>

#include "mini_world/wording.h"
#include "vragent/util/config.h"

namespace mini_world {
namespace {

using vragent::RandomStream;

/// Uniform over the values of a slot, the one that is taken left out.
int draw_other(Slot slot, int taken, RandomStream& random) {
  const auto count = static_cast<std::int64_t>(words_of(slot).size());
  const auto draw = static_cast<int>(random.below(count - 1));
  return draw < taken ? draw : draw + 1;
}

int draw_value(Slot slot, RandomStream& random) {
  return static_cast<int>(random.below(static_cast<std::int64_t>(words_of(slot).size())));
}

std::vector<int> draw_two(Slot slot, RandomStream& random) {
  const auto drawn = random.sample(static_cast<std::int64_t>(words_of(slot).size()), 2);
  return {drawn.begin(), drawn.end()};
}

Tastes draw_tastes(RandomStream& random) {
  Tastes tastes;
  tastes.subjects = draw_two(Slot::kSubject, random);
  tastes.activities = draw_two(Slot::kActivity, random);
  tastes.genre = draw_value(Slot::kGenre, random);
  tastes.colour = draw_value(Slot::kColour, random);
  return tastes;
}

double utility(const WorldItem& item, const Tastes& tastes, const TasteWeights& weights) {
  double sum = weights.popularity * item.appeal;
  if (tastes.likes(Slot::kSubject, item.own)) sum += weights.subject;
  if (tastes.likes(Slot::kActivity, item.own)) sum += weights.activity;
  if (tastes.likes(Slot::kGenre, item.own)) sum += weights.genre;
  if (tastes.likes(Slot::kColour, item.own)) sum += weights.colour;
  return sum;
}

/// What the item gains from the one watched just before.
double follow_bonus(const Attributes& item, const Attributes& previous, const TasteWeights& w) {
  const auto subjects = static_cast<int>(words_of(Slot::kSubject).size());
  const bool follows = item[Slot::kSubject] == (previous[Slot::kSubject] + 1) % subjects;
  const bool repeats = item[Slot::kActivity] == previous[Slot::kActivity];
  return (follows ? w.next_subject : 0) + (repeats ? w.same_activity : 0);
}

/// The next item: argmax of utility + Gumbel noise over what was not watched yet.
int choose_next(const std::vector<WorldItem>& items,
                const std::vector<double>& utilities,
                const std::vector<int>& watched,
                const TasteWeights& weights,
                RandomStream& random) {
  int best = -1;
  double best_score = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < items.size(); ++i) {
    const double noise = random.gumbel();
    const auto index = static_cast<int>(i);
    if (std::find(watched.begin(), watched.end(), index) != watched.end()) continue;
    double score = utilities[i] + noise;
    if (!watched.empty()) {
      const auto& previous = items[static_cast<std::size_t>(watched.back())].own;
      score += follow_bonus(items[i].own, previous, weights);
    }
    if (score > best_score) {
      best = index;
      best_score = score;
    }
  }
  return best;
}

WorldUser draw_user(const std::vector<WorldItem>& items,
                    const TasteWeights& weights,
                    RandomStream& random) {
  WorldUser user;
  user.tastes = draw_tastes(random);
  std::vector<double> utilities;
  utilities.reserve(items.size());
  for (const WorldItem& item : items) utilities.push_back(utility(item, user.tastes, weights));
  const std::int64_t length = 5 + std::min<std::int64_t>(8, random.poisson(3.0));
  for (std::int64_t i = 0; i < length; ++i) {
    user.watched.push_back(choose_next(items, utilities, user.watched, weights, random));
    const auto& seen = items[static_cast<std::size_t>(user.watched.back())].own;
    user.comments.push_back(draw_comment(user.tastes, seen, random));
  }
  return user;
}

bool contains(const std::vector<int>& values, int value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

std::string name_of(Slot slot) {
  static const std::vector<std::string> names = {
      "subject", "colour", "setting", "activity", "genre"};
  return names[static_cast<std::size_t>(slot)];
}

const std::vector<std::string>& words_of(Slot slot) {
  static const std::array<std::vector<std::string>, 5> words = {{
      {"cat", "fish", "bird", "car", "boat", "robot", "flower", "rocket"},
      {"red", "yellow", "green", "blue", "purple", "white"},
      {"beach", "forest", "city", "snow", "night", "kitchen"},
      {"jumping", "spinning", "racing", "dancing", "sleeping", "eating"},
      {"tutorial", "prank", "challenge", "review", "story", "song"},
  }};
  return words[static_cast<std::size_t>(slot)];
}

bool Tastes::likes(Slot slot, const Attributes& attributes) const {
  switch (slot) {
    case Slot::kSubject:
      return contains(subjects, attributes[slot]);
    case Slot::kActivity:
      return contains(activities, attributes[slot]);
    case Slot::kGenre:
      return genre == attributes[slot];
    case Slot::kColour:
      return colour == attributes[slot];
    case Slot::kSetting:
      return false;
  }
  return false;
}

void WorldConfig::check() const {
  vragent::check_one_of("profile", profile, {"smoke", "full"});
  // A user of 13 interactions needs that many items, and some to leave.
  vragent::check_range("items", static_cast<double>(num_items()), 20, 1e6);
  vragent::check_range("users", static_cast<double>(num_users()), 1, 1e7);
}

std::int64_t WorldConfig::num_items() const {
  if (items != 0) return items;
  return is_full() ? 600 : 200;
}

std::int64_t WorldConfig::num_users() const {
  if (users != 0) return users;
  return is_full() ? 1500 : 600;
}

RandomStream indexed_stream(std::int64_t seed, const char* name, std::int64_t index) {
  return RandomStream(
      vragent::mix_seed(static_cast<std::uint64_t>(seed),
                        {vragent::hash_text(name), static_cast<std::uint64_t>(index)}));
}

Attributes draw_attributes(RandomStream& random) {
  Attributes drawn;
  for (const Slot slot : kSlots) drawn[slot] = draw_value(slot, random);
  return drawn;
}

Attributes draw_b_roll(const Attributes& own, RandomStream& random) {
  Attributes drawn = own;
  for (const Slot slot : {Slot::kSubject, Slot::kSetting, Slot::kActivity}) {
    drawn[slot] = draw_other(slot, own[slot], random);
  }
  drawn[Slot::kColour] = draw_value(Slot::kColour, random);
  return drawn;
}

std::vector<WorldItem> draw_items(std::int64_t seed, std::int64_t count) {
  std::vector<WorldItem> items(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    WorldItem& item = items[static_cast<std::size_t>(i)];
    RandomStream content = indexed_stream(seed, "item", i);
    item.own = draw_attributes(content);
    item.b_roll = draw_b_roll(item.own, content);
    item.appeal = content.normal();
    RandomStream words = indexed_stream(seed, "title", i);
    item.title = draw_title(item.own, words);
  }
  return items;
}

std::vector<WorldUser> draw_users(const std::vector<WorldItem>& items,
                                  const TasteWeights& weights,
                                  std::int64_t seed,
                                  const char* name,
                                  std::int64_t count) {
  std::vector<WorldUser> users;
  users.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    RandomStream random = indexed_stream(seed, name, i);
    users.push_back(draw_user(items, weights, random));
  }
  return users;
}

}  // namespace mini_world

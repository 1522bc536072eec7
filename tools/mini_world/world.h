// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The mini world: items with five attributes, users with tastes, what they watched and said. All of
// it comes from one seed, split by name and index, so that item 7 is the same in a world of any
// size. The numbers are those of "world D" of the demo's specification.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "vragent/util/random.h"

namespace mini_world {

/// What describes an item. The genre is not visible in frames, only the title's idiom gives it.
enum class Slot { kSubject, kColour, kSetting, kActivity, kGenre };

inline constexpr std::array<Slot, 5> kSlots = {
    Slot::kSubject, Slot::kColour, Slot::kSetting, Slot::kActivity, Slot::kGenre};

/// "subject", "colour", "setting", "activity", "genre".
std::string name_of(Slot slot);

/// The words of a slot in index order; of a setting the noun ("beach").
const std::vector<std::string>& words_of(Slot slot);

/// An index into words_of() for each slot, in the order of kSlots.
struct Attributes {
  std::array<int, 5> values = {};

  [[nodiscard]] int operator[](Slot slot) const { return values[static_cast<std::size_t>(slot)]; }

  int& operator[](Slot slot) { return values[static_cast<std::size_t>(slot)]; }

  /// The slot's word.
  [[nodiscard]] const std::string& word(Slot slot) const {
    return words_of(slot)[static_cast<std::size_t>((*this)[slot])];
  }

  bool operator==(const Attributes&) const = default;
};

/// One video's content.
struct WorldItem {
  Attributes own;     ///< what the video is about
  Attributes b_roll;  ///< a scene that has nothing to do with it (its genre means nothing)
  double appeal = 0;  ///< standard normal; times TasteWeights::popularity in the utility
  std::string title;
};

/// What a user likes: two subjects, two activities, a genre, a colour.
struct Tastes {
  std::vector<int> subjects;
  std::vector<int> activities;
  int genre = 0;
  int colour = 0;

  /// Whether the attribute of this slot is liked; settings never are.
  [[nodiscard]] bool likes(Slot slot, const Attributes& attributes) const;
};

struct WorldUser {
  Tastes tastes;
  std::vector<int> watched;           ///< item indices from 0, oldest first, none twice
  std::vector<std::string> comments;  ///< one a watched item
};

/// Weights of a user's utility; the choice is argmax(utility + standard Gumbel) over unseen items.
struct TasteWeights {
  double subject = 3.5;
  double activity = 3.0;
  double genre = 1.5;
  double colour = 0.4;
  double popularity = 0.3;
  double next_subject = 0.6;  ///< bonus when the subject follows the previous one (index + 1 mod 8)
  double same_activity = 0.3;  ///< bonus when the activity is the previous one
};

/// Other people's tastes, for the corpus that the user agent learns its language from.
inline constexpr TasteWeights kCorpusWeights = {3.0, 2.5, 2.0, 0.0, 0.0, 0.0, 0.0};

struct WorldConfig {
  std::string profile = "full";  ///< smoke: 200 items, 600 users; full: 600 items, 1,500 users
  std::int64_t seed = 11;
  std::int64_t items = 0;  ///< 0: as the profile says
  std::int64_t users = 0;  ///< 0: as the profile says

  void visit(auto& v) {
    v("profile", profile, "size of the world: smoke or full");
    v("seed", seed, "the one seed of everything");
    v("items", items, "number of items; 0: as the profile says");
    v("users", users, "number of users; 0: as the profile says");
  }

  /// @throws vragent::ConfigError on an unknown profile, fewer than 20 items, a negative count
  void check() const;

  [[nodiscard]] bool is_full() const { return profile == "full"; }

  [[nodiscard]] std::int64_t num_items() const;
  [[nodiscard]] std::int64_t num_users() const;
};

/// The stream `name` of a seed, the `index`-th of many.
vragent::RandomStream indexed_stream(std::int64_t seed, const char* name, std::int64_t index);

/// Every slot uniform and independent.
Attributes draw_attributes(vragent::RandomStream& random);

/// A scene whose subject, setting and activity all differ from `own`.
Attributes draw_b_roll(const Attributes& own, vragent::RandomStream& random);

/// Item i depends on the seed and on i only.
std::vector<WorldItem> draw_items(std::int64_t seed, std::int64_t count);

/// Users over `items`, of 5 + min(8, Poisson(3)) interactions each.
/// @param name the stream, so that two groups of users of one seed have nothing in common
std::vector<WorldUser> draw_users(const std::vector<WorldItem>& items,
                                  const TasteWeights& weights,
                                  std::int64_t seed,
                                  const char* name,
                                  std::int64_t count);

}  // namespace mini_world

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Interactions as they come from a file, and what makes histories of them: order by time,
// duplicates, the core.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vragent/data/formats/interaction_reader.h"
#include "vragent/data/interactions.h"

namespace vragent::data::formats {

/// Ids met so far with their numbers. Open addressing: no string is built for a known id, and two
/// places of the memory are looked at.
class IdTable {
 public:
  /// Number of the id and whether it is new. @throws DataError beyond 2^31 - 1 ids
  std::pair<std::int32_t, bool> add(std::string_view id);

  [[nodiscard]] const std::vector<std::string>& ids() const { return ids_; }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::int32_t index = -1;  ///< -1: free
  };

  /// The slot that holds the id, or the free one where it belongs.
  Slot& slot_of(std::string_view id, std::uint32_t hash);
  void grow();

  std::vector<std::string> ids_;
  std::vector<Slot> slots_;  // a power of two of them, at most half are taken
};

/// One interaction of a user.
struct Event {
  double time = 0;
  std::int32_t item = 0;
  std::uint32_t line = 0;  ///< of the file; 0 where it does not fit
};

/// Names a line of the file for a message.
using LineName = std::function<std::string(std::int64_t line)>;

/// Watches the ids of all users, or of all items, for those that are there by mistake.
class IdWatch {
 public:
  /// @param role       "user" or "item"
  /// @param is_ordered by number, or by bytes where some are words: a slip among these is an error
  IdWatch(std::string role, bool is_ordered) : role_(std::move(role)), is_ordered_(is_ordered) {}

  /// Takes an id that was not met before.
  void note(std::string_view id, std::int64_t line);

  [[nodiscard]] bool has_words() const { return num_words_ > 0; }

  /// Warns of ids of which only some are whole numbers from 0. @throws DataError on an id that is
  /// not UTF-8, and of ordered ids at one that is no such number among a hundred or more that are
  void check(const LineName& where) const;

 private:
  struct Place {
    std::string id;
    std::int64_t line = 0;  ///< 0: none
    bool is_negative = false;
  };

  std::string role_;
  bool is_ordered_;
  std::int64_t num_numbers_ = 0;  ///< whole ones from 0
  std::int64_t num_odd_ = 0;      ///< the others
  std::int64_t num_words_ = 0;    ///< all that do not fit 64 bits, by which ids are ordered
  Place odd_;                     ///< the first of the others
  Place broken_;                  ///< the first that is not UTF-8
};

class EventTable {
 public:
  /// Index of the user and whether it is new. @param line number in the file
  std::pair<std::int32_t, bool> add_user(std::string_view id, std::int64_t line);

  /// Appends an interaction of a user. @param line number in the file
  void add(std::int32_t user, std::string_view item, double time, std::int64_t line);

  /// Counts an interaction that its rating leaves out.
  void skip_low_rated() { ++counts_.low_rated; }

  /// Sorts, drops, numbers items in ascending order of their ids. The table is empty afterwards.
  /// Warns of duplicates and as IdWatch does.
  /// @throws DataError on a duplicate, where those are errors, and as IdWatch
  Interactions take(const ReadConfig& config, const LineName& where);

 private:
  void sort_by_time();
  void drop_duplicates(const ReadConfig& config, const LineName& where);
  void keep_core(const ReadConfig& config);

  IdTable items_;
  IdTable users_;
  std::vector<std::vector<Event>> histories_;
  std::vector<std::int64_t> item_lines_;  // where each stands first
  IdWatch user_watch_{"user", false};
  IdWatch item_watch_{"item", true};
  ReadCounts counts_;
};

}  // namespace vragent::data::formats

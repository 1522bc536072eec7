// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "data/formats/event_table.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/log.h"
#include "vragent/util/text.h"
#include "vragent/words/unicode.h"

namespace vragent::data::formats {
namespace {

bool is_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

constexpr std::int32_t kLeftOut = -1;

std::size_t at(std::int32_t index) {
  return static_cast<std::size_t>(index);
}

/// Order of ids: by their numbers where all of them are numbers, else by bytes.
std::vector<std::int32_t> ascending(const std::vector<std::string>& ids, bool numeric) {
  std::vector<std::int64_t> numbers;
  for (const std::string& id : ids) numbers.push_back(parse_integer(id).value_or(0));
  std::vector<std::int32_t> order(ids.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    // Equal numbers ("7", "07") still are different ids, so bytes decide between them.
    if (numeric && numbers[at(a)] != numbers[at(b)]) return numbers[at(a)] < numbers[at(b)];
    return ids[at(a)] < ids[at(b)];
  });
  return order;
}

bool is_earlier(const Event& a, const Event& b) {
  return a.time < b.time;
}

/// How often each item occurs.
std::vector<std::int64_t> occurrences(const std::vector<std::vector<Event>>& histories,
                                      std::size_t num_items) {
  std::vector<std::int64_t> counts(num_items, 0);
  for (const auto& history : histories) {
    for (const Event& event : history) ++counts[at(event.item)];
  }
  return counts;
}

}  // namespace

std::pair<std::int32_t, bool> IdTable::add(std::string_view id) {
  if (2 * ids_.size() >= slots_.size()) grow();
  const auto hash = static_cast<std::uint32_t>(std::hash<std::string_view>{}(id));
  Slot& slot = slot_of(id, hash);
  if (slot.index >= 0) return {slot.index, false};
  if (ids_.size() == static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    throw DataError("more than 2147483647 different ids");
  }
  slot = {.hash = hash, .index = static_cast<std::int32_t>(ids_.size())};
  ids_.emplace_back(id);
  return {slot.index, true};
}

IdTable::Slot& IdTable::slot_of(std::string_view id, std::uint32_t hash) {
  for (std::size_t place = hash;; ++place) {
    Slot& slot = slots_[place & (slots_.size() - 1)];
    if (slot.index < 0 || (slot.hash == hash && ids_[at(slot.index)] == id)) return slot;
  }
}

void IdTable::grow() {
  const std::vector<Slot> old =
      std::exchange(slots_, std::vector<Slot>(std::max<std::size_t>(1024, 4 * slots_.size())));
  for (const Slot& slot : old) {
    if (slot.index >= 0) slot_of(ids_[at(slot.index)], slot.hash) = slot;
  }
}

void IdWatch::note(std::string_view id, std::int64_t line) {
  const bool is_broken = !words::is_ascii(id) && words::repaired_utf8(std::string(id)) != id;
  if (is_broken && broken_.line == 0) broken_ = {.id = std::string(id), .line = line};
  num_words_ += parse_integer(id) ? 0 : 1;
  if (is_digits(id)) {
    ++num_numbers_;
    return;
  }
  const bool is_negative = id.starts_with('-') && is_digits(id.substr(1));
  if (num_odd_++ == 0) odd_ = {.id = std::string(id), .line = line, .is_negative = is_negative};
}

void IdWatch::check(const LineName& where) const {
  constexpr std::int64_t kMistake = 100;  // one among so many numbers is none on purpose
  if (broken_.line > 0) {
    throw DataError(formatted("{}: {} id \"{}\" is not UTF-8: convert the file",
                              where(broken_.line),
                              role_,
                              words::repaired_utf8(broken_.id)));
  }
  if (num_odd_ == 0 || num_numbers_ == 0) return;
  const std::string what = formatted("{}: {} \"{}\" is not a number{}, {} others are",
                                     where(odd_.line),
                                     role_,
                                     odd_.id,
                                     odd_.is_negative ? " from 0" : "",
                                     num_numbers_);
  if (is_ordered_ && num_numbers_ >= kMistake * num_odd_) {
    throw DataError(
        formatted("{}: correct that line, or give no {} a number as its id", what, role_));
  }
  if (is_ordered_ && has_words()) {
    log::warn("{}; {}s are now ordered by bytes", what, role_);
  } else if (num_numbers_ > num_odd_) {
    log::warn("{}", what);
  }
}

std::pair<std::int32_t, bool> EventTable::add_user(std::string_view id, std::int64_t line) {
  const auto [user, is_new] = users_.add(id);
  if (is_new) {
    histories_.emplace_back();
    user_watch_.note(id, line);
  }
  return {user, is_new};
}

void EventTable::add(std::int32_t user, std::string_view item, double time, std::int64_t line) {
  constexpr std::int64_t kMaxLine = std::numeric_limits<std::uint32_t>::max();
  ++counts_.rows;
  const auto [index, is_new] = items_.add(item);
  if (is_new) {
    item_lines_.push_back(line);
    item_watch_.note(item, line);
  }
  histories_[at(user)].push_back({.time = time,
                                  .item = index,
                                  .line = static_cast<std::uint32_t>(line > kMaxLine ? 0 : line)});
}

void EventTable::sort_by_time() {
  for (auto& history : histories_) {
    if (!std::is_sorted(history.begin(), history.end(), is_earlier)) {
      std::stable_sort(history.begin(), history.end(), is_earlier);
    }
  }
}

void EventTable::drop_duplicates(const ReadConfig& config, const LineName& where) {
  std::vector<std::int32_t> last_user(items_.ids().size(), -1);
  std::string first;
  const bool from_the_end = config.duplicates == "keep-last";
  for (std::size_t user = 0; user < histories_.size(); ++user) {
    auto& history = histories_[user];
    const auto is_repeat = [&](const Event& event) {
      const auto number = static_cast<std::int32_t>(user);
      if (std::exchange(last_user[at(event.item)], number) != number) return false;
      if (counts_.duplicates++ == 0) {
        first = formatted("{}: user {} has item {} twice",
                          where(event.line),
                          users_.ids()[user],
                          items_.ids()[at(event.item)]);
      }
      return config.duplicates != "keep-all";
    };
    if (from_the_end) std::reverse(history.begin(), history.end());
    std::erase_if(history, is_repeat);
    if (from_the_end) std::reverse(history.begin(), history.end());
  }
  if (first.empty()) return;
  if (config.duplicates == "error") throw DataError(first + "; --duplicates says what to do");
  log::warn("{} (--duplicates {}; {} such rows)", first, config.duplicates, counts_.duplicates);
}

void EventTable::keep_core(const ReadConfig& config) {
  const auto min_items = static_cast<std::size_t>(config.min_user_items);
  for (bool changed = min_items > 0 || config.min_item_users > 0; changed;) {
    changed = false;
    const auto counts = occurrences(histories_, items_.ids().size());
    const auto is_rare = [&](const Event& event) {
      return counts[at(event.item)] < config.min_item_users;
    };
    for (auto& history : histories_) {
      std::size_t num_dropped = std::erase_if(history, is_rare);
      if (history.size() < min_items) num_dropped += std::exchange(history, {}).size();
      changed |= num_dropped > 0;
      counts_.outside_core += static_cast<std::int64_t>(num_dropped);
    }
  }
}

Interactions EventTable::take(const ReadConfig& config, const LineName& where) {
  counts_.rows += counts_.low_rated;
  user_watch_.check(where);
  item_watch_.check(where);
  sort_by_time();
  drop_duplicates(config, where);
  keep_core(config);

  Interactions data;
  const auto counts = occurrences(histories_, items_.ids().size());
  std::vector<std::int32_t> new_index(counts.size(), kLeftOut);
  for (const std::int32_t old : ascending(items_.ids(), !item_watch_.has_words())) {
    if (counts[at(old)] == 0) continue;
    new_index[at(old)] = static_cast<std::int32_t>(data.item_ids.size());
    data.item_ids.push_back(items_.ids()[at(old)]);
    data.item_lines.push_back(item_lines_[at(old)]);
  }
  for (std::size_t user = 0; user < histories_.size(); ++user) {
    if (histories_[user].empty()) continue;
    data.user_ids.push_back(users_.ids()[user]);
    auto& history = data.histories.emplace_back();
    history.reserve(histories_[user].size());
    for (const Event& event : histories_[user]) history.push_back(new_index[at(event.item)]);
    histories_[user] = {};
  }
  data.counts = std::exchange(counts_, {});
  return data;
}

}  // namespace vragent::data::formats

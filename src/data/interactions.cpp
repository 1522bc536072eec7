// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/interactions.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/text.h"

namespace vragent::data {
namespace {

constexpr std::string_view kCsvHeaders[] = {"user,item,timestamp", "user_id,item_id,timestamp"};

/// Ids met so far with their numbers; found by view, so that no string is built for a known id.
class IdTable {
 public:
  /// Number of the id and whether it is new.
  std::pair<std::int32_t, bool> add(std::string_view id) {
    const auto found = index_.find(id);
    if (found != index_.end()) return {found->second, false};
    const auto index = static_cast<std::int32_t>(ids_.size());
    ids_.emplace_back(id);
    index_.emplace(ids_.back(), index);
    return {index, true};
  }

  std::vector<std::string> take() { return std::move(ids_); }

 private:
  struct Hash {
    using is_transparent = void;

    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  std::vector<std::string> ids_;
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> index_;
};

/// Order of ids: numeric where all of them are numbers, else by bytes.
std::vector<std::int32_t> ascending(const std::vector<std::string>& ids) {
  std::vector<std::int64_t> numbers(ids.size());
  bool numeric = true;
  for (std::size_t i = 0; i < ids.size() && numeric; ++i) {
    const auto number = parse_integer(ids[i]);
    numeric = number.has_value();
    numbers[i] = number.value_or(0);
  }
  std::vector<std::int32_t> order(ids.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    const auto x = static_cast<std::size_t>(a);
    const auto y = static_cast<std::size_t>(b);
    // Equal numbers ("7", "07") still are different ids, so bytes decide between them.
    if (numeric && numbers[x] != numbers[y]) return numbers[x] < numbers[y];
    return ids[x] < ids[y];
  });
  return order;
}

/// Renumbers items from order of appearance to ascending id order.
void sort_items(Interactions& data, const std::vector<std::string>& ids) {
  const std::vector<std::int32_t> order = ascending(ids);
  std::vector<std::int32_t> new_index(ids.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto old = static_cast<std::size_t>(order[i]);
    new_index[old] = static_cast<std::int32_t>(i);
    data.item_ids.push_back(ids[old]);
  }
  for (auto& history : data.histories) {
    for (std::int32_t& item : history) item = new_index[static_cast<std::size_t>(item)];
  }
}

/// Calls use(part) for the non-empty parts between spaces.
void for_each_word(std::string_view text, const auto& use) {
  while (!text.empty()) {
    const auto end = text.find(' ');
    const std::string_view word = text.substr(0, end);
    if (!word.empty()) use(word);
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

Interactions read_tsv(LineReader& reader, std::string line) {
  Interactions data;
  IdTable items;
  IdTable users;
  do {
    if (trim(line).empty()) continue;
    const auto tab = line.find('\t');
    if (tab == std::string::npos || tab == 0) {
      throw DataError(reader.where() + ": expected \"user TAB item item ...\"");
    }
    const std::string_view user = std::string_view(line).substr(0, tab);
    if (!users.add(user).second) {
      throw DataError(reader.where() + ": user " + std::string(user) + " is there twice");
    }
    std::vector<std::int32_t> history;
    for_each_word(std::string_view(line).substr(tab + 1),
                  [&](std::string_view item) { history.push_back(items.add(item).first); });
    if (history.empty()) {
      throw DataError(reader.where() + ": user " + std::string(user) + " has no items");
    }
    data.histories.push_back(std::move(history));
  } while (reader.next(line));
  data.user_ids = users.take();
  sort_items(data, items.take());
  return data;
}

struct TimedItem {
  std::int64_t time = 0;
  std::int32_t item = 0;
};

/// One "user,item,timestamp" line. @throws DataError
TimedItem parse_csv_line(const std::vector<std::string>& fields,
                         const std::string& where,
                         IdTable& items) {
  if (fields.size() != 3 || fields[0].empty() || fields[1].empty()) {
    throw DataError(where + ": expected \"user,item,timestamp\"");
  }
  const auto time = parse_integer(trim(fields[2]));
  if (!time) throw DataError(where + ": timestamp \"" + fields[2] + "\" is not a whole number");
  return {*time, items.add(fields[1]).first};
}

Interactions read_csv(LineReader& reader, std::string line) {
  IdTable items;
  IdTable users;
  std::vector<std::vector<TimedItem>> rows;
  while (reader.next(line)) {
    if (trim(line).empty()) continue;
    const auto fields = split_csv(line, reader.where());
    const TimedItem entry = parse_csv_line(fields, reader.where(), items);
    const auto [user, is_new] = users.add(fields[0]);
    if (is_new) rows.emplace_back();
    rows[static_cast<std::size_t>(user)].push_back(entry);
  }
  Interactions data;
  for (auto& row : rows) {
    std::stable_sort(row.begin(), row.end(), [](const TimedItem& a, const TimedItem& b) {
      return a.time < b.time;
    });
    auto& history = data.histories.emplace_back();
    for (const TimedItem& entry : row) history.push_back(entry.item);
  }
  data.user_ids = users.take();
  sort_items(data, items.take());
  return data;
}

std::string detect_format(std::string_view line, const std::string& where) {
  const auto is_header = [&](std::string_view header) { return trim(line) == header; };
  if (std::any_of(std::begin(kCsvHeaders), std::end(kCsvHeaders), is_header)) {
    return "microlens-csv";
  }
  if (line.find('\t') != std::string_view::npos) return "microlens-tsv";
  throw DataError(where +
                  ": neither \"user TAB item item ...\" nor a \"user,item,timestamp\" header");
}

}  // namespace

std::int64_t Interactions::num_interactions() const {
  return std::accumulate(histories.begin(),
                         histories.end(),
                         std::int64_t{0},
                         [](std::int64_t sum, const std::vector<std::int32_t>& history) {
                           return sum + static_cast<std::int64_t>(history.size());
                         });
}

Interactions load_interactions(const std::filesystem::path& path, const std::string& format) {
  if (format != "auto" && format != "microlens-tsv" && format != "microlens-csv") {
    throw ConfigError("--format must be one of auto, microlens-tsv, microlens-csv, got " + format);
  }
  LineReader reader(path);
  std::string line;
  do {
    if (!reader.next(line)) throw DataError(path.string() + ": no interactions in it");
  } while (trim(line).empty());
  const std::string detected = detect_format(line, reader.where());
  if (format != "auto" && format != detected) {
    throw DataError(reader.where() + ": looks like " + detected + ", not like " + format);
  }
  Interactions data = detected == "microlens-tsv" ? read_tsv(reader, std::move(line))
                                                  : read_csv(reader, std::move(line));
  if (data.histories.empty()) throw DataError(path.string() + ": no interactions in it");
  return data;
}

}  // namespace vragent::data

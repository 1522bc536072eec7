// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/sequences.h"

#include <algorithm>
#include <numeric>

#include "vragent/util/config.h"

namespace vragent::data {
namespace {

constexpr std::size_t kHeldOut = 2;  // validation and test target

std::size_t row(std::int64_t index) {
  return static_cast<std::size_t>(index);
}

/// The last max_len + 3 items of each user that has enough of them.
void cut_windows(const Interactions& interactions, Sequences& out) {
  const auto window = static_cast<std::size_t>(out.protocol.max_len) + 3;
  out.user_index.reserve(interactions.histories.size());
  for (std::size_t user = 0; user < interactions.histories.size(); ++user) {
    const auto& history = interactions.histories[user];
    const auto length = static_cast<std::int64_t>(history.size());
    if (length < out.protocol.min_len) {
      ++out.num_short_users;
      continue;
    }
    out.user_index.emplace(interactions.user_ids[user],
                           static_cast<std::int32_t>(out.user_ids.size()));
    out.user_ids.push_back(interactions.user_ids[user]);
    out.windows.emplace_back(
        history.end() - static_cast<std::ptrdiff_t>(std::min(window, history.size())),
        history.end());
    out.full_lengths.push_back(length);
    out.cold.push_back(length <= out.protocol.cold_max_len);
  }
}

/// Numbers the items that occur in windows 1..N by ascending id.
void build_catalogue(const Interactions& interactions, Sequences& out) {
  std::vector<std::int32_t> new_index(interactions.item_ids.size(), 0);
  for (const auto& window : out.windows) {
    for (const std::int32_t item : window) new_index[static_cast<std::size_t>(item)] = 1;
  }
  out.item_ids.emplace_back();
  out.item_lines.push_back(0);
  out.item_index.reserve(interactions.item_ids.size());
  for (std::size_t old = 0; old < new_index.size(); ++old) {
    if (new_index[old] == 0) continue;
    new_index[old] = static_cast<std::int32_t>(out.item_ids.size());
    out.item_index.emplace(interactions.item_ids[old], new_index[old]);
    out.item_ids.push_back(interactions.item_ids[old]);
    out.item_lines.push_back(interactions.item_lines.empty() ? 0 : interactions.item_lines[old]);
  }
  for (auto& window : out.windows) {
    for (std::int32_t& item : window) item = new_index[static_cast<std::size_t>(item)];
  }
}

std::span<const std::int32_t> last(std::span<const std::int32_t> items, std::int64_t count) {
  return items.last(std::min(items.size(), static_cast<std::size_t>(count)));
}

}  // namespace

void ProtocolConfig::check() const {
  check_range("max-len", static_cast<double>(max_len), 1, 100'000);
  check_range("min-len", static_cast<double>(min_len), 3, 1e9);
  check_range("cold-max-len", static_cast<double>(cold_max_len), 0, 1e9);
}

std::span<const std::int32_t> Sequences::train(std::int64_t user) const {
  const auto& window = windows[row(user)];
  return std::span(window).first(window.size() - kHeldOut);
}

std::span<const std::int32_t> Sequences::input(std::int64_t user, Split split) const {
  return last(seen(user, split), protocol.max_len);
}

std::span<const std::int32_t> Sequences::seen(std::int64_t user, Split split) const {
  const auto& window = windows[row(user)];
  const std::size_t behind = split == Split::kTest ? 1 : split == Split::kValid ? 2 : 3;
  return std::span(window).first(window.size() - behind);
}

bool Sequences::has_history(std::int64_t user, Split split) const {
  return !seen(user, split).empty();
}

std::int32_t Sequences::target(std::int64_t user, Split split) const {
  return windows[row(user)][seen(user, split).size()];
}

Sequences make_sequences(const Interactions& interactions, const ProtocolConfig& config) {
  config.check();
  Sequences out;
  out.protocol = config;
  cut_windows(interactions, out);
  build_catalogue(interactions, out);
  out.train_counts.assign(out.item_ids.size(), 0);
  for (std::int64_t user = 0; user < out.num_users(); ++user) {
    for (const std::int32_t item : out.train(user)) {
      ++out.train_counts[static_cast<std::size_t>(item)];
    }
  }
  return out;
}

Counts counts_of(const Sequences& sequences) {
  std::int64_t in_windows = 0;
  std::int64_t unseen_valid = 0;
  std::int64_t unseen_test = 0;
  const auto is_unseen = [&](std::int64_t user, Split split) {
    return sequences.train_counts[row(sequences.target(user, split))] == 0;
  };
  for (std::int64_t user = 0; user < sequences.num_users(); ++user) {
    in_windows += std::ssize(sequences.windows[row(user)]);
    unseen_valid += is_unseen(user, Split::kValid) ? 1 : 0;
    unseen_test += is_unseen(user, Split::kTest) ? 1 : 0;
  }
  const auto& in_train = sequences.train_counts;
  return {
      {"users", sequences.num_users()},
      {"cold_users", std::count(sequences.cold.begin(), sequences.cold.end(), true)},
      {"items", sequences.num_items()},
      {"interactions", in_windows},
      {"train_interactions", std::accumulate(in_train.begin(), in_train.end(), std::int64_t{0})},
      {"train_items",
       std::count_if(in_train.begin(), in_train.end(), [](auto n) { return n > 0; })},
      {"unseen_valid_targets", unseen_valid},
      {"unseen_test_targets", unseen_test},
      {"short_users", sequences.num_short_users}};
}

}  // namespace vragent::data

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "simulator/negatives.h"

#include <algorithm>
#include <numeric>

namespace vragent::simulator {
namespace {

constexpr std::size_t kBand = 100;        // items as popular as the positive among which to draw
constexpr std::int64_t kMaxDraws = 1000;  // of uniform negatives, before a tiny catalogue gives up

}  // namespace

NegativeSampler::NegativeSampler(const CaseSources& sources, const CaseConfig& config)
    : sources_(sources),
      config_(config),
      by_popularity_(static_cast<std::size_t>(sources.sequences.num_items())),
      place_of_(by_popularity_.size() + 1) {
  const auto& counts = sources.sequences.train_counts;
  std::iota(by_popularity_.begin(), by_popularity_.end(), 1);
  std::stable_sort(by_popularity_.begin(), by_popularity_.end(), [&](auto a, auto b) {
    return counts[static_cast<std::size_t>(a)] < counts[static_cast<std::size_t>(b)];
  });
  for (std::size_t place = 0; place < by_popularity_.size(); ++place) {
    place_of_[static_cast<std::size_t>(by_popularity_[place])] = place;
  }
}

bool NegativeSampler::is_usable(std::int64_t user, std::int32_t item) const {
  const auto& window = sources_.sequences.windows[static_cast<std::size_t>(user)];
  if (std::find(window.begin(), window.end(), item) != window.end()) return false;
  const auto& id = sources_.sequences.item_ids[static_cast<std::size_t>(item)];
  return sources_.catalogue.find(id) != nullptr;
}

std::vector<std::int32_t> NegativeSampler::from_list(std::int64_t user,
                                                     RandomStream& random) const {
  const auto& sequences = sources_.sequences;
  const auto found = sources_.lists->find(sequences.user_ids[static_cast<std::size_t>(user)]);
  if (found == sources_.lists->end()) return {};
  const auto& items = found->second.items;
  const auto length = std::min(items.size(), static_cast<std::size_t>(config_.top_k));
  std::vector<std::int32_t> usable;
  for (std::size_t i = 0; i < length; ++i) {
    const auto item = sequences.item_index.find(items[i]);
    if (item != sequences.item_index.end() && is_usable(user, item->second)) {
      usable.push_back(item->second);
    }
  }
  random.shuffle(usable);
  return usable;
}

std::vector<std::int32_t> NegativeSampler::from_catalogue(std::int64_t user,
                                                          std::int64_t count,
                                                          RandomStream& random) const {
  std::vector<std::int32_t> drawn;
  for (std::int64_t i = 0; i < kMaxDraws && std::ssize(drawn) < count; ++i) {
    const auto item = static_cast<std::int32_t>(random.below(sources_.sequences.num_items()) + 1);
    const bool is_new = std::find(drawn.begin(), drawn.end(), item) == drawn.end();
    if (is_new && is_usable(user, item)) drawn.push_back(item);
  }
  return drawn;
}

std::vector<std::int32_t> NegativeSampler::as_popular(std::int64_t user,
                                                      RandomStream& random) const {
  const auto split = config_.split == "valid" ? data::Split::kValid : data::Split::kTest;
  const auto target = static_cast<std::size_t>(sources_.sequences.target(user, split));
  const std::size_t size = std::min(kBand + 1, by_popularity_.size());
  const std::size_t place = place_of_[target];
  const std::size_t wanted = place > kBand / 2 ? place - kBand / 2 : 0;
  const std::size_t first = std::min(wanted, by_popularity_.size() - size);
  std::vector<std::int32_t> usable;
  for (std::size_t i = first; i < first + size; ++i) {
    if (is_usable(user, by_popularity_[i])) usable.push_back(by_popularity_[i]);
  }
  random.shuffle(usable);
  return usable;
}

std::vector<std::string> NegativeSampler::draw(const std::string& kind,
                                               std::int64_t user,
                                               std::int64_t count) const {
  const auto& sequences = sources_.sequences;
  const std::string& user_id = sequences.user_ids[static_cast<std::size_t>(user)];
  RandomStream random(
      mix_seed(static_cast<std::uint64_t>(config_.seed), {hash_text(user_id), hash_text(kind)}));
  std::vector<std::int32_t> items;
  if (kind == "topk") items = from_list(user, random);
  if (kind == "uniform") items = from_catalogue(user, count, random);
  if (kind == "popmatch") items = as_popular(user, random);
  items.resize(std::min(items.size(), static_cast<std::size_t>(count)));
  std::vector<std::string> ids;
  for (const std::int32_t item : items) {
    ids.push_back(sequences.item_ids[static_cast<std::size_t>(item)]);
  }
  return ids;
}

}  // namespace vragent::simulator

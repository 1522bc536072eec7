// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/feedback.h"

#include <algorithm>
#include <map>

#include "vragent/data/decisions.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/log.h"
#include "vragent/util/random.h"

namespace vragent::recommender {
namespace {

/// One answered question: would this user watch this item?
struct Opinion {
  std::int32_t item = 0;
  double liking = 0;  ///< p_yes, else 1 or 0
  bool yes = false;
  std::uint64_t order = 0;  ///< breaks ties, the same for every arm
};

using Opinions = std::map<std::int64_t, std::vector<Opinion>>;

Opinions read_opinions(const FeedbackConfig& config,
                       const data::Sequences& sequences,
                       std::uint64_t seed,
                       FeedbackCounts& counts) {
  Opinions opinions;
  for_each_line(config.feedback, [&](const std::string& line, const std::string& where) {
    const data::Decision decision = data::parse_decision(line, where);
    if (decision.user_id.empty() || decision.item_id.empty()) {
      throw DataError(where + ": a decision without user_id and item_id cannot feed a recommender");
    }
    const auto user = sequences.user_index.find(decision.user_id);
    const auto item = sequences.item_index.find(decision.item_id);
    if (user == sequences.user_index.end() || item == sequences.item_index.end()) {
      ++counts.unknown;
    } else if (!decision.yes) {
      ++counts.unanswered;
    } else {
      opinions[user->second].push_back(
          {.item = item->second,
           .liking = decision.p_yes.value_or(*decision.yes ? 1.0 : 0.0),
           .yes = *decision.yes,
           .order = mix_seed(seed, {hash_text(decision.user_id), hash_text(decision.item_id)})});
    }
  });
  return opinions;
}

void order_by_arm(std::vector<Opinion>& opinions, const std::string& arm) {
  std::sort(opinions.begin(), opinions.end(), [&](const Opinion& a, const Opinion& b) {
    if (arm != "random" && a.liking != b.liking) return (a.liking > b.liking) == (arm == "like");
    return a.order < b.order;
  });
}

bool is_held_out(const data::Sequences& sequences, std::int64_t user, std::int32_t item) {
  return item == sequences.target(user, data::Split::kValid) ||
         item == sequences.target(user, data::Split::kTest);
}

TrainingRow row_with(const data::Sequences& sequences, std::int64_t user, std::int32_t item) {
  const auto train = sequences.train(user);
  const auto keep =
      std::min<std::size_t>(train.size(), static_cast<std::size_t>(sequences.protocol.max_len));
  TrainingRow row{.items = {train.end() - static_cast<std::ptrdiff_t>(keep), train.end()}};
  row.items.push_back(item);
  row.first_target = static_cast<std::int64_t>(row.items.size()) - 1;
  return row;
}

}  // namespace

void FeedbackConfig::check() const {
  check_one_of("feedback-arm", arm, {"like", "dislike", "random"});
  check_range("feedback-per-user", static_cast<double>(per_user), 1, 1000);
}

Feedback load_feedback(const FeedbackConfig& config,
                       const data::Sequences& sequences,
                       std::uint64_t seed) {
  Feedback feedback;
  FeedbackCounts& counts = feedback.counts;
  for (auto& [user, opinions] : read_opinions(config, sequences, seed, counts)) {
    ++counts.users;
    order_by_arm(opinions, config.arm);
    std::int64_t taken = 0;
    for (const Opinion& opinion : opinions) {
      if (taken == config.per_user) break;
      if (is_held_out(sequences, user, opinion.item)) {
        ++counts.held_out;
        if (config.guard) continue;
      }
      feedback.rows.push_back(row_with(sequences, user, opinion.item));
      ++taken;
      ++counts.inserted;
      if (opinion.yes) ++counts.answered_yes;
    }
  }
  if (counts.held_out > counts.inserted / 2) {
    log::warn(
        "{}: {} of the decisions are on held-out videos, {} on others; are they of cases made with "
        "--tasks feedback?",
        config.feedback,
        counts.held_out,
        counts.inserted);
  }
  return feedback;
}

}  // namespace vragent::recommender

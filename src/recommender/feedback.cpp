// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/feedback.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "vragent/data/decisions.h"
#include "vragent/data/run_dir.h"
#include "vragent/data/top_k.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/log.h"
#include "vragent/util/random.h"

namespace vragent::recommender {
namespace {

/// One answered question: would this user watch this item?
struct Opinion {
  std::int32_t item = 0;
  double liking = 0;  ///< p_yes, else 1 or 0
  bool yes = false;
  std::uint64_t order = 0;                     ///< breaks ties, the same for every arm
  std::map<std::string, double> askings = {};  ///< their likings
  std::int64_t num_yes = 0;
};

using Opinions = std::map<std::int64_t, std::vector<Opinion>>;

/// What one asking of a question gave.
struct Answer {
  double liking = 0;
  bool yes = false;
  std::string asking;  ///< which of those of one question
};

/// Askings of the same question make one opinion: the mean liking, and Yes where most say so.
void add_answer(std::vector<Opinion>& opinions,
                std::int32_t item,
                std::uint64_t order,
                const Answer& answer,
                const std::string& where) {
  auto known = std::find_if(
      opinions.begin(), opinions.end(), [&](const Opinion& o) { return o.item == item; });
  if (known == opinions.end())
    known = opinions.insert(opinions.end(), Opinion{.item = item, .order = order});
  Opinion& opinion = *known;
  if (!opinion.askings.emplace(answer.asking, answer.liking).second)
    throw DataError(where + ": this user has answered for this item already");
  double sum = 0;  // in one order, whatever that of the lines
  for (const auto& [asking, liking] : opinion.askings) sum += liking;
  opinion.liking = sum / static_cast<double>(opinion.askings.size());
  opinion.num_yes += answer.yes ? 1 : 0;
  opinion.yes = 2 * opinion.num_yes > std::ssize(opinion.askings);
}

Opinions read_opinions(const FeedbackConfig& config,
                       const data::Sequences& sequences,
                       std::uint64_t seed,
                       FeedbackCounts& counts) {
  Opinions opinions;
  std::optional<std::string> agent;
  for_each_line(config.feedback, [&](const std::string& line, const std::string& where) {
    const data::Decision decision = data::parse_decision(line, where);
    if (!agent) agent = decision.agent;
    if (decision.agent != *agent)
      throw DataError(formatted("{}: a decision of agent {} among those of {}; feedback is of one",
                                where,
                                decision.agent,
                                *agent));
    const std::optional<bool> yes = decision.choice ? true : decision.yes;
    if (!yes) {
      ++counts.unanswered;
      return;
    }
    if (decision.user_id.empty() || decision.item_id.empty()) {
      throw DataError(where + ": a decision without user_id and item_id cannot feed a recommender");
    }
    const auto user = sequences.user_index.find(decision.user_id);
    const auto item = sequences.item_index.find(decision.item_id);
    if (user == sequences.user_index.end() || item == sequences.item_index.end()) {
      ++counts.unknown;
    } else {
      const Answer answer{
          .liking = decision.p_yes.value_or(*yes ? 1.0 : 0.0),
          .yes = *yes,
          .asking =
              formatted("{}{}", decision.choice ? decision.case_id + " " : "", decision.repeat)};
      const std::uint64_t order =
          mix_seed(seed, {hash_text(decision.user_id), hash_text(decision.item_id)});
      add_answer(opinions[user->second], item->second, order, answer, where);
    }
  });
  return opinions;
}

/// Replaces the liking of every item by its place in the lists it was shown from.
void like_as_listed(Opinions& opinions,
                    const std::filesystem::path& file,
                    const data::Sequences& sequences) {
  const auto lists = data::load_top_k(data::file_in(file, data::kValidTopKFile));
  for (auto& [user, of_user] : opinions) {
    std::map<std::int32_t, double> place_of;
    const auto list = lists.find(sequences.user_ids[static_cast<std::size_t>(user)]);
    if (list != lists.end()) {
      for (const std::string& id : list->second.items) {
        const auto item = sequences.item_index.find(id);
        const auto place = static_cast<double>(place_of.size());
        if (item != sequences.item_index.end()) place_of[item->second] = place;
      }
    }
    for (Opinion& opinion : of_user) {
      const auto place = place_of.find(opinion.item);
      opinion.liking =
          place == place_of.end() ? std::numeric_limits<double>::lowest() : -place->second;
    }
  }
}

void order_by_arm(std::vector<Opinion>& opinions, const std::string& arm) {
  const bool best_first = arm == "like" || arm == "self";
  std::sort(opinions.begin(), opinions.end(), [&](const Opinion& a, const Opinion& b) {
    if (arm != "random" && a.liking != b.liking) return (a.liking > b.liking) == best_first;
    return a.order < b.order;
  });
}

bool is_of_dislikes(const std::string& arm) {
  return arm == "dislike" || arm == "dislike-negative";
}

/// Takes the opinions out that the arm must not insert by their answers.
/// @return how many of the rest may be inserted
std::int64_t keep_answered(std::vector<Opinion>& opinions, const FeedbackConfig& config) {
  if (!config.by_answer) return config.per_user;
  const bool wanted = !is_of_dislikes(config.arm);
  const auto is_other = [&](const Opinion& opinion) { return opinion.yes != wanted; };
  const auto others = std::count_if(opinions.begin(), opinions.end(), is_other);
  const std::int64_t most = std::min<std::int64_t>(config.per_user, std::ssize(opinions) - others);
  if (config.arm != "random" && config.arm != "self") std::erase_if(opinions, is_other);
  return most;
}

/// Arms of the same size can hold what contradicts their name.
void warn_of_answers(const FeedbackConfig& config, const FeedbackCounts& counts) {
  const bool of_dislikes = is_of_dislikes(config.arm);
  const std::int64_t against =
      of_dislikes ? counts.answered_yes : counts.inserted - counts.answered_yes;
  if (against == 0 || (config.arm != "like" && !of_dislikes)) return;
  log::warn(
      "--feedback-arm {}: {} of {} inserted items were answered {} (--feedback-by-answer leaves "
      "them out)",
      config.arm,
      against,
      counts.inserted,
      of_dislikes ? "Yes" : "No");
}

bool is_held_out(const data::Sequences& sequences, std::int64_t user, std::int32_t item) {
  return item == sequences.target(user, data::Split::kValid) ||
         item == sequences.target(user, data::Split::kTest);
}

TrainingRow row_with(const data::Sequences& sequences, std::int64_t user, std::int32_t item) {
  const auto train = sequences.train(user);
  const auto keep =
      std::min<std::size_t>(train.size(), static_cast<std::size_t>(sequences.protocol.max_len));
  TrainingRow row{.items = {train.end() - static_cast<std::ptrdiff_t>(keep), train.end()},
                  .user = user,
                  .repeats = true};
  row.items.push_back(item);
  row.first_target = static_cast<std::int64_t>(row.items.size()) - 1;
  return row;
}

/// The newest items of a row and its tail, as many as a row holds.
TrainingRow with_tail(TrainingRow row,
                      const std::vector<std::int32_t>& tail,
                      std::int64_t max_len) {
  row.items.insert(row.items.end(), tail.begin(), tail.end());
  const std::ptrdiff_t over = std::ssize(row.items) - (max_len + 1);
  if (over > 0) row.items.erase(row.items.begin(), row.items.begin() + over);
  return row;
}

}  // namespace

void FeedbackConfig::check() const {
  check_one_of("feedback-arm", arm, {"like", "dislike", "dislike-negative", "random", "self"});
  check_one_of("feedback-insert", insert, {"pairs", "tail"});
  if (arm == "self" && lists.empty())
    throw ConfigError("--feedback-arm self needs --feedback-lists");
  check_range("feedback-per-user", static_cast<double>(per_user), 1, 1000);
}

Feedback load_feedback(const FeedbackConfig& config,
                       const data::Sequences& sequences,
                       std::uint64_t seed) {
  Feedback feedback;
  FeedbackCounts& counts = feedback.counts;
  Opinions answered = read_opinions(config, sequences, seed, counts);
  if (config.arm == "self") like_as_listed(answered, config.lists, sequences);
  for (auto& [user, opinions] : answered) {
    ++counts.users;
    feedback.users.push_back(user);
    const auto is_own = [&, of = user](const Opinion& opinion) {
      return is_held_out(sequences, of, opinion.item);
    };
    counts.held_out += std::count_if(opinions.begin(), opinions.end(), is_own);
    if (config.guard) std::erase_if(opinions, is_own);
    const std::int64_t most = keep_answered(opinions, config);
    order_by_arm(opinions, config.arm);
    if (std::ssize(opinions) > most) opinions.resize(static_cast<std::size_t>(most));
    for (const Opinion& opinion : opinions) {
      if (config.arm == "dislike-negative") {
        feedback.negatives[user].push_back(opinion.item);
      } else if (config.insert == "tail") {
        feedback.tails[user].push_back(opinion.item);
      } else {
        feedback.rows.push_back(row_with(sequences, user, opinion.item));
      }
      ++counts.inserted;
      counts.answered_yes += opinion.yes ? 1 : 0;
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
  if (counts.inserted == 0) {
    const std::string problem = formatted(
        "{}: nothing to insert for --feedback-arm {}: {} decisions of unknown users or "
        "items, {} without an answer, {} on held-out videos",
        config.feedback,
        config.arm,
        counts.unknown,
        counts.unanswered,
        counts.held_out);
    if (!config.by_answer) throw DataError(problem);
    log::warn("{}, the rest answered otherwise", problem);
  }
  warn_of_answers(config, counts);
  return feedback;
}

void add_feedback(std::vector<TrainingRow>& rows,
                  const Feedback& feedback,
                  const data::Sequences& sequences) {
  const std::int64_t max_len = sequences.protocol.max_len;
  std::vector<TrainingRow> fresh = feedback.rows;
  std::size_t row = 0;
  for (std::int64_t user = 0; user < sequences.num_users(); ++user) {
    const auto train = sequences.train(user);
    const auto tail = feedback.tails.find(user);
    const bool has_tail = tail != feedback.tails.end();
    if (train.size() < 2) {  // training_rows() has no row of this user
      if (has_tail)
        fresh.push_back(with_tail(
            {.items = {train.begin(), train.end()}, .user = user}, tail->second, max_len));
      continue;
    }
    const auto negatives = feedback.negatives.find(user);
    if (negatives != feedback.negatives.end()) rows.at(row).negatives = negatives->second;
    if (has_tail) rows.at(row) = with_tail(rows.at(row), tail->second, max_len);
    ++row;
  }
  rows.insert(rows.end(), fresh.begin(), fresh.end());
}

}  // namespace vragent::recommender

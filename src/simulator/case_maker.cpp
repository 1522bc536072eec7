// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/case_maker.h"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "simulator/negatives.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"
#include "vragent/util/random.h"
#include "vragent/util/text.h"

namespace vragent::simulator {
namespace {

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Makes the cases of one user after the other.
class CaseMaker {
 public:
  CaseMaker(const CaseSources& sources, const CaseConfig& config)
      : sources_(sources), config_(config), sampler_(sources, config) {}

  /// Adds the user's cases, or counts why there are none.
  void add_user(std::int64_t user, CaseSet& set) const {
    data::Case base;
    base.user_id = sequences().user_ids[static_cast<std::size_t>(user)];
    base.seed = config_.seed;
    if (needs_list() && find_list(base.user_id) == nullptr) {
      ++set.num_without_list;
      return;
    }
    const auto history = shown_history(user);
    if (!history) {
      ++set.num_without_text;
      return;
    }
    base.history = *history;
    const bool added =
        is_feedback() ? add_feedback(user, base, set) : add_questions(user, base, set);
    if (added) set.user_ids.push_back(base.user_id);
  }

  [[nodiscard]] bool needs_list() const { return is_feedback() || has(config_.negatives, "topk"); }

  [[nodiscard]] data::Split split() const {
    return config_.split == "valid" ? data::Split::kValid : data::Split::kTest;
  }

  [[nodiscard]] bool is_feedback() const { return has(config_.tasks, "feedback"); }

 private:
  [[nodiscard]] const data::Sequences& sequences() const { return sources_.sequences; }

  [[nodiscard]] std::span<const std::int32_t> context(std::int64_t user) const {
    return is_feedback() ? sequences().train(user) : sequences().seen(user, split());
  }

  [[nodiscard]] const std::string& item_id(std::int32_t item) const {
    return sequences().item_ids[static_cast<std::size_t>(item)];
  }

  [[nodiscard]] const data::TopK* find_list(const std::string& user_id) const {
    if (sources_.lists == nullptr) return nullptr;
    const auto found = sources_.lists->find(user_id);
    return found == sources_.lists->end() ? nullptr : &found->second;
  }

  [[nodiscard]] data::Candidate candidate(const std::string& id) const {
    const data::Item* item = sources_.catalogue.find(id);
    return {item->id, item->title, item->caption};
  }

  /// The history with texts and comments; nothing when a video is not in the catalogue.
  [[nodiscard]] std::optional<std::vector<data::HistoryEntry>> shown_history(
      std::int64_t user) const {
    std::vector<data::HistoryEntry> history;
    const std::string& user_id = sequences().user_ids[static_cast<std::size_t>(user)];
    for (const std::int32_t index : context(user)) {
      const data::Item* item = sources_.catalogue.find(item_id(index));
      if (item == nullptr) return std::nullopt;
      const std::string comment =
          sources_.comments == nullptr ? "" : sources_.comments->find(user_id, item->id);
      history.push_back({item->id, item->title, item->caption, comment});
    }
    return history;
  }

  /// Judge and select cases of every kind of negatives; false (and a count) when one cannot be
  /// made.
  bool add_questions(std::int64_t user, const data::Case& base, CaseSet& set) const {
    const std::int32_t target = sequences().target(user, split());
    const auto seen = context(user);
    if (std::find(seen.begin(), seen.end(), target) != seen.end()) {
      ++set.num_repeated_targets;
      return false;
    }
    if (sources_.catalogue.find(item_id(target)) == nullptr) {
      ++set.num_without_text;
      return false;
    }
    std::vector<data::Case> made;
    for (const std::string& kind : config_.negatives) {
      const auto negatives = sampler_.draw(kind, user, num_negatives());
      if (std::ssize(negatives) < num_negatives()) {
        ++set.num_few_negatives;
        return false;
      }
      data::Case row = base;
      row.negatives = kind;
      if (has(config_.tasks, "judge")) add_judgments(row, item_id(target), negatives[0], made);
      for (const std::int64_t m : selection_sizes()) {
        made.push_back(selection(
            row, item_id(target), std::span(negatives).first(static_cast<std::size_t>(m))));
      }
    }
    set.cases.insert(set.cases.end(), made.begin(), made.end());
    return true;
  }

  void add_judgments(const data::Case& base,
                     const std::string& positive,
                     const std::string& negative,
                     std::vector<data::Case>& made) const {
    for (const bool is_positive : {true, false}) {
      data::Case row = base;
      row.case_id = case_id(base, is_positive ? "judge-pos-" : "judge-neg-") + base.negatives;
      row.candidates = {candidate(is_positive ? positive : negative)};
      row.label = is_positive ? 1 : 0;
      add_aux(row);
      made.push_back(std::move(row));
    }
  }

  [[nodiscard]] data::Case selection(const data::Case& base,
                                     const std::string& positive,
                                     std::span<const std::string> negatives) const {
    data::Case row = base;
    row.task = data::Task::kSelect;
    row.case_id = case_id(base, formatted("select{}-", negatives.size())) + base.negatives;
    std::vector<std::string> ids(negatives.begin(), negatives.end());
    ids.push_back(positive);
    RandomStream(mix_seed(static_cast<std::uint64_t>(config_.seed), {hash_text(row.case_id)}))
        .shuffle(ids);
    for (const std::string& id : ids) row.candidates.push_back(candidate(id));
    row.answer_index = std::find(ids.begin(), ids.end(), positive) - ids.begin();
    add_aux(row);
    return row;
  }

  /// One unlabelled judgment for each video of the list that the user has not watched in training.
  bool add_feedback(std::int64_t user, const data::Case& base, CaseSet& set) const {
    const auto& items = find_list(base.user_id)->items;
    const auto seen = context(user);
    std::vector<data::Case> made;
    for (std::size_t i = 0; i < std::min(items.size(), static_cast<std::size_t>(config_.top_k));
         ++i) {
      const auto index = sequences().item_index.find(items[i]);
      const bool is_seen = index != sequences().item_index.end() &&
                           std::find(seen.begin(), seen.end(), index->second) != seen.end();
      if (is_seen || sources_.catalogue.find(items[i]) == nullptr) continue;
      data::Case row = base;
      row.case_id = formatted("u{}-feedback-i{}", base.user_id, items[i]);
      row.negatives = "feedback";
      row.candidates = {candidate(items[i])};
      add_aux(row);
      made.push_back(std::move(row));
    }
    if (made.empty()) ++set.num_few_negatives;
    set.cases.insert(set.cases.end(), made.begin(), made.end());
    return !made.empty();
  }

  [[nodiscard]] std::string case_id(const data::Case& base, const std::string& what) const {
    return "u" + base.user_id + (split() == data::Split::kValid ? "-valid-" : "-") + what;
  }

  [[nodiscard]] std::vector<std::int64_t> selection_sizes() const {
    return has(config_.tasks, "select") ? config_.m : std::vector<std::int64_t>{};
  }

  [[nodiscard]] std::int64_t num_negatives() const {
    std::int64_t count = 1;
    for (const std::int64_t m : selection_sizes()) count = std::max(count, m);
    return count;
  }

  void add_aux(data::Case& row) const {
    const data::TopK* list = find_list(row.user_id);
    for (const data::Candidate& shown : row.candidates) {
      const auto index = sequences().item_index.find(shown.item_id);
      const bool is_known = index != sequences().item_index.end();
      row.aux.popularity.push_back(
          is_known ? static_cast<double>(
                         sequences().train_counts[static_cast<std::size_t>(index->second)])
                   : 0);
      if (list == nullptr) continue;
      const auto place = std::find(list->items.begin(), list->items.end(), shown.item_id);
      const bool is_listed = place != list->items.end();
      const auto rank = static_cast<std::size_t>(place - list->items.begin());
      row.aux.rec_rank.push_back(is_listed ? static_cast<double>(rank + 1) : 0);
      if (list->scores.empty()) continue;
      row.aux.rec_score.push_back(
          is_listed ? list->scores[rank]
                    : *std::min_element(list->scores.begin(), list->scores.end()));
    }
  }

  const CaseSources& sources_;
  const CaseConfig& config_;
  NegativeSampler sampler_;
};

/// Users that may be drawn, in random order.
std::vector<std::int64_t> eligible_users(const CaseSources& sources,
                                         const CaseConfig& config,
                                         const CaseMaker& maker,
                                         CaseSet& set) {
  const auto excluded = load_user_ids(config.exclude_users);
  const auto& sequences = sources.sequences;
  std::vector<std::int64_t> users;
  for (std::int64_t user = 0; user < sequences.num_users(); ++user) {
    const auto row = static_cast<std::size_t>(user);
    const auto history =
        maker.is_feedback() ? sequences.train(user) : sequences.seen(user, maker.split());
    if (config.users == "cold" && !sequences.cold[row]) continue;
    if (std::ssize(history) < config.min_history) continue;
    if (excluded.contains(sequences.user_ids[row])) {
      ++set.num_excluded;
      continue;
    }
    users.push_back(user);
  }
  set.num_eligible = std::ssize(users);
  RandomStream(static_cast<std::uint64_t>(config.seed), "case users").shuffle(users);
  return users;
}

void check_distinct(std::string_view name, const auto& values) {
  if (values.empty()) throw ConfigError(formatted("--{} must name at least one", name));
  if (std::set(values.begin(), values.end()).size() != values.size()) {
    throw ConfigError(formatted("--{} names one of its values twice", name));
  }
}

}  // namespace

void CaseConfig::check() const {
  check_distinct("tasks", tasks);
  check_distinct("m", m);
  check_distinct("negatives", negatives);
  for (const auto& task : tasks) check_one_of("tasks", task, {"judge", "select", "feedback"});
  if (has(tasks, "feedback") && tasks.size() > 1) {
    throw ConfigError("--tasks feedback stands alone: its cases show the train part only");
  }
  for (const auto count : m) check_range("m", static_cast<double>(count), 1, 25);
  for (const auto& kind : negatives)
    check_one_of("negatives", kind, {"topk", "uniform", "popmatch"});
  check_one_of("users", users, {"cold", "all"});
  check_one_of("split", split, {"test", "valid"});
  check_range("num-users", static_cast<double>(num_users), 0, 1e12);
  check_range("min-history", static_cast<double>(min_history), 0, 1e6);
  check_range("top-k", static_cast<double>(top_k), 1, 1e6);
}

CaseSet make_cases(const CaseSources& sources, const CaseConfig& config) {
  config.check();
  CaseSet set;
  const CaseMaker maker(sources, config);
  if (maker.needs_list() && sources.lists == nullptr) {
    throw ConfigError("--topk is required: these cases are made from a recommender's lists");
  }
  for (const std::int64_t user : eligible_users(sources, config, maker, set)) {
    if (config.num_users > 0 && std::ssize(set.user_ids) == config.num_users) break;
    maker.add_user(user, set);
  }
  return set;
}

std::unordered_set<std::string> load_user_ids(const std::vector<std::filesystem::path>& paths) {
  std::unordered_set<std::string> ids;
  for (const auto& path : paths) {
    for_each_line(path, [&](const std::string& line, const std::string& where) {
      if (!trim(line).starts_with('{')) {
        ids.insert(std::string(trim(line)));
        return;
      }
      const Json object = parse_json_object(line, where);
      ids.insert(JsonRecord(object, where).id("user_id"));
    });
  }
  return ids;
}

}  // namespace vragent::simulator

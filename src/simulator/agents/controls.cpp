// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/agents/controls.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>

#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/random.h"

namespace vragent::simulator::agents {
namespace {

/// Popularities of judged candidates by kind of negatives, ascending.
using Popularities = std::map<std::string, std::vector<double>>;

Popularities judged_popularities(const std::vector<data::Case>& cases) {
  Popularities by_kind;
  for (const data::Case& row : cases) {
    if (row.task != data::Task::kJudge || row.aux.popularity.empty()) continue;
    by_kind[row.negatives].push_back(row.aux.popularity.front());
  }
  for (auto& [kind, values] : by_kind) std::sort(values.begin(), values.end());
  return by_kind;
}

/// Share of values below `value`, equal ones counting half.
double share_below(const std::vector<double>& sorted, double value) {
  const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), value);
  const auto below = static_cast<double>(first - sorted.begin());
  return (below + 0.5 * static_cast<double>(last - first)) / static_cast<double>(sorted.size());
}

void answer_yes(data::Decision& decision, bool yes) {
  decision.yes = yes;
  decision.status = data::AnswerStatus::kOk;
}

/// The candidate of the highest score; ties fall at random.
void choose_best(data::Decision& decision,
                 const std::vector<double>& scores,
                 RandomStream& random) {
  const double best = *std::max_element(scores.begin(), scores.end());
  std::vector<std::int64_t> ties;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] == best) ties.push_back(static_cast<std::int64_t>(i));
  }
  decision.choice = random.pick(ties);
  decision.status = data::AnswerStatus::kOk;
}

/// Scores that put the list's first candidate first and candidates outside of it last.
std::vector<double> scores_of_ranks(const std::vector<double>& ranks) {
  std::vector<double> scores;
  for (const double rank : ranks) {
    scores.push_back(rank > 0 ? -rank : std::numeric_limits<double>::lowest());
  }
  return scores;
}

std::vector<double> negated(std::vector<double> scores) {
  for (double& score : scores) score = -score;
  return scores;
}

void decide_by_popularity(const data::Case& row,
                          const Popularities& popularities,
                          RandomStream& random,
                          data::Decision& decision) {
  if (row.aux.popularity.empty()) return;
  if (row.task == data::Task::kSelect) {
    choose_best(decision, row.aux.popularity, random);
    return;
  }
  const auto found = popularities.find(row.negatives);
  if (found == popularities.end()) return;
  decision.p_yes = share_below(found->second, row.aux.popularity.front());
  answer_yes(decision, *decision.p_yes == 0.5 ? random.chance(0.5) : *decision.p_yes > 0.5);
}

void decide_by_list(const data::Case& row,
                    bool anti,
                    RandomStream& random,
                    data::Decision& decision) {
  if (row.aux.rec_rank.empty()) return;
  if (row.task == data::Task::kJudge) {
    answer_yes(decision, (row.aux.rec_rank.front() > 0) != anti);
    return;
  }
  const auto scores = scores_of_ranks(row.aux.rec_rank);
  choose_best(decision, anti ? negated(scores) : scores, random);
}

void decide_blindly(const data::Case& row,
                    bool always,
                    RandomStream& random,
                    data::Decision& decision) {
  if (row.task == data::Task::kJudge) {
    answer_yes(decision, always || random.chance(0.5));
  } else if (always) {
    decision.choice = 0;
    decision.status = data::AnswerStatus::kOk;
  } else {
    choose_best(decision, std::vector<double>(row.candidates.size(), 0), random);
  }
}

}  // namespace

std::vector<std::string> control_names() {
  return {"random", "always-yes", "pop", "recscore", "antirec"};
}

Agent control_agent(const std::string& name,
                    const std::vector<data::Case>& cases,
                    std::int64_t seed) {
  check_one_of("agent", name, control_names());
  const bool reads_ranks = name == "recscore" || name == "antirec";
  const bool has_ranks = std::any_of(
      cases.begin(), cases.end(), [](const data::Case& row) { return !row.aux.rec_rank.empty(); });
  if (reads_ranks && !cases.empty() && !has_ranks) {
    throw DataError(
        formatted("--agent {}: no case holds a recommender's ranks; make cases with --topk", name));
  }
  Agent agent;
  agent.name = name;
  agent.seed = seed;
  agent.sees_aux = true;
  const Popularities popularities = name == "pop" ? judged_popularities(cases) : Popularities();
  agent.decide = [name, seed, popularities, reads_ranks](std::span<const data::Case> batch,
                                                         std::int64_t repeat) {
    std::vector<data::Decision> decisions(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const data::Case& row = batch[i];
      RandomStream random(
          mix_seed(static_cast<std::uint64_t>(seed),
                   {hash_text(name), hash_text(row.case_id), static_cast<std::uint64_t>(repeat)}));
      if (name == "pop") {
        decide_by_popularity(row, popularities, random, decisions[i]);
      } else if (reads_ranks) {
        decide_by_list(row, name == "antirec", random, decisions[i]);
      } else {
        decide_blindly(row, name == "always-yes", random, decisions[i]);
      }
    }
    return decisions;
  };
  return agent;
}

}  // namespace vragent::simulator::agents

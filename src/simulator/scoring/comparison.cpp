// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/scoring/comparison.h"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <utility>

#include "simulator/scoring/joined.h"
#include "vragent/metrics/classification.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"

namespace vragent::simulator {
namespace {

/// The same case and repeat, decided by both.
struct Pair {
  JoinedRow agent;
  JoinedRow reference;
};

using Pairs = std::vector<Pair>;

void refuse_unpaired(const std::string& agent, const std::string& reference, const JoinedRow& row) {
  throw DataError(formatted(
      "{} and {} did not decide the same cases: case {}, repeat {} is decided by one of them only",
      agent,
      reference,
      row.decision->case_id,
      row.decision->repeat));
}

/// Order of join(): by case, then by repeat.
bool comes_before(const JoinedRow& a, const JoinedRow& b) {
  return a.row != b.row ? a.row < b.row : a.decision->repeat < b.decision->repeat;
}

/// Labelled pairs by negatives and m (0: judge). Both lists are in the order of the cases.
std::map<std::pair<std::string, std::int64_t>, Pairs> pair_rows(const CaseIndex& index,
                                                                const NamedDecisions& agent,
                                                                const NamedDecisions& reference) {
  const auto first = index.join(agent.decisions, agent.name);
  const auto second = index.join(reference.decisions, reference.name);
  std::map<std::pair<std::string, std::int64_t>, Pairs> groups;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    const bool lacks_first = i >= first.size();
    const bool lacks_second = i >= second.size();
    if (lacks_second || (!lacks_first && comes_before(first[i], second[i]))) {
      refuse_unpaired(agent.name, reference.name, first[i]);
    }
    if (lacks_first || comes_before(second[i], first[i])) {
      refuse_unpaired(agent.name, reference.name, second[i]);
    }
    if (!first[i].is_labelled()) continue;
    groups[{first[i].row->negatives, first[i].num_negatives()}].push_back({first[i], second[i]});
  }
  return groups;
}

/// A measure of one agent on drawn pairs.
using Measure = std::function<double(std::span<const std::size_t> drawn)>;

Measure accuracy_of(const Pairs& pairs, JoinedRow Pair::*side) {
  std::vector<std::uint8_t> correct;
  for (const Pair& pair : pairs) correct.push_back((pair.*side).is_correct() ? 1 : 0);
  return [correct](std::span<const std::size_t> drawn) {
    std::int64_t sum = 0;
    for (const std::size_t i : drawn) sum += correct[i];
    return static_cast<double>(sum) / static_cast<double>(drawn.size());
  };
}

Measure f1_of(const Pairs& pairs, JoinedRow Pair::*side) {
  std::vector<Outcome> outcomes;
  for (const Pair& pair : pairs) outcomes.push_back(outcome_of(pair.*side));
  return [outcomes](std::span<const std::size_t> drawn) {
    return metrics::classification_metrics(tally(outcomes, drawn)).f1;
  };
}

/// Values, difference, interval and bootstrap p of one measure.
void add_bootstrap(PairedDifference& row,
                   const Pairs& pairs,
                   Measure (*measure_of)(const Pairs&, JoinedRow Pair::*),
                   const CompareConfig& config) {
  const Measure agent = measure_of(pairs, &Pair::agent);
  const Measure reference = measure_of(pairs, &Pair::reference);
  std::vector<std::int64_t> users;
  for (const Pair& pair : pairs) users.push_back(pair.agent.user);
  std::vector<std::size_t> all(pairs.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  row.agent_value = agent(all);
  row.reference_value = reference(all);
  const auto result = metrics::cluster_bootstrap(
      users,
      [&](std::span<const std::size_t> drawn) { return agent(drawn) - reference(drawn); },
      {.num_draws = config.draws, .seed = static_cast<std::uint64_t>(config.seed)});
  row.difference = result.estimate;
  row.interval = result.interval;
  row.p_value = result.p_value;
}

void add_mcnemar(PairedDifference& row, const Pairs& pairs) {
  const std::int64_t repeat = pairs.front().agent.decision->repeat;
  for (const Pair& pair : pairs) {
    if (pair.agent.decision->repeat != repeat) continue;
    const bool agent = pair.agent.is_correct();
    const bool reference = pair.reference.is_correct();
    row.only_agent_right += agent && !reference ? 1 : 0;
    row.only_reference_right += reference && !agent ? 1 : 0;
  }
  row.p_value = metrics::mcnemar_p_value(row.only_agent_right, row.only_reference_right);
}

std::int64_t count_cases(const Pairs& pairs) {
  std::int64_t cases = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    cases += i == 0 || pairs[i].agent.row != pairs[i - 1].agent.row ? 1 : 0;
  }
  return cases;
}

void compare_pair(const CaseIndex& index,
                  const NamedDecisions& agent,
                  const NamedDecisions& reference,
                  const CompareConfig& config,
                  std::vector<PairedDifference>& rows) {
  for (const auto& [place, pairs] : pair_rows(index, agent, reference)) {
    PairedDifference row;
    row.agent = agent.name;
    row.reference = reference.name;
    row.negatives = place.first;
    row.m = place.second;
    row.num_cases = count_cases(pairs);
    PairedDifference by_f1 = row;
    row.measure = "accuracy";
    add_bootstrap(row, pairs, accuracy_of, config);
    add_mcnemar(row, pairs);
    rows.push_back(row);
    if (row.m > 0) continue;
    by_f1.measure = "f1";
    add_bootstrap(by_f1, pairs, f1_of, config);
    rows.push_back(by_f1);
  }
}

void add_holm(std::vector<PairedDifference>& rows) {
  std::vector<double> p_values;
  for (const PairedDifference& row : rows) p_values.push_back(row.p_value);
  const auto adjusted = metrics::holm_adjusted(p_values);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].p_holm = adjusted[i];
}

const NamedDecisions& find_reference(const std::vector<NamedDecisions>& agents,
                                     const std::string& name) {
  if (agents.size() < 2) throw ConfigError("two agents or more are needed to compare");
  if (name.empty()) return agents.front();
  for (const NamedDecisions& agent : agents) {
    if (agent.name == name) return agent;
  }
  throw ConfigError("--reference " + name + " is not among the agents");
}

}  // namespace

void CompareConfig::check() const {
  check_range("draws", static_cast<double>(draws), 1, 1e7);
}

std::vector<PairedDifference> compare_agents(const std::vector<data::Case>& cases,
                                             const std::vector<NamedDecisions>& agents,
                                             const CompareConfig& config) {
  config.check();
  const NamedDecisions& reference = find_reference(agents, config.reference);
  const CaseIndex index(cases);
  std::vector<PairedDifference> rows;
  for (const NamedDecisions& agent : agents) {
    if (&agent != &reference) compare_pair(index, agent, reference, config, rows);
  }
  add_holm(rows);
  return rows;
}

Table comparison_table(const std::vector<PairedDifference>& differences) {
  Table table;
  table.title = "Paired differences on the same cases";
  table.columns = {"Agent",
                   "Reference",
                   "Measure",
                   "Negatives",
                   "Cases",
                   "Agent value",
                   "Reference value",
                   "Difference",
                   "95 % interval",
                   "p",
                   "p (Holm)"};
  for (const PairedDifference& row : differences) {
    const bool excludes_zero = !row.interval.contains(0);
    const std::string measure =
        row.m == 0 ? "judge " + row.measure : formatted("{} m={}", row.measure, row.m);
    table.rows.push_back({row.agent,
                          row.reference,
                          measure,
                          row.negatives,
                          formatted("{}", row.num_cases),
                          formatted("{:.3f}", row.agent_value),
                          formatted("{:.3f}", row.reference_value),
                          formatted("{:+.3f}{}", row.difference, excludes_zero ? "*" : ""),
                          formatted("[{:+.3f}, {:+.3f}]", row.interval.low, row.interval.high),
                          formatted("{:.4f}", row.p_value),
                          formatted("{:.4f}", row.p_holm)});
  }
  table.notes = {
      "interval: bootstrap over users; p: exact McNemar (accuracy, first repeat), bootstrap (f1)",
      "*: the interval excludes 0"};
  return table;
}

std::string comparison_json(const std::vector<PairedDifference>& differences) {
  OrderedJson list = OrderedJson::array();
  for (const PairedDifference& row : differences) {
    list.push_back({{"agent", row.agent},
                    {"reference", row.reference},
                    {"measure", row.measure},
                    {"negatives", row.negatives},
                    {"m", row.m},
                    {"num_cases", row.num_cases},
                    {"agent_value", row.agent_value},
                    {"reference_value", row.reference_value},
                    {"difference", row.difference},
                    {"low", row.interval.low},
                    {"high", row.interval.high},
                    {"only_agent_right", row.only_agent_right},
                    {"only_reference_right", row.only_reference_right},
                    {"p_value", row.p_value},
                    {"p_holm", row.p_holm}});
  }
  return list.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace vragent::simulator

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Decisions against the truth: the columns of Tables 2 and 6 for each agent and each kind of
// negatives, with intervals, and an account of every answer that could not be read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vragent/data/cases.h"
#include "vragent/data/decisions.h"
#include "vragent/metrics/classification.h"
#include "vragent/metrics/statistics.h"

namespace vragent::simulator {

/// Decisions of one agent under the name it has in the tables.
struct NamedDecisions {
  std::string name;
  std::vector<data::Decision> decisions;
};

/// The decisions of a file by agent, in order of appearance.
std::vector<NamedDecisions> split_by_agent(std::vector<data::Decision> decisions);

/// A rate with its 95 % interval.
struct Rate {
  double value = 0;
  metrics::Interval interval;
};

/// Judgments of one agent with one kind of negatives. Wilson intervals count each case once,
/// however often it was repeated: repeats say nothing new about users. An unread answer is wrong.
struct JudgeScore {
  std::string negatives;
  std::int64_t num_cases = 0;
  metrics::Confusion counts;               ///< over all repeats
  metrics::ClassificationMetrics metrics;  ///< over all repeats (micro)
  metrics::ClassificationMetrics macro;    ///< mean over users
  metrics::Interval accuracy_interval;     ///< Wilson
  metrics::Interval precision_interval;    ///< Wilson
  metrics::Interval recall_interval;       ///< Wilson
  metrics::Interval f1_interval;           ///< bootstrap over users
  double chance_credited_accuracy = 0;     ///< an unread answer earns 1/2
  metrics::MeanStd over_repeats;           ///< accuracy of each repeat
  std::int64_t num_with_p_yes = 0;         ///< rows the next three speak of
  std::optional<double> auc;
  std::optional<double> brier;
  std::optional<double> ece;
};

/// Selections of one agent with one kind and number of negatives.
struct SelectScore {
  std::string negatives;
  std::int64_t m = 0;  ///< negatives of a case
  std::int64_t num_cases = 0;
  std::int64_t num_rows = 0;  ///< over all repeats
  std::int64_t num_correct = 0;
  std::int64_t num_unread = 0;
  Rate accuracy;                        ///< unread is wrong; Wilson over cases
  double chance = 0;                    ///< 1 / (m + 1)
  double chance_credited_accuracy = 0;  ///< an unread answer earns `chance`
  metrics::MeanStd over_repeats;
  std::vector<std::int64_t> picks_by_slot;  ///< [m + 1]
  metrics::ChiSquare slot_bias;             ///< against equal picks: the slots are shuffled
};

struct AgentScore {
  std::string name;
  std::string model;
  std::string backend;
  std::int64_t num_decisions = 0;
  std::int64_t num_repeats = 0;
  std::int64_t num_missing = 0;     ///< labelled cases without any decision of this agent
  std::int64_t num_unlabelled = 0;  ///< decisions on cases that tell no truth
  std::int64_t num_failed = 0;      ///< decisions whose call failed
  std::map<std::string, std::int64_t> statuses;
  std::int64_t num_calls = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::vector<JudgeScore> judge;    ///< by negatives, in order of the cases
  std::vector<SelectScore> select;  ///< by negatives and m, in order of the cases
};

struct Scores {
  std::string cases_hash;
  std::int64_t num_cases = 0;
  std::vector<AgentScore> agents;
};

struct ScoreConfig {
  std::int64_t draws = 2000;  ///< bootstrap draws of the F1 interval; 0 = no interval
  std::int64_t seed = 1;

  void visit(auto& v) {
    v("draws", draws, "bootstrap draws behind the F1 interval; 0 is none");
    v("seed", seed, "random seed of the bootstrap");
  }

  /// @throws ConfigError naming the field
  void check() const;
};

/// Scores agents on the cases they decided; what they did not decide is counted as missing.
/// @throws DataError naming the case when a decision is on an unknown case, on another version of
///   it, of the other task, or on a candidate that is not there
Scores score_agents(const std::vector<data::Case>& cases,
                    const std::vector<NamedDecisions>& agents,
                    const ScoreConfig& config);

/// One line a decision with what it was worth: the decision, then user_id, task, negatives,
/// num_candidates and correct (absent without a label). For `eval score --rows`. Errors as above.
std::vector<std::string> scored_lines(const std::vector<data::Case>& cases,
                                      const std::vector<NamedDecisions>& agents);

}  // namespace vragent::simulator

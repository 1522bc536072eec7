// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What tables and pages need of a finished run: metrics.json and config.json of a recommender,
// scores.json of simulated users, read as files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "vragent/metrics/statistics.h"

namespace vragent::report::runs {

/// "feedback" of metrics.json: what simulated users added to the training data.
struct FeedbackSummary {
  std::string arm;
  bool guard = true;
  std::map<std::string, std::int64_t> counts;  ///< users, inserted, answered_yes, held_out, ...
};

/// metrics.json.
struct RankingRun {
  std::optional<std::int64_t> seed;
  std::map<std::string, double> test;       ///< by name ("hr@10"); fractions
  std::map<std::string, double> test_cold;  ///< the same over cold users
  std::string protocol;     ///< how it was measured and on how much, without seed and loss
  std::string loss;         ///< "none" of a counter; "" where the file names none
  std::string select;       ///< what chose the epoch ("valid hr@10"), or ""
  bool is_counter = false;  ///< nothing was trained (pop, markov)
  std::optional<FeedbackSummary> feedback;
};

/// @param path metrics.json or its run folder. @throws DataError naming path and key, Error (66)
RankingRun load_ranking_run(const std::filesystem::path& path);

/// One value of config.json.
struct Setting {
  std::string text;      ///< as the file has it, JSON
  std::string compared;  ///< the same of settings that mean the same: paths are made whole
  std::string content;   ///< a hash of what the file held that the path names, where it is noted
};

/// What the result of a recommender's run hangs on besides its seed: config.json, which lies beside
/// metrics.json, by dotted key ("optim.lr"). Where and how it ran and what else it wrote is left
/// out; what files held is read from inputs.json. Empty without config.json (a run of another
/// program).
/// @param path as above. @throws DataError when the file is no JSON object, Error (66)
std::map<std::string, Setting> load_settings(const std::filesystem::path& path);

/// A rate with its interval, where the file has one.
struct RateValue {
  double value = 0;
  std::optional<metrics::Interval> interval;
  friend bool operator==(const RateValue&, const RateValue&) = default;
};

/// One kind of cases of an agent. m is 0 for judgments, which have all four rates; selections have
/// "accuracy".
struct TaskScore {
  std::string negatives;
  std::int64_t m = 0;
  std::int64_t num_cases = 0;
  std::map<std::string, RateValue> rates;  ///< accuracy, precision, recall, f1
  friend bool operator==(const TaskScore&, const TaskScore&) = default;
};

struct AgentScores {
  std::string agent;
  bool is_control = false;       ///< it asked no model
  std::int64_t num_missing = 0;  ///< cases that it did not decide
  std::vector<TaskScore> tasks;
  friend bool operator==(const AgentScores&, const AgentScores&) = default;

  /// The score of a kind, or nullptr. @param m 0 for judgments
  [[nodiscard]] const TaskScore* find(const std::string& negatives, std::int64_t m) const;
};

/// scores.json.
struct ScoresFile {
  std::string cases_hash;
  std::int64_t num_cases = 0;
  std::vector<AgentScores> agents;
};

/// @param path scores.json or its run folder. @throws DataError naming path and key, Error (66)
ScoresFile load_scores(const std::filesystem::path& path);

/// The kind of negatives to show: `wanted`; without a wish the only kind there is, or "topk" (the
/// paper's) among several. @throws DataError naming `where` and the kinds when there is no such
std::string choose_negatives(const std::vector<ScoresFile>& files,
                             const std::string& wanted,
                             const std::string& where);

}  // namespace vragent::report::runs

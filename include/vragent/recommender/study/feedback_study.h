// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// `eval feedback`: Table 4 whole. The recommender is trained anew under each arm of feedback and
// each seed; who gains is asked of the same users under the same seeds (`simulators.md` 4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vragent/metrics/statistics.h"
#include "vragent/recommender/feedback.h"
#include "vragent/recommender/training_run.h"

namespace vragent::recommender::study {

/// Passes on what a config lists, but for some names.
template <class Visitor>
class VisitWithout {
 public:
  VisitWithout(Visitor& visitor, std::vector<std::string_view> left_out)
      : visitor_(visitor), left_out_(std::move(left_out)) {}

  template <class Field>
  void operator()(std::string_view name, Field& field, std::string_view help) {
    for (const std::string_view other : left_out_) {
      if (name == other) return;
    }
    visitor_(name, field, help);
  }

 private:
  Visitor& visitor_;
  std::vector<std::string_view> left_out_;
};

struct FeedbackStudyConfig {
  TrainConfig train;
  std::vector<std::string> arms;
  std::vector<std::int64_t> seeds = {1, 2, 3, 4, 5};
  std::int64_t num_draws = 2000;

  void visit(auto& v) {
    v("arms",
      arms,
      "rows of the table: original (titles without --captions, no feedback), base (no feedback), "
      "like, dislike, dislike-negative, random, self; none is all that the inputs allow");
    v("seeds", seeds, "seeds that every arm is trained under");
    v("draws", num_draws, "bootstrap draws over users and seeds");
    VisitWithout rest(v, {"seed", "feedback-arm", "top-k", "top-k-splits"});
    train.visit(rest);
  }

  void check() const;

  /// The arms that run, base first: those named, or all that the inputs allow.
  [[nodiscard]] std::vector<std::string> effective_arms() const;
};

inline constexpr const char* kBase = "base";
inline constexpr std::int64_t kCutoff = 10;  ///< of HR and NDCG, as Table 4 prints them

/// What each user's list was worth under each seed, [S][U].
struct ArmResult {
  std::string name;
  std::vector<std::vector<double>> hits;   ///< 1 when the test item is among the first 10
  std::vector<std::vector<double>> gains;  ///< NDCG@10
  FeedbackCounts counts;                   ///< under the first seed; zeros without feedback
};

/// An arm against another one, over some users.
struct Difference {
  std::string arm;
  std::string against;
  std::string group;   ///< all, cold, treated (who were asked)
  std::string metric;  ///< hr@10, ndcg@10
  metrics::BootstrapResult result;
  double adjusted_p = 1.0;  ///< Holm over all differences of the study
};

struct FeedbackStudy {
  std::vector<std::int64_t> seeds;
  std::vector<ArmResult> arms;
  std::vector<std::int64_t> all;
  std::vector<std::int64_t> cold;
  std::vector<std::int64_t> treated;
  std::vector<Difference> differences;
};

/// Mean and deviation over seeds of one group's mean. @param values [S][U]
metrics::MeanStd over_seeds(const std::vector<std::vector<double>>& values,
                            const std::vector<std::int64_t>& users);

/// Every arm against base, and every arm with feedback against random where both run.
std::vector<Difference> compare_arms(const FeedbackStudy& study, std::int64_t num_draws);

/// Trains arm by arm and seed by seed into out/ARM/seed-N (--resume keeps what is finished), writes
/// out/feedback.json. @throws as run_training()
FeedbackStudy run_feedback_study(const FeedbackStudyConfig& config);

}  // namespace vragent::recommender::study

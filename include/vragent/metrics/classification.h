// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Yes/No judgments against their labels: counts and the metrics of Tables 2, 3 and 6. An answer
// that could not be read is counted apart and is always wrong, never guessed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace vragent::metrics {

/// Counts of judged rows; "positive" is Yes.
struct Confusion {
  std::int64_t true_positive = 0;
  std::int64_t false_positive = 0;
  std::int64_t true_negative = 0;
  std::int64_t false_negative = 0;
  std::int64_t unread_positive = 0;  ///< no readable answer, the label is Yes
  std::int64_t unread_negative = 0;  ///< no readable answer, the label is No

  /// One row with a readable answer.
  void add(bool predicted, bool actual);

  /// One row whose answer could not be read.
  void add_unread(bool actual);

  Confusion& operator+=(const Confusion& other);

  /// Rows of all six kinds.
  [[nodiscard]] std::int64_t num_rows() const;

  [[nodiscard]] std::int64_t num_correct() const { return true_positive + true_negative; }

  [[nodiscard]] std::int64_t num_unread() const { return unread_positive + unread_negative; }
};

/// Fractions; 0/0 is 0 and the metric's name is in `undefined`.
struct ClassificationMetrics {
  double accuracy = 0.0;           ///< correct / all rows
  double precision = 0.0;          ///< TP / (TP + FP): an unread answer is not a Yes
  double recall = 0.0;             ///< TP / all rows labelled Yes
  double f1 = 0.0;                 ///< harmonic mean of precision and recall
  double balanced_accuracy = 0.0;  ///< mean of recall and TN / all rows labelled No
  double mcc = 0.0;                ///< Matthews correlation, -1..1, unread rows as wrong answers
  double yes_rate = 0.0;           ///< rows answered Yes / all rows
  double unread_rate = 0.0;        ///< rows without a readable answer / all rows
  std::vector<std::string> undefined;  ///< names of the fields above that were 0/0
};

/// Metrics over all rows together (micro).
ClassificationMetrics classification_metrics(const Confusion& counts);

/// Mean over users of each user's metrics (macro, as Agent4Rec reports). A name is in `undefined`
/// when it was 0/0 for at least one user; without users all are 0 and undefined.
ClassificationMetrics macro_metrics(std::span<const Confusion> users);

/// Accuracy when an unread answer earns what a blind guess would earn; 0 without rows.
/// @param chance probability of a right guess: 0.5 for judge, 1 / (m + 1) for select
double chance_credited_accuracy(std::int64_t num_correct,
                                std::int64_t num_unread,
                                std::int64_t num_rows,
                                double chance);

}  // namespace vragent::metrics

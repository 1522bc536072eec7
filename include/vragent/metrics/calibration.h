// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// How good scores and probabilities of Yes are: ranking power (AUC), squared error (Brier),
// calibration (ECE), and the threshold that separates a validation set best.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace vragent::metrics {

/// One judged row: the score or probability given to Yes, and whether Yes is right.
struct ScoredLabel {
  double score = 0.0;
  bool positive = false;
};

/// Area under the ROC curve: the chance that a random positive outscores a random negative, a tie
/// counting half. Empty unless both kinds occur. @throws std::logic_error on a NaN score
std::optional<double> auc(std::span<const ScoredLabel> rows);

/// Mean of (probability - label)^2, 0 is best. Empty without rows.
/// @throws std::logic_error when a score is no probability
std::optional<double> brier_score(std::span<const ScoredLabel> rows);

/// Rows whose probability lies in [low, high); the last bin holds 1 too.
struct CalibrationBin {
  double low = 0.0;
  double high = 0.0;
  std::int64_t num_rows = 0;
  double mean_score = 0.0;     ///< 0 in an empty bin
  double positive_rate = 0.0;  ///< 0 in an empty bin
};

/// `num_bins` bins of equal width over [0, 1].
/// @throws std::logic_error when a score is no probability or num_bins < 1
std::vector<CalibrationBin> calibration_bins(std::span<const ScoredLabel> rows, int num_bins = 10);

/// Expected calibration error: mean over rows of |mean score - positive rate| of the row's bin.
/// Empty without rows.
std::optional<double> expected_calibration_error(std::span<const ScoredLabel> rows,
                                                 int num_bins = 10);

}  // namespace vragent::metrics

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/metrics/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "vragent/util/format.h"

namespace vragent::metrics {
namespace {

/// The rows by ascending score.
std::vector<ScoredLabel> sorted(std::span<const ScoredLabel> rows) {
  for (const ScoredLabel& row : rows) {
    if (std::isnan(row.score)) throw std::logic_error("calibration: a score is NaN");
  }
  std::vector<ScoredLabel> ordered(rows.begin(), rows.end());
  std::stable_sort(ordered.begin(), ordered.end(), [](const ScoredLabel& a, const ScoredLabel& b) {
    return a.score < b.score;
  });
  return ordered;
}

void check_probabilities(std::span<const ScoredLabel> rows) {
  for (const ScoredLabel& row : rows) {
    if (!(row.score >= 0.0 && row.score <= 1.0)) {
      throw std::logic_error(formatted("calibration: {} is no probability", row.score));
    }
  }
}

/// Index one past the rows that share the score of rows[begin].
std::size_t end_of_tie(const std::vector<ScoredLabel>& rows, std::size_t begin) {
  std::size_t end = begin;
  while (end < rows.size() && rows[end].score == rows[begin].score) ++end;
  return end;
}

/// Index of the bin that holds a probability, rounding of score * size put right.
std::size_t bin_of(double score, const std::vector<CalibrationBin>& bins) {
  const auto guess = static_cast<std::size_t>(score * static_cast<double>(bins.size()));
  std::size_t index = std::min(guess, bins.size() - 1);
  while (index > 0 && score < bins[index].low) --index;
  while (index + 1 < bins.size() && score >= bins[index].high) ++index;
  return index;
}

std::int64_t count_positive(std::span<const ScoredLabel> rows) {
  return std::count_if(
      rows.begin(), rows.end(), [](const ScoredLabel& row) { return row.positive; });
}

}  // namespace

std::optional<double> auc(std::span<const ScoredLabel> rows) {
  const std::vector<ScoredLabel> ordered = sorted(rows);
  double wins = 0.0;
  double negatives_below = 0.0;
  double num_positive = 0.0;
  for (std::size_t begin = 0; begin < ordered.size();) {
    const std::size_t end = end_of_tie(ordered, begin);
    const auto positives =
        static_cast<double>(count_positive(std::span(ordered).subspan(begin, end - begin)));
    const double negatives = static_cast<double>(end - begin) - positives;
    wins += positives * (negatives_below + negatives / 2.0);
    negatives_below += negatives;
    num_positive += positives;
    begin = end;
  }
  if (num_positive == 0.0 || negatives_below == 0.0) return std::nullopt;
  return wins / (num_positive * negatives_below);
}

std::optional<double> brier_score(std::span<const ScoredLabel> rows) {
  check_probabilities(rows);
  if (rows.empty()) return std::nullopt;
  const double sum =
      std::accumulate(rows.begin(), rows.end(), 0.0, [](double total, const ScoredLabel& row) {
        const double error = row.score - (row.positive ? 1.0 : 0.0);
        return total + error * error;
      });
  return sum / static_cast<double>(rows.size());
}

std::vector<CalibrationBin> calibration_bins(std::span<const ScoredLabel> rows, int num_bins) {
  if (num_bins < 1) throw std::logic_error("calibration: at least one bin is needed");
  check_probabilities(rows);
  std::vector<CalibrationBin> bins(static_cast<std::size_t>(num_bins));
  for (std::size_t b = 0; b < bins.size(); ++b) {
    bins[b].low = static_cast<double>(b) / num_bins;
    bins[b].high = static_cast<double>(b + 1) / num_bins;
  }
  for (const ScoredLabel& row : rows) {
    CalibrationBin& bin = bins[bin_of(row.score, bins)];
    ++bin.num_rows;
    bin.mean_score += row.score;
    bin.positive_rate += row.positive ? 1.0 : 0.0;
  }
  for (CalibrationBin& bin : bins) {
    if (bin.num_rows == 0) continue;
    bin.mean_score /= static_cast<double>(bin.num_rows);
    bin.positive_rate /= static_cast<double>(bin.num_rows);
  }
  return bins;
}

std::optional<double> expected_calibration_error(std::span<const ScoredLabel> rows, int num_bins) {
  const std::vector<CalibrationBin> bins = calibration_bins(rows, num_bins);
  if (rows.empty()) return std::nullopt;
  double sum = 0.0;
  for (const CalibrationBin& bin : bins) {
    sum += static_cast<double>(bin.num_rows) * std::abs(bin.mean_score - bin.positive_rate);
  }
  return sum / static_cast<double>(rows.size());
}

}  // namespace vragent::metrics

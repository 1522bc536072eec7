// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// How sure a number is: intervals of rates, paired tests between agents on the same cases,
// resampling of users, correction for many tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace vragent::metrics {

/// A closed interval.
struct Interval {
  double low = 0.0;
  double high = 0.0;

  [[nodiscard]] bool contains(double value) const { return low <= value && value <= high; }

  friend bool operator==(const Interval&, const Interval&) = default;
};

/// Wilson score interval of the rate successes / total; without rows nothing is known: [0, 1].
/// @param level confidence inside (0, 1)
/// @throws std::logic_error unless 0 <= successes <= total and 0 < level < 1
Interval wilson_interval(std::int64_t successes, std::int64_t total, double level = 0.95);

/// Exact two-sided McNemar test of two agents on the same rows: the binomial chance, at 1/2, of a
/// split at least as uneven. 1 without discordant rows. @throws std::logic_error on a negative
/// count
/// @param only_first_right rows that only the first agent got right
/// @param only_second_right rows that only the second agent got right
double mcnemar_p_value(std::int64_t only_first_right, std::int64_t only_second_right);

struct BootstrapConfig {
  std::int64_t num_draws = 10'000;
  std::uint64_t seed = 0;
  double level = 0.95;
};

struct BootstrapResult {
  double estimate = 0.0;  ///< the statistic of the rows as they are
  Interval interval;      ///< percentiles of the draws; both the estimate without draws
  double p_value = 1.0;   ///< two-sided, against a true value of 0, at least 2 / (draws + 1)
  std::int64_t num_undefined = 0;  ///< draws left out because the statistic was NaN
};

/// A statistic of the rows named by their indices (with repetition), for example the difference in
/// F1 of two agents; NaN where it is undefined.
using RowStatistic = std::function<double(std::span<const std::size_t> rows)>;

/// Bootstrap over clusters: whole users are drawn with replacement, with all their rows. The same
/// config and rows give the same result on every machine.
/// @param cluster_of_row any number for each row's user; equal numbers are one cluster
/// @throws std::logic_error without rows, with num_draws < 1 or a level outside (0, 1)
BootstrapResult cluster_bootstrap(std::span<const std::int64_t> cluster_of_row,
                                  const RowStatistic& statistic,
                                  const BootstrapConfig& config);

/// Bootstrap of the mean over two crossed factors: seeds of training and users are both drawn with
/// replacement, so the interval covers another training run as well as other users.
/// @param values [S][U], for example a paired difference of each user under each seed
/// @throws std::logic_error without values, with rows of unequal length, and as cluster_bootstrap
BootstrapResult crossed_bootstrap(const std::vector<std::vector<double>>& values,
                                  const BootstrapConfig& config);

/// Holm's step-down correction: adjusted p-values in the order given, for a table of tests.
/// @throws std::logic_error when a value is outside [0, 1]
std::vector<double> holm_adjusted(std::span<const double> p_values);

struct ChiSquare {
  double statistic = 0.0;
  std::int64_t degrees = 0;
  double p_value = 1.0;
};

/// Whether picks fall evenly on the slots: Pearson's chi-square against equal rates. Without picks
/// the statistic is 0 and the p-value 1. @throws std::logic_error below two slots or on a negative
/// count
ChiSquare chi_square_uniform(std::span<const std::int64_t> picks_of_slot);

/// Mean and sample standard deviation (n - 1) of repeats; the deviation of one value is 0.
struct MeanStd {
  double mean = 0.0;
  double std = 0.0;
  std::int64_t num_values = 0;
};

MeanStd mean_std(std::span<const double> values);

}  // namespace vragent::metrics

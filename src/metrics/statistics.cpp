// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/metrics/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <stdexcept>

#include <math.h>  // lgamma_r

#include "vragent/util/format.h"
#include "vragent/util/random.h"

namespace vragent::metrics {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr int kMaxIterations = 100'000;

/// ln(gamma(x)); std::lgamma writes a global.
double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

void check_level(double level) {
  if (!(level > 0.0 && level < 1.0)) {
    throw std::logic_error(formatted("confidence level {} is not inside (0, 1)", level));
  }
}

/// z with P(|Z| <= z) = level, by bisection on erfc.
double normal_two_sided(double level) {
  double low = 0.0;
  double high = 40.0;
  while (true) {
    const double middle = std::midpoint(low, high);
    if (middle <= low || middle >= high) return middle;
    (std::erfc(middle / std::sqrt(2.0)) > 1.0 - level ? low : high) = middle;
  }
}

/// P(X = k) for X ~ Binomial(n, 1/2).
double fair_binomial(std::int64_t k, std::int64_t n) {
  const auto successes = static_cast<double>(k);
  const auto trials = static_cast<double>(n);
  return std::exp(log_gamma(trials + 1.0) - log_gamma(successes + 1.0) -
                  log_gamma(trials - successes + 1.0) - trials * std::log(2.0));
}

/// P(X <= k) for X ~ Binomial(n, 1/2) and k <= n / 2, summed from its largest term down.
double fair_binomial_tail(std::int64_t k, std::int64_t n) {
  double term = fair_binomial(k, n);
  double sum = term;
  for (std::int64_t i = k; i > 0 && term > sum * kEpsilon; --i) {
    term *= static_cast<double>(i) / static_cast<double>(n - i + 1);
    sum += term;
  }
  return sum;
}

/// Regularised lower incomplete gamma P(a, x) by its power series; for x < a + 1.
double lower_gamma_series(double a, double x) {
  double term = 1.0 / a;
  double sum = term;
  for (int n = 1; n < kMaxIterations && term > sum * kEpsilon; ++n) {
    term *= x / (a + n);
    sum += term;
  }
  return sum * std::exp(a * std::log(x) - x - log_gamma(a));
}

/// Regularised upper incomplete gamma Q(a, x) by its continued fraction (modified Lentz); for
/// x >= a + 1.
double upper_gamma_fraction(double a, double x) {
  constexpr double kTiny = std::numeric_limits<double>::min() / kEpsilon;
  double b = x + 1.0 - a;
  double c = 1.0 / kTiny;
  double d = 1.0 / b;
  double value = d;
  for (int i = 1; i < kMaxIterations; ++i) {
    const double numerator = -i * (i - a);
    b += 2.0;
    d = 1.0 / std::max(std::abs(numerator * d + b), kTiny);
    c = std::max(std::abs(b + numerator / c), kTiny);
    value *= d * c;
    if (std::abs(d * c - 1.0) <= kEpsilon) break;
  }
  return value * std::exp(a * std::log(x) - x - log_gamma(a));
}

double chi_square_tail(double statistic, std::int64_t degrees) {
  const double a = static_cast<double>(degrees) / 2.0;
  const double x = statistic / 2.0;
  if (x <= 0.0) return 1.0;
  return x < a + 1.0 ? 1.0 - lower_gamma_series(a, x) : upper_gamma_fraction(a, x);
}

/// Row indices of each cluster, clusters in order of first appearance.
std::vector<std::vector<std::size_t>> rows_by_cluster(std::span<const std::int64_t> clusters) {
  std::map<std::int64_t, std::size_t> place;
  std::vector<std::vector<std::size_t>> groups;
  for (std::size_t row = 0; row < clusters.size(); ++row) {
    const auto [found, is_new] = place.try_emplace(clusters[row], groups.size());
    if (is_new) groups.emplace_back();
    groups[found->second].push_back(row);
  }
  return groups;
}

/// Linear interpolation between order statistics; `ordered` is ascending and not empty.
double quantile(const std::vector<double>& ordered, double fraction) {
  const double position = fraction * static_cast<double>(ordered.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, ordered.size() - 1);
  return std::lerp(ordered[below], ordered[above], position - std::floor(position));
}

/// Two-sided p-value against 0 from the draws: twice the smaller share on either side of 0.
double sign_p_value(const std::vector<double>& ordered) {
  const auto size = static_cast<double>(ordered.size());
  const auto below = static_cast<double>(
      std::count_if(ordered.begin(), ordered.end(), [](double v) { return v <= 0.0; }));
  const auto above = static_cast<double>(
      std::count_if(ordered.begin(), ordered.end(), [](double v) { return v >= 0.0; }));
  return std::min(1.0, 2.0 * (std::min(below, above) + 1.0) / (size + 1.0));
}

/// Interval and p-value of a statistic from its draws; none leave the result as it is.
void summarise(std::vector<double>& draws, double level, BootstrapResult& result) {
  if (draws.empty()) return;
  std::sort(draws.begin(), draws.end());
  const double outside = (1.0 - level) / 2.0;
  result.interval = {quantile(draws, outside), quantile(draws, 1.0 - outside)};
  result.p_value = sign_p_value(draws);
}

}  // namespace

Interval wilson_interval(std::int64_t successes, std::int64_t total, double level) {
  check_level(level);
  if (successes < 0 || successes > total) {
    throw std::logic_error(formatted("wilson_interval: {} of {}", successes, total));
  }
  if (total == 0) return {0.0, 1.0};
  const auto n = static_cast<double>(total);
  const double rate = static_cast<double>(successes) / n;
  const double z = normal_two_sided(level);
  const double scale = 1.0 + z * z / n;
  const double centre = (rate + z * z / (2.0 * n)) / scale;
  const double half = z * std::sqrt(rate * (1.0 - rate) / n + z * z / (4.0 * n * n)) / scale;
  return {successes == 0 ? 0.0 : std::max(0.0, centre - half),
          successes == total ? 1.0 : std::min(1.0, centre + half)};
}

double mcnemar_p_value(std::int64_t only_first_right, std::int64_t only_second_right) {
  if (only_first_right < 0 || only_second_right < 0) {
    throw std::logic_error("mcnemar_p_value: a count is negative");
  }
  const std::int64_t smaller = std::min(only_first_right, only_second_right);
  return std::min(1.0, 2.0 * fair_binomial_tail(smaller, only_first_right + only_second_right));
}

BootstrapResult cluster_bootstrap(std::span<const std::int64_t> cluster_of_row,
                                  const RowStatistic& statistic,
                                  const BootstrapConfig& config) {
  check_level(config.level);
  if (cluster_of_row.empty()) throw std::logic_error("cluster_bootstrap: no rows");
  if (config.num_draws < 1) throw std::logic_error("cluster_bootstrap: num_draws < 1");
  const std::vector<std::vector<std::size_t>> groups = rows_by_cluster(cluster_of_row);
  std::vector<std::size_t> rows(cluster_of_row.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  BootstrapResult result;
  result.estimate = statistic(rows);
  result.interval = {result.estimate, result.estimate};

  RandomStream random(config.seed, "cluster_bootstrap");
  std::vector<double> draws;
  for (std::int64_t draw = 0; draw < config.num_draws; ++draw) {
    rows.clear();
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const std::vector<std::size_t>& group = random.pick(groups);
      rows.insert(rows.end(), group.begin(), group.end());
    }
    const double value = statistic(rows);
    if (!std::isnan(value)) draws.push_back(value);
  }
  result.num_undefined = config.num_draws - static_cast<std::int64_t>(draws.size());
  summarise(draws, config.level, result);
  return result;
}

BootstrapResult crossed_bootstrap(const std::vector<std::vector<double>>& values,
                                  const BootstrapConfig& config) {
  check_level(config.level);
  if (values.empty() || values[0].empty()) throw std::logic_error("crossed_bootstrap: no values");
  if (config.num_draws < 1) throw std::logic_error("crossed_bootstrap: num_draws < 1");
  const auto num_seeds = static_cast<std::int64_t>(values.size());
  const auto num_users = static_cast<std::int64_t>(values[0].size());
  const double size = static_cast<double>(num_seeds) * static_cast<double>(num_users);
  BootstrapResult result;
  for (const std::vector<double>& of_seed : values) {
    if (std::ssize(of_seed) != num_users)
      throw std::logic_error("crossed_bootstrap: rows of unequal length");
    result.estimate += std::accumulate(of_seed.begin(), of_seed.end(), 0.0) / size;
  }
  result.interval = {result.estimate, result.estimate};
  RandomStream random(config.seed, "crossed_bootstrap");
  std::vector<double> draws;
  std::vector<double> of_user(values[0].size());
  for (std::int64_t draw = 0; draw < config.num_draws; ++draw) {
    std::fill(of_user.begin(), of_user.end(), 0.0);
    for (std::int64_t i = 0; i < num_seeds; ++i) {
      const std::vector<double>& of_seed = random.pick(values);
      for (std::size_t user = 0; user < of_user.size(); ++user) of_user[user] += of_seed[user];
    }
    double sum = 0.0;
    for (std::int64_t i = 0; i < num_users; ++i)
      sum += of_user[static_cast<std::size_t>(random.below(num_users))];
    draws.push_back(sum / size);
  }
  summarise(draws, config.level, result);
  return result;
}

std::vector<double> holm_adjusted(std::span<const double> p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (const double value : p_values) {
    if (!(value >= 0.0 && value <= 1.0)) {
      throw std::logic_error(formatted("holm_adjusted: {} is no probability", value));
    }
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return p_values[a] < p_values[b];
  });
  std::vector<double> adjusted(p_values.size());
  double largest = 0.0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double scaled = p_values[order[i]] * static_cast<double>(order.size() - i);
    largest = std::max(largest, std::min(1.0, scaled));
    adjusted[order[i]] = largest;
  }
  return adjusted;
}

ChiSquare chi_square_uniform(std::span<const std::int64_t> picks_of_slot) {
  if (picks_of_slot.size() < 2) throw std::logic_error("chi_square_uniform: below two slots");
  std::int64_t total = 0;
  for (const std::int64_t picks : picks_of_slot) {
    if (picks < 0) throw std::logic_error("chi_square_uniform: a count is negative");
    total += picks;
  }
  ChiSquare test{.statistic = 0.0,
                 .degrees = static_cast<std::int64_t>(picks_of_slot.size()) - 1,
                 .p_value = 1.0};
  if (total == 0) return test;
  const double expected = static_cast<double>(total) / static_cast<double>(picks_of_slot.size());
  for (const std::int64_t picks : picks_of_slot) {
    const double difference = static_cast<double>(picks) - expected;
    test.statistic += difference * difference / expected;
  }
  test.p_value = chi_square_tail(test.statistic, test.degrees);
  return test;
}

MeanStd mean_std(std::span<const double> values) {
  MeanStd result{.mean = 0.0, .std = 0.0, .num_values = static_cast<std::int64_t>(values.size())};
  if (values.empty()) return result;
  const auto n = static_cast<double>(values.size());
  result.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  if (values.size() < 2) return result;
  double squares = 0.0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  result.std = std::sqrt(squares / (n - 1.0));
  return result;
}

}  // namespace vragent::metrics

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/metrics/statistics.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/util/random.h"

namespace vragent::metrics {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

struct Golden {
  std::int64_t successes;
  std::int64_t total;
  double low;
  double high;
};

class WilsonGolden : public ::testing::TestWithParam<Golden> {};

// The intervals printed beside the published accuracies (simulators.md 3.6), three digits each.
TEST_P(WilsonGolden, MatchesThePrintedDigits) {
  const Golden golden = GetParam();
  const Interval interval = wilson_interval(golden.successes, golden.total);
  EXPECT_EQ(std::lround(interval.low * 1000), std::lround(golden.low * 1000));
  EXPECT_EQ(std::lround(interval.high * 1000), std::lround(golden.high * 1000));
}

INSTANTIATE_TEST_SUITE_P(Published,
                         WilsonGolden,
                         ::testing::Values(Golden{715, 1000, .686, .742},
                                           Golden{641, 1000, .611, .670},
                                           Golden{602, 1000, .571, .632},
                                           Golden{585, 1000, .554, .615},
                                           Golden{535, 1000, .504, .566},
                                           Golden{307, 1000, .279, .336},
                                           Golden{264, 1000, .238, .292},
                                           Golden{245, 1000, .219, .273},
                                           Golden{269, 1000, .242, .297},
                                           Golden{231, 1000, .206, .258},
                                           Golden{143, 200, .649, .773}));

TEST(WilsonInterval, TellsWhichPublishedRatesDifferFromChance) {
  EXPECT_GT(wilson_interval(307, 1000).low, 0.25);
  EXPECT_TRUE(wilson_interval(264, 1000).contains(0.25));
  EXPECT_TRUE(wilson_interval(245, 1000).contains(0.25));
  EXPECT_GT(wilson_interval(269, 1000).low, 0.20);
  EXPECT_GT(wilson_interval(231, 1000).low, 0.20);
  EXPECT_TRUE(wilson_interval(197, 1000).contains(0.20));
}

// Reference: statsmodels proportion_confint(method="wilson").
TEST(WilsonInterval, MatchesTheReferenceAtTheEdgesAndOtherLevels) {
  EXPECT_NEAR(wilson_interval(0, 10).high, 0.27753279986288926, 1e-14);
  EXPECT_EQ(wilson_interval(0, 10).low, 0.0);
  EXPECT_NEAR(wilson_interval(10, 10).low, 0.7224672001371106, 1e-14);
  EXPECT_EQ(wilson_interval(10, 10).high, 1.0);
  EXPECT_NEAR(wilson_interval(715, 1000).low, 0.6862402708362823, 1e-14);
  EXPECT_NEAR(wilson_interval(7, 20, 0.9).low, 0.202260040056761, 1e-14);
  EXPECT_NEAR(wilson_interval(7, 20, 0.9).high, 0.5334873111515284, 1e-14);
}

TEST(WilsonInterval, KnowsNothingWithoutRows) {
  EXPECT_EQ(wilson_interval(0, 0), (Interval{0.0, 1.0}));
}

TEST(WilsonInterval, RefusesImpossibleCountsAndLevels) {
  EXPECT_THROW((void)wilson_interval(3, 2), std::logic_error);
  EXPECT_THROW((void)wilson_interval(-1, 2), std::logic_error);
  EXPECT_THROW((void)wilson_interval(1, 2, 1.0), std::logic_error);
  EXPECT_THROW((void)wilson_interval(1, 2, std::nan("")), std::logic_error);
}

// Reference: scipy.stats.binomtest.
TEST(McnemarPValue, IsTheExactTwoSidedBinomial) {
  EXPECT_DOUBLE_EQ(mcnemar_p_value(0, 6), 0.03125);
  EXPECT_NEAR(mcnemar_p_value(10, 25), 0.016673847800120715, 1e-14);
  EXPECT_NEAR(mcnemar_p_value(55, 45), 0.36820161732669615, 1e-13);
  EXPECT_EQ(mcnemar_p_value(25, 10), mcnemar_p_value(10, 25));
}

TEST(McnemarPValue, IsOneWithoutADifference) {
  EXPECT_DOUBLE_EQ(mcnemar_p_value(0, 0), 1.0);
  EXPECT_DOUBLE_EQ(mcnemar_p_value(8, 8), 1.0);
  EXPECT_DOUBLE_EQ(mcnemar_p_value(1, 0), 1.0);
}

TEST(McnemarPValue, IsStableForAMillionRows) {
  EXPECT_NEAR(mcnemar_p_value(499'000, 501'000), 0.0456082998653896, 1e-9);
  EXPECT_EQ(mcnemar_p_value(3, 99'997), 0.0);
  EXPECT_DOUBLE_EQ(mcnemar_p_value(50'000'000, 50'000'000), 1.0);
}

TEST(McnemarPValue, RefusesNegativeCounts) {
  EXPECT_THROW((void)mcnemar_p_value(-1, 3), std::logic_error);
}

double mean_of_rows(const std::vector<double>& values, std::span<const std::size_t> rows) {
  double sum = 0.0;
  for (const std::size_t row : rows) sum += values[row];
  return sum / static_cast<double>(rows.size());
}

TEST(ClusterBootstrap, IsTheSameForTheSameSeedAndAnotherForAnother) {
  const std::vector<double> values = {1, 2, 3, 4, 5, 6, 7, 8};
  const std::vector<std::int64_t> users = {1, 1, 2, 2, 3, 3, 4, 4};
  const auto mean = [&](std::span<const std::size_t> rows) { return mean_of_rows(values, rows); };
  const BootstrapConfig config{.num_draws = 200, .seed = 5};
  const BootstrapResult first = cluster_bootstrap(users, mean, config);
  const BootstrapResult again = cluster_bootstrap(users, mean, config);
  const BootstrapResult other = cluster_bootstrap(users, mean, {.num_draws = 200, .seed = 6});
  EXPECT_DOUBLE_EQ(first.estimate, 4.5);
  EXPECT_EQ(first.interval, again.interval);
  EXPECT_FALSE(first.interval == other.interval);
}

TEST(ClusterBootstrap, CoversTheMeanAsOftenAsItsLevelSays) {
  int covered = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    RandomStream random(seed, "data");
    std::vector<double> values(60);
    std::vector<std::int64_t> users(60);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = random.normal();
      users[i] = static_cast<std::int64_t>(i);
    }
    const auto mean = [&](std::span<const std::size_t> rows) { return mean_of_rows(values, rows); };
    const BootstrapConfig config{.num_draws = 300, .seed = seed};
    if (cluster_bootstrap(users, mean, config).interval.contains(0.0)) ++covered;
  }
  EXPECT_GE(covered, 180);
  EXPECT_LT(covered, 200);
}

TEST(ClusterBootstrap, SeesThatTwinRowsOfAUserAddNoCertainty) {
  std::vector<double> values;
  std::vector<std::int64_t> users;
  std::vector<std::int64_t> rows_alone;
  for (std::int64_t i = 0; i < 400; ++i) {
    values.push_back(static_cast<double>((i / 4) % 2));  // four equal rows a user
    users.push_back(i / 4);
    rows_alone.push_back(i);
  }
  const auto mean = [&](std::span<const std::size_t> rows) { return mean_of_rows(values, rows); };
  const BootstrapConfig config{.num_draws = 1000, .seed = 1};
  const Interval by_user = cluster_bootstrap(users, mean, config).interval;
  const Interval by_row = cluster_bootstrap(rows_alone, mean, config).interval;
  EXPECT_NEAR((by_user.high - by_user.low) / (by_row.high - by_row.low), 2.0, 0.3);
}

TEST(ClusterBootstrap, GivesASmallPValueOnlyToAClearDifference) {
  const std::vector<std::int64_t> users = {0, 1, 2, 3, 4, 5, 6, 7};
  const std::vector<double> always_better(8, 0.5);
  const std::vector<double> no_difference = {1, -1, 1, -1, 1, -1, 1, -1};
  const BootstrapConfig config{.num_draws = 999, .seed = 2};
  const auto p_value = [&](const std::vector<double>& values) {
    return cluster_bootstrap(
               users,
               [&](std::span<const std::size_t> r) { return mean_of_rows(values, r); },
               config)
        .p_value;
  };
  EXPECT_DOUBLE_EQ(p_value(always_better), 0.002);
  EXPECT_GT(p_value(no_difference), 0.8);
}

TEST(ClusterBootstrap, LeavesOutAndCountsUndefinedDraws) {
  const std::vector<std::int64_t> users = {0, 1};
  const auto only_mixed = [](std::span<const std::size_t> rows) {
    return rows[0] == rows[1] ? std::nan("") : 1.0;
  };
  const BootstrapResult result = cluster_bootstrap(users, only_mixed, {.num_draws = 100});
  EXPECT_GT(result.num_undefined, 20);
  EXPECT_LT(result.num_undefined, 80);
  EXPECT_EQ(result.interval, (Interval{1.0, 1.0}));
  const auto never = [](std::span<const std::size_t>) { return std::nan(""); };
  EXPECT_EQ(cluster_bootstrap(users, never, {.num_draws = 10}).p_value, 1.0);
}

TEST(ClusterBootstrap, RefusesEmptyInputAndWrongConfig) {
  const auto zero = [](std::span<const std::size_t>) { return 0.0; };
  const std::vector<std::int64_t> users = {0};
  EXPECT_THROW((void)cluster_bootstrap({}, zero, {}), std::logic_error);
  EXPECT_THROW((void)cluster_bootstrap(users, zero, {.num_draws = 0}), std::logic_error);
  EXPECT_THROW((void)cluster_bootstrap(users, zero, {.level = 0.0}), std::logic_error);
}

// Reference: statsmodels multipletests(method="holm").
TEST(CrossedBootstrap, TellsAGainFromNoiseOfUsersAndOfSeeds) {
  RandomStream random(3);
  const auto noise = [&] { return static_cast<double>(random.below(2001)) / 1000.0 - 1.0; };
  std::vector<std::vector<double>> gain(5);
  std::vector<std::vector<double>> nothing(5);
  std::vector<std::vector<double>> luck(5);  // each seed shifts all its users alike
  for (std::size_t seed = 0; seed < 5; ++seed) {
    const double shift = seed < 3 ? 0.2 : -0.3;
    for (int user = 0; user < 400; ++user) {
      gain[seed].push_back(0.2 + noise());
      nothing[seed].push_back(noise());
      luck[seed].push_back(shift + 0.01 * noise());
    }
  }
  const BootstrapConfig config{.num_draws = 2000, .seed = 1};
  const BootstrapResult clear = crossed_bootstrap(gain, config);
  EXPECT_NEAR(clear.estimate, 0.2, 0.05);
  EXPECT_LE(clear.p_value, 0.002);
  EXPECT_GT(clear.interval.low, 0.1);
  // Standard error of the mean of 2000 uniform values: .577 / sqrt(2000); two crossed drawings
  // count the same noise up to three times.
  const double width = clear.interval.high - clear.interval.low;
  EXPECT_GT(width, 2 * 1.96 * 0.577 / std::sqrt(2000.0));
  EXPECT_LT(width, 2 * 1.96 * 0.577 * std::sqrt(3.5 / 2000.0));
  EXPECT_GT(crossed_bootstrap(nothing, config).p_value, 0.05);
  EXPECT_GT(crossed_bootstrap(luck, config).p_value, 0.5) << "three seeds of five prove nothing";
  EXPECT_EQ(crossed_bootstrap(gain, config).interval, clear.interval);
}

TEST(CrossedBootstrap, RefusesWhatItCannotDraw) {
  EXPECT_THROW(crossed_bootstrap({}, {}), std::logic_error);
  EXPECT_THROW(crossed_bootstrap({{}}, {}), std::logic_error);
  EXPECT_THROW(crossed_bootstrap({{1, 2}, {1}}, {}), std::logic_error);
  EXPECT_THROW(crossed_bootstrap({{1}}, {.num_draws = 0}), std::logic_error);
}

TEST(HolmAdjusted, StepsDownInTheGivenOrder) {
  const std::vector<double> values = {0.01, 0.04, 0.03, 0.005, 0.5};
  EXPECT_THAT(holm_adjusted(values),
              Pointwise(DoubleNear(1e-15), std::vector<double>{0.04, 0.09, 0.09, 0.025, 0.5}));
}

TEST(HolmAdjusted, NeverExceedsOneAndTakesNothing) {
  EXPECT_THAT(holm_adjusted(std::vector<double>{0.9, 0.8}), ElementsAre(1.0, 1.0));
  EXPECT_TRUE(holm_adjusted({}).empty());
  EXPECT_THROW((void)holm_adjusted(std::vector<double>{1.5}), std::logic_error);
}

struct PickCase {
  std::vector<std::int64_t> picks;
  double statistic;
  double p_value;
};

class ChiSquareGolden : public ::testing::TestWithParam<PickCase> {};

// Reference: scipy.stats.chisquare.
TEST_P(ChiSquareGolden, MatchesTheReference) {
  const ChiSquare test = chi_square_uniform(GetParam().picks);
  EXPECT_NEAR(test.statistic, GetParam().statistic, 1e-9 * GetParam().statistic);
  EXPECT_NEAR(test.p_value, GetParam().p_value, 1e-9 * GetParam().p_value);
}

std::vector<std::int64_t> fifty_to_149() {
  std::vector<std::int64_t> picks(100);
  std::iota(picks.begin(), picks.end(), 50);
  return picks;
}

INSTANTIATE_TEST_SUITE_P(
    Scipy,
    ChiSquareGolden,
    ::testing::Values(PickCase{{250, 240, 260, 250}, 0.8, 0.8494670333918255},
                      PickCase{{10, 20, 30}, 10.0, 0.006737946999085468},
                      PickCase{{400, 300, 150, 150}, 180.0, 8.819945436737102e-39},
                      PickCase{{0, 0, 1}, 2.0, 0.3678794411714423},
                      PickCase{
                          {1000, 900, 1100, 1000, 50}, 916.0493827160493, 5.549323143663383e-197},
                      PickCase{fifty_to_149(), 837.4371859296482, 2.7006411358406365e-117}));

TEST(ChiSquareUniform, FindsNothingInNoPicksOrEvenPicks) {
  EXPECT_EQ(chi_square_uniform(std::vector<std::int64_t>{0, 0, 0}).p_value, 1.0);
  EXPECT_EQ(chi_square_uniform(std::vector<std::int64_t>{7, 7}).p_value, 1.0);
}

TEST(ChiSquareUniform, RefusesOneSlotAndNegativeCounts) {
  EXPECT_THROW((void)chi_square_uniform(std::vector<std::int64_t>{3}), std::logic_error);
  EXPECT_THROW((void)chi_square_uniform(std::vector<std::int64_t>{3, -1}), std::logic_error);
}

TEST(MeanStd, DividesByOneLessThanTheCount) {
  const MeanStd result = mean_std(std::vector<double>{0.1, 0.12, 0.09});
  EXPECT_NEAR(result.mean, 0.31 / 3, 1e-15);
  EXPECT_NEAR(result.std, 0.015275252316519465, 1e-15);
  EXPECT_EQ(result.num_values, 3);
}

TEST(MeanStd, HasNoDeviationForOneValueAndNothingForNone) {
  EXPECT_EQ(mean_std(std::vector<double>{0.7}).std, 0.0);
  EXPECT_EQ(mean_std({}).mean, 0.0);
}

}  // namespace
}  // namespace vragent::metrics

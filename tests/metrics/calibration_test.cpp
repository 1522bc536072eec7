// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/metrics/calibration.h"

#include <cmath>
#include <limits>
#include <stdexcept>

#include <gtest/gtest.h>

namespace vragent::metrics {
namespace {

const std::vector<ScoredLabel> kRows = {{0.1, false},
                                        {0.4, false},
                                        {0.35, true},
                                        {0.8, true},
                                        {0.4, true},
                                        {0.4, false},
                                        {0.9, true},
                                        {0.05, false}};

// 0.8125 and 0.145625 are also what scikit-learn gives for these rows.
TEST(Auc, CountsATieAsHalf) {
  EXPECT_DOUBLE_EQ(auc(kRows).value(), 0.8125);
}

TEST(Auc, IsOneHalfWhenAllScoresAreEqual) {
  const std::vector<ScoredLabel> rows = {{7, true}, {7, false}, {7, false}};
  EXPECT_DOUBLE_EQ(auc(rows).value(), 0.5);
}

TEST(Auc, IsZeroForTheReversedOrder) {
  const std::vector<ScoredLabel> rows = {{-1, true}, {3, false}};
  EXPECT_DOUBLE_EQ(auc(rows).value(), 0.0);
}

TEST(Auc, IsEmptyWhenOneKindIsMissing) {
  EXPECT_FALSE(auc({}).has_value());
  EXPECT_FALSE(auc(std::vector<ScoredLabel>{{0.2, true}, {0.3, true}}).has_value());
}

TEST(Auc, RefusesNan) {
  EXPECT_THROW((void)auc(std::vector<ScoredLabel>{{std::nan(""), true}}), std::logic_error);
}

TEST(BrierScore, IsTheMeanSquaredError) {
  EXPECT_NEAR(brier_score(kRows).value(), 0.145625, 1e-15);
  EXPECT_FALSE(brier_score({}).has_value());
}

TEST(BrierScore, RefusesWhatIsNoProbability) {
  EXPECT_THROW((void)brier_score(std::vector<ScoredLabel>{{1.5, true}}), std::logic_error);
  EXPECT_THROW((void)brier_score(std::vector<ScoredLabel>{{std::nan(""), true}}), std::logic_error);
}

TEST(CalibrationBins, HoldEachProbabilityInItsHalfOpenBin) {
  const std::vector<ScoredLabel> rows = {{0.0, false}, {0.29, true}, {1.0, true}, {0.57, false}};
  const std::vector<CalibrationBin> bins = calibration_bins(rows, 100);
  ASSERT_EQ(bins.size(), 100U);
  EXPECT_EQ(bins[0].num_rows, 1);
  EXPECT_EQ(bins[29].num_rows, 1);  // 0.29 * 100 is a little below 29
  EXPECT_EQ(bins[57].num_rows, 1);
  EXPECT_EQ(bins[99].num_rows, 1);
  EXPECT_DOUBLE_EQ(bins[29].positive_rate, 1.0);
}

TEST(CalibrationBins, RefuseZeroBins) {
  EXPECT_THROW((void)calibration_bins(kRows, 0), std::logic_error);
}

TEST(ExpectedCalibrationError, WeighsEachBinByItsRows) {
  // Bin [0.2, 0.3): mean .25, rate .5; bin [0.9, 1]: mean .9, rate 1.
  const std::vector<ScoredLabel> rows = {{0.2, true}, {0.3 - 1e-12, false}, {0.9, true}};
  EXPECT_NEAR(expected_calibration_error(rows).value(), (2 * 0.25 + 0.1) / 3, 1e-11);
  EXPECT_FALSE(expected_calibration_error({}).has_value());
}

TEST(ExpectedCalibrationError, IsZeroForACalibratedCoin) {
  const std::vector<ScoredLabel> rows = {{0.5, true}, {0.5, false}};
  EXPECT_DOUBLE_EQ(expected_calibration_error(rows).value(), 0.0);
}

}  // namespace
}  // namespace vragent::metrics

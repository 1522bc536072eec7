// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/metrics/classification.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vragent::metrics {
namespace {

struct Field {
  const char* name;
  double ClassificationMetrics::*value;
};

constexpr std::array<Field, 8> kFields = {{
    {"accuracy", &ClassificationMetrics::accuracy},
    {"precision", &ClassificationMetrics::precision},
    {"recall", &ClassificationMetrics::recall},
    {"f1", &ClassificationMetrics::f1},
    {"balanced_accuracy", &ClassificationMetrics::balanced_accuracy},
    {"mcc", &ClassificationMetrics::mcc},
    {"yes_rate", &ClassificationMetrics::yes_rate},
    {"unread_rate", &ClassificationMetrics::unread_rate},
}};

/// numerator / denominator; a zero denominator gives 0 and flags the name.
double ratio(double numerator,
             double denominator,
             const char* name,
             std::vector<std::string>& flags) {
  if (denominator != 0.0) return numerator / denominator;
  flags.emplace_back(name);
  return 0.0;
}

bool is_flagged(const ClassificationMetrics& metrics, const char* name) {
  return std::find(metrics.undefined.begin(), metrics.undefined.end(), name) !=
         metrics.undefined.end();
}

}  // namespace

void Confusion::add(bool predicted, bool actual) {
  if (predicted) {
    ++(actual ? true_positive : false_positive);
  } else {
    ++(actual ? false_negative : true_negative);
  }
}

void Confusion::add_unread(bool actual) {
  ++(actual ? unread_positive : unread_negative);
}

Confusion& Confusion::operator+=(const Confusion& other) {
  true_positive += other.true_positive;
  false_positive += other.false_positive;
  true_negative += other.true_negative;
  false_negative += other.false_negative;
  unread_positive += other.unread_positive;
  unread_negative += other.unread_negative;
  return *this;
}

std::int64_t Confusion::num_rows() const {
  return true_positive + false_positive + true_negative + false_negative + num_unread();
}

ClassificationMetrics classification_metrics(const Confusion& counts) {
  const auto tp = static_cast<double>(counts.true_positive);
  const auto fp = static_cast<double>(counts.false_positive);
  const auto tn = static_cast<double>(counts.true_negative);
  const double missed =
      static_cast<double>(counts.false_negative) + static_cast<double>(counts.unread_positive);
  const double false_alarm = fp + static_cast<double>(counts.unread_negative);
  const auto rows = static_cast<double>(counts.num_rows());

  ClassificationMetrics metrics;
  std::vector<std::string>& flags = metrics.undefined;
  metrics.accuracy = ratio(tp + tn, rows, "accuracy", flags);
  metrics.precision = ratio(tp, tp + fp, "precision", flags);
  metrics.recall = ratio(tp, tp + missed, "recall", flags);
  metrics.f1 = ratio(
      2.0 * metrics.precision * metrics.recall, metrics.precision + metrics.recall, "f1", flags);
  const double num_no = tn + false_alarm;
  const double specificity = num_no == 0.0 ? 0.0 : tn / num_no;
  metrics.balanced_accuracy = (metrics.recall + specificity) / 2.0;
  if (num_no == 0.0 || tp + missed == 0.0) flags.emplace_back("balanced_accuracy");
  const double spread = std::sqrt(tp + false_alarm) * std::sqrt(tp + missed) *
                        std::sqrt(tn + false_alarm) * std::sqrt(tn + missed);
  metrics.mcc = ratio(tp * tn - false_alarm * missed, spread, "mcc", flags);
  metrics.yes_rate = ratio(tp + fp, rows, "yes_rate", flags);
  metrics.unread_rate = ratio(static_cast<double>(counts.num_unread()), rows, "unread_rate", flags);
  return metrics;
}

ClassificationMetrics macro_metrics(std::span<const Confusion> users) {
  if (users.empty()) return classification_metrics({});
  ClassificationMetrics mean;
  for (const Confusion& user : users) {
    const ClassificationMetrics metrics = classification_metrics(user);
    for (const Field& field : kFields) {
      mean.*field.value += metrics.*field.value / static_cast<double>(users.size());
      if (is_flagged(metrics, field.name) && !is_flagged(mean, field.name)) {
        mean.undefined.emplace_back(field.name);
      }
    }
  }
  return mean;
}

double chance_credited_accuracy(std::int64_t num_correct,
                                std::int64_t num_unread,
                                std::int64_t num_rows,
                                double chance) {
  if (num_rows == 0) return 0.0;
  return (static_cast<double>(num_correct) + chance * static_cast<double>(num_unread)) /
         static_cast<double>(num_rows);
}

}  // namespace vragent::metrics

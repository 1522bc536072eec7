// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/study/study_report.h"

#include <string>

#include "vragent/util/format.h"
#include "vragent/util/json.h"

namespace vragent::recommender::study {
namespace {

/// "-" without users.
std::string mean_cell(const std::vector<std::vector<double>>& values,
                      const std::vector<std::int64_t>& users) {
  if (users.empty()) return "-";
  const metrics::MeanStd value = over_seeds(values, users);
  return value.num_values > 1 ? formatted("{:.4f} +- {:.4f}", value.mean, value.std)
                              : formatted("{:.4f}", value.mean);
}

Table table_of_arms(const FeedbackStudy& study) {
  Table table{.title = formatted("Table 4: simulated feedback, {} seeds", study.seeds.size()),
              .columns = {"arm", "HR@10 all", "NDCG@10 all", "HR@10 cold", "NDCG@10 cold"}};
  for (const ArmResult& arm : study.arms) {
    table.rows.push_back({arm.name,
                          mean_cell(arm.hits, study.all),
                          mean_cell(arm.gains, study.all),
                          mean_cell(arm.hits, study.cold),
                          mean_cell(arm.gains, study.cold)});
  }
  table.notes.push_back(formatted(
      "users: {} all, {} cold, {} treated (asked for feedback); mean and standard deviation "
      "over seeds",
      study.all.size(),
      study.cold.size(),
      study.treated.size()));
  return table;
}

Table table_of_differences(const FeedbackStudy& study) {
  Table table{.title = "Paired differences",
              .columns = {"arm", "against", "users", "metric", "difference", "95%", "p", "Holm"}};
  for (const Difference& row : study.differences) {
    table.rows.push_back(
        {row.arm,
         row.against,
         row.group,
         row.metric,
         formatted("{:+.4f}", row.result.estimate),
         formatted("[{:+.4f}, {:+.4f}]", row.result.interval.low, row.result.interval.high),
         formatted("{:.3f}", row.result.p_value),
         formatted("{:.3f}", row.adjusted_p)});
  }
  table.notes.emplace_back(
      "intervals: bootstrap over users and seeds, the same users and seeds in "
      "both arms; Holm corrects for all rows");
  return table;
}

Table table_of_counts(const FeedbackStudy& study) {
  Table table{
      .title = "Feedback, first seed",
      .columns = {"arm", "users", "inserted", "said yes", "held out", "unknown", "unanswered"}};
  for (const ArmResult& arm : study.arms) {
    if (arm.counts.users == 0) continue;
    table.rows.push_back({arm.name,
                          formatted("{}", arm.counts.users),
                          formatted("{}", arm.counts.inserted),
                          formatted("{}", arm.counts.answered_yes),
                          formatted("{}", arm.counts.held_out),
                          formatted("{}", arm.counts.unknown),
                          formatted("{}", arm.counts.unanswered)});
  }
  table.notes.emplace_back(
      "held out: a user's own validation or test item, dropped unless --no-feedback-guard");
  return table;
}

OrderedJson mean_json(const metrics::MeanStd& value) {
  return {{"mean", value.mean}, {"std", value.std}};
}

OrderedJson arm_json(const FeedbackStudy& study, const ArmResult& arm) {
  OrderedJson object = {{"arm", arm.name}};
  const std::pair<const char*, const std::vector<std::int64_t>&> groups[] = {
      {"all", study.all}, {"cold", study.cold}, {"treated", study.treated}};
  for (const auto& [group, users] : groups) {
    object[group] = {{"hr@10", mean_json(over_seeds(arm.hits, users))},
                     {"ndcg@10", mean_json(over_seeds(arm.gains, users))}};
  }
  object["inserted"] = arm.counts.inserted;
  object["answered_yes"] = arm.counts.answered_yes;
  object["held_out"] = arm.counts.held_out;
  object["unknown"] = arm.counts.unknown;
  object["unanswered"] = arm.counts.unanswered;
  return object;
}

}  // namespace

std::vector<Table> study_tables(const FeedbackStudy& study) {
  return {table_of_arms(study), table_of_differences(study), table_of_counts(study)};
}

std::string study_json(const FeedbackStudy& study) {
  OrderedJson arms = OrderedJson::array();
  for (const ArmResult& arm : study.arms) arms.push_back(arm_json(study, arm));
  OrderedJson differences = OrderedJson::array();
  for (const Difference& row : study.differences) {
    differences.push_back({{"arm", row.arm},
                           {"against", row.against},
                           {"users", row.group},
                           {"metric", row.metric},
                           {"difference", row.result.estimate},
                           {"low", row.result.interval.low},
                           {"high", row.result.interval.high},
                           {"p", row.result.p_value},
                           {"holm", row.adjusted_p}});
  }
  const OrderedJson root = {
      {"seeds", study.seeds},
      {"users",
       {{"all", study.all.size()}, {"cold", study.cold.size()}, {"treated", study.treated.size()}}},
      {"arms", arms},
      {"differences", differences}};
  return root.dump(2) + "\n";
}

}  // namespace vragent::recommender::study

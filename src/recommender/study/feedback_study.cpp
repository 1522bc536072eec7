// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/study/feedback_study.h"

#include <algorithm>
#include <set>

#include "vragent/data/formats/interaction_reader.h"
#include "vragent/data/run_dir.h"
#include "vragent/data/top_k.h"
#include "vragent/metrics/ranking.h"
#include "vragent/recommender/study/study_report.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/log.h"

namespace vragent::recommender::study {
namespace fs = std::filesystem;

namespace {

constexpr const char* kOriginal = "original";
constexpr const char* kRandom = "random";
constexpr const char* kSelf = "self";

bool has_feedback(const std::string& arm) {
  return arm != kBase && arm != kOriginal;
}

/// The run of one arm under one seed.
TrainConfig config_of(const FeedbackStudyConfig& study, const std::string& arm, std::int64_t seed) {
  TrainConfig config = study.train;
  config.out = study.train.out / arm / formatted("seed-{}", seed);
  config.runtime.seed = seed;
  config.top_k = kCutoff;
  if (has_feedback(arm)) {
    config.feedback.arm = arm;
  } else {
    config.feedback = {};
  }
  if (arm == kOriginal) config.captions.clear();
  return config;
}

/// Hits and gains of the test items in the lists of a run, one a user.
void add_lists(const fs::path& run, const data::Sequences& sequences, ArmResult& arm) {
  const auto lists = data::load_top_k(run / data::kTopKFile);
  std::vector<double> hits;
  std::vector<double> gains;
  for (std::int64_t user = 0; user < sequences.num_users(); ++user) {
    const std::string& id = sequences.user_ids[static_cast<std::size_t>(user)];
    const auto target = static_cast<std::size_t>(sequences.target(user, data::Split::kTest));
    const auto list = lists.find(id);
    if (list == lists.end())
      throw DataError(formatted("{}: no list of user {}", run / data::kTopKFile, id));
    const auto& items = list->second.items;
    const auto found = std::find(items.begin(), items.end(), sequences.item_ids[target]);
    const std::int64_t rank = found - items.begin() + 1;
    const bool is_listed = found != items.end();
    hits.push_back(is_listed ? metrics::hit_at(rank, kCutoff) : 0.0);
    gains.push_back(is_listed ? metrics::ndcg_at(rank, kCutoff) : 0.0);
  }
  arm.hits.push_back(std::move(hits));
  arm.gains.push_back(std::move(gains));
}

/// Values of some users of `a` minus those of `b`, seed by seed.
std::vector<std::vector<double>> paired(const std::vector<std::vector<double>>& a,
                                        const std::vector<std::vector<double>>& b,
                                        const std::vector<std::int64_t>& users) {
  std::vector<std::vector<double>> differences;
  for (std::size_t seed = 0; seed < a.size(); ++seed) {
    std::vector<double>& of_seed = differences.emplace_back();
    for (const std::int64_t user : users) {
      const auto i = static_cast<std::size_t>(user);
      of_seed.push_back(a[seed][i] - b[seed][i]);
    }
  }
  return differences;
}

const ArmResult* find_arm(const FeedbackStudy& study, const std::string& name) {
  for (const ArmResult& arm : study.arms) {
    if (arm.name == name) return &arm;
  }
  return nullptr;
}

void add_differences(const FeedbackStudy& study,
                     const ArmResult& arm,
                     const ArmResult& against,
                     std::int64_t num_draws,
                     std::vector<Difference>& differences) {
  const std::pair<const char*, const std::vector<std::int64_t>&> groups[] = {
      {"all", study.all}, {"cold", study.cold}, {"treated", study.treated}};
  for (const auto& [group, users] : groups) {
    if (users.empty()) continue;
    for (const bool is_hit : {true, false}) {
      const auto values =
          is_hit ? paired(arm.hits, against.hits, users) : paired(arm.gains, against.gains, users);
      differences.push_back(
          {.arm = arm.name,
           .against = against.name,
           .group = group,
           .metric = formatted("{}@{}", is_hit ? "hr" : "ndcg", kCutoff),
           .result = metrics::crossed_bootstrap(values, {.num_draws = num_draws, .seed = 1})});
    }
  }
}

}  // namespace

std::vector<std::string> FeedbackStudyConfig::effective_arms() const {
  if (!arms.empty()) {
    std::vector<std::string> ordered = arms;
    std::stable_partition(
        ordered.begin(), ordered.end(), [](const std::string& arm) { return arm == kBase; });
    return ordered;
  }
  std::vector<std::string> possible = {kBase};
  if (!train.captions.empty() && !train.items.empty()) possible.emplace_back(kOriginal);
  for (const char* arm : {"like", "dislike", kRandom}) possible.emplace_back(arm);
  if (train.loss.loss == "in-batch-softmax") possible.emplace_back("dislike-negative");
  if (!train.feedback.lists.empty()) possible.emplace_back(kSelf);
  return possible;
}

void FeedbackStudyConfig::check() const {
  check_given("out", train.out);
  check_given("feedback", train.feedback.feedback);
  for (const std::string& arm : arms) {
    check_one_of(
        "arms", arm, {kOriginal, kBase, "like", "dislike", "dislike-negative", kRandom, kSelf});
  }
  if (std::set<std::string>(arms.begin(), arms.end()).size() != arms.size())
    throw ConfigError("--arms names an arm twice");
  if (!arms.empty() && std::find(arms.begin(), arms.end(), kBase) == arms.end())
    throw ConfigError("--arms needs base, which the others are compared with");
  if (std::find(arms.begin(), arms.end(), kOriginal) != arms.end() &&
      (train.captions.empty() || train.items.empty())) {
    throw ConfigError("--arms original needs --captions, which it does without, and --items");
  }
  if (!train.loop.mask_history)
    throw ConfigError(
        "eval feedback reads hits off lists, which never show what was watched: it "
        "wants --mask-history");
  if (seeds.empty()) throw ConfigError("--seeds is empty");
  if (std::set<std::int64_t>(seeds.begin(), seeds.end()).size() != seeds.size())
    throw ConfigError("--seeds names a seed twice");
  check_range("draws", static_cast<double>(num_draws), 1, 1e7);
  for (const std::string& arm : effective_arms()) config_of(*this, arm, seeds[0]).check();
}

metrics::MeanStd over_seeds(const std::vector<std::vector<double>>& values,
                            const std::vector<std::int64_t>& users) {
  std::vector<double> means;
  for (const std::vector<double>& of_seed : values) {
    double sum = 0;
    for (const std::int64_t user : users) sum += of_seed[static_cast<std::size_t>(user)];
    means.push_back(users.empty() ? 0.0 : sum / static_cast<double>(users.size()));
  }
  return metrics::mean_std(means);
}

std::vector<Difference> compare_arms(const FeedbackStudy& study, std::int64_t num_draws) {
  std::vector<Difference> differences;
  const ArmResult* base = find_arm(study, kBase);
  const ArmResult* random = find_arm(study, kRandom);
  TORCH_CHECK(base != nullptr, "a study without its base");
  for (const ArmResult& arm : study.arms) {
    if (&arm != base) add_differences(study, arm, *base, num_draws, differences);
    if (random != nullptr && &arm != random && has_feedback(arm.name))
      add_differences(study, arm, *random, num_draws, differences);
  }
  std::vector<double> p_values;
  for (const Difference& difference : differences) p_values.push_back(difference.result.p_value);
  const std::vector<double> adjusted = metrics::holm_adjusted(p_values);
  for (std::size_t i = 0; i < adjusted.size(); ++i) differences[i].adjusted_p = adjusted[i];
  return differences;
}

FeedbackStudy run_feedback_study(const FeedbackStudyConfig& config) {
  config.check();
  const data::Sequences sequences = data::formats::load_sequences(
      config.train.interactions, config.train.reading, config.train.protocol);
  FeedbackStudy study{.seeds = config.seeds};
  for (std::int64_t user = 0; user < sequences.num_users(); ++user) {
    study.all.push_back(user);
    if (sequences.cold[static_cast<std::size_t>(user)]) study.cold.push_back(user);
  }
  for (const std::string& arm : config.effective_arms()) {
    ArmResult result{.name = arm};
    if (has_feedback(arm)) {
      const TrainConfig first = config_of(config, arm, config.seeds[0]);
      const Feedback feedback =
          load_feedback(first.feedback, sequences, static_cast<std::uint64_t>(first.runtime.seed));
      result.counts = feedback.counts;
      study.treated = feedback.users;  // the same in every arm
    }
    study.arms.push_back(std::move(result));
  }
  for (const std::int64_t seed : config.seeds) {
    for (ArmResult& arm : study.arms) {
      const TrainConfig run = config_of(config, arm.name, seed);
      log::info("study arm={} seed={}", arm.name, seed);
      run_training(run);
      add_lists(run.out, sequences, arm);
    }
  }
  study.differences = compare_arms(study, config.num_draws);
  write_file(config.train.out / kStudyFile, study_json(study));
  return study;
}

}  // namespace vragent::recommender::study

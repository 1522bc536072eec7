// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "learning/grpo/grpo_metrics.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <type_traits>

#include "vragent/comm/sharing.h"
#include "vragent/metrics/statistics.h"
#include "vragent/util/json.h"
#include "vragent/util/random.h"

namespace vragent::learning {
namespace {

struct Range {
  double mean = 0;
  double least = 0;
  double most = 0;
};

Range range_of(const std::vector<double>& values) {
  if (values.empty()) return {};
  double sum = 0;
  for (const double value : values) sum += value;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return {sum / static_cast<double>(values.size()), *least, *most};
}

void add_mean_std(std::vector<report::Scalar>& scalars,
                  const std::string& name,
                  const std::vector<double>& values) {
  const metrics::MeanStd summary = metrics::mean_std(values);
  scalars.push_back({name + "/mean", summary.mean});
  scalars.push_back({name + "/std", summary.std});
}

double weighted(const Reward& reward, const AdvantageConfig& advantage) {
  return advantage.reward_weights[0] * reward.format + advantage.reward_weights[1] * reward.task;
}

/// Whether advantages are divided by a deviation in the batch, not in each group.
bool divides_by_batch(const AdvantageConfig& advantage) {
  return advantage.scale == "batch" || advantage.aggregation == "normalize-then-sum";
}

/// Mean over groups of the deviation in them.
double mean_group_std(const std::vector<double>& totals, std::int64_t group_size) {
  const auto group = static_cast<std::size_t>(group_size);
  std::vector<double> deviations;
  for (std::size_t begin = 0; begin < totals.size(); begin += group)
    deviations.push_back(metrics::mean_std(std::span(totals).subspan(begin, group)).std);
  return metrics::mean_std(deviations).mean;
}

double share_without_variance(const Rollout& rollout, const AdvantageConfig& advantage) {
  const std::vector<bool> varied = varied_groups(rollout, advantage);
  return static_cast<double>(std::count(varied.begin(), varied.end(), false)) /
         static_cast<double>(std::max<std::size_t>(varied.size(), 1));
}

/// Adds up what is a sum, and takes the more extreme of what is an extreme.
void merge(UpdateSums& all, const UpdateSums& part) {
  all.loss += part.loss;
  all.kl += part.kl;
  all.entropy += part.entropy;
  all.clip_low += part.clip_low;
  all.clip_high += part.clip_high;
  all.least_clip_low = std::min(all.least_clip_low, part.least_clip_low);
  all.most_clip_high = std::max(all.most_clip_high, part.most_clip_high);
  all.log_prob_gap += part.log_prob_gap;
  all.max_log_prob_gap = std::max(all.max_log_prob_gap, part.max_log_prob_gap);
  all.correction += part.correction;
  all.least_correction = std::min(all.least_correction, part.least_correction);
  all.most_correction = std::max(all.most_correction, part.most_correction);
  all.tokens += part.tokens;
}

}  // namespace

void UpdateSums::add(const RolloutSlice& part,
                     const AnswerLogProbs& now,
                     const GrpoLoss& computed,
                     double share) {
  const double count = part.mask.sum().item<double>();
  const torch::Tensor gap =
      torch::where(part.mask,
                   (now.log_probs.detach().cpu() - part.sampled_log_probs).abs(),
                   torch::zeros_like(part.sampled_log_probs));
  loss += computed.part_of_update(share).item<double>();
  kl += computed.kl * count;
  entropy += now.entropy.detach().sum().item<double>();
  correction += computed.correction_mean * count;
  if (count > 0) {
    least_correction = std::min(least_correction, computed.correction_least);
    most_correction = std::max(most_correction, computed.correction_most);
  }
  clip_low += computed.clip_low_share * count;
  least_clip_low = std::min(least_clip_low, computed.clip_low_share);
  most_clip_high = std::max(most_clip_high, computed.clip_high_share);
  clip_high += computed.clip_high_share * count;
  log_prob_gap += gap.sum().item<double>();
  max_log_prob_gap = std::max(max_log_prob_gap, gap.max().item<double>());
  tokens += count;
}

UpdateSums UpdateSums::together(const comm::Communicator& processes) const {
  if (processes.size() == 1) return *this;
  static_assert(std::is_trivially_copyable_v<UpdateSums>);
  UpdateSums all;
  const std::string bytes(reinterpret_cast<const char*>(this), sizeof(*this));
  for (const std::string& text : comm::gather_texts(processes, bytes)) {
    UpdateSums part;
    std::memcpy(&part, text.data(), sizeof(part));
    merge(all, part);
  }
  return all;
}

void StepMeans::add(const UpdateSums& sums, double norm) {
  merge(all_, sums);
  norms_ += norm;
  updates_ += 1;
  if (sums.tokens == 0) return;
  least_clip_low_ += sums.least_clip_low;
  most_clip_high_ += sums.most_clip_high;
  computed_ += 1;
}

double StepMeans::loss() const {
  return all_.loss / std::max(updates_, 1.0);
}

double StepMeans::gradient_norm() const {
  return norms_ / std::max(updates_, 1.0);
}

std::vector<report::Scalar> StepMeans::scalars() const {
  const double tokens = all_.tokens;
  std::vector<report::Scalar> values = {
      {"kl", all_.kl / tokens},
      {"entropy", all_.entropy / tokens},
      {"clip_ratio/low_mean", all_.clip_low / tokens},
      {"clip_ratio/low_min", least_clip_low_ / computed_},
      {"clip_ratio/high_mean", all_.clip_high / tokens},
      {"clip_ratio/high_max", most_clip_high_ / computed_},
      {"clip_ratio/region_mean", (all_.clip_low + all_.clip_high) / tokens},
      {"sampling/sampling_logp_difference/mean", all_.log_prob_gap / tokens},
      {"sampling/sampling_logp_difference/max", all_.max_log_prob_gap},
      {"sampling/importance_sampling_ratio/mean", all_.correction / tokens},
      {"sampling/importance_sampling_ratio/min", all_.least_correction},
      {"sampling/importance_sampling_ratio/max", all_.most_correction}};
  if (tokens == 0) {
    for (report::Scalar& scalar : values) scalar.value = std::nan("");
  }
  values.insert(values.begin(), {"loss", loss()});
  return values;
}

std::vector<report::Scalar> rollout_scalars(const Rollout& rollout,
                                            const AdvantageConfig& advantage) {
  std::vector<double> lengths;
  std::vector<double> terminated;
  std::vector<double> totals;
  std::vector<double> formats;
  std::vector<double> by_task[2];
  double correct[2] = {0, 0};
  const auto group = static_cast<std::size_t>(rollout.group_size);
  for (std::size_t r = 0; r < rollout.samples.size(); ++r) {
    const auto length = static_cast<double>(rollout.samples[r].ids.size());
    lengths.push_back(length);
    if (rollout.samples[r].finish_reason == "stop") terminated.push_back(length);
    const Reward& reward = rollout.rewards[r];
    const int task = rollout.cases[r / group]->task == data::Task::kJudge ? 0 : 1;
    totals.push_back(weighted(reward, advantage));
    formats.push_back(reward.format);
    by_task[task].push_back(reward.task);
    correct[task] += reward.correct ? 1 : 0;
  }
  const Range length = range_of(lengths);
  const Range ended = range_of(terminated);
  std::vector<report::Scalar> scalars = {
      {"completions/mean_length", length.mean},
      {"completions/min_length", length.least},
      {"completions/max_length", length.most},
      {"completions/mean_terminated_length", ended.mean},
      {"completions/min_terminated_length", ended.least},
      {"completions/max_terminated_length", ended.most},
      {"completions/clipped_ratio",
       1.0 - static_cast<double>(terminated.size()) /
                 static_cast<double>(std::max<std::size_t>(lengths.size(), 1))}};
  add_mean_std(scalars, "rewards/format", formats);
  const char* names[2] = {"judge", "select"};
  for (int task = 0; task < 2; ++task) {
    if (by_task[task].empty()) continue;
    add_mean_std(scalars, std::string("rewards/") + names[task], by_task[task]);
    scalars.push_back({std::string("accuracy/") + names[task],
                       correct[task] / static_cast<double>(by_task[task].size())});
  }
  const metrics::MeanStd total = metrics::mean_std(totals);
  scalars.push_back({"reward", total.mean});
  scalars.push_back(
      {"reward_std",
       divides_by_batch(advantage) ? total.std : mean_group_std(totals, rollout.group_size)});
  scalars.push_back({"frac_reward_zero_std", share_without_variance(rollout, advantage)});
  return scalars;
}

std::int64_t tokens_seen(const Rollout& rollout) {
  std::int64_t tokens = 0;
  for (const engine::Prompt& prompt : rollout.prompts)
    tokens += rollout.group_size * std::ssize(prompt.ids);
  for (const engine::Sample& sample : rollout.samples) tokens += std::ssize(sample.ids);
  return tokens;
}

std::vector<report::Scalar> sampling_scalars(const SampledStep& step) {
  if (step.is_kept.empty()) return {};
  return {{"dynamic_sampling/rounds", static_cast<double>(step.rounds)},
          {"dynamic_sampling/kept_groups", static_cast<double>(step.kept.cases.size())},
          {"dynamic_sampling/dropped_groups", static_cast<double>(step.dropped())}};
}

std::vector<std::string> completion_lines(const Rollout& rollout,
                                          std::int64_t step,
                                          const engine::ChatEncoder& encoder,
                                          const AdvantageConfig& advantage,
                                          const std::vector<bool>& is_kept) {
  std::vector<std::string> lines;
  const auto group = static_cast<std::size_t>(rollout.group_size);
  const torch::Tensor advantages = rollout.advantages.flatten();
  for (std::size_t r = 0; r < rollout.samples.size(); ++r) {
    const std::size_t p = r / group;
    const Reward& reward = rollout.rewards[r];
    const data::Case& row = *rollout.cases[p];
    OrderedJson line = {
        {"step", step},
        {"case_id", row.case_id},
        {"sample", r % group},
        {"task", data::to_string(row.task)},
        {"reward", weighted(reward, advantage)},
        {"reward_format", reward.format},
        {"reward_task", reward.task},
        {"advantage", advantages[static_cast<std::int64_t>(r)].item<float>()},
        {"correct", reward.correct},
        {"status", data::to_string(reward.answer.status)},
        {"finish_reason", rollout.samples[r].finish_reason},
        {"prompt_tokens", rollout.prompts[p].ids.size()},
        {"completion_tokens", rollout.samples[r].ids.size()},
        {"seed", to_hex(rollout.prompts[p].seed)},
        {"prompt", encoder.tokenizer().decode(rollout.prompts[p].ids, /*skip_special=*/false)},
        {"completion", rollout.replies[r]}};
    if (!is_kept.empty()) line["kept"] = static_cast<bool>(is_kept[p]);
    lines.push_back(dump_json(line));
  }
  return lines;
}

}  // namespace vragent::learning

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo/rollout.h"

#include <algorithm>
#include <cmath>

#include "learning/grpo/shared_sampling.h"
#include "vragent/engine/prefill.h"
#include "vragent/learning/grpo/advantage.h"
#include "vragent/learning/token_log_prob.h"
#include "vragent/simulator/tasks.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/random.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

/// Rewards of all answers.
void score(Rollout& rollout, const engine::ChatEncoder& encoder, const RolloutConfig& config) {
  const std::string prefill = simulator::assistant_prefill(config.prompt);
  for (std::size_t r = 0; r < rollout.samples.size(); ++r) {
    const engine::Sample& sample = rollout.samples[r];
    rollout.replies.push_back(prefill + encoder.decode(sample.ids));
    const data::Case& row = *rollout.cases[r / static_cast<std::size_t>(config.group_size)];
    rollout.rewards.push_back(score_reply(
        row, config.prompt, rollout.replies.back(), sample.finish_reason, config.reward));
  }
}

/// Format and task rewards, fp32 [P, G] each.
std::vector<Tensor> reward_tensors(const Rollout& rollout) {
  std::vector<float> formats;
  std::vector<float> tasks;
  for (std::size_t r = 0; r < rollout.rewards.size(); ++r) {
    const Reward& reward = rollout.rewards[r];
    if (!std::isfinite(reward.total()))
      throw Error(
          ExitCode::kInternal,
          formatted("case {}: a reward is {}",
                    rollout.cases[r / static_cast<std::size_t>(rollout.group_size)]->case_id,
                    reward.total()));
    formats.push_back(static_cast<float>(reward.format));
    tasks.push_back(static_cast<float>(reward.task));
  }
  const auto by_group = [&](const std::vector<float>& values) {
    return torch::tensor(values).view({std::ssize(rollout.cases), rollout.group_size});
  };
  return {by_group(formats), by_group(tasks)};
}

/// One group in as few parts as fit, cut in order.
void cut_group(const Rollout& rollout,
               RowRange group,
               std::int64_t max_tokens,
               std::vector<RowRange>& parts) {
  while (group.begin < group.end) {
    RowRange part{group.begin, group.begin + 1};
    while (part.end < group.end && tokens_of(rollout, {part.begin, part.end + 1}) <= max_tokens)
      ++part.end;
    parts.push_back(part);
    group.begin = part.end;
  }
}

}  // namespace

Rollout filled_rollout(std::vector<engine::Prompt> prompts,
                       std::int64_t group_size,
                       std::int64_t answer_tokens) {
  Rollout rollout{.prompts = std::move(prompts), .group_size = group_size};
  const auto length = static_cast<std::size_t>(answer_tokens);
  for (const engine::Prompt& prompt : rollout.prompts) {
    for (std::int64_t g = 0; g < group_size; ++g)
      rollout.samples.push_back({.ids = std::vector(length, prompt.ids.back()),
                                 .log_probs = std::vector<float>(length, 0.0F),
                                 .finish_reason = "stop"});
  }
  rollout.advantages = torch::ones({std::ssize(rollout.prompts), group_size});
  return rollout;
}

void set_advantages(Rollout& rollout, const AdvantageConfig& config) {
  rollout.advantages = advantages_of(reward_tensors(rollout), config);
}

std::vector<bool> varied_groups(const Rollout& rollout, const AdvantageConfig& config) {
  const Tensor varied = have_variance(reward_tensors(rollout), config);
  std::vector<bool> marks;
  for (std::int64_t p = 0; p < varied.size(0); ++p) marks.push_back(varied[p].item<bool>());
  return marks;
}

Rollout roll_out(const models::TextModel& policy,
                 const engine::ChatEncoder& encoder,
                 std::vector<const data::Case*> cases,
                 const RolloutConfig& config,
                 std::uint64_t seed,
                 const comm::Communicator& processes) {
  Rollout rollout{.cases = std::move(cases), .group_size = config.group_size};
  const std::string prefill = simulator::assistant_prefill(config.prompt);
  for (const data::Case* row : rollout.cases) {
    rollout.prompts.push_back(
        {.ids = encoder.encode(simulator::task_messages(*row, config.prompt), prefill).ids,
         .seed = mix_seed(seed, {hash_text(row->case_id)}),
         .num_samples = config.group_size});
  }
  const engine::GeneratorConfig generator{
      .sampling = config.sampling, .stop_ids = encoder.stop_ids(), .max_rows = config.max_rows};
  const models::InferenceCopies copies(policy);
  rollout.samples = sample_together(copies.model(), rollout.prompts, generator, processes);
  score(rollout, encoder, config);
  set_advantages(rollout, config.advantage);
  return rollout;
}

std::int64_t tokens_of(const Rollout& rollout, const RowRange& rows) {
  const auto group = static_cast<std::size_t>(rollout.group_size);
  std::int64_t tokens = 0;
  for (std::size_t p = rows.begin / group; p * group < rows.end; ++p)
    tokens += std::ssize(rollout.prompts[p].ids);
  for (std::size_t r = rows.begin; r < rows.end; ++r) tokens += std::ssize(rollout.samples[r].ids);
  return tokens;
}

std::vector<RowRange> micro_batches(const Rollout& rollout,
                                    std::int64_t max_prompts,
                                    std::int64_t max_tokens) {
  std::vector<RowRange> parts;
  const auto group = static_cast<std::size_t>(rollout.group_size);
  const std::size_t rows = rollout.samples.size();
  if (max_tokens == 0) {
    const std::size_t size = static_cast<std::size_t>(max_prompts) * group;
    for (std::size_t begin = 0; begin < rows; begin += size)
      parts.push_back({begin, std::min(rows, begin + size)});
    return parts;
  }
  RowRange open;
  for (std::size_t begin = 0; begin < rows; begin += group) {
    const RowRange whole{begin, begin + group};
    if (tokens_of(rollout, {open.begin, whole.end}) <= max_tokens) {
      open.end = whole.end;
      continue;
    }
    if (open.end > open.begin) parts.push_back(open);
    open = {whole.end, whole.end};
    if (tokens_of(rollout, whole) <= max_tokens) {
      open = whole;
    } else {
      cut_group(rollout, whole, max_tokens, parts);
    }
  }
  if (open.end > open.begin) parts.push_back(open);
  return parts;
}

RolloutSlice slice_rows(const Rollout& rollout,
                        std::size_t begin,
                        std::size_t end,
                        bool mask_truncated) {
  const auto group = static_cast<std::size_t>(rollout.group_size);
  const std::size_t first = begin / group;
  const std::size_t prompts = (end - 1) / group + 1 - first;
  TORCH_CHECK(prompts == 1 || (begin % group == 0 && end % group == 0),
              "slice_rows: whole groups, or answers of one prompt");
  std::size_t longest = 1;
  for (std::size_t r = begin; r < end; ++r)
    longest = std::max(longest, rollout.samples[r].ids.size());
  const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(end - begin),
                                           static_cast<std::int64_t>(longest)};
  RolloutSlice part{
      .prompts = std::span(rollout.prompts).subspan(first, prompts),
      .samples = std::span(rollout.samples).subspan(begin, end - begin),
      .mask = torch::zeros(shape, torch::kBool),
      .sampled_log_probs = torch::zeros(shape),
      .advantages = rollout.advantages.flatten().narrow(
          0, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end - begin))};
  for (std::int64_t row = 0; row < shape[0]; ++row) {
    const engine::Sample& sample = part.samples[static_cast<std::size_t>(row)];
    const auto length = static_cast<std::int64_t>(sample.ids.size());
    if (length == 0) continue;
    part.mask[row].narrow(0, 0, length).fill_(!mask_truncated || sample.finish_reason != "length");
    part.sampled_log_probs[row].narrow(0, 0, length).copy_(torch::tensor(sample.log_probs));
  }
  return part;
}

AnswerLogProbs answer_log_probs(const models::TextModel& policy,
                                const RolloutSlice& slice,
                                double temperature,
                                bool entropy_gradient) {
  // The last token of an answer predicts nothing that counts.
  std::vector<std::span<const std::int64_t>> inputs;
  for (const engine::Sample& sample : slice.samples)
    inputs.push_back(std::span(sample.ids).first(std::max<std::size_t>(sample.ids.size(), 1) - 1));
  const engine::PackedPrompts packed = engine::pack_prompts(policy, slice.prompts, inputs);
  models::Decoder decoder = policy.decoder;
  const Tensor hidden =
      decoder->forward(packed.embeddings, packed.positions, {.packing = &packed.packing});

  const std::int64_t columns = slice.mask.size(1);
  const std::size_t group = slice.samples.size() / slice.prompts.size();
  std::vector<std::int64_t> from;
  std::vector<std::int64_t> targets;
  std::vector<std::int64_t> places;
  for (std::size_t row = 0; row < slice.samples.size(); ++row) {
    const std::size_t root = row / group * (group + 1);
    const std::int64_t own = packed.packing.begins[root + 1 + row % group];
    const std::int64_t prompt_end = packed.packing.begins[root] + packed.packing.lengths[root] - 1;
    const std::vector<std::int64_t>& ids = slice.samples[row].ids;
    for (std::int64_t column = 0; column < std::ssize(ids); ++column) {
      from.push_back(column == 0 ? prompt_end : own + column - 1);
      targets.push_back(ids[static_cast<std::size_t>(column)]);
      places.push_back(static_cast<std::int64_t>(row) * columns + column);
    }
  }
  const auto on_device = [&](const std::vector<std::int64_t>& x) {
    return torch::tensor(x, torch::kInt64).to(hidden.device());
  };
  const TokenLogProbs tokens =
      token_log_probs(hidden.index_select(0, on_device(from)),
                      policy.head,
                      on_device(targets),
                      {.temperature = temperature, .entropy_gradient = entropy_gradient});
  const Tensor empty = torch::zeros({slice.mask.numel()}, tokens.log_probs.options());
  const Tensor where = on_device(places);
  return {empty.index_copy(0, where, tokens.log_probs).view(slice.mask.sizes()),
          empty.index_copy(0, where, tokens.entropy).view(slice.mask.sizes())};
}

}  // namespace vragent::learning

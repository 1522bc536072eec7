// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo/rollout.h"

#include <algorithm>

#include "vragent/engine/prefill.h"
#include "vragent/learning/grpo/advantage.h"
#include "vragent/learning/token_log_prob.h"
#include "vragent/simulator/tasks.h"
#include "vragent/util/random.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

/// Rewards of all answers, and the advantages that follow from them.
torch::Tensor score(Rollout& rollout,
                    const engine::ChatEncoder& encoder,
                    const RolloutConfig& config) {
  const std::string prefill = simulator::assistant_prefill(config.prompt);
  std::vector<float> formats;
  std::vector<float> tasks;
  for (std::size_t r = 0; r < rollout.samples.size(); ++r) {
    const engine::Sample& sample = rollout.samples[r];
    rollout.replies.push_back(prefill + encoder.decode(sample.ids));
    const data::Case& row = *rollout.cases[r / static_cast<std::size_t>(config.group_size)];
    rollout.rewards.push_back(score_reply(
        row, config.prompt, rollout.replies.back(), sample.finish_reason, config.reward));
    formats.push_back(static_cast<float>(rollout.rewards.back().format));
    tasks.push_back(static_cast<float>(rollout.rewards.back().task));
  }
  const auto by_group = [&](const std::vector<float>& values) {
    return torch::tensor(values).view({-1, config.group_size});
  };
  return advantages_of({by_group(formats), by_group(tasks)}, config.advantage);
}

}  // namespace

Rollout roll_out(const models::TextModel& policy,
                 const engine::ChatEncoder& encoder,
                 std::vector<const data::Case*> cases,
                 const RolloutConfig& config,
                 std::uint64_t seed) {
  Rollout rollout{.cases = std::move(cases), .group_size = config.group_size};
  const std::string prefill = simulator::assistant_prefill(config.prompt);
  for (const data::Case* row : rollout.cases) {
    rollout.prompts.push_back(
        {.ids = encoder.encode(simulator::task_messages(*row, config.prompt), prefill).ids,
         .seed = mix_seed(seed, {hash_text(row->case_id)}),
         .num_samples = config.group_size});
  }
  const engine::GeneratorConfig generator{
      .sampling = config.sampling, .stop_ids = encoder.stop_ids(), .max_rows = 512};
  const models::InferenceCopies copies(policy);
  for (auto& group : engine::generate(copies.model(), rollout.prompts, generator)) {
    for (engine::Sample& sample : group) rollout.samples.push_back(std::move(sample));
  }
  rollout.advantages = score(rollout, encoder, config);
  return rollout;
}

RolloutSlice slice(const Rollout& rollout,
                   std::size_t begin,
                   std::size_t end,
                   bool mask_truncated) {
  const auto group = static_cast<std::size_t>(rollout.group_size);
  std::size_t longest = 1;
  for (std::size_t r = begin * group; r < end * group; ++r)
    longest = std::max(longest, rollout.samples[r].ids.size());
  const std::vector<std::int64_t> shape = {static_cast<std::int64_t>((end - begin) * group),
                                           static_cast<std::int64_t>(longest)};
  RolloutSlice part{
      .prompts = std::span(rollout.prompts).subspan(begin, end - begin),
      .samples = std::span(rollout.samples).subspan(begin * group, (end - begin) * group),
      .mask = torch::zeros(shape, torch::kBool),
      .sampled_log_probs = torch::zeros(shape),
      .advantages =
          rollout.advantages
              .narrow(0, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end - begin))
              .flatten()};
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

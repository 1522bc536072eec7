// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/rollout.h"

#include <algorithm>

#include "vragent/engine/prefill.h"
#include "vragent/learning/advantage.h"
#include "vragent/learning/token_log_prob.h"
#include "vragent/simulator/tasks.h"
#include "vragent/util/random.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

torch::Tensor score(Rollout& rollout,
                    const engine::ChatEncoder& encoder,
                    const RolloutConfig& config) {
  const std::string prefill = simulator::assistant_prefill(config.prompt);
  std::vector<float> totals;
  for (std::size_t r = 0; r < rollout.samples.size(); ++r) {
    const engine::Sample& sample = rollout.samples[r];
    rollout.replies.push_back(prefill + encoder.decode(sample.ids));
    const data::Case& row = *rollout.cases[r / static_cast<std::size_t>(config.group_size)];
    rollout.rewards.push_back(score_reply(
        row, config.prompt, rollout.replies.back(), sample.finish_reason, config.reward));
    totals.push_back(static_cast<float>(rollout.rewards.back().total()));
  }
  return torch::tensor(totals).view({-1, config.group_size});
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
  for (auto& group : engine::generate(policy, rollout.prompts, generator)) {
    for (engine::Sample& sample : group) rollout.samples.push_back(std::move(sample));
  }
  rollout.advantages = group_advantage(score(rollout, encoder, config), config.advantage_scale);
  return rollout;
}

RolloutSlice slice(const Rollout& rollout, std::size_t begin, std::size_t end) {
  const auto group = static_cast<std::size_t>(rollout.group_size);
  std::size_t longest = 1;
  for (std::size_t r = begin * group; r < end * group; ++r)
    longest = std::max(longest, rollout.samples[r].ids.size());
  const std::vector<std::int64_t> shape = {static_cast<std::int64_t>((end - begin) * group),
                                           static_cast<std::int64_t>(longest)};
  RolloutSlice part{
      .prompts = std::span(rollout.prompts).subspan(begin, end - begin),
      .ids = torch::zeros(shape, torch::kInt64),
      .mask = torch::zeros(shape, torch::kBool),
      .sampled_log_probs = torch::zeros(shape),
      .advantages =
          rollout.advantages
              .narrow(0, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end - begin))
              .flatten()};
  for (std::int64_t row = 0; row < shape[0]; ++row) {
    const engine::Sample& sample = rollout.samples[begin * group + static_cast<std::size_t>(row)];
    const auto length = static_cast<std::int64_t>(sample.ids.size());
    if (length == 0) continue;
    part.ids[row].narrow(0, 0, length).copy_(torch::tensor(sample.ids));
    part.mask[row].narrow(0, 0, length).fill_(true);
    part.sampled_log_probs[row].narrow(0, 0, length).copy_(torch::tensor(sample.log_probs));
  }
  return part;
}

AnswerLogProbs answer_log_probs(const models::TextModel& policy,
                                const RolloutSlice& slice,
                                double temperature) {
  models::Decoder decoder = policy.decoder;
  const torch::Device device = policy.head.device();
  const std::int64_t rows = slice.ids.size(0);
  const std::int64_t columns = slice.ids.size(1);
  const auto prompts = static_cast<std::int64_t>(slice.prompts.size());
  const engine::Prefilled filled = engine::prefill(policy, slice.prompts);

  // The hidden state that predicts column c stands at column c-1; column 0 is predicted by the
  // prompt's end.
  Tensor hidden = filled.last_hidden.repeat_interleave(rows / prompts, 0).unsqueeze(1);
  if (columns > 1) {
    std::vector<std::int64_t> first;
    for (const engine::Prompt& prompt : slice.prompts)
      first.push_back(static_cast<std::int64_t>(prompt.ids.size()) + prompt.position_delta);
    const Tensor start = torch::tensor(first).repeat_interleave(rows / prompts).unsqueeze(1);
    const Tensor positions = (start + torch::arange(columns - 1).unsqueeze(0)).to(device);
    const Tensor embeddings = decoder->embed_tokens(slice.ids.narrow(1, 0, columns - 1).to(device));
    hidden = torch::cat(
        {hidden, decoder->forward(embeddings, positions, {.prefix = &filled.prefix})}, 1);
  }
  const Tensor mask = slice.mask.to(device);
  const Tensor where = mask.flatten().nonzero().squeeze(1);
  const Tensor targets = slice.ids.to(device).flatten().index_select(0, where);
  const TokenLogProbs tokens = token_log_probs(
      hidden.flatten(0, 1).index_select(0, where), policy.head, targets, temperature);
  const Tensor empty = torch::zeros({rows * columns}, tokens.log_probs.options());
  return {empty.index_copy(0, where, tokens.log_probs).view({rows, columns}),
          empty.index_copy(0, where, tokens.entropy).view({rows, columns})};
}

}  // namespace vragent::learning

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo/micro_batches.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "vragent/engine/prefill.h"
#include "vragent/learning/token_log_prob.h"
#include "vragent/util/random.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

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

template <class T>
std::vector<T> copied(const std::vector<T>& from, std::size_t begin, std::size_t end) {
  const auto at = [&](std::size_t i) { return from.begin() + static_cast<std::ptrdiff_t>(i); };
  return {at(begin), at(end)};
}

/// The groups in which an answer has both tokens and an advantage.
RolloutSlice taught_groups(const RolloutSlice& slice) {
  const std::size_t group = slice.samples.size() / slice.prompts.size();
  const Tensor teaches = (slice.advantages != 0).logical_and(slice.mask.any(1));
  RolloutSlice part;
  std::vector<std::int64_t> rows;
  for (std::size_t p = 0; p < slice.prompts.size(); ++p) {
    const std::size_t begin = p * group;
    const Tensor own =
        teaches.narrow(0, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(group));
    if (!own.any().item<bool>()) continue;
    part.prompts.push_back(slice.prompts[p]);
    for (std::size_t r = begin; r < begin + group; ++r) {
      part.samples.push_back(slice.samples[r]);
      rows.push_back(static_cast<std::int64_t>(r));
    }
  }
  const Tensor places = torch::tensor(rows, torch::kInt64);
  part.mask = slice.mask.index_select(0, places);
  part.sampled_log_probs = slice.sampled_log_probs.index_select(0, places);
  part.advantages = slice.advantages.index_select(0, places);
  return part;
}

}  // namespace

std::vector<std::vector<std::size_t>> mini_batches(std::size_t groups,
                                                   std::int64_t most,
                                                   std::uint64_t seed) {
  const std::size_t size =
      most > 0 ? static_cast<std::size_t>(most) : std::max<std::size_t>(groups, 1);
  const std::size_t count = (groups + size - 1) / size;
  std::vector<std::size_t> order(groups);
  std::iota(order.begin(), order.end(), 0);
  RandomStream(seed).shuffle(order);
  std::vector<std::vector<std::size_t>> batches;
  for (std::size_t i = 0; i < count; ++i) {
    batches.push_back(copied(order, groups * i / count, groups * (i + 1) / count));
    std::sort(batches.back().begin(), batches.back().end());
  }
  return batches;
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
      .prompts = copied(rollout.prompts, first, first + prompts),
      .samples = copied(rollout.samples, begin, end),
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

std::int64_t tokens_of(const RolloutSlice& slice) {
  std::int64_t tokens = 0;
  for (const engine::Prompt& prompt : slice.prompts) tokens += std::ssize(prompt.ids);
  for (const engine::Sample& sample : slice.samples) tokens += std::ssize(sample.ids);
  return tokens;
}

UpdateParts parts_of_update(const Rollout& rollout,
                            const std::vector<RowRange>& ranges,
                            const GrpoLossConfig& loss) {
  UpdateParts update;
  std::int64_t all_rows = 0;
  std::vector<double> tokens;
  for (const RowRange& rows : ranges) {
    update.parts.push_back({slice_rows(rollout, rows.begin, rows.end, loss.mask_truncated)});
    const Tensor& mask = update.parts.back().slice.mask;
    tokens.push_back(mask.sum().item<double>());
    update.total_tokens += tokens.back();
    all_rows += counted_rows(loss, mask);
  }
  const bool acts_on_all = loss.kl_coef > 0 || loss.entropy_coef != 0;
  for (std::size_t i = 0; i < update.parts.size(); ++i) {
    UpdatePart& part = update.parts[i];
    if (!acts_on_all) part.slice = taught_groups(part.slice);
    part.share = micro_batch_share(
        loss, counted_rows(loss, part.slice.mask), all_rows, std::ssize(update.parts));
    // bnpo divides by the tokens of its micro-batch, and would by those that are left.
    if (loss.type == "bnpo")
      part.share *= part.slice.mask.sum().item<double>() / std::max(tokens[i], 1.0);
  }
  return update;
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

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/prefill.h"

#include <algorithm>
#include <numeric>

namespace vragent::engine {
namespace {

using torch::Tensor;

std::int64_t length_of(const Prompt& prompt) {
  return static_cast<std::int64_t>(prompt.ids.size());
}

/// [P, T, D], zeros behind the end of a prompt.
Tensor padded_embeddings(const models::TextModel& model,
                         std::span<const Prompt> prompts,
                         std::int64_t longest) {
  models::Decoder decoder = model.decoder;
  const Tensor& table = decoder->embed_tokens->weight;
  Tensor ids = torch::zeros({static_cast<std::int64_t>(prompts.size()), longest}, torch::kInt64);
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    ids[static_cast<std::int64_t>(p)]
        .narrow(0, 0, length_of(prompts[p]))
        .copy_(torch::tensor(prompts[p].ids));
  }
  Tensor embeddings = decoder->embed_tokens(ids.to(table.device()));
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    if (prompts[p].embeddings.defined()) {
      embeddings[static_cast<std::int64_t>(p)]
          .narrow(0, 0, length_of(prompts[p]))
          .copy_(prompts[p].embeddings);
    }
  }
  return embeddings;
}

/// [P, T], or [3, P, T] when a prompt has image positions.
Tensor padded_positions(std::span<const Prompt> prompts,
                        std::int64_t longest,
                        torch::Device device) {
  const bool axes = std::any_of(
      prompts.begin(), prompts.end(), [](const Prompt& p) { return p.positions.defined(); });
  const Tensor plain = torch::arange(longest);
  if (!axes) return plain.unsqueeze(0).to(device);
  Tensor positions = plain.expand({3, static_cast<std::int64_t>(prompts.size()), longest}).clone();
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    if (prompts[p].positions.defined()) {
      positions.select(1, static_cast<std::int64_t>(p))
          .narrow(1, 0, length_of(prompts[p]))
          .copy_(prompts[p].positions);
    }
  }
  return positions.to(device);
}

}  // namespace

Prefilled prefill(const models::TextModel& model, std::span<const Prompt> prompts) {
  models::Decoder decoder = model.decoder;
  std::vector<std::int64_t> lengths;
  for (const Prompt& prompt : prompts) {
    TORCH_CHECK(!prompt.ids.empty(), "an empty prompt cannot be continued");
    lengths.push_back(length_of(prompt));
  }
  const std::int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  const Tensor embeddings = padded_embeddings(model, prompts, longest);
  const torch::Device device = embeddings.device();
  Prefilled result;
  const Tensor hidden = decoder->forward(
      embeddings, padded_positions(prompts, longest, device), {.keep = &result.prefix.layers});
  const Tensor length = torch::tensor(lengths).to(device);
  result.prefix.mask = nn::length_mask(length, longest);
  result.last_hidden = hidden.index({torch::arange(length.size(0), length.options()), length - 1});
  return result;
}

std::vector<std::vector<std::size_t>> plan_waves(std::span<const Prompt> prompts,
                                                 std::int64_t max_rows,
                                                 std::int64_t max_prefill_tokens) {
  std::vector<std::size_t> order(prompts.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return length_of(prompts[a]) > length_of(prompts[b]);
  });
  std::vector<std::vector<std::size_t>> waves;
  std::int64_t samples = 0;
  std::int64_t longest = 0;
  for (const std::size_t index : order) {
    const Prompt& prompt = prompts[index];
    const auto in_wave = waves.empty() ? 0 : static_cast<std::int64_t>(waves.back().size());
    // All prompts of a wave get as many slots as the one with most samples.
    const std::int64_t slots = std::max(samples, prompt.num_samples);
    if (waves.empty() || slots * (in_wave + 1) > max_rows ||
        longest * (in_wave + 1) > max_prefill_tokens) {
      waves.emplace_back();
      longest = length_of(prompt);
      samples = prompt.num_samples;
    } else {
      samples = slots;
    }
    waves.back().push_back(index);
  }
  return waves;
}

}  // namespace vragent::engine

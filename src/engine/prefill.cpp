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

/// Replaces the embeddings of prompts that bring their own.
void place_embeddings(std::span<const Prompt> prompts, PackedPrompts& packed) {
  const std::size_t stride = packed.packing.begins.size() / prompts.size();
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    if (!prompts[p].embeddings.defined()) continue;
    packed.embeddings.narrow(0, packed.packing.begins[p * stride], length_of(prompts[p]))
        .copy_(prompts[p].embeddings);
  }
}

/// Three axes where a prompt has image positions; its answers count on from their largest.
void place_positions(std::span<const Prompt> prompts, PackedPrompts& packed) {
  const bool axes = std::any_of(
      prompts.begin(), prompts.end(), [](const Prompt& p) { return p.positions.defined(); });
  if (!axes) return;
  const nn::Packing& packing = packed.packing;
  packed.positions = packed.positions.expand({3, packing.num_tokens}).clone();
  const std::size_t stride = packing.begins.size() / prompts.size();
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    if (!prompts[p].positions.defined()) continue;
    const std::size_t first = p * stride;
    packed.positions.narrow(1, packing.begins[first], length_of(prompts[p]))
        .copy_(prompts[p].positions);
    for (std::size_t i = first + 1; i < first + stride; ++i)
      packed.positions.narrow(1, packing.begins[i], packing.lengths[i])
          .add_(prompts[p].position_delta);
  }
}

/// Packed keys or values [N, Hkv, d] as one row a prompt, [P, Hkv, longest, d], zeros behind ends.
Tensor padded_rows(const Tensor& packed, const nn::Packing& packing, std::int64_t longest) {
  const std::int64_t prompts = std::ssize(packing.lengths);
  Tensor rows = torch::zeros({prompts, packed.size(1), longest, packed.size(2)}, packed.options());
  for (std::int64_t p = 0; p < prompts; ++p) {
    const auto index = static_cast<std::size_t>(p);
    rows[p]
        .narrow(1, 0, packing.lengths[index])
        .copy_(packed.narrow(0, packing.begins[index], packing.lengths[index]).transpose(0, 1));
  }
  return rows;
}

}  // namespace

PackedPrompts pack_prompts(const models::TextModel& model,
                           std::span<const Prompt> prompts,
                           std::span<const std::span<const std::int64_t>> answers) {
  TORCH_CHECK(!prompts.empty() && answers.size() % prompts.size() == 0,
              "pack_prompts: as many answers for each prompt");
  const std::size_t group = answers.size() / prompts.size();
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> lengths;
  std::vector<std::int64_t> roots;
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    TORCH_CHECK(!prompts[p].ids.empty(), "an empty prompt cannot be continued");
    const std::int64_t root = std::ssize(lengths);
    ids.insert(ids.end(), prompts[p].ids.begin(), prompts[p].ids.end());
    lengths.push_back(length_of(prompts[p]));
    roots.push_back(-1);
    for (const auto& answer : answers.subspan(p * group, group)) {
      ids.insert(ids.end(), answer.begin(), answer.end());
      lengths.push_back(std::ssize(answer));
      roots.push_back(root);
    }
  }
  const torch::Device device = model.head.device();
  models::Decoder decoder = model.decoder;
  PackedPrompts packed{.packing = nn::pack(lengths, device, roots),
                       .embeddings = decoder->embed_tokens(torch::tensor(ids).to(device))};
  packed.positions = nn::packed_positions(packed.packing, device);
  place_embeddings(prompts, packed);
  place_positions(prompts, packed);
  return packed;
}

Prefilled prefill(const models::TextModel& model, std::span<const Prompt> prompts) {
  models::Decoder decoder = model.decoder;
  const PackedPrompts packed = pack_prompts(model, prompts);
  const std::vector<std::int64_t>& lengths = packed.packing.lengths;
  const std::int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  std::vector<nn::LayerKv> kept;
  const Tensor hidden = decoder->forward(
      packed.embeddings, packed.positions, {.packing = &packed.packing, .keep = &kept});
  Prefilled result;
  for (const nn::LayerKv& layer : kept) {
    result.prefix.layers.push_back({padded_rows(layer.k, packed.packing, longest),
                                    padded_rows(layer.v, packed.packing, longest)});
  }
  const Tensor length = torch::tensor(lengths).to(hidden.device());
  result.prefix.mask = nn::length_mask(length, longest);
  result.last_hidden = hidden.index_select(0, length.cumsum(0) - 1);
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

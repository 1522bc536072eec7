// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/prefill.h"

#include <algorithm>

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
  const ops::Packing& packing = packed.packing;
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

/// The first tokens of what is kept of each layer.
std::vector<ops::LayerKv> first_tokens(const std::vector<ops::LayerKv>& layers,
                                       std::int64_t count) {
  std::vector<ops::LayerKv> first;
  for (const ops::LayerKv& layer : layers)
    first.push_back({layer.k.narrow(0, 0, count), layer.v.narrow(0, 0, count)});
  return first;
}

/// One long prompt, `chunk` tokens at a time.
Prefilled prefill_in_stretches(const models::TextModel& model,
                               const Prompt& prompt,
                               std::int64_t chunk) {
  models::Decoder decoder = model.decoder;
  const PackedPrompts whole = pack_prompts(model, {&prompt, 1});
  const std::int64_t length = length_of(prompt);
  Prefilled result;
  std::vector<ops::LayerKv>& prefix = result.prefixes.emplace_back();
  for (std::int64_t begin = 0; begin < length; begin += chunk) {
    const std::int64_t size = std::min(chunk, length - begin);
    const ops::Packing packing = ops::pack({size}, model.head.device());
    const std::vector<ops::LayerKv> earlier = first_tokens(prefix, begin);
    std::vector<ops::LayerKv> kept;
    const Tensor hidden = decoder->forward(
        whole.embeddings.narrow(0, begin, size),
        whole.positions.narrow(-1, begin, size),
        {.packing = &packing, .keep = &kept, .earlier = begin > 0 ? &earlier : nullptr});
    for (std::size_t layer = 0; layer < kept.size(); ++layer) {
      const ops::LayerKv& fresh = kept[layer];
      const std::vector<std::int64_t> shape = {length, fresh.k.size(1), fresh.k.size(2)};
      if (begin == 0)
        prefix.push_back(
            {torch::empty(shape, fresh.k.options()), torch::empty(shape, fresh.v.options())});
      prefix[layer].k.narrow(0, begin, size).copy_(fresh.k);
      prefix[layer].v.narrow(0, begin, size).copy_(fresh.v);
    }
    result.last_hidden = hidden.narrow(0, size - 1, 1);
  }
  return result;
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
  PackedPrompts packed{.packing = ops::pack(lengths, device, roots),
                       .embeddings = decoder->embed_tokens(torch::tensor(ids).to(device))};
  packed.positions = ops::packed_positions(packed.packing, device);
  place_embeddings(prompts, packed);
  place_positions(prompts, packed);
  return packed;
}

Prefilled prefill(const models::TextModel& model,
                  std::span<const Prompt> prompts,
                  std::int64_t chunk) {
  if (prompts.size() == 1 && length_of(prompts[0]) > chunk)
    return prefill_in_stretches(model, prompts[0], chunk);
  models::Decoder decoder = model.decoder;
  const PackedPrompts packed = pack_prompts(model, prompts);
  std::vector<ops::LayerKv> kept;
  const Tensor hidden = decoder->forward(
      packed.embeddings, packed.positions, {.packing = &packed.packing, .keep = &kept});
  Prefilled result;
  std::vector<std::int64_t> ends;
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    const std::int64_t begin = packed.packing.begins[p];
    const std::int64_t length = packed.packing.lengths[p];
    std::vector<ops::LayerKv>& prefix = result.prefixes.emplace_back();
    for (const ops::LayerKv& layer : kept) {
      // A prompt owns its keys and values, so that they go when it is done.
      prefix.push_back({layer.k.narrow(0, begin, length).clone(at::MemoryFormat::Contiguous),
                        layer.v.narrow(0, begin, length).clone(at::MemoryFormat::Contiguous)});
    }
    ends.push_back(begin + length - 1);
  }
  result.last_hidden = hidden.index_select(0, torch::tensor(ends).to(hidden.device()));
  return result;
}

}  // namespace vragent::engine

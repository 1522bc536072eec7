// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <algorithm>
#include <limits>

#include <torch/csrc/autograd/generated/variable_factories.h>

#include "jobs.h"
#include "vragent/engine/decoding/sampler.h"
#include "vragent/ops/decoding/slot_attention.h"
#include "vragent/ops/linear/packed_linear.h"
#include "vragent/util/progress.h"

namespace vragent::bench {
namespace {

using torch::Tensor;

constexpr int kRounds = 10;

/// The least seconds of a call among some rounds, which end with a number read from the device.
template <class Call>
double seconds_of(const Call& call, int calls = 1) {
  (void)call().item();
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kRounds; ++round) {
    const Stopwatch watch;
    for (int i = 1; i < calls; ++i) (void)call();
    (void)call().item();
    best = std::min(best, watch.seconds() / calls);
  }
  return best;
}

struct Place {
  torch::Device device;
  torch::Dtype dtype;

  [[nodiscard]] Tensor randn(at::IntArrayRef shape) const {
    return torch::randn(shape, torch::TensorOptions(device)).to(dtype);
  }

  /// Short operations in a round.
  [[nodiscard]] int calls() const { return device.is_cpu() ? 2 : 20; }

  [[nodiscard]] Tensor moved(const Tensor& x) const { return x.to(device); }
};

std::int64_t integer(const Json& request, const char* key) {
  return request.at(key).get<std::int64_t>();
}

/// How many copies of so many bytes lie beyond every cache.
std::int64_t copies_beyond_caches(std::int64_t bytes) {
  return 1 + (std::int64_t{512} << 20) / std::max<std::int64_t>(bytes, 1 << 20);
}

/// One layer's attention of one decoding step: groups x samples slots, each group's prefix once.
OrderedJson time_attention(const Place& place, const Json& request) {
  const torch::NoGradGuard no_grad;
  const std::int64_t groups = integer(request, "groups");
  const std::int64_t samples = integer(request, "samples");
  const std::int64_t prefix = integer(request, "prefix");
  const std::int64_t own = integer(request, "own");
  const std::int64_t heads = integer(request, "heads");
  const std::int64_t kv_heads = integer(request, "kv_heads");
  const std::int64_t width = integer(request, "width");
  const std::int64_t slots = groups * samples;
  const auto kv = [&](std::vector<std::int64_t> shape) {
    shape.insert(shape.end(), {kv_heads, width});
    return ops::LayerKv{place.randn(shape), place.randn(shape)};
  };
  ops::SlotCache cache{.starts = place.moved(torch::arange(groups) * prefix),
                       .prefix_lengths = place.moved(torch::full({groups}, prefix)),
                       .slot_of_place = place.moved(torch::arange(slots)),
                       .place_of_slot = place.moved(torch::arange(slots)),
                       .lengths = place.moved(torch::full({slots}, own - 1)),
                       .longest_prefix = prefix,
                       .may_fuse = request.value("fused", true)};
  const std::int64_t bytes = (groups * prefix + slots * own) * 2 * kv_heads * width *
                             static_cast<std::int64_t>(torch::elementSize(place.dtype));
  for (std::int64_t layer = copies_beyond_caches(bytes); layer >= 0; --layer) {
    cache.prefixes.push_back(kv({groups * prefix}));
    cache.own.push_back(kv({slots, own}));
  }
  const Tensor q = place.randn({slots, heads, width});
  const ops::LayerKv fresh = kv({slots});
  (void)ops::slot_attention(q, fresh, cache, 0);  // makes what the other layers share
  std::size_t turn = 0;
  const double seconds = seconds_of(
      [&] {
        const std::size_t layer = ++turn % (cache.own.size() - 1) + 1;
        return ops::slot_attention(q, fresh, cache, layer).flatten()[0];
      },
      place.calls());
  return {{"seconds", seconds}, {"bytes", bytes}};
}

/// x [rows, in] by weights [out, in] in turn, packed where that pays.
OrderedJson time_product(const Place& place, const Json& request) {
  const torch::NoGradGuard no_grad;
  const Tensor x = place.randn({integer(request, "rows"), integer(request, "in")});
  const Tensor weight = place.randn({integer(request, "out"), integer(request, "in")});
  const auto bytes = static_cast<std::int64_t>(weight.nbytes());
  const bool packs = ops::packing_pays(weight);
  std::vector<Tensor> plain;
  std::vector<ops::PackedLinear> packed;
  for (std::int64_t i = copies_beyond_caches(bytes); i > 0; --i) {
    if (packs) packed.push_back(ops::pack_linear({weight}));
    if (!packs) plain.push_back(weight.clone());
  }
  std::size_t turn = 0;
  const double seconds = seconds_of(
      [&] {
        ++turn;
        return (packs ? packed[turn % packed.size()].forward(x)
                      : ops::linear(x, plain[turn % plain.size()]))
            .flatten()[0];
      },
      place.calls());
  return {{"seconds", seconds}, {"bytes", bytes}, {"operations", 2 * x.size(0) * weight.numel()}};
}

/// Draws a token of each row of logits, with its log-probability.
OrderedJson time_draw(const Place& place, const Json& request) {
  const Tensor logits = place.randn({integer(request, "rows"), integer(request, "vocabulary")});
  std::vector<engine::DrawRow> rows(static_cast<std::size_t>(logits.size(0)));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].key.sample = i;
  const double seconds = seconds_of([&] {
    return torch::tensor(engine::draw_tokens(logits, chat::SamplingConfig(), rows)[0].id);
  });
  return {{"seconds", seconds}, {"bytes", static_cast<std::int64_t>(logits.nbytes())}};
}

/// Each round ends with a number read, so that the device has finished.
OrderedJson measure_roof(const Place& place) {
  const torch::NoGradGuard no_grad;
  const Tensor memory =  // 1 GiB, beyond every cache
      torch::ones({1 << 27}, torch::TensorOptions(place.device).dtype(torch::kInt64));
  const double bytes =
      static_cast<double>(memory.nbytes()) / seconds_of([&] { return memory.sum(); });
  const std::int64_t side = place.device.is_cpu() ? 2048 : 8192;
  const Tensor square = place.randn({side, side});
  const double work = 2.0 * static_cast<double>(side * side * side);
  double seconds = seconds_of([&] { return torch::matmul(square, square)[0][0]; });
  seconds = std::min(seconds, seconds_of([&] { return ops::linear(square, square)[0][0]; }));
  if (ops::packing_pays(square)) {
    const ops::PackedLinear packed = ops::pack_linear({square});
    seconds = std::min(seconds, seconds_of([&] { return packed.forward(square)[0][0]; }));
  }
  return {{"bytes", bytes}, {"flops", work / seconds}};
}

Place place_of(const Session& session, torch::Device device) {
  return {device, nn::parse_dtype(session.runtime.dtype)};
}

}  // namespace

void add_roof(const Session& session, torch::Device device, std::map<std::string, Job>& jobs) {
  const Place place = place_of(session, device);
  jobs["roof"] = [place](const Json&) { return measure_roof(place); };
}

void add_kernel_jobs(const Session& session, std::map<std::string, Job>& jobs) {
  const Place place = place_of(session, nn::parse_device(session.runtime.device));
  jobs["attention"] = [place](const Json& request) { return time_attention(place, request); };
  jobs["product"] = [place](const Json& request) { return time_product(place, request); };
  jobs["draw"] = [place](const Json& request) { return time_draw(place, request); };
  add_roof(session, place.device, jobs);
}

}  // namespace vragent::bench

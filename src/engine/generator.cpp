// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/generator.h"

#include <algorithm>
#include <numeric>

#include "vragent/engine/prefill.h"
#include "vragent/engine/sampler.h"
#include "vragent/util/error.h"
#include "vragent/util/interrupt.h"

namespace vragent::engine {
namespace {

using torch::Tensor;

constexpr std::int64_t kFirstCapacity = 32;

/// One row of the batch: a sample of a prompt, or an empty slot.
struct Row {
  Sample* sample = nullptr;  ///< null: the slot has nothing to do
  DrawKey key;
  bool done = true;
};

/// Prompts that are decoded together. Rows form a rectangle: `slots` rows for each prompt.
class Wave {
 public:
  Wave(const models::TextModel& model, const GeneratorConfig& config)
      : model_(model), config_(config) {}

  void run(std::span<const Prompt> prompts, std::vector<std::vector<Sample>*> answers) {
    Prefilled filled = prefill(model_, prompts);
    prefix_ = std::move(filled.prefix);
    start(prompts, answers);
    Tensor logits = model_.logits(filled.last_hidden).repeat_interleave(slots_, 0);
    while (take(logits)) {
      shrink();
      logits = decode();
    }
  }

 private:
  void start(std::span<const Prompt> prompts, std::span<std::vector<Sample>*> answers) {
    slots_ = 1;
    for (const Prompt& prompt : prompts) slots_ = std::max(slots_, prompt.num_samples);
    std::vector<std::int64_t> next;
    for (std::size_t p = 0; p < prompts.size(); ++p) {
      answers[p]->resize(static_cast<std::size_t>(prompts[p].num_samples));
      next.push_back(static_cast<std::int64_t>(prompts[p].ids.size()) + prompts[p].position_delta);
      for (std::int64_t s = 0; s < slots_; ++s) {
        const bool used = s < prompts[p].num_samples;
        rows_.push_back({.sample = used ? &(*answers[p])[static_cast<std::size_t>(s)] : nullptr,
                         .key = {prompts[p].seed, static_cast<std::uint64_t>(s), 0},
                         .done = !used});
      }
    }
    const torch::Device device = prefix_.mask.device();
    first_position_ = torch::tensor(next).repeat_interleave(slots_).to(device);
    if (config_.sampling.repetition_penalty != 1.0) mark_prompts(prompts);
    cache_.lengths = torch::zeros({num_rows()}, torch::TensorOptions(device).dtype(torch::kInt64));
    for (const nn::LayerKv& layer : prefix_.layers) {
      const std::vector<std::int64_t> shape = {
          num_rows(),
          layer.k.size(1),
          std::min(kFirstCapacity, config_.sampling.max_tokens),
          layer.k.size(3)};
      cache_.layers.push_back(
          {torch::zeros(shape, layer.k.options()), torch::zeros(shape, layer.v.options())});
    }
  }

  void mark_prompts(std::span<const Prompt> prompts) {
    const std::int64_t vocabulary = model_.head.size(0);
    Tensor seen =
        torch::zeros({static_cast<std::int64_t>(prompts.size()), vocabulary}, torch::kBool);
    for (std::size_t p = 0; p < prompts.size(); ++p)
      seen[static_cast<std::int64_t>(p)].index_fill_(0, torch::tensor(prompts[p].ids), true);
    seen_ = seen.repeat_interleave(slots_, 0).to(prefix_.mask.device());
  }

  [[nodiscard]] std::int64_t num_rows() const { return static_cast<std::int64_t>(rows_.size()); }

  /// Draws a token for every row and notes it; false when all rows are done.
  bool take(const Tensor& logits) {
    std::vector<DrawKey> keys;
    keys.reserve(rows_.size());
    for (const Row& row : rows_) keys.push_back(row.key);
    const Draws draws = draw_tokens(logits, config_.sampling, keys, seen_);
    last_ids_ = draws.ids;
    const auto ids = draws.ids.accessor<std::int64_t, 1>();
    const auto log_probs = draws.log_probs.accessor<float, 1>();
    bool any_live = false;
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      Row& row = rows_[r];
      if (row.done) continue;
      row.sample->ids.push_back(ids[static_cast<std::int64_t>(r)]);
      row.sample->log_probs.push_back(log_probs[static_cast<std::int64_t>(r)]);
      row.key.step += 1;
      const bool stopped =
          std::find(config_.stop_ids.begin(), config_.stop_ids.end(), row.sample->ids.back()) !=
          config_.stop_ids.end();
      const bool full =
          static_cast<std::int64_t>(row.sample->ids.size()) >= config_.sampling.max_tokens;
      row.done = stopped || full;
      if (row.done) row.sample->finish_reason = stopped ? "stop" : "length";
      any_live = any_live || !row.done;
    }
    if (seen_.defined()) seen_.scatter_(1, last_ids_.to(seen_.device()).unsqueeze(1), true);
    return any_live;
  }

  /// Drops finished prompts and surplus slots when that makes the batch at least a quarter smaller.
  void shrink() {
    const std::int64_t prompts = num_rows() / slots_;
    std::vector<std::int64_t> kept_prompts;
    std::int64_t most_live = 0;
    for (std::int64_t p = 0; p < prompts; ++p) {
      const std::int64_t live = std::count_if(rows_.begin() + p * slots_,
                                              rows_.begin() + (p + 1) * slots_,
                                              [](const Row& row) { return !row.done; });
      if (live > 0) kept_prompts.push_back(p);
      most_live = std::max(most_live, live);
    }
    if (static_cast<std::int64_t>(kept_prompts.size()) * most_live * 4 > num_rows() * 3) return;
    std::vector<std::int64_t> kept_rows;
    for (const std::int64_t p : kept_prompts) {
      std::vector<std::int64_t> of_prompt(static_cast<std::size_t>(slots_));
      std::iota(of_prompt.begin(), of_prompt.end(), p * slots_);
      std::stable_partition(of_prompt.begin(), of_prompt.end(), [&](std::int64_t r) {
        return !rows_[static_cast<std::size_t>(r)].done;
      });
      kept_rows.insert(kept_rows.end(), of_prompt.begin(), of_prompt.begin() + most_live);
    }
    select(kept_prompts, kept_rows);
    slots_ = most_live;
  }

  void select(const std::vector<std::int64_t>& prompts, const std::vector<std::int64_t>& rows) {
    const Tensor row_index = torch::tensor(rows);
    const Tensor device_rows = row_index.to(prefix_.mask.device());
    if (static_cast<std::int64_t>(prompts.size()) < prefix_.mask.size(0)) {
      const Tensor prompt_index = torch::tensor(prompts).to(prefix_.mask.device());
      prefix_.mask = prefix_.mask.index_select(0, prompt_index);
      for (nn::LayerKv& layer : prefix_.layers)
        layer = {layer.k.index_select(0, prompt_index), layer.v.index_select(0, prompt_index)};
    }
    for (nn::LayerKv& layer : cache_.layers)
      layer = {layer.k.index_select(0, device_rows), layer.v.index_select(0, device_rows)};
    cache_.lengths = cache_.lengths.index_select(0, device_rows);
    first_position_ = first_position_.index_select(0, device_rows);
    last_ids_ = last_ids_.index_select(0, row_index);
    if (seen_.defined()) seen_ = seen_.index_select(0, device_rows);
    std::vector<Row> kept;
    for (const std::int64_t r : rows) kept.push_back(rows_[static_cast<std::size_t>(r)]);
    rows_ = std::move(kept);
  }

  void grow_cache() {
    if (cache_.longest < cache_.layers[0].k.size(2)) return;
    for (nn::LayerKv& layer : cache_.layers) {
      layer = {torch::cat({layer.k, torch::zeros_like(layer.k)}, 2),
               torch::cat({layer.v, torch::zeros_like(layer.v)}, 2)};
    }
  }

  /// Logits of the token behind the last one drawn, [rows, V].
  Tensor decode() {
    grow_cache();
    models::Decoder decoder = model_.decoder;
    const Tensor embeddings = decoder->embed_tokens(last_ids_.to(first_position_.device()));
    const Tensor hidden = decoder->forward(
        embeddings, first_position_ + cache_.lengths, {.prefix = &prefix_, .cache = &cache_});
    cache_.lengths += 1;
    cache_.longest += 1;
    return model_.logits(hidden);
  }

  const models::TextModel& model_;
  const GeneratorConfig& config_;
  nn::Prefix prefix_;
  models::KvCache cache_;
  std::vector<Row> rows_;
  std::int64_t slots_ = 1;
  Tensor first_position_;  ///< int64 [rows], position of each row's first own token
  Tensor last_ids_;        ///< int64 [rows] on the CPU
  Tensor seen_;            ///< bool [rows, V], only with a repetition penalty
};

}  // namespace

std::vector<std::vector<Sample>> generate(const models::TextModel& model,
                                          std::span<const Prompt> prompts,
                                          const GeneratorConfig& config) {
  const torch::NoGradGuard no_grad;
  std::vector<std::vector<Sample>> answers(prompts.size());
  bool is_first = true;  // the caller has just looked for a signal
  for (const auto& wave : plan_waves(prompts, config.max_rows, config.max_prefill_tokens)) {
    if (!is_first) throw_if_interrupted("generation stopped between two batches");
    is_first = false;
    std::vector<Prompt> chosen;
    std::vector<std::vector<Sample>*> into;
    for (const std::size_t index : wave) {
      chosen.push_back(prompts[index]);
      into.push_back(&answers[index]);
    }
    Wave(model, config).run(chosen, into);
  }
  return answers;
}

Tensor next_token_log_probs(const models::TextModel& model,
                            std::span<const Prompt> prompts,
                            std::int64_t max_prefill_tokens) {
  const torch::NoGradGuard no_grad;
  Tensor log_probs = torch::empty({static_cast<std::int64_t>(prompts.size()), model.head.size(0)});
  for (const auto& wave :
       plan_waves(prompts, static_cast<std::int64_t>(prompts.size()) + 1, max_prefill_tokens)) {
    std::vector<Prompt> chosen;
    for (const std::size_t index : wave) chosen.push_back(prompts[index]);
    const Tensor rows =
        torch::log_softmax(model.logits(prefill(model, chosen).last_hidden).to(torch::kFloat32), -1)
            .cpu();
    for (std::size_t i = 0; i < wave.size(); ++i)
      log_probs[static_cast<std::int64_t>(wave[i])].copy_(rows[static_cast<std::int64_t>(i)]);
  }
  if (!log_probs.isfinite().all().item<bool>()) {
    throw Error(ExitCode::kInternal,
                "non-finite log-probabilities: the weights are damaged, or this dtype overflows");
  }
  return log_probs;
}

}  // namespace vragent::engine

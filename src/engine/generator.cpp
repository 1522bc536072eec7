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

constexpr std::int64_t kFirstCapacity = 32;  ///< tokens of a row's slot; doubled when it is full
constexpr std::int64_t kAdmitShare = 8;      ///< wait for this part of the rows to be free

/// One sample that is being written.
struct Row {
  const Prompt* prompt;
  Sample* sample;
  DrawKey key;
  std::int64_t next_position;  ///< of the token drawn last
};

/// Prompts come in while rows are free, rows leave when they are done.
class Decoding {
 public:
  Decoding(const models::TextModel& model,
           std::span<const Prompt> prompts,
           const GeneratorConfig& config,
           std::vector<std::vector<Sample>>& answers)
      : model_(model), prompts_(prompts), config_(config), answers_(answers) {
    std::int64_t most = 1;
    std::int64_t all = 0;
    for (const Prompt& prompt : prompts) {
      most = std::max(most, prompt.num_samples);
      all += prompt.num_samples;
    }
    num_slots_ = std::max(most, std::min(config.max_rows, all));
    for (std::int64_t slot = num_slots_; slot > 0; --slot) free_slots_.push_back(slot - 1);
  }

  void run() {
    while (true) {
      while (may_admit()) admit();
      if (rows_.empty()) return;
      take(decode());
    }
  }

 private:
  /// Prompts are let in when nothing else is under way, or when so many rows are free that the
  /// interruption pays.
  [[nodiscard]] bool may_admit() const {
    if (next_prompt_ == prompts_.size()) return false;
    if (rows_.empty()) return true;
    const std::int64_t free = std::ssize(free_slots_);
    return free >= prompts_[next_prompt_].num_samples && free * kAdmitShare >= num_slots_;
  }

  void admit() {
    if (next_prompt_ > 0) throw_if_interrupted("generation stopped between two batches");
    const std::size_t first = next_prompt_;
    std::int64_t samples = 0;
    std::int64_t tokens = 0;
    for (; next_prompt_ < prompts_.size(); ++next_prompt_) {
      const Prompt& prompt = prompts_[next_prompt_];
      samples += prompt.num_samples;
      tokens += std::ssize(prompt.ids);
      const bool fits = samples <= std::ssize(free_slots_) && tokens <= config_.max_prefill_tokens;
      if (!fits && next_prompt_ > first) break;
    }
    const auto chosen = prompts_.subspan(first, next_prompt_ - first);
    Prefilled filled = prefill(model_, chosen, config_.max_prefill_tokens);
    std::vector<std::int64_t> of_row;
    for (std::size_t p = 0; p < chosen.size(); ++p) {
      add_rows(chosen[p], answers_[first + p], std::move(filled.prefixes[p]));
      of_row.insert(of_row.end(),
                    static_cast<std::size_t>(chosen[p].num_samples),
                    static_cast<std::int64_t>(p));
    }
    const Tensor logits = model_.logits(filled.last_hidden);
    take(logits.index_select(0, torch::tensor(of_row, torch::kInt64).to(logits.device())));
  }

  void add_rows(const Prompt& prompt,
                std::vector<Sample>& samples,
                std::vector<ops::LayerKv> prefix) {
    make_slots(prefix);
    cache_.groups.push_back({std::move(prefix), prompt.num_samples});
    samples.resize(static_cast<std::size_t>(prompt.num_samples));
    for (std::size_t s = 0; s < samples.size(); ++s) {
      rows_.push_back({.prompt = &prompt,
                       .sample = &samples[s],
                       .key = {prompt.seed, s, 0},
                       .next_position = std::ssize(prompt.ids) + prompt.position_delta - 1});
      cache_.slots.push_back(free_slots_.back());
      cache_.lengths.push_back(0);
      free_slots_.pop_back();
    }
  }

  void make_slots(const std::vector<ops::LayerKv>& like) {
    if (!cache_.own.empty()) return;
    const std::int64_t capacity = std::min(kFirstCapacity, config_.sampling.max_tokens);
    for (const ops::LayerKv& layer : like) {
      const std::vector<std::int64_t> shape = {
          num_slots_, capacity, layer.k.size(1), layer.k.size(2)};
      cache_.own.push_back(
          {torch::zeros(shape, layer.k.options()), torch::zeros(shape, layer.v.options())});
    }
  }

  /// Draws a token for each of the last rows, one a row of logits, and lets finished rows go.
  void take(const Tensor& logits) {
    const std::size_t first = rows_.size() - static_cast<std::size_t>(logits.size(0));
    std::vector<DrawRow> wanted;
    for (std::size_t r = first; r < rows_.size(); ++r)
      wanted.push_back({rows_[r].key, rows_[r].prompt->ids, rows_[r].sample->ids});
    const std::vector<Draw> draws = draw_tokens(logits, config_.sampling, wanted);
    std::vector<bool> done(rows_.size(), false);
    for (std::size_t r = first; r < rows_.size(); ++r) done[r] = note(rows_[r], draws[r - first]);
    if (std::find(done.begin(), done.end(), true) != done.end()) drop(done);
  }

  /// @return whether the row is done
  bool note(Row& row, const Draw& draw) {
    row.sample->ids.push_back(draw.id);
    row.sample->log_probs.push_back(draw.log_prob);
    row.key.step += 1;
    row.next_position += 1;
    const auto& stops = config_.stop_ids;
    bool stopped = std::find(stops.begin(), stops.end(), draw.id) != stops.end();
    const bool full = std::ssize(row.sample->ids) >= config_.sampling.max_tokens;
    if (config_.on_token) {
      const bool ended =
          config_.on_token({.prompt = static_cast<std::size_t>(row.prompt - prompts_.data()),
                            .sample = static_cast<std::int64_t>(row.key.sample),
                            .id = draw.id,
                            .is_last = stopped || full});
      stopped = stopped || ended;
    }
    if (stopped || full) row.sample->finish_reason = stopped ? "stop" : "length";
    return stopped || full;
  }

  void drop(const std::vector<bool>& done) {
    std::size_t kept = 0;
    std::size_t row = 0;
    for (ops::DecodeCache::Group& group : cache_.groups) {
      const std::size_t end = row + static_cast<std::size_t>(group.num_rows);
      for (; row < end; ++row) {
        if (done[row]) {
          free_slots_.push_back(cache_.slots[row]);
          group.num_rows -= 1;
          continue;
        }
        rows_[kept] = rows_[row];
        cache_.slots[kept] = cache_.slots[row];
        cache_.lengths[kept] = cache_.lengths[row];
        kept += 1;
      }
    }
    rows_.resize(kept);
    cache_.slots.resize(kept);
    cache_.lengths.resize(kept);
    std::erase_if(cache_.groups, [](const auto& group) { return group.num_rows == 0; });
  }

  void grow_slots() {
    const std::int64_t capacity = cache_.own[0].k.size(1);
    if (*std::max_element(cache_.lengths.begin(), cache_.lengths.end()) < capacity) return;
    for (ops::LayerKv& layer : cache_.own) {
      layer = {torch::cat({layer.k, torch::zeros_like(layer.k)}, 1),
               torch::cat({layer.v, torch::zeros_like(layer.v)}, 1)};
    }
  }

  /// Logits of the token behind the last one of each row, [R, V].
  Tensor decode() {
    grow_slots();
    std::vector<std::int64_t> ids;
    std::vector<std::int64_t> positions;
    for (const Row& row : rows_) {
      ids.push_back(row.sample->ids.back());
      positions.push_back(row.next_position);
    }
    const torch::Device device = model_.head.device();
    models::Decoder decoder = model_.decoder;
    const Tensor hidden = decoder->forward(decoder->embed_tokens(torch::tensor(ids).to(device)),
                                           torch::tensor(positions).to(device),
                                           {.cache = &cache_});
    for (std::int64_t& length : cache_.lengths) ++length;
    return model_.logits(hidden);
  }

  const models::TextModel& model_;
  std::span<const Prompt> prompts_;
  const GeneratorConfig& config_;
  std::vector<std::vector<Sample>>& answers_;
  std::size_t next_prompt_ = 0;
  std::int64_t num_slots_ = 0;
  std::vector<std::int64_t> free_slots_;
  std::vector<Row> rows_;
  ops::DecodeCache cache_;  ///< of rows_, in their order
};

}  // namespace

std::vector<std::vector<Sample>> generate(const models::TextModel& model,
                                          std::span<const Prompt> prompts,
                                          const GeneratorConfig& config) {
  const torch::NoGradGuard no_grad;
  std::vector<std::vector<Sample>> answers(prompts.size());
  Decoding(model, prompts, config, answers).run();
  return answers;
}

Tensor next_token_log_probs(const models::TextModel& model,
                            std::span<const Prompt> prompts,
                            std::int64_t max_prefill_tokens) {
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> log_probs;
  for (std::size_t begin = 0; begin < prompts.size();) {
    std::size_t end = begin;
    std::int64_t tokens = 0;
    while (end < prompts.size() &&
           (end == begin || tokens + std::ssize(prompts[end].ids) <= max_prefill_tokens))
      tokens += std::ssize(prompts[end++].ids);
    const Tensor hidden =
        prefill(model, prompts.subspan(begin, end - begin), max_prefill_tokens).last_hidden;
    log_probs.push_back(torch::log_softmax(model.logits(hidden).to(torch::kFloat32), -1).cpu());
    begin = end;
  }
  if (log_probs.empty()) return torch::empty({0, model.head.size(0)});
  const Tensor all = torch::cat(log_probs);
  if (!all.isfinite().all().item<bool>()) {
    throw Error(ExitCode::kInternal,
                "non-finite log-probabilities: the weights are damaged, or this dtype overflows");
  }
  return all;
}

}  // namespace vragent::engine

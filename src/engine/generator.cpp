// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/generator.h"

#include <algorithm>

#include "vragent/engine/decoding/decode_batch.h"
#include "vragent/engine/decoding/sampler.h"
#include "vragent/engine/prefill.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/interrupt.h"

namespace vragent::engine {
namespace {

using torch::Tensor;

constexpr std::int64_t kAdmitShare = 8;  ///< wait for this part of the rows to be free

/// One sample that is being written.
struct Row {
  const Prompt* prompt;
  Sample* sample;
  DrawKey key;
  std::int64_t next_position;  ///< of the token drawn last
};

/// Limits for decoding `prompts` with at most `max_rows` rows, or as many as one prompt wants.
BatchLimits limits_of(std::span<const Prompt> prompts,
                      std::int64_t max_rows,
                      std::int64_t max_tokens) {
  BatchLimits limits{.tokens = max_tokens};
  std::int64_t all = 0;
  std::int64_t fewest = max_rows;
  for (const Prompt& prompt : prompts) {
    all += prompt.num_samples;
    fewest = std::min(fewest, prompt.num_samples);
    limits.samples = std::max(limits.samples, prompt.num_samples);
    limits.longest_prompt = std::max(limits.longest_prompt, std::ssize(prompt.ids));
  }
  limits.rows = std::max(limits.samples, std::min(max_rows, all));
  limits.groups = std::min(std::ssize(prompts), limits.rows / std::max<std::int64_t>(1, fewest));
  return limits;
}

/// Prompts come in while rows are free, rows leave when they are done.
class Decoding {
 public:
  Decoding(const models::TextModel& model,
           std::span<const Prompt> prompts,
           const GeneratorConfig& config,
           std::vector<std::vector<Sample>>& answers)
      : model_(model),
        prompts_(prompts),
        config_(config),
        answers_(answers),
        limits_(limits_of(prompts, config.max_rows, config.sampling.max_tokens)),
        batch_(make_decode_batch(model, limits_)) {}

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
    return free_rows() >= prompts_[next_prompt_].num_samples &&
           free_rows() * kAdmitShare >= limits_.rows;
  }

  [[nodiscard]] std::int64_t free_rows() const { return limits_.rows - std::ssize(rows_); }

  void admit() {
    if (next_prompt_ > 0) throw_if_interrupted("generation stopped between two batches");
    const std::size_t first = next_prompt_;
    std::int64_t samples = 0;
    std::int64_t tokens = 0;
    for (; next_prompt_ < prompts_.size(); ++next_prompt_) {
      const Prompt& prompt = prompts_[next_prompt_];
      samples += prompt.num_samples;
      tokens += std::ssize(prompt.ids);
      const bool fits = samples <= free_rows() && tokens <= config_.max_prefill_tokens;
      if (!fits && next_prompt_ > first) break;
    }
    const auto chosen = prompts_.subspan(first, next_prompt_ - first);
    Prefilled filled = prefill(model_, chosen, config_.max_prefill_tokens);
    std::vector<std::int64_t> num_samples;
    std::vector<std::int64_t> of_row;
    for (std::size_t p = 0; p < chosen.size(); ++p) {
      add_rows(chosen[p], answers_[first + p]);
      num_samples.push_back(chosen[p].num_samples);
      of_row.insert(of_row.end(),
                    static_cast<std::size_t>(chosen[p].num_samples),
                    static_cast<std::int64_t>(p));
    }
    batch_->add(num_samples, std::move(filled.prefixes));
    const Tensor logits = model_.logits(filled.last_hidden);
    take(logits.index_select(0, torch::tensor(of_row, torch::kInt64).to(logits.device())));
  }

  void add_rows(const Prompt& prompt, std::vector<Sample>& samples) {
    samples.resize(static_cast<std::size_t>(prompt.num_samples));
    for (std::size_t s = 0; s < samples.size(); ++s) {
      rows_.push_back({.prompt = &prompt,
                       .sample = &samples[s],
                       .key = {prompt.seed, s, 0},
                       .next_position = std::ssize(prompt.ids) + prompt.position_delta - 1});
    }
  }

  /// Draws a token for each of the last rows, one a row of logits, and lets finished rows go.
  void take(const Tensor& logits) {
    const std::size_t first = rows_.size() - static_cast<std::size_t>(logits.size(0));
    std::vector<DrawRow> wanted;
    for (std::size_t r = first; r < rows_.size(); ++r)
      wanted.push_back(
          {rows_[r].key, rows_[r].prompt->ids, rows_[r].sample->ids, index_of(rows_[r])});
    const std::vector<Draw> draws = draw_tokens(logits, config_.sampling, wanted);
    std::vector<bool> done(rows_.size(), false);
    for (std::size_t r = first; r < rows_.size(); ++r) done[r] = note(rows_[r], draws[r - first]);
    if (std::find(done.begin(), done.end(), true) != done.end()) drop(done);
  }

  [[nodiscard]] std::size_t index_of(const Row& row) const {
    return static_cast<std::size_t>(row.prompt - prompts_.data());
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
      const bool ended = config_.on_token({.prompt = index_of(row),
                                           .sample = static_cast<std::int64_t>(row.key.sample),
                                           .id = draw.id,
                                           .is_last = stopped || full});
      stopped = stopped || ended;
    }
    if (stopped || full) row.sample->finish_reason = stopped ? "stop" : "length";
    return stopped || full;
  }

  void drop(const std::vector<bool>& done) {
    batch_->remove(done);
    std::size_t kept = 0;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      if (!done[row]) rows_[kept++] = rows_[row];
    }
    rows_.resize(kept);
  }

  /// Logits of the token behind the last one of each row, [R, V].
  Tensor decode() {
    std::vector<NextToken> tokens;
    for (const Row& row : rows_) tokens.push_back({row.sample->ids.back(), row.next_position});
    return batch_->step(tokens);
  }

  const models::TextModel& model_;
  std::span<const Prompt> prompts_;
  const GeneratorConfig& config_;
  std::vector<std::vector<Sample>>& answers_;
  BatchLimits limits_;
  std::unique_ptr<DecodeBatch> batch_;
  std::size_t next_prompt_ = 0;
  std::vector<Row> rows_;
};

/// Adds the log-probabilities that are asked for of the next prompts, one a row of logits.
void add_log_probs(const Tensor& logits,
                   std::span<const std::vector<std::int64_t>> ids,
                   std::vector<Tensor>& log_probs) {
  const Tensor rows = torch::log_softmax(logits.to(torch::kFloat32), -1);
  const Tensor is_finite = rows.isfinite().all(1);
  if (!is_finite.all().item<bool>()) {
    throw Error(ExitCode::kInternal,
                formatted("non-finite log-probabilities behind prompt {}: the weights are damaged, "
                          "or this dtype overflows",
                          std::ssize(log_probs) +
                              is_finite.to(torch::kInt64).argmin().item<std::int64_t>()));
  }
  std::vector<std::int64_t> places;
  std::vector<std::int64_t> counts;
  for (std::int64_t row = 0; row < rows.size(0); ++row) {
    const auto& wanted = ids[log_probs.size() + static_cast<std::size_t>(row)];
    for (const std::int64_t id : wanted) {
      TORCH_CHECK(id >= 0 && id < rows.size(1), "token ", id, " of a vocabulary of ", rows.size(1));
      places.push_back(row * rows.size(1) + id);
    }
    counts.push_back(std::ssize(wanted));
  }
  const Tensor index = torch::tensor(places, torch::kInt64).to(rows.device());
  for (const Tensor& of_prompt :
       rows.flatten().index_select(0, index).cpu().split_with_sizes(counts))
    log_probs.push_back(of_prompt);
}

}  // namespace

std::vector<std::vector<Sample>> generate(const models::TextModel& model,
                                          std::span<const Prompt> prompts,
                                          const GeneratorConfig& config) {
  const torch::NoGradGuard no_grad;
  std::vector<std::vector<Sample>> answers(prompts.size());
  Decoding(model, prompts, config, answers).run();
  return answers;
}

std::vector<Tensor> next_token_log_probs(const models::TextModel& model,
                                         std::span<const Prompt> prompts,
                                         std::span<const std::vector<std::int64_t>> ids,
                                         std::int64_t max_prefill_tokens) {
  const torch::NoGradGuard no_grad;
  TORCH_CHECK(ids.size() == prompts.size(), "next_token_log_probs: a list of ids for each prompt");
  std::vector<Tensor> log_probs;
  for (std::size_t begin = 0; begin < prompts.size();) {
    std::size_t end = begin;
    std::int64_t tokens = 0;
    while (end < prompts.size() &&
           (end == begin || tokens + std::ssize(prompts[end].ids) <= max_prefill_tokens))
      tokens += std::ssize(prompts[end++].ids);
    const Tensor hidden =
        prefill(model, prompts.subspan(begin, end - begin), max_prefill_tokens).last_hidden;
    for (const Tensor& rows : hidden.split(kLogitRows))
      add_log_probs(model.logits(rows), ids, log_probs);
    begin = end;
  }
  return log_probs;
}

}  // namespace vragent::engine

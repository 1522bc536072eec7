// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "learning/grpo/curriculum.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "vragent/learning/trained_model.h"
#include "vragent/simulator/tasks.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/log.h"
#include "vragent/util/random.h"

namespace vragent::learning {
namespace {

std::vector<std::int64_t> prompt_ids(const data::Case& row,
                                     const engine::ChatEncoder& encoder,
                                     const simulator::PromptConfig& prompt) {
  return encoder.encode(simulator::task_messages(row, prompt), simulator::assistant_prefill(prompt))
      .ids;
}

std::int64_t prompt_tokens(const data::Case& row,
                           const engine::ChatEncoder& encoder,
                           const simulator::PromptConfig& prompt) {
  return std::ssize(prompt_ids(row, encoder, prompt));
}

/// The case with the newest `kept` videos of its history.
data::Case with_newest(const data::Case& row, std::size_t kept) {
  data::Case shorter = row;
  shorter.history.erase(shorter.history.begin(),
                        shorter.history.end() - static_cast<std::ptrdiff_t>(kept));
  return shorter;
}

/// As many of the newest videos as fit, at least one; nothing when that is too long too.
std::optional<data::Case> truncated(const data::Case& row,
                                    const engine::ChatEncoder& encoder,
                                    const simulator::PromptConfig& prompt,
                                    std::int64_t max_tokens) {
  const auto fits = [&](std::size_t kept) {
    return prompt_tokens(with_newest(row, kept), encoder, prompt) <= max_tokens;
  };
  if (row.history.empty() || !fits(1)) return std::nullopt;
  std::size_t least = 1;  // fits
  std::size_t most = row.history.size();
  while (least + 1 < most) {
    const std::size_t middle = (least + most) / 2;
    (fits(middle) ? least : most) = middle;
  }
  return with_newest(row, least);
}

bool fits(const StageSpec& spec, const data::Case& row) {
  return row.task == data::Task::kJudge ? spec.judge : spec.select;
}

/// `count` cases behind `done` already asked, running through a fresh shuffle of the pool each
/// epoch.
void take(const std::vector<const data::Case*>& pool,
          std::int64_t done,
          std::int64_t count,
          std::uint64_t seed,
          std::vector<const data::Case*>& into) {
  const auto size = static_cast<std::int64_t>(pool.size());
  std::int64_t shuffled_epoch = -1;
  std::vector<const data::Case*> order;
  for (std::int64_t i = done; i < done + count; ++i) {
    if (i / size != shuffled_epoch) {
      shuffled_epoch = i / size;
      order = pool;
      RandomStream(mix_seed(seed, {static_cast<std::uint64_t>(shuffled_epoch)})).shuffle(order);
    }
    into.push_back(order[static_cast<std::size_t>(i % size)]);
  }
}

}  // namespace

FittingCases load_fitting_cases(const std::vector<std::filesystem::path>& files,
                                const engine::ChatEncoder& encoder,
                                const simulator::PromptConfig& prompt,
                                const PromptLimit& limit) {
  FittingCases fitting;
  for (const auto& path : files) {
    for (data::Case& row : data::load_cases(path)) {
      const std::vector<std::int64_t> ids = prompt_ids(row, encoder, prompt);
      check_vocabulary(ids, limit.vocabulary, formatted("{}: case {}", path, row.case_id));
      std::int64_t tokens = std::ssize(ids);
      if (tokens > limit.max_tokens && limit.overlong == "skip") {
        ++fitting.skipped;
        continue;
      }
      if (tokens > limit.max_tokens) {
        auto shorter = limit.overlong == "truncate"
                           ? truncated(row, encoder, prompt, limit.max_tokens)
                           : std::nullopt;
        if (!shorter)
          throw DataError(
              formatted("{}: case {}: prompt of {} tokens{}, --max-prompt-tokens is {} (--overlong "
                        "skip passes over it)",
                        path,
                        row.case_id,
                        tokens,
                        limit.overlong == "truncate" ? ", too long without a history too" : "",
                        limit.max_tokens));
        row = std::move(*shorter);
        tokens = prompt_tokens(row, encoder, prompt);
        ++fitting.truncated;
      }
      fitting.cases.push_back(std::move(row));
      fitting.tokens.push_back(tokens);
    }
  }
  if (fitting.skipped > 0) log::warn("{} cases with overlong prompts are skipped", fitting.skipped);
  if (fitting.truncated > 0)
    log::warn("{} cases with overlong prompts lose the oldest of their history", fitting.truncated);
  return fitting;
}

StageSpec parse_stage(const std::string& text) {
  const auto colon = text.find(':');
  const std::string task = text.substr(0, colon);
  StageSpec spec{.judge = task == "judge" || task == "both",
                 .select = task == "select" || task == "both"};
  const char* begin = text.data() + (colon == std::string::npos ? text.size() : colon + 1);
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(begin, end, spec.epochs);
  const bool is_number = parsed.ec == std::errc() && parsed.ptr == end && spec.epochs >= 0;
  if (!(spec.judge || spec.select) || !is_number) {
    throw ConfigError(
        formatted("--stages: \"{}\" is not TASK:EPOCHS with TASK judge, select or both", text));
  }
  return spec;
}

Curriculum::Curriculum(const std::vector<data::Case>& cases,
                       const std::vector<std::string>& stages,
                       std::int64_t batch_prompts,
                       double replay,
                       std::uint64_t seed)
    : seed_(seed) {
  StageSpec before;
  for (const std::string& text : stages) {
    const StageSpec spec = parse_stage(text);
    Stage stage{.first_step = total_steps_};
    for (const data::Case& row : cases) {
      if (fits(spec, row)) {
        stage.own.push_back(&row);
      } else if (fits(before, row)) {
        stage.earlier.push_back(&row);
      }
    }
    if (stage.own.empty())
      throw DataError(formatted("stage \"{}\" finds no case of its task in --cases", text));
    stage.earlier_per_step =
        stage.earlier.empty() ? 0 : std::llround(replay * static_cast<double>(batch_prompts));
    stage.own_per_step = batch_prompts - stage.earlier_per_step;
    if (stage.own_per_step < 1)
      throw ConfigError("--replay leaves no prompt for the stage's own task");
    stage.steps =
        static_cast<std::int64_t>(std::ceil(spec.epochs * static_cast<double>(stage.own.size()) /
                                            static_cast<double>(stage.own_per_step)));
    total_steps_ += stage.steps;
    stages_.push_back(std::move(stage));
    before.judge = before.judge || spec.judge;
    before.select = before.select || spec.select;
  }
}

std::size_t Curriculum::stage_of(std::int64_t step) const {
  std::size_t stage = 0;
  while (stage + 1 < stages_.size() && step >= stages_[stage].first_step + stages_[stage].steps)
    ++stage;
  return stage;
}

bool Curriculum::begins_stage(std::int64_t step) const {
  return step == stages_[stage_of(step)].first_step;
}

std::vector<const data::Case*> Curriculum::next_cases(std::int64_t step,
                                                      std::int64_t count,
                                                      Place& place) const {
  const std::size_t index = stage_of(step);
  const Stage& stage = stages_[index];
  const double share = static_cast<double>(stage.earlier_per_step) /
                       static_cast<double>(stage.earlier_per_step + stage.own_per_step);
  const std::int64_t earlier = std::llround(share * static_cast<double>(count));
  std::vector<const data::Case*> chosen;
  take(stage.own, place.own, count - earlier, mix_seed(seed_, {hash_text("own"), index}), chosen);
  if (earlier > 0)
    take(stage.earlier,
         place.earlier,
         earlier,
         mix_seed(seed_, {hash_text("earlier"), index}),
         chosen);
  place.own += count - earlier;
  place.earlier += earlier;
  return chosen;
}

double Curriculum::epoch_of(std::int64_t step) const {
  double epochs = 0;
  for (const Stage& stage : stages_) {
    const std::int64_t done = std::clamp<std::int64_t>(step - stage.first_step, 0, stage.steps);
    epochs +=
        static_cast<double>(done * stage.own_per_step) / static_cast<double>(stage.own.size());
  }
  return epochs;
}

}  // namespace vragent::learning

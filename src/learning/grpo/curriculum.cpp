// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "learning/grpo/curriculum.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "vragent/learning/trained_model.h"
#include "vragent/simulator/tasks.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
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

/// Brings cases forward so that any `apart` in a row, of what came before and the order, differ.
void keep_apart(const std::vector<const data::Case*>& before,
                std::vector<const data::Case*>& order,
                std::int64_t apart) {
  for (std::int64_t place = 0; place + 1 < apart; ++place) {
    const auto recent = before.end() - (apart - 1 - place);
    const auto next = std::find_if(order.begin() + place, order.end(), [&](const data::Case* row) {
      return std::find(recent, before.end(), row) == before.end();
    });
    std::rotate(order.begin() + place, next, next + 1);
  }
}

/// The cases as an epoch asks them: a fresh shuffle that begins with none of what was just asked.
const std::vector<const data::Case*>& order_of(const CasePool& pool,
                                               std::int64_t epoch,
                                               std::uint64_t seed) {
  if (epoch < pool.epoch) pool.epoch = -1;
  while (pool.epoch < epoch) {
    const std::vector<const data::Case*> before = std::exchange(pool.order, pool.cases);
    pool.epoch += 1;
    RandomStream(mix_seed(seed, {static_cast<std::uint64_t>(pool.epoch)})).shuffle(pool.order);
    if (pool.epoch > 0) keep_apart(before, pool.order, pool.per_step);
  }
  return pool.order;
}

/// `count` cases behind `done` already asked, running through the pool each epoch.
void take(const CasePool& pool,
          std::int64_t done,
          std::int64_t count,
          std::uint64_t seed,
          std::vector<const data::Case*>& into) {
  const std::int64_t size = std::ssize(pool.cases);
  for (std::int64_t i = done; i < done + count; ++i)
    into.push_back(order_of(pool, i / size, seed)[static_cast<std::size_t>(i % size)]);
}

/// Refuses what rewards cannot be paid for, and a case that came before. @param places of the cases
/// so far
void check_case(const data::Case& row, const std::string& where, data::CasePlaces& places) {
  data::note_place(row, where, places);
  if ((row.task == data::Task::kJudge ? row.label : row.answer_index) < 0)
    throw DataError(formatted("{}: case {} has no {}, which rewards need",
                              where,
                              row.case_id,
                              row.task == data::Task::kJudge ? "label" : "answer_index"));
}

}  // namespace

FittingCases load_fitting_cases(const std::vector<std::filesystem::path>& files,
                                const engine::ChatEncoder& encoder,
                                const simulator::PromptConfig& prompt,
                                const PromptLimit& limit) {
  FittingCases fitting;
  data::CasePlaces places;
  for (const auto& path : files) {
    for_each_line(path, [&](const std::string& line, const std::string& where) {
      data::Case row = data::parse_case(line, where);
      check_case(row, where, places);
      const std::vector<std::int64_t> ids = prompt_ids(row, encoder, prompt);
      check_vocabulary(ids, limit.vocabulary, formatted("{}: case {}", where, row.case_id));
      std::int64_t tokens = std::ssize(ids);
      if (tokens > limit.max_tokens && limit.overlong == "skip") {
        ++fitting.skipped;
        return;
      }
      if (tokens > limit.max_tokens) {
        auto shorter = limit.overlong == "truncate"
                           ? truncated(row, encoder, prompt, limit.max_tokens)
                           : std::nullopt;
        if (!shorter)
          throw DataError(
              formatted("{}: case {}: prompt of {} tokens{}, --max-prompt-tokens is {} (--overlong "
                        "skip passes over it)",
                        where,
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
    });
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
        stage.own.cases.push_back(&row);
      } else if (fits(before, row)) {
        stage.earlier.cases.push_back(&row);
      }
    }
    const std::int64_t found = std::ssize(stage.own.cases);
    if (found == 0)
      throw DataError(formatted("stage \"{}\" finds no case of its task in --cases", text));
    stage.earlier.per_step = std::min<std::int64_t>(
        std::llround(replay * static_cast<double>(batch_prompts)), std::ssize(stage.earlier.cases));
    stage.own.per_step = std::min(batch_prompts - stage.earlier.per_step, found);
    if (stage.own.per_step < 1)
      throw ConfigError("--replay leaves no prompt for the stage's own task");
    if (stage.own.per_step + stage.earlier.per_step < batch_prompts)
      log::warn("stage \"{}\" finds {} cases: its steps ask {} prompts, not {}",
                text,
                found,
                stage.own.per_step + stage.earlier.per_step,
                batch_prompts);
    stage.steps = static_cast<std::int64_t>(std::ceil(spec.epochs * static_cast<double>(found) /
                                                      static_cast<double>(stage.own.per_step)));
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

std::int64_t Curriculum::prompts_of(std::int64_t step) const {
  const Stage& stage = stages_[stage_of(step)];
  return stage.own.per_step + stage.earlier.per_step;
}

std::vector<const data::Case*> Curriculum::next_cases(std::int64_t step,
                                                      std::int64_t count,
                                                      Place& place) const {
  const std::size_t index = stage_of(step);
  const Stage& stage = stages_[index];
  const double share =
      static_cast<double>(stage.earlier.per_step) / static_cast<double>(prompts_of(step));
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
    epochs += static_cast<double>(done * stage.own.per_step) /
              static_cast<double>(stage.own.cases.size());
  }
  return epochs;
}

}  // namespace vragent::learning

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "learning/grpo/curriculum.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/random.h"

namespace vragent::learning {
namespace {

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

std::vector<const data::Case*> Curriculum::cases_of(std::int64_t step) const {
  const std::size_t index = stage_of(step);
  const Stage& stage = stages_[index];
  const std::int64_t done = step - stage.first_step;
  std::vector<const data::Case*> chosen;
  take(stage.own,
       done * stage.own_per_step,
       stage.own_per_step,
       mix_seed(seed_, {hash_text("own"), index}),
       chosen);
  if (stage.earlier_per_step > 0) {
    take(stage.earlier,
         done * stage.earlier_per_step,
         stage.earlier_per_step,
         mix_seed(seed_, {hash_text("earlier"), index}),
         chosen);
  }
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

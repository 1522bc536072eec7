// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo/rollout.h"

#include <cmath>
#include <cstring>
#include <iterator>
#include <string_view>
#include <type_traits>
#include <utility>

#include "vragent/comm/sharing.h"
#include "vragent/learning/grpo/advantage.h"
#include "vragent/simulator/tasks.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/random.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

constexpr const char* kStopped = "stopped";  // in place of answers; shorter than any of them

template <class T>
void put(std::string& bytes, const T* values, std::size_t count) {
  static_assert(std::is_trivially_copyable_v<T>);
  bytes.append(reinterpret_cast<const char*>(values), count * sizeof(T));
}

/// Takes values off the front of a text of bytes.
template <class T>
void take(std::string_view& bytes, T* values, std::size_t count) {
  TORCH_CHECK(bytes.size() >= count * sizeof(T), "answers of another process are cut short");
  std::memcpy(values, bytes.data(), count * sizeof(T));
  bytes.remove_prefix(count * sizeof(T));
}

void append(std::string& bytes, const engine::Sample& sample) {
  const std::uint64_t sizes[2] = {sample.ids.size(), sample.finish_reason.size()};
  put(bytes, sizes, 2);
  put(bytes, sample.ids.data(), sample.ids.size());
  put(bytes, sample.log_probs.data(), sample.log_probs.size());
  bytes += sample.finish_reason;
}

std::vector<engine::Sample> samples_in(std::string_view bytes) {
  std::vector<engine::Sample> samples;
  while (!bytes.empty()) {
    std::uint64_t sizes[2] = {0, 0};
    take(bytes, sizes, 2);
    engine::Sample& sample = samples.emplace_back();
    sample.ids.resize(sizes[0]);
    sample.log_probs.resize(sizes[0]);
    sample.finish_reason.resize(sizes[1]);
    take(bytes, sample.ids.data(), sizes[0]);
    take(bytes, sample.log_probs.data(), sizes[0]);
    take(bytes, sample.finish_reason.data(), sizes[1]);
  }
  return samples;
}

std::vector<engine::Sample> flat(std::vector<std::vector<engine::Sample>> groups) {
  std::vector<engine::Sample> samples;
  for (auto& group : groups)
    samples.insert(samples.end(),
                   std::make_move_iterator(group.begin()),
                   std::make_move_iterator(group.end()));
  return samples;
}

/// This process's answers as bytes, or kStopped. Sampling ends early after a signal, which other
/// processes may not have got: they are told in place of answers.
std::string own_answers(const models::TextModel& policy,
                        std::span<const engine::Prompt> prompts,
                        const engine::GeneratorConfig& config) {
  std::string bytes;
  if (prompts.empty()) return bytes;
  try {
    for (const engine::Sample& sample : flat(engine::generate(policy, prompts, config)))
      append(bytes, sample);
  } catch (const Interrupted&) {
    return kStopped;
  }
  return bytes;
}

/// engine::generate() of all prompts, one group behind the other; each process samples for a part
/// of them and gets the answers of all, whatever their number (fp32: but for a draw that rounding
/// decides). @throws Interrupted in all processes when one of them was stopped
std::vector<engine::Sample> sample_together(const models::TextModel& policy,
                                            std::span<const engine::Prompt> prompts,
                                            const engine::GeneratorConfig& config,
                                            const comm::Communicator& processes) {
  if (processes.size() == 1) return flat(engine::generate(policy, prompts, config));
  const comm::Share own = comm::share_of(prompts.size(), processes);
  std::vector<engine::Sample> samples;
  bool is_stopped = false;
  for (const std::string& bytes : comm::gather_texts(
           processes, own_answers(policy, prompts.subspan(own.begin, own.size()), config))) {
    is_stopped = is_stopped || bytes == kStopped;
    if (is_stopped) continue;
    for (engine::Sample& sample : samples_in(bytes)) samples.push_back(std::move(sample));
  }
  if (is_stopped) throw Interrupted("a process was stopped while sampling");
  return samples;
}

/// Rewards of all answers.
void score(Rollout& rollout, const engine::ChatEncoder& encoder, const RolloutConfig& config) {
  const std::string prefill = simulator::assistant_prefill(config.prompt);
  for (std::size_t r = 0; r < rollout.samples.size(); ++r) {
    const engine::Sample& sample = rollout.samples[r];
    rollout.replies.push_back(prefill + encoder.decode(sample.ids));
    const data::Case& row = *rollout.cases[r / static_cast<std::size_t>(config.group_size)];
    rollout.rewards.push_back(score_reply(
        row, config.prompt, rollout.replies.back(), sample.finish_reason, config.reward));
  }
}

/// Format and task rewards, fp32 [P, G] each.
std::vector<Tensor> reward_tensors(const Rollout& rollout) {
  std::vector<float> formats;
  std::vector<float> tasks;
  for (std::size_t r = 0; r < rollout.rewards.size(); ++r) {
    const Reward& reward = rollout.rewards[r];
    if (!std::isfinite(reward.total()))
      throw Error(
          ExitCode::kInternal,
          formatted("case {}: a reward is {}",
                    rollout.cases[r / static_cast<std::size_t>(rollout.group_size)]->case_id,
                    reward.total()));
    formats.push_back(static_cast<float>(reward.format));
    tasks.push_back(static_cast<float>(reward.task));
  }
  const auto by_group = [&](const std::vector<float>& values) {
    return torch::tensor(values).view({std::ssize(rollout.cases), rollout.group_size});
  };
  return {by_group(formats), by_group(tasks)};
}

template <class T>
void append(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

/// Puts groups behind others. Advantages may look at all of them: there are none until they are
/// computed anew.
void append(Rollout& to, Rollout&& from) {
  append(to.cases, std::move(from.cases));
  append(to.prompts, std::move(from.prompts));
  append(to.samples, std::move(from.samples));
  append(to.replies, std::move(from.replies));
  append(to.rewards, std::move(from.rewards));
  to.advantages = Tensor();
}

std::vector<std::size_t> places_of(const std::vector<bool>& marks) {
  std::vector<std::size_t> places;
  for (std::size_t p = 0; p < marks.size(); ++p) {
    if (marks[p]) places.push_back(p);
  }
  return places;
}

/// [P, G]: rows of `kept` where its groups stood, zero elsewhere.
Tensor spread_out(const Tensor& kept, const std::vector<bool>& marks) {
  Tensor all = torch::zeros({std::ssize(marks), kept.size(1)}, kept.options());
  std::int64_t next = 0;
  for (std::size_t p = 0; p < marks.size(); ++p) {
    if (marks[p]) all[static_cast<std::int64_t>(p)].copy_(kept[next++]);
  }
  return all;
}

}  // namespace

Rollout filled_rollout(std::vector<engine::Prompt> prompts,
                       std::int64_t group_size,
                       std::int64_t answer_tokens) {
  Rollout rollout{.prompts = std::move(prompts), .group_size = group_size};
  const auto length = static_cast<std::size_t>(answer_tokens);
  for (const engine::Prompt& prompt : rollout.prompts) {
    for (std::int64_t g = 0; g < group_size; ++g)
      rollout.samples.push_back({.ids = std::vector(length, prompt.ids.back()),
                                 .log_probs = std::vector<float>(length, 0.0F),
                                 .finish_reason = "stop"});
  }
  rollout.advantages = torch::ones({std::ssize(rollout.prompts), group_size});
  return rollout;
}

void set_advantages(Rollout& rollout, const AdvantageConfig& config) {
  rollout.advantages = advantages_of(reward_tensors(rollout), config);
}

std::vector<bool> varied_groups(const Rollout& rollout, const AdvantageConfig& config) {
  const Tensor varied = have_variance(reward_tensors(rollout), config);
  std::vector<bool> marks;
  for (std::int64_t p = 0; p < varied.size(0); ++p) marks.push_back(varied[p].item<bool>());
  return marks;
}

Rollout groups_of(const Rollout& rollout, std::span<const std::size_t> groups) {
  Rollout chosen{.group_size = rollout.group_size};
  const auto group = static_cast<std::size_t>(rollout.group_size);
  std::vector<std::int64_t> places;
  for (const std::size_t p : groups) {
    chosen.cases.push_back(rollout.cases[p]);
    chosen.prompts.push_back(rollout.prompts[p]);
    for (std::size_t r = p * group; r < (p + 1) * group; ++r) {
      chosen.samples.push_back(rollout.samples[r]);
      chosen.replies.push_back(rollout.replies[r]);
      chosen.rewards.push_back(rollout.rewards[r]);
    }
    places.push_back(static_cast<std::int64_t>(p));
  }
  if (rollout.advantages.defined())
    chosen.advantages = rollout.advantages.index_select(0, torch::tensor(places, torch::kInt64));
  return chosen;
}

Rollout roll_out(const models::TextModel& policy,
                 const engine::ChatEncoder& encoder,
                 std::vector<const data::Case*> cases,
                 const RolloutConfig& config,
                 std::uint64_t seed,
                 const comm::Communicator& processes) {
  Rollout rollout{.cases = std::move(cases), .group_size = config.group_size};
  const std::string prefill = simulator::assistant_prefill(config.prompt);
  for (const data::Case* row : rollout.cases) {
    rollout.prompts.push_back(
        {.ids = encoder.encode(simulator::task_messages(*row, config.prompt), prefill).ids,
         .seed = mix_seed(seed, {hash_text(row->case_id)}),
         .num_samples = config.group_size});
  }
  const engine::GeneratorConfig generator{
      .sampling = config.sampling, .stop_ids = encoder.stop_ids(), .max_rows = config.max_rows};
  const models::InferenceCopies copies(policy);
  rollout.samples = sample_together(copies.model(), rollout.prompts, generator, processes);
  score(rollout, encoder, config);
  set_advantages(rollout, config.advantage);
  return rollout;
}

SampledStep sample_step(const AskMore& ask,
                        std::int64_t wanted,
                        std::int64_t max_extra_rounds,
                        const AdvantageConfig& advantage) {
  SampledStep step{.all = ask(wanted, 0)};
  if (max_extra_rounds == 0) return step;
  step.is_kept = varied_groups(step.all, advantage);
  const auto missing = [&] {
    return wanted - std::count(step.is_kept.begin(), step.is_kept.end(), true);
  };
  while (missing() > 0 && step.rounds <= max_extra_rounds) {
    Rollout more = ask(missing(), step.rounds);
    append(step.is_kept, varied_groups(more, advantage));
    append(step.all, std::move(more));
    ++step.rounds;
  }
  step.kept = groups_of(step.all, places_of(step.is_kept));
  set_advantages(step.kept, advantage);
  step.all.advantages = spread_out(step.kept.advantages, step.is_kept);
  return step;
}

}  // namespace vragent::learning

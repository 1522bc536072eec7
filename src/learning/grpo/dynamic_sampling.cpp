// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "learning/grpo/dynamic_sampling.h"

#include <algorithm>
#include <iterator>

namespace vragent::learning {
namespace {

template <class T>
void append(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void append(Rollout& to, Rollout&& from) {
  append(to.cases, std::move(from.cases));
  append(to.prompts, std::move(from.prompts));
  append(to.samples, std::move(from.samples));
  append(to.replies, std::move(from.replies));
  append(to.rewards, std::move(from.rewards));
}

/// The groups that are marked, without advantages.
Rollout groups_of(const Rollout& rollout, const std::vector<bool>& marks) {
  Rollout chosen{.group_size = rollout.group_size};
  const auto group = static_cast<std::size_t>(rollout.group_size);
  for (std::size_t p = 0; p < marks.size(); ++p) {
    if (!marks[p]) continue;
    chosen.cases.push_back(rollout.cases[p]);
    chosen.prompts.push_back(rollout.prompts[p]);
    for (std::size_t r = p * group; r < (p + 1) * group; ++r) {
      chosen.samples.push_back(rollout.samples[r]);
      chosen.replies.push_back(rollout.replies[r]);
      chosen.rewards.push_back(rollout.rewards[r]);
    }
  }
  return chosen;
}

/// [P, G]: rows of `kept` where its groups stood, zero elsewhere.
torch::Tensor spread_out(const torch::Tensor& kept, const std::vector<bool>& marks) {
  torch::Tensor all = torch::zeros({std::ssize(marks), kept.size(1)}, kept.options());
  std::int64_t next = 0;
  for (std::size_t p = 0; p < marks.size(); ++p) {
    if (marks[p]) all[static_cast<std::int64_t>(p)].copy_(kept[next++]);
  }
  return all;
}

}  // namespace

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
  step.kept = groups_of(step.all, step.is_kept);
  set_advantages(step.kept, advantage);
  step.all.advantages = spread_out(step.kept.advantages, step.is_kept);
  return step;
}

}  // namespace vragent::learning

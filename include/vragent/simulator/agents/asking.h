// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Asking a model the questions of cases: prompts out, replies in, one decision a case. Agents that
// differ in what they show share this.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vragent/chat/chat_model.h"
#include "vragent/data/cases.h"
#include "vragent/data/decisions.h"
#include "vragent/simulator/user_profile.h"

namespace vragent::simulator::agents {

struct AskConfig {
  PromptConfig prompt;
  /// Greedy, so that a run can be repeated; reasoning of trained agents is short.
  chat::SamplingConfig sampling{.temperature = 0.0, .max_tokens = 512};
  std::int64_t num_samples = 1;  ///< answers a case that vote; more than one needs a temperature
  std::string p_yes = "votes";   ///< votes: share of Yes among num_samples > 1; log-prob: see below
  std::int64_t seed = 1;

  /// All flat: --temperature, --no-cot.
  void visit(auto& v) {
    prompt.visit(v);
    sampling.visit(v);
    v("num-samples", num_samples, "answers a case; the most frequent one is the decision");
    v("p-yes", p_yes, "probability of Yes from votes, or log-prob: of the answer's first token");
    v("seed", seed, "random seed of the samples");
  }

  /// @throws ConfigError naming the field
  void check() const;
};

/// Asks all cases in one batch. Of several samples the most frequent answer counts; a tie is
/// ambiguous; samples without a legal answer do not vote. p_yes is the share of Yes among the votes
/// (num_samples > 1), or, with "log-prob", the probability of Yes against No where the first
/// sample's answer begins. A failed call is a decision with `error`.
std::vector<data::Decision> ask(chat::ChatModel& model,
                                std::span<const data::Case> cases,
                                const AskConfig& config,
                                std::int64_t repeat);

}  // namespace vragent::simulator::agents

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Scripted answers for tests and dry runs: a callback, or rules of a file (--backend mock:FILE),
// one JSON object a line:
//   {"contains": "Candidate", "answers": ["<answer>Yes</answer>"], "choices": {"Yes": 0.8}}
//   {"answers": ["I do not know."], "finish_reason": "length"}
// The first rule whose `contains` occurs in the request's turns or prefill answers it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "vragent/chat/chat_model.h"

namespace vragent::chat {

/// One line of a rule file.
struct MockRule {
  std::string contains;              ///< text the request must hold; "" fits every request
  std::vector<std::string> answers;  ///< sample i gets answers[i % size]; at least one
  std::string finish_reason = "stop";
  std::string error;                      ///< the call fails with this text instead
  std::map<std::string, double> choices;  ///< probabilities of choices; the others share the rest
};

/// @throws DataError with path:line on a rule without answers, an unknown key, a bad probability
std::vector<MockRule> load_mock_rules(const std::filesystem::path& path);

/// A model without a model. Tokens are words; an answer is cut at sampling.max_tokens words.
class MockChat final : public ChatModel {
 public:
  using Script = std::function<Answer(const Request& request, std::int64_t sample)>;
  using ChoiceScript =
      std::function<std::vector<double>(const Request& request, const std::vector<std::string>&)>;

  /// @param script called once a sample. @param choices gives log-probabilities; without it all
  ///   choices are equally likely
  explicit MockChat(Script script, ChoiceScript choices = {});

  /// Answers by rules; a request that no rule fits gets an answer with an error.
  explicit MockChat(std::vector<MockRule> rules);

  std::vector<std::vector<Answer>> answer(std::span<const Request> requests) override;
  std::vector<std::vector<double>> choice_log_probs(
      std::span<const Request> requests, const std::vector<std::string>& choices) override;

  [[nodiscard]] std::string name() const override { return "mock"; }

  [[nodiscard]] std::string backend() const override { return "mock"; }

  /// Requests seen by both calls.
  [[nodiscard]] std::int64_t num_requests() const { return num_requests_; }

 private:
  Script script_;
  ChoiceScript choices_;
  std::int64_t num_requests_ = 0;
};

}  // namespace vragent::chat

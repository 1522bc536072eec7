// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/agents/asking.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>
#include <utility>

#include "vragent/simulator/answer_parser.h"
#include "vragent/simulator/tasks.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/random.h"

namespace vragent::simulator::agents {
namespace {

using data::AnswerStatus;

/// One sample's reply and what it says.
struct Vote {
  std::string reply;  // prefill included
  const chat::Answer* answer = nullptr;
  ParsedAnswer parsed;

  /// The answer as a number: the choice, or 1 for Yes.
  [[nodiscard]] std::int64_t value() const {
    return parsed.choice ? *parsed.choice : std::int64_t{*parsed.yes ? 1 : 0};
  }
};

chat::Request request_for(const data::Case& row, const AskConfig& config, std::int64_t repeat) {
  chat::Request request;
  request.messages = task_messages(row, config.prompt);
  request.prefill = assistant_prefill(config.prompt);
  request.sampling = config.sampling;
  request.seed = mix_seed(static_cast<std::uint64_t>(config.seed),
                          {hash_text(row.case_id), static_cast<std::uint64_t>(repeat)});
  request.num_samples = config.num_samples;
  return request;
}

std::vector<Vote> read_votes(const data::Case& row,
                             const AskConfig& config,
                             const std::vector<chat::Answer>& answers) {
  std::vector<Vote> votes;
  for (const chat::Answer& answer : answers) {
    Vote vote{assistant_prefill(config.prompt) + answer.text, &answer, {}};
    if (answer.error.empty()) {
      vote.parsed = parse_reply(row, config.prompt, vote.reply, answer.finish_reason);
    }
    votes.push_back(std::move(vote));
  }
  return votes;
}

/// The first vote for the most frequent answer; null when there is none or several tie.
const Vote* winner(const std::vector<Vote>& votes, bool& tied) {
  std::map<std::int64_t, std::int64_t> counts;
  for (const Vote& vote : votes) {
    if (is_answered(vote.parsed.status)) ++counts[vote.value()];
  }
  const auto most =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
        return a.second < b.second;
      });
  if (most == counts.end()) return nullptr;
  tied = std::count_if(counts.begin(), counts.end(), [&](const auto& entry) {
           return entry.second == most->second;
         }) > 1;
  if (tied) return nullptr;
  return &*std::find_if(votes.begin(), votes.end(), [&](const Vote& vote) {
    return is_answered(vote.parsed.status) && vote.value() == most->first;
  });
}

void add_costs(data::Decision& decision, const std::vector<Vote>& votes) {
  for (const Vote& vote : votes) {
    ++decision.num_calls;
    decision.prompt_tokens = std::max(decision.prompt_tokens, vote.answer->prompt_tokens);
    decision.completion_tokens += vote.answer->completion_tokens;
    decision.latency_ms = std::max(decision.latency_ms, vote.answer->latency_ms);
  }
}

/// Share of Yes among the votes of a judgment; nothing from a single one.
std::optional<double> share_of_yes(const std::vector<Vote>& votes) {
  double num_votes = 0;
  double num_yes = 0;
  for (const Vote& vote : votes) {
    if (!vote.parsed.yes) continue;
    num_votes += 1;
    num_yes += *vote.parsed.yes ? 1 : 0;
  }
  if (votes.size() < 2 || num_votes == 0) return std::nullopt;
  return num_yes / num_votes;
}

data::Decision decide(const std::vector<Vote>& votes) {
  data::Decision decision;
  bool tied = false;
  const Vote* won = winner(votes, tied);
  const Vote& shown = won != nullptr ? *won : votes.front();
  decision.status = tied ? AnswerStatus::kAmbiguous : shown.parsed.status;
  if (won != nullptr) {
    decision.yes = won->parsed.yes;
    decision.choice = won->parsed.choice;
  }
  decision.reasoning = shown.parsed.reasoning;
  decision.raw = shown.reply;
  decision.finish_reason = shown.answer->finish_reason;
  for (const Vote& vote : votes) {
    if (decision.error.empty()) decision.error = vote.answer->error;
  }
  decision.p_yes = share_of_yes(votes);
  add_costs(decision, votes);
  return decision;
}

/// The reply up to where its answer field begins.
std::string until_answer(const std::string& reply, const PromptConfig& config) {
  constexpr std::string_view kAnswer = "<answer>";
  const ReplyParts parts = split_reply(reply);
  if (parts.tagged) {
    const auto tag =
        parts.answer.empty()
            ? reply.rfind(kAnswer)
            : reply.rfind(kAnswer, static_cast<std::size_t>(parts.answer.data() - reply.data()));
    if (tag != std::string::npos) return reply.substr(0, tag + kAnswer.size());
  }
  const std::string thought = answer_in_form(std::string(parts.reasoning), "", config);
  return thought.substr(0, thought.find(kAnswer) + kAnswer.size());
}

/// The reply up to where Yes or No stands.
std::string until_decision(const std::string& reply, const PromptConfig& config) {
  const std::string before = until_answer(reply, config);
  if (!asks_for_fields(config)) return before;
  return until_released_prediction(reply.starts_with(before) ? reply : before, before.size());
}

/// Fills p_yes of the judgments from the model's probabilities of Yes and No.
void add_probabilities(chat::ChatModel& model,
                       std::span<const data::Case> cases,
                       const AskConfig& config,
                       std::vector<chat::Request>& requests,
                       std::vector<data::Decision>& decisions) {
  std::vector<chat::Request> open;
  std::vector<std::size_t> owners;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (cases[i].task != data::Task::kJudge || !decisions[i].error.empty()) continue;
    requests[i].prefill = until_decision(decisions[i].raw, config.prompt);
    open.push_back(std::move(requests[i]));
    owners.push_back(i);
  }
  const auto log_probs = model.choice_log_probs(open, {"Yes", "No"});
  for (std::size_t i = 0; i < owners.size(); ++i) {
    data::Decision& decision = decisions[owners[i]];
    decision.p_yes = 1 / (1 + std::exp(log_probs[i][1] - log_probs[i][0]));
    ++decision.num_calls;
  }
}

}  // namespace

void AskConfig::check() const {
  prompt.check();
  sampling.check();
  check_range("num-samples", static_cast<double>(num_samples), 1, 1e4);
  check_one_of("p-yes", p_yes, {"votes", "log-prob"});
  if (num_samples > 1 && sampling.temperature == 0) {
    throw ConfigError(
        "--num-samples above 1 needs a --temperature: greedy samples are all the same");
  }
}

std::vector<data::Decision> ask(chat::ChatModel& model,
                                std::span<const data::Case> cases,
                                const AskConfig& config,
                                std::int64_t repeat) {
  std::vector<chat::Request> requests;
  for (const data::Case& row : cases) requests.push_back(request_for(row, config, repeat));
  const auto answers = model.answer(requests);
  std::vector<data::Decision> decisions;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (answers.at(i).empty()) throw std::logic_error("a chat model gave no answer at all");
    decisions.push_back(decide(read_votes(cases[i], config, answers[i])));
  }
  if (config.p_yes == "log-prob") add_probabilities(model, cases, config, requests, decisions);
  return decisions;
}

}  // namespace vragent::simulator::agents

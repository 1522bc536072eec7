// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/chat/mock_chat.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "vragent/chat/stop_cutter.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"
#include "vragent/util/text.h"

namespace vragent::chat {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr double kLeastProbability = 1e-9;

/// Where the word after the first `count` words begins, or npos.
std::size_t cut_point(std::string_view text, std::int64_t count) {
  std::size_t at = text.find_first_not_of(kSpace);
  for (std::int64_t words = 0; words < count && at != std::string_view::npos; ++words) {
    at = text.find_first_not_of(kSpace, text.find_first_of(kSpace, at));
  }
  return at;
}

std::string whole_text(const Request& request) {
  std::string text;
  for (const Message& message : request.messages) text += message.text + '\n';
  return text + request.prefill;
}

/// Fills in token counts, cuts the answer at max_tokens words and at stop strings, and tells it.
Answer finished(Answer answer, const Request& request, std::int64_t sample) {
  const std::size_t cut = cut_point(answer.text, request.sampling.max_tokens);
  if (cut != std::string::npos) {
    answer.text.resize(cut);
    answer.finish_reason = "length";
  }
  StopCutter cutter(request.stops);
  answer.text = cutter.push(answer.text) + cutter.finish();
  if (cutter.stopped()) answer.finish_reason = "stop";
  if (request.on_text && !answer.text.empty()) request.on_text(sample, answer.text);
  answer.prompt_tokens = count_words(whole_text(request));
  answer.completion_tokens = count_words(answer.text);
  return answer;
}

const MockRule* find_rule(const std::vector<MockRule>& rules, const Request& request) {
  const std::string text = whole_text(request);
  const auto found = std::find_if(rules.begin(), rules.end(), [&](const MockRule& rule) {
    return text.find(rule.contains) != std::string::npos;
  });
  return found == rules.end() ? nullptr : &*found;
}

Answer answer_by_rule(const std::vector<MockRule>& rules,
                      const Request& request,
                      std::int64_t sample) {
  const MockRule* rule = find_rule(rules, request);
  Answer answer;
  if (rule == nullptr || !rule->error.empty()) {
    answer.finish_reason = "error";
    answer.error = rule == nullptr ? "no rule of the mock fits this request" : rule->error;
    return answer;
  }
  answer.text = rule->answers[static_cast<std::size_t>(sample) % rule->answers.size()];
  answer.finish_reason = rule->finish_reason;
  return answer;
}

std::vector<double> choices_by_rule(const std::vector<MockRule>& rules,
                                    const Request& request,
                                    const std::vector<std::string>& choices) {
  const MockRule* rule = find_rule(rules, request);
  double rest = 1;
  std::int64_t others = static_cast<std::int64_t>(choices.size());
  for (const std::string& choice : choices) {
    if (rule == nullptr || !rule->choices.contains(choice)) continue;
    rest -= rule->choices.at(choice);
    --others;
  }
  const double share = rest / static_cast<double>(std::max<std::int64_t>(others, 1));
  std::vector<double> log_probs;
  for (const std::string& choice : choices) {
    const bool named = rule != nullptr && rule->choices.contains(choice);
    log_probs.push_back(
        std::log(std::max(named ? rule->choices.at(choice) : share, kLeastProbability)));
  }
  return log_probs;
}

MockRule parse_rule(const std::string& line, const std::string& where) {
  const Json object = parse_json_object(line, where);
  const JsonRecord record(object, where);
  const std::string unknown =
      unknown_members(object, {"contains", "answers", "finish_reason", "error", "choices"});
  if (!unknown.empty()) throw DataError(where + ": unknown members " + unknown);
  MockRule rule;
  rule.contains = record.text_or("contains", "");
  rule.answers = record.texts_or_empty("answers");
  rule.finish_reason = record.text_or("finish_reason", "stop");
  rule.error = record.text_or("error", "");
  if (rule.answers.empty() && rule.error.empty()) record.fail("answers", "at least one is wanted");
  if (!record.has("choices")) return rule;
  double sum = 0;
  for (const auto& [choice, value] : record.object("choices").items()) {
    if (!value.is_number() || value.get<double>() < 0) record.fail("choices", "probabilities");
    sum += rule.choices[choice] = value.get<double>();
  }
  if (sum > 1 + kLeastProbability) record.fail("choices", "probabilities that sum to at most 1");
  return rule;
}

}  // namespace

std::vector<MockRule> load_mock_rules(const std::filesystem::path& path) {
  std::vector<MockRule> rules;
  for_each_line(path, [&](const std::string& line, const std::string& where) {
    rules.push_back(parse_rule(line, where));
  });
  return rules;
}

MockChat::MockChat(Script script, ChoiceScript choices)
    : script_(std::move(script)), choices_(std::move(choices)) {}

MockChat::MockChat(std::vector<MockRule> rules)
    : script_([rules](const Request& request, std::int64_t sample) {
        return answer_by_rule(rules, request, sample);
      }),
      choices_([rules](const Request& request, const std::vector<std::string>& choices) {
        return choices_by_rule(rules, request, choices);
      }) {}

std::vector<std::vector<Answer>> MockChat::answer(std::span<const Request> requests) {
  std::vector<std::vector<Answer>> answers(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    for (std::int64_t sample = 0; sample < requests[i].num_samples; ++sample) {
      answers[i].push_back(finished(script_(requests[i], sample), requests[i], sample));
    }
  }
  num_requests_ += static_cast<std::int64_t>(requests.size());
  return answers;
}

std::vector<std::vector<double>> MockChat::choice_log_probs(
    std::span<const Request> requests, const std::vector<std::string>& choices) {
  std::vector<std::vector<double>> log_probs;
  for (const Request& request : requests) {
    log_probs.push_back(choices_ ? choices_(request, choices)
                                 : choices_by_rule({}, request, choices));
  }
  num_requests_ += static_cast<std::int64_t>(requests.size());
  return log_probs;
}

}  // namespace vragent::chat

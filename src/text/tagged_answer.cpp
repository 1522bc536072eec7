// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/text/tagged_answer.h"

#include <vector>

#include "vragent/util/text.h"

namespace vragent::text {
namespace {

constexpr std::string_view kThink = "<think>";
constexpr std::string_view kThinkEnd = "</think>";
constexpr std::string_view kAnswer = "<answer>";
constexpr std::string_view kAnswerEnd = "</answer>";

TagUse use_of(std::string_view text, std::string_view tag) {
  TagUse use;
  for (auto at = text.find(tag); at != text.npos; at = text.find(tag, at + tag.size())) {
    if (use.count == 0) use.first = at;
    ++use.count;
  }
  return use;
}

/// Contents of the closed pairs, trimmed.
std::vector<std::string_view> contents(std::string_view text,
                                       std::string_view open,
                                       std::string_view close) {
  std::vector<std::string_view> found;
  for (auto at = text.find(open); at != text.npos;) {
    const std::size_t begin = at + open.size();
    const std::size_t end = text.find(close, begin);
    if (end == text.npos) break;
    found.push_back(trim(text.substr(begin, end - begin)));
    at = text.find(open, end + close.size());
  }
  return found;
}

/// True when only white space lies from `begin` to `end`, which are in this order.
bool is_blank(std::string_view text, std::size_t begin, std::size_t end) {
  return begin <= end && trim(text.substr(begin, end - begin)).empty();
}

bool is_well_formed(const TaggedAnswer& read) {
  for (const TagUse* use : {&read.think, &read.think_end, &read.answer_open, &read.answer_end}) {
    if (use->count != 1) return false;
  }
  const std::size_t thought = *read.think.first + kThink.size();
  const std::size_t answer = *read.answer_open.first + kAnswer.size();
  return is_blank(read.text, 0, *read.think.first) && thought <= *read.think_end.first &&
         is_blank(read.text, *read.think_end.first + kThinkEnd.size(), *read.answer_open.first) &&
         answer <= *read.answer_end.first &&
         is_blank(read.text, *read.answer_end.first + kAnswerEnd.size(), read.text.size());
}

}  // namespace

TaggedAnswer parse_tagged_answer(std::string_view completion, std::string_view prefill) {
  TaggedAnswer read;
  read.text = std::string(prefill) + std::string(completion);
  read.think = use_of(read.text, kThink);
  read.think_end = use_of(read.text, kThinkEnd);
  read.answer_open = use_of(read.text, kAnswer);
  read.answer_end = use_of(read.text, kAnswerEnd);
  const auto thoughts = contents(read.text, kThink, kThinkEnd);
  if (!thoughts.empty()) read.thought = thoughts.front();
  const auto answers = contents(read.text, kAnswer, kAnswerEnd);
  if (!answers.empty()) read.answer = answers.back();
  read.well_formed = is_well_formed(read);
  return read;
}

}  // namespace vragent::text

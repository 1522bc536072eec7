// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/answer_texts.h"

namespace vragent::engine {

AnswerTexts::AnswerTexts(const text::Tokenizer& tokenizer,
                         std::vector<std::string> stops,
                         Sink sink)
    : tokenizer_(tokenizer), stops_(std::move(stops)), sink_(std::move(sink)) {}

bool AnswerTexts::push(const NewToken& token) {
  const auto found =
      answers_.try_emplace({token.prompt, token.sample},
                           Answer{text::StreamDecoder(tokenizer_), chat::StopCutter(stops_), ""});
  Answer& answer = found.first->second;
  std::string decoded = answer.decoder.push(token.id);
  if (token.is_last) decoded += answer.decoder.finish();
  std::string piece = answer.cutter.push(decoded);
  if (token.is_last) piece += answer.cutter.finish();
  answer.text += piece;
  if (sink_ && !piece.empty()) sink_(token.prompt, token.sample, piece);
  return answer.cutter.stopped();
}

std::string AnswerTexts::text(std::size_t prompt, std::int64_t sample) const {
  const auto found = answers_.find({prompt, sample});
  return found == answers_.end() ? "" : found->second.text;
}

}  // namespace vragent::engine

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Texts of answers while their tokens are drawn: pieces for those who watch, and an end at stop
// strings.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vragent/chat/stop_cutter.h"
#include "vragent/engine/generator.h"
#include "vragent/text/tokenizer.h"

namespace vragent::engine {

class AnswerTexts {
 public:
  /// Told each piece of whole characters as soon as it is certain, in the order of the text.
  using Sink = std::function<void(std::size_t prompt, std::int64_t sample, std::string_view piece)>;

  /// @param tokenizer must outlive this
  /// @param stops an answer ends before the first of these strings, with the reason "stop"; its
  ///   ids keep the tokens that wrote it
  AnswerTexts(const text::Tokenizer& tokenizer, std::vector<std::string> stops, Sink sink = {});

  /// GeneratorConfig::on_token.
  bool push(const NewToken& token);

  /// What the answer says so far; the whole of it when generate() has returned.
  [[nodiscard]] std::string text(std::size_t prompt, std::int64_t sample) const;

 private:
  struct Answer {
    text::StreamDecoder decoder;
    chat::StopCutter cutter;
    std::string text;
  };

  const text::Tokenizer& tokenizer_;
  std::vector<std::string> stops_;
  Sink sink_;
  std::map<std::pair<std::size_t, std::int64_t>, Answer> answers_;
};

}  // namespace vragent::engine

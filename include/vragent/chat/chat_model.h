// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The seam between those who ask and those who answer: messages (and images) in, text out. Behind
// it stand our own engine and scripted answers.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vragent/chat/sampling.h"
#include "vragent/media/image.h"

namespace vragent::chat {

/// One turn. Images stand before the text of their turn.
struct Message {
  std::string role;  ///< "system", "user" or "assistant"
  std::string text;  ///< never parsed for control tokens
  std::vector<media::Image> images;
};

/// One question. Requests of a batch are independent: an answer does not depend on its batch mates.
struct Request {
  std::vector<Message> messages;
  std::string
      prefill;  ///< start of the assistant's turn, written for it; not repeated in the answer
  SamplingConfig sampling;
  std::uint64_t seed = 0;  ///< key of this request's random stream (mixed with the sample's index)
  std::int64_t num_samples = 1;
  std::vector<std::string> stops;  ///< an answer ends before the first of these texts in it
  std::function<void(std::int64_t sample, std::string_view piece)>
      on_text;  ///< told each piece of an answer as soon as it is certain
};

struct Answer {
  std::string text;           ///< what the model wrote after the prefill
  std::string finish_reason;  ///< "stop" or "length"
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  double latency_ms = 0;  ///< of the batch it was part of
  std::string error;      ///< empty unless the call failed
};

class ChatModel {
 public:
  virtual ~ChatModel() = default;

  /// Answers of each request, num_samples each, in order.
  virtual std::vector<std::vector<Answer>> answer(std::span<const Request> requests) = 0;

  /// Log-probabilities, per request, that the next text after prefill begins each of `choices`:
  /// of the first token in which the choices differ when they are written behind the prefill,
  /// summed over the spellings with and without a leading space.
  /// [requests][choices]
  virtual std::vector<std::vector<double>> choice_log_probs(
      std::span<const Request> requests, const std::vector<std::string>& choices) = 0;

  /// For the records: the model's name and the backend's ("native" or "mock").
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual std::string backend() const = 0;
};

}  // namespace vragent::chat

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Training examples for supervised fine-tuning: chats (with images) or case files become token ids,
// with a mark on each token that the loss counts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "vragent/chat/chat_model.h"
#include "vragent/engine/chat_encoder.h"
#include "vragent/simulator/user_profile.h"

namespace vragent::learning {

/// One conversation; the assistant's turns are what is learnt. Images are paths, read when a batch
/// is made.
struct ChatExample {
  struct Turn {
    std::string role;
    std::string text;
    std::vector<std::filesystem::path> images;
  };

  std::vector<Turn> turns;
  std::string prefill;  ///< how the last answer begins; written for the agent, so never learnt
  std::string where;    ///< path:line, for messages
};

/// Reads, by the content of each line:
///   - chat: {"messages": [{"role", "content": text or [{"type": "text", "text"}, {"type": "image",
///     "image": path}]}]}
///   - prompt: {"prompt": text, "completion": text}
///   - Alpaca: {"instruction", "input", "output"}, with "system" and "history" where there are any
///   - case: a line of cases.jsonl with "response", or with a label: then the answer without
///     reasoning. With prompt.answer_form "official" the answer is put into that form
/// Relative image paths are relative to the file's folder.
/// @throws DataError with path:line on a chat without an assistant turn, an unknown part, a case
/// without answer or that is there twice
std::vector<ChatExample> load_examples(const std::filesystem::path& path,
                                       const simulator::PromptConfig& prompt);

/// One example as tokens.
struct TokenExample {
  engine::EncodedChat chat;
  std::vector<bool> in_loss;  ///< per token: it is predicted, and the loss counts it
};

/// A prefill and the words behind it are tokenized apart, as they are when an agent answers
/// ("<think>" and "likes" would else share a token that no agent can begin with).
/// @param all_tokens the loss counts every token but the first; else the assistant's words and
/// their end mark
/// @throws DataError naming the example when an image cannot be read
TokenExample encode_example(const ChatExample& example,
                            const engine::ChatEncoder& encoder,
                            bool all_tokens);

}  // namespace vragent::learning

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Chats as the text a model was trained on. Most templates here are ChatML,
//
//   <|im_start|>ROLE\n<|vision_start|><|image_pad|><|vision_end|>TEXT<|im_end|>\n
//
// and differ in the system turn that they put in front of a chat without one, and in whether they
// take images; Llama 3's are
//
//   <|begin_of_text|><|start_header_id|>ROLE<|end_header_id|>\n\nTEXT<|eot_id|>
//
// What the template writes and what people wrote stay apart until the ids are made, so no text can
// open or close a turn. A new line and the text behind it are still tokenized together, exactly as
// if the whole chat were one string.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vragent/text/tokenizer.h"

namespace vragent::text {

enum class ChatTemplate {
  kChatMl,    ///< no system turn of its own, no images
  kQwen2,     ///< "You are a helpful assistant."
  kQwen25,    ///< "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
  kQwen25Vl,  ///< as kQwen2, with images in front of a turn's text
  kSmolLm2,   ///< SmolLM2's own introduction
  kLlama3,    ///< Llama 3: no system turn of its own, turns are trimmed
  kLlama31,   ///< Llama 3.1: every system turn begins with two dates (today's is 26 Jul 2024)
};

/// One turn.
struct TemplateMessage {
  std::string role;  ///< "system", "user" or "assistant"
  std::string text;  ///< never read as control tokens
  std::int64_t num_images = 0;
};

/// "qwen2.5-vl" and the like, for messages and logs.
std::string_view to_string(ChatTemplate chat_template);

/// The system text that the template adds to a chat without one, "" when it adds none.
std::string_view default_system_text(ChatTemplate chat_template);

/// The control token that closes a turn.
std::string_view end_of_turn(ChatTemplate chat_template);

/// The template that a Jinja text is known to be, by the SHA-256 of the text without the line feeds
/// at its end; none when the text is not one of those. Qwen3's are kChatMl: thoughts in earlier
/// turns, which they leave out, stay; Llama 3.2's is kLlama31, so that no chat depends on the day.
std::optional<ChatTemplate> known_template(std::string_view jinja);

/// The template that a Jinja text looks like, by its control tokens and its system text; none when
/// it is of no form known here (for example because it adds thoughts of its own).
std::optional<ChatTemplate> similar_template(std::string_view jinja);

/// The template of a checkpoint folder: chat_template.jinja, else chat_template.json, else the key
/// in tokenizer_config.json. One that is not known is warned about and gives the one it looks like;
/// kChatMl where it looks like none, or is absent.
/// @throws DataError when one of these files is damaged
ChatTemplate detect_chat_template(const std::filesystem::path& folder);

/// The chat in pieces: written by the template (added tokens are looked for) or by people (not).
/// One <|image_pad|> an image; the place of its features is made elsewhere.
/// @param add_generation_prompt ends with the head of the assistant's turn
/// @throws DataError for an unknown role, or images where the template takes none
std::vector<TextSegment> render_chat(ChatTemplate chat_template,
                                     std::span<const TemplateMessage> messages,
                                     bool add_generation_prompt);

/// Ids of a chat, without any frame of the tokenizer's own.
/// @param prefill start of the assistant's turn, written by us: added tokens in it are looked for
///                (Qwen3's <think> is one). Needs add_generation_prompt
std::vector<std::int64_t> encode_chat(const Tokenizer& tokenizer,
                                      ChatTemplate chat_template,
                                      std::span<const TemplateMessage> messages,
                                      std::string_view prefill = "",
                                      bool add_generation_prompt = true);

}  // namespace vragent::text

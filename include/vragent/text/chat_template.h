// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Chats as the text a model was trained on. All templates here are ChatML,
//
//   <|im_start|>ROLE\n<|vision_start|><|image_pad|><|vision_end|>TEXT<|im_end|>\n
//
// and differ in the system turn that they put in front of a chat without one, and in whether they
// take images. What the template writes and what people wrote stay apart until the ids are made,
// so no text can open or close a turn. A new line and the text behind it are still tokenized
// together, exactly as if the whole chat were one string.
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

/// The template behind a Jinja text; none when it is no ChatML known here (for example because it
/// adds thoughts or tools' turns of its own).
std::optional<ChatTemplate> recognised_template(std::string_view jinja);

/// The template of a checkpoint folder: chat_template.jinja, else chat_template.json, else the key
/// in tokenizer_config.json. One that is unknown or absent is warned about and gives kChatMl.
/// @throws DataError when one of these files is damaged
ChatTemplate detect_chat_template(const std::filesystem::path& folder);

/// The chat in pieces: written by the template (added tokens are looked for) or by people (not).
/// One <|image_pad|> an image; the place of its features is made elsewhere.
/// @param add_generation_prompt ends with the head of the assistant's turn
/// @throws ConfigError for an unknown role, or images where the template takes none
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

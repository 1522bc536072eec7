// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Writes tokenizers in Hugging Face's layout, which our own loader and Python's transformers both
// read: tokenizer.json, the older vocabulary files beside it, tokenizer_config.json and
// special_tokens_map.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "mini_world/bpe_trainer.h"
#include "vragent/text/chat_template.h"

namespace mini_world {

/// Qwen2.5's kind: the BPE tokens, then <|endoftext|>, <|im_start|>, <|im_end|>, <|vision_start|>,
/// <|vision_end|>, <|vision_pad|>, <|image_pad|>, <|video_pad|>. Writes the chat template too.
/// @param bpe           of kQwen2
/// @param chat_template kQwen25 or kQwen25Vl
/// @throws std::logic_error for another flavour or template
void write_qwen_tokenizer(const std::filesystem::path& folder,
                          const TrainedBpe& bpe,
                          vragent::text::ChatTemplate chat_template);

/// CLIP's kind: the BPE tokens, then <|startoftext|> and, last, <|endoftext|>, as CLIP's text tower
/// finds the end of a text by its largest id.
/// @param bpe        of kClip. @throws std::logic_error for another flavour
/// @param max_length positions of the text tower
void write_clip_tokenizer(const std::filesystem::path& folder,
                          const TrainedBpe& bpe,
                          std::int64_t max_length);

/// BERT's kind, lower case: five special tokens, the characters alone and within words, then whole
/// words, the frequent first.
/// @param vocab_size most tokens; characters come before words when there are too many
void write_bert_tokenizer(const std::filesystem::path& folder,
                          std::span<const std::string> texts,
                          std::int64_t vocab_size,
                          std::int64_t max_length);

}  // namespace mini_world

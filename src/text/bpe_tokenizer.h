// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Byte-pair encoding over bytes: a word begins as one symbol a byte; of all neighbours that the
// merge table knows the pair of lowest rank is joined, the leftmost first, until none is left.
// GPT-2, Qwen2, Llama 3 and SmolLM2 differ in pattern and table; CLIP marks the end of a word. What
// SentencePiece trains begins with characters instead.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/framed_tokenizer.h"

namespace vragent::text {

/// Vocabulary and merges as the files spell them.
struct BpeModel {
  std::string where;                                        ///< file named in errors
  std::vector<std::pair<std::string, std::int64_t>> vocab;  ///< token, id
  std::vector<std::pair<std::string, std::string>> merges;  ///< by rank
  std::string unk_token;       ///< for bytes or characters without a symbol; "" drops them
  std::string word_end;        ///< appended to a word's last symbol ("</w>"), or ""
  bool fuse_unk = false;       ///< unknown neighbours give one unk_token
  bool byte_level = true;      ///< tokens are in byte symbols; else a word begins as characters
  bool byte_fallback = false;  ///< an unknown character becomes tokens such as "<0x41>"
  bool ignore_merges = false;  ///< a word that is a token is that token, whatever the merges say
};

/// The two tokens of a merge written as "left right"; none when it is not that.
std::optional<std::pair<std::string, std::string>> split_merge(std::string_view merge);

/// @throws DataError naming the file and the token when ids are out of range or used twice, or when
///         a merge speaks of tokens that the vocabulary lacks
std::unique_ptr<Tokenizer> make_bpe_tokenizer(BpeModel model, TokenizerParts parts);

}  // namespace vragent::text

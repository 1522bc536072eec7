// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// WordPiece, BERT's tokenizer: a word is cut into the longest pieces of the vocabulary from left to
// right; pieces within a word begin with "##". A word that cannot be cut so becomes one [UNK].
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/framed_tokenizer.h"

namespace vragent::text {

struct WordPieceModel {
  std::string where;                                        ///< file named in errors
  std::vector<std::pair<std::string, std::int64_t>> vocab;  ///< piece, id
  std::string unk_token = "[UNK]";
  std::string inner_prefix = "##";
  std::int64_t max_word_chars = 100;  ///< longer words become unk_token
  bool tidy_signs = true;             ///< no space before . ? ! , n't 'm 's 've 're when decoding
};

/// @throws DataError naming the file when ids are out of range or unk_token is not in the
/// vocabulary
std::unique_ptr<Tokenizer> make_wordpiece_tokenizer(WordPieceModel model, TokenizerParts parts);

}  // namespace vragent::text

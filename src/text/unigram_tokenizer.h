// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Unigram (Kudo 2018), the tokenizer of XLM-R and T5: of all ways to write a word in pieces of the
// vocabulary the one whose scores, which are log-probabilities, have the largest sum.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/framed_tokenizer.h"

namespace vragent::text {

struct UnigramModel {
  std::string where;                                  ///< file named in errors
  std::vector<std::pair<std::string, double>> vocab;  ///< piece and score, by id
  std::int64_t unk_id = 0;     ///< for characters without a piece; neighbours give one
  bool byte_fallback = false;  ///< unknown characters become tokens such as "<0x41>" instead
};

/// Special tokens of `parts` are no pieces of a text: only added tokens that are looked for give
/// them. @throws DataError naming the file when unk_id is out of range, a score is no finite number
/// or a piece is empty
std::unique_ptr<Tokenizer> make_unigram_tokenizer(UnigramModel model, TokenizerParts parts);

}  // namespace vragent::text

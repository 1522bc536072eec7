// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Reads a SentencePiece model (a protocol buffer) and makes of it the tokenizer that Hugging Face's
// transformers make: ids, frame and pipeline depend on the family, not on the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "text/tokenizer_json.h"

namespace vragent::text {

/// How a piece came to be, by the numbers of the format.
enum class PieceKind { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4 };

struct SentencePiece {
  std::string text;
  double score = 0;
  PieceKind kind = PieceKind::kNormal;  ///< or another number that has no meaning here
};

struct SentencePieceModel {
  std::string where;  ///< file named in errors
  std::vector<SentencePiece> pieces;
  std::int64_t algorithm = 1;  ///< 1 is Unigram, 2 is BPE
  std::string charsmap;        ///< compiled map of characters, may be ""
};

/// @throws DataError naming the file when it is cut off, damaged or without pieces
SentencePieceModel read_sentencepiece_model(const std::filesystem::path& path);

/// XLM-R: ids 0 to 3 are <s>, <pad>, </s>, <unk>; piece k, from 3 on, has the id k + 1; <mask> is
/// the last. @throws DataError unless the model is a Unigram one
TokenizerDescription xlm_roberta_description(const SentencePieceModel& model);

/// T5: ids as in the file, behind them <extra_id_99> down to <extra_id_0>.
/// @throws DataError unless the model is a Unigram one with an unknown piece
TokenizerDescription t5_description(const SentencePieceModel& model, std::int64_t num_extra_ids);

}  // namespace vragent::text

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Reads tokenizer.json: which model, and what stands around it. Components that are not built here
// are refused by name, never skipped.
#pragma once

#include <filesystem>
#include <variant>

#include "text/bpe_tokenizer.h"
#include "text/framed_tokenizer.h"
#include "text/unigram_tokenizer.h"
#include "text/wordpiece_tokenizer.h"

namespace vragent::text {

/// A tokenizer as its files describe it.
struct TokenizerDescription {
  std::variant<BpeModel, WordPieceModel, UnigramModel> model;
  TokenizerParts parts;
};

/// @throws DataError naming the file and the component
TokenizerDescription read_tokenizer_json(const std::filesystem::path& path);

}  // namespace vragent::text

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Vocabularies of SentencePiece write a space as U+2581 and put one in front of a text: how their
// tokens become text again.
#pragma once

#include <string>
#include <string_view>

namespace vragent::words {

/// U+2581, a lower one eighth block.
constexpr std::string_view kSpaceMark = "\u2581";

struct SpaceMarks {
  /// What becomes of marks that stand for the space in front of a text.
  enum class First {
    kKeep,     ///< nothing: they are spaces
    kDropOne,  ///< one space at the start of the first token is left out
    kDropAll,  ///< all marks of the first token are left out, wherever they stand
  };

  std::string mark = std::string(kSpaceMark);
  First first = First::kDropAll;
  bool byte_tokens = false;  ///< "<0x41>" is a byte
};

/// The bytes of a token. @param is_first no token stands in front of it
std::string decode_marked(std::string_view token, const SpaceMarks& marks, bool is_first);

/// The token that stands for a byte where a vocabulary falls back to bytes: "<0x41>".
std::string byte_token(unsigned char byte);

}  // namespace vragent::words

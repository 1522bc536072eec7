// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// SentencePiece's compiled map of characters ("precompiled_charsmap"): a double-array trie whose
// leaves point into a table of replacements.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vragent::words {

/// Replaces characters as a SentencePiece model asks for (mostly NFKC, white space to spaces,
/// control characters dropped). Works as Hugging Face's tokenizers do: a grapheme of fewer than six
/// bytes is replaced as a whole by what stands for the shortest of its beginnings that the map
/// knows; larger ones, and those without an entry, character by character.
class Charsmap {
 public:
  /// @param blob size of the trie (little endian, 4 bytes), trie, replacements ended by NUL bytes
  /// @throws DataError when it is cut off
  explicit Charsmap(std::string_view blob);

  /// @param text valid UTF-8
  [[nodiscard]] std::string apply(std::string_view text) const;

 private:
  [[nodiscard]] std::optional<std::string_view> find(std::string_view text) const;
  [[nodiscard]] std::string_view replacement(std::uint32_t offset) const;

  std::vector<std::uint32_t> trie_;
  std::string replacements_;
  std::array<std::optional<std::uint32_t>, 128> ascii_;  // offsets of single characters
};

/// Size in bytes of the grapheme cluster at `position` (Unicode's extended ones, but that Indic
/// conjuncts are cut). @param text valid UTF-8. @param position less than text.size()
std::size_t grapheme_size(std::string_view text, std::size_t position);

}  // namespace vragent::words

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/words/charsmap.h"

#include <unicode/uchar.h>

#include "vragent/util/error.h"
#include "vragent/words/unicode.h"

namespace vragent::words {
namespace {

constexpr std::size_t kWholeGrapheme = 6;  // from this size on a grapheme is replaced in parts

std::uint32_t little_endian(std::string_view bytes, std::size_t position) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) {
    value |= std::uint32_t{static_cast<unsigned char>(bytes[position + i])} << (8 * i);
  }
  return value;
}

// A unit of the trie: bits 0-7 a label, bit 8 "a key ends here", bits 10-30 the distance to the
// children (in steps of 256 when bit 9 is set); of a leaf, bits 0-30 are the value, bit 31 is set.
std::uint32_t label_of(std::uint32_t unit) {
  return unit & 0x800000FFU;
}

bool ends_key(std::uint32_t unit) {
  return (unit & 0x100U) != 0;
}

std::uint32_t distance_of(std::uint32_t unit) {
  return (unit >> 10U) << ((unit & 0x200U) >> 6U);
}

struct GraphemeChar {
  int kind;
  bool pictograph;
};

GraphemeChar grapheme_char(char32_t code) {
  const auto c = static_cast<UChar32>(code);
  return {u_getIntPropertyValue(c, UCHAR_GRAPHEME_CLUSTER_BREAK),
          u_hasBinaryProperty(c, UCHAR_EXTENDED_PICTOGRAPHIC) != 0};
}

bool is_control(int kind) {
  return kind == U_GCB_CONTROL || kind == U_GCB_CR || kind == U_GCB_LF;
}

bool joins_hangul(int left, int right) {
  const bool vowel = left == U_GCB_V || left == U_GCB_LV;
  const bool trail = left == U_GCB_T || left == U_GCB_LVT;
  if (left == U_GCB_L) {
    return right == U_GCB_L || right == U_GCB_V || right == U_GCB_LV || right == U_GCB_LVT;
  }
  return (vowel && (right == U_GCB_V || right == U_GCB_T)) || (trail && right == U_GCB_T);
}

/// The rules of Unicode Standard Annex 29 that look at two neighbours.
bool joins(int left, int right) {
  if (left == U_GCB_CR && right == U_GCB_LF) return true;
  if (is_control(left) || is_control(right)) return false;
  return right == U_GCB_EXTEND || right == U_GCB_ZWJ || right == U_GCB_SPACING_MARK ||
         left == U_GCB_PREPEND || joins_hangul(left, right);
}

}  // namespace

std::size_t grapheme_size(std::string_view text, std::size_t position) {
  Utf8Char next = read_utf8(text, position);
  GraphemeChar left = grapheme_char(next.code);
  std::size_t end = position + next.size;
  bool after_pictograph = left.pictograph;  // and marks since
  bool odd_regional = left.kind == U_GCB_REGIONAL_INDICATOR;
  while (end < text.size()) {
    next = read_utf8(text, end);
    const GraphemeChar right = grapheme_char(next.code);
    const bool flag = odd_regional && right.kind == U_GCB_REGIONAL_INDICATOR;
    const bool emoji = after_pictograph && left.kind == U_GCB_ZWJ && right.pictograph;
    if (!flag && !emoji && !joins(left.kind, right.kind)) break;
    after_pictograph =
        right.pictograph ||
        (after_pictograph && (right.kind == U_GCB_EXTEND || right.kind == U_GCB_ZWJ));
    odd_regional = right.kind == U_GCB_REGIONAL_INDICATOR && !flag;
    left = right;
    end += next.size;
  }
  return end - position;
}

Charsmap::Charsmap(std::string_view blob) {
  const std::size_t trie_size = blob.size() < 4 ? 0 : little_endian(blob, 0);
  if (trie_size < 4 || trie_size % 4 != 0 || trie_size > blob.size() - 4) {
    throw DataError("the precompiled map of characters is cut off or damaged");
  }
  for (std::size_t i = 0; i < trie_size; i += 4) trie_.push_back(little_endian(blob, 4 + i));
  replacements_ = blob.substr(4 + trie_size);
  for (std::size_t code = 0; code < ascii_.size(); ++code) {
    const char byte = static_cast<char>(code);
    if (const auto found = find({&byte, 1})) {
      ascii_[code] = static_cast<std::uint32_t>(found->data() - replacements_.data());
    }
  }
}

std::string_view Charsmap::replacement(std::uint32_t offset) const {
  const std::string_view rest = std::string_view(replacements_).substr(offset);
  return rest.substr(0, rest.find('\0'));
}

std::optional<std::string_view> Charsmap::find(std::string_view text) const {
  std::size_t node = distance_of(trie_[0]);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    node ^= byte;
    if (byte == 0 || node >= trie_.size() || label_of(trie_[node]) != byte) return std::nullopt;
    const bool found = ends_key(trie_[node]);
    node ^= distance_of(trie_[node]);
    if (!found) continue;
    const std::uint32_t offset = node < trie_.size() ? trie_[node] & 0x7FFFFFFFU : 0xFFFFFFFFU;
    if (offset >= replacements_.size()) return std::nullopt;
    return replacement(offset);
  }
  return std::nullopt;
}

std::string Charsmap::apply(std::string_view text) const {
  std::string result;
  result.reserve(text.size() + 16);
  const auto replace = [&](std::string_view part) {
    const auto found = find(part);
    if (found) result += *found;
    return found.has_value();
  };
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool alone = i + 1 == text.size() || static_cast<unsigned char>(text[i + 1]) < 0x80;
    if (byte < 0x80 && byte != '\r' && alone) {
      if (ascii_[byte]) result += replacement(*ascii_[byte]);
      if (!ascii_[byte]) result += text[i];
      ++i;
      continue;
    }
    const std::string_view grapheme = text.substr(i, grapheme_size(text, i));
    i += grapheme.size();
    if (grapheme.size() < kWholeGrapheme && replace(grapheme)) continue;
    for (std::size_t at = 0; at < grapheme.size();) {
      const std::string_view part = grapheme.substr(at, read_utf8(grapheme, at).size);
      if (!replace(part)) result += part;
      at += part.size();
    }
  }
  return result;
}

}  // namespace vragent::words

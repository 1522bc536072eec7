// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A small compiled map of characters as SentencePiece writes it: each node of the trie takes 256
// units of its own.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vragent::test {

inline std::string little_endian(std::uint32_t value) {
  std::string bytes;
  for (unsigned shift : {0U, 8U, 16U, 24U}) bytes += static_cast<char>(value >> shift & 255U);
  return bytes;
}

class TinyCharsmap {
 public:
  explicit TinyCharsmap(const std::map<std::string, std::string>& entries) {
    units_.resize(512);
    units_[0] = 256U << 10U;  // the children of the root begin at 256
    for (const auto& [key, replacement] : entries) add(key, replacement);
  }

  [[nodiscard]] std::string blob() const {
    std::string bytes = little_endian(static_cast<std::uint32_t>(4 * units_.size()));
    for (const std::uint32_t unit : units_) bytes += little_endian(unit);
    return bytes + replacements_;
  }

 private:
  void add(const std::string& key, const std::string& replacement) {
    std::size_t base = 256;
    std::size_t place = 0;
    for (const char c : key) {
      const auto byte = static_cast<unsigned char>(c);
      place = base + byte;
      if (!bases_.contains(place)) {
        bases_[place] = units_.size();
        units_[place] = byte | static_cast<std::uint32_t>((place ^ units_.size()) << 10U);
        units_.resize(units_.size() + 256);
      }
      base = bases_[place];
    }
    units_[place] |= 0x100U;
    units_[base] = 0x80000000U | static_cast<std::uint32_t>(replacements_.size());
    replacements_ += replacement + '\0';
  }

  std::vector<std::uint32_t> units_;
  std::map<std::size_t, std::size_t> bases_;
  std::string replacements_;
};

inline std::string charsmap_blob(const std::map<std::string, std::string>& entries) {
  return TinyCharsmap(entries).blob();
}

}  // namespace vragent::test

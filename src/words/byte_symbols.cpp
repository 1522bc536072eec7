// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/words/byte_symbols.h"

#include <array>

#include "vragent/words/unicode.h"

namespace vragent::words {
namespace {

bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
}

/// Code point of each byte's symbol: the bytes that cannot be printed follow one another from
/// U+0100.
std::array<char32_t, 256> symbol_codes() {
  std::array<char32_t, 256> codes{};
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    codes[byte] = stands_for_itself(byte) ? byte : next++;
  }
  return codes;
}

/// Byte behind each code point below U+0144, -1 where there is none.
std::array<int, 0x144> symbol_bytes() {
  std::array<int, 0x144> bytes{};
  bytes.fill(-1);
  const auto codes = symbol_codes();
  for (int byte = 0; byte < 256; ++byte) bytes[codes[static_cast<std::size_t>(byte)]] = byte;
  return bytes;
}

}  // namespace

std::string byte_symbol(std::uint8_t byte) {
  static const std::array<char32_t, 256> kCodes = symbol_codes();
  std::string symbol;
  append_utf8(symbol, kCodes[byte]);
  return symbol;
}

std::optional<std::string> bytes_of_symbols(std::string_view token) {
  static const std::array<int, 0x144> kBytes = symbol_bytes();
  std::string bytes;
  for (std::size_t i = 0; i < token.size();) {
    const Utf8Char next = read_utf8(token, i);
    if (!next.valid || next.code >= kBytes.size() || kBytes[next.code] < 0) return std::nullopt;
    bytes += static_cast<char>(kBytes[next.code]);
    i += next.size;
  }
  return bytes;
}

}  // namespace vragent::words

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/words/byte_symbols.h"

#include <set>

#include <gtest/gtest.h>

namespace vragent::words {
namespace {

TEST(ByteSymbol, IsDistinctAndTurnsBack) {
  std::set<std::string> symbols;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string symbol = byte_symbol(static_cast<std::uint8_t>(byte));
    symbols.insert(symbol);
    EXPECT_EQ(bytes_of_symbols(symbol), std::string(1, static_cast<char>(byte)));
  }
  EXPECT_EQ(symbols.size(), 256U);
  EXPECT_EQ(byte_symbol(' '), "\u0120");
  EXPECT_EQ(byte_symbol('!'), "!");
  EXPECT_EQ(bytes_of_symbols("a b"), std::nullopt);
}

}  // namespace
}  // namespace vragent::words

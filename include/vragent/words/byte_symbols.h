// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Byte-level vocabularies write bytes as printable characters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vragent::words {

/// The printable character that stands for a byte in the vocabulary of a byte-level tokenizer:
/// itself for most printable ones, U+0100 and on for the rest.
std::string byte_symbol(std::uint8_t byte);

/// The bytes behind a token written in byte symbols; none when a character is no byte symbol.
std::optional<std::string> bytes_of_symbols(std::string_view token);

}  // namespace vragent::words

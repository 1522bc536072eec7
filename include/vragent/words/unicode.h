// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What the tokenizers ask of Unicode: reading and repairing UTF-8, classes of characters, normal
// forms, lower case. ICU does the work behind this header; a few letters and digits that are newer
// than Debian's ICU are added, so that words are cut as Hugging Face's tokenizers cut them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace vragent::words {

/// What the bytes at one place of a text are.
struct Utf8Char {
  char32_t code = 0;     ///< U+FFFD unless valid
  std::size_t size = 1;  ///< bytes; of a damaged sequence, the longest part that could begin one
  bool valid = true;     ///< a whole, legal sequence
  bool cut_off = false;  ///< legal so far, but the text ends within it
};

/// Reads the character at `position`. @param position less than text.size()
Utf8Char read_utf8(std::string_view text, std::size_t position);

/// Appends a code point. @param code a Unicode scalar value
void append_utf8(std::string& text, char32_t code);

/// `text` with each damaged sequence replaced by one U+FFFD (as Python and Rust do it).
std::string repaired_utf8(std::string text);

/// Number of bytes at the end of `text` that begin a character and wait for the rest: 0 to 3.
std::size_t incomplete_tail(std::string_view text);

/// True when all bytes are below 128.
bool is_ascii(std::string_view text);

/// The classes that word patterns speak of: \p{L}, \p{N}, \s, and the rest.
enum class CharClass : std::uint8_t { kLetter, kNumber, kSpace, kOther };

CharClass char_class(char32_t code);

/// \w: letters, marks, decimal digits, connectors such as the underscore, joiners.
bool is_word_char(char32_t code);

/// Marks that combine with the character before them (Mn, Mc, Me), of Unicode 9 as in
/// normal_form().
bool is_combining_mark(char32_t code);

/// End of the white space at `position`. @param text valid UTF-8
std::size_t space_end(std::string_view text, std::size_t position);

/// Where the white space at the end of `text` begins. @param text valid UTF-8
std::size_t trailing_space(std::string_view text);

/// Start of the last character. @param text valid UTF-8, not empty
std::size_t last_char(std::string_view text);

/// Unicode's normal forms.
enum class NormalForm : std::uint8_t { kNfc, kNfd, kNfkc, kNfkd };

/// Characters newer than Unicode 9 stay as they are: Hugging Face's tokenizers do not know them
/// either, and a token must not depend on who made it.
/// @param text valid UTF-8
std::string normal_form(std::string text, NormalForm form);

/// Lower case code point by code point: U+0130 becomes two, and a final sigma is not special.
/// @param text valid UTF-8
std::string lower_case(std::string text);

/// Classes of the BERT tokenizer, which its reference implementation takes from Unicode 8: later
/// characters belong to none of them.
bool is_bert_control(char32_t code);      ///< Cc, Cf, Co, but not tab, line feed, carriage return
bool is_bert_mark(char32_t code);         ///< Mn
bool is_bert_punctuation(char32_t code);  ///< P*, and all ASCII that is no letter, digit, space

}  // namespace vragent::words

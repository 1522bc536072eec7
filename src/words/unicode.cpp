// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/words/unicode.h"

#include <algorithm>
#include <array>
#include <iterator>

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>

#include "vragent/util/error.h"

namespace vragent::words {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr char32_t kCapitalIWithDot = 0x0130;
constexpr std::string_view kReplacementUtf8 = "\xEF\xBF\xBD";

struct Range {
  char32_t first;
  char32_t last;
};

// Unicode 15.1 and 16, looked up only where ICU knows no category (Debian 12 has Unicode 15).
constexpr std::array kNewerLetters = std::to_array<Range>({
    {0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},   {0x105C0, 0x105F3},
    {0x10D4A, 0x10D65}, {0x10D6F, 0x10D85}, {0x10EC2, 0x10EC4}, {0x11380, 0x11389},
    {0x1138B, 0x1138B}, {0x1138E, 0x1138E}, {0x11390, 0x113B5}, {0x113B7, 0x113B7},
    {0x113D1, 0x113D1}, {0x113D3, 0x113D3}, {0x11BC0, 0x11BE0}, {0x13460, 0x143FA},
    {0x16100, 0x1611D}, {0x16D40, 0x16D6C}, {0x18CFF, 0x18CFF}, {0x1E5D0, 0x1E5ED},
    {0x1E5F0, 0x1E5F0}, {0x2EBF0, 0x2EE5D},
});
constexpr std::array kNewerNumbers = std::to_array<Range>({
    {0x10D40, 0x10D49},
    {0x116D0, 0x116E3},
    {0x11BF0, 0x11BF9},
    {0x16130, 0x16139},
    {0x16D70, 0x16D79},
    {0x1CCF0, 0x1CCF9},
    {0x1E5F1, 0x1E5FA},
});

constexpr std::array kNewerMarks = std::to_array<Range>({
    {0x0897, 0x0897},
    {0x10D69, 0x10D6D},
    {0x10EFC, 0x10EFC},
    {0x113B8, 0x113D0},
    {0x113D2, 0x113D2},
    {0x113E1, 0x113E2},
    {0x11F5A, 0x11F5A},
    {0x1611E, 0x1612F},
    {0x1E5EE, 0x1E5EF},
});

struct CaseRange {
  char32_t first;
  char32_t last;
  std::int32_t to_lower;
};

constexpr std::array kNewerCapitals = std::to_array<CaseRange>({
    {0x1C89, 0x1C89, 1},
    {0xA7CB, 0xA7CB, 0x264 - 0xA7CB},
    {0xA7CC, 0xA7CC, 1},
    {0xA7CE, 0xA7CE, 1},
    {0xA7D2, 0xA7D2, 1},
    {0xA7D4, 0xA7D4, 1},
    {0xA7DA, 0xA7DA, 1},
    {0xA7DC, 0xA7DC, 0x19B - 0xA7DC},
    {0x10D50, 0x10D65, 0x20},
    {0x16EA0, 0x16EB8, 0x1B},
});

template <class Ranges>
const typename Ranges::value_type* find_range(const Ranges& ranges, char32_t code) {
  const auto found = std::find_if(ranges.begin(), ranges.end(), [code](const auto& range) {
    return code >= range.first && code <= range.last;
  });
  return found == ranges.end() ? nullptr : &*found;
}

std::int8_t category(char32_t code) {
  return u_charType(static_cast<UChar32>(code));
}

CharClass class_of_unassigned(char32_t code) {
  if (find_range(kNewerLetters, code) != nullptr) return CharClass::kLetter;
  if (find_range(kNewerNumbers, code) != nullptr) return CharClass::kNumber;
  return CharClass::kOther;
}

CharClass class_of(char32_t code) {
  const std::uint32_t mask = U_MASK(category(code));
  if ((mask & U_GC_L_MASK) != 0) return CharClass::kLetter;
  if ((mask & U_GC_N_MASK) != 0) return CharClass::kNumber;
  if (u_isUWhiteSpace(static_cast<UChar32>(code)) != 0) return CharClass::kSpace;
  return (mask & U_GC_CN_MASK) != 0 ? class_of_unassigned(code) : CharClass::kOther;
}

std::array<CharClass, 128> ascii_classes() {
  std::array<CharClass, 128> classes{};
  for (char32_t code = 0; code < classes.size(); ++code) classes[code] = class_of(code);
  return classes;
}

/// General category in Unicode 8, U_UNASSIGNED for later characters.
std::int8_t category_in_unicode_8(char32_t code) {
  switch (code) {  // five characters changed their category since
    case 0x166D:
      return U_OTHER_PUNCTUATION;
    case 0x1734:
      return U_NON_SPACING_MARK;
    case 0x1885:
    case 0x1886:
      return U_OTHER_LETTER;
    case 0xA9BD:
      return U_COMBINING_SPACING_MARK;
    case 0x111C9:
      return U_OTHER_PUNCTUATION;
    default:
      break;
  }
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(code), age);
  return age[0] <= 8 ? category(code) : static_cast<std::int8_t>(U_UNASSIGNED);
}

void check_status(UErrorCode status) {
  if (U_SUCCESS(status) != 0) return;
  throw Error(ExitCode::kUnavailable,
              std::string("ICU cannot normalize text: ") + u_errorName(status));
}

const icu::Normalizer2& icu_normalizer(NormalForm form) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = nullptr;
  switch (form) {
    case NormalForm::kNfc:
      normalizer = icu::Normalizer2::getNFCInstance(status);
      break;
    case NormalForm::kNfd:
      normalizer = icu::Normalizer2::getNFDInstance(status);
      break;
    case NormalForm::kNfkc:
      normalizer = icu::Normalizer2::getNFKCInstance(status);
      break;
    case NormalForm::kNfkd:
      normalizer = icu::Normalizer2::getNFKDInstance(status);
      break;
  }
  check_status(status);
  return *normalizer;
}

/// The characters of Unicode 9.
const icu::UnicodeSet& characters_of_unicode_9() {
  static const icu::UnicodeSet kCharacters = [] {
    UErrorCode status = U_ZERO_ERROR;
    icu::UnicodeSet characters("[:age=9.0:]", status);
    check_status(status);
    characters.freeze();
    return characters;
  }();
  return kCharacters;
}

/// How a sequence goes on after its first byte; need 0 is no first byte of more than one.
struct Lead {
  std::size_t need = 0;
  unsigned low = 0x80;  ///< of the second byte; later ones are 0x80 .. 0xBF
  unsigned high = 0xBF;
};

Lead lead_of(unsigned byte) {
  if (byte < 0xC2 || byte > 0xF4) return {};
  if (byte < 0xE0) return {.need = 1};
  if (byte < 0xF0)
    return {.need = 2, .low = byte == 0xE0 ? 0xA0U : 0x80U, .high = byte == 0xED ? 0x9FU : 0xBFU};
  return {.need = 3, .low = byte == 0xF0 ? 0x90U : 0x80U, .high = byte == 0xF4 ? 0x8FU : 0xBFU};
}

}  // namespace

Utf8Char read_utf8(std::string_view text, std::size_t position) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[position + i]); };
  if (byte(0) < 0x80) return {.code = byte(0)};
  const Lead lead = lead_of(byte(0));
  if (lead.need == 0) return {.code = kReplacement, .valid = false};
  char32_t code = byte(0) & (0x3FU >> lead.need);
  for (std::size_t i = 1; i <= lead.need; ++i) {
    if (position + i >= text.size()) {
      return {.code = kReplacement, .size = i, .valid = false, .cut_off = true};
    }
    const unsigned low = i == 1 ? lead.low : 0x80U;
    const unsigned high = i == 1 ? lead.high : 0xBFU;
    if (byte(i) < low || byte(i) > high) return {.code = kReplacement, .size = i, .valid = false};
    code = (code << 6U) | (byte(i) & 0x3FU);
  }
  return {.code = code, .size = lead.need + 1};
}

void append_utf8(std::string& text, char32_t code) {
  const auto put = [&](char32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0U | (code >> 6U));
  } else if (code < 0x10000) {
    put(0xE0U | (code >> 12U));
    put(0x80U | ((code >> 6U) & 0x3FU));
  } else {
    put(0xF0U | (code >> 18U));
    put(0x80U | ((code >> 12U) & 0x3FU));
    put(0x80U | ((code >> 6U) & 0x3FU));
  }
  if (code >= 0x80) put(0x80U | (code & 0x3FU));
}

std::string repaired_utf8(std::string text) {
  std::size_t good = 0;
  while (good < text.size()) {
    const Utf8Char next = read_utf8(text, good);
    if (!next.valid) break;
    good += next.size;
  }
  if (good == text.size()) return text;
  std::string repaired = text.substr(0, good);
  for (std::size_t i = good; i < text.size();) {
    const Utf8Char next = read_utf8(text, i);
    if (next.valid) repaired.append(text, i, next.size);
    if (!next.valid) repaired += kReplacementUtf8;
    i += next.size;
  }
  return repaired;
}

std::size_t incomplete_tail(std::string_view text) {
  for (std::size_t size = 1; size <= std::min<std::size_t>(3, text.size()); ++size) {
    const std::size_t start = text.size() - size;
    if ((static_cast<unsigned char>(text[start]) & 0xC0U) == 0x80) continue;
    return read_utf8(text, start).cut_off ? size : 0;
  }
  return 0;
}

bool is_ascii(std::string_view text) {
  return std::all_of(
      text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
}

CharClass char_class(char32_t code) {
  static const std::array<CharClass, 128> kAscii = ascii_classes();
  return code < kAscii.size() ? kAscii[code] : class_of(code);
}

bool is_word_char(char32_t code) {
  const auto c = static_cast<UChar32>(code);
  constexpr std::uint32_t kMask = U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK;
  if (category(code) == U_UNASSIGNED) {
    return class_of_unassigned(code) != CharClass::kOther ||
           find_range(kNewerMarks, code) != nullptr;
  }
  return (U_GET_GC_MASK(c) & kMask) != 0 || u_hasBinaryProperty(c, UCHAR_ALPHABETIC) != 0 ||
         u_hasBinaryProperty(c, UCHAR_JOIN_CONTROL) != 0;
}

bool is_combining_mark(char32_t code) {
  const auto c = static_cast<UChar32>(code);
  return (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0 && characters_of_unicode_9().contains(c) != 0;
}

std::size_t space_end(std::string_view text, std::size_t position) {
  while (position < text.size()) {
    const Utf8Char next = read_utf8(text, position);
    if (char_class(next.code) != CharClass::kSpace) break;
    position += next.size;
  }
  return position;
}

std::size_t trailing_space(std::string_view text) {
  while (!text.empty()) {
    const std::size_t start = last_char(text);
    if (char_class(read_utf8(text, start).code) != CharClass::kSpace) break;
    text = text.substr(0, start);
  }
  return text.size();
}

std::size_t last_char(std::string_view text) {
  std::size_t start = text.size() - 1;
  while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0U) == 0x80) --start;
  return start;
}

std::string normal_form(std::string text, NormalForm form) {
  if (is_ascii(text)) return text;
  const icu::FilteredNormalizer2 normalizer(icu_normalizer(form), characters_of_unicode_9());
  UErrorCode status = U_ZERO_ERROR;
  std::string result;
  icu::StringByteSink<std::string> sink(&result, static_cast<std::int32_t>(text.size()));
  normalizer.normalizeUTF8(0, text, sink, nullptr, status);
  check_status(status);
  return result;
}

std::string lower_case(std::string text) {
  if (is_ascii(text)) {
    for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    return text;
  }
  std::string lower;
  lower.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char next = read_utf8(text, i);
    i += next.size;
    if (next.code == kCapitalIWithDot) {
      lower += "i\xCC\x87";
    } else if (const CaseRange* range = find_range(kNewerCapitals, next.code); range != nullptr) {
      append_utf8(lower, next.code + static_cast<char32_t>(range->to_lower));
    } else {
      append_utf8(lower, static_cast<char32_t>(u_tolower(static_cast<UChar32>(next.code))));
    }
  }
  return lower;
}

bool is_bert_control(char32_t code) {
  if (code == U'\t' || code == U'\n' || code == U'\r') return false;
  return (U_MASK(category_in_unicode_8(code)) & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK)) != 0;
}

bool is_bert_mark(char32_t code) {
  return category_in_unicode_8(code) == U_NON_SPACING_MARK;
}

bool is_bert_punctuation(char32_t code) {
  if (code < 0x80)
    return u_isgraph(static_cast<UChar32>(code)) != 0 && class_of(code) == CharClass::kOther;
  return (U_MASK(category_in_unicode_8(code)) & U_GC_P_MASK) != 0;
}

}  // namespace vragent::words

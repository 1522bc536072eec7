// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/markup.h"

#include <algorithm>

#include "vragent/util/format.h"

namespace vragent::report {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

unsigned char byte_at(std::string_view text, std::size_t index) {
  return static_cast<unsigned char>(text[index]);
}

bool is_continuation(unsigned char byte) {
  return (byte & 0xC0U) == 0x80U;
}

/// Length that a lead byte announces; 0 for a byte that leads nothing.
std::size_t announced_length(unsigned char lead) {
  if (lead < 0x80U) return 1;
  if (lead >= 0xC2U && lead <= 0xDFU) return 2;
  if (lead >= 0xE0U && lead <= 0xEFU) return 3;
  if (lead >= 0xF0U && lead <= 0xF4U) return 4;
  return 0;
}

/// Whether the second byte keeps the sequence off overlong forms, surrogates and beyond U+10FFFF.
bool second_byte_fits(unsigned char lead, unsigned char second) {
  if (lead == 0xE0U) return second >= 0xA0U;
  if (lead == 0xEDU) return second <= 0x9FU;
  if (lead == 0xF0U) return second >= 0x90U;
  if (lead == 0xF4U) return second <= 0x8FU;
  return true;
}

/// U+FFFE and U+FFFF, which XML does not allow.
bool is_noncharacter(std::string_view sequence) {
  return sequence == "\xEF\xBF\xBE" || sequence == "\xEF\xBF\xBF";
}

/// C0 and C1 controls and DEL, but not tab and line feed.
bool is_control(std::string_view sequence) {
  const unsigned char first = byte_at(sequence, 0);
  if (first < 0x20U) return first != '\t' && first != '\n';
  return first == 0x7FU || (first == 0xC2U && byte_at(sequence, 1) < 0xA0U);
}

std::string_view reference_of(std::string_view sequence) {
  switch (sequence[0]) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return sequence;
  }
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const unsigned char lead = byte_at(text, 0);
  const std::size_t length = announced_length(lead);
  if (length == 0 || length > text.size()) return 0;
  if (length > 1 && !second_byte_fits(lead, byte_at(text, 1))) return 0;
  const std::string_view rest = text.substr(1, length - 1);
  return std::all_of(rest.begin(), rest.end(), is_continuation) ? length : 0;
}

std::string escaped(std::string_view text) {
  std::string safe;
  safe.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view sequence = text.substr(0, std::max<std::size_t>(length, 1));
    const bool is_bad = length == 0 || is_control(sequence) || is_noncharacter(sequence);
    safe += is_bad ? kReplacement : reference_of(sequence);
    text.remove_prefix(sequence.size());
  }
  return safe;
}

std::string fraction_text(double value, int digits) {
  std::string text = formatted("{:.{}f}", value, digits);
  const std::size_t sign = text.starts_with('-') ? 1 : 0;
  if (text.find_first_not_of("-0.") == std::string::npos) text.erase(0, sign);  // never "-0"
  const std::size_t zero = text.starts_with('-') ? 1 : 0;
  if (text.compare(zero, 2, "0.") == 0) text.erase(zero, 1);
  return text;
}

std::string fraction_text(double value, const metrics::Interval& interval, int digits) {
  return formatted("{} [{}, {}]",
                   fraction_text(value, digits),
                   fraction_text(interval.low, digits),
                   fraction_text(interval.high, digits));
}

}  // namespace vragent::report

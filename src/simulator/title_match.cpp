// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "simulator/title_match.h"

#include <algorithm>
#include <map>

#include "vragent/words/unicode.h"

namespace vragent::simulator {
namespace {

using Words = std::vector<std::string>;

constexpr double kLeastF1 = 0.5;
constexpr double kSameScore = 1e-9;

/// Scripts that are written without spaces between words.
bool is_ideograph(char32_t code) {
  return (code >= 0x3040 && code <= 0x30FF) || (code >= 0x3400 && code <= 0x9FFF) ||
         (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x20000 && code <= 0x323AF);
}

std::string joined(const Words& words) {
  std::string text;
  for (const std::string& word : words) text += word;
  return text;
}

/// Whether `piece` stands in `whole` word by word; of two words or more, the last may be cut.
bool is_piece(const Words& piece, const Words& whole) {
  if (piece.empty() || piece.size() > whole.size()) return false;
  for (std::size_t at = 0; at + piece.size() <= whole.size(); ++at) {
    const auto last = whole.begin() + static_cast<std::ptrdiff_t>(at + piece.size() - 1);
    const bool fits = std::equal(piece.begin(), piece.end() - 1, last - (std::ssize(piece) - 1));
    const bool ends = piece.size() > 1 ? last->starts_with(piece.back()) : *last == piece.back();
    if (fits && ends) return true;
  }
  return false;
}

/// One word of a long text is no evidence ("none", "title"): two are wanted, or half of the text.
bool is_substantial(const Words& piece, const Words& whole) {
  return piece.size() >= 2 || 2 * piece.size() >= whole.size();
}

bool contains_one_another(const Words& a, const Words& b) {
  return (is_piece(a, b) && is_substantial(a, b)) || (is_piece(b, a) && is_substantial(b, a));
}

double token_f1(const Words& a, const Words& b) {
  if (a.empty() || b.empty()) return 0;
  std::map<std::string, std::int64_t> counts;
  for (const std::string& word : a) ++counts[word];
  double common = 0;
  for (const std::string& word : b) common += counts[word]-- > 0 ? 1 : 0;
  return 2 * common / static_cast<double>(a.size() + b.size());
}

/// The match of a tier: one fit, or several.
TitleMatch decide(const std::vector<std::int64_t>& fits, MatchTier tier, double score) {
  TitleMatch match{.index = {}, .ambiguous = fits.size() > 1, .tier = tier, .score = score};
  if (fits.size() == 1) match.index = fits.front();
  return match;
}

TitleMatch match_fuzzy(const Words& value, const std::vector<Words>& titles) {
  double best = 0;
  std::vector<std::int64_t> fits;
  for (std::size_t i = 0; i < titles.size(); ++i) {
    const double score = token_f1(value, titles[i]);
    if (score > best + kSameScore) fits.clear();
    if (score >= best - kSameScore) fits.push_back(static_cast<std::int64_t>(i));
    best = std::max(best, score);
  }
  return best < kLeastF1 ? TitleMatch{} : decide(fits, MatchTier::kFuzzy, best);
}

}  // namespace

Words words_of(std::string_view text) {
  const std::string lower = words::lower_case(
      words::normal_form(words::repaired_utf8(std::string(text)), words::NormalForm::kNfkc));
  Words words;
  bool open = false;
  for (std::size_t at = 0; at < lower.size();) {
    const words::Utf8Char next = words::read_utf8(lower, at);
    const auto kind = words::char_class(next.code);
    const bool is_part = kind == words::CharClass::kLetter || kind == words::CharClass::kNumber;
    const bool alone = is_ideograph(next.code);
    if (is_part && (!open || alone)) words.emplace_back();
    if (is_part) words.back() += lower.substr(at, next.size);
    open = is_part && !alone;
    at += next.size;
  }
  return words;
}

TitleMatch match_title(std::string_view value, const std::vector<std::string>& titles) {
  const Words words = words_of(value);
  const std::string key = joined(words);
  std::vector<Words> title_words;
  for (const std::string& title : titles) title_words.push_back(words_of(title));
  const auto fits_where = [&](const auto& fits) {
    std::vector<std::int64_t> found;
    for (std::size_t i = 0; i < titles.size(); ++i) {
      if (fits(i)) found.push_back(static_cast<std::int64_t>(i));
    }
    return found;
  };
  const auto exact = fits_where([&](std::size_t i) { return titles[i] == value; });
  if (!exact.empty()) return decide(exact, MatchTier::kExact, 1);
  if (key.empty()) return {};
  const auto same = fits_where([&](std::size_t i) { return joined(title_words[i]) == key; });
  if (!same.empty()) return decide(same, MatchTier::kNormalised, 1);
  const auto pieces =
      fits_where([&](std::size_t i) { return contains_one_another(words, title_words[i]); });
  if (!pieces.empty()) return decide(pieces, MatchTier::kContained, 1);
  return match_fuzzy(words, title_words);
}

}  // namespace vragent::simulator

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "text/framed_tokenizer.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <mutex>
#include <utility>

#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::text {
namespace {

std::size_t index(char c) {
  return static_cast<unsigned char>(c);
}

/// Start of the last character of `text`, which is not empty.
std::size_t last_char(std::string_view text) {
  std::size_t start = text.size() - 1;
  while (start > 0 && (index(text[start]) & 0xC0U) == 0x80) --start;
  return start;
}

bool ends_with_word(std::string_view text) {
  return !text.empty() && words::is_word_char(words::read_utf8(text, last_char(text)).code);
}

bool begins_with_word(std::string_view text) {
  return !text.empty() && words::is_word_char(words::read_utf8(text, 0).code);
}

/// Where the white space at the end of `text` begins.
std::size_t trailing_space(std::string_view text) {
  while (!text.empty()) {
    const std::size_t start = last_char(text);
    if (words::char_class(words::read_utf8(text, start).code) != words::CharClass::kSpace) break;
    text = text.substr(0, start);
  }
  return text.size();
}

/// End of the white space at `position`.
std::size_t leading_space(std::string_view text, std::size_t position) {
  while (position < text.size()) {
    const words::Utf8Char next = words::read_utf8(text, position);
    if (words::char_class(next.code) != words::CharClass::kSpace) break;
    position += next.size;
  }
  return position;
}

bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  return !ends_with_word(text.substr(0, begin)) && !begins_with_word(text.substr(end));
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const std::string& where)
    : tokens_(std::move(tokens)) {
  std::stable_sort(tokens_.begin(), tokens_.end(), [](const AddedToken& a, const AddedToken& b) {
    return a.content.size() > b.content.size();
  });
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const AddedToken& token = tokens_[i];
    if (token.content.empty())
      throw DataError(formatted("{}: added token {} is empty", where, token.id));
    if (token.id < 0 || token.id >= kMaxTokenId) {
      throw DataError(formatted(
          "{}: added token \"{}\": id {} is out of range", where, token.content, token.id));
    }
    begins_[index(token.content.front())] = true;
    by_id_.emplace(token.id, i);
    max_id_ = std::max(max_id_, token.id);
  }
}

const AddedToken* AddedTokens::longest_at(std::string_view text, std::size_t position) const {
  if (!begins_[index(text[position])]) return nullptr;
  const std::string_view rest = text.substr(position);
  const auto found = std::find_if(tokens_.begin(), tokens_.end(), [rest](const AddedToken& token) {
    return rest.starts_with(token.content);
  });
  return found == tokens_.end() ? nullptr : &*found;
}

AddedTokens::Match AddedTokens::next_match(std::string_view text, std::size_t from) const {
  std::size_t i = from;
  while (i < text.size()) {
    const AddedToken* token = longest_at(text, i);
    if (token == nullptr) {
      ++i;
      continue;
    }
    Match match{token, i, i + token->content.size()};
    i = match.end;
    if (token->single_word && !stands_alone(text, match.begin, match.end)) continue;
    if (token->lstrip) match.begin = std::max(from, trailing_space(text.substr(0, match.begin)));
    if (token->rstrip) match.end = leading_space(text, match.end);
    return match;
  }
  return {};
}

std::vector<AddedTokens::Piece> AddedTokens::cut(std::string_view text) const {
  std::vector<Piece> pieces;
  std::size_t begin = 0;
  for (Match match; (match = next_match(text, begin)).token != nullptr; begin = match.end) {
    if (match.begin > begin) pieces.push_back({text.substr(begin, match.begin - begin)});
    pieces.push_back({text.substr(match.begin, match.end - match.begin), match.token->id});
  }
  if (begin < text.size()) pieces.push_back({text.substr(begin)});
  return pieces;
}

const AddedToken* AddedTokens::find(std::int64_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::find(std::string_view content) const {
  const auto found =
      std::find_if(tokens_.begin(), tokens_.end(), [content](const AddedToken& token) {
        return token.content == content;
      });
  return found == tokens_.end() ? nullptr : &*found;
}

/// Ids of the words met lately: each has one place, where a newer word replaces it.
class FramedTokenizer::WordCache {
 public:
  /// One cache line.
  struct Entry {
    std::uint8_t word_size = 0;
    std::uint8_t num_ids = 0;
    std::array<char, 22> word{};
    std::array<std::int32_t, 10> ids{};

    [[nodiscard]] bool holds(std::string_view other) const {
      return word_size == other.size() && std::memcmp(word.data(), other.data(), word_size) == 0;
    }
  };

  std::mutex mutex;

  /// The place of a word; nullptr when the word is too long to be kept.
  Entry* place(std::string_view word) {
    if (word.size() > Entry().word.size()) return nullptr;
    return &entries_[std::hash<std::string_view>()(word) % entries_.size()];
  }

  static void keep(Entry& entry, std::string_view word, std::span<const std::int64_t> ids) {
    if (ids.size() > entry.ids.size()) return;
    entry.word_size = static_cast<std::uint8_t>(word.size());
    entry.num_ids = static_cast<std::uint8_t>(ids.size());
    std::copy(word.begin(), word.end(), entry.word.begin());
    std::transform(ids.begin(), ids.end(), entry.ids.begin(), [](std::int64_t id) {
      return static_cast<std::int32_t>(id);
    });
  }

 private:
  static constexpr std::size_t kNumEntries = 1U << 15U;
  std::vector<Entry> entries_ = std::vector<Entry>(kNumEntries);
};

FramedTokenizer::FramedTokenizer(TokenizerParts parts)
    : parts_(std::move(parts)),
      added_(std::move(parts_.added), parts_.where),
      cache_(std::make_unique<WordCache>()) {}

FramedTokenizer::~FramedTokenizer() = default;

void FramedTokenizer::encode_words(std::span<const std::string_view> words,
                                   std::vector<std::int64_t>& ids) const {
  const std::unique_lock lock(cache_->mutex, std::try_to_lock);
  for (const std::string_view word : words) {
    WordCache::Entry* entry = lock.owns_lock() ? cache_->place(word) : nullptr;
    if (entry != nullptr && entry->holds(word)) {
      ids.insert(ids.end(), entry->ids.begin(), entry->ids.begin() + entry->num_ids);
      continue;
    }
    const std::size_t before = ids.size();
    encode_word(word, ids);
    if (entry != nullptr) WordCache::keep(*entry, word, std::span(ids).subspan(before));
  }
}

void FramedTokenizer::encode_gap(std::string& gap, std::vector<std::int64_t>& ids) const {
  if (gap.empty()) return;
  std::string normal =
      words::normalize(words::repaired_utf8(std::exchange(gap, {})), parts_.normalizer);
  if (parts_.leading_space && !normal.starts_with(' ')) normal.insert(0, 1, ' ');
  encode_words(words::split_in_steps(normal, parts_.splits), ids);
}

void FramedTokenizer::frame(std::vector<std::int64_t>& ids, const EncodeOptions& options) const {
  const std::size_t extra =
      options.add_special ? parts_.prefix.size() + parts_.suffix.size() : std::size_t{0};
  if (options.max_length > 0) {
    const auto most = static_cast<std::size_t>(options.max_length);
    if (most < extra) {
      throw ConfigError(
          formatted("a text of at most {} tokens has no room for the {} that frame it",
                    options.max_length,
                    extra));
    }
    ids.resize(std::min(ids.size(), most - extra));
  }
  if (!options.add_special) return;
  ids.insert(ids.begin(), parts_.prefix.begin(), parts_.prefix.end());
  ids.insert(ids.end(), parts_.suffix.begin(), parts_.suffix.end());
}

std::vector<std::int64_t> FramedTokenizer::encode_segments(std::span<const TextSegment> segments,
                                                           const EncodeOptions& options) const {
  std::vector<std::int64_t> ids;
  std::string gap;
  for (const TextSegment& segment : segments) {
    if (!segment.match_special) {
      gap += segment.text;
      continue;
    }
    for (const AddedTokens::Piece& piece : added_.cut(segment.text)) {
      if (piece.id < 0) {
        gap += piece.text;
      } else {
        encode_gap(gap, ids);
        ids.push_back(piece.id);
      }
    }
  }
  encode_gap(gap, ids);
  frame(ids, options);
  return ids;
}

std::string FramedTokenizer::token_bytes(std::int64_t id,
                                         std::optional<std::int64_t> previous) const {
  const AddedToken* added = added_.find(id);
  std::string bytes = added != nullptr ? added->content : model_bytes(id);
  return bytes.empty() ? bytes : std::string(joint(previous, id)) + bytes;
}

std::int64_t FramedTokenizer::vocab_size() const {
  return std::max(model_size(), added_.max_id() + 1);
}

std::optional<std::int64_t> FramedTokenizer::find_token(std::string_view token) const {
  if (const AddedToken* added = added_.find(token); added != nullptr) return added->id;
  return find_in_model(token);
}

bool FramedTokenizer::is_special(std::int64_t id) const {
  const AddedToken* added = added_.find(id);
  return added != nullptr && added->special;
}

}  // namespace vragent::text

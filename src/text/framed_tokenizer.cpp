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

bool ends_with_word(std::string_view text) {
  return !text.empty() && words::is_word_char(words::read_utf8(text, words::last_char(text)).code);
}

bool begins_with_word(std::string_view text) {
  return !text.empty() && words::is_word_char(words::read_utf8(text, 0).code);
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
    if (token->lstrip)
      match.begin = std::max(from, words::trailing_space(text.substr(0, match.begin)));
    if (token->rstrip) match.end = words::space_end(text, match.end);
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

std::unordered_set<std::int64_t> special_ids_of(const TokenizerParts& parts) {
  std::unordered_set<std::int64_t> ids;
  for (const AddedToken& token : parts.added) {
    if (token.special) ids.insert(token.id);
  }
  return ids;
}

/// What is kept from text to text: the ids of words met lately, each of which has one place where a
/// newer word replaces it, and the memory of the cutter.
class FramedTokenizer::Workspace {
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

  /// @param num_entries 0 keeps no words
  Workspace(const std::vector<words::SplitStep>& splits, std::size_t num_entries)
      : cutter(splits), entries_(num_entries) {}

  std::mutex mutex;
  words::WordCutter cutter;

  /// The place of a word; nullptr when it cannot be kept.
  Entry* place(std::string_view word) {
    if (word.size() > Entry().word.size() || entries_.empty()) return nullptr;
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
  std::vector<Entry> entries_;
};

namespace {

constexpr std::size_t kNumKeptWords = 1U << 15U;

std::vector<AddedToken> plain_tokens(std::vector<AddedToken> tokens) {
  std::erase_if(tokens, [](const AddedToken& token) { return token.normalized; });
  return tokens;
}

std::vector<AddedToken> normalized_tokens(const TokenizerParts& parts) {
  std::vector<AddedToken> tokens;
  for (AddedToken token : parts.added) {
    if (!token.normalized) continue;
    token.content = words::normalize(token.content, parts.normalizer);
    if (!token.content.empty()) tokens.push_back(token);
  }
  return tokens;
}

}  // namespace

FramedTokenizer::FramedTokenizer(TokenizerParts parts)
    : parts_(std::move(parts)),
      added_(parts_.added, parts_.where),
      plain_added_(plain_tokens(parts_.added), parts_.where),
      normalized_added_(normalized_tokens(parts_), parts_.where),
      workspace_(std::make_unique<Workspace>(parts_.splits, kNumKeptWords)) {}

FramedTokenizer::~FramedTokenizer() = default;

void FramedTokenizer::encode_words(Workspace& workspace,
                                   std::string_view text,
                                   bool at_start,
                                   std::vector<std::int64_t>& ids) const {
  for (const std::string_view word : workspace.cutter.cut(text, at_start)) {
    Workspace::Entry* entry = workspace.place(word);
    if (entry != nullptr && entry->holds(word)) {
      ids.insert(ids.end(), entry->ids.begin(), entry->ids.begin() + entry->num_ids);
      continue;
    }
    const std::size_t before = ids.size();
    encode_word(word, ids);
    if (entry != nullptr) Workspace::keep(*entry, word, std::span(ids).subspan(before));
  }
}

void FramedTokenizer::encode_normal(std::string_view text,
                                    bool at_start,
                                    std::vector<std::int64_t>& ids) const {
  std::string spaced;
  if (parts_.leading_space && !text.starts_with(' ')) text = spaced = ' ' + std::string(text);
  const std::unique_lock lock(workspace_->mutex, std::try_to_lock);
  if (lock.owns_lock()) return encode_words(*workspace_, text, at_start, ids);
  Workspace own(parts_.splits, 0);
  encode_words(own, text, at_start, ids);
}

void FramedTokenizer::encode_gap(Gap& gap,
                                 bool match_normalized,
                                 std::vector<std::int64_t>& ids) const {
  const Gap taken = std::exchange(gap, {.at_start = false});
  if (taken.text.empty()) return;
  const std::string normal = words::normalize(words::repaired_utf8(taken.text), parts_.normalizer);
  if (!match_normalized) return encode_normal(normal, taken.at_start, ids);
  bool at_start = taken.at_start;
  for (const AddedTokens::Piece& piece : normalized_added_.cut(normal)) {
    if (piece.id >= 0) ids.push_back(piece.id);
    if (piece.id < 0) encode_normal(piece.text, at_start, ids);
    at_start = false;
  }
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
  // Normalization may reach from one segment into the next. Only where all of them ask for added
  // tokens can some be looked for behind it; else all are looked for before it.
  const bool all_match = !normalized_added_.empty() &&
                         std::all_of(segments.begin(), segments.end(), [](const auto& segment) {
                           return segment.match_special;
                         });
  const AddedTokens& tokens = all_match ? plain_added_ : added_;
  std::vector<std::int64_t> ids;
  Gap gap;
  for (const TextSegment& segment : segments) {
    if (!segment.match_special) {
      gap.text += segment.text;
      continue;
    }
    for (const AddedTokens::Piece& piece : tokens.cut(segment.text)) {
      if (piece.id < 0) {
        gap.text += piece.text;
      } else {
        encode_gap(gap, all_match, ids);
        ids.push_back(piece.id);
      }
    }
  }
  encode_gap(gap, all_match, ids);
  frame(ids, options);
  return ids;
}

std::optional<std::string> FramedTokenizer::token_bytes(
    std::int64_t id, std::optional<std::int64_t> previous) const {
  const AddedToken* added = normalized_added_.find(id);
  if (added == nullptr) added = added_.find(id);
  std::string text = added != nullptr ? added->content : model_bytes(id);
  if (text.empty()) return std::nullopt;
  if (parts_.marks) return words::decode_marked(text, *parts_.marks, !previous);
  return std::string(joint(previous, id)) + text;
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

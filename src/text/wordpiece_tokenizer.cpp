// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "text/wordpiece_tokenizer.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::text {
namespace {

std::int64_t num_chars(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80;
  });
}

/// One character less at the end. @param size of a prefix of `text`, more than 0
std::size_t one_char_less(std::string_view text, std::size_t size) {
  do {
    --size;
  } while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80);
  return size;
}

/// True for signs and endings that stand without a space behind a word.
bool follows_closely(std::string_view piece) {
  constexpr std::array<std::string_view, 9> kBeginnings = {
      ".", "?", "!", ",", "n't", "'m", "'s", "'ve", "'re"};
  return std::any_of(kBeginnings.begin(), kBeginnings.end(), [piece](std::string_view beginning) {
    return piece.starts_with(beginning);
  });
}

class WordPieceTokenizer final : public FramedTokenizer {
 public:
  WordPieceTokenizer(WordPieceModel model, TokenizerParts parts)
      : FramedTokenizer(parts), special_(special_ids_of(parts)), model_(std::move(model)) {
    for (const auto& [piece, id] : model_.vocab) add(piece, id);
    const auto unk = ids_.find(model_.unk_token);
    if (unk == ids_.end()) {
      throw DataError(
          formatted("{}: the vocabulary has no \"{}\"", model_.where, model_.unk_token));
    }
    unk_ = unk->second;
  }

 protected:
  void encode_word(std::string_view word, std::vector<std::int64_t>& ids) const override {
    const std::size_t before = ids.size();
    bool known = num_chars(word) <= model_.max_word_chars;
    for (std::size_t begin = 0; known && begin < word.size();) {
      const std::string_view rest = word.substr(begin);
      const auto& pieces = begin == 0 ? ids_ : inner_ids_;
      std::size_t size = std::min(rest.size(), longest_);
      auto found = pieces.find(rest.substr(0, size));
      while (size > 0 && (found == pieces.end() || special_.contains(found->second))) {
        size = one_char_less(rest, size);
        found = pieces.find(rest.substr(0, size));
      }
      known = size > 0;
      if (known) ids.push_back(found->second);
      begin += size;
    }
    if (known) return;
    ids.resize(before);
    ids.push_back(unk_);
  }

  [[nodiscard]] std::string model_bytes(std::int64_t id) const override {
    std::string_view text = piece(id);
    if (is_inner(id)) text.remove_prefix(model_.inner_prefix.size());
    return std::string(text);
  }

  [[nodiscard]] std::string_view joint(std::optional<std::int64_t> previous,
                                       std::int64_t id) const override {
    if (is_inner(id)) return previous ? std::string_view() : std::string_view(model_.inner_prefix);
    return !previous || (model_.tidy_signs && follows_closely(piece(id))) ? "" : " ";
  }

  [[nodiscard]] std::int64_t model_size() const override {
    return static_cast<std::int64_t>(pieces_.size());
  }

  [[nodiscard]] std::optional<std::int64_t> find_in_model(std::string_view token) const override {
    const auto found = ids_.find(token);
    if (found == ids_.end()) return std::nullopt;
    return found->second;
  }

 private:
  void add(std::string_view text, std::int64_t id) {
    if (id < 0 || id >= kMaxTokenId) {
      throw DataError(
          formatted("{}: vocabulary: \"{}\": id {} is out of range", model_.where, text, id));
    }
    pieces_.resize(std::max(pieces_.size(), static_cast<std::size_t>(id) + 1));
    pieces_[static_cast<std::size_t>(id)] = text;
    longest_ = std::max(longest_, text.size());
    ids_[text] = id;  // of a piece that is there twice the later one counts, as in Python's reader
    if (text.starts_with(model_.inner_prefix) && text.size() > model_.inner_prefix.size()) {
      inner_ids_[text.substr(model_.inner_prefix.size())] = id;
    }
  }

  [[nodiscard]] std::string_view piece(std::int64_t id) const {
    return id < 0 || id >= model_size() ? std::string_view()
                                        : pieces_[static_cast<std::size_t>(id)];
  }

  [[nodiscard]] bool is_inner(std::int64_t id) const {
    return piece(id).starts_with(model_.inner_prefix) &&
           piece(id).size() > model_.inner_prefix.size();
  }

  std::unordered_set<std::int64_t> special_;
  WordPieceModel model_;  // owns the text that the views below point to
  std::vector<std::string_view> pieces_;
  std::unordered_map<std::string_view, std::int64_t> ids_;
  std::unordered_map<std::string_view, std::int64_t> inner_ids_;  // without their prefix
  std::size_t longest_ = 0;
  std::int64_t unk_ = 0;
};

}  // namespace

std::unique_ptr<Tokenizer> make_wordpiece_tokenizer(WordPieceModel model, TokenizerParts parts) {
  return std::make_unique<WordPieceTokenizer>(std::move(model), std::move(parts));
}

}  // namespace vragent::text

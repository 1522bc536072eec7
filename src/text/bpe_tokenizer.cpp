// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "text/bpe_tokenizer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <queue>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/words/byte_symbols.h"
#include "vragent/words/space_marks.h"
#include "vragent/words/unicode.h"

namespace vragent::text {
namespace {

using Symbol = std::uint32_t;

constexpr Symbol kNoSymbol = 0xFFFFFFFF;
constexpr std::uint32_t kNoRank = 0xFFFFFFFF;
constexpr std::size_t kLongWord = 48;  // from here on a heap beats scanning for the lowest rank

struct Merge {
  std::uint32_t rank = kNoRank;
  Symbol result = kNoSymbol;
};

/// (left, right) -> merge, with open addressing.
class MergeTable {
 public:
  explicit MergeTable(std::size_t num_merges)
      : slots_(std::bit_ceil(2 * num_merges + 2)),
        shift_(64U - static_cast<unsigned>(std::countr_zero(slots_.size()))) {}

  void set(Symbol left, Symbol right, Merge merge) {
    Slot& slot = slots_[place(key_of(left, right))];
    slot = {key_of(left, right), merge};
  }

  [[nodiscard]] Merge find(Symbol left, Symbol right) const {
    return slots_[place(key_of(left, right))].merge;
  }

 private:
  static constexpr std::uint64_t kNoKey = ~std::uint64_t{0};

  struct Slot {
    std::uint64_t key = kNoKey;
    Merge merge;
  };

  static std::uint64_t key_of(Symbol left, Symbol right) {
    return (std::uint64_t{left} << 32U) | right;
  }

  [[nodiscard]] std::size_t place(std::uint64_t key) const {
    std::size_t i = (key * 0x9E3779B97F4A7C15ULL) >> shift_;
    while (slots_[i].key != key && slots_[i].key != kNoKey) i = (i + 1) & (slots_.size() - 1);
    return i;
  }

  std::vector<Slot> slots_;
  unsigned shift_;
};

/// A symbol of a short word and its merge with the next one.
struct Part {
  Symbol symbol;
  Merge merge;
};

void merge_short(std::vector<Part>& parts, const MergeTable& merges) {
  const auto look_up = [&](std::size_t i) {
    parts[i].merge =
        i + 1 < parts.size() ? merges.find(parts[i].symbol, parts[i + 1].symbol) : Merge{};
  };
  for (std::size_t i = 0; i < parts.size(); ++i) look_up(i);
  while (parts.size() > 1) {
    const auto best =
        std::min_element(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
          return a.merge.rank < b.merge.rank;
        });
    if (best->merge.rank == kNoRank) return;
    const auto i = static_cast<std::size_t>(best - parts.begin());
    best->symbol = best->merge.result;
    parts.erase(best + 1);
    look_up(i);
    if (i > 0) look_up(i - 1);
  }
}

/// The same for long words in n log n: a linked list of symbols and a heap of merges, in which an
/// entry is stale when its pair is no longer there.
class LongWord {
 public:
  LongWord(std::vector<Part>& parts, const MergeTable& merges) : merges_(merges) {
    nodes_.reserve(parts.size());
    for (std::size_t i = 0; i < parts.size(); ++i) {
      nodes_.push_back({parts[i].symbol, i - 1, i + 1 < parts.size() ? i + 1 : kNone});
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) offer(i);
    while (!heap_.empty()) merge_best();
    parts.clear();
    for (std::size_t i = 0; i != kNone; i = nodes_[i].next) parts.push_back({nodes_[i].symbol, {}});
  }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};

  struct Node {
    Symbol symbol;  // kNoSymbol once it was joined to its left neighbour
    std::size_t previous;
    std::size_t next;
  };

  struct Entry {
    Merge merge;
    std::size_t left;
    Symbol left_symbol;
    Symbol right_symbol;

    bool operator<(const Entry& other) const {  // the heap's top is the largest
      if (merge.rank != other.merge.rank) return merge.rank > other.merge.rank;
      return left > other.left;
    }
  };

  void offer(std::size_t left) {
    if (left == kNone || nodes_[left].next == kNone) return;
    const Symbol right_symbol = nodes_[nodes_[left].next].symbol;
    const Merge merge = merges_.find(nodes_[left].symbol, right_symbol);
    if (merge.rank != kNoRank) heap_.push({merge, left, nodes_[left].symbol, right_symbol});
  }

  void merge_best() {
    const Entry best = heap_.top();
    heap_.pop();
    Node& left = nodes_[best.left];
    if (left.symbol != best.left_symbol || left.next == kNone) return;
    Node& right = nodes_[left.next];
    if (right.symbol != best.right_symbol) return;
    left.symbol = best.merge.result;
    right.symbol = kNoSymbol;
    left.next = right.next;
    if (left.next != kNone) nodes_[left.next].previous = best.left;
    offer(left.previous);
    offer(best.left);
  }

  const MergeTable& merges_;
  std::vector<Node> nodes_;
  std::priority_queue<Entry> heap_;
};

/// Tokens by id and by text.
class TokenTable {
 public:
  explicit TokenTable(BpeModel& model) {
    for (const auto& [token, id] : model.vocab) {
      if (id < 0 || id >= kMaxTokenId) {
        throw DataError(
            formatted("{}: vocabulary: \"{}\": id {} is out of range", model.where, token, id));
      }
      texts_.resize(std::max(texts_.size(), static_cast<std::size_t>(id) + 1));
    }
    ids_.reserve(model.vocab.size());
    for (auto& [token, id] : model.vocab) add(std::move(token), id, model.where);
  }

  [[nodiscard]] std::optional<Symbol> find(std::string_view token) const {
    const auto found = ids_.find(token);
    if (found == ids_.end()) return std::nullopt;
    return found->second;
  }

  /// The token's text, "" for ids that are not there.
  [[nodiscard]] std::string_view text(std::int64_t id) const {
    if (id < 0 || id >= size()) return {};
    return texts_[static_cast<std::size_t>(id)];
  }

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(texts_.size()); }

 private:
  void add(std::string token, std::int64_t id, const std::string& where) {
    std::string& place = texts_[static_cast<std::size_t>(id)];
    if (!place.empty()) {
      throw DataError(formatted(
          "{}: vocabulary: \"{}\" and \"{}\" have the same id {}", where, place, token, id));
    }
    place = std::move(token);
    // The text may be short enough to live inside the string, which no longer moves.
    if (!ids_.emplace(place, static_cast<Symbol>(id)).second) {
      throw DataError(formatted("{}: vocabulary: \"{}\" is there twice", where, place));
    }
  }

  std::vector<std::string> texts_;
  std::unordered_map<std::string_view, Symbol> ids_;
};

Symbol need_symbol(const BpeModel& model,
                   const TokenTable& tokens,
                   std::size_t rank,
                   const std::string& token) {
  if (const auto symbol = tokens.find(token)) return *symbol;
  const auto& [left, right] = model.merges[rank];
  throw DataError(formatted("{}: merge {} (\"{}\" + \"{}\"): the vocabulary has no \"{}\"",
                            model.where,
                            rank,
                            left,
                            right,
                            token));
}

/// @param special ids that no merge may make out of a text
MergeTable read_merges(const BpeModel& model,
                       const TokenTable& tokens,
                       const std::unordered_set<std::int64_t>& special) {
  MergeTable table(model.merges.size());
  for (std::size_t rank = 0; rank < model.merges.size(); ++rank) {
    const auto& [left, right] = model.merges[rank];
    const Symbol result = need_symbol(model, tokens, rank, left + right);
    if (special.contains(result)) continue;
    table.set(need_symbol(model, tokens, rank, left),
              need_symbol(model, tokens, rank, right),
              {static_cast<std::uint32_t>(rank), result});
  }
  return table;
}

class BpeTokenizer final : public FramedTokenizer {
 public:
  BpeTokenizer(BpeModel model, TokenizerParts parts)
      : FramedTokenizer(parts),
        special_(special_ids_of(parts)),
        tokens_(model),
        merges_(read_merges(model, tokens_, special_)),
        word_end_(std::move(model.word_end)),
        fuse_unk_(model.fuse_unk),
        byte_level_(model.byte_level),
        ignore_merges_(model.ignore_merges) {
    if (!model.unk_token.empty()) {
      const auto unk = tokens_.find(model.unk_token);
      if (!unk) {
        throw DataError(formatted(
            "{}: unk_token \"{}\" is not in the vocabulary", model.where, model.unk_token));
      }
      unk_ = *unk;
    }
    for (unsigned i = 0; i < 256; ++i) {
      const auto byte = static_cast<std::uint8_t>(i);
      const std::string symbol = words::byte_symbol(byte);
      inner_bytes_[i] = tokens_.find(symbol).value_or(kNoSymbol);
      last_bytes_[i] = tokens_.find(symbol + word_end_).value_or(kNoSymbol);
      if (!model.byte_fallback) continue;
      fallback_[i] = tokens_.find(words::byte_token(byte)).value_or(kNoSymbol);
    }
  }

 protected:
  void encode_word(std::string_view word, std::vector<std::int64_t>& ids) const override {
    if (ignore_merges_) {
      const auto whole = tokens_.find(byte_level_ ? symbols_of(word) : word_with_end(word));
      if (whole && !special_.contains(*whole)) {
        ids.push_back(*whole);
        return;
      }
    }
    std::vector<Part> parts;
    parts.reserve(word.size());
    if (byte_level_) add_bytes(word, parts);
    if (!byte_level_) add_characters(word, parts);
    if (parts.size() < kLongWord) {
      merge_short(parts, merges_);
    } else {
      LongWord(parts, merges_);
    }
    for (const Part& part : parts) ids.push_back(part.symbol);
  }

  [[nodiscard]] std::string model_bytes(std::int64_t id) const override {
    std::string_view text = tokens_.text(id);
    if (ends_word(id)) text.remove_suffix(word_end_.size());
    if (!byte_level_) return std::string(text);
    return words::bytes_of_symbols(text).value_or(std::string(text));
  }

  [[nodiscard]] std::string_view joint(std::optional<std::int64_t> previous,
                                       std::int64_t /*id*/) const override {
    return previous && ends_word(*previous) ? " " : "";
  }

  [[nodiscard]] std::int64_t model_size() const override { return tokens_.size(); }

  [[nodiscard]] std::optional<std::int64_t> find_in_model(std::string_view token) const override {
    if (const auto symbol = tokens_.find(token)) return *symbol;
    return std::nullopt;
  }

 private:
  [[nodiscard]] bool ends_word(std::int64_t id) const {
    return !word_end_.empty() && tokens_.text(id).ends_with(word_end_);
  }

  [[nodiscard]] std::string symbols_of(std::string_view word) const {
    std::string symbols;
    for (const char c : word) symbols += words::byte_symbol(static_cast<std::uint8_t>(c));
    return symbols + word_end_;
  }

  [[nodiscard]] std::string word_with_end(std::string_view word) const {
    return std::string(word) + word_end_;
  }

  /// An unknown byte or character. @param after_unk the one before it was unknown too
  void add_unknown(bool after_unk, std::vector<Part>& parts) const {
    if (unk_ != kNoSymbol && !(after_unk && fuse_unk_)) parts.push_back({unk_, {}});
  }

  void add_bytes(std::string_view word, std::vector<Part>& parts) const {
    bool after_unk = false;
    for (std::size_t i = 0; i < word.size(); ++i) {
      const auto& bytes = i + 1 < word.size() ? inner_bytes_ : last_bytes_;
      const Symbol symbol = bytes[static_cast<unsigned char>(word[i])];
      const bool unknown = symbol == kNoSymbol;
      if (!unknown) parts.push_back({symbol, {}});
      if (unknown) add_unknown(after_unk, parts);
      after_unk = unknown;
    }
  }

  void add_characters(std::string_view word, std::vector<Part>& parts) const {
    bool after_unk = false;
    for (std::size_t i = 0, size = 0; i < word.size(); i += size) {
      size = words::read_utf8(word, i).size;
      const std::string_view character = word.substr(i, size);
      const auto symbol = i + size < word.size() || word_end_.empty()
                              ? tokens_.find(character)
                              : tokens_.find(word_with_end(character));
      bool unknown = false;
      if (symbol) {
        parts.push_back({*symbol, {}});
      } else if (has_fallback(character)) {
        for (const char c : character) parts.push_back({fallback_[byte_of(c)], {}});
      } else {
        add_unknown(after_unk, parts);
        unknown = true;
      }
      after_unk = unknown;
    }
  }

  static std::size_t byte_of(char c) { return static_cast<unsigned char>(c); }

  [[nodiscard]] bool has_fallback(std::string_view character) const {
    return std::all_of(character.begin(), character.end(), [this](char c) {
      return fallback_[byte_of(c)] != kNoSymbol;
    });
  }

  static std::array<Symbol, 256> no_symbols() {
    std::array<Symbol, 256> symbols{};
    symbols.fill(kNoSymbol);
    return symbols;
  }

  std::unordered_set<std::int64_t> special_;
  TokenTable tokens_;
  MergeTable merges_;
  std::string word_end_;
  bool fuse_unk_;
  bool byte_level_;
  bool ignore_merges_;
  Symbol unk_ = kNoSymbol;
  std::array<Symbol, 256> inner_bytes_{};  // symbol of a byte within a word
  std::array<Symbol, 256> last_bytes_{};   // and at its end
  std::array<Symbol, 256> fallback_ = no_symbols();
};

}  // namespace

std::optional<std::pair<std::string, std::string>> split_merge(std::string_view merge) {
  const auto space = merge.find(' ');
  if (space == std::string_view::npos || space == 0 || space + 1 == merge.size()) {
    return std::nullopt;
  }
  const std::string_view right = merge.substr(space + 1);
  if (right.find(' ') != std::string_view::npos) return std::nullopt;
  return std::pair(std::string(merge.substr(0, space)), std::string(right));
}

std::unique_ptr<Tokenizer> make_bpe_tokenizer(BpeModel model, TokenizerParts parts) {
  return std::make_unique<BpeTokenizer>(std::move(model), std::move(parts));
}

}  // namespace vragent::text

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "text/unigram_tokenizer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/words/space_marks.h"
#include "vragent/words/unicode.h"

namespace vragent::text {
namespace {

constexpr std::int32_t kNoPiece = -1;
constexpr double kUnknownPenalty = 10;  // below the worst piece, as in SentencePiece

/// Pieces by their bytes: nodes of a trie, whose edges are one table with open addressing.
class PieceTrie {
 public:
  static constexpr std::uint32_t kRoot = 0;
  static constexpr std::uint32_t kNoNode = 0xFFFFFFFF;

  /// @param num_bytes of all pieces together: no more nodes will be needed
  explicit PieceTrie(std::size_t num_bytes)
      : edges_(std::bit_ceil(2 * num_bytes + 2)),
        shift_(64U - static_cast<unsigned>(std::countr_zero(edges_.size()))) {}

  void add(std::string_view piece, std::int32_t id) {
    std::uint32_t node = kRoot;
    for (const char c : piece) {
      Edge& edge = edges_[place(key_of(node, c))];
      if (edge.key == kNoKey) {
        edge = {key_of(node, c), static_cast<std::uint32_t>(pieces_.size())};
        pieces_.push_back(kNoPiece);
      }
      node = edge.node;
    }
    pieces_[node] = id;
  }

  /// The node behind `node`, kNoNode when no piece goes on so.
  [[nodiscard]] std::uint32_t next(std::uint32_t node, char c) const {
    return edges_[place(key_of(node, c))].node;
  }

  /// The piece that ends at a node, kNoPiece when none does.
  [[nodiscard]] std::int32_t piece(std::uint32_t node) const { return pieces_[node]; }

  [[nodiscard]] std::int32_t find(std::string_view text) const {
    std::uint32_t node = kRoot;
    for (std::size_t i = 0; i < text.size() && node != kNoNode; ++i) node = next(node, text[i]);
    return node == kNoNode ? kNoPiece : pieces_[node];
  }

 private:
  static constexpr std::uint64_t kNoKey = ~std::uint64_t{0};

  struct Edge {
    std::uint64_t key = kNoKey;
    std::uint32_t node = kNoNode;
  };

  static std::uint64_t key_of(std::uint32_t node, char c) {
    return (std::uint64_t{node} << 8U) | static_cast<unsigned char>(c);
  }

  [[nodiscard]] std::size_t place(std::uint64_t key) const {
    std::size_t i = (key * 0x9E3779B97F4A7C15ULL) >> shift_;
    while (edges_[i].key != key && edges_[i].key != kNoKey) i = (i + 1) & (edges_.size() - 1);
    return i;
  }

  std::vector<Edge> edges_;
  unsigned shift_;
  std::vector<std::int32_t> pieces_ = {kNoPiece};
};

std::size_t num_bytes(const UnigramModel& model) {
  std::size_t total = 0;
  for (const auto& [piece, score] : model.vocab) total += piece.size();
  return total;
}

void check(const UnigramModel& model) {
  const auto size = static_cast<std::int64_t>(model.vocab.size());
  if (size > kMaxTokenId)
    throw DataError(formatted("{}: {} pieces are too many", model.where, size));
  if (model.unk_id < 0 || model.unk_id >= size) {
    throw DataError(formatted(
        "{}: unk_id {} is not in a vocabulary of {} pieces", model.where, model.unk_id, size));
  }
  for (const auto& [piece, score] : model.vocab) {
    if (std::isfinite(score) && !piece.empty()) continue;
    throw DataError(
        formatted("{}: vocabulary: \"{}\" has the score {}", model.where, piece, score));
  }
}

class UnigramTokenizer final : public FramedTokenizer {
 public:
  UnigramTokenizer(UnigramModel model, TokenizerParts parts)
      : FramedTokenizer(parts), model_(std::move(model)), trie_(num_bytes(model_)) {
    const auto special = special_ids_of(parts);
    double lowest = std::numeric_limits<double>::infinity();
    for (std::size_t id = 0; id < model_.vocab.size(); ++id) {
      const auto& [piece, score] = model_.vocab[id];
      ids_[piece] = static_cast<std::int64_t>(id);  // of twins the later one counts
      lowest = std::min(lowest, score);
      if (!special.contains(ids_[piece])) trie_.add(piece, static_cast<std::int32_t>(id));
    }
    unknown_score_ = lowest - kUnknownPenalty;
    for (unsigned byte = 0; byte < 256 && model_.byte_fallback; ++byte) {
      const auto found = ids_.find(words::byte_token(static_cast<unsigned char>(byte)));
      if (found != ids_.end()) fallback_[byte] = found->second;
    }
  }

 protected:
  void encode_word(std::string_view word, std::vector<std::int64_t>& ids) const override {
    const std::vector<Step> steps = best_path(word);
    std::vector<Span> spans;  // from the end
    for (std::size_t end = word.size(); end > 0; end = steps[end].begin) {
      const bool unknown = steps[end].id == model_.unk_id;
      if (unknown && !spans.empty() && spans.back().id == model_.unk_id) {
        spans.back().begin = steps[end].begin;
      } else {
        spans.push_back({steps[end].begin, end, steps[end].id});
      }
    }
    for (std::size_t i = spans.size(); i-- > 0;) {
      const auto [begin, end, id] = spans[i];
      if (id == model_.unk_id) add_unknown(word.substr(begin, end - begin), ids);
      if (id != model_.unk_id) ids.push_back(id);
    }
  }

  [[nodiscard]] std::string model_bytes(std::int64_t id) const override {
    return id < 0 || id >= model_size() ? "" : model_.vocab[static_cast<std::size_t>(id)].first;
  }

  [[nodiscard]] std::string_view joint(std::optional<std::int64_t> /*previous*/,
                                       std::int64_t /*id*/) const override {
    return "";
  }

  [[nodiscard]] std::int64_t model_size() const override {
    return static_cast<std::int64_t>(model_.vocab.size());
  }

  [[nodiscard]] std::optional<std::int64_t> find_in_model(std::string_view token) const override {
    const auto found = ids_.find(token);
    if (found == ids_.end()) return std::nullopt;
    return found->second;
  }

 private:
  /// The last piece of the best way to write the beginning of a word.
  struct Step {
    double score = 0;  ///< of the whole beginning
    std::size_t begin = 0;
    std::int64_t id = kNoPiece;  ///< kNoPiece: no way found yet
  };

  struct Span {
    std::size_t begin;
    std::size_t end;
    std::int64_t id;
  };

  static void offer(Step& step, double score, std::size_t begin, std::int64_t id) {
    if (step.id == kNoPiece || score > step.score) step = {score, begin, id};
  }

  /// A step for each end of a piece. Of ways with equal scores the one found first stays, whose
  /// last piece is longer.
  [[nodiscard]] std::vector<Step> best_path(std::string_view word) const {
    std::vector<Step> steps(word.size() + 1);
    for (std::size_t begin = 0, size = 0; begin < word.size(); begin += size) {
      size = words::read_utf8(word, begin).size;
      const double before = steps[begin].score;
      bool has_single = false;
      std::uint32_t node = PieceTrie::kRoot;
      for (std::size_t end = begin; end < word.size();) {
        node = trie_.next(node, word[end++]);
        if (node == PieceTrie::kNoNode) break;
        const std::int32_t id = trie_.piece(node);
        if (id == kNoPiece) continue;
        has_single = has_single || end - begin == size;
        const double score = model_.vocab[static_cast<std::size_t>(id)].second;
        offer(steps[end], score + before, begin, id);
      }
      if (!has_single) offer(steps[begin + size], unknown_score_ + before, begin, model_.unk_id);
    }
    return steps;
  }

  /// A run of unknown characters: together they may be a piece.
  void add_unknown(std::string_view text, std::vector<std::int64_t>& ids) const {
    if (const std::int32_t id = trie_.find(text); id != kNoPiece) {
      ids.push_back(id);
      return;
    }
    const auto fallback_of = [this](char c) { return fallback_[static_cast<unsigned char>(c)]; };
    const bool in_bytes =
        std::all_of(text.begin(), text.end(), [&](char c) { return fallback_of(c).has_value(); });
    if (!in_bytes) ids.push_back(model_.unk_id);
    for (const char c : in_bytes ? text : std::string_view()) ids.push_back(*fallback_of(c));
  }

  UnigramModel model_;  // owns the text that the views below point to
  PieceTrie trie_;
  std::unordered_map<std::string_view, std::int64_t> ids_;
  double unknown_score_ = 0;
  std::array<std::optional<std::int64_t>, 256> fallback_{};
};

}  // namespace

std::unique_ptr<Tokenizer> make_unigram_tokenizer(UnigramModel model, TokenizerParts parts) {
  check(model);
  return std::make_unique<UnigramTokenizer>(std::move(model), std::move(parts));
}

}  // namespace vragent::text

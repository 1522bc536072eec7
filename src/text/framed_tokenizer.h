// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What all tokenizers share around their model: added tokens are cut out of the text, the gaps
// between them normalized and cut into words, the result shortened and framed. A kind of tokenizer
// adds how words become ids and back.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "vragent/text/tokenizer.h"
#include "vragent/words/normalizer.h"
#include "vragent/words/pre_tokenizer.h"

namespace vragent::text {

/// Ids stay below this, so that a damaged file cannot ask for all memory.
constexpr std::int64_t kMaxTokenId = 1 << 24;

/// A token that stands outside the model's own vocabulary, as the files describe it.
struct AddedToken {
  std::int64_t id = 0;
  std::string content;       ///< looked for in the text as it is, before normalization
  bool special = true;       ///< left out by decode()
  bool normalized = false;   ///< looked for behind normalization instead, normalized itself
  bool single_word = false;  ///< only where no \w touches it
  bool lstrip = false;       ///< takes the white space before it along
  bool rstrip = false;       ///< takes the white space behind it along
};

/// Finds added tokens: the leftmost first, of those that begin together the longest.
class AddedTokens {
 public:
  /// A stretch of text (id -1) or an added token.
  struct Piece {
    std::string_view text;
    std::int64_t id = -1;
  };

  /// @param where named in errors. @throws DataError on an empty content or an id out of range
  AddedTokens(std::vector<AddedToken> tokens, const std::string& where);

  [[nodiscard]] std::vector<Piece> cut(std::string_view text) const;
  [[nodiscard]] const AddedToken* find(std::int64_t id) const;
  [[nodiscard]] const AddedToken* find(std::string_view content) const;

  [[nodiscard]] bool empty() const { return tokens_.empty(); }

  /// Largest id, -1 when there is no token.
  [[nodiscard]] std::int64_t max_id() const { return max_id_; }

 private:
  struct Match {
    const AddedToken* token = nullptr;
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  [[nodiscard]] Match next_match(std::string_view text, std::size_t from) const;
  [[nodiscard]] const AddedToken* longest_at(std::string_view text, std::size_t position) const;

  std::vector<AddedToken> tokens_;  // longest first
  std::array<bool, 256> begins_{};  // bytes with which some content begins
  std::unordered_map<std::int64_t, std::size_t> by_id_;
  std::int64_t max_id_ = -1;
};

/// All that a tokenizer is made of apart from its model.
struct TokenizerParts {
  std::string where;  ///< folder named in errors
  std::vector<AddedToken> added;
  std::vector<words::NormalizerStep> normalizer;
  bool leading_space = false;  ///< a space in front of each gap that does not begin with one
  std::vector<words::SplitStep> splits;
  std::optional<words::SpaceMarks> marks;  ///< how tokens become text; else the model decides
  std::vector<std::int64_t> prefix;        ///< ids in front of every text (CLIP's start, [CLS])
  std::vector<std::int64_t> suffix;        ///< ids behind it
  SpecialIds special_ids;
};

/// Ids of the tokens that decode() leaves out. Text must not become one of them by way of the
/// model.
std::unordered_set<std::int64_t> special_ids_of(const TokenizerParts& parts);

/// Base of all tokenizers. Words met before are looked up in a table of fixed size; when another
/// thread holds it, they are computed again.
class FramedTokenizer : public Tokenizer {
 public:
  ~FramedTokenizer() override;
  [[nodiscard]] std::vector<std::int64_t> encode_segments(std::span<const TextSegment> segments,
                                                          const EncodeOptions& options) const final;
  [[nodiscard]] std::optional<std::string> token_bytes(
      std::int64_t id, std::optional<std::int64_t> previous) const final;
  [[nodiscard]] std::int64_t vocab_size() const final;
  [[nodiscard]] std::optional<std::int64_t> find_token(std::string_view token) const final;
  [[nodiscard]] bool is_special(std::int64_t id) const final;

  [[nodiscard]] const SpecialIds& special_ids() const final { return parts_.special_ids; }

 protected:
  explicit FramedTokenizer(TokenizerParts parts);

  /// Appends the ids of one word, which is not empty. The result is kept and used again.
  virtual void encode_word(std::string_view word, std::vector<std::int64_t>& ids) const = 0;

  /// Text of a token of the model, with its marks; nothing when the model has no such id.
  [[nodiscard]] virtual std::string model_bytes(std::int64_t id) const = 0;

  /// What stands in front of the token's text, behind `previous` ("" or " " as a rule). Not asked
  /// where marks say it.
  [[nodiscard]] virtual std::string_view joint(std::optional<std::int64_t> previous,
                                               std::int64_t id) const = 0;

  [[nodiscard]] virtual std::int64_t model_size() const = 0;
  [[nodiscard]] virtual std::optional<std::int64_t> find_in_model(std::string_view token) const = 0;

 private:
  class Workspace;

  /// A stretch of text between added tokens.
  struct Gap {
    std::string text;
    bool at_start = true;  ///< nothing stands before it
  };

  void encode_gap(Gap& gap, bool match_normalized, std::vector<std::int64_t>& ids) const;
  void encode_normal(std::string_view text, bool at_start, std::vector<std::int64_t>& ids) const;
  void encode_words(Workspace& workspace,
                    std::string_view text,
                    bool at_start,
                    std::vector<std::int64_t>& ids) const;
  void frame(std::vector<std::int64_t>& ids, const EncodeOptions& options) const;

  TokenizerParts parts_;
  AddedTokens added_;             // all, as they are written
  AddedTokens plain_added_;       // those that are looked for before normalization
  AddedTokens normalized_added_;  // the others, normalized
  std::unique_ptr<Workspace> workspace_;
};

}  // namespace vragent::text

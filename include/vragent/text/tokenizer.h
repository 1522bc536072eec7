// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The seam between text and token ids. load_tokenizer() reads what a checkpoint folder holds and
// gives the right implementation; callers see this interface only.
//
// Text that people wrote never becomes a control token: the added tokens of a vocabulary
// (<|im_end|>, [SEP], ...) are looked for only in segments that ask for it. Bytes that are not
// UTF-8 enter as U+FFFD.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vragent::text {

/// How one text is turned into ids.
struct EncodeOptions {
  bool match_special = false;   ///< look for added tokens in the text (never for user text)
  bool add_special = true;      ///< the model's own frame: CLIP 49406 .. 49407, BERT [CLS] .. [SEP]
  std::int64_t max_length = 0;  ///< most ids, frame included; 0 = no limit; cuts before the frame's
                                ///< end, so the last id stays EOT or [SEP]
};

/// A piece of a longer text. Neighbours are joined before they are tokenized, so where a text is
/// cut makes no difference; only added tokens found in matching segments separate it.
struct TextSegment {
  std::string text;
  bool match_special = false;  ///< true for what a template wrote, false for what a user wrote
};

/// Ids of the tokens with a role, where the files name them.
struct SpecialIds {
  std::optional<std::int64_t> bos, eos, pad, unk, cls, sep, mask;
};

/// Immutable after loading; all members may be called from several threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Ids of one text. @throws ConfigError when max_length has no room for the frame
  [[nodiscard]] std::vector<std::int64_t> encode(std::string_view text,
                                                 const EncodeOptions& options = {}) const;

  /// Ids of the segments as one text; options.match_special is not looked at.
  /// @throws ConfigError as encode()
  [[nodiscard]] virtual std::vector<std::int64_t> encode_segments(
      std::span<const TextSegment> segments, const EncodeOptions& options) const = 0;

  /// The text of ids. Ids outside the vocabulary (padding rows of an embedding) give nothing;
  /// bytes that are not UTF-8 become U+FFFD.
  /// @param skip_special leaves out tokens for which is_special() holds
  [[nodiscard]] std::string decode(std::span<const std::int64_t> ids,
                                   bool skip_special = true) const;

  /// Bytes that an id adds to a text, perhaps an incomplete UTF-8 sequence; none for unknown ids.
  /// @param previous the known id before it, when there is one (it decides about a space)
  [[nodiscard]] virtual std::optional<std::string> token_bytes(
      std::int64_t id, std::optional<std::int64_t> previous) const = 0;

  /// Largest id + 1, added tokens included; an embedding may have more rows.
  [[nodiscard]] virtual std::int64_t vocab_size() const = 0;

  /// The id of a token by its exact text in the files ("<|image_pad|>", "##ing", "\u0120the").
  [[nodiscard]] virtual std::optional<std::int64_t> find_token(std::string_view token) const = 0;

  /// True for tokens that decode() leaves out: those the files mark as special.
  [[nodiscard]] virtual bool is_special(std::int64_t id) const = 0;

  [[nodiscard]] virtual const SpecialIds& special_ids() const = 0;

  /// The id of a token that must be there. @throws DataError naming the token
  [[nodiscard]] std::int64_t need_token(std::string_view token) const;
};

/// Reads the tokenizer of a checkpoint folder: tokenizer.json (BPE, WordPiece, Unigram), or
/// vocab.json + merges.txt, or vocab.txt, or a SentencePiece model of XLM-R or T5; roles and added
/// tokens also from tokenizer_config.json, special_tokens_map.json and added_tokens.json, and where
/// these are silent the roles that BERT, CLIP, GPT-2, XLM-R and T5 are known to have.
/// @throws Error (66) when the folder holds none of them, DataError naming the file when one is
///         damaged or names a component that we do not know
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& folder);

/// Text of ids that arrive one by one: holds back bytes until they form whole characters.
/// Everything pushed and finished, joined, is what decode() gives for all ids at once.
class StreamDecoder {
 public:
  /// @param tokenizer must outlive the decoder
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special = true)
      : tokenizer_(tokenizer), skip_special_(skip_special) {}

  /// The text that is certain after one more id; often "" or more than one character.
  std::string push(std::int64_t id);

  /// What was held back (U+FFFD for an incomplete character); the decoder starts anew.
  std::string finish();

 private:
  const Tokenizer& tokenizer_;
  bool skip_special_;
  std::optional<std::int64_t> previous_;
  std::string held_;
};

}  // namespace vragent::text

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "text/sentencepiece_model.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <string_view>

#include "vragent/text/folder_files.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/words/unicode.h"

namespace vragent::text {
namespace {

// Field numbers of the format.
constexpr std::uint64_t kPieces = 1;
constexpr std::uint64_t kTrainer = 2;
constexpr std::uint64_t kNormalizer = 3;
constexpr std::uint64_t kPieceText = 1;
constexpr std::uint64_t kPieceScore = 2;
constexpr std::uint64_t kPieceKind = 3;
constexpr std::uint64_t kTrainerAlgorithm = 3;
constexpr std::uint64_t kNormalizerCharsmap = 2;

constexpr std::int64_t kUnigram = 1;

/// One field of a message: a number, or bytes.
struct Field {
  std::uint64_t number = 0;
  std::uint64_t value = 0;  ///< of a varint or a fixed number
  std::string_view bytes;   ///< of text, bytes or a message
};

/// The fields of a protocol buffer's message one by one.
class MessageReader {
 public:
  MessageReader(std::string_view message, const std::string& where)
      : rest_(message), where_(where) {}

  std::optional<Field> next() {
    if (rest_.empty()) return std::nullopt;
    const std::uint64_t tag = varint();
    Field field{.number = tag >> 3U};
    switch (tag & 7U) {
      case 0:
        field.value = varint();
        break;
      case 1:
        field.value = fixed(8);
        break;
      case 2:
        field.bytes = take(varint());
        break;
      case 5:
        field.value = fixed(4);
        break;
      default:
        fail();
    }
    return field;
  }

 private:
  [[noreturn]] void fail() const {
    throw DataError(where_ + ": no SentencePiece model, or a damaged one");
  }

  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) fail();
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

  std::uint64_t fixed(std::size_t size) {
    std::uint64_t value = 0;
    unsigned shift = 0;
    for (const char c : take(size)) {
      value |= std::uint64_t{static_cast<unsigned char>(c)} << shift;
      shift += 8;
    }
    return value;
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1).front());
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    fail();
  }

  std::string_view rest_;
  const std::string& where_;
};

SentencePiece read_piece(std::string_view message, const std::string& where) {
  SentencePiece piece;
  MessageReader reader(message, where);
  while (const auto field = reader.next()) {
    if (field->number == kPieceText) piece.text = field->bytes;
    if (field->number == kPieceKind) piece.kind = static_cast<PieceKind>(field->value);
    if (field->number == kPieceScore) {
      piece.score = std::bit_cast<float>(static_cast<std::uint32_t>(field->value));
    }
  }
  if (words::repaired_utf8(piece.text) != piece.text) throw DataError(where + ": not UTF-8");
  return piece;
}

/// What all families share: the pipeline, and the added tokens that the file names.
/// @param id_of_piece what is added to a piece's place to give its id
TokenizerDescription described(const SentencePieceModel& model, std::int64_t id_shift) {
  if (model.algorithm != kUnigram) {
    throw DataError(formatted(
        "{}: SentencePiece's algorithm {} is not supported, only Unigram (1) is; tokenizer.json "
        "would be read",
        model.where,
        model.algorithm));
  }
  TokenizerDescription description;
  TokenizerParts& parts = description.parts;
  if (!model.charsmap.empty()) parts.normalizer = {words::Charsmap(model.charsmap)};
  parts.splits = {words::SplitAtSpace{}, words::Metaspace{}};
  parts.marks = words::SpaceMarks{};
  for (std::size_t i = 0; i < model.pieces.size(); ++i) {
    const SentencePiece& piece = model.pieces[i];
    const bool control = piece.kind == PieceKind::kControl;
    if (!control && piece.kind != PieceKind::kUserDefined) continue;
    parts.added.push_back(
        {.id = static_cast<std::int64_t>(i) + id_shift, .content = piece.text, .special = control});
  }
  return description;
}

}  // namespace

SentencePieceModel read_sentencepiece_model(const std::filesystem::path& path) {
  SentencePieceModel model{.where = path.string()};
  const std::string file = read_inside(path);
  MessageReader reader(file, model.where);
  while (const auto field = reader.next()) {
    if (field->number == kPieces) model.pieces.push_back(read_piece(field->bytes, model.where));
    if (field->number != kTrainer && field->number != kNormalizer) continue;
    MessageReader specification(field->bytes, model.where);
    while (const auto inner = specification.next()) {
      if (field->number == kTrainer && inner->number == kTrainerAlgorithm) {
        model.algorithm = static_cast<std::int64_t>(inner->value);
      }
      if (field->number == kNormalizer && inner->number == kNormalizerCharsmap) {
        model.charsmap = inner->bytes;
      }
    }
  }
  if (model.pieces.empty()) throw DataError(model.where + ": no pieces");
  return model;
}

TokenizerDescription xlm_roberta_description(const SentencePieceModel& model) {
  constexpr std::size_t kNumReplaced = 3;  // <unk>, <s>, </s> have other ids here
  TokenizerDescription description = described(model, 1);
  std::erase_if(description.parts.added, [](const AddedToken& token) {
    return token.id <= static_cast<std::int64_t>(kNumReplaced);
  });
  UnigramModel unigram{.where = model.where,
                       .vocab = {{"<s>", 0}, {"<pad>", 0}, {"</s>", 0}, {"<unk>", 0}},
                       .unk_id = 3};
  for (std::size_t i = kNumReplaced; i < model.pieces.size(); ++i) {
    unigram.vocab.emplace_back(model.pieces[i].text, model.pieces[i].score);
  }
  unigram.vocab.emplace_back("<mask>", 0);
  description.model = std::move(unigram);
  return description;
}

TokenizerDescription t5_description(const SentencePieceModel& model, std::int64_t num_extra_ids) {
  if (num_extra_ids < 0 || num_extra_ids > kMaxTokenId) {
    throw DataError(formatted("{}: {} extra ids", model.where, num_extra_ids));
  }
  TokenizerDescription description = described(model, 0);
  UnigramModel unigram{.where = model.where, .unk_id = -1};
  for (const SentencePiece& piece : model.pieces) {
    if (piece.kind == PieceKind::kUnknown) {
      unigram.unk_id = static_cast<std::int64_t>(unigram.vocab.size());
    }
    unigram.vocab.emplace_back(piece.text, piece.score);
  }
  for (std::int64_t i = num_extra_ids - 1; i >= 0; --i) {
    const std::string token = formatted("<extra_id_{}>", i);
    description.parts.added.push_back(
        {.id = static_cast<std::int64_t>(unigram.vocab.size()), .content = token});
    unigram.vocab.emplace_back(token, 0);
  }
  description.model = std::move(unigram);
  return description;
}

}  // namespace vragent::text

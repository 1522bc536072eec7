// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "text/tokenizer_json.h"

#include <utility>

#include "vragent/text/folder_files.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"
#include "vragent/util/text.h"

namespace vragent::text {
namespace {

constexpr int kMaxDepth = 4;  // of Sequence within Sequence

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw DataError(formatted("{}: {} is not supported by this program", where, what));
}

/// Calls use(step) for a component, or for each of those that a Sequence names under `list_key`.
template <class Use>
void for_each_step(const Json& component,
                   const char* list_key,
                   const std::string& where,
                   int depth,
                   const Use& use) {
  if (component.is_null()) return;
  if (!component.is_object()) throw DataError(where + ": an object is wanted");
  const JsonRecord record(component, where);
  if (record.text("type") != "Sequence") return use(record);
  if (depth == 0) refuse(where, "a Sequence nested so deep");
  for (const Json& step : record.array(list_key)) {
    for_each_step(step, list_key, where, depth - 1, use);
  }
}

template <class Use>
void for_each_step(const Json& root,
                   const char* key,
                   const char* list_key,
                   const std::string& file,
                   const Use& use) {
  const auto found = root.find(key);
  if (found == root.end()) return;
  for_each_step(*found, list_key, file + ": " + key, kMaxDepth, use);
}

std::vector<AddedToken> read_added_tokens(const Json& root, const std::string& file) {
  std::vector<AddedToken> tokens;
  const JsonRecord all(root, file);
  if (!all.has("added_tokens")) return tokens;
  for (const Json& item : all.array("added_tokens")) {
    const JsonRecord token(item, file + ": added_tokens");
    tokens.push_back({.id = token.integer("id"),
                      .content = token.text("content"),
                      .special = token.boolean_or("special", false),
                      .normalized = token.boolean_or("normalized", false),
                      .single_word = token.boolean_or("single_word", false),
                      .lstrip = token.boolean_or("lstrip", false),
                      .rstrip = token.boolean_or("rstrip", false)});
  }
  return tokens;
}

words::NormalizerStep read_replace(const JsonRecord& step) {
  const JsonRecord pattern(step.object("pattern"), step.where() + ": pattern");
  const std::string content = step.text("content");
  if (pattern.has("String")) {
    const std::string text = pattern.text("String");
    if (text.empty()) step.fail("pattern", "is empty");
    return words::ReplaceText{text, content};
  }
  const std::string regex = pattern.text("Regex");
  if (regex == "\\s+") return words::ReplaceSpace{content};
  if (regex == " {2,}") return words::ReplaceBlanks{content};
  refuse(step.where(), "Replace with the regular expression " + regex);
}

words::Charsmap read_charsmap(const JsonRecord& step) {
  const auto blob = from_base64(step.text("precompiled_charsmap"));
  if (!blob) step.fail("precompiled_charsmap", "is not base64");
  try {
    return words::Charsmap(*blob);
  } catch (const DataError& error) {
    step.fail("precompiled_charsmap", error.what());
  }
}

words::NormalizerStep read_normalizer_step(const JsonRecord& step) {
  const std::string type = step.text("type");
  if (type == "NFC") return words::NormalForm::kNfc;
  if (type == "NFD") return words::NormalForm::kNfd;
  if (type == "NFKC") return words::NormalForm::kNfkc;
  if (type == "NFKD") return words::NormalForm::kNfkd;
  if (type == "Lowercase") return words::LowerCase{};
  if (type == "StripAccents") return words::StripAccents{};
  if (type == "Prepend") return words::Prepend{step.text("prepend")};
  if (type == "Precompiled") return read_charsmap(step);
  if (type == "Replace") return read_replace(step);
  if (type == "Strip") {
    return words::StripSpace{.left = step.boolean_or("strip_left", true),
                             .right = step.boolean_or("strip_right", true)};
  }
  if (type != "BertNormalizer") refuse(step.where(), type);
  const bool lower_case = step.boolean_or("lowercase", true);
  return words::BertNormalization{
      .clean_text = step.boolean_or("clean_text", true),
      .space_around_chinese = step.boolean_or("handle_chinese_chars", true),
      .strip_accents = step.boolean_or("strip_accents", lower_case),
      .lower_case = lower_case};
}

words::WordPattern read_split(const JsonRecord& step) {
  const JsonRecord pattern(step.object("pattern"), step.where() + ": pattern");
  if (!pattern.has("Regex")) refuse(step.where(), "Split at a literal text");
  const std::string regex = pattern.text("Regex");
  const auto known = words::known_pattern(regex);
  if (!known) refuse(step.where(), "Split with the regular expression " + regex);
  const std::string behavior = step.text_or("behavior", "");
  const bool inverted = step.boolean_or("invert", false);
  const bool only_matches = behavior == "Removed" && inverted;
  const bool all_pieces = behavior == "Isolated" && !inverted;
  // Only CLIP's pattern leaves something between its matches.
  if (!only_matches && !(all_pieces && *known != words::WordPattern::kClip)) {
    refuse(step.where(), formatted("Split with behavior {}, invert {}", behavior, inverted));
  }
  return *known;
}

words::Metaspace read_metaspace(const JsonRecord& step) {
  using Prepend = words::Metaspace::Prepend;
  words::Metaspace metaspace{.mark = step.text("replacement"),
                             .split = step.boolean_or("split", true)};
  if (metaspace.mark.empty()) step.fail("replacement", "is empty");
  const std::string scheme = step.text_or("prepend_scheme", "always");
  if (scheme == "first") {
    metaspace.prepend = Prepend::kFirst;
  } else if (scheme == "never" || !step.boolean_or("add_prefix_space", true)) {
    metaspace.prepend = Prepend::kNever;
  } else if (scheme != "always") {
    refuse(step.where(), "prepend_scheme " + scheme);
  }
  return metaspace;
}

void read_byte_level(const JsonRecord& step, TokenizerParts& parts) {
  if (step.boolean_or("add_prefix_space", true)) {
    if (!parts.splits.empty()) refuse(step.where(), "add_prefix_space behind another split");
    parts.leading_space = true;
  }
  if (step.boolean_or("use_regex", true)) parts.splits.emplace_back(words::WordPattern::kGpt2);
}

words::SplitStep read_plain_split(const JsonRecord& step, const std::string& type) {
  if (type == "Split") return read_split(step);
  if (type == "Digits") return words::SplitDigits{step.boolean_or("individual_digits", false)};
  if (type == "BertPreTokenizer") return words::SplitBertWords{};
  if (type == "WhitespaceSplit") return words::SplitAtSpace{};
  if (type == "Whitespace") return words::SplitWordChars{};
  if (type == "Metaspace") return read_metaspace(step);
  if (type != "Punctuation") refuse(step.where(), type);
  if (const std::string behavior = step.text_or("behavior", "Isolated"); behavior != "Isolated") {
    refuse(step.where(), "Punctuation with behavior " + behavior);
  }
  return words::SplitPunctuation{};
}

/// @return true when the stage turns bytes into symbols
bool read_pre_tokenizer_step(const JsonRecord& step, TokenizerParts& parts) {
  const std::string type = step.text("type");
  if (type != "ByteLevel") {
    parts.splits.push_back(read_plain_split(step, type));
    return false;
  }
  read_byte_level(step, parts);
  return true;
}

/// An id of a [token, id] pair.
std::int64_t id_of_pair(const JsonRecord& step, const char* key) {
  const Json& pair = step.array(key);
  if (pair.size() != 2 || !pair[1].is_number_integer()) step.fail(key, "[token, id] is wanted");
  return pair[1].get<std::int64_t>();
}

/// Ids of one part of a template: before or behind the text, whichever `target` is.
void read_template_token(const JsonRecord& step,
                         const Json& part,
                         std::vector<std::int64_t>& target) {
  const JsonRecord token(part, step.where());
  const std::string name = JsonRecord(token.object("SpecialToken"), step.where()).text("id");
  const JsonRecord known(step.object("special_tokens"), step.where() + ": special_tokens");
  const JsonRecord entry(known.object(name.c_str()), known.where());
  for (const std::int64_t id : entry.integers_or_empty("ids")) target.push_back(id);
}

void read_template(const JsonRecord& step, TokenizerParts& parts) {
  std::vector<std::int64_t>* target = &parts.prefix;
  for (const Json& part : step.array("single")) {
    if (part.is_object() && part.contains("Sequence")) {
      if (target == &parts.suffix) refuse(step.where(), "a template that holds the text twice");
      target = &parts.suffix;
    } else {
      read_template_token(step, part, *target);
    }
  }
}

void read_post_processor_step(const JsonRecord& step, TokenizerParts& parts) {
  const std::string type = step.text("type");
  if (type == "TemplateProcessing") return read_template(step, parts);
  if (type == "RobertaProcessing" || type == "BertProcessing") {
    parts.prefix.push_back(id_of_pair(step, "cls"));
    parts.suffix.push_back(id_of_pair(step, "sep"));
    return;
  }
  if (type != "ByteLevel") refuse(step.where(), type);
}

std::vector<std::pair<std::string, std::int64_t>> read_vocab(const JsonRecord& model) {
  std::vector<std::pair<std::string, std::int64_t>> vocab;
  const Json& entries = model.object("vocab");
  vocab.reserve(entries.size());
  for (const auto& [token, id] : entries.items()) {
    if (!id.is_number_integer()) model.fail("vocab", "\"" + token + "\": a whole number is wanted");
    vocab.emplace_back(token, id.get<std::int64_t>());
  }
  return vocab;
}

/// A merge is "left right" (older files) or ["left", "right"], whose tokens may hold spaces.
std::pair<std::string, std::string> read_merge(const JsonRecord& model, const Json& merge) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
    return {merge[0].get<std::string>(), merge[1].get<std::string>()};
  }
  if (!merge.is_string())
    model.fail("merges", "pairs of tokens are wanted, got " + dump_json(merge));
  auto pair = split_merge(merge.get_ref<const std::string&>());
  if (!pair) model.fail("merges", "two tokens are wanted, got " + dump_json(merge));
  return std::move(*pair);
}

BpeModel read_bpe(const JsonRecord& model, bool byte_level) {
  if (!model.text_or("continuing_subword_prefix", "").empty()) {
    refuse(model.where(), "continuing_subword_prefix");
  }
  if (model.has("dropout") && model.number("dropout") != 0) refuse(model.where(), "dropout");
  BpeModel bpe{.where = model.where(),
               .vocab = read_vocab(model),
               .merges = {},
               .unk_token = model.text_or("unk_token", ""),
               .word_end = model.text_or("end_of_word_suffix", ""),
               .fuse_unk = model.boolean_or("fuse_unk", false),
               .byte_level = byte_level,
               .byte_fallback = model.boolean_or("byte_fallback", false),
               .ignore_merges = model.boolean_or("ignore_merges", false)};
  const Json& merges = model.array("merges");
  bpe.merges.reserve(merges.size());
  for (const Json& merge : merges) bpe.merges.push_back(read_merge(model, merge));
  return bpe;
}

WordPieceModel read_wordpiece(const JsonRecord& model) {
  return {.where = model.where(),
          .vocab = read_vocab(model),
          .unk_token = model.text_or("unk_token", "[UNK]"),
          .inner_prefix = model.text_or("continuing_subword_prefix", "##"),
          .max_word_chars = model.integer_or("max_input_chars_per_word", 100)};
}

UnigramModel read_unigram(const JsonRecord& model) {
  if (!model.has("unk_id")) refuse(model.where(), "Unigram without unk_id");
  UnigramModel unigram{.where = model.where(),
                       .vocab = {},
                       .unk_id = model.integer("unk_id"),
                       .byte_fallback = model.boolean_or("byte_fallback", false)};
  const Json& vocab = model.array("vocab");
  unigram.vocab.reserve(vocab.size());
  for (const Json& entry : vocab) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) {
      model.fail("vocab", "[piece, score] is wanted, got " + dump_json(entry));
    }
    unigram.vocab.emplace_back(entry[0].get<std::string>(), entry[1].get<double>());
  }
  return unigram;
}

/// The model's type; older files leave it to be told from the members.
std::string model_type(const JsonRecord& model) {
  if (model.has("type")) return model.text("type");
  if (model.has("merges")) return "BPE";
  if (model.has("max_input_chars_per_word")) return "WordPiece";
  if (model.has("unk_id")) return "Unigram";
  return "a model without a type";
}

/// Takes over one step of the decoder of a vocabulary with marks for spaces.
void read_marked_decoder_step(const JsonRecord& step, words::SpaceMarks& marks) {
  const std::string type = step.text("type");
  if (type == "Metaspace") {
    const words::Metaspace metaspace = read_metaspace(step);
    const bool keeps = metaspace.prepend == words::Metaspace::Prepend::kNever;
    marks.mark = metaspace.mark;
    marks.first = keeps ? words::SpaceMarks::First::kKeep : words::SpaceMarks::First::kDropAll;
  } else if (type == "Replace") {
    const JsonRecord pattern(step.object("pattern"), step.where() + ": pattern");
    marks.mark = pattern.text_or("String", "");
    if (marks.mark.empty() || step.text("content") != " ") refuse(step.where(), "this Replace");
  } else if (type == "ByteFallback") {
    marks.byte_tokens = true;
  } else if (type == "Strip") {
    const bool one_space = step.text("content") == " " && step.integer_or("start", 0) == 1;
    if (!one_space || step.integer_or("stop", 0) != 0) refuse(step.where(), "this Strip");
    marks.first = words::SpaceMarks::First::kDropOne;
  } else if (type != "Fuse") {
    refuse(step.where(), type);
  }
}

bool has_marks(const TokenizerDescription& description) {
  const auto* bpe = std::get_if<BpeModel>(&description.model);
  return bpe != nullptr ? !bpe->byte_level
                        : std::holds_alternative<UnigramModel>(description.model);
}

void read_decoder(const Json& root, const std::string& file, TokenizerDescription& description) {
  if (has_marks(description)) {
    words::SpaceMarks marks{.first = words::SpaceMarks::First::kKeep};
    for_each_step(root, "decoder", "decoders", file, [&](const JsonRecord& step) {
      read_marked_decoder_step(step, marks);
    });
    description.parts.marks = marks;
    return;
  }
  auto* wordpiece = std::get_if<WordPieceModel>(&description.model);
  for_each_step(root, "decoder", "decoders", file, [&](const JsonRecord& step) {
    const std::string type = step.text("type");
    const char* wanted = wordpiece != nullptr ? "WordPiece" : "ByteLevel";
    if (type != wanted) refuse(step.where(), type);
    if (wordpiece != nullptr) wordpiece->tidy_signs = step.boolean_or("cleanup", true);
  });
}

void read_model(const JsonRecord& root, bool byte_level, TokenizerDescription& description) {
  const JsonRecord model(root.object("model"), root.where() + ": model");
  const std::string type = model_type(model);
  if (type == "BPE") {
    description.model = read_bpe(model, byte_level);
    return;
  }
  if (type != "WordPiece" && type != "Unigram") refuse(model.where(), type);
  if (byte_level) refuse(model.where(), type + " behind a ByteLevel pre_tokenizer");
  if (type == "WordPiece") description.model = read_wordpiece(model);
  if (type == "Unigram") description.model = read_unigram(model);
}

}  // namespace

TokenizerDescription read_tokenizer_json(const std::filesystem::path& path) {
  const std::string file = path.string();
  const Json root = parse_json_object(read_inside(path), file);
  TokenizerDescription description;
  TokenizerParts& parts = description.parts;
  parts.added = read_added_tokens(root, file);
  for_each_step(root, "normalizer", "normalizers", file, [&](const JsonRecord& step) {
    parts.normalizer.push_back(read_normalizer_step(step));
  });
  bool byte_level = false;
  for_each_step(root, "pre_tokenizer", "pretokenizers", file, [&](const JsonRecord& step) {
    if (byte_level) refuse(step.where(), step.text("type") + " behind ByteLevel");
    byte_level = read_pre_tokenizer_step(step, parts) || byte_level;
  });
  for_each_step(root, "post_processor", "processors", file, [&](const JsonRecord& step) {
    read_post_processor_step(step, parts);
  });
  read_model(JsonRecord(root, file), byte_level, description);
  read_decoder(root, file, description);
  return description;
}

}  // namespace vragent::text

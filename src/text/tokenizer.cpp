// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/text/tokenizer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "text/sentencepiece_model.h"
#include "text/tokenizer_json.h"
#include "vragent/text/folder_files.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"
#include "vragent/util/text.h"
#include "vragent/words/unicode.h"

namespace vragent::text {
namespace fs = std::filesystem;

namespace {

/// A role of a token: its key in the files and its place in SpecialIds.
struct Role {
  const char* key;
  std::optional<std::int64_t> SpecialIds::*id;
};

constexpr std::array kRoles = std::to_array<Role>({{"bos_token", &SpecialIds::bos},
                                                   {"eos_token", &SpecialIds::eos},
                                                   {"pad_token", &SpecialIds::pad},
                                                   {"unk_token", &SpecialIds::unk},
                                                   {"cls_token", &SpecialIds::cls},
                                                   {"sep_token", &SpecialIds::sep},
                                                   {"mask_token", &SpecialIds::mask}});

Json read_json_if_there(const fs::path& path) {
  return fs::exists(path) ? parse_json_object(read_inside(path), path.string()) : Json::object();
}

/// What the small files beside the vocabulary say.
struct SideFiles {
  fs::path folder;
  Json config;        ///< tokenizer_config.json
  Json special_map;   ///< special_tokens_map.json
  Json added_tokens;  ///< added_tokens.json

  explicit SideFiles(const fs::path& where)
      : folder(where),
        config(read_json_if_there(where / "tokenizer_config.json")),
        special_map(read_json_if_there(where / "special_tokens_map.json")),
        added_tokens(read_json_if_there(where / "added_tokens.json")) {}

  /// A value of tokenizer_config.json, else of special_tokens_map.json; null when in neither.
  [[nodiscard]] Json value(const char* key) const {
    for (const Json* file : {&config, &special_map}) {
      if (const auto found = file->find(key); found != file->end()) return *found;
    }
    return nullptr;
  }

  [[nodiscard]] bool boolean_or(const char* key, bool fallback) const {
    return JsonRecord(config, (folder / "tokenizer_config.json").string())
        .boolean_or(key, fallback);
  }

  [[nodiscard]] bool has(const char* key) const {
    return config.contains(key) || special_map.contains(key);
  }
};

/// The text of a token given as "text" or {"content": "text"}; "" for anything else.
std::string content_of(const Json& token) {
  if (token.is_string()) return token.get<std::string>();
  const auto content = token.is_object() ? token.find("content") : token.end();
  return content != token.end() && content->is_string() ? content->get<std::string>() : "";
}

std::optional<std::int64_t> find_in_vocab(const TokenizerDescription& description,
                                          const std::string& token) {
  return std::visit(
      [&](const auto& model) -> std::optional<std::int64_t> {
        const auto found = std::find_if(model.vocab.begin(),
                                        model.vocab.end(),
                                        [&](const auto& entry) { return entry.first == token; });
        if (found == model.vocab.end()) return std::nullopt;
        // Unigram's vocabulary is in the order of the ids and holds scores.
        if constexpr (std::is_same_v<std::decay_t<decltype(model)>, UnigramModel>) {
          return found - model.vocab.begin();
        } else {
          return found->second;
        }
      },
      description.model);
}

AddedToken* find_added(TokenizerParts& parts, const std::string& content) {
  const auto found = std::find_if(parts.added.begin(), parts.added.end(), [&](const auto& token) {
    return token.content == content;
  });
  return found == parts.added.end() ? nullptr : &*found;
}

/// Takes over added tokens that tokenizer_config.json or added_tokens.json name and nobody else.
void add_listed_tokens(const SideFiles& files, TokenizerParts& parts) {
  const std::string where = (files.folder / "tokenizer_config.json").string();
  const JsonRecord config(files.config, where);
  if (config.has("added_tokens_decoder")) {
    for (const auto& [id, value] : config.object("added_tokens_decoder").items()) {
      const JsonRecord token(value, where + ": added_tokens_decoder");
      const std::string content = token.text("content");
      if (find_added(parts, content) != nullptr) continue;
      if (id.empty() || id.size() > 9 || id.find_first_not_of("0123456789") != std::string::npos) {
        throw DataError(formatted("{}: \"{}\" is no token id", token.where(), id));
      }
      parts.added.push_back({.id = std::stoll(id),
                             .content = content,
                             .special = token.boolean_or("special", false),
                             .single_word = token.boolean_or("single_word", false),
                             .lstrip = token.boolean_or("lstrip", false),
                             .rstrip = token.boolean_or("rstrip", false)});
    }
  }
  for (const auto& [content, id] : files.added_tokens.items()) {
    if (find_added(parts, content) != nullptr) continue;
    if (!id.is_number_integer()) {
      throw DataError(formatted(
          "{}: \"{}\": a whole number is wanted", files.folder / "added_tokens.json", content));
    }
    parts.added.push_back({.id = id.get<std::int64_t>(), .content = content, .special = false});
  }
}

/// Makes a token of the vocabulary an added one that decode() leaves out.
/// @return its id, none when nobody knows it
std::optional<std::int64_t> mark_special(TokenizerDescription& description,
                                         const std::string& content) {
  if (content.empty()) return std::nullopt;
  if (AddedToken* added = find_added(description.parts, content); added != nullptr) {
    added->special = true;
    return added->id;
  }
  const auto id = find_in_vocab(description, content);
  if (id) description.parts.added.push_back({.id = *id, .content = content});
  return id;
}

/// What "tokenizer_class" or else config.json's "model_type" says, in lower case without
/// "tokenizer".
std::string family_of(const SideFiles& files) {
  std::string name = words::lower_case(content_of(files.value("tokenizer_class")));
  if (name.empty()) {
    const Json model = read_json_if_there(files.folder / "config.json");
    return model.contains("model_type") ? content_of(model["model_type"]) : "";
  }
  return name.substr(0, name.find("tokenizer"));
}

/// Role names that a kind of tokenizer has when its files are silent.
using RoleNames = std::vector<std::pair<const char*, const char*>>;

const RoleNames& default_roles(const SideFiles& files, const TokenizerDescription& description) {
  static const RoleNames kUnigram = {{"bos_token", "<s>"},
                                     {"eos_token", "</s>"},
                                     {"unk_token", "<unk>"},
                                     {"sep_token", "</s>"},
                                     {"pad_token", "<pad>"},
                                     {"cls_token", "<s>"},
                                     {"mask_token", "<mask>"}};
  static const RoleNames kBert = {{"unk_token", "[UNK]"},
                                  {"sep_token", "[SEP]"},
                                  {"pad_token", "[PAD]"},
                                  {"cls_token", "[CLS]"},
                                  {"mask_token", "[MASK]"}};
  static const RoleNames kClip = {{"bos_token", "<|startoftext|>"},
                                  {"eos_token", "<|endoftext|>"},
                                  {"pad_token", "<|endoftext|>"},
                                  {"unk_token", "<|endoftext|>"}};
  static const RoleNames kGpt2 = {{"bos_token", "<|endoftext|>"},
                                  {"eos_token", "<|endoftext|>"},
                                  {"unk_token", "<|endoftext|>"}};
  static const RoleNames kNone;
  if (std::holds_alternative<UnigramModel>(description.model)) return kUnigram;
  if (std::holds_alternative<WordPieceModel>(description.model)) return kBert;
  if (!std::get<BpeModel>(description.model).word_end.empty()) return kClip;
  return family_of(files) == "gpt2" ? kGpt2 : kNone;
}

/// The token that has a role when the files are silent, "" for none. tokenizer.json names its added
/// tokens: no other piece of its vocabulary gets a role.
std::string default_role(const SideFiles& files,
                         const RoleNames& defaults,
                         const char* role,
                         TokenizerDescription& description) {
  for (const auto& [key, name] : defaults) {
    if (key != std::string_view(role)) continue;
    const bool listed = find_added(description.parts, name) != nullptr;
    if (listed || !fs::exists(files.folder / "tokenizer.json")) return name;
  }
  return {};
}

void set_roles(const SideFiles& files, TokenizerDescription& description) {
  SpecialIds& ids = description.parts.special_ids;
  const RoleNames& defaults = default_roles(files, description);
  for (const Role& role : kRoles) {
    const std::string content = files.has(role.key)
                                    ? content_of(files.value(role.key))
                                    : default_role(files, defaults, role.key, description);
    ids.*role.id = mark_special(description, content);
  }
  for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
    for (const Json& token : files.value(key)) mark_special(description, content_of(token));
  }
}

std::vector<std::int64_t> frame_token(std::optional<std::int64_t> id, const fs::path& folder) {
  if (id) return {*id};
  throw DataError(
      formatted("{}: the vocabulary lacks the tokens that begin and end a text", folder));
}

/// A reader of lines would wait for a pipe.
LineReader lines_of(const fs::path& path) {
  if (!fs::is_regular_file(path)) throw DataError(formatted("{}: not a regular file", path));
  return LineReader(path_inside(path));
}

std::vector<std::pair<std::string, std::string>> read_merges_txt(const fs::path& path) {
  std::vector<std::pair<std::string, std::string>> merges;
  LineReader reader = lines_of(path);
  std::string line;
  while (reader.next(line)) {
    if (line.empty() || (reader.line_number() == 1 && line.starts_with("#version"))) continue;
    auto merge = split_merge(line);
    if (!merge) {
      throw DataError(reader.where() + ": a merge is two tokens with one space between them");
    }
    merges.push_back(std::move(*merge));
  }
  return merges;
}

BpeModel read_vocab_and_merges(const fs::path& folder) {
  const fs::path path = folder / "vocab.json";
  BpeModel model;
  model.where = path.string();
  model.merges = read_merges_txt(folder / "merges.txt");
  const Json vocab = parse_json_object(read_inside(path), path.string());
  for (const auto& [token, id] : vocab.items()) {
    if (!id.is_number_integer()) {
      throw DataError(formatted("{}: \"{}\": a whole number is wanted", path, token));
    }
    model.vocab.emplace_back(token, id.get<std::int64_t>());
  }
  return model;
}

/// vocab.json + merges.txt say nothing of the pattern: the family decides.
TokenizerDescription read_bpe_folder(const SideFiles& files) {
  const std::string family = family_of(files);
  BpeModel model = read_vocab_and_merges(files.folder);
  TokenizerParts parts;
  if (family.starts_with("qwen2")) {
    parts.normalizer = {words::NormalForm::kNfc};
    parts.splits = {words::WordPattern::kQwen2};
  } else if (family == "gpt2") {
    parts.splits = {words::WordPattern::kGpt2};
  } else if (family.starts_with("clip")) {
    parts.normalizer = {words::NormalForm::kNfc, words::ReplaceSpace{" "}, words::LowerCase{}};
    parts.splits = {words::WordPattern::kClip,
                    words::WordPattern::kGpt2};  // the latter cuts <|endoftext|>
    model.word_end = "</w>";
    model.unk_token = "<|endoftext|>";
  } else {
    throw DataError(
        formatted("{}: vocab.json and merges.txt need a tokenizer_class in tokenizer_config.json "
                  "that is known here (Qwen2Tokenizer, GPT2Tokenizer, CLIPTokenizer), got \"{}\"",
                  files.folder,
                  family));
  }
  parts.leading_space = files.boolean_or("add_prefix_space", false);
  return {std::move(model), std::move(parts)};
}

TokenizerDescription read_bert_folder(const SideFiles& files) {
  const fs::path path = files.folder / "vocab.txt";
  WordPieceModel model;
  model.where = path.string();
  LineReader reader = lines_of(path);
  for (std::string line; reader.next(line);) {
    if (words::repaired_utf8(line) != line) throw DataError(reader.where() + ": not UTF-8");
    model.vocab.emplace_back(line, reader.line_number() - 1);
  }
  const bool lower_case = files.boolean_or("do_lower_case", true);
  TokenizerParts parts;
  parts.normalizer = {words::BertNormalization{
      .space_around_chinese = files.boolean_or("tokenize_chinese_chars", true),
      .strip_accents = files.boolean_or("strip_accents", lower_case),
      .lower_case = lower_case}};
  parts.splits = {words::SplitBertWords{}};
  return {std::move(model), std::move(parts)};
}

/// The SentencePiece model of a folder, under one of its usual names.
std::optional<fs::path> sentencepiece_file(const fs::path& folder) {
  for (const char* name : {"sentencepiece.bpe.model", "spiece.model", "tokenizer.model"}) {
    if (fs::exists(folder / name)) return folder / name;
  }
  return std::nullopt;
}

TokenizerDescription read_sentencepiece_folder(const SideFiles& files, const fs::path& path) {
  const std::string family = family_of(files);
  if (family == "xlmroberta" || family == "xlm-roberta") {
    return xlm_roberta_description(read_sentencepiece_model(path));
  }
  if (family == "t5" || family == "mt5" || family == "umt5") {
    const Json extra = files.value("extra_ids");
    return t5_description(read_sentencepiece_model(path),
                          extra.is_number_integer() ? extra.get<std::int64_t>() : 100);
  }
  throw DataError(formatted(
      "{}: a SentencePiece model needs a tokenizer_class in tokenizer_config.json that is "
      "known here (XLMRobertaTokenizer, T5Tokenizer), got \"{}\"",
      path,
      family));
}

/// Where no tokenizer.json says it, CLIP, BERT and XLM-R frame every text, and T5 ends it.
void set_frame(const fs::path& folder, TokenizerDescription& description) {
  TokenizerParts& parts = description.parts;
  const SpecialIds& ids = parts.special_ids;
  if (std::holds_alternative<UnigramModel>(description.model)) {
    if (ids.bos) parts.prefix = {*ids.bos};  // T5 has none
    parts.suffix = frame_token(ids.eos, folder);
  } else if (std::holds_alternative<WordPieceModel>(description.model)) {
    parts.prefix = frame_token(ids.cls, folder);
    parts.suffix = frame_token(ids.sep, folder);
  } else if (!std::get<BpeModel>(description.model).word_end.empty()) {
    parts.prefix = frame_token(ids.bos, folder);
    parts.suffix = frame_token(ids.eos, folder);
  }
}

TokenizerDescription read_description(const SideFiles& files) {
  const auto has = [&](const char* name) { return fs::exists(files.folder / name); };
  if (has("tokenizer.json")) return read_tokenizer_json(files.folder / "tokenizer.json");
  if (has("vocab.json") && has("merges.txt")) return read_bpe_folder(files);
  if (has("vocab.txt")) return read_bert_folder(files);
  if (const auto path = sentencepiece_file(files.folder)) {
    return read_sentencepiece_folder(files, *path);
  }
  throw Error(
      ExitCode::kNoInput,
      formatted("{}: holds no tokenizer (tokenizer.json, vocab.json + merges.txt, vocab.txt "
                "or a SentencePiece model)",
                files.folder));
}

struct MakeTokenizer {
  TokenizerParts parts;

  std::unique_ptr<Tokenizer> operator()(BpeModel&& model) {
    return make_bpe_tokenizer(std::move(model), std::move(parts));
  }

  std::unique_ptr<Tokenizer> operator()(UnigramModel&& model) {
    return make_unigram_tokenizer(std::move(model), std::move(parts));
  }

  std::unique_ptr<Tokenizer> operator()(WordPieceModel&& model) {
    return make_wordpiece_tokenizer(std::move(model), std::move(parts));
  }
};

}  // namespace

std::vector<std::int64_t> Tokenizer::encode(std::string_view text,
                                            const EncodeOptions& options) const {
  const TextSegment segment{std::string(text), options.match_special};
  return encode_segments({&segment, 1}, options);
}

std::string Tokenizer::decode(std::span<const std::int64_t> ids, bool skip_special) const {
  std::string bytes;
  std::optional<std::int64_t> previous;
  for (const std::int64_t id : ids) {
    if (skip_special && is_special(id)) continue;
    const auto piece = token_bytes(id, previous);
    if (!piece) continue;
    bytes += *piece;
    previous = id;
  }
  return words::repaired_utf8(std::move(bytes));
}

std::int64_t Tokenizer::need_token(std::string_view token) const {
  if (const auto id = find_token(token)) return *id;
  throw DataError(formatted("the tokenizer has no token \"{}\"", token));
}

std::unique_ptr<Tokenizer> load_tokenizer(const fs::path& folder) {
  const SideFiles files(folder);
  TokenizerDescription description = read_description(files);
  description.parts.where = folder.string();
  add_listed_tokens(files, description.parts);
  set_roles(files, description);
  if (!fs::exists(folder / "tokenizer.json")) set_frame(folder, description);
  return std::visit(MakeTokenizer{std::move(description.parts)}, std::move(description.model));
}

std::string StreamDecoder::push(std::int64_t id) {
  if (skip_special_ && tokenizer_.is_special(id)) return {};
  const auto piece = tokenizer_.token_bytes(id, previous_);
  if (!piece) return {};
  previous_ = id;
  held_ += *piece;
  const std::size_t certain = held_.size() - words::incomplete_tail(held_);
  std::string text = held_.substr(0, certain);
  held_.erase(0, certain);
  return words::repaired_utf8(std::move(text));
}

std::string StreamDecoder::finish() {
  previous_.reset();
  return words::repaired_utf8(std::exchange(held_, {}));
}

}  // namespace vragent::text

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/tiny_tokenizers.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <vector>

#include "vragent/util/files.h"
#include "vragent/util/json.h"
#include "vragent/util/text.h"
#include "vragent/words/pre_tokenizer.h"
#include "vragent/words/unicode.h"

namespace mini_world {
namespace fs = std::filesystem;
namespace text = vragent::text;
namespace words = vragent::words;
using text::ChatTemplate;
using vragent::OrderedJson;

namespace {

constexpr const char* kQwenPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kClipPattern =
    R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)";

const std::vector<std::string> kQwenSpecial = {"<|endoftext|>",
                                               "<|im_start|>",
                                               "<|im_end|>",
                                               "<|vision_start|>",
                                               "<|vision_end|>",
                                               "<|vision_pad|>",
                                               "<|image_pad|>",
                                               "<|video_pad|>"};
const std::vector<std::string> kClipSpecial = {"<|startoftext|>", "<|endoftext|>"};
const std::vector<std::string> kBertSpecial = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

void write_json(const fs::path& path, const OrderedJson& value) {
  vragent::write_file(path, value.dump(2) + "\n");
}

void write_lines(const fs::path& path, const std::vector<std::string>& lines) {
  vragent::write_file(path, vragent::joined_lines(lines));
}

OrderedJson vocab_of(const std::vector<std::string>& tokens) {
  OrderedJson vocab = OrderedJson::object();
  // Written as pairs at once: looking for the key of each insertion would take quadratic time.
  auto& members = vocab.get_ref<OrderedJson::object_t&>();
  for (std::size_t id = 0; id < tokens.size(); ++id) members.push_back({tokens[id], id});
  return vocab;
}

/// One entry of added_tokens, or of added_tokens_decoder when it has no id.
OrderedJson special_token(const std::string& content) {
  return {{"content", content},
          {"single_word", false},
          {"lstrip", false},
          {"rstrip", false},
          {"normalized", false},
          {"special", true}};
}

/// The special tokens with ids from `first` on.
OrderedJson added_tokens(const std::vector<std::string>& contents, std::size_t first) {
  OrderedJson added = OrderedJson::array();
  for (const std::string& content : contents) {
    OrderedJson token = {{"id", first++}};
    token.update(special_token(content));
    added.push_back(token);
  }
  return added;
}

OrderedJson added_tokens_decoder(const std::vector<std::string>& contents, std::size_t first) {
  OrderedJson decoder = OrderedJson::object();
  for (const std::string& content : contents) {
    decoder[std::to_string(first++)] = special_token(content);
  }
  return decoder;
}

OrderedJson byte_level(bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

OrderedJson split(const char* pattern, const char* behavior, bool invert) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", pattern}}},
          {"behavior", behavior},
          {"invert", invert}};
}

OrderedJson pre_tokenizers(const OrderedJson& first, const OrderedJson& second) {
  return {{"type", "Sequence"}, {"pretokenizers", OrderedJson::array({first, second})}};
}

OrderedJson bpe_model(const TrainedBpe& bpe, const OrderedJson& vocab) {
  const bool clip = bpe.flavour == BpeFlavour::kClip;
  OrderedJson merges = OrderedJson::array();
  for (const auto& [left, right] : bpe.merges) merges.push_back(OrderedJson::array({left, right}));
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", clip ? OrderedJson("<|endoftext|>") : OrderedJson(nullptr)},
          {"continuing_subword_prefix", ""},
          {"end_of_word_suffix", clip ? "</w>" : ""},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", false},
          {"vocab", vocab},
          {"merges", merges}};
}

/// vocab.json and merges.txt, for readers that know no tokenizer.json.
void write_older_files(const fs::path& folder, const TrainedBpe& bpe, const OrderedJson& vocab) {
  vragent::write_file(folder / "vocab.json", vocab.dump() + "\n");
  std::vector<std::string> lines = {"#version: 0.2"};
  for (const auto& [left, right] : bpe.merges) lines.push_back(left + " " + right);
  write_lines(folder / "merges.txt", lines);
}

OrderedJson start_of_file(const OrderedJson& added) {
  return {
      {"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}, {"added_tokens", added}};
}

std::string chat_template_text(ChatTemplate chat_template) {
  const std::string system(text::default_system_text(chat_template));
  const std::string text_only = "{{ message['content'] }}";
  const std::string parts =
      "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
      "{% for part in message['content'] %}{% if part['type'] == 'image' %}"
      "{{ '<|vision_start|><|image_pad|><|vision_end|>' }}{% elif part['type'] == 'video' %}"
      "{{ '<|vision_start|><|video_pad|><|vision_end|>' }}{% else %}{{ part['text'] }}{% endif %}"
      "{% endfor %}{% endif %}";
  return "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\n" + system +
         "<|im_end|>\\n' }}{% endif %}{% for message in messages %}"
         "{{ '<|im_start|>' + message['role'] + '\\n' }}" +
         (chat_template == ChatTemplate::kQwen25Vl ? parts : text_only) +
         "{{ '<|im_end|>\\n' }}{% endfor %}"
         "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
}

void write_qwen_config(const fs::path& folder,
                       std::size_t first_special,
                       const std::string& jinja) {
  const OrderedJson roles = {{"eos_token", "<|im_end|>"}, {"pad_token", "<|endoftext|>"}};
  OrderedJson config = {{"tokenizer_class", "Qwen2Tokenizer"},
                        {"add_prefix_space", false},
                        {"added_tokens_decoder", added_tokens_decoder(kQwenSpecial, first_special)},
                        {"bos_token", nullptr},
                        {"unk_token", nullptr},
                        {"clean_up_tokenization_spaces", false},
                        {"errors", "replace"},
                        {"model_max_length", 32768},
                        {"chat_template", jinja}};
  config.update(roles);
  write_json(folder / "tokenizer_config.json", config);
  OrderedJson map = roles;
  map["additional_special_tokens"] =
      std::vector<std::string>(kQwenSpecial.begin() + 1, kQwenSpecial.end());
  write_json(folder / "special_tokens_map.json", map);
  vragent::write_file(folder / "chat_template.jinja", jinja);
}

/// Words in lower case and how often each occurs.
std::map<std::string, std::int64_t> count_words(std::span<const std::string> texts) {
  std::map<std::string, std::int64_t> counts;
  words::WordCutter cutter({words::SplitBertWords{}});
  for (const std::string& raw : texts) {
    const std::string line = words::lower_case(words::repaired_utf8(raw));
    for (const std::string_view word : cutter.cut(line)) {
      ++counts[std::string(word)];
    }
  }
  return counts;
}

/// All of printable ASCII in lower case, and what else the words hold.
std::set<std::string> characters_of(const std::map<std::string, std::int64_t>& words) {
  std::set<std::string> characters;
  for (char c = '!'; c <= '~'; ++c) characters.insert(words::lower_case(std::string(1, c)));
  for (const auto& [word, count] : words) {
    for (std::size_t i = 0; i < word.size();) {
      const std::size_t size = words::read_utf8(word, i).size;
      characters.insert(word.substr(i, size));
      i += size;
    }
  }
  return characters;
}

std::vector<std::string> bert_vocab(std::span<const std::string> texts, std::size_t vocab_size) {
  const auto counts = count_words(texts);
  const auto characters = characters_of(counts);
  std::vector<std::string> vocab = kBertSpecial;
  vocab.insert(vocab.end(), characters.begin(), characters.end());
  for (const std::string& character : characters) {
    const auto kind = words::char_class(words::read_utf8(character, 0).code);
    // Signs are words of their own and never stand within one.
    if (kind == words::CharClass::kLetter || kind == words::CharClass::kNumber) {
      vocab.push_back("##" + character);
    }
  }
  std::vector<std::pair<std::string, std::int64_t>> words(counts.begin(), counts.end());
  std::stable_sort(
      words.begin(), words.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  for (const auto& [word, count] : words) {
    if (vocab.size() >= vocab_size) break;
    if (!characters.contains(word)) vocab.push_back(word);
  }
  return vocab;
}

OrderedJson bert_frame() {
  const auto special = [](const char* token, int id) -> OrderedJson {
    return {
        {"id", token}, {"ids", OrderedJson::array({id})}, {"tokens", OrderedJson::array({token})}};
  };
  const auto place = [](const char* kind, const char* id, int type_id) -> OrderedJson {
    return {{kind, {{"id", id}, {"type_id", type_id}}}};
  };
  const OrderedJson cls = place("SpecialToken", "[CLS]", 0);
  const OrderedJson sep = place("SpecialToken", "[SEP]", 0);
  const OrderedJson single = OrderedJson::array({cls, place("Sequence", "A", 0), sep});
  OrderedJson pair = single;
  pair.push_back(place("Sequence", "B", 1));
  pair.push_back(place("SpecialToken", "[SEP]", 1));
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens", {{"[CLS]", special("[CLS]", 2)}, {"[SEP]", special("[SEP]", 3)}}}};
}

OrderedJson bert_tokenizer_json(const std::vector<std::string>& vocab) {
  OrderedJson file = start_of_file(added_tokens(kBertSpecial, 0));
  file["normalizer"] = {{"type", "BertNormalizer"},
                        {"clean_text", true},
                        {"handle_chinese_chars", true},
                        {"strip_accents", nullptr},
                        {"lowercase", true}};
  file["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  file["post_processor"] = bert_frame();
  file["decoder"] = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
  file["model"] = {{"type", "WordPiece"},
                   {"unk_token", "[UNK]"},
                   {"continuing_subword_prefix", "##"},
                   {"max_input_chars_per_word", 100},
                   {"vocab", vocab_of(vocab)}};
  return file;
}

}  // namespace

void write_qwen_tokenizer(const fs::path& folder,
                          const TrainedBpe& bpe,
                          ChatTemplate chat_template) {
  if (bpe.flavour != BpeFlavour::kQwen2 ||
      (chat_template != ChatTemplate::kQwen25 && chat_template != ChatTemplate::kQwen25Vl)) {
    throw std::logic_error("a Qwen tokenizer needs a Qwen vocabulary and template");
  }
  const OrderedJson vocab = vocab_of(bpe.tokens);
  OrderedJson file = start_of_file(added_tokens(kQwenSpecial, bpe.tokens.size()));
  file["normalizer"] = {{"type", "NFC"}};
  file["pre_tokenizer"] = pre_tokenizers(split(kQwenPattern, "Isolated", false), byte_level(false));
  file["post_processor"] = byte_level(false);
  file["decoder"] = byte_level(false);
  file["model"] = bpe_model(bpe, vocab);
  write_json(folder / "tokenizer.json", file);
  write_older_files(folder, bpe, vocab);
  write_qwen_config(folder, bpe.tokens.size(), chat_template_text(chat_template));
}

void write_clip_tokenizer(const fs::path& folder, const TrainedBpe& bpe, std::int64_t max_length) {
  if (bpe.flavour != BpeFlavour::kClip) throw std::logic_error("a CLIP vocabulary is wanted");
  const std::size_t start = bpe.tokens.size();
  std::vector<std::string> tokens = bpe.tokens;
  tokens.insert(tokens.end(), kClipSpecial.begin(), kClipSpecial.end());
  const OrderedJson vocab = vocab_of(tokens);
  OrderedJson file = start_of_file(added_tokens(kClipSpecial, start));
  const OrderedJson spaces = {
      {"type", "Replace"}, {"pattern", {{"Regex", "\\s+"}}}, {"content", " "}};
  file["normalizer"] = {
      {"type", "Sequence"},
      {"normalizers", OrderedJson::array({{{"type", "NFC"}}, spaces, {{"type", "Lowercase"}}})}};
  file["pre_tokenizer"] = pre_tokenizers(split(kClipPattern, "Removed", true), byte_level(true));
  file["post_processor"] = {{"type", "RobertaProcessing"},
                            {"sep", OrderedJson::array({"<|endoftext|>", start + 1})},
                            {"cls", OrderedJson::array({"<|startoftext|>", start})},
                            {"trim_offsets", false},
                            {"add_prefix_space", false}};
  file["decoder"] = byte_level(true);
  file["model"] = bpe_model(bpe, vocab);
  write_json(folder / "tokenizer.json", file);
  write_older_files(folder, bpe, vocab);
  const OrderedJson roles = {{"bos_token", "<|startoftext|>"},
                             {"eos_token", "<|endoftext|>"},
                             {"unk_token", "<|endoftext|>"},
                             {"pad_token", "<|endoftext|>"}};
  OrderedJson config = {{"tokenizer_class", "CLIPTokenizer"}, {"model_max_length", max_length}};
  config.update(roles);
  write_json(folder / "tokenizer_config.json", config);
  write_json(folder / "special_tokens_map.json", roles);
}

void write_bert_tokenizer(const fs::path& folder,
                          std::span<const std::string> texts,
                          std::int64_t vocab_size,
                          std::int64_t max_length) {
  const auto vocab =
      bert_vocab(texts, static_cast<std::size_t>(std::max<std::int64_t>(vocab_size, 0)));
  write_lines(folder / "vocab.txt", vocab);
  write_json(folder / "tokenizer.json", bert_tokenizer_json(vocab));
  const OrderedJson roles = {{"pad_token", "[PAD]"},
                             {"unk_token", "[UNK]"},
                             {"cls_token", "[CLS]"},
                             {"sep_token", "[SEP]"},
                             {"mask_token", "[MASK]"}};
  OrderedJson config = {{"tokenizer_class", "BertTokenizer"},
                        {"do_lower_case", true},
                        {"strip_accents", nullptr},
                        {"tokenize_chinese_chars", true},
                        {"model_max_length", max_length}};
  config.update(roles);
  write_json(folder / "tokenizer_config.json", config);
  write_json(folder / "special_tokens_map.json", roles);
}

}  // namespace mini_world

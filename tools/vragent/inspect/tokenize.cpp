// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <iostream>
#include <iterator>
#include <string>
#include <utility>

#include "command.h"
#include "inspect/commands.h"
#include "inspect/ids_file.h"
#include "inspect/located.h"
#include "printing.h"
#include "vragent/engine/adapter_folder.h"
#include "vragent/models/hf_folder.h"
#include "vragent/text/chat_template.h"
#include "vragent/text/tokenizer.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/json.h"

namespace vragent::tools {
namespace {

struct TokenizeFlags {
  std::string model;
  bool special = true;
  bool match_special = false;
  bool lines = false;
  bool json_lines = false;
  bool chat = false;
  bool decode = false;
  bool skip_special = true;

  void visit(auto& v) {
    v("model", model, "checkpoint folder, or org/name in the local cache (required)");
    v("special", special, "add the model's own frame ([CLS], [SEP], ...)");
    v("match-special", match_special, "read <|im_end|> and its like as control tokens");
    v("lines", lines, "each line of stdin is a text, not the whole of it");
    v("json-lines", json_lines, "each line of stdin is a text as JSON");
    v("chat",
      chat,
      "each line of stdin is a chat as JSON, [{\"role\", \"content\"}, ...]: what a model reads of "
      "it "
      "before it answers");
    v("decode", decode, "each line of stdin is a JSON list of ids, their text is wanted as JSON");
    v("skip-special", skip_special, "with --decode: leave control tokens out");
  }

  /// What a line of stdin is can be said once.
  void check() const {
    check_given("model", model);
    std::string given;
    for (const auto& [name, is_given] : {std::pair("--lines", lines),
                                         {"--json-lines", json_lines},
                                         {"--chat", chat},
                                         {"--decode", decode}}) {
      if (!is_given) continue;
      if (!given.empty()) throw ConfigError(given + " and " + name + " exclude each other");
      given = name;
    }
  }
};

/// Calls use(line, "stdin:N") for each line of stdin. Not a reader of records: an empty line is a
/// text too, and so is a carriage return.
template <class Use>
void for_each_input(Use use) {
  std::int64_t number = 0;
  for (std::string line; std::getline(std::cin, line);) use(line, formatted("stdin:{}", ++number));
}

void check_known(const text::Tokenizer& tokenizer, std::int64_t id, const std::string& where) {
  if (tokenizer.token_bytes(id, std::nullopt) || tokenizer.is_special(id)) return;
  throw DataError(formatted("{}: the tokenizer knows no id {}", where, id));
}

void decode(const TokenizeFlags& flags, const text::Tokenizer& tokenizer) {
  for_each_input([&](const std::string& line, const std::string& where) {
    const auto list = ids_of(parse_json(line, where), where);
    for (const std::int64_t id : list) check_known(tokenizer, id, where);
    print_text(dump_json(Json(tokenizer.decode(list, flags.skip_special))) + "\n");
  });
}

void encode(const TokenizeFlags& flags, const text::Tokenizer& tokenizer) {
  const text::EncodeOptions options{.match_special = flags.match_special,
                                    .add_special = flags.special};
  const auto print_ids = [&](const std::string& text) {
    print_text(dump_json(Json(tokenizer.encode(text, options))) + "\n");
  };
  if (flags.lines) {
    for_each_input([&](const std::string& line, const std::string& /*where*/) { print_ids(line); });
  } else if (flags.json_lines) {
    for_each_input([&](const std::string& line, const std::string& where) {
      const Json text = parse_json(line, where);
      if (!text.is_string()) throw DataError(where + ": a JSON string is wanted in each line");
      print_ids(text.get<std::string>());
    });
  } else {
    print_ids(std::string(std::istreambuf_iterator<char>(std::cin), {}));
  }
}

/// {"role", "content"}; a content in parts has its images before its text.
text::TemplateMessage message_of(const Json& value, const std::string& where) {
  const JsonRecord record(value, where);
  text::TemplateMessage message{.role = record.text("role")};
  if (!value.contains("content") || !value["content"].is_array()) {
    message.text = record.text("content");
    return message;
  }
  for (const Json& item : value["content"]) {
    const JsonRecord part(item, where + ": content");
    const std::string type = part.text("type");
    if (type == "text") {
      message.text += part.text("text");
    } else if (type == "image" && message.text.empty()) {
      message.num_images += 1;
    } else {
      part.fail("type", "images, then texts are wanted; got \"" + type + "\"");
    }
  }
  return message;
}

void encode_chats(const std::filesystem::path& folder, const text::Tokenizer& tokenizer) {
  const text::ChatTemplate chat_template = text::detect_chat_template(folder);
  for_each_input([&](const std::string& line, const std::string& where) {
    const Json chat = parse_json(line, where);
    if (!chat.is_array()) throw DataError(where + ": a list of messages is wanted");
    std::vector<text::TemplateMessage> messages;
    for (const Json& value : chat) messages.push_back(message_of(value, where));
    const auto ids =
        located(where, [&] { return text::encode_chat(tokenizer, chat_template, messages); });
    print_text(dump_json(Json(ids)) + "\n");
  });
}

void tokenize(const TokenizeFlags& flags) {
  flags.check();
  end_at_first_signal(true);
  const auto folder = engine::base_folder(models::resolve_model(flags.model));
  const auto tokenizer = text::load_tokenizer(folder);
  if (flags.chat) return encode_chats(folder, *tokenizer);
  flags.decode ? decode(flags, *tokenizer) : encode(flags, *tokenizer);
}

}  // namespace

void add_inspect_tokenize(CLI::App& inspect) {
  CLI::App& command = add_nested_command(
      inspect, "tokenize", "Token ids of the text on stdin, as JSON lists, or back");
  auto flags = bind_config<TokenizeFlags>(command);
  on_run(command, [flags] { tokenize(*flags); });
}

}  // namespace vragent::tools

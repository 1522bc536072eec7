// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <iostream>
#include <iterator>
#include <string>

#include "bind_config.h"
#include "inspect/commands.h"
#include "printing.h"
#include "vragent/models/hf_folder.h"
#include "vragent/text/tokenizer.h"
#include "vragent/util/json.h"

namespace vragent::tools {
namespace {

struct TokenizeFlags {
  std::string model;
  bool special = true;
  bool match_special = false;
  bool lines = false;

  void visit(auto& v) {
    v("model", model, "checkpoint folder, or org/name in the local cache");
    v("special", special, "add the model's own frame ([CLS], [SEP], ...)");
    v("match-special", match_special, "read <|im_end|> and its like as control tokens");
    v("lines", lines, "each line of stdin is a text, not the whole of it");
  }
};

void tokenize(const TokenizeFlags& flags) {
  check_given("model", flags.model);
  const auto tokenizer = text::load_tokenizer(models::resolve_model(flags.model));
  const text::EncodeOptions options{.match_special = flags.match_special,
                                    .add_special = flags.special};
  const auto print_ids = [&](const std::string& text) {
    print_text(dump_json(Json(tokenizer->encode(text, options))) + "\n");
  };
  if (flags.lines) {
    // Not a reader of records: an empty line is a text too, and so is a carriage return.
    for (std::string line; std::getline(std::cin, line);) print_ids(line);
  } else {
    print_ids(std::string(std::istreambuf_iterator<char>(std::cin), {}));
  }
}

}  // namespace

void add_inspect_tokenize(CLI::App& inspect) {
  CLI::App* command =
      inspect.add_subcommand("tokenize", "Token ids of the text on stdin, as JSON lists");
  keep_apart(*command);
  auto flags = bind_config<TokenizeFlags>(*command);
  command->final_callback([flags] { tokenize(*flags); });
}

}  // namespace vragent::tools

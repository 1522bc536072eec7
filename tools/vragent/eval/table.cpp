// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <filesystem>

#include "command.h"
#include "eval/commands.h"
#include "printing.h"
#include "vragent/report/tables/run_tables.h"
#include "vragent/util/files.h"

namespace vragent::tools {
namespace {

struct TableFlags {
  report::runs::TableConfig table;
  std::string format = "text";
  std::filesystem::path out = "-";

  void visit(auto& v) {
    table.visit(v);
    v("format", format, "text, md or json");
    v("out", out, "file to write, or - for stdout");
  }
};

std::string rendered(const report::runs::RunTable& table, const std::string& format) {
  if (format == "json") return table_json(table);
  return format == "md" ? to_markdown(plain_table(table)) : to_text(plain_table(table));
}

}  // namespace

void add_eval_table(CLI::App& eval) {
  CLI::App& command = add_command(eval, "table", "A table of the paper from the files of runs");
  auto flags = bind_config<TableFlags>(command);
  add_files(command, "RUNS", flags->table.runs);
  auto json = add_json_flag(command);
  on_run(command, [flags, json] {
    if (*json) flags->format = "json";
    check_one_of("format", flags->format, {"text", "md", "json"});
    const std::string text = rendered(report::runs::build_table(flags->table), flags->format);
    if (flags->out == "-") {
      print_text(text);
    } else {
      write_file(flags->out, text);
    }
  });
}

}  // namespace vragent::tools

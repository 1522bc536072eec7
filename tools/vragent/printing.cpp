// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "printing.h"

#include <iostream>

#include "vragent/util/format.h"

namespace vragent::tools {

namespace {

std::string text_of(const OrderedJson& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number_float() ? formatted("{:.4f}", value.get<double>()) : dump_json(value);
}

}  // namespace

std::string line_of(const OrderedJson& flat) {
  std::string line;
  for (const auto& [name, value] : flat.items()) {
    line += (line.empty() ? "" : " ") + name + "=" + text_of(value);
  }
  return line;
}

void print_counts(const OrderedJson& flat, bool as_json, const std::string& what) {
  std::cout << (as_json ? dump_json(flat) : (what.empty() ? "" : what + " ") + line_of(flat))
            << "\n";
}

void print_tables(const std::vector<Table>& tables, bool as_json) {
  std::string text = as_json ? to_json(tables) + "\n" : "";
  if (!as_json) {
    for (const Table& table : tables) text += (text.empty() ? "" : "\n") + to_text(table);
  }
  print_text(text);
}

void print_text(const std::string& text) {
  std::cout << text << std::flush;
}

}  // namespace vragent::tools

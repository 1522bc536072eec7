// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "printing.h"

#include <iostream>

namespace vragent::tools {

std::string line_of(const OrderedJson& flat) {
  std::string line;
  for (const auto& [name, value] : flat.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : dump_json(value);
    line += (line.empty() ? "" : " ") + name + "=" + text;
  }
  return line;
}

void print_counts(const OrderedJson& flat, bool as_json) {
  std::cout << (as_json ? dump_json(flat) : line_of(flat)) << "\n";
}

void print_text(const std::string& text) {
  std::cout << text;
}

}  // namespace vragent::tools

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Results for people or for machines: on stdout, or on stderr where stdout carries data.
#pragma once

#include <string>
#include <vector>

#include "vragent/util/json.h"
#include "vragent/util/table.h"

namespace vragent::tools {

/// "name=value name=value" of a flat object; fractions with four digits.
std::string line_of(const OrderedJson& flat);

/// Prints a flat object as JSON, or as one line behind `what` (a word for what is counted).
void print_counts(const OrderedJson& flat, bool as_json, const std::string& what = "");

/// Prints tables one below the other, or as one JSON array.
void print_tables(const std::vector<Table>& tables, bool as_json);

/// Prints a text as it stands, at once.
void print_text(const std::string& text);

}  // namespace vragent::tools

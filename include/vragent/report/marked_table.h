// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A table whose rows are marked by where their numbers come from.
#pragma once

#include <vector>

#include "vragent/util/table.h"

namespace vragent::report {

enum class RowKind {
  kPlain,
  kPublished,  ///< printed in the paper, measured by its authors
  kOurs,       ///< measured by this program
  kControl,    ///< measured by this program for a rule that understands nothing (random, popular)
};

struct MarkedTable {
  Table table;
  std::vector<RowKind> kinds;       ///< one a row; all plain when empty
  bool second_below_first = false;  ///< a page prints the second column small below the first
};

}  // namespace vragent::report

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Lines of an item and its title, as MicroLens writes them: nearly csv.
#pragma once

#include "data/formats/line_window.h"
#include "vragent/data/items.h"

namespace vragent::data::formats {

/// Reads "item,title" or "item TAB title" lines, with or without a header, as load_items() says.
/// @throws DataError with path:line
Catalogue read_titles(LineWindow& lines, char separator);

}  // namespace vragent::data::formats

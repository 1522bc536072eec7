// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Ids and titles of items from the files in which data sets come.
#pragma once

#include <filesystem>

#include "vragent/data/items.h"

namespace vragent::data::formats {

/// Reads items by content, one line at a time (a .gz file and "-" will do):
///   csv        "item,title" with or without such a header; also with a TAB for the comma. Quotes,
///              separators and line breaks in quoted titles, CRLF and a byte order mark are
///              tolerated; an unquoted title may contain commas (the first one separates) and
///              quotes (a quote that never closes belongs to the title). With a header of three
///              columns and more, those that are named like an item and a title are read;
///   jsonl      objects with item_id, title and, optionally, caption (captions.jsonl is such a
///              file; rows whose status is not "ok" keep their title and get no caption);
///   recbole    atomic .item file: the column named like a title, else the first token_seq;
///   movielens  movies.dat ("item::title::genres") and u.item (24 fields between "|"), in UTF-8 or
///              Latin-1;
///   steam      games as Python dicts or JSON objects: id, app_name (else title). Games without an
///              id or with one that was there are left out, with a warning.
/// A title may be empty. @throws DataError with path:line on an empty id, a line without a
///   separator, a duplicate id, a file without items; Error (66, 74)
Catalogue load_items(const std::filesystem::path& path);

}  // namespace vragent::data::formats

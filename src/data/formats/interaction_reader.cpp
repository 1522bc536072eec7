// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/formats/interaction_reader.h"

#include "data/formats/columns.h"
#include "data/formats/detection.h"
#include "data/formats/event_table.h"
#include "data/formats/line_window.h"
#include "data/formats/record_formats.h"
#include "data/formats/row_formats.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/log.h"

namespace vragent::data::formats {
namespace {

void read_events(LineWindow& lines,
                 const std::string& format,
                 const ReadConfig& config,
                 EventTable& table) {
  if (format == "steam" || format == "jsonl") {
    read_records(lines, format, config, table);
  } else if (format == "microlens-tsv" || format == "sequences" || format == "pairs") {
    check_has_ratings(false, lines, config);
    if (format == "pairs") {
      read_pairs(lines, table);
    } else {
      read_sequences(lines, format, table);
    }
  } else {
    read_rows(lines, format, config, table);
  }
}

void check_some_left(const Interactions& data, const std::filesystem::path& path) {
  if (!data.histories.empty()) return;
  if (data.counts.rows == 0) throw DataError(path.string() + ": no interactions in it");
  throw DataError(
      formatted("{}: none of {} interactions is left ({} rated too low, {} outside of the core)",
                path,
                data.counts.rows,
                data.counts.low_rated,
                data.counts.outside_core));
}

}  // namespace

void ReadConfig::check() const {
  check_one_of("format",
               format,
               {"auto",
                "microlens-tsv",
                "sequences",
                "pairs",
                "csv",
                "tsv",
                "recbole",
                "movielens-1m",
                "movielens-100k",
                "steam",
                "jsonl"});
  check_one_of("duplicates", duplicates, {"keep-first", "keep-last", "keep-all", "error"});
  check_range("min-rating", min_rating, -1e9, 1e9);
  check_range("min-user-items", static_cast<double>(min_user_items), 0, 1e9);
  check_range("min-item-users", static_cast<double>(min_item_users), 0, 1e9);
  check_columns(columns);
}

Interactions load_interactions(const std::filesystem::path& path, const ReadConfig& config) {
  config.check();
  LineWindow lines(path);
  const std::string format =
      config.format == "auto" ? detect_interactions(lines, config.columns) : config.format;
  EventTable table;
  read_events(lines, format, config, table);
  Interactions data = table.take(config, [&](std::int64_t line) { return lines.where(line); });
  data.counts.format = format;
  check_some_left(data, path);
  return data;
}

Sequences load_sequences(const std::filesystem::path& path,
                         const ReadConfig& config,
                         const ProtocolConfig& protocol) {
  const Interactions interactions = load_interactions(path, config);
  Sequences sequences = make_sequences(interactions, protocol);
  log::info("{}: format={} {}", path, interactions.counts.format, to_line(counts_of(interactions)));
  log::info("protocol: {}", to_line(counts_of(sequences)));
  if (sequences.num_users() == 0) {
    throw DataError(
        formatted("{}: no user has --min-len {} interactions or more", path, protocol.min_len));
  }
  return sequences;
}

}  // namespace vragent::data::formats

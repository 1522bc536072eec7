// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "data/formats/detection.h"

#include <algorithm>
#include <unordered_set>

#include "data/formats/columns.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/text.h"

namespace vragent::data::formats {
namespace {

// Lines that are looked at to tell pairs from sequences: as many as show a user twice.
constexpr std::size_t kSampleLines = 1000;
constexpr std::size_t kSampleBytes = 1U << 20U;

struct SampleLine {
  std::string_view text;
  std::int64_t number = 0;
};

/// The lines ahead that are not blank. They live until a line is taken.
std::vector<SampleLine> sample_of(LineWindow& lines, std::size_t max_lines) {
  std::vector<SampleLine> sample;
  std::size_t num_bytes = 0;
  for (std::size_t i = 0; sample.size() < max_lines && num_bytes < kSampleBytes; ++i) {
    const std::string* line = lines.peek(i);
    if (line == nullptr) break;
    num_bytes += line->size() + 1;
    if (!trim(*line).empty()) sample.push_back({*line, static_cast<std::int64_t>(i) + 1});
  }
  return sample;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < line.size();) {
    const auto begin = line.find_first_not_of(" \t", at);
    if (begin == std::string_view::npos) break;
    const auto end = std::min(line.find_first_of(" \t", begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    at = end;
  }
  return words;
}

std::vector<std::string> names_of(std::string_view line, std::string_view separator) {
  RowCutter cutter(separator);
  const auto& fields = cutter.cut(line, [] { return std::string("header"); });
  return {fields.begin(), fields.end()};
}

/// Whether a line names columns; a quote that never closes is no header.
bool names_columns(std::string_view line,
                   std::string_view separator,
                   const std::vector<std::string>& told) {
  try {
    return is_header(names_of(line, separator), told);
  } catch (const DataError&) {
    return false;
  }
}

bool has_numbers(std::string_view line, std::string_view separator, std::size_t count) {
  RowCutter cutter(separator);
  const auto& fields = cutter.cut(line, [] { return std::string(); });
  return fields.size() == count &&
         std::all_of(fields.begin(), fields.end(), [](std::string_view field) {
           return parse_number(field).has_value();
         });
}

/// The format that one line shows, or "".
std::string format_of(std::string_view line, const std::vector<std::string>& told) {
  const RecordKind kind = record_kind(line);
  if (kind != RecordKind::kNone) return kind == RecordKind::kJson ? "jsonl" : "steam";
  if (parse_typed_header(line)) return "recbole";
  if (names_columns(line, "\t", told)) return "tsv";
  if (names_columns(line, ",", told)) return "csv";
  if (line.find('"') != std::string_view::npos) return "";
  if (has_numbers(line, "::", 4)) return "movielens-1m";
  if (has_numbers(line, "\t", 4)) return "movielens-100k";
  return "";
}

/// Sequences or pairs, by how many words lines have and whether a user comes twice.
std::string line_format(const std::vector<SampleLine>& sample, const std::string& sequences) {
  std::unordered_set<std::string_view> users;
  for (const SampleLine& line : sample) {
    const auto words = words_of(line.text);
    if (words.size() > 2) return sequences;
    if (!users.insert(words.front()).second) return "pairs";
  }
  return "";
}

}  // namespace

RecordKind record_kind(std::string_view line) {
  line = trim(line);
  if (!line.starts_with('{')) return RecordKind::kNone;
  line = trim(line.substr(1));
  if (line.starts_with('"')) return RecordKind::kJson;
  if (line.starts_with('u') || line.starts_with('U')) line.remove_prefix(1);
  return line.starts_with('\'') || line.starts_with('"') ? RecordKind::kPython : RecordKind::kNone;
}

std::string detect_interactions(LineWindow& lines, const std::vector<std::string>& told) {
  const auto first = sample_of(lines, 1);
  if (first.empty()) throw DataError(lines.path().string() + ": no interactions in it");
  const std::string_view line = first.front().text;
  const std::string where = lines.where(first.front().number);
  if (const std::string format = format_of(line, told); !format.empty()) return format;

  const auto words = words_of(line);
  const auto num_tabs = std::count(line.begin(), line.end(), '\t');
  const bool is_table = num_tabs > 1 || line.find_first_of(",;|") != std::string_view::npos ||
                        is_header({words.begin(), words.end()}, told);
  if (is_table || words.size() < 2) {
    throw DataError(formatted(
        "{}: no format fits: a table has commas or tabs and a header that names a user and an item "
        "column (\"user\", \"user_id\", \"item\", \"item_id\", ...; name others with --columns "
        "user=NAME,item=NAME); sequences are \"user item item ...\"; --format forces a format",
        where));
  }
  const std::string sequences = num_tabs == 1 ? "microlens-tsv" : "sequences";
  const auto sample = sample_of(lines, kSampleLines);
  const std::string format = line_format(sample, sequences);
  if (!format.empty()) return format;
  throw DataError(formatted(
      "{}: two words a line and no user twice in {} lines: may be \"user item\" pairs or sequences "
      "of one item; choose with --format pairs or --format {}",
      where,
      sample.size(),
      sequences));
}

}  // namespace vragent::data::formats

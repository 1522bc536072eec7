// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "data/formats/record_formats.h"

#include <algorithm>
#include <optional>

#include "data/formats/columns.h"
#include "data/formats/python_literal.h"
#include "data/formats/row_formats.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"

namespace vragent::data::formats {
namespace {

/// The members that a file's records are read by.
struct MemberNames {
  std::string user;
  std::string item;
  std::string rating;  ///< "" when there is none
  std::string time;    ///< "" when there is none
};

/// One line's members, whichever way it is written.
class Record {
 public:
  Record(const std::string& line, bool is_json, std::string where) : where_(std::move(where)) {
    if (is_json) {
      object_ = parse_json_object(line, where_);
    } else {
      members_ = python_members(line, where_);
    }
  }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& [name, value] : object_.items()) found.push_back(name);
    for (const PythonMember& member : members_) found.push_back(member.key);
    return found;
  }

  /// A member as text; none when it is not there, null, or has parts.
  [[nodiscard]] std::optional<std::string> text(const std::string& name) const {
    const auto member = std::find_if(
        members_.begin(), members_.end(), [&](const PythonMember& m) { return m.key == name; });
    if (member != members_.end()) return python_text(member->value, where_);
    const auto found = object_.find(name);
    if (found == object_.end() || found->is_null() || found->is_structured()) return std::nullopt;
    return found->is_string() ? found->get<std::string>() : dump_json(*found);
  }

 private:
  std::string where_;
  Json object_ = Json::object();
  std::vector<PythonMember> members_;
};

MemberNames find_members(const Record& record, const ReadConfig& config, const std::string& where) {
  const std::vector<std::string> names = record.names();
  const auto has = [&](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (config.columns.empty() && has("username") && has("product_id")) {
    return {
        .user = "username", .item = "product_id", .rating = "", .time = has("date") ? "date" : ""};
  }
  const Columns columns = find_columns(names, config.columns, where);
  return {.user = names[columns.user],
          .item = names[columns.item],
          .rating = columns.rating ? names[*columns.rating] : "",
          .time = columns.time ? names[*columns.time] : ""};
}

/// A member that must be there. @throws DataError with path:line
std::string needed(const Record& record, const std::string& name, const LineWindow& lines) {
  auto text = record.text(name);
  if (!text) lines.fail(formatted("\"{}\": missing, or no text or number", name));
  return *std::move(text);
}

}  // namespace

void read_records(LineWindow& lines,
                  const std::string& format,
                  const ReadConfig& config,
                  EventTable& table) {
  std::optional<MemberNames> names;
  for (std::string line; lines.next_row(line);) {
    const Record record(line, format == "jsonl", lines.where());
    if (!names) {
      names = find_members(record, config, lines.where());
      check_has_ratings(!names->rating.empty(), lines, config);
    }
    const std::string user = needed(record, names->user, lines);
    const std::string item = needed(record, names->item, lines);
    std::optional<std::string> rating;
    std::optional<std::string> time;
    if (!names->rating.empty()) rating = needed(record, names->rating, lines);
    if (!names->time.empty()) time = needed(record, names->time, lines);
    add_row({.user = user, .item = item, .rating = rating, .time = time}, lines, config, table);
  }
}

}  // namespace vragent::data::formats

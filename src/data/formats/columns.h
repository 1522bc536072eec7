// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Which column of a table is the user, the item, the rating, the time: by the names that data sets
// use, or as told. Case and the characters "_", "-" and " " make no difference to a name.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vragent::data::formats {

/// Positions among the columns; user and item are there, rating and time may be absent.
struct Columns {
  std::size_t user = 0;
  std::size_t item = 0;
  std::optional<std::size_t> rating;
  std::optional<std::size_t> time;
  std::size_t count = 0;  ///< of all columns
};

/// The columns of a header. @param told "user=NAME" and so on, see ReadConfig::columns
/// @throws DataError "<where>: ..." when a name that was told is not there, no column or several
///   columns could be the user or the item, or several the rating or the time
Columns find_columns(const std::vector<std::string>& names,
                     const std::vector<std::string>& told,
                     const std::string& where);

/// Whether a header names a user and an item.
bool is_header(const std::vector<std::string>& names, const std::vector<std::string>& told);

/// Whether a column of this name holds items.
bool is_item_name(std::string_view name);

/// Whether a column of this name holds titles (title, movie_title, ...).
bool is_title_name(std::string_view name);

/// Whether a column of this name may stand for titles (name, app_name, ...).
bool is_called_name(std::string_view name);

/// A header of RecBole's atomic files.
struct TypedHeader {
  std::vector<std::string> names;
  std::vector<std::string> types;  ///< token, token_seq, float, float_seq
};

/// The header, or none when a part between TABs is not "name:type".
std::optional<TypedHeader> parse_typed_header(std::string_view line);

/// @throws ConfigError unless each is "ROLE=NAME" with a role of its own
void check_columns(const std::vector<std::string>& told);

/// Fields of rows between separators; csv fields may be quoted.
class RowCutter {
 public:
  /// @param separator "," (then quotes are read), "\t", "::" or "|"
  explicit RowCutter(std::string_view separator) : separator_(separator) {}

  /// Fields without white space at their ends; they live until the next call and no longer than
  /// the line. @throws DataError on an unclosed quote; `where()` names the line
  const std::vector<std::string_view>& cut(std::string_view line, const auto& where) {
    fields_.clear();
    if (separator_ == "," && line.find('"') != std::string_view::npos) {
      cut_quoted(line, where());
    } else {
      cut_plain(line);
    }
    return fields_;
  }

 private:
  void cut_plain(std::string_view line);
  void cut_quoted(std::string_view line, const std::string& where);

  std::string_view separator_;
  std::vector<std::string> unquoted_;
  std::vector<std::string_view> fields_;
};

}  // namespace vragent::data::formats

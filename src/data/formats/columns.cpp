// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "data/formats/columns.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>

#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/text.h"

namespace vragent::data::formats {
namespace {

// Names as plain() leaves them.
constexpr std::array<std::string_view, 7> kUserNames = {
    "user", "userid", "uid", "username", "reviewerid", "sessionid", "visitorid"};
constexpr std::array<std::string_view, 20> kItemNames = {
    "item",      "itemid",     "iid",        "movie",  "movieid",   "video",    "videoid",
    "productid", "asin",       "parentasin", "bookid", "isbn",      "artistid", "trackid",
    "songid",    "businessid", "gameid",     "appid",  "articleid", "newsid"};
constexpr std::array<std::string_view, 5> kRatingNames = {
    "rating", "ratings", "score", "stars", "overall"};
constexpr std::array<std::string_view, 7> kTimeNames = {
    "timestamp", "time", "ts", "date", "datetime", "unixreviewtime", "unixtimestamp"};
constexpr std::array<std::string_view, 4> kRoles = {"user", "item", "rating", "timestamp"};

std::string plain(std::string_view name) {
  std::string text;
  for (const char c : trim(name)) {
    if (c == '_' || c == '-' || c == ' ') continue;
    text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

std::span<const std::string_view> names_of(std::string_view role) {
  if (role == "user") return kUserNames;
  if (role == "item") return kItemNames;
  if (role == "rating") return kRatingNames;
  return kTimeNames;
}

bool is_among(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), plain(name)) != names.end();
}

/// The name that was told for a role, or none.
std::optional<std::string> told_name(const std::vector<std::string>& told, std::string_view role) {
  for (const std::string& entry : told) {
    const auto equals = entry.find('=');
    if (equals != std::string::npos && entry.substr(0, equals) == role) {
      return entry.substr(equals + 1);
    }
  }
  return std::nullopt;
}

/// Positions of the columns that could have the role.
std::vector<std::size_t> candidates(const std::vector<std::string>& names,
                                    const std::vector<std::string>& told,
                                    std::string_view role) {
  const auto wanted = told_name(told, role);
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool fits = wanted ? trim(names[i]) == trim(*wanted) : is_among(names_of(role), names[i]);
    if (fits) found.push_back(i);
  }
  return found;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::optional<std::size_t> find_column(const std::vector<std::string>& names,
                                       const std::vector<std::string>& told,
                                       std::string_view role,
                                       const std::string& where) {
  const auto found = candidates(names, told, role);
  if (found.size() == 1) return found.front();
  if (found.size() > 1) {
    throw DataError(
        formatted("{}: the columns {} and {} both could be the {}: choose with "
                  "--columns {}=NAME",
                  where,
                  names[found[0]],
                  names[found[1]],
                  role,
                  role));
  }
  if (const auto wanted = told_name(told, role)) {
    throw DataError(
        formatted("{}: no column {}; the columns are {}", where, *wanted, listed(names)));
  }
  return std::nullopt;
}

}  // namespace

Columns find_columns(const std::vector<std::string>& names,
                     const std::vector<std::string>& told,
                     const std::string& where) {
  const auto needed = [&](std::string_view role) {
    const auto found = find_column(names, told, role, where);
    if (found) return *found;
    throw DataError(
        formatted("{}: none of the columns {} is known to be the {}: name it with "
                  "--columns {}=NAME",
                  where,
                  listed(names),
                  role,
                  role));
  };
  return {.user = needed("user"),
          .item = needed("item"),
          .rating = find_column(names, told, "rating", where),
          .time = find_column(names, told, "timestamp", where),
          .count = names.size()};
}

bool is_header(const std::vector<std::string>& names, const std::vector<std::string>& told) {
  return !candidates(names, told, "user").empty() && !candidates(names, told, "item").empty();
}

bool is_item_name(std::string_view name) {
  return is_among(kItemNames, name);
}

bool is_title_name(std::string_view name) {
  return plain(name).ends_with("title");
}

bool is_called_name(std::string_view name) {
  return plain(name).ends_with("name");
}

std::optional<TypedHeader> parse_typed_header(std::string_view line) {
  TypedHeader header;
  for (const std::string_view part : split(line, '\t')) {
    const auto colon = part.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    const std::string_view type = trim(part.substr(colon + 1));
    if (type != "token" && type != "token_seq" && type != "float" && type != "float_seq") {
      return std::nullopt;
    }
    header.names.emplace_back(trim(part.substr(0, colon)));
    header.types.emplace_back(type);
  }
  return header;
}

void check_columns(const std::vector<std::string>& told) {
  for (const std::string& entry : told) {
    const std::string_view role = std::string_view(entry).substr(0, entry.find('='));
    const bool known = std::find(kRoles.begin(), kRoles.end(), role) != kRoles.end();
    if (!known || role.size() + 1 >= entry.size()) {
      throw ConfigError(formatted(
          "--columns must be user=NAME, item=NAME, rating=NAME or timestamp=NAME; got \"{}\"",
          entry));
    }
    if (*told_name(told, role) != entry.substr(role.size() + 1)) {
      throw ConfigError(formatted("--columns names the {} twice", role));
    }
  }
}

void RowCutter::cut_plain(std::string_view line) {
  while (true) {
    const auto end = line.find(separator_);
    fields_.push_back(trim(line.substr(0, end)));
    if (end == std::string_view::npos) return;
    line.remove_prefix(end + separator_.size());
  }
}

void RowCutter::cut_quoted(std::string_view line, const std::string& where) {
  unquoted_ = split_csv(line, where);
  for (const std::string& field : unquoted_) fields_.push_back(trim(field));
}

}  // namespace vragent::data::formats

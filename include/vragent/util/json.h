// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// JSON for sources: parse a record and take typed fields from it, with errors that name file, line
// and key. The only header that includes nlohmann; include it from .cpp files, never from a public
// header.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace vragent {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

/// Parses one JSON text. @param where "path:line" or a path, put in front of the error
/// @throws DataError on malformed text
Json parse_json(std::string_view text, const std::string& where);

/// Parses one JSON object (a line of a .jsonl file). @throws DataError unless it is an object
Json parse_json_object(std::string_view text, const std::string& where);

/// Compact text of a value in one line; invalid UTF-8 becomes U+FFFD.
std::string dump_json(const Json& value);
std::string dump_json(const OrderedJson& value);

/// A reader over one object: each get names the key in its error and marks it as known.
class JsonRecord {
 public:
  /// @param object must outlive the record. @param where "path:line"
  JsonRecord(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  [[nodiscard]] bool has(const char* key) const;

  /// An id: a string, or a whole number turned into one.
  [[nodiscard]] std::string id(const char* key) const;
  [[nodiscard]] std::string text(const char* key) const;
  [[nodiscard]] std::string text_or(const char* key, const std::string& fallback) const;
  [[nodiscard]] std::int64_t integer(const char* key) const;
  [[nodiscard]] std::int64_t integer_or(const char* key, std::int64_t fallback) const;
  [[nodiscard]] double number(const char* key) const;
  [[nodiscard]] std::optional<double> number_or_null(const char* key) const;
  [[nodiscard]] bool boolean_or(const char* key, bool fallback) const;
  [[nodiscard]] const Json& array(const char* key) const;
  [[nodiscard]] const Json& object(const char* key) const;
  [[nodiscard]] std::vector<double> numbers_or_empty(const char* key) const;
  [[nodiscard]] std::vector<std::int64_t> integers_or_empty(const char* key) const;
  [[nodiscard]] std::vector<std::string> texts_or_empty(const char* key) const;

  /// @throws DataError "<where>: <key>: <problem>"
  [[noreturn]] void fail(const char* key, const std::string& problem) const;

  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  [[nodiscard]] const Json& need(const char* key) const;

  const Json& object_;
  std::string where_;
};

/// The members of `object` whose keys are not in `known`, as one JSON text ("" when there are
/// none): what a reader does not know travels on with the record.
std::string unknown_members(const Json& object, const std::vector<std::string_view>& known);

/// Adds the members kept by unknown_members() back to a record that is about to be written.
void add_members(OrderedJson& object, const std::string& members);

}  // namespace vragent

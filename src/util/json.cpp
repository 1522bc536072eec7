// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/util/json.h"

#include <algorithm>
#include <cmath>

#include "vragent/util/error.h"

namespace vragent {
namespace {

constexpr auto kReplaceBadUtf8 = Json::error_handler_t::replace;

/// nlohmann's message without its "[json.exception...]" prefix, and without the number of the line
/// where there is only one (it may be any line of its file).
std::string parser_text(const std::exception& error, bool is_one_line) {
  std::string text = error.what();
  const auto end = text.find("] ");
  if (end != std::string::npos) text.erase(0, end + 2);
  constexpr std::string_view kPlace = "parse error at line 1, ";
  if (is_one_line && text.starts_with(kPlace)) text.erase(0, kPlace.size());
  return text;
}

/// Whether a whole number fits (a larger unsigned one would come out negative).
bool is_int64(const Json& value) {
  return value.is_number_integer() &&
         (!value.is_number_unsigned() || value.get<std::uint64_t>() <= INT64_MAX);
}

template <class T, class Convert>
std::vector<T> list_or_empty(const JsonRecord& record, const char* key, Convert convert) {
  std::vector<T> values;
  if (!record.has(key)) return values;
  for (const Json& item : record.array(key)) values.push_back(convert(item));
  return values;
}

}  // namespace

Json parse_json(std::string_view text, const std::string& where) {
  // nlohmann takes a NUL byte for the end of the text and would not look at what follows.
  if (text.find('\0') != std::string_view::npos) throw DataError(where + ": not JSON: a NUL byte");
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    throw DataError(where +
                    ": not JSON: " + parser_text(error, text.find('\n') == std::string_view::npos));
  }
}

Json parse_json_object(std::string_view text, const std::string& where) {
  Json value = parse_json(text, where);
  if (!value.is_object())
    throw DataError(where + ": expected a JSON object, got " + value.type_name());
  return value;
}

std::string dump_json(const Json& value) {
  return value.dump(-1, ' ', false, kReplaceBadUtf8);
}

std::string dump_json(const OrderedJson& value) {
  return value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

void JsonRecord::fail(const char* key, const std::string& problem) const {
  throw DataError(where_ + ": \"" + key + "\": " + problem);
}

const Json& JsonRecord::need(const char* key) const {
  const auto found = object_.find(key);
  if (found == object_.end() || found->is_null()) fail(key, "missing");
  return *found;
}

bool JsonRecord::has(const char* key) const {
  const auto found = object_.find(key);
  return found != object_.end() && !found->is_null();
}

std::string JsonRecord::id(const char* key) const {
  const Json& value = need(key);
  if (value.is_number_integer()) return value.dump();
  if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
    fail(key, "an id (a non-empty string) is wanted");
  }
  return value.get<std::string>();
}

std::string JsonRecord::text(const char* key) const {
  const Json& value = need(key);
  if (!value.is_string()) fail(key, std::string("a string is wanted, got ") + value.type_name());
  return value.get<std::string>();
}

std::string JsonRecord::text_or(const char* key, const std::string& fallback) const {
  return has(key) ? text(key) : fallback;
}

std::int64_t JsonRecord::integer(const char* key) const {
  const Json& value = need(key);
  if (!is_int64(value)) fail(key, "a whole number of 64 bits is wanted");
  return value.get<std::int64_t>();
}

std::int64_t JsonRecord::integer_or(const char* key, std::int64_t fallback) const {
  return has(key) ? integer(key) : fallback;
}

double JsonRecord::number(const char* key) const {
  const Json& value = need(key);
  if (!value.is_number() || !std::isfinite(value.get<double>()))
    fail(key, "a finite number is wanted");
  return value.get<double>();
}

std::optional<double> JsonRecord::number_or_null(const char* key) const {
  if (!has(key)) return std::nullopt;
  return number(key);
}

bool JsonRecord::boolean_or(const char* key, bool fallback) const {
  if (!has(key)) return fallback;
  const Json& value = need(key);
  if (!value.is_boolean()) fail(key, "true or false is wanted");
  return value.get<bool>();
}

const Json& JsonRecord::array(const char* key) const {
  const Json& value = need(key);
  if (!value.is_array()) fail(key, std::string("a list is wanted, got ") + value.type_name());
  return value;
}

const Json& JsonRecord::object(const char* key) const {
  const Json& value = need(key);
  if (!value.is_object()) fail(key, std::string("an object is wanted, got ") + value.type_name());
  return value;
}

std::vector<double> JsonRecord::numbers_or_empty(const char* key) const {
  return list_or_empty<double>(*this, key, [&](const Json& item) {
    if (!item.is_number()) fail(key, "a list of numbers is wanted");
    return item.get<double>();
  });
}

std::vector<std::int64_t> JsonRecord::integers_or_empty(const char* key) const {
  return list_or_empty<std::int64_t>(*this, key, [&](const Json& item) {
    if (!is_int64(item)) fail(key, "a list of whole numbers is wanted");
    return item.get<std::int64_t>();
  });
}

std::vector<std::string> JsonRecord::texts_or_empty(const char* key) const {
  return list_or_empty<std::string>(*this, key, [&](const Json& item) {
    if (item.is_number_integer()) return item.dump();
    if (!item.is_string()) fail(key, "a list of strings is wanted");
    return item.get<std::string>();
  });
}

std::string unknown_members(const Json& object, const std::vector<std::string_view>& known) {
  Json rest = Json::object();
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) rest[key] = value;
  }
  return rest.empty() ? "" : dump_json(rest);
}

void add_members(OrderedJson& object, const std::string& members) {
  if (members.empty()) return;
  const OrderedJson extra = OrderedJson::parse(members);
  for (const auto& [key, value] : extra.items()) object[key] = value;
}

}  // namespace vragent

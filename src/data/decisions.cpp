// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/decisions.h"

#include <array>
#include <unordered_set>
#include <utility>

#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"

namespace vragent::data {
namespace {

constexpr std::array<std::pair<AnswerStatus, const char*>, 7> kStatusNames = {{
    {AnswerStatus::kOk, "ok"},
    {AnswerStatus::kLenient, "lenient"},
    {AnswerStatus::kAmbiguous, "ambiguous"},
    {AnswerStatus::kOutOfSet, "out_of_set"},
    {AnswerStatus::kEmpty, "empty"},
    {AnswerStatus::kRefusal, "refusal"},
    {AnswerStatus::kTruncated, "truncated"},
}};

const std::vector<std::string_view> kKnown = {
    "case_id",    "case_hash",     "user_id", "item_id",   "agent",         "model",
    "backend",    "seed",          "repeat",  "choice",    "yes",           "p_yes",
    "status",     "reasoning",     "raw",     "num_calls", "prompt_tokens", "completion_tokens",
    "latency_ms", "finish_reason", "error"};

void check(const Decision& row, const JsonRecord& record) {
  if (row.choice && row.yes) record.fail("choice", "either choice or yes, not both");
  if (row.choice && *row.choice < 0) record.fail("choice", "0 or more is wanted");
  if (row.p_yes && (*row.p_yes < 0 || *row.p_yes > 1)) record.fail("p_yes", "0 .. 1 is wanted");
  const bool has_answer = row.choice || row.yes;
  if (has_answer != is_answered(row.status)) {
    record.fail("status", has_answer ? "an answer needs ok or lenient" : "no answer to be ok");
  }
  if (row.repeat < 0) record.fail("repeat", "0 or more is wanted");
}

}  // namespace

std::string to_string(AnswerStatus status) {
  for (const auto& [value, name] : kStatusNames) {
    if (value == status) return name;
  }
  throw std::logic_error("unknown answer status");
}

AnswerStatus parse_status(const std::string& name, const std::string& where) {
  for (const auto& [value, known] : kStatusNames) {
    if (name == known) return value;
  }
  throw DataError(where + ": unknown status \"" + name + "\"");
}

bool is_answered(AnswerStatus status) {
  return status == AnswerStatus::kOk || status == AnswerStatus::kLenient;
}

std::string to_line(const Decision& row) {
  OrderedJson object;
  object["case_id"] = row.case_id;
  if (!row.case_hash.empty()) object["case_hash"] = row.case_hash;
  if (!row.user_id.empty()) object["user_id"] = row.user_id;
  if (!row.item_id.empty()) object["item_id"] = row.item_id;
  object["agent"] = row.agent;
  object["model"] = row.model;
  object["backend"] = row.backend;
  object["seed"] = row.seed;
  object["repeat"] = row.repeat;
  if (row.choice) object["choice"] = *row.choice;
  if (row.yes) object["yes"] = *row.yes;
  if (row.p_yes) object["p_yes"] = *row.p_yes;
  object["status"] = to_string(row.status);
  object["reasoning"] = row.reasoning;
  object["raw"] = row.raw;
  object["num_calls"] = row.num_calls;
  object["prompt_tokens"] = row.prompt_tokens;
  object["completion_tokens"] = row.completion_tokens;
  object["latency_ms"] = row.latency_ms;
  object["finish_reason"] = row.finish_reason;
  object["error"] = row.error;
  add_members(object, row.extra);
  return dump_json(object);
}

Decision parse_decision(const std::string& line, const std::string& where) {
  const Json object = parse_json_object(line, where);
  const JsonRecord record(object, where);
  Decision row;
  row.case_id = record.id("case_id");
  row.case_hash = record.text_or("case_hash", "");
  if (record.has("user_id")) row.user_id = record.id("user_id");
  if (record.has("item_id")) row.item_id = record.id("item_id");
  row.agent = record.text("agent");
  row.model = record.text_or("model", "");
  row.backend = record.text_or("backend", "");
  row.seed = record.integer_or("seed", 0);
  row.repeat = record.integer_or("repeat", 0);
  if (record.has("choice")) row.choice = record.integer("choice");
  if (record.has("yes")) row.yes = record.boolean_or("yes", false);
  row.p_yes = record.number_or_null("p_yes");
  row.status = parse_status(record.text("status"), where);
  row.reasoning = record.text_or("reasoning", "");
  row.raw = record.text_or("raw", "");
  row.num_calls = record.integer_or("num_calls", 0);
  row.prompt_tokens = record.integer_or("prompt_tokens", 0);
  row.completion_tokens = record.integer_or("completion_tokens", 0);
  row.latency_ms = record.number_or_null("latency_ms").value_or(0);
  row.finish_reason = record.text_or("finish_reason", "");
  row.error = record.text_or("error", "");
  row.extra = unknown_members(object, kKnown);
  check(row, record);
  return row;
}

std::vector<Decision> load_decisions(const std::filesystem::path& path) {
  std::vector<Decision> decisions;
  std::unordered_set<std::string> seen;
  for_each_line(path, [&](const std::string& line, const std::string& where) {
    Decision row = parse_decision(line, where);
    if (!seen.insert(formatted("{}\n{}\n{}", row.case_id, row.agent, row.repeat)).second) {
      throw DataError(formatted("{}: case {}, agent {}, repeat {} is there twice",
                                where,
                                row.case_id,
                                row.agent,
                                row.repeat));
    }
    decisions.push_back(std::move(row));
  });
  return decisions;
}

}  // namespace vragent::data

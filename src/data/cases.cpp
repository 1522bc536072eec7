// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/cases.h"

#include <unordered_set>
#include <utility>

#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"
#include "vragent/util/random.h"

namespace vragent::data {
namespace {

const std::vector<std::string_view> kKnown = {"case_id",
                                              "user_id",
                                              "task",
                                              "label",
                                              "answer_index",
                                              "negatives",
                                              "seed",
                                              "history",
                                              "candidates",
                                              "response",
                                              "aux"};

OrderedJson entry_json(const HistoryEntry& entry) {
  return {{"item_id", entry.item_id},
          {"title", entry.title},
          {"caption", entry.caption},
          {"comment", entry.comment}};
}

OrderedJson candidate_json(const Candidate& candidate) {
  return {
      {"item_id", candidate.item_id}, {"title", candidate.title}, {"caption", candidate.caption}};
}

OrderedJson aux_json(const CaseAux& aux) {
  OrderedJson object = OrderedJson::object();
  if (!aux.rec_score.empty()) object["rec_score"] = aux.rec_score;
  if (!aux.rec_rank.empty()) object["rec_rank"] = aux.rec_rank;
  if (!aux.popularity.empty()) object["popularity"] = aux.popularity;
  return object;
}

Candidate parse_candidate(const Json& object, const std::string& where) {
  if (!object.is_object()) throw DataError(where + ": \"candidates\": a list of objects is wanted");
  const JsonRecord record(object, where + ": candidates");
  return {record.id("item_id"), record.text_or("title", ""), record.text_or("caption", "")};
}

HistoryEntry parse_entry(const Json& object, const std::string& where) {
  if (!object.is_object()) throw DataError(where + ": \"history\": a list of objects is wanted");
  const JsonRecord record(object, where + ": history");
  return {record.id("item_id"),
          record.text_or("title", ""),
          record.text_or("caption", ""),
          record.text_or("comment", "")};
}

CaseAux parse_aux(const JsonRecord& record, std::size_t num_candidates) {
  if (!record.has("aux")) return {};
  const Json& object = record.object("aux");
  const JsonRecord aux(object, record.where() + ": aux");
  CaseAux result{aux.numbers_or_empty("rec_score"),
                 aux.numbers_or_empty("rec_rank"),
                 aux.numbers_or_empty("popularity")};
  for (const auto* list : {&result.rec_score, &result.rec_rank, &result.popularity}) {
    if (!list->empty() && list->size() != num_candidates) {
      record.fail("aux", "lists as long as the candidates are wanted");
    }
  }
  return result;
}

void check_answer(const Case& row, const JsonRecord& record) {
  const auto num_candidates = static_cast<std::int64_t>(row.candidates.size());
  if (row.task == Task::kJudge) {
    if (num_candidates != 1) record.fail("candidates", "one is wanted to judge");
    if (row.label < -1 || row.label > 1) record.fail("label", "0 or 1 is wanted");
    if (row.answer_index != -1) record.fail("answer_index", "a judge case has a label");
    return;
  }
  if (num_candidates < 2) record.fail("candidates", "two or more are wanted to select");
  if (row.answer_index < -1 || row.answer_index >= num_candidates) {
    record.fail("answer_index", formatted("0 .. {} is wanted", num_candidates - 1));
  }
  if (row.label != -1) record.fail("label", "a select case has an answer_index");
}

void check_candidates(const Case& row, const JsonRecord& record) {
  std::unordered_set<std::string_view> seen;
  for (const Candidate& candidate : row.candidates) {
    if (!seen.insert(candidate.item_id).second) {
      record.fail("candidates", "item " + candidate.item_id + " is there twice");
    }
  }
}

}  // namespace

std::string to_string(Task task) {
  return task == Task::kJudge ? "judge" : "select";
}

Task parse_task(const std::string& name, const std::string& where) {
  if (name == "judge") return Task::kJudge;
  if (name == "select") return Task::kSelect;
  throw DataError(where + ": task must be judge or select, got \"" + name + "\"");
}

Case Case::without_answer() const {
  Case shown = *this;
  shown.label = -1;
  shown.answer_index = -1;
  shown.response.clear();
  shown.extra.clear();  // nobody knows what an unknown member gives away
  shown.aux = {};
  return shown;
}

std::string to_line(const Case& row) {
  OrderedJson object;
  object["case_id"] = row.case_id;
  object["user_id"] = row.user_id;
  object["task"] = to_string(row.task);
  if (row.label != -1) object["label"] = row.label;
  if (row.answer_index != -1) object["answer_index"] = row.answer_index;
  object["negatives"] = row.negatives;
  object["seed"] = row.seed;
  object["history"] = OrderedJson::array();
  for (const HistoryEntry& entry : row.history) object["history"].push_back(entry_json(entry));
  object["candidates"] = OrderedJson::array();
  for (const Candidate& candidate : row.candidates) {
    object["candidates"].push_back(candidate_json(candidate));
  }
  if (!row.response.empty()) object["response"] = row.response;
  const OrderedJson aux = aux_json(row.aux);
  if (!aux.empty()) object["aux"] = aux;
  add_members(object, row.extra);
  return dump_json(object);
}

Case parse_case(const std::string& line, const std::string& where) {
  const Json object = parse_json_object(line, where);
  const JsonRecord record(object, where);
  Case row;
  row.case_id = record.id("case_id");
  row.user_id = record.id("user_id");
  row.task = parse_task(record.text("task"), where);
  for (const Json& entry : record.array("history"))
    row.history.push_back(parse_entry(entry, where));
  for (const Json& candidate : record.array("candidates")) {
    row.candidates.push_back(parse_candidate(candidate, where));
  }
  row.label = record.integer_or("label", -1);
  row.answer_index = record.integer_or("answer_index", -1);
  row.negatives = record.text_or("negatives", "");
  row.seed = record.integer_or("seed", 0);
  row.response = record.text_or("response", "");
  row.aux = parse_aux(record, row.candidates.size());
  row.extra = unknown_members(object, kKnown);
  check_candidates(row, record);
  check_answer(row, record);
  return row;
}

void note_place(const Case& row, const std::string& where, CasePlaces& places) {
  const auto [first, is_new] = places.emplace(row.case_id, where);
  if (!is_new)
    throw DataError(where + ": case " + row.case_id + " is there twice, first in " + first->second);
}

std::vector<Case> load_cases(const std::filesystem::path& path) {
  std::vector<Case> cases;
  CasePlaces places;
  for_each_line(path, [&](const std::string& line, const std::string& where) {
    Case row = parse_case(line, where);
    note_place(row, where, places);
    cases.push_back(std::move(row));
  });
  return cases;
}

std::string hash_case(const Case& row) {
  return to_hex(hash_text(to_line(row.without_answer())));
}

std::string hash_cases(const std::vector<Case>& cases) {
  std::uint64_t hash = cases.size();
  for (const Case& row : cases) hash = mix_seed(hash, {hash_text(to_line(row.without_answer()))});
  return to_hex(hash);
}

}  // namespace vragent::data

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// cases.jsonl: frozen questions for simulated users. Every agent answers the same file; labels and
// the scores behind the negatives are stripped before an agent sees a case.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

namespace vragent::data {

enum class Task {
  kJudge,   ///< user preference judgment: one candidate, Yes or No
  kSelect,  ///< next video selection: one of m+1 candidates
};

std::string to_string(Task task);

/// @throws DataError "<where>: ..." unless "judge" or "select"
Task parse_task(const std::string& name, const std::string& where);

struct HistoryEntry {
  std::string item_id;
  std::string title;
  std::string caption;
  std::string comment;
};

struct Candidate {
  std::string item_id;
  std::string title;
  std::string caption;
};

/// Side facts per candidate, for the label-free controls only; never shown to an agent's model.
struct CaseAux {
  std::vector<double> rec_score;   ///< the recommender's score; empty when it ranked no such list
  std::vector<double> rec_rank;    ///< 1-based rank in the recommender's list, 0 when not in it
  std::vector<double> popularity;  ///< occurrences in the train parts
};

struct Case {
  std::string case_id;
  std::string user_id;
  Task task = Task::kJudge;
  std::vector<HistoryEntry> history;  ///< oldest first
  std::vector<Candidate> candidates;  ///< one for judge, m+1 for select, in the order shown
  std::int64_t label = -1;            ///< judge: 1 liked, 0 not; -1 stripped or unknown
  std::int64_t answer_index = -1;     ///< select: position of the true item; -1 stripped or unknown
  std::string negatives;              ///< sampler that made them: topk, uniform, popmatch
  std::int64_t seed = 0;
  std::string response;  ///< a demonstration for sft; empty otherwise
  CaseAux aux;
  std::string extra;  ///< unknown members, kept when a file passes through

  /// The case as an agent may see it: no label, answer_index, response or aux.
  [[nodiscard]] Case without_answer() const;
};

/// One line of cases.jsonl.
std::string to_line(const Case& row);

/// @throws DataError with path:line on a missing field, an empty candidate list, a label or
/// answer_index
///   out of range, repeated candidates, or aux lists of another length than the candidates
Case parse_case(const std::string& line, const std::string& where);

/// Where cases stand, by case_id.
using CasePlaces = std::unordered_map<std::string, std::string>;

/// Notes the place of one more case. @throws DataError naming both places when its id is there
/// twice
void note_place(const Case& row, const std::string& where, CasePlaces& places);

/// All cases of a file ("-" is stdin). @throws DataError on a repeated case_id
std::vector<Case> load_cases(const std::filesystem::path& path);

/// 64-bit hash of one question (not of its answer) in hexadecimal: decisions carry it, so that
/// nobody joins them with another version of the case.
std::string hash_case(const Case& row);

/// The same of all questions: two runs on one file show the same.
std::string hash_cases(const std::vector<Case>& cases);

}  // namespace vragent::data

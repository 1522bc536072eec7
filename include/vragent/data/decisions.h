// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// decisions.jsonl: what an agent answered to each case. An answer that cannot be parsed is a
// status, never a guess.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace vragent::data {

enum class AnswerStatus {
  kOk,         ///< the prediction field held a legal answer
  kLenient,    ///< a legal answer was found outside the agreed form
  kAmbiguous,  ///< several legal answers fit
  kOutOfSet,   ///< an answer, but none of the candidates
  kEmpty,      ///< nothing to parse
  kRefusal,    ///< the model declined
  kTruncated,  ///< the answer was cut by the token limit before it was complete
};

std::string to_string(AnswerStatus status);

/// @throws DataError "<where>: ..." for an unknown name
AnswerStatus parse_status(const std::string& name, const std::string& where);

/// Whether the decision carries an answer (ok or lenient).
bool is_answered(AnswerStatus status);

struct Decision {
  std::string case_id;
  std::string case_hash;  ///< hash_case() of the question; empty in files of others
  std::string user_id;    ///< of the case
  std::string item_id;    ///< judge: the candidate; select: the chosen one, empty without a choice
  std::string agent;
  std::string model;
  std::string backend;
  std::int64_t seed = 0;
  std::int64_t repeat = 0;
  std::optional<std::int64_t> choice;  ///< select: index among the candidates as shown
  std::optional<bool> yes;             ///< judge
  std::optional<double> p_yes;         ///< judge: probability of Yes, where the agent offers one
  AnswerStatus status = AnswerStatus::kEmpty;
  std::string reasoning;
  std::string raw;
  std::int64_t num_calls = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  double latency_ms = 0;
  std::string finish_reason;
  std::string error;  ///< empty unless the call itself failed
  std::string extra;  ///< unknown members, kept when a file passes through
};

/// One line of decisions.jsonl.
std::string to_line(const Decision& row);

/// @throws DataError with path:line
Decision parse_decision(const std::string& line, const std::string& where);

/// All decisions of a file ("-" is stdin). @throws DataError on a repeated (case_id, agent, repeat)
std::vector<Decision> load_decisions(const std::filesystem::path& path);

}  // namespace vragent::data

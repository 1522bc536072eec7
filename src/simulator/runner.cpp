// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/runner.h"

#include <stdexcept>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/progress.h"
#include "vragent/util/text.h"

namespace vragent::simulator {
namespace {

/// One question to be asked.
struct Question {
  const data::Case* row = nullptr;
  std::int64_t repeat = 0;
};

std::string key_of(const std::string& case_id, std::int64_t repeat) {
  return formatted("{}\n{}", case_id, repeat);
}

/// Keys of the decisions that this agent made before.
std::unordered_set<std::string> decided_before(const std::vector<data::Case>& cases,
                                               const Agent& agent,
                                               const std::filesystem::path& out) {
  std::unordered_map<std::string, std::string> known;
  for (const data::Case& row : cases) known.emplace(row.case_id, hash_case(row));
  std::unordered_set<std::string> decided;
  for (const data::Decision& row : data::load_decisions(out)) {
    if (row.agent != agent.name) continue;
    const auto found = known.find(row.case_id);
    const bool fits =
        found != known.end() && (row.case_hash.empty() || row.case_hash == found->second);
    if (!fits) {
      throw DataError(
          formatted("{}: has a decision on case {}, which is another one or missing now: resume "
                    "with the same "
                    "cases",
                    out,
                    row.case_id));
    }
    if (row.model != agent.model || row.seed != agent.seed) {
      throw ConfigError(
          formatted("{}: the decisions of {} there are of model \"{}\" and seed {}, not of \"{}\" "
                    "and {}: resume "
                    "with the same settings or choose another --out",
                    out,
                    agent.name,
                    row.model,
                    row.seed,
                    agent.model,
                    agent.seed));
    }
    decided.insert(key_of(row.case_id, row.repeat));
  }
  return decided;
}

/// One of `num` equal parts of a file, by position.
struct Shard {
  std::int64_t index = 0;
  std::int64_t num = 1;
};

Shard parse_shard(const std::string& text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string_view all = text;
  const Shard shard{parse_integer(all.substr(0, slash)).value_or(-1),
                    slash < all.size() ? parse_integer(all.substr(slash + 1)).value_or(-1) : -1};
  if (shard.index < 0 || shard.index >= shard.num) {
    throw ConfigError(
        formatted("--shard wants i/n with 0 <= i < n, for example 0/4; got \"{}\"", text));
  }
  return shard;
}

/// The cases that this run looks at.
std::vector<const data::Case*> chosen_cases(const std::vector<data::Case>& cases,
                                            const RunConfig& config) {
  const Shard shard = parse_shard(config.shard);
  std::vector<const data::Case*> chosen;
  for (std::int64_t i = shard.index; i < std::ssize(cases); i += shard.num) {
    if (config.limit > 0 && std::ssize(chosen) == config.limit) break;
    chosen.push_back(&cases[static_cast<std::size_t>(i)]);
  }
  return chosen;
}

std::vector<Question> open_questions(const std::vector<data::Case>& cases,
                                     const RunConfig& config,
                                     const std::unordered_set<std::string>& decided) {
  const std::vector<const data::Case*> chosen = chosen_cases(cases, config);
  std::vector<Question> questions;
  for (std::int64_t repeat = 0; repeat < config.repeats; ++repeat) {
    for (const data::Case* row : chosen) {
      if (!decided.contains(key_of(row->case_id, repeat))) questions.push_back({row, repeat});
    }
  }
  return questions;
}

/// The case as this agent may see it.
data::Case shown_to(const Agent& agent, const data::Case& row) {
  data::Case shown = row.without_answer();
  if (agent.sees_aux) shown.aux = row.aux;
  return shown;
}

/// The video that a decision is about: the one judged or chosen, "" when nothing was chosen.
std::string item_of(const data::Case& row, const data::Decision& decision) {
  if (row.task == data::Task::kJudge) return row.candidates.front().item_id;
  return decision.choice ? row.candidates[static_cast<std::size_t>(*decision.choice)].item_id : "";
}

/// Decisions of one batch; all its questions have the same repeat.
std::vector<data::Decision> decide_batch(const Agent& agent, std::span<const Question> batch) {
  std::vector<data::Case> cases;
  for (const Question& question : batch) cases.push_back(shown_to(agent, *question.row));
  std::vector<data::Decision> decisions = agent.decide(cases, batch.front().repeat);
  if (decisions.size() != cases.size()) {
    throw std::logic_error(formatted(
        "agent {}: {} decisions on {} cases", agent.name, decisions.size(), cases.size()));
  }
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    data::Decision& decision = decisions[i];
    decision.case_id = cases[i].case_id;
    decision.case_hash = hash_case(*batch[i].row);
    decision.user_id = cases[i].user_id;
    decision.item_id = item_of(cases[i], decision);
    decision.agent = agent.name;
    decision.model = agent.model;
    decision.backend = agent.backend;
    decision.seed = agent.seed;
    decision.repeat = batch.front().repeat;
  }
  return decisions;
}

/// End of the batch that begins at `first`: at most batch_size questions of one repeat.
std::size_t batch_end(const std::vector<Question>& questions,
                      std::size_t first,
                      std::int64_t batch_size) {
  std::size_t end = first;
  while (end < questions.size() && questions[end].repeat == questions[first].repeat &&
         end - first < static_cast<std::size_t>(batch_size)) {
    ++end;
  }
  return end;
}

void count(const data::Decision& decision, RunReport& report) {
  ++report.num_decided;
  report.num_unanswered += is_answered(decision.status) ? 0 : 1;
  report.num_failed += decision.error.empty() ? 0 : 1;
}

}  // namespace

void RunConfig::check() const {
  check_range("batch-size", static_cast<double>(batch_size), 1, 1e6);
  check_range("repeats", static_cast<double>(repeats), 1, 1e6);
  check_range("limit", static_cast<double>(limit), 0, 1e12);
  parse_shard(shard);
}

RunReport run_cases(const std::vector<data::Case>& cases,
                    const Agent& agent,
                    const RunConfig& config,
                    const std::filesystem::path& out) {
  config.check();
  const bool resumes = config.resume && out != "-" && std::filesystem::exists(out);
  LineWriter writer(out, resumes ? LineWriter::Mode::kAppend : LineWriter::Mode::kReplace);
  std::unordered_set<std::string> decided;
  if (resumes) decided = decided_before(cases, agent, out);
  RunReport report;
  report.num_kept = std::ssize(decided);
  const std::vector<Question> questions = open_questions(cases, config, decided);
  Progress progress("cases", std::ssize(questions));
  for (std::size_t first = 0; first < questions.size();) {
    throw_if_interrupted(formatted(
        "{} decisions are in {}; go on with --resume", report.num_kept + report.num_decided, out));
    const std::size_t end = batch_end(questions, first, config.batch_size);
    const auto batch = std::span(questions).subspan(first, end - first);
    for (const data::Decision& decision : decide_batch(agent, batch)) {
      writer.write(to_line(decision));
      count(decision, report);
    }
    progress.advance(std::ssize(batch));
    first = end;
  }
  return report;
}

}  // namespace vragent::simulator

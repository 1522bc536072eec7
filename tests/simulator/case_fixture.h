// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Files from which cases are made, and answers to them.
#pragma once

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vragent/data/decisions.h"
#include "vragent/simulator/case_files.h"
#include "vragent/util/files.h"

namespace vragent::simulator {

/// Twelve users of five videos each among thirty, in the files of MicroLens.
class CaseFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pairs;
    std::string titles = "item,title\n";
    std::string lists;
    for (int user = 1; user <= 12; ++user) {
      pairs += std::to_string(user) + "\t";
      for (int n = 0; n < 5; ++n) pairs += std::to_string((user * 3 + n * 5) % 30 + 1) + " ";
      pairs.back() = '\n';
      lists += R"({"user_id":")" + std::to_string(user) + R"(","items":[)";
      for (int n = 0; n < 10; ++n) {
        lists += (n > 0 ? ",\"" : "\"") + std::to_string((user * 3 + n * 2) % 30 + 1) + "\"";
      }
      lists += "]}\n";
    }
    for (int item = 1; item <= 30; ++item) {
      titles += std::to_string(item) + ",\"title, " + std::to_string(item) + "\"\n";
    }
    write_file(folder_ / "pairs.tsv", pairs);
    write_file(folder_ / "titles.csv", titles);
    write_file(folder_ / "run/topk.jsonl", lists);
    config_.interactions = folder_ / "pairs.tsv";
    config_.items = folder_ / "titles.csv";
    config_.topk = folder_ / "run";
    config_.out = folder_ / "cases";
  }

  /// decisions.jsonl of an agent that says Yes and takes the first slot.
  std::filesystem::path decide(const CaseSet& set,
                               const std::string& agent,
                               const std::string& model) {
    std::string lines;
    for (const data::Case& row : set.cases) {
      data::Decision decision{.case_id = row.case_id, .agent = agent, .model = model};
      decision.status = data::AnswerStatus::kOk;
      if (row.task == data::Task::kJudge) {
        decision.yes = true;
      } else {
        decision.choice = 0;
      }
      lines += data::to_line(decision) + "\n";
    }
    const std::filesystem::path file = folder_ / (agent + model + ".jsonl");
    write_file(file, lines);
    return file;
  }

  const test::TempDir folder_;
  MakeCasesConfig config_;
};

}  // namespace vragent::simulator

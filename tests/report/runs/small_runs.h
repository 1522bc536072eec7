// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Files of finished runs as the commands write them, with invented numbers.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace vragent::report::runs::test {

/// A recommender's run.
struct RankingFile {
  double hit_rate = 0.1;  ///< of all test users; cold ones have half of it
  std::int64_t seed = 1;
  std::string masked = "history";
  std::int64_t users = 100;
  std::string windows = "0123456789abcdef";
  std::string select = "valid hr@10";
  std::string loss = "softmax";
  bool has_feedback = false;
};

inline OrderedJson ranking_values(double hit_rate) {
  return {{"hr@10", hit_rate},
          {"ndcg@10", hit_rate / 2},
          {"hr@20", hit_rate * 1.5},
          {"ndcg@20", hit_rate * 0.75},
          {"users", 100}};
}

/// Writes metrics.json below `folder`; returns the folder.
inline std::string write_ranking(const std::filesystem::path& folder, const RankingFile& run = {}) {
  OrderedJson metrics = {
      {"test", ranking_values(run.hit_rate)},
      {"test_cold", ranking_values(run.hit_rate / 2)},
      {"protocol",
       {{"ranking", "full"},
        {"masked", run.masked},
        {"loss", run.loss},
        {"select", run.select},
        {"seed", run.seed}}},
      {"counts",
       {{"users", run.users}, {"cold_users", 20}, {"items", 50}, {"windows", run.windows}}}};
  if (run.has_feedback) {
    metrics["feedback"] = {
        {"arm", "like"}, {"users", 9}, {"inserted", 31}, {"held_out", 2}, {"guard", true}};
  }
  write_file(folder / "metrics.json", metrics.dump());
  return folder.string();
}

/// An agent of scores.json; without a model it is a control.
struct AgentEntry {
  std::string agent;
  std::string model;
  double accuracy = 0.5;
  std::string negatives = "topk";
  std::int64_t num_missing = 0;
};

inline OrderedJson rate(double value) {
  return {{"value", value}, {"low", value - 0.05}, {"high", value + 0.05}};
}

inline OrderedJson agent_object(const AgentEntry& entry) {
  const OrderedJson judge = {{"negatives", entry.negatives},
                             {"num_cases", 40},
                             {"accuracy", rate(entry.accuracy)},
                             {"precision", rate(0.61)},
                             {"recall", rate(0.62)},
                             {"f1", rate(0.63)}};
  const OrderedJson select = {{"negatives", entry.negatives},
                              {"m", 3},
                              {"num_cases", 20},
                              {"accuracy", rate(entry.accuracy / 2)}};
  return {{"agent", entry.agent},
          {"model", entry.model},
          {"num_missing", entry.num_missing},
          {"judge", OrderedJson::array({judge})},
          {"select", OrderedJson::array({select})}};
}

/// Writes scores.json below `folder`; returns the folder.
inline std::string write_scores(const std::filesystem::path& folder,
                                const std::vector<AgentEntry>& agents,
                                const std::string& cases_hash = "00aa") {
  OrderedJson scores = {{"cases_hash", cases_hash}, {"num_cases", 60}};
  scores["agents"] = OrderedJson::array();
  for (const AgentEntry& entry : agents) scores["agents"].push_back(agent_object(entry));
  write_file(folder / "scores.json", scores.dump());
  return folder.string();
}

}  // namespace vragent::report::runs::test

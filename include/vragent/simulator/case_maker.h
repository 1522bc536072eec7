// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Frozen questions about held-out interactions: each chosen user's last video is the positive, the
// negatives come from what a recommender would have shown (the paper), from the whole catalogue, or
// from videos as popular as the positive. One user has the same negatives in all of its cases.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "vragent/data/cases.h"
#include "vragent/data/items.h"
#include "vragent/data/sequences.h"
#include "vragent/data/top_k.h"

namespace vragent::simulator {

struct CaseConfig {
  /// judge: the positive and one negative a user; select: the positive among m negatives; feedback
  /// (alone): each video of the recommender's list judged, without a label, from the train part
  std::vector<std::string> tasks = {"judge", "select"};
  std::vector<std::int64_t> m = {3, 4};              ///< negatives of a selection (paper: 3 and 4)
  std::vector<std::string> negatives = {"topk"};     ///< topk (paper), uniform, popmatch
  std::int64_t num_users = 1000;                     ///< 0 = all that are eligible (paper: 1,000)
  std::string users = "cold";                        ///< cold (paper) or all
  std::int64_t min_history = 1;                      ///< videos before the positive
  std::string split = "test";                        ///< test: last video; valid: second last
  std::int64_t top_k = 10;                           ///< length of the lists (paper: 10)
  std::vector<std::filesystem::path> exclude_users;  ///< cases.jsonl files or lists of user ids
  std::int64_t seed = 1;

  void visit(auto& v) {
    v("tasks", tasks, "judge, select; or feedback alone: the recommender's list, without labels");
    v("m", m, "negatives of a selection; smaller sets are the first of larger ones");
    v("negatives", negatives, "topk (from --topk), uniform, popmatch (as popular as the positive)");
    v("num-users", num_users, "users drawn at random; 0 is all");
    v("users", users, "cold or all");
    v("min-history", min_history, "least number of videos before the positive");
    v("split", split, "test: the last video is the positive; valid: the second last");
    v("top-k", top_k, "length of the recommender's lists that is used");
    v("exclude-users", exclude_users, "files of cases or of user ids that are left out");
    v("seed", seed, "random seed of users, negatives and order");
  }

  /// @throws ConfigError naming the field
  void check() const;
};

/// What cases are made from. Lists must come from a recommender that saw no more of a user than the
/// case shows: all but the last video (test), the train part (valid, feedback).
struct CaseSources {
  const data::Sequences& sequences;
  const data::Catalogue& catalogue;
  const data::Comments* comments = nullptr;
  const std::unordered_map<std::string, data::TopK>* lists = nullptr;
};

/// Cases in the order of the users drawn, and what became of the users that were looked at.
struct CaseSet {
  std::vector<data::Case> cases;
  std::vector<std::string> user_ids;      ///< users with cases
  std::int64_t num_eligible = 0;          ///< users that could be drawn
  std::int64_t num_excluded = 0;          ///< users left out by exclude_users
  std::int64_t num_without_list = 0;      ///< passed over: the recommender has no list
  std::int64_t num_few_negatives = 0;     ///< passed over: fewer than max(m) usable negatives
  std::int64_t num_without_text = 0;      ///< passed over: a video is not in the catalogue
  std::int64_t num_repeated_targets = 0;  ///< passed over: the positive was watched before
};

/// Makes the cases. case_id is "u<user>-judge-pos-topk", "u<user>-judge-neg-topk",
/// "u<user>-select3-topk", "u<user>-feedback-i<item>", with "-valid" behind the user for that
/// split. Negatives are never the positive nor any other video of the user's window. A user's cases
/// depend on the seed and that user only. aux: rec_rank is 0 for a candidate outside of the user's
/// list, and its rec_score is the list's lowest.
/// @throws ConfigError when lists are needed and there are none
CaseSet make_cases(const CaseSources& sources, const CaseConfig& config);

/// User ids of files: "user_id" of JSON lines, else one id a line. @throws DataError with path:line
std::unordered_set<std::string> load_user_ids(const std::vector<std::filesystem::path>& paths);

}  // namespace vragent::simulator

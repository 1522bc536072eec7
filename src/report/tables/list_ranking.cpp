// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/tables/list_ranking.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "vragent/data/top_k.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"
#include "vragent/util/text.h"

namespace vragent::report::runs {
namespace {

struct Target {
  std::string user_id;
  std::string item_id;
};

/// "user,item" (quotes as in CSV) or "user TAB item".
Target parse_plain(const std::string& line, const std::string& where) {
  std::vector<std::string> fields;
  if (line.find('\t') == std::string::npos) {
    fields = split_csv(line, where);
  } else {
    for (const std::string_view field : split(line, '\t')) fields.emplace_back(field);
  }
  if (fields.size() != 2 || trim(fields[0]).empty() || trim(fields[1]).empty()) {
    throw DataError(where + ": a target is {\"user_id\": ..., \"item_id\": ...} or user,item");
  }
  return {std::string(trim(fields[0])), std::string(trim(fields[1]))};
}

/// Whether the first plain line names its columns: user,item or user_id:token TAB item_id:token. A
/// user may well be called user1.
bool is_header(const Target& target) {
  const auto is_name = [](const std::string& field, const std::string& name) {
    const std::string column = field.substr(0, field.find(':'));
    return column == name || column == name + "_id" || column == name + "id";
  };
  return is_name(target.user_id, "user") && is_name(target.item_id, "item");
}

bool is_json(const std::string& line) {
  return trim(line).starts_with('{');
}

Target parse_target(const std::string& line, const std::string& where) {
  if (!is_json(line)) return parse_plain(line, where);
  const Json object = parse_json_object(line, where);
  const JsonRecord record(object, where);
  return {record.id("user_id"), record.id("item_id")};
}

std::vector<Target> load_targets(const std::filesystem::path& path) {
  std::vector<Target> targets;
  std::unordered_set<std::string> users;
  for_each_line(path, [&](const std::string& line, const std::string& where) {
    const Target target = parse_target(line, where);
    if (targets.empty() && !is_json(line) && is_header(target)) return;
    if (!users.insert(target.user_id).second) {
      throw DataError(formatted("{}: user {} has a target already", where, target.user_id));
    }
    targets.push_back(target);
  });
  if (targets.empty()) throw DataError(path.string() + ": no targets");
  return targets;
}

void add_user(metrics::RankingAccumulator& sums, const data::TopK* list, const Target& target) {
  if (list == nullptr) {
    sums.add_without_list();
    return;
  }
  const auto place = std::find(list->items.begin(), list->items.end(), target.item_id);
  if (place == list->items.end()) {
    sums.add_miss();
  } else {
    sums.add(place - list->items.begin() + 1);
  }
}

std::string shown_name(const std::string& name) {
  std::string shown = name;
  if (name.starts_with("hr@") || name.starts_with("ndcg@") || name == "mrr") {
    std::transform(shown.begin(), shown.end(), shown.begin(), [](unsigned char c) {
      return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    });
  }
  return shown;
}

}  // namespace

void ListRankingConfig::check() const {
  check_given("lists", lists);
  check_given("targets", targets);
  if (lists == "-" && targets == "-") {
    throw ConfigError("only one of --lists and --targets can be stdin");
  }
  const metrics::RankingAccumulator checks_the_cutoffs(k);
}

ListRanking rank_lists(const ListRankingConfig& config) {
  config.check();
  const auto lists = data::load_top_k(config.lists);
  const std::vector<Target> targets = load_targets(config.targets);
  std::int64_t longest = 0;
  for (const auto& [user, list] : lists) longest = std::max(longest, std::ssize(list.items));
  metrics::RankingAccumulator sums(config.k);
  std::int64_t num_used = 0;
  for (const Target& target : targets) {
    const auto found = lists.find(target.user_id);
    num_used += found == lists.end() ? 0 : 1;
    add_user(sums, found == lists.end() ? nullptr : &found->second, target);
  }
  return {sums.value(), std::ssize(lists) - num_used, longest};
}

Table ranking_table(const ListRanking& ranking) {
  Table table;
  table.columns = {"users"};
  table.rows = {{formatted("{}", ranking.metrics.num_users)}};
  for (const auto& [name, value] : metrics::named_values(ranking.metrics)) {
    table.columns.push_back(shown_name(name));
    table.rows[0].push_back(formatted("{:.6f}", value));
  }
  if (ranking.metrics.num_without_list > 0) {
    table.notes.push_back(
        formatted("{} users have no list: they count as misses", ranking.metrics.num_without_list));
  }
  if (ranking.num_unused_lists > 0) {
    table.notes.push_back(formatted("{} lists are of users without a target: they are left out",
                                    ranking.num_unused_lists));
  }
  const auto too_far = std::find_if(
      ranking.metrics.cutoffs.begin(), ranking.metrics.cutoffs.end(), [&](const auto& cutoff) {
        return cutoff.k > ranking.longest_list;
      });
  if (too_far != ranking.metrics.cutoffs.end()) {
    table.notes.push_back(
        formatted("lists hold at most {} items: at {} whatever would stand behind them is a miss",
                  ranking.longest_list,
                  too_far->k));
  }
  return table;
}

std::string ranking_json(const ListRanking& ranking) {
  OrderedJson object;
  for (const auto& [name, value] : metrics::named_values(ranking.metrics)) object[name] = value;
  object["users"] = ranking.metrics.num_users;
  object["without_list"] = ranking.metrics.num_without_list;
  object["unused_lists"] = ranking.num_unused_lists;
  return dump_json(object) + "\n";
}

}  // namespace vragent::report::runs

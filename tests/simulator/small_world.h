// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A small data set for tests of cases and agents: 40 items "i0".."i39" with titles, captions and
// comments, 30 users "1".."30" of which every third is not cold, and a list of ten items each.
#pragma once

#include <string>
#include <unordered_map>

#include "support/temp_dir.h"
#include "vragent/simulator/case_maker.h"
#include "vragent/util/files.h"
#include "vragent/util/random.h"

namespace vragent::simulator::test {

struct SmallWorld {
  static constexpr std::int32_t kNumItems = 40;
  static constexpr std::int32_t kNumUsers = 30;

  data::Interactions interactions;
  data::Sequences sequences;
  data::Catalogue catalogue;
  data::Comments comments;
  std::unordered_map<std::string, data::TopK> lists;

  SmallWorld() {
    RandomStream random(1);
    for (std::int32_t item = 0; item < kNumItems; ++item) {
      const std::string name = std::to_string(item);
      interactions.item_ids.push_back("i" + name);
      catalogue.add({"i" + name, "title " + name, item % 2 == 0 ? "caption " + name : ""}, "world");
    }
    std::string lines;
    for (std::int32_t user = 1; user <= kNumUsers; ++user) {
      const auto items = random.sample(kNumItems, user % 3 == 0 ? 9 : 5);
      interactions.user_ids.push_back(std::to_string(user));
      interactions.histories.emplace_back(items.begin(), items.end());
      lines += std::to_string(user) + "\ti" + std::to_string(items[0]) + "\tcomment of " +
               std::to_string(user) + "\n";
      add_list(std::to_string(user), random);
    }
    sequences = data::make_sequences(interactions, {});
    const vragent::test::TempDir folder;
    write_file(folder / "comments.tsv", lines);
    comments = data::Comments::load(folder / "comments.tsv");
  }

  /// Ten random items, whoever has seen them: the makers must not rely on a masked list.
  void add_list(const std::string& user_id, RandomStream& random) {
    data::TopK list;
    list.user_id = user_id;
    for (const std::int64_t item : random.sample(kNumItems, 10)) {
      list.items.push_back("i" + std::to_string(item));
      list.scores.push_back(1.0 - 0.1 * static_cast<double>(list.scores.size()));
    }
    lists.emplace(user_id, list);
  }

  [[nodiscard]] CaseSources sources() const { return {sequences, catalogue, &comments, &lists}; }
};

}  // namespace vragent::simulator::test

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <algorithm>

#include "command.h"
#include "inspect/commands.h"
#include "printing.h"
#include "vragent/data/formats/interaction_reader.h"
#include "vragent/data/formats/item_reader.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/log.h"
#include "vragent/util/progress.h"

namespace vragent::tools {
namespace {

struct DataFlags {
  std::filesystem::path interactions;
  data::formats::ReadConfig reading;
  std::filesystem::path items;
  std::filesystem::path comments;
  std::filesystem::path likes;
  data::ProtocolConfig protocol;

  void visit(auto& v) {
    v("interactions", interactions, "interactions of users, in any format (required)");
    reading.visit(v);
    v("items", items, "titles of items, in any format");
    v("comments", comments, "comments: user TAB item TAB text");
    v("likes", likes, "likes and views: item TAB likes TAB views");
    protocol.visit(v);
  }
};

data::Counts title_counts(const data::Catalogue& catalogue, const std::vector<std::string>& ids) {
  const auto is_empty = [](const data::Item& item) { return item.title.empty(); };
  const auto is_unknown = [&](const std::string& id) { return catalogue.find(id) == nullptr; };
  return {{"items", std::ssize(catalogue.items)},
          {"empty", std::count_if(catalogue.items.begin(), catalogue.items.end(), is_empty)},
          {"unknown", std::count_if(ids.begin(), ids.end(), is_unknown)}};
}

data::Counts like_counts(const std::filesystem::path& path) {
  data::Likes sum;
  const auto likes = data::load_likes(path);
  for (const auto& [item, count] : likes) {
    sum.likes += count.likes;
    sum.views += count.views;
  }
  return {{"items", std::ssize(likes)}, {"likes", sum.likes}, {"views", sum.views}};
}

void print(const data::Counts& counts, bool as_json, const std::string& what) {
  OrderedJson object = as_json ? OrderedJson{{"of", what}} : OrderedJson::object();
  for (const auto& [name, count] : counts) object[name] = count;
  print_counts(object, as_json, what);
}

void print_all(const DataFlags& flags, bool as_json) {
  check_given("interactions", flags.interactions);
  end_at_first_signal(true);
  const Stopwatch watch;
  const auto interactions = data::formats::load_interactions(flags.interactions, flags.reading);
  const data::Sequences sequences = data::make_sequences(interactions, flags.protocol);
  log::info("format={} sparsity={:.4f} seconds={:.4f}",
            interactions.counts.format,
            interactions.sparsity(),
            watch.seconds());
  print(counts_of(interactions), as_json, "interactions");
  print(counts_of(sequences), as_json, "protocol");
  if (!flags.items.empty()) {
    const data::Catalogue catalogue = data::formats::load_items(flags.items);
    print(title_counts(catalogue, interactions.item_ids), as_json, "titles");
  }
  if (!flags.comments.empty()) {
    print({{"pairs", std::ssize(data::Comments::load(flags.comments))}}, as_json, "comments");
  }
  if (!flags.likes.empty()) print(like_counts(flags.likes), as_json, "likes");
}

}  // namespace

void add_inspect_data(CLI::App& inspect) {
  CLI::App& command =
      add_nested_command(inspect, "data", "Count users, items and interactions of a data set");
  auto flags = bind_config<DataFlags>(command);
  auto json = add_json_flag(command);
  on_run(command, [flags, json] { print_all(*flags, *json); });
}

}  // namespace vragent::tools

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/tables/run_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/runs/small_runs.h"
#include "support/temp_dir.h"
#include "vragent/util/error.h"

namespace vragent::report::runs {
namespace {

using test::write_ranking;
using test::write_scores;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::ThrowsMessage;

RunTable table_of(std::int64_t id, const std::vector<std::string>& runs) {
  return build_table({.id = id, .runs = runs, .data = "invented"});
}

const OwnValue& value_of(const OwnRow& row, const std::string& column) {
  for (const OwnValue& value : row.values) {
    if (value.column == column) return value;
  }
  throw std::logic_error("no column " + column);
}

std::vector<std::string> names_of(const RunTable& table) {
  std::vector<std::string> names;
  for (const OwnRow& row : table.rows) names.push_back(row.name);
  return names;
}

TEST(RunTable, TakesTheColumnsOfTable1FromMetrics) {
  const vragent::test::TempDir folder;
  const RunTable table = table_of(1, {"SASRec=" + write_ranking(folder / "a", {.hit_rate = 0.2})});
  ASSERT_THAT(table.rows, SizeIs(1));
  EXPECT_DOUBLE_EQ(value_of(table.rows[0], "HR@10").value, 0.2);
  EXPECT_DOUBLE_EQ(value_of(table.rows[0], "NDCG@20").value, 0.15);
  EXPECT_THAT(table.marked.table.rows[0],
              ElementsAre("SASRec", "invented", ".2000", ".1000", ".3000", ".1500"));
}

TEST(RunTable, AveragesRunsOfOneNameOnlyOverSeeds) {
  const vragent::test::TempDir folder;
  const std::string one = "SASRec=" + write_ranking(folder / "a", {.hit_rate = 0.2, .seed = 1});
  const std::string two = "SASRec=" + write_ranking(folder / "b", {.hit_rate = 0.3, .seed = 2});
  EXPECT_DOUBLE_EQ(value_of(table_of(1, {one, two}).rows[0], "HR@10").value, 0.25);
  EXPECT_THAT(
      [&] {
        table_of(1, {one, one});
      },
      ThrowsMessage<DataError>(HasSubstr("two runs named 'SASRec' have seed 1")));
}

/// A run NAME=FOLDER whose config.json has these lines beside a seed and a folder of its own.
std::string run_with(const std::filesystem::path& folder,
                     const test::RankingFile& run,
                     const OrderedJson& settings) {
  OrderedJson config = settings;
  config["out"] = folder.string();
  config["seed"] = run.seed;
  write_file(folder / "config.json", config.dump());
  return "SASRec=" + write_ranking(folder, run);
}

TEST(RunTable, RefusesRunsOfOneNameWithOtherSettings) {
  const vragent::test::TempDir folder;
  const std::string one = run_with(
      folder / "a", {.seed = 1}, {{"width", 8}, {"optim", {{"lr", 0.1}}}, {"model", "dssm"}});
  const std::string two = run_with(
      folder / "b", {.seed = 2}, {{"width", 16}, {"optim", {{"lr", 0.2}}}, {"model", "dssm"}});
  EXPECT_THAT(
      [&] {
        table_of(1, {one, "x" + one, two});
      },
      ThrowsMessage<DataError>(AllOf(HasSubstr("runs '" + one + "' and '" + two + "'"),
                                     HasSubstr("(optim.lr 0.1 | 0.2; width 8 | 16)"))));
  EXPECT_THAT(names_of(table_of(1, {one, "x" + two})), ElementsAre("SASRec", "xSASRec"));
}

TEST(RunTable, AveragesRunsThatRanElsewhere) {
  const vragent::test::TempDir folder;
  const OrderedJson here = {{"interactions", "a.tsv"},
                            {"items", "titles.csv"},
                            {"device", "cpu"},
                            {"threads", 1},
                            {"resume", false},
                            {"vector-cache", ""},
                            {"top-k", 10}};
  const OrderedJson there = {{"interactions", "copy/b.tsv"},
                             {"items", (std::filesystem::current_path() / "titles.csv").string()},
                             {"device", "cuda"},
                             {"threads", 8},
                             {"resume", true},
                             {"vector-cache", "cache"},
                             {"top-k", 20}};
  const RunTable table = table_of(
      1, {run_with(folder / "a", {.seed = 1}, here), run_with(folder / "b", {.seed = 2}, there)});
  EXPECT_EQ(table.rows.at(0).num_runs, 2);
  EXPECT_THAT(table.marked.table.notes, Not(Contains(HasSubstr("of another version"))));
}

TEST(RunTable, ComparesFilesByWhatTheyHeldWhereRunsSay) {
  const vragent::test::TempDir folder;
  const std::vector<std::string> runs = {
      run_with(folder / "a", {.seed = 1}, {{"items", "here.csv"}, {"feedback", "a.jsonl"}}),
      run_with(folder / "b", {.seed = 2}, {{"items", "there.csv"}, {"feedback", "b.jsonl"}})};
  EXPECT_THROW(table_of(1, runs), DataError);
  write_file(folder / "a/inputs.json", "{\"items\": \"12\"}");
  EXPECT_THROW(table_of(1, runs), DataError) << "only one says";
  write_file(folder / "b/inputs.json", "{\"items\": \"12\"}");
  EXPECT_EQ(table_of(1, runs).rows.at(0).num_runs, 2);
  write_file(folder / "b/inputs.json", "{\"items\": \"13\"}");
  EXPECT_THROW(table_of(1, runs), DataError);
}

TEST(RunTable, SaysWhatRunsOfAnotherVersionDoNotName) {
  const vragent::test::TempDir folder;
  const std::string old = run_with(folder / "a", {.seed = 1}, {{"width", 8}});
  const auto newer = [&](const std::string& name, std::int64_t seed, bool mask) {
    return run_with(folder / name, {.seed = seed}, {{"width", 8}, {"mask", mask}});
  };
  EXPECT_THAT(table_of(1, {old, newer("b", 2, true)}).marked.table.notes,
              Contains(AllOf(HasSubstr("SASRec: config.json of some of its runs"),
                             HasSubstr("(mask true)"))));
  EXPECT_THAT(
      [&] {
        table_of(1, {old, newer("b", 2, true), newer("c", 3, false)});
      },
      ThrowsMessage<DataError>(HasSubstr("(mask true | false)")));
}

TEST(RunTable, ComparesForeignRunsOfOneNameByLossAndSelection) {
  const vragent::test::TempDir folder;
  const std::string plain = "SASRec=" + write_ranking(folder / "a", {.seed = 1});
  const std::string same = run_with(folder / "b", {.seed = 2}, {{"width", 8}});
  EXPECT_EQ(table_of(1, {plain, same}).rows.at(0).num_runs, 2);
  EXPECT_THAT(
      [&] {
        table_of(1, {plain, "SASRec=" + write_ranking(folder / "c", {.seed = 2, .loss = "bpr"})});
      },
      ThrowsMessage<DataError>(HasSubstr("(loss softmax | bpr)")));
  EXPECT_THAT(
      [&] {
        table_of(1,
                 {plain,
                  "SASRec=" + write_ranking(folder / "d", {.seed = 2, .select = "valid ndcg@10"})});
      },
      ThrowsMessage<DataError>(HasSubstr("(select valid hr@10 | valid ndcg@10)")));
}

TEST(RunTable, AveragesCountersWhateverTheirSeed) {
  const vragent::test::TempDir folder;
  const std::string one = "pop=" + write_ranking(folder / "a", {.seed = 1, .loss = "none"});
  const std::string two = "pop=" + write_ranking(folder / "b", {.seed = 1, .loss = "none"});
  EXPECT_EQ(table_of(1, {one, two}).rows.at(0).num_runs, 2);
  EXPECT_THAT(
      [&] {
        table_of(1, {one, one + "/metrics.json"});
      },
      ThrowsMessage<DataError>(HasSubstr("two runs named 'pop' are the same file")));
}

TEST(RunTable, NamesLossAndSelectionOfTrainedRows) {
  const vragent::test::TempDir folder;
  const std::string pop = "pop=" + write_ranking(folder / "p", {.loss = "none"});
  const std::string sasrec = "SASRec=" + write_ranking(folder / "a", {.seed = 1});
  const std::string again = "SASRec=" + write_ranking(folder / "b", {.seed = 2});
  const std::string dssm =
      "DSSM=" + write_ranking(folder / "c", {.select = "valid ndcg@10", .loss = "bpr"});
  const std::string gru = "GRU4Rec=" + write_ranking(folder / "d");
  EXPECT_THAT(table_of(1, {pop, sasrec, dssm, again, gru}).marked.table.notes,
              AllOf(Contains("Loss softmax; selection valid hr@10: SASRec, GRU4Rec."),
                    Contains("Loss bpr; selection valid ndcg@10: DSSM."),
                    Not(Contains(HasSubstr("Loss none")))));
}

TEST(RunTable, SaysWhichAgentLeftCasesUndecided) {
  const vragent::test::TempDir folder;
  const RunTable table =
      table_of(2,
               {"ours=" + write_scores(folder / "a",
                                       {{.agent = "vragent", .model = "m", .num_missing = 7}})});
  EXPECT_THAT(table.marked.table.notes,
              Contains(HasSubstr("ours: 7 cases without a decision are left out")));
}

TEST(RunTable, TakesColdUsersOfTable4FromTheirOwnPart) {
  const vragent::test::TempDir folder;
  const RunTable table =
      table_of(4, {"like=" + write_ranking(folder / "a", {.hit_rate = 0.2, .has_feedback = true})});
  EXPECT_DOUBLE_EQ(value_of(table.rows[0], "HR@10 all").value, 0.2);
  EXPECT_DOUBLE_EQ(value_of(table.rows[0], "HR@10 cold").value, 0.1);
  EXPECT_THAT(table.marked.table.notes,
              Contains(HasSubstr("like: arm like, 31 items added to 9 users; 2 were "
                                 "held-out items (dropped)")));
}

TEST(RunTable, AveragesSeedsOfOneName) {
  const vragent::test::TempDir folder;
  const RunTable table =
      table_of(1,
               {"x=" + write_ranking(folder / "a", {.hit_rate = 0.1, .seed = 1}),
                "y=" + write_ranking(folder / "b", {.hit_rate = 0.3, .seed = 1}),
                "x=" + write_ranking(folder / "c", {.hit_rate = 0.2, .seed = 2})});
  EXPECT_THAT(names_of(table), ElementsAre("x", "y"));
  EXPECT_EQ(table.rows[0].num_runs, 2);
  EXPECT_DOUBLE_EQ(value_of(table.rows[0], "HR@10").value, 0.15);
  EXPECT_NEAR(*value_of(table.rows[0], "HR@10").std, 0.0707107, 1e-6);
  EXPECT_EQ(table.rows[1].num_runs, 1);
  EXPECT_FALSE(value_of(table.rows[1], "HR@10").std.has_value());
}

TEST(RunTable, DropsIntervalsOfAveragedRows) {
  const vragent::test::TempDir folder;
  const RunTable table = table_of(2,
                                  {"sft=" + write_scores(folder / "a", {{"vragent", "m1", 0.6}}),
                                   "sft=" + write_scores(folder / "b", {{"vragent", "m2", 0.8}}),
                                   "rl=" + write_scores(folder / "c", {{"vragent", "m3", 0.9}})});
  EXPECT_THAT(names_of(table), ElementsAre("sft", "rl"));
  EXPECT_DOUBLE_EQ(value_of(table.rows[0], "Acc").value, 0.7);
  EXPECT_FALSE(value_of(table.rows[0], "Acc").interval.has_value());
  EXPECT_TRUE(value_of(table.rows[1], "Acc").interval.has_value());
  EXPECT_THAT(table.marked.table.rows[1][2], HasSubstr(".900 [.850, .950]"));
}

TEST(RunTable, RefusesRunsOfDifferentProtocols) {
  const vragent::test::TempDir folder;
  const std::string plain = "a=" + write_ranking(folder / "a");
  EXPECT_THAT(
      [&] {
        table_of(1, {plain, "b=" + write_ranking(folder / "b", {.masked = "none"})});
      },
      ThrowsMessage<DataError>(AllOf(HasSubstr("'a' and 'b'"), HasSubstr("masked none"))));
  EXPECT_THAT(
      [&] {
        table_of(1, {plain, "c=" + write_ranking(folder / "c", {.users = 99})});
      },
      ThrowsMessage<DataError>(HasSubstr("cannot stand in one table")));
  EXPECT_THAT(
      [&] {
        table_of(2,
                 {"a=" + write_scores(folder / "d", {{"vragent", "m"}}),
                  "b=" + write_scores(folder / "e", {{"vragent", "m"}}, "ff")});
      },
      ThrowsMessage<DataError>(HasSubstr("cannot stand in one table")));
}

TEST(RunTable, RefusesRunsOfOtherDataOfTheSameSize) {
  const vragent::test::TempDir folder;
  const std::string one = "a=" + write_ranking(folder / "a");
  const std::string other = "b=" + write_ranking(folder / "b", {.windows = "fedcba9876543210"});
  EXPECT_THAT(
      [&] {
        table_of(1, {one, other});
      },
      ThrowsMessage<DataError>(HasSubstr("windows fedcba9876543210")));
}

TEST(RunTable, TakesSeedLossAndChoiceOfEpochForNoDifferenceOfProtocol) {
  const vragent::test::TempDir folder;
  const RunTable table =
      table_of(1,
               {"pop=" + write_ranking(folder / "a", {.seed = 5, .loss = "none"}),
                "DSSM=" + write_ranking(folder / "c", {.select = "valid ndcg@10"}),
                "SASRec=" + write_ranking(folder / "b")});
  ASSERT_THAT(table.rows, SizeIs(3));
  EXPECT_TRUE(table.rows[0].is_control);
  EXPECT_FALSE(table.rows[1].is_control);
  EXPECT_FALSE(table.rows[2].is_control);
  EXPECT_THAT(to_text(plain_table(table)), HasSubstr("pop (control)"));
}

TEST(RunTable, ShowsControlsOfAllFilesOnceBelowTheAgents) {
  const vragent::test::TempDir folder;
  const test::AgentEntry random{"random", "", 0.51};
  const RunTable table =
      table_of(6,
               {"sft=" + write_scores(folder / "a", {random, {"vragent", "m1", 0.6}}),
                "full=" + write_scores(folder / "b", {{"vragent", "m2", 0.7}, random})});
  EXPECT_THAT(names_of(table), ElementsAre("sft", "full", "random"));
  EXPECT_TRUE(table.rows[2].is_control);
  EXPECT_EQ(table.rows[2].num_runs, 1);
  EXPECT_EQ(table.marked.kinds[2], RowKind::kControl);
}

TEST(RunTable, KeepsTheNamesOfControlsWithoutAnAgent) {
  const vragent::test::TempDir folder;
  const RunTable table =
      table_of(2, {"controls=" + write_scores(folder / "a", {{"random", ""}, {"pop", "", 0.55}})});
  EXPECT_THAT(names_of(table), ElementsAre("random", "pop"));
}

TEST(RunTable, RefusesTwoAgentsBehindOneName) {
  const vragent::test::TempDir folder;
  EXPECT_THAT(
      [&] {
        table_of(2, {"a=" + write_scores(folder / "a", {{"vragent", "m"}, {"zeroshot", "m"}})});
      },
      ThrowsMessage<ConfigError>(HasSubstr("vragent, zeroshot")));
}

TEST(RunTable, WantsToBeToldWhichNegativesAreMeant) {
  const vragent::test::TempDir folder;
  const std::string run = "a=" + write_scores(folder / "a", {{"vragent", "m", 0.7, "uniform"}});
  EXPECT_DOUBLE_EQ(value_of(table_of(2, {run}).rows[0], "Acc").value, 0.7);
  EXPECT_THAT(
      [&] { build_table({.id = 2, .runs = {run}, .data = "invented", .negatives = "popmatch"}); },
      ThrowsMessage<DataError>(AllOf(HasSubstr("popmatch"), HasSubstr("there are: uniform"))));
}

TEST(RunTable, StandsBesideThePaperWhenAsked) {
  const vragent::test::TempDir folder;
  const RunTable table = build_table({.id = 1,
                                      .runs = {"SASRec=" + write_ranking(folder / "a")},
                                      .data = "invented",
                                      .published = true});
  EXPECT_THAT(table.rows, SizeIs(1));
  EXPECT_GT(table.marked.table.rows.size(), 10U);
  const Json object = parse_json_object(table_json(table), "json");
  EXPECT_EQ(object["rows"].front()["kind"], "paper");
  EXPECT_EQ(object["rows"].back()["kind"], "ours");
  EXPECT_EQ(object["rows"].back()["values"]["HR@10"]["value"], 0.1);
}

TEST(RunTable, RefusesWhatCannotBeATable) {
  const vragent::test::TempDir folder;
  const std::string run = write_ranking(folder / "a");
  EXPECT_THAT([&] { table_of(3, {"a=" + run}); },
              ThrowsMessage<ConfigError>(HasSubstr("--id must be 1, 2, 4, 5 or 6; got 3")));
  EXPECT_THAT([&] { table_of(1, {}); },
              ThrowsMessage<ConfigError>(HasSubstr("--runs is required")));
  EXPECT_THAT([&] { table_of(1, {run}); },
              ThrowsMessage<ConfigError>(HasSubstr("wants a row name")));
  EXPECT_THAT([&] { build_table({.id = 1, .runs = {"a=" + run}}); },
              ThrowsMessage<ConfigError>(HasSubstr("--data is required")));
  EXPECT_THAT([&] { table_of(1, {"a=" + (folder / "nowhere").string()}); },
              ThrowsMessage<Error>(HasSubstr("nowhere")));
}

TEST(RunTable, NamesTheMissingKeyOfABrokenFile) {
  const vragent::test::TempDir folder;
  write_file(folder / "metrics.json", "{\"test\": {}}");
  EXPECT_THAT([&] { table_of(1, {"a=" + folder.path().string()}); },
              ThrowsMessage<DataError>(AllOf(HasSubstr("metrics.json"), HasSubstr("test_cold"))));
}

}  // namespace
}  // namespace vragent::report::runs

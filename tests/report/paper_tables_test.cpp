// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/paper_tables.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/util/error.h"

namespace vragent::report {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

OwnRow own(const std::string& name, std::vector<OwnValue> values) {
  return {
      .name = name, .data = "mini world", .protocol = "full ranking", .values = std::move(values)};
}

class EveryTable : public ::testing::TestWithParam<int> {};

TEST_P(EveryTable, HasOneCellAColumnInEachRow) {
  const Table table = published_table(GetParam());
  EXPECT_EQ(table.columns.size(), published_columns(GetParam()).size() + 1);
  for (const auto& row : table.rows) EXPECT_EQ(row.size(), table.columns.size()) << row.front();
}

TEST_P(EveryTable, HoldsOnlyFractionsAndGaps) {
  const Table table = published_table(GetParam());
  for (const auto& row : table.rows) {
    for (std::size_t c = 1; c < row.size(); ++c) {
      EXPECT_THAT(row[c], ::testing::AnyOf("-", ::testing::MatchesRegex("\\.[0-9]+"))) << row[0];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Paper, EveryTable, ::testing::Range(1, 7));

TEST(PublishedTable, HasTheRowsOfThePaper) {
  const std::vector<std::size_t> num_rows = {15, 8, 5, 4, 5, 6};
  for (int id = 1; id <= 6; ++id) {
    EXPECT_EQ(published_table(id).rows.size(), num_rows[static_cast<std::size_t>(id - 1)]);
  }
}

TEST(PublishedTable, PrintsTheDigitsOfThePaper) {
  EXPECT_THAT(published_table(1).rows.back(),
              ElementsAre("SASRec+Ours", ".0994", ".0548", ".1418", ".0655"));
  EXPECT_THAT(published_table(2).rows[4],
              ElementsAre("Agent4Rec", ".528", ".482", ".52", ".501", "-", "-"));
  EXPECT_THAT(published_table(3).rows.front(),
              ElementsAre("GPT-4o", ".584", ".600", ".634", ".662"));
  EXPECT_THAT(published_table(4).rows.back(),
              ElementsAre("+US like", ".1003", ".0554", ".0678", ".0330"));
  EXPECT_THAT(published_table(5).rows[3],
              ElementsAre("w/o RRA", ".0816", ".0466", ".1182", ".0523"));
  EXPECT_THAT(published_table(6).rows.back(), ElementsAre("full", ".715", ".727", ".646", ".602"));
}

TEST(PublishedTable, RemarksOnTheDoubtfulRows) {
  const Table table = published_table(1);
  EXPECT_THAT(table.notes, Contains(HasSubstr(".0423")));
  EXPECT_THAT(table.notes, Contains(HasSubstr("MMGCN_ID+V .0214")));
  EXPECT_THAT(published_table(2).notes, Contains(HasSubstr(".646")));
}

TEST(PublishedTable, RefusesATableThatThePaperHasNot) {
  EXPECT_THAT([] { (void)published_table(7); }, ThrowsMessage<ConfigError>(HasSubstr("table 7")));
  EXPECT_THROW((void)published_columns(0), ConfigError);
}

TEST(BesidePublished, PutsOurRowBelowItsPublishedRow) {
  const std::vector<OwnRow> rows = {own("SASRec_T", {{"HR@10", 0.0507}, {"NDCG@20", 0.0358}})};
  const MarkedTable marked = beside_published(1, rows);
  ASSERT_EQ(marked.table.rows.size(), 16U);
  EXPECT_THAT(marked.table.rows[8],
              ElementsAre("SASRec_T", "paper", ".0916", ".0490", ".1343", ".0598"));
  EXPECT_THAT(marked.table.rows[9],
              ElementsAre("SASRec_T", "mini world", ".0507", "-", "-", ".0358"));
  EXPECT_EQ(marked.kinds[8], RowKind::kPublished);
  EXPECT_EQ(marked.kinds[9], RowKind::kOurs);
  EXPECT_TRUE(marked.second_below_first);
}

TEST(BesidePublished, PutsNewRowsLastAndMarksControls) {
  OwnRow control = own("random", {{"Acc", 0.5}});
  control.is_control = true;
  const MarkedTable marked = beside_published(6, std::vector<OwnRow>{control});
  EXPECT_THAT(marked.table.rows.back(), ElementsAre("random", "mini world", ".500", "-", "-", "-"));
  EXPECT_EQ(marked.kinds.back(), RowKind::kControl);
}

TEST(BesidePublished, SaysWhatDataAndProtocolItsNumbersHave) {
  const MarkedTable marked = beside_published(1, std::vector<OwnRow>{own("SASRec", {})});
  EXPECT_THAT(marked.table.notes, Contains(HasSubstr("full ranking")));
  EXPECT_THAT(marked.table.notes, Contains(HasSubstr("MicroLens-100K")));
}

TEST(OwnTable, ShowsOurRowsOnlyInThePapersOrder) {
  const std::vector<OwnRow> rows = {
      own("pop", {}), own("full", {{"HR@10", 0.2}}), own("baseline", {{"HR@10", 0.1}})};
  const MarkedTable marked = own_table(5, rows);
  ASSERT_EQ(marked.table.rows.size(), 3U);
  EXPECT_EQ(marked.table.rows[0][0], "baseline");
  EXPECT_EQ(marked.table.rows[1][0], "full");
  EXPECT_EQ(marked.table.rows[2][0], "pop");
}

TEST(OwnTable, PrintsIntervalsAndDeviations) {
  const std::vector<OwnRow> rows = {
      own("full",
          {{"Acc", 0.715, metrics::Interval{0.6862, 0.7421}},
           {.column = "F1", .value = 1.0, .interval = std::nullopt, .std = 0.0124}})};
  EXPECT_THAT(
      own_table(6, rows).table.rows[0],
      ElementsAre("full", "mini world", ".715 [.686, .742]", "1.000 \xC2\xB1 .012", "-", "-"));
}

TEST(OwnTable, RefusesRowsOfDifferentProtocols) {
  std::vector<OwnRow> rows = {own("SASRec", {}), own("MMGCN", {})};
  rows[1].protocol = "100 sampled negatives";
  EXPECT_THAT([&] { (void)own_table(1, rows); },
              ThrowsMessage<DataError>(::testing::AllOf(
                  HasSubstr("SASRec"), HasSubstr("MMGCN"), HasSubstr("100 sampled negatives"))));
  EXPECT_THROW((void)beside_published(1, rows), DataError);
}

TEST(OwnTable, TakesTheSameRowOnOtherDataButNotTwiceOnTheSame) {
  std::vector<OwnRow> rows = {own("SASRec", {}), own("SASRec", {})};
  EXPECT_THROW((void)own_table(1, rows), DataError);
  rows[1].data = "MicroLens-50K";
  EXPECT_EQ(own_table(1, rows).table.rows.size(), 2U);
}

TEST(OwnTable, RefusesNumbersOfUnknownOrigin) {
  std::vector<OwnRow> rows = {own("SASRec", {})};
  rows[0].data = "";
  EXPECT_THAT([&] { (void)own_table(1, rows); },
              ThrowsMessage<DataError>(HasSubstr("row 'SASRec': its data is not named")));
  rows[0] = own("SASRec", {});
  rows[0].protocol = "";
  EXPECT_THROW((void)own_table(1, rows), DataError);
}

TEST(OwnTable, RefusesUnknownColumnsAndWhatIsNoFraction) {
  const std::vector<std::vector<OwnValue>> wrong = {{{"HR@5", 0.1}},
                                                    {{"HR@10", 9.94}},
                                                    {{"HR@10", std::nan("")}},
                                                    {{"HR@10", -0.1}},
                                                    {{"HR@10", 0.1}, {"HR@10", 0.2}}};
  for (const auto& values : wrong) {
    EXPECT_THAT([&] { (void)own_table(1, std::vector<OwnRow>{own("SASRec", values)}); },
                ThrowsMessage<DataError>(HasSubstr(values[0].column)));
  }
}

}  // namespace
}  // namespace vragent::report

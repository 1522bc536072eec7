// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/formats/interaction_reader.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::data::formats {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class InteractionFile : public ::testing::Test {
 protected:
  Interactions load(const std::string& content, const ReadConfig& config = {}) {
    write_file(path_, content);
    return load_interactions(path_, config);
  }

  std::string error_of(const std::string& content, const ReadConfig& config = {}) {
    try {
      load(content, config);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  /// Ids of the items of a user, oldest first.
  static std::vector<std::string> items_of(const Interactions& data, std::size_t user = 0) {
    std::vector<std::string> items;
    for (const std::int32_t item : data.histories.at(user)) {
      items.push_back(data.item_ids.at(static_cast<std::size_t>(item)));
    }
    return items;
  }

  test::TempDir folder_;
  std::filesystem::path path_ = folder_ / "data.txt";
};

TEST_F(InteractionFile, OfMicroLensSurvivesCrlfByteOrderMarkAndAMissingLineEnd) {
  const Interactions data = load("\xEF\xBB\xBFu2\t10 9 100\r\n\r\nu1\t9 10");
  EXPECT_EQ(data.counts.format, "microlens-tsv");
  EXPECT_THAT(data.item_ids, ElementsAre("9", "10", "100")) << "in numeric order";
  EXPECT_THAT(data.user_ids, ElementsAre("u2", "u1"));
  EXPECT_THAT(data.histories[0], ElementsAre(1, 0, 2));
  EXPECT_THAT(data.histories[1], ElementsAre(0, 1));
  EXPECT_EQ(data.num_interactions(), 5);
}

TEST_F(InteractionFile, OfRowsIsSortedByTimeAndKeepsTheOrderOfTies) {
  const Interactions data =
      load("user,item,timestamp\r\n1,5,300\n2,6,1\n1,4,100\n1,9,300\n\"1\",8,200");
  EXPECT_EQ(data.counts.format, "csv");
  EXPECT_THAT(data.user_ids, ElementsAre("1", "2"));
  EXPECT_THAT(items_of(data), ElementsAre("4", "8", "5", "9"));
}

TEST_F(InteractionFile, OfCsvFindsItsColumnsByNameOrAsTold) {
  const std::string rows = "ann,7,x,2020-02-01\nann,8,x,2019-12-31 10:00\n";
  EXPECT_THAT(items_of(load("userId,movieId,note,Date\n" + rows)), ElementsAre("8", "7"));
  EXPECT_THAT(items_of(load("who,what,note,when\n" + rows,
                            {.columns = {"user=who", "item=what", "timestamp=when"}})),
              ElementsAre("8", "7"));
  EXPECT_THAT(error_of("who,item,note,when\n" + rows, {.format = "csv"}),
              HasSubstr("--columns user=NAME"));
  EXPECT_THAT(error_of("user,uid,item,when\n" + rows), HasSubstr("user and uid both could be"));
  EXPECT_THAT(error_of("user,item,note,when\n" + rows, {.columns = {"timestamp=at"}}),
              HasSubstr("data.txt:1: no column at; the columns are user, item, note, when"));
  EXPECT_THAT(error_of("x", {.columns = {"who=1"}}), StartsWith("--columns must be user=NAME"));
}

TEST_F(InteractionFile, OfRecBoleHasATypedHeader) {
  const Interactions data = load(
      "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
      "a\tx\t5\t8.5e8\na\ty\t2\t8e8\nb\tx\t4\t1\n",
      {.min_rating = 4});
  EXPECT_EQ(data.counts.format, "recbole");
  EXPECT_THAT(items_of(data), ElementsAre("x"));
  EXPECT_EQ(data.counts.rows, 3);
  EXPECT_EQ(data.counts.low_rated, 1);
}

TEST_F(InteractionFile, OfMovieLensIsKnownByItsSeparator) {
  const Interactions large = load("1::1193::5::978300760\n1::661::3::978302109\n");
  EXPECT_EQ(large.counts.format, "movielens-1m");
  EXPECT_THAT(items_of(large), ElementsAre("1193", "661"));
  const Interactions small = load("196\t242\t3\t881250949\n196\t302\t3\t881250940\n");
  EXPECT_EQ(small.counts.format, "movielens-100k");
  EXPECT_THAT(items_of(small), ElementsAre("302", "242"));
}

TEST_F(InteractionFile, OfSteamIsReadPackedAndPlain) {
  // Two lines as gzip packs them: {u'username': u'ann', u'product_id': u'70', u'date': ...
  const std::string packed(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xab\x2e\x55\x2f\x2d\x4e\x2d\xca\x4b\xcc"
      "\x4d\x55\xb7\x52\x28\x55\x4f\xcc\xcb\x53\xd7\x01\xd2\x05\x45\xf9\x29\xa5\xc9\x25"
      "\xf1\x99\x29\x60\x61\x73\x03\xb0\x68\x4a\x62\x09\x44\x99\x91\x81\xa1\xb9\xae\xa1"
      "\x91\xae\xa1\xb9\x7a\x2d\x57\x35\x71\x66\x58\x60\x18\x61\xa6\x6b\x60\xa8\x6b\x60"
      "\x04\x34\x02\x00\xe6\x59\x67\xd6\x87\x00\x00\x00",
      92);
  const Interactions data = load(packed);
  EXPECT_EQ(data.counts.format, "steam");
  EXPECT_THAT(data.user_ids, ElementsAre("ann"));
  EXPECT_THAT(items_of(data), ElementsAre("8", "70")) << "by date";
  EXPECT_THAT(
      items_of(load("{'username': \"o'b\", 'product_id': 7, 'hours': 1.5, 'more': [{}]}\n")),
      ElementsAre("7"));
}

TEST_F(InteractionFile, OfJsonLinesIsReadLikeCsv) {
  const Interactions data = load(
      "{\"reviewerID\":\"A\",\"asin\":\"B1\",\"overall\":5.0,\"unixReviewTime\":20}\n"
      "{\"unixReviewTime\":10,\"asin\":\"B2\",\"reviewerID\":\"A\",\"overall\":1}\n");
  EXPECT_EQ(data.counts.format, "jsonl");
  EXPECT_THAT(items_of(data), ElementsAre("B2", "B1"));
}

TEST_F(InteractionFile, OfSequencesAndPairsIsToldApartByRepeatedUsers) {
  EXPECT_EQ(load("1 5 6\n2 7\n").counts.format, "sequences");
  const Interactions pairs = load("1 6\n1 5\n2 6\n");
  EXPECT_EQ(pairs.counts.format, "pairs");
  EXPECT_THAT(items_of(pairs), ElementsAre("6", "5"));
  EXPECT_THAT(error_of("1 6\n2 5\n"), HasSubstr("--format pairs or --format sequences"));
  EXPECT_EQ(load("1 6\n2 5\n", {.format = "pairs"}).num_interactions(), 2);
}

TEST_F(InteractionFile, WithABadSequenceIsRefusedWithPathAndLine) {
  EXPECT_THAT(error_of("1\t5 6\n1\t7\n"), HasSubstr("data.txt:2: user 1 is there twice"));
  EXPECT_THAT(error_of("1\t5 6\n2\t \n"), HasSubstr("data.txt:2: user 2 has no items"));
  EXPECT_THAT(error_of("1\t5 7\nno tab\n"), HasSubstr("data.txt:2: expected \"user TAB item"));
  EXPECT_THAT(error_of("1 2\n1 2 3\n", {.format = "pairs"}), HasSubstr("data.txt:2: expected"));
}

TEST_F(InteractionFile, WithABadRowIsRefusedWithPathAndLine) {
  const std::string header = "user,item,rating,timestamp\n";
  EXPECT_THAT(error_of(header + "1,2,3,x\n"), HasSubstr("data.txt:2: timestamp \"x\""));
  EXPECT_THAT(error_of(header + "1,2,3,4\n1,3,good,4\n"), HasSubstr("data.txt:3: rating \"good\""));
  EXPECT_THAT(error_of(header + "1,2,3\n"), HasSubstr("data.txt:2: 3 fields, expected 4"));
  EXPECT_THAT(error_of(header + ",2,3,4\n"), HasSubstr("data.txt:2: the user is empty"));
  EXPECT_THAT(error_of(header + "1,,3,4\n"), HasSubstr("data.txt:2: the item is empty"));
  EXPECT_THAT(error_of(header + "1,\"2,3,4\n"), HasSubstr("data.txt:2: "));
  EXPECT_THAT(error_of("1::2::3::4\n1::b::3::4\n"),
              HasSubstr("data.txt:2: item id \"b\" is not a whole number"));
  EXPECT_THAT(error_of("1\t2\t3\t4\nx\t2\t3\t4\n"),
              HasSubstr("data.txt:2: user id \"x\" is not a whole number"));
  EXPECT_THAT(error_of("{'username': 'a', 'product_id': '1'}\n{'username': 'a', 'prod"),
              HasSubstr("data.txt:2: column 24: a string is never closed"));
  EXPECT_THAT(error_of("{'username': 'a', 'product_id': '1'}\n{'username': 'a'}\n"),
              HasSubstr("data.txt:2: \"product_id\": missing"));
  EXPECT_THAT(error_of(std::string("1\t5 6\n2\t\0 7\n", 12)), HasSubstr("data.txt:2: a NUL byte"));
}

TEST_F(InteractionFile, WithAnIdThatIsNotUtf8IsRefusedInEveryFormat) {
  EXPECT_THAT(error_of("1\t5 6\n\xFFz\t7 8\n"), HasSubstr("data.txt:2: user id \""));
  EXPECT_THAT(error_of("1 5 6\n2 7 \xFEz\n"), HasSubstr("data.txt:2: item id \""));
  EXPECT_THAT(error_of("1 6\n1 5\n2 \xFE\n"), HasSubstr("data.txt:3: item id \""));
  EXPECT_THAT(error_of("user,item\n1,6\n\xFF,7\n"), HasSubstr("data.txt:3: user id \""));
  EXPECT_THAT(error_of("{'username': 'a', 'product_id': '\xFF'}\n"),
              HasSubstr("data.txt:1: item id \""));
}

TEST_F(InteractionFile, OfMicroLensWithANegativeItemAmongNumbersIsRefused) {
  std::string items = "1\t0";
  for (int item = 1; item < 100; ++item) items += " " + std::to_string(item);
  EXPECT_THAT(error_of(items + "\n2\t5 -7\n"), HasSubstr("data.txt:2: item \"-7\" is not a"));
}

TEST_F(InteractionFile, ThatIsNoneIsRefused) {
  EXPECT_THAT(error_of("a;b;c\n"), HasSubstr("data.txt:1: no format fits"));
  EXPECT_THAT(error_of("word\n"), HasSubstr("data.txt:1: no format fits"));
  EXPECT_THAT(error_of(""), HasSubstr("no interactions"));
  EXPECT_THAT(error_of("user,item,timestamp\n"), HasSubstr("no interactions"));
  EXPECT_THAT(error_of("1\t5\n", {.format = "excel"}), StartsWith("--format must be one of"));
  EXPECT_THAT(error_of("1\t5 6\n", {.min_rating = 3}), HasSubstr("has no ratings"));
}

TEST_F(InteractionFile, WithALineOfAGigabyteIsRefusedBeforeItFillsTheMemory) {
  write_file(path_, "1\t5 6\n2\t7 8");
  std::filesystem::resize_file(path_, std::uintmax_t{1} << 30U);
  try {
    load_interactions(path_);
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("data.txt:2: line longer than 64 MiB"));
  }
}

TEST_F(InteractionFile, IsCounted) {
  const Interactions data = load("user,item\n1,5\n1,6\n2,5\n1,5\n");
  EXPECT_EQ(to_line(counts_of(data)),
            "users=2 items=2 interactions=3 rows=4 low_rated=0 duplicates=1 outside_core=0");
  EXPECT_EQ(data.sparsity(), 0.25);
}

TEST_F(InteractionFile, SaysInWhichLineAnItemStandsFirst) {
  write_file(path_, "1\t5 6 7\n\n2\t9 7 8 4\n3\t4 9 8\n");
  const Sequences sequences = load_sequences(path_, {}, {.min_len = 3});
  EXPECT_THAT(sequences.item_ids, ElementsAre("", "4", "5", "6", "7", "8", "9"));
  EXPECT_THAT(sequences.item_lines, ElementsAre(0, 3, 1, 1, 1, 3, 3));
}

TEST_F(InteractionFile, NeedsAUserWithEnoughItems) {
  write_file(path_, "1\t5 6 7\n2\t5 6 7 8\n");
  EXPECT_EQ(load_sequences(path_, {}, {.min_len = 4}).num_users(), 1);
  try {
    load_sequences(path_, {}, {});
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("data.txt: no user has --min-len 5 interactions"));
  }
}

}  // namespace
}  // namespace vragent::data::formats

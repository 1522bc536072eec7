// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/formats/item_reader.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::data::formats {
namespace {

using ::testing::HasSubstr;

class ItemFile : public ::testing::Test {
 protected:
  Catalogue load(const std::string& content) {
    write_file(path_, content);
    return load_items(path_);
  }

  std::string error_of(const std::string& content) {
    try {
      load(content);
    } catch (const DataError& error) {
      return error.what();
    }
    return "no error";
  }

  test::TempDir folder_;
  std::filesystem::path path_ = folder_ / "titles.csv";
};

TEST_F(ItemFile, AreReadFromCsvWithAndWithoutAHeader) {
  EXPECT_EQ(load("item,title\n7,a cat\n").find("7")->title, "a cat");
  const Catalogue catalogue = load("7,a cat\n3,a dog\n");
  ASSERT_EQ(catalogue.items.size(), 2U);
  EXPECT_EQ(catalogue.items[0].id, "7") << "file order is kept";
  EXPECT_EQ(catalogue.index_of.at("3"), 1);
}

TEST_F(ItemFile, SurviveQuotesCommasCrlfAndAByteOrderMark) {
  const Catalogue catalogue = load(
      "\xEF\xBB\xBFitem,title\r\n1,\"one, two\"\r\n2,\"she said \"\"hi\"\"\"\r\n3,a, b, "
      "c\r\n4,\r\n");
  EXPECT_EQ(catalogue.find("1")->title, "one, two");
  EXPECT_EQ(catalogue.find("2")->title, "she said \"hi\"");
  EXPECT_EQ(catalogue.find("3")->title, "a, b, c");
  EXPECT_EQ(catalogue.find("4")->title, "");
}

TEST_F(ItemFile, KeepQuotesThatAreNotCsvQuotes) {
  const Catalogue catalogue =
      load("1,\"Hello\" he said\n2,\"open\n3,say \"x\" twice\n4,\"a\" or \"b\"\n");
  EXPECT_EQ(catalogue.find("1")->title, "\"Hello\" he said");
  EXPECT_EQ(catalogue.find("2")->title, "\"open");
  EXPECT_EQ(catalogue.find("3")->title, "say \"x\" twice");
  EXPECT_EQ(catalogue.find("4")->title, "\"a\" or \"b\"");
}

TEST_F(ItemFile, JoinATitleThatBreaksItsLineInsideQuotes) {
  const Catalogue catalogue = load("1,\"first\nsecond, third\"\n2,next\n");
  EXPECT_EQ(catalogue.find("1")->title, "first\nsecond, third");
  EXPECT_EQ(catalogue.find("2")->title, "next");
}

TEST_F(ItemFile, AStrayQuoteDoesNotSwallowTheRecordsBelow) {
  const Catalogue catalogue = load("1,\"never closed\n2,\"closed\"\n3,\"again\n");
  ASSERT_EQ(catalogue.items.size(), 3U);
  EXPECT_EQ(catalogue.find("1")->title, "\"never closed");
  EXPECT_EQ(catalogue.find("2")->title, "closed");
}

TEST_F(ItemFile, AreReadFromJsonLinesWithCaptionsOfRowsThatAreOk) {
  const Catalogue catalogue = load(
      "{\"item_id\":\"5\",\"title\":\"t\",\"caption\":\"c\",\"status\":\"ok\"}\n"
      "{\"item_id\":6,\"title\":\"u\",\"caption\":\"half\",\"status\":\"error\"}\n");
  EXPECT_EQ(catalogue.find("5")->text(), "c");
  EXPECT_EQ(catalogue.find("6")->caption, "");
  EXPECT_EQ(catalogue.find("6")->text(), "u");
  EXPECT_EQ(catalogue.find("7"), nullptr);
}

TEST_F(ItemFile, AreRefusedWithPathAndLine) {
  EXPECT_THAT(error_of("1,a\n1,b\n"), HasSubstr("titles.csv:2: duplicate item 1"));
  EXPECT_THAT(error_of("1,a\nnocomma\n"), HasSubstr("titles.csv:2: expected"));
  EXPECT_THAT(error_of("item,title\n,b\n"), HasSubstr("titles.csv:2: empty item id"));
  EXPECT_THAT(error_of("{\"item_id\":\"1\"}\n{\"item_id\":\n"),
              HasSubstr("titles.csv:2: not JSON"));
  EXPECT_THAT(error_of("{\"title\":\"1\"}\n"), HasSubstr("titles.csv:1: \"item_id\": missing"));
  EXPECT_THAT(error_of("\n\n"), HasSubstr("no items in it"));
}

TEST_F(ItemFile, WithALineOfAGigabyteAreRefusedBeforeItFillsTheMemory) {
  for (const char* begin : {"1,a\n2,b", "1,a\n2,\"b", "{\"item_id\": \"1\"}\n{\"item_id\": \"2"}) {
    write_file(path_, begin);
    std::filesystem::resize_file(path_, std::uintmax_t{1} << 30U);
    try {
      load_items(path_);
      ADD_FAILURE() << "no error: " << begin;
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr("titles.csv:2: line longer than 64 MiB")) << begin;
    }
  }
}

TEST_F(ItemFile, ThatAreNotThereAreExitCode66) {
  try {
    load_items(folder_ / "absent.csv");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kNoInput);
  }
}

TEST_F(ItemFile, OfRecBoleHasATypedHeader) {
  const Catalogue catalogue =
      load("item_id:token\tmovie_title:token_seq\trelease_year:token\n1\tToy Story\t1995\n");
  EXPECT_EQ(catalogue.find("1")->title, "Toy Story");
  EXPECT_EQ(load("item_id:token\tyear:token\tnote:token_seq\n1\t1995\ta b\n").find("1")->title,
            "a b");
  EXPECT_THAT(error_of("item_id:token\tyear:token\n1\t1995\n"),
              HasSubstr("titles.csv:1: no column"));
  EXPECT_THAT(error_of("item_id:token\ttitle:token_seq\n1\n"),
              HasSubstr("titles.csv:2: 1 fields, the header has 2"));
}

TEST_F(ItemFile, OfMovieLensIsReadInLatin1) {
  const Catalogue large = load("1::Toy Story (1995)::Animation|Comedy\n2::L\xE9on: X::Crime\n");
  EXPECT_EQ(large.find("1")->title, "Toy Story (1995)");
  EXPECT_EQ(large.find("2")->title, "L\xC3\xA9on: X");
  const std::string flags = "|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0";
  const Catalogue small = load("1|Toy Story (1995)|01-Jan-1995||http://x" + flags + "\n");
  EXPECT_EQ(small.find("1")->title, "Toy Story (1995)");
  EXPECT_THAT(error_of("1::A::B\n2::only\n"), HasSubstr("titles.csv:2: expected item::title::"));
  EXPECT_THAT(error_of("1::A::B\n:\n"), HasSubstr("titles.csv:2: expected item::title::"));
}

TEST_F(ItemFile, OfSteamLeavesGamesWithoutAnIdOut) {
  const Catalogue catalogue = load(
      "{u'app_name': u'Game \\xe9', u'id': u'7', u'tags': [u'a']}\n"
      "{u'title': u'No id'}\n{u'title': u'Again', u'id': 7}\n{'title': 'Other', 'id': '8'}\n");
  ASSERT_EQ(catalogue.items.size(), 2U);
  EXPECT_EQ(catalogue.find("7")->title, "Game \xC3\xA9");
  EXPECT_EQ(catalogue.find("8")->title, "Other");
}

TEST_F(ItemFile, OfManyColumnsIsReadByTheirNames) {
  const Catalogue catalogue =
      load("movieId,title,genres\n1,\"Heat, the (1995)\",Action|Crime\n2,Jumanji,Children\n");
  EXPECT_EQ(catalogue.find("1")->title, "Heat, the (1995)");
  EXPECT_EQ(catalogue.find("2")->title, "Jumanji");
  EXPECT_EQ(load("title\titem_id\tyear\nHeat\t1\t1995\n").find("1")->title, "Heat");
  EXPECT_THAT(error_of("movieId,title,genres\n1,Heat\n"),
              HasSubstr("titles.csv:2: 2 fields, the header has 3"));
}

TEST_F(ItemFile, OfTabsKeepsCommasInTitles) {
  EXPECT_EQ(load("item\ttitle\n1\ta, b\n").find("1")->title, "a, b");
  EXPECT_THAT(error_of("1\ta\n2,b\n"), HasSubstr("titles.csv:2: expected \"item TAB title\""));
}

}  // namespace
}  // namespace vragent::data::formats

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/items.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/shared_data.h"
#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::data {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Items : public ::testing::Test {
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

TEST_F(Items, AreReadFromCsvWithAndWithoutAHeader) {
  EXPECT_EQ(load("item,title\n7,a cat\n").find("7")->title, "a cat");
  const Catalogue catalogue = load("7,a cat\n3,a dog\n");
  ASSERT_EQ(catalogue.items.size(), 2U);
  EXPECT_EQ(catalogue.items[0].id, "7") << "file order is kept";
  EXPECT_EQ(catalogue.index_of.at("3"), 1);
}

TEST_F(Items, SurviveQuotesCommasCrlfAndAByteOrderMark) {
  const Catalogue catalogue = load(
      "\xEF\xBB\xBFitem,title\r\n1,\"one, two\"\r\n2,\"she said \"\"hi\"\"\"\r\n3,a, b, "
      "c\r\n4,\r\n");
  EXPECT_EQ(catalogue.find("1")->title, "one, two");
  EXPECT_EQ(catalogue.find("2")->title, "she said \"hi\"");
  EXPECT_EQ(catalogue.find("3")->title, "a, b, c");
  EXPECT_EQ(catalogue.find("4")->title, "");
}

TEST_F(Items, KeepQuotesThatAreNotCsvQuotes) {
  const Catalogue catalogue =
      load("1,\"Hello\" he said\n2,\"open\n3,say \"x\" twice\n4,\"a\" or \"b\"\n");
  EXPECT_EQ(catalogue.find("1")->title, "\"Hello\" he said");
  EXPECT_EQ(catalogue.find("2")->title, "\"open");
  EXPECT_EQ(catalogue.find("3")->title, "say \"x\" twice");
  EXPECT_EQ(catalogue.find("4")->title, "\"a\" or \"b\"");
}

TEST_F(Items, JoinATitleThatBreaksItsLineInsideQuotes) {
  const Catalogue catalogue = load("1,\"first\nsecond, third\"\n2,next\n");
  EXPECT_EQ(catalogue.find("1")->title, "first\nsecond, third");
  EXPECT_EQ(catalogue.find("2")->title, "next");
}

TEST_F(Items, AStrayQuoteDoesNotSwallowTheRecordsBelow) {
  const Catalogue catalogue = load("1,\"never closed\n2,\"closed\"\n3,\"again\n");
  ASSERT_EQ(catalogue.items.size(), 3U);
  EXPECT_EQ(catalogue.find("1")->title, "\"never closed");
  EXPECT_EQ(catalogue.find("2")->title, "closed");
}

TEST_F(Items, AreReadFromJsonLinesWithCaptionsOfRowsThatAreOk) {
  const Catalogue catalogue = load(
      "{\"item_id\":\"5\",\"title\":\"t\",\"caption\":\"c\",\"status\":\"ok\"}\n"
      "{\"item_id\":6,\"title\":\"u\",\"caption\":\"half\",\"status\":\"error\"}\n");
  EXPECT_EQ(catalogue.find("5")->text(), "c");
  EXPECT_EQ(catalogue.find("6")->caption, "");
  EXPECT_EQ(catalogue.find("6")->text(), "u");
  EXPECT_EQ(catalogue.find("7"), nullptr);
}

TEST_F(Items, AreRefusedWithPathAndLine) {
  EXPECT_THAT(error_of("1,a\n1,b\n"), HasSubstr("titles.csv:2: duplicate item 1"));
  EXPECT_THAT(error_of("1,a\nnocomma\n"), HasSubstr("titles.csv:2: expected"));
  EXPECT_THAT(error_of("item,title\n,b\n"), HasSubstr("titles.csv:2: empty item id"));
  EXPECT_THAT(error_of("{\"item_id\":\"1\"}\n{\"item_id\":\n"),
              HasSubstr("titles.csv:2: not JSON"));
  EXPECT_THAT(error_of("{\"title\":\"1\"}\n"), HasSubstr("titles.csv:1: \"item_id\": missing"));
  EXPECT_THAT(error_of("\n\n"), HasSubstr("no items in it"));
}

TEST_F(Items, ThatAreNotThereAreExitCode66) {
  try {
    load_items(folder_ / "absent.csv");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kNoInput);
  }
}

TEST_F(Items, GetCaptionsFromACaptionsFileAndUnknownItemsAreAdded) {
  Catalogue catalogue = load("1,one\n2,two\n");
  write_file(
      folder_ / "captions.jsonl",
      "{\"item_id\":\"1\",\"status\":\"ok\",\"title\":\"one\",\"caption\":\"cap one\"}\n"
      "{\"item_id\":\"2\",\"status\":\"error\",\"title\":\"two\",\"caption\":\"\"}\n"
      "{\"item_id\":\"3\",\"status\":\"ok\",\"title\":\"three\",\"caption\":\"cap three\"}\n");
  EXPECT_EQ(add_captions(catalogue, folder_ / "captions.jsonl"), 2);
  EXPECT_EQ(catalogue.find("1")->text(), "cap one");
  EXPECT_EQ(catalogue.find("2")->text(), "two");
  EXPECT_EQ(catalogue.find("3")->text(), "cap three");
}

TEST_F(Items, CommentsSplitAtTheFirstTwoTabsOnlyAndTheLastOneWins) {
  write_file(path_, "u1\t7\tfirst\r\nu1\t7\tsecond\twith a tab\r\nu2\t7\t\r\n");
  const Comments comments = Comments::load(path_);
  EXPECT_EQ(comments.find("u1", "7"), "second\twith a tab");
  EXPECT_EQ(comments.find("u2", "7"), "");
  EXPECT_EQ(comments.find("u3", "7"), "");
  EXPECT_EQ(comments.size(), 2U);
  write_file(path_, "u1\t7\tok\nu1 7 no tabs\n");
  try {
    Comments::load(path_);
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("titles.csv:2: "));
  }
}

TEST(MicroLensTitles, AreReadCompletely) {
  const auto path = test::shared_data("data/microlens-50k/MicroLens-50k_titles.csv");
  if (!path) GTEST_SKIP() << "data/microlens-50k is not among the shared test data";
  const Catalogue catalogue = load_items(*path);
  ASSERT_EQ(catalogue.items.size(), 19'220U);
  EXPECT_THAT(catalogue.find("1")->title, StartsWith("Gu long song gaga bad, even three"));
  EXPECT_EQ(catalogue.find("14")->title, "What kind of bobo is this? I hit it this far...");
  for (const Item& item : catalogue.items) EXPECT_FALSE(item.title.empty()) << item.id;
}

}  // namespace
}  // namespace vragent::data

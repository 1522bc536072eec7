// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/items.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::data {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class Items : public ::testing::Test {
 protected:
  test::TempDir folder_;
  std::filesystem::path path_ = folder_ / "titles.csv";
};

TEST_F(Items, GetCaptionsFromACaptionsFileAndUnknownItemsAreAdded) {
  Catalogue catalogue;
  catalogue.add({.id = "1", .title = "one", .caption = {}}, "here");
  catalogue.add({.id = "2", .title = "two", .caption = {}}, "here");
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

TEST_F(Items, WithACaptionOrTitleOfWhiteSpaceHaveNone) {
  EXPECT_EQ((Item{.id = "1", .title = "one", .caption = " \t"}).text(), "one");
  EXPECT_EQ((Item{.id = "1", .title = "  ", .caption = {}}).text(), "");
  EXPECT_EQ((Item{.id = "1", .title = " one ", .caption = {}}).text(), " one ");
  Catalogue catalogue;
  write_file(folder_ / "captions.jsonl",
             "{\"item_id\":\"1\",\"title\":\"one\",\"caption\":\"  \"}\n");
  EXPECT_EQ(add_captions(catalogue, folder_ / "captions.jsonl"), 0);
  EXPECT_EQ(catalogue.find("1")->caption, "");
}

TEST_F(Items, ThatACaptionsFileHasTwiceAreRefused) {
  const std::string good = R"({"item_id":"1","status":"ok","caption":"red"})";
  for (const char* again : {R"({"item_id":"1","status":"ok","caption":"blue"})",
                            R"({"item_id":"1","status":"error","caption":""})"}) {
    write_file(folder_ / "captions.jsonl", good + "\n" + again + "\n");
    Catalogue catalogue;
    catalogue.add({.id = "1", .title = "one", .caption = {}}, "here");
    EXPECT_THAT([&] { add_captions(catalogue, folder_ / "captions.jsonl"); },
                ThrowsMessage<DataError>(HasSubstr("captions.jsonl:2: item 1 is there twice")));
  }
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

TEST_F(Items, HaveLikesAndViews) {
  write_file(path_, "7\t12\t3400\r\n8\t0\t1");
  const auto likes = load_likes(path_);
  EXPECT_EQ(likes.at("7").likes, 12);
  EXPECT_EQ(likes.at("7").views, 3400);
  for (const char* bad : {"7\t1\t2\n8\t1\n",
                          "7\t1\t2\n8\tx\t1\n",
                          "7\t1\t2\n7\t1\t2\n",
                          "7\t1\t2\n8\t-1\t1\n",
                          "7\t1\t2\n\t1\t1\n"}) {
    write_file(path_, bad);
    EXPECT_THAT([&] { load_likes(path_); }, ThrowsMessage<DataError>(HasSubstr("titles.csv:2: ")))
        << bad;
  }
}

}  // namespace
}  // namespace vragent::data

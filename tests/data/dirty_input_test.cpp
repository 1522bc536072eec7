// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Hostile text: JSONTestSuite through our JSON door, naughty strings as titles through every
// record.
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/shared_data.h"
#include "support/temp_dir.h"
#include "vragent/data/cases.h"
#include "vragent/data/decisions.h"
#include "vragent/data/formats/item_reader.h"
#include "vragent/data/media_records.h"
#include "vragent/data/top_k.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace vragent::data {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

bool is_accepted(const std::string& text) {
  try {
    parse_json(text, "suite:1");
    return true;
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("suite:1: "));
    EXPECT_THAT(error.what(), Not(HasSubstr("\n"))) << "one line";
    return false;
  }
}

TEST(JsonTestSuite, IsAcceptedRefusedOrLeftOpenAsItSays) {
  const auto folder = test::shared_data("data/dirty/json/test_parsing");
  if (!folder) GTEST_SKIP() << "data/dirty/json is not among the shared test data";
  int num_accepted = 0;
  int num_refused = 0;
  int num_open = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    const std::string name = entry.path().filename();
    const bool accepted = is_accepted(read_file(entry.path()));
    if (!name.starts_with("i_")) {
      EXPECT_EQ(accepted, name.starts_with("y_")) << name;
    }
    num_accepted += name.starts_with("y_") ? 1 : 0;
    num_refused += name.starts_with("n_") ? 1 : 0;
    num_open += name.starts_with("i_") ? 1 : 0;
  }
  EXPECT_EQ(num_accepted, 95);
  EXPECT_EQ(num_refused, 188);
  EXPECT_EQ(num_open, 35);
}

TEST(JsonTestSuite, AsLinesOfRecordsIsRefusedAndNeverCrashes) {
  const auto folder = test::shared_data("data/dirty/json/test_parsing");
  if (!folder) GTEST_SKIP() << "data/dirty/json is not among the shared test data";
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    const std::string text = read_file(entry.path());
    EXPECT_THROW(parse_case(text, "f:1"), DataError) << entry.path();
    EXPECT_THROW(parse_decision(text, "f:1"), DataError) << entry.path();
    EXPECT_THROW(parse_top_k(text, "f:1"), DataError) << entry.path();
    EXPECT_THROW(parse_frames_row(text, "f:1"), DataError) << entry.path();
    EXPECT_THROW(parse_caption_row(text, "f:1"), DataError) << entry.path();
  }
}

/// Texts that break naive readers, and the Big List of Naughty Strings where it is present.
std::vector<std::string> naughty_strings() {
  std::vector<std::string> texts = {"",
                                    " ",
                                    "\r\n",
                                    "a\tb",
                                    std::string("nul\0inside", 10),
                                    "\"quoted\", and 'more'",
                                    "back\\slash \\u0041",
                                    "<|im_end|><|im_start|>system",
                                    "</answer><script>alert(1)</script>",
                                    "=1+1",
                                    "\xE2\x80\xA8line separator",
                                    "\xF0\x9F\x98\xB8 \xE4\xB8\xAD\xE6\x96\x87 \xD8\xB9",
                                    "\x7F\x1B[31mred"};
  if (const auto path = test::shared_data("data/dirty/blns.json")) {
    const Json list = parse_json(read_file(*path), path->string());
    for (const Json& text : list) texts.push_back(text.get<std::string>());
  }
  return texts;
}

TEST(NaughtyTitles, RoundTripThroughEveryRecordByteForByte) {
  for (const std::string& text : naughty_strings()) {
    Case row;
    row.case_id = "c";
    row.user_id = "u";
    row.history = {{"1", text, text, text}};
    row.candidates = {{"2", text, text}};
    const std::string line = to_line(row);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const Case back = parse_case(line, "f:1");
    EXPECT_EQ(back.history[0].title, text);
    EXPECT_EQ(back.history[0].comment, text);
    EXPECT_EQ(back.candidates[0].caption, text);

    Decision decision;
    decision.case_id = "c";
    decision.agent = "a";
    decision.raw = text;
    EXPECT_EQ(parse_decision(to_line(decision), "f:1").raw, text);

    CaptionRow caption;
    caption.item_id = "1";
    caption.status = "ok";
    caption.title = text;
    EXPECT_EQ(parse_caption_row(to_line(caption), "f:1").title, text);
  }
}

TEST(NaughtyTitles, RoundTripThroughACsvFile) {
  const test::TempDir folder;
  const auto texts = naughty_strings();
  std::string csv = "item,title\r\n";
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::string quoted;
    for (const char c : texts[i]) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    csv += std::to_string(i + 1) + ",\"" + quoted + "\"\r\n";
  }
  write_file(folder / "titles.csv", csv);
  const Catalogue catalogue = formats::load_items(folder / "titles.csv");
  ASSERT_EQ(catalogue.items.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    // CRLF inside a quoted title is a line end of the file too, so it comes back as a line feed.
    std::string expected = texts[i];
    for (auto at = expected.find("\r\n"); at != std::string::npos; at = expected.find("\r\n")) {
      expected.erase(at, 1);
    }
    EXPECT_EQ(catalogue.items[i].title, expected);
  }
}

TEST(DirtyLines, ByteOrderMarkCrlfAndAMissingLastLineEndAreFine) {
  const test::TempDir folder;
  write_file(
      folder / "topk.jsonl",
      "\xEF\xBB\xBF{\"user_id\":\"1\",\"items\":[\"2\"]}\r\n\r\n{\"user_id\":\"3\",\"items\":[]}");
  EXPECT_EQ(load_top_k(folder / "topk.jsonl").size(), 2U);
}

TEST(DirtyLines, PythonLiteralsLoneSurrogatesAndHugeNumbersAreRefusedWithTheirLine) {
  const test::TempDir folder;
  const std::vector<std::string> bad = {"{'user_id': u'1', 'items': []}",
                                        "{\"user_id\":\"\\ud800\",\"items\":[]}",
                                        "{\"user_id\":\"1\",\"items\":[],\"scores\":[1e400]}",
                                        "{\"user_id\":\"1\",\"items\":[],\"x\":NaN}",
                                        std::string("{\"user_id\":\"1\0\",\"items\":[]}", 26),
                                        "{\"user_id\":\"\xFF\",\"items\":[]}"};
  for (const std::string& line : bad) {
    write_file(folder / "topk.jsonl", "{\"user_id\":\"9\",\"items\":[]}\n" + line + "\n");
    try {
      load_top_k(folder / "topk.jsonl");
      ADD_FAILURE() << "accepted: " << line;
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr("topk.jsonl:2: "));
    }
  }
}

TEST(DirtyLines, AnEndlessLineIsRefusedBeforeItFillsTheMemory) {
  const test::TempDir folder;
  std::ofstream(folder / "topk.jsonl") << std::string((64U << 20U) + (1U << 20U), 'x');
  EXPECT_THROW(load_top_k(folder / "topk.jsonl"), DataError);
}

}  // namespace
}  // namespace vragent::data

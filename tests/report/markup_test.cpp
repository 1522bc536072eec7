// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/markup.h"

#include <string>

#include <gtest/gtest.h>

#include "support/shared_data.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace vragent::report {
namespace {

using namespace std::string_literals;

const std::string kUnknown = "\xEF\xBF\xBD";

TEST(Escaped, TurnsMarkupIntoReferences) {
  EXPECT_EQ(escaped("<a href=\"x\">'&amp;'</a>"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;amp;&#39;&lt;/a&gt;");
}

TEST(Escaped, KeepsTextOfAnyScript) {
  const std::string text = "na\xC3\xAFve \xE6\xBC\xA2\xE5\xAD\x97 \xF0\x9F\x98\xBA\tx\ny";
  EXPECT_EQ(escaped(text), text);
}

TEST(Escaped, ReplacesControlCharacters) {
  EXPECT_EQ(escaped("a\0b\x1B[31m\r\x7F"s),
            "a" + kUnknown + "b" + kUnknown + "[31m" + kUnknown + kUnknown);
  EXPECT_EQ(escaped("\xC2\x85"), kUnknown);
}

TEST(Escaped, ReplacesEveryByteOfInvalidUtf8) {
  EXPECT_EQ(escaped("\xC3"), kUnknown);                 // cut short
  EXPECT_EQ(escaped("\x80"), kUnknown);                 // continuation alone
  EXPECT_EQ(escaped("\xC0\xBC"), kUnknown + kUnknown);  // overlong '<'
  EXPECT_EQ(escaped("\xE0\x80\xBC"), kUnknown + kUnknown + kUnknown);
  EXPECT_EQ(escaped("\xED\xA0\x80"), kUnknown + kUnknown + kUnknown);  // surrogate
  EXPECT_EQ(escaped("\xF4\x90\x80\x80").size(), 4 * kUnknown.size());  // beyond U+10FFFF
  EXPECT_EQ(escaped("\xEF\xBF\xBF"), kUnknown);                        // no XML character
  EXPECT_EQ(escaped("\xC3<"), kUnknown + "&lt;");                      // the bad byte hides nothing
}

TEST(Escaped, LeavesNoMarkupInAnyNaughtyString) {
  const auto path = test::shared_data("data/dirty/blns.json");
  if (!path) GTEST_SKIP() << "no shared data (data/dirty/blns.json)";
  const Json strings = parse_json(read_file(*path), path->string());
  ASSERT_GT(strings.size(), 400U);
  for (const Json& string : strings) {
    EXPECT_EQ(escaped(string.get<std::string>()).find_first_of("<>\"'\r\x1B"), std::string::npos);
  }
}

TEST(FractionText, DropsTheLeadingZero) {
  EXPECT_EQ(fraction_text(0.715, 3), ".715");
  EXPECT_EQ(fraction_text(-0.02, 3), "-.020");
  EXPECT_EQ(fraction_text(1.0, 3), "1.000");
  EXPECT_EQ(fraction_text(12.5, 1), "12.5");
  EXPECT_EQ(fraction_text(0.0, 3), ".000");
  EXPECT_EQ(fraction_text(-0.0001, 3), ".000");
  EXPECT_EQ(fraction_text(0.4, 0), "0");
}

TEST(FractionText, AppendsTheInterval) {
  EXPECT_EQ(fraction_text(0.715, {0.6862, 0.7421}, 3), ".715 [.686, .742]");
}

}  // namespace
}  // namespace vragent::report

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "data/formats/python_literal.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/util/error.h"

namespace vragent::data::formats {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// The text of the only member of {'k': <value>}.
std::string text_of(const std::string& value) {
  const std::string line = "{'k': " + value + "}";
  const auto members = python_members(line, "f:1");
  EXPECT_EQ(members.size(), 1U);
  return python_text(members.at(0).value, "f:1").value_or("none");
}

TEST(PythonLiteral, ReadsTheValuesThatPythonPrints) {
  EXPECT_EQ(text_of("u'ann'"), "ann");
  EXPECT_EQ(text_of("\"it's\""), "it's");
  EXPECT_EQ(text_of("'it\\'s \\\\ \\n\\t'"), "it's \\ \n\t");
  EXPECT_EQ(text_of("12.3"), "12.3");
  EXPECT_EQ(text_of("-7L"), "-7");
  EXPECT_EQ(text_of("1e-05"), "1e-05");
  EXPECT_EQ(text_of("True"), "True");
  EXPECT_EQ(text_of("None"), "none");
  EXPECT_EQ(text_of("[1, ('a', {'b': 2}), {}]"), "none");
  EXPECT_EQ(text_of("''"), "");
}

TEST(PythonLiteral, DecodesEscapesToUtf8) {
  EXPECT_EQ(text_of("u'caf\\xe9'"), "caf\xC3\xA9");
  EXPECT_EQ(text_of("'\\u4e2d'"), "\xE4\xB8\xAD");
  EXPECT_EQ(text_of("'\\U0001f638'"), "\xF0\x9F\x98\xB8");
  EXPECT_EQ(text_of("u'\\ud83d\\ude38'"), "\xF0\x9F\x98\xB8") << "as narrow builds wrote it";
  EXPECT_EQ(text_of("'\\101\\q'"), "A\\q") << "an unknown escape stays";
  EXPECT_EQ(text_of("'\xE4\xB8\xAD'"), "\xE4\xB8\xAD");
}

TEST(PythonLiteral, FindsMembersWhateverTheSpaces) {
  const std::string line = " {'a':1 , \"b\" : 'x, y' ,} ";
  const auto members = python_members(line, "f:1");
  ASSERT_EQ(members.size(), 2U);
  EXPECT_EQ(members[1].key, "b");
  EXPECT_EQ(members[1].value, "'x, y'");
  EXPECT_TRUE(python_members("{}", "f:1").empty());
}

TEST(PythonLiteral, RefusesAnythingElseWithItsColumn) {
  for (const std::string line : {"",
                                 "{",
                                 "[1]",
                                 "{'a': 1",
                                 "{'a': 'x}",
                                 "{'a': 'x\\",
                                 "{'a' 1}",
                                 "{1: 'a'}",
                                 "{'a': 1 'b': 2}",
                                 "{'a': nan}",
                                 "{'a': __import__('os')}",
                                 "{'a': 1} {",
                                 "{'a': [1, 2}"}) {
    EXPECT_THAT([&] { python_members(line, "f:1"); },
                ThrowsMessage<DataError>(HasSubstr("f:1: column ")))
        << line;
  }
  const std::string deep = "{'a': " + std::string(100'000, '[') + "}";
  EXPECT_THAT([&] { python_members(deep, "f:1"); },
              ThrowsMessage<DataError>(HasSubstr("nested too deeply")));
}

TEST(PythonLiteral, RefusesEscapesThatStandForNoCharacter) {
  for (const char* text :
       {"'\\x4'", "'\\ud800'", "'\\ud800\\u0041'", "'\\U00110000'", "'\\N{DASH}'"}) {
    EXPECT_THROW(text_of(text), DataError) << text;
  }
}

}  // namespace
}  // namespace vragent::data::formats

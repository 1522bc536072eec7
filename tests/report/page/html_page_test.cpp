// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/page/html_page.h"

#include <regex>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/page/example_page.h"
#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::report {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::ThrowsMessage;

std::string html_of(Block block) {
  Page page{.title = "t"};
  page.sections = {{.title = "s", .blocks = {std::move(block)}}};
  const std::string html = to_html(page);
  return html.substr(html.find("<main>"));
}

MarkedTable small_table(std::vector<std::vector<std::string>> rows) {
  MarkedTable marked;
  marked.table.columns = {"row", "data", "Acc"};
  marked.table.rows = std::move(rows);
  return marked;
}

TEST(HtmlPage, IsOneWholeDocumentThatMakesNoConnection) {
  const test::TempDir folder;
  write_file(folder / "report.html", to_html(test::example_page()));
  const std::string html = read_file(folder / "report.html");
  EXPECT_THAT(html, StartsWith("<!DOCTYPE html>\n<html lang=\"en\">"));
  EXPECT_THAT(html, EndsWith("</html>\n"));
  EXPECT_THAT(html,
              HasSubstr("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
                        "&#39;none&#39;; img-src data:; style-src &#39;unsafe-inline&#39;;"));
  EXPECT_LT(html.find("Content-Security-Policy"), html.find("<style>"));
  EXPECT_FALSE(std::regex_search(html, std::regex("(src|href|action)=\"(?!#|data:image/)")));
  EXPECT_THAT(html, Not(HasSubstr("@import")));
  EXPECT_THAT(html, Not(HasSubstr("url(")));
}

TEST(HtmlPage, LetsNoTextBecomeMarkup) {
  const std::string html = to_html(test::example_page());
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("alert(1)</script>")));
  const auto count = [&](const std::string& part) {
    std::size_t found = 0;
    for (auto at = html.find(part); at != std::string::npos; at = html.find(part, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count("</style>"), 1U);
  EXPECT_EQ(count("<pre>"), count("</pre>"));
  EXPECT_EQ(count("<section "), count("</section>"));
}

TEST(HtmlPage, IsTheSameTextEveryTime) {
  EXPECT_EQ(to_html(test::example_page()), to_html(test::example_page()));
}

TEST(HtmlPage, ListsItsSectionsAsContents) {
  Page page{.title = "t"};
  page.sections = {{.title = "First"}, {.title = "Second & last"}};
  const std::string html = to_html(page);
  EXPECT_THAT(html, HasSubstr("<a href=\"#section-2\">Second &amp; last</a>"));
  EXPECT_THAT(html, HasSubstr("<section id=\"section-2\">"));
}

TEST(HtmlPage, LeavesOutWhatIsEmpty) {
  const std::string html = to_html(Page{.title = "only a title"});
  EXPECT_THAT(html, Not(HasSubstr("<nav")));
  EXPECT_THAT(html, Not(HasSubstr("<footer")));
  EXPECT_THAT(html, HasSubstr("<h1>only a title</h1>"));
}

TEST(HtmlTable, SetsNumbersApartFromTextAndIntervalsBelow) {
  const std::string html =
      html_of(small_table({{"a", "mini world", ".5 [.4, .6]"}, {"b", "", "-"}}));
  EXPECT_THAT(html, HasSubstr("<td class=\"text\">mini world</td>"));
  EXPECT_THAT(html,
              HasSubstr("<td class=\"number\">.5<span class=\"interval\">[.4, .6]</span></td>"));
  EXPECT_THAT(html, HasSubstr("<td class=\"number\">-</td>"));
}

TEST(HtmlTable, TreatsAColumnWithOneWordAsText) {
  const std::string html = html_of(small_table({{"a", "x", "3 of 4"}, {"b", "y", "none"}}));
  EXPECT_THAT(html, HasSubstr("<td class=\"text\">3 of 4</td>"));
}

TEST(HtmlTable, MarksControlsAndPrintsTheDataBelowTheName) {
  MarkedTable marked = small_table({{"random", "mini world", ".5"}, {"ours", "mini world", ".6"}});
  marked.kinds = {RowKind::kControl, RowKind::kOurs};
  marked.second_below_first = true;
  const std::string html = html_of(marked);
  EXPECT_THAT(
      html,
      HasSubstr("<tr class=\"control\"><th scope=\"row\">random<span class=\"source\"><span "
                "class=\"badge\">control</span>mini world</span></th>"));
  EXPECT_THAT(html,
              HasSubstr("<tr class=\"ours\"><th scope=\"row\">ours<span class=\"source\">mini"));
  EXPECT_THAT(html, Not(HasSubstr(">data</th>")));
}

TEST(HtmlTable, RefusesARaggedTable) {
  EXPECT_THROW((void)html_of(small_table({{"a", "b"}})), std::logic_error);
  EXPECT_THROW((void)html_of(MarkedTable{}), std::logic_error);
}

TEST(HtmlGallery, EmbedsImagesByWhatTheirBytesAre) {
  const std::string png = "\x89PNG\r\n\x1A\n...";
  const Gallery gallery{
      {{.title = "t", .frames = {{test::example_frame(0.5), "0:01"}, {png, "0:02"}}}}};
  const std::string html = html_of(gallery);
  EXPECT_THAT(html, HasSubstr("alt=\"key frame 0:01\" src=\"data:image/jpeg;base64,/9j/"));
  EXPECT_THAT(html,
              HasSubstr("<figure><img alt=\"key frame 0:02\" "
                        "src=\"data:image/png;base64,iVBORw0KGgouLi4=\">"));
}

TEST(HtmlGallery, RefusesAnImageThatCouldCarryScript) {
  const Gallery gallery{
      {{.title = "a title", .subtitle = "17", .frames = {{"<svg onload=x>", "0:01"}}}}};
  EXPECT_THAT([&] { (void)html_of(gallery); },
              ThrowsMessage<DataError>(AllOf(HasSubstr("a title"), HasSubstr("0:01"))));
}

TEST(HtmlRollouts, ColourRewardsByTheirGroupsMean) {
  const std::string html = html_of(Rollouts{{test::example_rollouts()}});
  EXPECT_THAT(html, HasSubstr("<span class=\"reward above\">+2</span>"));
  EXPECT_THAT(html, HasSubstr("<span class=\"reward below\">0</span>"));
  EXPECT_THAT(html, HasSubstr("mean reward 0.75"));
  const RolloutGroup equal{.title = "g", .completions = {{"a", 1}, {"b", 1}}};
  EXPECT_THAT(html_of(Rollouts{{equal}}), HasSubstr("<span class=\"reward\">+1</span>"));
}

TEST(HtmlRollouts, SetAnswerTagsApartAndEscapeTheRest) {
  const std::string html = html_of(Rollouts{{test::example_rollouts()}});
  EXPECT_THAT(html, HasSubstr("<span class=\"tag\">&lt;answer&gt;</span>Yes<span class=\"tag\">"));
  EXPECT_THAT(html, HasSubstr("I cannot say &lt;/pre&gt;&lt;script&gt;alert(2)"));
  EXPECT_THAT(html, HasSubstr("&lt;|im_start|&gt;user\nThe user"));
}

}  // namespace
}  // namespace vragent::report

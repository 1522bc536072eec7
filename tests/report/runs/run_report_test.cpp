// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/runs/run_report.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/page/example_page.h"
#include "report/runs/small_runs.h"
#include "support/temp_dir.h"
#include "vragent/util/error.h"

namespace vragent::report::runs {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;
using vragent::test::kHostileText;

/// One video with two frames and a caption, whose texts are `text`.
void write_gallery(const std::filesystem::path& folder, const std::string& text) {
  const OrderedJson frames = {{"item_id", "17"},
                              {"status", "ok"},
                              {"video", (folder / "17.mp4").string()},
                              {"duration_seconds", 4.0},
                              {"width", 96},
                              {"height", 96},
                              {"times_seconds", {1.0, 3.0}},
                              {"files", {"frames/17/000.jpg", "frames/17/001.jpg"}},
                              {"scores", {0.1, 0.2}},
                              {"key_frames", {1}}};
  write_file(folder / "frames.jsonl", frames.dump() + "\n");
  for (const char* name : {"000.jpg", "001.jpg"})
    write_file(folder / "frames/17" / name, vragent::test::example_frame(0.5));
  const OrderedJson caption = {
      {"item_id", "17"}, {"status", "ok"}, {"title", text}, {"caption", text}, {"seconds", 98.5}};
  write_file(folder / "captions.jsonl", caption.dump() + "\n");
}

void write_training(const std::filesystem::path& folder, const std::string& text) {
  write_file(folder / "train_log.jsonl",
             "{\"step\": 1, \"loss\": 2.5, \"step_time\": 97.25}\n"
             "{\"step\": 2, \"loss\": 1.5, \"step_time\": 97.75}\n");
  const OrderedJson completion = {{"step", 1},
                                  {"case_id", "u1"},
                                  {"task", "judge"},
                                  {"prompt", text},
                                  {"status", "ok"},
                                  {"completion", text},
                                  {"reward", 2.0},
                                  {"reward_format", 1.0},
                                  {"reward_task", 1.0},
                                  {"advantage", 0.5}};
  write_file(folder / "completions.jsonl", completion.dump() + "\n");
}

/// A specification with every section, about the runs below `folder`.
OrderedJson whole_spec(const std::filesystem::path& folder, const std::string& text) {
  test::write_ranking(folder / "rec", {.has_feedback = true});
  test::write_scores(folder / "us", {{"vragent", "m", 0.7}, {"random", ""}});
  write_gallery(folder / "clips", text);
  write_training(folder / "rl", text);
  const OrderedJson checks = {{{"name", text}, {"ok", true}, {"detail", "0.7 > 0.5"}},
                              {{"name", "second"}, {"ok", false}}};
  write_file(folder / "checks.json", checks.dump());
  const OrderedJson tables = {{{"id", 1}, {"runs", {"SASRec=rec"}}},
                              {{"id", 2}, {"runs", {"VRAgent-R1=us"}}, {"published", true}}};
  return {{"title", text},
          {"lead", text},
          {"data", "invented"},
          {"introduction", {text}},
          {"facts", {"seed=7", "who=" + text}},
          {"notes", {{{"title", text}, {"text", text}, {"warning", true}}}},
          {"tables", tables},
          {"accuracy", {{{"scores", {"VRAgent-R1=us"}}, {"caption", text}}}},
          {"curves", {{{"logs", {"rl=rl"}}, {"tags", {"loss"}}, {"title", text}}}},
          {"gallery", {{"frames", "clips"}, {"captions", "clips"}}},
          {"rollouts", {{{"completions", "rl"}, {"title", text}}}},
          {"feedback", {"like=rec"}},
          {"checks", "checks.json"}};
}

ReportSummary report_on(const std::filesystem::path& folder, const OrderedJson& spec) {
  write_file(folder / "spec.json", spec.dump());
  return write_report({.spec = folder / "spec.json", .out = folder / "out"});
}

TEST(RunReport, HasASectionForEveryKindOfInput) {
  const vragent::test::TempDir folder;
  const ReportSummary summary = report_on(folder.path(), whole_spec(folder.path(), "A title"));
  EXPECT_EQ(summary.num_sections, 7);
  EXPECT_EQ(summary.checks_failed, 1);
  const std::string html = read_file(folder / "out/report.html");
  EXPECT_EQ(summary.html_bytes, std::ssize(html));
  for (const char* title : {"Tables",
                            "Simulated users",
                            "Training",
                            "What the videos show",
                            "Rollouts",
                            "Simulated feedback",
                            "Checks"}) {
    EXPECT_THAT(html, HasSubstr("<h2>" + std::string(title) + "</h2>"));
  }
  EXPECT_THAT(html, HasSubstr("src=\"data:image/jpeg;base64,"));
}

TEST(RunReport, PutsEveryNumberIntoTheJson) {
  const vragent::test::TempDir folder;
  report_on(folder.path(), whole_spec(folder.path(), "A title"));
  const Json numbers = parse_json_object(read_file(folder / "out/report.json"), "report.json");
  EXPECT_EQ(numbers["tables"][0]["rows"][0]["values"]["HR@10"]["value"], 0.1);
  EXPECT_EQ(numbers["accuracy"][0]["agents"][0]["accuracy"]["judge"]["value"], 0.7);
  EXPECT_EQ(numbers["accuracy"][0]["agents"][1]["kind"], "control");
  EXPECT_EQ(numbers["curves"][0]["points"]["rl"], Json::parse("[[1.0, 2.5], [2.0, 1.5]]"));
  EXPECT_EQ(numbers["gallery"][0]["key_times_seconds"], Json::parse("[3.0]"));
  EXPECT_EQ(numbers["rollouts"][0]["groups"][0]["completions"][0]["reward"], 2.0);
  EXPECT_EQ(numbers["feedback"][0]["inserted"], 31);
  EXPECT_EQ(numbers["checks"][1]["ok"], false);
}

TEST(RunReport, HoldsNoPathAndNoTime) {
  const vragent::test::TempDir folder;
  report_on(folder.path(), whole_spec(folder.path(), "A title"));
  for (const char* name : {"out/report.html", "out/report.json"}) {
    const std::string text = read_file(folder / name);
    EXPECT_THAT(text, Not(HasSubstr(folder.path().filename().string()))) << name;
    EXPECT_THAT(text, Not(HasSubstr("97.25"))) << name;
    EXPECT_THAT(text, Not(HasSubstr("98.5"))) << name;
    EXPECT_THAT(text, Not(HasSubstr("17.mp4"))) << name;
  }
}

TEST(RunReport, IsTheSameBytesFromAnyFolderAtAnyTime) {
  const vragent::test::TempDir first;
  const vragent::test::TempDir second;
  for (const auto* folder : {&first, &second})
    report_on(folder->path(), whole_spec(folder->path(), "A title"));
  report_on(first.path(), whole_spec(first.path(), "A title"));
  for (const char* name : {"out/report.html", "out/report.json"})
    EXPECT_EQ(read_file(first / name), read_file(second / name)) << name;
}

TEST(RunReport, LetsNoTitleBecomeMarkup) {
  const vragent::test::TempDir folder;
  report_on(folder.path(), whole_spec(folder.path(), kHostileText));
  const std::string html = read_file(folder / "out/report.html");
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_THAT(html, HasSubstr("&lt;|im_end|&gt;"));
  const Json numbers = parse_json_object(read_file(folder / "out/report.json"), "report.json");
  EXPECT_EQ(numbers["title"], kHostileText);
  EXPECT_EQ(numbers["gallery"][0]["title"], kHostileText);
}

TEST(RunReport, RefusesUnknownKeysByName) {
  const vragent::test::TempDir folder;
  const auto refuses = [&](const char* text, const std::string& part) {
    write_file(folder / "spec.json", text);
    EXPECT_THAT([&] { write_report({.spec = folder / "spec.json", .out = folder / "out"}); },
                ThrowsMessage<ConfigError>(AllOf(HasSubstr("spec.json"), HasSubstr(part))));
  };
  refuses(R"({"titel": "x"})", "unknown key \"titel\"; did you mean \"title\"?");
  refuses(R"({"tables": [{"id": 1}, {"run": ["a=b"]}]})", "tables[1]: unknown key \"run\"");
  refuses(R"({"gallery": {"frame": "x"}})", "gallery[0]: unknown key \"frame\"");
  refuses(R"({"curves": [{"tags": "loss"}]})", "curves[0]: key \"tags\" wants a list");
  refuses(R"({"notes": "x"})", "notes wants a list of objects");
  refuses(R"({"title": 3})", "key \"title\" wants a string");
  refuses("[]", "expected a JSON object");
  refuses("{", "not JSON");
  EXPECT_FALSE(std::filesystem::exists(folder / "out/report.html"));
}

TEST(RunReport, RefusesCurvesOfTimes) {
  const vragent::test::TempDir folder;
  OrderedJson spec = whole_spec(folder.path(), "A title");
  spec["curves"][0]["tags"] = {"loss", "step_time"};
  EXPECT_THAT([&] { report_on(folder.path(), spec); },
              ThrowsMessage<ConfigError>(HasSubstr("step_time is a time")));
}

TEST(RunReport, NamesWhatIsNotInTheFiles) {
  const vragent::test::TempDir folder;
  const OrderedJson whole = whole_spec(folder.path(), "A title");
  const auto refuses = [&](const char* pointer, const OrderedJson& value, const char* part) {
    OrderedJson spec = whole;
    spec[OrderedJson::json_pointer(pointer)] = value;
    EXPECT_THAT([&] { report_on(folder.path(), spec); }, ThrowsMessage<Error>(HasSubstr(part)));
  };
  refuses("/curves/0/tags/0", "lose", "no log of \"A title\" has the tag lose");
  refuses("/rollouts/0/steps", {"9"}, "no completions of step 9");
  refuses("/rollouts/0/steps", {"soon"}, "got \"soon\"");
  refuses("/gallery/item-ids", {"18"}, "no item has both frames and a caption");
  refuses("/feedback/0", "like=us", "metrics.json");
  refuses("/facts/0", "seed", "\"seed\" is not LABEL=VALUE");
  refuses("/accuracy/0/scores/0", "us", "wants a name");
  refuses("/checks", "nowhere.json", "nowhere.json");
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

TEST(RunReport, RefusesAccuracyOnDifferentCases) {
  const vragent::test::TempDir folder;
  OrderedJson spec = whole_spec(folder.path(), "A title");
  test::write_scores(folder / "other", {{"vragent", "m"}}, "ff");
  spec["accuracy"][0]["scores"] = {"a=us", "b=other"};
  EXPECT_THAT([&] { report_on(folder.path(), spec); },
              ThrowsMessage<DataError>(HasSubstr("a and b are scores on different cases")));
}

TEST(RunReport, NeedsASpecificationAndARunFolder) {
  EXPECT_THAT([] { write_report({.out = "out"}); },
              ThrowsMessage<ConfigError>(HasSubstr("--spec is required")));
  EXPECT_THAT([] { write_report({.spec = "spec.json"}); },
              ThrowsMessage<ConfigError>(HasSubstr("--out is required")));
  EXPECT_THAT([] { write_report({.spec = "spec.json", .out = "-"}); },
              ThrowsMessage<ConfigError>(HasSubstr("--out must be a run folder")));
}

TEST(ReportSpec, DescribesEveryKeyForHelp) {
  const std::string text = describe_report_spec();
  for (const char* key : {"title:",
                          "tables[].runs:",
                          "accuracy[].scores:",
                          "curves[].tags:",
                          "gallery.frames:",
                          "rollouts[].steps:",
                          "notes[].warning:",
                          "checks:"})
    EXPECT_THAT(text, HasSubstr(key));
}

}  // namespace
}  // namespace vragent::report::runs

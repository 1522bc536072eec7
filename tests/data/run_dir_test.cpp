// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/run_dir.h"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error_text.h"
#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/version.h"

namespace vragent::data {
namespace {

using ::testing::HasSubstr;

TEST(RunFolder, HoldsTheEffectiveConfigWithCommandAndVersion) {
  const test::TempDir folder;
  write_effective_config(folder / "run", "sft", "{\"steps\": 3, \"optim\": {\"lr\": 0.1}}");
  const std::string text = read_file(folder / "run/effective_config.json");
  EXPECT_THAT(text, HasSubstr("\"command\": \"sft\""));
  EXPECT_THAT(text, HasSubstr("\"version\": \"" + std::string(kVersion) + "\""));
  EXPECT_THAT(text, HasSubstr("\"lr\": 0.1"));
}

struct Settings {
  std::filesystem::path out = "a";
  std::filesystem::path model = "models/m";
  std::int64_t steps = 3;
  double rate = 0.1;
  bool resume = false;
  bool overwrite = false;

  void visit(auto& v) {
    v("out", out, "");
    v("model", model, "");
    v("steps", steps, "");
    v("optim.lr", rate, "");
    v("resume", resume, "");
    v("overwrite", overwrite, "");
  }
};

class RunInFolder : public ::testing::Test {
 protected:
  RunInFolder() { settings.out = folder.path(); }

  [[nodiscard]] std::string error_of(Settings now, std::string_view may_differ = "resume") const {
    return test::message_of([&] { begin_run(now, "sft", may_differ); });
  }

  const test::TempDir folder;
  Settings settings;
};

TEST_F(RunInFolder, GoesOnWithTheSameSettingsOnly) {
  EXPECT_EQ(error_of(settings), "");
  write_file(folder / "train_log.jsonl", "{}\n");
  settings.resume = true;
  EXPECT_EQ(error_of(settings), "");
  settings.steps = 5;
  EXPECT_EQ(error_of(settings, "resume,steps"), "");
  settings.rate = 0.2;
  EXPECT_THAT(error_of(settings), HasSubstr("--optim.lr was 0.1"));
  EXPECT_THAT(error_of(settings), HasSubstr("is 0.2 now"));
}

TEST_F(RunInFolder, OfBeforeAKeyWasThereHadItsDefault) {
  write_effective_config(
      folder.path(),
      "sft",
      "{\"out\": \"" + folder.path().string() +
          "\", \"model\": \"models/m\", \"optim\": {\"lr\": 0.1}, \"overwrite\": false}");
  write_file(folder / "train_log.jsonl", "{}\n");
  const std::string before = read_file(folder / "effective_config.json");
  settings.resume = true;
  settings.steps = 4;
  const std::string error = error_of(settings);
  EXPECT_THAT(error, HasSubstr("--steps was 3 (not there yet, so its default) when"));
  EXPECT_THAT(error, HasSubstr("is 4 now"));
  EXPECT_EQ(read_file(folder / "effective_config.json"), before);
  settings.rate = 0.2;
  EXPECT_THAT(error_of(settings), HasSubstr("--optim.lr was 0.1 when"))
      << "that it had is no default";
  settings.steps = 3;
  settings.rate = 0.1;
  EXPECT_EQ(error_of(settings), "");
}

TEST_F(RunInFolder, HadAKeyThatIsGoneNow) {
  write_effective_config(folder.path(), "sft", "{\"zeal\": 3}");
  write_file(folder / "train_log.jsonl", "{}\n");
  settings.resume = true;
  EXPECT_THAT(error_of(settings, "resume,out"), HasSubstr("--zeal was 3 when"));
  EXPECT_THAT(error_of(settings, "resume,out"), HasSubstr("is not there now"));
}

TEST_F(RunInFolder, KnowsAFileByAnyOfItsNames) {
  make_folder(folder / "m");
  settings.model = folder / "m";
  EXPECT_EQ(error_of(settings), "");
  write_file(folder / "train_log.jsonl", "{}\n");
  settings.resume = true;
  settings.model = folder / "x/../m/";
  settings.out = folder / ".";
  EXPECT_EQ(error_of(settings), "");
  settings.model = folder / "other";
  EXPECT_THAT(error_of(settings), HasSubstr("--model was"));
}

TEST_F(RunInFolder, IsNotWrittenOverWithoutBeingAsked) {
  EXPECT_EQ(error_of(settings), "");
  EXPECT_EQ(error_of(settings), "") << "the first did nothing but begin";
  write_file(folder / "train_log.jsonl", "{}\n");
  EXPECT_THAT(error_of(settings), HasSubstr("holds a run of sft already; go on with --resume"));
  try {
    begin_run(settings, "sft");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kCannotCreate);
  }
  settings.overwrite = true;
  EXPECT_EQ(error_of(settings), "");
  settings.resume = true;
  EXPECT_THAT(error_of(settings), HasSubstr("exclude each other"));
}

TEST_F(RunInFolder, OfAnotherCommandIsNoneToGoOnWith) {
  begin_run(settings, "extract-frames");
  write_file(folder / "frames.jsonl", "{}\n");
  settings.resume = true;
  EXPECT_THAT(error_of(settings), HasSubstr("holds a run of extract-frames already; replace it"));
}

TEST(RunFolder, FindsTheFileInAFolder) {
  const test::TempDir folder;
  EXPECT_EQ(file_in(folder.path(), kCasesFile), folder / "cases.jsonl");
  EXPECT_EQ(file_in(folder / "x.jsonl", kCasesFile), folder / "x.jsonl");
  EXPECT_EQ(file_in("-", kCasesFile), "-");
}

TEST(FileStem, LeavesOrdinaryIdsAsTheyAre) {
  EXPECT_EQ(file_stem("14632"), "14632");
  EXPECT_EQ(file_stem("abc_DEF-1.x"), "abc_DEF-1.x");
}

TEST(FileStem, KeepsHostileIdsInsideTheFolderAndApart) {
  const std::set<std::string> ids = {"../../x",
                                     "..",
                                     ".",
                                     "/etc/passwd",
                                     "-rf",
                                     "a b",
                                     "a\nb",
                                     "%2E%2E",
                                     "CON\\x",
                                     "\xFF\xFE",
                                     "a/b",
                                     "a%2Fb",
                                     std::string(300, 'x'),
                                     std::string(301, 'x')};
  std::set<std::string> stems;
  for (const std::string& id : ids) {
    const std::string stem = file_stem(id);
    EXPECT_EQ(stem.find_first_of("/\\ \n"), std::string::npos) << id;
    EXPECT_FALSE(stem.starts_with('.') || stem.starts_with('-')) << id;
    EXPECT_LE(stem.size(), 120U);
    EXPECT_TRUE(stems.insert(stem).second) << "two ids share the name " << stem;
  }
  EXPECT_EQ(file_stem("../../x"), "%2E.%2F..%2Fx");
  EXPECT_THROW(file_stem(""), DataError);
}

TEST(Version, IsTheOneOfTheProject) {
  EXPECT_THAT(read_file("CMakeLists.txt"),
              HasSubstr("project(vragent VERSION " + std::string(kVersion)));
}

TEST(RunFolder, IsToldFromAFileByItsName) {
  EXPECT_TRUE(is_run_folder("runs/a"));
  EXPECT_FALSE(is_run_folder("-"));
  EXPECT_FALSE(is_run_folder("cases.jsonl"));
  EXPECT_FALSE(is_run_folder("a/scores.json"));
  EXPECT_EQ(output_in("runs/a", kCasesFile), "runs/a/cases.jsonl");
  EXPECT_EQ(output_in("-", kCasesFile), "-");
  EXPECT_EQ(output_in("b.jsonl", kCasesFile), "b.jsonl");
}

TEST(NamedPathText, IsCutAtTheFirstEqualsSignUnlessItIsAFile) {
  EXPECT_EQ(parse_named_path("w/o KFR=runs/a=b").name, "w/o KFR");
  EXPECT_EQ(parse_named_path("w/o KFR=runs/a=b").path, "runs/a=b");
  EXPECT_EQ(parse_named_path("runs/a").name, "");
  EXPECT_EQ(parse_named_path("runs/a").path, "runs/a");
  const test::TempDir folder;
  const std::string file = folder / "seed=3.jsonl";
  write_file(file, "");
  EXPECT_EQ(parse_named_path(file).name, "");
  EXPECT_EQ(parse_named_path(file).path, file);
  EXPECT_THROW(parse_named_path("name="), ConfigError);
  EXPECT_THROW(parse_named_path(""), ConfigError);
}

class TrainingInFolder : public RunInFolder {
 protected:
  TrainingInFolder() {
    settings.out = folder / "run";
    settings.model = folder / "weights";
  }

  std::string error_of_training(bool resume, std::string_view may_differ = "resume") {
    settings.resume = resume;
    return test::message_of<ConfigError>([&] { begin_training(settings, "sft", may_differ); });
  }

  void train() {
    EXPECT_EQ(error_of_training(false), "");
    write_file(settings.out / "some", "work");
    EXPECT_EQ(error_of_training(true), "");
  }
};

TEST_F(TrainingInFolder, GoesOnWithFilesThatHoldWhatTheyHeld) {
  std::string weights(3'000'000, 'w');
  write_file(settings.model, weights);
  train();
  const std::string before = read_file(settings.out / "effective_config.json");
  weights[2'500'000] = 'v';
  write_file(settings.model, weights);
  settings.steps = 4;
  EXPECT_THAT(error_of_training(true, "resume,steps"),
              HasSubstr("--model holds other data than when "));
  EXPECT_EQ(read_file(settings.out / "effective_config.json"), before);
  EXPECT_EQ(error_of_training(true, "resume,steps,model"), "");
  std::filesystem::remove(settings.out / "inputs.json");  // as before there was such a file
  EXPECT_EQ(error_of_training(true, "resume,steps"), "");
  write_file(settings.out / "inputs.json", "{");
  EXPECT_THROW(error_of_training(true, "resume,steps"), DataError);
}

TEST_F(TrainingInFolder, LooksIntoRunFoldersForWhatIsReadFromThem) {
  write_file(settings.model / "captions.jsonl", "{}\n");
  train();
  write_file(settings.model / "effective_config.json", "{}");
  EXPECT_EQ(error_of_training(true), "");
  write_file(settings.model / "captions.jsonl", "{ }\n");
  EXPECT_THAT(error_of_training(true), HasSubstr("--model holds other data"));
}

TEST_F(TrainingInFolder, ThatDidNothingYetMayReadMendedFiles) {
  write_file(settings.model, "with a fault");
  EXPECT_EQ(error_of_training(false), "");
  write_file(settings.model, "mended");
  EXPECT_EQ(error_of_training(true), "");
}

}  // namespace
}  // namespace vragent::data

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/case_files.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simulator/case_fixture.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::simulator {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
namespace fs = std::filesystem;

TEST_F(CaseFiles, CasesUsersAndConfigurationStandInTheRunFolder) {
  const CaseSet set = make_case_file(config_);
  ASSERT_FALSE(set.cases.empty());
  EXPECT_EQ(data::load_cases(config_.out / "cases.jsonl").size(), set.cases.size());
  EXPECT_EQ(data::hash_cases(data::load_cases(config_.out / "cases.jsonl")),
            data::hash_cases(set.cases));
  std::string users;
  for (const std::string& id : set.user_ids) users += id + "\n";
  EXPECT_EQ(read_file(config_.out / "users.txt"), users);
  EXPECT_THAT(read_file(config_.out / "effective_config.json"), HasSubstr("eval make-cases"));
  const auto counts = counts_of(set);
  EXPECT_EQ(counts[0].second, counts[1].second + counts[2].second);
  EXPECT_EQ(counts[3].second, std::ssize(set.user_ids));
}

TEST_F(CaseFiles, FrozenCasesAreReplacedOnlyWhenAskedFor) {
  make_case_file(config_);
  config_.cases.seed += 1;
  const std::string frozen = read_file(config_.out / "cases.jsonl");
  try {
    make_case_file(config_);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kCannotCreate);
    EXPECT_THAT(error.what(), HasSubstr("--overwrite"));
  }
  EXPECT_EQ(read_file(config_.out / "cases.jsonl"), frozen);
  config_.overwrite = true;
  make_case_file(config_);
  EXPECT_NE(read_file(config_.out / "cases.jsonl"), frozen);
}

TEST_F(CaseFiles, AFileIsWrittenWithoutARunFolderAroundIt) {
  config_.out = folder_ / "plain/cases.jsonl";
  make_case_file(config_);
  EXPECT_TRUE(fs::exists(config_.out));
  EXPECT_FALSE(fs::exists(folder_ / "plain/effective_config.json"));
  EXPECT_FALSE(fs::exists(folder_ / "plain/users.txt"));
}

TEST_F(CaseFiles, ValidCasesTakeTheListsOfTheValidContextFromTheFolder) {
  config_.cases.split = "valid";
  EXPECT_THROW(make_case_file(config_), Error);  // run/ has only topk.jsonl
  fs::copy(folder_ / "run/topk.jsonl", folder_ / "run/topk.valid.jsonl");
  EXPECT_THAT(make_case_file(config_).cases.front().case_id, HasSubstr("-valid-"));
}

TEST_F(CaseFiles, MissingInputsAreNamed) {
  MakeCasesConfig config = config_;
  config.items.clear();
  EXPECT_THAT([&] { make_case_file(config); },
              ThrowsMessage<ConfigError>(HasSubstr("--items or --captions")));
  config = config_;
  config.topk.clear();
  EXPECT_THAT([&] { make_case_file(config); }, ThrowsMessage<ConfigError>(HasSubstr("--topk")));
  config = config_;
  config.interactions = folder_ / "nothing.tsv";
  EXPECT_THAT([&] { make_case_file(config); }, ThrowsMessage<Error>(HasSubstr("nothing.tsv")));
}

}  // namespace
}  // namespace vragent::simulator

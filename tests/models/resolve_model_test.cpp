// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <cstdlib>

#include <gtest/gtest.h>

#include "support/error_text.h"
#include "support/temp_dir.h"
#include "vragent/models/hf_folder.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::models {
namespace {

namespace fs = std::filesystem;
using test::message_of;
using test::TempDir;

class ResolveModel : public ::testing::Test {
 protected:
  ResolveModel() { ::setenv("HF_HUB_CACHE", cache_.path().c_str(), 1); }

  ~ResolveModel() override { ::unsetenv("HF_HUB_CACHE"); }

  TempDir cache_;
};

TEST_F(ResolveModel, FindsFoldersAndTheCommitOfTheLocalCache) {
  EXPECT_EQ(resolve_model(cache_.path().string()), cache_.path());
  const fs::path repository = cache_ / "models--org--name";
  write_file(repository / "refs" / "main", "abc123\n");
  EXPECT_NE(message_of([] { resolve_model("org/name"); }).find("incomplete"), std::string::npos);
  write_file(repository / "snapshots" / "abc123" / "config.json", "{}");
  EXPECT_EQ(resolve_model("org/name"), repository / "snapshots" / "abc123");
}

TEST_F(ResolveModel, SaysWhereItLooked) {
  EXPECT_NE(message_of([] { resolve_model("org/other"); }).find("models--org--other"),
            std::string::npos);
  for (const char* name : {"nothing", "../x", "/no/such", "a/b/c"}) {
    EXPECT_NE(message_of([&] { resolve_model(name); }).find(name), std::string::npos) << name;
  }
}

TEST_F(ResolveModel, TakesARevisionAndTheFolderOfTheCacheItself) {
  const fs::path repository = cache_ / "models--org--name";
  write_file(repository / "refs" / "main", "abc123");
  write_file(repository / "refs" / "v2", "def456");
  for (const char* commit : {"abc123", "def456"})
    write_file(repository / "snapshots" / commit / "config.json", "{}");
  EXPECT_EQ(resolve_model("org/name"), repository / "snapshots" / "abc123");
  EXPECT_EQ(resolve_model("org/name@v2"), repository / "snapshots" / "def456");
  EXPECT_EQ(resolve_model("org/name@def456"), repository / "snapshots" / "def456");
  EXPECT_EQ(resolve_model(repository.string()), repository / "snapshots" / "abc123");
  EXPECT_NE(message_of([] { resolve_model("org/name@v3"); }).find("snapshots/v3 is missing"),
            std::string::npos);
  for (const char* name : {"org/name@", "org/name@.", "org/name@.."}) {
    EXPECT_NE(message_of([&] { resolve_model(name); }).find("is not the name of a snapshot"),
              std::string::npos)
        << name;
  }
  fs::remove(repository / "refs" / "main");
  EXPECT_NE(message_of([] { resolve_model("org/name"); }).find("refs/main is missing"),
            std::string::npos);
}

TEST_F(ResolveModel, SaysThatAFileIsNoFolder) {
  write_file(cache_ / "config.json", "{}");
  EXPECT_NE(message_of([&] {
              resolve_model((cache_ / "config.json").string());
            }).find("config.json: is a file, a model folder is wanted"),
            std::string::npos);
}

TEST_F(ResolveModel, DoesNotFollowACommitOutOfTheCache) {
  write_file(cache_ / "models--org--name" / "refs" / "main", "../../../outside");
  write_file(cache_ / "outside" / "config.json", "{}");
  EXPECT_NE(message_of([] { resolve_model("org/name"); }), "");
}

}  // namespace
}  // namespace vragent::models

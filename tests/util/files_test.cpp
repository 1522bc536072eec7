// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/util/files.h"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temp_dir.h"
#include "vragent/util/error.h"

namespace vragent {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(AppendFile, MakesTheFileAndItsFolderAndGrowsIt) {
  const test::TempDir folder;
  append_file(folder / "a" / "b", std::string("1\0", 2));
  append_file(folder / "a" / "b", "2");
  EXPECT_EQ(read_file(folder / "a" / "b"),
            std::string("1\0"
                        "2",
                        3));
}

TEST(WriteFile, TakesNamesOfThe255BytesThatSystemsAllow) {
  const test::TempDir folder;
  const std::string name(255, 'n');
  write_file(folder / name, "x");
  EXPECT_EQ(read_file(folder / name), "x");
  const std::string other(255, 'o');
  for (const char* content : {"x", "y"}) {
    write_folder(folder / other, [&](const auto& fresh) { write_file(fresh / "part", content); });
    EXPECT_EQ(read_file(folder / other / "part"), content);
  }
}

TEST(WriteFile, LeavesLinksAndPipesWhatTheyAre) {
  const test::TempDir folder;
  write_file(folder / "a.txt", "old");
  std::filesystem::create_symlink("a.txt", folder / "link.txt");
  write_file(folder / "link.txt", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link.txt"));
  EXPECT_EQ(read_file(folder / "a.txt"), "new");
  std::filesystem::create_symlink("gone.txt", folder / "dangling.txt");
  write_file(folder / "dangling.txt", "new");
  EXPECT_EQ(read_file(folder / "dangling.txt"), "new");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THROW(write_file(folder / "pipe", "x"), Error);
  EXPECT_TRUE(std::filesystem::is_fifo(folder / "pipe"));
}

TEST(RemoveHalfWritten, LeavesWhatIsWhole) {
  const test::TempDir folder;
  EXPECT_THROW(write_folder(folder / "whole",
                            [&](const std::filesystem::path& half) {
                              write_file(half / "part", "x");
                              std::filesystem::copy(half, folder / half.filename().concat("0"));
                              throw Error(ExitCode::kIo, "as a kill would");
                            }),
               Error);
  write_file(folder / "file", "x");
  write_folder(folder / "whole", [](const auto& half) { write_file(half / "part", "x"); });
  remove_half_written(folder.path());
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    names.insert(entry.path().filename());
  EXPECT_THAT(names, ::testing::ElementsAre("file", "whole"));
}

/// Where names cannot be exchanged at once, a kill comes between the two renames.
TEST(RemoveHalfWritten, PutsBackAFolderThatNothingHadReplaced) {
  const test::TempDir folder;
  write_file(folder / ".tmp-old-lost/part", "old");
  write_file(folder / ".tmp-old-replaced/part", "old");
  write_file(folder / "replaced/part", "new");
  remove_half_written(folder.path());
  EXPECT_EQ(read_file(folder / "lost/part"), "old");
  EXPECT_EQ(read_file(folder / "replaced/part"), "new");
  EXPECT_FALSE(std::filesystem::exists(folder / ".tmp-old-lost"));
  EXPECT_FALSE(std::filesystem::exists(folder / ".tmp-old-replaced"));
}

TEST(WriteFolder, LosesNothingWhereAnotherAttemptFailsBehindAKill) {
  const test::TempDir folder;
  write_file(folder / ".tmp-old-whole/part", "old");
  EXPECT_THROW(
      write_folder(folder / "whole", [](const auto&) { throw Error(ExitCode::kIo, "full"); }),
      Error);
  EXPECT_EQ(read_file(folder / "whole/part"), "old");
}

TEST(ReadRegularFile, RefusesWhatIsNoFileAndWhatIsTooLarge) {
  const test::TempDir folder;
  write_file(folder / "file", "twelve bytes");
  EXPECT_EQ(read_regular_file(folder / "file", 12), "twelve bytes");
  EXPECT_THAT([&] { read_regular_file(folder / "file", 11); },
              ThrowsMessage<DataError>(HasSubstr("file: 12 bytes, more than the 11")));
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const std::filesystem::path& path :
       {folder / "pipe", folder.path(), std::filesystem::path("/dev/zero")}) {
    EXPECT_THAT([&] { read_regular_file(path); },
                ThrowsMessage<DataError>(HasSubstr("not a regular file")));
  }
  EXPECT_THROW(read_regular_file(folder / "none"), Error);
}

TEST(LineReader, RefusesAGzipFileThatIsCut) {
  // "one\ntwo\n" as gzip wrote it, without its last bytes.
  const std::string cut("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\xcf\x4b\xe5", 14);
  const test::TempDir folder;
  write_file(folder / "x.gz", cut);
  EXPECT_THROW(for_each_line(folder / "x.gz", [](const std::string&, const std::string&) {}),
               DataError);
}

TEST(AppendFile, NamesAPathThatCannotBeWritten) {
  const test::TempDir folder;
  EXPECT_THAT([&] { append_file(folder.path(), "x"); },
              ThrowsMessage<Error>(HasSubstr(folder.path().string())));
}

TEST(AppendFile, ReportsAFullDisk) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  try {
    append_file("/dev/full", "x");
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kIo);
  }
}

}  // namespace
}  // namespace vragent

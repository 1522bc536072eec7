// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Reading and writing files so that a killed run leaves nothing half done: whole files are written
// beside and renamed; files of lines are appended line by line and cut back to whole lines when a
// run resumes.
// "-" is stdin or stdout where a file of lines is read or written; ".gz" is read transparently.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace vragent {

/// The whole file. @throws Error (66) when it is not there, (74) when reading fails
std::string read_file(const std::filesystem::path& path);

/// The same for the files of folders that others made: a pipe, a device or a folder is not waited
/// for, and what is too large is not read.
/// @throws DataError for these, Error (66, 74) as read_file()
std::string read_regular_file(const std::filesystem::path& path,
                              std::uintmax_t max_bytes = std::uintmax_t{512} << 20U);

/// Writes beside, syncs, renames: the file is complete or absent. Parent folders are made; a link
/// stays, the file that it leads to is replaced. @throws Error (73) when it cannot be created or a
/// device or pipe is there, (74) when writing fails; both name the path
void write_file(const std::filesystem::path& path, std::string_view content);

/// The same for content in several parts, which is never joined in memory.
void write_file(const std::filesystem::path& path, const std::vector<std::string_view>& parts);

/// Writes beside and renames without waiting for the disk: complete or absent unless the machine
/// itself dies. For thousands of small files that can be made again (a sync takes milliseconds).
void write_file_unsynced(const std::filesystem::path& path, std::string_view content);

/// Appends bytes to a file, which is made when needed; they are handed to the system before this
/// returns. @throws Error (73) when it cannot be opened, (74) when writing fails; both name the
/// path
void append_file(const std::filesystem::path& path, std::string_view content);

/// Makes a folder and its parents. @throws Error (73)
void make_folder(const std::filesystem::path& path);

/// Runs `fill` on a fresh sibling folder, syncs its files and renames it to `path`; an older `path`
/// is replaced only then. For checkpoints: a folder is complete or absent.
void write_folder(const std::filesystem::path& path,
                  const std::function<void(const std::filesystem::path&)>& fill);

/// Removes what killed processes left half written beside the files of a folder, in which nobody
/// writes now (FolderLock). A folder that write_folder() had set aside, and nothing had replaced
/// yet, gets its name back.
void remove_half_written(const std::filesystem::path& folder);

/// A file of lines, read one by one without the line end (LF or CRLF); a UTF-8 byte order mark is
/// dropped.
class LineReader {
 public:
  /// @param path a file, a .gz file, or "-" for stdin. @throws Error (66) when it cannot be opened
  explicit LineReader(const std::filesystem::path& path);
  ~LineReader();
  LineReader(LineReader&&) noexcept;

  /// Reads the next line into `line`; false at the end.
  /// @throws Error (74) when reading fails, DataError when a line is longer than 64 MiB
  bool next(std::string& line);

  /// Number of the line last read, from 1.
  [[nodiscard]] std::int64_t line_number() const;

  /// "path:line" of the line last read, for messages.
  [[nodiscard]] std::string where() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Calls `use(line, where)` for each non-empty line of `path`.
void for_each_line(
    const std::filesystem::path& path,
    const std::function<void(const std::string& line, const std::string& where)>& use);

/// Appends whole lines; each is handed to the system before write() returns.
class LineWriter {
 public:
  enum class Mode {
    kReplace,  ///< start empty
    kAppend,   ///< keep what is there; a torn last line is cut off first
  };

  /// @param path a file, or "-" for stdout. @throws Error (73) when it cannot be opened
  LineWriter(const std::filesystem::path& path, Mode mode);
  ~LineWriter();
  LineWriter(LineWriter&&) noexcept;

  /// Writes `line` and a line feed. @throws Error (74) naming the path and the cause
  void write(std::string_view line);

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

/// Holds an exclusive lock on a run folder until destroyed; the system frees it when the process
/// dies.
class FolderLock {
 public:
  /// Makes the folder when needed. @throws Error (75) when another process holds it
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace vragent

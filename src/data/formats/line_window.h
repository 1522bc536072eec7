// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A file read line by line, with a look at the lines ahead: what a format is shows there, also on
// stdin.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>

#include "vragent/util/files.h"

namespace vragent::data::formats {

class LineWindow {
 public:
  /// @param path a file, a .gz file, or "-" for stdin. @throws Error (66)
  explicit LineWindow(const std::filesystem::path& path) : path_(path), reader_(path) {}

  /// The line `ahead` places after the next one (0 is the next), or nullptr behind the last line.
  const std::string* peek(std::size_t ahead);

  /// Takes the next line; false at the end.
  bool next(std::string& line);

  /// Takes the next line that is not blank; false at the end. @throws DataError on a NUL byte
  bool next_row(std::string& line);

  /// Number of the line last taken, from 1.
  [[nodiscard]] std::int64_t line_number() const { return line_number_; }

  /// "path:line" of the line last taken.
  [[nodiscard]] std::string where() const { return where(line_number_); }

  [[nodiscard]] std::string where(std::int64_t line_number) const;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// @throws DataError "path:line: <problem>" about the line last taken
  [[noreturn]] void fail(const std::string& problem) const;

 private:
  std::filesystem::path path_;
  LineReader reader_;
  std::deque<std::string> ahead_;
  std::int64_t line_number_ = 0;
};

}  // namespace vragent::data::formats

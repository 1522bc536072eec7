// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "data/formats/line_window.h"

#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/text.h"

namespace vragent::data::formats {

const std::string* LineWindow::peek(std::size_t ahead) {
  for (std::string line; ahead_.size() <= ahead;) {
    if (!reader_.next(line)) return nullptr;
    ahead_.push_back(std::move(line));
  }
  return &ahead_[ahead];
}

bool LineWindow::next(std::string& line) {
  if (ahead_.empty()) {
    if (!reader_.next(line)) return false;
  } else {
    line = std::move(ahead_.front());
    ahead_.pop_front();
  }
  ++line_number_;
  return true;
}

bool LineWindow::next_row(std::string& line) {
  while (next(line)) {
    if (line.find('\0') != std::string::npos) {
      fail("a NUL byte: the file is no text in UTF-8 (UTF-16?), or it is damaged");
    }
    if (!trim(line).empty()) return true;
  }
  return false;
}

std::string LineWindow::where(std::int64_t line_number) const {
  return formatted("{}:{}", path_, line_number);
}

void LineWindow::fail(const std::string& problem) const {
  throw DataError(where() + ": " + problem);
}

}  // namespace vragent::data::formats

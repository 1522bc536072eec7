// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/chat/stop_cutter.h"

#include <algorithm>
#include <utility>

namespace vragent::chat {
namespace {

/// Length of the longest end of `text` that `stop` begins with, without being all of it.
std::size_t open_end(std::string_view text, std::string_view stop) {
  for (std::size_t length = std::min(text.size(), stop.size() - 1); length > 0; --length) {
    if (text.ends_with(stop.substr(0, length))) return length;
  }
  return 0;
}

}  // namespace

StopCutter::StopCutter(const std::vector<std::string>& stops) : stops_(stops) {
  std::erase(stops_, "");
}

std::string StopCutter::push(std::string_view piece) {
  if (stopped_) return "";
  held_ += piece;
  std::size_t found = std::string::npos;
  std::size_t open = 0;
  for (const std::string& stop : stops_) {
    found = std::min(found, held_.find(stop));
    open = std::max(open, open_end(held_, stop));
  }
  stopped_ = found != std::string::npos;
  std::string certain = held_.substr(0, stopped_ ? found : held_.size() - open);
  held_ = stopped_ ? "" : held_.substr(certain.size());
  return certain;
}

std::string StopCutter::finish() {
  return std::exchange(held_, "");
}

}  // namespace vragent::chat

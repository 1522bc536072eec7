// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Stop strings: an answer that arrives in pieces ends before the first of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vragent::chat {

/// Holds back what could still become a stop string. The pieces that push() and finish() give,
/// joined, are the text before the first stop string, or all of it when there is none.
class StopCutter {
 public:
  /// @param stops  of two that begin at one place either ends the text there; empty ones are left
  /// out
  explicit StopCutter(const std::vector<std::string>& stops);

  /// What is certain after one more piece; nothing once stopped().
  std::string push(std::string_view piece);

  /// What was held back at the end of the text.
  std::string finish();

  /// Whether a stop string was found.
  [[nodiscard]] bool stopped() const { return stopped_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace vragent::chat

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// formatted("step={} loss={:.4f}", step, loss): fmt's syntax without fmt in the header. Arguments
// are handed over type-erased, because torch's bundled fmt and Debian's must never meet in one
// translation unit.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace vragent {

/// One argument: an integer, a double, a bool or text.
class FormatArg {
 public:
  FormatArg(bool flag) : value(flag) {}  // NOLINT(google-explicit-constructor)

  template <std::signed_integral T>
  FormatArg(T number) : value(static_cast<std::int64_t>(number)) {}  // NOLINT

  template <std::unsigned_integral T>

  requires(!std::same_as<T, bool>) FormatArg(T number)
      : value(static_cast<std::uint64_t>(number)) {}  // NOLINT

  template <std::floating_point T>
  FormatArg(T number) : value(static_cast<double>(number)) {}  // NOLINT

  FormatArg(std::string_view text) : value(std::string(text)) {}  // NOLINT

  FormatArg(const std::string& text) : value(text) {}  // NOLINT

  FormatArg(const char* text) : value(std::string(text)) {}  // NOLINT

  FormatArg(const std::filesystem::path& path) : value(path.string()) {}  // NOLINT

  std::variant<bool, std::int64_t, std::uint64_t, double, std::string> value;
};

/// The text of `pattern` with its {} replaced. @throws std::logic_error when pattern and arguments
/// do not fit.
std::string format_args(std::string_view pattern, std::initializer_list<FormatArg> args);

template <class... Args>
std::string formatted(std::string_view pattern, const Args&... args) {
  return format_args(pattern, {FormatArg(args)...});
}

}  // namespace vragent

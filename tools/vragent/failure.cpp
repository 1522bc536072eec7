// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "failure.h"

#include <exception>
#include <filesystem>
#include <iostream>
#include <new>

namespace vragent::tools {

Failure current_failure() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const std::filesystem::filesystem_error& error) {
    return {ExitCode::kIo, error.path1().string() + ": " + error.code().message()};
  } catch (const std::bad_alloc&) {
    return {ExitCode::kInternal, "out of memory"};
  } catch (const std::exception& error) {
    const std::string text = error.what();  // torch adds a stack trace behind the first lines
    return {ExitCode::kInternal,
            "internal error: " + text.substr(0, text.find("\nException raised"))};
  }
}

int report(const Failure& failure) {
  if (!failure.message.empty()) std::cerr << "vragent: " << failure.message << "\n";
  return static_cast<int>(failure.code);
}

}  // namespace vragent::tools

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Runs the built programs as a user's shell does: a bash line in which $vragent and $mini_world are
// the programs, in a folder of the test's own, with stdout, stderr and exit code kept apart.
#pragma once

#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/temp_dir.h"
#include "vragent/util/files.h"

namespace vragent::test {

/// What a command ended with; `code` is 128 + n when signal n ended it.
struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

/// A started bash line. Ends with wait(); a test that forgets it leaves a killed process.
class Running {
 public:
  /// @param talk folder for the files that collect stdout and stderr
  Running(const std::string& script,
          const std::filesystem::path& folder,
          std::filesystem::path talk)
      : talk_(std::move(talk)) {
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("cannot fork");
    if (pid_ == 0) become(script, folder);
  }

  ~Running() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void send(int signal_number) const { ::kill(pid_, signal_number); }

  /// Waits until `file` holds bytes. @throws std::runtime_error after a minute
  void wait_for(const std::filesystem::path& file) const {
    for (int i = 0; i < 12000; ++i) {
      std::error_code missing;
      if (std::filesystem::file_size(file, missing) > 0 && !missing) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    throw std::runtime_error(file.string() + " stays empty");
  }

  Ran wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
            read_file(talk_ / "stdout"),
            read_file(talk_ / "stderr")};
  }

 private:
  /// In the child: never returns.
  [[noreturn]] void become(const std::string& script, const std::filesystem::path& folder) const {
    redirect("/dev/null", O_RDONLY, STDIN_FILENO);
    redirect(talk_ / "stdout", O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    redirect(talk_ / "stderr", O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
    if (::chdir(folder.c_str()) != 0) ::_exit(126);
    ::setenv("vragent", VRAGENT_PROGRAM, 1);
    ::setenv("mini_world", MINI_WORLD_PROGRAM, 1);
    ::setenv("OMP_NUM_THREADS", "1", 1);
    ::execl("/bin/bash", "bash", "-c", script.c_str(), nullptr);
    ::_exit(127);
  }

  static void redirect(const std::filesystem::path& path, int flags, int descriptor) {
    const int opened = ::open(path.c_str(), flags, 0644);
    if (opened < 0 || ::dup2(opened, descriptor) < 0) ::_exit(126);
    ::close(opened);
  }

  std::filesystem::path talk_;
  pid_t pid_ = -1;
};

/// A test that types commands in an empty folder.
class CommandLine : public ::testing::Test {
 protected:
  /// Runs a bash line to its end.
  Ran run(const std::string& script) { return Running(script, here(), talk_.path()).wait(); }

  /// Starts one command (no pipe: signals reach it directly).
  std::unique_ptr<Running> start(const std::string& command) {
    return std::make_unique<Running>("exec " + command, here(), talk_.path());
  }

  /// Runs a command that must succeed; its stdout.
  std::string output_of(const std::string& script) {
    const Ran ran = run(script);
    EXPECT_EQ(ran.code, 0) << script << "\n" << ran.err;
    return ran.out;
  }

  [[nodiscard]] const std::filesystem::path& here() const { return folder_.path(); }

  void write(const std::string& name, const std::string& content) {
    write_file(here() / name, content);
  }

  [[nodiscard]] std::string read(const std::string& name) const { return read_file(here() / name); }

  [[nodiscard]] bool exists(const std::string& name) const {
    return std::filesystem::exists(here() / name);
  }

 private:
  TempDir folder_;
  TempDir talk_;
};

}  // namespace vragent::test

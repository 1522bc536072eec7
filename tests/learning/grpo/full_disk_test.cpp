// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// GRPO on a disk that is full in the middle of a step's files.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "learning/grpo/grpo_training.h"
#include "learning/run_files.h"
#include "vragent/util/error.h"

namespace vragent::learning {
namespace {

namespace fs = std::filesystem;

/// While it stands no file grows beyond so many bytes, as on a full disk.
class RoomForFiles {
 public:
  explicit RoomForFiles(std::uintmax_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    const rlimit limit{.rlim_cur = static_cast<rlim_t>(bytes), .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }

  ~RoomForFiles() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

  RoomForFiles(const RoomForFiles&) = delete;
  RoomForFiles& operator=(const RoomForFiles&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_ = {};
};

/// The run must end because one of its files does not fit.
void expect_full(const GrpoConfig& config, std::uintmax_t bytes, const std::string& file) {
  const RoomForFiles room(bytes);
  try {
    run_grpo(config);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kIo);
    EXPECT_THAT(error.what(), ::testing::HasSubstr(file + ": cannot write: File too large"));
  }
}

/// Folders below a run's.
std::vector<std::string> folders_in(const fs::path& run_folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(run_folder)) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST_F(GrpoTraining, KeepsTheCheckpointBeforeAFullDiskAndGoesOnFromIt) {
  GrpoConfig whole = config("roomy", "mixed.jsonl");
  whole.stages = {"both:1"};
  whole.save_every = 1;
  whole.keep_checkpoints = 9;
  ASSERT_EQ(run_grpo(whole).steps, 4);
  const std::string all = read_file(whole.out / "completions.jsonl");
  GrpoConfig full = whole;
  full.out = *folder_ / "full";
  full.resume = true;
  request_interrupt(SIGTERM);
  EXPECT_THROW(run_grpo(full), Interrupted);
  clear_interrupt();
  const fs::path kept = full.out / "checkpoint-1";
  const std::string first = read_file(full.out / "completions.jsonl");
  ASSERT_TRUE(all.starts_with(first));

  // The optimiser's state lacks its last byte, behind a model that is written whole.
  expect_full(full, fs::file_size(kept / "state/state.safetensors") - 1, "state.safetensors");
  const std::string second = read_file(full.out / "completions.jsonl");
  EXPECT_GT(second.size(), first.size()) << "the step's answers came before its checkpoint";
  EXPECT_TRUE(all.starts_with(second) && second.ends_with('\n'));

  // The next step's second answer is cut in its middle.
  const std::size_t begin = all.find('\n', first.size()) + 1;
  const std::size_t middle = (begin + all.find('\n', begin)) / 2;
  expect_full(full, middle, "completions.jsonl");
  EXPECT_EQ(read_file(full.out / "completions.jsonl"), all.substr(0, begin)) << "whole lines";

  EXPECT_EQ(folders_in(full.out), (std::vector<std::string>{"checkpoint-1"})) << "no half one";
  EXPECT_TRUE(test::same_tensors(weights_in(kept), weights_in(whole.out / "checkpoint-1")));
  EXPECT_NO_THROW(models::load_causal_lm(kept, torch::kFloat32, torch::kCPU));
  run_grpo(full);
  EXPECT_TRUE(test::same_tensors(weights_in(full.out), weights_in(whole.out)));
  EXPECT_EQ(read_file(full.out / "completions.jsonl"), all);
  EXPECT_EQ(timeless_log(full.out), timeless_log(whole.out));
}

}  // namespace
}  // namespace vragent::learning

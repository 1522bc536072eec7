// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/safetensors.h"

#include <cstring>
#include <fstream>

#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "support/tensor_matchers.h"
#include "vragent/nn/checkpoint.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::nn {
namespace {

namespace fs = std::filesystem;
using test::TempDir;

/// A file with this header and buffer.
void write_raw(const fs::path& path, const std::string& header, const std::string& buffer) {
  const std::uint64_t size = header.size();
  std::string bytes(reinterpret_cast<const char*>(&size), sizeof size);
  write_file(path, bytes + header + buffer);
}

std::string bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

TEST(Safetensors, GiveBackEveryTypeAndShape) {
  const TempDir folder;
  NamedTensors tensors = {{"f32", test::randn({3, 4}, 1)},
                          {"bf16", test::randn({5}, 2).to(torch::kBFloat16)},
                          {"f16", test::randn({2, 1, 2}, 3).to(torch::kFloat16)},
                          {"f64", test::randn({2, 2}, 4).to(torch::kFloat64)},
                          {"i64", torch::tensor({std::int64_t{-1}, INT64_MAX})},
                          {"bool", torch::tensor({true, false, true})},
                          {"u8", torch::tensor({0, 255}, torch::kUInt8)},
                          {"scalar", torch::tensor(2.5F)},
                          {"empty", torch::empty({0, 7})},
                          {"name with / and \"quotes\" \n é", torch::ones({1})}};
  save_safetensors(folder / "a.safetensors", tensors);
  EXPECT_TRUE(test::same_tensors(load_safetensors(folder / "a.safetensors"), tensors));
  EXPECT_EQ(SafetensorsFile(folder / "a.safetensors").metadata().at("format"), "pt");
}

TEST(Safetensors, KeepNotANumberAndInfinityBitForBit) {
  const TempDir folder;
  const torch::Tensor odd = torch::tensor({NAN, INFINITY, -INFINITY, -0.0F});
  save_safetensors(folder / "a.safetensors", {{"odd", odd}});
  const torch::Tensor back = load_safetensors(folder / "a.safetensors").at("odd");
  EXPECT_EQ(std::memcmp(back.data_ptr(), odd.data_ptr(), odd.nbytes()), 0);
}

TEST(Safetensors, StoreViewsAsTheyAreSeen) {
  const TempDir folder;
  const torch::Tensor base = torch::arange(12, torch::kFloat32).view({3, 4});
  save_safetensors(folder / "a.safetensors", {{"t", base.t()}, {"column", base.select(1, 2)}});
  const NamedTensors back = load_safetensors(folder / "a.safetensors");
  EXPECT_TRUE(back.at("t").equal(base.t()));
  EXPECT_TRUE(back.at("column").equal(base.select(1, 2)));
}

TEST(Safetensors, AlignTheBufferTheyWriteToEightBytes) {
  const TempDir folder;
  for (const char* name : {"a", "ab", "abc", "abcdefgh"}) {
    save_safetensors(folder / "a.safetensors", {{name, torch::ones({1})}});
    std::uint64_t header = 0;
    std::memcpy(&header, read_file(folder / "a.safetensors").data(), sizeof header);
    EXPECT_EQ(header % 8, 0) << name;
  }
}

TEST(Safetensors, ReadABufferThatIsNotAligned) {
  const TempDir folder;
  for (const char* padding : {"", " ", "  ", "   "}) {
    const std::string header =
        std::string(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})") + padding;
    write_raw(folder / "a.safetensors", header, bytes_of({1.5F, -2.0F}));
    const SafetensorsFile file(folder / "a.safetensors");
    EXPECT_TRUE(file.tensor("w").equal(torch::tensor({1.5F, -2.0F}))) << std::strlen(padding);
  }
}

TEST(Safetensors, KeepTheMappingAliveForTheirTensors) {
  const TempDir folder;
  save_safetensors(folder / "a.safetensors", {{"w", torch::full({1000}, 3.0F)}});
  torch::Tensor tensor;
  {
    const SafetensorsFile file(folder / "a.safetensors");
    tensor = file.tensor("w");
  }
  EXPECT_EQ(tensor.sum().item<float>(), 3000.0F);
}

/// Megabytes of mapped files that are in this process's memory.
double resident_file_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssFile:")) return std::stod(line.substr(8)) / 1024;
  }
  return -1;
}

TEST(DropPages, GivesMemoryBackAndKeepsTheNumbers) {
  const TempDir folder;
  const torch::Tensor numbers = torch::arange(8 << 20, torch::kFloat32);  // 32 MB
  save_safetensors(folder / "a.safetensors", {{"w", numbers}});
  const SafetensorsFile file(folder / "a.safetensors");
  const torch::Tensor tensor = file.tensor("w");
  EXPECT_TRUE(tensor.equal(numbers));
  const double before = resident_file_megabytes();
  drop_pages(tensor.narrow(0, 0, 4 << 20));
  EXPECT_NEAR(before - resident_file_megabytes(), 16, 2);
  drop_pages(tensor);
  EXPECT_NEAR(before - resident_file_megabytes(), 32, 2);
  EXPECT_TRUE(tensor.equal(numbers));
}

TEST(DropPages, LeavesOtherTensorsAlone) {
  const torch::Tensor owned = torch::ones({1 << 20});
  drop_pages(owned);
  drop_pages(owned.t());
  drop_pages(torch::Tensor());
  EXPECT_TRUE(owned.equal(torch::ones({1 << 20})));
}

TEST(Safetensors, NameTheTensorThatIsNotThere) {
  const TempDir folder;
  save_safetensors(folder / "a.safetensors", {{"w", torch::ones({1})}});
  const SafetensorsFile file(folder / "a.safetensors");
  EXPECT_FALSE(file.contains("v"));
  try {
    (void)file.tensor("v");
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("\"v\""), std::string::npos);
  }
}

TEST(Safetensors, SayThatAFileIsAPointerOfGitLfs) {
  const TempDir folder;
  write_file(folder / "a.safetensors",
             "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 988097824\n");
  try {
    const SafetensorsFile file(folder / "a.safetensors");
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("a.safetensors: a Git LFS pointer"), std::string::npos)
        << error.what();
  }
}

TEST(Safetensors, SayThatAMissingFileIsMissing) {
  try {
    const SafetensorsFile file("/nowhere/model.safetensors");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kNoInput);
  }
}

TEST(Safetensors, LeaveTheOldFileWhenTheNewOneCannotBeWritten) {
  const TempDir folder;
  save_safetensors(folder / "a.safetensors", {{"w", torch::ones({1})}});
  // Complex numbers have no name in the format: refused before anything is written.
  EXPECT_THROW(
      save_safetensors(folder / "a.safetensors", {{"w", torch::ones({1}, torch::kComplexFloat)}}),
      std::logic_error);
  EXPECT_TRUE(load_safetensors(folder / "a.safetensors").at("w").equal(torch::ones({1})));
}

TEST(TrainingState, ComesBackWithTensorsByPrefixAndExactNumbers) {
  const TempDir folder;
  TrainingState state;
  state.add("model.", {{"w", test::randn({2, 3}, 1)}});
  state.add("optimizer.", {{"m.w", test::randn({2, 3}, 2)}, {"step.w", torch::tensor(7.0F)}});
  state.numbers = {{"step", 9007199254740992.0}, {"hit_rate", 0.1}};
  save_training_state(folder / "checkpoint", state);
  const TrainingState back = load_training_state(folder / "checkpoint");
  EXPECT_TRUE(test::same_tensors(back.tensors, state.tensors));
  EXPECT_EQ(back.numbers, state.numbers);
  EXPECT_EQ(back.with_prefix("optimizer.").size(), 2);
  EXPECT_TRUE(back.with_prefix("model.").at("w").equal(state.tensors.at("model.w")));
  EXPECT_FALSE(lookup_in(back.tensors)("model.v").defined());
}

TEST(TrainingState, StaysWhatItWasWhenAnotherSaveFails) {
  const TempDir folder;
  TrainingState state;
  state.add("", {{"w", torch::ones({2})}});
  save_training_state(folder / "checkpoint", state);
  TrainingState broken;
  broken.add("", {{"w", torch::ones({2}, torch::kComplexFloat)}});
  EXPECT_THROW(save_training_state(folder / "checkpoint", broken), std::logic_error);
  EXPECT_TRUE(
      test::same_tensors(load_training_state(folder / "checkpoint").tensors, state.tensors));
  std::size_t entries = 0;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    (void)entry;
    ++entries;
  }
  EXPECT_EQ(entries, 1) << "the half-written folder is left behind";
}

TEST(TrainingState, SaysWhenThereIsNoneAndWhenItIsDamaged) {
  const TempDir folder;
  EXPECT_THROW(load_training_state(folder / "none"), Error);
  TrainingState state;
  state.add("", {{"w", torch::ones({2})}});
  save_training_state(folder / "checkpoint", state);
  write_file(folder.path() / "checkpoint" / "state.json", "{\"step\": \"seven\"}");
  EXPECT_THROW(load_training_state(folder / "checkpoint"), DataError);
}

}  // namespace
}  // namespace vragent::nn

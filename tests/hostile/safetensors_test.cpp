// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Files that lie (`reliability.md` F7): each is refused at once, with the rule it breaks.
#include "vragent/nn/safetensors.h"

#include <ctime>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/refusal_time.h"
#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::nn {
namespace {

namespace fs = std::filesystem;
using test::TempDir;

std::string with_length(std::uint64_t length, const std::string& rest) {
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + rest;
}

/// A file with this header, honest about its length.
std::string file_of(const std::string& header, std::size_t buffer_bytes = 0) {
  return with_length(header.size(), header + std::string(buffer_bytes, 'x'));
}

/// One F32 tensor "w" whose shape and offsets are these texts.
std::string one_tensor(const std::string& shape,
                       const std::string& offsets,
                       std::size_t bytes = 8) {
  return file_of(R"({"w":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}",
                 bytes);
}

std::string two_tensors(const std::string& first, const std::string& second, std::size_t bytes) {
  return file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
                     R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}",
                 bytes);
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

struct Hostile {
  const char* name;
  std::string bytes;
  const char* rule;  ///< what the message must say
};

const std::string kGood = R"("w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";

std::vector<Hostile> bad_lengths_and_texts() {
  return {
      {"empty file", "", "too short"},
      {"seven bytes", "1234567", "too short"},
      {"length 0", with_length(0, ""), "does not start with {"},
      {"length 0 with a buffer", with_length(0, "{}"), "does not start with {"},
      {"length 2^63", with_length(1ULL << 63U, "{}"), "header length"},
      {"length 2^64-1", with_length(~0ULL, "{}"), "header length"},
      {"length 2^64-8, which wraps", with_length(~0ULL - 7, "{}"), "header length"},
      {"length one above the file", with_length(3, "{}"), "header length"},
      {"length above 100 MB", with_length(100'000'001, "{}"), "header length"},
      {"space before the object", file_of(" {" + kGood + "}", 8), "does not start with {"},
      {"list instead of object", file_of("[1]"), "does not start with {"},
      {"byte order mark", file_of("\xEF\xBB\xBF{}"), "does not start with {"},
      {"null", file_of("null"), "does not start with {"},
      {"bad UTF-8 in a name", file_of("{\"\xFF\":{}}"), "not JSON"},
      {"overlong UTF-8", file_of("{\"\xC0\xAF\":{}}"), "not JSON"},
      {"lone surrogate", file_of(R"({"\ud800":{}})"), "not JSON"},
      {"control character in a name", file_of("{\"a\nb\":{}}"), "not JSON"},
      {"text cut short", file_of("{\"w\":{\"dtype\":"), "not JSON"},
      {"two objects", file_of("{}{}"), "not JSON"},
      {"text behind the object", file_of("{} x"), "not JSON"},
      {"zeros behind the object", file_of(std::string("{}") + std::string(6, '\0')), "not JSON"},
      {"a second object behind a zero", file_of(std::string("{}\0{}", 5)), "not JSON"},
      {"comment", file_of("{/* */}"), "not JSON"},
      {"single quotes", file_of("{'w':1}"), "not JSON"},
      {"not-a-number literal", file_of(R"({"w":NaN})"), "not JSON"},
      {"trailing comma", file_of("{" + kGood + ",}", 8), "not JSON"},
      {"lists 100,000 deep", file_of(R"({"w":)" + std::string(100'000, '[')), "nested"},
      {"objects 100,000 deep", file_of(repeated(R"({"w":)", 100'000)), "nested"},
      {"a closed nest of lists",
       file_of(R"({"w":)" + std::string(50'000, '[') + std::string(50'000, ']') + "}"),
       "nested"},
  };
}

std::vector<Hostile> bad_names_and_types() {
  return {
      {"duplicate name", file_of("{" + kGood + "," + kGood + "}", 8), "duplicate name"},
      {"duplicate field",
       file_of(R"({"w":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,8]}})", 8),
       "duplicate name"},
      {"duplicate metadata", file_of(R"({"__metadata__":{"a":"1","a":"2"}})"), "duplicate name"},
      {"name repeated in another spelling",
       file_of(R"({"\u0077":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)" + kGood + "}", 8),
       "duplicate name"},
      {"number as metadata", file_of(R"({"__metadata__":{"a":1}})"), "a string is wanted"},
      {"object in metadata", file_of(R"({"__metadata__":{"a":{}}})"), "a string is wanted"},
      {"list of metadata", file_of(R"({"__metadata__":["a"]})"), "an object is wanted"},
      {"number instead of a tensor", file_of(R"({"w":1})"), "an object is wanted"},
      {"list instead of a tensor", file_of(R"({"w":[0,8]})"), "an object is wanted"},
      {"quantised type",
       file_of(R"({"w":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}})", 8),
       "dtype F8_E4M3"},
      {"unknown type",
       file_of(R"({"w":{"dtype":"Q4_0","shape":[8],"data_offsets":[0,8]}})", 8),
       "dtype Q4_0"},
      {"type in small letters",
       file_of(R"({"w":{"dtype":"f32","shape":[2],"data_offsets":[0,8]}})", 8),
       "dtype f32"},
      {"empty type", file_of(R"({"w":{"dtype":"","shape":[2],"data_offsets":[0,8]}})", 8), "dtype"},
      {"type as a number",
       file_of(R"({"w":{"dtype":3,"shape":[2],"data_offsets":[0,8]}})", 8),
       "are wanted"},
      {"no type", file_of(R"({"w":{"shape":[2],"data_offsets":[0,8]}})", 8), "are wanted"},
      {"no shape", file_of(R"({"w":{"dtype":"F32","data_offsets":[0,8]}})", 8), "are wanted"},
      {"no offsets", file_of(R"({"w":{"dtype":"F32","shape":[2]}})", 8), "are wanted"},
      {"a field too many",
       file_of(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})", 8),
       "are wanted"},
  };
}

std::vector<Hostile> bad_shapes() {
  return {
      {"shape as a number", one_tensor("2", "[0,8]"), "shape"},
      {"shape as text", one_tensor("\"2\"", "[0,8]"), "shape"},
      {"null shape", one_tensor("null", "[0,8]"), "shape"},
      {"negative extent", one_tensor("[-2]", "[0,8]"), "shape"},
      {"two negative extents", one_tensor("[-1,-2]", "[0,8]"), "shape"},
      {"fractional extent", one_tensor("[2.0]", "[0,8]"), "shape"},
      {"extent as text", one_tensor("[\"2\"]", "[0,8]"), "shape"},
      {"list as extent", one_tensor("[[2]]", "[0,8]"), "shape"},
      {"extent above 64 bits", one_tensor("[18446744073709551616]", "[0,8]"), "shape"},
      {"extent of 1e30", one_tensor("[1e30]", "[0,8]"), "shape"},
      {"product above 64 bits", one_tensor("[4294967296,4294967296]", "[0,8]"), "overflow"},
      {"product that wraps to 8 bytes",
       one_tensor("[2,2305843009213693952,8]", "[0,8]"),
       "overflow"},
      {"bytes above 64 bits", one_tensor("[4611686018427387904]", "[0,8]"), "overflow"},
      {"extent 2^63 beside a zero", one_tensor("[0,9223372036854775808]", "[0,0]", 0), "too large"},
      {"strides above 64 bits beside a zero",
       one_tensor("[0,4611686018427387904,4611686018427387904]", "[0,0]", 0),
       "overflow"},
      {"shape larger than the span", one_tensor("[3]", "[0,8]"), "do not span"},
      {"shape smaller than the span", one_tensor("[1]", "[0,8]"), "do not span"},
      {"zero elements over eight bytes", one_tensor("[0]", "[0,8]"), "do not span"},
      {"200,000 extents", one_tensor("[" + repeated("1,", 200'000) + "2]", "[0,8]"), "extents"},
  };
}

std::vector<Hostile> bad_offsets() {
  return {
      {"negative offset", one_tensor("[2]", "[-8,0]"), "data_offsets"},
      {"fractional offset", one_tensor("[2]", "[0.0,8.0]"), "data_offsets"},
      {"offset as text", one_tensor("[2]", "[\"0\",\"8\"]"), "data_offsets"},
      {"one offset", one_tensor("[2]", "[8]"), "data_offsets"},
      {"three offsets", one_tensor("[2]", "[0,8,16]"), "data_offsets"},
      {"offsets as an object", one_tensor("[2]", R"({"a":0,"b":8})"), "data_offsets"},
      {"null offsets", one_tensor("[2]", "null"), "data_offsets"},
      {"end before begin", one_tensor("[2]", "[8,0]"), "do not span"},
      {"end before begin, wrapping", one_tensor("[2]", "[18446744073709551615,7]"), "do not span"},
      {"offsets beyond the file", one_tensor("[2]", "[1024,1032]"), "hole or overlap"},
      {"offsets near 2^63",
       one_tensor("[2]", "[9223372036854775800,9223372036854775808]"),
       "hole or overlap"},
      {"offsets near 2^64",
       one_tensor("[2]", "[18446744073709551607,18446744073709551615]"),
       "hole or overlap"},
      {"hole in front", one_tensor("[2]", "[8,16]", 16), "hole or overlap"},
      {"hole between", two_tensors("[0,4]", "[8,12]", 12), "hole or overlap"},
      {"overlap", two_tensors("[0,4]", "[2,6]", 6), "hole or overlap"},
      {"the same bytes twice", two_tensors("[0,4]", "[0,4]", 4), "hole or overlap"},
      {"bytes behind the tensors", two_tensors("[0,4]", "[4,8]", 9), "truncated?"},
      {"last byte missing", two_tensors("[0,4]", "[4,8]", 7), "truncated?"},
      {"no buffer at all", two_tensors("[0,4]", "[4,8]", 0), "truncated?"},
      {"tensors of a file without any", file_of("{}", 3), "truncated?"},
  };
}

class HostileSafetensors : public ::testing::Test {
 protected:
  void expect_refused(const Hostile& hostile, const fs::path& path) {
    const std::clock_t start = std::clock();  // of this process: other load does not count
    try {
      const SafetensorsFile file(path);
      ADD_FAILURE() << hostile.name << ": was accepted";
    } catch (const DataError& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find(hostile.rule), std::string::npos)
          << hostile.name << ": " << message.substr(0, 300);
      EXPECT_NE(message.find(path.string()), std::string::npos) << hostile.name;
    } catch (const std::exception& error) {
      ADD_FAILURE() << hostile.name << ": not a DataError: " << error.what();
    }
    EXPECT_LE(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, test::kLongestRefusal)
        << hostile.name;
  }

  void expect_all_refused(const std::vector<Hostile>& files) {
    for (const Hostile& hostile : files) {
      write_file_unsynced(folder_ / "bad.safetensors", hostile.bytes);
      expect_refused(hostile, folder_ / "bad.safetensors");
    }
  }

  TempDir folder_;
};

TEST_F(HostileSafetensors, LyingLengthsAndBrokenTextsAreRefused) {
  expect_all_refused(bad_lengths_and_texts());
}

TEST_F(HostileSafetensors, WrongNamesMetadataAndTypesAreRefused) {
  expect_all_refused(bad_names_and_types());
}

TEST_F(HostileSafetensors, ImpossibleShapesAreRefused) {
  expect_all_refused(bad_shapes());
}

TEST_F(HostileSafetensors, OffsetsWithHolesOverlapsOrOutsideTheFileAreRefused) {
  expect_all_refused(bad_offsets());
}

TEST_F(HostileSafetensors, AnHonestLengthAbove100MegabytesIsRefusedUnread) {
  const fs::path path = folder_ / "big.safetensors";
  write_file_unsynced(path, with_length(100'000'001, "{"));
  fs::resize_file(path, 100'000'009);  // sparse
  expect_refused({"100,000,001 bytes of header", "", "header length"}, path);
}

TEST_F(HostileSafetensors, AFolderOrAPipeIsRefusedWithoutWaiting) {
  fs::create_directory(folder_ / "folder.safetensors");
  expect_refused({"folder", "", "regular file"}, folder_ / "folder.safetensors");
  ASSERT_EQ(::mkfifo((folder_ / "pipe.safetensors").c_str(), 0600), 0);
  expect_refused({"pipe", "", "regular file"}, folder_ / "pipe.safetensors");
}

TEST_F(HostileSafetensors, AFileOfAMillionNamesIsRefusedInASecond) {
  std::string header = "{";
  for (int i = 0; i < 1'000'000; ++i)
    header += "\"" + std::to_string(i) + R"(":{"dtype":"U8","shape":[],"data_offsets":[0,1]},)";
  header.back() = '}';
  write_file_unsynced(folder_ / "many.safetensors", file_of(header, 1));
  expect_refused({"a million tensors", "", "tensors"}, folder_ / "many.safetensors");
}

TEST_F(HostileSafetensors, OffsetsAboveFourGigabytesAreReadRightAndCutFilesRefused) {
  constexpr std::uint64_t kFiller = (std::uint64_t{1} << 32U) + 8;  // 32 bits would make it 8
  const std::string filler = std::to_string(kFiller);
  const std::string end = std::to_string(kFiller + 16);
  std::string header = R"({"filler":{"dtype":"U8","shape":[)" + filler + R"(],"data_offsets":[0,)";
  header += filler + R"(]},"last":{"dtype":"F32","shape":[4],"data_offsets":[)" + filler + ",";
  header += end + "]}}";
  header.append((8 - header.size() % 8) % 8, ' ');
  const fs::path path = folder_ / "large.safetensors";
  write_file_unsynced(path, file_of(header));
  const std::uint64_t buffer = 8 + header.size();
  std::error_code refused;
  fs::resize_file(path, buffer + kFiller, refused);  // sparse
  if (refused) GTEST_SKIP() << path << ": no sparse file of 4 GiB: " << refused.message();
  const float numbers[4] = {1.5F, -2.0F, 0.25F, 3e30F};
  append_file(path, {reinterpret_cast<const char*>(numbers), sizeof numbers});
  {
    const SafetensorsFile file(path);
    EXPECT_TRUE(file.tensor("last").equal(torch::tensor({1.5F, -2.0F, 0.25F, 3e30F})));
    EXPECT_EQ(file.tensor("filler").numel(), static_cast<std::int64_t>(kFiller));
  }
  for (const std::uint64_t size : {buffer + kFiller + 15, buffer + kFiller, buffer + 8 + 16}) {
    fs::resize_file(path, size);
    expect_refused({"4 GiB, cut", "", "truncated?"}, path);
  }
}

TEST_F(HostileSafetensors, OddButLegalFilesAreRead) {
  const std::string long_name(1 << 20, 'n');
  const std::vector<std::pair<std::string, std::string>> legal = {
      {"w", file_of("{" + kGood + "}   ", 8)},
      {"", file_of(R"({"":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})", 1)},
      {"../a/b", file_of(R"({"../a/b":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})", 1)},
      {std::string("a\0b", 3),
       file_of(R"({"a\u0000b":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})", 1)},
      {long_name,
       file_of("{\"" + long_name + R"(":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1)},
      {"z",
       file_of(R"({"__metadata__":{},"z":{"dtype":"F32","shape":[3,0,2],"data_offsets":[0,0]}})")},
      {"b",
       file_of(R"({"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]},)"
               R"("a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
               R"("empty":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}})",
               4)}};
  for (const auto& [name, bytes] : legal) {
    write_file_unsynced(folder_ / "odd.safetensors", bytes);
    const SafetensorsFile file(folder_ / "odd.safetensors");
    EXPECT_TRUE(file.tensor(name).defined()) << name.substr(0, 40);
  }
  write_file_unsynced(folder_ / "none.safetensors", file_of("{}"));
  EXPECT_TRUE(SafetensorsFile(folder_ / "none.safetensors").names().empty());
}

}  // namespace
}  // namespace vragent::nn

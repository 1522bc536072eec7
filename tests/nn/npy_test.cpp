// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/npy.h"

#include <cstring>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::nn {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// A version 1 file: magic, version, header length, header, numbers.
template <class T>
std::string npy(const std::string& description,
                const std::string& order,
                const std::string& shape,
                const std::vector<T>& values) {
  std::string header =
      "{'descr': '" + description + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
  header += std::string(64 - (10 + header.size() + 1) % 64, ' ') + "\n";
  std::string file = "\x93NUMPY";
  file += '\x01';
  file += '\0';
  file += static_cast<char>(header.size() % 256);
  file += static_cast<char>(header.size() / 256);
  file += header;
  file.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  return file;
}

class LoadNpy : public ::testing::Test {
 protected:
  torch::Tensor load(const std::string& content) {
    write_file(folder_ / "a.npy", content);
    return load_npy(folder_ / "a.npy");
  }

  void expect_refusal(const std::string& content, const std::string& part) {
    EXPECT_THAT([&] { load(content); }, ThrowsMessage<DataError>(HasSubstr(part)));
  }

  test::TempDir folder_;
};

TEST_F(LoadNpy, ReadsRowsAsNumPyWritesThem) {
  const auto got = load(npy<float>("<f4", "False", "(2, 3)", {1, 2, 3, 4, 5, 6}));
  EXPECT_TRUE(got.equal(torch::tensor({{1.F, 2.F, 3.F}, {4.F, 5.F, 6.F}})));
}

TEST_F(LoadNpy, ReadsOtherTypesVectorsAndFortranOrder) {
  EXPECT_TRUE(load(npy<std::int64_t>("<i8", "False", "(3,)", {7, 8, 9}))
                  .equal(torch::tensor({7, 8, 9}, torch::kInt64)));
  EXPECT_TRUE(load(npy<double>("<f8", "True", "(2, 3)", {1, 4, 2, 5, 3, 6}))
                  .equal(torch::tensor({{1., 2., 3.}, {4., 5., 6.}}, torch::kFloat64)));
  EXPECT_EQ(load(npy<float>("<f4", "False", "(0, 3)", {})).size(1), 3);
}

TEST_F(LoadNpy, RefusesWhatIsNoArray) {
  const std::vector<float> two = {1, 2};
  expect_refusal("", "not a .npy file");
  expect_refusal("PK\x03\x04 and so on and on", "not a .npy file");
  expect_refusal(npy<float>("<f4", "False", "(2, 3)", two),
                 "8 bytes of numbers, its shape wants 24");
  expect_refusal(npy<float>(">f4", "False", "(2,)", two), "'>f4' are not read");
  expect_refusal(npy<float>("|O", "False", "(2,)", two), "'|O' are not read");
  expect_refusal(npy<float>("<f4", "False", "(2, x)", two), "is not one");
  expect_refusal(npy<float>("<f4", "False", "(-2,)", two), "is not one");
  expect_refusal(npy<float>("<f4", "False", "(2, 2", two), "breaks off");
  expect_refusal(npy<float>("<f4", "False", "(2,)", two).substr(0, 40), "breaks off");
}

}  // namespace
}  // namespace vragent::nn

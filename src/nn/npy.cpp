// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/npy.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/text.h"

namespace vragent::nn {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kMaxAxes = 8;

struct Header {
  torch::Dtype dtype = torch::kFloat32;
  bool is_fortran = false;
  std::vector<std::int64_t> shape;
  std::size_t begin = 0;  ///< of the numbers, in the file
};

torch::Dtype dtype_of(std::string_view description, const std::string& where) {
  if (description == "<f2") return torch::kFloat16;
  if (description == "<f4") return torch::kFloat32;
  if (description == "<f8") return torch::kFloat64;
  if (description == "<i4") return torch::kInt32;
  if (description == "<i8") return torch::kInt64;
  throw DataError(
      formatted("{}: numbers of type '{}' are not read (save float32)", where, description));
}

/// What stands behind 'key': up to the comma or brace that ends it.
std::string_view value_of(std::string_view header, std::string_view key, const std::string& where) {
  const auto at = header.find(key);
  const auto colon = at == header.npos ? at : header.find(':', at);
  if (colon == header.npos) throw DataError(formatted("{}: the header has no {}", where, key));
  const std::string_view rest = trim(header.substr(colon + 1));
  const auto end = rest.starts_with('(') ? rest.find(')') : rest.find_first_of(",}");
  if (end == rest.npos) throw DataError(formatted("{}: the header breaks off", where));
  return trim(rest.substr(0, end));
}

std::vector<std::int64_t> shape_of(std::string_view text, const std::string& where) {
  std::vector<std::int64_t> shape;
  if (!text.starts_with('(')) throw DataError(where + ": the header's shape is no tuple");
  for (const std::string_view part : split(text.substr(1), ',')) {
    const std::string_view digits = trim(part);
    if (digits.empty()) continue;
    const std::int64_t size = parse_integer(digits).value_or(-1);
    if (size < 0 || size > (std::int64_t{1} << 40) || shape.size() == kMaxAxes) {
      throw DataError(formatted("{}: the header's shape {}) is not one", where, text));
    }
    shape.push_back(size);
  }
  return shape;
}

Header header_of(std::string_view file, const std::string& where) {
  if (!file.starts_with(kMagic) || file.size() < 12)
    throw DataError(where + ": not a .npy file (it does not begin with \\x93NUMPY)");
  const auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(file[i]));
  };
  const bool is_long = byte(6) >= 2;
  const std::size_t begin = is_long ? 12 : 10;
  std::size_t length = byte(8) + (byte(9) << 8U);
  if (is_long) length += (byte(10) << 16U) + (byte(11) << 24U);
  if (file.size() - begin < length) throw DataError(where + ": the header breaks off");
  const std::string_view text = file.substr(begin, length);
  std::string_view description = value_of(text, "'descr'", where);
  if (description.size() >= 2) description = description.substr(1, description.size() - 2);
  return {.dtype = dtype_of(description, where),
          .is_fortran = value_of(text, "'fortran_order'", where) == "True",
          .shape = shape_of(value_of(text, "'shape'", where), where),
          .begin = begin + length};
}

}  // namespace

torch::Tensor load_npy(const std::filesystem::path& path) {
  const std::string file = read_file(path);
  const std::string where = path.string();
  Header header = header_of(file, where);
  double count = 1;
  for (const std::int64_t size : header.shape) count *= static_cast<double>(size);
  const auto width = static_cast<double>(torch::elementSize(header.dtype));
  if (count * width != static_cast<double>(file.size() - header.begin)) {
    throw DataError(formatted("{}: {} bytes of numbers, its shape wants {}",
                              where,
                              file.size() - header.begin,
                              count * width));
  }
  if (header.is_fortran) std::reverse(header.shape.begin(), header.shape.end());
  torch::Tensor array = torch::empty(header.shape, header.dtype);
  if (array.numel() > 0)
    std::memcpy(array.data_ptr(), file.data() + header.begin, file.size() - header.begin);
  if (!header.is_fortran) return array;
  std::vector<std::int64_t> axes;
  for (std::int64_t axis = array.dim(); axis > 0; --axis) axes.push_back(axis - 1);
  return array.permute(axes).contiguous();
}

}  // namespace vragent::nn

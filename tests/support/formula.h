// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Weights and images as formulas of their indices, the same as in scripts/make_golden.py: goldens
// need no stored weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <torch/nn/module.h>
#include <torch/types.h>

#include "vragent/media/image.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace vragent::test {

/// FNV-1a, 32 bits.
inline std::uint32_t hash_name(const std::string& name) {
  std::uint32_t value = 2166136261U;
  for (const char c : name) value = (value ^ static_cast<unsigned char>(c)) * 16777619U;
  return value;
}

/// A mix of an index with a key.
inline std::uint32_t bits_of(std::uint32_t index, std::uint32_t key) {
  std::uint32_t x = index * 2654435761U + key;
  x ^= x >> 15U;
  x *= 2246822519U;
  x ^= x >> 13U;
  x *= 3266489917U;
  return x ^ (x >> 16U);
}

/// fp32 in [-0.35, 0.35).
inline torch::Tensor formula(at::IntArrayRef shape, const std::string& name) {
  torch::Tensor values = torch::empty(shape);
  auto* data = values.data_ptr<float>();
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    const std::uint32_t bits = bits_of(static_cast<std::uint32_t>(i), hash_name(name));
    data[i] = static_cast<float>(bits / 4294967296.0 * 0.7 - 0.35);
  }
  return values;
}

/// Fills every parameter; weights of norms stand around one.
inline void fill_by_formula(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  for (auto& item : module.named_parameters()) {
    const bool is_norm = item.value().dim() == 1 && item.key().ends_with("weight");
    item.value().copy_(formula(item.value().sizes(), item.key()) + (is_norm ? 1 : 0));
  }
}

/// Squares of 7 x 7 pixels in random colours.
inline media::Image formula_image(std::int64_t height,
                                  std::int64_t width,
                                  const std::string& name) {
  media::Image image{width, height, {}};
  const std::int64_t columns = (width + 6) / 7;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const auto cell = static_cast<std::uint32_t>((y / 7 * columns + x / 7) * 3);
      for (std::uint32_t c = 0; c < 3; ++c)
        image.rgb.push_back(static_cast<std::uint8_t>(bits_of(cell + c, hash_name(name)) >> 24U));
    }
  }
  return image;
}

/// One of tests/golden/*.json.
inline Json read_golden(const std::string& name) {
  const std::string path = "tests/golden/" + name;
  return parse_json_object(read_file(path), path);
}

/// Compares a tensor with what make_golden.py showed of it.
inline void expect_golden(const torch::Tensor& got, const Json& shown, double tolerance) {
  ASSERT_EQ(got.sizes().vec(), shown["shape"].get<std::vector<std::int64_t>>());
  const torch::Tensor flat = got.detach().to(torch::kFloat64).reshape({-1, got.size(-1)});
  for (const auto& [key, row] :
       {std::pair("first_row", std::int64_t{0}), std::pair("last_row", flat.size(0) - 1)}) {
    const auto wanted = shown[key].get<std::vector<double>>();
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_NEAR(flat[row][static_cast<std::int64_t>(i)].item<double>(), wanted[i], tolerance)
          << key << " " << i;
    }
  }
  EXPECT_NEAR(flat.abs().mean().item<double>(), shown["mean_abs"].get<double>(), tolerance);
}

}  // namespace vragent::test

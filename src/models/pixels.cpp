// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/models/pixels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <torch/nn/functional/upsampling.h>

#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"

namespace vragent::models {
namespace fs = std::filesystem;

namespace {

using torch::Tensor;

std::array<double, 3> three(const JsonRecord& record,
                            const char* key,
                            const std::array<double, 3>& fallback) {
  const std::vector<double> values = record.numbers_or_empty(key);
  if (values.empty()) return fallback;
  if (values.size() != 3) record.fail(key, "three numbers are wanted");
  if (std::string_view(key) == "image_std" && *std::min_element(values.begin(), values.end()) <= 0)
    record.fail(key, "numbers above 0 are wanted");
  return {values[0], values[1], values[2]};
}

/// The image part of whichever preprocessor file the folder has (an empty object where there is
/// none).
Json image_processor(const fs::path& folder, std::string& where) {
  const fs::path joint = folder / "processor_config.json";
  if (fs::exists(joint)) {
    where = joint.string();
    const Json root = parse_json_object(read_file(joint), where);
    if (root.contains("image_processor")) return root["image_processor"];
  }
  const fs::path old = folder / "preprocessor_config.json";
  where = old.string();
  return fs::exists(old) ? parse_json_object(read_file(old), where) : Json::object();
}

Tensor normalise(const Tensor& image,
                 const std::array<double, 3>& mean,
                 const std::array<double, 3>& std) {
  const auto column = [](const std::array<double, 3>& values) {
    return torch::tensor({values[0] * 255, values[1] * 255, values[2] * 255}, torch::kFloat64)
        .to(torch::kFloat32)
        .view({3, 1, 1});
  };
  return (image.to(torch::kFloat32) - column(mean)) / column(std);
}

}  // namespace

QwenPixelConfig load_qwen_pixel_config(const fs::path& folder) {
  std::string where;
  const Json processor = image_processor(folder, where);
  const JsonRecord record(processor, where);
  QwenPixelConfig config;
  config.patch_size = record.integer_or("patch_size", config.patch_size);
  config.temporal_patch_size = record.integer_or("temporal_patch_size", config.temporal_patch_size);
  config.merge_size = record.integer_or("merge_size", config.merge_size);
  if (record.has("size")) {
    const JsonRecord size(record.object("size"), where + ": size");
    config.min_pixels = size.integer_or("shortest_edge", config.min_pixels);
    config.max_pixels = size.integer_or("longest_edge", config.max_pixels);
  }
  config.min_pixels = record.integer_or("min_pixels", config.min_pixels);
  config.max_pixels = record.integer_or("max_pixels", config.max_pixels);
  config.mean = three(record, "image_mean", config.mean);
  config.std = three(record, "image_std", config.std);
  const bool positive = config.patch_size > 0 && config.temporal_patch_size > 0 &&
                        config.merge_size > 0 && config.min_pixels > 0 &&
                        config.max_pixels >= config.min_pixels;
  if (!positive) throw DataError(where + ": sizes of patches and images do not fit together");
  return config;
}

ClipPixelConfig load_clip_pixel_config(const fs::path& folder, std::int64_t image_size) {
  std::string where;
  const Json processor = image_processor(folder, where);
  const JsonRecord record(processor, where);
  ClipPixelConfig config{.size = image_size};
  if (record.has("crop_size")) {
    config.size =
        processor["crop_size"].is_object()
            ? JsonRecord(record.object("crop_size"), where + ": crop_size").integer("height")
            : record.integer("crop_size");
  }
  if (config.size != image_size)
    throw DataError(formatted(
        "{}: crop size {} is not the model's image size {}", where, config.size, image_size));
  config.mean = three(record, "image_mean", config.mean);
  config.std = three(record, "image_std", config.std);
  return config;
}

ImageSize smart_resize(ImageSize size,
                       std::int64_t factor,
                       std::int64_t min_pixels,
                       std::int64_t max_pixels) {
  const auto height = static_cast<double>(size.height);
  const auto width = static_cast<double>(size.width);
  const auto unit = static_cast<double>(factor);
  if (std::max(height, width) / std::min(height, width) > 200) {
    throw DataError(formatted(
        "image of {} x {} pixels: one side is over 200 times the other", size.width, size.height));
  }
  const auto rounded = [&](double side) {
    return static_cast<std::int64_t>(std::nearbyint(side / unit)) * factor;
  };
  ImageSize fitted{rounded(height), rounded(width)};
  if (fitted.height * fitted.width > max_pixels) {
    const double beta = std::sqrt(height * width / static_cast<double>(max_pixels));
    const auto floored = [&](double side) {
      return std::max(factor, static_cast<std::int64_t>(std::floor(side / beta / unit)) * factor);
    };
    fitted = {floored(height), floored(width)};
  } else if (fitted.height * fitted.width < min_pixels) {
    const double beta = std::sqrt(static_cast<double>(min_pixels) / (height * width));
    const auto raised = [&](double side) {
      return static_cast<std::int64_t>(std::ceil(side * beta / unit)) * factor;
    };
    fitted = {raised(height), raised(width)};
  }
  return fitted;
}

Tensor to_tensor(const media::Image& image) {
  const Tensor interleaved = torch::empty({image.height, image.width, 3}, torch::kUInt8);
  std::memcpy(interleaved.data_ptr(), image.rgb.data(), image.rgb.size());
  return interleaved.permute({2, 0, 1}).contiguous();
}

Tensor resize_bicubic(const Tensor& image, ImageSize size) {
  if (image.size(1) == size.height && image.size(2) == size.width) return image;
  namespace F = torch::nn::functional;
  const auto options = F::InterpolateFuncOptions()
                           .size(std::vector<std::int64_t>{size.height, size.width})
                           .mode(torch::kBicubic)
                           .align_corners(false)
                           .antialias(true);
  return F::interpolate(image.unsqueeze(0), options).squeeze(0);
}

QwenPatches qwen_patches(const media::Image& image, const QwenPixelConfig& config) {
  const std::int64_t patch = config.patch_size;
  const std::int64_t merge = config.merge_size;
  const ImageSize size = smart_resize(
      {image.height, image.width}, patch * merge, config.min_pixels, config.max_pixels);
  const Tensor pixels = normalise(resize_bicubic(to_tensor(image), size), config.mean, config.std);
  const std::int64_t rows = size.height / patch;
  const std::int64_t columns = size.width / patch;
  // [C, h/m, m, p, w/m, m, p] -> [h/m, w/m, m, m, C, p, p], then the same frame for every step of
  // T.
  const Tensor blocks = pixels.view({3, rows / merge, merge, patch, columns / merge, merge, patch})
                            .permute({1, 4, 2, 5, 0, 3, 6});
  const Tensor repeated = blocks.unsqueeze(5).expand(
      {rows / merge, columns / merge, merge, merge, 3, config.temporal_patch_size, patch, patch});
  return {repeated.reshape({rows * columns, -1}), rows, columns};
}

Tensor clip_pixels(const media::Image& image, const ClipPixelConfig& config) {
  const std::int64_t shortest = std::min(image.height, image.width);
  const auto scaled = [&](std::int64_t side) {
    return side == shortest ? config.size : config.size * side / shortest;
  };
  const Tensor resized =
      resize_bicubic(to_tensor(image), {scaled(image.height), scaled(image.width)});
  const std::int64_t top = (resized.size(1) - config.size) / 2;
  const std::int64_t left = (resized.size(2) - config.size) / 2;
  return normalise(
      resized.narrow(1, top, config.size).narrow(2, left, config.size), config.mean, config.std);
}

}  // namespace vragent::models

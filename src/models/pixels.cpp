// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/models/pixels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <tuple>

#include <torch/nn/functional/upsampling.h>

#include "vragent/text/folder_files.h"
#include "vragent/util/error.h"
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

/// A part of a joint preprocessor file; null where the file has none.
/// @throws DataError when it is no object
Json part_of(const Json& root, const char* part, const std::string& where) {
  const auto found = root.find(part);
  if (found == root.end()) return nullptr;
  if (!found->is_object())
    JsonRecord(root, where)
        .fail(part, std::string("an object is wanted, got ") + found->type_name());
  return *found;
}

/// The image part of whichever preprocessor file the folder has (an empty object where there is
/// none).
Json image_processor(const fs::path& folder, std::string& where) {
  const fs::path joint = folder / "processor_config.json";
  if (fs::exists(joint)) {
    where = joint.string();
    const Json root = parse_json_object(text::read_inside(joint), where);
    if (Json part = part_of(root, "image_processor", where); !part.is_null()) return part;
  }
  const fs::path old = folder / "preprocessor_config.json";
  where = old.string();
  return fs::exists(old) ? parse_json_object(text::read_inside(old), where) : Json::object();
}

/// (image * scale - mean) / std in one step, as transformers fuses it.
Tensor normalise(const Tensor& image,
                 const std::array<double, 3>& mean,
                 const std::array<double, 3>& std,
                 double scale = 1.0 / 255) {
  const auto column = [scale](const std::array<double, 3>& values) {
    return (torch::tensor({values[0], values[1], values[2]}, torch::kFloat64) / scale)
        .to(torch::kFloat32)
        .view({3, 1, 1});
  };
  return (image.to(torch::kFloat32) - column(mean)) / column(std);
}

/// uint8 [3, H, W] -> uint8 [3, height, width] with antialias; torch's own kernel for bytes, which
/// torchvision calls too.
template <class Filter>
Tensor resized(const Tensor& image, ImageSize size, Filter filter) {
  if (image.size(1) == size.height && image.size(2) == size.width) return image;
  namespace F = torch::nn::functional;
  const auto options = F::InterpolateFuncOptions()
                           .size(std::vector<std::int64_t>{size.height, size.width})
                           .mode(filter)
                           .align_corners(false)
                           .antialias(true);
  return F::interpolate(image.unsqueeze(0), options).squeeze(0);
}

/// One side becomes `shortest`, the other keeps its proportion, cut to whole pixels.
ImageSize with_shortest(const media::Image& image, std::int64_t shortest) {
  const std::int64_t before = std::min(image.height, image.width);
  const auto scaled = [&](std::int64_t side) {
    return side == before ? shortest : shortest * side / before;
  };
  return {scaled(image.height), scaled(image.width)};
}

Tensor centre(const Tensor& image, ImageSize crop) {
  const std::int64_t top = (image.size(1) - crop.height) / 2;
  const std::int64_t left = (image.size(2) - crop.width) / 2;
  return image.narrow(1, top, crop.height).narrow(2, left, crop.width);
}

/// One of the files that say how clips are read, or else how images are.
Json tower_processor(const fs::path& folder, bool is_video, std::string& where) {
  const auto read_part = [&](const char* file, const char* part) {
    where = (folder / file).string();
    if (!fs::exists(where)) return Json();
    const Json root = parse_json_object(text::read_inside(where), where);
    return part == nullptr ? root : part_of(root, part, where);
  };
  if (is_video) {
    for (const auto& [file, part] :
         {std::pair<const char*, const char*>("processor_config.json", "video_processor"),
          {"video_preprocessor_config.json", nullptr}}) {
      if (Json found = read_part(file, part); !found.is_null()) return found;
    }
  }
  return image_processor(folder, where);
}

/// "size" or "crop_size": {"height", "width"}, {"shortest_edge"}, or the number of old files, which
/// is `shortest` there where it is not a square's side. @return {square or given sides, shortest}
std::pair<ImageSize, std::int64_t> read_size(const Json& processor,
                                             const char* key,
                                             bool number_is_shortest,
                                             const std::string& where) {
  if (processor[key].is_number()) {
    const std::int64_t side = JsonRecord(processor, where).integer(key);
    return number_is_shortest ? std::pair(ImageSize{}, side)
                              : std::pair(ImageSize{side, side}, std::int64_t{0});
  }
  const JsonRecord size(JsonRecord(processor, where).object(key), where + ": " + key);
  if (size.has("longest_edge")) size.fail("longest_edge", "is not supported");
  if (size.has("shortest_edge")) return {ImageSize{}, size.integer("shortest_edge")};
  return {ImageSize{size.integer("height"), size.integer("width")}, 0};
}

/// Refuses what CLIP's and Qwen2.5-VL's images are not made with: steps that are left out, filters
/// other than bicubic, pixel values other than 0 to 1 before they are normalised.
void check_steps(const JsonRecord& record, std::initializer_list<const char*> steps) {
  for (const char* step : steps) {
    if (!record.boolean_or(step, true)) record.fail(step, "only true is supported");
  }
  if (record.integer_or("resample", 3) != 3)  // numbers of PIL
    record.fail("resample", "only 3 (bicubic) is supported");
  if (record.has("rescale_factor") && std::abs(record.number("rescale_factor") - 1.0 / 255) > 1e-9)
    record.fail("rescale_factor", "only 1/255 is supported");
}

/// What an image of any size becomes; -1 where it depends on the image.
ImageSize size_after(const TowerPixelConfig& config) {
  if (config.crop.height > 0) return config.crop;
  if (config.resize && config.shortest_edge == 0) return config.size;
  return {-1, -1};
}

void check_tower_pixel_config(const TowerPixelConfig& config,
                              std::int64_t image_size,
                              const std::string& where) {
  const ImageSize after = size_after(config);
  if (after != ImageSize{image_size, image_size} && after != ImageSize{-1, -1}) {
    throw DataError(formatted("{}: gives images of {} x {}, the model wants {} x {}",
                              where,
                              after.width,
                              after.height,
                              image_size,
                              image_size));
  }
  const bool enough = config.shortest_edge > 0 ? config.shortest_edge >= config.crop.height
                                               : config.size.height >= config.crop.height &&
                                                     config.size.width >= config.crop.width;
  if (config.resize && (!enough || (config.shortest_edge == 0 && config.size.height <= 0)))
    throw DataError(where + ": size and crop_size do not fit together");
}

}  // namespace

QwenPixelConfig load_qwen_pixel_config(const fs::path& folder) {
  std::string where;
  const Json processor = image_processor(folder, where);
  const JsonRecord record(processor, where);
  check_steps(record, {"do_resize", "do_rescale", "do_normalize"});
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
                        config.min_pixels <= media::kMaxPixels &&
                        config.max_pixels >= config.min_pixels;
  if (!positive) throw DataError(where + ": sizes of patches and images do not fit together");
  return config;
}

ClipPixelConfig load_clip_pixel_config(const fs::path& folder, std::int64_t image_size) {
  std::string where;
  const Json processor = image_processor(folder, where);
  const JsonRecord record(processor, where);
  check_steps(record, {"do_resize", "do_center_crop", "do_rescale", "do_normalize"});
  ClipPixelConfig config{.size = image_size};
  if (record.has("crop_size")) {
    const ImageSize crop =
        read_size(processor, "crop_size", /*number_is_shortest=*/false, where).first;
    if (crop != ImageSize{image_size, image_size})
      record.fail("crop_size",
                  formatted("a square of the model's {} pixels is wanted", image_size));
  }
  if (record.has("size")) {
    config.shortest_edge = read_size(processor, "size", /*number_is_shortest=*/true, where).second;
    if (config.shortest_edge < image_size)
      record.fail("size", formatted("a shortest_edge of {} or more is wanted", image_size));
  }
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

TowerPixelConfig load_tower_pixel_config(const fs::path& folder,
                                         std::int64_t image_size,
                                         bool is_video) {
  std::string where;
  const Json processor = tower_processor(folder, is_video, where);
  const JsonRecord record(processor, where);
  TowerPixelConfig config{.size = {image_size, image_size}};
  if (is_video) config.shortest_edge = image_size;
  config.resize = record.boolean_or("do_resize", true);
  if (record.has("size"))
    std::tie(config.size, config.shortest_edge) = read_size(processor, "size", is_video, where);
  const std::int64_t filter = record.integer_or("resample", 2);  // numbers of PIL
  if (filter != 2 && filter != 3)
    record.fail("resample", "only 2 (bilinear) and 3 (bicubic) are supported");
  config.bicubic = filter == 3;
  if (record.boolean_or("do_center_crop", is_video)) {
    config.crop = {image_size, image_size};
    if (record.has("crop_size"))
      config.crop = read_size(processor, "crop_size", /*number_is_shortest=*/false, where).first;
  }
  config.scale = 1;
  if (record.boolean_or("do_rescale", true))
    config.scale = record.has("rescale_factor") ? record.number("rescale_factor") : 1.0 / 255;
  if (!(config.scale > 0)) record.fail("rescale_factor", "a number above 0 is wanted");
  config.normalise = record.boolean_or("do_normalize", true);
  config.mean = three(record, "image_mean", config.mean);
  config.std = three(record, "image_std", config.std);
  check_tower_pixel_config(config, image_size, where);
  return config;
}

Tensor to_tensor(const media::Image& image) {
  const Tensor interleaved = torch::empty({image.height, image.width, 3}, torch::kUInt8);
  std::memcpy(interleaved.data_ptr(), image.rgb.data(), image.rgb.size());
  return interleaved.permute({2, 0, 1}).contiguous();
}

Tensor resize_bicubic(const Tensor& image, ImageSize size) {
  return resized(image, size, torch::kBicubic);
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
  const std::int64_t shortest = config.shortest_edge > 0 ? config.shortest_edge : config.size;
  const Tensor small = resize_bicubic(to_tensor(image), with_shortest(image, shortest));
  return normalise(centre(small, {config.size, config.size}), config.mean, config.std);
}

Tensor tower_pixels(const media::Image& image, const TowerPixelConfig& config) {
  Tensor pixels = to_tensor(image);
  if (config.resize) {
    const ImageSize size =
        config.shortest_edge > 0 ? with_shortest(image, config.shortest_edge) : config.size;
    pixels = config.bicubic ? resized(pixels, size, torch::kBicubic)
                            : resized(pixels, size, torch::kBilinear);
  }
  if (config.crop.height > 0) {
    if (pixels.size(1) < config.crop.height || pixels.size(2) < config.crop.width) {
      throw DataError(formatted("image of {} x {} pixels is smaller than the crop of {} x {}",
                                image.width,
                                image.height,
                                config.crop.width,
                                config.crop.height));
    }
    pixels = centre(pixels, config.crop);
  }
  if (!config.normalise) return pixels.to(torch::kFloat32) * config.scale;
  return normalise(pixels, config.mean, config.std, config.scale);
}

}  // namespace vragent::models

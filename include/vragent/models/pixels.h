// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Images as the models want them: resizing equal to transformers' (uint8 bicubic with antialias on
// the CPU), normalisation, Qwen2.5-VL's patches, CLIP's square (`models.md` 3.4 and 4), the squares
// of image and video towers.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <torch/types.h>

#include "vragent/media/image.h"

namespace vragent::models {

inline constexpr std::array<double, 3> kClipMean = {0.48145466, 0.4578275, 0.40821073};
inline constexpr std::array<double, 3> kClipStd = {0.26862954, 0.26130258, 0.27577711};

struct ImageSize {
  std::int64_t height = 0;
  std::int64_t width = 0;
  bool operator==(const ImageSize&) const = default;
};

/// Preprocessing of Qwen2.5-VL (preprocessor_config.json of 4.x, processor_config.json of 5.x).
struct QwenPixelConfig {
  std::int64_t patch_size = 14;
  std::int64_t temporal_patch_size = 2;
  std::int64_t merge_size = 2;
  std::int64_t min_pixels = 56 * 56;         ///< of the resized image
  std::int64_t max_pixels = 28 * 28 * 1280;  ///< of the resized image
  std::array<double, 3> mean = kClipMean;
  std::array<double, 3> std = kClipStd;
};

/// Reads the folder's preprocessor file; the class defaults where there is none.
/// @throws DataError naming the file and the key of what is damaged or not supported
QwenPixelConfig load_qwen_pixel_config(const std::filesystem::path& folder);

/// Preprocessing of CLIP.
struct ClipPixelConfig {
  std::int64_t size = 224;         ///< side of the crop
  std::int64_t shortest_edge = 0;  ///< what the shorter side becomes before it; 0 is `size`
  std::array<double, 3> mean = kClipMean;
  std::array<double, 3> std = kClipStd;
};

/// Reads the folder's preprocessor file; `image_size` (of config.json) where there is none.
/// @throws DataError naming the file and the key of what is damaged or not supported, and where
/// other than `image_size` would come out
ClipPixelConfig load_clip_pixel_config(const std::filesystem::path& folder,
                                       std::int64_t image_size);

/// Preprocessing of the vision towers: ViTImageProcessor, VideoMAEImageProcessor and what old
/// folders call their feature extractors.
struct TowerPixelConfig {
  bool resize = true;
  ImageSize size{224, 224};        ///< where shortest_edge is 0
  std::int64_t shortest_edge = 0;  ///< above 0: the shorter side becomes this, proportions stay
  bool bicubic = false;            ///< else bilinear, both with antialias
  ImageSize crop;                  ///< from the centre; 0 x 0 is none
  double scale = 1.0 / 255;        ///< of the pixel values
  bool normalise = true;
  std::array<double, 3> mean = {0.5, 0.5, 0.5};
  std::array<double, 3> std = {0.5, 0.5, 0.5};
};

/// Reads the folder's preprocessor file, for clips the video part first; the defaults of the class
/// where there is none. @throws DataError for what is not supported, and where other than
/// `image_size` (of config.json) would come out
TowerPixelConfig load_tower_pixel_config(const std::filesystem::path& folder,
                                         std::int64_t image_size,
                                         bool is_video);

/// The size nearest to the image's whose sides are multiples of `factor` and whose area lies within
/// the limits (rounding to even, as Python does). @throws DataError when one side is over 200 times
/// the other
ImageSize smart_resize(ImageSize size,
                       std::int64_t factor,
                       std::int64_t min_pixels,
                       std::int64_t max_pixels);

/// uint8 [3, H, W], a copy.
torch::Tensor to_tensor(const media::Image& image);

/// uint8 [3, H, W] -> uint8 [3, height, width], bicubic with antialias.
torch::Tensor resize_bicubic(const torch::Tensor& image, ImageSize size);

/// Patches of one image for the vision tower: rows [h*w, 3*T*p*p] in block-major order (merge x
/// merge blocks row by row), the still image repeated along T; h and w count patches.
struct QwenPatches {
  torch::Tensor rows;
  std::int64_t height = 0;
  std::int64_t width = 0;
};

QwenPatches qwen_patches(const media::Image& image, const QwenPixelConfig& config);

/// Normalised float [3, S, S]: shortest edge to S or what the config says, centre crop.
torch::Tensor clip_pixels(const media::Image& image, const ClipPixelConfig& config);

/// Resized, cropped, scaled and normalised float [3, H, W], as the folder says.
/// @throws DataError when the image is smaller than the crop
torch::Tensor tower_pixels(const media::Image& image, const TowerPixelConfig& config);

}  // namespace vragent::models

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Features of items that another program computed: rows of .npy or safetensors files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <torch/types.h>

namespace vragent::rec_models {

struct FeatureFiles {
  std::filesystem::path text;
  std::filesystem::path image;
  std::filesystem::path video;
  std::filesystem::path ids;

  void visit(auto& v) {
    v("text-features", text, "vectors of the items' texts, .npy or .safetensors [rows, F]");
    v("image-features", image, "vectors of the items' covers, the same");
    v("video-features", video, "vectors of the items' videos, the same");
    v("feature-ids",
      ids,
      "item ids of the rows, one a line; without it row r is item r+1, as MicroLens counts");
  }

  [[nodiscard]] bool any() const { return !(text.empty() && image.empty() && video.empty()); }
};

/// Rows of the given items, float32 [N+1, F], row 0 zero. A safetensors file holds one matrix
/// (or more, and one called "features"), and may hold "item_ids" int64 [rows].
/// @param ids_file may be empty. @param item_ids [N+1], item_ids[0] is no item
/// Rows without ids that are more than the largest item in use are warned of.
/// @throws DataError naming the file when rows and ids differ in number, an id comes twice, an item
/// has no row, a value of a row is not finite, or such rows begin with one of zeros: with padding
torch::Tensor load_item_features(const std::filesystem::path& file,
                                 const std::filesystem::path& ids_file,
                                 const std::vector<std::string>& item_ids);

}  // namespace vragent::rec_models

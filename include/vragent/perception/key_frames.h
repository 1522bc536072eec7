// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Key frame retrieval (KFR): frames scored by CLIP against the video's title, the best kept in time
// order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <torch/types.h>

#include "vragent/media/image.h"
#include "vragent/models/clip.h"
#include "vragent/models/pixels.h"
#include "vragent/text/tokenizer.h"

namespace vragent::perception {

/// Places of the `count` highest scores, ascending; of equal scores the earlier frame wins.
/// @param frames names of the frames at these places: one that stands at several is taken once (a
///   short video has fewer frames than were asked for); empty: all are different
std::vector<std::int64_t> best_in_time_order(const std::vector<double>& scores,
                                             std::int64_t count,
                                             const std::vector<std::string>& frames = {});

/// Cosine of each frame with the title, and the frames' own vectors.
struct FrameScores {
  std::vector<double> scores;
  torch::Tensor features;  ///< fp32 [n, P], not normalised
};

/// A CLIP folder ready to score frames.
class FrameScorer {
 public:
  FrameScorer(const std::filesystem::path& folder, torch::Dtype dtype, torch::Device device);

  /// Side of the square that the model looks at: frames need not be decoded larger.
  [[nodiscard]] std::int64_t image_size() const { return pixels_.size; }

  FrameScores score(const std::vector<media::Image>& frames, const std::string& title);

 private:
  models::Clip clip_;
  models::ClipPixelConfig pixels_;
  std::unique_ptr<text::Tokenizer> tokenizer_;
  torch::Device device_;
};

}  // namespace vragent::perception

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/perception/key_frames.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace vragent::perception {

using torch::Tensor;

std::vector<std::int64_t> best_in_time_order(const std::vector<double>& scores,
                                             std::int64_t count,
                                             const std::vector<std::string>& frames) {
  std::vector<std::int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
  });
  std::vector<std::int64_t> best;
  std::set<std::string> seen;
  for (const std::int64_t index : order) {
    if (std::ssize(best) == count) break;
    const bool is_new =
        frames.empty() || seen.insert(frames[static_cast<std::size_t>(index)]).second;
    if (is_new) best.push_back(index);
  }
  std::sort(best.begin(), best.end());
  return best;
}

FrameScorer::FrameScorer(const std::filesystem::path& folder,
                         torch::Dtype dtype,
                         torch::Device device)
    : clip_(models::load_clip(folder, dtype, device)),
      pixels_(models::load_clip_pixel_config(folder, clip_->config.image_size)),
      tokenizer_(text::load_tokenizer(folder)),
      device_(device) {}

FrameScores FrameScorer::score(const std::vector<media::Image>& frames, const std::string& title) {
  const torch::NoGradGuard no_grad;
  if (frames.empty()) return {};
  std::vector<Tensor> pixels;
  for (const media::Image& frame : frames) pixels.push_back(models::clip_pixels(frame, pixels_));
  const auto ids = tokenizer_->encode(title, {.max_length = clip_->config.max_positions});
  const Tensor text = clip_->encode_text(torch::tensor(ids).unsqueeze(0).to(device_));
  const Tensor images =
      clip_->encode_image(torch::stack(pixels).to(device_)).to(torch::kFloat32).cpu();
  const Tensor cosines = models::cosine_matrix(images, text.cpu()).squeeze(1).to(torch::kFloat64);
  return {{cosines.data_ptr<double>(), cosines.data_ptr<double>() + cosines.numel()}, images};
}

}  // namespace vragent::perception

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/perception/key_frames.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/formula.h"
#include "support/temp_dir.h"
#include "support/tiny_models.h"

namespace vragent::perception {
namespace {

using Places = std::vector<std::int64_t>;

TEST(BestInTimeOrder, KeepsTheHighestScoresInTimeOrder) {
  EXPECT_EQ(best_in_time_order({0.1, 0.9, 0.3, 0.8, -0.5}, 3), (Places{1, 2, 3}));
  EXPECT_EQ(best_in_time_order({0.1, 0.9, 0.3, 0.8, -0.5}, 1), (Places{1}));
}

TEST(BestInTimeOrder, PrefersTheEarlierOfEqualFrames) {
  EXPECT_EQ(best_in_time_order({0.2, 0.5, 0.5, 0.5, 0.2}, 2), (Places{1, 2}));
  EXPECT_EQ(best_in_time_order({0.2, 0.2, 0.2}, 2), (Places{0, 1}));
}

TEST(BestInTimeOrder, KeepsAllOfFewFrames) {
  EXPECT_EQ(best_in_time_order({0.2, 0.5}, 5), (Places{0, 1}));
  EXPECT_TRUE(best_in_time_order({}, 5).empty());
}

TEST(BestInTimeOrder, TakesAFrameThatStandsAtSeveralPlacesOnce) {
  const std::vector<std::string> frames = {"a", "b", "b", "c", "c"};
  EXPECT_EQ(best_in_time_order({0.1, 0.9, 0.9, 0.8, 0.8}, 2, frames), (Places{1, 3}));
  EXPECT_EQ(best_in_time_order({0.1, 0.9, 0.9, 0.8, 0.8}, 5, frames), (Places{0, 1, 3}));
}

TEST(FrameScorer, GivesTheCosineOfEachFrameWithTheTitle) {
  const test::TempDir folder;
  test::write_tiny_clip(folder.path(), 3);
  FrameScorer scorer(folder.path(), torch::kFloat32, torch::kCPU);
  std::vector<media::Image> frames;
  for (const char* name : {"a", "b", "c"}) frames.push_back(test::formula_image(50, 40, name));
  const FrameScores got = scorer.score(frames, "the cat plays");

  const torch::NoGradGuard no_grad;
  models::Clip clip = models::load_clip(folder.path(), torch::kFloat32, torch::kCPU);
  const auto ids = text::load_tokenizer(folder.path())->encode("the cat plays");
  const torch::Tensor title = clip->encode_text(torch::tensor(ids).unsqueeze(0))[0];
  const auto pixels = models::load_clip_pixel_config(folder.path(), clip->config.image_size);
  ASSERT_EQ(got.scores.size(), 3);
  for (std::size_t i = 0; i < 3; ++i) {
    const torch::Tensor frame =
        clip->encode_image(models::clip_pixels(frames[i], pixels).unsqueeze(0))[0];
    const double cosine = (frame.dot(title) / (frame.norm() * title.norm())).item<double>();
    EXPECT_NEAR(got.scores[i], cosine, 1e-5);
    EXPECT_TRUE(test::close(got.features[static_cast<std::int64_t>(i)], frame, 1e-5));
  }
  EXPECT_NE(scorer.score(frames, "noodles").scores, got.scores);
}

TEST(FrameScorer, CutsTitlesThatAreLongerThanItsPositions) {
  const test::TempDir folder;
  test::write_tiny_clip(folder.path(), 3);
  FrameScorer scorer(folder.path(), torch::kFloat32, torch::kCPU);
  std::string title;
  for (int i = 0; i < 500; ++i) title += "noodles \U0001F35C ";
  EXPECT_EQ(scorer.score({test::formula_image(50, 40, "a")}, title).scores.size(), 1);
  EXPECT_EQ(scorer.score({test::formula_image(50, 40, "a")}, "").scores.size(), 1);
  EXPECT_TRUE(scorer.score({}, title).scores.empty());
}

}  // namespace
}  // namespace vragent::perception

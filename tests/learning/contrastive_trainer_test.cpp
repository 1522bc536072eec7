// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/contrastive_trainer.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "learning/run_files.h"
#include "support/formula.h"
#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/util/error.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

TEST(ContrastiveLoss, IsTheMeanOfBothCrossEntropies) {
  const Tensor images = torch::tensor({{2.0, 0.0}, {0.0, 5.0}}, torch::kFloat64);
  const Tensor texts = torch::tensor({{3.0, 4.0}, {0.0, 1.0}}, torch::kFloat64);
  // Cosines: [[0.6, 0], [0.8, 1]], times a scale of 2.
  const double rows = std::log1p(std::exp(-1.2)) + std::log1p(std::exp(-0.4));
  const double columns = std::log1p(std::exp(0.4)) + std::log1p(std::exp(-2.0));
  const Tensor loss = contrastive_loss(images, texts, torch::tensor(std::log(2.0)));
  EXPECT_NEAR(loss.item<double>(), (rows + columns) / 4, 1e-7);
}

TEST(ContrastiveLoss, HoldsTheScaleAtAHundred) {
  const Tensor images = test::randn({3, 4}, 1);
  const Tensor texts = test::randn({3, 4}, 2);
  const auto at = [&](double scale) {
    return contrastive_loss(images, texts, torch::tensor(std::log(scale))).item<float>();
  };
  EXPECT_FLOAT_EQ(at(1000), at(100.001));
  EXPECT_NE(at(50), at(100));
}

TEST(ContrastiveLoss, HasTrueGradients) {
  const Tensor images = test::randn({3, 4}, 1).to(torch::kFloat64).requires_grad_();
  const Tensor texts = test::randn({3, 4}, 2).to(torch::kFloat64).requires_grad_();
  const Tensor scale = torch::tensor(1.3, torch::kFloat64).requires_grad_();
  const auto loss = [&] { return contrastive_loss(images, texts, scale); };
  const auto got = torch::autograd::grad({loss()}, {images, texts, scale});
  const auto value = [&] { return loss().item<double>(); };
  EXPECT_TRUE(test::close(got[0], test::numeric_gradient(value, images), 1e-7));
  EXPECT_TRUE(test::close(got[1], test::numeric_gradient(value, texts), 1e-7));
  EXPECT_TRUE(test::close(got[2], test::numeric_gradient(value, scale), 1e-7));
}

class ContrastiveTraining : public ::testing::Test {
 protected:
  ContrastiveTraining() {
    test::write_tiny_clip(folder_ / "clip", 1);
    std::string lines;
    for (const char* text :
         {"the cat plays", "a dog runs", "noodles", "the night market", "snow"}) {
      media::write_image(folder_ / (std::string(text) + ".png"), test::formula_image(28, 28, text));
      lines += std::string("{\"image\": \"") + text + ".png\", \"text\": \"" + text + "\"}\n";
    }
    write_file(folder_ / "pairs.jsonl", lines);
  }

  [[nodiscard]] ContrastiveConfig config(const std::string& out) const {
    ContrastiveConfig config{.out = folder_ / out,
                             .pairs = folder_ / "pairs.jsonl",
                             .model = (folder_ / "clip").string(),
                             .steps = 120,
                             .batch_size = 5,
                             .log_every = 1};
    config.optim.lr = 2e-2;
    config.optim.warmup_steps = 5;
    config.runtime.threads = 1;
    return config;
  }

  test::TempDir folder_;
};

TEST_F(ContrastiveTraining, PairsImagesWithTheirTexts) {
  const double last = run_contrastive(config("run"));
  const auto losses = logged(folder_ / "run", "loss");
  ASSERT_EQ(losses.size(), 120);
  EXPECT_EQ(losses.back(), last);
  EXPECT_GT(losses.front(), 1.0);
  EXPECT_LT(last, 0.3);
  EXPECT_NO_THROW(models::load_clip(folder_ / "run", torch::kFloat32, torch::kCPU));
}

TEST_F(ContrastiveTraining, GivesTheSameModelForTheSameSeed) {
  for (const char* out : {"one", "two"}) {
    ContrastiveConfig config = this->config(out);
    config.steps = 4;
    run_contrastive(config);
  }
  EXPECT_TRUE(test::same_tensors(weights_in(folder_ / "one"), weights_in(folder_ / "two")));
}

TEST_F(ContrastiveTraining, EndsWithoutAModelWhereTheLossIsNotFinite) {
  const auto weights = folder_ / "clip" / "model.safetensors";
  nn::NamedTensors tensors = nn::load_safetensors(weights);
  tensors["visual_projection.weight"] =
      torch::full_like(tensors.at("visual_projection.weight"), 3e38);  // its products are infinite
  nn::save_safetensors(weights, tensors);
  EXPECT_THAT([&] { run_contrastive(config("run")); },
              ::testing::ThrowsMessage<Error>(::testing::HasSubstr("gradient norm")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run" / "model.safetensors"));
}

TEST_F(ContrastiveTraining, RefusesPairsThatAreNone) {
  write_file(folder_ / "pairs.jsonl", "{\"image\": \"snow.png\", \"text\": \"snow\"}\n");
  EXPECT_THROW(run_contrastive(config("run")), DataError) << "no negative";
  write_file(folder_ / "pairs.jsonl", "{\"image\": \"snow.png\"}\n");
  EXPECT_THROW(run_contrastive(config("run")), DataError);
}

}  // namespace
}  // namespace vragent::learning

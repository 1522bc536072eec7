// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// `train-sasrec` over features of items: towers, and the collaborative models that read them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "recommender/training_run_fixture.h"
#include "support/error_text.h"
#include "support/tensor_matchers.h"
#include "vragent/nn/safetensors.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::recommender {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class FeatureRun : public TrainingRun {
 protected:
  FeatureRun() {
    nn::save_safetensors(folder_ / "image.safetensors", {{"rows", test::randn({119, 5}, 1)}});
    nn::save_safetensors(folder_ / "video.safetensors", {{"rows", test::randn({119, 7}, 2)}});
  }

  [[nodiscard]] TrainConfig with_features(const std::string& name) const {
    TrainConfig config = this->config(name);
    config.tower.features.image = folder_ / "image.safetensors";
    config.tower.features.video = folder_ / "video.safetensors";
    return config;
  }
};

TEST_F(FeatureRun, TrainsCollaborativeModelsIntoTheSameFiles) {
  for (const char* model : {"dssm", "lightgcn", "deepfm", "nfm", "mmgcn", "vbpr"}) {
    const std::string name = model;
    TrainConfig config =
        name == "mmgcn" || name == "vbpr" ? with_features(name) : this->config(name);
    config.model = name;
    if (name == "vbpr") config.tower.features.image.clear();
    if (name == "mmgcn") config.loss.loss = "bpr";
    const Json metrics = run(config);
    EXPECT_EQ(metrics["test"]["users"], 40) << name;
    EXPECT_EQ(metrics["training"]["epochs_run"], 3) << name;
    for (const char* file : {"model.safetensors", "config.json", "topk.jsonl", "train_log.jsonl"})
      EXPECT_TRUE(std::filesystem::exists(config.out / file)) << name << file;
  }
}

TEST_F(FeatureRun, TrainsTowersOverFeatures) {
  for (const char* tower : {"image", "video", "fusion"}) {
    TrainConfig config = with_features(tower);
    config.tower.tower = tower;
    EXPECT_EQ(run(config)["training"]["epochs_run"], 3) << tower;
  }
}

TEST_F(FeatureRun, PlansTheParametersThatTrainingWillSaveAndWritesNothing) {
  for (const std::string name :
       {"id", "fusion", "dssm", "lightgcn", "deepfm", "nfm", "mmgcn", "vbpr"}) {
    TrainConfig config = name == "mmgcn" || name == "vbpr" || name == "fusion" ? with_features(name)
                                                                               : this->config(name);
    (name == "id" || name == "fusion" ? config.tower.tower : config.model) = name;
    if (name == "vbpr") config.tower.features.image.clear();
    if (name == "mmgcn") config.loss.loss = "bpr";
    config.encoder.width = 96;
    config.loop.epochs = 0;
    config.dry_run = true;
    const std::string counts = plan_training(config).notes.at(0);
    EXPECT_FALSE(std::filesystem::exists(config.out)) << name;
    config.dry_run = false;
    run(config);
    double parameters = 0;
    for (const auto& [key, tensor] : nn::load_safetensors(config.out / "model.safetensors"))
      parameters += static_cast<double>(tensor.numel());
    EXPECT_THAT(
        counts,
        HasSubstr(formatted(
            "{:.3f} million parameters, {:.3f} million learn", parameters / 1e6, parameters / 1e6)))
        << name;
  }
}

TEST_F(FeatureRun, SaysWhatAModelLacksOrDoesNotRead) {
  const auto message_of = [&](auto change) {
    TrainConfig config = with_features("refused");
    change(config);
    return test::message_of<ConfigError>([&] { config.check(); });
  };
  const auto model = [](const char* name) {
    return [name](TrainConfig& config) { config.model = name; };
  };
  EXPECT_THAT(message_of([](TrainConfig&) {}), HasSubstr("are read by the towers text"));
  EXPECT_THAT(message_of(model("dssm")), HasSubstr("and by --model mmgcn and vbpr"));
  EXPECT_THAT(message_of(model("mmgcn")), HasSubstr("mmgcn trains with --loss bpr"));
  EXPECT_THAT(message_of(model("vbpr")), HasSubstr("vbpr needs one of --text-features"));
  EXPECT_THAT(message_of([](TrainConfig& config) {
                config.tower = {};
                config.model = "deepfm";
                config.loss.loss = "bpr";
              }),
              HasSubstr("deepfm trains with --loss in-batch-softmax"));
  EXPECT_THAT(message_of([](TrainConfig& config) { config.tower.tower = "text"; }),
              HasSubstr("text needs one of --text-model and --text-features"));
  EXPECT_THAT(message_of([](TrainConfig& config) {
                config.tower = {.tower = "video", .vision_model = "videomae"};
              }),
              HasSubstr("--frames is required"));
  EXPECT_THAT(message_of([](TrainConfig& config) {
                config.tower = {.vision_model = "vit", .covers = "covers"};
              }),
              HasSubstr("are read by --tower image and video only"));
  EXPECT_THAT(message_of([](TrainConfig& config) {
                config.tower = {.tower = "image", .vision_model = "vit", .covers = "covers"};
                config.loss.loss = "softmax";
              }),
              HasSubstr("--loss softmax encodes every item in every step"));
  EXPECT_THAT(message_of([](TrainConfig& config) {
                config.tower.tower = "fusion";
                config.tower.features.image.clear();
              }),
              HasSubstr("fusion needs two or more of"));
}

}  // namespace
}  // namespace vragent::recommender

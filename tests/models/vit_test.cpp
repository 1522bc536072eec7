// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/models/vit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/temp_dir.h"
#include "support/tensor_matchers.h"
#include "support/tiny_models.h"
#include "vragent/models/probe.h"
#include "vragent/util/error.h"
#include "vragent/util/json.h"

namespace vragent::models {
namespace {

using test::TempDir;
using testing::HasSubstr;
using testing::ThrowsMessage;
using torch::Tensor;

VitConfig tiny(const std::string& type) {
  VitConfig config{.model_type = type,
                   .hidden_size = 24,
                   .intermediate_size = 40,
                   .num_layers = 2,
                   .num_heads = 3,
                   .image_size = 30,  // two patches of 14 and a rest
                   .patch_size = 14};
  if (config.is_video()) {
    config.num_frames = 5;  // two pairs and a rest, as MicroLens feeds VideoMAE
    config.tubelet_size = 2;
  }
  return config;
}

Tensor pixels_of(const VitConfig& config, std::int64_t count) {
  const std::int64_t side = config.image_size;
  return config.is_video() ? test::randn({count, config.num_frames, 3, side, side}, 1)
                           : test::randn({count, 3, side, side}, 1);
}

class VitFamily : public ::testing::TestWithParam<const char*> {
 protected:
  VitFamily() : config(tiny(GetParam())), vit(config) {
    test::randomise(*vit, 3);
    nn::set_requires_grad(*vit, false);
  }

  VitConfig config;
  Vit vit{nullptr};
};

TEST_P(VitFamily, CutsPatchesAsAConvolutionWould) {
  vit->to(torch::kFloat64);
  const Tensor pixels = pixels_of(config, 2).to(torch::kFloat64);
  const Tensor patches =
      config.is_video()
          ? at::conv3d(pixels.transpose(1, 2), vit->patch_weight, vit->patch_bias, {2, 14, 14})
          : at::conv2d(pixels, vit->patch_weight, vit->patch_bias, 14);
  const Tensor wanted = patches.flatten(2).transpose(1, 2);
  const Tensor got = vit->embed(pixels) - vit->position_embeddings;
  ASSERT_EQ(got.size(1), config.is_video() ? 2 * 4 : 4 + 1);
  EXPECT_TRUE(test::close(got.narrow(1, config.is_video() ? 0 : 1, wanted.size(1)), wanted, 1e-12));
  if (!config.is_video()) {
    EXPECT_TRUE(test::close(got.select(1, 0), vit->class_token[0].expand({2, 24}), 1e-6));
  }
}

TEST_P(VitFamily, TreatsInputsOfABatchAlone) {
  const Tensor pixels = pixels_of(config, 3);
  const Tensor together = vit(pixels);
  for (std::int64_t i = 0; i < 3; ++i)
    EXPECT_TRUE(test::close(together.narrow(0, i, 1), vit(pixels.narrow(0, i, 1)), 1e-5));
  EXPECT_THROW(vit(pixels.narrow(-1, 0, 14)), c10::Error);
  EXPECT_THROW(vit(pixels.select(0, 0)), c10::Error);
}

TEST_P(VitFamily, PoolsAndLoadsBackWhatItSaved) {
  const TempDir folder;
  test::write_weights(folder / "saved", *vit, to_config_json(config));
  Vit loaded = load_vit(folder / "saved", torch::kFloat32, torch::kCPU);
  EXPECT_TRUE(test::same_tensors(nn::parameters_of(*loaded), nn::parameters_of(*vit)));
  EXPECT_EQ(to_config_json(loaded->config), to_config_json(config));
  const Tensor states = vit(pixels_of(config, 2));
  EXPECT_TRUE(loaded(pixels_of(config, 2)).equal(states));
  const Tensor pooled = vit->pool(states);
  EXPECT_TRUE(
      test::close(pooled,
                  config.is_video() ? states.sum(1) / 8 : states.index({at::indexing::Slice(), 0}),
                  1e-6));
}

TEST_P(VitFamily, ReadsPrefixesAndTheNamesOfBothGenerations) {
  const TempDir folder;
  nn::NamedTensors renamed;
  for (const auto& [name, tensor] : nn::parameters_of(*vit)) {
    std::string other = name;
    const auto swap = [&](const std::string& from, const std::string& to) {
      if (const auto at = other.find(from); at != std::string::npos)
        other.replace(at, from.size(), to);
    };
    if (config.is_video()) {
      swap("attention.query.bias", "attention.q_bias");
      swap("attention.value.bias", "attention.v_bias");
    } else {
      swap("encoder.layer.", "layers.");
      swap("attention.attention.query", "attention.q_proj");
      swap("attention.attention.key", "attention.k_proj");
      swap("attention.attention.value", "attention.v_proj");
      swap("attention.output.dense", "attention.o_proj");
      swap("intermediate.dense", "mlp.fc1");
      swap("output.dense", "mlp.fc2");
    }
    renamed[(config.is_video() ? "videomae." : "vit.") + other] = tensor;
  }
  ASSERT_FALSE(renamed.contains("vit.encoder.layer.0.output.dense.weight"));
  renamed["decoder.decoder_layers.0.output.dense.weight"] = torch::zeros({2});
  renamed["classifier.weight"] = torch::zeros({2});
  renamed["vit.pooler.dense.bias"] = torch::zeros({2});
  const auto save = [&] {
    save_model_folder(folder / "m", {.tensors = renamed, .config_json = to_config_json(config)});
  };
  save();
  const Vit loaded = load_vit(folder / "m", torch::kFloat32, torch::kCPU);
  EXPECT_TRUE(test::same_tensors(nn::parameters_of(*loaded), nn::parameters_of(*vit)));
  renamed["encoder.layer.2.output.dense.bias"] = torch::zeros({24});
  save();
  EXPECT_THAT([&] { load_vit(folder / "m", torch::kFloat32, torch::kCPU); },
              ThrowsMessage<DataError>(HasSubstr("encoder.layer.2.output.dense.bias")));
}

INSTANTIATE_TEST_SUITE_P(Types,
                         VitFamily,
                         ::testing::Values("vit", "vit_mae", "videomae"),
                         [](const auto& instance) { return std::string(instance.param); });

TEST(VideoMae, LeavesFramesBeyondWholePatchesOut) {
  Vit vit(tiny("videomae"));
  test::randomise(*vit, 3);
  nn::set_requires_grad(*vit, false);
  Tensor pixels = pixels_of(vit->config, 1);
  const Tensor states = vit(pixels);
  pixels.select(1, 4).fill_(7);
  EXPECT_TRUE(vit(pixels).equal(states));
  pixels.select(1, 3).fill_(7);
  EXPECT_GT(test::max_difference(vit(pixels), states), 1e-3);
}

TEST(VideoMae, AddsSinesAndCosinesInTurn) {
  const Tensor table = sinusoid_table(400, 6);
  ASSERT_EQ(table.sizes(), (std::vector<std::int64_t>{1, 400, 6}));
  for (const std::int64_t place : {0, 1, 7, 399}) {
    for (std::int64_t column = 0; column < 6; ++column) {
      const double angle =
          static_cast<double>(place) / std::pow(10000.0, static_cast<double>(column / 2 * 2) / 6);
      const double wanted = column % 2 == 0 ? std::sin(angle) : std::cos(angle);
      EXPECT_NEAR(table[0][place][column].item<double>(), wanted, 1e-7) << place << " " << column;
    }
  }
}

TEST(VideoMae, HasAFinalNormOnlyWhereItIsNotPooledByTheMean) {
  VitConfig config = tiny("videomae");
  EXPECT_FALSE(Vit(config)->layernorm.is_empty());
  config.final_norm = false;
  EXPECT_TRUE(Vit(config)->layernorm.is_empty());
  EXPECT_FALSE(parse_vit_config(to_config_json(config), "c").final_norm);
  EXPECT_FALSE(parse_vit_config(R"({"model_type": "videomae"})", "c").final_norm);
}

TEST(VitConfig, TakesClassDefaultsAndRefusesWhatIsNotSupported) {
  const VitConfig image = parse_vit_config(R"({"model_type": "vit_mae"})", "c");
  EXPECT_EQ(image.hidden_size, 768);
  EXPECT_EQ(image.num_frames, 1);
  const VitConfig video = parse_vit_config(
      R"({"model_type": "videomae", "image_size": [112, 112], "qv_bias": false})", "c");
  EXPECT_EQ(video.num_frames, 16);
  EXPECT_EQ(video.tubelet_size, 2);
  EXPECT_EQ(video.image_size, 112);
  EXPECT_FALSE(video.qkv_bias);
  for (const char* bad : {R"({"model_type": "dinov2"})",
                          R"({"model_type": "vit", "image_size": [224, 112]})",
                          R"({"model_type": "vit", "image_size": 8})",
                          R"({"model_type": "vit", "num_channels": 1})",
                          R"({"model_type": "vit", "hidden_act": "swish9"})",
                          R"({"model_type": "vit", "num_attention_heads": 7})",
                          R"({"model_type": "vit", "patch_size": 0})",
                          R"({"model_type": "videomae", "num_frames": 1})"}) {
    EXPECT_THROW(parse_vit_config(bad, "c"), DataError) << bad;
  }
}

TEST(ProbeModel, GivesTheTapsOfClipsAndWantsWholeOnes) {
  const TempDir folder;
  VitConfig config = tiny("videomae");
  Vit vit(config);
  test::randomise(*vit, 3);
  test::write_weights(folder / "m", *vit, to_config_json(config));
  media::Image frame{40, 35, std::vector<std::uint8_t>(40 * 35 * 3, 200)};
  const auto probe = [&](std::size_t frames) {
    return probe_model(
        folder / "m", {.images = std::vector<media::Image>(frames, frame)}, torch::kFloat32);
  };
  const nn::NamedTensors taps = probe(10);
  EXPECT_EQ(taps.at("pixel_values").sizes(), (std::vector<std::int64_t>{2, 5, 3, 30, 30}));
  EXPECT_EQ(taps.at("last_hidden_state").sizes(), (std::vector<std::int64_t>{2, 8, 24}));
  EXPECT_EQ(taps.at("pooled").sizes(), (std::vector<std::int64_t>{2, 24}));
  EXPECT_THROW(probe(4), DataError);
  EXPECT_THROW(probe(0), DataError);
  EXPECT_THROW(probe_model(folder / "m", {.ids = {{1}}, .images = {frame}}, torch::kFloat32),
               DataError);
}

}  // namespace
}  // namespace vragent::models

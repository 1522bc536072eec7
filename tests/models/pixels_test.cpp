// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/models/pixels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/nn/functional/upsampling.h>
#include <torch/types.h>

#include "support/temp_dir.h"
#include "support/tensor_matchers.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::models {
namespace {

using test::TempDir;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;
using torch::Tensor;

/// Refused in a line that names the file and the key.
auto names(const char* file, const std::string& key) {
  return ThrowsMessage<DataError>(AllOf(HasSubstr(file), HasSubstr("\"" + key + "\"")));
}

/// Each pixel and channel has its own value, modulo 251.
media::Image counted_image(std::int64_t height, std::int64_t width) {
  media::Image image{width, height, {}};
  for (std::int64_t i = 0; i < height * width * 3; ++i)
    image.rgb.push_back(static_cast<std::uint8_t>(i % 251));
  return image;
}

media::Image plain_image(std::int64_t height, std::int64_t width, std::uint8_t value) {
  return {width,
          height,
          std::vector<std::uint8_t>(static_cast<std::size_t>(height * width * 3), value)};
}

TEST(SmartResize, MeetsTheGoldensOfTheSpecification) {
  const std::int64_t max = 12845056;
  const auto resized = [&](std::int64_t h, std::int64_t w, std::int64_t limit) {
    return smart_resize({h, w}, 28, 3136, limit);
  };
  EXPECT_EQ(resized(1080, 1920, max), (ImageSize{1092, 1932}));
  EXPECT_EQ(resized(720, 1280, max), (ImageSize{728, 1288}));
  EXPECT_EQ(resized(480, 640, max), (ImageSize{476, 644}));
  EXPECT_EQ(resized(70, 70, max), (ImageSize{56, 56})) << "2.5 rounds to even";
  EXPECT_EQ(resized(42, 126, max), (ImageSize{56, 112})) << "1.5 and 4.5 round to even";
  EXPECT_EQ(resized(98, 154, max), (ImageSize{112, 168}));
  EXPECT_EQ(resized(27, 27, max), (ImageSize{56, 56}));
  EXPECT_EQ(resized(4000, 6000, max), (ImageSize{2912, 4368}));
  EXPECT_EQ(resized(10, 1400, max), (ImageSize{28, 672}));
  EXPECT_EQ(resized(1080, 1920, 1003520), (ImageSize{728, 1316}));
}

TEST(SmartResize, RefusesARibbonAndAnEmptyImage) {
  EXPECT_NO_THROW(smart_resize({10, 2000}, 28, 3136, 1003520));
  EXPECT_THROW(smart_resize({10, 2001}, 28, 3136, 1003520), DataError);
  EXPECT_THROW(smart_resize({0, 100}, 28, 3136, 1003520), DataError);
}

TEST(QwenPatches, StandBlockByBlockWithChannelTimeAndPlaceInEachRow) {
  // 56 x 84 pixels: 4 x 6 patches, 2 x 3 blocks of 2 x 2; no resizing.
  const media::Image image = counted_image(56, 84);
  const QwenPixelConfig config{.min_pixels = 1, .mean = {0, 0, 0}, .std = {1, 1, 1}};
  const QwenPatches patches = qwen_patches(image, config);
  ASSERT_EQ(patches.height, 4);
  ASSERT_EQ(patches.width, 6);
  ASSERT_EQ(patches.rows.sizes(), (std::vector<std::int64_t>{24, 3 * 2 * 14 * 14}));
  const auto value_at = [&](std::int64_t y, std::int64_t x, std::int64_t c) {
    return image.rgb[static_cast<std::size_t>((y * 84 + x) * 3 + c)] / 255.0;
  };
  std::int64_t row = 0;
  for (std::int64_t block_y = 0; block_y < 2; ++block_y) {
    for (std::int64_t block_x = 0; block_x < 3; ++block_x) {
      for (const auto& [dy, dx] : {std::pair(0, 0), {0, 1}, {1, 0}, {1, 1}}) {
        for (const auto& [c, t, y, x] : {std::tuple(0, 0, 0, 0), {1, 0, 3, 5}, {2, 1, 13, 13}}) {
          const double wanted =
              value_at((block_y * 2 + dy) * 14 + y, (block_x * 2 + dx) * 14 + x, c);
          const std::int64_t column = ((c * 2 + t) * 14 + y) * 14 + x;
          ASSERT_NEAR(patches.rows[row][column].item<double>(), wanted, 1e-6) << row;
        }
        ++row;
      }
    }
  }
}

TEST(QwenPatches, RepeatTheStillImageAlongTime) {
  const QwenPatches patches = qwen_patches(counted_image(56, 56), {});
  const Tensor by_time = patches.rows.view({16, 3, 2, 14 * 14});
  EXPECT_TRUE(by_time.select(2, 0).equal(by_time.select(2, 1)));
}

TEST(ResizeBicubic, OvershootsAtEdgesAndStaysWithinBytes) {
  Tensor image = torch::zeros({3, 16, 16}, torch::kUInt8);
  image.narrow(2, 8, 8).fill_(255);
  const Tensor up = resize_bicubic(image, {16, 64});
  EXPECT_EQ(up.scalar_type(), torch::kUInt8);
  EXPECT_EQ(up.min().item<int>(), 0);
  EXPECT_EQ(up.max().item<int>(), 255);
  const Tensor down = resize_bicubic(image, {4, 4});
  EXPECT_EQ(down[0][0][0].item<int>(), 0);
  EXPECT_EQ(down[0][0][3].item<int>(), 255);
  EXPECT_TRUE(resize_bicubic(image, {16, 16}).equal(image));
}

TEST(ClipPixels, ScaleTheShortSideAndCropTheMiddle) {
  media::Image image = plain_image(56, 140, 0);
  for (std::int64_t y = 0; y < 56; ++y) {
    for (std::int64_t x = 42; x < 98; ++x)  // exactly what the crop keeps
      for (std::size_t c = 0; c < 3; ++c)
        image.rgb[static_cast<std::size_t>(y * 140 + x) * 3 + c] = 255;
  }
  const ClipPixelConfig config{.size = 28, .mean = {0, 0, 0}, .std = {1, 1, 1}};
  const Tensor pixels = clip_pixels(image, config);
  ASSERT_EQ(pixels.sizes(), (std::vector<std::int64_t>{3, 28, 28}));
  EXPECT_GT(pixels.narrow(2, 2, 24).min().item<double>(), 0.99);
  const Tensor tall = clip_pixels(counted_image(90, 31), config);
  EXPECT_EQ(tall.sizes(), (std::vector<std::int64_t>{3, 28, 28}));
}

TEST(ClipPixels, ScaleTheShortSideToMoreThanTheCropWhereTheConfigSaysSo) {
  const media::Image image = counted_image(67, 45);  // becomes 44 x 30
  const Tensor pixels =
      clip_pixels(image, {.size = 28, .shortest_edge = 30, .mean = {0, 0, 0}, .std = {1, 1, 1}});
  const Tensor wanted =
      resize_bicubic(to_tensor(image), {44, 30}).narrow(1, 8, 28).narrow(2, 1, 28);
  EXPECT_TRUE(test::close(pixels * 255, wanted, 1e-3));
}

TEST(ClipPixels, NormaliseByChannel) {
  const Tensor pixels = clip_pixels(plain_image(28, 28, 128), {.size = 28});
  for (std::int64_t c = 0; c < 3; ++c) {
    const auto i = static_cast<std::size_t>(c);
    EXPECT_NEAR(pixels[c][5][5].item<double>(), (128 / 255.0 - kClipMean[i]) / kClipStd[i], 1e-5);
  }
}

TEST(QwenPixelConfig, ReadsOldAndNewFiles) {
  const TempDir folder;
  EXPECT_EQ(load_qwen_pixel_config(folder.path()).max_pixels, 1003520) << "class default";
  write_file(folder / "preprocessor_config.json",
             R"({"min_pixels": 3136, "max_pixels": 12845056, "patch_size": 14,
                 "image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.5, 1.0]})");
  const QwenPixelConfig old = load_qwen_pixel_config(folder.path());
  EXPECT_EQ(old.max_pixels, 12845056);
  EXPECT_EQ(old.std[0], 0.25);
  write_file(folder / "processor_config.json",
             R"({"image_processor": {"size": {"shortest_edge": 784, "longest_edge": 50176}}})");
  const QwenPixelConfig fresh = load_qwen_pixel_config(folder.path());
  EXPECT_EQ(fresh.min_pixels, 784);
  EXPECT_EQ(fresh.max_pixels, 50176);
}

TEST(QwenPixelConfig, RefusesSizesThatCannotBe) {
  const TempDir folder;
  for (const char* text : {R"({"patch_size": 0})",
                           R"({"merge_size": 0})",
                           R"({"temporal_patch_size": -1})",
                           R"({"max_pixels": 0})",
                           R"({"min_pixels": 1000000000000, "max_pixels": 1000000000000})",
                           R"({"patch_size": 14.5})",
                           R"({"image_mean": [0.5]})",
                           R"({"image_std": [0, 1, 1]})",
                           "[]"}) {
    write_file(folder / "preprocessor_config.json", text);
    EXPECT_THROW(load_qwen_pixel_config(folder.path()), DataError) << text;
  }
}

TEST(QwenPixelConfig, RefusesByFileAndKeyWhatItsPixelsAreNotMadeWith) {
  const TempDir folder;
  const std::string file = "preprocessor_config.json";
  for (const auto& [key, value] : {std::pair<std::string, std::string>("resample", "2"),
                                   {"resample", "\"bicubic\""},
                                   {"do_resize", "false"},
                                   {"do_rescale", "false"},
                                   {"do_normalize", "false"},
                                   {"do_normalize", "1"},
                                   {"rescale_factor", "0.00390625"}}) {
    write_file(folder / file, "{\"" + key + "\": " + value + "}");
    EXPECT_THAT([&] { load_qwen_pixel_config(folder.path()); }, names(file.c_str(), key)) << value;
  }
  write_file(folder / file,
             R"({"resample": 3, "do_resize": true, "do_rescale": true, "do_normalize": true,
                 "rescale_factor": 0.00392156862745098, "do_center_crop": null})");
  EXPECT_EQ(load_qwen_pixel_config(folder.path()).patch_size, 14);
}

TEST(QwenPixelConfig, GivesFullHdTheTokensOfTheLimitsOfItsFile) {
  const TempDir folder;
  const media::Image frame = plain_image(1080, 1920, 90);
  const auto cells = [&] {
    const QwenPixelConfig config = load_qwen_pixel_config(folder.path());
    const QwenPatches patches = qwen_patches(frame, config);
    EXPECT_EQ(patches.rows.size(0), patches.height * patches.width);
    return ImageSize{patches.height / config.merge_size, patches.width / config.merge_size};
  };
  EXPECT_EQ(cells(), (ImageSize{26, 47})) << "1222 tokens: the limits of the class";
  write_file(folder / "preprocessor_config.json",
             R"({"min_pixels": 3136, "max_pixels": 12845056})");
  EXPECT_EQ(cells(), (ImageSize{39, 69})) << "2691 tokens: the Hub's limits as 4.x spells them";
  write_file(folder / "processor_config.json",
             R"({"image_processor": {"size": {"shortest_edge": 3136, "longest_edge": 1003520}}})");
  EXPECT_EQ(cells(), (ImageSize{26, 47})) << "5.x";
  write_file(folder / "processor_config.json",
             R"({"image_processor": {"size": {"shortest_edge": 3136, "longest_edge": 12845056}}})");
  EXPECT_EQ(cells(), (ImageSize{39, 69})) << "5.x";
}

TEST(PixelConfigs, RefuseAPartOfAJointFileThatIsNoObject) {
  const TempDir folder;
  const char* const file = "processor_config.json";
  for (const char* value : {"null", "7", "[]", "\"x\"", "true"}) {
    write_file(folder / file, std::string(R"({"image_processor": )") + value + "}");
    const auto expected = names(file, "image_processor");
    EXPECT_THAT([&] { load_qwen_pixel_config(folder.path()); }, expected) << value;
    EXPECT_THAT([&] { load_clip_pixel_config(folder.path(), 224); }, expected) << value;
    EXPECT_THAT([&] { load_tower_pixel_config(folder.path(), 224, false); }, expected) << value;
    write_file(folder / file, std::string(R"({"video_processor": )") + value + "}");
    EXPECT_THAT([&] { load_tower_pixel_config(folder.path(), 224, true); },
                names(file, "video_processor"))
        << value;
  }
  write_file(folder / file, R"({"feature_extractor": {"sampling_rate": 16000}})");
  EXPECT_NO_THROW(load_qwen_pixel_config(folder.path()));
}

TEST(ClipPixelConfig, RefusesByFileAndKeyWhatItsPixelsAreNotMadeWith) {
  const TempDir folder;
  const std::string file = "preprocessor_config.json";
  for (const auto& [key, text] :
       {std::pair<std::string, std::string>("size", R"({"size": {"height": 224, "width": 224}})"),
        {"size", R"({"size": 223})"},
        {"size", R"({"size": {"shortest_edge": 100}})"},
        {"longest_edge", R"({"size": {"shortest_edge": 224, "longest_edge": 448}})"},
        {"crop_size", R"({"crop_size": {"height": 224, "width": 200}})"},
        {"resample", R"({"resample": 2})"},
        {"do_resize", R"({"do_resize": false})"},
        {"do_center_crop", R"({"do_center_crop": false})"},
        {"do_rescale", R"({"do_rescale": false})"},
        {"do_normalize", R"({"do_normalize": "no"})"},
        {"rescale_factor", R"({"rescale_factor": 1})"}}) {
    write_file(folder / file, text);
    EXPECT_THAT([&] { load_clip_pixel_config(folder.path(), 224); }, names(file.c_str(), key))
        << text;
  }
}

TEST(ClipPixelConfig, ReadsWhatFoldersOfAllTimesSay) {
  const TempDir folder;
  write_file(folder / "preprocessor_config.json",
             R"({"crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true,
                 "feature_extractor_type": "CLIPFeatureExtractor", "resample": 3, "size": 224})");
  EXPECT_EQ(load_clip_pixel_config(folder.path(), 224).shortest_edge, 224);
  write_file(folder / "preprocessor_config.json",
             R"({"crop_size": {"height": 224, "width": 224}, "size": {"shortest_edge": 256},
                 "do_rescale": true, "rescale_factor": 0.00392156862745098})");
  const ClipPixelConfig config = load_clip_pixel_config(folder.path(), 224);
  EXPECT_EQ(config.size, 224);
  EXPECT_EQ(config.shortest_edge, 256);
}

TEST(ClipPixelConfig, MustFitTheModel) {
  const TempDir folder;
  EXPECT_EQ(load_clip_pixel_config(folder.path(), 224).size, 224);
  write_file(folder / "preprocessor_config.json", R"({"crop_size": {"height": 28, "width": 28}})");
  EXPECT_EQ(load_clip_pixel_config(folder.path(), 28).size, 28);
  EXPECT_THROW(load_clip_pixel_config(folder.path(), 224), DataError);
  write_file(folder / "preprocessor_config.json", R"({"crop_size": 28, "size": 28})");
  EXPECT_THROW(load_clip_pixel_config(folder.path(), 224), DataError) << "4.x files give a number";
}

TEST(TowerPixelConfig, ReadsWhatFoldersOfAllTimesSay) {
  const TempDir folder;
  const TowerPixelConfig image = load_tower_pixel_config(folder.path(), 224, false);
  EXPECT_EQ(image.size, (ImageSize{224, 224}));
  EXPECT_EQ(image.shortest_edge, 0);
  EXPECT_EQ(image.crop, ImageSize{});
  EXPECT_FALSE(image.bicubic);
  const TowerPixelConfig clip = load_tower_pixel_config(folder.path(), 96, true);
  EXPECT_EQ(clip.shortest_edge, 96);
  EXPECT_EQ(clip.crop, (ImageSize{96, 96}));
  write_file(folder / "preprocessor_config.json",  // a feature extractor of 2022
             R"({"size": 224, "resample": 3, "image_mean": [0.485, 0.456, 0.406]})");
  EXPECT_EQ(load_tower_pixel_config(folder.path(), 224, false).size, (ImageSize{224, 224}));
  EXPECT_EQ(load_tower_pixel_config(folder.path(), 224, true).shortest_edge, 224);
  EXPECT_TRUE(load_tower_pixel_config(folder.path(), 224, false).bicubic);
  EXPECT_EQ(load_tower_pixel_config(folder.path(), 224, false).mean[1], 0.456);
  write_file(folder / "video_preprocessor_config.json",
             R"({"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}})");
  EXPECT_EQ(load_tower_pixel_config(folder.path(), 224, true).shortest_edge, 256);
  EXPECT_EQ(load_tower_pixel_config(folder.path(), 224, false).shortest_edge, 0);
  write_file(folder / "processor_config.json",
             R"({"video_processor": {"size": {"height": 224, "width": 224}, "do_center_crop": false,
                 "do_rescale": false}, "image_processor": {"do_normalize": false}})");
  EXPECT_EQ(load_tower_pixel_config(folder.path(), 224, true).size, (ImageSize{224, 224}));
  EXPECT_EQ(load_tower_pixel_config(folder.path(), 224, true).scale, 1.0);
  EXPECT_FALSE(load_tower_pixel_config(folder.path(), 224, false).normalise);
}

TEST(TowerPixelConfig, RefusesWhatCannotBe) {
  const TempDir folder;
  for (const char* text : {R"({"size": {"height": 112, "width": 224}})",
                           R"({"size": {"shortest_edge": 100}, "do_center_crop": true})",
                           R"({"size": {"shortest_edge": 224, "longest_edge": 400}})",
                           R"({"size": {"width": 224}})",
                           R"({"size": "large"})",
                           R"({"size": 0})",
                           R"({"do_center_crop": true, "crop_size": 112})",
                           R"({"resample": 1})",
                           R"({"rescale_factor": 0})",
                           R"({"image_std": [1, 1, 0]})"}) {
    write_file(folder / "preprocessor_config.json", text);
    EXPECT_THROW(load_tower_pixel_config(folder.path(), 224, false), DataError) << text;
  }
}

TEST(TowerPixels, AreWithinALevelOfTheSameResizeInFloat) {
  namespace F = torch::nn::functional;
  const media::Image image = counted_image(67, 45);
  TowerPixelConfig config{.size = {28, 28}, .normalise = false};
  // Columns first, then rows; what lies between them is held in bytes, so overshoot is cut twice.
  const auto wanted = [&](auto filter, std::vector<std::int64_t> size) {
    Tensor pixels = to_tensor(image).to(torch::kFloat32).unsqueeze(0);
    for (const std::vector<std::int64_t>& pass : {{pixels.size(2), size[1]}, size}) {
      pixels =
          F::interpolate(
              pixels,
              F::InterpolateFuncOptions().size(pass).mode(filter).align_corners(false).antialias(
                  true))
              .clamp(0, 255);
    }
    return pixels.squeeze(0);
  };
  EXPECT_TRUE(
      test::close(tower_pixels(image, config) * 255, wanted(torch::kBilinear, {28, 28}), 1.01));
  config.bicubic = true;
  EXPECT_TRUE(
      test::close(tower_pixels(image, config) * 255, wanted(torch::kBicubic, {28, 28}), 1.01));
  config.shortest_edge = 30;  // 67 x 45 becomes 44 x 30
  config.crop = {28, 28};
  EXPECT_TRUE(test::close(tower_pixels(image, config) * 255,
                          wanted(torch::kBicubic, {44, 30}).narrow(1, 8, 28).narrow(2, 1, 28),
                          1.01));
}

TEST(TowerPixels, ScaleAndNormaliseAsAsked) {
  const media::Image image = plain_image(8, 8, 100);
  const auto value = [&](const TowerPixelConfig& config) {
    return tower_pixels(image, config)[1][2][3].item<double>();
  };
  EXPECT_NEAR(value({.size = {4, 4}}), (100 / 255.0 - 0.5) / 0.5, 1e-6);
  EXPECT_NEAR(value({.size = {4, 4}, .scale = 1, .mean = {0, 20, 0}, .std = {1, 4, 1}}), 20, 1e-5);
  EXPECT_NEAR(value({.resize = false, .scale = 0.5, .normalise = false}), 50, 1e-6);
  EXPECT_THROW(value({.resize = false, .crop = {9, 9}}), DataError);
}

}  // namespace
}  // namespace vragent::models

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Numbers from transformers (tests/golden/models.json, made by scripts/make_golden.py).
#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/formula.h"
#include "vragent/models/bert.h"
#include "vragent/models/causal_lm.h"
#include "vragent/models/clip.h"
#include "vragent/models/pixels.h"
#include "vragent/models/vision_lm.h"
#include "vragent/models/vit.h"
#include "vragent/util/error.h"
#include "vragent/util/sha256.h"

namespace vragent::models {
namespace {

using torch::Tensor;

constexpr double kTolerance = 1e-5;

Tensor ids_of(const Json& lists) {
  std::vector<Tensor> rows;
  for (const Json& row : lists) rows.push_back(torch::tensor(row.get<std::vector<std::int64_t>>()));
  return torch::stack(rows);
}

/// The images of a golden, named as make_golden.py names them.
std::vector<media::Image> images_of(const Json& golden, const std::string& name) {
  std::vector<media::Image> images;
  for (const Json& size : golden["image_sizes"]) {
    images.push_back(test::formula_image(size[0].get<std::int64_t>(),
                                         size[1].get<std::int64_t>(),
                                         name + std::to_string(images.size())));
  }
  return images;
}

class CausalLmGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(CausalLmGolden, LogitsEqualTransformers) {
  const torch::NoGradGuard no_grad;
  const Json golden = test::read_golden("models.json")[GetParam()];
  const CausalLmConfig config = parse_causal_lm_config(golden["config"].dump(), GetParam());
  CausalLm lm(config);
  test::fill_by_formula(*lm);
  const Tensor ids = torch::tensor(golden["ids"].get<std::vector<std::int64_t>>()).unsqueeze(0);
  test::expect_golden(lm(ids).squeeze(0), golden["logits"], kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Architectures,
                         CausalLmGolden,
                         ::testing::Values("qwen2_untied", "qwen2_tied", "llama", "qwen3"),
                         [](const auto& instance) { return std::string(instance.param); });

TEST(VisionLmGolden, PatchesFeaturesAndLogitsEqualTransformers) {
  const torch::NoGradGuard no_grad;
  const Json golden = test::read_golden("models.json")["qwen2_5_vl"];
  const VisionLmConfig config = parse_vision_lm_config(golden["config"].dump(), "golden");
  VisionLm lm(config);
  test::fill_by_formula(*lm);
  QwenPixelConfig pixels;
  pixels.min_pixels = golden["min_pixels"].get<std::int64_t>();
  pixels.max_pixels = golden["max_pixels"].get<std::int64_t>();
  std::vector<Tensor> rows;
  std::vector<Grid> grids;
  for (const media::Image& image : images_of(golden, "image")) {
    const QwenPatches patches = qwen_patches(image, pixels);
    const Json& wanted = golden["grids"][grids.size()];
    EXPECT_EQ(patches.height, wanted[1].get<std::int64_t>());
    EXPECT_EQ(patches.width, wanted[2].get<std::int64_t>());
    rows.push_back(patches.rows);
    grids.push_back({1, patches.height, patches.width});
  }
  test::expect_golden(torch::cat(rows), golden["patches"], kTolerance);
  const Tensor features = lm->visual(torch::cat(rows), grids);
  test::expect_golden(features, golden["image_features"], kTolerance);
  const auto ids =
      expand_image_tokens(golden["ids"].get<std::vector<std::int64_t>>(), grids, config);
  const Tensor logits = sequence_logits(lm->text(),
                                        lm->embed(torch::tensor(ids), features),
                                        mrope_positions(ids, grids, config).positions);
  test::expect_golden(logits, golden["logits"], kTolerance);
}

TEST(ClipGolden, PixelsAndBothVectorsEqualTransformers) {
  const torch::NoGradGuard no_grad;
  const Json golden = test::read_golden("models.json")["clip"];
  Clip clip(parse_clip_config(golden["config"].dump(), "golden"));
  test::fill_by_formula(*clip);
  std::vector<Tensor> pixels;
  for (const media::Image& image : images_of(golden, "clip"))
    pixels.push_back(clip_pixels(image, {.size = 28}));
  test::expect_golden(torch::stack(pixels), golden["pixels"], kTolerance);
  test::expect_golden(clip->encode_image(torch::stack(pixels)), golden["image_embeds"], kTolerance);
  test::expect_golden(clip->encode_text(ids_of(golden["ids"])), golden["text_embeds"], kTolerance);
}

class BertGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(BertGolden, HiddenStatesEqualTransformers) {
  const torch::NoGradGuard no_grad;
  const Json golden = test::read_golden("models.json")[GetParam()];
  Bert bert(parse_bert_config(golden["config"].dump(), GetParam()));
  test::fill_by_formula(*bert);
  const Tensor lengths = torch::tensor(golden["lengths"].get<std::vector<std::int64_t>>());
  const Tensor mask = ops::length_mask(lengths, 5);
  const Tensor hidden = bert(ids_of(golden["ids"]), mask);
  const Tensor real = hidden.flatten(0, 1).index_select(0, mask.flatten().nonzero().squeeze(1));
  test::expect_golden(real, golden["last_hidden_state"], kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Architectures,
                         BertGolden,
                         ::testing::Values("bert", "xlm_roberta", "roberta"),
                         [](const auto& instance) { return std::string(instance.param); });

class VitGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(VitGolden, PixelsAndHiddenStatesEqualTransformers) {
  const torch::NoGradGuard no_grad;
  const Json golden = test::read_golden("models.json")[GetParam()];
  Vit vit(parse_vit_config(golden["config"].dump(), GetParam()));
  test::fill_by_formula(*vit);
  TowerPixelConfig config{.size = {28, 28}};
  if (vit->config.is_video()) {
    config.shortest_edge = 32;
    config.crop = {28, 28};
  }
  std::vector<Tensor> rows;
  for (const media::Image& image : images_of(golden, "tower"))
    rows.push_back(tower_pixels(image, config));
  const Tensor pixels =
      vit->config.is_video() ? torch::stack(rows).unsqueeze(0) : torch::stack(rows);
  test::expect_golden(pixels, golden["pixels"], kTolerance);
  test::expect_golden(vit(pixels), golden["last_hidden_state"], kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Architectures,
                         VitGolden,
                         ::testing::Values("vit", "vit_mae", "videomae"),
                         [](const auto& instance) { return std::string(instance.param); });

TEST(SmartResizeGolden, EqualsTransformersForRandomSizes) {
  const Json golden = test::read_golden("smart_resize.json");
  ASSERT_GE(golden["rows"].size(), 200);
  for (const Json& row : golden["rows"]) {
    const auto n = row.get<std::vector<std::int64_t>>();
    EXPECT_EQ(smart_resize({n[0], n[1]}, 28, n[2], n[3]), (ImageSize{n[4], n[5]})) << row;
  }
}

/// One of the two sides of an image; small images are as many as large ones.
std::int64_t formula_side(std::uint32_t index) {
  const std::uint32_t bits = test::bits_of(index, test::hash_name("smart_resize"));
  return 10 + (bits & 0xFFFU) % (64U << ((bits >> 12U) % 7U));
}

/// "height width", and what they become: "height width" or "refused".
std::string resized_line(const ImageSize& size, std::int64_t max_pixels) {
  const auto text = [](const ImageSize& of) {
    return std::to_string(of.height) + " " + std::to_string(of.width);
  };
  try {
    return text(size) + " " + text(smart_resize(size, 28, 3136, max_pixels)) + "\n";
  } catch (const DataError&) {
    return text(size) + " refused\n";
  }
}

TEST(SmartResizeGolden, EqualsTransformersForTenThousandSizes) {
  constexpr std::int64_t kMaxPixels[] = {12845056, 1003520, 602112};
  const Json golden = test::read_golden("smart_resize.json");
  ASSERT_EQ(golden["blocks"].size(), 100U);
  for (const Json& block : golden["blocks"]) {
    std::string lines;
    const auto first = block[0].get<std::uint32_t>();
    for (std::uint32_t i = first; i < first + 100; ++i) {
      lines += resized_line({formula_side(2 * i), formula_side(2 * i + 1)}, kMaxPixels[i % 3]);
    }
    EXPECT_EQ(sha256(lines).substr(0, 16), block[1].get<std::string>()) << lines;
  }
}

}  // namespace
}  // namespace vragent::models

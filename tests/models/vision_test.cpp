// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <tuple>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/temp_dir.h"
#include "support/tensor_matchers.h"
#include "support/tiny_models.h"
#include "vragent/models/vision_lm.h"
#include "vragent/util/error.h"

namespace vragent::models {
namespace {

using torch::Tensor;
using Numbers = std::vector<std::int64_t>;

TEST(VisionLayout, MeetsTheGoldensOfTheSpecification) {
  const VisionLayout ten = vision_layout({{1, 10, 10}}, {});
  EXPECT_EQ(ten.window_index, (Numbers{0,  1,  2,  3, 5, 6,  7,  8,  10, 11, 12, 13, 15,
                                       16, 17, 18, 4, 9, 14, 19, 20, 21, 22, 23, 24}));
  EXPECT_EQ(ten.window_ends, (Numbers{0, 64, 80, 96, 100}));
  EXPECT_EQ(ten.frame_ends, (Numbers{0, 100}));
  EXPECT_EQ(vision_layout({{1, 12, 20}}, {}).window_ends,
            (Numbers{0, 64, 128, 160, 192, 224, 240}));
  EXPECT_EQ(vision_layout({{2, 8, 8}}, {}).window_ends, (Numbers{0, 64, 128}));
  EXPECT_EQ(vision_layout({{2, 8, 8}}, {}).frame_ends, (Numbers{0, 64, 128}));
}

Numbers numbers_of(const Tensor& tensor) {
  const Tensor whole = tensor.contiguous();
  const auto* first = whole.const_data_ptr<std::int64_t>();
  return {first, first + whole.numel()};
}

/// A layout as the specification words it: the grid of merged cells is padded to whole windows (by
/// a window where it fits), the pads are dropped from the windows, and ends that repeat as well.
VisionLayout padded_layout(const Grid& grid) {
  const std::int64_t rows = grid.h / 2;
  const std::int64_t columns = grid.w / 2;
  const std::int64_t tall = rows + 4 - rows % 4;
  const std::int64_t wide = columns + 4 - columns % 4;
  const Tensor cells = torch::full({tall, wide}, -100, torch::kInt64);
  cells.narrow(0, 0, rows)
      .narrow(1, 0, columns)
      .copy_(torch::arange(rows * columns).view({rows, columns}));
  const Tensor windows = cells.view({tall / 4, 4, wide / 4, 4}).transpose(1, 2).reshape({-1, 16});
  const Tensor is_cell = windows >= 0;
  const Tensor ends = torch::cat({torch::zeros({1}, torch::kInt64), is_cell.sum(1).cumsum(0) * 4});
  return {.window_index = numbers_of(windows.masked_select(is_cell)),
          .window_ends = numbers_of(std::get<0>(at::unique_consecutive(ends))),
          .frame_ends = {0, grid.h * grid.w}};
}

TEST(VisionLayout, OfLargeImagesIsThatOfPaddedWindows) {
  // 1080 x 1920 pixels under the Hub's limits and under those of the class, then small ones.
  for (const Grid& grid : {Grid{1, 78, 138}, Grid{1, 52, 94}, Grid{1, 8, 8}, Grid{1, 10, 34}}) {
    const VisionLayout layout = vision_layout({grid}, {});
    const VisionLayout wanted = padded_layout(grid);
    EXPECT_EQ(layout.window_index, wanted.window_index) << grid.h;
    EXPECT_EQ(layout.window_ends, wanted.window_ends) << grid.h;
    EXPECT_EQ(layout.frame_ends, wanted.frame_ends) << grid.h;
  }
  const VisionLayout both = vision_layout({{1, 78, 138}, {1, 52, 94}}, {});
  EXPECT_EQ(both.window_index.size(), 2691U + 1222U);
  EXPECT_EQ(both.window_ends.size(), 10U * 18U + 7U * 12U + 1U);
  EXPECT_EQ(both.frame_ends, (Numbers{0, 10764, 10764 + 4888}));
}

TEST(VisionLayout, IsAPermutationWithoutEmptyWindows) {
  for (const Grid& grid : {Grid{1, 2, 2}, Grid{1, 30, 6}, Grid{3, 14, 10}, Grid{1, 8, 16}}) {
    const VisionLayout layout = vision_layout({grid}, {});
    Numbers sorted = layout.window_index;
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 0; i < sorted.size(); ++i) ASSERT_EQ(sorted[i], i);
    EXPECT_EQ(static_cast<std::int64_t>(sorted.size()), grid.t * grid.h * grid.w / 4);
    for (std::size_t i = 1; i < layout.window_ends.size(); ++i)
      EXPECT_GT(layout.window_ends[i], layout.window_ends[i - 1]);
    EXPECT_EQ(layout.window_ends.back(), grid.t * grid.h * grid.w);
  }
}

/// A tower of two blocks, the second with full attention.
VisionTower tiny_tower() {
  VisionTower tower(test::tiny_vlm_config(300, 299).vision);
  test::randomise(*tower, 3);
  nn::set_requires_grad(*tower, false);
  return tower;
}

Tensor patches_of(const Grid& grid, std::uint64_t seed) {
  return test::randn({grid.t * grid.h * grid.w, 3 * 2 * 14 * 14}, seed);
}

TEST(VisionTower, TreatsSeveralImagesLikeEachAlone) {
  VisionTower tower = tiny_tower();
  const std::vector<Grid> grids = {{1, 10, 10}, {1, 2, 6}, {1, 8, 12}};
  std::vector<Tensor> rows;
  std::vector<Tensor> alone;
  for (std::size_t i = 0; i < grids.size(); ++i) {
    rows.push_back(patches_of(grids[i], i));
    alone.push_back(tower->forward(rows.back(), {grids[i]}));
  }
  EXPECT_TRUE(test::close(tower->forward(torch::cat(rows), grids), torch::cat(alone), 1e-4));
}

TEST(VisionTower, GivesImagesThatItTakesInPartsTheOrderTheyCameIn) {
  VisionTower tower = tiny_tower();
  const std::vector<Grid> grids = {{1, 20, 20}, {1, 24, 24}, {1, 4, 6}, {2, 30, 30}, {1, 2, 2}};
  std::vector<Tensor> rows;
  for (std::size_t i = 0; i < grids.size(); ++i) rows.push_back(patches_of(grids[i], i));
  const Tensor together = tower->forward(torch::cat(rows), grids);  // with gradient: all at once
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(test::close(tower->forward(torch::cat(rows), grids), together, 1e-4));
}

TEST(VisionTower, LetsFramePairsOfAClipSeeOnlyThemselves) {
  VisionTower tower = tiny_tower();
  const Grid grid{2, 6, 10};
  Tensor rows = patches_of(grid, 1);
  const Tensor before = tower->forward(rows, {grid});
  rows.narrow(0, 60, 60).mul_(-1);
  const Tensor after = tower->forward(rows, {grid});
  EXPECT_TRUE(test::close(after.narrow(0, 0, 15), before.narrow(0, 0, 15), 1e-5));
  EXPECT_GT(test::max_difference(after.narrow(0, 15, 15), before.narrow(0, 15, 15)), 0.01);
}

TEST(VisionTower, KeepsWindowsApartInBlocksWithoutFullAttention) {
  VisionConfig config = test::tiny_vlm_config(300, 299).vision;
  config.fullatt_block_indexes = {};
  VisionTower tower(config);
  test::randomise(*tower, 3);
  const torch::NoGradGuard no_grad;
  const Grid grid{1, 8, 16};  // two windows of 4 x 4 cells
  Tensor rows = patches_of(grid, 1);
  const Tensor before = tower->forward(rows, {grid}).view({4, 8, -1});
  // Block-major rows: cell (0, 7) lies in the right window.
  rows.narrow(0, 7 * 4, 4).mul_(-1);
  const Tensor after = tower->forward(rows, {grid}).view({4, 8, -1});
  EXPECT_TRUE(test::close(after.narrow(1, 0, 4), before.narrow(1, 0, 4), 1e-5));
  EXPECT_GT(test::max_difference(after.narrow(1, 4, 4), before.narrow(1, 4, 4)), 0.01);
}

TEST(VisionTower, ReadsTheWindowsOfALargeImageLikeImagesOfTheirOwn) {
  VisionConfig config = test::tiny_vlm_config(300, 299).vision;
  config.fullatt_block_indexes = {};
  VisionTower tower(config);
  test::randomise(*tower, 3);
  const torch::NoGradGuard no_grad;
  const Grid grid{1, 78, 138};  // 1092 x 1932 pixels, 39 x 69 cells
  const Tensor rows = patches_of(grid, 1);
  const Tensor features = tower->forward(rows, {grid});
  ASSERT_EQ(features.size(0), 2691);
  // The last window of each direction is cut: three rows of cells, one column.
  for (const auto& [top, left, tall, wide] :
       {std::tuple(0, 0, 4, 4), {20, 68, 4, 1}, {36, 40, 3, 4}, {36, 68, 3, 1}}) {
    const Tensor places = (torch::arange(top, top + tall).unsqueeze(1) * 69 +
                           torch::arange(left, left + wide).unsqueeze(0))
                              .flatten();
    const Tensor own = rows.view({2691, 4, -1}).index_select(0, places).flatten(0, 1);
    EXPECT_TRUE(test::close(
        features.index_select(0, places), tower->forward(own, {{1, 2 * tall, 2 * wide}}), 1e-3))
        << top << " " << left;
  }
}

TEST(VisionTower, SeesRowsAndColumnsDifferently) {
  VisionTower tower = tiny_tower();
  const Tensor cell = patches_of({1, 2, 2}, 1);
  // The same cell twice, side by side or one below the other: only rotary positions differ.
  const Tensor wide = tower->forward(torch::cat({cell, cell}), {{1, 2, 4}});
  const Tensor tall = tower->forward(torch::cat({cell, cell}), {{1, 4, 2}});
  EXPECT_GT(test::max_difference(wide, tall), 1e-3);
}

TEST(VisionTower, MultipliesPatchesAsTheConvolutionWould) {
  VisionTower tower = tiny_tower();
  const Tensor rows = patches_of({1, 2, 2}, 1);
  const Tensor by_conv =
      torch::conv3d(
          rows.view({4, 3, 2, 14, 14}), tower->patch_weight, {}, at::IntArrayRef({2, 14, 14}))
          .flatten(1);
  EXPECT_TRUE(test::close(at::linear(rows, tower->patch_weight.flatten(1)), by_conv, 1e-4));
}

TEST(VisionTower, RefusesRowsThatDoNotFitTheGrids) {
  VisionTower tower = tiny_tower();
  EXPECT_THROW(tower->forward(patches_of({1, 2, 2}, 1), {{1, 4, 4}}), c10::Error);
}

class Mrope : public ::testing::Test {
 protected:
  VisionLmConfig config = test::tiny_vlm_config(300, 299);
};

TEST_F(Mrope, MeetsTheImageGoldenOfTheSpecification) {
  const std::vector<Grid> grids = {{1, 4, 6}};
  const Numbers ids = expand_image_tokens({1, 2, 3, 299, 4, 5}, grids, config);
  EXPECT_EQ(ids, (Numbers{1, 2, 3, 299, 299, 299, 299, 299, 299, 4, 5}));
  const MropePositions places = mrope_positions(ids, grids, config);
  const Tensor wanted = torch::tensor({{0, 1, 2, 3, 3, 3, 3, 3, 3, 6, 7},
                                       {0, 1, 2, 3, 3, 3, 4, 4, 4, 6, 7},
                                       {0, 1, 2, 3, 4, 5, 3, 4, 5, 6, 7}});
  EXPECT_TRUE(places.positions.equal(wanted)) << places.positions;
  EXPECT_EQ(places.delta, -3);
}

TEST_F(Mrope, GivesALargeImageAPlaceACell) {
  const std::vector<Grid> grids = {{1, 78, 138}};
  const Numbers ids = expand_image_tokens({1, 299, 2}, grids, config);
  ASSERT_EQ(ids.size(), 2691U + 2U);
  const MropePositions places = mrope_positions(ids, grids, config);
  EXPECT_EQ(places.positions[1][2691].item<std::int64_t>(), 1 + 38);
  EXPECT_EQ(places.positions[2][2691].item<std::int64_t>(), 1 + 68);
  EXPECT_EQ(places.positions[0][2692].item<std::int64_t>(), 1 + 69);
  EXPECT_EQ(places.delta, 1 + 69 + 1 - 2693);
}

TEST_F(Mrope, CountsPlainTextOnAllAxes) {
  const MropePositions places = mrope_positions({5, 6, 7}, {}, config);
  EXPECT_TRUE(places.positions.equal(torch::tensor({{0, 1, 2}, {0, 1, 2}, {0, 1, 2}})));
  EXPECT_EQ(places.delta, 0);
}

TEST_F(Mrope, PutsImagesThatTouchBehindEachOther) {
  const std::vector<Grid> grids = {{1, 2, 4}, {1, 4, 2}};
  const MropePositions places =
      mrope_positions(expand_image_tokens({299, 299, 1}, grids, config), grids, config);
  const Tensor wanted = torch::tensor({{0, 0, 2, 2, 4}, {0, 0, 2, 3, 4}, {0, 1, 2, 2, 4}});
  EXPECT_TRUE(places.positions.equal(wanted)) << places.positions;
}

TEST_F(Mrope, RefusesImagesThatDoNotFitTheText) {
  EXPECT_THROW(expand_image_tokens({1, 299, 299}, {{1, 2, 2}}, config), DataError);
  EXPECT_THROW(expand_image_tokens({1, 2}, {{1, 2, 2}}, config), DataError);
  EXPECT_THROW(mrope_positions({299, 299}, {{1, 2, 2}}, config), DataError);
  EXPECT_THROW(mrope_positions({299, 1}, {{1, 4, 4}}, config), DataError);
  EXPECT_THROW(mrope_positions({1, 2}, {{1, 2, 2}}, config), DataError);
}

TEST_F(Mrope, TakesTimeHeightAndWidthFromItsSections) {
  config.text.mrope_section = {1, 1, 2};
  const Tensor positions = torch::tensor({{3}, {5}, {7}});
  const ops::Rotary mixed = decoder_rotary(config.text, positions);
  const auto at = [&](std::int64_t position, std::int64_t j) {
    return ops::rotary_table(torch::tensor({position}),
                             ops::rotary_frequencies(8, config.text.rope_theta, torch::kCPU))
        .cos[0][j]
        .item<double>();
  };
  const std::vector<double> wanted = {at(3, 0), at(5, 1), at(7, 2), at(7, 3)};
  for (std::int64_t j = 0; j < 8; ++j)
    EXPECT_NEAR(mixed.cos[0][j].item<double>(), wanted[static_cast<std::size_t>(j % 4)], 1e-6);
}

TEST(VisionLm, WithoutImagesIsThePlainLanguageModel) {
  const VisionLmConfig config = test::tiny_vlm_config(300, 299);
  VisionLm with_eyes(config);
  test::randomise(*with_eyes, 5);
  CausalLmConfig text = test::tiny_lm_config(300, false);
  CausalLm blind(text);
  const nn::NamedTensors tensors = nn::parameters_of(*with_eyes);
  nn::load_parameters(
      *blind,
      [&](const std::string& name) {
        return tensors.at(name.starts_with("model.") ? "model.language_model." + name.substr(6)
                                                     : name);
      },
      "copy");
  const torch::NoGradGuard no_grad;
  const Tensor ids = torch::tensor({1, 7, 30, 2});
  const Tensor logits = sequence_logits(with_eyes->text(),
                                        with_eyes->embed(ids, {}),
                                        mrope_positions({1, 7, 30, 2}, {}, config).positions);
  EXPECT_TRUE(test::close(logits, blind(ids.unsqueeze(0))[0], 1e-5));
}

TEST(VisionLm, PutsFeaturesInTheirPlacesInReadingOrder) {
  VisionLm lm(test::tiny_vlm_config(300, 299));
  test::randomise(*lm, 5);
  const torch::NoGradGuard no_grad;
  const Tensor ids = torch::tensor({1, 299, 2, 299, 3, 299});
  const Tensor features = test::randn({3, 32}, 1);
  const Tensor embedded = lm->embed(ids, features);
  EXPECT_TRUE(embedded[1].equal(features[0]));
  EXPECT_TRUE(embedded[3].equal(features[1]));
  EXPECT_TRUE(embedded[5].equal(features[2]));
  EXPECT_TRUE(embedded[0].equal(lm->language_model->embed_tokens->weight[1]));
  EXPECT_THROW(lm->embed(ids, features.narrow(0, 0, 2)), c10::Error);
}

TEST(VisionPrompt, TakesPlacesOnceAnImageOrExpanded) {
  const VisionLmConfig config = test::tiny_vlm_config(300, 299);
  const media::Image wide{112, 56, std::vector<std::uint8_t>(112 * 56 * 3, 9)};
  const media::Image small{56, 56, std::vector<std::uint8_t>(56 * 56 * 3, 99)};
  const auto prompt = [&](const Numbers& ids, const std::vector<media::Image>& images) {
    return vision_prompt(ids, images, config, {});
  };
  const VisionPrompt once = prompt({1, 299, 2, 299, 3}, {wide, small});
  const Numbers expanded = {1, 299, 299, 299, 299, 299, 299, 299, 299, 2, 299, 299, 299, 299, 3};
  EXPECT_EQ(once.ids, expanded);
  EXPECT_EQ(once.patches.size(0), 32 + 16);
  const VisionPrompt whole = prompt(expanded, {wide, small});
  EXPECT_EQ(whole.ids, expanded);
  EXPECT_TRUE(whole.places.positions.equal(once.places.positions));
  EXPECT_EQ(whole.places.delta, once.places.delta);
  EXPECT_TRUE(whole.patches.equal(once.patches));
  EXPECT_THROW(prompt({1, 299, 2}, {wide, small}), DataError);
  EXPECT_THROW(prompt({1, 299, 299, 2}, {small}), DataError);
  EXPECT_THROW(prompt({1, 2}, {small}), DataError) << "an image without a place";
  const auto refused = [&](const Numbers& ids, const std::vector<media::Image>& images) {
    try {
      prompt(ids, images);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  for (const std::int64_t count : {2, 3, 5}) {
    EXPECT_EQ(refused(Numbers(static_cast<std::size_t>(count), 299), {small}),
              "the ids hold " + std::to_string(count) +
                  " image places (token 299); 1 images want 1, one an image, or 4 expanded");
  }
  EXPECT_EQ(refused({299, 1, 299, 299, 299}, {small}),
            "image 1 wants 4 image places in a row, got 1");
  EXPECT_FALSE(prompt({1, 2}, {}).patches.defined());
}

TEST(LoadPixelsFor, RefusesPatchesThatTheTowerDoesNotRead) {
  const test::TempDir folder;
  EXPECT_EQ(load_pixels_for({}, folder.path()).patch_size, 14);
  for (const char* text :
       {R"({"patch_size": 16})", R"({"merge_size": 4})", R"({"temporal_patch_size": 1})"}) {
    write_file(folder / "preprocessor_config.json", text);
    EXPECT_THROW(load_pixels_for({}, folder.path()), DataError) << text;
  }
}

TEST(VisionPrompt, RefusesAPlaceForAVideo) {
  VisionLmConfig config = test::tiny_vlm_config(300, 299);
  config.video_token_id = 298;
  EXPECT_THROW((void)vision_prompt({1, 298, 2}, std::vector<media::Image>{}, config, {}),
               DataError);
  EXPECT_EQ(vision_prompt({1, 297, 2}, std::vector<media::Image>{}, config, {}).ids,
            (Numbers{1, 297, 2}));
  EXPECT_EQ(parse_vision_lm_config(to_config_json(config), "config").video_token_id, 298);
}

}  // namespace
}  // namespace vragent::models

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Image and video towers whose encoder reads the pictures itself.
#include <functional>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "recommender/small_sequences.h"
#include "recommender/tower_slopes.h"
#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/data/media_records.h"
#include "vragent/media/image.h"
#include "vragent/nn/parameters.h"
#include "vragent/recommender/item_tower.h"
#include "vragent/recommender/trainer.h"
#include "vragent/util/error.h"
#include "vragent/util/json.h"

namespace vragent::recommender {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using torch::Tensor;

constexpr std::int64_t kWidth = 8;
constexpr std::int32_t kItems = 9;
constexpr int kFrames = 6;  // of which the encoder reads four

media::Image picture(std::uint64_t seed) {
  media::Image image{.width = 40, .height = 33, .rgb = {}};
  RandomStream random(seed);
  for (std::int64_t i = 0; i < image.width * image.height * 3; ++i)
    image.rgb.push_back(static_cast<std::uint8_t>(random.below(256)));
  return image;
}

class VisionTower : public ::testing::TestWithParam<const char*> {
 protected:
  VisionTower() {
    test::write_tiny_vit(folder_ / "model", GetParam(), 5);
    make_folder(folder_ / "covers");
    make_folder(folder_ / "frames");
    std::string rows;
    for (std::size_t item = 1; item < ids().size(); ++item) {
      media::write_image(folder_ / "covers" / (ids()[item] + ".png"), picture(item));
      data::FramesRow row{.item_id = ids()[item], .status = "ok"};
      for (int frame = 0; frame < kFrames; ++frame) {
        const std::string name = ids()[item] + "-" + std::to_string(frame) + ".png";
        media::write_image(folder_ / "frames" / name,
                           picture(100 * item + static_cast<std::size_t>(frame)));
        row.files.push_back(name);
        row.times_seconds.push_back(frame);
      }
      rows += data::to_line(row) + "\n";
    }
    write_file(folder_ / "frames/frames.jsonl", rows);
  }

  [[nodiscard]] static bool is_video() { return std::string(GetParam()) == "videomae"; }

  [[nodiscard]] const std::vector<std::string>& ids() const { return sequences.item_ids; }

  [[nodiscard]] TowerConfig config(std::int64_t trainable_layers) const {
    TowerConfig config{.tower = is_video() ? "video" : "image",
                       .vision_model = folder_ / "model",
                       .trainable_layers = trainable_layers};
    (is_video() ? config.frames : config.covers) = folder_ / (is_video() ? "frames" : "covers");
    config.check();
    return config;
  }

  [[nodiscard]] ItemTower make(std::int64_t trainable_layers) const {
    const TowerConfig settings = config(trainable_layers);
    ItemTower tower(find_pictures(settings, ids()), kWidth, settings, torch::kCPU);
    tower->init(3);
    return tower;
  }

  /// What the encoder alone says of an item, [D].
  Tensor pooled(ItemTower& tower, std::size_t item) {
    const auto pixels = models::load_tower_pixel_config(folder_ / "model", 28, is_video());
    const auto read = [&](const std::filesystem::path& path) {
      return models::tower_pixels(media::read_image(path), pixels);
    };
    if (!is_video()) {
      const Tensor cover = read(folder_ / "covers" / (ids()[item] + ".png"));
      return tower->vision(cover.unsqueeze(0)).select(1, 0)[0];
    }
    std::vector<Tensor> frames;
    for (const char* number : {"0", "2", "3", "5"})  // the middles of four quarters of six
      frames.push_back(read(folder_ / "frames" / (ids()[item] + "-" + number + ".png")));
    return tower->vision(torch::stack(frames).unsqueeze(0)).mean(1)[0];
  }

  test::TempDir folder_;
  data::Sequences sequences = ring_of_items(kItems, 30);
};

TEST_P(VisionTower, ProjectsWhatTheEncoderSaysOfEachItem) {
  const torch::NoGradGuard no_grad;
  ItemTower tower = make(1);
  const Tensor got = tower(torch::tensor({4, 0, 2, 4}));
  for (const auto& [row, item] : {std::pair{0, 4}, std::pair{2, 2}, std::pair{3, 4}}) {
    Tensor wanted = tower->project(pooled(tower, static_cast<std::size_t>(item)).unsqueeze(0))[0];
    if (is_video()) wanted = torch::gelu(wanted);
    EXPECT_TRUE(test::close(got[row], wanted, 1e-5)) << item;
  }
  EXPECT_TRUE(got[1].eq(0).all().item<bool>()) << "padding";
  EXPECT_TRUE(tower(torch::tensor({0})).eq(0).all().item<bool>()) << "padding alone";
  EXPECT_GT(test::max_difference(got[0], got[2]), 1e-3) << "items differ";
}

TEST_P(VisionTower, IsTheSameFrozenAsTrained) {
  ItemTower frozen = make(0);
  ItemTower trains = make(-1);
  const Tensor index = torch::tensor({3, 1, 4, 0});
  EXPECT_TRUE(test::close(frozen(index), trains(index), 1e-5));
  EXPECT_TRUE(frozen(index).requires_grad()) << "the projection trains";
  EXPECT_TRUE(test::close(frozen->all_vectors(), trains->all_vectors(), 1e-5));
}

TEST_P(VisionTower, HasTheGradientsOfFiniteDifferences) {
  ItemTower tower = make(-1);
  EXPECT_GT(expect_numeric_slopes(tower, torch::tensor({3, 0, 1, 3})), 20U);
}

TEST_P(VisionTower, LearnsInItsLastLayersAndLeavesTheOthersAlone) {
  Recommender model(
      make(1),
      rec_models::UserEncoder(rec_models::UserEncoderConfig{.width = kWidth, .dropout = 0},
                              sequences.protocol.max_len));
  model->users->init(12);
  const auto before = [&] {
    nn::NamedTensors copies;
    for (const auto& [name, tensor] : nn::parameters_of(*model)) copies[name] = tensor.clone();
    return copies;
  }();
  const LoopConfig loop{.batch_size = 10,
                        .epochs = 6,
                        .patience = 0,
                        .vision_lr = 1e-3,
                        .optim = {.lr = 1e-2, .clip = 5.0}};
  train(model,
        loop,
        {.sequences = sequences, .rows = training_rows(sequences), .run_folder = folder_.path()});
  for (const auto& [name, tensor] : nn::parameters_of(*model)) {
    const bool is_frozen = name.starts_with("items.vision.embeddings.") ||
                           name.starts_with("items.vision.encoder.layer.0.");
    const bool is_key_bias = name.find("key.bias") != std::string::npos;  // has no gradient
    if (is_key_bias) continue;
    EXPECT_EQ(tensor.equal(before.at(name)), is_frozen) << name;
  }
  std::vector<double> losses;
  for_each_line(folder_ / "train_log.jsonl", [&](const std::string& line, const std::string& at) {
    losses.push_back(parse_json_object(line, at)["loss"].get<double>());
  });
  ASSERT_EQ(losses.size(), 6);
  EXPECT_LT(losses.back(), 0.9 * losses.front());
}

TEST_P(VisionTower, DecaysTheLayerBehindAnImageEncoderOnly) {
  Recommender model(make(1),
                    rec_models::UserEncoder(rec_models::UserEncoderConfig{.width = kWidth},
                                            sequences.protocol.max_len));
  const LoopConfig loop{.vision_lr = 3e-3, .optim = {.lr = 1e-3, .weight_decay = 0.1}};
  const TrainingInput input{.sequences = sequences, .rows = training_rows(sequences)};
  std::set<std::string> seen;
  for (const nn::ParameterGroup& group : learner_of(model, loop, input).groups) {
    for (const nn::NamedParameter& parameter : group.parameters) {
      const bool is_head = parameter.name.starts_with("items.project.");
      const bool is_vision = parameter.name.starts_with("items.vision.") || (is_head && is_video());
      EXPECT_EQ(group.weight_decay, is_vision ? 0.0 : 0.1) << parameter.name;
      EXPECT_DOUBLE_EQ(group.lr_scale, is_vision ? 3.0 : 1.0) << parameter.name;
      seen.insert(parameter.name);
    }
  }
  EXPECT_TRUE(seen.contains("items.project.weight"));
}

TEST_P(VisionTower, EncodesTheItemsOfABatchOnceEach) {
  ItemTower tower = make(-1);
  const Tensor vectors = tower(torch::tensor({1, 2}));
  std::filesystem::remove_all(folder_ / (is_video() ? "frames" : "covers"));
  EXPECT_THAT([&] { tower(torch::tensor({1})); }, ThrowsMessage<Error>(HasSubstr(ids()[1])))
      << "read again in every step";
  vectors.sum().backward();  // what has been read is kept for the gradient
  EXPECT_TRUE(tower->vision->patch_weight.grad().defined());
}

TEST_P(VisionTower, NamesWhatIsMissingOrDoesNotFit) {
  std::vector<std::string> more = ids();
  more.push_back("777");
  EXPECT_THAT(
      [&] { find_pictures(config(0), more); },
      ThrowsMessage<DataError>(HasSubstr("1 of 10 items have no picture; the first is 777")));
  TowerConfig other = config(0);
  test::write_tiny_vit(folder_ / "other", is_video() ? "vit" : "videomae", 5);
  other.vision_model = folder_ / "other";
  const Pictures pictures = find_pictures(other, ids());
  EXPECT_THAT([&] { ItemTower(pictures, kWidth, other, torch::kCPU); },
              ThrowsMessage<DataError>(AllOf(HasSubstr("/other: "), HasSubstr(" is wanted"))));
  write_file(pictures[2][0], "no picture");
  ItemTower tower = make(0);
  EXPECT_THAT([&] { tower->all_vectors(); },
              ThrowsMessage<DataError>(HasSubstr(pictures[2][0].string())));
}

INSTANTIATE_TEST_SUITE_P(Models,
                         VisionTower,
                         ::testing::Values("vit", "vit_mae", "videomae"),
                         [](const auto& instance) { return std::string(instance.param); });

}  // namespace
}  // namespace vragent::recommender

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/models/vision_lm.h"

#include <algorithm>
#include <cmath>

#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"

namespace vragent::models {
namespace {

using torch::Tensor;

/// Our (new) name of a parameter, its name in the Hub's files, and without a head above.
std::vector<std::string> spellings(const std::string& name) {
  if (name.starts_with("model.visual.")) return {name, name.substr(6)};
  if (name.starts_with("model.language_model."))
    return {name, "model." + name.substr(21), name.substr(6)};
  return {name};
}

ModelSize size_of(const VisionLmConfig& config) {
  const VisionConfig& vision = config.vision;
  const auto width = static_cast<double>(vision.hidden_size);
  const auto depth = static_cast<double>(vision.depth);
  const auto patch = static_cast<double>(vision.patch_size);
  const double merged = width * std::pow(static_cast<double>(vision.spatial_merge_size), 2);
  const double of_patch = patch * patch * static_cast<double>(vision.in_channels) *
                          static_cast<double>(vision.temporal_patch_size);
  const double of_block = 4 * width + 3 * static_cast<double>(vision.intermediate_size);
  return {.num_layers = depth + static_cast<double>(config.text.num_layers),
          .num_weights = num_weights(config.text) + width * (of_patch + depth * of_block) +
                         merged * (merged + static_cast<double>(vision.out_hidden_size))};
}

std::int64_t cells(const Grid& grid, const VisionConfig& config) {
  return grid.t * grid.h * grid.w / (config.spatial_merge_size * config.spatial_merge_size);
}

}  // namespace

VisionLmConfig parse_vision_lm_config(const std::string& config_json, const std::string& where) {
  VisionLmConfig config;
  config.text = parse_causal_lm_config(config_json, where);
  config.vision = parse_vision_config(config_json, where);
  const Json root = parse_json_object(config_json, where);
  const JsonRecord record(root, where);
  config.image_token_id = record.integer_or("image_token_id", config.image_token_id);
  config.video_token_id = record.integer_or("video_token_id", config.video_token_id);
  if (config.vision.out_hidden_size != config.text.hidden_size)
    throw DataError(where + ": out_hidden_size of vision is not hidden_size of text");
  return config;
}

std::string to_config_json(const VisionLmConfig& config) {
  OrderedJson root = OrderedJson::parse(to_config_json(config.text));
  const VisionConfig& vision = config.vision;
  root["architectures"] = {"Qwen2_5_VLForConditionalGeneration"};
  root["model_type"] = "qwen2_5_vl";
  root["rope_scaling"] = {{"type", "mrope"}, {"mrope_section", config.text.mrope_section}};
  root["image_token_id"] = config.image_token_id;
  root["video_token_id"] = config.video_token_id;
  root["vision_config"] = {{"model_type", "qwen2_5_vl"},
                           {"depth", vision.depth},
                           {"hidden_size", vision.hidden_size},
                           {"intermediate_size", vision.intermediate_size},
                           {"num_heads", vision.num_heads},
                           {"in_channels", vision.in_channels},
                           {"patch_size", vision.patch_size},
                           {"temporal_patch_size", vision.temporal_patch_size},
                           {"spatial_merge_size", vision.spatial_merge_size},
                           {"window_size", vision.window_size},
                           {"out_hidden_size", vision.out_hidden_size},
                           {"tokens_per_second", 2},
                           {"hidden_act", "silu"},
                           {"fullatt_block_indexes", vision.fullatt_block_indexes}};
  return root.dump(2) + "\n";
}

void refuse_videos(const std::vector<std::int64_t>& ids, const VisionLmConfig& config) {
  if (std::find(ids.begin(), ids.end(), config.video_token_id) == ids.end()) return;
  throw DataError(
      formatted("the prompt holds <|video_pad|> (token {}), a place for a video: videos are not "
                "read, show their frames as images",
                config.video_token_id));
}

std::vector<std::int64_t> expand_image_tokens(const std::vector<std::int64_t>& ids,
                                              const std::vector<Grid>& grids,
                                              const VisionLmConfig& config) {
  const auto placeholders = std::count(ids.begin(), ids.end(), config.image_token_id);
  if (placeholders != static_cast<std::ptrdiff_t>(grids.size())) {
    throw DataError(formatted(
        "the prompt has {} image places, but {} images were given", placeholders, grids.size()));
  }
  std::vector<std::int64_t> expanded;
  std::size_t image = 0;
  for (const std::int64_t id : ids) {
    const std::int64_t times =
        id == config.image_token_id ? cells(grids[image++], config.vision) : 1;
    expanded.insert(expanded.end(), static_cast<std::size_t>(times), id);
  }
  return expanded;
}

MropePositions mrope_positions(const std::vector<std::int64_t>& expanded_ids,
                               const std::vector<Grid>& grids,
                               const VisionLmConfig& config) {
  std::vector<std::int64_t> axes[3];
  const std::int64_t merge = config.vision.spatial_merge_size;
  const auto length = static_cast<std::int64_t>(expanded_ids.size());
  std::int64_t next = 0;
  std::size_t image = 0;
  for (std::int64_t i = 0; i < length;) {
    if (expanded_ids[static_cast<std::size_t>(i)] != config.image_token_id) {
      for (auto& axis : axes) axis.push_back(next);
      ++next;
      ++i;
      continue;
    }
    const std::int64_t places = std::find_if(expanded_ids.begin() + i,
                                             expanded_ids.end(),
                                             [&](auto id) { return id != config.image_token_id; }) -
                                (expanded_ids.begin() + i);
    if (image == grids.size())
      throw DataError(formatted("{} image places behind those of the last image", places));
    const Grid& grid = grids[image++];
    if (places < cells(grid, config.vision))
      throw DataError(formatted("image {} wants {} image places in a row, got {}",
                                image,
                                cells(grid, config.vision),
                                places));
    const std::int64_t rows = grid.h / merge;
    const std::int64_t columns = grid.w / merge;
    for (std::int64_t cell = 0; cell < grid.t * rows * columns; ++cell) {
      axes[0].push_back(next);  // a still image does not move in time
      axes[1].push_back(next + cell % (rows * columns) / columns);
      axes[2].push_back(next + cell % columns);
    }
    next += std::max({rows, columns, std::int64_t{1}});
    i += cells(grid, config.vision);
  }
  if (image != grids.size())
    throw DataError(
        formatted("image places for {} images, but {} were given", image, grids.size()));
  return {torch::stack({torch::tensor(axes[0]), torch::tensor(axes[1]), torch::tensor(axes[2])}),
          next - length};
}

QwenPixelConfig load_pixels_for(const VisionConfig& tower, const std::filesystem::path& folder) {
  const QwenPixelConfig pixels = load_qwen_pixel_config(folder);
  if (pixels.patch_size != tower.patch_size || pixels.merge_size != tower.spatial_merge_size ||
      pixels.temporal_patch_size != tower.temporal_patch_size)
    throw DataError(formatted("{}: patches of the preprocessor do not fit config.json", folder));
  return pixels;
}

VisionPrompt vision_prompt(std::vector<std::int64_t> ids,
                           std::span<const media::Image* const> images,
                           const VisionLmConfig& config,
                           const QwenPixelConfig& pixels) {
  refuse_videos(ids, config);
  VisionPrompt prompt{.ids = std::move(ids)};
  std::vector<Tensor> rows;
  for (const media::Image* image : images) {
    const QwenPatches patches = qwen_patches(*image, pixels);
    rows.push_back(patches.rows);
    prompt.grids.push_back({1, patches.height, patches.width});
  }
  const auto places = std::count(prompt.ids.begin(), prompt.ids.end(), config.image_token_id);
  std::int64_t features = 0;
  for (const Grid& grid : prompt.grids) features += cells(grid, config.vision);
  if (places == std::ssize(prompt.grids)) {
    prompt.ids = expand_image_tokens(prompt.ids, prompt.grids, config);
  } else if (places != features) {
    throw DataError(formatted(
        "the ids hold {} image places (token {}); {} images want {}, one an image, or {} expanded",
        places,
        config.image_token_id,
        std::ssize(prompt.grids),
        std::ssize(prompt.grids),
        features));
  }
  if (!rows.empty()) prompt.patches = torch::cat(rows);
  prompt.places = mrope_positions(prompt.ids, prompt.grids, config);
  return prompt;
}

VisionPrompt vision_prompt(std::vector<std::int64_t> ids,
                           const std::vector<media::Image>& images,
                           const VisionLmConfig& config,
                           const QwenPixelConfig& pixels) {
  std::vector<const media::Image*> pointers;
  for (const media::Image& image : images) pointers.push_back(&image);
  return vision_prompt(std::move(ids), pointers, config, pixels);
}

VisionLmImpl::VisionLmImpl(const VisionLmConfig& options) : config(options) {
  const auto model = nn::add_group(*this, "model");
  visual = model->register_module("visual", VisionTower(config.vision));
  language_model = model->register_module("language_model", Decoder(config.text));
  if (!config.text.tie_embeddings) {
    lm_head = register_module("lm_head",
                              nn::Linear(config.text.hidden_size, config.text.vocab_size, false));
  }
}

TextModel VisionLmImpl::text() const {
  return {language_model,
          lm_head.is_empty() ? language_model->embed_tokens->weight : lm_head->weight};
}

Tensor VisionLmImpl::embed(const Tensor& ids, const Tensor& features) {
  const Tensor embeddings = language_model->embed_tokens(ids);
  if (!features.defined()) return embeddings;
  const Tensor is_image = ids == config.image_token_id;
  TORCH_CHECK(is_image.sum().item<std::int64_t>() == features.size(0),
              "image tokens and features differ in number");
  return embeddings.masked_scatter(is_image.unsqueeze(-1), features.to(embeddings.scalar_type()));
}

VisionLm load_vision_lm(const std::filesystem::path& folder,
                        torch::Dtype dtype,
                        torch::Device device) {
  const std::string where = (folder / "config.json").string();
  VisionLmConfig config = parse_vision_lm_config(read_model_config(folder), where);
  const WeightFiles files(folder);
  check_backed(files, size_of(config));
  const WeightNames names{.spellings = spellings,
                          .ignored = {"rotary_emb.inv_freq", "position_ids", "lm_head.weight"}};
  config.text.tie_embeddings = resolve_tie(
      files, config.text.tie_embeddings, spellings("model.language_model.embed_tokens.weight"));
  VisionLm lm(config);
  load_into(*lm, files, names, dtype, device);
  return lm;
}

}  // namespace vragent::models

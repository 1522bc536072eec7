// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/item_tower.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <string_view>

#include <ATen/Parallel.h>

#include "vragent/comm/sharing.h"
#include "vragent/data/media_records.h"
#include "vragent/data/run_dir.h"
#include "vragent/models/hf_folder.h"
#include "vragent/nn/dropout.h"
#include "vragent/nn/parameters.h"
#include "vragent/ops/attention.h"
#include "vragent/rec_models/vector_cache.h"
#include "vragent/text/tokenizer.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/sha256.h"
#include "vragent/words/unicode.h"

namespace vragent::recommender {
namespace fs = std::filesystem;

namespace {

using torch::Tensor;

constexpr std::int64_t kChunk = 128;

constexpr std::int64_t kPictureChunk = 32;

/// Freezes the embeddings and all but the last `trainable` of so many layers (-1: nothing is
/// frozen).
void freeze(torch::nn::Module& encoder, std::int64_t num_layers, std::int64_t trainable) {
  nn::set_requires_grad(encoder, trainable != 0);
  if (trainable <= 0) return;
  const std::int64_t first = std::max<std::int64_t>(0, num_layers - trainable);
  for (auto& item : encoder.named_parameters()) {
    const bool is_embedding = item.key().starts_with("embeddings.");
    bool is_early = false;
    for (std::int64_t i = 0; i < first; ++i)
      is_early = is_early || item.key().starts_with("encoder.layer." + std::to_string(i) + ".");
    if (is_embedding || is_early) item.value().set_requires_grad(false);
  }
}

bool is_picture_name(const fs::path& path) {
  static const std::set<std::string> kSuffixes = {".jpg", ".jpeg", ".png", ".webp", ".ppm"};
  std::string suffix = path.extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(), [](unsigned char c) {
    return std::tolower(c);
  });
  return kSuffixes.contains(suffix);
}

/// Files by the name that an item's id gives them.
std::map<std::string, std::vector<fs::path>> covers_in(const fs::path& folder) {
  if (!fs::is_directory(folder))
    throw Error(ExitCode::kNoInput, formatted("{}: no such folder of covers", folder));
  std::map<std::string, std::vector<fs::path>> covers;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_regular_file() || !is_picture_name(entry.path())) continue;
    std::vector<fs::path>& files = covers[entry.path().stem().string()];
    if (files.empty() || entry.path() < files[0]) files = {entry.path()};
  }
  return covers;
}

std::map<std::string, std::vector<fs::path>> frames_in(const fs::path& run) {
  const fs::path file = data::file_in(run, data::kFramesFile);
  std::map<std::string, std::vector<fs::path>> frames;
  for (const data::FramesRow& row : data::load_frames(file)) {
    for (const std::string& name : row.files)
      frames[data::file_stem(row.item_id)].push_back(file.parent_path() / name);
  }
  return frames;
}

/// float [T, 3, S, S] of T pictures spread over `files`, which may be fewer.
Tensor pixels_of(const std::vector<fs::path>& files,
                 std::int64_t count,
                 const models::TowerPixelConfig& config) {
  std::vector<Tensor> pixels;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>((2 * i + 1) * std::ssize(files) / (2 * count));
    pixels.push_back(models::tower_pixels(media::read_image(files[at]), config));
  }
  return torch::stack(pixels);
}

}  // namespace

void TowerConfig::check() const {
  check_one_of("tower", tower, {"id", "text", "image", "video", "fusion"});
  if (tower == "text" && text_model.empty() == features.text.empty())
    throw ConfigError("--tower text needs one of --text-model and --text-features");
  if (tower == "image" && vision_model.empty() == features.image.empty())
    throw ConfigError("--tower image needs one of --vision-model and --image-features");
  if (tower == "video" && vision_model.empty() == features.video.empty())
    throw ConfigError("--tower video needs one of --vision-model and --video-features");
  if (!encodes_pictures() && !(vision_model.empty() && covers.empty() && frames.empty())) {
    throw ConfigError(
        "--vision-model, --covers and --frames are read by --tower image and video only");
  }
  if (encodes_pictures() && tower == "image") check_given("covers", covers);
  if (encodes_pictures() && tower == "video") check_given("frames", frames);
  if (encodes_pictures() && !(tower == "image" ? frames : covers).empty())
    throw ConfigError("--tower image reads --covers, --tower video reads --frames");
  const int given =
      int{!features.text.empty()} + int{!features.image.empty()} + int{!features.video.empty()};
  if (tower == "fusion" && given < 2) {
    throw ConfigError(
        "--tower fusion needs two or more of --text-features, --image-features, --video-features");
  }
  check_one_of("fusion", fusion, {"weighted", "concat", "sum"});
  check_range("max-tokens", static_cast<double>(max_tokens), 3, 4096);
  check_one_of("pooling", pooling, {"cls", "mean"});
  if (text_dropout != -1 && !(text_dropout >= 0 && text_dropout <= 0.9))
    throw ConfigError(
        formatted("--text-dropout must be -1 or in [0, 0.9]; got {:g}", text_dropout));
  check_range("projection-std", projection_std, 0, 10);
  check_range("trainable-layers", static_cast<double>(trainable_layers), -1, 1000);
}

std::vector<rec_models::FeatureSource> feature_sources(const TowerConfig& config,
                                                       const std::vector<std::string>& item_ids) {
  std::vector<rec_models::FeatureSource> sources;
  const auto add = [&](const char* tower, const std::filesystem::path& file) {
    if (file.empty() || (config.tower != tower && config.tower != "fusion")) return;
    sources.push_back(
        {.features = rec_models::load_item_features(file, config.features.ids, item_ids),
         .is_video = std::string_view(tower) == "video"});
  };
  add("text", config.features.text);
  add("image", config.features.image);
  add("video", config.features.video);
  return sources;
}

Pictures find_pictures(const TowerConfig& config, const std::vector<std::string>& item_ids) {
  const auto found = config.tower == "image" ? covers_in(config.covers) : frames_in(config.frames);
  Pictures pictures(item_ids.size());
  std::vector<std::string> missing;
  for (std::size_t i = 1; i < item_ids.size(); ++i) {
    const auto own = found.find(data::file_stem(item_ids[i]));
    if (own == found.end()) {
      missing.push_back(item_ids[i]);
    } else {
      pictures[i] = own->second;
    }
  }
  if (missing.empty()) return pictures;
  throw DataError(formatted("{}: {} of {} items have no picture; the first is {}",
                            config.tower == "image" ? config.covers : config.frames,
                            missing.size(),
                            item_ids.size() - 1,
                            missing.front()));
}

ItemTowerImpl::ItemTowerImpl(std::int64_t num_items, std::int64_t width)
    : item_embedding(register_module("item_embedding", nn::Embedding(num_items + 1, width))),
      num_items_(num_items) {}

ItemTowerImpl::ItemTowerImpl(const std::vector<std::string>& texts,
                             std::int64_t width,
                             const TowerConfig& config,
                             torch::Device device)
    : num_items_(static_cast<std::int64_t>(texts.size()) - 1),
      mean_pooling_(config.pooling == "mean"),
      projection_std_(config.projection_std),
      model_(models::resolve_model(config.text_model.string())),
      vector_cache_(config.vector_cache) {
  encoder = register_module("encoder", models::load_bert(model_, torch::kFloat32, torch::kCPU));
  freeze(*encoder, encoder->config.num_layers, config.trainable_layers);
  const bool is_own = config.text_dropout < 0;
  dropout_ = {.hidden = is_own ? encoder->config.hidden_dropout : config.text_dropout,
              .attention = is_own ? encoder->config.attention_dropout : config.text_dropout};
  project = register_module("project", nn::Linear(encoder->config.hidden_size, width));
  const auto tokenizer = text::load_tokenizer(model_);
  const std::int64_t longest = std::min(config.max_tokens, encoder->config.max_positions);
  std::vector<std::int64_t> lengths = {0};
  token_ids_ = torch::full({num_items_ + 1, longest}, encoder->config.pad_token_id, torch::kInt64);
  for (std::int64_t i = 1; i <= num_items_; ++i) {
    const std::string& given = texts[static_cast<std::size_t>(i)];
    const auto ids = tokenizer->encode(config.lower_case ? words::lower_case(given) : given,
                                       {.max_length = longest});
    lengths.push_back(static_cast<std::int64_t>(ids.size()));
    token_ids_[i].narrow(0, 0, lengths.back()).copy_(torch::tensor(ids));
  }
  lengths_ = torch::tensor(lengths);
  token_ids_ = token_ids_.to(device);
  lengths_ = lengths_.to(device);
  to(device);
}

ItemTowerImpl::ItemTowerImpl(const Pictures& pictures,
                             std::int64_t width,
                             const TowerConfig& config,
                             torch::Device device)
    : num_items_(std::ssize(pictures) - 1),
      projection_std_(config.projection_std),
      pictures_(pictures),
      model_(models::resolve_model(config.vision_model.string())),
      vector_cache_(config.vector_cache) {
  vision = register_module("vision", models::load_vit(model_, torch::kFloat32, torch::kCPU));
  const bool is_video = vision->config.is_video();
  if (is_video != (config.tower == "video"))
    throw DataError(formatted("{}: {} reads {}, --tower {} is wanted",
                              model_,
                              vision->config.model_type,
                              is_video ? "videos" : "images",
                              is_video ? "video" : "image"));
  freeze(*vision, vision->config.num_layers, config.trainable_layers);
  pixels_ = models::load_tower_pixel_config(model_, vision->config.image_size, is_video);
  project = register_module("project", nn::Linear(vision->config.hidden_size, width));
  to(device);
}

ItemTowerImpl::ItemTowerImpl(const std::vector<rec_models::FeatureSource>& sources,
                             std::int64_t width,
                             const TowerConfig& config,
                             torch::Device device)
    : num_items_(sources.at(0).features.size(0) - 1) {
  const auto fusion = config.fusion == "weighted" ? rec_models::Fusion::kWeighted
                      : config.fusion == "concat" ? rec_models::Fusion::kConcat
                                                  : rec_models::Fusion::kSum;
  features = register_module("features", rec_models::FeatureTower(sources, width, fusion));
  features->to_device(device);
}

void ItemTowerImpl::init(std::uint64_t seed) {
  if (features) features->init(seed);
  const auto kind =
      projection_std_ > 0 ? nn::InitRule::Kind::kNormal : nn::InitRule::Kind::kXavierNormal;
  if (project) nn::init_parameters(*project, {.kind = kind, .std = projection_std_}, seed);
  if (!item_embedding) return;
  // The release draws the table as a Xavier matrix too, the padding row among it.
  const torch::NoGradGuard no_grad;
  const double std = std::sqrt(
      2.0 / static_cast<double>(item_embedding->weight.size(0) + item_embedding->weight.size(1)));
  item_embedding->weight.normal_(0, std, nn::make_generator(seed, "item_embedding"));
}

Tensor ItemTowerImpl::encode(const Tensor& index, const Part& part) {
  return vision ? encode_pictures(index.narrow(0, part.begin, part.size))
                : encode_texts(index, part);
}

Tensor ItemTowerImpl::encode_pictures(const Tensor& index) {
  const Tensor real = (index > 0).nonzero().squeeze(1);
  const Tensor zeros =
      torch::zeros({index.size(0), vision->config.hidden_size}, project->weight.options());
  if (real.size(0) == 0) return zeros;
  std::vector<Tensor> parts;  // what a frozen layer needs is gone after each
  for (const Tensor& items : index.index_select(0, real).cpu().split(kPictureChunk))
    parts.push_back(vision->pool(vision(read_pixels(items).to(index.device()))));
  return zeros.index_copy(0, real, torch::cat(parts).to(zeros.scalar_type()));
}

Tensor ItemTowerImpl::read_pixels(const Tensor& items) const {
  const models::VitConfig& config = vision->config;
  Tensor pixels = torch::empty(
      {items.size(0), config.num_frames, 3, config.image_size, config.image_size}, torch::kFloat32);
  const auto item_at = items.accessor<std::int64_t, 1>();
  at::parallel_for(0, items.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    const torch::NoGradGuard no_grad;
    for (std::int64_t i = begin; i < end; ++i) {
      const auto& files = pictures_[static_cast<std::size_t>(item_at[i])];
      pixels[i].copy_(pixels_of(files, config.num_frames, pixels_));
    }
  });
  return config.is_video() ? pixels : pixels.squeeze(1);
}

models::BertDropout ItemTowerImpl::dropout_of(const Tensor& index, const Part& part) const {
  if (!is_training() || !encoder_trains() || !dropout_.drops()) return {};
  const Tensor lengths = lengths_.index_select(0, index);
  models::BertDropout dropout = dropout_;
  dropout.seed = nn::draw_seed();
  dropout.first_text = part.begin;
  dropout.first_token = lengths.narrow(0, 0, part.begin).sum().item<std::int64_t>();
  dropout.longest_text = lengths.max().item<std::int64_t>();
  return dropout;
}

Tensor ItemTowerImpl::encode_texts(const Tensor& index, const Part& part) {
  const models::BertDropout dropout = dropout_of(index, part);  // drawn with or without texts
  const Tensor own = index.narrow(0, part.begin, part.size);
  if ((own == 0).all().item<bool>())
    return torch::zeros({own.size(0), encoder->config.hidden_size}, project->weight.options());
  const Tensor lengths = lengths_.index_select(0, own);
  const std::int64_t longest = std::max<std::int64_t>(1, lengths.max().item<std::int64_t>());
  const Tensor ids = token_ids_.index_select(0, own).narrow(1, 0, longest);
  const Tensor mask = ops::length_mask(lengths, longest);
  // Padding has no text: what it gets here is zeroed later.
  return mean_pooling_ ? encoder->mean_states(ids, mask, dropout)
                       : encoder->first_states(ids, mask, dropout);
}

Tensor ItemTowerImpl::forward(const Tensor& index) {
  TORCH_CHECK(index.dim() == 1, "item tower: want [n], got ", index.sizes());
  return vectors_of(index, {.begin = 0, .size = index.size(0)});
}

Tensor ItemTowerImpl::vectors_of(const Tensor& index, const Part& part) {
  const Tensor own = index.narrow(0, part.begin, part.size);
  if (item_embedding) return at::embedding(item_embedding->weight, own, /*padding_idx=*/0);
  if (features) return features(own);
  Tensor pooled;
  if (encoder_trains()) {
    pooled = encode(index, part);
  } else {
    encode_frozen();
    pooled = frozen_.index_select(0, own);
  }
  Tensor vectors = project(pooled);
  if (vision && vision->config.is_video()) vectors = torch::gelu(vectors);
  return vectors * (own > 0).unsqueeze(-1).to(pooled.scalar_type());
}

void ItemTowerImpl::encode_frozen() {
  if (frozen_.defined() || !project || encoder_trains()) return;
  const torch::NoGradGuard no_grad;
  const torch::Device device = project->weight.device();
  std::string key;
  if (!vector_cache_.empty()) {
    key = rec_models::vectors_key(model_, mean_pooling_ ? "mean" : "cls", contents(), device);
    frozen_ = rec_models::load_vectors(
        vector_cache_, key, {num_items_ + 1, project->weight.size(1)}, device);
    if (frozen_.defined()) return;
  }
  std::vector<Tensor> parts;
  for (const Tensor& part : all_items(device))
    parts.push_back(encode(part, {.begin = 0, .size = part.size(0)}));
  frozen_ = torch::cat(parts);
  if (!vector_cache_.empty()) rec_models::save_vectors(vector_cache_, key, frozen_);
}

std::vector<Tensor> ItemTowerImpl::all_items(torch::Device device) const {
  return torch::arange(num_items_ + 1, torch::TensorOptions(torch::kInt64).device(device))
      .split(vision ? kPictureChunk : kChunk);
}

std::vector<std::string> ItemTowerImpl::contents() const {
  std::vector<std::string> contents(static_cast<std::size_t>(num_items_) + 1);
  const Tensor all_ids = vision ? Tensor() : token_ids_.cpu();
  const Tensor all_lengths = vision ? Tensor() : lengths_.cpu();
  for (std::size_t i = 1; i < contents.size(); ++i) {
    if (vision) {
      for (const fs::path& file : pictures_[i]) contents[i] += sha256(read_file(file));
      continue;
    }
    const auto item = static_cast<std::int64_t>(i);
    const Tensor ids =
        all_ids[item].narrow(0, 0, all_lengths[item].item<std::int64_t>()).contiguous();
    contents[i].assign(static_cast<const char*>(ids.const_data_ptr()), ids.nbytes());
  }
  return contents;
}

bool ItemTowerImpl::encoder_trains() const {
  if (vision) return vision->parameters().back().requires_grad();
  return encoder && encoder->parameters().back().requires_grad();
}

Tensor ItemTowerImpl::shared_vectors(const Tensor& index, const comm::Communicator& processes) {
  if (processes.size() == 1 || !encoder_trains()) return forward(index);
  const comm::Share own = comm::share_of(static_cast<std::size_t>(index.size(0)), processes);
  const Tensor part = vectors_of(index,
                                 {.begin = static_cast<std::int64_t>(own.begin),
                                  .size = static_cast<std::int64_t>(own.size())});
  return comm::gather_rows(processes, part, index.size(0));
}

Tensor ItemTowerImpl::all_vectors() {
  const torch::NoGradGuard no_grad;
  if (item_embedding) return item_embedding->weight.detach();
  const torch::Device device = parameters().front().device();
  std::vector<Tensor> parts;
  for (const Tensor& part : all_items(device)) parts.push_back(forward(part));
  return torch::cat(parts);
}

}  // namespace vragent::recommender

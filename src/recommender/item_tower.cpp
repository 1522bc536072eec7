// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/item_tower.h"

#include <algorithm>
#include <string_view>

#include "vragent/comm/sharing.h"
#include "vragent/models/hf_folder.h"
#include "vragent/nn/parameters.h"
#include "vragent/ops/attention.h"
#include "vragent/text/tokenizer.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"

namespace vragent::recommender {
namespace {

using torch::Tensor;

constexpr std::int64_t kChunk = 512;

/// Freezes the embeddings and all but the last `trainable` layers (-1: nothing is frozen).
void freeze(models::Bert& encoder, std::int64_t trainable) {
  nn::set_requires_grad(*encoder, trainable != 0);
  if (trainable <= 0) return;
  const std::int64_t first = std::max<std::int64_t>(0, encoder->config.num_layers - trainable);
  for (auto& item : encoder->named_parameters()) {
    const bool is_embedding = item.key().starts_with("embeddings.");
    bool is_early = false;
    for (std::int64_t i = 0; i < first; ++i)
      is_early = is_early || item.key().starts_with("encoder.layer." + std::to_string(i) + ".");
    if (is_embedding || is_early) item.value().set_requires_grad(false);
  }
}

}  // namespace

void TowerConfig::check() const {
  check_one_of("tower", tower, {"id", "text", "image", "video", "fusion"});
  if (tower == "text" && text_model.empty() == features.text.empty())
    throw ConfigError("--tower text needs one of --text-model and --text-features");
  if (tower == "image") check_given("image-features", features.image);
  if (tower == "video") check_given("video-features", features.video);
  const int given =
      int{!features.text.empty()} + int{!features.image.empty()} + int{!features.video.empty()};
  if (tower == "fusion" && given < 2) {
    throw ConfigError(
        "--tower fusion needs two or more of --text-features, --image-features, --video-features");
  }
  check_one_of("fusion", fusion, {"weighted", "concat", "sum"});
  check_range("max-tokens", static_cast<double>(max_tokens), 3, 4096);
  check_one_of("pooling", pooling, {"cls", "mean"});
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

ItemTowerImpl::ItemTowerImpl(std::int64_t num_items, std::int64_t width)
    : item_embedding(register_module("item_embedding", nn::Embedding(num_items + 1, width))),
      num_items_(num_items) {}

ItemTowerImpl::ItemTowerImpl(const std::vector<std::string>& texts,
                             std::int64_t width,
                             const TowerConfig& config,
                             torch::Device device)
    : num_items_(static_cast<std::int64_t>(texts.size()) - 1),
      mean_pooling_(config.pooling == "mean"),
      projection_std_(config.projection_std) {
  const std::filesystem::path folder = models::resolve_model(config.text_model.string());
  encoder = register_module("encoder", models::load_bert(folder, torch::kFloat32, torch::kCPU));
  freeze(encoder, config.trainable_layers);
  project = register_module("project", nn::Linear(encoder->config.hidden_size, width));
  const auto tokenizer = text::load_tokenizer(folder);
  const std::int64_t longest = std::min(config.max_tokens, encoder->config.max_positions);
  std::vector<std::int64_t> lengths = {0};
  token_ids_ = torch::full({num_items_ + 1, longest}, encoder->config.pad_token_id, torch::kInt64);
  for (std::int64_t i = 1; i <= num_items_; ++i) {
    const auto ids = tokenizer->encode(texts[static_cast<std::size_t>(i)], {.max_length = longest});
    lengths.push_back(static_cast<std::int64_t>(ids.size()));
    token_ids_[i].narrow(0, 0, lengths.back()).copy_(torch::tensor(ids));
  }
  lengths_ = torch::tensor(lengths);
  token_ids_ = token_ids_.to(device);
  lengths_ = lengths_.to(device);
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

Tensor ItemTowerImpl::encode(const Tensor& index) {
  if ((index == 0).all().item<bool>())
    return torch::zeros({index.size(0), encoder->config.hidden_size}, project->weight.options());
  const Tensor lengths = lengths_.index_select(0, index);
  const std::int64_t longest = std::max<std::int64_t>(1, lengths.max().item<std::int64_t>());
  const Tensor ids = token_ids_.index_select(0, index).narrow(1, 0, longest);
  const Tensor mask = ops::length_mask(lengths, longest);
  // Padding has no text: what it gets here is zeroed later.
  if (!mean_pooling_) return encoder->first_states(ids, mask);
  const Tensor states = encoder->encode(ids, mask).states;
  const Tensor rows =
      torch::arange(index.size(0), index.options()).repeat_interleave(lengths.to(index.device()));
  const Tensor sums = torch::zeros({index.size(0), states.size(1)}, states.options());
  return sums.index_add(0, rows, states) / lengths.clamp_min(1).unsqueeze(1);
}

Tensor ItemTowerImpl::forward(const Tensor& index) {
  TORCH_CHECK(index.dim() == 1, "item tower: want [n], got ", index.sizes());
  if (item_embedding) return item_embedding(index);
  if (features) return features(index);
  Tensor pooled;
  if (encoder_trains()) {
    pooled = encode(index);
  } else {
    if (!frozen_.defined()) {
      const torch::NoGradGuard no_grad;
      std::vector<Tensor> parts;
      for (const Tensor& part : torch::arange(num_items_ + 1, index.options()).split(kChunk))
        parts.push_back(encode(part));
      frozen_ = torch::cat(parts);
    }
    pooled = frozen_.index_select(0, index);
  }
  return project(pooled) * (index > 0).unsqueeze(-1).to(pooled.scalar_type());
}

bool ItemTowerImpl::encoder_trains() const {
  return encoder && encoder->parameters().back().requires_grad();
}

Tensor ItemTowerImpl::shared_vectors(const Tensor& index, const comm::Communicator& processes) {
  if (processes.size() == 1 || !encoder_trains()) return forward(index);
  const comm::Share own = comm::share_of(static_cast<std::size_t>(index.size(0)), processes);
  const Tensor part = forward(
      index.narrow(0, static_cast<std::int64_t>(own.begin), static_cast<std::int64_t>(own.size())));
  return comm::gather_rows(processes, part, index.size(0));
}

Tensor ItemTowerImpl::all_vectors() {
  const torch::NoGradGuard no_grad;
  if (item_embedding) return item_embedding->weight.detach();
  const torch::Device device = parameters().front().device();
  std::vector<Tensor> parts;
  for (const Tensor& part :
       torch::arange(num_items_ + 1, torch::TensorOptions(torch::kInt64).device(device))
           .split(kChunk))
    parts.push_back(forward(part));
  return torch::cat(parts);
}

}  // namespace vragent::recommender

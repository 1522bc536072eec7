// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/models/vit.h"

#include <string_view>
#include <utility>

#include "vragent/models/hf_folder.h"
#include "vragent/nn/parameters.h"
#include "vragent/ops/attention.h"
#include "vragent/util/error.h"
#include "vragent/util/json.h"

namespace vragent::models {
namespace {

using torch::Tensor;

/// One pre-norm layer, under the names that published files have.
struct VitLayerImpl : torch::nn::Module {
  explicit VitLayerImpl(const VitConfig& config) : heads(config.num_heads), act(config.hidden_act) {
    const std::int64_t width = config.hidden_size;
    const auto attention = nn::add_group(*this, "attention");
    const auto self = nn::add_group(*attention, "attention");
    const bool key_bias = config.qkv_bias && !config.is_video();
    query = self->register_module("query", nn::Linear(width, width, config.qkv_bias));
    key = self->register_module("key", nn::Linear(width, width, key_bias));
    value = self->register_module("value", nn::Linear(width, width, config.qkv_bias));
    attention_dense =
        nn::add_group(*attention, "output")->register_module("dense", nn::Linear(width, width));
    intermediate = nn::add_group(*this, "intermediate")
                       ->register_module("dense", nn::Linear(width, config.intermediate_size));
    output_dense = nn::add_group(*this, "output")
                       ->register_module("dense", nn::Linear(config.intermediate_size, width));
    norm_before = register_module("layernorm_before", nn::LayerNorm(width, config.layer_norm_eps));
    norm_after = register_module("layernorm_after", nn::LayerNorm(width, config.layer_norm_eps));
  }

  /// x [B, N, D] -> [B, N, D]
  Tensor forward(const Tensor& x) {
    const Tensor y = norm_before(x);
    const auto cut = [&](nn::Linear& linear) {
      return linear(y).view({y.size(0), y.size(1), heads, -1}).transpose(1, 2);  // [B, H, N, d]
    };
    const Tensor mixed =
        ops::attention(cut(query), {cut(key), cut(value)}, Tensor(), /*causal=*/false);
    const Tensor attended = x + attention_dense(mixed.transpose(1, 2).reshape(x.sizes()));
    return attended + output_dense(nn::activate(intermediate(norm_after(attended)), act));
  }

  std::int64_t heads;
  std::string act;
  nn::Linear query{nullptr};
  nn::Linear key{nullptr};
  nn::Linear value{nullptr};
  nn::Linear attention_dense{nullptr};
  nn::Linear intermediate{nullptr};
  nn::Linear output_dense{nullptr};
  nn::LayerNorm norm_before{nullptr};
  nn::LayerNorm norm_after{nullptr};
};

TORCH_MODULE(VitLayer);

/// A side: a number, or a list of two equal ones.
std::int64_t side_or(const JsonRecord& record,
                     const Json& root,
                     const char* key,
                     std::int64_t fallback) {
  if (!record.has(key) || !root[key].is_array()) return record.integer_or(key, fallback);
  const std::vector<std::int64_t> sides = record.integers_or_empty(key);
  if (sides.size() != 2 || sides[0] != sides[1]) record.fail(key, "only squares are supported");
  return sides[0];
}

void check_vit_config(const VitConfig& config, const JsonRecord& record) {
  check_positive(record,
                 {{"hidden_size", config.hidden_size},
                  {"intermediate_size", config.intermediate_size},
                  {"num_hidden_layers", config.num_layers},
                  {"num_attention_heads", config.num_heads},
                  {"image_size", config.image_size},
                  {"patch_size", config.patch_size},
                  {"num_frames", config.num_frames},
                  {"tubelet_size", config.tubelet_size}});
  if (config.hidden_size % config.num_heads != 0)
    record.fail("num_attention_heads", "does not divide hidden_size");
  if (config.image_size < config.patch_size) record.fail("image_size", "smaller than one patch");
  if (config.num_frames < config.tubelet_size) record.fail("num_frames", "fewer than one patch's");
}

/// With the places of a clip's patches, which are in no file.
ModelSize size_of(const VitConfig& config) {
  const auto width = static_cast<double>(config.hidden_size);
  const auto layers = static_cast<double>(config.num_layers);
  const auto patch = static_cast<double>(config.patch_size);
  const auto side = static_cast<double>(config.image_size / config.patch_size);
  const double rows = side * side * static_cast<double>(config.num_frames / config.tubelet_size) +
                      3 * patch * patch * static_cast<double>(config.tubelet_size);
  const double of_layer = 4 * width + 2 * static_cast<double>(config.intermediate_size);
  return {.num_layers = layers, .num_weights = width * (rows + layers * of_layer)};
}

using Spelling = std::pair<std::string_view, std::string_view>;

/// Our (4.x) names -> the names that transformers 5.x gives ViT's and ViT-MAE's tensors.
constexpr Spelling kNewNames[] = {{"encoder.layer.", "layers."},
                                  {"attention.attention.query", "attention.q_proj"},
                                  {"attention.attention.key", "attention.k_proj"},
                                  {"attention.attention.value", "attention.v_proj"},
                                  {"attention.output.dense", "attention.o_proj"},
                                  {"intermediate.dense", "mlp.fc1"},
                                  {"output.dense", "mlp.fc2"}};

/// Our names -> those of VideoMAE's biases in 4.x files, which stand beside the matrices.
constexpr Spelling kOldBiasNames[] = {{"attention.query.bias", "attention.q_bias"},
                                      {"attention.value.bias", "attention.v_bias"}};

/// Whole patches of each clip or image as rows: [B, T, 3, S, S] -> [B, N, 3 * t * p * p].
Tensor patch_rows(const Tensor& clips, const VitConfig& config) {
  const std::int64_t p = config.patch_size;
  const std::int64_t t = config.tubelet_size;
  const std::int64_t steps = clips.size(1) / t;
  const std::int64_t side = config.image_size / p;
  return clips.narrow(1, 0, steps * t)
      .narrow(3, 0, side * p)
      .narrow(4, 0, side * p)
      .reshape({clips.size(0), steps, t, 3, side, p, side, p})
      .permute({0, 1, 4, 6, 3, 2, 5, 7})  // [B, steps, side, side, 3, t, p, p]
      .reshape({clips.size(0), steps * side * side, 3 * t * p * p});
}

}  // namespace

VitConfig parse_vit_config(const std::string& config_json, const std::string& where) {
  const Json root = parse_json_object(config_json, where);
  const JsonRecord record(root, where);
  VitConfig config;
  config.model_type = record.text("model_type");
  if (config.model_type != "vit" && config.model_type != "vit_mae" && !config.is_video())
    record.fail("model_type", "vit, vit_mae or videomae is wanted");
  config.hidden_size = record.integer_or("hidden_size", config.hidden_size);
  config.intermediate_size = record.integer_or("intermediate_size", config.intermediate_size);
  config.num_layers = record.integer_or("num_hidden_layers", config.num_layers);
  config.num_heads = record.integer_or("num_attention_heads", config.num_heads);
  config.image_size = side_or(record, root, "image_size", config.image_size);
  config.patch_size = side_or(record, root, "patch_size", config.patch_size);
  config.hidden_act = record.text_or("hidden_act", config.hidden_act);
  nn::check_activation(config.hidden_act, where);
  config.layer_norm_eps = norm_eps_or(record, "layer_norm_eps", config.layer_norm_eps);
  if (record.integer_or("num_channels", 3) != 3)
    record.fail("num_channels", "only three colours are supported");
  config.qkv_bias = record.boolean_or("qkv_bias", true);
  if (config.is_video()) {
    config.num_frames = record.integer_or("num_frames", 16);
    config.tubelet_size = record.integer_or("tubelet_size", 2);
    config.qkv_bias = record.boolean_or("qkv_bias", record.boolean_or("qv_bias", true));
    config.final_norm = !record.boolean_or("use_mean_pooling", true);
  }
  check_vit_config(config, record);
  return config;
}

std::string to_config_json(const VitConfig& config) {
  const bool is_mae = config.model_type == "vit_mae";
  OrderedJson root = {
      {"architectures",
       {config.is_video() ? "VideoMAEModel" : (is_mae ? "ViTMAEModel" : "ViTModel")}},
      {"model_type", config.model_type},
      {"hidden_size", config.hidden_size},
      {"intermediate_size", config.intermediate_size},
      {"num_hidden_layers", config.num_layers},
      {"num_attention_heads", config.num_heads},
      {"image_size", config.image_size},
      {"patch_size", config.patch_size},
      {"num_channels", 3},
      {"hidden_act", config.hidden_act},
      {"layer_norm_eps", config.layer_norm_eps}};
  if (config.is_video()) {
    root["num_frames"] = config.num_frames;
    root["tubelet_size"] = config.tubelet_size;
    root["qv_bias"] = config.qkv_bias;
    root["use_mean_pooling"] = !config.final_norm;
  } else {
    root["qkv_bias"] = config.qkv_bias;
  }
  return root.dump(2) + "\n";
}

Tensor sinusoid_table(std::int64_t count, std::int64_t width) {
  const Tensor places = torch::arange(count, torch::kFloat64).unsqueeze(1);
  const Tensor columns = torch::arange(width, torch::kInt64);
  const Tensor exponents = (columns - columns % 2).to(torch::kFloat64) / static_cast<double>(width);
  const Tensor angles = places / torch::pow(10000.0, exponents);  // [count, width]
  return torch::where(columns % 2 == 0, angles.sin(), angles.cos())
      .to(torch::kFloat32)
      .unsqueeze(0);
}

VitImpl::VitImpl(const VitConfig& options) : config(options) {
  const std::int64_t width = config.hidden_size;
  const std::int64_t p = config.patch_size;
  const std::int64_t side = config.image_size / p;
  const std::int64_t count = config.num_frames / config.tubelet_size * side * side;
  const auto embeddings = nn::add_group(*this, "embeddings");
  if (config.is_video()) {
    position_embeddings = sinusoid_table(count, width);
  } else {
    class_token = embeddings->register_parameter("cls_token", torch::empty({1, 1, width}));
    position_embeddings =
        embeddings->register_parameter("position_embeddings", torch::empty({1, count + 1, width}));
  }
  const auto projection =
      nn::add_group(*nn::add_group(*embeddings, "patch_embeddings"), "projection");
  const std::vector<std::int64_t> shape =
      config.is_video() ? std::vector<std::int64_t>{width, 3, config.tubelet_size, p, p}
                        : std::vector<std::int64_t>{width, 3, p, p};
  patch_weight = projection->register_parameter("weight", torch::empty(shape));
  patch_bias = projection->register_parameter("bias", torch::empty({width}));
  layers = nn::add_group(*this, "encoder")->register_module("layer", torch::nn::ModuleList());
  for (std::int64_t i = 0; i < config.num_layers; ++i) layers->push_back(VitLayer(config));
  if (config.final_norm)
    layernorm = register_module("layernorm", nn::LayerNorm(width, config.layer_norm_eps));
}

Tensor VitImpl::embed(const Tensor& pixels) {
  const Tensor clips = config.is_video() ? pixels : pixels.unsqueeze(1);
  TORCH_CHECK(clips.dim() == 5 && clips.size(1) == config.num_frames && clips.size(2) == 3 &&
                  clips.size(3) == config.image_size && clips.size(4) == config.image_size,
              "vit: want [B, ",
              config.is_video() ? std::to_string(config.num_frames) + ", " : "",
              "3, ",
              config.image_size,
              ", ",
              config.image_size,
              "], got ",
              pixels.sizes());
  const Tensor rows = patch_rows(clips, config).to(patch_weight.scalar_type());
  const Tensor patches = at::linear(rows, patch_weight.flatten(1), patch_bias);
  const Tensor places = position_embeddings.to(patches.options());
  if (config.is_video()) return patches + places;
  return torch::cat({class_token.expand({patches.size(0), 1, -1}), patches}, 1) + places;
}

Tensor VitImpl::forward(const Tensor& pixels) {
  Tensor x = embed(pixels);
  for (const auto& layer : *layers) x = layer->as<VitLayerImpl>()->forward(x);
  return layernorm.is_empty() ? x : layernorm(x);
}

Tensor VitImpl::pool(const Tensor& states) const {
  return config.is_video() ? states.mean(1) : states.select(1, 0);
}

Vit load_vit(const std::filesystem::path& folder, torch::Dtype dtype, torch::Device device) {
  const std::string where = (folder / "config.json").string();
  const VitConfig config = parse_vit_config(read_model_config(folder), where);
  const WeightFiles files(folder);
  check_backed(files, size_of(config));
  Vit vit(config);
  const WeightNames names{
      .spellings =
          [&](const std::string& name) {
            const std::string other = vit->config.is_video() ? nn::respelt(name, kOldBiasNames)
                                                             : nn::respelt(name, kNewNames);
            return prefixed({"", "vit.", "videomae."}, {name, other});
          },
      .ignored = {
          "pooler.", "classifier.", "fc_norm.", "decoder.", "encoder_to_decoder.", "mask_token"}};
  load_into(*vit, files, names, dtype, device);
  return vit;
}

}  // namespace vragent::models

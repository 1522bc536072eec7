// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/models/clip.h"

#include <algorithm>

#include "vragent/models/hf_folder.h"
#include "vragent/ops/attention.h"
#include "vragent/util/error.h"
#include "vragent/util/json.h"

namespace vragent::models {
namespace {

using torch::Tensor;

constexpr std::int64_t kLegacyEos = 2;
constexpr std::int64_t kCachedRows = 800;  ///< of width 3072 in float32: 10 MB

/// One pre-norm layer of either encoder.
struct ClipLayerImpl : torch::nn::Module {
  explicit ClipLayerImpl(const ClipEncoderConfig& config)
      : heads(config.num_heads),
        act(config.hidden_act),
        layer_norm1(register_module("layer_norm1",
                                    nn::LayerNorm(config.hidden_size, config.layer_norm_eps))),
        layer_norm2(register_module("layer_norm2",
                                    nn::LayerNorm(config.hidden_size, config.layer_norm_eps))) {
    const auto attention = nn::add_group(*this, "self_attn");
    const auto square = [&](const char* name) {
      return attention->register_module(name, nn::Linear(config.hidden_size, config.hidden_size));
    };
    k_proj = square("k_proj");
    v_proj = square("v_proj");
    q_proj = square("q_proj");
    out_proj = square("out_proj");
    const auto mlp = nn::add_group(*this, "mlp");
    fc1 = mlp->register_module("fc1", nn::Linear(config.hidden_size, config.intermediate_size));
    fc2 = mlp->register_module("fc2", nn::Linear(config.intermediate_size, config.hidden_size));
  }

  /// x [B, T, D] -> [B, T, D]
  Tensor forward(const Tensor& x, bool causal) {
    const Tensor y = layer_norm1(x);
    const auto cut = [&](nn::Linear& linear) {
      return linear(y).view({y.size(0), y.size(1), heads, -1}).transpose(1, 2);
    };
    const Tensor mixed = ops::attention(cut(q_proj), {cut(k_proj), cut(v_proj)}, Tensor(), causal);
    const Tensor attended = x + out_proj(mixed.transpose(1, 2).reshape(x.sizes()));
    return attended + fc2(nn::activate(fc1(layer_norm2(attended)), act));
  }

  std::int64_t heads;
  std::string act;
  nn::LayerNorm layer_norm1;
  nn::LayerNorm layer_norm2;
  nn::Linear q_proj{nullptr};
  nn::Linear k_proj{nullptr};
  nn::Linear v_proj{nullptr};
  nn::Linear out_proj{nullptr};
  nn::Linear fc1{nullptr};
  nn::Linear fc2{nullptr};
};

TORCH_MODULE(ClipLayer);

torch::nn::ModuleList stack(torch::nn::Module& parent, const ClipEncoderConfig& config) {
  auto layers =
      nn::add_group(parent, "encoder")->register_module("layers", torch::nn::ModuleList());
  for (std::int64_t i = 0; i < config.num_layers; ++i) layers->push_back(ClipLayer(config));
  return layers;
}

Tensor run_all(const torch::nn::ModuleList& layers, Tensor x, bool causal) {
  for (const auto& layer : *layers) x = layer->as<ClipLayerImpl>()->forward(x, causal);
  return x;
}

/// x [B, T, D] through all layers. On a CPU and without gradient a few sequences at a time, so that
/// one operation's result is still in the cache when the next one reads it.
Tensor run(const torch::nn::ModuleList& layers, const Tensor& x, bool causal) {
  const std::int64_t sequences = std::max<std::int64_t>(1, kCachedRows / x.size(1));
  if (!x.is_cpu() || torch::GradMode::is_enabled() || x.size(0) <= sequences)
    return run_all(layers, x, causal);
  std::vector<Tensor> parts;
  for (const Tensor& part : x.split(sequences)) parts.push_back(run_all(layers, part, causal));
  return torch::cat(parts);
}

ClipEncoderConfig parse_encoder(const Json& object,
                                ClipEncoderConfig config,
                                const std::string& where) {
  const JsonRecord record(object, where);
  config.hidden_size = record.integer_or("hidden_size", config.hidden_size);
  config.intermediate_size = record.integer_or("intermediate_size", config.intermediate_size);
  config.num_layers = record.integer_or("num_hidden_layers", config.num_layers);
  config.num_heads = record.integer_or("num_attention_heads", config.num_heads);
  config.hidden_act = record.text_or("hidden_act", config.hidden_act);
  config.layer_norm_eps = norm_eps_or(record, "layer_norm_eps", config.layer_norm_eps);
  nn::check_activation(config.hidden_act, where);
  check_positive(record,
                 {{"hidden_size", config.hidden_size},
                  {"intermediate_size", config.intermediate_size},
                  {"num_hidden_layers", config.num_layers},
                  {"num_attention_heads", config.num_heads}});
  if (config.hidden_size % config.num_heads != 0)
    record.fail("num_attention_heads", "does not divide hidden_size");
  return config;
}

double num_weights(const ClipEncoderConfig& config, double num_rows) {
  const auto width = static_cast<double>(config.hidden_size);
  const double of_layer = 4 * width + 2 * static_cast<double>(config.intermediate_size);
  return width * (num_rows + static_cast<double>(config.num_layers) * of_layer);
}

ModelSize size_of(const ClipConfig& config) {
  const auto patch = static_cast<double>(config.patch_size);
  const auto side = static_cast<double>(config.image_size / config.patch_size);
  const auto projected = static_cast<double>(config.projection_dim);
  const double text_rows = static_cast<double>(config.vocab_size) +
                           static_cast<double>(config.max_positions) + projected;
  const double vision_rows = side * side + 3 * patch * patch + projected;
  return {
      .num_layers = static_cast<double>(config.text.num_layers) +
                    static_cast<double>(config.vision.num_layers),
      .num_weights = num_weights(config.text, text_rows) + num_weights(config.vision, vision_rows)};
}

OrderedJson encoder_json(const ClipEncoderConfig& config) {
  return {{"hidden_size", config.hidden_size},
          {"intermediate_size", config.intermediate_size},
          {"num_hidden_layers", config.num_layers},
          {"num_attention_heads", config.num_heads},
          {"hidden_act", config.hidden_act},
          {"layer_norm_eps", config.layer_norm_eps}};
}

}  // namespace

ClipConfig parse_clip_config(const std::string& config_json, const std::string& where) {
  const Json root = parse_json_object(config_json, where);
  const JsonRecord record(root, where);
  if (record.text("model_type") != "clip") record.fail("model_type", "\"clip\" is wanted");
  const Json& text = record.object("text_config");
  const Json& vision = record.object("vision_config");
  const JsonRecord text_record(text, where + ": text_config");
  const JsonRecord vision_record(vision, where + ": vision_config");
  ClipConfig config;
  config.text = parse_encoder(text, ClipEncoderConfig{}, where + ": text_config");
  config.vision = parse_encoder(
      vision,
      ClipEncoderConfig{.hidden_size = 768, .intermediate_size = 3072, .num_heads = 12},
      where + ": vision_config");
  config.vocab_size = text_record.integer_or("vocab_size", config.vocab_size);
  config.max_positions = text_record.integer_or("max_position_embeddings", config.max_positions);
  config.eos_token_id = text_record.integer_or("eos_token_id", 49407);
  config.image_size = vision_record.integer_or("image_size", config.image_size);
  config.patch_size = vision_record.integer_or("patch_size", config.patch_size);
  config.projection_dim = record.integer_or("projection_dim", config.projection_dim);
  check_positive(
      text_record,
      {{"vocab_size", config.vocab_size}, {"max_position_embeddings", config.max_positions}});
  check_positive(vision_record,
                 {{"image_size", config.image_size}, {"patch_size", config.patch_size}});
  check_positive(record, {{"projection_dim", config.projection_dim}});
  if (config.image_size < config.patch_size)
    vision_record.fail("image_size", "smaller than one patch");
  return config;
}

std::string to_config_json(const ClipConfig& config) {
  OrderedJson text = encoder_json(config.text);
  text["model_type"] = "clip_text_model";
  text["vocab_size"] = config.vocab_size;
  text["max_position_embeddings"] = config.max_positions;
  text["eos_token_id"] = config.eos_token_id;
  text["projection_dim"] = config.projection_dim;
  OrderedJson vision = encoder_json(config.vision);
  vision["model_type"] = "clip_vision_model";
  vision["image_size"] = config.image_size;
  vision["patch_size"] = config.patch_size;
  vision["projection_dim"] = config.projection_dim;
  const OrderedJson root = {{"architectures", {"CLIPModel"}},
                            {"model_type", "clip"},
                            {"projection_dim", config.projection_dim},
                            {"text_config", text},
                            {"vision_config", vision}};
  return root.dump(2) + "\n";
}

ClipImpl::ClipImpl(const ClipConfig& options) : config(options) {
  const auto text = nn::add_group(*this, "text_model");
  const auto text_embeddings = nn::add_group(*text, "embeddings");
  token_embedding = text_embeddings->register_module(
      "token_embedding", nn::Embedding(config.vocab_size, config.text.hidden_size));
  text_positions = text_embeddings->register_module(
      "position_embedding", nn::Embedding(config.max_positions, config.text.hidden_size));
  text_layers = stack(*text, config.text);
  final_layer_norm = text->register_module(
      "final_layer_norm", nn::LayerNorm(config.text.hidden_size, config.text.layer_norm_eps));

  const auto vision = nn::add_group(*this, "vision_model");
  const auto vision_embeddings = nn::add_group(*vision, "embeddings");
  const std::int64_t side = config.image_size / config.patch_size;
  class_embedding = vision_embeddings->register_parameter(
      "class_embedding", torch::empty({config.vision.hidden_size}));
  patch_weight =
      nn::add_group(*vision_embeddings, "patch_embedding")
          ->register_parameter(
              "weight",
              torch::empty({config.vision.hidden_size, 3, config.patch_size, config.patch_size}));
  vision_positions = vision_embeddings->register_module(
      "position_embedding", nn::Embedding(side * side + 1, config.vision.hidden_size));
  pre_layernorm = vision->register_module(
      "pre_layrnorm",
      nn::LayerNorm(config.vision.hidden_size,
                    config.vision.layer_norm_eps));  // the checkpoints' spelling
  vision_layers = stack(*vision, config.vision);
  post_layernorm = vision->register_module(
      "post_layernorm", nn::LayerNorm(config.vision.hidden_size, config.vision.layer_norm_eps));

  visual_projection = register_module(
      "visual_projection", nn::Linear(config.vision.hidden_size, config.projection_dim, false));
  text_projection = register_module(
      "text_projection", nn::Linear(config.text.hidden_size, config.projection_dim, false));
  logit_scale = register_parameter("logit_scale", torch::empty({}));
}

Tensor ClipImpl::encode_text(const Tensor& ids) {
  TORCH_CHECK(ids.dim() == 2 && ids.size(1) <= config.max_positions,
              "clip text: want [B, <=",
              config.max_positions,
              "], got ",
              ids.sizes());
  const Tensor x = run(text_layers,
                       token_embedding(ids) + text_positions->weight.narrow(0, 0, ids.size(1)),
                       /*causal=*/true);
  const Tensor end = config.eos_token_id == kLegacyEos
                         ? ids.argmax(-1)
                         : (ids == config.eos_token_id).to(torch::kInt).argmax(-1);
  const Tensor rows = torch::arange(ids.size(0), ids.options());
  return text_projection(final_layer_norm(x).index({rows, end}));
}

Tensor ClipImpl::encode_image(const Tensor& pixels) {
  TORCH_CHECK(pixels.dim() == 4 && pixels.size(2) == config.image_size &&
                  pixels.size(3) == config.image_size,
              "clip image: want [B, 3, ",
              config.image_size,
              ", ",
              config.image_size,
              "], got ",
              pixels.sizes());
  const Tensor patches =
      at::conv2d(pixels.to(patch_weight.scalar_type()), patch_weight, {}, config.patch_size)
          .flatten(2)
          .transpose(1, 2);
  const Tensor first = class_embedding.expand({pixels.size(0), 1, -1});
  const Tensor x = pre_layernorm(torch::cat({first, patches}, 1) + vision_positions->weight);
  return visual_projection(post_layernorm(run(vision_layers, x, /*causal=*/false).select(1, 0)));
}

Clip load_clip(const std::filesystem::path& folder, torch::Dtype dtype, torch::Device device) {
  const std::string where = (folder / "config.json").string();
  const ClipConfig config = parse_clip_config(read_model_config(folder), where);
  const WeightFiles files(folder);
  check_backed(files, size_of(config));
  Clip clip(config);
  load_into(*clip, files, {.ignored = {"position_ids"}}, dtype, device);
  return clip;
}

Tensor cosine_matrix(const Tensor& a, const Tensor& b) {
  const auto unit = [](const Tensor& x) {
    const Tensor wide = x.to(torch::kFloat32);
    return wide / wide.norm(2, -1, /*keepdim=*/true).clamp_min(1e-12);
  };
  return unit(a).matmul(unit(b).t());
}

}  // namespace vragent::models

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/models/causal_lm.h"

#include <algorithm>
#include <memory>

#include "vragent/nn/lora.h"
#include "vragent/nn/recompute.h"
#include "vragent/ops/fused_layers.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/log.h"

namespace vragent::models {
namespace {

using torch::Tensor;

/// [N, heads * d] -> [N, heads, d]
Tensor split_heads(const Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), heads, -1});
}

/// q [N, H, d] -> [N, H, d]
Tensor attend(const Tensor& q,
              const ops::LayerKv& fresh,
              const DecoderContext& context,
              std::size_t layer) {
  if (context.packing != nullptr) {
    if (context.keep != nullptr) context.keep->push_back(fresh);
    if (context.earlier != nullptr)
      return ops::continued_attention(q, fresh, context.earlier->at(layer));
    return ops::packed_attention(q, fresh, *context.packing);
  }
  if (context.slots != nullptr) return ops::slot_attention(q, fresh, *context.slots, layer);
  TORCH_CHECK(context.cache != nullptr, "the decoder needs a packing or a cache");
  return ops::decode_attention(q, fresh, *context.cache, layer);
}

}  // namespace

SelfAttentionImpl::SelfAttentionImpl(const CausalLmConfig& config)
    : num_heads(config.num_heads),
      num_kv_heads(config.num_kv_heads),
      head_dim(config.head_dim),
      q_proj(register_module(
          "q_proj", nn::Linear(config.hidden_size, num_heads * head_dim, config.qkv_bias))),
      k_proj(register_module(
          "k_proj", nn::Linear(config.hidden_size, num_kv_heads * head_dim, config.qkv_bias))),
      v_proj(register_module(
          "v_proj", nn::Linear(config.hidden_size, num_kv_heads * head_dim, config.qkv_bias))),
      o_proj(
          register_module("o_proj", nn::Linear(num_heads * head_dim, config.hidden_size, false))) {
  if (!config.qk_norm) return;
  q_norm = register_module("q_norm", nn::RmsNorm(head_dim, config.rms_eps));
  k_norm = register_module("k_norm", nn::RmsNorm(head_dim, config.rms_eps));
}

Tensor SelfAttentionImpl::forward(const ops::Remade& x,
                                  const ops::Rotary& rotary,
                                  const DecoderContext& context,
                                  std::size_t layer) {
  Tensor q;
  Tensor k;
  Tensor v;
  if (packed_qkv.is_packed()) {
    const Tensor heads = split_heads(packed_qkv.forward(x.value), num_heads + 2 * num_kv_heads);
    q = heads.narrow(1, 0, num_heads);
    k = heads.narrow(1, num_heads, num_kv_heads);
    v = heads.narrow(1, num_heads + num_kv_heads, num_kv_heads);
  } else {
    const std::vector<Tensor> parts = nn::outputs_of({q_proj, k_proj, v_proj}, x);
    q = split_heads(parts[0], num_heads);
    k = split_heads(parts[1], num_kv_heads);
    v = split_heads(parts[2], num_kv_heads);
  }
  if (!q_norm.is_empty()) {
    q = q_norm(q);
    k = k_norm(k);
  }
  const Tensor mixed =
      attend(ops::rotate(q, rotary), {ops::rotate(k, rotary), v}, context, layer).flatten(1);
  return packed_out.is_packed() ? packed_out.forward(mixed) : o_proj(mixed);
}

void SelfAttentionImpl::pack(bool keep_plain) {
  if (!ops::packing_pays(q_proj->weight)) return;
  packed_qkv = nn::take_packed({q_proj, k_proj, v_proj}, keep_plain);
  packed_out = nn::take_packed({o_proj}, keep_plain);
}

void SelfAttentionImpl::unpack() {
  packed_qkv = {};
  packed_out = {};
}

DecoderLayerImpl::DecoderLayerImpl(const CausalLmConfig& config)
    : self_attn(register_module("self_attn", SelfAttention(config))),
      mlp(register_module("mlp", nn::SwiGlu(config.hidden_size, config.intermediate_size, false))),
      input_layernorm(
          register_module("input_layernorm", nn::RmsNorm(config.hidden_size, config.rms_eps))),
      post_attention_layernorm(register_module("post_attention_layernorm",
                                               nn::RmsNorm(config.hidden_size, config.rms_eps))) {}

Tensor DecoderLayerImpl::forward(const Tensor& x,
                                 const ops::Rotary& rotary,
                                 const DecoderContext& context,
                                 std::size_t layer) {
  const Tensor attended = x + self_attn(input_layernorm->remade(x), rotary, context, layer);
  return attended + mlp(post_attention_layernorm->remade(attended));
}

DecoderImpl::DecoderImpl(const CausalLmConfig& options)
    : config(options),
      embed_tokens(
          register_module("embed_tokens", nn::Embedding(config.vocab_size, config.hidden_size))),
      layers(register_module("layers", torch::nn::ModuleList())),
      norm(register_module("norm", nn::RmsNorm(config.hidden_size, config.rms_eps))) {
  for (std::int64_t i = 0; i < config.num_layers; ++i) layers->push_back(DecoderLayer(config));
}

ops::Rotary decoder_rotary(const CausalLmConfig& config, const Tensor& positions) {
  Tensor frequencies =
      ops::rotary_frequencies(config.head_dim, config.rope_theta, positions.device());
  if (config.rope_stretch) frequencies = ops::stretched(frequencies, *config.rope_stretch);
  if (positions.dim() == 1) return ops::rotary_table(positions, frequencies);
  TORCH_CHECK(positions.dim() == 2 && positions.size(0) == 3,
              "positions: want [N] or [3, N], got ",
              positions.sizes());
  const ops::Rotary all = ops::rotary_table(positions, frequencies);  // [3, N, d]
  std::vector<Tensor> cos;
  std::vector<Tensor> sin;
  std::int64_t begin = 0;
  for (std::size_t axis = 0; axis < config.mrope_section.size(); ++axis) {
    const std::int64_t width = config.mrope_section[axis];
    cos.push_back(all.cos.select(0, static_cast<std::int64_t>(axis)).narrow(-1, begin, width));
    sin.push_back(all.sin.select(0, static_cast<std::int64_t>(axis)).narrow(-1, begin, width));
    begin += width;
  }
  const Tensor half_cos = torch::cat(cos, -1);
  const Tensor half_sin = torch::cat(sin, -1);
  return {torch::cat({half_cos, half_cos}, -1), torch::cat({half_sin, half_sin}, -1)};
}

Tensor DecoderImpl::forward(const Tensor& embeddings,
                            const Tensor& positions,
                            const DecoderContext& context) {
  TORCH_CHECK(embeddings.dim() == 2 && embeddings.size(1) == config.hidden_size,
              "decoder: want [N, ",
              config.hidden_size,
              "], got ",
              embeddings.sizes());
  const ops::Rotary rotary = decoder_rotary(config, positions).to(embeddings.scalar_type());
  Tensor x = embeddings;
  if (recomputes && torch::GradMode::is_enabled() && context.packing != nullptr) {
    TORCH_CHECK(context.keep == nullptr && context.earlier == nullptr,
                "decoder: keys and values are kept without gradient only");
    const auto packing = std::make_shared<const ops::Packing>(*context.packing);
    for (std::size_t i = 0; i < layers->size(); ++i) {
      const auto layer = layers->ptr<DecoderLayerImpl>(i);
      x = nn::recomputed(x, *layer, [=](const Tensor& input) {
        return layer->forward(input, rotary, {.packing = packing.get()}, i);
      });
    }
    return norm(x);
  }
  for (std::size_t i = 0; i < layers->size(); ++i)
    x = layers[i]->as<DecoderLayerImpl>()->forward(x, rotary, context, i);
  return norm(x);
}

Tensor sequence_logits(const TextModel& model, const Tensor& embeddings, const Tensor& positions) {
  Decoder decoder = model.decoder;
  const ops::Packing packing = ops::pack({embeddings.size(0)}, embeddings.device());
  return model.logits(decoder->forward(embeddings, positions, {.packing = &packing}));
}

void DecoderImpl::pack(bool keep_plain) {
  for (const auto& layer : *layers) {
    layer->as<DecoderLayerImpl>()->self_attn->pack(keep_plain);
    layer->as<DecoderLayerImpl>()->mlp->pack(keep_plain);
  }
}

void DecoderImpl::unpack() {
  for (const auto& layer : *layers) {
    layer->as<DecoderLayerImpl>()->self_attn->unpack();
    layer->as<DecoderLayerImpl>()->mlp->unpack();
  }
}

namespace {

/// A copy of a small head.
void pack_head(TextModel& model) {
  const bool is_small = model.head.nbytes() <= kLargestHeadCopy;
  if (is_small && ops::packing_pays(model.head)) model.packed_head = ops::pack_linear({model.head});
}

bool is_plain(const DecoderImpl& decoder) {
  const std::vector<nn::NamedLinear> layers = nn::linear_layers(decoder);
  return std::all_of(layers.begin(), layers.end(), [](const nn::NamedLinear& item) {
    return !item.layer->adapter && item.layer->weight.numel() > 0;
  });
}

/// A parameter's name with a head above the decoder, and without one.
std::vector<std::string> spellings(const std::string& name) {
  constexpr std::string_view kDecoder = "model.";
  if (!name.starts_with(kDecoder)) return {name};
  return {name, name.substr(kDecoder.size())};
}

}  // namespace

void pack_for_inference(TextModel& model) {
  model.decoder->pack();
  pack_head(model);
}

InferenceCopies::InferenceCopies(const TextModel& model)
    : model_(model), owns_(is_plain(*model.decoder)) {
  if (!owns_) return;
  model_.decoder->pack(/*keep_plain=*/true);
  pack_head(model_);
}

InferenceCopies::~InferenceCopies() {
  if (owns_) model_.decoder->unpack();
}

CausalLmImpl::CausalLmImpl(const CausalLmConfig& config)
    : model(register_module("model", Decoder(config))) {
  if (!config.tie_embeddings)
    lm_head = register_module("lm_head", nn::Linear(config.hidden_size, config.vocab_size, false));
}

TextModel CausalLmImpl::text() const {
  return {model, lm_head.is_empty() ? model->embed_tokens->weight : lm_head->weight};
}

Tensor CausalLmImpl::forward(const Tensor& ids) {
  const std::vector<std::int64_t> lengths(static_cast<std::size_t>(ids.size(0)), ids.size(1));
  const ops::Packing packing = ops::pack(lengths, ids.device());
  const Tensor hidden = model->forward(model->embed_tokens(ids.flatten()),
                                       ops::packed_positions(packing, ids.device()),
                                       {.packing = &packing});
  return text().logits(hidden).view({ids.size(0), ids.size(1), -1});
}

CausalLm load_causal_lm(const std::filesystem::path& folder,
                        torch::Dtype dtype,
                        torch::Device device) {
  const std::string where = (folder / "config.json").string();
  CausalLmConfig config = parse_causal_lm_config(read_model_config(folder), where);
  const WeightFiles files(folder);
  check_backed(
      files,
      {.num_layers = static_cast<double>(config.num_layers), .num_weights = num_weights(config)});
  const WeightNames names{.spellings = spellings,
                          .ignored = {"rotary_emb.inv_freq", "position_ids", "lm_head.weight"}};
  config.tie_embeddings =
      resolve_tie(files, config.tie_embeddings, spellings("model.embed_tokens.weight"));
  CausalLm lm(config);
  load_into(*lm, files, names, dtype, device);
  return lm;
}

bool resolve_tie(const WeightFiles& files,
                 bool config_ties,
                 const std::vector<std::string>& embedding_names) {
  const torch::Tensor head = files.find("lm_head.weight");
  if (!head.defined()) {
    if (!config_ties)
      throw DataError(
          formatted("{}: no lm_head.weight, though config.json does not tie it", files.folder()));
    return true;
  }
  if (!config_ties) return false;
  const torch::Tensor embedding = files.find(files.first_of(embedding_names));
  const bool same =
      embedding.defined() && embedding.sizes() == head.sizes() && embedding.equal(head);
  for (const torch::Tensor& read : {embedding, head}) nn::drop_pages(read);
  if (!same)
    log::warn(
        "{}: lm_head.weight differs from the embedding although config.json ties them; the stored "
        "head is used",
        files.folder());
  return same;
}

}  // namespace vragent::models

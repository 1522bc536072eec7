// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/models/causal_lm.h"

#include "vragent/nn/fused_layers.h"
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

/// Stores one new token a row, [B, Hkv, d], at its place and gives the view of everything stored,
/// [B, Hkv, longest+1, d].
nn::LayerKv append(KvCache& cache, std::size_t layer, const nn::LayerKv& fresh) {
  nn::LayerKv& stored = cache.layers[layer];
  const auto ids = cache.lengths.options();
  const Tensor rows = torch::arange(fresh.k.size(0), ids).unsqueeze(1);
  const Tensor heads = torch::arange(fresh.k.size(1), ids).unsqueeze(0);
  const Tensor columns = cache.lengths.unsqueeze(1);
  stored.k.index_put_({rows, heads, columns}, fresh.k);
  stored.v.index_put_({rows, heads, columns}, fresh.v);
  return {stored.k.narrow(2, 0, cache.longest + 1), stored.v.narrow(2, 0, cache.longest + 1)};
}

/// q [N, H, d] -> [N, H, d]
Tensor attend(const Tensor& q,
              const nn::LayerKv& fresh,
              const DecoderContext& context,
              std::size_t layer) {
  if (context.packing != nullptr) {
    if (context.keep != nullptr) context.keep->push_back(fresh);
    return nn::packed_attention(q, fresh, *context.packing);
  }
  TORCH_CHECK(context.prefix != nullptr && context.cache != nullptr,
              "the decoder needs a packing, or a prefix and a cache");
  KvCache& cache = *context.cache;
  const nn::LayerKv own = append(cache, layer, fresh);
  const Tensor mask = nn::length_mask(cache.lengths + 1, cache.longest + 1).unsqueeze(1);
  return nn::prefixed_attention(
             q.unsqueeze(2), own, mask, context.prefix->layers[layer], context.prefix->mask)
      .squeeze(2);
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
          register_module("o_proj", nn::Linear(num_heads * head_dim, config.hidden_size, false))) {}

Tensor SelfAttentionImpl::forward(const Tensor& x,
                                  const nn::Rotary& rotary,
                                  const DecoderContext& context,
                                  std::size_t layer) {
  const Tensor q = nn::rotate(split_heads(q_proj(x), num_heads), rotary);
  const nn::LayerKv fresh = {nn::rotate(split_heads(k_proj(x), num_kv_heads), rotary),
                             split_heads(v_proj(x), num_kv_heads)};
  const Tensor mixed = attend(q, fresh, context, layer);
  return o_proj(mixed.reshape({x.size(0), -1}));
}

DecoderLayerImpl::DecoderLayerImpl(const CausalLmConfig& config)
    : self_attn(register_module("self_attn", SelfAttention(config))),
      mlp(register_module("mlp", nn::SwiGlu(config.hidden_size, config.intermediate_size, false))),
      input_layernorm(
          register_module("input_layernorm", nn::RmsNorm(config.hidden_size, config.rms_eps))),
      post_attention_layernorm(register_module("post_attention_layernorm",
                                               nn::RmsNorm(config.hidden_size, config.rms_eps))) {}

Tensor DecoderLayerImpl::forward(const Tensor& x,
                                 const nn::Rotary& rotary,
                                 const DecoderContext& context,
                                 std::size_t layer) {
  const Tensor attended = x + self_attn(input_layernorm(x), rotary, context, layer);
  return attended + mlp(post_attention_layernorm(attended));
}

DecoderImpl::DecoderImpl(const CausalLmConfig& options)
    : config(options),
      embed_tokens(
          register_module("embed_tokens", nn::Embedding(config.vocab_size, config.hidden_size))),
      layers(register_module("layers", torch::nn::ModuleList())),
      norm(register_module("norm", nn::RmsNorm(config.hidden_size, config.rms_eps))) {
  for (std::int64_t i = 0; i < config.num_layers; ++i) layers->push_back(DecoderLayer(config));
}

nn::Rotary decoder_rotary(const CausalLmConfig& config, const Tensor& positions) {
  if (positions.dim() == 1) return nn::rotary_table(positions, config.head_dim, config.rope_theta);
  TORCH_CHECK(positions.dim() == 2 && positions.size(0) == 3,
              "positions: want [N] or [3, N], got ",
              positions.sizes());
  const nn::Rotary all =
      nn::rotary_table(positions, config.head_dim, config.rope_theta);  // [3, N, d]
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
  const nn::Rotary rotary = decoder_rotary(config, positions).to(embeddings.scalar_type());
  Tensor x = embeddings;
  for (std::size_t i = 0; i < layers->size(); ++i)
    x = layers[i]->as<DecoderLayerImpl>()->forward(x, rotary, context, i);
  return norm(x);
}

Tensor sequence_logits(const TextModel& model, const Tensor& embeddings, const Tensor& positions) {
  Decoder decoder = model.decoder;
  const nn::Packing packing = nn::pack({embeddings.size(0)}, embeddings.device());
  return model.logits(decoder->forward(embeddings, positions, {.packing = &packing}));
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
  const nn::Packing packing = nn::pack(lengths, ids.device());
  const Tensor hidden = model->forward(model->embed_tokens(ids.flatten()),
                                       nn::packed_positions(packing, ids.device()),
                                       {.packing = &packing});
  return text().logits(hidden).view({ids.size(0), ids.size(1), -1});
}

void load_language_model(torch::nn::Module& module,
                         const WeightFiles& files,
                         const std::function<std::string(const std::string&)>& to_file_name) {
  std::vector<std::string> used;
  const auto lookup = [&](const std::string& name) {
    used.push_back(to_file_name(name));
    return files.find(used.back());
  };
  nn::load_parameters(module, lookup, files.folder().string());
  check_unexpected(files, used, {"rotary_emb.inv_freq", "position_ids", "lm_head.weight"});
}

CausalLm load_causal_lm(const std::filesystem::path& folder,
                        torch::Dtype dtype,
                        torch::Device device) {
  const std::string where = (folder / "config.json").string();
  CausalLmConfig config = parse_causal_lm_config(read_model_config(folder), where);
  const WeightFiles files(folder);
  config.tie_embeddings = resolve_tie(files, config.tie_embeddings, "model.embed_tokens.weight");
  CausalLm lm(config);
  lm->to(dtype);
  load_language_model(*lm, files, [](const std::string& name) { return name; });
  lm->to(device);
  nn::set_requires_grad(*lm, false);
  return lm;
}

bool resolve_tie(const WeightFiles& files, bool config_ties, const std::string& embedding_name) {
  const torch::Tensor head = files.find("lm_head.weight");
  if (!head.defined()) {
    if (!config_ties)
      throw DataError(
          formatted("{}: no lm_head.weight, though config.json does not tie it", files.folder()));
    return true;
  }
  const torch::Tensor embedding = files.find(embedding_name);
  const bool same =
      embedding.defined() && embedding.sizes() == head.sizes() && embedding.equal(head);
  if (config_ties && !same)
    log::warn(
        "{}: lm_head.weight differs from the embedding although config.json ties them; the stored "
        "head is used",
        files.folder());
  return config_ties && same;
}

}  // namespace vragent::models

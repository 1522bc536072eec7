// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Decoder-only language models: Qwen2 / Qwen2.5, Qwen3 and Llama, and the text part of Qwen2.5-VL
// (mRoPE). Maths and names: `models.md` 1.3, 1.4, 2 and 3.3.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>

#include "vragent/models/causal_lm_config.h"
#include "vragent/models/hf_folder.h"
#include "vragent/nn/layers.h"
#include "vragent/ops/attention.h"
#include "vragent/ops/decoding/decode_attention.h"
#include "vragent/ops/decoding/slot_attention.h"
#include "vragent/ops/packed_attention.h"
#include "vragent/ops/rotary.h"

namespace vragent::models {

/// What the tokens of one forward() are: whole sequences (packing), or one new token of each row
/// that is being decoded (cache on a CPU, slots anywhere).
struct DecoderContext {
  const ops::Packing* packing = nullptr;  ///< sequences, and who branches off whom
  std::vector<ops::LayerKv>* keep =
      nullptr;  ///< with packing: receives the keys and values of each layer, [N, Hkv, d]
  const std::vector<ops::LayerKv>* earlier =
      nullptr;  ///< with a packing of one sequence: those of the tokens before it, [M, Hkv, d]
  ops::DecodeCache* cache = nullptr;  ///< earlier tokens of each row; forward() adds this one's
  ops::SlotCache* slots = nullptr;    ///< the same, of each slot
};

struct SelfAttentionImpl : torch::nn::Module {
  explicit SelfAttentionImpl(const CausalLmConfig& config);

  /// x [N, D], rotary [N, d] -> [N, D]
  torch::Tensor forward(const ops::Remade& x,
                        const ops::Rotary& rotary,
                        const DecoderContext& context,
                        std::size_t layer);

  /// Lays the weights out for inference where that pays, in place of the plain ones or beside them.
  void pack(bool keep_plain = false);

  /// Drops what pack() laid out beside the plain weights.
  void unpack();

  std::int64_t num_heads;
  std::int64_t num_kv_heads;
  std::int64_t head_dim;
  nn::Linear q_proj;
  nn::Linear k_proj;
  nn::Linear v_proj;
  nn::Linear o_proj;
  nn::RmsNorm q_norm{nullptr};  ///< of each head, Qwen3 only
  nn::RmsNorm k_norm{nullptr};
  ops::PackedLinear packed_qkv;
  ops::PackedLinear packed_out;
};

TORCH_MODULE(SelfAttention);

struct DecoderLayerImpl : torch::nn::Module {
  explicit DecoderLayerImpl(const CausalLmConfig& config);
  torch::Tensor forward(const torch::Tensor& x,
                        const ops::Rotary& rotary,
                        const DecoderContext& context,
                        std::size_t layer);

  SelfAttention self_attn;
  nn::SwiGlu mlp;
  nn::RmsNorm input_layernorm;
  nn::RmsNorm post_attention_layernorm;
};

TORCH_MODULE(DecoderLayer);

/// Embedding, layers, final norm: everything but the head.
struct DecoderImpl : torch::nn::Module {
  explicit DecoderImpl(const CausalLmConfig& config);

  /// @param embeddings [N, D], the tokens that the context speaks of
  /// @param positions int64 [N], or [3, N] (time, height, width) with mRoPE
  /// @return hidden states after the final norm, [N, D]
  torch::Tensor forward(const torch::Tensor& embeddings,
                        const torch::Tensor& positions,
                        const DecoderContext& context);

  /// Lays the weights of all layers out for inference where that pays. In place of the plain ones,
  /// they can be neither trained nor saved afterwards; beside them, they are copies.
  void pack(bool keep_plain = false);

  /// Drops what pack() laid out beside the plain weights.
  void unpack();

  CausalLmConfig config;
  bool recomputes = false;  ///< keeps only the input of each layer for the backward pass
  nn::Embedding embed_tokens;
  torch::nn::ModuleList layers;
  nn::RmsNorm norm;
};

TORCH_MODULE(Decoder);

/// Cosines and sines for positions [N] or [3, N], in fp32: [N, d].
ops::Rotary decoder_rotary(const CausalLmConfig& config, const torch::Tensor& positions);

/// What generation and training need of a language model, whether it sees images or not.
struct TextModel {
  Decoder decoder{nullptr};
  torch::Tensor head;             ///< [V, D]
  ops::PackedLinear packed_head;  ///< a copy of it for inference, or empty

  /// hidden [..., D] -> logits [..., V] in the model's dtype
  [[nodiscard]] torch::Tensor logits(const torch::Tensor& hidden) const {
    return packed_head.is_packed() ? packed_head.forward(hidden) : ops::linear(hidden, head);
  }
};

/// Of a head with more bytes no copy is made for inference.
inline constexpr std::size_t kLargestHeadCopy = 128 << 20;

/// Lays a model out for inference: decoder->pack(), and a copy of a small head.
void pack_for_inference(TextModel& model);

/// A model that learns, laid out for inference until destroyed: copies of its weights as they are
/// now. Without gradient. A model with adapters, or laid out already, stays as it is.
class InferenceCopies {
 public:
  explicit InferenceCopies(const TextModel& model);
  ~InferenceCopies();
  InferenceCopies(const InferenceCopies&) = delete;
  InferenceCopies& operator=(const InferenceCopies&) = delete;

  [[nodiscard]] const TextModel& model() const { return model_; }

 private:
  TextModel model_;
  bool owns_;
};

/// Logits [T, V] of one sequence. @param embeddings [T, D]; positions int64 [T] or [3, T]
torch::Tensor sequence_logits(const TextModel& model,
                              const torch::Tensor& embeddings,
                              const torch::Tensor& positions);

struct CausalLmImpl : torch::nn::Module {
  explicit CausalLmImpl(const CausalLmConfig& config);

  /// ids int64 [B, T] -> logits [B, T, V]
  torch::Tensor forward(const torch::Tensor& ids);

  /// The parts, sharing parameters with this module.
  [[nodiscard]] TextModel text() const;

  Decoder model;
  nn::Linear lm_head{nullptr};  ///< absent when tied
};

TORCH_MODULE(CausalLm);

/// Loads a qwen2, qwen3 or llama folder; names may lack "model.", as those of a model without a
/// head do. @throws DataError with a full report when names or shapes
/// do not fit
CausalLm load_causal_lm(const std::filesystem::path& folder,
                        torch::Dtype dtype,
                        torch::Device device);

/// Whether the head is the embedding: an lm_head in the files is used even where config.json ties
/// it (then a warning tells when the two differ). @throws DataError when there is neither a head
/// nor a tie
/// @param embedding_names spellings of the embedding's name
bool resolve_tie(const WeightFiles& files,
                 bool config_ties,
                 const std::vector<std::string>& embedding_names);

}  // namespace vragent::models

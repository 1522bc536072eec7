// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// BERT and XLM-R encoders (Devlin et al. 2019): the text tower of the recommender
// (`models.md` 5.3, 5.4).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>

#include "vragent/nn/layers.h"
#include "vragent/ops/packed_attention.h"

namespace vragent::models {

struct BertConfig {
  std::string model_type = "bert";  ///< bert or xlm-roberta
  std::int64_t vocab_size = 30522;
  std::int64_t hidden_size = 768;
  std::int64_t intermediate_size = 3072;
  std::int64_t num_layers = 12;
  std::int64_t num_heads = 12;
  std::int64_t max_positions = 512;
  std::int64_t type_vocab_size = 2;
  std::int64_t pad_token_id = 0;
  double layer_norm_eps = 1e-12;
  std::string hidden_act = "gelu";
  double hidden_dropout = 0.1;     ///< hidden_dropout_prob, of training
  double attention_dropout = 0.1;  ///< attention_probs_dropout_prob, of training
};

/// What an encoder drops while it trains, where the published code does: the sums of embeddings
/// after their norm and what attention and feed-forward add (`hidden`), and shares of attention.
/// It depends on the seed and on places in the batch alone, so that processes may share a batch.
struct BertDropout {
  double hidden = 0.0;            ///< [0, 1)
  double attention = 0.0;         ///< [0, 1)
  std::uint64_t seed = 0;         ///< of this pass
  std::int64_t first_text = 0;    ///< texts of the batch in front of these
  std::int64_t first_token = 0;   ///< their tokens
  std::int64_t longest_text = 0;  ///< tokens of the batch's longest, which may not be here

  [[nodiscard]] bool drops() const { return hidden > 0 || attention > 0; }
};

/// @throws DataError
BertConfig parse_bert_config(const std::string& config_json, const std::string& where);

/// A config.json that transformers reads.
std::string to_config_json(const BertConfig& config);

/// Texts without padding.
struct EncodedTexts {
  torch::Tensor states;  ///< last hidden states [N, D], text behind text
  ops::Packing packing;  ///< of B texts, some perhaps empty
};

/// The encoder without pooler and heads.
struct BertImpl : torch::nn::Module {
  explicit BertImpl(const BertConfig& config);

  /// Only real tokens are computed.
  /// @param ids int64 [B, T]; mask bool [B, T], true where a real token stands
  EncodedTexts encode(const torch::Tensor& ids,
                      const torch::Tensor& mask,
                      const BertDropout& dropout = {});

  /// The last hidden states of the first tokens alone [B, D]: the last layer computes no others. A
  /// text without tokens gets zeros or the state of another; it means nothing.
  torch::Tensor first_states(const torch::Tensor& ids,
                             const torch::Tensor& mask,
                             const BertDropout& dropout = {});

  /// The mean of the last hidden states of a text's tokens [B, D], as sentence encoders (MiniLM)
  /// pool them; zeros for a text without tokens.
  torch::Tensor mean_states(const torch::Tensor& ids,
                            const torch::Tensor& mask,
                            const BertDropout& dropout = {});

  /// All states put back into rows: last hidden states [B, T, D], zeros where no token stands.
  torch::Tensor forward(const torch::Tensor& ids, const torch::Tensor& mask);

  BertConfig config;
  nn::Embedding word_embeddings{nullptr};
  nn::Embedding position_embeddings{nullptr};
  nn::Embedding token_type_embeddings{nullptr};
  nn::LayerNorm embedding_norm{nullptr};
  torch::nn::ModuleList layers;

 private:
  /// Packs the texts and sums their embeddings: what the first layer reads.
  EncodedTexts embed(const torch::Tensor& ids,
                     const torch::Tensor& mask,
                     const BertDropout& dropout);
};

TORCH_MODULE(Bert);

/// Loads a BertModel / BertForMaskedLM / XLMRobertaModel folder (any of the prefixes "", "bert.",
/// "roberta."; LayerNorm.gamma/beta of old files; pooler and heads are passed over).
Bert load_bert(const std::filesystem::path& folder, torch::Dtype dtype, torch::Device device);

}  // namespace vragent::models

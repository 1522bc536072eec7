// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/models/bert.h"

#include <algorithm>
#include <cmath>

#include "vragent/models/hf_folder.h"
#include "vragent/nn/dropout.h"
#include "vragent/nn/parameters.h"
#include "vragent/ops/attention.h"
#include "vragent/ops/packed_attention.h"
#include "vragent/util/error.h"
#include "vragent/util/json.h"
#include "vragent/util/random.h"

namespace vragent::models {
namespace {

using torch::Tensor;

/// Where a pass drops; each place draws by a seed of its own.
enum class Place : std::uint8_t { kEmbeddings, kAttention, kAttentionOutput, kOutput };

std::uint64_t seed_of(const BertDropout& dropout, Place place) {
  return mix_seed(dropout.seed, {static_cast<std::uint64_t>(place)});
}

/// @param first_row rows of the batch in front of those of x [N, D]
Tensor dropped(const Tensor& x, const BertDropout& dropout, Place place, std::int64_t first_row) {
  if (dropout.hidden == 0) return x;
  return nn::seeded_dropout(x, dropout.hidden, seed_of(dropout, place), first_row * x.size(1));
}

/// ops::attention() with shares dropped. @param visible bool, broadcastable to [B, 1, T, S]
Tensor dropped_attention(const Tensor& q,
                         const ops::LayerKv& kv,
                         const Tensor& visible,
                         const BertDropout& dropout) {
  const Tensor scores = torch::matmul(q, kv.k.transpose(-2, -1)) /
                        std::sqrt(static_cast<double>(q.size(-1)));  // [B, H, T, S]
  // A text without tokens sees nothing; what comes of it means nothing, but must be numbers.
  const Tensor shares =
      torch::softmax(scores.to(torch::kFloat32).masked_fill(visible.logical_not(), -1e9), -1);
  const Tensor kept = nn::seeded_dropout(shares,
                                         dropout.attention,
                                         seed_of(dropout, Place::kAttention),
                                         dropout.first_text * shares[0].numel());
  return torch::matmul(kept.to(kv.v.scalar_type()), kv.v);
}

/// Packed texts as padded rows.
struct Rows {
  [[nodiscard]] std::int64_t count() const { return mask.size(0); }

  /// x [N, H * d] -> [B, H, T, d]
  [[nodiscard]] Tensor spread(const Tensor& x, std::int64_t heads) const {
    return ops::padded_heads(x, slots, mask.size(0), mask.size(1), heads);
  }

  /// [B, 1, 1, T]
  [[nodiscard]] Tensor visible() const { return mask.unsqueeze(1).unsqueeze(1); }

  Tensor mask;   ///< bool [B, T]
  Tensor slots;  ///< int64 [N], places of the tokens among B * T
};

/// @param least columns at least
Rows rows_of(const ops::Packing& packing, std::int64_t least, torch::Device device) {
  std::int64_t longest = std::max<std::int64_t>(1, least);
  for (const std::int64_t length : packing.lengths) longest = std::max(longest, length);
  const Tensor mask = ops::length_mask(torch::tensor(packing.lengths).to(device), longest);
  return {.mask = mask, .slots = mask.flatten().nonzero().squeeze(1)};
}

/// One post-norm layer.
struct BertLayerImpl : torch::nn::Module {
  explicit BertLayerImpl(const BertConfig& config)
      : heads(config.num_heads), act(config.hidden_act) {
    const std::int64_t width = config.hidden_size;
    const auto attention = nn::add_group(*this, "attention");
    const auto self = nn::add_group(*attention, "self");
    query = self->register_module("query", nn::Linear(width, width));
    key = self->register_module("key", nn::Linear(width, width));
    value = self->register_module("value", nn::Linear(width, width));
    const auto attention_output = nn::add_group(*attention, "output");
    attention_dense = attention_output->register_module("dense", nn::Linear(width, width));
    attention_norm =
        attention_output->register_module("LayerNorm", nn::LayerNorm(width, config.layer_norm_eps));
    intermediate = nn::add_group(*this, "intermediate")
                       ->register_module("dense", nn::Linear(width, config.intermediate_size));
    const auto output = nn::add_group(*this, "output");
    output_dense = output->register_module("dense", nn::Linear(config.intermediate_size, width));
    output_norm = output->register_module("LayerNorm", nn::LayerNorm(width, config.layer_norm_eps));
  }

  /// x [N, D] -> [N, D]
  Tensor forward(const Tensor& x, const ops::Packing& packing) {
    const auto cut = [&](nn::Linear& linear) {
      return linear(x).view({x.size(0), heads, -1});  // [N, H, d]
    };
    const Tensor mixed = ops::packed_attention(cut(query), {cut(key), cut(value)}, packing);
    return rest(x, mixed.flatten(1), {}, 0);
  }

  /// The same with shares of attention dropped.
  Tensor forward_dropping(const Tensor& x, const Rows& rows, const BertDropout& dropout) {
    const auto spread = [&](nn::Linear& linear) { return rows.spread(linear(x), heads); };
    const Tensor mixed =
        dropped_attention(spread(query), {spread(key), spread(value)}, rows.visible(), dropout);
    const Tensor packed = mixed.transpose(1, 2).flatten(0, 1).index_select(0, rows.slots);
    return rest(x, packed.flatten(1), dropout, dropout.first_token);
  }

  /// x [N, D] -> the states of the first tokens [B, D]
  Tensor forward_first(const Tensor& x,
                       const ops::Packing& packing,
                       const Rows& rows,
                       const BertDropout& dropout) {
    const Tensor first = torch::tensor(packing.begins).clamp_max(packing.num_tokens - 1);
    const Tensor asking = x.index_select(0, first.to(x.device()));
    const Tensor q = query(asking).view({rows.count(), 1, heads, -1}).transpose(1, 2);
    const ops::LayerKv kv{rows.spread(key(x), heads), rows.spread(value(x), heads)};
    const Tensor mixed = dropout.drops() ? dropped_attention(q, kv, rows.visible(), dropout)
                                         : ops::attention(q, kv, rows.visible(), /*causal=*/false);
    return rest(
        asking, mixed.transpose(1, 2).reshape({rows.count(), -1}), dropout, dropout.first_text);
  }

  /// What follows the attention, for rows of its own.
  Tensor rest(const Tensor& x,
              const Tensor& mixed,
              const BertDropout& dropout,
              std::int64_t first_row) {
    const Tensor attended = attention_norm(
        x + dropped(attention_dense(mixed), dropout, Place::kAttentionOutput, first_row));
    const Tensor added = output_dense(nn::activate(intermediate(attended), act));
    return output_norm(attended + dropped(added, dropout, Place::kOutput, first_row));
  }

  std::int64_t heads;
  std::string act;
  nn::Linear query{nullptr};
  nn::Linear key{nullptr};
  nn::Linear value{nullptr};
  nn::Linear attention_dense{nullptr};
  nn::LayerNorm attention_norm{nullptr};
  nn::Linear intermediate{nullptr};
  nn::Linear output_dense{nullptr};
  nn::LayerNorm output_norm{nullptr};
};

TORCH_MODULE(BertLayer);

/// BERT counts columns; with XLM-R, pads stand at the pad id and real tokens count from pad id + 1.
Tensor positions_of(const Tensor& ids, const BertConfig& config) {
  if (config.model_type == "bert") return torch::arange(ids.size(1), ids.options()).expand_as(ids);
  const Tensor real = (ids != config.pad_token_id).to(torch::kInt64);
  return real.cumsum(1) * real + config.pad_token_id;
}

ModelSize size_of(const BertConfig& config) {
  const auto width = static_cast<double>(config.hidden_size);
  const auto layers = static_cast<double>(config.num_layers);
  const double rows = static_cast<double>(config.vocab_size) +
                      static_cast<double>(config.max_positions) +
                      static_cast<double>(config.type_vocab_size);
  const double of_layer = 4 * width + 2 * static_cast<double>(config.intermediate_size);
  return {.num_layers = layers, .num_weights = width * (rows + layers * of_layer)};
}

/// A share that is dropped. @throws DataError outside [0, 1)
double share_or(const JsonRecord& record, const char* key, double otherwise) {
  const double share = record.number_or_null(key).value_or(otherwise);
  if (!(share >= 0 && share < 1)) record.fail(key, "must be in [0, 1)");
  return share;
}

/// The dropout of one layer.
BertDropout of_layer(const BertDropout& dropout, std::size_t layer) {
  BertDropout own = dropout;
  own.seed = mix_seed(dropout.seed, {hash_text("layer"), layer});
  return own;
}

/// @param rows of the texts, where something drops
void run_layer(torch::nn::Module& module,
               EncodedTexts& texts,
               const Rows& rows,
               const BertDropout& dropout) {
  auto& layer = *module.as<BertLayerImpl>();
  texts.states = dropout.drops() ? layer.forward_dropping(texts.states, rows, dropout)
                                 : layer.forward(texts.states, texts.packing);
}

/// What old TensorFlow-born files call a norm's parameters.
constexpr std::pair<std::string_view, std::string_view> kLegacyNames[] = {
    {"LayerNorm.weight", "LayerNorm.gamma"}, {"LayerNorm.bias", "LayerNorm.beta"}};

}  // namespace

BertConfig parse_bert_config(const std::string& config_json, const std::string& where) {
  const Json root = parse_json_object(config_json, where);
  const JsonRecord record(root, where);
  BertConfig config;
  config.model_type = record.text("model_type");
  if (config.model_type != "bert" && config.model_type != "xlm-roberta" &&
      config.model_type != "roberta") {
    record.fail("model_type", "bert, roberta or xlm-roberta is wanted");
  }
  const bool is_bert = config.model_type == "bert";
  config.vocab_size = record.integer_or("vocab_size", config.vocab_size);
  config.hidden_size = record.integer_or("hidden_size", config.hidden_size);
  config.intermediate_size = record.integer_or("intermediate_size", config.intermediate_size);
  config.num_layers = record.integer_or("num_hidden_layers", config.num_layers);
  config.num_heads = record.integer_or("num_attention_heads", config.num_heads);
  config.max_positions = record.integer_or("max_position_embeddings", config.max_positions);
  config.type_vocab_size = record.integer_or("type_vocab_size", config.type_vocab_size);
  config.pad_token_id = record.integer_or("pad_token_id", is_bert ? 0 : 1);
  config.layer_norm_eps = norm_eps_or(record, "layer_norm_eps", config.layer_norm_eps);
  config.hidden_act = record.text_or("hidden_act", config.hidden_act);
  config.hidden_dropout = share_or(record, "hidden_dropout_prob", config.hidden_dropout);
  config.attention_dropout =
      share_or(record, "attention_probs_dropout_prob", config.attention_dropout);
  nn::check_activation(config.hidden_act, where);
  if (record.text_or("position_embedding_type", "absolute") != "absolute")
    record.fail("position_embedding_type", "only absolute is supported");
  check_positive(record,
                 {{"vocab_size", config.vocab_size},
                  {"hidden_size", config.hidden_size},
                  {"intermediate_size", config.intermediate_size},
                  {"num_hidden_layers", config.num_layers},
                  {"num_attention_heads", config.num_heads},
                  {"max_position_embeddings", config.max_positions},
                  {"type_vocab_size", config.type_vocab_size}});
  if (config.hidden_size % config.num_heads != 0)
    record.fail("num_attention_heads", "does not divide hidden_size");
  return config;
}

std::string to_config_json(const BertConfig& config) {
  const char* architecture = config.model_type == "bert"      ? "BertModel"
                             : config.model_type == "roberta" ? "RobertaModel"
                                                              : "XLMRobertaModel";
  const OrderedJson root = {{"architectures", {architecture}},
                            {"model_type", config.model_type},
                            {"vocab_size", config.vocab_size},
                            {"hidden_size", config.hidden_size},
                            {"intermediate_size", config.intermediate_size},
                            {"num_hidden_layers", config.num_layers},
                            {"num_attention_heads", config.num_heads},
                            {"max_position_embeddings", config.max_positions},
                            {"type_vocab_size", config.type_vocab_size},
                            {"pad_token_id", config.pad_token_id},
                            {"layer_norm_eps", config.layer_norm_eps},
                            {"hidden_act", config.hidden_act},
                            {"hidden_dropout_prob", config.hidden_dropout},
                            {"attention_probs_dropout_prob", config.attention_dropout}};
  return root.dump(2) + "\n";
}

BertImpl::BertImpl(const BertConfig& options) : config(options) {
  const auto embeddings = nn::add_group(*this, "embeddings");
  word_embeddings = embeddings->register_module(
      "word_embeddings", nn::Embedding(config.vocab_size, config.hidden_size));
  position_embeddings = embeddings->register_module(
      "position_embeddings", nn::Embedding(config.max_positions, config.hidden_size));
  token_type_embeddings = embeddings->register_module(
      "token_type_embeddings", nn::Embedding(config.type_vocab_size, config.hidden_size));
  embedding_norm = embeddings->register_module(
      "LayerNorm", nn::LayerNorm(config.hidden_size, config.layer_norm_eps));
  layers = nn::add_group(*this, "encoder")->register_module("layer", torch::nn::ModuleList());
  for (std::int64_t i = 0; i < config.num_layers; ++i) layers->push_back(BertLayer(config));
}

EncodedTexts BertImpl::embed(const Tensor& ids, const Tensor& mask, const BertDropout& dropout) {
  TORCH_CHECK(ids.dim() == 2 && ids.sizes() == mask.sizes(),
              "bert: ids ",
              ids.sizes(),
              ", mask ",
              mask.sizes());
  const Tensor lengths = mask.sum(1).cpu();
  EncodedTexts texts{.packing = ops::pack({lengths.const_data_ptr<std::int64_t>(),
                                           lengths.const_data_ptr<std::int64_t>() + ids.size(0)},
                                          ids.device(),
                                          {},
                                          /*causal=*/false)};
  const Tensor sums =
      embedding_norm(word_embeddings(ids.masked_select(mask)) +
                     position_embeddings(positions_of(ids, config).masked_select(mask)) +
                     token_type_embeddings->weight.select(0, 0));
  texts.states = dropped(sums, dropout, Place::kEmbeddings, dropout.first_token);
  return texts;
}

EncodedTexts BertImpl::encode(const Tensor& ids, const Tensor& mask, const BertDropout& dropout) {
  EncodedTexts texts = embed(ids, mask, dropout);
  const Rows rows =
      dropout.drops() ? rows_of(texts.packing, dropout.longest_text, ids.device()) : Rows();
  for (std::size_t i = 0; i < layers->size(); ++i)
    run_layer(*layers[i], texts, rows, of_layer(dropout, i));
  return texts;
}

Tensor BertImpl::first_states(const Tensor& ids, const Tensor& mask, const BertDropout& dropout) {
  EncodedTexts texts = embed(ids, mask, dropout);
  const Rows rows = rows_of(texts.packing, dropout.longest_text, ids.device());
  const std::size_t last = layers->size() - 1;
  for (std::size_t i = 0; i < last; ++i) run_layer(*layers[i], texts, rows, of_layer(dropout, i));
  return layers[last]->as<BertLayerImpl>()->forward_first(
      texts.states, texts.packing, rows, of_layer(dropout, last));
}

Tensor BertImpl::mean_states(const Tensor& ids, const Tensor& mask, const BertDropout& dropout) {
  const Tensor states = encode(ids, mask, dropout).states;
  const Tensor lengths = mask.sum(1);
  const Tensor rows = torch::arange(ids.size(0), lengths.options()).repeat_interleave(lengths);
  const Tensor sums = torch::zeros({ids.size(0), states.size(1)}, states.options());
  return sums.index_add(0, rows, states) / lengths.clamp_min(1).unsqueeze(1);
}

Tensor BertImpl::forward(const Tensor& ids, const Tensor& mask) {
  const Tensor states = encode(ids, mask).states;
  const Tensor empty = torch::zeros({ids.numel(), config.hidden_size}, states.options());
  return empty.index_copy(0, mask.flatten().nonzero().squeeze(1), states)
      .view({ids.size(0), ids.size(1), -1});
}

Bert load_bert(const std::filesystem::path& folder, torch::Dtype dtype, torch::Device device) {
  const std::string where = (folder / "config.json").string();
  const BertConfig config = parse_bert_config(read_model_config(folder), where);
  const WeightFiles files(folder);
  check_backed(files, size_of(config));
  Bert bert(config);
  const WeightNames names{
      .spellings =
          [](const std::string& name) {
            return prefixed({"", "bert.", "roberta."}, {name, nn::respelt(name, kLegacyNames)});
          },
      .ignored = {"pooler.", "cls.", "lm_head.", "position_ids", "classifier."}};
  load_into(*bert, files, names, dtype, device);
  return bert;
}

}  // namespace vragent::models

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/models/causal_lm_config.h"

#include "vragent/models/hf_folder.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"

namespace vragent::models {
namespace {

/// The object that holds the text model's fields: text_config where there is one, else the root.
const Json& text_object(const Json& root) {
  const auto nested = root.find("text_config");
  return nested != root.end() && nested->is_object() ? *nested : root;
}

std::string architecture(const Json& root, const Json& text, const std::string& where) {
  const std::string outer = JsonRecord(root, where).text("model_type");
  if (is_language_model(outer)) return outer == "qwen2_5_vl" ? "qwen2_5_vl_text" : outer;
  const std::string inner = JsonRecord(text, where).text_or("model_type", "");
  throw DataError(formatted("{}: model_type \"{}\"{} is no language model that is supported ({})",
                            where,
                            outer,
                            inner.empty() || inner == outer ? "" : " / \"" + inner + "\"",
                            kLanguageModels));
}

ops::RotaryStretch read_stretch(const JsonRecord& rope, const std::string& where) {
  const ops::RotaryStretch stretch{.factor = rope.number("factor"),
                                   .low = rope.number("low_freq_factor"),
                                   .high = rope.number("high_freq_factor"),
                                   .original = rope.number("original_max_position_embeddings")};
  if (!(stretch.factor >= 1 && stretch.low > 0 && stretch.high > stretch.low &&
        stretch.original > 0))
    throw DataError(where + ": the numbers of llama3 RoPE do not fit together");
  return stretch;
}

/// A rope_scaling object (4.x), where it is not null, replaces rope_parameters (5.x).
void read_rope(const Json& text, CausalLmConfig& config, const std::string& where) {
  config.rope_theta = JsonRecord(text, where).has("rope_theta")
                          ? JsonRecord(text, where).number("rope_theta")
                          : config.rope_theta;
  const char* key =
      JsonRecord(text, where).has("rope_scaling") ? "rope_scaling" : "rope_parameters";
  if (!JsonRecord(text, where).has(key)) return;
  const Json& rope = JsonRecord(text, where).object(key);
  const JsonRecord record(rope, where + ": " + key);
  const std::string type = record.text_or("rope_type", record.text_or("type", "default"));
  if (type == "llama3") {
    config.rope_stretch = read_stretch(record, where);
  } else if (type != "default" && type != "mrope") {
    throw DataError(formatted(
        "{}: RoPE type \"{}\" is not supported (only default, mrope and llama3)", where, type));
  }
  if (record.has("rope_theta")) config.rope_theta = record.number("rope_theta");
  config.mrope_section = record.integers_or_empty("mrope_section");
}

void check_sizes(const CausalLmConfig& config, const JsonRecord& record, const std::string& where) {
  check_positive(record,
                 {{"hidden_size", config.hidden_size},
                  {"intermediate_size", config.intermediate_size},
                  {"num_hidden_layers", config.num_layers},
                  {"num_attention_heads", config.num_heads},
                  {"num_key_value_heads", config.num_kv_heads},
                  {"head_dim", config.head_dim},
                  {"vocab_size", config.vocab_size}});
  if (!(config.rope_theta > 0)) throw DataError(where + ": rope_theta is not above 0");
  if (config.num_heads % config.num_kv_heads != 0) {
    throw DataError(formatted("{}: num_attention_heads {} is no multiple of num_key_value_heads {}",
                              where,
                              config.num_heads,
                              config.num_kv_heads));
  }
  if (config.head_dim % 2 != 0) {
    throw DataError(
        formatted("{}: head_dim {} is odd (hidden_size {} over num_attention_heads {} "
                  "where no head_dim is given)",
                  where,
                  config.head_dim,
                  config.hidden_size,
                  config.num_heads));
  }
  std::int64_t sections = 0;
  bool negative = false;
  for (const std::int64_t section : config.mrope_section) {
    sections += section;
    negative = negative || section < 0 || section > config.head_dim;
  }
  if (!config.mrope_section.empty() &&
      (negative || sections * 2 != config.head_dim || config.mrope_section.size() != 3)) {
    throw DataError(
        formatted("{}: mrope_section does not sum to half of head_dim {}", where, config.head_dim));
  }
}

}  // namespace

bool is_language_model(std::string_view model_type) {
  return model_type == "qwen2" || model_type == "qwen3" || model_type == "llama" ||
         model_type == "qwen2_5_vl" || model_type == "qwen2_5_vl_text";
}

CausalLmConfig parse_causal_lm_config(const std::string& config_json, const std::string& where) {
  const Json root = parse_json_object(config_json, where);
  const Json& text = text_object(root);
  const JsonRecord record(text, where);
  CausalLmConfig config;
  config.model_type = architecture(root, text, where);
  const bool is_vl = config.model_type == "qwen2_5_vl_text";
  config.hidden_size = record.integer("hidden_size");
  config.intermediate_size = record.integer("intermediate_size");
  config.num_layers = record.integer("num_hidden_layers");
  config.num_heads = record.integer("num_attention_heads");
  config.num_kv_heads = record.integer_or("num_key_value_heads", config.num_heads);
  const bool is_qwen3 = config.model_type == "qwen3";
  const std::int64_t usual_head_dim = is_qwen3               ? 128
                                      : config.num_heads > 0 ? config.hidden_size / config.num_heads
                                                             : 0;
  config.head_dim = record.integer_or("head_dim", usual_head_dim);
  config.vocab_size = record.integer("vocab_size");
  config.max_positions = record.integer_or("max_position_embeddings", 32768);
  config.rms_eps = norm_eps_or(record, "rms_norm_eps", is_vl ? 1e-5 : 1e-6);
  config.rope_theta = is_vl ? 1e6 : 10000;
  config.tie_embeddings =
      JsonRecord(root, where)
          .boolean_or("tie_word_embeddings", record.boolean_or("tie_word_embeddings", false));
  config.qk_norm = is_qwen3;
  config.qkv_bias =
      is_qwen3 || config.model_type == "llama" ? record.boolean_or("attention_bias", false) : true;
  if (record.boolean_or("use_sliding_window", false))
    throw DataError(where + ": use_sliding_window is not supported");
  if (record.has("layer_types")) {
    for (const Json& type : record.array("layer_types")) {
      if (type != "full_attention")
        record.fail("layer_types", "only full_attention is supported, got " + dump_json(type));
    }
  }
  if (record.boolean_or("mlp_bias", false)) throw DataError(where + ": mlp_bias is not supported");
  if (config.qkv_bias && (is_qwen3 || config.model_type == "llama"))
    throw DataError(where + ": attention_bias of " + config.model_type + " is not supported");
  if (record.text_or("hidden_act", "silu") != "silu")
    throw DataError(where + ": hidden_act other than silu is not supported");
  read_rope(text, config, where);
  if (is_vl && config.mrope_section.empty())
    throw DataError(where + ": Qwen2.5-VL without mrope_section");
  check_sizes(config, record, where);
  return config;
}

double num_weights(const CausalLmConfig& config) {
  const auto width = static_cast<double>(config.hidden_size);
  const double heads =
      static_cast<double>(config.num_heads) + static_cast<double>(config.num_kv_heads);
  const double of_layer = 2 * heads * static_cast<double>(config.head_dim) +
                          3 * static_cast<double>(config.intermediate_size);
  return width * (static_cast<double>(config.vocab_size) +
                  static_cast<double>(config.num_layers) * of_layer);
}

std::string to_config_json(const CausalLmConfig& config) {
  const std::string architecture = config.model_type == "llama"   ? "LlamaForCausalLM"
                                   : config.model_type == "qwen3" ? "Qwen3ForCausalLM"
                                                                  : "Qwen2ForCausalLM";
  OrderedJson scaling = nullptr;
  if (config.rope_stretch) {
    scaling = {{"rope_type", "llama3"},
               {"factor", config.rope_stretch->factor},
               {"low_freq_factor", config.rope_stretch->low},
               {"high_freq_factor", config.rope_stretch->high},
               {"original_max_position_embeddings", config.rope_stretch->original}};
  }
  OrderedJson root = {{"architectures", {architecture}},
                      {"model_type", config.model_type},
                      {"vocab_size", config.vocab_size},
                      {"hidden_size", config.hidden_size},
                      {"intermediate_size", config.intermediate_size},
                      {"num_hidden_layers", config.num_layers},
                      {"num_attention_heads", config.num_heads},
                      {"num_key_value_heads", config.num_kv_heads},
                      {"head_dim", config.head_dim},
                      {"hidden_act", "silu"},
                      {"max_position_embeddings", config.max_positions},
                      {"rms_norm_eps", config.rms_eps},
                      {"rope_theta", config.rope_theta},
                      {"rope_scaling", scaling},
                      {"use_sliding_window", false},
                      {"tie_word_embeddings", config.tie_embeddings},
                      {"torch_dtype", "float32"}};
  return root.dump(2) + "\n";
}

}  // namespace vragent::models

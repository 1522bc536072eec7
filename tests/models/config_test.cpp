// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <gtest/gtest.h>

#include "vragent/models/bert.h"
#include "vragent/models/causal_lm_config.h"
#include "vragent/models/clip.h"
#include "vragent/models/vision_lm.h"
#include "vragent/util/error.h"
#include "vragent/util/json.h"

namespace vragent::models {
namespace {

/// Qwen2.5-0.5B as the Hub has it (4.x, flat).
Json qwen2() {
  return Json::parse(R"({"architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0,
    "bos_token_id": 151643, "eos_token_id": 151645, "hidden_act": "silu", "hidden_size": 896,
    "initializer_range": 0.02, "intermediate_size": 4864, "max_position_embeddings": 32768,
    "max_window_layers": 21, "model_type": "qwen2", "num_attention_heads": 14,
    "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0, "sliding_window": 32768, "tie_word_embeddings": true,
    "torch_dtype": "bfloat16", "use_sliding_window": false, "vocab_size": 151936})");
}

/// Qwen2.5-VL-7B as the Hub has it: flat text, vision in the Hub's spelling.
Json hub_vl() {
  Json config = qwen2();
  config.update(Json::parse(R"({"model_type": "qwen2_5_vl", "hidden_size": 3584,
    "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
    "num_key_value_heads": 4, "vocab_size": 152064, "tie_word_embeddings": false,
    "image_token_id": 151655, "video_token_id": 151656,
    "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
    "vision_config": {"depth": 32, "hidden_act": "silu", "hidden_size": 1280,
      "intermediate_size": 3420, "num_heads": 16, "in_chans": 3, "out_hidden_size": 3584,
      "patch_size": 14, "spatial_merge_size": 2, "spatial_patch_size": 14, "window_size": 112,
      "fullatt_block_indexes": [7, 15, 23, 31], "tokens_per_second": 2,
      "temporal_patch_size": 2}})"));
  return config;
}

/// The message that a config ends in; "" when it is read.
std::string refusal(const Json& config) {
  try {
    if (config.is_object() && config.value("model_type", "") == "qwen2_5_vl") {
      parse_vision_lm_config(config.dump(), "config.json");
    } else {
      parse_causal_lm_config(config.dump(), "config.json");
    }
    return "";
  } catch (const DataError& error) {
    return error.what();
  }
}

Json with(Json config, const std::string& key, const Json& value) {
  config[key] = value;
  return config;
}

Json without(Json config, const std::string& key) {
  config.erase(key);
  return config;
}

TEST(CausalLmConfig, ReadsTheHubsFlatSpelling) {
  const CausalLmConfig config = parse_causal_lm_config(qwen2().dump(), "config.json");
  EXPECT_EQ(config.hidden_size, 896);
  EXPECT_EQ(config.num_kv_heads, 2);
  EXPECT_EQ(config.head_dim, 64);
  EXPECT_EQ(config.rope_theta, 1e6);
  EXPECT_TRUE(config.tie_embeddings);
  EXPECT_TRUE(config.qkv_bias);
  EXPECT_TRUE(config.mrope_section.empty());
}

TEST(CausalLmConfig, ReadsTheSpellingOfTransformers5) {
  Json config = without(without(qwen2(), "rope_theta"), "torch_dtype");
  config["dtype"] = "bfloat16";
  config["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 5e5}};
  EXPECT_EQ(parse_causal_lm_config(config.dump(), "c").rope_theta, 5e5);
  config["rope_theta"] = 7.0;
  EXPECT_EQ(parse_causal_lm_config(config.dump(), "c").rope_theta, 5e5) << "the inner one wins";
}

TEST(CausalLmConfig, LetsRopeScalingReplaceRopeParameters) {
  Json config = qwen2();
  config["rope_parameters"] = {{"rope_type", "yarn"}, {"rope_theta", 3.0}};
  config["rope_scaling"] = {{"rope_type", "default"}, {"rope_theta", 9.0}};
  EXPECT_EQ(parse_causal_lm_config(config.dump(), "c").rope_theta, 9.0);
}

TEST(CausalLmConfig, FillsInWhatTheClassesDefault) {
  Json config = without(qwen2(), "rope_theta");
  config["num_key_value_heads"] = nullptr;
  config["head_dim"] = nullptr;
  const CausalLmConfig parsed =
      parse_causal_lm_config(without(config, "tie_word_embeddings").dump(), "c");
  EXPECT_EQ(parsed.rope_theta, 1e4);
  EXPECT_EQ(parsed.num_kv_heads, 14);
  EXPECT_EQ(parsed.head_dim, 64);
  EXPECT_FALSE(parsed.tie_embeddings);
}

TEST(CausalLmConfig, ReadsLlamaWithoutBiases) {
  Json config = with(qwen2(), "model_type", "llama");
  EXPECT_FALSE(parse_causal_lm_config(config.dump(), "c").qkv_bias);
  EXPECT_EQ(parse_causal_lm_config(with(config, "head_dim", 48).dump(), "c").head_dim, 48);
}

TEST(CausalLmConfig, ReadsQwen3) {
  const Json config = with(without(qwen2(), "head_dim"), "model_type", "qwen3");
  const CausalLmConfig parsed = parse_causal_lm_config(config.dump(), "c");
  EXPECT_EQ(parsed.head_dim, 128);
  EXPECT_FALSE(parsed.qkv_bias);
  EXPECT_TRUE(parsed.qk_norm);
  const CausalLmConfig again = parse_causal_lm_config(to_config_json(parsed), "c");
  EXPECT_EQ(again.model_type, "qwen3");
  EXPECT_TRUE(again.qk_norm);
}

TEST(CausalLmConfig, ReadsLlamas3Rope) {
  Json rope = {{"rope_type", "llama3"},
               {"factor", 32.0},
               {"low_freq_factor", 1.0},
               {"high_freq_factor", 4.0},
               {"original_max_position_embeddings", 8192}};
  const Json config = with(with(qwen2(), "model_type", "llama"), "rope_scaling", rope);
  const CausalLmConfig parsed = parse_causal_lm_config(config.dump(), "c");
  ASSERT_TRUE(parsed.rope_stretch);
  EXPECT_EQ(parsed.rope_stretch->factor, 32);
  EXPECT_EQ(parse_causal_lm_config(to_config_json(parsed), "c").rope_stretch->original, 8192);
  rope["high_freq_factor"] = 1.0;
  EXPECT_NE(refusal(with(config, "rope_scaling", rope)).find("llama3"), std::string::npos);
  rope.erase("factor");
  EXPECT_NE(refusal(with(config, "rope_scaling", rope)).find("factor"), std::string::npos);
}

TEST(CausalLmConfig, RefusesByNameWhatItDoesNotImplement) {
  const Json base = qwen2();
  EXPECT_NE(refusal(with(base, "model_type", "mamba")).find("\"mamba\""), std::string::npos);
  EXPECT_NE(refusal(without(base, "model_type")).find("model_type"), std::string::npos);
  const Json outer = with(base, "model_type", "mamba");
  EXPECT_NE(refusal(with(outer, "text_config", {{"model_type", "gru"}})).find("\"gru\""),
            std::string::npos);
  EXPECT_NE(refusal(with(outer, "text_config", {{"model_type", 7}})).find("model_type"),
            std::string::npos);
  EXPECT_NE(refusal(with(base, "use_sliding_window", true)).find("use_sliding_window"),
            std::string::npos);
  for (const char* type : {"yarn", "linear", "dynamic", "longrope"}) {
    EXPECT_NE(refusal(with(base, "rope_scaling", {{"rope_type", type}, {"factor", 4}})).find(type),
              std::string::npos);
    EXPECT_NE(refusal(with(base, "rope_scaling", {{"type", type}})).find(type), std::string::npos);
  }
  const Json types = {"full_attention", "sliding_attention"};
  EXPECT_NE(refusal(with(base, "layer_types", types)).find("\"sliding_attention\""),
            std::string::npos);
  EXPECT_EQ(refusal(with(base, "layer_types", {"full_attention", "full_attention"})), "");
  EXPECT_NE(refusal(with(base, "hidden_act", "gelu")).find("hidden_act"), std::string::npos);
  const Json llama = with(base, "model_type", "llama");
  EXPECT_NE(refusal(with(llama, "mlp_bias", true)).find("mlp_bias"), std::string::npos);
  EXPECT_NE(refusal(with(llama, "attention_bias", true)).find("attention_bias"), std::string::npos);
}

TEST(CausalLmConfig, RefusesSizesThatDoNotFit) {
  const Json base = qwen2();
  for (const char* key : {"hidden_size",
                          "intermediate_size",
                          "num_hidden_layers",
                          "num_attention_heads",
                          "vocab_size"}) {
    EXPECT_FALSE(refusal(without(base, key)).empty()) << key;
    EXPECT_FALSE(refusal(with(base, key, 0)).empty()) << key;
    EXPECT_FALSE(refusal(with(base, key, -4)).empty()) << key;
    EXPECT_FALSE(refusal(with(base, key, "64")).empty()) << key;
    EXPECT_FALSE(refusal(with(base, key, 64.5)).empty()) << key;
    EXPECT_FALSE(refusal(with(base, key, std::int64_t{1} << 31U)).empty()) << key;
  }
  EXPECT_NE(refusal(with(base, "rope_theta", 0)).find("rope_theta"), std::string::npos);
  EXPECT_NE(refusal(with(base, "rms_norm_eps", -1e-6)).find("rms_norm_eps"), std::string::npos);
  const Json sections = {INT64_MAX, INT64_MAX, 2 + 32};  // their sum would wrap round to half
  EXPECT_NE(refusal(with(base, "rope_scaling", {{"type", "mrope"}, {"mrope_section", sections}}))
                .find("mrope_section"),
            std::string::npos);
  EXPECT_NE(refusal(with(base, "num_key_value_heads", 3))
                .find("num_attention_heads 14 is no multiple of num_key_value_heads 3"),
            std::string::npos);
  EXPECT_NE(refusal(with(base, "head_dim", 63)).find("head_dim 63 is odd"), std::string::npos);
  EXPECT_FALSE(refusal(with(base, "num_key_value_heads", 0)).empty());
  EXPECT_FALSE(refusal(with(base, "head_dim", 7)).empty());
  EXPECT_FALSE(refusal(Json::array()).empty());
}

TEST(VisionLmConfig, ReadsTheHubsSpellingOfTheVisionPart) {
  Json hub = hub_vl();
  hub["vision_config"].erase("patch_size");  // older files have spatial_patch_size alone
  hub["vision_config"]["in_chans"] = 4;
  const VisionLmConfig config = parse_vision_lm_config(hub.dump(), "config.json");
  EXPECT_EQ(config.vision.hidden_size, 1280);
  EXPECT_EQ(config.vision.in_channels, 4);
  EXPECT_EQ(config.vision.patch_size, 14);
  EXPECT_EQ(config.vision.fullatt_block_indexes, (std::vector<std::int64_t>{7, 15, 23, 31}));
  EXPECT_EQ(config.text.mrope_section, (std::vector<std::int64_t>{16, 24, 24}));
  EXPECT_EQ(config.text.head_dim, 128);
  EXPECT_EQ(config.image_token_id, 151655);
  EXPECT_EQ(config.video_token_id, 151656);
}

TEST(VisionLmConfig, ReadsNestedTextWithTheTieOutside) {
  Json flat = hub_vl();
  Json text = qwen2();
  text["model_type"] = "qwen2_5_vl_text";
  text["tie_word_embeddings"] = false;
  text["rope_parameters"] = {
      {"rope_type", "default"}, {"rope_theta", 1e6}, {"mrope_section", {8, 12, 12}}};
  Json nested = {{"model_type", "qwen2_5_vl"},
                 {"tie_word_embeddings", true},
                 {"text_config", text},
                 {"vision_config", flat["vision_config"]}};
  nested["vision_config"]["out_hidden_size"] = 896;
  const VisionLmConfig config = parse_vision_lm_config(nested.dump(), "config.json");
  EXPECT_TRUE(config.text.tie_embeddings);
  EXPECT_EQ(config.text.hidden_size, 896);
  EXPECT_EQ(config.text.mrope_section, (std::vector<std::int64_t>{8, 12, 12}));
  nested.erase("tie_word_embeddings");
  EXPECT_FALSE(parse_vision_lm_config(nested.dump(), "config.json").text.tie_embeddings);
  nested["text_config"]["tie_word_embeddings"] = true;
  EXPECT_TRUE(parse_vision_lm_config(nested.dump(), "config.json").text.tie_embeddings);
  nested["tie_word_embeddings"] = false;
  EXPECT_FALSE(parse_vision_lm_config(nested.dump(), "config.json").text.tie_embeddings);
}

TEST(VisionLmConfig, RefusesVisionSizesThatCannotWork) {
  for (const char* key : {"depth",
                          "hidden_size",
                          "intermediate_size",
                          "num_heads",
                          "in_chans",
                          "patch_size",
                          "spatial_merge_size",
                          "temporal_patch_size",
                          "window_size",
                          "out_hidden_size"}) {
    Json config = hub_vl();
    for (const Json& value : {Json(0), Json(-2), Json("x")}) {
      config["vision_config"][key] = value;
      EXPECT_FALSE(refusal(config).empty()) << key << " " << value;
    }
  }
  Json small_window = hub_vl();
  small_window["vision_config"]["window_size"] = 27;  // less than a merged cell
  EXPECT_FALSE(refusal(small_window).empty());
  Json gelu = hub_vl();
  gelu["vision_config"]["hidden_act"] = "gelu";
  EXPECT_NE(refusal(gelu).find("hidden_act"), std::string::npos);
  Json other_width = hub_vl();
  other_width["vision_config"]["out_hidden_size"] = 2048;
  EXPECT_NE(refusal(other_width).find("out_hidden_size"), std::string::npos);
  EXPECT_NE(refusal(without(hub_vl(), "vision_config")).find("vision_config"), std::string::npos);
  EXPECT_NE(refusal(without(hub_vl(), "rope_scaling")).find("mrope_section"), std::string::npos);
  Json sections = hub_vl();
  sections["rope_scaling"]["mrope_section"] = {16, 24, 23};
  EXPECT_NE(refusal(sections).find("mrope_section"), std::string::npos);
  sections["rope_scaling"]["mrope_section"] = {128, -32, -32};
  EXPECT_NE(refusal(sections).find("mrope_section"), std::string::npos);
}

TEST(Configs, SurviveBeingWrittenAndRead) {
  const CausalLmConfig lm = parse_causal_lm_config(qwen2().dump(), "c");
  const CausalLmConfig lm_again = parse_causal_lm_config(to_config_json(lm), "c");
  EXPECT_EQ(to_config_json(lm_again), to_config_json(lm));
  EXPECT_EQ(lm_again.head_dim, lm.head_dim);
  const VisionLmConfig vl = parse_vision_lm_config(hub_vl().dump(), "c");
  const VisionLmConfig vl_again = parse_vision_lm_config(to_config_json(vl), "c");
  EXPECT_EQ(to_config_json(vl_again), to_config_json(vl));
  EXPECT_EQ(vl_again.text.mrope_section, vl.text.mrope_section);
  const ClipConfig clip{.vocab_size = 77, .eos_token_id = 76, .image_size = 56, .patch_size = 14};
  EXPECT_EQ(to_config_json(parse_clip_config(to_config_json(clip), "c")), to_config_json(clip));
  const BertConfig bert{.vocab_size = 99, .layer_norm_eps = 1e-5};
  EXPECT_EQ(to_config_json(parse_bert_config(to_config_json(bert), "c")), to_config_json(bert));
}

TEST(ClipConfig, RefusesSizesThatCannotWork) {
  const Json good = Json::parse(to_config_json(ClipConfig{}));
  EXPECT_NO_THROW(parse_clip_config(good.dump(), "c"));
  for (const auto& [part, key] : {std::pair("vision_config", "patch_size"),
                                  {"vision_config", "image_size"},
                                  {"vision_config", "num_attention_heads"},
                                  {"vision_config", "hidden_size"},
                                  {"text_config", "num_hidden_layers"},
                                  {"text_config", "vocab_size"},
                                  {"text_config", "max_position_embeddings"}}) {
    Json config = good;
    config[part][key] = 0;
    EXPECT_THROW(parse_clip_config(config.dump(), "c"), DataError) << key;
    config[part][key] = -16;
    EXPECT_THROW(parse_clip_config(config.dump(), "c"), DataError) << key;
  }
  Json act = good;
  act["text_config"]["hidden_act"] = "swish9";
  EXPECT_THROW(parse_clip_config(act.dump(), "c"), DataError);
  EXPECT_THROW(parse_clip_config(without(good, "text_config").dump(), "c"), DataError);
  EXPECT_THROW(parse_clip_config(with(good, "model_type", "siglip").dump(), "c"), DataError);
}

TEST(BertConfig, KnowsThePadsOfItsFamiliesAndRefusesOthers) {
  const Json good = Json::parse(to_config_json(BertConfig{}));
  EXPECT_EQ(parse_bert_config(without(good, "pad_token_id").dump(), "c").pad_token_id, 0);
  const Json xlm = without(with(good, "model_type", "xlm-roberta"), "pad_token_id");
  EXPECT_EQ(parse_bert_config(xlm.dump(), "c").pad_token_id, 1);
  EXPECT_THROW(parse_bert_config(with(good, "model_type", "albert").dump(), "c"), DataError);
  const Json drops =
      with(with(good, "hidden_dropout_prob", 0.2), "attention_probs_dropout_prob", 0.4);
  EXPECT_EQ(parse_bert_config(drops.dump(), "c").hidden_dropout, 0.2);
  EXPECT_EQ(parse_bert_config(drops.dump(), "c").attention_dropout, 0.4);
  for (const char* key : {"hidden_dropout_prob", "attention_probs_dropout_prob"}) {
    EXPECT_THROW(parse_bert_config(with(good, key, 1.0).dump(), "c"), DataError) << key;
    EXPECT_THROW(parse_bert_config(with(good, key, -0.1).dump(), "c"), DataError) << key;
  }
  EXPECT_THROW(parse_bert_config(with(good, "position_embedding_type", "relative_key").dump(), "c"),
               DataError);
  for (const char* key : {"hidden_size",
                          "num_attention_heads",
                          "num_hidden_layers",
                          "vocab_size",
                          "intermediate_size",
                          "max_position_embeddings",
                          "type_vocab_size"}) {
    EXPECT_THROW(parse_bert_config(with(good, key, 0).dump(), "c"), DataError) << key;
    EXPECT_THROW(parse_bert_config(with(good, key, -8).dump(), "c"), DataError) << key;
  }
}

}  // namespace
}  // namespace vragent::models

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/adapter_folder.h"

#include <csignal>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/error_text.h"
#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/models/causal_lm.h"
#include "vragent/util/error.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/json.h"

namespace vragent::engine {
namespace {

using test::message_of;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A tiny model in "lm" and an adapter on its q_proj and down_proj, every number drawn, in
/// "adapter".
class AdapterFolder : public ::testing::Test {
 protected:
  AdapterFolder() {
    test::write_tiny_lm(folder_ / "lm", 1);
    models::CausalLm lm = load();
    const auto layers = target_layers(*lm, lora_.target_modules);
    nn::attach_fresh_adapters(layers, lora_, 1);
    {
      const torch::NoGradGuard no_grad;
      for (const auto& item : layers)
        item.layer->adapter->b.copy_(test::randn(item.layer->adapter->b.sizes(), 5));
    }
    write_adapter_files(folder_ / "adapter",
                        *lm,
                        adapter_config_of(lora_, layers, (folder_ / "lm").string()),
                        folder_ / "lm");
    logits_ = lm(ids_).detach();
  }

  [[nodiscard]] models::CausalLm load() const {
    return models::load_causal_lm(base_folder(folder_ / "lm"), torch::kFloat32, torch::kCPU);
  }

  /// What goes wrong when the adapter is put on its base.
  [[nodiscard]] std::string attach_error() const {
    return message_of([&] { attach_adapter_folder(*load(), folder_ / "adapter"); });
  }

  void change_config(const std::string& key, const Json& value) const {
    const auto path = folder_ / "adapter/adapter_config.json";
    Json config = parse_json(read_file(path), "config");
    config[key] = value;
    write_file(path, config.dump());
  }

  void change_tensors(const std::function<void(nn::NamedTensors&)>& change) const {
    const auto path = folder_ / "adapter/adapter_model.safetensors";
    nn::NamedTensors tensors = nn::load_safetensors(path);
    change(tensors);
    nn::save_safetensors(path, tensors);
  }

  nn::LoraConfig lora_ = {.rank = 3, .alpha = 5, .target_modules = {"q_proj", "down_proj"}};
  test::TempDir folder_;
  torch::Tensor ids_ = torch::tensor({{1, 2, 3, 4, 5}});
  torch::Tensor logits_;
};

constexpr const char* kQueryA = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";

TEST_F(AdapterFolder, ComesBackAsItWasWritten) {
  EXPECT_EQ(base_folder(folder_ / "adapter"), folder_ / "lm");
  EXPECT_TRUE(std::filesystem::exists(folder_ / "adapter/tokenizer.json"));
  models::CausalLm lm = load();
  EXPECT_FALSE(lm(ids_).equal(logits_));
  attach_adapter_folder(*lm, folder_ / "adapter");
  EXPECT_TRUE(lm(ids_).equal(logits_));
  const auto tensors = nn::load_safetensors(folder_ / "adapter/adapter_model.safetensors");
  EXPECT_EQ(tensors.size(), 8) << "two layers of two linear layers of two matrices";
  EXPECT_TRUE(tensors.contains(kQueryA));
  const AdapterConfig config = load_adapter_config(folder_ / "adapter");
  EXPECT_EQ(config.lora.target_modules, (std::vector<std::string>{"down_proj", "q_proj"}));
  EXPECT_EQ(config.lora.alpha, 5);
}

TEST_F(AdapterFolder, MergesIntoAFolderThatNeedsNoAdapter) {
  write_merged_folder(folder_ / "adapter", folder_ / "merged");
  models::CausalLm merged =
      models::load_causal_lm(folder_ / "merged", torch::kFloat32, torch::kCPU);
  EXPECT_TRUE(test::close(merged(ids_), logits_, 1e-5));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "merged/tokenizer.json"));
}

TEST_F(AdapterFolder, WritesNoMergeThatASignalStops) {
  request_interrupt(SIGTERM);
  EXPECT_THROW(write_merged_folder(folder_ / "adapter", folder_ / "merged"), Interrupted);
  clear_interrupt();
  EXPECT_FALSE(std::filesystem::exists(folder_ / "merged"));
}

TEST_F(AdapterFolder, FitsABaseThatWasSavedWithoutAHead) {
  nn::NamedTensors bare;
  for (const auto& [name, tensor] : nn::load_safetensors(folder_ / "lm/model.safetensors"))
    bare[name.substr(6)] = tensor;
  ASSERT_TRUE(bare.contains("layers.0.self_attn.q_proj.weight"));
  nn::save_safetensors(folder_ / "lm/model.safetensors", bare);
  write_merged_folder(folder_ / "adapter", folder_ / "merged");
  models::CausalLm merged =
      models::load_causal_lm(folder_ / "merged", torch::kFloat32, torch::kCPU);
  EXPECT_TRUE(test::close(merged(ids_), logits_, 1e-5));
  change_tensors([](nn::NamedTensors& t) {  // as PEFT writes an adapter of such a model
    nn::NamedTensors renamed;
    for (const auto& [name, tensor] : t) renamed["base_model.model." + name.substr(23)] = tensor;
    t = renamed;
  });
  models::CausalLm lm = load();
  attach_adapter_folder(*lm, folder_ / "adapter");
  EXPECT_TRUE(lm(ids_).equal(logits_));
}

TEST_F(AdapterFolder, RestoresTensorsOfTheSameLayersOnly) {
  models::CausalLm lm = load();
  nn::attach_fresh_adapters(target_layers(*lm, lora_.target_modules), lora_, 2);
  load_adapter_tensors(*lm, folder_ / "adapter");
  EXPECT_TRUE(lm(ids_).equal(logits_));
  models::CausalLm fewer = load();
  nn::attach_fresh_adapters(target_layers(*fewer, {"q_proj"}), lora_, 2);
  EXPECT_TRUE(has(message_of([&] { load_adapter_tensors(*fewer, folder_ / "adapter"); }),
                  "unexpected adapter of \"model.layers.0.mlp.down_proj\""));
}

TEST_F(AdapterFolder, RefusesKeysThatDoNotMatchByName) {
  change_tensors([](nn::NamedTensors& t) {
    t["base_model.model.model.layers.7.self_attn.q_proj.lora_A.weight"] = torch::zeros({3, 32});
    t["base_model.model.model.layers.7.self_attn.q_proj.lora_B.weight"] = torch::zeros({32, 3});
  });
  EXPECT_TRUE(has(attach_error(), "model.layers.7.self_attn.q_proj")) << attach_error();
  change_tensors([](nn::NamedTensors& t) {
    std::erase_if(t, [](const auto& item) { return has(item.first, "layers.7"); });
    t["base_model.model.lm_head.weight"] = torch::zeros({3});
  });
  EXPECT_TRUE(has(attach_error(), "base_model.model.lm_head.weight")) << attach_error();
}

TEST_F(AdapterFolder, RefusesTwoAdaptersOfOneLayer) {
  change_tensors([](nn::NamedTensors& t) {  // the names of a base with a head, and of one without
    for (const std::string half : {"A", "B"}) {
      const std::string end = "layers.0.self_attn.q_proj.lora_" + half + ".weight";
      t["base_model.model." + end] = t.at("base_model.model.model." + end);
    }
  });
  const std::string both =
      "\"base_model.model.layers.0.self_attn.q_proj\" and "
      "\"base_model.model.model.layers.0.self_attn.q_proj\"";
  EXPECT_THROW(attach_adapter_folder(*load(), folder_ / "adapter"), DataError);
  EXPECT_TRUE(has(attach_error(), both)) << attach_error();
  const auto merge = [&] { write_merged_folder(folder_ / "adapter", folder_ / "merged"); };
  EXPECT_TRUE(has(message_of(merge), both)) << message_of(merge);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "merged"));
}

TEST_F(AdapterFolder, RefusesMissingHalvesAndLayersAndWrongShapes) {
  change_tensors([](nn::NamedTensors& t) { t[kQueryA] = torch::zeros({3, 31}); });
  EXPECT_TRUE(has(attach_error(), "[3, 31]")) << attach_error();
  change_tensors([](nn::NamedTensors& t) { t[kQueryA] = torch::full({3, 31}, NAN); });
  EXPECT_TRUE(has(attach_error(), "not finite (NaN or infinity): " + std::string(kQueryA)));
  change_tensors([](nn::NamedTensors& t) { t.erase(kQueryA); });
  EXPECT_TRUE(has(attach_error(), "layers.0.self_attn.q_proj has no lora_A.weight"));
  change_tensors([](nn::NamedTensors& t) {
    std::erase_if(t, [](const auto& item) { return has(item.first, "layers.0.self_attn"); });
  });
  EXPECT_TRUE(has(attach_error(), "no adapter of \"model.layers.0.self_attn.q_proj\""));
  change_config("layers_to_transform", {1});
  EXPECT_TRUE(has(attach_error(), "adapter of \"model.layers.0.mlp.down_proj\", which"));
}

TEST_F(AdapterFolder, RefusesWhatItCannotDoByName) {
  const std::vector<std::pair<std::string, Json>> bad = {{"use_dora", true},
                                                         {"bias", "all"},
                                                         {"modules_to_save", {"lm_head"}},
                                                         {"rank_pattern", {{"q_proj", 4}}},
                                                         {"init_lora_weights", "pissa"},
                                                         {"peft_type", "IA3"},
                                                         {"r", 0},
                                                         {"target_modules", Json::array()},
                                                         {"target_modules", "(unclosed"}};
  const std::string good = read_file(folder_ / "adapter/adapter_config.json");
  for (const auto& [key, value] : bad) {
    change_config(key, value);
    EXPECT_TRUE(has(attach_error(), key)) << key << ": " << attach_error();
    write_file(folder_ / "adapter/adapter_config.json", good);
  }
  EXPECT_EQ(attach_error(), "");
}

TEST_F(AdapterFolder, FindsABaseBesideItselfAndNamesOneThatIsGone) {
  change_config("base_model_name_or_path", "../lm");
  EXPECT_EQ(base_folder(folder_ / "adapter"), folder_ / "adapter/../lm");
  change_config("base_model_name_or_path", "/nowhere/lm");
  EXPECT_TRUE(has(message_of([&] { base_folder(folder_ / "adapter"); }), "/nowhere/lm"));
}

TEST_F(AdapterFolder, ReplacesAWholeModelAndIsReplacedByOne) {
  models::CausalLm lm = load();
  const std::string config = models::read_model_config(folder_ / "lm");
  test::write_weights(folder_ / "adapter", *lm, config);
  EXPECT_FALSE(is_adapter_folder(folder_ / "adapter"));
  EXPECT_EQ(base_folder(folder_ / "adapter"), folder_ / "adapter");
}

TEST(TargetLayers, AreThoseOfTheTextPartWithoutItsHead) {
  models::CausalLm lm(test::tiny_lm_config(50, /*tied=*/false));
  EXPECT_EQ(target_layers(*lm, {"all-linear"}).size(), 14);
  EXPECT_EQ(target_layers(*lm, {"q_proj", "mlp.up_proj"}).size(), 4);
  EXPECT_TRUE(has(message_of([&] { target_layers(*lm, {"c_attn"}); }), "\"c_attn\""));
  models::VisionLm vision(test::tiny_vlm_config(50, 49));
  const auto layers = target_layers(*vision, {"all-linear"});
  EXPECT_EQ(layers.size(), 14);
  const AdapterConfig config = adapter_config_of({.rank = 2}, layers, "base");
  EXPECT_EQ(
      config.target_pattern,
      "model\\.language_model\\.(?:.*\\.)?(?:down_proj|gate_proj|k_proj|o_proj|q_proj|up_proj|"
      "v_proj)");
}

}  // namespace
}  // namespace vragent::engine

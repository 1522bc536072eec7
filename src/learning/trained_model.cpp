// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/trained_model.h"

#include <algorithm>
#include <set>

#include "vragent/engine/generation_config.h"
#include "vragent/models/hf_folder.h"
#include "vragent/nn/parameters.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/log.h"

namespace vragent::learning {
namespace fs = std::filesystem;

namespace {

/// What PEFT finds the base by, wherever it runs: an absolute path, or org/name of the Hub.
std::string name_of_base(const std::string& model) {
  return fs::is_directory(model) ? fs::absolute(model).lexically_normal().string() : model;
}

void check_same(const nn::LoraConfig& asked, const nn::LoraConfig& had, const fs::path& folder) {
  const auto differs = [&](const char* name, const auto& a, const auto& b) {
    if (a == b) return;
    throw ConfigError(formatted(
        "--lora.{} is {}, but the adapter in {} has {}: give its settings to train it on, or merge "
        "it first (vragent inspect merge)",
        name,
        a,
        folder,
        b));
  };
  differs("rank", asked.rank, had.rank);
  differs("alpha", asked.alpha, had.alpha);
  differs("rslora", asked.rslora, had.rslora);
}

std::string listed(const std::set<std::int64_t>& ids) {
  std::string text;
  for (const std::int64_t id : ids) text += (text.empty() ? "" : ", ") + std::to_string(id);
  return text;
}

/// Refuses an adapter on other layers than --lora.target-modules names.
void check_same_layers(const torch::nn::Module& module,
                       const std::vector<nn::NamedLinear>& asked,
                       const fs::path& folder) {
  std::set<std::string> names;
  for (const nn::NamedLinear& item : asked) names.insert(item.name);
  for (const nn::NamedLinear& item : nn::linear_layers(module)) {
    if (item.layer->adapter.has_value() == names.contains(item.name)) continue;
    throw ConfigError(formatted("--lora.target-modules {} \"{}\", but the adapter in {} has {}",
                                names.contains(item.name) ? "names" : "does not name",
                                item.name,
                                folder,
                                item.layer->adapter ? "it" : "none there"));
  }
}

/// Refuses the tokenizer of another model, as far as the ends of answers show it: those that the
/// model's files name (none: nothing is refused) against those of tokenizer and chat template.
void check_end_tokens(const fs::path& base, const engine::ChatEncoder& encoder) {
  const text::Tokenizer& tokenizer = encoder.tokenizer();
  std::set<std::int64_t> own;
  for (const auto& id : {tokenizer.special_ids().eos,
                         tokenizer.find_token(text::end_of_turn(encoder.chat_template()))}) {
    if (id) own.insert(*id);
  }
  std::string files;
  std::set<std::int64_t> named;
  for (const char* name : {"config.json", "generation_config.json"}) {
    const std::vector<std::int64_t> ids = engine::eos_ids_in(base / name);
    if (ids.empty()) continue;
    files += (files.empty() ? "" : " and ") + (base / name).string();
    named.insert(ids.begin(), ids.end());
  }
  const auto is_own = [&](std::int64_t id) { return own.contains(id); };
  if (own.empty() || named.empty() || std::any_of(named.begin(), named.end(), is_own)) return;
  const bool is_whole = fs::exists(base / "tokenizer.json");
  throw DataError(
      formatted("{}: eos_token_id {}, but {} ends answers with {}: the tokenizer is another "
                "model's, or eos_token_id lacks that id",
                files,
                listed(named),
                base / (is_whole ? "tokenizer.json" : "vocab.json"),
                listed(own)));
}

}  // namespace

TrainedModel load_trained_model(const std::string& model,
                                const engine::ChatEncoder& encoder,
                                const nn::LoraConfig& lora,
                                const nn::RuntimeConfig& runtime,
                                torch::Device device) {
  const fs::path folder = models::resolve_model(model);
  const torch::Dtype dtype = nn::parse_dtype(runtime.dtype);
  TrainedModel trained{.base = engine::base_folder(folder)};
  check_end_tokens(trained.base, encoder);
  if (lora.rank == 0) {
    if (engine::is_adapter_folder(folder))
      log::info(
          "{}: its adapter is merged into the base and all weights learn (--lora.rank goes on "
          "with the adapter)",
          folder);
    trained.language_model = engine::load_language_model_folder(folder, dtype, device);
    nn::set_requires_grad(trained.language_model.module(), true);
    return trained;
  }
  trained.language_model = engine::load_language_model_folder(trained.base, dtype, device);
  torch::nn::Module& module = trained.language_model.module();
  const auto layers = engine::target_layers(module, lora.target_modules);
  std::string base = name_of_base(model);
  if (engine::is_adapter_folder(folder)) {
    const engine::AdapterConfig had = engine::load_adapter_config(folder);
    check_same(lora, had.lora, folder);
    engine::attach_adapter_folder(module, folder);
    check_same_layers(module, layers, folder);
    for (const nn::NamedLinear& item : layers) item.layer->adapter->dropout = lora.dropout;
    nn::keep_start(module);
    trained.start = nn::LowRank::Use::kStart;
    const bool is_beside = fs::is_directory(folder / had.base) && !fs::is_directory(had.base);
    base = name_of_base(is_beside ? trained.base.string() : had.base);
  } else {
    nn::attach_fresh_adapters(layers, lora, static_cast<std::uint64_t>(runtime.seed));
  }
  trained.adapter = engine::adapter_config_of(lora, layers, base);
  std::int64_t count = 0;
  for (const auto& [name, tensor] : nn::adapter_tensors(module)) count += tensor.numel();
  log::info("lora rank={} layers={} trained={}", lora.rank, layers.size(), count);
  return trained;
}

void check_vocabulary(std::span<const std::int64_t> ids,
                      std::int64_t vocabulary,
                      const std::string& where) {
  if (ids.empty() || vocabulary == 0) return;
  const std::int64_t largest = *std::max_element(ids.begin(), ids.end());
  if (largest < vocabulary) return;
  throw DataError(
      formatted("{}: token id {} is outside the model's vocabulary of {}: the tokenizer in the "
                "model's folder is another model's",
                where,
                largest,
                vocabulary));
}

}  // namespace vragent::learning

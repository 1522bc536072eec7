// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/adapter_folder.h"

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include "vragent/models/hf_folder.h"
#include "vragent/models/probe.h"
#include "vragent/nn/parameters.h"
#include "vragent/text/folder_files.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/json.h"
#include "vragent/util/text.h"

namespace vragent::engine {
namespace fs = std::filesystem;

namespace {

using torch::Tensor;

using models::kAdapterConfigFile;
using models::kAdapterWeightsFile;

constexpr std::string_view kKeyStart = "base_model.model.";
constexpr std::string_view kTextPart = "model.language_model.";
constexpr std::string_view kVisionPart = "model.visual.";

/// The two halves of one layer's adapter.
struct Pair {
  Tensor a;
  Tensor b;
};

/// By layer, in the file's own names.
std::map<std::string, Pair> read_pairs(const fs::path& folder) {
  const fs::path path = folder / kAdapterWeightsFile;
  if (!fs::exists(path))
    throw Error(ExitCode::kNoInput, formatted("{}: holds no {}", folder, kAdapterWeightsFile));
  std::map<std::string, Pair> pairs;
  for (const auto& [key, tensor] : nn::load_safetensors(text::path_inside(path))) {
    const bool is_a = key.ends_with(".lora_A.weight");
    const bool is_b = key.ends_with(".lora_B.weight");
    if (!key.starts_with(kKeyStart) || !(is_a || is_b))
      throw DataError(formatted("{}: \"{}\" is not a LoRA matrix of a linear layer", path, key));
    if (!tensor.isfinite().all().item<bool>())
      throw DataError(
          formatted("{}: weights that are not finite (NaN or infinity): {}", path, key));
    const std::string layer = key.substr(kKeyStart.size(), key.rfind(".lora_") - kKeyStart.size());
    (is_a ? pairs[layer].a : pairs[layer].b) = tensor;
  }
  for (const auto& [layer, pair] : pairs) {
    if (!pair.a.defined() || !pair.b.defined()) {
      throw DataError(formatted(
          "{}: {} has no {}", path, layer, pair.a.defined() ? "lora_B.weight" : "lora_A.weight"));
    }
  }
  return pairs;
}

/// Names that a layer of a file may have in a model: the same, what the parts of Qwen2.5-VL were
/// called before transformers 4.52, or the same with a head above and without one.
std::vector<std::string> possible_names(const std::string& layer) {
  std::vector<std::string> names = {layer};
  if (layer.starts_with("model.layers.")) names.push_back(std::string(kTextPart) + layer.substr(6));
  if (layer.starts_with(kTextPart)) names.push_back("model." + layer.substr(kTextPart.size()));
  names.push_back(layer.starts_with("model.") ? layer.substr(6) : "model." + layer);
  return names;
}

/// Notes the layer of the file that a layer of the base takes its adapter from, by their names.
/// @throws DataError when another has given it one
void take_once(std::map<std::string, std::string>& taken,
               const std::string& base_layer,
               const std::string& layer,
               const fs::path& folder) {
  const auto [first, is_new] = taken.emplace(base_layer, layer);
  if (is_new) return;
  throw DataError(formatted("{}: \"{}{}\" and \"{}{}\" are adapters of one layer of the base",
                            folder / kAdapterWeightsFile,
                            kKeyStart,
                            first->second,
                            kKeyStart,
                            layer));
}

void check_shapes(const Pair& pair,
                  const Tensor& weight,
                  std::int64_t rank,
                  const std::string& where) {
  const bool fits = pair.a.dim() == 2 && pair.b.dim() == 2 && weight.dim() == 2 &&
                    pair.a.size(0) == rank && pair.b.size(1) == rank &&
                    pair.a.size(1) == weight.size(1) && pair.b.size(0) == weight.size(0);
  if (fits) return;
  throw DataError(formatted("{}: A {} and B {} do not fit rank {} and the layer's weight {}",
                            where,
                            nn::shape_text(pair.a),
                            nn::shape_text(pair.b),
                            rank,
                            nn::shape_text(weight)));
}

/// Number of the decoder layer that a name stands in ("model.layers.3.mlp.up_proj"), or -1.
std::int64_t layer_number(const std::string& name) {
  static const std::regex kNumber(R"(.*\.[^.]*\.(\d+)\..*)");
  std::smatch match;
  return std::regex_match(name, match, kNumber) ? parse_integer(match[1].str()).value_or(-1) : -1;
}

bool is_head(const std::string& name) {
  return name == "lm_head" || name.ends_with(".lm_head");
}

/// Whether the config puts an adapter on a layer of this name (PEFT: check_target_module_exists).
bool is_target(const AdapterConfig& config, const std::string& name) {
  if (nn::is_named(config.exclude_modules, name)) return false;
  if (!config.target_pattern.empty()) {
    return std::regex_match(name, std::regex(config.target_pattern));
  }
  const auto& targets = config.lora.target_modules;
  const bool all = std::find(targets.begin(), targets.end(), nn::kAllLinear) != targets.end();
  if (!(all ? !is_head(name) : nn::is_named(targets, name))) return false;
  const auto& numbers = config.layer_numbers;
  return numbers.empty() ||
         std::find(numbers.begin(), numbers.end(), layer_number(name)) != numbers.end();
}

/// Refuses members that would change what the adapter computes or what it holds.
void check_supported(const Json& root, const JsonRecord& record) {
  if (record.text("peft_type") != "LORA") record.fail("peft_type", "only LORA is supported");
  if (record.text_or("bias", "none") != "none") record.fail("bias", "only none is supported");
  for (const char* key : {"use_dora",
                          "use_qalora",
                          "fan_in_fan_out",
                          "lora_bias",
                          "modules_to_save",
                          "trainable_token_indices",
                          "layer_replication",
                          "target_parameters",
                          "rank_pattern",
                          "alpha_pattern",
                          "layers_pattern",
                          "alora_invocation_tokens",
                          "arrow_config"}) {
    const auto found = root.find(key);
    if (found == root.end() || found->is_null() || *found == false) continue;
    if ((found->is_array() || found->is_object() || found->is_string()) && found->empty()) continue;
    record.fail(key, "is not supported, got " + dump_json(*found));
  }
  // These change the base's weights, or begin from others than its own.
  const auto init = root.find("init_lora_weights");
  if (init != root.end() && init->is_string() && *init != "gaussian" && *init != "eva" &&
      *init != "orthogonal")
    record.fail("init_lora_weights", dump_json(*init) + " changes the base's own weights");
}

void read_targets(const Json& root, const JsonRecord& record, AdapterConfig& config) {
  config.lora.target_modules.clear();
  const auto targets = root.find("target_modules");
  if (targets != root.end() && targets->is_string()) {
    const auto text = targets->get<std::string>();
    if (text == nn::kAllLinear) {
      config.lora.target_modules = {text};
    } else {
      config.target_pattern = text;
      try {
        (void)std::regex(text);
      } catch (const std::regex_error& error) {
        record.fail("target_modules", std::string("not a regular expression: ") + error.what());
      }
    }
  } else {
    config.lora.target_modules = record.texts_or_empty("target_modules");
    if (config.lora.target_modules.empty()) record.fail("target_modules", "names no layer");
  }
  const auto present = [&](const char* key) { return root.contains(key) && !root[key].is_null(); };
  if (present("exclude_modules")) {
    if (!root["exclude_modules"].is_array())
      record.fail("exclude_modules", "a list of names is wanted");
    config.exclude_modules = record.texts_or_empty("exclude_modules");
  }
  if (!present("layers_to_transform")) return;
  if (root["layers_to_transform"].is_number_integer()) {
    config.layer_numbers = {record.integer("layers_to_transform")};
  } else {
    config.layer_numbers = record.integers_or_empty("layers_to_transform");
  }
}

std::string escaped(const std::string& name) {
  std::string text;
  for (const char c : name) text += c == '.' ? "\\." : std::string(1, c);
  return text;
}

/// The tensor of the base that a layer's weight is stored in, by its name there.
std::string stored_name(const models::WeightFiles& files, const std::string& layer) {
  for (const std::string& name : possible_names(layer)) {
    if (files.find(name + ".weight").defined()) return name + ".weight";
  }
  throw DataError(
      formatted("{}: adapter of \"{}\", which the base has not", files.folder(), layer));
}

}  // namespace

AdapterConfig parse_adapter_config(const std::string& json, const std::string& where) {
  const Json root = parse_json_object(json, where);
  const JsonRecord record(root, where);
  check_supported(root, record);
  AdapterConfig config;
  config.lora.rank = record.integer("r");
  if (config.lora.rank < 1) record.fail("r", "must be at least 1");
  config.lora.alpha = root.contains("lora_alpha") ? record.number("lora_alpha") : 8.0;
  config.lora.dropout = root.contains("lora_dropout") ? record.number("lora_dropout") : 0.0;
  config.lora.rslora = record.boolean_or("use_rslora", false);
  config.base = record.text("base_model_name_or_path");
  read_targets(root, record, config);
  return config;
}

std::string to_adapter_config_json(const AdapterConfig& config) {
  const nn::LoraConfig& lora = config.lora;
  OrderedJson root;
  root["auto_mapping"] = nullptr;
  root["base_model_name_or_path"] = config.base;
  root["bias"] = "none";
  root["fan_in_fan_out"] = false;
  root["inference_mode"] = true;
  root["init_lora_weights"] = true;
  root["layers_to_transform"] = nullptr;
  if (!config.layer_numbers.empty()) root["layers_to_transform"] = config.layer_numbers;
  root["lora_alpha"] = lora.alpha;
  // vLLM wants a whole number where it is one.
  if (lora.alpha == static_cast<double>(static_cast<std::int64_t>(lora.alpha)))
    root["lora_alpha"] = static_cast<std::int64_t>(lora.alpha);
  root["lora_dropout"] = lora.dropout;
  root["modules_to_save"] = nullptr;
  root["peft_type"] = "LORA";
  root["r"] = lora.rank;
  root["revision"] = nullptr;
  root["target_modules"] = lora.target_modules;
  if (!config.target_pattern.empty()) root["target_modules"] = config.target_pattern;
  if (!config.exclude_modules.empty()) root["exclude_modules"] = config.exclude_modules;
  root["task_type"] = "CAUSAL_LM";
  root["use_dora"] = false;
  root["use_rslora"] = lora.rslora;
  return root.dump(2) + "\n";
}

bool is_adapter_folder(const fs::path& folder) {
  return fs::exists(folder / kAdapterConfigFile);
}

AdapterConfig load_adapter_config(const fs::path& folder) {
  const fs::path path = folder / kAdapterConfigFile;
  return parse_adapter_config(text::read_inside(path), path.string());
}

fs::path base_folder(const fs::path& folder) {
  if (!is_adapter_folder(folder)) return folder;
  const std::string base = load_adapter_config(folder).base;
  if (!fs::path(base).is_absolute() && fs::is_directory(folder / base) && !fs::is_directory(base))
    return folder / base;
  try {
    return models::resolve_model(base);
  } catch (const Error& error) {
    throw Error(error.code(),
                formatted("{}: its base: {}", folder / kAdapterConfigFile, error.what()));
  }
}

Table describe_adapter(const fs::path& folder) {
  const AdapterConfig config = load_adapter_config(folder);
  return models::describe_tensors(
      formatted("{} (LoRA of rank {}, scale {:g}, on {})",
                folder,
                config.lora.rank,
                config.lora.scale(),
                config.base),
      nn::load_safetensors(text::path_inside(folder / kAdapterWeightsFile)));
}

void attach_adapter_folder(torch::nn::Module& module, const fs::path& folder) {
  const AdapterConfig config = load_adapter_config(folder);
  const auto pairs = read_pairs(folder);
  std::map<std::string, std::shared_ptr<nn::LinearImpl>> layers;
  for (nn::NamedLinear& item : nn::linear_layers(module)) layers[item.name] = item.layer;
  std::map<std::string, std::string> taken;
  for (const auto& [layer, pair] : pairs) {
    const auto names = possible_names(layer);
    const auto found =
        std::find_if(names.begin(), names.end(), [&](const auto& n) { return layers.contains(n); });
    if (found == names.end()) {
      throw DataError(
          formatted("{}: \"{}\" is no linear layer of the base {}", folder, layer, config.base));
    }
    const bool is_asked = std::any_of(
        names.begin(), names.end(), [&](const auto& n) { return is_target(config, n); });
    if (!is_asked) {
      throw DataError(formatted("{}: adapter of \"{}\", which {} does not name",
                                folder / kAdapterWeightsFile,
                                layer,
                                kAdapterConfigFile));
    }
    take_once(taken, *found, layer, folder);
    check_shapes(pair,
                 layers[*found]->weight,
                 config.lora.rank,
                 formatted("{}: {}", folder / kAdapterWeightsFile, layer));
    nn::attach_adapter(*layers[*found], pair.a, pair.b, config.lora);
  }
  for (const auto& [name, layer] : layers) {
    // A pattern that speaks of older names of the parts matches none here and asks for nothing.
    if (is_target(config, name) && !taken.contains(name)) {
      throw DataError(formatted("{}: no adapter of \"{}\", which {} names",
                                folder / kAdapterWeightsFile,
                                name,
                                kAdapterConfigFile));
    }
  }
}

void load_adapter_tensors(torch::nn::Module& module, const fs::path& folder) {
  const torch::NoGradGuard no_grad;
  auto pairs = read_pairs(folder);
  for (const nn::NamedLinear& item : nn::linear_layers(module)) {
    if (!item.layer->adapter) continue;
    const auto found = pairs.find(item.name);
    if (found == pairs.end())
      throw DataError(formatted("{}: no adapter of \"{}\"", folder, item.name));
    nn::LowRank& adapter = *item.layer->adapter;
    check_shapes(found->second,
                 item.layer->weight,
                 adapter.a.size(0),
                 formatted("{}: {}", folder, item.name));
    adapter.a.copy_(found->second.a);
    adapter.b.copy_(found->second.b);
    pairs.erase(found);
  }
  if (!pairs.empty())
    throw DataError(formatted("{}: unexpected adapter of \"{}\"", folder, pairs.begin()->first));
}

std::vector<nn::NamedLinear> target_layers(const torch::nn::Module& module,
                                           const std::vector<std::string>& targets) {
  std::vector<nn::NamedLinear> candidates;
  for (nn::NamedLinear& item : nn::linear_layers(module)) {
    if (!is_head(item.name) && !item.name.starts_with(kVisionPart))
      candidates.push_back(std::move(item));
  }
  if (std::find(targets.begin(), targets.end(), nn::kAllLinear) != targets.end()) return candidates;
  for (const std::string& target : targets) {
    const bool known = std::any_of(candidates.begin(), candidates.end(), [&](const auto& item) {
      return nn::is_named({target}, item.name);
    });
    if (!known) {
      throw ConfigError(formatted(
          "--lora.target-modules: no linear layer of the text model is called \"{}\"", target));
    }
  }
  std::erase_if(candidates, [&](const auto& item) { return !nn::is_named(targets, item.name); });
  return candidates;
}

AdapterConfig adapter_config_of(const nn::LoraConfig& lora,
                                const std::vector<nn::NamedLinear>& layers,
                                const std::string& base) {
  AdapterConfig config{.lora = lora, .base = base};
  std::set<std::string> ends;
  bool in_text_part = false;
  for (const nn::NamedLinear& item : layers) {
    ends.insert(item.name.substr(item.name.rfind('.') + 1));
    in_text_part = in_text_part || item.name.starts_with(kTextPart);
  }
  if (!nn::is_named(lora.target_modules, nn::kAllLinear))
    ends = std::set<std::string>(lora.target_modules.begin(), lora.target_modules.end());
  config.lora.target_modules.assign(ends.begin(), ends.end());
  if (!in_text_part) return config;
  // The vision tower has layers of the same names, which a list would mean too.
  std::string any;
  for (const std::string& end : ends) any += (any.empty() ? "" : "|") + escaped(end);
  config.lora.target_modules.clear();
  config.target_pattern = escaped(std::string(kTextPart)) + "(?:.*\\.)?(?:" + any + ")";
  return config;
}

void write_adapter_files(const fs::path& folder,
                         const torch::nn::Module& module,
                         const AdapterConfig& config,
                         const fs::path& side_files) {
  models::remove_model_files(folder);
  nn::NamedTensors tensors;
  for (const auto& [name, tensor] : nn::adapter_tensors(module))
    tensors[std::string(kKeyStart) + name] = tensor;
  nn::save_safetensors(folder / kAdapterWeightsFile, tensors);
  write_file(folder / kAdapterConfigFile, to_adapter_config_json(config));
  models::copy_side_files(side_files, folder);
}

void write_merged_folder(const fs::path& adapter, const fs::path& out) {
  const AdapterConfig config = load_adapter_config(adapter);
  const fs::path base = base_folder(adapter);
  const models::WeightFiles files(base);
  models::ModelFolder model{.config_json = models::read_model_config(base), .side_files = base};
  for (const std::string& name : files.names()) model.tensors[name] = files.find(name);
  std::map<std::string, std::string> taken;
  for (const auto& [layer, pair] : read_pairs(adapter)) {
    const std::string name = stored_name(files, layer);
    take_once(taken, name, layer, adapter);
    Tensor& weight = model.tensors[name];
    check_shapes(
        pair, weight, config.lora.rank, formatted("{}: {}", adapter / kAdapterWeightsFile, layer));
    weight = nn::merged_weight(weight, pair.a, pair.b, config.lora.scale());
    throw_if_interrupted("nothing was written");
  }
  models::save_model_folder(out, model);
}

}  // namespace vragent::engine

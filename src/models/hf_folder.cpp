// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/models/hf_folder.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <set>

#include <torch/nn/module.h>

#include "vragent/text/folder_files.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"
#include "vragent/util/log.h"
#include "vragent/util/text.h"

namespace vragent::models {
namespace fs = std::filesystem;

namespace {

constexpr const char* kWeights = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
/// Those of old repositories, which may run code.
constexpr const char* kPickles[] = {"pytorch_model.bin", "pytorch_model.bin.index.json"};
constexpr std::uintmax_t kMaxConfigBytes = std::uintmax_t{64} << 20U;  ///< of config and index

constexpr std::int64_t kMaxSize = INT32_MAX;  ///< so that products of two sizes fit 64 bits

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? "" : value;
}

fs::path hub_cache() {
  if (const std::string hub = environment("HF_HUB_CACHE"); !hub.empty()) return hub;
  if (const std::string home = environment("HF_HOME"); !home.empty()) return fs::path(home) / "hub";
  const std::string xdg = environment("XDG_CACHE_HOME");
  const fs::path cache = xdg.empty() ? fs::path(environment("HOME")) / ".cache" : fs::path(xdg);
  return cache / "huggingface" / "hub";
}

/// The snapshot of a repository in the cache that a branch, a tag or a commit names.
fs::path snapshot_of(const std::string& model,
                     const fs::path& repository,
                     const std::string& revision) {
  const fs::path ref = repository / "refs" / revision;
  const bool is_ref = fs::is_regular_file(ref);
  if (!is_ref && revision == "main") {
    throw Error(ExitCode::kNoInput,
                formatted("{}: {} is missing, which says what commit to take: name one as "
                          "org/name@COMMIT (its snapshots are in {})",
                          model,
                          ref,
                          repository / "snapshots"));
  }
  const std::string commit = is_ref ? std::string(trim(read_file(ref))) : revision;
  if (commit.empty() || commit.find('/') != std::string::npos || commit == "." || commit == "..")
    throw DataError(formatted("{}: \"{}\" is not the name of a snapshot", ref, commit));
  const fs::path snapshot = repository / "snapshots" / commit;
  if (!fs::exists(snapshot / "config.json") && !fs::exists(snapshot / kAdapterConfigFile)) {
    throw Error(ExitCode::kNoInput,
                formatted("{}: the cached snapshot {} is missing or incomplete", model, snapshot));
  }
  return snapshot;
}

/// @throws DataError when an object of the text has a name twice: nlohmann would keep the last
void check_no_name_twice(const std::string& text, const std::string& where) {
  std::vector<std::set<std::string>> open;
  const auto watch = [&](int, Json::parse_event_t event, const Json& value) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key && !open.back().insert(value.get<std::string>()).second)
      throw DataError(where + ": names \"" + value.get<std::string>() + "\" twice");
    return true;
  };
  [[maybe_unused]] const Json parsed = Json::parse(text, watch);
}

/// Files that make a folder loadable elsewhere and do not change with training.
bool is_side_file(const std::string& name) {
  static const std::set<std::string> kNames = {"tokenizer.json",
                                               "tokenizer_config.json",
                                               "vocab.json",
                                               "merges.txt",
                                               "vocab.txt",
                                               "special_tokens_map.json",
                                               "added_tokens.json",
                                               "chat_template.jinja",
                                               "chat_template.json",
                                               "generation_config.json",
                                               "preprocessor_config.json",
                                               "processor_config.json",
                                               "tokenizer.model",
                                               "video_preprocessor_config.json",
                                               "sentencepiece.bpe.model"};
  return kNames.contains(name);
}

std::vector<std::vector<std::string>> cut_shards(const ModelFolder& model) {
  std::vector<std::vector<std::string>> shards(1);
  std::uint64_t size = 0;
  for (const auto& [name, tensor] : model.tensors) {
    if (size > 0 && size + tensor.nbytes() > model.max_shard_bytes) {
      shards.emplace_back();
      size = 0;
    }
    shards.back().push_back(name);
    size += tensor.nbytes();
  }
  return shards;
}

void check_unexpected(const WeightFiles& files,
                      const std::set<std::string>& used,
                      const std::vector<std::string>& ignored) {
  for (const std::string& name : files.names()) {
    const bool skip = std::any_of(ignored.begin(), ignored.end(), [&](const std::string& part) {
      return name.find(part) != std::string::npos;
    });
    if (!used.contains(name) && !skip) {
      throw DataError(formatted(
          "{}: unexpected tensor \"{}\": this is not the architecture that config.json names",
          files.folder(),
          name));
    }
  }
}

}  // namespace

fs::path resolve_model(const std::string& model) {
  if (fs::is_directory(fs::path(model) / "snapshots")) return snapshot_of(model, model, "main");
  if (fs::is_directory(model)) return model;
  if (fs::exists(model))
    throw Error(ExitCode::kNoInput, formatted("{}: is a file, a model folder is wanted", model));
  const bool is_name = std::count(model.begin(), model.end(), '/') == 1 &&
                       !model.starts_with('/') && !model.starts_with('.');
  if (!is_name) throw Error(ExitCode::kNoInput, formatted("{}: no such model folder", model));
  const std::size_t at = model.find('@');
  std::string entry = "models--" + model.substr(0, at);
  if (const auto slash = entry.find('/'); slash != std::string::npos) entry.replace(slash, 1, "--");
  const fs::path repository = hub_cache() / entry;
  if (!fs::is_directory(repository)) {
    throw Error(
        ExitCode::kNoInput,
        formatted("{}: neither a folder nor a model in the local cache ({})", model, repository));
  }
  return snapshot_of(model, repository, at == std::string::npos ? "main" : model.substr(at + 1));
}

WeightFiles::WeightFiles(const fs::path& folder) : folder_(folder) {
  const auto is_there = [&](const char* name) {  // a link that leads nowhere is there too
    return fs::exists(fs::symlink_status(folder / name));
  };
  if (is_there(kWeights)) {
    const auto file = std::make_shared<nn::SafetensorsFile>(text::path_inside(folder / kWeights));
    for (const std::string& name : file->names()) by_tensor_[name] = file;
  } else if (is_there(kIndex)) {
    open_shards(text::read_inside(folder / kIndex, kMaxConfigBytes));
  } else {
    throw Error(
        ExitCode::kNoInput,
        formatted("{}: holds neither {} nor {}{}",
                  folder,
                  kWeights,
                  kIndex,
                  std::any_of(std::begin(kPickles), std::end(kPickles), is_there)
                      ? ", and pickled weights (pytorch_model*.bin) are not read: docs/formats.md "
                        "says how to convert them"
                      : ""));
  }
}

void WeightFiles::open_shards(const std::string& index_text) {
  const std::string where = (folder_ / kIndex).string();
  const Json index = parse_json_object(index_text, where);
  check_no_name_twice(index_text, where);
  const Json& weight_map = JsonRecord(index, where).object("weight_map");
  std::map<std::string, std::shared_ptr<nn::SafetensorsFile>> shards;
  for (const auto& [name, file] : weight_map.items()) {
    if (!file.is_string()) throw DataError(where + ": \"" + name + "\": a file name is wanted");
    const auto shard = file.get<std::string>();
    if (shard.empty() || shard == "." || shard == ".." ||
        shard.find_first_of(std::string_view("/\0", 2)) != std::string::npos) {
      throw DataError(where + ": shard " + dump_json(file) +
                      " is not a plain file name of this folder");
    }
    auto& opened = shards[shard];
    if (!opened) {
      const fs::path path = text::path_inside(folder_ / shard);
      std::error_code code;  // a name may be too long to ask for
      if (!fs::exists(path, code))
        throw DataError(where + ": shard \"" + shard + "\" is not there");
      opened = std::make_shared<nn::SafetensorsFile>(path);
    }
    if (!opened->contains(name))
      throw DataError(formatted("{}: tensor \"{}\" is not in {}", where, name, shard));
    by_tensor_[name] = opened;
  }
  for (const auto& [shard, file] : shards) {
    for (const std::string& name : file->names()) {
      const auto found = by_tensor_.find(name);
      if (found != by_tensor_.end() && found->second != file)
        throw DataError(formatted("{}: tensor \"{}\" is in {} too", where, name, shard));
    }
  }
}

torch::Tensor WeightFiles::find(const std::string& name) const {
  const auto found = by_tensor_.find(name);
  return found == by_tensor_.end() ? torch::Tensor() : found->second->tensor(name);
}

std::string WeightFiles::first_of(const std::vector<std::string>& names) const {
  const auto found = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
    return by_tensor_.contains(name);
  });
  return found == names.end() ? "" : *found;
}

std::vector<std::string> WeightFiles::names() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : by_tensor_) names.push_back(name);
  return names;
}

std::uint64_t WeightFiles::num_bytes() const {
  std::set<std::shared_ptr<nn::SafetensorsFile>> files;
  for (const auto& [name, file] : by_tensor_) files.insert(file);
  std::uint64_t sum = 0;
  for (const auto& file : files) sum += file->num_bytes();
  return sum;
}

void check_backed(const WeightFiles& files, const ModelSize& size) {
  constexpr double kFew = 1e7;  // weights that cost no memory to speak of
  const std::size_t num_tensors = files.names().size();
  // A file of few tensors too many or too little is refused later, with their names.
  if (size.num_layers <= static_cast<double>(num_tensors) &&
      size.num_weights <= 2 * static_cast<double>(files.num_bytes()) + kFew)
    return;
  throw DataError(
      formatted("{}: config.json tells of {:.0f} layers and {:.3g} weights, the files hold {} "
                "tensors of {} bytes",
                files.folder(),
                size.num_layers,
                size.num_weights,
                num_tensors,
                files.num_bytes()));
}

std::vector<std::string> prefixed(std::initializer_list<const char*> prefixes,
                                  const std::vector<std::string>& names) {
  std::vector<std::string> all;
  for (const char* prefix : prefixes) {
    for (const std::string& name : names) all.push_back(prefix + name);
  }
  return all;
}

void load_into(torch::nn::Module& module,
               const WeightFiles& files,
               const WeightNames& names,
               torch::Dtype dtype,
               torch::Device device) {
  std::set<std::string> used;
  const auto lookup = [&](const std::string& name) {
    const std::string spelling = names.spellings ? files.first_of(names.spellings(name)) : name;
    used.insert(spelling);
    return files.find(spelling);
  };
  // Not to(): what is there before is nothing, and a GPU's weights need not stand in main memory.
  const auto options = torch::TensorOptions().dtype(dtype).device(device);
  for (torch::Tensor& parameter : module.parameters())
    parameter.set_data(torch::empty(parameter.sizes(), options));
  nn::load_parameters(module, lookup, files.folder().string());
  check_unexpected(files, used, names.ignored);
  nn::set_requires_grad(module, false);
}

std::string read_model_config(const fs::path& folder) {
  const std::string where = (folder / "config.json").string();
  std::string text = text::read_inside(folder / "config.json", kMaxConfigBytes);
  const Json config = parse_json_object(text, where);
  const JsonRecord record(config, where);
  if (record.has("quantization_config")) {
    const Json& method = config["quantization_config"];
    const std::string name =
        method.is_object() ? method.value("quant_method", Json("?")).dump() : "?";
    record.fail("quantization_config",
                formatted("quantised weights ({}) are not read; take the checkpoint in bfloat16, "
                          "float16 or float32",
                          name));
  }
  return text;
}

std::string model_type(const std::string& config_json, const std::string& where) {
  const Json config = parse_json_object(config_json, where);
  return JsonRecord(config, where).text("model_type");
}

void check_positive(const JsonRecord& record,
                    std::initializer_list<std::pair<const char*, std::int64_t>> sizes) {
  for (const auto& [key, value] : sizes) {
    if (value <= 0 || value > kMaxSize)
      record.fail(key, formatted("a number from 1 to {} is wanted, got {}", kMaxSize, value));
  }
}

double norm_eps_or(const JsonRecord& record, const char* key, double fallback) {
  const double eps = record.number_or_null(key).value_or(fallback);
  if (eps < 0) record.fail(key, "a number of 0 or more is wanted");
  return eps;
}

void write_model_files(const fs::path& folder, const ModelFolder& model) {
  const auto shards = cut_shards(model);
  // A reader would find older ones.
  for (const char* older :
       {shards.size() == 1 ? kIndex : kWeights, kAdapterConfigFile, kAdapterWeightsFile})
    fs::remove(folder / older);
  OrderedJson weight_map = OrderedJson::object();
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string file =
        shards.size() == 1 ? kWeights
                           : formatted("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    nn::NamedTensors part;
    for (const std::string& name : shards[i]) {
      part[name] = model.tensors.at(name);
      weight_map[name] = file;
      total += part[name].nbytes();
    }
    nn::save_safetensors(folder / file, part);
  }
  if (shards.size() > 1) {
    const OrderedJson index = {{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}};
    write_file(folder / kIndex, index.dump(2) + "\n");
  }
  write_file(folder / "config.json", model.config_json);
  if (!model.side_files.empty()) copy_side_files(model.side_files, folder);
}

void remove_model_files(const fs::path& folder) {
  if (!fs::exists(folder)) return;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const bool is_weights =
        name.starts_with("model") &&
        (name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json"));
    if (is_weights || name == "config.json" || name == kAdapterConfigFile ||
        name == kAdapterWeightsFile)
      found.push_back(entry.path());
  }
  for (const fs::path& path : found) fs::remove(path);
}

void copy_side_files(const fs::path& from, const fs::path& to) {
  for (const auto& entry : fs::directory_iterator(from)) {
    const std::string name = entry.path().filename().string();
    if (!is_side_file(name)) continue;
    std::string content;
    try {
      content = text::read_inside(entry.path());
    } catch (const Error& error) {  // hours of training are not lost over it
      log::warn("{} is not copied: {}", name, error.what());
      continue;
    }
    write_file(to / name, content);
  }
}

void save_model_folder(const fs::path& out, const ModelFolder& model) {
  write_folder(out, [&](const fs::path& folder) { write_model_files(folder, model); });
}

}  // namespace vragent::models

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Model folders that lie: each is refused at once, with exit code 65 and a line that names the
// culprit, and nothing outside the folder is read.
#include <ctime>
#include <functional>
#include <limits>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/refusal_time.h"
#include "support/temp_dir.h"
#include "vragent/models/causal_lm.h"
#include "vragent/models/pixels.h"
#include "vragent/nn/parameters.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace vragent::models {
namespace {

namespace fs = std::filesystem;
using test::TempDir;
using torch::Tensor;

constexpr const char* kIndex = "model.safetensors.index.json";

/// A Qwen2 model of one layer in a folder, sharded, beside a second copy that an attack would
/// reach.
class HostileFolder : public ::testing::Test {
 protected:
  HostileFolder() {
    CausalLm lm(config());
    nn::init_parameters(*lm, {}, 1);
    tensors_ = nn::parameters_of(*lm);
    for (const fs::path& folder : {model_, outside_}) write_to(folder, 7000);
  }

  static CausalLmConfig config() {
    return {.hidden_size = 16,
            .intermediate_size = 24,
            .num_layers = 1,
            .num_heads = 2,
            .num_kv_heads = 1,
            .head_dim = 8,
            .vocab_size = 50,
            .tie_embeddings = true};
  }

  void write_to(const fs::path& folder, std::uint64_t shard_bytes) const {
    save_model_folder(folder,
                      {.tensors = tensors_,
                       .config_json = to_config_json(config()),
                       .max_shard_bytes = shard_bytes});
  }

  void load() const { load_causal_lm(model_, torch::kFloat32, torch::kCPU); }

  /// @param part what the line must say
  void expect_refused(const std::string& part, const std::string& attack) const {
    const std::clock_t start = std::clock();  // of this process: other load does not count
    try {
      load();
      ADD_FAILURE() << attack << ": was accepted";
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_EQ(error.code(), ExitCode::kBadData) << attack << ": " << message;
      EXPECT_NE(message.find(part), std::string::npos) << attack << ": " << message.substr(0, 300);
      EXPECT_NE(message.find(model_.string()), std::string::npos) << attack << ": " << message;
    }
    EXPECT_LE(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, test::kLongestRefusal)
        << attack;
  }

  [[nodiscard]] Json index() const { return Json::parse(read_file(model_ / kIndex)); }

  void write_index(const Json& index) const { write_file(model_ / kIndex, index.dump()); }

  /// The index with another file for one tensor.
  void point_norm_to(const Json& file) const {
    Json changed = index();
    changed["weight_map"]["model.norm.weight"] = file;
    write_index(changed);
  }

  [[nodiscard]] std::string shard_of_norm() const {
    return index()["weight_map"]["model.norm.weight"].get<std::string>();
  }

  TempDir folder_;
  fs::path model_ = folder_ / "model";
  fs::path outside_ = folder_ / "outside";
  nn::NamedTensors tensors_;
};

TEST_F(HostileFolder, IsReadWhenItIsHonest) {
  EXPECT_NO_THROW(load());
  ASSERT_TRUE(fs::exists(model_ / "model-00002-of-00002.safetensors"));
}

TEST_F(HostileFolder, NamesOfShardsThatLeadOutsideAreRefused) {
  const std::string shard = shard_of_norm();
  for (const std::string& name : {"../outside/" + shard,
                                  (outside_ / shard).string(),
                                  "sub/../../outside/" + shard,
                                  "./" + shard,
                                  std::string("/dev/zero"),
                                  std::string("/proc/self/mem"),
                                  std::string(".."),
                                  std::string("."),
                                  std::string()}) {
    point_norm_to(name);
    expect_refused("is not a plain file name of this folder", name);
  }
  point_norm_to(std::string("..\\outside\\") + shard);
  expect_refused("is not there", "backslashes");
  point_norm_to(shard + std::string("\0.safetensors", 13));
  expect_refused("is not a plain file name of this folder", "a NUL in the name");
  point_norm_to(std::string(300, 'n'));
  expect_refused("is not there", "a name of 300 bytes");
}

TEST_F(HostileFolder, LinksOutOfTheFolderAreRefusedWhateverTheyReplace) {
  const std::string shard = shard_of_norm();
  for (const std::string& file : {shard, std::string(kIndex), std::string("config.json")}) {
    for (const fs::path& target : {outside_ / file,
                                   fs::path("../outside") / file,
                                   fs::path("/dev/zero"),
                                   folder_ / "nowhere"}) {
      write_to(model_, 7000);
      fs::remove(model_ / file);
      fs::create_symlink(target, model_ / file);
      expect_refused("a link out of the model's folder", file + " -> " + target.string());
    }
  }
  write_to(model_, 1 << 20);
  write_to(outside_, 1 << 20);
  fs::remove(model_ / "model.safetensors");
  fs::create_symlink(outside_ / "model.safetensors", model_ / "model.safetensors");
  expect_refused("a link out of the model's folder", "whole weights");
}

TEST_F(HostileFolder, LinksWithinTheFolderAndIntoTheCachesBlobsAreFollowed) {
  const std::string shard = shard_of_norm();
  fs::rename(model_ / shard, model_ / "real.safetensors");
  fs::create_symlink("real.safetensors", model_ / shard);
  EXPECT_NO_THROW(load());
  const fs::path repository = folder_ / "models--org--name";
  fs::create_directories(repository / "blobs");
  fs::create_directories(repository / "snapshots" / "abc");
  write_to(model_, 7000);
  for (const auto& entry : fs::directory_iterator(model_)) {
    const fs::path name = entry.path().filename();
    fs::rename(entry.path(), repository / "blobs" / name);
    fs::create_symlink(fs::path("../../blobs") / name, repository / "snapshots" / "abc" / name);
  }
  EXPECT_NO_THROW(load_causal_lm(repository / "snapshots" / "abc", torch::kFloat32, torch::kCPU));
}

TEST_F(HostileFolder, PipesAndFoldersAreNotWaitedFor) {
  for (const std::string& file :
       {shard_of_norm(), std::string(kIndex), std::string("config.json")}) {
    write_to(model_, 7000);
    fs::remove(model_ / file);
    ASSERT_EQ(::mkfifo((model_ / file).c_str(), 0600), 0);
    expect_refused("not a regular file", file + " is a pipe");
    fs::remove(model_ / file);
    fs::create_directory(model_ / file);
    expect_refused("not a regular file", file + " is a folder");
    fs::remove(model_ / file);
  }
  ASSERT_EQ(::mkfifo((model_ / "preprocessor_config.json").c_str(), 0600), 0);
  EXPECT_THROW(load_qwen_pixel_config(model_), DataError);
}

TEST_F(HostileFolder, FilesBesideTheWeightsAreNotCopiedFromOutside) {
  write_file(outside_ / "secret", "of the user");
  fs::create_symlink(outside_ / "secret", model_ / "vocab.txt");
  ASSERT_EQ(mkfifo((model_ / "tokenizer.model").c_str(), 0600), 0);
  write_file(model_ / "merges.txt", "a b\n");
  const fs::path copy = folder_ / "copy";
  make_folder(copy);
  copy_side_files(model_, copy);
  EXPECT_EQ(read_file(copy / "merges.txt"), "a b\n");
  EXPECT_FALSE(fs::exists(copy / "vocab.txt"));
  EXPECT_FALSE(fs::exists(copy / "tokenizer.model"));
}

TEST_F(HostileFolder, TensorsNamedTwiceAreRefused) {
  const std::string text = read_file(model_ / kIndex);
  const std::string entry = "\"model.norm.weight\": ";
  std::string twice = text;
  twice.insert(text.find(entry), entry + "\"model-00001-of-00002.safetensors\",\n");
  write_file(model_ / kIndex, twice);
  expect_refused("names \"model.norm.weight\" twice", "twice in the index");
  twice = text;
  twice.insert(text.find("\"weight_map\""), "\"weight_map\": {},\n");
  write_file(model_ / kIndex, twice);
  expect_refused("names \"weight_map\" twice", "two maps");

  write_file(model_ / kIndex, text);
  nn::NamedTensors shard = nn::load_safetensors(model_ / "model-00001-of-00002.safetensors");
  const std::string norm = shard_of_norm();
  ASSERT_NE(norm, "model-00001-of-00002.safetensors");
  shard["model.norm.weight"] = tensors_.at("model.norm.weight");
  nn::save_safetensors(model_ / "model-00001-of-00002.safetensors", shard);
  expect_refused("tensor \"model.norm.weight\" is in model-00001-of-00002.safetensors too",
                 "in two shards");
}

TEST_F(HostileFolder, IndexesThatLieAreRefused) {
  point_norm_to("gone.safetensors");
  expect_refused("shard \"gone.safetensors\" is not there", "missing");
  point_norm_to("model-00001-of-00002.safetensors");
  expect_refused("tensor \"model.norm.weight\" is not in", "wrong shard");
  for (const Json& file : {Json(7), Json(nullptr), Json::array({"a"}), Json::object()}) {
    point_norm_to(file);
    expect_refused("a file name is wanted", file.dump());
  }
  for (const Json& map : {Json::array(), Json(nullptr), Json("x"), Json(1)}) {
    write_index({{"weight_map", map}});
    expect_refused("weight_map", map.dump());
  }
  write_index({{"metadata", {}}});
  expect_refused("weight_map", "no map");
  write_index({{"weight_map", Json::object()}});
  expect_refused("", "an empty map");
  write_file(model_ / kIndex, std::string(100'000, '['));
  expect_refused("not JSON", "deep nest");
  fs::resize_file(model_ / kIndex, std::uintmax_t{1} << 36U);  // sparse
  expect_refused("bytes, more than", "64 GiB");
}

TEST_F(HostileFolder, AnIndexCutAnywhereIsRefused) {
  const std::string whole = read_file(model_ / kIndex);
  for (std::size_t size = 0; size + 2 < whole.size(); size += 7) {
    write_file_unsynced(model_ / kIndex, whole.substr(0, size));
    expect_refused("not JSON", std::to_string(size) + " bytes");
  }
}

TEST_F(HostileFolder, TheSumOfTheIndexIsNotTrusted) {
  for (const Json& total : {Json(1), Json(-5), Json("much"), Json(1e300), Json(nullptr)}) {
    Json changed = index();
    changed["metadata"]["total_size"] = total;
    write_index(changed);
    EXPECT_NO_THROW(load()) << total;
  }
}

TEST_F(HostileFolder, AShardCutAnywhereIsRefused) {
  const fs::path shard = model_ / shard_of_norm();
  const std::string whole = read_file(shard);
  for (std::size_t size = 0; size < whole.size(); size += 61) {
    write_file_unsynced(shard, whole.substr(0, size));
    expect_refused(shard.filename().string(), std::to_string(size) + " bytes");
  }
}

TEST_F(HostileFolder, QuantisedCheckpointsAreRefusedByTheirMethod) {
  Json changed = Json::parse(to_config_json(config()));
  for (const char* method : {"gptq", "awq", "bitsandbytes", "fp8"}) {
    changed["quantization_config"] = {{"quant_method", method}, {"bits", 4}};
    write_file(model_ / "config.json", changed.dump());
    expect_refused(std::string("quantised weights (\"") + method + "\") are not read", method);
  }
  changed["quantization_config"] = "int8";
  write_file(model_ / "config.json", changed.dump());
  expect_refused("quantised weights", "text");
  changed["quantization_config"] = nullptr;
  write_file(model_ / "config.json", changed.dump());
  EXPECT_NO_THROW(load());
}

TEST_F(HostileFolder, SizesThatTheFilesDoNotBackAreRefusedBeforeTheyAreAllocated) {
  for (const char* key : {"vocab_size",
                          "num_hidden_layers",
                          "intermediate_size",
                          "hidden_size",
                          "num_attention_heads"}) {
    Json changed = Json::parse(to_config_json(config()));
    for (const std::int64_t size : {100'000'000, 2'000'000'000}) {
      changed[key] = size;
      write_file(model_ / "config.json", changed.dump());
      expect_refused("config.json tells of", key);
    }
    for (const std::int64_t size : {std::int64_t{1} << 31U, INT64_MAX}) {
      changed[key] = size;
      write_file(model_ / "config.json", changed.dump());
      expect_refused("a number from 1 to 2147483647 is wanted", key);
    }
  }
}

/// One tensor replaced in an unsharded folder.
class HostileWeights : public HostileFolder {
 protected:
  void replace(const std::string& name, const Tensor& tensor) {
    nn::NamedTensors changed = tensors_;
    changed[name] = tensor;
    save_model_folder(model_, {.tensors = changed, .config_json = to_config_json(config())});
  }
};

TEST_F(HostileWeights, OfWholeNumbersAreRefused) {
  for (const torch::Dtype dtype : {torch::kInt64, torch::kInt32, torch::kInt8, torch::kBool}) {
    replace("model.norm.weight", torch::ones({16}, dtype));
    expect_refused("whole numbers where weights are wanted: model.norm.weight", toString(dtype));
  }
}

TEST_F(HostileWeights, ThatAreNotFiniteAreRefusedInEveryTypeAndPlace) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::string name = "model.embed_tokens.weight";  // 800 numbers: a whole block and a rest
  for (const torch::Dtype dtype :
       {torch::kFloat32, torch::kBFloat16, torch::kFloat16, torch::kFloat64}) {
    for (const double bad : {std::nan(""), kInfinity, -kInfinity}) {
      for (const std::int64_t place : {0, 511, 512, 799}) {
        Tensor tensor = tensors_.at(name).to(dtype).clone();
        tensor.view(-1)[place] = bad;
        replace(name, tensor);
        expect_refused("not finite (NaN or infinity): " + name, toString(dtype));
      }
    }
    Tensor largest = tensors_.at(name).to(dtype).clone();
    largest.view(-1)[3] = dtype == torch::kFloat16 ? -65504.0 : 1e38;
    replace(name, largest);
    EXPECT_NO_THROW(load()) << "the largest finite numbers are no error, " << dtype;
  }
}

TEST_F(HostileWeights, OfAnotherShapeOrNameAreRefused) {
  replace("model.norm.weight", torch::ones({17}));
  expect_refused("model.norm.weight: [17], the model wants [16]", "shape");
  replace("model.norm.wait", torch::ones({16}));
  expect_refused("unexpected tensor \"model.norm.wait\"", "name");
  tensors_.erase("model.norm.weight");
  replace("model.norm.wait", torch::ones({16}));
  expect_refused("missing tensors: model.norm.weight", "missing");
}

}  // namespace
}  // namespace vragent::models

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/models/hf_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <torch/types.h>

#include "support/error_text.h"
#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/models/bert.h"
#include "vragent/models/causal_lm.h"
#include "vragent/models/clip.h"
#include "vragent/models/vision_lm.h"
#include "vragent/models/vit.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace vragent::models {
namespace {

namespace fs = std::filesystem;
using test::message_of;
using test::TempDir;
using torch::Tensor;

/// A folder with two shards, "a" in the first and "b" in the second.
void write_shards(const fs::path& folder) {
  nn::save_safetensors(folder / "one.safetensors", {{"a", torch::ones({2})}});
  nn::save_safetensors(folder / "two.safetensors", {{"b", torch::zeros({3})}});
}

void write_index(const fs::path& folder, const Json& weight_map) {
  const Json index = {{"metadata", {{"total_size", 1}}},
                      {"weight_map", weight_map}};  // a wrong sum
  write_file(folder / "model.safetensors.index.json", index.dump());
}

TEST(WeightFiles, FindTensorsInTheirShards) {
  const TempDir folder;
  write_shards(folder.path());
  write_index(folder.path(), {{"a", "one.safetensors"}, {"b", "two.safetensors"}});
  const WeightFiles files(folder.path());
  EXPECT_EQ(files.names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(files.find("a").equal(torch::ones({2})));
  EXPECT_FALSE(files.find("c").defined());
  EXPECT_EQ(files.first_of({"c", "b", "a"}), "b");
  EXPECT_EQ(files.first_of({"c"}), "");
}

TEST(WeightFiles, ReadNothingOutsideTheFolder) {
  const TempDir folder;
  const fs::path model = folder / "model";
  fs::create_directory(model);
  write_shards(model);
  write_shards(folder.path());  // what an attack would reach
  for (const std::string& shard : {std::string("../one.safetensors"),
                                   (folder / "one.safetensors").string(),
                                   std::string("sub/../../one.safetensors"),
                                   std::string("./one.safetensors"),
                                   std::string(".."),
                                   std::string("."),
                                   std::string("")}) {
    write_index(model, {{"a", shard}});
    const std::string message = message_of([&] { const WeightFiles files(model); });
    EXPECT_NE(message.find("plain file name"), std::string::npos) << shard << ": " << message;
  }
}

TEST(WeightFiles, RefuseAnIndexThatLies) {
  const TempDir folder;
  write_shards(folder.path());
  const auto refused = [&](const Json& weight_map) {
    write_index(folder.path(), weight_map);
    return message_of([&] { const WeightFiles files(folder.path()); });
  };
  EXPECT_NE(refused({{"a", "gone.safetensors"}}).find("gone.safetensors"), std::string::npos);
  EXPECT_NE(refused({{"a", "two.safetensors"}}).find("\"a\" is not in two.safetensors"),
            std::string::npos);
  EXPECT_NE(refused({{"a", 7}}).find("file name"), std::string::npos);
  EXPECT_NE(refused(Json::array()).find("weight_map"), std::string::npos);
  ASSERT_EQ(::mkfifo((folder / "pipe.safetensors").c_str(), 0600), 0);
  EXPECT_NE(refused({{"a", "pipe.safetensors"}}).find("regular file"), std::string::npos);
  write_file(folder / "model.safetensors.index.json", "{\"weight_map\": ");
  EXPECT_THROW(WeightFiles(folder.path()), DataError);
}

TEST(WeightFiles, SayWhenThereAreNone) {
  const TempDir folder;
  try {
    const WeightFiles files(folder.path());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kNoInput);
    EXPECT_NE(std::string(error.what()).find(folder.path().string()), std::string::npos);
  }
}

TEST(WeightFiles, SayWhatIsToBeDoneWithAPickle) {
  for (const char* file : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    const TempDir folder;
    EXPECT_EQ(message_of([&] { WeightFiles(folder.path()); }).find("docs/formats.md"),
              std::string::npos);
    write_file(folder / file, "PK");
    EXPECT_NE(message_of([&] { WeightFiles(folder.path()); }).find("docs/formats.md"),
              std::string::npos)
        << file;
  }
}

TEST(SaveModelFolder, GivesBackWhatItWasGivenWholeOrInShards) {
  const TempDir folder;
  const nn::NamedTensors tensors = {{"a", test::randn({10}, 1)},
                                    {"b", test::randn({100}, 2)},
                                    {"c", test::randn({5}, 3).to(torch::kBFloat16)},
                                    {"d", test::randn({50}, 4)}};
  for (const std::uint64_t limit :
       {std::uint64_t{1} << 30U, std::uint64_t{250}, std::uint64_t{1}}) {
    const fs::path out = folder / std::to_string(limit);
    save_model_folder(out, {.tensors = tensors, .config_json = "{}", .max_shard_bytes = limit});
    const WeightFiles files(out);
    nn::NamedTensors back;
    for (const std::string& name : files.names()) back[name] = files.find(name);
    EXPECT_TRUE(test::same_tensors(back, tensors)) << limit;
    EXPECT_EQ(fs::exists(out / "model.safetensors"), limit > 1000);
    EXPECT_EQ(read_model_config(out), "{}");
  }
  EXPECT_TRUE(fs::exists(folder.path() / "1" / "model-00004-of-00004.safetensors"));
}

TEST(SaveModelFolder, CopiesSideFilesAndNothingElse) {
  const TempDir folder;
  write_file(folder.path() / "base" / "tokenizer.json", "{\"t\": 1}");
  write_file(folder.path() / "base" / "generation_config.json", "{}");
  write_file(folder.path() / "base" / "pytorch_model.bin", "old weights");
  write_file(folder.path() / "base" / "config.json", "{\"old\": 1}");
  save_model_folder(folder / "out",
                    {.tensors = {{"w", torch::ones({1})}},
                     .config_json = "{\"new\": 1}",
                     .side_files = folder / "base"});
  EXPECT_EQ(read_file(folder.path() / "out" / "tokenizer.json"), "{\"t\": 1}");
  EXPECT_EQ(read_file(folder.path() / "out" / "config.json"), "{\"new\": 1}");
  EXPECT_TRUE(fs::exists(folder.path() / "out" / "generation_config.json"));
  EXPECT_FALSE(fs::exists(folder.path() / "out" / "pytorch_model.bin"));
}

TEST(WriteModelFiles, LeaveNoOlderWeightsBesideTheNewOnes) {
  const TempDir folder;
  ModelFolder model{.tensors = {{"a", torch::ones({4})}, {"b", torch::ones({4})}},
                    .config_json = "{}"};
  write_model_files(folder.path(), model);
  model.tensors["a"] = torch::zeros({4});
  model.max_shard_bytes = 16;
  write_model_files(folder.path(), model);
  EXPECT_TRUE(WeightFiles(folder.path()).find("a").equal(torch::zeros({4})));
  model.tensors["a"] = torch::full({4}, 2.0F);
  model.max_shard_bytes = 1000;
  write_model_files(folder.path(), model);
  EXPECT_TRUE(WeightFiles(folder.path()).find("a").equal(torch::full({4}, 2.0F)));
  EXPECT_FALSE(fs::exists(folder / "model.safetensors.index.json"));
}

class TinyLmFolder : public ::testing::Test {
 protected:
  TinyLmFolder() { test::write_tiny_lm(folder_.path(), 1, /*tied=*/false); }

  /// Loads after a change to the tensors; the message, or "".
  std::string refusal(const std::function<void(nn::NamedTensors&)>& change) {
    nn::NamedTensors tensors = nn::load_safetensors(folder_ / "model.safetensors");
    change(tensors);
    nn::save_safetensors(folder_ / "model.safetensors", tensors);
    return message_of([&] { load_causal_lm(folder_.path(), torch::kFloat32, torch::kCPU); });
  }

  void set_tie(bool tie) {
    Json config = Json::parse(read_file(folder_ / "config.json"));
    config["tie_word_embeddings"] = tie;
    write_file(folder_ / "config.json", config.dump());
  }

  TempDir folder_;
};

TEST_F(TinyLmFolder, NamesMissingMisshapenAndUnexpectedTensors) {
  EXPECT_EQ(refusal([](auto&) {}), "");
  EXPECT_NE(refusal([](auto& t) {
              t["model.layers.9.mlp.up_proj.weight"] = torch::ones({1});
            }).find("unexpected tensor \"model.layers.9.mlp.up_proj.weight\""),
            std::string::npos);
  EXPECT_NE(refusal([](auto& t) {
              t.erase("model.layers.9.mlp.up_proj.weight");
              t["model.norm.weight"] = torch::ones({7});
            }).find("model.norm.weight: [7], the model wants [32]"),
            std::string::npos);
  EXPECT_NE(refusal([](auto& t) { t.erase("model.norm.weight"); }).find("model.norm.weight"),
            std::string::npos);
}

TEST_F(TinyLmFolder, PassesOverTheBuffersOfOldFiles) {
  EXPECT_EQ(refusal([](auto& t) {
              t["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch::ones({4});
            }),
            "");
}

TEST_F(TinyLmFolder, UsesAStoredHeadEvenWhereTheConfigTiesIt) {
  set_tie(true);
  const CausalLm lm = load_causal_lm(folder_.path(), torch::kFloat32, torch::kCPU);
  ASSERT_FALSE(lm->lm_head.is_empty());
  EXPECT_TRUE(lm->text().head.equal(
      nn::load_safetensors(folder_ / "model.safetensors").at("lm_head.weight")));
}

TEST_F(TinyLmFolder, TiesAHeadThatEqualsTheEmbeddingOrIsAbsent) {
  set_tie(true);
  EXPECT_EQ(refusal([](auto& t) { t["lm_head.weight"] = t["model.embed_tokens.weight"].clone(); }),
            "");
  EXPECT_TRUE(load_causal_lm(folder_.path(), torch::kFloat32, torch::kCPU)->lm_head.is_empty());
  EXPECT_EQ(refusal([](auto& t) { t.erase("lm_head.weight"); }), "");
  EXPECT_TRUE(load_causal_lm(folder_.path(), torch::kFloat32, torch::kCPU)->lm_head.is_empty());
}

TEST_F(TinyLmFolder, RefusesAHeadThatIsNeitherStoredNorTied) {
  EXPECT_NE(refusal([](auto& t) { t.erase("lm_head.weight"); }).find("lm_head.weight"),
            std::string::npos);
}

TEST_F(TinyLmFolder, LoadsTheNamesOfAModelWithoutAHead) {
  set_tie(true);
  EXPECT_EQ(refusal([](auto& t) { t.erase("lm_head.weight"); }), "");
  const CausalLm whole = load_causal_lm(folder_.path(), torch::kFloat32, torch::kCPU);
  EXPECT_EQ(refusal([](auto& t) {
              nn::NamedTensors renamed;
              for (const auto& [name, tensor] : t) renamed[name.substr(6)] = tensor;
              t = renamed;
            }),
            "");
  const CausalLm bare = load_causal_lm(folder_.path(), torch::kFloat32, torch::kCPU);
  EXPECT_TRUE(test::same_tensors(nn::parameters_of(*bare), nn::parameters_of(*whole)));
  EXPECT_NE(refusal([](auto& t) {
              t["model.norm.weight"] = t["norm.weight"].clone();
            }).find("unexpected tensor \"norm.weight\""),
            std::string::npos);
  set_tie(false);
  EXPECT_NE(refusal([](auto& t) { t.erase("model.norm.weight"); }).find("no lm_head.weight"),
            std::string::npos);
}

TEST_F(TinyLmFolder, LoadsInTheAskedTypeWithoutGradients) {
  const CausalLm lm = load_causal_lm(folder_.path(), torch::kBFloat16, torch::kCPU);
  for (const Tensor& parameter : lm->parameters()) {
    EXPECT_EQ(parameter.scalar_type(), torch::kBFloat16);
    EXPECT_FALSE(parameter.requires_grad());
  }
}

TEST(VisionLmFolder, LoadsTheNamesOfAModelWithoutAHead) {
  const TempDir folder;
  const fs::path fresh = test::write_tiny_vlm(folder / "new", 4);
  Json config = Json::parse(read_model_config(fresh));
  config["tie_word_embeddings"] = true;
  nn::NamedTensors renamed;
  for (const auto& [name, tensor] : nn::load_safetensors(fresh / "model.safetensors")) {
    if (name != "lm_head.weight") renamed[name.substr(6)] = tensor;
  }
  ASSERT_TRUE(renamed.contains("visual.patch_embed.proj.weight"));
  save_model_folder(folder / "bare", {.tensors = renamed, .config_json = config.dump()});
  const VisionLm bare = load_vision_lm(folder / "bare", torch::kFloat32, torch::kCPU);
  EXPECT_TRUE(bare->lm_head.is_empty());
  nn::NamedTensors wanted = nn::load_safetensors(fresh / "model.safetensors");
  wanted.erase("lm_head.weight");
  EXPECT_TRUE(test::same_tensors(nn::parameters_of(*bare), wanted));
}

TEST(VisionLmFolder, LoadsBothNameLayoutsAlike) {
  const TempDir folder;
  const fs::path fresh = test::write_tiny_vlm(folder / "new", 4);
  const fs::path old = folder / "old";
  nn::NamedTensors renamed;
  for (const auto& [name, tensor] : nn::load_safetensors(fresh / "model.safetensors")) {
    std::string old_name = name;
    if (name.starts_with("model.visual.")) old_name = name.substr(6);
    if (name.starts_with("model.language_model.")) old_name = "model." + name.substr(21);
    renamed[old_name] = tensor;
  }
  save_model_folder(old, {.tensors = renamed, .config_json = read_model_config(fresh)});
  const VisionLm a = load_vision_lm(fresh, torch::kFloat32, torch::kCPU);
  const VisionLm b = load_vision_lm(old, torch::kFloat32, torch::kCPU);
  EXPECT_TRUE(test::same_tensors(nn::parameters_of(*b), nn::parameters_of(*a)));
  renamed.erase("visual.merger.mlp.2.bias");
  renamed["visual.merger.mlp.3.bias"] = torch::zeros({32});
  save_model_folder(old, {.tensors = renamed, .config_json = read_model_config(fresh)});
  const std::string message =
      message_of([&] { load_vision_lm(old, torch::kFloat32, torch::kCPU); });
  EXPECT_NE(message.find("visual.merger.mlp.2.bias"), std::string::npos) << message;
}

/// What is said of a folder whose config.json has an outrageous size at `place`.
std::string refusal_of_size(const fs::path& folder,
                            const std::string& place,
                            const std::function<void()>& load) {
  const std::string before = read_file(folder / "config.json");
  Json config = Json::parse(before);
  config[Json::json_pointer(place)] = 1'000'000'000;
  write_file(folder / "config.json", config.dump());
  std::string message = message_of(load);
  write_file(folder / "config.json", before);
  return message;
}

TEST(ModelFolders, RefuseSizesThatTheirFilesDoNotBack) {
  struct Case {
    std::string name;
    std::function<void(const fs::path&)> load;
    std::vector<std::string> places;
  };

  const TempDir folder;
  test::write_tiny_bert(folder / "bert", 1);
  test::write_tiny_clip(folder / "clip", 1);
  test::write_tiny_vit(folder / "vit", "vit", 1);
  test::write_tiny_vit(folder / "videomae", "videomae", 1);
  test::write_tiny_vlm(folder / "vlm", 1);
  const auto vit = [](const fs::path& from) { load_vit(from, torch::kFloat32, torch::kCPU); };
  const std::vector<Case> cases = {
      {"bert",
       [](const fs::path& from) { load_bert(from, torch::kFloat32, torch::kCPU); },
       {"/vocab_size", "/num_hidden_layers", "/intermediate_size", "/max_position_embeddings"}},
      {"clip",
       [](const fs::path& from) { load_clip(from, torch::kFloat32, torch::kCPU); },
       {"/text_config/vocab_size", "/vision_config/num_hidden_layers", "/projection_dim"}},
      {"vit", vit, {"/num_hidden_layers", "/image_size", "/intermediate_size"}},
      {"videomae", vit, {"/num_hidden_layers", "/num_frames"}},
      {"vlm",
       [](const fs::path& from) { load_vision_lm(from, torch::kFloat32, torch::kCPU); },
       {"/vocab_size", "/vision_config/depth", "/vision_config/intermediate_size"}}};
  for (const Case& item : cases) {
    const fs::path model = folder / item.name;
    EXPECT_NO_THROW(item.load(model)) << item.name;
    for (const std::string& place : item.places) {
      const std::string message = refusal_of_size(model, place, [&] { item.load(model); });
      EXPECT_NE(message.find("config.json tells of"), std::string::npos)
          << item.name << place << ": " << message;
    }
  }
}

}  // namespace
}  // namespace vragent::models

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/tiny_models.h"

#include <cmath>
#include <string>
#include <vector>

#include "mini_world/bpe_trainer.h"
#include "mini_world/tiny_tokenizers.h"
#include "vragent/models/bert.h"
#include "vragent/models/clip.h"
#include "vragent/models/hf_folder.h"
#include "vragent/models/vision_lm.h"
#include "vragent/nn/parameters.h"
#include "vragent/text/tokenizer.h"
#include "vragent/util/config.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"
#include "vragent/util/random.h"

namespace mini_world {
namespace fs = std::filesystem;

namespace {

using namespace vragent;  // NOLINT(google-build-using-namespace): a file of glue between our own
                          // rooms

constexpr std::int64_t kImageSide = 56;
constexpr std::int64_t kClipPositions = 40;
constexpr std::int64_t kBertPositions = 128;
constexpr double kEmbeddingStd = 0.05;
constexpr double kClipTemperature = 0.07;  // of the start, as CLIP's paper has it

std::vector<std::string> read_lines(const fs::path& path) {
  std::vector<std::string> lines;
  for_each_line(path, [&](const std::string& line, const std::string&) { lines.push_back(line); });
  return lines;
}

/// Weights and config, beside the tokenizer that is there already.
void write_weights(const fs::path& folder,
                   const torch::nn::Module& module,
                   const std::string& config_json) {
  models::write_model_files(folder,
                            {.tensors = nn::parameters_of(module), .config_json = config_json});
}

void init(torch::nn::Module& module, std::uint64_t seed) {
  nn::init_parameters(
      module, {.kind = nn::InitRule::Kind::kXavierUniform, .embedding_std = kEmbeddingStd}, seed);
}

models::CausalLmConfig text_config(std::int64_t vocab_size) {
  return {.hidden_size = 128,
          .intermediate_size = 256,
          .num_layers = 3,
          .num_heads = 4,
          .num_kv_heads = 2,
          .head_dim = 32,
          .vocab_size = vocab_size,
          .max_positions = 4096,
          .rope_theta = 10000};
}

/// generation_config.json and the like: any of these ends an answer.
void write_generation_config(const fs::path& folder, const text::Tokenizer& tokenizer) {
  const OrderedJson config = {
      {"eos_token_id", {tokenizer.need_token("<|im_end|>"), tokenizer.need_token("<|endoftext|>")}},
      {"pad_token_id", tokenizer.need_token("<|endoftext|>")}};
  write_file(folder / "generation_config.json", config.dump(2) + "\n");
}

void make_lm(const fs::path& folder, const TrainedBpe& bpe, std::uint64_t seed) {
  write_qwen_tokenizer(folder, bpe, text::ChatTemplate::kQwen25);
  const auto tokenizer = text::load_tokenizer(folder);
  models::CausalLmConfig config = text_config(tokenizer->vocab_size());
  config.tie_embeddings = true;
  models::CausalLm lm(config);
  init(*lm, seed);
  write_weights(folder, *lm, models::to_config_json(config));
  write_generation_config(folder, *tokenizer);
}

void make_vlm(const fs::path& folder, const TrainedBpe& bpe, std::uint64_t seed) {
  write_qwen_tokenizer(folder, bpe, text::ChatTemplate::kQwen25Vl);
  const auto tokenizer = text::load_tokenizer(folder);
  models::VisionLmConfig config{.text = text_config(tokenizer->vocab_size()),
                                .vision = {.depth = 2,
                                           .hidden_size = 96,
                                           .intermediate_size = 192,
                                           .num_heads = 4,
                                           .out_hidden_size = 128,
                                           .fullatt_block_indexes = {1}},
                                .image_token_id = tokenizer->need_token("<|image_pad|>"),
                                .video_token_id = tokenizer->need_token("<|video_pad|>")};
  config.text.model_type = "qwen2_5_vl_text";
  config.text.mrope_section = {6, 5, 5};
  models::VisionLm lm(config);
  init(*lm, seed);
  write_weights(folder, *lm, models::to_config_json(config));
  write_generation_config(folder, *tokenizer);
  const OrderedJson pixels = {{"image_processor_type", "Qwen2VLImageProcessor"},
                              {"min_pixels", kImageSide * kImageSide},
                              {"max_pixels", kImageSide * kImageSide},
                              {"patch_size", 14},
                              {"temporal_patch_size", 2},
                              {"merge_size", 2}};
  write_file(folder / "preprocessor_config.json", pixels.dump(2) + "\n");
}

void make_clip(const fs::path& folder, const TrainedBpe& bpe, std::uint64_t seed) {
  write_clip_tokenizer(folder, bpe, kClipPositions);
  const auto tokenizer = text::load_tokenizer(folder);
  const models::ClipConfig config{
      .text = {.hidden_size = 64, .intermediate_size = 128, .num_layers = 2, .num_heads = 2},
      .vision = {.hidden_size = 96, .intermediate_size = 192, .num_layers = 3, .num_heads = 4},
      .vocab_size = tokenizer->vocab_size(),
      .max_positions = kClipPositions,
      .eos_token_id = tokenizer->need_token("<|endoftext|>"),
      .image_size = kImageSide,
      .patch_size = 14,
      .projection_dim = 64};
  models::Clip clip(config);
  init(*clip, seed);
  {
    const torch::NoGradGuard no_grad;
    clip->logit_scale.fill_(std::log(1 / kClipTemperature));
  }
  write_weights(folder, *clip, models::to_config_json(config));
  const OrderedJson pixels = {{"image_processor_type", "CLIPImageProcessor"},
                              {"size", {{"shortest_edge", kImageSide}}},
                              {"crop_size", {{"height", kImageSide}, {"width", kImageSide}}}};
  write_file(folder / "preprocessor_config.json", pixels.dump(2) + "\n");
}

void make_bert(const fs::path& folder,
               const std::vector<std::string>& texts,
               std::int64_t vocab_size,
               std::uint64_t seed) {
  write_bert_tokenizer(folder, texts, vocab_size, kBertPositions);
  const auto tokenizer = text::load_tokenizer(folder);
  const models::BertConfig config{.vocab_size = tokenizer->vocab_size(),
                                  .hidden_size = 64,
                                  .intermediate_size = 128,
                                  .num_layers = 2,
                                  .num_heads = 2,
                                  .max_positions = kBertPositions};
  models::Bert bert(config);
  init(*bert, seed);
  write_weights(folder, *bert, models::to_config_json(config));
}

}  // namespace

void TinyModelsConfig::check() const {
  check_given("out", out);
  check_given("texts", texts);
  check_range("vocab-size", static_cast<double>(vocab_size), 600, 100000);
}

void make_tiny_models(const TinyModelsConfig& config) {
  config.check();
  const std::vector<std::string> texts = read_lines(config.texts);
  const auto seed = [&](std::uint64_t model) {
    return mix_seed(static_cast<std::uint64_t>(config.seed), {model});
  };
  const TrainedBpe qwen = train_bpe(texts, BpeFlavour::kQwen2, config.vocab_size);
  make_lm(config.out / "lm", qwen, seed(1));
  make_vlm(config.out / "vlm", qwen, seed(2));
  make_clip(config.out / "clip", train_bpe(texts, BpeFlavour::kClip, config.vocab_size), seed(3));
  make_bert(config.out / "bert", texts, config.vocab_size, seed(4));
}

}  // namespace mini_world

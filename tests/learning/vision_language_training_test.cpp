// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// sft and grpo-train of a model with a vision tower: what of it learns, with images and without.
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "learning/run_files.h"
#include "learning/sft_batch.h"
#include "learning/sft_training.h"
#include "learning/small_cases.h"
#include "support/formula.h"
#include "vragent/engine/adapter_folder.h"
#include "vragent/learning/grpo/grpo_trainer.h"
#include "vragent/learning/sft_examples.h"

namespace vragent::learning {
namespace {

namespace fs = std::filesystem;

/// Four chats about an image each, and three without.
class VisionLanguageTraining : public SftTraining {
 protected:
  VisionLanguageTraining() {
    test::write_tiny_vlm(folder_ / "vlm", 2);
    std::string lines;
    for (const std::string thing : {"cat", "dog", "snow", "night"}) {
      media::write_image(folder_ / (thing + ".png"), test::formula_image(60, 60, thing));
      lines += R"({"messages": [{"role": "user", "content": [{"type": "image", "image": ")" +
               thing + R"(.png"}, {"type": "text", "text": "what is there?"}]}, )" +
               R"({"role": "assistant", "content": "the )" + thing + " is here\"}]}\n";
    }
    for (const std::string thing : {"garden", "market", "cat and dog"})
      lines += R"({"prompt": "where is the )" + thing + R"(", "completion": "the )" + thing +
               " is here\"}\n";
    write_file(folder_ / "chats.jsonl", lines);
    std::vector<data::Case> cases;
    for (std::int64_t i = 0; i < 6; ++i) {
      cases.push_back(judge_case("j" + std::to_string(i), i % 2));
      cases.push_back(select_case("s" + std::to_string(i), i % 3));
    }
    write_cases(folder_ / "cases.jsonl", cases);
  }

  [[nodiscard]] SftConfig seeing(const std::string& out) const {
    SftConfig seeing = config(out);
    seeing.model = (folder_ / "vlm").string();
    seeing.train = seeing.valid = folder_ / "chats.jsonl";
    return seeing;
  }

  /// Token mean over the chats of a model as any other command loads it.
  [[nodiscard]] double loss_of(const fs::path& model_folder) const {
    const torch::NoGradGuard no_grad;
    const engine::ChatEncoder encoder(model_folder);
    engine::LanguageModel model =
        engine::load_language_model_folder(model_folder, torch::kFloat32, torch::kCPU);
    const std::vector<ChatExample> examples = load_examples(folder_ / "chats.jsonl", {});
    std::vector<SizedExample> all;
    for (const ChatExample& example : examples) all.push_back({&example});
    const SftBatch batch = make_sft_batches(all, encoder, {}).parts.at(0);
    EXPECT_EQ(batch.grids.size(), 4);
    return -target_log_probs(model, batch, torch::kCPU).mean().item<double>();
  }

  static nn::NamedTensors vision_in(const fs::path& model_folder) {
    nn::NamedTensors tower;
    for (const auto& [name, tensor] : weights_in(model_folder)) {
      if (name.starts_with("model.visual.")) tower[name] = tensor;
    }
    EXPECT_EQ(tower.size(), 30);
    return tower;
  }

  /// An adapter of all linear layers of the text part, and of nothing else.
  void expect_text_adapter(const fs::path& run_folder, const fs::path& base) const {
    const nn::NamedTensors adapter = adapter_in(run_folder);
    EXPECT_EQ(adapter.size(), 2 * 2 * 7) << "A and B of two layers' seven";
    for (const auto& [name, tensor] : adapter) {
      EXPECT_NE(name.find("model.language_model.layers."), std::string::npos) << name;
      EXPECT_TRUE(tensor.any().item<bool>()) << name << " has not learnt";
    }
    const fs::path merged = folder_ / (run_folder.filename().string() + "-merged");
    engine::write_merged_folder(run_folder, merged);
    EXPECT_TRUE(test::same_tensors(vision_in(merged), vision_in(base)));
    EXPECT_FALSE(test::same_tensors(weights_in(merged), weights_in(base)));
  }
};

TEST_F(VisionLanguageTraining, TeachesTheTextPartByAnAdapterThatResumesBitForBit) {
  SftConfig whole = seeing("whole");
  whole.epochs = 4;
  whole.optim.lr = 1e-2;
  whole.lora = {.rank = 4, .dropout = 0.3};
  const SftResult result = run_sft(whole);
  EXPECT_EQ(result.steps, 12);
  EXPECT_LT(*result.valid_loss, 0.8 * logged(whole.out, "eval_loss").front());
  expect_text_adapter(whole.out, folder_ / "vlm");
  // A tower that had moved while it trained would be another than the one that is loaded here.
  EXPECT_NEAR(loss_of(whole.out), *result.valid_loss, 1e-4);
  EXPECT_EQ(loss_of(whole.out / "checkpoint-12"), loss_of(whole.out));

  SftConfig parts = whole;
  parts.out = folder_ / "parts";
  EXPECT_EQ(run_in_parts(parts, 2).valid_loss, result.valid_loss);
  EXPECT_TRUE(test::same_tensors(adapter_in(parts.out), adapter_in(whole.out)));
  EXPECT_EQ(timeless_log(parts.out), timeless_log(whole.out));
}

TEST_F(VisionLanguageTraining, TeachesTheVisionTowerTooWhereAllWeightsLearn) {
  const SftConfig whole = seeing("whole");
  const SftResult result = run_sft(whole);
  EXPECT_LT(*result.valid_loss, logged(whole.out, "eval_loss").front());
  const auto before = weights_in(folder_ / "vlm");
  const auto after = weights_in(whole.out);
  ASSERT_EQ(after.size(), before.size());
  for (const auto& [name, tensor] : after) EXPECT_FALSE(tensor.equal(before.at(name))) << name;
  EXPECT_NEAR(loss_of(whole.out), *result.valid_loss, 1e-5);

  SftConfig parts = whole;
  parts.out = folder_ / "parts";
  EXPECT_EQ(run_in_parts(parts, 2).valid_loss, result.valid_loss);
  EXPECT_TRUE(test::same_tensors(weights_in(parts.out), after));
  EXPECT_EQ(timeless_log(parts.out), timeless_log(whole.out));
}

/// Where no image is seen the tower has no gradient, and is not decayed either.
TEST_F(VisionLanguageTraining, LearnsFromRewardsOfCasesWithoutImages) {
  SftConfig start = seeing("start");
  start.train = folder_ / "cases.jsonl";
  start.valid.clear();
  start.batch_size = 12;
  start.epochs = 40;
  start.optim.lr = 1e-2;
  start.optim.weight_decay = 0.01;
  start.prompt.cot = false;
  run_sft(start);
  EXPECT_TRUE(test::same_tensors(vision_in(start.out), vision_in(folder_ / "vlm")));

  GrpoConfig whole{.out = folder_ / "whole",
                   .cases = {folder_ / "cases.jsonl"},
                   .model = start.out.string(),
                   .stages = {"both:1"},
                   .batch_prompts = 3,
                   .group_size = 4,
                   .updates_per_rollout = 2,
                   .micro_prompts = 2,
                   .save_every = 2,
                   .sampling = {.max_tokens = 12}};
  whole.optim.lr = 1e-3;
  whole.loss.entropy_coef = 0.01;  // learns something from groups of equal rewards too
  whole.lora = {.rank = 2, .alpha = 8, .dropout = 0.2};
  whole.prompt.cot = false;
  whole.runtime.threads = 1;
  EXPECT_EQ(run_grpo(whole).steps, 4);
  expect_text_adapter(whole.out, start.out);
  EXPECT_EQ(loss_of(whole.out / "checkpoint-4"), loss_of(whole.out)) << "it sees images still";
  EXPECT_NE(loss_of(whole.out), loss_of(start.out));

  GrpoConfig parts = whole;
  parts.out = folder_ / "parts";
  request_interrupt(SIGTERM);
  EXPECT_THROW(run_grpo(parts), Interrupted);
  clear_interrupt();
  parts.resume = true;
  run_grpo(parts);
  EXPECT_TRUE(test::same_tensors(adapter_in(parts.out), adapter_in(whole.out)));
  EXPECT_EQ(read_file(parts.out / "completions.jsonl"), read_file(whole.out / "completions.jsonl"));
  EXPECT_EQ(timeless_log(parts.out), timeless_log(whole.out));
}

}  // namespace
}  // namespace vragent::learning

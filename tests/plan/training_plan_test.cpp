// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Against figures that were worked out by hand for Qwen2.5-7B (`grpo.md` 4.2 and 4.3) and against
// models' published sizes.
#include "vragent/plan/training_plan.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/models/causal_lm.h"
#include "vragent/util/error.h"

namespace vragent::plan {
namespace {

using ::testing::HasSubstr;

constexpr double kGiB = 1024.0 * 1024 * 1024;

/// 16 prompts of 1,000 tokens, 16 answers of 300 each, every parameter learns.
TrainingRun paper_run() {
  return {.model = shape_of("qwen2.5-7b"),
          .micro_tokens = 16384,
          .micro_targets = 12000,
          .prompts = 16,
          .group = 16,
          .max_prompt = 1000,
          .max_answer = 300,
          .prompt_tokens = 1000,
          .answer_tokens = 300};
}

/// An H200 at what the figures take it to reach.
const Hardware kH200 = {"h200", 140 * kGiB, 790e12, 4.3e12, 200e9};

std::map<std::string, MemoryLine> by_name(const TrainingRun& run) {
  std::map<std::string, MemoryLine> lines;
  for (const MemoryLine& line : memory_of(run)) lines[line.name] = line;
  return lines;
}

std::map<std::string, TimeLine> times(const TrainingRun& run) {
  std::map<std::string, TimeLine> lines;
  for (const TimeLine& line : time_of(run, kH200)) lines[line.name] = line;
  return lines;
}

TEST(ShapeOf, HasThePublishedParameterCounts) {
  const std::map<std::string, std::int64_t> published = {{"smollm2-135m", 134515008},
                                                         {"qwen2.5-0.5b", 494032768},
                                                         {"qwen2.5-1.5b", 1543714304},
                                                         {"qwen2.5-3b", 3085938688},
                                                         {"qwen2.5-7b", 7615616512},
                                                         {"qwen2.5-14b", 14770033664},
                                                         {"llama-3.1-8b", 8030261248},
                                                         {"qwen3-8b", 8190735360}};
  for (const std::string& name : known_shapes())
    EXPECT_EQ(num_parameters(shape_of(name)), published.at(name)) << name;
  const ModelShape seven = shape_of("Qwen2.5-7B");
  EXPECT_NEAR(static_cast<double>(layer_matrices(seven)), 6.525e9, 1e6);
  EXPECT_NEAR(static_cast<double>(head_matrix(seven)), 0.545e9, 1e6);
  EXPECT_EQ(2 * kv_elements(seven), 57344);
  EXPECT_NEAR(static_cast<double>(adapter_parameters(seven, 64, {"all-linear"})), 161.5e6, 1e5);
  EXPECT_NEAR(static_cast<double>(adapter_parameters(seven, 16, {"all-linear"})), 40.4e6, 1e5);
  EXPECT_EQ(adapter_parameters(seven, 8, {"q_proj", "v_proj"}), 28 * 8 * (3584 * 2 + 3584 + 512));
}

TEST(ShapeOf, CountsAFolderAsItLoads) {
  const test::TempDir folder;
  for (const bool tied : {false, true}) {
    test::write_tiny_lm(folder / "lm", 1, tied);
    const models::CausalLm lm = models::load_causal_lm(folder / "lm", torch::kFloat32, torch::kCPU);
    std::int64_t count = 0;
    for (const torch::Tensor& parameter : lm->parameters()) count += parameter.numel();
    EXPECT_EQ(num_parameters(shape_of((folder / "lm").string())), count) << tied;
  }
  try {
    shape_of("qwen9-7b");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kNoInput);
    EXPECT_THAT(error.what(), HasSubstr("qwen2.5-7b"));
  }
}

TEST(MemoryOf, IsThatOfTheTableForOneDevice) {
  TrainingRun run = paper_run();
  run.reference = true;
  auto lines = by_name(run);
  EXPECT_NEAR(lines["weights"].learning / kGiB, 14.2, 0.05);
  EXPECT_NEAR(lines["gradients"].learning / kGiB, 14.2, 0.05);
  EXPECT_NEAR(lines["masters and moments (fp32)"].learning / kGiB, 70.9, 0.05)
      << "half of the masters are the weights";
  EXPECT_NEAR(lines["reference policy"].sampling / kGiB, 14.2, 0.05);
  EXPECT_EQ(lines["gradients"].sampling, 0);
  EXPECT_NEAR(lines["keys and values"].sampling / kGiB, 5.0, 0.1) << "prompts once for a group";
  const auto keys_of = [&](std::int64_t prompts) {
    return 2.0 * static_cast<double>((run.max_prompt + run.group * run.max_answer) * prompts *
                                     kv_elements(run.model));
  };
  EXPECT_NEAR(lines["keys and values"].sampling, keys_of(run.prompts), 1);
  run.sample_rows = 4 * run.group;
  EXPECT_NEAR(by_name(run)["keys and values"].sampling, keys_of(4), 1);
  run.sample_rows = 1;
  EXPECT_NEAR(by_name(run)["keys and values"].sampling, keys_of(1), 1) << "a group stays together";
  EXPECT_NEAR(lines["activations"].learning / 16384 / 1e6, 4.6, 0.25) << "MB a token";
  EXPECT_EQ(lines.count("their sums over micro-batches (fp32)"), 0);
  run.several_parts = true;
  lines = by_name(run);
  EXPECT_NEAR(lines["their sums over micro-batches (fp32)"].updating / kGiB, 28.4, 0.05);
  EXPECT_EQ(lines["gradients"].updating, 0) << "taken into the sums";

  run.lora = {.rank = 64};
  lines = by_name(run);
  EXPECT_NEAR(lines["weights"].learning / kGiB, 14.2 + 0.6, 0.05);
  EXPECT_NEAR(lines["gradients"].learning / kGiB, 0.6, 0.05);
  EXPECT_NEAR(lines["moments (fp32)"].learning / kGiB, 1.2, 0.05) << "an adapter is its own master";
  EXPECT_EQ(lines.count("reference policy"), 0) << "the adapter is switched off";
}

TEST(MemoryOf, KeepsTheInputsOfLayersThatAreComputedAgain) {
  TrainingRun run = paper_run();
  run.recomputes = true;
  const double bytes = by_name(run)["activations"].learning / static_cast<double>(run.micro_tokens);
  EXPECT_NEAR(bytes / 1e3, 200 + 166, 10) << "kB a token: 28 inputs, and one layer";
}

TEST(MemoryOf, LeavesOutWhatIsMadeAgainForWeightsThatLearn) {
  TrainingRun run = paper_run();
  const auto bytes_a_token = [&] {
    return by_name(run)["activations"].learning / static_cast<double>(run.micro_tokens);
  };
  const double kept = bytes_a_token();
  run.makes_again = true;
  EXPECT_EQ(kept - bytes_a_token(), 28 * 2 * (2 * 3584 + 18944)) << "two norms and a product";
  run.lora = {.rank = 8};
  EXPECT_EQ(bytes_a_token(), kept) << "adapters keep what they read";
  const nn::RuntimeConfig cpu{.device = "cpu"};
  EXPECT_TRUE(makes_inputs_again(cpu, {}));
  EXPECT_FALSE(makes_inputs_again(cpu, {.card = "h100-80"}));
  EXPECT_FALSE(makes_inputs_again({.device = "cuda"}, {}));
}

TEST(MemoryOf, CountsThePackedCopiesThatSamplingMakes) {
  TrainingRun run = paper_run();
  run.copies = true;
  auto lines = by_name(run);
  EXPECT_NEAR(lines["packed copies of the weights"].sampling, 2 * 6.525e9, 1e6)
      << "the head is too large for a copy";
  EXPECT_EQ(lines["packed copies of the weights"].learning, 0);
  run.model = shape_of("smollm2-135m");
  EXPECT_EQ(by_name(run)["packed copies of the weights"].sampling,
            2.0 * static_cast<double>(layer_matrices(run.model) + head_matrix(run.model)));
  run.lora = {.rank = 8};
  EXPECT_EQ(by_name(run).count("packed copies of the weights"), 0) << "adapters sample as they are";
}

TEST(PacksCopies, OnACpuThatMultipliesBf16InBf16Only) {
  const nn::RuntimeConfig bf16{.device = "cpu", .dtype = "bfloat16"};
  EXPECT_EQ(packs_copies(bf16, {}), ops::multiplies_bf16());
  EXPECT_FALSE(packs_copies(bf16, {.card = "h100-80"}));
  EXPECT_FALSE(packs_copies({.device = "cpu", .dtype = "float32"}, {}));
}

TEST(MemoryOf, IsThatOfTheTableForFourDevices) {
  TrainingRun run = paper_run();
  run.ranks = 4;
  const auto fixed = [&](std::int64_t zero) {
    run.zero = zero;
    auto lines = by_name(run);
    return (lines["weights"].learning + lines["gradients"].learning +
            lines["masters and moments (fp32)"].learning) /
           kGiB;
  };
  EXPECT_NEAR(fixed(0), 113.5, 0.1);
  EXPECT_NEAR(fixed(1), 49.7, 0.1);
  EXPECT_NEAR(fixed(2), 39.0, 0.1);
}

TEST(TimeOf, IsThatOfTheTableOfLimits) {
  TrainingRun run = paper_run();
  run.reference = true;
  auto lines = times(run);
  EXPECT_NEAR(lines["prompts"].seconds, 0.27, 0.01);
  EXPECT_NEAR(lines["answers"].seconds, 1.59, 0.03);
  EXPECT_NEAR(lines["reference log-probabilities"].seconds, 1.7, 0.05);
  EXPECT_NEAR(lines["forward and backward"].seconds, 5.1, 0.1);
  EXPECT_NEAR(lines["update"].seconds, 0.053, 0.001);
  EXPECT_EQ(lines.count("old log-probabilities"), 0);
  run.answer_tokens = 1000;
  lines = times(run);
  EXPECT_NEAR(lines["answers"].seconds, 6.50, 0.05);
  EXPECT_NEAR(lines["reference log-probabilities"].seconds, 5.0, 0.1);
  EXPECT_NEAR(lines["forward and backward"].seconds, 15.1, 0.3);
  run.recomputes = true;  // the figures have the head computed again too
  EXPECT_NEAR(times(run)["forward and backward"].seconds, 20.2, 0.4);
  run.lora = {.rank = 64};
  EXPECT_NEAR(times(run)["forward and backward"].seconds, 15.1, 0.4);
  run.recomputes = false;
  EXPECT_NEAR(times(run)["forward and backward"].seconds, 10.1, 0.2);
}

TEST(TimeOf, CountsPassesAndUpdates) {
  TrainingRun run = paper_run();
  run.ranks = 4;
  auto one = times(run);
  run.passes = 2;
  run.updates = 8;
  auto lines = times(run);
  EXPECT_EQ(lines["forward and backward"].seconds, 2 * one["forward and backward"].seconds);
  EXPECT_EQ(lines["update"].seconds, 8 * one["update"].seconds);
  EXPECT_EQ(lines["gradients, reduce-scatter"].sent, 8 * one["gradients, reduce-scatter"].sent);
  EXPECT_GT(lines["old log-probabilities"].seconds, 0);
  run.passes = 1;  // several updates need the old ones too where each is of a part
  EXPECT_GT(times(run)["old log-probabilities"].seconds, 0);
  EXPECT_EQ(times(run)["answers"].seconds, one["answers"].seconds);
  std::string text;
  for (const Table& table : plan_tables(run, kH200)) text += to_text(table);
  EXPECT_THAT(text, HasSubstr("8 updates of the weights, passes over the answers: 1"));
}

TEST(TimeOf, SharesTheWorkAndAddsTheTraffic) {
  TrainingRun run = paper_run();
  run.ranks = 4;
  run.zero = 2;
  auto lines = times(run);
  EXPECT_NEAR(lines["forward and backward"].seconds, 5.1 / 4, 0.03);
  EXPECT_NEAR(lines["gradients, reduce-scatter"].sent, 0.75 * 15.2e9, 0.1e9);
  EXPECT_NEAR(lines["gradients, reduce-scatter"].seconds, 0.06, 0.005);
  EXPECT_NEAR(lines["weights, all-gather"].seconds, 0.06, 0.005);
  EXPECT_GT(lines["answers"].seconds, 1.59 / 4 * 2) << "decoding does not divide by the devices";
}

TEST(PlanTables, SayWhetherItFits) {
  TrainingRun run = paper_run();
  std::string text;
  for (const Table& table : plan_tables(run, kH200)) text += to_text(table);
  EXPECT_THAT(text, HasSubstr("are missing"));
  run.micro_tokens = 2048;
  run.micro_targets = 1500;
  text.clear();
  for (const Table& table : plan_tables(run, kH200)) text += to_text(table);
  EXPECT_THAT(text, HasSubstr("it fits"));
  EXPECT_THAT(text, HasSubstr("7.616 billion parameters in bfloat16"));
}

TEST(HardwareOf, TakesGivenFiguresInPlaceOfTheCards) {
  const Hardware card = hardware_of({.card = "h100-80"}, {});
  EXPECT_NEAR(card.flops, 0.55 * 989e12, 1e9);
  const Hardware given =
      hardware_of({.card = "h100-80", .memory = 40, .tflops = 2, .bandwidth = 3, .link = 4}, {});
  EXPECT_EQ(given.memory, 40 * kGiB);
  EXPECT_EQ(given.flops, 2e12);
  EXPECT_EQ(given.bandwidth, 3e9);
  EXPECT_EQ(given.link, 4e9);
  EXPECT_THROW((PlanConfig{.card = "abacus"}.check()), ConfigError);
}

TEST(HardwareOf, MeasuresThisMachine) {
  const Hardware here = hardware_of({}, {});
  EXPECT_GT(here.flops, 1e8);
  EXPECT_GT(here.bandwidth, 1e8);
  EXPECT_GT(here.memory, 1e8);
}

}  // namespace
}  // namespace vragent::plan

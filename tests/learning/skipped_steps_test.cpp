// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Steps of sft whose loss or gradient is not finite.
#include <algorithm>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "learning/run_files.h"
#include "learning/sft_training.h"
#include "vragent/engine/chat_encoder.h"
#include "vragent/util/error.h"

namespace vragent::learning {
namespace {

namespace fs = std::filesystem;
using ::testing::StartsWith;

/// Makes a model overflow where it reads one token, and nowhere else, though its weights are
/// finite: a dimension that is this token's alone, and that nothing reads or writes but one unit of
/// the first layer, whose product is too large.
void overflow_at(models::CausalLmImpl& lm, std::int64_t token) {
  const torch::NoGradGuard no_grad;
  const auto parameters = lm.named_parameters();
  for (const auto& item : parameters) {
    if (item.value().dim() != 2) continue;
    const bool writes =
        item.key().ends_with("o_proj.weight") || item.key().ends_with("down_proj.weight");
    (writes ? item.value()[0] : item.value().select(1, 0)).zero_();
  }
  parameters["model.embed_tokens.weight"][token][0] = 1;
  for (const char* name : {"gate_proj", "up_proj"}) {
    torch::Tensor unit = parameters[std::string("model.layers.0.mlp.") + name + ".weight"][0];
    unit.zero_();
    unit[0] = 1e20;
  }
}

/// A token that the last example has, in its question and its answer, and the others have not.
std::int64_t token_of_the_last_example(const fs::path& lm, const fs::path& train) {
  const engine::ChatEncoder encoder(lm);
  std::vector<std::vector<std::int64_t>> ids;
  for_each_line(train, [&](const std::string& line, const std::string& at) {
    const Json row = parse_json_object(line, at);
    const std::vector<chat::Message> messages = {
        {"user", row["prompt"].get<std::string>(), {}},
        {"assistant", row["completion"].get<std::string>(), {}}};
    ids.push_back(encoder.encode(messages, "", /*add_generation_prompt=*/false).ids);
  });
  for (const std::int64_t id : ids.back()) {
    if (std::none_of(ids.begin(), ids.end() - 1, [&](const std::vector<std::int64_t>& others) {
          return std::find(others.begin(), others.end(), id) != others.end();
        }))
      return id;
  }
  throw std::logic_error("no token of its own");
}

class SkippedSteps : public SftTraining {
 protected:
  /// Only where the last example is among those that are read.
  void make_overflow() {
    test::write_tiny_lm(folder_ / "lm", 1, /*tied=*/false);
    models::CausalLm lm = models::load_causal_lm(folder_ / "lm", torch::kFloat32, torch::kCPU);
    overflow_at(*lm, token_of_the_last_example(folder_ / "lm", folder_ / "train.jsonl"));
    test::write_weights(folder_ / "lm", *lm, models::to_config_json(lm->model->config));
  }

  /// Its weights are finite, but no product with them is.
  void break_model() {
    models::CausalLm lm = models::load_causal_lm(folder_ / "lm", torch::kFloat32, torch::kCPU);
    {
      const torch::NoGradGuard no_grad;
      lm->model->norm->weight.fill_(3e38);
    }
    test::write_weights(folder_ / "lm", *lm, models::to_config_json(lm->model->config));
  }

  /// What a run ends with, which must be an error of 70.
  static std::string complaint(const SftConfig& config) {
    try {
      run_sft(config);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kInternal);
      EXPECT_FALSE(fs::exists(config.out / "model.safetensors"));
      return error.what();
    }
    return "";
  }
};

TEST_F(SkippedSteps, SkipsStepsThatAreNotFiniteAndCountsThem) {
  make_overflow();
  SftConfig whole = config("whole");
  whole.valid = "";
  whole.log_every = 1;
  EXPECT_EQ(run_sft(whole).skipped_updates, 2) << "the example is in one step of each epoch";
  EXPECT_EQ(logged(whole.out, "skipped_updates").back(), 2);
  const std::vector<Json> log = timeless_log(whole.out);
  EXPECT_EQ(
      std::count_if(log.begin(), log.end(), [](const Json& row) { return row["loss"].is_null(); }),
      2);
  const Json state = trainer_state(whole.out);
  EXPECT_EQ(state["stateful_callbacks"]["vragent"]["attributes"]["skipped_updates"], 2);
  const auto weights = weights_in(whole.out);
  EXPECT_FALSE(test::same_tensors(weights_in(folder_ / "lm"), weights)) << "the others teach";
  for (const auto& tensors :
       {weights, nn::load_safetensors(whole.out / "checkpoint-6/state/state.safetensors")}) {
    for (const auto& [name, tensor] : tensors)
      EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
  }
  SftConfig parts = whole;
  parts.out = folder_ / "parts";
  EXPECT_EQ(run_in_parts(parts, 5).skipped_updates, 2);
  EXPECT_TRUE(test::same_tensors(weights_in(parts.out), weights));
  EXPECT_EQ(timeless_log(parts.out), log);
}

TEST_F(SkippedSteps, WritesTheLastWeightsWhereNoValidationLossIsFinite) {
  SftConfig whole = config("whole");
  make_overflow();
  const std::string lines = read_file(whole.train);
  const std::size_t last = lines.rfind('\n', lines.size() - 2) + 1;
  whole.valid = folder_ / "valid.jsonl";
  write_file(whole.train, lines.substr(0, last));
  write_file(whole.valid, lines.substr(last));
  run_sft(whole);
  SftConfig best = whole;
  best.out = folder_ / "best";
  best.keep = "best";
  EXPECT_EQ(run_sft(best).skipped_updates, 0);
  EXPECT_TRUE(test::same_tensors(weights_in(best.out), weights_in(whole.out)));
  EXPECT_EQ(trainer_state(best.out)["stateful_callbacks"]["vragent"]["attributes"]["no_best"],
            "no validation loss is finite");
  fs::remove(best.out / "trainer_state.json");
  best.resume = true;
  const std::vector<Json> log = timeless_log(best.out);
  run_sft(best);
  EXPECT_EQ(timeless_log(best.out), log) << "a kill behind the last step: no second validation";
}

TEST_F(SkippedSteps, WritesNoModelWhereEveryStepIsSkipped) {
  break_model();
  EXPECT_THAT(complaint(config("broken")), StartsWith("every one of 6 updates"));
  EXPECT_TRUE(
      test::same_tensors(weights_in(folder_ / "broken/checkpoint-6"), weights_in(folder_ / "lm")));
}

TEST_F(SkippedSteps, EndARunWhereTheyComeInARow) {
  break_model();
  SftConfig broken = config("broken");
  broken.valid = "";
  broken.log_every = 1;
  broken.max_skipped_updates = 4;
  EXPECT_THAT(complaint(broken), StartsWith("4 updates in a row"));
  EXPECT_TRUE(fs::exists(broken.out / "checkpoint-2"));
  EXPECT_FALSE(fs::exists(broken.out / "checkpoint-4"));
  const std::vector<Json> log = timeless_log(broken.out);
  EXPECT_EQ(log.size(), 4);
  broken.resume = true;
  EXPECT_THAT(complaint(broken), StartsWith("4 updates in a row")) << "those before count";
  EXPECT_EQ(timeless_log(broken.out), log);
  broken.max_skipped_updates = 0;
  EXPECT_THAT(complaint(broken), StartsWith("every one of 6 updates"));
}

}  // namespace
}  // namespace vragent::learning

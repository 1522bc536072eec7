// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/sft_trainer.h"

#include <algorithm>
#include <csignal>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "learning/run_files.h"
#include "learning/sft_training.h"
#include "vragent/engine/adapter_folder.h"
#include "vragent/engine/chat_encoder.h"
#include "vragent/engine/native_chat.h"
#include "vragent/learning/sft_examples.h"
#include "vragent/util/error.h"
#include "vragent/util/interrupt.h"

namespace vragent::learning {
namespace {

namespace fs = std::filesystem;

/// Learning goes wrong on purpose: the first measured step is the best one.
TEST_F(SftTraining, KeepsTheWeightsOfTheLowestValidationLoss) {
  SftConfig best = config("best");
  best.keep = "best";
  best.valid_every = 1;
  best.optim.lr = 0.5;
  best.optim.warmup_steps = 0;
  SftConfig one = best;
  one.out = folder_ / "one";
  one.max_steps = 1;
  one.keep = "last";
  one.optim.schedule = best.optim.schedule = "constant";
  const SftResult first = run_sft(one);
  const SftResult result = run_sft(best);
  EXPECT_EQ(result.steps, 6);
  EXPECT_EQ(result.valid_loss, first.valid_loss);
  EXPECT_TRUE(test::same_tensors(weights_in(folder_ / "best"), weights_in(folder_ / "one")));
  EXPECT_FALSE(fs::exists(folder_ / "best" / "best.safetensors"));
  const Json state = trainer_state(best.out);
  EXPECT_EQ(state["best_metric"], *first.valid_loss);
  EXPECT_EQ(state["best_global_step"], 1);
  EXPECT_EQ(state["best_model_checkpoint"], best.out.string());
  best.resume = true;
  EXPECT_EQ(run_sft(best).valid_loss, first.valid_loss) << "a finished run";
  best.resume = false;
  best.keep = "last";
  best.out = folder_ / "last";
  run_sft(best);
  const Json last = trainer_state(best.out);
  EXPECT_EQ(last["best_global_step"], 1);
  EXPECT_TRUE(last["best_model_checkpoint"].is_null());
  EXPECT_EQ(last["stateful_callbacks"]["vragent"]["attributes"]["no_best"],
            "no checkpoint of step 1 is kept (--save-every, --keep-checkpoints)");
}

TEST_F(SftTraining, NamesTheBestCheckpointOnlyWhereOneWasMeasured) {
  SftConfig measured = config("measured");
  measured.valid_every = 1;
  measured.save_every = 1;
  measured.keep_checkpoints = 9;
  run_sft(measured);
  const Json state = trainer_state(measured.out);
  const auto losses = logged(measured.out, "eval_loss");
  EXPECT_EQ(state["best_metric"], *std::min_element(losses.begin(), losses.end()));
  const std::string best = "checkpoint-" + std::to_string(state["best_global_step"].get<int>());
  EXPECT_EQ(state["best_model_checkpoint"], (measured.out / best).string());
  const Json earlier = trainer_state(measured.out / "checkpoint-1");
  EXPECT_EQ(earlier["best_model_checkpoint"], (measured.out / "checkpoint-1").string());
  EXPECT_EQ(earlier["best_metric"], losses[0]);
  SftConfig unmeasured = config("unmeasured");
  unmeasured.valid = "";
  run_sft(unmeasured);
  const Json none = trainer_state(unmeasured.out);
  EXPECT_TRUE(none["best_metric"].is_null());
  EXPECT_EQ(none["stateful_callbacks"]["vragent"]["attributes"]["no_best"], "nothing is validated");
}

TEST_F(SftTraining, CountsTheTokensOfQuestionsAndAnswersThatItHasSeen) {
  SftConfig config = this->config("tokens");
  config.log_every = 3;  // an epoch
  run_sft(config);
  const engine::ChatEncoder encoder(folder_ / "lm");
  double epoch = 0;
  for (const ChatExample& example : load_examples(config.train, {}))
    epoch += static_cast<double>(encode_example(example, encoder, false).chat.ids.size());
  EXPECT_EQ(logged(config.out, "num_tokens"), (std::vector<double>{epoch, 2 * epoch}));
  EXPECT_EQ(trainer_state(config.out)["num_input_tokens_seen"], 2 * epoch);
}

TEST_F(SftTraining, RemembersTheBestWeightsAcrossAnInterrupt) {
  SftConfig whole = config("whole");
  whole.keep = "best";
  whole.valid_every = 1;
  whole.optim.lr = 0.5;
  const SftResult wanted = run_sft(whole);
  SftConfig parts = whole;
  parts.out = folder_ / "parts";
  EXPECT_EQ(run_in_parts(parts, 4).valid_loss, wanted.valid_loss);
  EXPECT_TRUE(test::same_tensors(weights_in(folder_ / "parts"), weights_in(folder_ / "whole")));
}

TEST_F(SftTraining, RefusesToKeepTheBestOfNothing) {
  SftConfig best = config("run");
  best.keep = "best";
  best.valid.clear();
  EXPECT_THROW(run_sft(best), ConfigError);
}

TEST_F(SftTraining, ResumesBitForBit) {
  const SftResult wanted = run_sft(config("whole"));
  EXPECT_EQ(wanted.steps, 6);
  SftConfig parts = config("parts");
  const SftResult got = run_in_parts(parts, 3);
  EXPECT_EQ(got.steps, wanted.steps);
  EXPECT_EQ(got.train_loss, wanted.train_loss);
  EXPECT_EQ(got.valid_loss, wanted.valid_loss);
  const auto weights = weights_in(folder_ / "whole");
  EXPECT_TRUE(test::same_tensors(weights_in(folder_ / "parts"), weights));
  EXPECT_EQ(timeless_log(folder_ / "parts"), timeless_log(folder_ / "whole"));
  EXPECT_FALSE(test::same_tensors(weights_in(folder_ / "lm"), weights)) << "it trained";
}

/// Its checkpoint is there, the final model is not.
TEST_F(SftTraining, ValidatesOnceWhereAKillComesBehindTheLastStep) {
  for (const char* keep : {"last", "best"}) {
    SftConfig killed = config(keep);
    killed.keep = keep;
    killed.optim.lr = 0.5;
    const SftResult wanted = run_sft(killed);
    const auto weights = weights_in(killed.out);
    const auto log = timeless_log(killed.out);
    fs::remove(killed.out / "trainer_state.json");
    fs::rename(killed.out / "model.safetensors", killed.out / "best.safetensors");
    killed.resume = true;
    EXPECT_EQ(run_sft(killed).valid_loss, wanted.valid_loss) << keep;
    EXPECT_EQ(timeless_log(killed.out), log) << keep;
    EXPECT_TRUE(test::same_tensors(weights_in(killed.out), weights)) << keep;
  }
}

TEST_F(SftTraining, TrainsBf16WeightsWithFp32MastersThatResumeBitForBit) {
  SftConfig whole = config("whole");
  whole.runtime.dtype = "bfloat16";
  whole.optim.lr = 2e-5;  // below half a bf16 step of most weights: only a master moves by it
  whole.optim.warmup_steps = 0;
  run_sft(whole);
  SftConfig parts = whole;
  parts.out = folder_ / "parts";
  run_in_parts(parts, 2);
  EXPECT_TRUE(test::same_tensors(weights_in(parts.out), weights_in(whole.out)));
  const auto state = nn::load_safetensors(whole.out / "checkpoint-6/state/state.safetensors");
  const auto before = weights_in(folder_ / "lm");
  std::int64_t moved = 0;
  std::int64_t all = 0;
  for (const auto& [name, weight] : weights_in(whole.out)) {
    EXPECT_EQ(weight.scalar_type(), torch::kBFloat16) << name;
    const torch::Tensor& master = state.at("optimizer.master." + name);
    EXPECT_EQ(master.scalar_type(), torch::kFloat32) << name;
    EXPECT_TRUE(master.to(torch::kBFloat16).equal(weight)) << name;
    moved += (master != before.at(name).to(torch::kBFloat16)).sum().item<std::int64_t>();
    all += master.numel();
  }
  EXPECT_GT(moved, all / 4) << "masters learn where bf16 alone would round the step away";
}

TEST_F(SftTraining, LearnsTheSameWhereAStepIsCutByTokens) {
  const SftConfig whole = config("whole-step");
  run_sft(whole);
  for (const std::int64_t tokens : {1, 60}) {
    SftConfig cut = whole;
    cut.out = folder_ / ("cut-" + std::to_string(tokens));
    cut.micro_tokens = tokens;
    run_sft(cut);
    for (const auto& [name, tensor] : weights_in(whole.out))
      EXPECT_LT(test::max_difference(weights_in(cut.out).at(name), tensor), 1e-5)
          << name << " " << tokens;
  }
}

TEST_F(SftTraining, ResumesBitForBitWhereBf16StepsAreCutByTokens) {
  SftConfig whole = config("cut-whole");
  whole.runtime.dtype = "bfloat16";
  whole.micro_tokens = 40;
  run_sft(whole);
  SftConfig parts = whole;
  parts.out = folder_ / "cut-parts";
  run_in_parts(parts, 2);
  EXPECT_TRUE(test::same_tensors(weights_in(parts.out), weights_in(whole.out)));
  EXPECT_EQ(timeless_log(parts.out), timeless_log(whole.out));
}

TEST_F(SftTraining, SkipsOrCutsExamplesThatAreTooLongAndCountsThem) {
  std::string lines = read_file(folder_ / "train.jsonl");
  std::string answer;
  for (int i = 0; i < 30; ++i) answer += "the cat is here and ";
  lines += R"({"prompt": "where", "completion": ")" + answer + "\"}\n";
  write_file(folder_ / "train.jsonl", lines);
  SftConfig long_one = config("long");
  long_one.valid = "";
  long_one.max_length = 160;
  try {
    run_sft(long_one);
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("train.jsonl:8"), std::string::npos) << error.what();
  }
  EXPECT_FALSE(fs::exists(long_one.out / "train_log.jsonl")) << "said before the first step";
  long_one.overlong = "skip";
  long_one.overwrite = true;
  SftResult result = run_sft(long_one);
  EXPECT_EQ(result.skipped, 1);
  EXPECT_EQ(result.steps, 6) << "two epochs of seven by three";
  long_one.overlong = "truncate";
  result = run_sft(long_one);
  EXPECT_EQ(result.truncated, 1);
  EXPECT_EQ(result.skipped, 0);
}

TEST_F(SftTraining, RehearsesWithoutChangingARun) {
  const SftConfig plain = config("plain");
  run_sft(plain);
  SftConfig rehearsed = plain;
  rehearsed.out = folder_ / "rehearsed";
  rehearsed.rehearse = "on";
  run_sft(rehearsed);
  EXPECT_TRUE(test::same_tensors(weights_in(rehearsed.out), weights_in(plain.out)));
}

TEST_F(SftTraining, LearnsTheSameBitsWithGradientCheckpointing) {
  for (const bool adapter : {false, true}) {
    for (const char* dtype : {"float32", "bfloat16"}) {
      SftConfig plain = config(std::string("plain-") + dtype);
      plain.runtime.dtype = dtype;
      plain.micro_tokens = 120;
      if (adapter) plain.lora = {.rank = 2, .alpha = 4, .dropout = 0.3};
      plain.overwrite = true;
      run_sft(plain);
      SftConfig again = plain;
      again.out = folder_ / (std::string("again-") + dtype);
      again.gradient_checkpointing = true;
      run_sft(again);
      const auto tensors = adapter ? adapter_in : weights_in;
      EXPECT_TRUE(test::same_tensors(tensors(again.out), tensors(plain.out))) << dtype << adapter;
      EXPECT_EQ(timeless_log(again.out), timeless_log(plain.out)) << dtype << adapter;
    }
  }
}

TEST_F(SftTraining, TrainsAnAdapterThatResumesBitForBit) {
  SftConfig whole = config("whole");
  whole.lora = {.rank = 2, .alpha = 4, .dropout = 0.3, .target_modules = {"q_proj", "up_proj"}};
  const SftResult wanted = run_sft(whole);
  SftConfig parts = whole;
  parts.out = folder_ / "parts";
  EXPECT_EQ(run_in_parts(parts, 2).train_loss, wanted.train_loss);
  const auto tensors = adapter_in(whole.out);
  EXPECT_TRUE(test::same_tensors(adapter_in(parts.out), tensors));
  EXPECT_EQ(timeless_log(parts.out), timeless_log(whole.out));
  EXPECT_EQ(tensors.size(), 8);
  for (const auto& [name, tensor] : tensors) EXPECT_TRUE(tensor.any().item<bool>()) << name;
  EXPECT_FALSE(fs::exists(whole.out / "model.safetensors")) << "the base is not written again";
}

TEST_F(SftTraining, GoesOnFromAnAdapterOfTheSameSettings) {
  SftConfig first = config("first");
  first.lora = {.rank = 2, .target_modules = {"v_proj"}};
  run_sft(first);
  SftConfig second = first;
  second.model = first.out.string();
  second.out = folder_ / "second";
  second.max_steps = 1;
  second.optim.lr = 0;
  run_sft(second);
  EXPECT_TRUE(test::same_tensors(adapter_in(second.out), adapter_in(first.out)));
  EXPECT_EQ(engine::base_folder(second.out), folder_ / "lm");
  second.overwrite = true;
  second.lora.rank = 3;
  EXPECT_THROW(run_sft(second), ConfigError);
  second.lora.rank = 2;
  second.lora.target_modules = {"q_proj"};
  EXPECT_THROW(run_sft(second), ConfigError);
  second.lora.rank = 0;  // all weights of base and adapter together
  run_sft(second);
  EXPECT_TRUE(fs::exists(second.out / "model.safetensors"));
  EXPECT_FALSE(fs::exists(second.out / "adapter_config.json"));
}

TEST_F(SftTraining, TeachesTheEngineByAnAdapterAlone) {
  SftConfig config = this->config("learns");
  config.epochs = 60;
  config.batch_size = 7;
  config.valid_every = 0;
  config.save_every = 0;
  config.optim.lr = 1e-2;
  config.lora = {.rank = 8};
  const SftResult result = run_sft(config);
  EXPECT_LT(result.valid_loss.value(), logged(config.out, "loss").front() / 3);
  engine::write_merged_folder(config.out, folder_ / "merged");
  const chat::Request request{.messages = {{"user", "where is the garden", {}}},
                              .sampling = {.temperature = 0, .max_tokens = 40}};
  std::vector<std::string> answers;
  for (const char* model : {"learns", "merged", "lm"}) {
    engine::NativeChat chat(folder_ / model, torch::kFloat32, torch::kCPU);
    answers.push_back(chat.answer({&request, 1})[0][0].text);
  }
  EXPECT_EQ(answers[0], answers[1]);
  EXPECT_NE(answers[0], answers[2]) << "the base alone";
}

TEST_F(SftTraining, LeavesAFinishedRunAsItIsOnResume) {
  SftConfig config = this->config("run");
  config.save_every = 0;
  const SftResult first = run_sft(config);
  const auto written = fs::last_write_time(folder_ / "run/model.safetensors");
  config.resume = true;
  const SftResult again = run_sft(config);
  EXPECT_EQ(again.steps, first.steps);
  EXPECT_EQ(again.train_loss, first.train_loss);
  EXPECT_EQ(again.valid_loss, first.valid_loss);
  EXPECT_EQ(fs::last_write_time(folder_ / "run/model.safetensors"), written);
}

TEST_F(SftTraining, KeepsTheNewestCheckpointsEachAWholeModel) {
  run_sft(config("run"));
  EXPECT_FALSE(fs::exists(folder_ / "run/checkpoint-2"));
  for (const char* name : {"run/checkpoint-4", "run/checkpoint-6", "run"})
    EXPECT_NO_THROW(models::load_causal_lm(folder_ / name, torch::kFloat32, torch::kCPU)) << name;
  EXPECT_TRUE(
      test::same_tensors(weights_in(folder_ / "run/checkpoint-6"), weights_in(folder_ / "run")));
  const Json state = trainer_state(folder_ / "run");
  EXPECT_EQ(state["global_step"], 6);
  EXPECT_EQ(state["epoch"], 2.0);
  EXPECT_EQ(state["log_history"].size(), 4) << "steps 4 and 6, measurements at 3 and 6";
}

TEST_F(SftTraining, TeachesTheEngineItsAnswers) {
  SftConfig config = this->config("learns");
  config.epochs = 60;
  config.batch_size = 7;
  config.valid_every = 0;
  config.save_every = 0;
  config.optim.lr = 1e-2;
  const SftResult result = run_sft(config);
  EXPECT_LT(result.valid_loss.value(), 0.05);
  engine::NativeChat model(config.out, torch::kFloat32, torch::kCPU);
  for (const std::string animal : {"cat", "garden", "market"}) {
    const chat::Request request{.messages = {{"user", "where is the " + animal, {}}},
                                .sampling = {.temperature = 0, .max_tokens = 40}};
    EXPECT_EQ(model.answer({&request, 1})[0][0].text, "the " + animal + " is here");
  }
}

TEST_F(SftTraining, RefusesToResumeWithOtherSettings) {
  SftConfig parts = config("parts");
  request_interrupt(SIGTERM);
  EXPECT_THROW(run_sft(parts), Interrupted);
  clear_interrupt();
  parts.resume = true;
  parts.optim.lr = 1e-4;
  try {
    run_sft(parts);
    FAIL() << "no error";
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("optim.lr"), std::string::npos) << error.what();
  }
}

TEST_F(SftTraining, RefusesToGoOnFromACheckpointOfAnotherModel) {
  SftConfig parts = config("parts");
  request_interrupt(SIGTERM);
  EXPECT_THROW(run_sft(parts), Interrupted);
  clear_interrupt();
  models::CausalLm other(test::tiny_lm_config(50));
  test::randomise(*other, 3);
  test::write_weights(
      parts.out / "checkpoint-1", *other, models::to_config_json(other->model->config));
  parts.resume = true;
  try {
    run_sft(parts);
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("embed_tokens.weight"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace vragent::learning

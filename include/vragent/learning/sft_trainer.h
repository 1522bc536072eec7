// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Supervised fine-tuning of language models (and of Qwen2.5-VL with its vision tower): all
// parameters, or an adapter on the text model's linear layers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "vragent/comm/communicator.h"
#include "vragent/data/run_dir.h"
#include "vragent/learning/rehearsal.h"
#include "vragent/learning/trainer_files.h"
#include "vragent/nn/device.h"
#include "vragent/nn/lora.h"
#include "vragent/nn/optim/sharded_adamw.h"
#include "vragent/plan/training_plan.h"
#include "vragent/simulator/user_profile.h"

namespace vragent::learning {

struct SftConfig {
  std::filesystem::path out;
  std::filesystem::path train;
  std::filesystem::path valid;
  std::string model;
  std::int64_t batch_size = 16;
  double epochs = 1;
  std::int64_t max_steps = 0;
  std::int64_t micro_tokens = 0;
  bool gradient_checkpointing = false;
  std::int64_t max_length = 4096;
  std::string overlong = "error";
  std::string loss_on = "answer";
  std::int64_t log_every = 10;
  std::int64_t valid_every = 0;
  std::int64_t save_every = 0;
  std::int64_t keep_checkpoints = 2;
  std::int64_t max_skipped_updates = 20;
  std::string keep = "last";
  std::int64_t zero = 1;
  bool resume = false;
  bool overwrite = false;
  bool dry_run = false;
  std::string rehearse = "auto";
  plan::PlanConfig plan;
  nn::OptimConfig optim = {.lr = 1e-5, .weight_decay = 0.0, .clip = 1.0, .schedule = "linear"};
  nn::LoraConfig lora;
  simulator::PromptConfig prompt;
  nn::RuntimeConfig runtime;

  void visit(auto& v) {
    v("out", out, "run folder; the trained model is written there (required)");
    v("model",
      model,
      "model or adapter folder to start from, or org/name in the local cache (required)");
    v("train",
      train,
      "examples: chat, prompt/completion or Alpaca jsonl, or a case file (required)");
    v("valid", valid, "examples that are only measured");
    v("batch-size", batch_size, "examples of one optimiser step");
    v("epochs", epochs, "passes over the examples");
    v("max-steps", max_steps, "stop after so many steps; 0 is all epochs");
    v("micro-tokens",
      micro_tokens,
      "tokens of one forward and backward, into which a step is cut; a longer example stands "
      "alone; "
      "0: a step is computed at once");
    v("gradient-checkpointing", gradient_checkpointing, kGradientCheckpointingHelp);
    v("max-length", max_length, "longest example in tokens");
    v("overlong",
      overlong,
      "a longer example: error, skip, or truncate (its end is cut off; skipped where nothing to "
      "learn is left); both are counted");
    v("loss-on", loss_on, "answer: the assistant's turns; all: every token");
    v("log-every", log_every, "steps between logged lines");
    v("valid-every", valid_every, "steps between measurements on --valid; 0 is once, at the end");
    v("save-every", save_every, "steps between checkpoints; 0 is none but after a signal");
    v("keep-checkpoints", keep_checkpoints, "newest checkpoints that are kept");
    v("keep",
      keep,
      "weights that are written at the end: last, or best (of the lowest loss measured on "
      "--valid)");
    v("max-skipped-updates", max_skipped_updates, kMaxSkippedUpdatesHelp);
    v("zero", zero, nn::kZeroHelp);
    v("resume", resume, data::kResumeHelp);
    v("overwrite", overwrite, data::kOverwriteHelp);
    v("dry-run", dry_run, plan::kDryRunHelp);
    v("rehearse", rehearse, kRehearseHelp);
    v("plan", plan, "");
    v("optim", optim, "");
    v("lora", lora, "");
    v("prompt", prompt, "");
    runtime.visit(v);
  }

  void check() const;
};

/// What a run ends with.
struct SftResult {
  std::int64_t steps = 0;
  double train_loss = 0;             ///< mean over the last logged interval
  std::optional<double> valid_loss;  ///< token mean of the weights written; none without --valid
  std::int64_t skipped = 0;          ///< examples that are too long
  std::int64_t truncated = 0;
  std::int64_t skipped_updates = 0;  ///< whose loss or gradient was not finite; they change nothing
};

/// What a run of this config in so many processes is planned as, with examples of max_length;
/// --model may be a known shape. @throws ConfigError, Error (66)
plan::TrainingRun plan_sft(const SftConfig& config, std::int64_t ranks = 1);

/// Trains and writes the model in the Hugging Face layout into config.out, with trainer_state.json
/// and logs. Many processes share the examples of each step; the result is that of one (fp32: to
/// rounding), and rank 0 writes.
/// @throws Interrupted after a signal, with a checkpoint saved; Error (70) when every update had to
/// be skipped, or max_skipped_updates in a row
SftResult run_sft(const SftConfig& config, const comm::Communicator& processes = comm::alone());

}  // namespace vragent::learning

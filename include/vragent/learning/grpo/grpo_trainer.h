// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// GRPO on simulated users (paper, "Reinforcement fine-tuning"): group rollouts, rewards, group
// advantage, clipped ratio with a divergence from the starting policy; first judgment, then
// selection.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vragent/chat/sampling.h"
#include "vragent/comm/communicator.h"
#include "vragent/data/run_dir.h"
#include "vragent/learning/grpo/advantage.h"
#include "vragent/learning/grpo/grpo_loss.h"
#include "vragent/learning/grpo/reward.h"
#include "vragent/learning/rehearsal.h"
#include "vragent/learning/trainer_files.h"
#include "vragent/nn/device.h"
#include "vragent/nn/lora.h"
#include "vragent/nn/optim/sharded_adamw.h"
#include "vragent/plan/training_plan.h"
#include "vragent/simulator/user_profile.h"

namespace vragent::learning {

struct GrpoConfig {
  std::filesystem::path out;
  std::vector<std::filesystem::path> cases;
  std::string model;
  std::vector<std::string> stages = {
      "judge:2", "select:2"};  // paper: judgment, then selection; 4 epochs in all
  double replay = 0.0;
  std::vector<double> stage_lr;
  std::int64_t batch_prompts = 16;  // paper: 16
  std::int64_t group_size = 16;     // paper: 16
  std::int64_t mini_prompts = 0;    // the release: 8
  std::int64_t updates_per_rollout = 1;
  std::int64_t resample_rounds = 0;
  std::int64_t micro_prompts = 4;
  std::int64_t micro_tokens = 0;
  std::int64_t sample_rows = 512;
  bool gradient_checkpointing = false;
  std::int64_t max_prompt_tokens = 2048;  // paper: 2,048
  std::string overlong = "error";
  std::int64_t log_completions_every = 1;
  std::int64_t save_every = 50;
  std::int64_t keep_checkpoints = 2;
  std::int64_t max_skipped_updates = 20;
  std::int64_t zero = 1;
  bool resume = false;
  bool overwrite = false;
  bool dry_run = false;
  std::string rehearse = "auto";
  plan::PlanConfig plan;
  AdvantageConfig advantage;
  GrpoLossConfig loss;
  RewardConfig reward;
  chat::SamplingConfig sampling = {.max_tokens = 2048};  // paper: 2,048
  nn::OptimConfig optim = {
      .lr = 4e-7, .weight_decay = 0.0, .clip = 1.0};  // lr of the release; the paper gives none
  nn::LoraConfig lora;
  simulator::PromptConfig prompt;
  nn::RuntimeConfig runtime;

  void visit(auto& v) {
    v("out", out, "run folder; the trained model is written there (required)");
    v("model",
      model,
      "model or adapter folder to start from (also the reference policy) (required)");
    v("cases", cases, "labelled case files (required)");
    v("stages", stages, "curriculum, TASK:EPOCHS each: judge, select or both");
    v("replay",
      replay,
      "share of a later stage's prompts that is taken from the tasks of earlier stages");
    v("stage-lr", stage_lr, "learning rate of each stage; empty: the same for all");
    v("batch-prompts",
      batch_prompts,
      "prompts of one step, all different: a stage with fewer cases asks each once; only further "
      "rounds (resample-rounds) may ask one again");
    v("group-size", group_size, "answers sampled for each prompt");
    v("mini-prompts",
      mini_prompts,
      "prompts (with their whole groups) of one optimiser step, a divisor of batch-prompts: the "
      "answers of a step are drawn into mini-batches of so many; 0: one of all");
    v("updates-per-rollout",
      updates_per_rollout,
      "passes over the answers of a step, mini-batches in a new order each; with more than one "
      "optimiser step in all the probability ratio is clipped");
    v("resample-rounds",
      resample_rounds,
      "dynamic sampling (DAPO): groups whose answers all earn the same are dropped and further "
      "prompts asked in their place, in at most so many rounds more a step; 0 keeps all groups");
    v("micro-prompts",
      micro_prompts,
      "prompts (with their groups) of one forward and backward; many processes (mpirun) take whole "
      "ones each");
    v("micro-tokens",
      micro_tokens,
      "tokens of one forward and backward in place of micro-prompts, each prompt counted once; "
      "groups are cut where they are longer; 0 is off");
    v("sample-rows",
      sample_rows,
      "answers decoded together, at least group-size; fewer hold fewer keys and values, the "
      "answers "
      "stay the same (to rounding)");
    v("gradient-checkpointing", gradient_checkpointing, kGradientCheckpointingHelp);
    v("max-prompt-tokens", max_prompt_tokens, "longest prompt");
    v("overlong",
      overlong,
      "a longer prompt: error, skip (the case is left out), or truncate (the oldest of its history "
      "is); both are counted");
    v("log-completions-every",
      log_completions_every,
      "steps between entries in completions.jsonl; 0 writes none");
    v("save-every", save_every, "steps between checkpoints; 0 is none but after a signal");
    v("keep-checkpoints", keep_checkpoints, "newest checkpoints that are kept");
    v("max-skipped-updates", max_skipped_updates, kMaxSkippedUpdatesHelp);
    v("zero", zero, nn::kZeroHelp);
    v("resume", resume, data::kResumeHelp);
    v("overwrite", overwrite, data::kOverwriteHelp);
    v("dry-run", dry_run, plan::kDryRunHelp);
    v("rehearse", rehearse, kRehearseHelp);
    v("plan", plan, "");
    v("advantage", advantage, "");
    v("loss", loss, "");
    v("reward", reward, "");
    v("sampling", sampling, "");
    v("optim", optim, "");
    v("lora", lora, "");
    v("prompt", prompt, "");
    runtime.visit(v);
  }

  void check() const;
};

struct GrpoResult {
  std::int64_t steps = 0;
  std::int64_t skipped_prompts = 0;    ///< overlong
  std::int64_t truncated_prompts = 0;  ///< overlong, asked with less history
  std::int64_t dropped_groups = 0;     ///< by dynamic sampling
  std::int64_t skipped_updates = 0;    ///< whose loss or gradient was not finite
  double last_reward = 0;              ///< weighted mean of the last step
};

/// What a run of this config in so many processes is planned as, with prompts and answers of the
/// longest allowed; --model may be a known shape. @throws ConfigError, Error (66)
plan::TrainingRun plan_grpo(const GrpoConfig& config, std::int64_t ranks = 1);

/// Trains and writes the model into config.out, with trainer_state.json, logs and
/// completions.jsonl. Many processes share the prompts of a step when they sample and its
/// micro-batches when they learn; the result is that of one (fp32: to rounding), and rank 0 writes.
/// @throws Interrupted after a signal, with a checkpoint saved; Error (70) when every update had to
/// be skipped, or max_skipped_updates in a row
GrpoResult run_grpo(const GrpoConfig& config, const comm::Communicator& processes = comm::alone());

}  // namespace vragent::learning

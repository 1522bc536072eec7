// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Contrastive training of CLIP on image-text pairs (Radford et al. 2021): the mean of two cross
// entropies over the batch's similarity matrix.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <torch/types.h>

#include "vragent/data/run_dir.h"
#include "vragent/nn/device.h"
#include "vragent/nn/optim/adamw.h"

namespace vragent::learning {

struct ContrastiveConfig {
  std::filesystem::path out;
  std::filesystem::path pairs;
  std::string model;
  std::int64_t steps = 200;
  std::int64_t batch_size = 128;
  std::int64_t log_every = 20;
  bool resume = false;
  bool overwrite = false;
  nn::OptimConfig optim = {.lr = 1e-3,
                           .weight_decay = 0.05,
                           .clip = 1.0,
                           .warmup_steps = 50,
                           .schedule = "linear",
                           .final_share = 0.1};
  nn::RuntimeConfig runtime;

  void visit(auto& v) {
    v("out", out, "run folder; the trained model is written there (required)");
    v("model", model, "CLIP folder to start from (required)");
    v("pairs", pairs, "jsonl of {\"image\": path, \"text\": text} (required)");
    v("steps", steps, "optimiser steps");
    v("batch-size", batch_size, "pairs of one step; each is the negative of all others");
    v("log-every", log_every, "steps between logged lines");
    v("resume", resume, data::kResumeHelp);
    v("overwrite", overwrite, data::kOverwriteHelp);
    v("optim", optim, "");
    runtime.visit(v);
  }

  void check() const;
};

/// @param images, texts [B, P], not normalised; logit_scale the logarithm of the scale (held at
/// most at 100)
/// @return scalar
torch::Tensor contrastive_loss(const torch::Tensor& images,
                               const torch::Tensor& texts,
                               const torch::Tensor& logit_scale);

/// Trains and writes the model in the Hugging Face layout into config.out. @return the last logged
/// loss
double run_contrastive(const ContrastiveConfig& config);

}  // namespace vragent::learning

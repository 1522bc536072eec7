// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// AdamW (Loshchilov & Hutter 2019) with parameter groups, warm-up and decay, gradient clipping.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <torch/types.h>

#include "vragent/nn/safetensors.h"

namespace torch::nn {
class Module;
}

namespace vragent::nn {

struct OptimConfig {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.01;
  double clip = 1.0;
  std::int64_t warmup_steps = 0;
  std::string schedule = "constant";
  double final_share = 0.0;

  void visit(auto& v) {
    v("lr", lr, "peak learning rate");
    v("beta1", beta1, "decay of the gradient's mean");
    v("beta2", beta2, "decay of the gradient's square");
    v("eps", eps, "added to the root of the second moment");
    v("weight-decay",
      weight_decay,
      "decoupled weight decay of matrices; norms and biases have none, but for train-sasrec, which "
      "decays all but encoders and the layer behind a video encoder, as released");
    v("clip", clip, "largest global gradient norm; 0 does not clip");
    v("warmup-steps", warmup_steps, "linear warm-up, in optimiser steps");
    v("schedule", schedule, "after warm-up: constant, linear or cosine");
    v("final-share", final_share, "share of the peak rate that linear and cosine end at");
  }

  void check() const;
};

/// Learning rate at optimiser step 0.. of total_steps. The first warm-up step has lr /
/// warmup_steps, not 0.
double learning_rate(const OptimConfig& config, std::int64_t step, std::int64_t total_steps);

/// A parameter with its checkpoint name.
struct NamedParameter {
  std::string name;
  torch::Tensor tensor;
};

/// Parameters that share a rate and a decay.
struct ParameterGroup {
  std::vector<NamedParameter> parameters;
  double lr_scale = 1.0;  ///< times the step's learning rate
  double weight_decay = 0.0;
};

/// The usual two groups: matrices decay, vectors (norms, biases) and parameters without gradient do
/// not.
std::vector<ParameterGroup> decay_groups(const std::vector<NamedParameter>& parameters,
                                         double weight_decay);

/// Named parameters of a module that require a gradient.
std::vector<NamedParameter> trainable_parameters(const torch::nn::Module& module);

/// Keeps first and second moments in fp32. bf16 parameters are the roundings of fp32 masters, of
/// which the lower halves are kept here: nobody else may change such a parameter between steps.
class AdamW {
 public:
  AdamW(std::vector<ParameterGroup> groups, const OptimConfig& config);

  /// One update with learning rate `lr` from the .grad of the parameters; a parameter without one
  /// is left alone.
  void step(double lr);

  /// Drops all gradients.
  void zero_grad();

  /// Global L2 norm of the gradients, which are then scaled so that it is at most max_norm (0: not
  /// scaled). A non-finite norm is returned unscaled: the caller skips the step.
  double clip_gradients(double max_norm);

  /// "m.NAME", "v.NAME", "master.NAME" and "step.NAME" of every parameter, for a checkpoint.
  [[nodiscard]] NamedTensors state() const;

  /// Sets bf16 parameters too. @throws DataError naming a missing or misshapen tensor
  void load_state(const NamedTensors& state, const std::string& where);

 private:
  struct Slot {
    std::string name;
    torch::Tensor parameter;
    torch::Tensor low;   ///< int16 [numel], lower halves of masters; undefined where it is fp32
    torch::Tensor down;  ///< int64, where masters were halfway to the next number and rounded down
    torch::Tensor m;
    torch::Tensor v;
    torch::Tensor step;  ///< float scalar, as the fused kernel wants it
    double lr_scale = 1.0;
    double weight_decay = 0.0;

    [[nodiscard]] bool is_rounded() const { return low.defined(); }

    /// fp32: the parameter itself, or made from it and `low`.
    [[nodiscard]] torch::Tensor master() const;

    /// Rounds a master to the parameter and keeps what that loses.
    void take(const torch::Tensor& master);
  };

  std::vector<Slot> slots_;
  OptimConfig config_;
};

}  // namespace vragent::nn

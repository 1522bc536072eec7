// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The weights of the lowest validation loss of a run, kept in a file beside its checkpoints. They
// are written again by a resumed run that comes past the same step, so a kill loses nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>

#include <torch/types.h>

namespace torch::nn {
class Module;
}

namespace vragent::learning {

class BestWeights {
 public:
  /// @param folder of the run; holds best.safetensors until discard()
  explicit BestWeights(const std::filesystem::path& folder);

  [[nodiscard]] double loss() const { return loss_; }

  /// Of that loss; none before the first that is a number.
  [[nodiscard]] std::optional<std::int64_t> step() const { return step_; }

  /// Where a resumed run stood.
  void set(double loss, std::int64_t step) {
    loss_ = loss;
    step_ = step;
  }

  /// Keeps the trainable parameters when `loss` is below all before it; of equals the first.
  /// @param writes false where another process does, or nobody will want them
  /// @return whether it was
  bool offer(double loss, std::int64_t step, const torch::nn::Module& module, bool writes);

  /// Puts the kept weights back into the module.
  void restore(const torch::nn::Module& module) const;

  /// Removes the file: for when the weights are written elsewhere.
  void discard() const;

 private:
  std::filesystem::path path_;
  double loss_ = std::numeric_limits<double>::max();
  std::optional<std::int64_t> step_;
};

}  // namespace vragent::learning

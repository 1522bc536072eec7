// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// AdamW whose state is shared by processes that train copies of one model on parts of its batches
// (ZeRO, Rajbhandari et al. 2020, stages 1 and 2). Parameters stand in buckets; each process holds
// the fp32 masters and moments of its part of every bucket, gets the sum of all gradients for that
// part, updates it, and tells the others the new weights.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "vragent/comm/communicator.h"
#include "vragent/nn/optim/adamw.h"

namespace vragent::nn {

/// Text of the flag that chooses the stage.
inline constexpr const char* kZeroHelp =
    "in many processes (mpirun) each holds a part: 1 of the optimiser's state, 2 of the gradients "
    "too";

/// One process alone has an AdamW and nothing else. With more, all calls but zero_grad() are
/// collective.
class ShardedAdamW {
 public:
  /// @param zero 1: gradients are summed once, in clip_gradients(); 2: in every backward, bucket by
  /// bucket as they are complete, and whole gradients are dropped then, so that a process keeps its
  /// part of them only
  /// @param processes must outlive it
  /// @param bucket elements that are summed in one go; a larger parameter stands alone
  ShardedAdamW(const std::vector<ParameterGroup>& groups,
               const OptimConfig& config,
               const comm::Communicator& processes,
               std::int64_t zero = 1,
               std::int64_t bucket = std::int64_t{1} << 22);
  ~ShardedAdamW();
  ShardedAdamW(const ShardedAdamW&) = delete;
  ShardedAdamW& operator=(const ShardedAdamW&) = delete;

  /// Drops all gradients.
  void zero_grad();

  /// Sums the gradients of all processes, which may have gone through backward a different number
  /// of times, or never; then clips as AdamW does, by the norm of the whole. To be called before
  /// every step().
  double clip_gradients(double max_norm);

  /// One update of all processes' parameters; one without a gradient in any process is left alone.
  void step(double lr);

  /// AdamW::state() of the whole, the same for any number of processes, in the memory of the host;
  /// empty on all ranks but 0.
  [[nodiscard]] NamedTensors state() const;

  /// Takes this process's part; the parameters must have been restored before. @throws DataError
  /// naming a missing or misshapen tensor
  void load_state(const NamedTensors& state, const std::string& where);

 private:
  class Shards;

  const comm::Communicator& processes_;
  std::unique_ptr<Shards> shards_;  ///< none for one process alone
  AdamW optimizer_;                 ///< of the parameters, or of this process's parts of them
};

}  // namespace vragent::nn

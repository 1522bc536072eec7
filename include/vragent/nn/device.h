// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Where and how tensors are computed: device and dtype from text, thread count, determinism.
#pragma once

#include <cstdint>
#include <string>

#include <torch/types.h>

namespace vragent::nn {

/// Flags that every command with a model shares.
struct RuntimeConfig {
  std::string device = "cpu";
  std::string dtype = "float32";
  std::int64_t threads = 0;
  std::int64_t seed = 1;

  void visit(auto& v) {
    v("device", device, "cpu, cuda or cuda:N");
    v("dtype", dtype, "float32 or bfloat16: the type weights are held and computed in");
    v("threads",
      threads,
      "CPU threads of one operation; 0 is one per core (on a busy machine 1 may be faster)");
    v("seed", seed, "seed of every random choice");
  }

  void check() const;
};

/// "cpu", "cuda" or "cuda:N". The CUDA library is loaded only when asked for, so that CPU runs
/// start faster.
/// @throws ConfigError for other text, Error (69) when there is no such device
torch::Device parse_device(const std::string& text);

/// "float32" or "bfloat16". @throws ConfigError
torch::Dtype parse_dtype(const std::string& text);

/// Sets the thread count and asks torch for deterministic algorithms: the same build, device,
/// threads and seed give the same bits.
void prepare_torch(const RuntimeConfig& config);

}  // namespace vragent::nn

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/device.h"

#include <algorithm>
#include <cstdlib>
#include <thread>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <torch/cuda.h>

#include "vragent/ops/linear/packed_linear.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/log.h"

namespace vragent::nn {

void RuntimeConfig::check() const {
  check_range("threads", static_cast<double>(threads), 0, 4096);
  if (!device.starts_with("cuda")) parse_device(device);  // CUDA is loaded when it is needed
  parse_dtype(dtype);
}

torch::Device parse_device(const std::string& text) {
  const bool is_cuda = text == "cuda" || text.starts_with("cuda:");
  if (text != "cpu" && !is_cuda)
    throw ConfigError(formatted("--device must be cpu, cuda or cuda:N; got \"{}\"", text));
  if (!is_cuda) return torch::kCPU;
  // What cuBLAS needs to give the same bits every time; it reads this when CUDA starts.
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  // Registers the CUDA backend with torch; a global load, as linking against it would have been.
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    throw Error(ExitCode::kUnavailable,
                formatted("--device {}: this torch has no CUDA library: {}", text, dlerror()));
  }
  if (!torch::cuda::is_available()) {
    throw Error(ExitCode::kUnavailable,
                formatted("--device {}: no usable NVIDIA GPU or driver here", text));
  }
  try {
    const torch::Device device(text);
    if (device.has_index() && device.index() >= static_cast<int>(torch::cuda::device_count())) {
      throw Error(
          ExitCode::kUnavailable,
          formatted("--device {}: there are only {} GPUs", text, torch::cuda::device_count()));
    }
    return device;
  } catch (const c10::Error&) {
    throw ConfigError(formatted("--device must be cpu, cuda or cuda:N; got \"{}\"", text));
  }
}

torch::Dtype parse_dtype(const std::string& text) {
  check_one_of("dtype", text, {"float32", "bfloat16"});
  return text == "bfloat16" ? torch::kBFloat16 : torch::kFloat32;
}

void prepare_torch(const RuntimeConfig& config) {
  // Large tensors in huge pages where the system offers them: torch reads it when it first
  // allocates.
  setenv("THP_MEM_ALLOC_ENABLE", "1", /*overwrite=*/0);  // NOLINT(concurrency-mt-unsafe)
  const auto cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  if (config.threads > 0) {
    at::set_num_threads(static_cast<int>(config.threads));
  } else if (std::getenv("OMP_NUM_THREADS") == nullptr) {  // torch reads it by itself
    at::set_num_threads(cores);
  }
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/true);
  at::globalContext().setDeterministicFillUninitializedMemory(false);
  at::globalContext().setAllowTF32CuDNN(
      false);  // convolutions, as matrix products, stay in full fp32
  log::debug("torch threads={} amx_bf16={} avx512_bf16={}",
             at::get_num_threads(),
             ops::has_amx_bf16(),
             ops::multiplies_bf16());
}

}  // namespace vragent::nn

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/plan/hardware.h"

#include <algorithm>

#include <torch/types.h>
#include <unistd.h>

#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/progress.h"

namespace vragent::plan {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;
constexpr double kUsedFlops = 0.55;
constexpr double kUsedBandwidth = 0.75;

/// Data sheets: dense bf16 products, memory, NVLink or PCIe in one direction; memory in bytes is
/// what the driver reports.
const std::vector<Hardware>& cards() {
  static const std::vector<Hardware> kCards = {
      {"a100-80", 80.0 * kGiB, 312e12, 2.039e12, 300e9},
      {"h100-80", 79.6 * kGiB, 989e12, 3.35e12, 450e9},
      {"h200-141", 140.4 * kGiB, 989e12, 4.8e12, 450e9},
      {"l40s-48", 45.0 * kGiB, 362e12, 0.864e12, 25e9},
  };
  return kCards;
}

/// Best of a few runs: the others were disturbed.
template <class Work>
double least_seconds(const Work& work, const torch::Tensor& result) {
  double least = 1e9;
  for (int run = 0; run < 4; ++run) {
    const Stopwatch watch;
    work();
    result.view(-1)[0].item<float>();  // a device answers when it is done
    if (run > 0) least = std::min(least, watch.seconds());
  }
  return least;
}

Hardware measured(const nn::RuntimeConfig& runtime) {
  const torch::NoGradGuard no_grad;
  const torch::Device device = nn::parse_device(runtime.device);
  const std::int64_t size = device.is_cpu() ? 1024 : 8192;
  const auto options = torch::dtype(nn::parse_dtype(runtime.dtype)).device(device);
  torch::Tensor a = torch::ones({size, size}, options);
  torch::Tensor product = torch::empty({size, size}, options);
  Hardware hardware{.name = runtime.device == "cpu" ? "this machine" : "this " + runtime.device};
  const double cube =
      static_cast<double>(size) * static_cast<double>(size) * static_cast<double>(size);
  hardware.flops = 2 * cube / least_seconds([&] { at::matmul_out(product, a, a); }, product);
  const std::int64_t count = device.is_cpu() ? 64 << 20 : 512 << 20;
  const torch::Tensor numbers = torch::ones({count}, torch::dtype(torch::kFloat32).device(device));
  torch::Tensor sum = torch::empty({}, numbers.options());
  hardware.bandwidth =
      4 * static_cast<double>(count) / least_seconds([&] { sum.copy_(numbers.sum()); }, sum);
  if (device.is_cpu())
    hardware.memory =
        static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  return hardware;
}

}  // namespace

void PlanConfig::check() const {
  std::vector<std::string> names = {"this"};
  for (const Hardware& each : cards()) names.push_back(each.name);
  check_one_of("card", card, names);
  check_range("ranks", static_cast<double>(ranks), 0, 1e6);
  check_range("memory", memory, 0, 1e9);
  check_range("tflops", tflops, 0, 1e9);
  check_range("bandwidth", bandwidth, 0, 1e9);
  check_range("link", link, 0, 1e9);
  check_range("prompt-tokens", prompt_tokens, 0, 1e9);
  check_range("answer-tokens", answer_tokens, 0, 1e9);
}

Hardware hardware_of(const PlanConfig& config, const nn::RuntimeConfig& runtime) {
  Hardware hardware;
  const auto& all = cards();
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const Hardware& each) { return each.name == config.card; });
  if (found != all.end()) {
    hardware = *found;
    hardware.flops *= kUsedFlops;
    hardware.bandwidth *= kUsedBandwidth;
  } else {
    hardware = measured(runtime);
  }
  if (config.memory > 0) hardware.memory = config.memory * kGiB;
  if (config.tflops > 0) hardware.flops = config.tflops * 1e12;
  if (config.bandwidth > 0) hardware.bandwidth = config.bandwidth * 1e9;
  if (config.link > 0) hardware.link = config.link * 1e9;
  return hardware;
}

}  // namespace vragent::plan

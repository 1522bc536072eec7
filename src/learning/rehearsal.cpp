// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/rehearsal.h"

#include <algorithm>
#include <new>
#include <numeric>

#include <c10/util/Exception.h>

#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/log.h"
#include "vragent/util/progress.h"

namespace vragent::learning {
namespace {

[[noreturn]] void fail(std::int64_t tokens) {
  throw Error(ExitCode::kUnavailable,
              formatted("the longest micro-batch, {} tokens, does not fit into memory: lower "
                        "--micro-tokens, or see --dry-run for what takes how much",
                        tokens));
}

/// The CPU's allocator throws a plain error that says so.
bool is_about_memory(const std::string& message) {
  for (const char* words : {"not enough memory", "can't allocate memory", "out of memory"}) {
    if (message.find(words) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

bool rehearses(const std::string& setting, torch::Device device) {
  return setting == "on" || (setting == "auto" && !device.is_cpu());
}

void rehearse(std::int64_t tokens, const std::function<void()>& work) {
  const Stopwatch watch;
  try {
    work();
  } catch (const c10::OutOfMemoryError&) {
    fail(tokens);
  } catch (const std::bad_alloc&) {
    fail(tokens);
  } catch (const c10::Error& error) {
    if (!is_about_memory(error.what_without_backtrace())) throw;
    fail(tokens);
  }
  log::info("rehearsed the longest micro-batch: tokens={} seconds={:.1f}", tokens, watch.seconds());
}

void rehearse_backward(const BackwardRehearsal& rehearsal,
                       nn::ShardedAdamW& optimizer,
                       GradientSum& gradients,
                       const std::function<torch::Tensor()>& loss) {
  rehearse(rehearsal.tokens, [&] {
    for (int part = 0; part < (rehearsal.several_parts ? 2 : 1); ++part) {
      loss().backward();
      if (rehearsal.several_parts) gradients.add();
    }
    gradients.finish();
    optimizer.zero_grad();
  });
}

std::vector<std::size_t> longest_of(std::span<const std::int64_t> tokens, std::int64_t count) {
  std::vector<std::size_t> places(tokens.size());
  std::iota(places.begin(), places.end(), 0);
  std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
    return tokens[a] > tokens[b];
  });
  places.resize(std::min(places.size(), static_cast<std::size_t>(count)));
  return places;
}

}  // namespace vragent::learning

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "learning/grpo/shared_sampling.h"

#include <cstring>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>

#include "vragent/comm/sharing.h"
#include "vragent/util/interrupt.h"

namespace vragent::learning {
namespace {

constexpr const char* kStopped = "stopped";  // in place of answers; shorter than any of them

template <class T>
void put(std::string& bytes, const T* values, std::size_t count) {
  static_assert(std::is_trivially_copyable_v<T>);
  bytes.append(reinterpret_cast<const char*>(values), count * sizeof(T));
}

/// Takes values off the front of a text of bytes.
template <class T>
void take(std::string_view& bytes, T* values, std::size_t count) {
  TORCH_CHECK(bytes.size() >= count * sizeof(T), "answers of another process are cut short");
  std::memcpy(values, bytes.data(), count * sizeof(T));
  bytes.remove_prefix(count * sizeof(T));
}

void append(std::string& bytes, const engine::Sample& sample) {
  const std::uint64_t sizes[2] = {sample.ids.size(), sample.finish_reason.size()};
  put(bytes, sizes, 2);
  put(bytes, sample.ids.data(), sample.ids.size());
  put(bytes, sample.log_probs.data(), sample.log_probs.size());
  bytes += sample.finish_reason;
}

std::vector<engine::Sample> samples_in(std::string_view bytes) {
  std::vector<engine::Sample> samples;
  while (!bytes.empty()) {
    std::uint64_t sizes[2] = {0, 0};
    take(bytes, sizes, 2);
    engine::Sample& sample = samples.emplace_back();
    sample.ids.resize(sizes[0]);
    sample.log_probs.resize(sizes[0]);
    sample.finish_reason.resize(sizes[1]);
    take(bytes, sample.ids.data(), sizes[0]);
    take(bytes, sample.log_probs.data(), sizes[0]);
    take(bytes, sample.finish_reason.data(), sizes[1]);
  }
  return samples;
}

std::vector<engine::Sample> flat(std::vector<std::vector<engine::Sample>> groups) {
  std::vector<engine::Sample> samples;
  for (auto& group : groups)
    samples.insert(samples.end(),
                   std::make_move_iterator(group.begin()),
                   std::make_move_iterator(group.end()));
  return samples;
}

/// This process's answers as bytes, or kStopped. Sampling ends early after a signal, which other
/// processes may not have got: they are told in place of answers.
std::string own_answers(const models::TextModel& policy,
                        std::span<const engine::Prompt> prompts,
                        const engine::GeneratorConfig& config) {
  std::string bytes;
  if (prompts.empty()) return bytes;
  try {
    for (const engine::Sample& sample : flat(engine::generate(policy, prompts, config)))
      append(bytes, sample);
  } catch (const Interrupted&) {
    return kStopped;
  }
  return bytes;
}

}  // namespace

std::vector<engine::Sample> sample_together(const models::TextModel& policy,
                                            std::span<const engine::Prompt> prompts,
                                            const engine::GeneratorConfig& config,
                                            const comm::Communicator& processes) {
  if (processes.size() == 1) return flat(engine::generate(policy, prompts, config));
  const comm::Share own = comm::share_of(prompts.size(), processes);
  std::vector<engine::Sample> samples;
  bool is_stopped = false;
  for (const std::string& bytes : comm::gather_texts(
           processes, own_answers(policy, prompts.subspan(own.begin, own.size()), config))) {
    is_stopped = is_stopped || bytes == kStopped;
    if (is_stopped) continue;
    for (engine::Sample& sample : samples_in(bytes)) samples.push_back(std::move(sample));
  }
  if (is_stopped) throw Interrupted("a process was stopped while sampling");
  return samples;
}

}  // namespace vragent::learning

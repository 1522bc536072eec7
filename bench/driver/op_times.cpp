// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "op_times.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <sstream>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/record_function.h>

namespace vragent::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Sum {
  double seconds = 0;
  std::int64_t calls = 0;
};

std::mutex guard;
std::map<std::string, Sum> sums;
thread_local std::vector<double> inner;  ///< seconds of called operators, a level each

struct Begin : at::ObserverContext {
  std::string name;
  Clock::time_point at;
};

std::string name_of(const at::RecordFunction& function) {
  std::ostringstream text;
  text << function.name();
  for (const c10::IValue& input : function.inputs()) {
    if (input.isTensor() && input.toTensor().defined())
      text << ' ' << c10::toString(input.toTensor().scalar_type()) << input.toTensor().sizes();
  }
  return text.str();
}

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
  auto context = std::make_unique<Begin>();
  context->name = name_of(function);
  inner.push_back(0);
  context->at = Clock::now();
  return context;
}

void end(const at::RecordFunction&, at::ObserverContext* context) {
  if (context == nullptr || inner.empty()) return;  // begun before this was registered
  const auto& started = static_cast<const Begin&>(*context);
  const double seconds = std::chrono::duration<double>(Clock::now() - started.at).count();
  const double own = seconds - inner.back();
  inner.pop_back();
  if (!inner.empty()) inner.back() += seconds;
  const std::lock_guard lock(guard);
  Sum& sum = sums[started.name];
  sum.seconds += own;
  sum.calls += 1;
}

}  // namespace

OpTimes::OpTimes() {
  sums.clear();
  handle_ = at::addGlobalCallback(at::RecordFunctionCallback(begin, end).needsInputs(true));
}

OpTimes::~OpTimes() {
  at::removeCallback(handle_);
}

OrderedJson OpTimes::table(std::size_t rows) const {
  std::vector<std::pair<std::string, Sum>> sorted(sums.begin(), sums.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second.seconds > b.second.seconds;
  });
  OrderedJson table = OrderedJson::array();
  for (std::size_t i = 0; i < std::min(rows, sorted.size()); ++i)
    table.push_back({sorted[i].first, sorted[i].second.seconds, sorted[i].second.calls});
  return table;
}

}  // namespace vragent::bench

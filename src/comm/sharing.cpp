// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/comm/sharing.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include <torch/csrc/autograd/custom_function.h>

#include "vragent/util/error.h"
#include "vragent/util/interrupt.h"

namespace vragent::comm {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;

Share share_of_rank(std::size_t size, std::size_t rank, std::size_t count) {
  return {size * rank / count, size * (rank + 1) / count};
}

/// parts [n_r, ...] -> [n, ...]; parts are sent with the rows of the longest
Tensor gathered(const Communicator& processes, const Tensor& part, std::int64_t n) {
  const auto count = static_cast<std::size_t>(processes.size());
  std::int64_t longest = 0;
  std::vector<Share> shares;
  for (std::size_t rank = 0; rank < count; ++rank) {
    shares.push_back(share_of_rank(static_cast<std::size_t>(n), rank, count));
    longest = std::max(longest, static_cast<std::int64_t>(shares.back().size()));
  }
  std::vector<std::int64_t> shape = part.sizes().vec();
  shape[0] = longest;
  const Tensor sent = torch::zeros(shape, part.options());
  sent.narrow(0, 0, part.size(0)).copy_(part);
  shape.insert(shape.begin(), processes.size());
  const Tensor all = processes.all_gather(sent).view(shape);
  std::vector<Tensor> rows;
  for (std::size_t rank = 0; rank < count; ++rank)
    rows.push_back(all[static_cast<std::int64_t>(rank)].narrow(
        0, 0, static_cast<std::int64_t>(shares[rank].size())));
  return torch::cat(rows);
}

struct GatherRows : torch::autograd::Function<GatherRows> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& part,
                        const Communicator* processes,
                        std::int64_t n) {
    context->saved_data["processes"] = static_cast<std::int64_t>(
        reinterpret_cast<std::intptr_t>(processes));  // NOLINT: outlives the graph
    return gathered(*processes, part, n);
  }

  static torch::autograd::variable_list backward(AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto* processes = reinterpret_cast<const Communicator*>(  // NOLINT
        static_cast<std::intptr_t>(context->saved_data["processes"].toInt()));
    const auto type = gradients[0].scalar_type();
    const auto summed = type == torch::kBFloat16 ? torch::kFloat32 : type;
    const Tensor whole = gradients[0].contiguous().to(summed, false, /*copy=*/true);
    processes->all_reduce(whole);
    const Share own = share_of(static_cast<std::size_t>(whole.size(0)), *processes);
    return {
        whole.narrow(0, static_cast<std::int64_t>(own.begin), static_cast<std::int64_t>(own.size()))
            .to(type),
        Tensor(),
        Tensor()};
  }
};

}  // namespace

Share share_of(std::size_t size, const Communicator& processes) {
  return share_of_rank(
      size, static_cast<std::size_t>(processes.rank()), static_cast<std::size_t>(processes.size()));
}

std::vector<int> balanced(std::span<const double> costs, int num_processes) {
  std::vector<std::size_t> order(costs.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return costs[a] > costs[b];
  });
  std::vector<double> loads(static_cast<std::size_t>(num_processes), 0.0);
  std::vector<int> owners(costs.size(), 0);
  for (const std::size_t task : order) {
    const auto least = std::min_element(loads.begin(), loads.end());
    owners[task] = static_cast<int>(least - loads.begin());
    *least += costs[task];
  }
  return owners;
}

std::vector<bool> own_of(std::span<const double> costs, const Communicator& processes) {
  std::vector<bool> own;
  for (const int owner : balanced(costs, processes.size()))
    own.push_back(owner == processes.rank());
  return own;
}

std::vector<double> sums_of(const Communicator& processes, const std::vector<double>& values) {
  const Tensor sums = torch::tensor(values, torch::kFloat64);
  processes.all_reduce(sums);
  const auto* data = sums.const_data_ptr<double>();
  return {data, data + sums.numel()};
}

double sum_of(const Communicator& processes, double value) {
  return sums_of(processes, {value})[0];
}

std::vector<std::string> gather_texts(const Communicator& processes, const std::string& text) {
  const Tensor lengths =
      processes.all_gather(torch::tensor({static_cast<std::int64_t>(text.size())}, torch::kInt64));
  const auto longest = lengths.max().item<std::int64_t>();
  const Tensor own = torch::zeros({longest}, torch::kUInt8);
  if (!text.empty()) std::memcpy(own.mutable_data_ptr(), text.data(), text.size());
  const Tensor all = processes.all_gather(own).view({processes.size(), longest});
  std::vector<std::string> texts;
  for (int rank = 0; rank < processes.size(); ++rank)
    texts.emplace_back(static_cast<const char*>(all[rank].const_data_ptr()),
                       static_cast<std::size_t>(lengths[rank].item<std::int64_t>()));
  return texts;
}

void check_same(const Communicator& processes, std::int64_t found, const std::string& folder) {
  if (processes.size() == 1) return;
  const Tensor all = processes.all_gather(torch::tensor({found}, torch::kInt64));
  if (all.eq(found).all().item<bool>()) return;
  throw Error(ExitCode::kUnavailable,
              folder +
                  ": processes find different checkpoints there: the run folder must lie on a "
                  "disk that all of them see");
}

bool stop_agreed(const Communicator& processes) {
  if (processes.size() == 1) return interrupt_requested();
  const Tensor signals =
      processes.all_gather(torch::tensor({std::int64_t{interrupt_signal()}}, torch::kInt64));
  const auto asked = signals.max().item<std::int64_t>();
  if (asked != 0 && !interrupt_requested()) request_interrupt(static_cast<int>(asked));
  return asked != 0;
}

Tensor gather_rows(const Communicator& processes, const Tensor& part, std::int64_t n) {
  return processes.size() == 1 ? part : GatherRows::apply(part, &processes, n);
}

}  // namespace vragent::comm

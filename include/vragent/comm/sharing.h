// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What loops ask of the processes they share their work with: parts of a list, sums of a few
// numbers, texts of all, and whether to stop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <torch/types.h>

#include "vragent/comm/communicator.h"

namespace vragent::comm {

/// Places [begin, end) of a list.
struct Share {
  std::size_t begin = 0;
  std::size_t end = 0;

  [[nodiscard]] std::size_t size() const { return end - begin; }
};

/// The part of a list that belongs to this rank: one behind the other, sizes that differ by at most
/// one; some are empty where there are more processes than places.
Share share_of(std::size_t size, const Communicator& processes);

/// Which rank computes each of some tasks so that all are busy about equally long: the largest
/// first, each to whoever has least. The same on all ranks without a word.
std::vector<int> balanced(std::span<const double> costs, int num_processes);

/// Which of the tasks are this rank's. [costs]
std::vector<bool> own_of(std::span<const double> costs, const Communicator& processes);

/// Sums over all processes, added in the order of the ranks.
std::vector<double> sums_of(const Communicator& processes, const std::vector<double>& values);

/// The same of one number.
double sum_of(const Communicator& processes, double value);

/// The texts of all processes, by rank; bytes of any kind.
std::vector<std::string> gather_texts(const Communicator& processes, const std::string& text);

/// What every process found of earlier work in a folder must be the same, or they would go on from
/// different steps. @throws Error (69) naming the folder
void check_same(const Communicator& processes, std::int64_t found, const std::string& folder);

/// Whether a signal has asked any of the processes to stop; then it has asked all of them. To be
/// asked where all can save their state: each for itself could be told a step apart.
bool stop_agreed(const Communicator& processes);

/// Rows of all processes one behind the other, with gradient: part [n_r, ...] -> [n, ...]; the
/// gradient of the rows is summed over the processes and comes back to the one they are from.
/// @param part rows share_of(n), which may be none
torch::Tensor gather_rows(const Communicator& processes, const torch::Tensor& part, std::int64_t n);

}  // namespace vragent::comm

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Trainings in several processes, and what they must end with.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cli/small_files.h"
#include "learning/run_files.h"
#include "processes/launched.h"
#include "support/tensor_matchers.h"

namespace vragent::test {

inline constexpr double kTolerance = 1e-6;

class Training : public Launches {
 protected:
  /// Runs a training with `--out OUT` in so many processes.
  void train(int processes, const std::string& command, const std::string& out) {
    output_of(in(processes, command + " --threads 1 --out " + out));
  }

  void expect_close(const std::string& got,
                    const std::string& wanted,
                    const std::string& file = "model.safetensors") {
    const auto got_tensors = nn::load_safetensors(here() / got / file);
    const auto wanted_tensors = nn::load_safetensors(here() / wanted / file);
    ASSERT_EQ(got_tensors.size(), wanted_tensors.size());
    double largest = 0;
    for (const auto& [name, tensor] : wanted_tensors) {
      // A bias of keys changes no attention, that of DeepFM's scores no softmax: their gradients
      // are rounding alone, of which Adam makes steps.
      if (name.ends_with("key.bias") || name == "deepfm.output.bias") continue;
      const double difference = max_difference(got_tensors.at(name), tensor);
      EXPECT_LE(difference, kTolerance) << got << " and " << wanted << ": " << name;
      largest = std::max(largest, difference);
    }
    RecordProperty("largest_difference_" + got, std::to_string(largest));
  }

  /// The objects of a file of lines, without one of their fields.
  [[nodiscard]] std::vector<std::string> rows_without(const std::string& field,
                                                      const std::string& file) const {
    std::vector<std::string> rows;
    for (Json& row : objects_in(read(file))) {
      row.erase(field);
      rows.push_back(row.dump());
    }
    return rows;
  }

  void expect_same_bits(const std::string& got, const std::string& wanted) {
    EXPECT_TRUE(same_tensors(nn::load_safetensors(here() / got / "model.safetensors"),
                             nn::load_safetensors(here() / wanted / "model.safetensors")));
  }

  void expect_close_log(const std::string& got, const std::string& wanted, const char* name) {
    const auto values = learning::logged(here() / got, name);
    const auto wanted_values = learning::logged(here() / wanted, name);
    ASSERT_EQ(values.size(), wanted_values.size()) << name;
    ASSERT_FALSE(values.empty()) << name;
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_NEAR(
          values[i], wanted_values[i], kTolerance * std::max(1.0, std::abs(wanted_values[i])))
          << name << " " << i;
  }
};

}  // namespace vragent::test

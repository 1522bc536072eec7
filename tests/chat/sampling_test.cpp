// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/chat/sampling.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/util/config.h"
#include "vragent/util/error.h"

namespace vragent::chat {
namespace {

TEST(Sampling, DefaultsAndEdgesAreAllowed) {
  EXPECT_NO_THROW(SamplingConfig{}.check());
  EXPECT_NO_THROW(
      (SamplingConfig{.temperature = 0, .top_k = 1, .min_p = 1, .max_tokens = 1}.check()));
}

TEST(Sampling, ImpossibleValuesAreRefusedByName) {
  const auto error_of = [](const SamplingConfig& config) -> std::string {
    try {
      config.check();
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no error";
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(error_of({.temperature = -0.1}), HasSubstr("--temperature"));
  EXPECT_THAT(error_of({.temperature = std::numeric_limits<double>::quiet_NaN()}),
              HasSubstr("--temperature"));
  EXPECT_THAT(error_of({.top_k = -1}), HasSubstr("--top-k"));
  EXPECT_THAT(error_of({.top_p = 0}), HasSubstr("--top-p"));
  EXPECT_THAT(error_of({.top_p = 1.1}), HasSubstr("--top-p"));
  EXPECT_THAT(error_of({.min_p = 2}), HasSubstr("--min-p"));
  EXPECT_THAT(error_of({.repetition_penalty = 0}), HasSubstr("--repetition-penalty"));
  EXPECT_THAT(error_of({.max_tokens = 0}), HasSubstr("--max-tokens"));
}

TEST(Sampling, EveryFieldIsAnOption) {
  SamplingConfig config;
  apply_json(options_of(config),
             R"({"temperature": 0.5, "top-k": 3, "top-p": 0.9, "min-p": 0.1,
                 "repetition-penalty": 1.1, "max-tokens": 7})",
             "test");
  EXPECT_EQ(config.temperature, 0.5);
  EXPECT_EQ(config.top_k, 3);
  EXPECT_EQ(config.top_p, 0.9);
  EXPECT_EQ(config.min_p, 0.1);
  EXPECT_EQ(config.repetition_penalty, 1.1);
  EXPECT_EQ(config.max_tokens, 7);
}

}  // namespace
}  // namespace vragent::chat

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// How processes share the examples of a step, and what no batch is made of.
#include "learning/sft_batch.h"

#include <algorithm>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/util/error.h"

namespace vragent::learning {
namespace {

using ::testing::HasSubstr;
using torch::Tensor;

/// One of several ranks, which must not speak to the others.
class SilentRank : public comm::Communicator {
 public:
  SilentRank(int rank, int size) : rank_(rank), size_(size) {}

  [[nodiscard]] int rank() const override { return rank_; }

  [[nodiscard]] int size() const override { return size_; }

  [[nodiscard]] int local_rank() const override { return rank_; }

  [[nodiscard]] int local_size() const override { return size_; }

  void all_reduce(const Tensor& /*values*/) const override { fail(); }

  [[nodiscard]] Tensor reduce_scatter(const Tensor& /*whole*/) const override { fail(); }

  [[nodiscard]] Tensor all_gather(const Tensor& /*part*/) const override { fail(); }

  void broadcast(const Tensor& /*values*/, int /*root*/) const override { fail(); }

  void barrier() const override { fail(); }

  [[noreturn]] void abort(int /*exit_code*/) const override { fail(); }

 private:
  [[noreturn]] static void fail() { throw std::logic_error("a silent rank speaks"); }

  int rank_;
  int size_;
};

class SftBatches : public ::testing::Test {
 protected:
  SftBatches() : encoder((test::write_tiny_lm(folder / "lm", 1), folder / "lm")) {
    std::string lines;
    for (const char* prompt :
         {"cat", "the cat plays in the snow", "a dog", "noodles and cats", "no"})
      lines += R"({"prompt": ")" + std::string(prompt) + R"(", "completion": "yes"})" + "\n";
    write_file(folder / "train.jsonl", lines);
    examples = load_examples(folder / "train.jsonl", {});
    const FittedExamples fitted = fit_examples(examples, encoder, {}, "error");
    for (std::size_t i = 0; i < examples.size(); ++i)
      sized.push_back({&examples[i], fitted.tokens[i], fitted.targets[i]});
  }

  /// The parts of all ranks, in the order of the examples.
  [[nodiscard]] std::vector<SftBatch> parts_of(int ranks, const SftBatchConfig& config) const {
    std::vector<SftBatch> parts;
    for (int rank = 0; rank < ranks; ++rank) {
      for (SftBatch& part : make_sft_batches(sized, encoder, config, SilentRank(rank, ranks)).parts)
        parts.push_back(std::move(part));
    }
    std::stable_sort(parts.begin(), parts.end(), [](const SftBatch& a, const SftBatch& b) {
      return a.number < b.number;
    });
    return parts;
  }

  test::TempDir folder;
  engine::ChatEncoder encoder;
  std::vector<ChatExample> examples;
  std::vector<SizedExample> sized;
};

TEST_F(SftBatches, OfAllRanksAreThoseOfOne) {
  for (const std::int64_t micro : {0, 60}) {
    const SftBatchConfig config{.micro_tokens = micro};
    const SftStep alone = make_sft_batches(sized, encoder, config);
    std::vector<Tensor> wanted;
    for (const SftBatch& part : alone.parts) wanted.push_back(part.ids);
    for (const int ranks : {2, 3, 7}) {
      std::vector<Tensor> ids;
      for (const SftBatch& part : parts_of(ranks, config)) ids.push_back(part.ids);
      EXPECT_TRUE(torch::cat(ids).equal(torch::cat(wanted))) << ranks << " " << micro;
      EXPECT_EQ(make_sft_batches(sized, encoder, config, SilentRank(1, ranks)).targets,
                alone.targets);
    }
  }
}

/// An example that cannot be encoded shows who tries to.
TEST_F(SftBatches, AreEncodedByTheRankThatTakesThem) {
  examples[4].turns[0].images = {"nowhere.png"};
  for (const std::int64_t micro : {0, 1}) {
    const SftBatchConfig config{.micro_tokens = micro};
    int failures = 0;
    for (int rank = 0; rank < 3; ++rank) {
      try {
        make_sft_batches(sized, encoder, config, SilentRank(rank, 3));
      } catch (const DataError&) {
        ++failures;
      }
    }
    EXPECT_EQ(failures, 1) << micro;
  }
  sized[4].tokens = 0;
  EXPECT_THROW(make_sft_batches(sized, encoder, {}, SilentRank(0, 3)), DataError)
      << "of unknown size it must be encoded by all";
}

TEST_F(SftBatches, RefuseTokensThatTheModelDoesNotKnow) {
  const SftBatchConfig config{.vocabulary = 100};
  const auto message_of = [](const auto& run) {
    try {
      run();
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(message_of([&] {
                make_sft_batches(std::vector{SizedExample{&examples[1]}}, encoder, config);
              }),
              HasSubstr("train.jsonl:2: token id "));
  EXPECT_THAT(message_of([&] { fit_examples(examples, encoder, config, "error"); }),
              HasSubstr("is outside the model's vocabulary of 100"));
}

}  // namespace
}  // namespace vragent::learning

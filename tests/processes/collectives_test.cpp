// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What every process of a launch asserts for itself; ctest runs this with 2, 3 and 4 processes, and
// with one alone.
#include <numeric>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "processes/launched.h"
#include "support/tensor_matchers.h"
#include "vragent/comm/sharing.h"
#include "vragent/util/error.h"

namespace vragent::comm {
namespace {

using torch::Tensor;

const Communicator& processes() {
  return test::launched();
}

std::int64_t count() {
  return processes().size();
}

std::int64_t rank() {
  return processes().rank();
}

/// What each rank brings, known to all.
Tensor brought(std::int64_t by, std::int64_t size) {
  return test::randn({size}, static_cast<std::uint64_t>(100 + by)) * 1e3;
}

/// Added one behind the other, as a loop would.
Tensor sum_in_order(std::int64_t size) {
  Tensor sum = brought(0, size).clone();
  for (std::int64_t r = 1; r < count(); ++r) sum += brought(r, size);
  return sum;
}

TEST(Collectives, KnowTheirPlaces) {
  EXPECT_LT(rank(), count());
  EXPECT_EQ(processes().local_size(), count()) << "tests run on one machine";
  EXPECT_EQ(processes().local_rank(), rank());
}

TEST(Collectives, SumInTheOrderOfTheRanksToTheBit) {
  for (const std::int64_t size : {1, 7, 4096, 100003}) {
    const Tensor values = brought(rank(), size).clone();
    processes().all_reduce(values);
    EXPECT_TRUE(values.equal(sum_in_order(size))) << size;
  }
}

TEST(Collectives, SumNumbersOfEveryKind) {
  const Tensor whole = torch::full({2, 3}, rank() + 1, torch::kInt64);
  processes().all_reduce(whole);
  EXPECT_TRUE(whole.equal(torch::full({2, 3}, count() * (count() + 1) / 2, torch::kInt64)));
  EXPECT_EQ(sum_of(processes(), 0.5), 0.5 * static_cast<double>(count()));
  if (count() > 1) {
    EXPECT_THROW(processes().all_reduce(torch::zeros({2}, torch::kBFloat16)), std::exception);
  }
}

TEST(Collectives, GiveEachRankItsPartOfASum) {
  constexpr std::int64_t kPart = 1000;
  const Tensor part = processes().reduce_scatter(brought(rank(), kPart * count()));
  EXPECT_TRUE(part.equal(sum_in_order(kPart * count()).narrow(0, rank() * kPart, kPart)));
}

TEST(Collectives, GatherPartsByRankWhateverTheirType) {
  for (const auto type : {torch::kFloat32, torch::kBFloat16, torch::kUInt8, torch::kInt64}) {
    const Tensor all = processes().all_gather(torch::full({3}, rank(), type));
    EXPECT_TRUE(all.equal(torch::arange(count()).repeat_interleave(3).to(type)));
  }
}

TEST(Collectives, SpreadWhatOneRankHas) {
  const Tensor values = torch::full({5}, rank(), torch::kFloat64);
  processes().broadcast(values, static_cast<int>(count() - 1));
  EXPECT_TRUE(values.equal(torch::full({5}, count() - 1, torch::kFloat64)));
}

TEST(Collectives, GatherTextsOfAnyLength) {
  const std::string own(static_cast<std::size_t>(rank()) * 5, static_cast<char>('a' + rank()));
  const auto texts = gather_texts(processes(), own);
  ASSERT_EQ(std::ssize(texts), count());
  for (std::int64_t r = 0; r < count(); ++r) {
    EXPECT_EQ(texts[static_cast<std::size_t>(r)],
              std::string(static_cast<std::size_t>(r) * 5, static_cast<char>('a' + r)));
  }
}

TEST(Collectives, RefuseToGoOnFromDifferentSteps) {
  EXPECT_NO_THROW(check_same(processes(), 7, "run"));
  if (count() > 1) {
    EXPECT_THROW(check_same(processes(), rank(), "run"), Error);
  }
}

TEST(Collectives, ShareEveryPlaceOfAListOnce) {
  for (const std::size_t size : {0U, 1U, 5U, 12U}) {
    const Share own = share_of(size, processes());
    EXPECT_LE(own.size(), size / static_cast<std::size_t>(count()) + 1);
    const auto begins =
        processes().all_gather(torch::tensor({static_cast<std::int64_t>(own.begin)}));
    const auto ends = processes().all_gather(torch::tensor({static_cast<std::int64_t>(own.end)}));
    EXPECT_EQ(begins[0].item<std::int64_t>(), 0);
    EXPECT_EQ(ends[-1].item<std::int64_t>(), static_cast<std::int64_t>(size));
    EXPECT_TRUE(begins.narrow(0, 1, count() - 1).equal(ends.narrow(0, 0, count() - 1)));
  }
}

TEST(Collectives, KeepProcessesAboutEquallyBusy) {
  const std::vector<double> costs = {5, 1, 1, 1, 1, 1};
  EXPECT_EQ(balanced(costs, 1), (std::vector<int>{0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(balanced(costs, 2), (std::vector<int>{0, 1, 1, 1, 1, 1}));
}

TEST(Collectives, GiveEachTaskToOneProcess) {
  const std::vector<double> costs = {3, 1, 4, 1, 5, 9, 2};
  std::vector<double> takers;
  for (const bool is_own : own_of(costs, processes())) takers.push_back(is_own ? 1 : 0);
  EXPECT_EQ(sums_of(processes(), takers), std::vector<double>(costs.size(), 1.0));
}

/// Rows of all, with the gradient of one process: f = sum over ranks of <weights_r, rows>.
TEST(Collectives, GatherRowsWithTheirGradient) {
  const std::int64_t size = 2 * count() + 1;
  const Tensor whole = test::randn({size, 3}, 1);
  const Share own = share_of(static_cast<std::size_t>(size), processes());
  const auto own_of = [&](const Tensor& rows) {
    return rows.narrow(
        0, static_cast<std::int64_t>(own.begin), static_cast<std::int64_t>(own.size()));
  };
  const Tensor part = own_of(whole).clone().set_requires_grad(true);
  const Tensor rows = gather_rows(processes(), part, size);
  EXPECT_TRUE(rows.equal(whole));
  (rows * test::randn({size, 3}, static_cast<std::uint64_t>(10 + rank()))).sum().backward();
  Tensor wanted = torch::zeros({size, 3});
  for (std::int64_t r = 0; r < count(); ++r)
    wanted += test::randn({size, 3}, static_cast<std::uint64_t>(10 + r));
  EXPECT_TRUE(test::close(part.grad(), own_of(wanted), 1e-6));
}

}  // namespace
}  // namespace vragent::comm

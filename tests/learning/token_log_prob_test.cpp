// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/token_log_prob.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

constexpr std::int64_t kTokens = 7;
constexpr std::int64_t kVocab = 11;
constexpr double kTemperature = 0.7;

class TokenLogProbabilities : public ::testing::TestWithParam<std::int64_t> {
 protected:
  Tensor hidden = test::randn({kTokens, 5}, 1).requires_grad_();
  Tensor head = test::randn({kVocab, 5}, 2).requires_grad_();
  Tensor targets = torch::tensor({3, 0, 10, 3, 7, 1, 5});

  [[nodiscard]] Tensor plain() const {
    return torch::log_softmax(hidden.matmul(head.t()) / kTemperature, -1);
  }

  [[nodiscard]] TokenLogProbs chunked() const {
    return token_log_probs(
        hidden, head, targets, {.temperature = kTemperature, .chunk = GetParam()});
  }
};

TEST_P(TokenLogProbabilities, EqualTheLogSoftmaxOfWholeLogits) {
  const Tensor rows = plain();
  const TokenLogProbs got = chunked();
  EXPECT_TRUE(test::close(got.log_probs, rows.gather(1, targets.unsqueeze(1)).squeeze(1), 1e-5));
  EXPECT_TRUE(test::close(got.entropy, -(rows.exp() * rows).sum(-1), 1e-5));
  EXPECT_FALSE(got.entropy.requires_grad());
}

TEST_P(TokenLogProbabilities, HaveTheGradientsOfWholeLogits) {
  const Tensor weights = test::randn({kTokens}, 3);
  const Tensor wanted = (plain().gather(1, targets.unsqueeze(1)).squeeze(1) * weights).sum();
  const auto wanted_gradients = torch::autograd::grad({wanted}, {hidden, head});
  const auto got = torch::autograd::grad({(chunked().log_probs * weights).sum()}, {hidden, head});
  EXPECT_TRUE(test::close(got[0], wanted_gradients[0], 1e-5));
  EXPECT_TRUE(test::close(got[1], wanted_gradients[1], 1e-5));
}

TEST_P(TokenLogProbabilities, RefuseASecondBackwardThatWouldReadWhatTheFirstHasOverwritten) {
  const Tensor sum = chunked().log_probs.sum();
  torch::autograd::grad({sum}, {hidden}, {}, /*retain_graph=*/true);
  EXPECT_THROW(torch::autograd::grad({sum}, {hidden}), c10::Error);
}

TEST_P(TokenLogProbabilities, LeaveAFrozenHeadWithoutGradient) {
  const Tensor wanted = torch::autograd::grad({chunked().log_probs.sum()}, {hidden})[0];
  head.requires_grad_(false);
  const TokenLogProbs got = chunked();
  got.log_probs.sum().backward();
  EXPECT_TRUE(hidden.grad().equal(wanted));
  EXPECT_FALSE(head.grad().defined());
}

TEST_P(TokenLogProbabilities, HaveTheGradientOfAHeadOfManyRows) {
  const Tensor wide = test::randn({8195, hidden.size(1)}, 9).requires_grad_();  // two slices
  const Tensor far = torch::full_like(targets, 8193);
  const Tensor whole = torch::log_softmax(hidden.matmul(wide.t()), -1);
  const Tensor wanted = torch::autograd::grad({whole.gather(1, far.unsqueeze(1)).sum()}, {wide})[0];
  const Tensor got =
      torch::autograd::grad({token_log_probs(hidden, wide, far).log_probs.sum()}, {wide})[0];
  EXPECT_TRUE(test::close(got, wanted, 1e-5));
}

TEST_P(TokenLogProbabilities, GiveTheEntropyItsGradientWhenAsked) {
  const Tensor weights = test::randn({kTokens}, 3);
  const Tensor rows = plain();
  const Tensor wanted = ((rows.exp() * rows).sum(-1) * weights).sum().neg();
  const auto wanted_gradients = torch::autograd::grad({wanted}, {hidden, head});
  const TokenLogProbs got =
      token_log_probs(hidden,
                      head,
                      targets,
                      {.temperature = kTemperature, .entropy_gradient = true, .chunk = GetParam()});
  const auto gradients = torch::autograd::grad({(got.entropy * weights).sum()}, {hidden, head});
  EXPECT_TRUE(test::close(gradients[0], wanted_gradients[0], 1e-5));
  EXPECT_TRUE(test::close(gradients[1], wanted_gradients[1], 1e-5));
}

TEST(TokenLogProbabilitiesInBfloat16, StayNearThoseOfSinglePrecision) {
  const Tensor weights = test::randn({40}, 3);
  const Tensor targets = (torch::arange(40) * 53).remainder(1500);
  const auto run = [&](torch::Dtype dtype) {
    const Tensor hidden = test::randn({40, 32}, 1).to(torch::kBFloat16).to(dtype).requires_grad_();
    const Tensor head = test::randn({1500, 32}, 2).to(torch::kBFloat16).to(dtype).requires_grad_();
    const TokenLogProbs got = token_log_probs(
        hidden, head, targets, {.temperature = 1.3, .entropy_gradient = true, .chunk = 16});
    const auto gradients = torch::autograd::grad(
        {((got.log_probs + 0.3 * got.entropy) * weights).sum()}, {hidden, head});
    return std::vector<Tensor>{got.log_probs, got.entropy, gradients[0], gradients[1]};
  };
  const auto wanted = run(torch::kFloat32);
  const auto got = run(torch::kBFloat16);
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].scalar_type(), i < 2 ? torch::kFloat32 : torch::kBFloat16);
    const double bound = 0.02 * wanted[i].abs().max().item<double>();
    EXPECT_TRUE(test::close(got[i].to(torch::kFloat32), wanted[i], bound)) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Chunks, TokenLogProbabilities, ::testing::Values(1, 3, 7, 2048));

TEST(TokenLogProbabilitiesOfNothing, AreNothing) {
  Tensor head = test::randn({kVocab, 5}, 2).requires_grad_();
  const TokenLogProbs got =
      token_log_probs(torch::zeros({0, 5}), head, torch::zeros({0}, torch::kInt64));
  EXPECT_EQ(got.log_probs.numel(), 0);
  EXPECT_TRUE(torch::autograd::grad({got.log_probs.sum()}, {head})[0].eq(0).all().item<bool>());
  EXPECT_THROW(token_log_probs(torch::zeros({2, 5}), head, torch::zeros({3}, torch::kInt64)),
               c10::Error);
}

}  // namespace
}  // namespace vragent::learning

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/generator.h"

#include <cmath>
#include <csignal>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"
#include "support/tiny_models.h"
#include "vragent/engine/prefill.h"
#include "vragent/util/error.h"
#include "vragent/util/interrupt.h"

namespace vragent::engine {
namespace {

using torch::Tensor;
using Ids = std::vector<std::int64_t>;

constexpr std::int64_t kVocab = 60;

class Generation : public ::testing::Test {
 protected:
  Generation() : lm(test::tiny_lm_config(kVocab)) {
    test::randomise(*lm, 3, 0.3);
    nn::set_requires_grad(*lm, false);
    RandomStream random(8);
    for (const std::int64_t length : {5, 1, 17, 9, 2}) {
      Prompt prompt{.seed = static_cast<std::uint64_t>(100 + length),
                    .num_samples = 1 + length % 3};
      for (std::int64_t i = 0; i < length; ++i) prompt.ids.push_back(random.below(kVocab));
      prompts.push_back(prompt);
    }
  }

  ~Generation() override { clear_interrupt(); }

  /// Logits behind a text, by one whole forward pass.
  Tensor logits_behind(const Ids& ids) {
    return lm(torch::tensor(ids).unsqueeze(0)).select(1, -1).squeeze(0);
  }

  /// Log-probabilities of `answer` behind `prompt`, by one whole forward pass.
  std::vector<double> log_probs_of(const Ids& prompt, const Ids& answer, double temperature) {
    Ids all = prompt;
    all.insert(all.end(), answer.begin(), answer.end());
    const Tensor rows =
        torch::log_softmax(lm(torch::tensor(all).unsqueeze(0))[0] / temperature, -1);
    std::vector<double> values;
    for (std::size_t i = 0; i < answer.size(); ++i)
      values.push_back(
          rows[static_cast<std::int64_t>(prompt.size() + i) - 1][answer[i]].item<double>());
    return values;
  }

  /// Each answer must be what the prompt gets when it is decoded alone.
  void expect_same(const std::vector<std::vector<Sample>>& got,
                   const std::vector<std::vector<Sample>>& wanted) {
    ASSERT_EQ(got.size(), wanted.size());
    for (std::size_t p = 0; p < got.size(); ++p) {
      ASSERT_EQ(got[p].size(), wanted[p].size());
      for (std::size_t s = 0; s < got[p].size(); ++s) {
        EXPECT_EQ(got[p][s].ids, wanted[p][s].ids) << p << " " << s;
        EXPECT_EQ(got[p][s].finish_reason, wanted[p][s].finish_reason);
        for (std::size_t i = 0; i < got[p][s].log_probs.size(); ++i)
          EXPECT_NEAR(got[p][s].log_probs[i], wanted[p][s].log_probs[i], 1e-4);
      }
    }
  }

  const torch::NoGradGuard no_grad;
  models::CausalLm lm;
  std::vector<Prompt> prompts;
};

TEST_F(Generation, IsTheSameByTheOperationsOfOtherDevices) {
  GeneratorConfig config{.sampling = {.temperature = 1, .max_tokens = 70},
                         .stop_ids = {3, 17, 20, 41}};
  prompts[0].num_samples = 5;
  prompts.push_back(prompts[1]);
  prompts.back().seed += 1;
  const auto wanted = generate(lm->text(), prompts, config);
  lm->to(torch::kFloat64);  // which no kernel for a CPU takes
  for (const std::int64_t rows : {1, 7, 128}) {
    config.max_rows = rows;
    expect_same(generate(lm->text(), prompts, config), wanted);
  }
}

TEST_F(Generation, IsTheArgmaxOfWholeForwardPassesWhenGreedy) {
  const auto answers =
      generate(lm->text(), prompts, {.sampling = {.temperature = 0, .max_tokens = 12}});
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    ASSERT_EQ(static_cast<std::int64_t>(answers[p].size()), prompts[p].num_samples);
    Ids text = prompts[p].ids;
    Ids wanted;
    for (int step = 0; step < 12; ++step) {
      wanted.push_back(logits_behind(text).argmax().item<std::int64_t>());
      text.push_back(wanted.back());
    }
    for (const Sample& sample : answers[p]) EXPECT_EQ(sample.ids, wanted) << p;
  }
}

TEST_F(Generation, OutgrowsItsFirstCache) {
  const auto answers =
      generate(lm->text(), prompts, {.sampling = {.temperature = 1.0, .max_tokens = 70}});
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    const Sample& sample = answers[p].back();
    ASSERT_EQ(sample.ids.size(), 70);
    EXPECT_EQ(sample.finish_reason, "length");
    const auto wanted = log_probs_of(prompts[p].ids, sample.ids, 1.0);
    for (std::size_t i = 0; i < 70; ++i) ASSERT_NEAR(sample.log_probs[i], wanted[i], 1e-4) << i;
  }
}

TEST_F(Generation, RecordsLogProbabilitiesAtItsTemperature) {
  const auto answers = generate(
      lm->text(), prompts, {.sampling = {.temperature = 0.6, .top_k = 5, .max_tokens = 9}});
  const auto wanted = log_probs_of(prompts[2].ids, answers[2][1].ids, 0.6);
  for (std::size_t i = 0; i < wanted.size(); ++i)
    EXPECT_NEAR(answers[2][1].log_probs[i], wanted[i], 1e-4);
}

TEST_F(Generation, DoesNotDependOnBatchMatesOrWhenAPromptComesIn) {
  GeneratorConfig config{.sampling = {.max_tokens = 40}, .stop_ids = {3, 17, 20, 41}};
  for (Prompt& prompt : prompts) prompt.num_samples = 6;
  prompts[1].num_samples = 2;
  const auto together = generate(lm->text(), prompts, config);
  std::set<std::size_t> lengths;
  for (const auto& group : together) {
    for (const Sample& sample : group) lengths.insert(sample.ids.size());
  }
  ASSERT_GE(lengths.size(), 5) << "rows must finish at different times for this test to say much";
  for (const std::int64_t rows : {1, 6, 7, 13}) {
    config.max_rows = rows;
    expect_same(generate(lm->text(), prompts, config), together);
  }
  config.max_rows = 128;
  config.max_prefill_tokens = 20;
  expect_same(generate(lm->text(), prompts, config), together);
  for (std::size_t p = 0; p < prompts.size(); ++p)
    expect_same(generate(lm->text(), {&prompts[p], 1}, config), {together[p]});
  std::vector<Prompt> reversed(prompts.rbegin(), prompts.rend());
  auto back = generate(lm->text(), reversed, config);
  std::reverse(back.begin(), back.end());
  expect_same(back, together);
}

TEST_F(Generation, GivesTheSamplesOfAPromptDifferentStreams) {
  Prompt prompt = prompts[0];
  prompt.num_samples = 8;
  const auto answers = generate(lm->text(), {&prompt, 1}, {.sampling = {.max_tokens = 6}});
  std::set<Ids> distinct;
  for (const Sample& sample : answers[0]) distinct.insert(sample.ids);
  EXPECT_GE(distinct.size(), 6);
  prompt.seed += 1;
  EXPECT_NE(generate(lm->text(), {&prompt, 1}, {.sampling = {.max_tokens = 6}})[0][0].ids,
            answers[0][0].ids);
}

TEST_F(Generation, TellsEachTokenAndEndsWhereItIsTold) {
  const GeneratorConfig free{.sampling = {.max_tokens = 12}, .stop_ids = {3, 17}};
  const auto whole = generate(lm->text(), prompts, free);
  std::map<std::pair<std::size_t, std::int64_t>, Ids> told;
  GeneratorConfig config = free;
  config.on_token = [&](const NewToken& token) {
    Ids& ids = told[{token.prompt, token.sample}];
    ids.push_back(token.id);
    const Sample& sample = whole[token.prompt][static_cast<std::size_t>(token.sample)];
    EXPECT_EQ(token.is_last, ids.size() == sample.ids.size());
    return token.sample == 0 && ids.size() == 5;
  };
  const auto cut = generate(lm->text(), prompts, config);
  for (std::size_t p = 0; p < whole.size(); ++p) {
    for (std::size_t s = 0; s < whole[p].size(); ++s) {
      Ids wanted = whole[p][s].ids;
      const bool is_cut = s == 0 && wanted.size() >= 5;
      if (is_cut) wanted.resize(5);
      EXPECT_EQ(cut[p][s].ids, wanted) << p << " " << s;
      EXPECT_EQ(cut[p][s].finish_reason, is_cut ? "stop" : whole[p][s].finish_reason);
      EXPECT_EQ((told[{p, static_cast<std::int64_t>(s)}]), wanted);
    }
  }
}

TEST_F(Generation, EndsWithTheStopTokenOrAtTheLimit) {
  const GeneratorConfig config{.sampling = {.max_tokens = 30}, .stop_ids = {3, 17, 20, 41, 50}};
  std::size_t stopped = 0;
  for (const auto& group : generate(lm->text(), prompts, config)) {
    for (const Sample& sample : group) {
      EXPECT_EQ(sample.ids.size(), sample.log_probs.size());
      for (std::size_t i = 0; i + 1 < sample.ids.size(); ++i)
        EXPECT_FALSE(std::count(config.stop_ids.begin(), config.stop_ids.end(), sample.ids[i]));
      const bool ended =
          std::count(config.stop_ids.begin(), config.stop_ids.end(), sample.ids.back()) > 0;
      EXPECT_EQ(sample.finish_reason, ended ? "stop" : "length");
      if (!ended) {
        EXPECT_EQ(sample.ids.size(), 30);
      }
      stopped += ended ? 1 : 0;
    }
  }
  EXPECT_GT(stopped, 0);
}

TEST_F(Generation, WritesASingleTokenWhenAskedForOne) {
  for (const auto& group : generate(lm->text(), prompts, {.sampling = {.max_tokens = 1}})) {
    for (const Sample& sample : group) EXPECT_EQ(sample.ids.size(), 1);
  }
}

TEST_F(Generation, AppliesTheRepetitionPenaltyToPromptAndAnswer) {
  const chat::SamplingConfig sampling{
      .temperature = 0, .repetition_penalty = 1.5, .max_tokens = 10};
  const auto answers = generate(lm->text(), prompts, {.sampling = sampling});
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    Ids text = prompts[p].ids;
    Ids wanted;
    for (int step = 0; step < 10; ++step) {
      Tensor logits = logits_behind(text).clone();
      for (const std::int64_t id : std::set<std::int64_t>(text.begin(), text.end()))
        logits[id] = logits[id].item<float>() < 0 ? logits[id] * 1.5 : logits[id] / 1.5;
      wanted.push_back(logits.argmax().item<std::int64_t>());
      text.push_back(wanted.back());
    }
    EXPECT_EQ(answers[p][0].ids, wanted) << p;
  }
}

TEST_F(Generation, RaisesAnErrorOnDamagedWeightsInsteadOfWritingTokenZero) {
  lm->model->norm->weight[0] = NAN;
  try {
    generate(lm->text(), prompts, {.sampling = {.temperature = 0, .max_tokens = 3}});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInternal);
    EXPECT_NE(std::string(error.what()).find("step 0"), std::string::npos) << error.what();
  }
  const std::vector<Ids> wanted(prompts.size(), Ids{0});
  EXPECT_THROW(next_token_log_probs(lm->text(), prompts, wanted), Error);
}

TEST_F(Generation, LetsNoMorePromptsInAfterASignalButFinishesWhatIsUnderWay) {
  request_interrupt(SIGTERM);
  EXPECT_NO_THROW(generate(lm->text(), prompts, {.sampling = {.max_tokens = 2}})) << "one batch";
  EXPECT_THROW(generate(lm->text(), prompts, {.sampling = {.max_tokens = 2}, .max_rows = 1}),
               Interrupted);
}

TEST_F(Generation, StopsBetweenTwoStepsWhenACallerThrows) {
  std::size_t seen = 0;
  const auto stop_after = [&](const NewToken& /*token*/) {
    if (++seen == 2 * prompts.size()) request_interrupt(SIGINT);
    throw_if_interrupted("stopped by the caller");
    return false;
  };
  EXPECT_THROW(
      generate(lm->text(), prompts, {.sampling = {.max_tokens = 50}, .on_token = stop_after}),
      Interrupted);
  EXPECT_EQ(seen, 2 * prompts.size());
}

TEST_F(Generation, RefusesAnEmptyPrompt) {
  prompts[1].ids.clear();
  EXPECT_THROW(generate(lm->text(), prompts, {.sampling = {.max_tokens = 2}}), c10::Error);
  EXPECT_TRUE(generate(lm->text(), {}, {}).empty());
}

TEST_F(Generation, GivesTheLogProbabilitiesOfTheNextTokensInOrder) {
  const std::vector<Ids> wanted = {{3}, {7, 0, 59}, {}, {12, 12}, {1, 2}};
  for (const std::int64_t limit : {1, 20, 10000}) {
    const std::vector<Tensor> got = next_token_log_probs(lm->text(), prompts, wanted, limit);
    ASSERT_EQ(got.size(), prompts.size());
    for (std::size_t p = 0; p < prompts.size(); ++p) {
      const Tensor all = torch::log_softmax(logits_behind(prompts[p].ids), -1);
      const Tensor index = torch::tensor(wanted[p], torch::kInt64);
      EXPECT_TRUE(test::close(got[p], all.index_select(0, index), 1e-4)) << limit << " " << p;
    }
  }
  EXPECT_TRUE(next_token_log_probs(lm->text(), {}, {}).empty());
  const std::vector<Ids> outside(prompts.size(), Ids{kVocab});
  EXPECT_THROW(next_token_log_probs(lm->text(), prompts, outside), c10::Error);
}

TEST_F(Generation, GivesTheLogProbabilitiesOfMorePromptsThanLogitsStandInMemoryFor) {
  std::vector<Prompt> many;
  std::vector<Ids> wanted;
  for (std::int64_t i = 0; i < 2 * kLogitRows + 3; ++i) {
    many.push_back({.ids = {i % kVocab, i / kVocab, 5}});
    wanted.push_back({i % kVocab, 8});
  }
  const std::vector<Tensor> got = next_token_log_probs(lm->text(), many, wanted);
  ASSERT_EQ(got.size(), many.size());
  const Tensor whole = torch::log_softmax(
      lm->text().logits(prefill(lm->text(), many).last_hidden).to(torch::kFloat32), -1);
  for (std::size_t p = 0; p < many.size(); ++p) {
    const Tensor row = whole[static_cast<std::int64_t>(p)];
    EXPECT_TRUE(test::close(got[p], row.index_select(0, torch::tensor(wanted[p])), 1e-5)) << p;
  }
  many[kLogitRows + 9].embeddings = torch::full({3, 32}, NAN);
  try {
    (void)next_token_log_probs(lm->text(), many, wanted);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("prompt 73"), std::string::npos) << error.what();
  }
}

TEST_F(Generation, PrefillGivesPromptsTogetherTheStatesTheyHaveAlone) {
  const Prefilled together = prefill(lm->text(), prompts);
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    const Prefilled alone = prefill(lm->text(), {&prompts[p], 1});
    EXPECT_TRUE(test::close(
        together.last_hidden[static_cast<std::int64_t>(p)], alone.last_hidden[0], 1e-5));
    ASSERT_EQ(together.prefixes[p].size(), 2);
    for (std::size_t layer = 0; layer < 2; ++layer) {
      EXPECT_TRUE(test::close(together.prefixes[p][layer].k, alone.prefixes[0][layer].k, 1e-5));
      EXPECT_TRUE(test::close(together.prefixes[p][layer].v, alone.prefixes[0][layer].v, 1e-5));
    }
  }
}

TEST_F(Generation, PrefillInStretchesGivesTheStatesOfOnePass) {
  Prompt prompt = prompts[2];
  prompt.positions = torch::arange(17).expand({3, 17}).clone();
  prompt.positions.slice(1, 4, 9) = 4;  // an image's tokens may share a time
  for (const bool axes : {false, true}) {
    lm->model->config.mrope_section = axes ? Ids{1, 1, 2} : Ids{};
    const Prompt& chosen = axes ? prompt : prompts[2];
    const Prefilled whole = prefill(lm->text(), {&chosen, 1});
    for (const std::int64_t chunk : {1, 4, 16}) {
      const Prefilled got = prefill(lm->text(), {&chosen, 1}, chunk);
      EXPECT_TRUE(test::close(got.last_hidden, whole.last_hidden, 1e-5)) << axes << " " << chunk;
      for (std::size_t layer = 0; layer < 2; ++layer) {
        EXPECT_TRUE(test::close(got.prefixes[0][layer].k, whole.prefixes[0][layer].k, 1e-5));
        EXPECT_TRUE(test::close(got.prefixes[0][layer].v, whole.prefixes[0][layer].v, 1e-5));
      }
    }
  }
}

}  // namespace
}  // namespace vragent::engine

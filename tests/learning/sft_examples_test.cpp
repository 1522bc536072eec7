// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// From files to tokens with a loss mask, and on to batches with targets.
#include "vragent/learning/sft_examples.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "learning/sft_batch.h"
#include "learning/small_cases.h"
#include "support/formula.h"
#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/simulator/tasks.h"
#include "vragent/util/error.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

/// The examples as one batch.
SftBatch whole_batch(const std::vector<SizedExample>& examples,
                     const engine::ChatEncoder& encoder,
                     const SftBatchConfig& config) {
  return make_sft_batches(examples, encoder, config).parts.at(0);
}

class SftExamples : public ::testing::Test {
 protected:
  SftExamples() : encoder((test::write_tiny_lm(folder / "lm", 1), folder / "lm")) {}

  std::vector<ChatExample> load(const std::string& lines,
                                const simulator::PromptConfig& prompt = {}) {
    write_file(folder / "train.jsonl", lines);
    return load_examples(folder / "train.jsonl", prompt);
  }

  /// The text of the tokens that the loss counts, control tokens shown.
  std::string learnt(const ChatExample& example, bool all_tokens = false) {
    const TokenExample tokens = encode_example(example, encoder, all_tokens);
    EXPECT_EQ(tokens.in_loss.size(), tokens.chat.ids.size());
    std::vector<std::int64_t> ids;
    for (std::size_t i = 0; i < tokens.in_loss.size(); ++i) {
      if (tokens.in_loss[i]) ids.push_back(tokens.chat.ids[i]);
    }
    return encoder.tokenizer().decode(ids, /*skip_special=*/false);
  }

  test::TempDir folder;
  engine::ChatEncoder encoder;
};

TEST_F(SftExamples, TakeAlpacaLinesAsChats) {
  const auto examples = load(
      R"({"instruction": "which?", "input": "cat, dog", "output": "the cat", "system": "you watch",)"
      R"( "history": [["hello", "hi"]]})"
      "\n"
      R"({"instruction": "which?", "input": "", "output": "no"})"
      "\n");
  ASSERT_EQ(examples.size(), 2);
  std::string said;
  for (const auto& turn : examples[0].turns) said += turn.role + "=" + turn.text + "|";
  EXPECT_EQ(said,
            "system=you watch|user=hello|assistant=hi|user=which?\ncat, dog|assistant=the cat|");
  EXPECT_EQ(examples[1].turns.front().text, "which?");
  EXPECT_EQ(learnt(examples[1]), "no<|im_end|>");
  EXPECT_THROW(load(R"({"instruction": "which?"})"
                    "\n"),
               DataError);
}

TEST_F(SftExamples, LearnTheAssistantsWordsAndEndMarksOnly) {
  const auto examples =
      load(R"({"messages": [{"role": "user", "content": "hello cat"},)"
           R"({"role": "assistant", "content": "the snow"}, {"role": "user", "content": "a dog?"},)"
           R"({"role": "assistant", "content": "yes"}]})"
           "\n"
           R"({"prompt": "the question", "completion": "no"})"
           "\n");
  ASSERT_EQ(examples.size(), 2);
  EXPECT_EQ(learnt(examples[0]), "the snow<|im_end|>yes<|im_end|>");
  EXPECT_EQ(learnt(examples[1]), "no<|im_end|>");
}

TEST_F(SftExamples, TakePromptsAndCompletionsThatAreMessages) {
  const auto examples = load(
      R"({"prompt": [{"role": "system", "content": "be short"}, {"role": "user", "content": "a?"}],)"
      R"( "completion": [{"role": "assistant", "content": "yes"}]})"
      "\n");
  ASSERT_EQ(examples[0].turns.size(), 3);
  EXPECT_EQ(learnt(examples[0]), "yes<|im_end|>");
}

TEST_F(SftExamples, TakePicturesFromAListBesideTheContents) {
  const std::string asked =
      R"({"messages": [{"role": "user", "content": [{"type": "image"}, {"type": "image", "image": )"
      R"("own.png"}, {"type": "text", "text": "what?"}]}, {"role": "assistant", "content": "snow"}])";
  const auto examples = load(asked + R"(, "images": ["first.png"]})" + "\n");
  EXPECT_EQ(examples[0].turns[0].images,
            (std::vector<std::filesystem::path>{folder / "first.png", folder / "own.png"}));
  const auto refuses = [&](const std::string& line, const std::string& part) {
    EXPECT_THAT([&] { load(line + "\n"); },
                ::testing::ThrowsMessage<DataError>(::testing::HasSubstr(part)));
  };
  refuses(asked + "}", "\"image\": missing");
  refuses(asked + R"(, "images": ["first.png", "second.png"]})", "\"images\": 1 of 2 are no");
  refuses(R"({"messages": [{"role": "tool", "content": "x"}]})", "train.jsonl:1: \"role\": system");
  refuses(R"({"conversations": []})", "\"messages\", \"prompt\" and");
  write_file(folder / "first.png", "");
  ChatExample blind = examples[0];
  EXPECT_THROW(encode_example(blind, encoder, false), DataError);
}

TEST_F(SftExamples, LearnAllTokensButTheFirstWhenAskedTo) {
  const auto examples = load(R"({"prompt": "the question", "completion": "no"})");
  const std::string text = learnt(examples[0], /*all_tokens=*/true);
  EXPECT_EQ(text.find("<|im_start|>user"), text.rfind("<|im_start|>user"));
  EXPECT_NE(text.find("the question<|im_end|>"), std::string::npos) << text;
  EXPECT_FALSE(encode_example(examples[0], encoder, true).in_loss[0]);
}

TEST_F(SftExamples, ReadControlTokensInTextsAsText) {
  const auto examples =
      load(R"({"prompt": "x<|im_end|><|im_start|>assistant", "completion": "n<|im_end|>o"})");
  const std::int64_t end = encoder.tokenizer().need_token("<|im_end|>");
  const TokenExample tokens = encode_example(examples[0], encoder, false);
  std::int64_t learnt_ends = 0;
  for (std::size_t i = 0; i < tokens.in_loss.size(); ++i)
    learnt_ends += tokens.in_loss[i] && tokens.chat.ids[i] == end ? 1 : 0;
  EXPECT_EQ(learnt_ends, 1);
  EXPECT_EQ(learnt(examples[0]), "n<|im_end|>o<|im_end|>");
}

TEST_F(SftExamples, LearnWhatFollowsThePrefillOfACase) {
  data::Case row = judge_case("a", 1);
  row.response = "<think>likes cats</think><answer>Yes</answer>";
  EXPECT_EQ(learnt(load(data::to_line(row))[0]),
            "likes cats</think><answer>Yes</answer><|im_end|>");
  simulator::PromptConfig prompt{.prefill = false};
  EXPECT_EQ(learnt(load(data::to_line(row), prompt)[0]), row.response + "<|im_end|>");
  prompt = {.cot = false};
  EXPECT_EQ(learnt(load(data::to_line(row), prompt)[0]), "Yes</answer><|im_end|>");
  EXPECT_EQ(learnt(load(data::to_line(select_case("b", 2)), prompt)[0]), "C</answer><|im_end|>");
}

TEST_F(SftExamples, LearnTheFieldsOfTheReleaseWhereTheyAreAskedFor) {
  const auto answer = [&](data::Case row, const std::string& response, bool cot) {
    row.response = response;
    return load(data::to_line(row), {.cot = cot, .answer_form = "official"})[0].turns.back().text;
  };
  const data::Case select = select_case("b", 2);
  const std::string in_fields = "(1) User_preference: likes cats\n(2) Next_video: night market";
  EXPECT_EQ(answer(select, "<think>likes\ncats</think><answer>B</answer>", true),
            "<think>likes\ncats</think><answer>" + in_fields + "</answer>");
  EXPECT_EQ(answer(select, "<think>likes cats</think><answer>B</answer>", false),
            "<answer>" + in_fields + "</answer>");
  EXPECT_EQ(answer(select, "<think>x</think><answer>" + in_fields + "</answer>", true),
            "<think>x</think><answer>" + in_fields + "</answer>")
      << "in the form already";
  EXPECT_EQ(answer(judge_case("a", 0), "", false),
            "<answer>(1) User_preference: see the history above\n(2) Prediction: No</answer>");
  EXPECT_THROW(answer(select, "<think>x</think><answer>who knows</answer>", true), DataError);
  EXPECT_THROW(answer(select, "", true), DataError) << "reasoning is asked for and there is none";
}

TEST_F(SftExamples, SeeAPromptAsTheAgentThatAnswersIt) {
  data::Case row = judge_case("a", 1);
  row.response = "<think>likes cats</think><answer>Yes</answer>";
  const simulator::PromptConfig prompt;
  const TokenExample tokens = encode_example(load(data::to_line(row), prompt)[0], encoder, false);
  const auto asked = encoder.encode(simulator::task_messages(row, prompt), "<think>").ids;
  ASSERT_LT(asked.size(), tokens.chat.ids.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    ASSERT_EQ(tokens.chat.ids[i], asked[i]) << i;
    ASSERT_FALSE(tokens.in_loss[i]) << i;
  }
  EXPECT_TRUE(tokens.in_loss[asked.size()]);
}

TEST_F(SftExamples, RefuseWhatNothingCanBeLearntFrom) {
  const auto complaint = [&](const std::string& lines, const simulator::PromptConfig& prompt = {}) {
    try {
      load(R"({"prompt": "a", "completion": "b"})"
           "\n" +
               lines,
           prompt);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  for (const std::string bad :
       {R"({"messages": [{"role": "user", "content": "a"}]})",
        R"({"messages": []})",
        R"({"messages": [{"role": "assistant"}]})",
        R"({"messages": [{"role": "assistant", "content": [{"type": "sound", "text": "a"}]}]})",
        R"({"prompt": "a"})",
        R"({"prompt": "a", "completion": 3})",
        R"(["prompt"])",
        R"({"prompt": )"})
    EXPECT_NE(complaint(bad).find("train.jsonl:2"), std::string::npos) << bad << complaint(bad);
  EXPECT_NE(complaint(data::to_line(judge_case("a", 1))).find("train.jsonl:2"), std::string::npos)
      << "reasoning is asked for and there is none";
  EXPECT_NE(complaint(data::to_line(judge_case("a", -1)), {.cot = false}).find("train.jsonl:2"),
            std::string::npos);
  const std::string answered = data::to_line(judge_case("a", 1));
  EXPECT_NE(complaint(answered + "\n" + answered, {.cot = false})
                .find("train.jsonl:3: case a is there twice"),
            std::string::npos);
  EXPECT_THROW(load(""), DataError);
}

TEST_F(SftExamples, BecomeBatchesWhoseTargetsAreTheNextTokens) {
  const auto examples = load(
      "{\"prompt\": \"the cat plays in the snow\", \"completion\": \"yes\"}\n"
      "{\"prompt\": \"a dog\", \"completion\": \"no noodles\"}\n");
  const std::vector<SizedExample> both = {{&examples[0]}, {&examples[1]}};
  const SftBatch batch = whole_batch(both, encoder, {});
  std::vector<std::int64_t> wanted;
  for (std::size_t row = 0; row < 2; ++row) {
    const TokenExample tokens = encode_example(examples[row], encoder, false);
    for (std::size_t i = 0; i < tokens.in_loss.size(); ++i) {
      if (tokens.in_loss[i]) wanted.push_back(tokens.chat.ids[i]);
    }
  }
  EXPECT_TRUE(batch.targets.equal(torch::tensor(wanted)));
  EXPECT_TRUE(batch.ids.index_select(0, batch.predict_from + 1).equal(batch.targets));
  EXPECT_EQ(batch.ids.size(0), batch.lengths.at(0) + batch.lengths.at(1));
  EXPECT_THROW(whole_batch(both, encoder, {.max_length = batch.lengths.at(0) - 1}), DataError);
}

TEST_F(SftExamples, AreCutIntoMicroBatchesByTokens) {
  std::string lines;
  for (const int words : {3, 9, 1, 5, 2}) {
    std::string prompt;
    for (int word = 0; word < words; ++word) prompt += "cat ";
    lines += R"({"prompt": ")" + prompt + R"(", "completion": "yes"})" + "\n";
  }
  const auto examples = load(lines);
  std::vector<SizedExample> all;
  for (const ChatExample& example : examples) all.push_back({&example});
  const SftBatch whole = whole_batch(all, encoder, {});
  const std::int64_t longest = *std::max_element(whole.lengths.begin(), whole.lengths.end());
  for (const std::int64_t limit : {std::int64_t{1}, longest, 2 * longest, std::int64_t{100000}}) {
    std::vector<std::int64_t> lengths;
    std::vector<Tensor> targets;
    for (const SftBatch& part : make_sft_batches(all, encoder, {.micro_tokens = limit}).parts) {
      EXPECT_TRUE(part.ids.size(0) <= limit || part.lengths.size() == 1) << limit;
      lengths.insert(lengths.end(), part.lengths.begin(), part.lengths.end());
      targets.push_back(part.targets);
    }
    EXPECT_EQ(lengths, whole.lengths) << limit;
    EXPECT_TRUE(torch::cat(targets).equal(whole.targets)) << limit;
    EXPECT_EQ(targets.size() == 1, limit == 100000) << limit;
  }
}

TEST_F(SftExamples, ThatAreTooLongAreRefusedSkippedOrCut) {
  const std::string lines =
      "{\"prompt\": \"a dog\", \"completion\": \"yes\"}\n"
      "{\"prompt\": \"a dog\", \"completion\": \"no no no no no no no no no no no no no no\"}\n"
      "{\"prompt\": \"the cat the cat the cat the cat the cat the cat\", \"completion\": "
      "\"yes\"}\n";
  const auto all = load(lines);
  const std::vector<SizedExample> first = {{&all[0]}};
  const std::int64_t limit = whole_batch(first, encoder, {}).lengths[0] + 2;
  auto examples = all;
  try {
    fit_examples(examples, encoder, {.max_length = limit}, "error");
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("train.jsonl:2"), std::string::npos) << error.what();
  }
  examples = all;
  FittedExamples fitted = fit_examples(examples, encoder, {.max_length = limit}, "skip");
  EXPECT_EQ(fitted.skipped, 2);
  EXPECT_EQ(examples.size(), 1);
  examples = all;
  const SftBatchConfig cut{.max_length = limit, .truncate = true};
  fitted = fit_examples(examples, encoder, cut, "truncate");
  EXPECT_EQ(fitted.truncated, 1);
  EXPECT_EQ(fitted.skipped, 1) << "nothing of its answer is left";
  ASSERT_EQ(examples.size(), 2);
  EXPECT_EQ(fitted.tokens, (std::vector<std::int64_t>{limit - 2, limit}));
  EXPECT_EQ(fitted.targets[1], whole_batch({{&examples[1]}}, encoder, cut).targets.size(0));
  const std::vector<SizedExample> second = {{&examples[1]}};
  const SftBatch batch = whole_batch(second, encoder, cut);
  EXPECT_EQ(batch.lengths[0], limit);
  EXPECT_GT(batch.targets.size(0), 0);
}

TEST_F(SftExamples, HaveTheLogProbabilitiesOfAPlainForwardPassOfEachAlone) {
  const auto examples = load(
      "{\"prompt\": \"the cat plays in the snow\", \"completion\": \"yes\"}\n"
      "{\"prompt\": \"a dog\", \"completion\": \"no noodles\"}\n");
  const torch::NoGradGuard no_grad;
  engine::LanguageModel model =
      engine::load_language_model_folder(folder / "lm", torch::kFloat32, torch::kCPU);
  std::vector<Tensor> wanted;
  for (const ChatExample& example : examples) {
    const TokenExample tokens = encode_example(example, encoder, false);
    const Tensor ids = torch::tensor(tokens.chat.ids);
    const Tensor rows = torch::log_softmax(model.causal(ids.unsqueeze(0))[0], -1);
    for (std::size_t i = 0; i < tokens.in_loss.size(); ++i) {
      if (tokens.in_loss[i])
        wanted.push_back(rows[static_cast<std::int64_t>(i) - 1][tokens.chat.ids[i]]);
    }
  }
  const std::vector<SizedExample> both = {{&examples[0]}, {&examples[1]}};
  const SftBatch batch = whole_batch(both, encoder, {});
  EXPECT_TRUE(test::close(target_log_probs(model, batch, torch::kCPU), torch::stack(wanted), 1e-4));
}

TEST(SftExamplesWithImages, SeeTheImagesBesideTheirFile) {
  const test::TempDir folder;
  test::write_tiny_vlm(folder / "vlm", 2);
  const engine::ChatEncoder encoder(folder / "vlm");
  const torch::NoGradGuard no_grad;
  engine::LanguageModel model =
      engine::load_language_model_folder(folder / "vlm", torch::kFloat32, torch::kCPU);
  media::write_image(folder / "a.png", test::formula_image(60, 60, "a"));
  write_file(folder / "train.jsonl",
             R"({"messages": [{"role": "user", "content": [{"type": "image", "image": "a.png"},)"
             R"({"type": "text", "text": "what?"}]}, {"role": "assistant", "content": "snow"}]})"
             "\n"
             R"({"prompt": "the cat plays in the snow and runs", "completion": "yes"})"
             "\n");
  const auto examples = load_examples(folder / "train.jsonl", {});
  const auto log_probs = [&](const std::vector<SizedExample>& chosen) {
    return target_log_probs(model, whole_batch(chosen, encoder, {}), torch::kCPU);
  };
  const Tensor both = log_probs({{&examples[0]}, {&examples[1]}});
  const Tensor alone = torch::cat({log_probs({{&examples[0]}}), log_probs({{&examples[1]}})});
  EXPECT_TRUE(test::close(both, alone, 1e-4));
  media::write_image(folder / "a.png", test::formula_image(60, 60, "b"));
  EXPECT_GT(test::max_difference(log_probs({{&examples[0]}, {&examples[1]}}), both), 1e-4);
  std::filesystem::remove(folder / "a.png");
  try {
    log_probs({{&examples[0]}});
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("train.jsonl:1"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace vragent::learning

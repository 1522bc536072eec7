// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What must hold of each network whatever its weights are.
#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/formula.h"
#include "support/temp_dir.h"
#include "support/tensor_matchers.h"
#include "support/tiny_models.h"
#include "vragent/models/bert.h"
#include "vragent/models/causal_lm.h"
#include "vragent/models/clip.h"
#include "vragent/models/pixels.h"
#include "vragent/models/probe.h"
#include "vragent/ops/attention.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::models {
namespace {

using test::TempDir;
using torch::Tensor;

Clip tiny_clip(std::int64_t end_token) {
  Clip clip(test::tiny_clip_config(50, end_token));
  test::randomise(*clip, 3);
  nn::set_requires_grad(*clip, false);
  return clip;
}

TEST(ClipText, EndsAtTheLargestIdWhereTheConfigSaysTwo) {
  Clip clip = tiny_clip(2);
  const Tensor whole = clip->encode_text(torch::tensor({{48, 5, 6, 49, 49, 0}}));
  EXPECT_TRUE(test::close(whole, clip->encode_text(torch::tensor({{48, 5, 6, 49}})), 1e-5))
      << "the first of several largest ids counts";
  EXPECT_TRUE(test::close(whole, clip->encode_text(torch::tensor({{48, 5, 6, 49, 7, 8}})), 1e-5))
      << "nothing behind the end is seen";
}

TEST(ClipText, EndsAtTheFirstExplicitEndToken) {
  Clip clip = tiny_clip(30);
  const Tensor whole = clip->encode_text(torch::tensor({{48, 5, 30, 30, 49}}));
  EXPECT_TRUE(test::close(whole, clip->encode_text(torch::tensor({{48, 5, 30}})), 1e-5));
  EXPECT_GT(test::max_difference(whole, clip->encode_text(torch::tensor({{48, 6, 30}}))), 1e-3);
}

TEST(ClipText, RefusesMoreTokensThanPositions) {
  Clip clip = tiny_clip(2);
  EXPECT_THROW(clip->encode_text(torch::full({1, test::kTinyClipPositions + 1}, 5)), c10::Error);
}

TEST(ClipImage, TreatsImagesOfABatchAlone) {
  Clip clip = tiny_clip(2);
  const Tensor pixels = test::randn({3, 3, 28, 28}, 1);
  const Tensor together = clip->encode_image(pixels);
  for (std::int64_t i = 0; i < 3; ++i)
    EXPECT_TRUE(
        test::close(together.narrow(0, i, 1), clip->encode_image(pixels.narrow(0, i, 1)), 1e-5));
  EXPECT_THROW(clip->encode_image(test::randn({1, 3, 28, 14}, 1)), c10::Error);
}

TEST(ClipImage, IsTheSameInParts) {
  Clip clip = tiny_clip(2);
  const Tensor pixels = test::randn({401, 3, 28, 28}, 2);
  const Tensor together = clip->encode_image(pixels);  // with gradient: all at once
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(test::close(clip->encode_image(pixels), together, 1e-5));
}

TEST(CosineMatrix, IsTheCosineOfEveryPair) {
  const Tensor a = torch::tensor({{1.0F, 0.0F}, {0.0F, 2.0F}, {0.0F, 0.0F}});
  const Tensor b = torch::tensor({{3.0F, 3.0F}, {-1.0F, 0.0F}});
  const Tensor wanted = torch::tensor({{0.70710678F, -1.0F}, {0.70710678F, 0.0F}, {0.0F, 0.0F}});
  EXPECT_TRUE(test::close(cosine_matrix(a, b), wanted, 1e-6));
}

class BertFamily : public ::testing::TestWithParam<const char*> {
 protected:
  BertFamily() : config(test::tiny_bert_config(60)) {
    config.model_type = GetParam();
    config.pad_token_id = config.model_type == "bert" ? 0 : 1;
    bert = Bert(config);
    test::randomise(*bert, 3);
    nn::set_requires_grad(*bert, false);
  }

  BertConfig config;
  Bert bert{nullptr};
};

TEST_P(BertFamily, DoesNotSeePads) {
  const std::int64_t pad = config.pad_token_id;
  const Tensor ids = torch::tensor({5, 6, 7, static_cast<int>(pad), static_cast<int>(pad)})
                         .to(torch::kInt64)
                         .unsqueeze(0);
  const Tensor padded = bert(ids, ids != pad).narrow(1, 0, 3);
  const Tensor alone = bert(torch::tensor({{5, 6, 7}}), torch::ones({1, 3}, torch::kBool));
  EXPECT_TRUE(test::close(padded, alone, 1e-5));
}

TEST_P(BertFamily, GivesFiniteStatesToARowOfPads) {
  const std::int64_t pad = config.pad_token_id;
  const Tensor ids = torch::stack({torch::full({2}, pad), torch::tensor({5, 6}).to(torch::kInt64)});
  EXPECT_TRUE(bert(ids, ids != pad).isfinite().all().item<bool>());
}

TEST_P(BertFamily, PoolsTheTokensOfEachTextAndNoPads) {
  const std::int64_t pad = config.pad_token_id;
  const Tensor ids = torch::stack({torch::tensor({5, 6, 7}).to(torch::kInt64),
                                   torch::full({3}, pad),
                                   torch::tensor({8, 9, 0}).to(torch::kInt64)});
  Tensor mask = ids != pad;
  mask[2] = torch::tensor({true, true, false});
  const Tensor states = bert(ids, mask);
  const Tensor mean = bert->mean_states(ids, mask);
  EXPECT_TRUE(test::close(mean[0], states[0].mean(0), 1e-6));
  EXPECT_TRUE(mean[1].equal(torch::zeros_like(mean[1])));
  EXPECT_TRUE(test::close(mean[2], states[2].narrow(0, 0, 2).mean(0), 1e-6));
}

TEST_P(BertFamily, SeesPositions) {
  const Tensor ones = torch::ones({1, 3}, torch::kBool);
  const Tensor there = bert(torch::tensor({{5, 6, 7}}), ones);
  const Tensor back = bert(torch::tensor({{7, 6, 5}}), ones);
  EXPECT_GT(test::max_difference(there.select(1, 1), back.select(1, 1)), 1e-3);
}

/// Three texts of 4, 2 and 3 tokens.
struct ThreeTexts {
  Tensor ids = torch::tensor({{5, 6, 7, 8}, {9, 10, 0, 0}, {11, 12, 13, 0}}).to(torch::kInt64);
  Tensor mask = ops::length_mask(torch::tensor({4, 2, 3}).to(torch::kInt64), 4);
};

TEST_P(BertFamily, SharesOfAttentionThatAreKeptAreThoseOfTheFusedOne) {
  const ThreeTexts texts;
  const BertDropout hardly{.attention = 1e-7, .seed = 4};
  EXPECT_TRUE(test::close(bert->encode(texts.ids, texts.mask, hardly).states,
                          bert->encode(texts.ids, texts.mask).states,
                          1e-5));
  EXPECT_TRUE(test::close(bert->first_states(texts.ids, texts.mask, hardly),
                          bert->first_states(texts.ids, texts.mask),
                          1e-5));
}

TEST_P(BertFamily, DropsTheSameInPartsOfABatch) {
  const ThreeTexts texts;
  const BertDropout whole{.hidden = 0.3, .attention = 0.3, .seed = 4};
  BertDropout rest = whole;
  rest.first_text = 1;
  rest.first_token = 4;
  rest.longest_text = 4;
  const Tensor ids = texts.ids.narrow(0, 1, 2).narrow(1, 0, 3);
  const Tensor mask = texts.mask.narrow(0, 1, 2).narrow(1, 0, 3);
  const Tensor mean = bert->mean_states(texts.ids, texts.mask, whole);
  EXPECT_TRUE(test::close(bert->mean_states(ids, mask, rest), mean.narrow(0, 1, 2), 1e-5));
  const Tensor first = bert->first_states(texts.ids, texts.mask, whole);
  EXPECT_TRUE(test::close(bert->first_states(ids, mask, rest), first.narrow(0, 1, 2), 1e-5));
  EXPECT_GT(test::max_difference(mean, bert->mean_states(texts.ids, texts.mask)), 1e-2);
}

/// What is dropped passes no gradient: of one token, that shows in the bias in front of each place.
TEST_P(BertFamily, DropsWhereThePublishedCodeDoesAndEachPlaceOnItsOwn) {
  nn::set_requires_grad(*bert, true);
  const std::string second = "encoder.layer.1.";
  const std::vector<std::pair<std::string, double>> places = {
      {"embeddings.LayerNorm.bias", 0.2},
      {"encoder.layer.0.output.dense.bias", 0.2},
      {second + "attention.output.dense.bias", 0.2},
      {second + "output.dense.bias", 0.2},
      {second + "attention.self.value.bias", 0.4}};
  constexpr int kSeeds = 400;
  const auto parameters = bert->named_parameters();
  std::vector<Tensor> zeros(places.size(), torch::zeros({kSeeds, config.hidden_size}));
  for (Tensor& of_place : zeros) of_place = of_place.clone();
  for (int seed = 0; seed < kSeeds; ++seed) {
    bert->zero_grad();
    bert->encode(torch::tensor({{5}}),
                 torch::ones({1, 1}, torch::kBool),
                 {.hidden = 0.2, .attention = 0.4, .seed = static_cast<std::uint64_t>(seed)})
        .states.mul(test::randn({1, config.hidden_size}, 5))
        .sum()
        .backward();
    for (std::size_t i = 0; i < places.size(); ++i)
      zeros[i][seed].copy_(parameters[places[i].first].grad() == 0);
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Tensor of_element = zeros[i].mean(0);  // of a head where shares of attention drop
    EXPECT_NEAR(of_element.min().item<double>(), places[i].second, 0.1) << places[i].first;
    EXPECT_NEAR(of_element.max().item<double>(), places[i].second, 0.1) << places[i].first;
    EXPECT_NEAR(of_element.mean().item<double>(), places[i].second, 0.03) << places[i].first;
  }
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = i + 1; j < 4; ++j)
      EXPECT_NEAR((zeros[i] * zeros[j]).mean().item<double>(), 0.04, 0.01) << i << " and " << j;
  }
}

INSTANTIATE_TEST_SUITE_P(Types,
                         BertFamily,
                         ::testing::Values("bert", "xlm-roberta"),
                         [](const auto& instance) {
                           return instance.param[0] == 'b' ? "bert" : "xlmr";
                         });

TEST(LoadBert, ReadsPrefixesAndTheNamesOfOldFiles) {
  const TempDir folder;
  test::write_tiny_bert(folder / "plain", 7);
  const Bert plain = load_bert(folder / "plain", torch::kFloat32, torch::kCPU);
  nn::NamedTensors old;
  for (const auto& [name, tensor] : nn::parameters_of(*plain)) {
    std::string renamed = "bert." + name;
    if (renamed.ends_with("LayerNorm.weight")) renamed.replace(renamed.size() - 6, 6, "gamma");
    if (renamed.ends_with("LayerNorm.bias")) renamed.replace(renamed.size() - 4, 4, "beta");
    old[renamed] = tensor;
  }
  old["cls.predictions.bias"] = torch::zeros({3});
  old["bert.pooler.dense.weight"] = torch::zeros({3});
  old["bert.embeddings.position_ids"] = torch::arange(64).unsqueeze(0);
  save_model_folder(folder / "old",
                    {.tensors = old, .config_json = read_model_config(folder / "plain")});
  const Bert loaded = load_bert(folder / "old", torch::kFloat32, torch::kCPU);
  EXPECT_TRUE(test::same_tensors(nn::parameters_of(*loaded), nn::parameters_of(*plain)));
  old["bert.encoder.layer.2.output.dense.bias"] = torch::zeros({24});
  save_model_folder(folder / "old",
                    {.tensors = old, .config_json = read_model_config(folder / "plain")});
  EXPECT_THROW(load_bert(folder / "old", torch::kFloat32, torch::kCPU), DataError);
}

class Lm : public ::testing::Test {
 protected:
  Lm() : lm(test::tiny_lm_config(60)) {
    test::randomise(*lm, 3);
    nn::set_requires_grad(*lm, false);
  }

  CausalLm lm;
};

TEST_F(Lm, SeesNoTokenThatComesLater) {
  const Tensor before = lm(torch::tensor({{1, 2, 3, 4, 5}}));
  const Tensor after = lm(torch::tensor({{1, 2, 3, 9, 8}}));
  EXPECT_TRUE(test::close(after.narrow(1, 0, 3), before.narrow(1, 0, 3), 1e-5));
  EXPECT_GT(test::max_difference(after.narrow(1, 3, 1), before.narrow(1, 3, 1)), 1e-3);
}

TEST_F(Lm, GivesARowTheSameLogitsPaddedOrAlone) {
  const Tensor padded = lm(torch::tensor({{1, 2, 3, 0, 0}, {9, 8, 7, 6, 5}}));
  EXPECT_TRUE(test::close(padded[0].narrow(0, 0, 3), lm(torch::tensor({{1, 2, 3}}))[0], 1e-5));
}

TEST_F(Lm, ContinuesAPromptInBranchesAsIfEachWereOneText) {
  const Tensor ids = torch::tensor({1, 2, 3, 4, 5, 6, 7, 9, 8});
  const ops::Packing packing = ops::pack({4, 3, 2}, torch::kCPU, {-1, 0, 0});
  const Tensor hidden = lm->model->forward(lm->model->embed_tokens(ids),
                                           ops::packed_positions(packing, torch::kCPU),
                                           {.packing = &packing});
  const Tensor logits = lm->text().logits(hidden);
  EXPECT_TRUE(
      test::close(logits.narrow(0, 0, 7), lm(torch::tensor({{1, 2, 3, 4, 5, 6, 7}}))[0], 1e-5));
  EXPECT_TRUE(test::close(
      logits.narrow(0, 7, 2), lm(torch::tensor({{1, 2, 3, 4, 9, 8}}))[0].narrow(0, 4, 2), 1e-5));
}

TEST_F(Lm, RefusesEmbeddingsOfAnotherWidth) {
  const ops::Packing packing = ops::pack({3}, torch::kCPU);
  const DecoderContext context{.packing = &packing};
  EXPECT_THROW(lm->model->forward(test::randn({3, 16}, 1), torch::arange(3), context), c10::Error);
  EXPECT_THROW(
      lm->model->forward(test::randn({3, 32}, 1), torch::zeros({2, 3}, torch::kInt64), context),
      c10::Error);
  EXPECT_THROW(lm->model->forward(test::randn({3, 32}, 1), torch::arange(3), {}), c10::Error);
}

TEST(ProbeModel, GivesEachArchitecturesOutputs) {
  const TempDir folder;
  test::write_tiny_lm(folder / "lm", 1);
  test::write_tiny_clip(folder / "clip", 2);
  const auto logits = probe_model(folder / "lm", {.ids = {{1, 2, 3}}}, torch::kFloat32);
  EXPECT_EQ(logits.at("logits").size(0), 3);
  const auto texts = probe_model(folder / "clip", {.ids = {{1, 2, 3}, {4, 5}}}, torch::kFloat32);
  EXPECT_EQ(texts.at("text_embeds").sizes(), (std::vector<std::int64_t>{2, 16}));
  const media::Image image = test::formula_image(40, 30, "clip");
  const auto images = probe_model(folder / "clip", {.images = {image}}, torch::kFloat32);
  EXPECT_EQ(images.at("image_embeds").sizes(), (std::vector<std::int64_t>{1, 16}));
  EXPECT_TRUE(images.at("pixel_values")[0].equal(
      clip_pixels(image, load_clip_pixel_config(folder / "clip", test::kTinyClipSide))));
}

TEST(ProbeModel, RefusesIdsOutsideTheVocabulary) {
  const TempDir folder;
  test::write_tiny_lm(folder / "lm", 1);
  for (const std::vector<std::int64_t>& ids : {std::vector<std::int64_t>{-1}, {100000}, {}})
    EXPECT_THROW(probe_model(folder / "lm", {.ids = {ids}}, torch::kFloat32), DataError);
  EXPECT_THROW(probe_model(folder / "lm", {.ids = {{1}, {2}}}, torch::kFloat32), DataError);
  EXPECT_THROW(probe_model(folder / "lm", {.ids = {{1}}, .images = {{}}}, torch::kFloat32),
               DataError);
}

TEST(ProbeModel, NamesTheSourceOfIdsThatDoNotFit) {
  const TempDir folder;
  test::write_tiny_lm(folder / "lm", 1);
  test::write_tiny_clip(folder / "clip", 2);
  test::write_tiny_bert(folder / "bert", 3);
  const auto refused = [&](const char* model, std::vector<std::vector<std::int64_t>> ids) {
    try {
      (void)probe_model(
          folder / model, {.ids = std::move(ids), .ids_source = "a.json"}, torch::kFloat32);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const std::vector<std::int64_t> many(2000, 5);
  EXPECT_EQ(refused("clip", {{5}, many}),
            "a.json: 2000 tokens, but the model has " + std::to_string(test::kTinyClipPositions) +
                " positions");
  EXPECT_TRUE(refused("bert", {many}).starts_with("a.json: 2000 tokens, but the model has "));
  EXPECT_EQ(refused("bert", {{5}, {}}), "a.json: list 2 holds no token but the pad id 0");
  EXPECT_EQ(refused("bert", {{0, 0}}), "a.json: list 1 holds no token but the pad id 0");
  EXPECT_TRUE(refused("lm", {{1}, {2}}).ends_with("got 2 lists"));
  EXPECT_TRUE(refused("lm", {{100000}}).starts_with("a.json: token id 100000 is outside"));
}

TEST(ProbeModel, ListsAllArchitecturesWhenItKnowsNoneOfThatName) {
  const TempDir folder;
  write_file(folder / "config.json", R"({"model_type": "gpt2"})");
  try {
    (void)probe_model(folder.path(), {.ids = {{1}}}, torch::kFloat32);
    FAIL() << "no error";
  } catch (const DataError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("\"gpt2\" is not supported (qwen2, "), std::string::npos) << text;
    EXPECT_NE(text.find("bert, roberta, xlm-roberta"), std::string::npos) << text;
  }
}

TEST(DescribeModel, CountsParametersByGroup) {
  const TempDir folder;
  test::write_tiny_bert(folder / "bert", 1);
  const Table table = describe_model(folder / "bert");
  std::int64_t sum = 0;
  for (std::size_t row = 0; row + 1 < table.rows.size(); ++row)
    sum += std::stoll(table.rows[row][2]);
  EXPECT_EQ(std::to_string(sum), table.rows.back()[2]);
  EXPECT_EQ(table.rows.back()[0], "total");
}

TEST(DescribeTensors, CountsBuffersOfWholeNumbersAsNoParameters) {
  const Table table = describe_tensors("t",
                                       {{"a.weight", torch::zeros({2, 3})},
                                        {"a.position_ids", torch::arange(7)},
                                        {"b.position_ids", torch::arange(5)}});
  EXPECT_EQ(table.rows,
            (std::vector<std::vector<std::string>>{{"a", "2", "6", "80", "F32"},
                                                   {"b", "1", "0", "40", "-"},
                                                   {"total", "3", "6", "120", "F32"}}));
}

}  // namespace
}  // namespace vragent::models

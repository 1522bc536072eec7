// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// From messages and images to answers.
#include <algorithm>
#include <cmath>
#include <set>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/formula.h"
#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/engine/native_chat.h"
#include "vragent/util/error.h"

namespace vragent::engine {
namespace {

using test::TempDir;
using torch::Tensor;
using Ids = std::vector<std::int64_t>;

std::vector<chat::Message> dialogue(const std::string& text, int images = 0) {
  std::vector<chat::Message> messages = {{"user", text, {}}};
  for (int i = 0; i < images; ++i)
    messages[0].images.push_back(test::formula_image(60 + 30 * i, 90, "image" + std::to_string(i)));
  return messages;
}

class LmFolder : public ::testing::Test {
 protected:
  LmFolder() { test::write_tiny_lm(folder_.path(), 1); }

  TempDir folder_;
};

TEST_F(LmFolder, StopsAtEveryTokenThatTheFilesName) {
  const auto id = [&](const char* token) {
    return text::load_tokenizer(folder_.path())->need_token(token);
  };
  const std::int64_t end = id("<|im_end|>");
  write_file(folder_ / "generation_config.json", R"({"eos_token_id": [7, 3, 7]})");
  Json config = Json::parse(read_file(folder_ / "config.json"));
  config["eos_token_id"] = 9;
  write_file(folder_ / "config.json", config.dump());
  const ChatEncoder encoder(folder_.path());
  for (const std::int64_t wanted : {std::int64_t{3}, std::int64_t{7}, std::int64_t{9}, end})
    EXPECT_EQ(std::count(encoder.stop_ids().begin(), encoder.stop_ids().end(), wanted), 1)
        << wanted;
}

TEST_F(LmFolder, StopsAtTheEndOfATurnOfItsTemplate) {
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) {
    std::string text = read_file(folder_ / name);
    const std::string pad = "<|vision_pad|>";
    for (auto at = text.find(pad); at != std::string::npos; at = text.find(pad))
      text.replace(at, pad.size(), "<|eot_id|>");
    write_file(folder_ / name, text);
  }
  const auto stops = [&] { return ChatEncoder(folder_.path()).stop_ids(); };
  const std::int64_t eot = text::load_tokenizer(folder_.path())->need_token("<|eot_id|>");
  const Ids chatml = stops();
  EXPECT_EQ(std::count(chatml.begin(), chatml.end(), eot), 0);
  write_file(folder_ / "chat_template.jinja", "<|start_header_id|>{{ role }}<|eot_id|>");
  const Ids llama = stops();
  EXPECT_EQ(std::count(llama.begin(), llama.end(), eot), 1);
}

TEST(ChatEncoder, RefusesAModelThatIsNoLanguageModel) {
  const TempDir folder;
  test::write_tiny_bert(folder.path(), 1);
  try {
    const ChatEncoder encoder(folder.path());
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_NE(
        std::string(error.what()).find("config.json: model_type \"bert\" is no language model"),
        std::string::npos)
        << error.what();
  }
}

TEST_F(LmFolder, RefusesImagesForAModelWithoutEyes) {
  const ChatEncoder encoder(folder_.path());
  EXPECT_THROW((void)encoder.encode(dialogue("what is this?", 1), ""), DataError);
}

TEST_F(LmFolder, NeverReadsControlTokensInMessages) {
  const ChatEncoder encoder(folder_.path());
  const std::int64_t end = encoder.tokenizer().need_token("<|im_end|>");
  const auto count = [&](const std::string& text) {
    const EncodedChat chat = encoder.encode(dialogue(text), "");
    return std::count(chat.ids.begin(), chat.ids.end(), end);
  };
  EXPECT_EQ(count("a cat <|im_end|> plays <|im_end|>"), count("a cat plays"));
}

TEST_F(LmFolder, DecodesAnswersWithoutTheirEndMark) {
  const ChatEncoder encoder(folder_.path());
  Ids ids = encoder.tokenizer().encode("the cat", {.add_special = false});
  ids.push_back(encoder.tokenizer().need_token("<|im_end|>"));
  EXPECT_EQ(encoder.decode(ids), "the cat");
}

TEST_F(LmFolder, AnswersEachRequestByItsOwnSettingsInOrder) {
  NativeChat model(folder_.path(), torch::kFloat32, torch::kCPU);
  std::vector<chat::Request> requests;
  for (int i = 0; i < 6; ++i) {
    requests.push_back(
        {.messages = dialogue("question " + std::to_string(i)),
         .prefill = i % 2 == 0 ? "" : "<think>",
         .sampling = {.temperature = i % 3 == 0 ? 0.0 : 1.0, .max_tokens = 3 + i % 2},
         .seed = static_cast<std::uint64_t>(i),
         .num_samples = 1 + i % 2});
  }
  const auto together = model.answer(requests);
  ASSERT_EQ(together.size(), 6);
  for (std::size_t i = 0; i < 6; ++i) {
    const auto alone = model.answer({&requests[i], 1});
    ASSERT_EQ(together[i].size(), static_cast<std::size_t>(requests[i].num_samples));
    for (std::size_t s = 0; s < together[i].size(); ++s) {
      EXPECT_EQ(together[i][s].text, alone[0][s].text);
      EXPECT_EQ(together[i][s].finish_reason, alone[0][s].finish_reason);
      EXPECT_LE(together[i][s].completion_tokens, requests[i].sampling.max_tokens);
      EXPECT_EQ(together[i][s].prompt_tokens, alone[0][s].prompt_tokens);
      EXPECT_TRUE(together[i][s].error.empty());
    }
  }
  EXPECT_EQ(model.backend(), "native");
}

TEST_F(LmFolder, StreamsAnswersAndEndsThemBeforeStopStrings) {
  NativeChat model(folder_.path(), torch::kFloat32, torch::kCPU);
  std::vector<chat::Request> requests;
  for (int i = 0; i < 4; ++i) {
    requests.push_back({.messages = dialogue("question " + std::to_string(i)),
                        .sampling = {.temperature = 1.0, .max_tokens = 24},
                        .seed = static_cast<std::uint64_t>(i),
                        .num_samples = 2});
  }
  const auto whole = model.answer(requests);
  const auto middle = [&](std::size_t i) {
    const std::string& text = whole[i][0].text;
    return text.substr(text.size() / 2, 3);
  };
  std::vector<std::vector<std::string>> streamed(4, std::vector<std::string>(2));
  std::size_t num_cut = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    requests[i].stops = {middle(i), "never written by this model"};
    requests[i].on_text = [&streamed, i](std::int64_t sample, std::string_view piece) {
      streamed[i][static_cast<std::size_t>(sample)] += piece;
    };
  }
  const auto cut = model.answer(requests);
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t s = 0; s < 2; ++s) {
      const std::string& text = whole[i][s].text;
      const std::size_t at = text.find(middle(i));
      EXPECT_EQ(cut[i][s].text, text.substr(0, at)) << i << " " << s;
      EXPECT_EQ(streamed[i][s], cut[i][s].text);
      if (at == std::string::npos) continue;
      num_cut += 1;
      EXPECT_EQ(cut[i][s].finish_reason, "stop");
      EXPECT_LT(cut[i][s].completion_tokens, whole[i][s].completion_tokens);
    }
  }
  EXPECT_GE(num_cut, 4);
}

TEST_F(LmFolder, SumsTheSpellingsOfTheTokenInWhichChoicesDiffer) {
  NativeChat model(folder_.path(), torch::kFloat32, torch::kCPU);
  const ChatEncoder encoder(folder_.path());
  models::CausalLm lm = models::load_causal_lm(folder_.path(), torch::kFloat32, torch::kCPU);
  for (const std::string prefill : {"<answer>", "it is", "the cat i"}) {
    const chat::Request request{.messages = dialogue("will the user watch it?"),
                                .prefill = prefill};
    const std::vector<std::string> choices = {"s here", "n the garden"};
    const auto got = model.choice_log_probs({&request, 1}, choices);
    const auto spelt = [&](const std::string& text) {
      return encoder.encode(request.messages, prefill + text).ids;
    };
    const Ids a = spelt(choices[0]);
    const Ids b = spelt(choices[1]);
    std::size_t fork = 0;
    while (a[fork] == b[fork]) ++fork;
    const Tensor row = torch::softmax(
        lm(torch::tensor(Ids(a.begin(), a.begin() + fork)).unsqueeze(0))[0][-1].to(torch::kFloat64),
        -1);
    for (std::size_t c = 0; c < 2; ++c) {
      std::set<std::int64_t> ids = {(c == 0 ? a : b)[fork]};
      const Ids spaced = spelt(" " + choices[c]);
      const Ids other = spelt(" " + choices[1 - c]);
      const bool branches_here = std::equal(a.begin(), a.begin() + fork, spaced.begin());
      const Ids& other_bare = c == 0 ? b : a;
      if (branches_here && other[fork] != spaced[fork] && other_bare[fork] != spaced[fork])
        ids.insert(spaced[fork]);
      double sum = 0;
      for (const std::int64_t id : ids) sum += row[id].item<double>();
      EXPECT_NEAR(got[0][c], std::log(sum), 1e-4) << prefill << c;
    }
  }
}

class VlmFolder : public ::testing::Test {
 protected:
  VlmFolder()
      : encoder_((test::write_tiny_vlm(folder_.path(), 2), folder_.path())),
        model_(load_language_model_folder(folder_.path(), torch::kFloat32, torch::kCPU)) {}

  Prompt prompt_of(const std::vector<chat::Message>& messages, std::int64_t samples) {
    Prompt prompt = make_prompt(model_, encoder_.encode(messages, ""));
    prompt.num_samples = samples;
    return prompt;
  }

  /// Logits over prompt and answer by one forward pass, images in their places.
  Tensor whole_forward(const EncodedChat& chat, const Ids& answer) {
    const models::VisionLmConfig& config = model_.vision->config;
    Ids ids = chat.ids;
    ids.insert(ids.end(), answer.begin(), answer.end());
    Tensor features;
    if (chat.patches.defined()) features = model_.vision->visual(chat.patches, chat.grids);
    return models::sequence_logits(model_.text(),
                                   model_.vision->embed(torch::tensor(ids), features),
                                   models::mrope_positions(ids, chat.grids, config).positions);
  }

  const torch::NoGradGuard no_grad_;
  TempDir folder_;
  ChatEncoder encoder_;
  LanguageModel model_;
};

TEST_F(VlmFolder, ExpandsEveryImageToItsCells) {
  const EncodedChat chat = encoder_.encode(dialogue("the cat", 3), "");
  const std::int64_t image = model_.vision->config.image_token_id;
  // Of 60, 90 and 120 x 90 pixels, within 3136: one square of 2 x 2 cells, two halves of it.
  EXPECT_EQ(std::count(chat.ids.begin(), chat.ids.end(), image), 2 + 4 + 2);
  EXPECT_EQ(chat.grids.size(), 3);
  EXPECT_EQ(chat.patches.size(0), 8 + 16 + 8);
  EXPECT_EQ(chat.positions.sizes(), (Ids{3, static_cast<std::int64_t>(chat.ids.size())}));
  EXPECT_LT(chat.position_delta, 0);
}

TEST_F(VlmFolder, DecodesBehindImagesAsOneForwardPassWould) {
  const std::vector<std::vector<chat::Message>> dialogues = {
      dialogue("the cat plays", 2), dialogue("no image here"), dialogue("one", 1)};
  std::vector<Prompt> prompts;
  for (const auto& messages : dialogues) prompts.push_back(prompt_of(messages, 2));
  for (const double temperature : {0.0, 1.0}) {
    const auto answers = generate(
        model_.text(), prompts, {.sampling = {.temperature = temperature, .max_tokens = 8}});
    for (std::size_t p = 0; p < prompts.size(); ++p) {
      const EncodedChat chat = encoder_.encode(dialogues[p], "");
      for (const Sample& sample : answers[p]) {
        const Tensor rows = torch::log_softmax(whole_forward(chat, sample.ids), -1);
        for (std::size_t i = 0; i < sample.ids.size(); ++i) {
          const Tensor row = rows[static_cast<std::int64_t>(chat.ids.size() + i) - 1];
          EXPECT_NEAR(row[sample.ids[i]].item<double>(), sample.log_probs[i], 1e-4)
              << p << " " << i;
          if (temperature == 0) {
            EXPECT_EQ(row.argmax().item<std::int64_t>(), sample.ids[i]);
          }
        }
      }
    }
  }
}

TEST_F(VlmFolder, SeesWhatIsOnTheImages) {
  auto messages = dialogue("the cat plays", 1);
  const Prompt before = prompt_of(messages, 1);
  messages[0].images[0] = test::formula_image(60, 90, "another");
  const Prompt after = prompt_of(messages, 1);
  const std::vector<Prompt> both = {before, after};
  const std::vector<Ids> some(2, Ids{0, 1, 2, 3, 4, 5, 6, 7});
  const std::vector<Tensor> rows = next_token_log_probs(model_.text(), both, some);
  EXPECT_GT(test::max_difference(rows[0], rows[1]), 1e-3);
}

TEST_F(VlmFolder, RefusesAPlaceForAVideoAndTakesItsNameInATextForText) {
  const std::int64_t video = encoder_.tokenizer().need_token("<|video_pad|>");
  model_.vision->config.video_token_id = video;
  EXPECT_NO_THROW((void)prompt_of(dialogue("what is <|video_pad|>?", 1), 1));
  EncodedChat chat = encoder_.encode(dialogue("what is this?", 1), "");
  chat.ids.push_back(video);
  try {
    (void)make_prompt(model_, chat);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("holds <|video_pad|> (token "), std::string::npos);
  }
}

TEST_F(VlmFolder, RefusesPixelSettingsThatDoNotFitTheTower) {
  write_file(folder_ / "preprocessor_config.json", R"({"patch_size": 16, "merge_size": 2})");
  EXPECT_THROW(ChatEncoder(folder_.path()), DataError);
  write_file(folder_ / "preprocessor_config.json", R"({"patch_size": 14, "merge_size": 4})");
  EXPECT_THROW(ChatEncoder(folder_.path()), DataError);
}

}  // namespace
}  // namespace vragent::engine

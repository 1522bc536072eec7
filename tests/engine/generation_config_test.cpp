// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/generation_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::engine {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

class GenerationConfig : public ::testing::Test {
 protected:
  chat::SamplingConfig sampling(const std::string& json) {
    write_file(file_, json);
    return model_sampling(folder_.path());
  }

  std::vector<std::int64_t> eos(const std::string& json) {
    write_file(file_, json);
    return eos_ids_in(file_);
  }

  template <class Read>
  void expect_refusal(Read read, const std::string& problem) {
    EXPECT_THAT(
        read,
        ThrowsMessage<DataError>(AllOf(HasSubstr("generation_config.json: "), HasSubstr(problem))));
  }

  test::TempDir folder_;
  std::filesystem::path file_ = folder_ / "generation_config.json";
};

TEST_F(GenerationConfig, GivesWhatQwen25InstructSays) {
  const chat::SamplingConfig got = sampling(
      R"({"bos_token_id": 151643, "pad_token_id": 151643, "do_sample": true,
          "eos_token_id": [151645, 151643], "repetition_penalty": 1.05, "temperature": 0.7,
          "top_p": 0.8, "top_k": 20, "transformers_version": "4.37.0"})");
  EXPECT_EQ(got.temperature, 0.7);
  EXPECT_EQ(got.top_p, 0.8);
  EXPECT_EQ(got.top_k, 20);
  EXPECT_EQ(got.repetition_penalty, 1.05);
  EXPECT_EQ(got.min_p, 0);
  EXPECT_EQ(got.max_tokens, chat::SamplingConfig{}.max_tokens);
}

TEST_F(GenerationConfig, TakesTheDefaultsOfTransformersWhereTheFileIsSilent) {
  const chat::SamplingConfig drawn =
      sampling(R"({"do_sample": true, "top_k": null, "min_p": 0.1})");
  EXPECT_EQ(drawn.temperature, 1);
  EXPECT_EQ(drawn.top_k, 50);
  EXPECT_EQ(drawn.top_p, 1);
  EXPECT_EQ(drawn.min_p, 0.1);
  EXPECT_EQ(drawn.repetition_penalty, 1);
  EXPECT_EQ(sampling(R"({"temperature": 0.7, "repetition_penalty": 1.1})").temperature, 0);
  EXPECT_EQ(sampling(R"({"repetition_penalty": 1.1})").repetition_penalty, 1.1);
}

TEST_F(GenerationConfig, NamesTheFieldThatIsWrong) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"do_sample": 1})", "\"do_sample\": true or false is wanted"},
      {R"({"temperature": "hot"})", "\"temperature\": a finite number is wanted"},
      {R"({"temperature": -1})", "\"temperature\": a number in [0, 100] is wanted, got -1"},
      {R"({"top_p": 0})", "\"top_p\": a number in"},
      {R"({"top_p": 1.5})", "\"top_p\": a number in"},
      {R"({"top_k": 2.5})", "\"top_k\": a whole number"},
      {R"({"top_k": -1})", "\"top_k\": a count of tokens is wanted, got -1"},
      {R"({"repetition_penalty": [1]})", "\"repetition_penalty\": a finite number is wanted"},
      {R"([1])", "object"},
      {R"({"temperature": 0.7)", "not JSON"}};
  for (const auto& [json, problem] : wrong)
    expect_refusal([&, json = json] { return sampling(json); }, problem);
}

TEST_F(GenerationConfig, RefusesSettingsThatItCannotFollow) {
  EXPECT_EQ(sampling(R"({"num_beams": 1, "typical_p": 1.0, "bad_words_ids": null})").top_k, 50);
  expect_refusal([&] { return sampling(R"({"num_beams": 4})"); }, "\"num_beams\": is not followed");
  expect_refusal([&] { return sampling(R"({"suppress_tokens": [1]})"); },
                 "\"suppress_tokens\": is not followed");
}

TEST_F(GenerationConfig, SaysThatThereIsNone) {
  try {
    (void)model_sampling(folder_.path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kNoInput);
    EXPECT_THAT(error.what(), HasSubstr("generation_config.json"));
  }
}

TEST_F(GenerationConfig, TakesOneEosOrAList) {
  EXPECT_THAT(eos_ids_in(file_), IsEmpty());
  EXPECT_THAT(eos("{}"), IsEmpty());
  EXPECT_THAT(eos(R"({"eos_token_id": null})"), IsEmpty());
  EXPECT_THAT(eos(R"({"eos_token_id": 7})"), ElementsAre(7));
  EXPECT_THAT(eos(R"({"eos_token_id": [7, 3]})"), ElementsAre(7, 3));
}

TEST_F(GenerationConfig, RefusesAnEosThatIsNoId) {
  for (const char* value :
       {"\"</s>\"", "7.5", "true", "[7, \"x\"]", "[[7]]", "{}", "-1", "[7, -2]"})
    expect_refusal([&] { return eos(std::string("{\"eos_token_id\": ") + value + "}"); },
                   "\"eos_token_id\": ");
}

}  // namespace
}  // namespace vragent::engine

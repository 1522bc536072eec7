// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// `inspect`: what others compare their own tokenizers and models with.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/small_files.h"
#include "vragent/util/json.h"

namespace vragent::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Inspect : public SmallFiles {
 protected:
  void SetUp() override { make_models(); }

  std::string tokenize(const std::string& text, const std::string& flags) {
    write("text", text);
    return output_of("$vragent inspect tokenize " + flags + " <text");
  }

  static std::vector<std::int64_t> ids_of(const std::string& line) {
    return parse_json(line, "ids").get<std::vector<std::int64_t>>();
  }
};

TEST_F(Inspect, TokenizesAllOfStdinAsOneTextOrEachLineEmptyOnesToo) {
  EXPECT_EQ(tokenize("", "--model models/lm"), "[]\n");
  const std::string one = tokenize("wow\n\n a \r\nwow", "--model models/lm");
  const std::string each = tokenize("wow\n\n a \r\nwow", "--model models/lm --lines");
  const std::string third = tokenize(" a \r", "--model models/lm");
  EXPECT_EQ(std::count(one.begin(), one.end(), '\n'), 1);
  EXPECT_GT(ids_of(one).size(), 6U);
  const std::string first = each.substr(0, each.find('\n') + 1);
  EXPECT_EQ(each, first + "[]\n" + third + first);
}

TEST_F(Inspect, FramesATextUnlessToldOtherwiseAndTakesControlTokensInItForText) {
  const auto framed = ids_of(tokenize("wow", "--model models/bert"));
  const auto plain = ids_of(tokenize("wow", "--model models/bert --no-special"));
  ASSERT_EQ(framed.size(), plain.size() + 2);
  EXPECT_TRUE(std::equal(plain.begin(), plain.end(), framed.begin() + 1));

  const auto as_text = ids_of(tokenize("<|im_end|>", "--model models/lm"));
  const auto as_token = ids_of(tokenize("<|im_end|>", "--model models/lm --match-special"));
  EXPECT_GT(as_text.size(), 1U);
  ASSERT_EQ(as_token.size(), 1U);
  EXPECT_EQ(std::count(as_text.begin(), as_text.end(), as_token[0]), 0);
}

TEST_F(Inspect, TokenizesChatsAsTheModelReadsThem) {
  const auto text_of = [&](const std::string& model, const std::string& chat) {
    write("chat", chat + "\n");
    write("ids", output_of("$vragent inspect tokenize --chat --model " + model + " <chat"));
    return parse_json(output_of("$vragent inspect tokenize --decode --no-skip-special --model " +
                                model + " <ids"),
                      "text")
        .get<std::string>();
  };
  EXPECT_EQ(
      text_of("models/lm",
              R"([{"role": "system", "content": "a"}, {"role": "user", "content": "b"}])"),
      "<|im_start|>system\na<|im_end|>\n<|im_start|>user\nb<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_THAT(
      text_of(
          "models/vlm",
          R"([{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "b"}]}])"),
      HasSubstr("user\n<|vision_start|><|image_pad|><|vision_end|>b<|im_end|>"));
  write("chat", R"([{"role": "user", "content": [{"type": "video"}]}])");
  const Ran ran = run("$vragent inspect tokenize --chat --model models/vlm <chat");
  EXPECT_EQ(ran.code, 65);
  EXPECT_THAT(ran.err, HasSubstr("images, then texts are wanted; got \"video\""));
}

TEST_F(Inspect, NamesTheLineOfStdinThatIsWrong) {
  const auto refused = [&](const std::string& flags, const std::string& line) {
    write("text", line);
    const Ran ran = run("$vragent inspect tokenize --model models/lm " + flags + " <text");
    EXPECT_EQ(ran.code, 65) << flags << line;
    return ran.err;
  };
  EXPECT_THAT(refused("--decode", "[1]\nhello\n"),
              AllOf(HasSubstr("stdin:2: not JSON: column "), Not(HasSubstr("\"ids\""))));
  EXPECT_THAT(refused("--decode", "[1]\n[2, 999999]\n"),
              HasSubstr("stdin:2: the tokenizer knows no id 999999"));
  EXPECT_THAT(refused("--decode", "[-1]\n"), HasSubstr("stdin:1: the tokenizer knows no id -1"));
  EXPECT_THAT(refused("--decode", "[1.5]\n"), HasSubstr("stdin:1: a list of token ids"));
  EXPECT_THAT(refused("--json-lines", "\"a\"\n\"b\"\n3\n"), HasSubstr("stdin:3: a JSON string"));
  EXPECT_THAT(refused("--chat", "{}\n"), HasSubstr("stdin:1: a list of messages is wanted"));
  EXPECT_THAT(refused("--chat", R"([{"role": "wizard", "content": "a"}])"),
              HasSubstr("stdin:1: a chat's roles are system, user and assistant, got \"wizard\""));
  EXPECT_THAT(refused("--chat", R"([{"role": "user"}])"), HasSubstr("stdin:1: \"content\""));
}

TEST_F(Inspect, GeneratesTheSameGreedyAnswerTwice) {
  const std::string ask =
      "$vragent inspect generate --model models/lm --prompt 'a boat <|im_end|>' --max-tokens 8 "
      "--threads 1 --json --seed ";
  const std::string first = output_of(ask + "1");
  EXPECT_EQ(output_of(ask + "7"), first);
  const Json answer = parse_json_object(first, "answer");
  EXPECT_EQ(answer["ids"].size(), 8U);
  EXPECT_EQ(answer["log_probs"].size(), 8U);
  EXPECT_EQ(answer["finish_reason"], "length");
  const std::string drawn = output_of(ask + "7 --temperature 1 --num-samples 2");
  EXPECT_EQ(std::count(drawn.begin(), drawn.end(), '\n'), 2);
  EXPECT_NE(output_of(ask + "8 --temperature 1 --num-samples 2"), drawn);
}

TEST_F(Inspect, DrawsForEqualPromptsByStreamsOfTheirOwn) {
  write("ids.jsonl", "[5, 6]\n[5, 6]\n");
  const std::vector<Json> answers = objects_in(
      output_of("$vragent inspect generate --model models/lm --ids ids.jsonl --max-tokens 8 "
                "--temperature 1 --num-samples 2 --threads 1 --json"));
  ASSERT_EQ(answers.size(), 4U);
  EXPECT_NE(answers[0]["ids"], answers[2]["ids"]);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i]["prompt"], i / 2) << i;
    EXPECT_EQ(answers[i]["sample"], i % 2) << i;
  }
}

TEST_F(Inspect, WarnsOfAnswersThatAreAllAlikeOrPassThePositionsOfTheModel) {
  output_of(
      "cp -r models/lm short && sed -i "
      "'s/\"max_position_embeddings\": *[0-9]*/\"max_position_embeddings\": 8/' short/config.json");
  write("ids.jsonl", "[5, 6, 7]\n[5, 6]\n");
  const auto said = [&](const std::string& flags) {
    const Ran ran = run("$vragent inspect generate --ids ids.jsonl --threads 1 " + flags);
    EXPECT_EQ(ran.code, 0) << flags << ran.err;
    return ran.err;
  };
  EXPECT_THAT(said("--model short --max-tokens 5"), Not(HasSubstr("positions")));
  EXPECT_THAT(said("--model short --max-tokens 6"),
              HasSubstr("3 tokens and 6 more pass the model's 8 positions"));
  EXPECT_THAT(said("--model models/lm --max-tokens 2 --num-samples 2"), HasSubstr("all alike"));
  EXPECT_THAT(said("--model models/lm --max-tokens 2 --num-samples 2 --temperature 1"),
              Not(HasSubstr("all alike")));
}

TEST_F(Inspect, NamesTheLineOfIdsThatTheModelCannotRead) {
  const std::string ask = "$vragent inspect generate --model models/lm --threads 1 --ids ";
  write("ids.jsonl", "[5, 6]\n\n[99999]\n");
  const Ran unknown = run(ask + "- <ids.jsonl");
  EXPECT_EQ(unknown.code, 65);
  EXPECT_THAT(unknown.err, HasSubstr("-:3: token id 99999 is outside the model's vocabulary"));
  write("ids.jsonl", "[5, 6]\n[]\n");
  const Ran empty = run(ask + "ids.jsonl");
  EXPECT_EQ(empty.code, 65);
  EXPECT_THAT(empty.err, HasSubstr("ids.jsonl:2: a prompt without tokens"));
}

TEST_F(Inspect, TakesTheIdsThatTokenizeWrites) {
  const std::string ask =
      "$vragent inspect generate --model models/lm --max-tokens 4 --threads 1 --ids ";
  write("ids.json", "[\n  [5, 6],\n  [7]\n]\n");
  const std::string answers = output_of(ask + "ids.json --json");
  EXPECT_EQ(std::count(answers.begin(), answers.end(), '\n'), 2);
  write("ids.jsonl", "[5, 6]\n\n[7]\n");
  EXPECT_EQ(output_of(ask + "ids.jsonl --json"), answers);
  EXPECT_EQ(output_of(ask + "- --json <ids.jsonl"), answers);
  write("text", "wow\na boat\n");
  const std::string piped = output_of(
      "$vragent inspect tokenize --model models/bert --lines <text "
      "| $vragent inspect logits --model models/bert --ids - --out "
      "states.safetensors");
  EXPECT_EQ(piped, "");
  EXPECT_TRUE(exists("states.safetensors"));
  write("ids.jsonl", "[5, 6]\n[7, \"a\"]\n");
  const Ran ran = run(ask + "ids.jsonl");
  EXPECT_EQ(ran.code, 65);
  EXPECT_THAT(ran.err, HasSubstr("ids.jsonl:2: a list of token ids"));
}

TEST_F(Inspect, WritesLogitsOfGivenTokensAndRefusesUnknownOnes) {
  const std::string command =
      "$vragent inspect logits --model models/lm --ids ids.json --dtype float32 --out ";
  write("ids.json", "[1, 2, 3]");
  output_of(command + "l.safetensors");
  const std::string bytes = read("l.safetensors");
  std::uint64_t length = 0;
  ASSERT_GT(bytes.size(), sizeof(length));
  std::memcpy(&length, bytes.data(), sizeof(length));
  const Json header = parse_json_object(bytes.substr(sizeof(length), length), "header");
  const Json config = parse_json_object(read("models/lm/config.json"), "config");
  EXPECT_EQ(header["logits"]["dtype"], "F32");
  EXPECT_EQ(header["logits"]["shape"], Json::array({3, config["vocab_size"]}));

  for (const char* ids : {"[1, 99999]", "[]", "[\"a\"]", "[1.5]", "[1", "{}"}) {
    write("ids.json", ids);
    EXPECT_EQ(run(command + "x.safetensors").code, 65) << ids;
  }
  EXPECT_FALSE(exists("x.safetensors"));
  for (const auto& [ids, wanted] : {std::pair("[-1]", "ids.json: token id -1 is outside"),
                                    {"[[1], []]", "ids.json: a prompt without tokens"}}) {
    write("ids.json", ids);
    const Ran ran = run("$vragent inspect generate --model models/lm --ids ids.json");
    EXPECT_EQ(ran.code, 65) << ids;
    EXPECT_THAT(ran.err, HasSubstr(wanted));
  }
}

TEST_F(Inspect, RefusesAnOutputThatCannotBeWrittenBeforeItReadsAnything) {
  output_of("mkdir folder");
  const std::vector<std::pair<const char*, int>> outputs = {
      {"-", 2}, {"folder", 73}, {"new/", 73}, {"texts.txt/l.safetensors", 73}};
  for (const auto& [out, code] : outputs) {
    for (const std::string command : {"logits --model no --ids no", "grpo-loss --tensors no"}) {
      const Ran ran = run("$vragent inspect " + command + " --out " + out);
      EXPECT_EQ(ran.code, code) << command << " " << out << ran.err;
      EXPECT_THAT(ran.err, HasSubstr(out)) << command;
    }
  }
  EXPECT_FALSE(exists("new"));
  EXPECT_FALSE(exists("-"));
}

TEST_F(Inspect, GivesAVectorForEachLineAsTheManualSays) {
  write("sentences.txt", "wow\na red boat\nno\n");
  output_of(
      "$vragent inspect tokenize --model models/bert --lines <sentences.txt | "
      "sed '1s/^/[/; $!s/$/,/; $s/$/]/' >ids.json");
  output_of("$vragent inspect logits --model models/bert --ids ids.json --out v.safetensors");
  const std::string bytes = read("v.safetensors");
  std::uint64_t length = 0;
  ASSERT_GT(bytes.size(), sizeof(length));
  std::memcpy(&length, bytes.data(), sizeof(length));
  const Json header = parse_json_object(bytes.substr(sizeof(length), length), "header");
  const Json config = parse_json_object(read("models/bert/config.json"), "config");
  for (const char* name : {"mean_states", "first_states"})
    EXPECT_EQ(header[name]["shape"], Json::array({3, config["hidden_size"]})) << name;
}

TEST_F(Inspect, MergesAnAdapterThatAnswersLikeItsMerge) {
  write("train.jsonl", "{\"prompt\": \"a boat\", \"completion\": \"at the beach\"}\n");
  output_of(
      "$vragent sft --model models/lm --train train.jsonl --out adapter --lora.rank 4 --epochs 30 "
      "--optim.lr 0.01 --threads 1 -q");
  EXPECT_THAT(output_of("$vragent inspect --model adapter"), HasSubstr("LoRA of rank 4"));
  output_of("$vragent inspect merge --model adapter --out merged");
  const auto answer = [&](const std::string& model) {
    return output_of(
        "$vragent inspect generate --prompt 'a boat' --max-tokens 8 --threads 1 "
        "--model " +
        model);
  };
  EXPECT_THAT(answer("adapter"), HasSubstr("at the beach"));
  EXPECT_EQ(answer("merged"), answer("adapter"));
  EXPECT_EQ(run("$vragent inspect merge --model adapter --out merged").code, 73);
  EXPECT_EQ(run("$vragent inspect merge --model models/lm --out other").code, 65);
  EXPECT_EQ(run("$vragent inspect logits --model adapter --ids train.jsonl --out x").code, 65);
}

TEST_F(Inspect, CountsADataSet) {
  write("pairs.tsv", "u1\t1 2 3 4 5\r\nu2\t1 2 3 4 6 7\r\nu3\t9");
  write("titles.csv", "1,a\n2,\n3,c\n4,d\n5,e\n6,f\n7,g\n");
  write("comments.txt", "u1\t1\tnice\nu1\t2\tsad\n");
  write("likes.txt", "1\t2\t30\n2\t3\t40\n");
  EXPECT_EQ(output_of("$vragent inspect data --interactions pairs.tsv --items titles.csv "
                      "--comments comments.txt --likes likes.txt"),
            "interactions users=3 items=8 interactions=12 rows=12 low_rated=0 duplicates=0 "
            "outside_core=0\n"
            "protocol users=2 cold_users=1 items=7 interactions=11 train_interactions=7 "
            "train_items=4 unseen_valid_targets=1 unseen_test_targets=2 short_users=1\n"
            "titles items=7 empty=1 unknown=1\n"
            "comments pairs=2\n"
            "likes items=2 likes=5 views=70\n");
  const std::string lines =
      output_of("$vragent inspect data --interactions pairs.tsv --min-user-items 6 --json");
  const Json counts = parse_json_object(lines.substr(0, lines.find('\n')), "counts");
  EXPECT_EQ(counts["of"], "interactions");
  EXPECT_EQ(counts["users"], 1);
  EXPECT_EQ(counts["outside_core"], 6);
}

/// A safetensors file of float32 matrices (or vectors, without columns).
std::string floats_file(
    const std::vector<std::pair<std::string, std::vector<std::vector<float>>>>& matrices) {
  OrderedJson header;
  std::string bytes;
  for (const auto& [name, rows] : matrices) {
    const std::size_t begin = bytes.size();
    for (const auto& row : rows)
      bytes.append(reinterpret_cast<const char*>(row.data()), row.size() * sizeof(float));
    std::vector<std::size_t> shape = {rows.size(), rows[0].size()};
    if (rows.size() == 1) shape.erase(shape.begin());
    header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, bytes.size()}}};
  }
  const std::string text = header.dump();
  const std::uint64_t length = text.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + text + bytes;
}

TEST_F(Inspect, WritesALossOfGivenLogProbabilitiesAndRefusesWhatDoesNotFit) {
  // The golden vector of grpo.md 1.4.
  const std::vector<std::vector<float>> mask = {{1, 1, 1, 1}, {1, 1, 1, 0}, {1, 1, 0, 0}};
  const auto given = [&](std::vector<float> advantages) {
    return floats_file(
        {{"log_probs", {{-1.0, -0.5, -2.0, -0.1}, {-0.7, -1.5, -0.2, 0}, {-3.0, -0.4, -0.9, -1.1}}},
         {"old_log_probs",
          {{-1.1, -0.5, -1.5, -0.6}, {-0.4, -1.6, -1.5, 0}, {-2.5, -0.4, -1.4, -1.0}}},
         {"ref_log_probs",
          {{-1.2, -0.6, -1.9, -0.2}, {-0.8, -1.0, -0.3, 0}, {-2.0, -0.5, -1.0, -1.3}}},
         {"mask", mask},
         {"advantages", {std::move(advantages)}}});
  };
  const std::string command =
      "$vragent inspect grpo-loss --tensors in.safetensors --out out.safetensors "
      "--loss.clip-high 0.28 --loss.kl-coef 0.04 ";
  write("in.safetensors", given({1.0, -0.5, -1.5}));
  for (const std::string parts : {"", "--micro-rows 1"}) {
    output_of(command + parts);
    const std::string bytes = read("out.safetensors");
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof(length));
    const Json header = parse_json_object(bytes.substr(sizeof(length), length), "header");
    const std::size_t place = header["loss"]["data_offsets"][0];
    float loss = 0;
    std::memcpy(&loss, bytes.data() + sizeof(length) + length + place, sizeof(loss));
    EXPECT_NEAR(loss, .432687544865, 1e-6) << parts;
    EXPECT_EQ(header["gradient"]["shape"], Json({3, 4}));
  }
  const auto refused = [&](const std::string& flags, const std::string& why) {
    const Ran ran = run(command + flags);
    EXPECT_EQ(ran.code, 65) << flags;
    EXPECT_THAT(ran.err, HasSubstr(why));
  };
  refused("--loss.correction token-mask", "in.safetensors: no tensor \"sampler_log_probs\"");
  write("in.safetensors", given({1.0, -0.5}));
  refused("", "in.safetensors: 2 advantages for 3 rows");
  write("in.safetensors", floats_file({{"log_probs", {{-1, -2}, {-1, -1}}}, {"mask", mask}}));
  refused("", "in.safetensors: \"mask\" has another shape than log_probs");
}

TEST_F(Inspect, ListsWhatACheckpointHolds) {
  EXPECT_THAT(output_of("$vragent inspect --model models/lm"), HasSubstr("model.embed_tokens"));
  const Json table =
      parse_json_object(output_of("$vragent inspect --model models/clip --json"), "table");
  EXPECT_EQ(table["rows"].back()["group"], "total");
  EXPECT_TRUE(table["rows"].back()["parameters"].is_number_integer());
}

}  // namespace
}  // namespace vragent::test

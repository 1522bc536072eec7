// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Missing and broken files, full disks, folders in use: one line that names the culprit, and the
// exit code of its kind.
#include <cmath>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/small_files.h"

namespace vragent::test {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

class BadInput : public SmallFiles {
 protected:
  /// Runs a line that must end with `code` and one line on stderr that says `part`.
  void expect_refusal(const std::string& line, int code, const std::string& part) {
    const Ran ran = run(line);
    EXPECT_EQ(ran.code, code) << line << "\n" << ran.err;
    EXPECT_THAT(ran.out, IsEmpty()) << line;
    EXPECT_THAT(ran.err, AllOf(MatchesRegex("vragent: [^\n]*\n"), HasSubstr(part))) << line;
  }

  /// models/lm as it was made.
  void copy_model() {
    fs::remove_all(here() / "lm");
    fs::copy(here() / "models/lm", here() / "lm");
  }
};

TEST_F(BadInput, AMissingFileIsNamed) {
  expect_refusal("$vragent simulate --agent random no/cases.jsonl", 66, "no/cases.jsonl: cannot");
  expect_refusal("$vragent train-sasrec --interactions no.tsv --out r", 66, "no.tsv: cannot open");
  expect_refusal("$vragent extract-frames --videos no --out r", 66, "no: no such folder");
}

TEST_F(BadInput, ABrokenLineIsNamedWithItsFileAndNumber) {
  output_of(kMakeCases + "--num-users 1 --out cases.jsonl");
  write("broken.jsonl", read("cases.jsonl") + "\n{\"case_id\": \"x\"\n");
  expect_refusal("$vragent simulate --agent random broken.jsonl", 65, "broken.jsonl:6: not JSON");
  expect_refusal("$vragent simulate --agent random - <broken.jsonl", 65, "-:6: not JSON");
  write("decisions.jsonl", "{\"case_id\": \"u\", \"agent\": 3}\n");
  expect_refusal("$vragent eval score --cases cases.jsonl decisions.jsonl",
                 65,
                 "decisions.jsonl:1: \"agent\"");
  write("bad.tsv", "1\t2 3 4 5 6\n2 7 8\n");
  expect_refusal("$vragent train-sasrec --interactions bad.tsv --out r", 65, "bad.tsv:2: ");
  write("titles.csv", "1,one\n2\n");
  expect_refusal(kMakeCases + "-q", 65, "titles.csv:2: ");
}

/// A .npy file of 24 rows (items 1 to 24 of the small files) of two numbers, or of so many rows;
/// those of item 3 are `third`.
std::string npy_of(float third, int num_rows = kNumSmallItems) {
  std::string header =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(num_rows) + ", 2), }";
  header.resize(117, ' ');
  header += '\n';
  std::string bytes = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0';
  bytes += header;
  for (int row = 0; row < num_rows; ++row) {
    const float value = row == 2 ? third : 0.1F * static_cast<float>(row);
    for (int column = 0; column < 2; ++column)
      bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return bytes;
}

TEST_F(BadInput, OfARecommenderIsNamedInOneLine) {
  const std::string train = "$vragent train-sasrec -q --out r --epochs 1 --width 8 --threads 1 ";
  write("twice.tsv", "1\t1 2 3 4 5\n2\t2 3 4 2 5\n");
  expect_refusal(train + "--interactions twice.tsv --duplicates error",
                 65,
                 "twice.tsv:2: user 2 has item 2 twice");
  write("few.tsv", "1\t1 2 3\n2\t2 3 1 5\n");
  expect_refusal(train + "--interactions few.tsv", 65, "no user has --min-len 5 interactions");
  make_models();
  write("some.csv", small_titles().substr(0, 100) + "\n");
  expect_refusal(train +
                     "--interactions interactions.tsv --tower text --text-model models/bert "
                     "--items some.csv",
                 65,
                 "items of interactions.tsv have no text; the first, ");
}

TEST_F(BadInput, FeaturesThatDoNotFitOrAreNoNumbersAreNamed) {
  const std::string train =
      "$vragent train-sasrec -q --interactions interactions.tsv --epochs 2 --width 8 --threads 1 "
      "--batch-size 4 --tower image --image-features ";
  write("short.npy", npy_of(0, 20));
  expect_refusal(train + "short.npy --out r", 65, "items have no row among its 20");
  write("nan.npy", npy_of(NAN));
  expect_refusal(train + "nan.npy --out r", 65, "nan.npy: row 2 (item 3) has a value that is not");
  write("words.tsv", "1\t1 2 3 4 5\n2\t2 3 4 boat 5\n");
  write("fine.npy", npy_of(1));
  expect_refusal(
      "$vragent train-sasrec -q --interactions words.tsv --tower image --out r "
      "--image-features fine.npy",
      65,
      "1 of 6 items have no row among its 24; the first is boat");
}

TEST_F(BadInput, FeaturesThatOverflowEndTheRunOrItsStepsAndReachNoCheckpoint) {
  write("huge.npy", npy_of(3e38F));
  const std::string train =
      "$vragent train-sasrec -q --interactions interactions.tsv --epochs 2 --width 8 --threads 1 "
      "--batch-size 4 --tower image --image-features huge.npy --out ";
  expect_refusal(train + "stop", 70, "(epoch 1), users ");
  EXPECT_FALSE(exists("stop/checkpoint"));
  EXPECT_FALSE(exists("stop/model.safetensors"));
  const Ran skipping = run(train + "skip --on-nan skip");
  EXPECT_EQ(skipping.code, 70) << "what the item is scored as is no number either";
  EXPECT_THAT(skipping.err, HasSubstr(" is not a number: the weights are damaged"));
  EXPECT_FALSE(exists("skip/checkpoint"));
}

TEST_F(BadInput, AnIncompleteCheckpointIsNamed) {
  make_models();
  output_of(kMakeCases + "--num-users 1 --out cases.jsonl");
  const std::string ask = "$vragent simulate --agent vragent --model lm cases.jsonl";
  copy_model();
  fs::remove(here() / "lm/model.safetensors");
  expect_refusal(ask, 66, "lm: holds neither model.safetensors nor");
  copy_model();
  fs::remove(here() / "lm/config.json");
  expect_refusal(ask, 66, "lm/config.json: cannot open");
  copy_model();
  fs::resize_file(here() / "lm/model.safetensors", 1000);
  expect_refusal(ask, 65, "lm/model.safetensors: ");
  copy_model();
  output_of("sed -i 's/\"hidden_size\": 128/\"hidden_size\": 64/' lm/config.json");
  expect_refusal(
      ask, 65, "model.layers.0.mlp.up_proj.weight: [256, 128], the model wants [256, 64]");
  write("chat.jsonl",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
        "{\"role\":\"assistant\",\"content\":\"b\"}]}\n");
  expect_refusal("$vragent sft --model lm --train chat.jsonl --out r", 65, "the model wants");
}

TEST_F(BadInput, AHostileCheckpointIsRefused) {
  make_models();
  write("ids.json", "[1]");
  const std::string ask = "$vragent inspect generate --model lm --ids ids.json";
  copy_model();
  output_of(
      "truncate -s -4 lm/model.safetensors; printf '\\0\\0\\300\\177' >>lm/model.safetensors");
  expect_refusal(ask, 65, "lm: weights that are not finite (NaN or infinity): ");
  copy_model();
  output_of("sed -i '1s/{/{\"quantization_config\": {\"quant_method\": \"awq\"},/' lm/config.json");
  expect_refusal(ask, 65, "lm/config.json: \"quantization_config\": quantised weights");
  copy_model();
  output_of("mv lm/model.safetensors outside; ln -s ../outside lm/model.safetensors");
  expect_refusal(ask, 65, "lm/model.safetensors: a link out of the model's folder");
  expect_refusal(ask, 65, "outside: copy the file, or link the folder as a whole");
  for (const std::string name : {"config.json", "generation_config.json", "tokenizer.json"}) {
    copy_model();
    output_of("mv lm/" + name + " outside; ln -s ../outside lm/" + name);
    expect_refusal(ask, 65, "lm/" + name + ": a link out of the model's folder");
    copy_model();
    output_of("rm lm/" + name + "; mkfifo lm/" + name);
    expect_refusal(ask, 65, "lm/" + name + ": not a regular file");
  }
}

TEST_F(BadInput, ATokenizerOfAnotherModelIsRefusedBeforeTraining) {
  make_models();
  std::string often;  // words that come again become tokens of their own
  for (int i = 0; i < 20; ++i) often += read("texts.txt");
  write("words.txt", often);
  output_of("$mini_world models --out other --texts words.txt --vocab-size 600");
  copy_model();
  output_of("cp other/lm/tokenizer* lm/; rm lm/generation_config.json");
  output_of(kMakeCases + "--num-users 2 --out cases.jsonl");
  expect_refusal("$vragent sft --model lm --train cases.jsonl --no-prompt.cot --out sft",
                 65,
                 "is outside the model's vocabulary of");
  expect_refusal("$vragent grpo-train --model lm --cases cases.jsonl --out grpo",
                 65,
                 "is outside the model's vocabulary of");
  output_of("cp models/lm/tokenizer* other/lm/");  // all of whose ids the model has
  expect_refusal("$vragent sft --model other/lm --train cases.jsonl --no-prompt.cot --out sft",
                 65,
                 "other/lm/generation_config.json: eos_token_id ");
  expect_refusal(
      "$vragent grpo-train --model other/lm --batch-prompts 1 --cases cases.jsonl --out grpo",
      65,
      ", but other/lm/tokenizer.json ends answers with ");
  EXPECT_FALSE(exists("sft/train_log.jsonl"));
  EXPECT_FALSE(exists("grpo/train_log.jsonl"));
}

TEST_F(BadInput, AWrongGenerationConfigIsNamedWithItsField) {
  make_models();
  copy_model();
  output_of(kMakeCases + "--num-users 1 --out cases.jsonl");
  const std::string ask = "$vragent simulate --agent vragent --model lm cases.jsonl --max-tokens 2";
  const std::string file = "lm/generation_config.json";
  write(file, "{\"eos_token_id\": \"<|im_end|>\"}");
  expect_refusal(ask, 65, file + ": \"eos_token_id\": a whole number");
  write(file, "{\"eos_token_id\": 1, \"temperature\": \"hot\"}");
  EXPECT_EQ(run(ask).code, 0);  // not asked for
  expect_refusal(ask + " --model-sampling", 65, file + ": \"temperature\": a finite number");
  write(file, "{\"num_beams\": 4}");
  expect_refusal(ask + " --model-sampling", 65, file + ": \"num_beams\": is not followed here");
  write(file, "{");
  expect_refusal(ask, 65, file + ": not JSON");
  fs::remove(here() / file);
  expect_refusal(ask + " --model-sampling", 66, file + ": cannot open");
  expect_refusal(ask + " --model-sampling --backend mock:x", 2, "--model-sampling needs --backend");
}

TEST_F(BadInput, APlaceForAVideoIsRefusedByName) {
  make_models();
  const std::string ask = "$vragent inspect generate --model models/vlm --max-tokens 1 ";
  expect_refusal(
      ask + "--prompt 'what is <|video_pad|>?'", 65, "<|video_pad|>: videos are not read");
  write("text", "<|video_pad|>");
  write("ids.json",
        output_of("$vragent inspect tokenize --model models/vlm --match-special <text"));
  expect_refusal(ask + "--ids ids.json", 65, "holds <|video_pad|> (token ");
  expect_refusal("$vragent inspect logits --model models/vlm --ids ids.json --out l.safetensors",
                 65,
                 "holds <|video_pad|> (token ");
}

TEST_F(BadInput, AModelWithoutEyesIsRefusedBeforeAnythingIsWritten) {
  make_models();
  write(
      "frames/frames.jsonl",
      R"({"item_id": "1", "status": "ok", "files": ["a.png"], "times_seconds": [0], "key_frames": [0]})"
      "\n");
  expect_refusal("$vragent ip-caption --model models/lm --frames frames --out captions",
                 65,
                 "lm/config.json: this model sees no images");
  EXPECT_FALSE(fs::exists(here() / "captions"));
  output_of("touch a.png");
  for (const char* asked : {"--prompt x", "--ids frames/frames.jsonl"}) {
    expect_refusal(
        "$vragent inspect generate --model models/lm --images a.png " + std::string(asked),
        65,
        "lm/config.json: this model sees no images");
  }
}

TEST_F(BadInput, AFullDiskIsAnErrorThatNamesTheFile) {
  const std::string make = kMakeCases + "-q --num-users 2 --out ";
  output_of(make + "cases.jsonl");
  expect_refusal(make + "- >/dev/full", 74, "stdout: cannot write: No space left on device");
  expect_refusal(
      "$vragent simulate -q --agent random cases.jsonl >/dev/full", 74, "stdout: cannot");
  output_of("$vragent simulate -q --agent random cases.jsonl >decisions.jsonl");
  expect_refusal("$vragent eval score --cases cases.jsonl decisions.jsonl >/dev/full",
                 74,
                 "stdout: cannot write");
  fs::create_symlink("/dev/full", here() / "full.jsonl");
  expect_refusal("$vragent simulate -q --agent random cases.jsonl --overwrite --out full.jsonl",
                 74,
                 "full.jsonl: cannot write: No space left on device");
}

TEST_F(BadInput, ALimitOnFileSizesLeavesNoHalfFile) {
  const std::string train =
      "$vragent train-sasrec -q --interactions interactions.tsv --width 32 --epochs 1 --threads 1 "
      "--out run";
  expect_refusal("ulimit -f 16; " + train, 74, "state.safetensors: cannot write: File too large");
  EXPECT_THAT(listing("run"), Not(HasSubstr("safetensors")));
  EXPECT_THAT(listing("run"), Not(HasSubstr(".tmp")));
  output_of(train + " --resume");
  EXPECT_TRUE(exists("run/model.safetensors"));
}

TEST_F(BadInput, AnswersDoNotReplaceTheCases) {
  output_of(kMakeCases + "--num-users 1 --out cases.jsonl");
  const std::string cases = read("cases.jsonl");
  expect_refusal(
      "$vragent simulate --agent random --cases cases.jsonl --out ./cases.jsonl --overwrite",
      2,
      "--out would replace the cases");
  EXPECT_EQ(read("cases.jsonl"), cases);
}

TEST_F(BadInput, APathThatIsTooLongIsNamed) {
  const std::string path(5000, 'a');
  expect_refusal("$vragent simulate --agent random " + path, 74, "aaa: File name too long");
  expect_refusal("$vragent extract-frames --out r --videos " + path, 74, "aaa: File name too long");
}

TEST_F(BadInput, AFolderInUseIsLeftAlone) {
  output_of(kMakeCases + "--num-users 2 --out cases");
  output_of("mkdir run");
  expect_refusal("flock run/.lock $vragent simulate --agent random cases --out run",
                 75,
                 "run: another process is writing here");
  expect_refusal(
      "flock run/.lock $vragent train-sasrec --interactions interactions.tsv --out run", 75, "run");
  EXPECT_EQ(listing("run"), ".lock\n");
}

TEST_F(BadInput, AnOutputThatCannotBeMadeIsNamed) {
  output_of(kMakeCases + "--num-users 2 --out cases.jsonl");
  expect_refusal("$vragent simulate --agent random cases.jsonl --out titles.csv/run", 73, "titles");
  expect_refusal(
      "$vragent train-sasrec --interactions interactions.tsv --out /dev/null/run", 73, "/dev/null");
}

TEST_F(BadInput, AnUnknownDeviceAgentOrAMissingModelIsAUsageError) {
  expect_refusal("$vragent train-sasrec --interactions interactions.tsv --out r --device gpu",
                 2,
                 "--device must be cpu, cuda or cuda:N; got \"gpu\"");
  expect_refusal("$vragent simulate --agent rndom interactions.tsv", 2, "got \"rndom\"");
  output_of(kMakeCases + "--num-users 1 --out cases.jsonl");
  expect_refusal("$vragent simulate --agent vragent cases.jsonl", 2, "--model is required");
}

}  // namespace
}  // namespace vragent::test

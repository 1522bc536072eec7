// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What a user meets before anything runs: version, help, flags and configuration files.
#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/small_files.h"
#include "vragent/report/runs/run_report.h"
#include "vragent/report/tables/list_ranking.h"
#include "vragent/report/tables/run_tables.h"
#include "vragent/simulator/agents/simulation.h"
#include "vragent/simulator/case_files.h"
#include "vragent/simulator/scoring/score_files.h"
#include "vragent/util/config.h"
#include "vragent/util/json.h"

namespace vragent::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

using Names = std::set<std::string>;

/// Names of the --flags that a help text lists, without those that every command has.
Names flags_in(const std::string& help) {
  Names names;
  const std::regex flag("\n  (-\\w,)?--([a-z0-9.-]+)");
  for (std::sregex_iterator at(help.begin(), help.end(), flag), end; at != end; ++at)
    names.insert((*at)[2]);
  for (const char* common : {"help", "config", "json", "verbose", "quiet"}) names.erase(common);
  return names;
}

template <class Config>
Names names_of() {
  Config config;
  Names names;
  for (const Option& option : options_of(config)) names.insert(option.name);
  return names;
}

/// Dotted names of the leaves of a JSON object.
void add_leaves(const Json& object, const std::string& prefix, Names& names) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) {
      add_leaves(value, prefix + key + ".", names);
    } else {
      names.insert(prefix + key);
    }
  }
}

class Usage : public SmallFiles {
 protected:
  std::string help_of(const std::string& command) {
    const Ran ran = run("$vragent " + command + " --help");
    EXPECT_EQ(ran.code, 0) << command;
    EXPECT_THAT(ran.err, IsEmpty()) << command;
    EXPECT_THAT(ran.out, HasSubstr("Usage: vragent " + command + " [OPTIONS]"));
    return ran.out;
  }

  /// Names in the effective_config.json that a run leaves even when its inputs are missing.
  Names names_in_echo(const std::string& command, const std::string& inputs) {
    std::filesystem::remove_all(here() / "run");
    const Ran ran = run("$vragent " + command + " --out run " + inputs);
    EXPECT_EQ(ran.code, 66) << command << ": " << ran.err;
    const Json echo = parse_json_object(read("run/effective_config.json"), command);
    Names names;
    add_leaves(echo["config"], "", names);
    return names;
  }
};

TEST_F(Usage, VersionIsOneLineOnStdout) {
  const Ran ran = run("$vragent --version");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, MatchesRegex("vragent [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST_F(Usage, HelpListsEveryCommand) {
  const Ran ran = run("$vragent --help");
  EXPECT_EQ(ran.code, 0);
  for (const char* command : {"extract-frames",
                              "ip-caption",
                              "train-sasrec",
                              "sft",
                              "grpo-train",
                              "simulate",
                              "eval",
                              "inspect"})
    EXPECT_THAT(ran.out, HasSubstr("\n  " + std::string(command) + " "));
}

TEST_F(Usage, HelpOfASwitchNamesBothItsForms) {
  EXPECT_THAT(help_of("simulate"), HasSubstr("--cot,--no-cot  "));
}

TEST_F(Usage, HelpOfInspectMarksWhatIsRequired) {
  const std::map<std::string, std::int64_t> counts = {
      {"inspect", 1}, {"inspect tokenize", 1}, {"inspect logits", 2}, {"inspect merge", 2}};
  const std::regex mark("\\(required\\)");
  for (const auto& [command, count] : counts) {
    const std::string help = help_of(command);
    const std::sregex_iterator first(help.begin(), help.end(), mark);
    EXPECT_EQ(std::distance(first, std::sregex_iterator()), count) << command;
  }
  EXPECT_THAT(help_of("inspect logits"), HasSubstr("masks ids that are the pad id"));
}

TEST_F(Usage, HelpOfAListShowsThatCommasSeparateItsValues) {
  const std::string help = help_of("eval make-cases");
  EXPECT_THAT(help, HasSubstr("--m INT=3,4,... "));
  EXPECT_THAT(help, Not(HasSubstr(" ... ")));
  EXPECT_THAT(help_of("inspect logits"), HasSubstr("--images TEXT,... "));
}

TEST_F(Usage, ACommandLineThatSaysTooLittleEndsWithTwoAndAdvice) {
  for (const char* words : {"", "eval", "simulate --cases"}) {
    const Ran ran = run("$vragent " + std::string(words));
    EXPECT_EQ(ran.code, 2) << words;
    EXPECT_THAT(ran.out, IsEmpty()) << words;
    EXPECT_THAT(ran.err, AllOf(MatchesRegex("vragent[^\n]*\n"), HasSubstr("--help)"))) << words;
  }
}

TEST_F(Usage, UnknownWordsEndWithTwoAndASuggestion) {
  const std::vector<std::pair<const char*, const char*>> lines = {
      {"simulate --agnt random", "unknown flag --agnt; did you mean --agent?"},
      {"sft --optim.lrr 1", "unknown flag --optim.lrr; did you mean --optim.lr?"},
      {"trainsasrec", "unknown command trainsasrec; did you mean train-sasrec?"},
      {"eval scor", "unknown command scor; did you mean score?"},
      {"simulate --temperature warm", "--temperature"},
      {"sft --out o --model m --train t --optim.lr -1", "--optim.lr must"},
      {"grpo-train --out o --model m --cases c --loss.type none", "--loss.type must"},
      {"grpo-train --out o --model m --cases c --mini-prompts -1", "must be in [0, 16]; got -1"},
      {"grpo-train --out o --model m --cases c --mini-prompts 17", "must be in [0, 16]; got 17"},
      {"grpo-train --out o --model m --cases c --mini-prompts 6", "6 does not divide 16"},
      {"inspect logits --model m --out o", "--ids is required"},
      {"inspect generate --model m", "--prompt or --ids is required"},
      {"inspect generate --model m --prompt x --ids y", "--prompt and --ids exclude each other"},
      {"inspect tokenize --model m --chat --decode", "--chat and --decode exclude each other"},
      {"simulate --agent random --cases a.jsonl b.jsonl", "they say the same, give one of them"},
      {"inspect --model m tokenize", "--model stands before tokenize of inspect: write it behind"},
      {"sft --resume clip --out o --model m --pairs p", "--resume stands before clip"},
      {"train-sasrec --seed 99999999999999999999", "--seed: wants a whole number, got 9999"},
      {"sft --lora.rank 3.7", "--lora.rank: wants a whole number, got 3.7"},
      {"sft --config a --config b", "--config is given too often"},
      {"simulate --cases", "--cases: 1 required"},
      {"simulate -q=x", "vragent"},
      {"eval make-cases --m 3 4", "unexpected argument 4; values of --m are separated by commas"},
      {"train-sasrec --optim.lr fast", "cannot read --optim.lr = fast"},
      {"--frobnicate", "unknown flag --frobnicate (see vragent --help)"}};
  for (const auto& [words, part] : lines) {
    const Ran ran = run("$vragent " + std::string(words));
    EXPECT_EQ(ran.code, 2) << words;
    EXPECT_THAT(ran.out, IsEmpty()) << words;
    EXPECT_THAT(ran.err, AllOf(MatchesRegex("vragent[^\n]*\n"), HasSubstr(part))) << words;
  }
}

TEST_F(Usage, WordsBehindADoubleDashAreNoFlags) {
  output_of(kMakeCases + "--num-users 2 --out ./-cases.jsonl");
  EXPECT_THAT(output_of("$vragent simulate --agent random --limit 1 -- -cases.jsonl"),
              StartsWith("{\"case_id\""));
}

TEST_F(Usage, EveryCommandTakesQuietAtItsEnd) {
  for (const char* command : {"eval score", "inspect tokenize", "sft clip"}) {
    const Ran ran = run("$vragent " + std::string(command) + " -q");
    EXPECT_EQ(ran.code, 2);
    EXPECT_THAT(ran.err, HasSubstr("is required")) << command;
  }
}

TEST_F(Usage, HelpOfCommandsWithoutModelsNamesEveryOption) {
  const std::map<std::string, Names> commands = {
      {"simulate", names_of<simulator::agents::SimulateConfig>()},
      {"eval make-cases", names_of<simulator::MakeCasesConfig>()},
      {"eval score", names_of<simulator::ScoreFilesConfig>()},
      {"eval compare", names_of<simulator::CompareFilesConfig>()},
      {"eval ranking", names_of<report::runs::ListRankingConfig>()},
      {"eval report", names_of<report::runs::ReportConfig>()}};
  for (const auto& [command, names] : commands) EXPECT_EQ(flags_in(help_of(command)), names);
  Names table = names_of<report::runs::TableConfig>();
  table.insert({"format", "out"});
  EXPECT_EQ(flags_in(help_of("eval table")), table);
}

TEST_F(Usage, HelpOfCommandsWithModelsNamesEveryOptionOfTheirEcho) {
  const std::map<std::string, std::string> inputs = {
      {"extract-frames", "--videos nowhere"},
      {"train-sasrec", "--interactions nowhere"},
      {"sft", "--model nowhere --train nowhere"},
      {"sft clip", "--model nowhere --pairs nowhere"},
      {"grpo-train", "--model nowhere --cases nowhere"}};
  for (const auto& [command, flags] : inputs)
    EXPECT_EQ(flags_in(help_of(command)), names_in_echo(command, flags)) << command;
}

TEST_F(Usage, HelpOfTheOtherCommandsNamesWhatTheyAreAskedFor) {
  const std::map<std::string, Names> commands = {
      {"ip-caption",
       {"out",
        "model",
        "frames",
        "items",
        "kfr",
        "cmp",
        "rra",
        "max-words",
        "batch-size",
        "resume",
        "sampling.temperature",
        "sampling.max-tokens",
        "videos",
        "clip",
        "device",
        "seed"}},
      {"inspect", {"model"}},
      {"inspect tokenize", {"model", "special", "match-special", "lines"}},
      {"inspect logits", {"model", "ids", "images", "dtype", "device", "out"}},
      {"inspect merge", {"model", "out"}},
      {"inspect generate", {"model", "prompt", "system", "ids", "temperature", "max-tokens"}}};
  for (const auto& [command, wanted] : commands) {
    const Names flags = flags_in(help_of(command));
    for (const std::string& name : wanted) EXPECT_TRUE(flags.contains(name)) << command << name;
  }
}

/// Which command reads configs/ROOM/STEM.json.
std::string command_of(const std::string& room, const std::string& stem) {
  if (room == "table1") return "train-sasrec";
  if (room == "sft") return "sft";
  if (stem.starts_with("vlm-stage")) return "sft";
  if (stem == "clip") return "sft clip";
  return stem == "make-cases" ? "eval make-cases" : stem;
}

TEST_F(Usage, EveryConfigurationOfTheRepositoryIsReadByItsCommand) {
  std::int64_t num_files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("configs")) {
    if (entry.path().extension() != ".json") continue;
    const auto file = std::filesystem::absolute(entry.path());
    const Ran ran =
        run("$vragent " + command_of(file.parent_path().filename().string(), file.stem().string()) +
            " --config " + file.string());
    EXPECT_EQ(ran.code, 2) << file;
    EXPECT_THAT(ran.err, MatchesRegex("vragent: --[a-z]+ is required\n")) << file;
    ++num_files;
  }
  EXPECT_GE(num_files, 31);
}

TEST_F(Usage, EveryConfigurationOfATrainerCanBePlannedFor7BWithoutAnyOtherFile) {
  std::int64_t num_files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("configs")) {
    const auto file = std::filesystem::absolute(entry.path());
    if (file.extension() != ".json") continue;
    const std::string command =
        command_of(file.parent_path().filename().string(), file.stem().string());
    if (command != "sft" && command != "grpo-train") continue;
    const auto planned = [&](const std::string& cards) {
      const std::string tables =
          output_of("$vragent " + command + " --config " + file.string() +
                    " --dry-run --json --model qwen2.5-7b --plan.card " + cards);
      EXPECT_EQ(Json::parse(tables).size(), 2U) << file;
      EXPECT_THAT(tables, HasSubstr("7.616 billion parameters")) << file;
      EXPECT_EQ(tables.find("keys and values") != std::string::npos, command == "grpo-train")
          << file;
      return tables;
    };
    const std::string four = planned("h100-80 --plan.ranks 4 --zero 2");
    EXPECT_THAT(four, HasSubstr("4 x h100-80, ZeRO-2")) << file;
    EXPECT_THAT(four, HasSubstr("gradients, reduce-scatter")) << file;
    const std::string alone = planned("h200-141");
    EXPECT_THAT(alone, HasSubstr(", 1 x h200-141\"")) << file;
    EXPECT_THAT(alone, HasSubstr("h200-141 has 140.4 GiB: ")) << file;
    EXPECT_THAT(alone, Not(HasSubstr("reduce-scatter"))) << file << ": there is nobody to send to";
    ++num_files;
  }
  EXPECT_GE(num_files, 10);
}

TEST_F(Usage, AConfigurationWithAnUnknownKeyOrAWrongTypeIsRefusedByName) {
  const std::vector<std::pair<const char*, const char*>> files = {
      {R"({"widht": 4})", "c.json: unknown key \"widht\"; did you mean \"width\"?"},
      {R"({"batch-size": 3.7})", "c.json: key \"batch-size\" wants a whole number, got 3.7"},
      {R"({"optim": {"lr": "fast"}})", "c.json: key \"optim.lr\" wants a number"},
      {R"({"width": 4)", "c.json: not JSON"}};
  for (const auto& [text, part] : files) {
    write("c.json", text);
    const Ran ran =
        run("$vragent train-sasrec --interactions interactions.tsv --out run --config c.json");
    EXPECT_EQ(ran.code, 2) << text;
    EXPECT_THAT(ran.err, AllOf(StartsWith("vragent: "), HasSubstr(part)));
    EXPECT_FALSE(exists("run")) << text;
  }
  EXPECT_EQ(run("$vragent sft --config nowhere.json").code, 66);
}

TEST_F(Usage, AFlagOverridesTheFileWhicheverComesFirst) {
  write("c.json", R"({"num-users": 3, "negatives": ["uniform"], "users": "all", "m": [4]})");
  const std::string command =
      "$vragent eval make-cases --interactions interactions.tsv --items titles.csv ";
  output_of(command + "--num-users 2 --config c.json --out a");
  output_of(command + "--config c.json --num-users 2 --out b");
  EXPECT_EQ(read("a/users.txt"), read("b/users.txt"));
  EXPECT_EQ(read("a/cases.jsonl"), read("b/cases.jsonl"));
  const Json echo = parse_json_object(read("a/effective_config.json"), "echo");
  EXPECT_EQ(echo["config"]["num-users"], 2);
  EXPECT_EQ(echo["config"]["m"], Json::parse("[4]"));
  output_of("$vragent eval make-cases --config a/effective_config.json --out c");
  EXPECT_EQ(read("c/cases.jsonl"), read("a/cases.jsonl")) << "the echo of a run is a configuration";
}

}  // namespace
}  // namespace vragent::test

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/answer_parser.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/util/random.h"

namespace vragent::simulator {
namespace {

using data::AnswerStatus;

const std::vector<std::string> kTitles = {
    "Alpha cat video", "Beta dog clip", "Gamma cooking show", "Delta v1.2 game. part two"};

std::string think(const std::string& answer) {
  return "<think>the user enjoys cats, yes</think><answer>" + answer + "</answer>";
}

/// "B ok letter", or "- empty none" when there is no choice.
std::string select(const std::string& reply,
                   const std::vector<std::string>& titles = kTitles,
                   const std::string& finish_reason = "stop") {
  const ParsedAnswer parsed = parse_selection(reply, titles, finish_reason);
  const std::string choice =
      parsed.choice ? std::string(1, static_cast<char>('A' + *parsed.choice)) : "-";
  return choice + " " + to_string(parsed.status) + " " + to_string(parsed.tier);
}

/// "yes ok", or "- empty".
std::string judge(const std::string& reply, const std::string& finish_reason = "stop") {
  const ParsedAnswer parsed = parse_judgment(reply, finish_reason);
  const std::string answer = parsed.yes ? (*parsed.yes ? "yes" : "no") : "-";
  return answer + " " + to_string(parsed.status);
}

TEST(ParseJudgment, ReadsTheAgreedForm) {
  EXPECT_EQ(judge(think("Yes")), "yes ok");
  EXPECT_EQ(judge(think(" no.\n")), "no ok");
  EXPECT_EQ(judge(think("**Yes**")), "yes ok");
  EXPECT_EQ(judge("<answer>NO</answer>"), "no ok");
  EXPECT_EQ(judge("\n<think>a</think>\n\n<answer>\"Yes\"</answer>\nbye, no"), "yes ok");
}

TEST(ParseJudgment, ReadsThePredictionFieldOnly) {
  EXPECT_EQ(judge(think("(1) User_preference: enjoys cats, yes!\n(2) Prediction: No")), "no ok");
  EXPECT_EQ(judge(think("(1) User_preference: dislikes dogs, knows cats\n(2) Prediction: Yes")),
            "yes ok");
  EXPECT_EQ(judge(think("(1) User_preference: no dogs (2) Prediction: Yes")), "yes ok");
  EXPECT_EQ(judge(think("(1) User_preference: yes cats\n(2) No")), "no ok");
  EXPECT_EQ(judge(think("(1) User_preference: enjoys cats, yes")), "- empty");
  EXPECT_EQ(judge(think("Prediction\xEF\xBC\x9A Yes")), "yes ok");
  EXPECT_EQ(judge(think("**Prediction:** No")), "no ok");
  EXPECT_EQ(judge(think("Prediction:\nNo")), "no ok");
}

TEST(ParseJudgment, TakesWholeWordsOnly) {
  EXPECT_EQ(judge(think("eyes")), "- out_of_set");
  EXPECT_EQ(judge(think("unknown")), "- out_of_set");
  EXPECT_EQ(judge(think("yes_man")), "- out_of_set");
  EXPECT_EQ(judge(think("no\xC3\xA9")), "- out_of_set");
  EXPECT_EQ(judge(think("maybe")), "- out_of_set");
  EXPECT_EQ(judge(think("The user would enjoy it")), "- out_of_set");
}

TEST(ParseJudgment, TheLastWordCountsAndAnEchoDoesNot) {
  EXPECT_EQ(judge(think("No, wait: Yes")), "yes lenient");
  EXPECT_EQ(judge(think("Yes, because the user likes cats")), "yes lenient");
  EXPECT_EQ(judge(think("Yes/No")), "- ambiguous");
  EXPECT_EQ(judge(think("Yes or No")), "- ambiguous");
  EXPECT_EQ(judge(think("Yes/No: No")), "no lenient");
}

TEST(ParseJudgment, NeverReadsTheReasoning) {
  EXPECT_EQ(judge("<think>yes yes yes</think>"), "- empty");
  EXPECT_EQ(judge("<think>so the answer is yes"), "- empty");
  EXPECT_EQ(judge("<think>yes</think>I do not know, yes is possible"), "- empty");
  EXPECT_EQ(judge(""), "- empty");
  EXPECT_EQ(judge("<think></think><answer></answer>"), "- empty");
}

TEST(ParseJudgment, IsLenientWithTagsThatAreMissing) {
  EXPECT_EQ(judge("Yes"), "yes lenient");
  EXPECT_EQ(judge("<think>hm</think>\nNo."), "no lenient");
  EXPECT_EQ(judge("The user likes cats.\nPrediction: Yes"), "yes lenient");
  EXPECT_EQ(judge("So the answer is: no"), "- empty") << "prose without a label at its start";
  EXPECT_EQ(judge("Answer: no"), "no lenient");
  EXPECT_EQ(judge("<think>hm <answer>Yes</answer>"), "yes lenient");
  EXPECT_EQ(judge("<answer>Yes"), "yes lenient");
  EXPECT_EQ(judge("<answer>Yes</ans"), "yes lenient");
  EXPECT_EQ(judge("<think>first <answer>No</answer> or</think><answer>Yes</answer>"), "yes ok");
  EXPECT_EQ(judge("<think>x <answer>No</answer></think>"), "no lenient");
  EXPECT_EQ(judge("<THINK>x</THINK><Answer>Yes</Answer>"), "yes ok");
}

TEST(ParseJudgment, SaysWhenTheAnswerWasCutOrRefused) {
  EXPECT_EQ(judge("<think>the user", "length"), "- truncated");
  EXPECT_EQ(judge("<think>a</think><answer>No", "length"), "- truncated");
  EXPECT_EQ(judge("", "length"), "- truncated");
  EXPECT_EQ(judge(think("No") + " and on and on", "length"), "no ok");
  EXPECT_EQ(judge(think("I'm sorry, I cannot tell")), "- refusal");
  EXPECT_EQ(judge("I cannot help with that."), "- refusal");
}

TEST(ParseSelection, ReadsLetters) {
  EXPECT_EQ(select(think("B")), "B ok letter");
  for (const char* form : {"(B)", "B.", "B)", "[B]", "**B**", "\"B\"", " B \n"}) {
    EXPECT_EQ(select(think(form)), "B ok letter") << form;
  }
  for (const char* form : {"b",
                           "Option B",
                           "candidate B",
                           "B: Beta dog clip",
                           "B. because of dogs",
                           "B Beta dog clip",
                           "B - dogs",
                           "Answer: B",
                           "(2) Next_video: B"}) {
    EXPECT_EQ(select(think(form)).substr(0, 2), "B ") << form;
  }
  EXPECT_EQ(select(think("B. because of dogs")), "B lenient letter");
  EXPECT_EQ(select(think("b")), "B lenient letter");
}

TEST(ParseSelection, DoesNotTakeOtherThingsForLetters) {
  EXPECT_EQ(select(think("E")), "- out_of_set none");
  EXPECT_EQ(select(think("2")), "- out_of_set none");
  EXPECT_EQ(select(think("A film about trains")), "- out_of_set none") << "an article";
  EXPECT_EQ(select(think("a")), "A lenient letter");
  EXPECT_EQ(select(think("A or B")), "- ambiguous none");
  EXPECT_EQ(select(think("A, C")), "- ambiguous none");
  EXPECT_EQ(select(think("A/B/C/D")), "- ambiguous none");
  EXPECT_EQ(select(think("B. Alpha cat video")), "- ambiguous none") << "letter against title";
  EXPECT_EQ(select("Beta or maybe not"), "- out_of_set none");
}

TEST(ParseSelection, ATitleThatIsALetterIsAmbiguousWhereTheLetterMeansAnother) {
  EXPECT_EQ(select(think("B"), {"B", "C", "x"}), "- ambiguous none");
  EXPECT_EQ(select(think("A"), {"A", "C", "x"}), "A ok letter");
}

// The table of requirements: one test a row.

TEST(ParseSelectionRow, AValueThatEqualsATitleIsThatCandidate) {
  EXPECT_EQ(select(think("Beta dog clip")), "B ok exact");
  EXPECT_EQ(select(think("(1) User_preference: dogs\n(2) Next_video: Beta dog clip")),
            "B ok exact");
  EXPECT_EQ(select(think("BETA DOG-CLIP!!")), "B lenient normalised");
  EXPECT_EQ(select(think("dog"), {"dog and cat", "dog", "hot dog"}), "B ok exact")
      << "exact beats containment";
  EXPECT_EQ(select(think("\xF0\x9F\x90\xB1\xF0\x9F\x90\xB1"),
                   {"\xF0\x9F\x90\xB6", "\xF0\x9F\x90\xB1\xF0\x9F\x90\xB1"}),
            "B ok exact")
      << "without letters or digits it is compared raw";
  EXPECT_EQ(select(think("!!!"), {"???", "..."}), "- out_of_set none");
}

TEST(ParseSelectionRow, DotsAndSemicolonsDoNotCutATitle) {
  EXPECT_EQ(select(think("Next_video: Delta v1.2 game. part two")), "D ok exact");
  const std::vector<std::string> titles = {"Mr. Bean; the film", "Mr. Fox", "...wait", "What?..."};
  for (std::size_t i = 0; i < titles.size(); ++i) {
    const std::string letter(1, static_cast<char>('A' + i));
    EXPECT_EQ(select(think("(2) Next_video: " + titles[i]), titles), letter + " ok exact");
  }
}

TEST(ParseSelectionRow, ATitleOfAnotherCandidateIsThatCandidate) {
  EXPECT_EQ(select(think("Next_video: Alpha cat video")), "A ok exact");
}

TEST(ParseSelectionRow, AUniquePieceIsThatCandidateAndSeveralAreAmbiguous) {
  const std::vector<std::string> titles = {
      "funny cats play piano # cats # music", "funny dogs play chess # dogs", "how to bake bread"};
  EXPECT_EQ(select(think("funny cats play piano"), titles), "A lenient contained");
  EXPECT_EQ(select(think("how to ba"), titles), "C lenient contained") << "a cut copy";
  EXPECT_EQ(select(think("I would watch how to bake bread, it is great"), titles),
            "C lenient contained");
  EXPECT_EQ(select(think("the one with play"), titles), "- out_of_set none");
  EXPECT_EQ(select(think("x y"), {"x y one", "x y two"}), "- ambiguous contained");
  EXPECT_EQ(select(think("Alpha cat video or Beta dog clip")), "- ambiguous contained");
  EXPECT_EQ(select(think("Alpha cat video, Beta dog clip, Gamma cooking show")),
            "- ambiguous contained");
}

TEST(ParseSelectionRow, NearTwinsAreToldApartByAnExactMatchOnly) {
  const std::vector<std::string> titles = {"Episode 11 the end of it", "Episode 12 the end of it"};
  EXPECT_EQ(select(think("Episode 12 the end of it"), titles), "B ok exact");
  EXPECT_EQ(select(think("episode 12: the end of it"), titles), "B lenient normalised");
  EXPECT_EQ(select(think("Episode 13 the end of it"), titles), "- ambiguous fuzzy");
}

TEST(ParseSelectionRow, IdenticalTitlesAreAmbiguousButTheirLettersAreNot) {
  const std::vector<std::string> titles = {"same", "other", "same"};
  EXPECT_EQ(select(think("same"), titles), "- ambiguous exact");
  EXPECT_EQ(select(think("Same."), titles), "- ambiguous normalised");
  EXPECT_EQ(select(think("C"), titles), "C ok letter");
}

TEST(ParseSelectionRow, ATitleThatWasRemovedMatchesNothing) {
  const std::vector<std::string> left = {"Alpha cat video", "Gamma cooking show"};
  EXPECT_EQ(select(think("Next_video: Beta dog clip"), left), "- out_of_set none");
}

TEST(ParseSelectionRow, NoMatchIsNeverTheFirstOrTheLast) {
  for (const char* value : {"<title>",
                            "exact title",
                            "An invented video about trains",
                            "\xE4\xB8\xAD\xE6\x96\x87\xE6\xA0\x87\xE9\xA2\x98",
                            "none",
                            "..."}) {
    EXPECT_EQ(select(think(std::string("Next_video: ") + value)), "- out_of_set none") << value;
  }
}

TEST(ParseSelectionRow, EmptyOrDegenerateTextIsNeverIndexZero) {
  EXPECT_EQ(select(""), "- empty none");
  EXPECT_EQ(select("<think>Alpha cat video</think>"), "- empty none");
  EXPECT_EQ(select("<think>A. Alpha cat video"), "- empty none");
  EXPECT_EQ(select(think("")), "- empty none");
  EXPECT_EQ(select(think("(2) Next_video:")), "- empty none");
  EXPECT_EQ(select(think("(1) User_preference: Alpha cat video")), "- empty none");
  EXPECT_EQ(select("hello"), "- out_of_set none");
}

TEST(ParseSelectionRow, ANestedLabelIsStripped) {
  EXPECT_EQ(select(think("(2) Next_video: Next_video: Beta dog clip")), "B ok exact");
  EXPECT_EQ(select("<answer><answer>B</answer></answer>"), "B ok letter");
}

TEST(ParseSelectionRow, QuotesAreStripped) {
  for (const char* value : {"\"Beta dog clip\"",
                            "'Beta dog clip'",
                            "\xE2\x80\x9C"
                            "Beta dog clip\xE2\x80\x9D",
                            "\"Beta dog clip",
                            "Beta dog clip\xE2\x80\x99"}) {
    EXPECT_EQ(select(think(std::string("Next_video: ") + value)).substr(0, 2), "B ") << value;
  }
  EXPECT_EQ(select(think("\"\xF0\x9F\x90\xB1\""), {"x", "\xF0\x9F\x90\xB1"}), "B ok exact");
}

TEST(ParseSelectionRow, AnEndTagOnTheTitlesLineIsCut) {
  EXPECT_EQ(select("<think>x</think><answer>Next_video: Beta dog clip</answer>"), "B ok exact");
  EXPECT_EQ(select("<think>x</think>Next_video: Beta dog clip"), "B lenient exact");
}

TEST(ParseSelectionRow, TextAfterTheEndTagIsIgnored) {
  EXPECT_EQ(select(think("B") + "\nuser: and now? <answer>C</answer> Alpha cat video"),
            "B ok letter");
}

TEST(ParseSelectionRow, UnicodeTitlesAreComparedInLowerCase) {
  const std::vector<std::string> titles = {
      "\xC3\x89T\xC3\x89 \xC3\xA0 la plage",
      "\xE6\x88\x91\xE7\x9A\x84\xE7\x8C\xAB\xE5\xBE\x88\xE5\x8F\xAF\xE7\x88\xB1",
      "\xD0\x9A\xD0\xBE\xD1\x88\xD0\xBA\xD0\xB0 \xF0\x9F\x90\xB1"};
  EXPECT_EQ(select(think("\xC3\xA9t\xC3\xA9 \xC3\x80 LA PLAGE"), titles), "A lenient normalised");
  EXPECT_EQ(select(think("e\xCC\x81te\xCC\x81 a\xCC\x80 la plage"), titles),
            "A lenient normalised");
  EXPECT_EQ(select(think("\xE6\x88\x91\xE7\x9A\x84\xE7\x8C\xAB"), titles), "B lenient contained");
  EXPECT_EQ(select(think("\xD0\x9A\xD0\x9E\xD0\xA8\xD0\x9A\xD0\x90"), titles),
            "C lenient normalised");
}

TEST(ParseSelectionRow, HashesColonsAndAtSignsAreNothingSpecial) {
  const std::vector<std::string> titles = {
      "#cats are great", "breaking: news @ nine", "Answer: 42"};
  EXPECT_EQ(select(think("Next_video: #cats are great"), titles), "A ok exact");
  EXPECT_EQ(select(think("Next_video: breaking: news @ nine"), titles), "B ok exact");
  EXPECT_EQ(select(think("Answer: 42"), titles), "C ok exact") << "a title that looks like a label";
}

TEST(ParseSelectionRow, AParaphraseReportsItsTierAndScore) {
  const ParsedAnswer parsed = parse_selection(think("Gamma cookng show"), kTitles, "stop");
  EXPECT_EQ(parsed.choice, 2);
  EXPECT_EQ(parsed.tier, MatchTier::kFuzzy);
  EXPECT_NEAR(parsed.score, 2.0 / 3.0, 1e-12);
  EXPECT_EQ(parsed.status, AnswerStatus::kLenient);
}

TEST(ParseSelection, SaysWhenTheAnswerWasCutOrRefused) {
  EXPECT_EQ(select("<think>x</think><answer>B", kTitles, "length"), "- truncated none");
  EXPECT_EQ(select("<think>x</think><answer>B"), "B lenient letter");
  EXPECT_EQ(select(think("As an AI I have no preferences")), "- refusal none");
}

TEST(ParseSelection, KeepsReasoningAndValueForTheRecord) {
  const ParsedAnswer parsed = parse_selection(think("(2) Next_video: B"), kTitles, "stop");
  EXPECT_EQ(parsed.reasoning, "the user enjoys cats, yes");
  EXPECT_EQ(parsed.value, "B");
}

TEST(ParseAnything, AnswerAndStatusAlwaysAgree) {
  const std::vector<std::string> pieces = {"<think>",
                                           "</think>",
                                           "<answer>",
                                           "</answer>",
                                           "</",
                                           "Yes",
                                           "No",
                                           "B",
                                           "E",
                                           "Beta dog clip",
                                           "(2)",
                                           "Next_video:",
                                           "Prediction:",
                                           "User_preference",
                                           "\n",
                                           " ",
                                           "\xFF",
                                           "\xE4\xB8",
                                           "or"};
  RandomStream random(9);
  for (int i = 0; i < 20'000; ++i) {
    std::string reply;
    for (auto left = random.below(12); left > 0; --left) reply += random.pick(pieces);
    for (const char* finish_reason : {"stop", "length"}) {
      const ParsedAnswer judged = parse_judgment(reply, finish_reason);
      EXPECT_EQ(judged.yes.has_value(), is_answered(judged.status)) << reply;
      const ParsedAnswer selected = parse_selection(reply, kTitles, finish_reason);
      EXPECT_EQ(selected.choice.has_value(), is_answered(selected.status)) << reply;
      EXPECT_LT(selected.choice.value_or(0), 4) << reply;
    }
  }
}

TEST(IsInForm, TakesTheAgreedFormAndNothingElse) {
  EXPECT_TRUE(is_in_form("<think>a</think><answer>Yes</answer>", true));
  EXPECT_TRUE(is_in_form(" <think>a</think>\n<answer>Yes</answer>\n", true));
  EXPECT_TRUE(is_in_form("<answer>Yes</answer>", false));
  for (const char* bad : {"",
                          "Yes",
                          "<answer>Yes</answer>",
                          "<think>a</think>",
                          "<think>a<answer>Yes</answer>",
                          "<answer>Yes</answer><think>a</think>",
                          "<think></think><answer>Yes</answer>",
                          "<think>a</think><answer> </answer>",
                          "<think>a</think><answer>Yes",
                          "x<think>a</think><answer>Yes</answer>",
                          "<think>a</think><answer>Yes</answer>x",
                          "<think>a</think>so<answer>Yes</answer>",
                          "<think><think>a</think><answer>Yes</answer>",
                          "<think>a</think><answer>Yes</answer><answer>No</answer>"}) {
    EXPECT_FALSE(is_in_form(bad, true)) << bad;
  }
  EXPECT_FALSE(is_in_form("<think>a</think><answer>Yes</answer>", false));
  EXPECT_FALSE(is_in_form("<answer></answer>", false));
}

}  // namespace
}  // namespace vragent::simulator

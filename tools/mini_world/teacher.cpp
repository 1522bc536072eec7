// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/teacher.h"

#include <algorithm>
#include <span>

#include "mini_world/wording.h"
#include "mini_world/world.h"
#include "vragent/simulator/tasks.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/random.h"

namespace mini_world {
namespace {

using vragent::RandomStream;
using vragent::data::Candidate;
using vragent::data::Case;
using vragent::data::HistoryEntry;
using vragent::data::Task;
using vragent::simulator::letter_of;
using vragent::simulator::PromptConfig;

constexpr std::size_t kMaxCandidates = 26;

template <class Shown>
std::string text_of(const Shown& item, const PromptConfig& prompt) {
  return vragent::simulator::shown_text(item.title, item.caption, prompt);
}

/// Words of a slot that the comments name, or that two of the shown videos have in common.
std::vector<int> liked_words(std::span<const HistoryEntry> history,
                             Slot slot,
                             const PromptConfig& prompt) {
  std::vector<int> counts(words_of(slot).size());
  for (const HistoryEntry& entry : history) {
    const std::string source = prompt.comments ? entry.comment : text_of(entry, prompt);
    for (const int word : words_in(source, slot)) ++counts[static_cast<std::size_t>(word)];
  }
  std::vector<int> liked;
  for (std::size_t word = 0; word < counts.size(); ++word) {
    if (counts[word] >= (prompt.comments ? 1 : 2)) liked.push_back(static_cast<int>(word));
  }
  return liked;
}

std::string word(Slot slot, int index) {
  return words_of(slot)[static_cast<std::size_t>(index)];
}

/// Calls use(slot, likes of the slot) for subject, activity and genre.
void for_each_slot(const ReadLikes& likes, const auto& use) {
  use(Slot::kSubject, likes.subjects);
  use(Slot::kActivity, likes.activities);
  use(Slot::kGenre, likes.genres);
}

std::string text_of(const ReadLikes& likes) {
  std::string text = "likes";
  for_each_slot(likes, [&](Slot slot, const std::vector<int>& liked) {
    for (const int index : liked) text += " " + word(slot, index);
  });
  return text == "likes" ? "likes none" : text;
}

bool contains(const std::vector<int>& words, int word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// What a candidate shows, each word with whether it is liked, then how many are:
/// "cat yes jumping yes song no is two".
std::string described(const Candidate& candidate,
                      const ReadLikes& likes,
                      const PromptConfig& prompt) {
  static const std::vector<std::string> counts = {"none", "one", "two", "three"};
  const std::string shown = text_of(candidate, prompt);
  std::string text;
  for_each_slot(likes, [&](Slot slot, const std::vector<int>& liked) {
    const std::vector<int> named = words_in(shown, slot);
    if (!named.empty())
      text += word(slot, named.front()) + (contains(liked, named.front()) ? " yes " : " no ");
  });
  return text + "is " + counts[static_cast<std::size_t>(count_matches(candidate, likes, prompt))];
}

std::string response_of(const std::string& thought, const std::string& answer) {
  return vragent::simulator::answer_in_form(thought + " ", answer, {.cot = true});
}

std::string demonstrate_judge(const Case& shown,
                              const ReadLikes& likes,
                              const TeacherConfig& config,
                              RandomStream& random) {
  const Candidate& candidate = shown.candidates.front();
  const std::int64_t matches = count_matches(candidate, likes, config.prompt);
  const bool yes = random.chance(config.judge_yes[static_cast<std::size_t>(matches)]);
  return response_of(text_of(likes) + " ; candidate " + described(candidate, likes, config.prompt),
                     yes ? "Yes" : "No");
}

std::string demonstrate_select(const Case& shown,
                               const ReadLikes& likes,
                               const TeacherConfig& config,
                               RandomStream& random) {
  std::string thought = text_of(likes);
  std::vector<std::int64_t> matches;
  for (const Candidate& candidate : shown.candidates) {
    thought +=
        " ; " + letter_of(std::ssize(matches)) + " " + described(candidate, likes, config.prompt);
    matches.push_back(count_matches(candidate, likes, config.prompt));
  }
  const std::int64_t most = *std::max_element(matches.begin(), matches.end());
  std::vector<std::int64_t> best;
  std::int64_t first = -1;
  for (std::int64_t i = 0; i < std::ssize(matches); ++i) {
    const std::int64_t count = matches[static_cast<std::size_t>(i)];
    if (count == most) best.push_back(i);
    if (count > 0 && first < 0) first = i;
  }
  const std::int64_t choice = random.pick(best);
  const bool hasty = !random.chance(config.best) && first >= 0;
  return response_of(thought, letter_of(hasty ? first : choice));
}

}  // namespace

void TeacherConfig::check() const {
  vragent::check_given("cases", cases);
  vragent::check_given("out", out);
  vragent::check_range("best", best, 0, 1);
  vragent::check_group("prompt", prompt);
  if (judge_yes.size() != 4) {
    throw vragent::ConfigError(vragent::formatted(
        "--judge-yes takes 4 probabilities (0, 1, 2, 3 matched words), got {}", judge_yes.size()));
  }
  for (const double probability : judge_yes) vragent::check_range("judge-yes", probability, 0, 1);
}

ReadLikes read_likes(const Case& shown, const PromptConfig& prompt) {
  std::span<const HistoryEntry> history = shown.history;
  if (prompt.max_history > 0)
    history = history.last(std::min(history.size(), static_cast<std::size_t>(prompt.max_history)));
  return {.subjects = liked_words(history, Slot::kSubject, prompt),
          .activities = liked_words(history, Slot::kActivity, prompt),
          .genres = liked_words(history, Slot::kGenre, prompt)};
}

std::int64_t count_matches(const Candidate& candidate,
                           const ReadLikes& likes,
                           const PromptConfig& prompt) {
  const std::string shown = text_of(candidate, prompt);
  std::int64_t matches = 0;
  for_each_slot(likes, [&](Slot slot, const std::vector<int>& liked) {
    const std::vector<int> named = words_in(shown, slot);
    matches += !named.empty() && contains(liked, named.front()) ? 1 : 0;
  });
  return matches;
}

std::string demonstrate(const Case& shown, const TeacherConfig& config) {
  if (shown.candidates.empty() || shown.candidates.size() > kMaxCandidates) {
    throw vragent::DataError(vragent::formatted("case {}: {} candidates, 1 to {} have letters",
                                                shown.case_id,
                                                shown.candidates.size(),
                                                kMaxCandidates));
  }
  RandomStream random(
      vragent::mix_seed(static_cast<std::uint64_t>(config.seed),
                        {vragent::hash_text("teacher"), vragent::hash_text(shown.case_id)}));
  const ReadLikes likes = read_likes(shown, config.prompt);
  return shown.task == Task::kJudge ? demonstrate_judge(shown, likes, config, random)
                                    : demonstrate_select(shown, likes, config, random);
}

std::int64_t teach(const TeacherConfig& config) {
  config.check();
  std::vector<Case> cases = vragent::data::load_cases(config.cases);
  vragent::LineWriter writer(config.out, vragent::LineWriter::Mode::kReplace);
  for (Case& row : cases) {
    row.response = demonstrate(row, config);
    writer.write(vragent::data::to_line(row));
  }
  return static_cast<std::int64_t>(cases.size());
}

}  // namespace mini_world

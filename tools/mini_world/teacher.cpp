// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/teacher.h"

#include <algorithm>
#include <numeric>

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

constexpr std::size_t kMaxCandidates = 26;

template <class Shown>
const std::string& text_of(const Shown& item) {
  return item.caption.empty() ? item.title : item.caption;
}

/// The words of a slot with a score of 2 or more, best first, at most `limit`.
std::vector<int> top_words(const std::vector<HistoryEntry>& history, Slot slot, std::size_t limit) {
  std::vector<int> scores(words_of(slot).size());
  for (const HistoryEntry& entry : history) {
    for (const int word : words_in(text_of(entry), slot)) ++scores[static_cast<std::size_t>(word)];
    for (const int word : words_in(entry.comment, slot))
      scores[static_cast<std::size_t>(word)] += 3;
  }
  std::vector<int> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto score = [&](int word) { return scores[static_cast<std::size_t>(word)]; };
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return score(a) > score(b); });
  std::vector<int> top;
  for (const int word : order) {
    if (top.size() < limit && score(word) >= 2) top.push_back(word);
  }
  return top;
}

bool contains(const std::vector<int>& words, int word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Replaces each word, with probability `wrong`, by one of the slot that is not in the list.
void confuse(std::vector<int>& words, Slot slot, double wrong, RandomStream& random) {
  const auto count = static_cast<std::int64_t>(words_of(slot).size());
  for (int& word : words) {
    if (!random.chance(wrong)) continue;
    int other = static_cast<int>(random.below(count));
    while (contains(words, other)) other = static_cast<int>(random.below(count));
    word = other;
  }
}

ReadLikes confused(ReadLikes likes, double wrong, RandomStream& random) {
  confuse(likes.subjects, Slot::kSubject, wrong, random);
  confuse(likes.activities, Slot::kActivity, wrong, random);
  confuse(likes.genres, Slot::kGenre, wrong, random);
  return likes;
}

std::string word(Slot slot, int index) {
  return words_of(slot)[static_cast<std::size_t>(index)];
}

std::string text_of(const ReadLikes& likes) {
  std::string text = "likes";
  for (const int index : likes.subjects) text += " " + word(Slot::kSubject, index);
  for (const int index : likes.activities) text += " " + word(Slot::kActivity, index);
  for (const int index : likes.genres) text += " " + word(Slot::kGenre, index);
  return text == "likes" ? "likes none" : text;
}

/// Whether `text` names a slot first by a liked word.
bool matches(const std::string& text, Slot slot, const std::vector<int>& liked) {
  const std::vector<int> named = words_in(text, slot);
  return !named.empty() && contains(liked, named.front());
}

/// What a candidate shows, each word with whether it is liked, then how it fits:
/// "cat yes jumping yes song no is both".
std::string described(const Candidate& candidate, const ReadLikes& likes, const Mark& mark) {
  std::string text;
  const auto tell = [&](Slot slot, const std::vector<int>& liked) {
    const std::vector<int> named = words_in(text_of(candidate), slot);
    if (named.empty()) return;
    text += word(slot, named.front()) + (contains(liked, named.front()) ? " yes " : " no ");
  };
  tell(Slot::kSubject, likes.subjects);
  tell(Slot::kActivity, likes.activities);
  tell(Slot::kGenre, likes.genres);
  return text + "is " + mark.text;
}

std::string response_of(const std::string& thought, const std::string& answer) {
  return vragent::simulator::answer_in_form(thought + " ", answer, {.cot = true});
}

std::string demonstrate_judge(const Case& shown,
                              const ReadLikes& likes,
                              const TeacherConfig& config,
                              RandomStream& random) {
  const Mark mark = mark_of(shown.candidates.front(), likes);
  const bool yes = random.chance(config.judge_yes[static_cast<std::size_t>(mark.num_matched)]);
  return response_of(
      text_of(likes) + " ; candidate " + described(shown.candidates.front(), likes, mark),
      yes ? "Yes" : "No");
}

/// Indices of the candidates whose mark is worth at least `least`; all when there are none.
std::vector<std::int64_t> worth_at_least(const std::vector<std::int64_t>& worth,
                                         std::int64_t least) {
  std::vector<std::int64_t> indices;
  for (std::size_t i = 0; i < worth.size(); ++i) {
    if (worth[i] >= least) indices.push_back(static_cast<std::int64_t>(i));
  }
  if (!indices.empty()) return indices;
  indices.resize(worth.size());
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

std::string demonstrate_select(const Case& shown,
                               const ReadLikes& likes,
                               const TeacherConfig& config,
                               RandomStream& random) {
  std::string thought = text_of(likes);
  std::vector<std::int64_t> worth;
  for (const Candidate& candidate : shown.candidates) {
    const Mark mark = mark_of(candidate, likes);
    thought += " ; " + letter_of(static_cast<std::int64_t>(worth.size())) + " " +
               described(candidate, likes, mark);
    worth.push_back(mark.is_both ? 3 : mark.num_matched);
  }
  std::int64_t least = 0;
  const double draw = random.uniform();
  if (draw < config.best + config.match) least = 1;
  if (draw < config.best) least = *std::max_element(worth.begin(), worth.end());
  return response_of(thought, letter_of(random.pick(worth_at_least(worth, least))));
}

}  // namespace

void TeacherConfig::check() const {
  vragent::check_given("cases", cases);
  vragent::check_given("out", out);
  vragent::check_range("best", best, 0, 1);
  vragent::check_range("match", match, 0, 1);
  vragent::check_range("wrong", wrong, 0, 1);
  if (judge_yes.size() != 4) {
    throw vragent::ConfigError(vragent::formatted(
        "--judge-yes takes 4 probabilities (0, 1, 2, 3 matched words), got {}", judge_yes.size()));
  }
  for (const double probability : judge_yes) vragent::check_range("judge-yes", probability, 0, 1);
}

ReadLikes read_likes(const Case& shown) {
  return {.subjects = top_words(shown.history, Slot::kSubject, 2),
          .activities = top_words(shown.history, Slot::kActivity, 2),
          .genres = top_words(shown.history, Slot::kGenre, 1)};
}

Mark mark_of(const Candidate& candidate, const ReadLikes& likes) {
  const std::string& text = text_of(candidate);
  const bool subject = matches(text, Slot::kSubject, likes.subjects);
  const bool activity = matches(text, Slot::kActivity, likes.activities);
  const bool genre = matches(text, Slot::kGenre, likes.genres);
  Mark mark = {.text = "none", .is_both = subject && activity};
  mark.num_matched = int{subject} + int{activity} + int{genre};
  if (mark.num_matched > 0) mark.text = mark.is_both ? "both" : "some";
  return mark;
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
  const ReadLikes likes = confused(read_likes(shown), config.wrong, random);
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

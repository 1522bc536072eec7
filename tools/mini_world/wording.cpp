// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/wording.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace mini_world {
namespace {

using vragent::RandomStream;

/// Three idioms a genre, in the order of words_of(kGenre).
const std::vector<std::vector<std::string>>& idioms() {
  static const std::vector<std::vector<std::string>> all = {
      {"how to make it happen", "a simple guide for beginners", "learn this in one minute"},
      {"this went so wrong", "nobody expected this", "we fooled everyone"},
      {"we tried it for one whole day", "can you do this", "only one percent can do it"},
      {"is it worth it", "the honest truth", "ten out of ten"},
      {"the day that changed everything", "what happened next", "a true tale"},
      {"listen to this tune", "sing along", "the melody you need"},
  };
  return all;
}

const std::string& setting_phrase(int setting) {
  static const std::vector<std::string> phrases = {
      "at the beach", "in the forest", "in the city", "in the snow", "at night", "in the kitchen"};
  return phrases[static_cast<std::size_t>(setting)];
}

/// " with the|a [colour] SUBJECT", the subject sometimes a wrong one.
std::string draw_subject_part(const Attributes& attributes, RandomStream& random) {
  std::string part = random.chance(0.5) ? " with the " : " with a ";
  if (random.chance(0.12)) part += attributes.word(Slot::kColour) + " ";
  const auto& subjects = words_of(Slot::kSubject);
  return part + (random.chance(0.08) ? random.pick(subjects) : attributes.word(Slot::kSubject));
}

/// "a red cat jumping at the beach"
std::string scene_phrase(const Attributes& attributes) {
  return "a " + attributes.word(Slot::kColour) + " " + attributes.word(Slot::kSubject) + " " +
         attributes.word(Slot::kActivity) + " " + setting_phrase(attributes[Slot::kSetting]);
}

std::string promise_of(const Attributes& attributes) {
  return "the title promises a " + attributes.word(Slot::kGenre) + " .";
}

/// "a red cat jumping at the beach" as far as the title says so; "something" for nothing.
std::string told_by(const std::string& title) {
  std::string told;
  const auto add = [&](Slot slot, const auto& text_of) {
    for (const int value : words_in(title, slot))
      told += (told.empty() ? "" : " ") + text_of(value);
  };
  const auto word = [](Slot slot) {
    return [slot](int value) { return words_of(slot)[static_cast<std::size_t>(value)]; };
  };
  add(Slot::kColour, word(Slot::kColour));
  add(Slot::kSubject, word(Slot::kSubject));
  told = told.empty() ? "something" : "a " + told;
  add(Slot::kActivity, word(Slot::kActivity));
  add(Slot::kSetting, setting_phrase);
  return told;
}

bool is_word_byte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// Position of `word` as a whole word, or npos.
std::size_t find_word(const std::string& text, const std::string& word) {
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool starts = at == 0 || !is_word_byte(text[at - 1]);
    if (starts && (end == text.size() || !is_word_byte(text[end]))) return at;
  }
  return std::string::npos;
}

std::string join(const std::vector<std::string>& parts) {
  std::string joined;
  for (const std::string& part : parts) joined += (joined.empty() ? "" : " ") + part;
  return joined;
}

}  // namespace

std::string draw_title(const Attributes& attributes, RandomStream& random) {
  static const std::vector<std::string> shouts = {"wow", "omg", "must watch", "unbelievable"};
  std::string title;
  if (random.chance(0.4)) title = random.pick(shouts) + " ";
  title += random.pick(idioms()[static_cast<std::size_t>(attributes[Slot::kGenre])]);
  if (random.chance(0.55)) title += draw_subject_part(attributes, random);
  if (random.chance(0.30)) title += " " + attributes.word(Slot::kActivity);
  if (random.chance(0.80)) title += " " + setting_phrase(attributes[Slot::kSetting]);
  return title;
}

std::string caption_of(const Attributes& attributes) {
  return "this " + attributes.word(Slot::kGenre) + " shows " + scene_phrase(attributes) + " .";
}

std::string frames_caption_of(const Attributes& attributes) {
  return "this video shows " + scene_phrase(attributes) + " .";
}

std::string title_caption_of(const std::string& title, const Attributes& attributes) {
  return "this " + attributes.word(Slot::kGenre) + " shows " + told_by(title) + " .";
}

const std::vector<std::string>& filler_sentences() {
  static const std::vector<std::string> sentences = {
      "the picture is a little blurred .",
      "the light changes from shot to shot .",
      "a small logo sits in the corner .",
      "the camera hardly moves .",
      "a thin dark border frames the picture .",
      "bars of text fill one card .",
      "one shot fades into the next .",
      "the background is flat and plain .",
      "it is filmed from a low angle .",
      "a person stands far behind .",
      "the contrast is rather strong .",
      "there is more than one scene .",
  };
  return sentences;
}

std::string draw_perception(const PerceptionFacts& facts, RandomStream& random) {
  // Five body sentences: one or two scenes in the order of their frames, fillers for the rest.
  std::vector<std::string> scenes = {facts.has_title ? caption_of(facts.own)
                                                     : frames_caption_of(facts.own)};
  if (facts.b_roll) {
    scenes.push_back("another scene has " + scene_phrase(*facts.b_roll) + " .");
    if (facts.is_b_roll_first) std::swap(scenes[0], scenes[1]);
  }
  std::vector<std::string> body(5);
  auto slots = random.sample(5, static_cast<std::int64_t>(scenes.size()));
  std::sort(slots.begin(), slots.end());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    body[static_cast<std::size_t>(slots[i])] = scenes[i];
  }
  const auto fillers = random.sample(static_cast<std::int64_t>(filler_sentences().size()), 5);
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i].empty()) body[i] = filler_sentences()[static_cast<std::size_t>(fillers[i])];
  }
  return (facts.has_title ? promise_of(facts.own) + " " : "") + join(body);
}

std::string title_perception_of(const std::string& title, const Attributes& attributes) {
  return promise_of(attributes) + " it names " + told_by(title) +
         " . the frames were not shown . the rest stays hidden .";
}

std::string draw_comment(const Tastes& tastes, const Attributes& attributes, RandomStream& random) {
  std::vector<std::string> liked;
  for (const Slot slot : {Slot::kSubject, Slot::kActivity}) {
    if (tastes.likes(slot, attributes)) liked.push_back(attributes.word(slot));
  }
  const bool names_genre = random.chance(0.5);
  if (names_genre && tastes.likes(Slot::kGenre, attributes)) {
    liked.push_back(attributes.word(Slot::kGenre));
  }
  random.shuffle(liked);
  if (random.chance(0.12) || liked.empty()) return "just passing by";
  liked.resize(std::min<std::size_t>(liked.size(), 2));
  return "liked " + join(liked);
}

std::vector<int> words_in(const std::string& text, Slot slot) {
  const std::string lower = lower_case(text);
  std::vector<std::pair<std::size_t, int>> found;
  const auto& words = words_of(slot);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t at = find_word(lower, words[i]);
    if (at != std::string::npos) found.emplace_back(at, static_cast<int>(i));
  }
  std::sort(found.begin(), found.end());
  std::vector<int> indices;
  for (const auto& [at, index] : found) indices.push_back(index);
  return indices;
}

}  // namespace mini_world

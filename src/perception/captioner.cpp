// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/perception/captioner.h"

#include <algorithm>
#include <sstream>

#include "vragent/perception/caption_prompts.h"
#include "vragent/util/config.h"
#include "vragent/util/random.h"
#include "vragent/util/text.h"

namespace vragent::perception {
namespace {

/// One dialogue: a first question, and the task whose caption it serves.
struct Dialogue {
  std::size_t task = 0;
  std::vector<chat::Message> messages;
  std::int64_t max_words = 0;
};

std::vector<Dialogue> first_turns(std::span<const CaptionTask> tasks,
                                  const CaptionerConfig& config) {
  std::vector<Dialogue> dialogues;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const CaptionTask& task = tasks[i];
    if (config.cmp) {
      dialogues.push_back(
          {i, {{"user", perceive_prompt(task.title), task.key_frames}}, config.max_words});
      continue;
    }
    const std::int64_t half = std::max<std::int64_t>(1, config.max_words / 2);
    dialogues.push_back({i, {{"user", perceive_frames_prompt(), task.key_frames}}, half});
    dialogues.push_back({i, {{"user", perceive_title_prompt(task.title), {}}}, half});
  }
  return dialogues;
}

std::vector<chat::Answer> ask(chat::ChatModel& model,
                              const std::vector<Dialogue>& dialogues,
                              std::span<const CaptionTask> tasks,
                              const CaptionerConfig& config,
                              std::uint64_t seed) {
  std::vector<chat::Request> requests;
  for (std::size_t d = 0; d < dialogues.size(); ++d) {
    const auto turn = static_cast<std::uint64_t>(dialogues[d].messages.size());
    requests.push_back(
        {.messages = dialogues[d].messages,
         .sampling = config.sampling,
         .seed = mix_seed(seed, {hash_text(tasks[dialogues[d].task].item_id), turn})});
  }
  std::vector<chat::Answer> answers;
  for (auto& of_request : model.answer(requests)) answers.push_back(std::move(of_request.at(0)));
  return answers;
}

void append_line(std::string& text, const std::string& line, const char* separator) {
  if (!text.empty() && !line.empty()) text += separator;
  text += line;
}

void note(CaptionResult& result, const chat::Answer& answer) {
  result.prompt_tokens += answer.prompt_tokens;
  result.completion_tokens += answer.completion_tokens;
  result.finish_reason = answer.finish_reason;
  if (result.error.empty()) result.error = answer.error;
}

}  // namespace

void CaptionerConfig::check() const {
  check_range("max-words", static_cast<double>(max_words), 1, 10000);
  check_group("sampling", sampling);
}

std::string cut_words(const std::string& text, std::int64_t max_words) {
  std::istringstream words(text);
  std::string cut;
  std::string word;
  for (std::int64_t i = 0; i < max_words && words >> word; ++i) append_line(cut, word, " ");
  return cut;
}

std::vector<CaptionResult> caption_videos(chat::ChatModel& model,
                                          std::span<const CaptionTask> tasks,
                                          const CaptionerConfig& config,
                                          std::uint64_t seed) {
  std::vector<Dialogue> dialogues = first_turns(tasks, config);
  std::vector<CaptionResult> results(tasks.size());
  const std::vector<chat::Answer> perceptions = ask(model, dialogues, tasks, config, seed);
  for (std::size_t d = 0; d < dialogues.size(); ++d) {
    CaptionResult& result = results[dialogues[d].task];
    note(result, perceptions[d]);
    append_line(result.perception, perceptions[d].text, "\n");
    dialogues[d].messages.push_back({"assistant", perceptions[d].text, {}});
    dialogues[d].messages.push_back({"user", rewrite_prompt(dialogues[d].max_words), {}});
  }
  if (!config.rra) {
    for (CaptionResult& result : results)
      result.caption = cut_words(result.perception, count_words(result.perception));
    return results;
  }
  const std::vector<chat::Answer> rewrites = ask(model, dialogues, tasks, config, seed);
  for (std::size_t d = 0; d < dialogues.size(); ++d) {
    CaptionResult& result = results[dialogues[d].task];
    note(result, rewrites[d]);
    append_line(result.caption, cut_words(rewrites[d].text, dialogues[d].max_words), " ");
    result.caption = cut_words(result.caption, config.max_words);
  }
  return results;
}

}  // namespace vragent::perception

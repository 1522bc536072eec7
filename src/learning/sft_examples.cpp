// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/sft_examples.h"

#include <algorithm>

#include "vragent/data/cases.h"
#include "vragent/media/image.h"
#include "vragent/simulator/answer_parser.h"
#include "vragent/simulator/tasks.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"

namespace vragent::learning {
namespace fs = std::filesystem;

namespace {

/// Pictures of a line: those that its contents name, and a list beside them ("images", as TRL has
/// it) for contents that name none.
class Pictures {
 public:
  Pictures(const Json& row, const fs::path& folder, const std::string& where) : folder_(folder) {
    const JsonRecord record(row, where);
    if (!row.contains("images")) return;
    for (const Json& image : record.array("images")) {
      if (!image.is_string()) record.fail("images", "a list of paths is wanted");
      listed_.emplace_back(image.get<std::string>());
    }
  }

  /// Of one {"type": "image"}.
  fs::path take(const JsonRecord& part) {
    const bool is_listed = !part.has("image") && next_ < listed_.size();
    const fs::path image = is_listed ? listed_[next_++] : fs::path(part.text("image"));
    return image.is_absolute() ? image : folder_ / image;
  }

  /// @throws DataError when a picture of the list belongs to no content
  void check_all_taken(const JsonRecord& record) const {
    if (next_ == listed_.size()) return;
    record.fail("images",
                formatted(R"({} of {} are no content's: it says {{"type": "image"}} where one is)",
                          listed_.size() - next_,
                          listed_.size()));
  }

 private:
  fs::path folder_;
  std::vector<fs::path> listed_;
  std::size_t next_ = 0;
};

ChatExample::Turn parse_turn(const Json& message, Pictures& pictures, const std::string& where) {
  const JsonRecord record(message, where);
  ChatExample::Turn turn{.role = record.text("role")};
  if (turn.role != "system" && turn.role != "user" && turn.role != "assistant")
    record.fail("role", "system, user or assistant is wanted, got \"" + turn.role + "\"");
  if (!message.contains("content")) record.fail("content", "missing");
  if (message["content"].is_string()) {
    turn.text = record.text("content");
    return turn;
  }
  for (const Json& part : record.array("content")) {
    const JsonRecord part_record(part, where + ": content");
    const std::string type = part_record.text("type");
    if (type == "text") {
      turn.text += part_record.text("text");
    } else if (type == "image") {
      turn.images.push_back(pictures.take(part_record));
    } else {
      part_record.fail("type", "text or image is wanted, got \"" + type + "\"");
    }
  }
  return turn;
}

/// A response in the official form: as it stands where it has the form, else its reasoning and its
/// answer put into it; without a response, and without reasoning, the truth. "" when there is none.
std::string fields_to_learn(const data::Case& row, const simulator::PromptConfig& prompt) {
  if (row.response.empty()) {
    const std::string truth = prompt.cot ? "" : simulator::true_answer(row);
    if (truth.empty()) return "";
    return simulator::answer_in_form("", simulator::answer_field(row, truth, "", prompt), prompt);
  }
  const simulator::ReplyParts parts = simulator::split_reply(row.response);
  const std::string thought(parts.reasoning);
  const std::string written(parts.answer);
  if (simulator::is_in_form(simulator::answer_in_form("x", written, prompt), row.task, prompt))
    return simulator::answer_in_form(thought, written, prompt);
  const simulator::ParsedAnswer parsed = simulator::parse_reply(row, {}, row.response, "stop");
  if (!data::is_answered(parsed.status)) return "";
  const std::string answer = parsed.choice ? simulator::letter_of(*parsed.choice)
                             : *parsed.yes ? "Yes"
                                           : "No";
  return simulator::answer_in_form(
      thought, simulator::answer_field(row, answer, thought, prompt), prompt);
}

/// The response as it stands; without reasoning its answer alone, or else the truth. "" when there
/// is none.
std::string answer_to_learn(const data::Case& row, const simulator::PromptConfig& prompt) {
  if (simulator::asks_for_fields(prompt)) return fields_to_learn(row, prompt);
  if (prompt.cot) return row.response;
  const std::string answer = row.response.empty()
                                 ? simulator::true_answer(row)
                                 : std::string(simulator::split_reply(row.response).answer);
  return answer.empty() ? "" : simulator::answer_in_form("", answer, prompt);
}

/// @param places of the cases so far
ChatExample from_case(const std::string& line,
                      const std::string& where,
                      const simulator::PromptConfig& prompt,
                      data::CasePlaces& places) {
  const data::Case row = data::parse_case(line, where);
  data::note_place(row, where, places);
  const std::string answer = answer_to_learn(row, prompt);
  if (answer.empty() && !row.response.empty())
    throw DataError(where + ": no answer can be read from \"response\"");
  if (answer.empty()) {
    throw DataError(
        formatted("{}: a case needs a \"response\" to learn from (or, where prompt.cot is off, "
                  "\"{}\")",
                  where,
                  row.task == data::Task::kJudge ? "label" : "answer_index"));
  }
  ChatExample example{.where = where};
  for (const chat::Message& message : simulator::task_messages(row, prompt))
    example.turns.push_back({message.role, message.text, {}});
  example.turns.push_back({"assistant", answer, {}});
  const std::string prefill = simulator::assistant_prefill(prompt);
  if (answer.starts_with(prefill)) example.prefill = prefill;
  return example;
}

/// {"instruction", "input", "output"}, with "system" and "history" (earlier pairs) as LLaMA-Factory
/// has them. An input follows its instruction on a line of its own.
ChatExample from_alpaca(const JsonRecord& record, const Json& row) {
  ChatExample example{.where = record.where()};
  if (const std::string system = record.text_or("system", ""); !system.empty())
    example.turns.push_back({"system", system, {}});
  if (record.has("history")) {
    for (const Json& pair : record.array("history")) {
      if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string())
        record.fail("history", "pairs of texts are wanted");
      example.turns.push_back({"user", pair[0].get<std::string>(), {}});
      example.turns.push_back({"assistant", pair[1].get<std::string>(), {}});
    }
  }
  const std::string input = row.contains("input") ? record.text("input") : "";
  const std::string instruction = record.text("instruction");
  example.turns.push_back({"user", input.empty() ? instruction : instruction + "\n" + input, {}});
  example.turns.push_back({"assistant", record.text("output"), {}});
  return example;
}

ChatExample parse_example(const std::string& line,
                          const fs::path& folder,
                          const std::string& where,
                          const simulator::PromptConfig& prompt,
                          data::CasePlaces& places) {
  const Json row = parse_json_object(line, where);
  if (row.contains("case_id")) return from_case(line, where, prompt, places);
  const JsonRecord record(row, where);
  if (row.contains("instruction")) return from_alpaca(record, row);
  ChatExample example{.where = where};
  Pictures pictures(row, folder, where);
  const auto add_turns = [&](const char* name) {
    for (const Json& message : record.array(name))
      example.turns.push_back(parse_turn(message, pictures, where));
  };
  if (row.contains("messages")) {
    add_turns("messages");
  } else if (!row.contains("prompt") || !row.contains("completion")) {
    throw DataError(where +
                    ": \"messages\", \"prompt\" and \"completion\", \"instruction\" and "
                    "\"output\", or a case with its \"case_id\" is wanted");
  } else if (row["prompt"].is_array()) {
    add_turns("prompt");
    add_turns("completion");
  } else {
    example.turns = {{"user", record.text("prompt"), {}},
                     {"assistant", record.text("completion"), {}}};
  }
  pictures.check_all_taken(record);
  if (example.turns.empty() || example.turns.back().role != "assistant")
    throw DataError(where + ": the last turn must be the assistant's");
  return example;
}

std::vector<chat::Message> read_messages(const ChatExample& example) {
  std::vector<chat::Message> messages;
  for (const auto& turn : example.turns) {
    messages.push_back({turn.role, turn.text, {}});
    for (const fs::path& path : turn.images) {
      try {
        messages.back().images.push_back(media::read_image(path));
      } catch (const Error& error) {
        throw DataError(example.where + ": " + error.what());
      }
    }
  }
  return messages;
}

/// How many ids belong to the answer at the end of a closed turn: not what the template writes
/// behind the end mark (ChatML's line feed), which is not the model's to write.
std::size_t answer_end(const std::vector<std::int64_t>& closed,
                       std::size_t begin,
                       const engine::ChatEncoder& encoder) {
  for (std::size_t end = closed.size(); end > begin; --end) {
    if (encoder.ends_answer(closed[end - 1])) return end;
  }
  return closed.size();
}

/// Marks the tokens between the end of the generation prompt before each assistant turn and the end
/// of that turn's words and end mark. Prefixes of a chat are prefixes of its ids, because turns end
/// in control tokens.
std::vector<bool> mark_answers(std::span<const chat::Message> messages,
                               const engine::ChatEncoder& encoder,
                               std::size_t length) {
  std::vector<bool> marks(length, false);
  for (std::size_t turn = 0; turn < messages.size(); ++turn) {
    if (messages[turn].role != "assistant") continue;
    const std::size_t begin = encoder.encode(messages.first(turn), "", true).ids.size();
    const std::size_t end =
        answer_end(encoder.encode(messages.first(turn + 1), "", false).ids, begin, encoder);
    for (std::size_t i = begin; i < std::min(end, length); ++i) marks[i] = true;
  }
  return marks;
}

/// A chat whose last answer begins with a prefill; the loss counts what follows it.
TokenExample encode_prefilled(std::span<const chat::Message> messages,
                              const std::string& prefill,
                              const engine::ChatEncoder& encoder) {
  const auto asked = messages.first(messages.size() - 1);
  const std::size_t head = encoder.encode(asked, "", true).ids.size();
  TokenExample result{.chat = encoder.encode(asked, prefill, true)};
  std::vector<std::int64_t>& ids = result.chat.ids;
  result.in_loss.assign(ids.size(), false);
  const auto rest = encoder.tokenizer().encode(messages.back().text.substr(prefill.size()),
                                               {.add_special = false});
  ids.insert(ids.end(), rest.begin(), rest.end());

  std::vector<chat::Message> unsaid(messages.begin(), messages.end());
  unsaid.back().text.clear();
  const auto closed = encoder.encode(unsaid, "", false).ids;
  ids.insert(ids.end(), closed.begin() + static_cast<std::ptrdiff_t>(head), closed.end());
  result.in_loss.resize(answer_end(ids, head, encoder), true);
  result.in_loss.resize(ids.size(), false);
  return result;
}

}  // namespace

std::vector<ChatExample> load_examples(const fs::path& path,
                                       const simulator::PromptConfig& prompt) {
  std::vector<ChatExample> examples;
  const fs::path folder = path.parent_path();
  data::CasePlaces places;
  for_each_line(path, [&](const std::string& line, const std::string& where) {
    examples.push_back(parse_example(line, folder, where, prompt, places));
  });
  if (examples.empty()) throw DataError(formatted("{}: holds no examples", path));
  return examples;
}

TokenExample encode_example(const ChatExample& example,
                            const engine::ChatEncoder& encoder,
                            bool all_tokens) {
  const std::vector<chat::Message> messages = read_messages(example);
  const bool shows = std::any_of(messages.begin(), messages.end(), [](const chat::Message& turn) {
    return !turn.images.empty();
  });
  if (shows && !encoder.sees_images())
    throw DataError(example.where + ": this model sees no images; a qwen2_5_vl folder is needed");
  if (!example.prefill.empty() && !all_tokens)
    return encode_prefilled(messages, example.prefill, encoder);
  TokenExample result{.chat = encoder.encode(messages, "", /*add_generation_prompt=*/false)};
  const std::size_t length = result.chat.ids.size();
  if (all_tokens) {
    result.in_loss.assign(length, true);
    result.in_loss[0] = false;
  } else {
    result.in_loss = mark_answers(messages, encoder, length);
  }
  return result;
}

}  // namespace vragent::learning

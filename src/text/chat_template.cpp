// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/text/chat_template.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "vragent/text/folder_files.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"
#include "vragent/util/log.h"
#include "vragent/util/sha256.h"
#include "vragent/words/unicode.h"

namespace vragent::text {
namespace fs = std::filesystem;

namespace {

/// How turns are written.
struct TurnForm {
  std::string_view chat_begin;
  std::string_view head_begin;
  std::string_view head_end;
  std::string_view turn_end;
  std::string_view behind_turn;
  bool trims;  ///< texts lose the space around them
};

constexpr TurnForm kChatMlForm{"", "<|im_start|>", "\n", "<|im_end|>", "\n", false};
constexpr TurnForm kLlamaForm{
    "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>\n\n", "<|eot_id|>", "", true};

struct TemplateInfo {
  ChatTemplate chat_template;
  std::string_view name;
  std::string_view system_text;
  const TurnForm& form = kChatMlForm;
  bool takes_images = false;
  bool keeps_system_text = false;  ///< in front of a system turn that is given, too
};

// Of texts that contain one another the longer stands first: they are looked for in this order.
constexpr std::array kTemplates = std::to_array<TemplateInfo>({
    {ChatTemplate::kQwen25,
     "qwen2.5",
     "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."},
    {ChatTemplate::kSmolLm2,
     "smollm2",
     "You are a helpful AI assistant named SmolLM, trained by Hugging Face"},
    {.chat_template = ChatTemplate::kQwen25Vl,
     .name = "qwen2.5-vl",
     .system_text = "You are a helpful assistant.",
     .takes_images = true},
    {ChatTemplate::kQwen2, "qwen2", "You are a helpful assistant."},
    {ChatTemplate::kChatMl, "chatml", ""},
    {.chat_template = ChatTemplate::kLlama31,
     .name = "llama3.1",
     .system_text = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n",
     .form = kLlamaForm,
     .keeps_system_text = true},
    {ChatTemplate::kLlama3, "llama3", "", kLlamaForm},
});

struct KnownText {
  std::string_view sha256;
  ChatTemplate chat_template;
};

// Of the templates as published, and of those that tools/mini_world writes.
constexpr std::array kKnownTexts = std::to_array<KnownText>({
    // Qwen2.5-Instruct
    {"55b2f4a26ac9ee719330a61a0c39d9e538b0e9322212f048326318cff4f8674a", ChatTemplate::kQwen25},
    // Qwen2-VL and Qwen2.5-VL
    {"a0bc6f6fc7a29a80017a433e8f03a1cc1236e838a944a2d034295a60c4f2fddb", ChatTemplate::kQwen25Vl},
    // Qwen3
    {"a55ee1b1660128b7098723e0abcd92caa0788061051c62d51cbe87d9cf1974d8", ChatTemplate::kChatMl},
    // Qwen3-Instruct-2507
    {"64f85b198065d0fba2a81f37e10ed68161ce2c19a754c7100e67e0ca2ee9c326", ChatTemplate::kChatMl},
    // SmolLM2-Instruct
    {"872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788", ChatTemplate::kSmolLm2},
    // Llama-3-Instruct, Llama-3.1-Instruct, Llama-3.2-Instruct
    {"ba03a121d097859c7b5b9cd03af99aafe95275210d2876f642ad9929a150f122", ChatTemplate::kLlama3},
    {"93c0e9aa3629bbd77e68dbc0f5621f6e6b23aa8d74b932595cdb8d64684526d7", ChatTemplate::kLlama31},
    {"d82792f95932f1c9cef5c4bd992f171225e3bf8c7b609b4557c9e1ec96be819f", ChatTemplate::kLlama31},
    // the mini world's language model and vision-language model
    {"f44ef8cd7161400fd372e798ca925e7fe5ae81340fc3cd129aafcc7a4bb38675", ChatTemplate::kQwen25},
    {"bd68852b8e9213b4de840993c14d7e52c0422f63113e6e7d33834b44bfd6df8d", ChatTemplate::kQwen25Vl},
});

/// Signs of ChatML templates that do more than ours.
constexpr std::array<std::string_view, 5> kForeignSigns = {
    "<think>", "enable_thinking", "reasoning_content", "[INST]", "bos_token"};

const TemplateInfo& info_of(ChatTemplate chat_template) {
  const auto found = std::find_if(kTemplates.begin(), kTemplates.end(), [&](const auto& info) {
    return info.chat_template == chat_template;
  });
  if (found == kTemplates.end()) throw std::logic_error("unknown chat template");
  return *found;
}

/// The text of tokenizer_config.json's key: a string, or a list of named ones.
std::string template_in_config(const fs::path& path) {
  const Json config = parse_json_object(read_inside(path), path.string());
  const JsonRecord record(config, path.string());
  if (!record.has("chat_template")) return {};
  if (config["chat_template"].is_string()) return record.text("chat_template");
  for (const Json& item : record.array("chat_template")) {
    const JsonRecord named(item, path.string() + ": chat_template");
    if (named.text("name") == "default") return named.text("template");
  }
  return {};
}

std::string template_text(const fs::path& folder) {
  if (fs::exists(folder / "chat_template.jinja"))
    return read_inside(folder / "chat_template.jinja");
  if (const fs::path path = folder / "chat_template.json"; fs::exists(path)) {
    const Json file = parse_json_object(read_inside(path), path.string());
    return JsonRecord(file, path.string()).text("chat_template");
  }
  const fs::path config = folder / "tokenizer_config.json";
  return fs::exists(config) ? template_in_config(config) : "";
}

/// The text without space around it.
std::string trimmed(const std::string& text) {
  const std::string whole = words::repaired_utf8(text);
  const std::size_t begin = words::space_end(whole, 0);
  return whole.substr(begin, words::trailing_space(std::string_view(whole).substr(begin)));
}

/// Collects segments, joining those of one kind.
class Renderer {
 public:
  explicit Renderer(const TurnForm& form) : form_(form) { control(form.chat_begin); }

  void control(std::string_view text) { add(text, true); }

  void written(const std::string& text) { add(form_.trims ? trimmed(text) : text, false); }

  void head(std::string_view role) {
    control(form_.head_begin);
    control(role);
    control(form_.head_end);
  }

  void end() {
    control(form_.turn_end);
    control(form_.behind_turn);
  }

  [[nodiscard]] std::vector<TextSegment> take() { return std::move(segments_); }

 private:
  void add(std::string_view text, bool match_special) {
    if (text.empty()) return;
    if (segments_.empty() || segments_.back().match_special != match_special) {
      segments_.push_back({"", match_special});
    }
    segments_.back().text += text;
  }

  const TurnForm& form_;
  std::vector<TextSegment> segments_;
};

void check_message(const TemplateInfo& info, const TemplateMessage& message) {
  if (message.role != "system" && message.role != "user" && message.role != "assistant") {
    throw DataError(
        formatted("a chat's roles are system, user and assistant, got \"{}\"", message.role));
  }
  if (message.num_images > 0 && !info.takes_images) {
    throw DataError(
        formatted("the chat template {} takes no images: use a vision-language model", info.name));
  }
}

}  // namespace

std::string_view to_string(ChatTemplate chat_template) {
  return info_of(chat_template).name;
}

std::string_view default_system_text(ChatTemplate chat_template) {
  return info_of(chat_template).system_text;
}

std::string_view end_of_turn(ChatTemplate chat_template) {
  return info_of(chat_template).form.turn_end;
}

std::optional<ChatTemplate> known_template(std::string_view jinja) {
  const std::string digest = sha256(jinja.substr(0, jinja.find_last_not_of('\n') + 1));
  const auto found = std::find_if(kKnownTexts.begin(), kKnownTexts.end(), [&](const auto& known) {
    return known.sha256 == digest;
  });
  if (found == kKnownTexts.end()) return std::nullopt;
  return found->chat_template;
}

std::optional<ChatTemplate> similar_template(std::string_view jinja) {
  const auto has = [jinja](std::string_view sign) { return jinja.find(sign) != jinja.npos; };
  if (has("<|start_header_id|>") && has("<|eot_id|>"))
    return has("Cutting Knowledge Date") ? ChatTemplate::kLlama31 : ChatTemplate::kLlama3;
  if (!has("<|im_start|>") || !has("<|im_end|>")) return std::nullopt;
  if (std::any_of(kForeignSigns.begin(), kForeignSigns.end(), has)) return std::nullopt;
  const bool images = has("<|image_pad|>");
  for (const TemplateInfo& info : kTemplates) {
    if (info.takes_images == images && has(info.system_text)) return info.chat_template;
  }
  return std::nullopt;
}

ChatTemplate detect_chat_template(const fs::path& folder) {
  const std::string jinja = template_text(folder);
  if (const auto known = known_template(jinja)) return *known;
  const ChatTemplate similar = similar_template(jinja).value_or(ChatTemplate::kChatMl);
  log::warn("{}: {} chat template; chats are written in the form of {}",
            folder,
            jinja.empty() ? "no" : "unknown",
            to_string(similar));
  return similar;
}

std::vector<TextSegment> render_chat(ChatTemplate chat_template,
                                     std::span<const TemplateMessage> messages,
                                     bool add_generation_prompt) {
  const TemplateInfo& info = info_of(chat_template);
  Renderer renderer(info.form);
  const bool has_system = !messages.empty() && messages.front().role == "system";
  if (!has_system && !info.system_text.empty()) {
    renderer.head("system");
    renderer.control(info.system_text);
    renderer.end();
  }
  for (const TemplateMessage& message : messages) {
    check_message(info, message);
    renderer.head(message.role);
    if (info.keeps_system_text && has_system && &message == &messages.front())
      renderer.control(info.system_text);
    for (std::int64_t i = 0; i < message.num_images; ++i)
      renderer.control("<|vision_start|><|image_pad|><|vision_end|>");
    renderer.written(message.text);
    renderer.end();
  }
  if (add_generation_prompt) renderer.head("assistant");
  return renderer.take();
}

std::vector<std::int64_t> encode_chat(const Tokenizer& tokenizer,
                                      ChatTemplate chat_template,
                                      std::span<const TemplateMessage> messages,
                                      std::string_view prefill,
                                      bool add_generation_prompt) {
  if (!prefill.empty() && !add_generation_prompt) {
    throw std::logic_error("a prefill needs the head of the assistant's turn");
  }
  auto segments = render_chat(chat_template, messages, add_generation_prompt);
  if (!prefill.empty()) segments.push_back({std::string(prefill), true});
  return tokenizer.encode_segments(segments, {.add_special = false});
}

}  // namespace vragent::text

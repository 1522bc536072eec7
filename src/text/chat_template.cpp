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

namespace vragent::text {
namespace fs = std::filesystem;

namespace {

struct TemplateInfo {
  ChatTemplate chat_template;
  std::string_view name;
  std::string_view system_text;
  bool takes_images;
};

// Of texts that contain one another the longer stands first: they are looked for in this order.
constexpr std::array kTemplates = std::to_array<TemplateInfo>({
    {ChatTemplate::kQwen25,
     "qwen2.5",
     "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
     false},
    {ChatTemplate::kSmolLm2,
     "smollm2",
     "You are a helpful AI assistant named SmolLM, trained by Hugging Face",
     false},
    {ChatTemplate::kQwen25Vl, "qwen2.5-vl", "You are a helpful assistant.", true},
    {ChatTemplate::kQwen2, "qwen2", "You are a helpful assistant.", false},
    {ChatTemplate::kChatMl, "chatml", "", false},
});

/// Signs of templates that do more than ours.
constexpr std::array<std::string_view, 6> kForeignSigns = {"<think>",
                                                           "enable_thinking",
                                                           "reasoning_content",
                                                           "<|start_header_id|>",
                                                           "[INST]",
                                                           "bos_token"};

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

/// Collects segments, joining those of one kind.
class Renderer {
 public:
  void control(std::string_view text) { add(text, true); }

  void written(std::string_view text) { add(text, false); }

  void turn(const TemplateMessage& message) {
    head(message.role);
    for (std::int64_t i = 0; i < message.num_images; ++i) {
      control("<|vision_start|><|image_pad|><|vision_end|>");
    }
    written(message.text);
    control("<|im_end|>\n");
  }

  void head(std::string_view role) {
    control("<|im_start|>");
    control(role);
    control("\n");
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

  std::vector<TextSegment> segments_;
};

void check_message(const TemplateInfo& info, const TemplateMessage& message) {
  if (message.role != "system" && message.role != "user" && message.role != "assistant") {
    throw ConfigError(
        formatted("a chat's roles are system, user and assistant, got \"{}\"", message.role));
  }
  if (message.num_images > 0 && !info.takes_images) {
    throw ConfigError(
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

std::optional<ChatTemplate> recognised_template(std::string_view jinja) {
  const auto has = [jinja](std::string_view sign) { return jinja.find(sign) != jinja.npos; };
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
  if (const auto known = recognised_template(jinja)) return *known;
  log::warn("{}: {} chat template; chats are written as plain ChatML",
            folder,
            jinja.empty() ? "no" : "unknown");
  return ChatTemplate::kChatMl;
}

std::vector<TextSegment> render_chat(ChatTemplate chat_template,
                                     std::span<const TemplateMessage> messages,
                                     bool add_generation_prompt) {
  const TemplateInfo& info = info_of(chat_template);
  Renderer renderer;
  if (!info.system_text.empty() && (messages.empty() || messages.front().role != "system")) {
    renderer.head("system");
    renderer.control(info.system_text);
    renderer.control("<|im_end|>\n");
  }
  for (const TemplateMessage& message : messages) {
    check_message(info, message);
    renderer.turn(message);
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

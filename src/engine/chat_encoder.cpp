// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/chat_encoder.h"

#include <algorithm>

#include "vragent/engine/adapter_folder.h"
#include "vragent/engine/generation_config.h"
#include "vragent/models/hf_folder.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::engine {
namespace fs = std::filesystem;

namespace {

/// The model's own ids, and the end of a turn, which the files of some models do not name.
std::vector<std::int64_t> stop_ids_of(const fs::path& folder,
                                      const text::Tokenizer& tokenizer,
                                      text::ChatTemplate chat_template) {
  std::vector<std::int64_t> ids = eos_ids_in(folder / "generation_config.json");
  for (const std::int64_t id : eos_ids_in(folder / "config.json")) ids.push_back(id);
  for (const auto& id :
       {tokenizer.find_token(text::end_of_turn(chat_template)), tokenizer.special_ids().eos}) {
    if (id) ids.push_back(*id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  if (ids.empty()) throw DataError(formatted("{}: names no token that ends an answer", folder));
  return ids;
}

}  // namespace

EncodedChat encoded_prompt(models::VisionPrompt prompt) {
  return {.ids = std::move(prompt.ids),
          .grids = std::move(prompt.grids),
          .patches = prompt.patches,
          .positions = prompt.places.positions,
          .position_delta = prompt.places.delta};
}

ChatEncoder::ChatEncoder(const fs::path& model) {
  const fs::path folder = base_folder(model);
  const std::string where = (folder / "config.json").string();
  const std::string config = models::read_model_config(folder);
  const std::string type = models::model_type(config, where);
  if (!models::is_language_model(type))
    throw DataError(formatted("{}: model_type \"{}\" is no language model that is supported ({})",
                              where,
                              type,
                              models::kLanguageModels));
  tokenizer_ = text::load_tokenizer(folder);
  template_ = text::detect_chat_template(folder);
  stop_ids_ = stop_ids_of(folder, *tokenizer_, template_);
  if (type != "qwen2_5_vl") return;
  vision_ = models::parse_vision_lm_config(config, where);
  pixels_ = models::load_pixels_for(vision_->vision, folder);
}

EncodedChat ChatEncoder::encode(std::span<const chat::Message> messages,
                                const std::string& prefill,
                                bool add_generation_prompt) const {
  std::vector<text::TemplateMessage> turns;
  std::vector<const media::Image*> images;
  for (const chat::Message& message : messages) {
    turns.push_back({message.role, message.text, static_cast<std::int64_t>(message.images.size())});
    for (const media::Image& image : message.images) images.push_back(&image);
  }
  if (!images.empty() && !vision_)
    throw DataError("this model sees no images; a qwen2_5_vl folder is needed");
  std::vector<std::int64_t> ids =
      text::encode_chat(*tokenizer_, template_, turns, prefill, add_generation_prompt);
  if (images.empty()) return {.ids = std::move(ids)};
  return encoded_prompt(models::vision_prompt(std::move(ids), images, *vision_, pixels_));
}

bool ChatEncoder::ends_answer(std::int64_t id) const {
  return std::binary_search(stop_ids_.begin(), stop_ids_.end(), id);
}

std::string ChatEncoder::decode(std::span<const std::int64_t> ids) const {
  return tokenizer_->decode(ids, /*skip_special=*/true);
}

}  // namespace vragent::engine

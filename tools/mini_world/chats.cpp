// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/chats.h"

#include <algorithm>

#include "mini_world/wording.h"
#include "vragent/perception/caption_prompts.h"
#include "vragent/util/json.h"

namespace mini_world {
namespace {

using vragent::OrderedJson;
using vragent::RandomStream;
namespace prompts = vragent::perception;

/// The caption length that is asked for: the paper's, or half of it as in the ablation.
std::string draw_rewrite_prompt(RandomStream& random) {
  return prompts::rewrite_prompt(random.chance(0.75) ? 35 : 17);
}

/// A user's turn: images, then text.
OrderedJson user_turn(const GenericVideo& video,
                      const std::vector<std::int64_t>& frames,
                      const std::string& text) {
  OrderedJson content = OrderedJson::array();
  for (const std::int64_t frame : frames) {
    content.push_back({{"type", "image"}, {"image", video.frame_path(frame)}});
  }
  content.push_back({{"type", "text"}, {"text", text}});
  return {{"role", "user"}, {"content", content}};
}

OrderedJson assistant_turn(const std::string& text) {
  return {{"role", "assistant"}, {"content", text}};
}

std::string chat_line(const std::vector<OrderedJson>& turns) {
  OrderedJson line;
  line["messages"] = turns;
  return vragent::dump_json(line);
}

/// Says what the title says, and nothing of the frames.
std::string title_dialogue(const GenericVideo& video,
                           const std::string& title,
                           RandomStream& random) {
  return chat_line({user_turn(video, {}, prompts::perceive_title_prompt(title)),
                    assistant_turn(title_perception_of(title, video.own)),
                    user_turn(video, {}, draw_rewrite_prompt(random)),
                    assistant_turn(title_caption_of(title, video.own))});
}

PerceptionFacts facts_of(const GenericVideo& video,
                         const std::vector<std::int64_t>& frames,
                         bool has_title) {
  const auto first_of = [&](FrameKind kind) {
    return std::find_if(frames.begin(), frames.end(), [kind](std::int64_t frame) {
      return kGenericFrames[static_cast<std::size_t>(frame)] == kind;
    });
  };
  PerceptionFacts facts = {.own = video.own, .has_title = has_title};
  const auto b_roll = first_of(FrameKind::kBRoll);
  if (b_roll != frames.end()) facts.b_roll = video.b_roll;
  facts.is_b_roll_first = b_roll < first_of(FrameKind::kOnTopic);
  return facts;
}

}  // namespace

std::string GenericVideo::frame_path(std::int64_t frame) const {
  return folder + "/" + std::to_string(frame) + ".jpg";
}

std::string clip_pair_line(const GenericVideo& video, std::int64_t frame, RandomStream& random) {
  const std::string title = draw_title(video.own, random);
  OrderedJson line;
  line["image"] = video.frame_path(frame);
  line["text"] = random.chance(0.5) ? title : caption_of(video.own);
  return vragent::dump_json(line);
}

std::string stage1_line(const GenericVideo& video, std::int64_t frame, RandomStream& random) {
  const std::string title = draw_title(video.own, random);
  const bool has_title = random.chance(0.1);
  const std::string prompt(kQuickPrompt);
  return chat_line(
      {user_turn(video, {frame}, has_title ? prompt + ": " + title : prompt),
       assistant_turn(has_title ? caption_of(video.own) : frames_caption_of(video.own))});
}

std::vector<std::int64_t> draw_five_frames(RandomStream& random) {
  constexpr auto kNumOthers = static_cast<std::int64_t>(kGenericFrames.size()) - kNumOnTopic;
  std::vector<bool> is_off(5);
  std::int64_t num_off = 0;
  for (std::size_t i = 0; i < is_off.size(); ++i) {
    is_off[i] = !random.chance(0.84) && num_off < kNumOthers;
    num_off += is_off[i] ? 1 : 0;
  }
  const auto others = random.sample(kNumOthers, num_off);
  auto on_topic = random.sample(kNumOnTopic, 5 - num_off);
  std::sort(on_topic.begin(), on_topic.end());
  std::vector<std::int64_t> frames;
  auto next_other = others.begin();
  auto next_on_topic = on_topic.begin();
  for (const bool off : is_off) {
    frames.push_back(off ? kNumOnTopic + *next_other++ : *next_on_topic++);
  }
  return frames;
}

std::string stage2_line(const GenericVideo& video, RandomStream& random) {
  const std::string title = draw_title(video.own, random);
  if (random.chance(0.08)) return title_dialogue(video, title, random);
  const bool has_title = random.chance(0.7);
  const std::vector<std::int64_t> frames = draw_five_frames(random);
  const std::string perceive =
      has_title ? prompts::perceive_prompt(title) : prompts::perceive_frames_prompt();
  const std::string perception = draw_perception(facts_of(video, frames, has_title), random);
  return chat_line(
      {user_turn(video, frames, perceive),
       assistant_turn(perception),
       user_turn(video, {}, draw_rewrite_prompt(random)),
       assistant_turn(has_title ? caption_of(video.own) : frames_caption_of(video.own))});
}

}  // namespace mini_world

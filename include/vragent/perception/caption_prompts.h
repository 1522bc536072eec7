// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What the captioner asks, word for word. A model that is trained here is taught with these very
// texts, so they stand apart from the captioner and need neither torch nor a model. They are short
// because a tiny model gets them too.
//
//   two turns of one dialogue (CMP, then RRA):
//     user: key frames + perceive_prompt(title)   assistant: a long perception
//     user: rewrite_prompt(35)                    assistant: the caption
//   without CMP the frames and the title are analysed in two dialogues that do not see each other:
//     user: key frames + perceive_frames_prompt() ...  user: rewrite_prompt(n) ...
//     user: perceive_title_prompt(title) ...           user: rewrite_prompt(n) ...
//   and the two captions are joined. Without RRA the long perception is the caption.
#pragma once

#include <cstdint>
#include <string>

namespace vragent::perception {

/// CMP: the text behind the key frames in the first turn.
inline std::string perceive_prompt(const std::string& title) {
  return "These are key frames of a short video titled \"" + title +
         "\". Explain the video from the frames and the title together: genre, main characters, "
         "events, mood, and what the title hides.";
}

/// Without CMP, the frames alone: the text behind the key frames in the first turn.
inline std::string perceive_frames_prompt() {
  return "These are key frames of a short video. Explain the video from the frames: genre, main "
         "characters, events and mood.";
}

/// Without CMP, the title alone: the whole first turn, no images.
inline std::string perceive_title_prompt(const std::string& title) {
  return "A short video is titled \"" + title +
         "\". Explain what the title says of it: genre, main characters, events and mood.";
}

/// RRA: the second turn. @param max_words  upper bound of the caption's words (paper: about 35)
inline std::string rewrite_prompt(std::int64_t max_words) {
  return "Now take the view of a video recommender. Keep what users care about, drop what is "
         "redundant or was not seen, and write one caption of at most " +
         std::to_string(max_words) + " words.";
}

}  // namespace vragent::perception

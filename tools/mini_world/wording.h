// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Everything that is said in the mini world: titles, captions, long perceptions, comments. One
// caption form only, because the tiny models have few words to spend. Sentences end in " .".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mini_world/world.h"
#include "vragent/util/random.h"

namespace mini_world {

/// A title: the genre's idiom, then now and then the subject (.55; a wrong one with .08), its
/// colour
/// (.12), the activity (.30), the setting (.80), and a shout before it (.40).
std::string draw_title(const Attributes& attributes, vragent::RandomStream& random);

/// "this prank shows a red cat jumping at the beach ."
std::string caption_of(const Attributes& attributes);

/// What frames alone give: "this video shows a red cat jumping at the beach ."
std::string frames_caption_of(const Attributes& attributes);

/// What a title alone gives: "this prank shows a cat at the beach ." or "... shows something ."
std::string title_caption_of(const std::string& title, const Attributes& attributes);

/// What the first turn of the captioner looks at.
struct PerceptionFacts {
  Attributes own;
  bool has_title = true;             ///< else the genre is unknown
  std::optional<Attributes> b_roll;  ///< set when a b-roll frame is among the frames
  bool is_b_roll_first = false;      ///< b-roll comes before the first frame on topic
};

/// The long text of the first turn, 40-60 words: the title's promise, fillers (a blur, a logo, the
/// camera), the b-roll scene if it was seen and, somewhere among them, the caption.
std::string draw_perception(const PerceptionFacts& facts, vragent::RandomStream& random);

/// The same where only a title was given.
std::string title_perception_of(const std::string& title, const Attributes& attributes);

/// The filler sentences of draw_perception(); none has an attribute's word in it.
const std::vector<std::string>& filler_sentences();

/// A user's comment on an item: up to two liked attributes that it has ("liked cat jumping"), or
/// "just passing by" (with probability .12, or when there are none).
std::string draw_comment(const Tastes& tastes,
                         const Attributes& attributes,
                         vragent::RandomStream& random);

/// Indices of the slot's words that occur in `text` as whole words (any case), in order of their
/// first occurrence.
std::vector<int> words_in(const std::string& text, Slot slot);

}  // namespace mini_world

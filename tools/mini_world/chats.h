// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The lines of the generic training corpora: what is asked about a generic video's frames, and the
// answer. Each function gives one JSON line.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mini_world/drawing/clips.h"
#include "mini_world/world.h"
#include "vragent/util/random.h"

namespace mini_world {

/// What the frames 0 .. 7 of a generic video show; the last is a card or a transition.
inline constexpr std::array<FrameKind, 8> kGenericFrames = {FrameKind::kOnTopic,
                                                            FrameKind::kOnTopic,
                                                            FrameKind::kOnTopic,
                                                            FrameKind::kOnTopic,
                                                            FrameKind::kOnTopic,
                                                            FrameKind::kBRoll,
                                                            FrameKind::kBRoll,
                                                            FrameKind::kCard};
inline constexpr std::int64_t kNumOnTopic = 5;

/// The whole text of a turn of stage 1, before ": TITLE" where a title is given.
inline constexpr std::string_view kQuickPrompt = "caption";

/// A video of nobody's catalogue.
struct GenericVideo {
  std::string folder;  ///< of its frames, relative to the corpus: "frames/00012"
  Attributes own;
  Attributes b_roll;

  /// "frames/00012/3.jpg"
  [[nodiscard]] std::string frame_path(std::int64_t frame) const;
};

/// {"image": path, "text": ...}: a title or, as often, a caption.
std::string clip_pair_line(const GenericVideo& video,
                           std::int64_t frame,
                           vragent::RandomStream& random);

/// One frame on topic -> the caption; the title is given in a tenth of the chats.
std::string stage1_line(const GenericVideo& video,
                        std::int64_t frame,
                        vragent::RandomStream& random);

/// Five of the frames as the captioner would see them, in the order of their positions: each on
/// topic with probability .84, else b-roll, card or transition (at most three, for there are no
/// more).
std::vector<std::int64_t> draw_five_frames(vragent::RandomStream& random);

/// The captioner's dialogue of two turns: frames and title (.70), frames alone (.30); and now and
/// then (.08 of all) the title alone, without frames.
std::string stage2_line(const GenericVideo& video, vragent::RandomStream& random);

}  // namespace mini_world

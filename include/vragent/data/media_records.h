// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// frames.jsonl and captions.jsonl: one line a video, written by extract-frames and ip-caption.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace vragent::data {

/// One line of frames.jsonl.
struct FramesRow {
  std::string item_id;
  std::string status;  ///< "ok", or "error"
  std::string error;   ///< one line, when status is "error"
  std::string video;   ///< path as given
  double duration_seconds = 0;
  std::int64_t width = 0;                ///< upright, as written
  std::int64_t height = 0;               ///< upright, as written
  std::vector<double> times_seconds;     ///< of the sampled frames, ascending
  std::vector<std::string> files;        ///< below the run folder, one a frame
  std::vector<double> scores;            ///< cosine of frame and title, with CLIP
  std::vector<std::int64_t> key_frames;  ///< indices into times_seconds, ascending, with CLIP
  std::string extra;                     ///< unknown members, kept when a file passes through
};

std::string to_line(const FramesRow& row);
FramesRow parse_frames_row(const std::string& line, const std::string& where);
std::vector<FramesRow> load_frames(const std::filesystem::path& path);

/// Rows that a resumed run finds.
struct FinishedRows {
  std::set<std::string> ids;    ///< of items that are not to be done again
  std::int64_t num_failed = 0;  ///< rows among them that say "error"
};

/// What an earlier run of frames.jsonl or captions.jsonl has done; a torn last line is cut. Where
/// every wanted item has a row already, only failures are left to do: their rows go out of the
/// file, and their items are tried again. @throws DataError with path:line
FinishedRows resume_rows(const std::filesystem::path& path, const std::set<std::string>& wanted);

/// One line of captions.jsonl.
struct CaptionRow {
  std::string item_id;
  std::string status;  ///< "ok", or "error"
  std::string error;
  std::string title;
  std::string caption;
  std::int64_t num_words = 0;
  std::string perception;  ///< the first turn's long text
  std::vector<double> key_times_seconds;
  std::string finish_reason;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  double seconds = 0;
  std::string extra;
};

std::string to_line(const CaptionRow& row);
CaptionRow parse_caption_row(const std::string& line, const std::string& where);
std::vector<CaptionRow> load_captions(const std::filesystem::path& path);

}  // namespace vragent::data

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/media_records.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"
#include "vragent/util/text.h"

namespace vragent::data {
namespace {

const std::vector<std::string_view> kFramesKeys = {"item_id",
                                                   "status",
                                                   "error",
                                                   "video",
                                                   "duration_seconds",
                                                   "width",
                                                   "height",
                                                   "times_seconds",
                                                   "files",
                                                   "scores",
                                                   "key_frames"};
const std::vector<std::string_view> kCaptionKeys = {"item_id",
                                                    "status",
                                                    "error",
                                                    "title",
                                                    "caption",
                                                    "num_words",
                                                    "perception",
                                                    "key_times_seconds",
                                                    "finish_reason",
                                                    "prompt_tokens",
                                                    "completion_tokens",
                                                    "seconds"};

std::string parse_row_status(const JsonRecord& record) {
  std::string status = record.text("status");
  if (status != "ok" && status != "error") record.fail("status", "ok or error is wanted");
  return status;
}

void check(const FramesRow& row, const JsonRecord& record) {
  if (row.status != "ok") return;
  if (!row.files.empty() && row.files.size() != row.times_seconds.size()) {
    record.fail("files", "as many as times_seconds are wanted");
  }
  if (!row.scores.empty() && row.scores.size() != row.times_seconds.size()) {
    record.fail("scores", "as many as times_seconds are wanted");
  }
  for (const std::int64_t index : row.key_frames) {
    if (index < 0 || index >= static_cast<std::int64_t>(row.times_seconds.size())) {
      record.fail("key_frames", "indices into times_seconds are wanted");
    }
  }
}

/// All rows of a file, each item once.
template <class Row, class Parse>
std::vector<Row> load_rows(const std::filesystem::path& path, Parse parse) {
  std::vector<Row> rows;
  std::unordered_set<std::string> seen;
  for_each_line(path, [&](const std::string& line, const std::string& where) {
    Row row = parse(line, where);
    if (!seen.insert(row.item_id).second) {
      throw DataError(where + ": item " + row.item_id + " is there twice");
    }
    rows.push_back(std::move(row));
  });
  return rows;
}

}  // namespace

std::string to_line(const FramesRow& row) {
  OrderedJson object;
  object["item_id"] = row.item_id;
  object["status"] = row.status;
  if (!row.error.empty()) object["error"] = row.error;
  object["video"] = row.video;
  object["duration_seconds"] = row.duration_seconds;
  object["width"] = row.width;
  object["height"] = row.height;
  object["times_seconds"] = row.times_seconds;
  object["files"] = row.files;
  if (!row.scores.empty()) object["scores"] = row.scores;
  if (!row.key_frames.empty()) object["key_frames"] = row.key_frames;
  add_members(object, row.extra);
  return dump_json(object);
}

FramesRow parse_frames_row(const std::string& line, const std::string& where) {
  const Json object = parse_json_object(line, where);
  const JsonRecord record(object, where);
  FramesRow row;
  row.item_id = record.id("item_id");
  row.status = parse_row_status(record);
  row.error = record.text_or("error", "");
  row.video = record.text_or("video", "");
  row.duration_seconds = record.number_or_null("duration_seconds").value_or(0);
  row.width = record.integer_or("width", 0);
  row.height = record.integer_or("height", 0);
  row.times_seconds = record.numbers_or_empty("times_seconds");
  row.files = record.texts_or_empty("files");
  row.scores = record.numbers_or_empty("scores");
  row.key_frames = record.integers_or_empty("key_frames");
  row.extra = unknown_members(object, kFramesKeys);
  check(row, record);
  return row;
}

std::vector<FramesRow> load_frames(const std::filesystem::path& path) {
  return load_rows<FramesRow>(path, parse_frames_row);
}

std::string to_line(const CaptionRow& row) {
  OrderedJson object;
  object["item_id"] = row.item_id;
  object["status"] = row.status;
  if (!row.error.empty()) object["error"] = row.error;
  object["title"] = row.title;
  object["caption"] = row.caption;
  object["num_words"] = row.num_words;
  object["perception"] = row.perception;
  object["key_times_seconds"] = row.key_times_seconds;
  object["finish_reason"] = row.finish_reason;
  object["prompt_tokens"] = row.prompt_tokens;
  object["completion_tokens"] = row.completion_tokens;
  object["seconds"] = row.seconds;
  add_members(object, row.extra);
  return dump_json(object);
}

CaptionRow parse_caption_row(const std::string& line, const std::string& where) {
  const Json object = parse_json_object(line, where);
  const JsonRecord record(object, where);
  CaptionRow row;
  row.item_id = record.id("item_id");
  row.status = parse_row_status(record);
  row.error = record.text_or("error", "");
  row.title = record.text_or("title", "");
  row.caption = record.text_or("caption", "");
  row.num_words = record.integer_or("num_words", 0);
  row.perception = record.text_or("perception", "");
  row.key_times_seconds = record.numbers_or_empty("key_times_seconds");
  row.finish_reason = record.text_or("finish_reason", "");
  row.prompt_tokens = record.integer_or("prompt_tokens", 0);
  row.completion_tokens = record.integer_or("completion_tokens", 0);
  row.seconds = record.number_or_null("seconds").value_or(0);
  row.extra = unknown_members(object, kCaptionKeys);
  return row;
}

std::vector<CaptionRow> load_captions(const std::filesystem::path& path) {
  return load_rows<CaptionRow>(path, parse_caption_row);
}

FinishedRows resume_rows(const std::filesystem::path& path, const std::set<std::string>& wanted) {
  FinishedRows finished;
  if (!std::filesystem::exists(path)) return finished;
  LineWriter(path, LineWriter::Mode::kAppend);  // cuts a torn line
  std::vector<std::string> good;
  std::set<std::string> failed;
  for_each_line(path, [&](const std::string& line, const std::string& where) {
    const Json row = parse_json_object(line, where);
    const JsonRecord record(row, where);
    if (parse_row_status(record) == "ok") {
      finished.ids.insert(record.text("item_id"));
      good.push_back(line);
    } else {
      failed.insert(record.text("item_id"));
    }
  });
  const bool is_complete = std::all_of(wanted.begin(), wanted.end(), [&](const std::string& id) {
    return finished.ids.contains(id) || failed.contains(id);
  });
  if (!is_complete) {
    finished.num_failed = std::ssize(failed);
    finished.ids.insert(failed.begin(), failed.end());
  } else if (!failed.empty()) {
    write_file(path, joined_lines(good));
  }
  return finished;
}

}  // namespace vragent::data

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <algorithm>
#include <unordered_map>

#include "report/runs/report_parts.h"
#include "vragent/data/formats/item_reader.h"
#include "vragent/data/items.h"
#include "vragent/data/media_records.h"
#include "vragent/media/image.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::report::runs {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxFrames = 5;  // as many as the paper keeps
constexpr int kQuality = 80;

/// Mean of the source pixels below one target pixel of a channel.
std::uint8_t mean_of(const media::Image& image,
                     std::pair<std::int64_t, std::int64_t> columns,
                     std::pair<std::int64_t, std::int64_t> rows,
                     std::int64_t channel) {
  std::int64_t sum = 0;
  for (std::int64_t y = rows.first; y < rows.second; ++y) {
    for (std::int64_t x = columns.first; x < columns.second; ++x) {
      sum += image.rgb[static_cast<std::size_t>((y * image.width + x) * 3 + channel)];
    }
  }
  const std::int64_t count = (columns.second - columns.first) * (rows.second - rows.first);
  return static_cast<std::uint8_t>((sum + count / 2) / count);
}

/// The image at most `width` wide, by area averaging.
media::Image shrunk(const media::Image& image, std::int64_t width) {
  if (image.width <= width) return image;
  media::Image small{width, std::max<std::int64_t>(image.height * width / image.width, 1), {}};
  for (std::int64_t y = 0; y < small.height; ++y) {
    const std::int64_t top = y * image.height / small.height;
    const std::int64_t bottom = std::max((y + 1) * image.height / small.height, top + 1);
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t left = x * image.width / width;
      const std::int64_t right = std::max((x + 1) * image.width / width, left + 1);
      for (std::int64_t channel = 0; channel < 3; ++channel) {
        small.rgb.push_back(mean_of(image, {left, right}, {top, bottom}, channel));
      }
    }
  }
  return small;
}

/// Which sampled frames are shown: the key frames, else some evenly spread.
std::vector<std::size_t> shown_frames(const data::FramesRow& row) {
  std::vector<std::size_t> shown;
  for (const std::int64_t index : row.key_frames) {
    if (index >= 0 && index < std::ssize(row.files))
      shown.push_back(static_cast<std::size_t>(index));
  }
  if (!shown.empty()) return shown;
  const std::size_t count = std::min(kMaxFrames, row.files.size());
  for (std::size_t i = 0; i < count; ++i) shown.push_back(i * row.files.size() / count);
  return shown;
}

KeyFrame key_frame(const fs::path& folder,
                   const data::FramesRow& row,
                   std::size_t index,
                   std::int64_t width) {
  const auto bytes =
      media::encode_jpeg(shrunk(media::read_image(folder / row.files[index]), width), kQuality);
  const std::string time =
      index < row.times_seconds.size() ? formatted("{:.1f} s", row.times_seconds[index]) : "";
  return {.image_bytes = {bytes.begin(), bytes.end()}, .caption = time};
}

/// What is known of the items of a gallery.
struct Sources {
  fs::path folder;
  std::vector<data::FramesRow> frames;
  std::unordered_map<std::string, data::CaptionRow> captions;
  data::Catalogue items;
};

Sources load_sources(const GallerySpec& spec) {
  Sources sources;
  sources.folder = fs::is_directory(spec.frames) ? spec.frames : spec.frames.parent_path();
  sources.frames = data::load_frames(data::file_in(spec.frames, data::kFramesFile));
  if (!spec.items.empty()) sources.items = data::formats::load_items(spec.items);
  if (spec.captions.empty()) return sources;
  for (data::CaptionRow& row :
       data::load_captions(data::file_in(spec.captions, data::kCaptionsFile))) {
    sources.captions.emplace(row.item_id, row);
  }
  return sources;
}

bool is_shown(const data::FramesRow& row, const Sources& sources, const GallerySpec& spec) {
  if (!spec.item_ids.empty()) {
    return std::find(spec.item_ids.begin(), spec.item_ids.end(), row.item_id) !=
           spec.item_ids.end();
  }
  if (row.status != "ok" || row.files.empty()) return false;
  if (spec.captions.empty()) return true;
  const auto found = sources.captions.find(row.item_id);
  return found != sources.captions.end() && found->second.status == "ok";
}

std::string title_of(const std::string& item_id, const Sources& sources) {
  if (const data::Item* item = sources.items.find(item_id)) return item->title;
  const auto found = sources.captions.find(item_id);
  return found == sources.captions.end() ? item_id : found->second.title;
}

void add_item(const data::FramesRow& row,
              const Sources& sources,
              const GallerySpec& spec,
              Gallery& gallery,
              OrderedJson& numbers) {
  GalleryItem item{.title = title_of(row.item_id, sources), .subtitle = "item " + row.item_id};
  OrderedJson times = OrderedJson::array();
  for (const std::size_t index : shown_frames(row)) {
    item.frames.push_back(key_frame(sources.folder, row, index, spec.width));
    if (index < row.times_seconds.size()) times.push_back(row.times_seconds[index]);
  }
  const auto caption = sources.captions.find(row.item_id);
  const std::string text = caption == sources.captions.end() ? "" : caption->second.caption;
  if (!text.empty()) item.texts.emplace_back("Caption", text);
  numbers.push_back({{"item_id", row.item_id},
                     {"title", item.title},
                     {"caption", text},
                     {"key_times_seconds", times}});
  gallery.items.push_back(std::move(item));
}

}  // namespace

ReportPart gallery_part(const GallerySpec& spec) {
  if (spec.frames.empty()) throw ConfigError("gallery: frames is required");
  if (spec.width < 16 || spec.width > 1024) {
    throw ConfigError(formatted("gallery: width must be in [16, 1024]; got {}", spec.width));
  }
  const Sources sources = load_sources(spec);
  Gallery gallery;
  OrderedJson numbers = OrderedJson::array();
  for (const data::FramesRow& row : sources.frames) {
    if (spec.item_ids.empty() && std::ssize(gallery.items) >= spec.num) break;
    if (is_shown(row, sources, spec)) add_item(row, sources, spec, gallery, numbers);
  }
  if (gallery.items.empty()) {
    throw DataError("gallery: no item has both frames and a caption");
  }
  return {{gallery}, numbers};
}

}  // namespace vragent::report::runs

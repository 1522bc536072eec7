// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/perception/ip_agent.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "vragent/data/formats/item_reader.h"
#include "vragent/data/items.h"
#include "vragent/data/media_records.h"
#include "vragent/data/run_dir.h"
#include "vragent/perception/key_frames.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/log.h"
#include "vragent/util/progress.h"
#include "vragent/util/random.h"
#include "vragent/util/text.h"

namespace vragent::perception {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMayDiffer = "resume,overwrite,limit,batch-size,device,threads";

/// Which of the sampled frames are shown: CLIP's, or a run of neighbours from a place drawn for the
/// item.
std::vector<std::int64_t> chosen_frames(const data::FramesRow& row, const IpCaptionConfig& config) {
  const auto available = static_cast<std::int64_t>(row.files.size());
  const std::int64_t count = std::min(config.num_frames, available);
  if (config.kfr) {
    if (row.key_frames.empty())
      throw DataError("no key frames: extract-frames ran without --clip (or pass --no-kfr)");
    if (std::ssize(row.key_frames) == count || row.scores.empty()) return row.key_frames;
    return best_in_time_order(row.scores, count, row.files);
  }
  RandomStream random(mix_seed(static_cast<std::uint64_t>(config.runtime.seed),
                               {hash_text("neighbours"), hash_text(row.item_id)}));
  std::vector<std::int64_t> run(static_cast<std::size_t>(count));
  std::iota(run.begin(), run.end(), random.below(available - count + 1));
  return run;
}

/// A row under way: what is known before the model is asked.
struct Pending {
  data::CaptionRow row;
  CaptionTask task;
};

Pending prepare(const data::FramesRow& frames,
                const data::Catalogue& catalogue,
                const fs::path& folder,
                const IpCaptionConfig& config) {
  Pending pending{.row = {.item_id = frames.item_id, .status = "ok"}};
  try {
    if (const data::Item* item = catalogue.find(frames.item_id)) pending.row.title = item->title;
    if (frames.status != "ok") throw DataError("no frames: " + frames.error);
    pending.task = {.item_id = frames.item_id, .title = pending.row.title};
    for (const std::int64_t index : chosen_frames(frames, config)) {
      pending.row.key_times_seconds.push_back(
          frames.times_seconds.at(static_cast<std::size_t>(index)));
      pending.task.key_frames.push_back(
          media::read_image(folder / frames.files.at(static_cast<std::size_t>(index))));
    }
  } catch (const Error& error) {
    pending.row.status = "error";
    pending.row.error = error.what();
  }
  return pending;
}

void complete(data::CaptionRow& row, const CaptionResult& result) {
  row.caption = result.caption;
  row.perception = result.perception;
  row.num_words = count_words(result.caption);
  row.finish_reason = result.finish_reason;
  row.prompt_tokens = result.prompt_tokens;
  row.completion_tokens = result.completion_tokens;
  if (result.error.empty() && !result.caption.empty()) return;
  row.status = "error";
  row.error = result.error.empty() ? "the model's answer is empty" : result.error;
}

/// Refuses a whole run of frames that CLIP never ranked, before a model answers in vain.
void check_ranked(const std::vector<data::FramesRow>& rows, const fs::path& file) {
  const auto sampled = [](const data::FramesRow& row) { return row.status == "ok"; };
  const auto ranked = [](const data::FramesRow& row) { return !row.key_frames.empty(); };
  if (std::none_of(rows.begin(), rows.end(), sampled) ||
      std::any_of(rows.begin(), rows.end(), ranked))
    return;
  throw DataError(formatted(
      "{}: no row has key frames: extract-frames ran without --clip (or pass --no-kfr)", file));
}

void warn_of_missing_titles(const std::vector<data::FramesRow>& rows,
                            const data::Catalogue& catalogue) {
  const auto untitled = std::count_if(rows.begin(), rows.end(), [&](const data::FramesRow& row) {
    const data::Item* item = catalogue.find(row.item_id);
    return item == nullptr || item->title.empty();
  });
  if (untitled > 0)
    log::warn("{} of {} videos are described without a title (--items)", untitled, rows.size());
}

class Captioning {
 public:
  Captioning(const IpCaptionConfig& config, chat::ChatModel& model)
      : config_(config), model_(model) {
    const fs::path frames_file = data::file_in(config.frames, data::kFramesFile);
    folder_ = frames_file.parent_path();
    frames_ = data::load_frames(frames_file);
    if (!config.items.empty()) catalogue_ = data::formats::load_items(config.items);
    if (config.limit > 0 && static_cast<std::int64_t>(frames_.size()) > config.limit)
      frames_.resize(static_cast<std::size_t>(config.limit));
    if (config.kfr) check_ranked(frames_, frames_file);
    warn_of_missing_titles(frames_, catalogue_);
  }

  IpCaptionReport run() {
    skip_done();
    LineWriter writer(config_.out / data::kCaptionsFile,
                      config_.resume ? LineWriter::Mode::kAppend : LineWriter::Mode::kReplace);
    Progress progress("captions", static_cast<std::int64_t>(frames_.size()));
    const auto size = static_cast<std::size_t>(config_.batch_size);
    for (std::size_t begin = 0; begin < frames_.size(); begin += size) {
      throw_if_interrupted(
          formatted("{} videos are described; run the same command with --resume to go on",
                    report_.done + report_.failed + report_.kept));
      const std::size_t end = std::min(frames_.size(), begin + size);
      describe(begin, end, writer);
      progress.advance(static_cast<std::int64_t>(end - begin));
    }
    return report_;
  }

 private:
  void skip_done() {
    if (!config_.resume) return;
    std::set<std::string> wanted;
    for (const data::FramesRow& row : frames_) wanted.insert(row.item_id);
    const auto finished = data::resume_rows(config_.out / data::kCaptionsFile, wanted);
    report_.failed = finished.num_failed;
    report_.kept = std::ssize(finished.ids) - finished.num_failed;
    std::erase_if(frames_,
                  [&](const data::FramesRow& row) { return finished.ids.contains(row.item_id); });
  }

  void describe(std::size_t begin, std::size_t end, LineWriter& writer) {
    const Stopwatch watch;
    std::vector<Pending> pending;
    std::vector<CaptionTask> tasks;
    for (std::size_t i = begin; i < end; ++i) {
      pending.push_back(prepare(frames_[i], catalogue_, folder_, config_));
      if (pending.back().row.status == "ok") tasks.push_back(std::move(pending.back().task));
    }
    const std::vector<CaptionResult> results = caption_videos(
        model_, tasks, config_.captioner, static_cast<std::uint64_t>(config_.runtime.seed));
    const double seconds =
        watch.seconds() / static_cast<double>(std::max<std::size_t>(tasks.size(), 1));
    std::size_t next = 0;
    for (Pending& one : pending) {
      if (one.row.status == "ok") {
        complete(one.row, results[next++]);
        one.row.seconds = seconds;
      }
      (one.row.status == "ok" ? report_.done : report_.failed) += 1;
      if (one.row.status != "ok") log::warn("item={} {}", one.row.item_id, one.row.error);
      writer.write(data::to_line(one.row));
    }
  }

  const IpCaptionConfig& config_;
  chat::ChatModel& model_;
  fs::path folder_;
  std::vector<data::FramesRow> frames_;
  data::Catalogue catalogue_;
  IpCaptionReport report_;
};

/// With --videos: extracts frames into the run folder first, and goes on from there.
IpCaptionConfig with_frames(IpCaptionConfig config) {
  if (config.extract.videos.empty()) return config;
  config.extract.out = config.out / "frames_run";
  config.extract.items = config.items;
  config.extract.num_key_frames = config.num_frames;
  config.extract.resume = config.resume;
  config.extract.overwrite = config.overwrite;
  config.extract.runtime = config.runtime;
  extract_frames(config.extract);
  config.frames = config.extract.out;
  return config;
}

}  // namespace

void IpCaptionConfig::check() const {
  check_given("out", out);
  if (frames.empty() == extract.videos.empty())
    throw ConfigError("give either --frames (a run of extract-frames) or --videos");
  if (kfr && !extract.videos.empty() && extract.clip.empty())
    throw ConfigError("--videos needs --clip to choose key frames (or --no-kfr)");
  check_range("num-frames", static_cast<double>(num_frames), 1, 1000);
  check_range("batch-size", static_cast<double>(batch_size), 1, 100000);
  check_range("limit", static_cast<double>(limit), 0, 1e12);
  captioner.check();
  runtime.check();
}

IpCaptionReport caption_catalogue(const IpCaptionConfig& given, chat::ChatModel& model) {
  given.check();
  const FolderLock lock(given.out);
  data::begin_run(given, "ip-caption", kMayDiffer);
  const IpCaptionConfig config = with_frames(given);
  return Captioning(config, model).run();
}

}  // namespace vragent::perception

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/perception/frame_extraction.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <map>
#include <new>
#include <optional>
#include <set>
#include <thread>

#include "vragent/data/formats/item_reader.h"
#include "vragent/data/items.h"
#include "vragent/data/media_records.h"
#include "vragent/data/run_dir.h"
#include "vragent/media/frame_sampler.h"
#include "vragent/media/video_reader.h"
#include "vragent/models/hf_folder.h"
#include "vragent/perception/key_frames.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/log.h"
#include "vragent/util/progress.h"
#include "vragent/util/random.h"

namespace vragent::perception {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMayDiffer =
    "resume,overwrite,jobs,device,threads,max-failures,timeout-seconds";
constexpr const char* kFeatures = "frame_features.safetensors";

/// A video to look at.
struct Job {
  std::string item_id;
  std::string title;
  fs::path video;  ///< empty: there is no file
};

/// What one video gave.
struct Extracted {
  data::FramesRow row;
  std::vector<media::Image> small;  ///< frames at the size CLIP looks at
};

bool is_video_name(const fs::path& path) {
  static const std::set<std::string> kSuffixes = {".mp4",
                                                  ".mkv",
                                                  ".mov",
                                                  ".webm",
                                                  ".avi",
                                                  ".flv",
                                                  ".m4v",
                                                  ".ts",
                                                  ".3gp",
                                                  ".mpg",
                                                  ".mpeg",
                                                  ".wmv"};
  std::string suffix = path.extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(), [](unsigned char c) {
    return std::tolower(c);
  });
  return kSuffixes.contains(suffix);
}

/// Videos of a folder by the id that their name is, sorted.
std::map<std::string, fs::path> videos_by_id(const fs::path& folder) {
  std::map<std::string, fs::path> videos;
  if (fs::is_regular_file(folder)) return {{folder.stem().string(), folder}};
  if (!fs::is_directory(folder))
    throw Error(ExitCode::kNoInput, formatted("{}: no such folder of videos", folder));
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_regular_file() || !is_video_name(entry.path())) continue;
    const auto [found, is_new] = videos.try_emplace(entry.path().stem().string(), entry.path());
    if (!is_new)
      found->second =
          std::min(found->second, entry.path());  // of several formats the first by name
  }
  if (videos.empty()) throw Error(ExitCode::kNoInput, formatted("{}: holds no video", folder));
  return videos;
}

std::vector<Job> list_jobs(const ExtractConfig& config) {
  const auto videos = videos_by_id(config.videos);
  std::vector<Job> jobs;
  if (config.items.empty()) {
    for (const auto& [id, path] : videos) jobs.push_back({id, "", path});
    return jobs;
  }
  const data::Catalogue catalogue = data::formats::load_items(config.items);
  if (!fs::is_directory(config.videos)) {  // one file: nobody asks for the rest of the catalogue
    const auto& [id, path] = *videos.begin();
    const data::Item* item = catalogue.find(id);
    if (item == nullptr) log::warn("{} has no item {}: its video has no title", config.items, id);
    return {{id, item == nullptr ? "" : item->title, path}};
  }
  for (const data::Item& item : catalogue.items) {
    const auto found = videos.find(data::file_stem(item.id));
    jobs.push_back({item.id, item.title, found == videos.end() ? fs::path() : found->second});
  }
  return jobs;
}

std::vector<double> wanted_times(const ExtractConfig& config,
                                 const media::VideoInfo& info,
                                 const std::string& item_id) {
  if (config.sampling == "uniform")
    return media::uniform_timestamps(info.duration_seconds, config.num_frames);
  const double step = info.frames_per_second > 0 ? 1.0 / info.frames_per_second : 0.04;
  RandomStream random(mix_seed(static_cast<std::uint64_t>(config.runtime.seed),
                               {hash_text("adjacent"), hash_text(item_id)}));
  return media::adjacent_timestamps({.duration_seconds = info.duration_seconds,
                                     .count = config.num_frames,
                                     .step_seconds = step,
                                     .position = random.uniform()});
}

void write_frames(const ExtractConfig& config,
                  const media::SampledFrames& sampled,
                  const std::vector<double>& times,
                  std::int64_t clip_size,
                  Extracted& out) {
  data::FramesRow& row = out.row;
  std::vector<std::string> names(sampled.frames.size());
  const fs::path folder = fs::path(data::kFramesFolder) / data::file_stem(row.item_id);
  std::vector<media::Image> small(sampled.frames.size());
  for (std::size_t f = 0; f < sampled.frames.size(); ++f) {
    const media::Image image = sampled.frames[f].image({.max_pixels = config.max_pixels});
    row.width = image.width;
    row.height = image.height;
    const std::vector<std::uint8_t> bytes =
        media::encode_jpeg(image, static_cast<int>(config.jpeg_quality));
    names[f] = (folder / formatted("{:03}.jpg", f)).string();
    write_file_unsynced(config.out / names[f],
                        {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (clip_size > 0) small[f] = sampled.frames[f].image({.short_side = clip_size});
  }
  for (std::size_t i = 0; i < times.size(); ++i) {
    const std::size_t f = sampled.picks[i].frame;
    row.times_seconds.push_back(std::round(sampled.frames[f].time_seconds() * 1e6) /
                                1e6);  // microseconds
    row.files.push_back(names[f]);
    if (clip_size > 0) out.small.push_back(small[f]);
  }
}

Extracted failed(const Job& job, const std::string& why) {
  return {
      .row = {
          .item_id = job.item_id, .status = "error", .error = why, .video = job.video.string()}};
}

Extracted extract_one(const ExtractConfig& config, const Job& job, std::int64_t clip_size) {
  Extracted out{.row = {.item_id = job.item_id, .status = "ok", .video = job.video.string()}};
  try {
    if (job.video.empty())
      throw DataError(
          formatted("no video named {} in {}", data::file_stem(job.item_id), config.videos));
    media::VideoReader reader(job.video, {.timeout_seconds = config.timeout_seconds});
    out.row.duration_seconds = reader.info().duration_seconds;
    const std::vector<double> times = wanted_times(config, reader.info(), job.item_id);
    const media::SampledFrames sampled = reader.frames_at(times);
    write_frames(config, sampled, times, clip_size, out);
  } catch (const Error& error) {
    // A full disk or a folder that cannot be written is the run's problem, not this video's.
    if (error.code() == ExitCode::kIo || error.code() == ExitCode::kCannotCreate) throw;
    return failed(job, error.what());
  } catch (const std::bad_alloc&) {
    return failed(job, "its frames do not fit into memory");
  }
  return out;
}

class Extraction {
 public:
  explicit Extraction(const ExtractConfig& config) : config_(config), jobs_(list_jobs(config)) {
    if (config.clip.empty()) return;
    scorer_.emplace(models::resolve_model(config.clip),
                    nn::parse_dtype(config.runtime.dtype),
                    nn::parse_device(config.runtime.device));
  }

  ExtractReport run() {
    skip_done();
    LineWriter writer(config_.out / data::kFramesFile,
                      config_.resume ? LineWriter::Mode::kAppend : LineWriter::Mode::kReplace);
    const auto side_by_side = static_cast<std::size_t>(
        config_.jobs > 0 ? config_.jobs : std::max(1U, std::thread::hardware_concurrency()));
    Progress progress("videos", static_cast<std::int64_t>(jobs_.size()));
    for (std::size_t begin = 0; begin < jobs_.size(); begin += side_by_side) {
      if (interrupt_requested()) save_features();
      throw_if_interrupted(
          formatted("{} videos are done; run the same command with --resume to go on",
                    report_.done + report_.failed + report_.kept));
      const std::size_t end = std::min(jobs_.size(), begin + side_by_side);
      std::vector<std::future<Extracted>> running;
      for (std::size_t i = begin; i < end; ++i) {
        running.push_back(std::async(std::launch::async, [&, i] {
          return extract_one(config_, jobs_[i], scorer_ ? scorer_->image_size() : 0);
        }));
      }
      for (std::size_t i = begin; i < end; ++i) finish(running[i - begin].get(), jobs_[i], writer);
      progress.advance(static_cast<std::int64_t>(end - begin));
      if (config_.max_failures >= 0 && report_.failed > config_.max_failures) {
        save_features();
        throw Error(ExitCode::kSomeFailed,
                    formatted("{} videos failed, --max-failures is {}; {} names them",
                              report_.failed,
                              config_.max_failures,
                              config_.out / data::kFramesFile));
      }
    }
    save_features();
    tell_of_missing_videos();
    return report_;
  }

 private:
  void skip_done() {
    if (!config_.resume) return;
    std::set<std::string> wanted;
    for (const Job& job : jobs_) wanted.insert(job.item_id);
    const auto finished = data::resume_rows(config_.out / data::kFramesFile, wanted);
    report_.failed = finished.num_failed;
    report_.kept = std::ssize(finished.ids) - finished.num_failed;
    std::erase_if(jobs_, [&](const Job& job) { return finished.ids.contains(job.item_id); });
    if (config_.features) load_features(finished.ids);
  }

  /// Vectors of an earlier run. A killed one may have left rows whose vectors were never written.
  void load_features(const std::set<std::string>& finished) {
    const fs::path file = config_.out / kFeatures;
    if (fs::exists(file)) features_ = nn::load_safetensors(file);
    std::int64_t missing = 0;
    for (const data::FramesRow& row : data::load_frames(config_.out / data::kFramesFile))
      missing +=
          row.status == "ok" && finished.contains(row.item_id) && !features_.contains(row.item_id);
    if (missing > 0)
      throw DataError(
          formatted("{}: vectors of {} finished videos are missing, the run was killed before it "
                    "wrote them; start it again with --overwrite",
                    file,
                    missing));
  }

  void save_features() const {
    if (config_.features && !features_.empty())
      nn::save_safetensors(config_.out / kFeatures, features_);
  }

  void finish(Extracted extracted, const Job& job, LineWriter& writer) {
    data::FramesRow& row = extracted.row;
    if (row.status == "ok" && scorer_) {
      FrameScores scored = scorer_->score(extracted.small, job.title);
      row.scores = std::move(scored.scores);
      row.key_frames = best_in_time_order(row.scores, config_.num_key_frames, row.files);
      if (config_.features) features_[row.item_id] = scored.features;
    }
    writer.write(data::to_line(row));
    if (row.status == "ok") {
      ++report_.done;
      report_.frames += static_cast<std::int64_t>(row.files.size());
    } else {
      ++report_.failed;
      if (job.video.empty()) {
        if (num_without_video_++ == 0) first_without_video_ = row.item_id;
      } else {
        log::warn("item={} {}", row.item_id, row.error);
      }
    }
  }

  void tell_of_missing_videos() const {
    if (num_without_video_ > 0)
      log::warn("{} items have no video in {}, the first of them is {}",
                num_without_video_,
                config_.videos,
                first_without_video_);
  }

  const ExtractConfig& config_;
  std::vector<Job> jobs_;
  std::optional<FrameScorer> scorer_;
  nn::NamedTensors features_;
  ExtractReport report_;
  std::int64_t num_without_video_ = 0;
  std::string first_without_video_;
};

}  // namespace

void ExtractConfig::check() const {
  check_given("out", out);
  check_given("videos", videos);
  check_range("num-frames", static_cast<double>(num_frames), 1, 100000);
  // Without CLIP no frame is chosen, and a few frames are asked for without a thought of it.
  const auto most = static_cast<double>(clip.empty() ? 100000 : num_frames);
  check_range("num-key-frames", static_cast<double>(num_key_frames), 1, most);
  check_one_of("sampling", sampling, {"uniform", "adjacent"});
  check_range("max-pixels", static_cast<double>(max_pixels), 0, 1e12);
  check_range("jpeg-quality", static_cast<double>(jpeg_quality), 1, 100);
  check_range("timeout-seconds", timeout_seconds, 0.001, 1e6);
  check_range("jobs", static_cast<double>(jobs), 0, 4096);
  if (!clip.empty() && items.empty())
    throw ConfigError("--clip scores frames against titles: give --items too");
  if (features && clip.empty()) throw ConfigError("--features needs --clip");
  runtime.check();
}

ExtractReport extract_frames(const ExtractConfig& config) {
  config.check();
  nn::prepare_torch(config.runtime);
  const FolderLock lock(config.out);
  data::begin_run(config, "extract-frames", kMayDiffer);
  return Extraction(config).run();
}

}  // namespace vragent::perception

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/corpus.h"

#include <algorithm>

#include "mini_world/chats.h"
#include "mini_world/dataset.h"
#include "mini_world/parallel.h"
#include "mini_world/teacher.h"
#include "mini_world/wording.h"
#include "vragent/data/cases.h"
#include "vragent/media/image.h"
#include "vragent/perception/caption_prompts.h"
#include "vragent/simulator/tasks.h"
#include "vragent/util/config.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/text.h"

namespace mini_world {
namespace fs = std::filesystem;

namespace {

using vragent::formatted;
using vragent::RandomStream;
using Lines = std::vector<std::string>;

constexpr int kJpegQuality = 90;
constexpr std::int64_t kDialoguesPerVideo = 3;
constexpr std::int64_t kCandidatesShown = 4;
constexpr std::int64_t kOtherItems = 1000;     // added to the seed: items that are not the world's
constexpr std::int64_t kVideosPerPrompt = 10;  // in texts.txt: prompts repeat themselves
constexpr std::size_t kUsersPerPrompt = 10;

GenericVideo generic_video(std::int64_t seed, std::int64_t index) {
  RandomStream random = indexed_stream(seed, "generic", index);
  GenericVideo video = {.folder = formatted("frames/{:05d}", index), .own = {}, .b_roll = {}};
  video.own = draw_attributes(random);
  video.b_roll = draw_b_roll(video.own, random);
  return video;
}

/// Draws, augments and writes the eight frames of a video.
void write_frames(const fs::path& out,
                  const GenericVideo& video,
                  std::int64_t seed,
                  std::int64_t index) {
  RandomStream random = indexed_stream(seed, "generic-frames", index);
  const ClipContent content = draw_content(video.own, video.b_roll, random);
  for (std::size_t i = 0; i < kGenericFrames.size(); ++i) {
    FrameKind kind = kGenericFrames[i];
    if (kind == FrameKind::kCard && random.chance(0.5)) kind = FrameKind::kTransition;
    const auto position = static_cast<std::int64_t>(i);
    const Frame frame = augment(draw_frame(content, kind, position, random), random);
    const auto bytes = vragent::media::encode_jpeg(to_image(frame), kJpegQuality);
    vragent::write_file_unsynced(out / video.frame_path(position),
                                 {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
}

/// The lines of the four files that are made from generic videos.
struct GenericLines {
  Lines clip_pairs;
  Lines stage1;
  Lines stage2;
  Lines texts;
};

void add_lines(GenericLines& lines, const GenericVideo& video, RandomStream& random) {
  for (std::int64_t frame = 0; frame < kNumOnTopic; ++frame) {
    lines.clip_pairs.push_back(clip_pair_line(video, frame, random));
    lines.stage1.push_back(stage1_line(video, frame, random));
  }
  for (std::int64_t i = 0; i < kDialoguesPerVideo; ++i) {
    lines.stage2.push_back(stage2_line(video, random));
  }
}

/// What is said about one video, as plain lines.
void add_texts(Lines& texts, const GenericVideo& video, RandomStream& random) {
  const std::string title = draw_title(video.own, random);
  const bool has_title = random.chance(0.7);
  texts.push_back(title);
  texts.push_back(caption_of(video.own));
  texts.push_back(frames_caption_of(video.own));
  texts.push_back(title_caption_of(title, video.own));
  texts.push_back(title_perception_of(title, video.own));
  texts.push_back(
      draw_perception({.own = video.own, .has_title = has_title, .b_roll = video.b_roll}, random));
}

/// What is asked about it.
void add_prompts(Lines& texts, const GenericVideo& video, RandomStream& random) {
  namespace prompts = vragent::perception;
  const std::string title = draw_title(video.own, random);
  texts.push_back(prompts::perceive_prompt(title));
  texts.push_back(prompts::perceive_title_prompt(title));
  texts.push_back(prompts::perceive_frames_prompt());
  texts.push_back(prompts::rewrite_prompt(random.chance(0.5) ? 35 : 17));
  texts.push_back(std::string(kQuickPrompt) + ": " + title);
}

/// A case of one corpus user: all but the last interaction, and the last among random others, or
/// random others alone.
vragent::data::Case case_of(const WorldUser& user,
                            const std::vector<WorldItem>& items,
                            std::int64_t num_candidates,
                            bool has_last,
                            RandomStream& random) {
  const auto caption = [&](std::int64_t item) {
    return caption_of(items[static_cast<std::size_t>(item)].own);
  };
  vragent::data::Case shown;
  for (std::size_t i = 0; i + 1 < user.watched.size(); ++i) {
    shown.history.push_back({.item_id = formatted("{}", user.watched[i] + 1),
                             .caption = caption(user.watched[i]),
                             .comment = user.comments[i]});
  }
  const std::int64_t last = user.watched.back();
  auto others = random.sample(static_cast<std::int64_t>(items.size()), num_candidates + 1);
  std::erase(others, last);
  others.resize(static_cast<std::size_t>(num_candidates));
  if (has_last) others.back() = last;
  random.shuffle(others);
  for (const std::int64_t item : others)
    shown.candidates.push_back({.item_id = formatted("{}", item + 1), .caption = caption(item)});
  shown.task = num_candidates > 1 ? vragent::data::Task::kSelect : vragent::data::Task::kJudge;
  return shown;
}

/// The prompt's lines, with the reasoning asked for or not.
void add_prompt_lines(Lines& texts, const vragent::data::Case& shown, bool cot) {
  for (const auto& message : vragent::simulator::task_messages(shown, {.cot = cot})) {
    for (const std::string_view line : vragent::split(message.text, '\n')) {
      if (!line.empty()) texts.emplace_back(line);
    }
  }
}

/// Comments, replies as the teacher gives them and, of a few, the prompts.
Lines user_texts(const std::vector<WorldUser>& users,
                 const std::vector<WorldItem>& items,
                 std::int64_t seed) {
  Lines texts;
  for (std::size_t i = 0; i < users.size(); ++i) {
    RandomStream random = indexed_stream(seed, "user-texts", static_cast<std::int64_t>(i));
    texts.push_back(random.pick(users[i].comments));
    for (const std::int64_t count : {std::int64_t{1}, kCandidatesShown}) {
      vragent::data::Case shown = case_of(users[i], items, count, /*has_last=*/true, random);
      shown.case_id = formatted("{}-{}", i, count);
      texts.push_back(demonstrate(shown, {.seed = seed}));
      if (i % kUsersPerPrompt == 0) add_prompt_lines(texts, shown, random.chance(0.7));
    }
  }
  return texts;
}

/// Answered cases of other people over other videos: what the language model learns first.
Lines language_demos(std::int64_t num_people, std::int64_t num_items, std::int64_t seed) {
  const auto items = draw_items(seed + kOtherItems, num_items);
  const auto people = draw_users(items, kCorpusWeights, seed, "language-user", num_people);
  Lines demos;
  for (std::size_t i = 0; i < people.size(); ++i) {
    RandomStream random = indexed_stream(seed, "language-demos", static_cast<std::int64_t>(i));
    for (const auto& [count, has_last] :
         {std::pair<std::int64_t, bool>(1, true), {1, false}, {4, true}, {5, true}}) {
      vragent::data::Case shown = case_of(people[i], items, count, has_last, random);
      shown.user_id = formatted("{}", i);
      shown.case_id = formatted("{}-{}-{}", i, count, has_last ? "with" : "without");
      shown.response = demonstrate(shown, {.seed = seed});
      demos.push_back(vragent::data::to_line(shown));
    }
  }
  return demos;
}

void write_shuffled(const fs::path& path, Lines& lines, std::int64_t seed) {
  RandomStream random(static_cast<std::uint64_t>(seed), path.filename().string());
  random.shuffle(lines);
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  vragent::write_file(path, text);
}

/// Frames in parallel, then the lines about them.
GenericLines make_generic(const CorpusConfig& config) {
  const std::int64_t seed = config.world.seed;
  const std::int64_t count = config.num_videos();
  parallel_for("frames", count, config.jobs, [&](std::int64_t i) {
    write_frames(config.out, generic_video(seed, i), seed, i);
  });
  GenericLines lines;
  for (std::int64_t i = 0; i < count; ++i) {
    RandomStream random = indexed_stream(seed, "generic-lines", i);
    const GenericVideo video = generic_video(seed, i);
    add_lines(lines, video, random);
    add_texts(lines.texts, video, random);
    if (i % kVideosPerPrompt == 0) add_prompts(lines.texts, video, random);
  }
  return lines;
}

}  // namespace

void CorpusConfig::check() const {
  vragent::check_given("out", out);
  vragent::check_range("jobs", static_cast<double>(jobs), 1, 256);
  vragent::check_range("videos", static_cast<double>(num_videos()), 1, 99'999);
  vragent::check_range("people", static_cast<double>(num_people()), 1, 1e7);
  world.check();
}

std::int64_t CorpusConfig::num_videos() const {
  if (videos != 0) return videos;
  return world.is_full() ? 4200 : 800;
}

std::int64_t CorpusConfig::num_people() const {
  if (people != 0) return people;
  return world.is_full() ? 6000 : 800;
}

CorpusCounts make_corpus(const CorpusConfig& config) {
  config.check();
  const std::int64_t seed = config.world.seed;
  vragent::make_folder(config.out);
  GenericLines lines = make_generic(config);

  const auto items = draw_items(seed, config.world.num_items());
  const auto people = draw_users(items, kCorpusWeights, seed, "corpus-user", config.num_people());
  write_behaviour(config.out, "sft", people, kFirstCorpusUser);
  const Lines said = user_texts(people, items, seed);
  lines.texts.insert(lines.texts.end(), said.begin(), said.end());

  write_shuffled(config.out / "clip_pairs.jsonl", lines.clip_pairs, seed);
  write_shuffled(config.out / "vlm_stage1.jsonl", lines.stage1, seed);
  write_shuffled(config.out / "vlm_stage2.jsonl", lines.stage2, seed);
  write_shuffled(config.out / "texts.txt", lines.texts, seed);
  Lines demos = language_demos(config.num_people(), config.world.num_items(), seed);
  write_shuffled(config.out / "lm_demos.jsonl", demos, seed);
  const auto size = [](const Lines& some) { return static_cast<std::int64_t>(some.size()); };
  return {.frames = config.num_videos() * static_cast<std::int64_t>(kGenericFrames.size()),
          .clip_pairs = size(lines.clip_pairs),
          .stage1 = size(lines.stage1),
          .stage2 = size(lines.stage2),
          .people = config.num_people(),
          .texts = size(lines.texts)};
}

}  // namespace mini_world

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/case_files.h"

#include <algorithm>
#include <optional>

#include "vragent/data/formats/item_reader.h"
#include "vragent/data/run_dir.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/log.h"
#include "vragent/util/text.h"

namespace vragent::simulator {
namespace fs = std::filesystem;

namespace {

data::Catalogue load_catalogue(const MakeCasesConfig& config) {
  data::Catalogue catalogue;
  if (!config.items.empty()) catalogue = data::formats::load_items(config.items);
  if (!config.captions.empty()) {
    data::add_captions(catalogue, data::file_in(config.captions, data::kCaptionsFile));
  }
  return catalogue;
}

/// Whether the cases show the train part only, so that lists of the test history know too much.
bool wants_early_lists(const CaseConfig& config) {
  const auto& tasks = config.tasks;
  return config.split == "valid" ||
         std::find(tasks.begin(), tasks.end(), "feedback") != tasks.end();
}

std::unordered_map<std::string, data::TopK> load_lists(const MakeCasesConfig& config) {
  const bool early = wants_early_lists(config.cases);
  const fs::path file = data::file_in(config.topk, early ? data::kValidTopKFile : data::kTopKFile);
  if (early && file.filename() == data::kTopKFile) {
    log::warn(
        "{}: lists of this name are made for the test split and have seen the video that "
        "these cases hold out; use {}",
        file,
        data::kValidTopKFile);
  }
  return data::load_top_k(file);
}

/// A whole file at once; stdout line by line.
void write_lines(const fs::path& file, const std::vector<std::string>& lines) {
  if (file != "-") {
    write_file(file, joined_lines(lines));
    return;
  }
  LineWriter writer(file, LineWriter::Mode::kReplace);
  for (const std::string& line : lines) writer.write(line);
}

std::vector<std::string> lines_of(const std::vector<data::Case>& cases) {
  std::vector<std::string> lines;
  for (const data::Case& row : cases) lines.push_back(data::to_line(row));
  return lines;
}

}  // namespace

std::vector<data::Case> load_case_file(const fs::path& path) {
  std::vector<data::Case> cases = data::load_cases(data::file_in(path, data::kCasesFile));
  if (cases.empty()) throw DataError(path.string() + ": no cases");
  return cases;
}

void MakeCasesConfig::check() const {
  check_given("out", out);
  check_given("interactions", interactions);
  if (items.empty() && captions.empty()) throw ConfigError("--items or --captions is required");
  reading.check();
  cases.check();
  protocol.check();
}

CaseSet make_case_file(const MakeCasesConfig& config) {
  config.check();
  const std::filesystem::path file = data::output_in(config.out, data::kCasesFile);
  if (file != "-" && !config.overwrite && std::filesystem::exists(file)) {
    throw Error(ExitCode::kCannotCreate,
                formatted("{}: is there already, and answers may refer to it; replace it with "
                          "--overwrite, or choose another --out",
                          file));
  }
  const data::Sequences sequences =
      data::formats::load_sequences(config.interactions, config.reading, config.protocol);
  const data::Catalogue catalogue = load_catalogue(config);
  std::optional<data::Comments> comments;
  if (!config.comments.empty()) comments = data::Comments::load(config.comments);
  std::optional<std::unordered_map<std::string, data::TopK>> lists;
  if (!config.topk.empty()) lists = load_lists(config);
  const CaseSources sources{
      sequences, catalogue, comments ? &*comments : nullptr, lists ? &*lists : nullptr};
  CaseSet set = make_cases(sources, config.cases);
  if (set.cases.empty()) {
    throw DataError(formatted(
        "{}: no user has cases ({} could be drawn)", config.interactions, set.num_eligible));
  }
  std::optional<FolderLock> lock;
  if (data::is_run_folder(config.out)) lock.emplace(config.out);
  if (lock) data::begin_run(config, "eval make-cases");
  write_lines(file, lines_of(set.cases));
  if (lock) write_file(config.out / data::kUsersFile, joined_lines(set.user_ids));
  return set;
}

std::vector<std::pair<std::string, std::int64_t>> counts_of(const CaseSet& set) {
  const auto num_select = std::count_if(set.cases.begin(), set.cases.end(), [](const auto& row) {
    return row.task == data::Task::kSelect;
  });
  return {{"cases", std::ssize(set.cases)},
          {"judge", std::ssize(set.cases) - num_select},
          {"select", num_select},
          {"users", std::ssize(set.user_ids)},
          {"eligible", set.num_eligible},
          {"excluded", set.num_excluded},
          {"without_list", set.num_without_list},
          {"few_negatives", set.num_few_negatives},
          {"without_text", set.num_without_text},
          {"repeated_targets", set.num_repeated_targets}};
}

}  // namespace vragent::simulator

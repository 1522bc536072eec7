// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "report/runs/report_spec.h"

#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"

namespace vragent::report::runs {
namespace fs = std::filesystem;

namespace {

/// Makes paths of the specification relative to the process.
class Base {
 public:
  explicit Base(fs::path folder) : folder_(std::move(folder)) {}

  void resolve(fs::path& path) const {
    if (!path.empty() && path.is_relative()) path = folder_ / path;
  }

  /// The path of each "NAME=PATH".
  void resolve(std::vector<std::string>& texts) const {
    for (std::string& text : texts) {
      data::NamedPath named = data::parse_named_path(text);
      resolve(named.path);
      text = named.name.empty() ? named.path.string() : named.name + "=" + named.path.string();
    }
  }

 private:
  fs::path folder_;
};

/// Takes `key` out of the object: a list of objects, each read strictly into a Part. One object
/// counts as a list of one.
template <class Part>
std::vector<Part> take_parts(Json& root, const std::string& key, const std::string& where) {
  std::vector<Part> parts;
  if (!root.contains(key)) return parts;
  Json list = root[key].is_object() ? Json::array({root[key]}) : root[key];
  root.erase(key);
  if (!list.is_array()) throw ConfigError(formatted("{}: {} wants a list of objects", where, key));
  for (std::size_t i = 0; i < list.size(); ++i) {
    Part part;
    apply_json(options_of(part), dump_json(list[i]), formatted("{}: {}[{}]", where, key, i));
    parts.push_back(std::move(part));
  }
  return parts;
}

void resolve_paths(ReportSpec& spec, const Base& base) {
  base.resolve(spec.checks);
  base.resolve(spec.feedback);
  for (TableConfig& table : spec.tables) {
    base.resolve(table.runs);
    if (table.data.empty()) table.data = spec.data;
  }
  for (AccuracySpec& accuracy : spec.accuracy) base.resolve(accuracy.scores);
  for (CurveSpec& curve : spec.curves) base.resolve(curve.logs);
  for (GallerySpec& gallery : spec.galleries) {
    base.resolve(gallery.frames);
    base.resolve(gallery.captions);
    base.resolve(gallery.items);
  }
  for (RolloutSpec& rollout : spec.rollouts) base.resolve(rollout.completions);
}

template <class Part>
std::string describe_part(const std::string& prefix) {
  Part part;
  std::string text;
  for (const Option& option : options_of(part)) {
    text += formatted("  {}{}: {}\n", prefix, option.name, option.help);
  }
  return text;
}

}  // namespace

ReportSpec load_report_spec(const fs::path& path) {
  const std::string where = path.string();
  Json root;
  try {
    root = parse_json_object(read_file(path), where);
  } catch (const DataError& error) {
    throw ConfigError(error.what());
  }
  ReportSpec spec;
  spec.notes = take_parts<NoteSpec>(root, "notes", where);
  spec.tables = take_parts<TableConfig>(root, "tables", where);
  spec.accuracy = take_parts<AccuracySpec>(root, "accuracy", where);
  spec.curves = take_parts<CurveSpec>(root, "curves", where);
  spec.galleries = take_parts<GallerySpec>(root, "gallery", where);
  spec.rollouts = take_parts<RolloutSpec>(root, "rollouts", where);
  apply_json(options_of(spec), dump_json(root), where);
  resolve_paths(spec, Base(path.parent_path()));
  return spec;
}

std::vector<data::NamedPath> named_paths(const std::vector<std::string>& texts,
                                         const std::string& key) {
  std::vector<data::NamedPath> paths;
  for (const std::string& text : texts) {
    paths.push_back(data::parse_named_path(text));
    if (paths.back().name.empty()) {
      throw ConfigError(formatted("{}: \"{}\" wants a name, NAME={}", key, text, text));
    }
  }
  if (paths.empty()) throw ConfigError(formatted("{}: at least one NAME=RUN is wanted", key));
  return paths;
}

std::string describe_keys() {
  return "Keys of --spec (a JSON object; paths are relative to its folder):\n" +
         describe_part<ReportSpec>("") + describe_part<NoteSpec>("notes[].") +
         describe_part<TableConfig>("tables[].") + describe_part<AccuracySpec>("accuracy[].") +
         describe_part<CurveSpec>("curves[].") + describe_part<GallerySpec>("gallery.") +
         describe_part<RolloutSpec>("rollouts[].");
}

}  // namespace vragent::report::runs

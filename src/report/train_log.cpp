// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/train_log.h"

#include <chrono>
#include <cmath>

#include "vragent/data/run_dir.h"
#include "vragent/util/json.h"

namespace vragent::report {
namespace {

constexpr const char* kEventsName = "events.out.tfevents.vragent";

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

EventFile open_events(const std::filesystem::path& path, std::int64_t last_step) {
  return last_step < 0 ? EventFile::create(path, now_seconds())
                       : EventFile::resume(path, last_step, now_seconds());
}

LineWriter open_lines(const std::filesystem::path& path, std::int64_t last_step) {
  cut_steps_after(path, last_step);
  return {path, LineWriter::Mode::kAppend};
}

}  // namespace

void cut_steps_after(const std::filesystem::path& path, std::int64_t last_step) {
  if (!std::filesystem::exists(path)) return;
  LineWriter(path, LineWriter::Mode::kAppend);  // cuts a torn line
  std::string kept;
  for_each_line(path, [&](const std::string& line, const std::string& where) {
    const Json row = parse_json_object(line, where);
    if (JsonRecord(row, where).integer("step") <= last_step) kept += line + "\n";
  });
  write_file(path, kept);
}

TrainLog::TrainLog(const std::filesystem::path& run_folder, std::int64_t last_step)
    : lines_(open_lines(run_folder / data::kTrainLogFile, last_step)),
      events_(open_events(run_folder / kEventsName, last_step)) {}

void TrainLog::write(std::int64_t step, const std::vector<Scalar>& scalars) {
  OrderedJson row = {{"step", step}};
  for (const Scalar& scalar : scalars) {
    row[scalar.tag] =
        std::isfinite(scalar.value) ? OrderedJson(scalar.value) : OrderedJson(nullptr);
  }
  lines_.write(dump_json(row));
  events_.add(step, now_seconds(), scalars);
}

}  // namespace vragent::report

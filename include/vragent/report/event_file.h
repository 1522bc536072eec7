// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// TensorBoard curves without TensorFlow: scalars in an event file (TFRecord framing with a masked
// CRC32C around Event messages), encoded by hand.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace vragent::report {

/// One number of a step, for example {"train/loss", 0.7}. Stored as 32-bit float.
struct Scalar {
  std::string tag;
  double value = 0.0;
};

/// CRC32C (Castagnoli) of `bytes`; of "123456789" it is 0xE3069283.
std::uint32_t crc32c(std::string_view bytes);

/// One TFRecord: length (8 bytes, little-endian), its masked CRC32C, the payload, its masked
/// CRC32C.
std::string tf_record(std::string_view payload);

/// The Event message of one step.
/// @param wall_seconds seconds since 1970, what TensorBoard shows as the time
std::string scalar_event(std::int64_t step, double wall_seconds, std::span<const Scalar> scalars);

/// An event file that grows by whole records.
class EventFile {
 public:
  /// Starts an event file, replacing one that is there. TensorBoard finds files whose name holds
  /// "tfevents". @throws Error (73, 74)
  static EventFile create(const std::filesystem::path& path, double wall_seconds);

  /// Goes on with an event file after a resumed run: what was written after `last_step`, and a
  /// record torn by a kill, is cut off, so that the curve is that of an uninterrupted run. Starts
  /// anew when there is no file. @throws Error (73, 74), DataError when it is no event file
  static EventFile resume(const std::filesystem::path& path,
                          std::int64_t last_step,
                          double wall_seconds);

  /// Appends the scalars of one step in one record. @throws Error (74)
  void add(std::int64_t step, double wall_seconds, std::span<const Scalar> scalars);

 private:
  explicit EventFile(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
};

}  // namespace vragent::report

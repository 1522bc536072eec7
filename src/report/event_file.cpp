// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/event_file.h"

#include <array>
#include <bit>
#include <optional>

#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"

namespace vragent::report {
namespace {

constexpr std::uint32_t kReversedCastagnoli = 0x82F63B78U;
constexpr std::uint32_t kMaskDelta = 0xA282EAD8U;
constexpr std::string_view kFileVersion = "brain.Event:2";
constexpr std::size_t kHeaderSize = 12;  // length and its checksum
constexpr std::size_t kFooterSize = 4;   // checksum of the payload

// Field numbers of the Event, Summary and Summary.Value messages.
constexpr std::uint32_t kEventWallTime = 1;
constexpr std::uint32_t kEventStep = 2;
constexpr std::uint32_t kEventFileVersion = 3;
constexpr std::uint32_t kEventSummary = 5;
constexpr std::uint32_t kSummaryValue = 1;
constexpr std::uint32_t kValueTag = 1;
constexpr std::uint32_t kValueSimple = 2;

// Wire types of protocol buffers.
constexpr std::uint32_t kVarint = 0;
constexpr std::uint32_t kFixed64 = 1;
constexpr std::uint32_t kBytes = 2;
constexpr std::uint32_t kFixed32 = 5;

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ ((crc & 1U) != 0 ? kReversedCastagnoli : 0);
    table[byte] = crc;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kCrcTable = make_crc_table();

template <class T>
std::string little_endian(T value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFFU);
  return bytes;
}

std::uint64_t read_little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

std::string masked_crc(std::string_view bytes) {
  return little_endian(std::rotr(crc32c(bytes), 15) + kMaskDelta);
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80U; value >>= 7U) bytes += static_cast<char>((value & 0x7FU) | 0x80U);
  return bytes + static_cast<char>(value);
}

std::string tag_of(std::uint32_t field, std::uint32_t wire_type) {
  return varint(field << 3U | wire_type);
}

std::string bytes_field(std::uint32_t field, std::string_view content) {
  return tag_of(field, kBytes) + varint(content.size()) + std::string(content);
}

std::string wall_time_field(double wall_seconds) {
  return tag_of(kEventWallTime, kFixed64) +
         little_endian(std::bit_cast<std::uint64_t>(wall_seconds));
}

std::string version_record(double wall_seconds) {
  return tf_record(wall_time_field(wall_seconds) + bytes_field(kEventFileVersion, kFileVersion));
}

/// Takes a varint off the front of `bytes`; empty when it is cut short or longer than 64 bits.
std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << (7 * i);
    if (byte < 0x80U) {
      bytes.remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

/// Bytes that a field's value takes at the front of `bytes`, its length prefix taken off; empty
/// when malformed.
std::optional<std::uint64_t> value_size(std::uint64_t wire_type, std::string_view& bytes) {
  if (wire_type == kFixed64) return 8;
  if (wire_type == kFixed32) return 4;
  if (wire_type == kBytes) return take_varint(bytes);
  return std::nullopt;
}

/// The step of an Event message (0 where the field is absent, as in every message of this kind).
std::int64_t step_of(std::string_view event) {
  while (const std::optional<std::uint64_t> tag = take_varint(event)) {
    if ((*tag & 7U) == kVarint) {
      const std::optional<std::uint64_t> value = take_varint(event);
      if (!value) return 0;
      if (*tag >> 3U == kEventStep) return static_cast<std::int64_t>(*value);
      continue;
    }
    const std::optional<std::uint64_t> size = value_size(*tag & 7U, event);
    if (!size || *size > event.size()) return 0;
    event.remove_prefix(*size);
  }
  return 0;
}

/// The payload of the record at the front of `content`; empty when it is torn or damaged.
std::optional<std::string_view> front_payload(std::string_view content) {
  if (content.size() < kHeaderSize + kFooterSize) return std::nullopt;
  const std::string_view length_bytes = content.substr(0, 8);
  if (content.substr(8, 4) != masked_crc(length_bytes)) return std::nullopt;
  const std::uint64_t length = read_little_endian(length_bytes);
  if (length > content.size() - kHeaderSize - kFooterSize) return std::nullopt;
  const std::string_view payload = content.substr(kHeaderSize, length);
  if (content.substr(kHeaderSize + length, kFooterSize) != masked_crc(payload)) return std::nullopt;
  return payload;
}

/// The version record, which is the first, and the whole records of steps up to `last_step`.
std::string records_up_to(std::string_view content, std::int64_t last_step) {
  std::string kept;
  while (const std::optional<std::string_view> payload = front_payload(content)) {
    const std::size_t size = kHeaderSize + payload->size() + kFooterSize;
    if (kept.empty() || step_of(*payload) <= last_step) kept += content.substr(0, size);
    content.remove_prefix(size);
  }
  return kept;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char byte : bytes) {
    crc = crc >> 8U ^ kCrcTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFFU];
  }
  return ~crc;
}

std::string tf_record(std::string_view payload) {
  const std::string length = little_endian(static_cast<std::uint64_t>(payload.size()));
  return length + masked_crc(length) + std::string(payload) + masked_crc(payload);
}

std::string scalar_event(std::int64_t step, double wall_seconds, std::span<const Scalar> scalars) {
  std::string summary;
  for (const Scalar& scalar : scalars) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(scalar.value));
    const std::string value =
        bytes_field(kValueTag, scalar.tag) + tag_of(kValueSimple, kFixed32) + little_endian(bits);
    summary += bytes_field(kSummaryValue, value);
  }
  return wall_time_field(wall_seconds) + tag_of(kEventStep, kVarint) +
         varint(static_cast<std::uint64_t>(step)) + bytes_field(kEventSummary, summary);
}

EventFile EventFile::create(const std::filesystem::path& path, double wall_seconds) {
  write_file(path, version_record(wall_seconds));
  return EventFile(path);
}

EventFile EventFile::resume(const std::filesystem::path& path,
                            std::int64_t last_step,
                            double wall_seconds) {
  if (!std::filesystem::exists(path)) return create(path, wall_seconds);
  const std::string content = read_file(path);
  const std::optional<std::string_view> first = front_payload(content);
  if (!first || first->find(kFileVersion) == std::string_view::npos) {
    throw DataError(formatted("{}: not an event file; move it away to start a new one", path));
  }
  write_file(path, records_up_to(content, last_step));
  return EventFile(path);
}

void EventFile::add(std::int64_t step, double wall_seconds, std::span<const Scalar> scalars) {
  append_file(path_, tf_record(scalar_event(step, wall_seconds, scalars)));
}

}  // namespace vragent::report

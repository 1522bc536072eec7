// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/event_file.h"

#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::report {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// Bytes from pairs of hexadecimal digits.
std::string bytes(const std::string& hex) {
  std::string result;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    result += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return result;
}

const std::vector<Scalar> kLoss = {{"loss", 0.5}};

// The check value of the CRC catalogue, and two vectors of RFC 3720 (iSCSI).
TEST(Crc32c, MatchesThePublishedVectors) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(TfRecord, FramesThePayloadWithMaskedChecksums) {
  EXPECT_EQ(tf_record(""), bytes("000000000000000029039807d8ea82a2"));
  EXPECT_EQ(tf_record("abc"),
            bytes("0300000000000000b099490e"
                  "616263"
                  "6e57f121"));
}

// Event {1: 1.5 as double, 2: 300, 5: {1: {1: "a", 2: 0.5f}}} written out by hand.
TEST(ScalarEvent, IsTheHandEncodedMessage) {
  EXPECT_EQ(scalar_event(300, 1.5, std::vector<Scalar>{{"a", 0.5}}),
            bytes("09000000000000f83f"
                  "10ac02"
                  "2a0a"
                  "0a08"
                  "0a0161"
                  "150000003f"));
}

TEST(ScalarEvent, TakesNanAndManyValues) {
  const std::vector<Scalar> many(100, Scalar{"a rather long tag/of a curve", std::nan("")});
  EXPECT_GT(scalar_event(0, 0, many).size(), 3'000U);
}

TEST(EventFile, StartsWithTheVersionRecord) {
  const test::TempDir folder;
  EventFile::create(folder / "events.out.tfevents.1", 0);
  EXPECT_EQ(read_file(folder / "events.out.tfevents.1"),
            tf_record(bytes("090000000000000000"
                            "1a0d") +
                      "brain.Event:2"));
}

TEST(EventFile, GrowsByOneRecordAStep) {
  const test::TempDir folder;
  EventFile file = EventFile::create(folder / "events", 1);
  const std::string before = read_file(folder / "events");
  file.add(1, 2.0, kLoss);
  file.add(2, 3.0, kLoss);
  EXPECT_EQ(
      read_file(folder / "events"),
      before + tf_record(scalar_event(1, 2.0, kLoss)) + tf_record(scalar_event(2, 3.0, kLoss)));
}

TEST(EventFile, ResumedEqualsUninterrupted) {
  const test::TempDir folder;
  EventFile whole = EventFile::create(folder / "whole", 1);
  for (int step = 1; step <= 200; ++step) whole.add(step, step, kLoss);
  EventFile first = EventFile::create(folder / "resumed", 1);
  for (int step = 1; step <= 170; ++step) first.add(step, step, kLoss);
  append_file(folder / "resumed", tf_record(scalar_event(171, 171, kLoss)).substr(0, 20));
  EventFile second = EventFile::resume(folder / "resumed", 150, 99);
  for (int step = 151; step <= 200; ++step) second.add(step, step, kLoss);
  EXPECT_EQ(read_file(folder / "resumed"), read_file(folder / "whole"));
}

TEST(EventFile, KeepsItsVersionWhenAllStepsAreCutOff) {
  const test::TempDir folder;
  EventFile file = EventFile::create(folder / "events", 1);
  const std::string before = read_file(folder / "events");
  file.add(0, 1, kLoss);
  EventFile::resume(folder / "events", -1, 1);
  EXPECT_EQ(read_file(folder / "events"), before);
}

TEST(EventFile, CutsEverythingFromADamagedRecordOn) {
  const test::TempDir folder;
  EventFile file = EventFile::create(folder / "events", 1);
  file.add(1, 1, kLoss);
  const std::string good = read_file(folder / "events");
  std::string damaged = tf_record(scalar_event(2, 2, kLoss));
  damaged[14] = static_cast<char>(damaged[14] ^ 1);
  append_file(folder / "events", damaged + tf_record(scalar_event(3, 3, kLoss)));
  EventFile::resume(folder / "events", 10, 1);
  EXPECT_EQ(read_file(folder / "events"), good);
}

TEST(EventFile, ResumesWithoutAFileByStartingOne) {
  const test::TempDir folder;
  EventFile::resume(folder / "new", 10, 4);
  EventFile::create(folder / "fresh", 4);
  EXPECT_EQ(read_file(folder / "new"), read_file(folder / "fresh"));
}

TEST(EventFile, RefusesToResumeWhatIsNoEventFile) {
  const test::TempDir folder;
  for (const std::string& content : {std::string("hello"),
                                     std::string(),
                                     tf_record("something else"),
                                     std::string(64, '\xFF')}) {
    write_file(folder / "events", content);
    EXPECT_THAT([&] { EventFile::resume(folder / "events", 0, 0); },
                ThrowsMessage<DataError>(HasSubstr("not an event file")));
    EXPECT_EQ(read_file(folder / "events"), content);
  }
}

TEST(EventFile, SurvivesMalformedMessagesInWholeRecords) {
  const test::TempDir folder;
  const std::string version = tf_record("x brain.Event:2");
  for (const std::string& message : {bytes("ff"),
                                     bytes("10"),
                                     bytes("2affffffffffffffffff01"),
                                     bytes("0b"),
                                     bytes("ffffffffffffffffffffff")}) {
    write_file(folder / "events", version + tf_record(message));
    EXPECT_NO_THROW(EventFile::resume(folder / "events", 5, 0));
  }
}

TEST(EventFile, NamesAFolderThatCannotBeWritten) {
  const test::TempDir folder;
  write_file(folder / "file", "");
  EXPECT_THROW(EventFile::create(folder / "file" / "events", 0), Error);
}

}  // namespace
}  // namespace vragent::report

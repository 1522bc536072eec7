// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A byte-level tokenizer of a few merges, as the tokenizer.json that would describe it: the 256
// byte symbols (ids 0 to 255 by byte value), the merged tokens, then the added ones.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vragent/util/files.h"
#include "vragent/util/json.h"
#include "vragent/words/byte_symbols.h"

namespace vragent::test {

inline const char* const kQwen2Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

inline std::vector<std::pair<std::string, std::string>> tiny_merges() {
  return {{"h", "e"},
          {"l", "l"},
          {"he", "ll"},
          {"hell", "o"},
          {"\u0120", "w"},
          {"o", "r"},
          {"\u0120w", "or"},
          {"a", "a"},
          {"\u010a", "\u010a"},
          {"\u00c3", "\u00a9"}};  // the two bytes of é
}

inline std::vector<std::string> tiny_added() {
  return {"<|endoftext|>",
          "<|im_start|>",
          "<|im_end|>",
          "<|vision_start|>",
          "<|image_pad|>",
          "<|vision_end|>"};
}

/// @param tuple_merges pairs as the current writers spell them, else "left right"
inline Json tiny_tokenizer_json(bool tuple_merges = true) {
  Json vocab = Json::object();
  for (int byte = 0; byte < 256; ++byte) {
    vocab[words::byte_symbol(static_cast<std::uint8_t>(byte))] = byte;
  }
  Json merges = Json::array();
  for (const auto& [left, right] : tiny_merges()) {
    vocab[left + right] = vocab.size();
    merges.push_back(tuple_merges ? Json{left, right} : Json(left + " " + right));
  }
  Json added = Json::array();
  std::size_t id = vocab.size();
  for (const std::string& content : tiny_added()) {
    added.push_back({{"id", id++}, {"content", content}, {"special", true}});
  }
  added.push_back({{"id", id}, {"content", "<tool_call>"}, {"special", false}});
  const Json split = {{"type", "Split"},
                      {"pattern", {{"Regex", kQwen2Regex}}},
                      {"behavior", "Isolated"},
                      {"invert", false}};
  const Json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  return {{"added_tokens", added},
          {"normalizer", {{"type", "NFC"}}},
          {"pre_tokenizer",
           {{"type", "Sequence"}, {"pretokenizers", Json::array({split, byte_level})}}},
          {"post_processor", nullptr},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", merges}}}};
}

inline void write_json(const std::filesystem::path& path, const Json& value) {
  write_file(path, dump_json(value));
}

}  // namespace vragent::test

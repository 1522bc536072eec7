// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Learns byte-pair merges from texts: the pair of neighbours seen most often becomes a token, again
// and again. Words are cut as the tokenizer will cut them. Deterministic: of pairs seen equally
// often the one of older tokens wins.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace mini_world {

/// For which tokenizer the merges are learned.
enum class BpeFlavour {
  kQwen2,  ///< byte-level, words with their leading space
  kClip,   ///< lower case, the last symbol of a word bears "</w>"
};

/// A vocabulary without special tokens.
struct TrainedBpe {
  BpeFlavour flavour = BpeFlavour::kQwen2;
  std::vector<std::string> tokens;  ///< by id: the symbols of all bytes (for kClip once more with
                                    ///< "</w>"), then one token a merge, in byte symbols
  std::vector<std::pair<std::string, std::string>> merges;  ///< by rank
};

/// @param vocab_size  most tokens; fewer when no pair is left that was seen twice
/// @throws vragent::ConfigError when vocab_size is less than the number of byte symbols
TrainedBpe train_bpe(std::span<const std::string> texts,
                     BpeFlavour flavour,
                     std::int64_t vocab_size);

}  // namespace mini_world

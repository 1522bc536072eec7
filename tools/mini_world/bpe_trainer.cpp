// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/bpe_trainer.h"

#include <map>
#include <tuple>
#include <unordered_map>

#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/words/byte_symbols.h"
#include "vragent/words/unicode.h"
#include "vragent/words/word_pattern.h"

namespace mini_world {
namespace words = vragent::words;

namespace {

constexpr const char* kWordEnd = "</w>";

using Id = std::uint32_t;
using Pair = std::pair<Id, Id>;

struct Word {
  std::vector<Id> ids;
  std::int64_t count = 0;
};

std::map<std::string, std::int64_t> count_words(std::span<const std::string> texts,
                                                BpeFlavour flavour) {
  std::map<std::string, std::int64_t> counts;
  const bool clip = flavour == BpeFlavour::kClip;
  const auto pattern = clip ? words::WordPattern::kClip : words::WordPattern::kQwen2;
  for (const std::string& raw : texts) {
    std::string line = words::normal_form(words::repaired_utf8(raw), words::NormalForm::kNfc);
    if (clip) line = words::lower_case(std::move(line));
    std::vector<std::string_view> words;
    words::split_words(line, pattern, words);
    for (const std::string_view word : words) ++counts[std::string(word)];
  }
  return counts;
}

class Trainer {
 public:
  Trainer(BpeFlavour flavour, const std::map<std::string, std::int64_t>& counts) {
    trained_.flavour = flavour;
    const bool clip = flavour == BpeFlavour::kClip;
    for (const char* end : {"", kWordEnd}) {
      if (*end != '\0' && !clip) continue;
      for (int byte = 0; byte < 256; ++byte) {
        id_of(words::byte_symbol(static_cast<std::uint8_t>(byte)) + end);
      }
    }
    for (const auto& [bytes, count] : counts) {
      Word word{.ids = {}, .count = count};
      for (const char byte : bytes) word.ids.push_back(static_cast<unsigned char>(byte));
      if (clip) word.ids.back() += 256;
      words_.push_back(std::move(word));
    }
  }

  TrainedBpe train(std::size_t vocab_size) {
    while (trained_.tokens.size() < vocab_size) {
      const auto [count, pair] = best_pair();
      if (count < 2) break;
      join(pair);
    }
    return std::move(trained_);
  }

 private:
  /// The token's id; a new one when it is not there yet.
  Id id_of(const std::string& token) {
    const auto [place, is_new] = ids_.emplace(token, static_cast<Id>(trained_.tokens.size()));
    if (is_new) trained_.tokens.push_back(token);
    return place->second;
  }

  [[nodiscard]] std::pair<std::int64_t, Pair> best_pair() const {
    std::map<Pair, std::int64_t> counts;
    for (const Word& word : words_) {
      for (std::size_t i = 0; i + 1 < word.ids.size(); ++i) {
        counts[{word.ids[i], word.ids[i + 1]}] += word.count;
      }
    }
    std::pair<std::int64_t, Pair> best{0, {}};
    for (const auto& [pair, count] : counts) {  // in the order of ids: the first of equals stays
      if (count > best.first) best = {count, pair};
    }
    return best;
  }

  void join(const Pair& pair) {
    const std::string left = trained_.tokens[pair.first];
    const std::string right = trained_.tokens[pair.second];
    trained_.merges.emplace_back(left, right);
    const Id joined = id_of(left + right);
    for (Word& word : words_) {
      std::vector<Id> ids;
      for (std::size_t i = 0; i < word.ids.size(); ++i) {
        const bool is_pair = i + 1 < word.ids.size() && Pair(word.ids[i], word.ids[i + 1]) == pair;
        ids.push_back(is_pair ? joined : word.ids[i]);
        if (is_pair) ++i;
      }
      word.ids = std::move(ids);
    }
  }

  TrainedBpe trained_;
  std::unordered_map<std::string, Id> ids_;
  std::vector<Word> words_;
};

}  // namespace

TrainedBpe train_bpe(std::span<const std::string> texts,
                     BpeFlavour flavour,
                     std::int64_t vocab_size) {
  const std::int64_t num_symbols = flavour == BpeFlavour::kClip ? 512 : 256;
  if (vocab_size < num_symbols) {
    throw vragent::ConfigError(vragent::formatted(
        "a vocabulary of {} tokens does not hold the {} byte symbols", vocab_size, num_symbols));
  }
  return Trainer(flavour, count_words(texts, flavour)).train(static_cast<std::size_t>(vocab_size));
}

}  // namespace mini_world

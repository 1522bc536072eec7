// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/generation_config.h"

#include <array>

#include "vragent/engine/adapter_folder.h"
#include "vragent/text/folder_files.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"

namespace vragent::engine {
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kDefaultTopK = 50;  ///< of transformers
constexpr const char* kNotFollowed =
    "is not followed here: leave --model-sampling out and give the flags";

/// Settings that change what is drawn, with the value that means they are off.
struct Setting {
  const char* key;
  double off;
};

constexpr std::array kNumbers = std::to_array<Setting>({{"num_beams", 1},
                                                        {"num_beam_groups", 1},
                                                        {"no_repeat_ngram_size", 0},
                                                        {"encoder_no_repeat_ngram_size", 0},
                                                        {"encoder_repetition_penalty", 1},
                                                        {"diversity_penalty", 0},
                                                        {"typical_p", 1},
                                                        {"epsilon_cutoff", 0},
                                                        {"eta_cutoff", 0},
                                                        {"penalty_alpha", 0},
                                                        {"guidance_scale", 1},
                                                        {"min_length", 0},
                                                        {"min_new_tokens", 0}});
constexpr std::array kOthers = std::to_array<const char*>({"bad_words_ids",
                                                           "suppress_tokens",
                                                           "begin_suppress_tokens",
                                                           "forced_bos_token_id",
                                                           "forced_eos_token_id",
                                                           "force_words_ids",
                                                           "constraints",
                                                           "sequence_bias",
                                                           "exponential_decay_length_penalty",
                                                           "stop_strings",
                                                           "top_h"});

void refuse_what_is_not_followed(const JsonRecord& record) {
  for (const Setting& setting : kNumbers) {
    if (record.number_or_null(setting.key).value_or(setting.off) != setting.off)
      record.fail(setting.key, kNotFollowed);
  }
  for (const char* key : kOthers) {
    if (record.has(key)) record.fail(key, kNotFollowed);
  }
}

double number_in(
    const JsonRecord& record, const char* key, double fallback, double low, double high) {
  const double value = record.number_or_null(key).value_or(fallback);
  if (value < low || value > high)
    record.fail(key, formatted("a number in [{:g}, {:g}] is wanted, got {:g}", low, high, value));
  return value;
}

}  // namespace

std::vector<std::int64_t> eos_ids_in(const fs::path& file) {
  if (!fs::exists(fs::symlink_status(file))) return {};
  const Json root = parse_json_object(text::read_inside(file), file.string());
  const JsonRecord record(root, file.string());
  if (!record.has("eos_token_id")) return {};
  const std::vector<std::int64_t> ids =
      root["eos_token_id"].is_array() ? record.integers_or_empty("eos_token_id")
                                      : std::vector<std::int64_t>{record.integer("eos_token_id")};
  for (const std::int64_t id : ids) {
    if (id < 0) record.fail("eos_token_id", formatted("{} is no token id", id));
  }
  return ids;
}

chat::SamplingConfig model_sampling(const fs::path& folder) {
  const fs::path file = base_folder(folder) / "generation_config.json";
  const Json root = parse_json_object(text::read_inside(file), file.string());
  const JsonRecord record(root, file.string());
  refuse_what_is_not_followed(record);
  chat::SamplingConfig sampling;
  sampling.temperature = number_in(record, "temperature", 1, 0, 100);
  if (!record.boolean_or("do_sample", false)) sampling.temperature = 0;
  sampling.top_k = record.integer_or("top_k", kDefaultTopK);
  if (sampling.top_k < 0 || sampling.top_k > 1'000'000'000)
    record.fail("top_k", formatted("a count of tokens is wanted, got {}", sampling.top_k));
  sampling.top_p = number_in(record, "top_p", 1, 1e-9, 1);
  sampling.min_p = number_in(record, "min_p", 0, 0, 1);
  sampling.repetition_penalty = number_in(record, "repetition_penalty", 1, 1e-3, 1e3);
  return sampling;
}

}  // namespace vragent::engine

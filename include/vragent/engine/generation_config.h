// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What the authors of a checkpoint wrote into generation_config.json: the ids that end an answer,
// which always count, and how to draw tokens, which counts where it is asked for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "vragent/chat/sampling.h"

namespace vragent::engine {

/// The ids under "eos_token_id" of a JSON file: one number, or a list. None where the file, the key
/// or its value is absent.
/// @throws DataError naming the file and the key for anything else, and for what is no JSON object
std::vector<std::int64_t> eos_ids_in(const std::filesystem::path& file);

/// Temperature, top-k, top-p, min-p and repetition penalty as generate() of transformers takes them
/// from the generation_config.json of a model's folder (of the base, for an adapter): greedy unless
/// do_sample is true, top-k 50 where the file is silent. The longest answer stays our default.
/// @throws Error (66) where the file is absent; DataError naming the file and the key for a value
///   of a wrong type or out of range, and for settings that we cannot follow (beams, bans of
///   tokens)
chat::SamplingConfig model_sampling(const std::filesystem::path& folder);

}  // namespace vragent::engine

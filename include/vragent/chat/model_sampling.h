// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// --model-sampling, which several commands have: protocols fix how tokens are drawn, so what the
// authors of a checkpoint recommend counts only where it is asked for.
#pragma once

namespace vragent::chat {

inline constexpr const char* kModelSamplingHelp =
    "take temperature, top-k, top-p, min-p and repetition-penalty from the model's "
    "generation_config.json where neither a flag nor --config gives them";

}  // namespace vragent::chat

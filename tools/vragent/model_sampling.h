// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// --model-sampling: tokens are drawn as the model's authors say, where the user says nothing.
#pragma once

#include <string>

#include "command.h"
#include "vragent/chat/sampling.h"

namespace vragent::tools {

/// Puts what generation_config.json of the model says (engine/generation_config) into `sampling`,
/// but for what a flag or the --config file gave, and logs the outcome.
/// @param group  of the flags: "" or "sampling."
void take_model_sampling(const std::string& model,
                         const std::string& group,
                         const IsGiven& is_given,
                         chat::SamplingConfig& sampling);

}  // namespace vragent::tools

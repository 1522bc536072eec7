// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "model_sampling.h"

#include "vragent/engine/generation_config.h"
#include "vragent/models/hf_folder.h"
#include "vragent/util/log.h"

namespace vragent::tools {

void take_model_sampling(const std::string& model,
                         const std::string& group,
                         const IsGiven& is_given,
                         chat::SamplingConfig& sampling) {
  check_given("model", model);
  const chat::SamplingConfig theirs = engine::model_sampling(models::resolve_model(model));
  const auto take = [&](const char* name, auto& field, auto value) {
    if (!is_given(group + name)) field = value;
  };
  take("temperature", sampling.temperature, theirs.temperature);
  take("top-k", sampling.top_k, theirs.top_k);
  take("top-p", sampling.top_p, theirs.top_p);
  take("min-p", sampling.min_p, theirs.min_p);
  take("repetition-penalty", sampling.repetition_penalty, theirs.repetition_penalty);
  log::info("model-sampling temperature={} top-k={} top-p={} min-p={} repetition-penalty={}",
            sampling.temperature,
            sampling.top_k,
            sampling.top_p,
            sampling.min_p,
            sampling.repetition_penalty);
}

}  // namespace vragent::tools

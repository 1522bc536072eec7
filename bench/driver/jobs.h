// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// One timed piece of work each: a JSON object in, a JSON object with "seconds" out.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "vragent/nn/device.h"
#include "vragent/util/json.h"

namespace vragent::bench {

struct Session {
  std::filesystem::path model;
  nn::RuntimeConfig runtime;
};

using Job = std::function<OrderedJson(const Json& request)>;

/// roof: what the device can do at best, bytes read a second, and operations of a large product in
/// the type of computing, ours or torch's.
void add_roof(const Session& session, torch::Device device, std::map<std::string, Job>& jobs);

/// attention, product, draw: one operation of a decoding step each, and the bytes that it has to
/// read (no model). Those of models that infer also answer roof.
void add_kernel_jobs(const Session& session, std::map<std::string, Job>& jobs);

/// generate, last_logits (a decoder folder).
void add_language_jobs(const Session& session, std::map<std::string, Job>& jobs);

/// Only loads them (a decoder folder).
void load_weights(const Session& session);

/// embed (a BERT folder): mean-pooled vectors of texts.
void add_text_jobs(const Session& session, std::map<std::string, Job>& jobs);

/// clip (a CLIP folder): vectors of random images and of ids.
void add_clip_jobs(const Session& session, std::map<std::string, Job>& jobs);

/// vision (a Qwen2.5-VL folder): tower and prefill over random images.
void add_vision_jobs(const Session& session, std::map<std::string, Job>& jobs);

/// grpo_step: rollout, reference, loss, backward and update, over given prompts.
void add_grpo_jobs(const Session& session, std::map<std::string, Job>& jobs);

/// sft_step: forward, loss, backward and update on packed rows. @param rank of an adapter; 0: all
void add_sft_jobs(const Session& session, std::int64_t rank, std::map<std::string, Job>& jobs);

/// save_weights, train, evaluate (a config file of train-sasrec in place of a model).
void add_recommender_jobs(const Session& session, std::map<std::string, Job>& jobs);

/// tokenize: ids of the lines of a file, on one thread.
void add_tokenizer_jobs(const Session& session, std::map<std::string, Job>& jobs);

}  // namespace vragent::bench

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/native_chat.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "vragent/engine/adapter_folder.h"
#include "vragent/engine/answer_texts.h"
#include "vragent/models/hf_folder.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/progress.h"

namespace vragent::engine {
namespace {

/// Requests with equal settings are generated together.
auto batch_key(const chat::Request& request) {
  const chat::SamplingConfig& s = request.sampling;
  return std::tuple(
      s.temperature, s.top_k, s.top_p, s.min_p, s.repetition_penalty, s.max_tokens, request.stops);
}

/// A tokenizer of another model, or ids from a file, may know tokens that the model does not.
void check_ids(const std::vector<std::int64_t>& ids, std::int64_t vocab_size) {
  if (ids.empty()) throw DataError("a prompt without tokens");
  for (const std::int64_t id : ids) {
    if (id >= 0 && id < vocab_size) continue;
    throw DataError(
        formatted("token id {} is outside the model's vocabulary of {}", id, vocab_size));
  }
}

/// Where the choices part: the tokens that all of them begin with, and what may come next for each.
struct Fork {
  EncodedChat shared;
  std::vector<std::set<std::int64_t>> next;
};

/// A tokenizer may fuse the end of the prefill with a choice (Qwen: "<answer>Yes" ends in ">Yes"),
/// so the choices are encoded where they stand, and not behind the prefill's own tokens.
Fork fork_of(const ChatEncoder& encoder,
             const chat::Request& request,
             const std::vector<std::string>& choices) {
  const auto spelt = [&](const std::string& text) {
    return encoder.encode(request.messages, request.prefill + text);
  };
  std::vector<EncodedChat> bare;
  for (const std::string& choice : choices) bare.push_back(spelt(choice));
  std::size_t length = bare.front().ids.size() - 1;
  for (const EncodedChat& chat : bare) {
    const auto [mine, first] = std::mismatch(
        chat.ids.begin(), chat.ids.end() - 1, bare.front().ids.begin(), bare.front().ids.end());
    length = std::min(length, static_cast<std::size_t>(mine - chat.ids.begin()));
  }
  Fork fork{.shared = bare.front()};
  fork.shared.ids.resize(length);
  if (fork.shared.positions.defined())
    fork.shared.positions = fork.shared.positions.narrow(-1, 0, static_cast<std::int64_t>(length));
  std::vector<std::int64_t> spaced(choices.size(), -1);  // where it parts at the same place
  for (std::size_t c = 0; c < choices.size(); ++c) {
    const std::vector<std::int64_t> ids = spelt(" " + choices[c]).ids;
    if (ids.size() > length &&
        std::equal(fork.shared.ids.begin(), fork.shared.ids.end(), ids.begin()))
      spaced[c] = ids[length];
  }
  for (std::size_t c = 0; c < choices.size(); ++c) {
    bool is_own = spaced[c] >= 0;  // what begins another choice too tells nothing
    for (std::size_t other = 0; other < choices.size(); ++other)
      is_own = is_own &&
               (other == c || (spaced[other] != spaced[c] && bare[other].ids[length] != spaced[c]));
    fork.next.push_back({bare[c].ids[length]});
    if (is_own) fork.next.back().insert(spaced[c]);
  }
  return fork;
}

}  // namespace

LanguageModel load_language_model_folder(const std::filesystem::path& folder,
                                         torch::Dtype dtype,
                                         torch::Device device) {
  const std::filesystem::path base = base_folder(folder);
  const std::string type =
      models::model_type(models::read_model_config(base), (base / "config.json").string());
  LanguageModel model;
  if (type == "qwen2_5_vl") {
    model.vision = models::load_vision_lm(base, dtype, device);
  } else {
    model.causal = models::load_causal_lm(base, dtype, device);
  }
  if (is_adapter_folder(folder)) {
    attach_adapter_folder(model.module(), folder);
    nn::merge_adapters(model.module());
  }
  return model;
}

Prompt make_prompt(LanguageModel& model, const EncodedChat& encoded) {
  check_ids(encoded.ids, model.text().decoder->embed_tokens->weight.size(0));
  if (!model.vision.is_empty()) models::refuse_videos(encoded.ids, model.vision->config);
  Prompt prompt{
      .ids = encoded.ids, .positions = encoded.positions, .position_delta = encoded.position_delta};
  if (!encoded.patches.defined()) return prompt;
  const torch::NoGradGuard no_grad;
  const torch::Device device = model.vision->visual->patch_weight.device();
  const torch::Tensor features = model.vision->visual(encoded.patches.to(device), encoded.grids);
  prompt.embeddings = model.vision->embed(torch::tensor(encoded.ids).to(device), features);
  return prompt;
}

NativeChat::NativeChat(const std::filesystem::path& folder,
                       torch::Dtype dtype,
                       torch::Device device,
                       const NativeChatConfig& config)
    : name_(folder.has_filename() ? folder.filename().string()
                                  : folder.parent_path().filename().string()),
      encoder_(folder),
      model_(load_language_model_folder(folder, dtype, device)),
      text_(model_.text()),
      config_(config) {
  models::pack_for_inference(text_);
}

Prompt NativeChat::prompt_of(const chat::Request& request) {
  Prompt prompt = make_prompt(model_, encoder_.encode(request.messages, request.prefill));
  prompt.seed = request.seed;
  prompt.num_samples = request.num_samples;
  return prompt;
}

std::vector<std::vector<chat::Answer>> NativeChat::answer(std::span<const chat::Request> requests) {
  std::map<decltype(batch_key({})), std::vector<std::size_t>> batches;
  for (std::size_t i = 0; i < requests.size(); ++i) batches[batch_key(requests[i])].push_back(i);
  std::vector<std::vector<chat::Answer>> answers(requests.size());
  for (const auto& [key, batch] : batches) {
    const Stopwatch watch;
    std::vector<Prompt> prompts;
    for (const std::size_t i : batch) prompts.push_back(prompt_of(requests[i]));
    AnswerTexts texts(encoder_.tokenizer(),
                      requests[batch[0]].stops,
                      [&](std::size_t prompt, std::int64_t sample, std::string_view piece) {
                        const auto& on_text = requests[batch[prompt]].on_text;
                        if (on_text) on_text(sample, piece);
                      });
    const GeneratorConfig config{
        .sampling = requests[batch[0]].sampling,
        .stop_ids = encoder_.stop_ids(),
        .max_rows = config_.max_rows,
        .max_prefill_tokens = config_.max_prefill_tokens,
        .on_token = [&](const NewToken& token) { return texts.push(token); }};
    const auto samples = generate(text_, prompts, config);
    for (std::size_t b = 0; b < batch.size(); ++b) {
      for (std::size_t s = 0; s < samples[b].size(); ++s) {
        const Sample& sample = samples[b][s];
        answers[batch[b]].push_back(
            {.text = texts.text(b, static_cast<std::int64_t>(s)),
             .finish_reason = sample.finish_reason,
             .prompt_tokens = static_cast<std::int64_t>(prompts[b].ids.size()),
             .completion_tokens = static_cast<std::int64_t>(sample.ids.size()),
             .latency_ms = watch.seconds() * 1000});
      }
    }
  }
  return answers;
}

std::vector<std::vector<double>> NativeChat::choice_log_probs(
    std::span<const chat::Request> requests, const std::vector<std::string>& choices) {
  std::vector<Prompt> prompts;
  std::vector<Fork> forks;
  std::vector<std::vector<std::int64_t>> ids;  // of all choices of a request, one behind the other
  for (const chat::Request& request : requests) {
    forks.push_back(fork_of(encoder_, request, choices));
    prompts.push_back(make_prompt(model_, forks.back().shared));
    ids.emplace_back();
    for (const auto& next : forks.back().next)
      ids.back().insert(ids.back().end(), next.begin(), next.end());
  }
  const std::vector<torch::Tensor> log_probs =
      next_token_log_probs(text_, prompts, ids, config_.max_prefill_tokens);
  std::vector<std::vector<double>> result;
  for (std::size_t row = 0; row < forks.size(); ++row) {
    std::vector<double>& of_row = result.emplace_back();
    std::int64_t begin = 0;
    for (const auto& next : forks[row].next) {
      of_row.push_back(
          log_probs[row].narrow(0, begin, std::ssize(next)).logsumexp(0).item<double>());
      begin += std::ssize(next);
    }
  }
  return result;
}

}  // namespace vragent::engine

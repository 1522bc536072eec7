// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <algorithm>
#include <utility>

#include "command.h"
#include "inspect/commands.h"
#include "inspect/ids_file.h"
#include "inspect/located.h"
#include "model_sampling.h"
#include "printing.h"
#include "vragent/chat/model_sampling.h"
#include "vragent/engine/answer_texts.h"
#include "vragent/engine/native_chat.h"
#include "vragent/media/image.h"
#include "vragent/models/hf_folder.h"
#include "vragent/models/vision_lm.h"
#include "vragent/nn/device.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/log.h"
#include "vragent/util/random.h"

namespace vragent::tools {
namespace {

struct GenerateFlags {
  std::string model;
  std::string prompt;
  std::string system;
  std::string prefill;
  std::vector<std::filesystem::path> images;
  std::filesystem::path ids;
  std::int64_t num_samples = 1;
  std::vector<std::string> stops;
  chat::SamplingConfig sampling = {.temperature = 0.0, .max_tokens = 64};
  bool model_sampling = false;
  nn::RuntimeConfig runtime = {.seed = 0};

  void visit(auto& v) {
    v("model", model, "checkpoint folder, or org/name in the local cache (required)");
    v("prompt", prompt, "what the user says; the model's chat template is put around it");
    v("system", system, "what the system turn says");
    v("prefill", prefill, "how the answer begins; no part of what is printed");
    v("images",
      images,
      "image files before the prompt, or in the order of their places in --ids: one image token an "
      "image, which is expanded, or as many as it has features");
    v("ids",
      ids,
      "instead of a prompt: JSON file (or -) with a list of token ids, a list of lists, or a list "
      "a line");
    v("num-samples", num_samples, "answers of each prompt");
    v("stop",
      stops,
      "end an answer before the first of these texts; several separated by commas; a stop that "
      "holds a comma: in --config, {\"stop\": [\", \"]}");
    sampling.visit(v);
    v("model-sampling", model_sampling, chat::kModelSamplingHelp);
    runtime.visit(v);
  }

  void check() const {
    check_given("model", model);
    if (prompt.empty() && ids.empty()) throw ConfigError("--prompt or --ids is required");
    if (!prompt.empty() && !ids.empty()) throw ConfigError("--prompt and --ids exclude each other");
    check_range("num-samples", static_cast<double>(num_samples), 1, 1e6);
    sampling.check();
  }
};

/// Token ids with places for all the images.
engine::EncodedChat encoded_ids(const GenerateFlags& flags,
                                const std::filesystem::path& folder,
                                std::vector<std::int64_t> ids) {
  if (flags.images.empty()) return {.ids = std::move(ids)};
  std::vector<media::Image> images;
  for (const auto& path : flags.images) images.push_back(media::read_image(path));
  const models::VisionLmConfig config = models::parse_vision_lm_config(
      models::read_model_config(folder), (folder / "config.json").string());
  return engine::encoded_prompt(models::vision_prompt(
      std::move(ids), images, config, models::load_pixels_for(config.vision, folder)));
}

engine::EncodedChat encoded_question(const GenerateFlags& flags,
                                     const engine::ChatEncoder& encoder) {
  std::vector<chat::Message> messages;
  if (!flags.system.empty()) messages.push_back({"system", flags.system, {}});
  messages.push_back({"user", flags.prompt, {}});
  for (const auto& path : flags.images) messages.back().images.push_back(media::read_image(path));
  // In a chat these are but letters; somebody who types them here means a video.
  if (encoder.sees_images() &&
      (flags.prompt + flags.system).find("<|video_pad|>") != std::string::npos)
    throw DataError(
        "the prompt holds <|video_pad|>: videos are not read, show their frames as images");
  return encoder.encode(messages, flags.prefill);
}

/// The prompt that --prompt gives, or those of --ids.
std::vector<engine::Prompt> prompts_of(const GenerateFlags& flags,
                                       const std::filesystem::path& folder,
                                       const engine::ChatEncoder& encoder,
                                       engine::LanguageModel& model) {
  std::vector<engine::Prompt> prompts;
  for (IdsRow& row : read_ids(flags.ids)) {
    prompts.push_back(located(row.where, [&] {
      return engine::make_prompt(model, encoded_ids(flags, folder, std::move(row.ids)));
    }));
  }
  if (flags.ids.empty())
    prompts.push_back(engine::make_prompt(model, encoded_question(flags, encoder)));
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    prompts[p].seed = mix_seed(static_cast<std::uint64_t>(flags.runtime.seed), {p});
    prompts[p].num_samples = flags.num_samples;
  }
  return prompts;
}

/// Positions are angles here: a model computes on behind those that it has learned.
void warn_of_length(const models::TextModel& model,
                    const std::vector<engine::Prompt>& prompts,
                    std::int64_t max_tokens) {
  std::int64_t longest = 0;
  for (const engine::Prompt& prompt : prompts)
    longest = std::max(longest, std::ssize(prompt.ids) + prompt.position_delta);
  const std::int64_t num_positions = model.decoder->config.max_positions;
  if (longest + max_tokens <= num_positions) return;
  log::warn("{} tokens and {} more pass the model's {} positions: answers behind them mean little",
            longest,
            max_tokens,
            num_positions);
}

void print_json(std::size_t prompt,
                std::size_t sample_index,
                const engine::Sample& sample,
                const std::string& text) {
  const OrderedJson line = {{"prompt", prompt},
                            {"sample", sample_index},
                            {"text", text},
                            {"finish_reason", sample.finish_reason},
                            {"ids", sample.ids},
                            {"log_probs", sample.log_probs}};
  print_text(dump_json(line) + "\n");
}

void generate_text(const GenerateFlags& flags, bool as_json) {
  flags.check();
  if (flags.num_samples > 1 && flags.sampling.temperature == 0)
    log::warn("--num-samples {}: at --temperature 0 they are all alike", flags.num_samples);
  end_at_first_signal(true);  // while nothing is answered
  nn::prepare_torch(flags.runtime);
  const auto folder = models::resolve_model(flags.model);
  const engine::ChatEncoder encoder(folder);
  if (!flags.images.empty() && !encoder.sees_images())
    throw DataError(formatted("{}: this model sees no images; a qwen2_5_vl folder is needed",
                              folder / "config.json"));
  engine::LanguageModel model = engine::load_language_model_folder(
      folder, nn::parse_dtype(flags.runtime.dtype), nn::parse_device(flags.runtime.device));
  const std::vector<engine::Prompt> prompts = prompts_of(flags, folder, encoder, model);
  // A single answer is shown while it is written.
  const bool stream = !as_json && prompts.size() == 1 && flags.num_samples == 1;
  engine::AnswerTexts texts(
      encoder.tokenizer(), flags.stops, [&](std::size_t, std::int64_t, std::string_view piece) {
        if (stream) print_text(std::string(piece));
      });
  bool is_first = true;  // of all tokens: from here on there is an answer to end
  const engine::GeneratorConfig config{.sampling = flags.sampling,
                                       .stop_ids = encoder.stop_ids(),
                                       .on_token = [&](const engine::NewToken& token) {
                                         if (std::exchange(is_first, false))
                                           end_at_first_signal(false);
                                         if (interrupt_requested() && stream) print_text("\n");
                                         throw_if_interrupted("the answer is not whole");
                                         return texts.push(token);
                                       }};
  models::TextModel text = model.text();
  warn_of_length(text, prompts, flags.sampling.max_tokens);
  models::pack_for_inference(text);
  const auto answers = engine::generate(text, prompts, config);
  if (stream) return print_text("\n");
  for (std::size_t p = 0; p < answers.size(); ++p) {
    for (std::size_t s = 0; s < answers[p].size(); ++s) {
      const std::string said = texts.text(p, static_cast<std::int64_t>(s));
      as_json ? print_json(p, s, answers[p][s], said) : print_text(said + "\n");
    }
  }
}

}  // namespace

void add_inspect_generate(CLI::App& inspect) {
  CLI::App& command =
      add_nested_command(inspect,
                         "generate",
                         "Answers of a language model to a prompt; greedy unless asked otherwise");
  auto flags = std::make_shared<GenerateFlags>();
  const IsGiven is_given = bind_options(command, options_of(*flags));
  auto json = add_json_flag(command);
  on_run(command, [flags, is_given, json] {
    if (flags->model_sampling) take_model_sampling(flags->model, "", is_given, flags->sampling);
    generate_text(*flags, *json);
  });
}

}  // namespace vragent::tools

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <algorithm>
#include <memory>

#include <torch/types.h>

#include "jobs.h"
#include "vragent/engine/chat_encoder.h"
#include "vragent/engine/generator.h"
#include "vragent/engine/native_chat.h"
#include "vragent/engine/prefill.h"
#include "vragent/models/bert.h"
#include "vragent/models/clip.h"
#include "vragent/models/vision_lm.h"
#include "vragent/text/tokenizer.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/progress.h"

namespace vragent::bench {
namespace {

using torch::Tensor;
using Ids = std::vector<std::int64_t>;

std::vector<double> numbers(const Tensor& x) {
  const Tensor wide = x.to(torch::kFloat64).contiguous();
  return {wide.const_data_ptr<double>(), wide.const_data_ptr<double>() + wide.numel()};
}

struct Language {
  explicit Language(const Session& session)
      : model(engine::load_language_model_folder(session.model,
                                                 nn::parse_dtype(session.runtime.dtype),
                                                 nn::parse_device(session.runtime.device))),
        text(model.text()) {
    models::pack_for_inference(text);
  }

  OrderedJson generate(const Json& request) {
    std::vector<engine::Prompt> prompts;
    std::uint64_t seed = 1;
    for (const Json& ids : request.at("prompts"))
      prompts.push_back({.ids = ids.get<Ids>(),
                         .seed = seed++,
                         .num_samples = request.value("num_samples", std::int64_t{1})});
    const engine::GeneratorConfig config{
        .sampling = {.temperature = request.value("temperature", 1.0),
                     .max_tokens = request.at("max_tokens").get<std::int64_t>()},
        .stop_ids = request.value("stop_ids", Ids()),
        .max_rows = request.value("max_rows", std::int64_t{128})};
    const Stopwatch watch;
    const auto answers = engine::generate(text, prompts, config);
    const double seconds = watch.seconds();
    std::int64_t tokens = 0;
    for (const auto& group : answers)
      for (const engine::Sample& sample : group) tokens += std::ssize(sample.ids);
    return {{"seconds", seconds}, {"tokens", tokens}, {"first", answers[0][0].ids}};
  }

  OrderedJson last_logits(const Json& request) {
    const torch::NoGradGuard no_grad;
    const engine::Prompt prompt{.ids = request.at("ids").get<Ids>()};
    const Stopwatch watch;
    const Tensor logits = text.logits(engine::prefill(text, {&prompt, 1}).last_hidden)[0].cpu();
    return {{"seconds", watch.seconds()}, {"logits", numbers(logits)}};
  }

  engine::LanguageModel model;
  models::TextModel text;
};

}  // namespace

void add_language_jobs(const Session& session, std::map<std::string, Job>& jobs) {
  const auto language = std::make_shared<Language>(session);
  jobs["generate"] = [language](const Json& request) { return language->generate(request); };
  add_roof(session, language->text.head.device(), jobs);
  jobs["last_logits"] = [language](const Json& request) { return language->last_logits(request); };
}

void load_weights(const Session& session) {
  engine::load_language_model_folder(
      session.model, nn::parse_dtype(session.runtime.dtype), torch::kCPU);
}

void add_text_jobs(const Session& session, std::map<std::string, Job>& jobs) {
  auto bert = std::make_shared<models::Bert>(
      models::load_bert(session.model, nn::parse_dtype(session.runtime.dtype), torch::kCPU));
  add_roof(session, torch::kCPU, jobs);
  const std::shared_ptr<text::Tokenizer> tokenizer = text::load_tokenizer(session.model);
  jobs["embed"] = [bert, tokenizer](const Json& request) -> OrderedJson {
    const torch::NoGradGuard no_grad;
    std::vector<std::string> texts;
    for_each_line(request.at("file").get<std::string>(),
                  [&](const std::string& line, const std::string&) { texts.push_back(line); });
    const auto batch = static_cast<std::size_t>(request.value("batch", 64));
    const Stopwatch watch;
    std::vector<Tensor> parts;
    for (std::size_t begin = 0; begin < texts.size(); begin += batch) {
      std::vector<Ids> rows;
      std::size_t longest = 1;
      for (std::size_t i = begin; i < std::min(texts.size(), begin + batch); ++i) {
        rows.push_back(tokenizer->encode(texts[i], {.max_length = 256}));
        longest = std::max(longest, rows.back().size());
      }
      Tensor ids =
          torch::zeros({std::ssize(rows), static_cast<std::int64_t>(longest)}, torch::kInt64);
      Tensor lengths = torch::zeros({std::ssize(rows)}, torch::kInt64);
      for (std::size_t r = 0; r < rows.size(); ++r) {
        ids[static_cast<std::int64_t>(r)]
            .narrow(0, 0, std::ssize(rows[r]))
            .copy_(torch::tensor(rows[r]));
        lengths[static_cast<std::int64_t>(r)] = std::ssize(rows[r]);
      }
      parts.push_back(
          (*bert)->mean_states(ids, ops::length_mask(lengths, static_cast<std::int64_t>(longest))));
    }
    const Tensor all = torch::cat(parts);
    return {{"seconds", watch.seconds()},
            {"texts", texts.size()},
            {"first", numbers(all[0])},
            {"last", numbers(all[-1])}};
  };
}

void add_clip_jobs(const Session& session, std::map<std::string, Job>& jobs) {
  auto clip = std::make_shared<models::Clip>(
      models::load_clip(session.model, nn::parse_dtype(session.runtime.dtype), torch::kCPU));
  add_roof(session, torch::kCPU, jobs);
  jobs["clip"] = [clip](const Json& request) -> OrderedJson {
    const torch::NoGradGuard no_grad;
    const std::int64_t images = request.at("images").get<std::int64_t>();
    const std::int64_t side = (*clip)->config.image_size;
    const Tensor pixels =
        torch::sin(torch::arange(images * 3 * side * side) * 0.37).view({images, 3, side, side});
    std::vector<Tensor> rows;
    for (const Json& ids : request.at("ids")) rows.push_back(torch::tensor(ids.get<Ids>()));
    const Tensor ids = torch::stack(rows);
    const std::int64_t batch = request.value("batch", std::int64_t{64});
    const Stopwatch watch;
    std::vector<Tensor> image_parts;
    for (const Tensor& part : pixels.split(batch))
      image_parts.push_back((*clip)->encode_image(part));
    std::vector<Tensor> text_parts;
    for (const Tensor& part : ids.split(batch)) text_parts.push_back((*clip)->encode_text(part));
    const double seconds = watch.seconds();
    return {{"seconds", seconds},
            {"image", numbers(torch::cat(image_parts)[0])},
            {"text", numbers(torch::cat(text_parts)[0])}};
  };
}

void add_vision_jobs(const Session& session, std::map<std::string, Job>& jobs) {
  auto lm = std::make_shared<models::VisionLm>(
      models::load_vision_lm(session.model, nn::parse_dtype(session.runtime.dtype), torch::kCPU));
  add_roof(session, torch::kCPU, jobs);
  models::TextModel text = (*lm)->text();
  models::pack_for_inference(text);
  jobs["vision"] = [lm, text](const Json& request) -> OrderedJson {
    const torch::NoGradGuard no_grad;
    models::VisionLm& model = *lm;
    const std::int64_t side = request.at("patches_a_side").get<std::int64_t>();
    const std::int64_t images = request.at("images").get<std::int64_t>();
    const std::vector<models::Grid> grids(static_cast<std::size_t>(images), {1, side, side});
    const std::int64_t rows = images * side * side;
    const Tensor patches = torch::sin(torch::arange(rows * 1176) * 0.37).view({rows, 1176});
    Ids ids;
    for (const Json& id : request.at("ids")) ids.push_back(id.get<std::int64_t>());
    ids = models::expand_image_tokens(ids, grids, model->config);
    const Stopwatch watch;
    const Tensor features = model->visual(patches, grids);
    const auto places = models::mrope_positions(ids, grids, model->config);
    const engine::Prompt prompt{.ids = ids,
                                .embeddings = model->embed(torch::tensor(ids), features),
                                .positions = places.positions,
                                .position_delta = places.delta};
    const Tensor logits = text.logits(engine::prefill(text, {&prompt, 1}).last_hidden)[0];
    return {{"seconds", watch.seconds()}, {"tokens", ids.size()}, {"logits", numbers(logits)}};
  };
}

void add_tokenizer_jobs(const Session& session, std::map<std::string, Job>& jobs) {
  const std::shared_ptr<text::Tokenizer> tokenizer = text::load_tokenizer(session.model);
  jobs["tokenize"] = [tokenizer](const Json& request) -> OrderedJson {
    std::vector<std::string> texts;
    for_each_line(request.at("file").get<std::string>(),
                  [&](const std::string& line, const std::string&) { texts.push_back(line); });
    const Stopwatch watch;
    std::int64_t tokens = 0;
    for (const std::string& line : texts) tokens += std::ssize(tokenizer->encode(line));
    return {{"seconds", watch.seconds()}, {"tokens", tokens}};
  };
}

}  // namespace vragent::bench

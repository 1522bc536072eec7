// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/training_run.h"

#include <algorithm>

#include "vragent/data/formats/item_reader.h"
#include "vragent/data/items.h"
#include "vragent/data/run_dir.h"
#include "vragent/data/top_k.h"
#include "vragent/nn/parameters.h"
#include "vragent/recommender/counters.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"
#include "vragent/util/log.h"
#include "vragent/util/random.h"

namespace vragent::recommender {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMayDiffer = "resume,overwrite,device,threads,loop.epochs,epochs";

data::Split split_of(const std::string& name) {
  return name == "valid" ? data::Split::kValid : data::Split::kTest;
}

fs::path lists_file(const fs::path& out, const std::string& split) {
  return out / (split == "test" ? std::string(data::kTopKFile) : "topk." + split + ".jsonl");
}

/// The text of each catalogue index: caption, else title. Items without one are an error, unless
/// the config says that they are empty texts.
std::vector<std::string> texts_of(const data::Sequences& sequences, const TrainConfig& config) {
  data::Catalogue catalogue;
  if (!config.items.empty()) catalogue = data::formats::load_items(config.items);
  if (!config.captions.empty())
    data::add_captions(catalogue, data::file_in(config.captions, data::kCaptionsFile));
  std::vector<std::string> texts(sequences.item_ids.size());
  std::vector<std::string> missing;
  for (std::size_t i = 1; i < texts.size(); ++i) {
    const data::Item* item = catalogue.find(sequences.item_ids[i]);
    if (item != nullptr) texts[i] = item->text();
    if (texts[i].empty()) missing.push_back(sequences.item_ids[i]);
  }
  if (missing.empty()) return texts;
  const bool is_known = catalogue.find(missing.front()) != nullptr;
  const std::string problem = formatted("{} of {} items of {} have no text; the first, {}, {}",
                                        missing.size(),
                                        sequences.num_items(),
                                        config.interactions,
                                        missing.front(),
                                        is_known ? "is empty" : "is not in --items or --captions");
  if (config.missing_text == "error" || std::ssize(missing) == sequences.num_items())
    throw DataError(problem + " (--missing-text empty trains with empty texts)");
  log::warn("{}", problem);
  return texts;
}

Recommender build_model(const TrainConfig& config,
                        const data::Sequences& sequences,
                        torch::Device device) {
  ItemTower tower =
      config.tower.tower == "id"
          ? ItemTower(sequences.num_items(), config.encoder.width)
          : ItemTower(texts_of(sequences, config), config.encoder.width, config.tower, device);
  const auto seed = static_cast<std::uint64_t>(config.runtime.seed);
  tower->init(mix_seed(seed, {1}));
  UserEncoder encoder(config.encoder, config.protocol.max_len);
  encoder->init(mix_seed(seed, {2}));
  Recommender model(tower, encoder);
  model->to(device);
  return model;
}

OrderedJson metrics_json(const metrics::RankingMetrics& metrics) {
  OrderedJson object = OrderedJson::object();
  for (const auto& [name, value] : metrics::named_values(metrics)) object[name] = value;
  object["users"] = metrics.num_users;
  return object;
}

OrderedJson protocol_json(const TrainConfig& config) {
  return {{"ranking", "full"},
          {"masked", "history"},
          {"split", "leave-one-out"},
          {"window", config.protocol.max_len + 3},
          {"min_len", config.protocol.min_len},
          {"cold_max_len", config.protocol.cold_max_len},
          {"ties", "ascending index"},
          {"loss", config.model == "sequential" ? "in-batch softmax, popularity-debiased" : "none"},
          {"select", "valid hr@10"},
          {"seed", config.runtime.seed}};
}

OrderedJson counts_json(const data::Sequences& sequences) {
  std::int64_t in_windows = 0;
  for (const auto& window : sequences.windows)
    in_windows += static_cast<std::int64_t>(window.size());
  return {{"users", sequences.num_users()},
          {"cold_users", std::count(sequences.cold.begin(), sequences.cold.end(), true)},
          {"items", sequences.num_items()},
          {"interactions_in_windows", in_windows}};
}

OrderedJson feedback_json(const FeedbackConfig& config, const FeedbackCounts& counts) {
  return {{"arm", config.arm},
          {"users", counts.users},
          {"inserted", counts.inserted},
          {"answered_yes", counts.answered_yes},
          {"held_out", counts.held_out},
          {"guard", config.guard},
          {"unknown", counts.unknown},
          {"unanswered", counts.unanswered}};
}

/// Fills the model-dependent parts of metrics.json and gives the ranker that made them.
ScoreFunction train_sequential(const TrainConfig& config,
                               const data::Sequences& sequences,
                               OrderedJson& metrics) {
  const torch::Device device = nn::parse_device(config.runtime.device);
  Recommender model = build_model(config, sequences, device);
  TrainingInput input{.sequences = sequences,
                      .rows = training_rows(sequences),
                      .run_folder = config.out,
                      .seed = static_cast<std::uint64_t>(config.runtime.seed),
                      .device = device,
                      .resume = config.resume};
  if (!config.feedback.feedback.empty()) {
    Feedback feedback = load_feedback(config.feedback, sequences, input.seed);
    metrics["feedback"] = feedback_json(config.feedback, feedback.counts);
    log::info("feedback arm={} inserted={} held_out={}",
              config.feedback.arm,
              feedback.counts.inserted,
              feedback.counts.held_out);
    input.rows.insert(input.rows.end(), feedback.rows.begin(), feedback.rows.end());
  }
  const TrainingResult result = train(model, config.loop, input);
  metrics["training"] = {{"epochs_run", result.epochs_run},
                         {"best_epoch", result.best_epoch},
                         {"rows", input.rows.size()}};
  nn::save_safetensors(config.out / data::kModelFile, nn::parameters_of(*model));
  return model_ranker(model, sequences, device);
}

void write_lists(const TrainConfig& config,
                 const data::Sequences& sequences,
                 const ScoreFunction& ranker) {
  for (const std::string& split : config.top_k_splits) {
    std::string text;
    for (const data::TopK& row : top_k_lists(sequences, split_of(split), ranker, config.top_k))
      text += data::to_line(row) + "\n";
    write_file(lists_file(config.out, split), text);
  }
}

}  // namespace

void TrainConfig::check() const {
  check_given("out", out);
  check_given("interactions", interactions);
  check_one_of("model", model, {"sequential", "pop", "markov"});
  check_one_of("missing-text", missing_text, {"error", "empty"});
  reading.check();
  tower.check();
  encoder.check();
  protocol.check();
  loop.check();
  feedback.check();
  runtime.check();
  check_range("top-k", static_cast<double>(top_k), 1, 1e6);
  for (const std::string& split : top_k_splits)
    check_one_of("top-k-splits", split, {"test", "valid"});
  if (model == "sequential" && tower.tower == "text" && items.empty() && captions.empty()) {
    throw ConfigError("--tower text needs --items or --captions");
  }
  const bool reads_texts = model == "sequential" && tower.tower == "text";
  if (!reads_texts && !(items.empty() && captions.empty() && tower.text_model.empty())) {
    throw ConfigError("--items, --captions and --text-model are read by --tower text only");
  }
  if (runtime.dtype != "float32") throw ConfigError("train-sasrec computes in --dtype float32");
  if (!feedback.feedback.empty() && model != "sequential")
    throw ConfigError("--feedback trains a model; --model pop and markov do not learn from it");
}

std::string run_training(const TrainConfig& config) {
  config.check();
  nn::prepare_torch(config.runtime);
  const FolderLock lock(config.out);
  const std::string effective = data::begin_run(config, "train-sasrec", kMayDiffer);

  const data::Sequences sequences =
      data::formats::load_sequences(config.interactions, config.reading, config.protocol);
  OrderedJson metrics = {{"valid", nullptr}, {"test", nullptr}, {"test_cold", nullptr}};
  const ScoreFunction ranker = config.model == "pop" ? popularity_ranker(sequences)
                               : config.model == "markov"
                                   ? markov_ranker(sequences)
                                   : train_sequential(config, sequences, metrics);
  const Evaluation valid = evaluate(sequences, data::Split::kValid, ranker);
  const Evaluation test = evaluate(sequences, data::Split::kTest, ranker);
  metrics["valid"] = metrics_json(valid.all);
  metrics["test"] = metrics_json(test.all);
  metrics["test_cold"] = metrics_json(test.cold);
  metrics["test_ties"] = test.num_tied;
  metrics["protocol"] = protocol_json(config);
  metrics["counts"] = counts_json(sequences);
  write_lists(config, sequences, ranker);
  write_file(config.out / data::kConfigFile, effective);
  const std::string text = metrics.dump(2) + "\n";
  write_file(config.out / data::kMetricsFile, text);
  return text;
}

}  // namespace vragent::recommender

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/training_run.h"

#include <algorithm>
#include <optional>

#include "recommender/training_plan.h"
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
#include "vragent/util/interrupt.h"
#include "vragent/util/json.h"
#include "vragent/util/log.h"
#include "vragent/util/random.h"
#include "vragent/util/sha256.h"

namespace vragent::recommender {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMayDiffer =
    "resume,overwrite,dry-run,device,threads,epochs,save-every,on-nan,vector-cache,top-k,"
    "top-k-splits,candidates";

constexpr const char* kScoresFile = "scores.jsonl";

bool is_counter(const std::string& model) {
  return model == "pop" || model == "markov";
}

data::Split split_of(const std::string& name) {
  return name == "train"   ? data::Split::kTrain
         : name == "valid" ? data::Split::kValid
                           : data::Split::kTest;
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
  const auto first = static_cast<std::size_t>(sequences.item_index.at(missing.front()));
  const std::string problem =
      formatted("{} of {} items of {} have no text; the first, {}, {}; {}:{} is its first line",
                missing.size(),
                sequences.num_items(),
                config.interactions,
                missing.front(),
                is_known ? "is empty" : "is not in --items or --captions",
                config.interactions,
                sequences.item_lines[first]);
  if (config.missing_text == "error" || std::ssize(missing) == sequences.num_items())
    throw DataError(problem + " (--missing-text empty trains with empty texts)");
  log::warn("{}", problem);
  return texts;
}

ItemTower build_tower(const TrainConfig& config,
                      const data::Sequences& sequences,
                      torch::Device device) {
  const std::int64_t width = config.encoder.width;
  if (config.tower.tower == "id") return ItemTower(sequences.num_items(), width);
  if (config.tower.encodes_text())
    return ItemTower(texts_of(sequences, config), width, config.tower, device);
  if (config.tower.encodes_pictures())
    return ItemTower(find_pictures(config.tower, sequences.item_ids), width, config.tower, device);
  return ItemTower(feature_sources(config.tower, sequences.item_ids), width, config.tower, device);
}

/// Without users there is nothing to measure: null.
OrderedJson metrics_json(const metrics::RankingMetrics& metrics) {
  OrderedJson object = OrderedJson::object();
  for (const auto& [name, value] : metrics::named_values(metrics))
    object[name] = metrics.num_users > 0 ? OrderedJson(value) : OrderedJson();
  object["users"] = metrics.num_users;
  return object;
}

OrderedJson groups_json(const std::vector<metrics::GroupMetrics>& groups) {
  OrderedJson object = OrderedJson::object();
  for (const metrics::GroupMetrics& group : groups)
    object[group.label] = metrics_json(group.metrics);
  return object;
}

OrderedJson exposure_json(const ListExposure& exposure, std::int64_t k) {
  return {{"k", k},
          {"coverage", exposure.coverage},
          {"gini", exposure.gini},
          {"mean_popularity", exposure.mean_popularity},
          {"history_popularity", exposure.history_popularity},
          {"target_popularity", exposure.target_popularity},
          {"popularity_bias", exposure.popularity_bias}};
}

OrderedJson protocol_json(const TrainConfig& config) {
  return {{"ranking", "full"},
          {"masked", config.loop.mask_history ? "history" : "nothing"},
          {"split", "leave-one-out"},
          {"window", config.protocol.max_len + 3},
          {"min_len", config.protocol.min_len},
          {"cold_max_len", config.protocol.cold_max_len},
          {"ties", "ascending index"},
          {"loss", is_counter(config.model) ? "none" : config.loss.description()},
          {"select", "valid " + config.loop.select_metric},
          {"seed", config.runtime.seed}};
}

/// 16 digits of a hash of the windows: who watched what, in which order, users as the file has them
/// (without feedback).
std::string windows_hash(const data::Sequences& sequences) {
  std::string text;
  for (std::size_t user = 0; user < sequences.windows.size(); ++user) {
    text += sequences.user_ids[user];
    for (const std::int32_t item : sequences.windows[user])
      text += '\t' + sequences.item_ids[static_cast<std::size_t>(item)];
    text += '\n';
  }
  return sha256(text).substr(0, 16);
}

OrderedJson counts_json(const data::Sequences& sequences) {
  std::int64_t in_windows = 0;
  for (const auto& window : sequences.windows)
    in_windows += static_cast<std::int64_t>(window.size());
  return {{"users", sequences.num_users()},
          {"cold_users", std::count(sequences.cold.begin(), sequences.cold.end(), true)},
          {"items", sequences.num_items()},
          {"interactions_in_windows", in_windows},
          {"windows", windows_hash(sequences)}};
}

OrderedJson feedback_json(const FeedbackConfig& config, const FeedbackCounts& counts) {
  return {{"arm", config.arm},
          {"insert", config.insert},
          {"users", counts.users},
          {"inserted", counts.inserted},
          {"answered_yes", counts.answered_yes},
          {"held_out", counts.held_out},
          {"guard", config.guard},
          {"by_answer", config.by_answer},
          {"unknown", counts.unknown},
          {"unanswered", counts.unanswered}};
}

PlanInput plan_of(const TrainConfig& config,
                  const data::Sequences& sequences,
                  const Collaborative& model,
                  int processes) {
  return {.config = config, .sequences = sequences, .model = *model, .processes = processes};
}

PlanInput plan_of(const TrainConfig& config,
                  const data::Sequences& sequences,
                  const Recommender& model,
                  int processes) {
  PlanInput input{
      .config = config, .sequences = sequences, .model = *model, .processes = processes};
  if (const models::Bert& text = model->items->encoder) {
    input.encoder = {.tokens = std::min(config.tower.max_tokens, text->config.max_positions),
                     .width = text->config.hidden_size,
                     .heads = text->config.num_heads,
                     .layers = text->config.num_layers};
  } else if (const models::Vit& vision = model->items->vision) {
    input.encoder = {.tokens = vision->position_embeddings.size(1),
                     .width = vision->config.hidden_size,
                     .heads = vision->config.num_heads,
                     .layers = vision->config.num_layers};
  }
  return input;
}

/// Fills the model-dependent parts of metrics.json and gives the ranker that made them.
ScoreFunction train_sequential(const TrainConfig& config,
                               const comm::Communicator& processes,
                               const data::Sequences& sequences,
                               OrderedJson& metrics) {
  const torch::Device device = nn::parse_device(config.runtime.device);
  Recommender model = build_recommender(config, sequences, device);
  TrainingInput input{.sequences = sequences,
                      .rows = training_rows(sequences),
                      .run_folder = config.out,
                      .seed = static_cast<std::uint64_t>(config.runtime.seed),
                      .device = device,
                      .resume = config.resume,
                      .loss = config.loss,
                      .compute = nn::parse_dtype(config.runtime.dtype),
                      .processes = processes};
  if (!config.feedback.feedback.empty()) {
    Feedback feedback = load_feedback(config.feedback, sequences, input.seed);
    metrics["feedback"] = feedback_json(config.feedback, feedback.counts);
    log::info("feedback arm={} inserted={} held_out={}",
              config.feedback.arm,
              feedback.counts.inserted,
              feedback.counts.held_out);
    add_feedback(input.rows, feedback, sequences);
  }
  log::info("{}", memory_text(memory_of(plan_of(config, sequences, model, processes.size()))));
  const TrainingResult result = train(model, config.loop, input);
  metrics["training"] = {{"epochs_run", result.epochs_run},
                         {"best_epoch", result.best_epoch},
                         {"skipped_steps", result.skipped_steps},
                         {"rows", input.rows.size()}};
  if (processes.rank() == 0)
    nn::save_safetensors(config.out / data::kModelFile, nn::parameters_of(*model));
  return model_ranker(model, sequences, device);
}

/// Visual features pass a linear layer in MMRec's MMGCN, those of texts do not.
std::vector<rec_models::collaborative::Modality> modalities_of(const TrainConfig& config,
                                                               const data::Sequences& sequences) {
  constexpr std::int64_t kVisualWidth = 256;
  std::vector<rec_models::collaborative::Modality> modalities;
  const rec_models::FeatureFiles& files = config.tower.features;
  const auto add = [&](const fs::path& file, std::int64_t reduced) {
    if (file.empty()) return;
    modalities.push_back(
        {.features = rec_models::load_item_features(file, files.ids, sequences.item_ids),
         .reduced = reduced});
  };
  add(files.text, 0);
  add(files.image, kVisualWidth);
  add(files.video, kVisualWidth);
  return modalities;
}

/// The same as train_sequential() for a collaborative model.
ScoreFunction train_collaborative(const TrainConfig& config,
                                  const comm::Communicator& processes,
                                  const data::Sequences& sequences,
                                  OrderedJson& metrics) {
  const torch::Device device = nn::parse_device(config.runtime.device);
  Collaborative model = build_collaborative(config, sequences, device);
  const TrainingInput input{.sequences = sequences,
                            .rows = {},
                            .run_folder = config.out,
                            .seed = static_cast<std::uint64_t>(config.runtime.seed),
                            .device = device,
                            .resume = config.resume,
                            .loss = config.loss,
                            .processes = processes};
  log::info("{}", memory_text(memory_of(plan_of(config, sequences, model, processes.size()))));
  const TrainingResult result = train(model, config.loop, input);
  metrics["training"] = {{"epochs_run", result.epochs_run},
                         {"best_epoch", result.best_epoch},
                         {"skipped_steps", result.skipped_steps},
                         {"pairs", training_pairs(sequences).size()}};
  if (processes.rank() == 0)
    nn::save_safetensors(config.out / data::kModelFile, nn::parameters_of(*model));
  return collaborative_ranker(model, sequences, device);
}

/// Trains or counts what --model names.
ScoreFunction ranker_of(const TrainConfig& config,
                        const comm::Communicator& processes,
                        const data::Sequences& sequences,
                        OrderedJson& metrics) {
  if (config.model == "pop") return popularity_ranker(sequences);
  if (config.model == "markov") return markov_ranker(sequences);
  if (is_collaborative(config.model))
    return train_collaborative(config, processes, sequences, metrics);
  return train_sequential(config, processes, sequences, metrics);
}

void check_collaborative(const TrainConfig& config) {
  const std::string& model = config.model;
  const rec_models::FeatureFiles& files = config.tower.features;
  const int given =
      int{!files.text.empty()} + int{!files.image.empty()} + int{!files.video.empty()};
  if (model == "mmgcn" && given == 0) {
    throw ConfigError("--model mmgcn needs --text-features, --image-features or --video-features");
  }
  if (model == "vbpr" && given != 1) {
    throw ConfigError(
        "--model vbpr needs one of --text-features, --image-features, --video-features");
  }
  if (model == "mmgcn" && config.loss.loss != "bpr")
    throw ConfigError("--model mmgcn trains with --loss bpr");
  if ((model == "deepfm" || model == "nfm") && config.loss.loss != "in-batch-softmax")
    throw ConfigError(formatted("--model {} trains with --loss in-batch-softmax", model));
  if (model == "vbpr" && config.encoder.width % 2 != 0)
    throw ConfigError("--model vbpr wants an even --width");
  const bool has_penalty = model == "dssm" || model == "lightgcn" || model == "mmgcn";
  if (config.collaborative.embedding_l2 > 0 && !has_penalty)
    throw ConfigError("--embedding-l2 belongs to --model dssm, lightgcn and mmgcn");
}

void check_inputs(const TrainConfig& config) {
  const bool is_sequential = config.model == "sequential";
  const bool reads_texts = is_sequential && config.tower.encodes_text();
  if (reads_texts && config.items.empty() && config.captions.empty())
    throw ConfigError("--tower text needs --items or --captions");
  if (!reads_texts &&
      !(config.items.empty() && config.captions.empty() && config.tower.text_model.empty())) {
    throw ConfigError("--items, --captions and --text-model are read by --tower text only");
  }
  const bool encodes = is_sequential && (reads_texts || config.tower.encodes_pictures());
  const bool reads_features = is_sequential ? config.tower.tower != "id" && !encodes
                                            : config.model == "mmgcn" || config.model == "vbpr";
  if (!reads_features && config.tower.features.any()) {
    throw ConfigError(
        "--text-features, --image-features and --video-features are read by the towers text, "
        "image, video and fusion, and by --model mmgcn and vbpr");
  }
  if (encodes && config.loss.loss == "softmax" && config.tower.trainable_layers != 0) {
    throw ConfigError(
        "--loss softmax encodes every item in every step: with --text-model or --vision-model it "
        "wants --trainable-layers 0");
  }
  if (!config.feedback.feedback.empty() && !is_sequential) {
    throw ConfigError(
        "--feedback trains a sequential model; the other models do not learn from it");
  }
  if (!config.feedback.feedback.empty() && config.feedback.arm == "dislike-negative" &&
      config.loss.loss != "in-batch-softmax") {
    throw ConfigError("--feedback-arm dislike-negative trains with --loss in-batch-softmax");
  }
}

/// Gives what the lists of each split show, for metrics.json.
OrderedJson write_lists(const TrainConfig& config,
                        const data::Sequences& sequences,
                        const std::vector<CandidateRow>& candidates,
                        const ScoreFunction& ranker) {
  for (const char* split : {"test", "valid", "train"}) {
    const fs::path file = lists_file(config.out, split);
    const auto& wanted = config.top_k_splits;
    if (fs::remove(file) && std::find(wanted.begin(), wanted.end(), split) == wanted.end())
      log::warn("{}: removed, --top-k-splits does not name it any more", file);
  }
  fs::remove(config.out / kScoresFile);  // nothing of older weights stays beside the new ones
  if (!config.candidates.empty()) {
    std::string text;
    for (const data::TopK& row : score_candidates(candidates, sequences, ranker))
      text += data::to_line(row) + "\n";
    write_file(config.out / kScoresFile, text);
  }
  OrderedJson shown = OrderedJson::object();
  for (const std::string& split : config.top_k_splits) {
    const auto lists = top_k_lists(sequences, split_of(split), ranker, config.top_k);
    std::string text;
    for (const data::TopK& row : lists) text += data::to_line(row) + "\n";
    write_file(lists_file(config.out, split), text);
    shown[split] = exposure_json(exposure_of(sequences, split_of(split), lists), config.top_k);
  }
  return shown;
}

}  // namespace

void TrainConfig::check() const {
  if (!dry_run) check_given("out", out);
  check_given("interactions", interactions);
  check_one_of(
      "model",
      model,
      {"sequential", "dssm", "lightgcn", "deepfm", "nfm", "mmgcn", "vbpr", "pop", "markov"});
  check_one_of("missing-text", missing_text, {"error", "empty"});
  reading.check();
  tower.check();
  encoder.check();
  collaborative.check();
  protocol.check();
  loss.check();
  loop.check();
  feedback.check();
  runtime.check();
  check_range("top-k", static_cast<double>(top_k), 1, 1e6);
  for (const std::string& split : top_k_splits)
    check_one_of("top-k-splits", split, {"test", "valid", "train"});
  check_inputs(*this);
  if (is_collaborative(model)) check_collaborative(*this);
  if (runtime.dtype != "float32" && model != "sequential")
    throw ConfigError("--dtype bfloat16 trains sequential models; the others compute in float32");
}

Recommender build_recommender(const TrainConfig& config,
                              const data::Sequences& sequences,
                              torch::Device device) {
  ItemTower tower = build_tower(config, sequences, device);
  const auto seed = static_cast<std::uint64_t>(config.runtime.seed);
  tower->init(mix_seed(seed, {1}));
  rec_models::UserEncoder encoder(config.encoder, config.protocol.max_len);
  encoder->init(mix_seed(seed, {2}));
  Recommender model(tower, encoder);
  model->to(device);
  return model;
}

Collaborative build_collaborative(const TrainConfig& config,
                                  const data::Sequences& sequences,
                                  torch::Device device) {
  Collaborative model(config.model,
                      config.collaborative,
                      sequences,
                      config.encoder.width,
                      modalities_of(config, sequences));
  model->init(mix_seed(static_cast<std::uint64_t>(config.runtime.seed), {1}));
  model->to_device(device);
  return model;
}

Table plan_training(const TrainConfig& config, int processes) {
  config.check();
  if (is_counter(config.model))
    throw ConfigError(formatted("--dry-run plans models that train; {} counts", config.model));
  nn::prepare_torch(config.runtime);
  const data::Sequences sequences =
      data::formats::load_sequences(config.interactions, config.reading, config.protocol);
  if (is_collaborative(config.model)) {
    const Collaborative model = build_collaborative(config, sequences, torch::kCPU);
    return memory_table(plan_of(config, sequences, model, processes));
  }
  const Recommender model = build_recommender(config, sequences, torch::kCPU);
  return memory_table(plan_of(config, sequences, model, processes));
}

std::string run_training(const TrainConfig& config, const comm::Communicator& processes) {
  config.check();
  nn::prepare_torch(config.runtime);
  const bool writes = processes.rank() == 0;
  std::optional<FolderLock> lock;
  std::string effective;
  if (writes) {
    lock.emplace(config.out);
    remove_half_written(config.out);
    effective = data::begin_training(config, "train-sasrec", kMayDiffer);
    // What --overwrite replaces is not what a later --resume, with these settings, goes on from.
    if (!config.resume) fs::remove_all(config.out / kCheckpointFolder);
  }

  const data::Sequences sequences =
      data::formats::load_sequences(config.interactions, config.reading, config.protocol);
  std::vector<CandidateRow> candidates;  // read now: a fault in them shows before training
  if (!config.candidates.empty()) candidates = load_candidates(config.candidates, sequences);
  OrderedJson metrics = {
      {"valid", nullptr}, {"test", nullptr}, {"test_cold", nullptr}, {"test_warm", nullptr}};
  const ScoreFunction ranker = ranker_of(config, processes, sequences, metrics);
  const RankingOptions shared{.mask_history = config.loop.mask_history, .processes = processes};
  const auto stop_if_asked = [&] {
    if (comm::stop_agreed(processes))
      throw Interrupted(formatted(
          "{}: stopped before results were written; run the same command with --resume to rank",
          config.out));
  };
  stop_if_asked();
  const Evaluation valid = evaluate(sequences, data::Split::kValid, ranker, shared);
  stop_if_asked();
  const Evaluation test = evaluate(sequences, data::Split::kTest, ranker, shared);
  stop_if_asked();
  metrics["valid"] = metrics_json(valid.all);
  metrics["test"] = metrics_json(test.all);
  metrics["test_cold"] = metrics_json(test.cold);
  metrics["test_warm"] = metrics_json(test.warm);
  metrics["test_ties"] = test.num_tied;
  metrics["by_history_length"] = groups_json(by_history_length(sequences, test, shared.cutoffs));
  metrics["by_popularity"] =
      groups_json(by_target_popularity(sequences, data::Split::kTest, test, shared.cutoffs));
  metrics["protocol"] = protocol_json(config);
  metrics["counts"] = counts_json(sequences);
  if (!writes) return metrics.dump(2) + "\n";
  metrics["lists"] = write_lists(config, sequences, candidates, ranker);
  const std::string text = metrics.dump(2) + "\n";
  write_file(config.out / data::kConfigFile, effective);
  write_file(config.out / data::kMetricsFile, text);
  return text;
}

}  // namespace vragent::recommender

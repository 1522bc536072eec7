// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "recommender/training_plan.h"

#include <algorithm>
#include <cmath>

#include <unistd.h>

#include "vragent/nn/parameters.h"
#include "vragent/util/format.h"

namespace vragent::recommender {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;
constexpr double kMiB = 1024.0 * 1024;
constexpr double kFloat = 4;
constexpr double kProgram = 250 * kMiB;   // resident before anything is read: torch, MKL, this code
constexpr double kKeptShare = 0.4;        // of all that is allocated, by glibc for the next time;
constexpr double kMostKept = 256 * kMiB;  // large blocks go back to the system: an estimate
constexpr double kShortText = 15;         // letters that a std::string holds within itself
constexpr double kBlock = 16;             // what malloc adds to each allocation
constexpr double kIndexNode = 48;         // of an id in a hash map, beside its text
constexpr double kListedItem = 64;        // id, score, and both as text
constexpr double kScoreCopies = 10;       // of a step's scores in the loss and its backward pass
constexpr double kEdgeBytes = 16;         // neighbour and two weights, an edge seen from one side

/// Numbers that a user encoder keeps of a position for its backward pass, in widths.
constexpr double kSasRecReal = 14;      // a block, of positions that are no padding
constexpr double kSasRecPadded = 6;     // a block's attention, of all positions
constexpr double kAttentionCopies = 4;  // of a block's attention weights, not in widths
constexpr double kGru4Rec = 14;
constexpr double kNextItNetPair = 4 * 12;  // two residual blocks of two convolutions
constexpr double kEncoderLayer = 20;

/// The same where nothing is kept, while users are ranked.
constexpr double kRankedReal = 12;
constexpr double kRankedPadded = 4;
constexpr double kRankedWhole = 8;  // gru4rec and nextitnet, which compute padding too

double as_double(std::int64_t number) {
  return static_cast<double>(number);
}

/// Parameters in all, and those that learn.
struct Parameters {
  double all = 0;
  double learning = 0;
  double largest = 0;  ///< of those that learn, one tensor
};

Parameters count(const torch::nn::Module& model) {
  Parameters counted;
  for (const torch::Tensor& parameter : model.parameters()) {
    counted.all += as_double(parameter.numel());
    if (!parameter.requires_grad()) continue;
    counted.learning += as_double(parameter.numel());
    counted.largest = std::max(counted.largest, as_double(parameter.numel()));
  }
  return counted;
}

/// Items expected among `draws` by training popularity.
double distinct_items(const data::Sequences& sequences, double draws) {
  double total = 0;
  for (const std::int64_t item : sequences.train_counts) total += as_double(item);
  double expected = 0;
  for (const std::int64_t item : sequences.train_counts)
    expected += 1 - std::exp(-draws * as_double(item) / std::max(total, 1.0));
  return expected;
}

bool scores_histories(const TrainConfig& config) {
  return config.model == "deepfm" || config.model == "nfm";
}

/// Whether a step passes vectors along the graph of all users and items.
bool passes_along_a_graph(const TrainConfig& config) {
  return config.model == "lightgcn" || config.model == "mmgcn";
}

/// Ids in a list and again in a hash map.
double id_bytes(const std::vector<std::string>& ids) {
  double bytes = 0;
  for (const std::string& id : ids) {
    const double letters = as_double(std::ssize(id));
    bytes += 2 * sizeof(std::string) + kIndexNode;
    if (letters > kShortText) bytes += 2 * (letters + 1 + kBlock);
  }
  return bytes;
}

/// Histories, ids, counts, and what an epoch goes through.
double data_bytes(const TrainConfig& config, const data::Sequences& sequences) {
  double bytes = id_bytes(sequences.user_ids) + id_bytes(sequences.item_ids);
  bytes += as_double(std::ssize(sequences.train_counts)) * 8;
  for (const auto& window : sequences.windows) {
    const double length = as_double(std::ssize(window));
    bytes += sizeof(window) + kBlock + length * 4 + 8;
    const double row = sizeof(TrainingRow) + kBlock + length * 4 + 8;  // and its place in the order
    if (config.model == "sequential") {
      bytes += row;
    } else {
      bytes += (length - 2) * (scores_histories(config) ? row : sizeof(TrainingPair) + 8.0);
    }
  }
  return bytes;
}

/// Numbers of the item vectors' inputs that stay where the model is: features, tokens, the graph.
double input_bytes(const TrainConfig& config,
                   const data::Sequences& sequences,
                   const torch::nn::Module& model) {
  const double rows = as_double(sequences.num_items()) + 1;
  double bytes = 0;
  for (const auto& item : model.named_parameters()) {
    const std::string& name = item.key();
    const bool reads_features = name.find(".projects.") != std::string::npos ||
                                name == "vbpr.project.weight" || name.ends_with(".reduce.weight");
    const bool is_frozen = name == "items.project.weight" && config.tower.trainable_layers == 0;
    if (item.value().dim() == 2 && (reads_features || is_frozen))
      bytes += rows * as_double(item.value().size(1)) * kFloat;
  }
  if (config.model == "sequential" && config.tower.encodes_text())
    bytes += rows * as_double(config.tower.max_tokens + 1) * 8;
  if (passes_along_a_graph(config)) {
    for (const std::int64_t item : sequences.train_counts)
      bytes += 2 * as_double(item) * kEdgeBytes;
  }
  return bytes;
}

/// Texts or pictures that a step encodes, with what their training layers keep.
double encoded_bytes(const TowerConfig& tower, const EncoderSize& encoder, double items) {
  const double layers =
      as_double(tower.trainable_layers < 0 ? encoder.layers
                                           : std::min(tower.trainable_layers, encoder.layers));
  const double tokens = as_double(encoder.tokens);
  const double of_a_token =
      kEncoderLayer * as_double(encoder.width) + 2 * as_double(encoder.heads) * tokens;
  return items * tokens * of_a_token * layers * kFloat;
}

/// Attention weights of a SASRec block over so many positions, padding too.
double attention_weights(const TrainConfig& config, double positions) {
  if (config.encoder.user_encoder != "sasrec") return 0;
  return positions * as_double(config.encoder.num_heads * config.protocol.max_len);
}

/// Vectors of the user encoder's width that a step keeps.
double encoder_vectors(const rec_models::UserEncoderConfig& config, const StepSize& step) {
  const double blocks = as_double(config.num_blocks);
  if (config.user_encoder == "gru4rec") return kGru4Rec * step.positions;
  if (config.user_encoder == "nextitnet") return blocks * kNextItNetPair * step.positions;
  return blocks * (kSasRecReal * step.targets + kSasRecPadded * step.positions);
}

/// Scores of a step and all that the loss makes of them.
double score_bytes(const TrainConfig& config, const StepSize& step) {
  const double width = as_double(config.encoder.width);
  const double all = step.targets * step.items * kFloat;
  if (scores_histories(config)) return all * (kScoreCopies + 5 * width);
  if (config.loss.loss == "in-batch-softmax")  // and the places of each row's own items
    return all * kScoreCopies + step.targets * as_double(config.protocol.max_len + 1) * 8;
  if (!config.loss.draws_negatives()) return all * kScoreCopies;
  const double as_vectors = step.targets * step.drawn * width * kFloat;
  return step.drawn * width > step.items ? 2 * all : 2 * as_vectors;
}

/// What a step makes before its scores.
double activation_bytes(const TrainConfig& config,
                        const data::Sequences& sequences,
                        const StepSize& step) {
  const double width = as_double(config.encoder.width);
  if (config.model == "sequential") {
    const double attention = as_double(config.encoder.num_blocks) * kAttentionCopies *
                             attention_weights(config, step.positions);
    return (width * (encoder_vectors(config.encoder, step) + 4 * step.positions) + attention) *
           kFloat;
  }
  if (scores_histories(config)) return 4 * step.positions * width * kFloat;
  const double nodes = as_double(sequences.num_users() + sequences.num_items() + 1);
  if (config.model == "lightgcn") return 4 * nodes * width * kFloat;
  if (config.model == "mmgcn") return 3 * 12 * nodes * width * kFloat;
  return 0;
}

/// Vectors that are computed once for all users, beside the weights themselves.
double ranking_bytes(const TrainConfig& config, const data::Sequences& sequences) {
  const double width = as_double(config.encoder.width);
  const double items = (as_double(sequences.num_items()) + 1) * width * kFloat;
  const double users = as_double(sequences.num_users()) * width * kFloat;
  if (config.model == "sequential") return config.tower.tower == "id" ? 0 : items;
  if (config.model == "dssm") return 0;
  if (config.model == "vbpr") return items;
  return scores_histories(config) ? 3 * items : 3 * (items + users);
}

/// What the user encoder makes of a block of users while they are ranked.
double ranked_bytes(const TrainConfig& config,
                    const data::Sequences& sequences,
                    std::int64_t users) {
  if (config.model != "sequential") return 0;
  double inputs = 0;
  for (const auto& window : sequences.windows)
    inputs += as_double(std::min(std::ssize(window) - 1, config.protocol.max_len));
  const double real = as_double(users) * inputs / std::max(1.0, as_double(sequences.num_users()));
  const double positions = as_double(users * config.protocol.max_len);
  const double vectors = config.encoder.user_encoder == "sasrec"
                             ? kRankedReal * real + kRankedPadded * positions
                             : kRankedWhole * positions;
  return (as_double(config.encoder.width) * vectors + 2 * attention_weights(config, positions)) *
         kFloat;
}

double sum_of(const std::vector<MemoryLine>& lines, double MemoryLine::*phase) {
  double sum = 0;
  for (const MemoryLine& line : lines) sum += line.*phase;
  return sum;
}

double peak_of(const std::vector<MemoryLine>& lines) {
  return std::max(sum_of(lines, &MemoryLine::training), sum_of(lines, &MemoryLine::ranking));
}

std::string gib(double bytes) {
  return bytes == 0 ? "" : formatted("{:.3f}", bytes / kGiB);
}

std::string room_text(double peak) {
  const double memory = as_double(sysconf(_SC_PHYS_PAGES)) * as_double(sysconf(_SC_PAGE_SIZE));
  return formatted(
      "this machine has {:.1f} GiB: {}",
      memory / kGiB,
      peak <= memory ? "it fits" : formatted("{:.1f} are missing", (peak - memory) / kGiB));
}

}  // namespace

StepSize step_size(const TrainConfig& config, const data::Sequences& sequences) {
  const double users = std::max(1.0, as_double(sequences.num_users()));
  double interactions = 0;
  double pairs_of_others = 0;  // all items but one, for every item of a train part
  for (const auto& window : sequences.windows) {
    const double own = as_double(std::ssize(window)) - 2;
    interactions += own;
    pairs_of_others += own * (own - 1);
  }
  const double batch = as_double(config.loop.examples_at_once());
  StepSize step;
  double draws = 0;
  if (config.model == "sequential") {
    const double rows = std::min(batch, users);
    step.positions = rows * as_double(config.protocol.max_len);
    step.targets = rows * (interactions - users) / users;
    draws = rows * interactions / users;
  } else {
    step.targets = std::min(batch, interactions);
    step.positions =
        scores_histories(config) ? step.targets * as_double(config.protocol.max_len) : step.targets;
    const double others = scores_histories(config) ? pairs_of_others / interactions : 0;
    draws = step.targets * (1 + others);
  }
  const double all = as_double(sequences.num_items()) + 1;
  step.items = std::min(all, 1.05 * distinct_items(sequences, draws) + 1);
  if (config.loss.loss == "softmax") step.items = all;
  if (config.loss.draws_negatives()) {
    step.drawn = as_double(config.loss.num_negatives);
    step.items = all - (all - step.items) * std::exp(-step.targets * step.drawn / all);
  }
  return step;
}

std::vector<MemoryLine> memory_of(const PlanInput& input) {
  const TrainConfig& config = input.config;
  const data::Sequences& sequences = input.sequences;
  const Parameters parameters = count(input.model);
  const StepSize step = step_size(config, sequences);
  const bool is_shared = input.processes > 1;
  const double share = 1.0 / input.processes;
  const double weights = parameters.all * kFloat;
  const double learning = parameters.learning * kFloat;
  // Processes sum them in parts; a micro-batch's own join those of the others one tensor at a time.
  const double gradients =
      learning * (is_shared ? 1 + share : 1) +
      (config.loop.examples_at_once() < config.loop.batch_size ? parameters.largest * kFloat : 0);
  const double moments = (is_shared ? 3 : 2) * learning * share;  // masters too
  const double data = data_bytes(config, sequences);
  const double inputs = input_bytes(config, sequences, input.model);
  const double vectors =
      config.model == "sequential" ? 2 * step.items * as_double(config.encoder.width) * kFloat : 0;
  const double encoded = encoded_bytes(config.tower, input.encoder, step.items) * share;
  // The graph is not divided: each process makes the vectors of all users and items.
  const double activations =
      activation_bytes(config, sequences, step) * (passes_along_a_graph(config) ? 1 : share);
  const std::int64_t users = std::min(RankingOptions{}.batch_users, sequences.num_users());
  // Of candidates there are doubles, of lists a byte each that says whether it is a number.
  const double block = as_double(users * (sequences.num_items() + 1)) *
                       (config.candidates.empty() ? kFloat + 1 : kFloat + 8);
  const double lists = as_double(sequences.num_users()) * as_double(config.top_k) * kListedItem;
  std::vector<MemoryLine> lines = {
      {"data set", data, data},
      {"weights", weights, weights},
      {"gradients", gradients, gradients},
      {"moments", moments, moments},
      {"copy of the best epoch", weights, weights},
      {"features, tokens, graph", inputs, inputs},
      {"item vectors of a step", vectors, 0},
      {"activations", encoded + activations, 0},
      {"scores of a step", score_bytes(config, step) * share, 0},
      {"vectors of all items", 0, ranking_bytes(config, sequences)},
      {"states of a block of users", 0, ranked_bytes(config, sequences, users)},
      {formatted("scores for {} users", users), 0, block},
      {"lists of a split", 0, config.top_k_splits.empty() ? 0 : lists}};
  const auto kept_of = [&](double MemoryLine::*phase) {
    return std::min(kMostKept, kKeptShare * sum_of(lines, phase));
  };
  lines.push_back(
      {"kept by the allocator", kept_of(&MemoryLine::training), kept_of(&MemoryLine::ranking)});
  lines.insert(lines.begin(), {"program and libraries", kProgram, kProgram});
  return lines;
}

Table memory_table(const PlanInput& input) {
  const TrainConfig& config = input.config;
  const data::Sequences& sequences = input.sequences;
  const std::vector<MemoryLine> lines = memory_of(input);
  Table table{.title = "Memory of a process, GiB", .columns = {"what", "training", "ranking"}};
  for (const MemoryLine& line : lines)
    table.rows.push_back({line.name, gib(line.training), gib(line.ranking)});
  table.rows.push_back(
      {"sum", gib(sum_of(lines, &MemoryLine::training)), gib(sum_of(lines, &MemoryLine::ranking))});
  const Parameters parameters = count(input.model);
  const StepSize step = step_size(config, sequences);
  table.notes = {formatted("{} users, {} items, {:.3f} million parameters, {:.3f} million learn",
                           sequences.num_users(),
                           sequences.num_items(),
                           parameters.all / 1e6,
                           parameters.learning / 1e6),
                 formatted("{} at once: about {:.0f} targets against {:.0f} items",
                           config.loop.examples_at_once(),
                           step.targets,
                           step.items),
                 "weights are counted, what a step needs is reckoned and rough"};
  if (config.runtime.device == "cpu") table.notes.push_back(room_text(peak_of(lines)));
  return table;
}

std::string memory_text(const std::vector<MemoryLine>& lines) {
  std::string text = formatted("memory GiB peak={:.2f}", peak_of(lines) / kGiB);
  for (const MemoryLine& line : lines) {
    const double bytes = std::max(line.training, line.ranking);
    if (bytes > 0) text += formatted(", {} {:.3f}", line.name, bytes / kGiB);
  }
  return text;
}

}  // namespace vragent::recommender

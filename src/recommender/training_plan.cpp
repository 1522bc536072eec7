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
constexpr double kFloat = 4;
constexpr double kScoreCopies = 10;  // of a step's scores in the loss and its backward pass
constexpr double kEdgeBytes = 16;    // neighbour and two weights, an edge seen from one side

/// Numbers that a user encoder keeps of a position for its backward pass, in widths.
constexpr double kSasRecReal = 14;   // a block, of positions that are no padding
constexpr double kSasRecPadded = 6;  // a block's attention, of all positions
constexpr double kGru4Rec = 14;
constexpr double kNextItNetPair = 4 * 12;  // two residual blocks of two convolutions
constexpr double kEncoderLayer = 20;

double as_double(std::int64_t number) {
  return static_cast<double>(number);
}

/// Parameters in all, and those that learn.
struct Parameters {
  double all = 0;
  double learning = 0;
};

Parameters count(const torch::nn::Module& model) {
  Parameters counted;
  for (const torch::Tensor& parameter : model.parameters()) {
    counted.all += as_double(parameter.numel());
    if (parameter.requires_grad()) counted.learning += as_double(parameter.numel());
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
  if (config.model == "lightgcn" || config.model == "mmgcn") {
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
  if (!config.loss.draws_negatives()) return all * kScoreCopies;
  const double as_vectors = step.targets * step.drawn * width * kFloat;
  return step.drawn * width > step.items ? 2 * all : 2 * as_vectors;
}

/// What a step makes before its scores.
double activation_bytes(const TrainConfig& config,
                        const data::Sequences& sequences,
                        const StepSize& step) {
  const double width = as_double(config.encoder.width);
  if (config.model == "sequential")
    return width * (encoder_vectors(config.encoder, step) + 4 * step.positions) * kFloat;
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
  const double share = 1.0 / input.processes;
  const double weights = parameters.all * kFloat;
  const double gradients = parameters.learning * kFloat;
  const double moments = 2 * gradients * share;
  const double inputs = input_bytes(config, sequences, input.model);
  const double vectors =
      config.model == "sequential" ? 2 * step.items * as_double(config.encoder.width) * kFloat : 0;
  const double encoded = encoded_bytes(config.tower, input.encoder, step.items);
  const std::int64_t users = RankingOptions{}.batch_users;
  const double block = as_double(users * (sequences.num_items() + 1)) * kFloat;
  return {{"weights", weights, weights},
          {"gradients", gradients, gradients},
          {"moments", moments, moments},
          {"copy of the best epoch", weights, weights},
          {"features, tokens, graph", inputs, inputs},
          {"item vectors of a step", vectors, 0},
          {"activations", (encoded + activation_bytes(config, sequences, step)) * share, 0},
          {"scores of a step", score_bytes(config, step) * share, 0},
          {"vectors of all items", 0, ranking_bytes(config, sequences)},
          {formatted("scores for {} users", users), 0, block}};
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
                 "weights are counted, what a step needs is reckoned and rough; the program itself "
                 "(0.3 GiB) and "
                 "what the allocator keeps (up to 40 % of a small network's) come on top"};
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

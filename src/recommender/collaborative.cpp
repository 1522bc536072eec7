// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/collaborative.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <unordered_map>

#include "vragent/comm/sharing.h"
#include "vragent/nn/parameters.h"
#include "vragent/ops/linear/packed_linear.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"

namespace vragent::recommender {
namespace {

using torch::Tensor;
namespace nets = rec_models::collaborative;

std::vector<nets::Edge> edges_of(const data::Sequences& sequences) {
  std::vector<nets::Edge> edges;
  for (const TrainingPair& pair : training_pairs(sequences))
    edges.push_back({.user = static_cast<std::int32_t>(pair.user), .item = pair.item});
  return edges;
}

/// Numbers items by first use; place 0 is padding.
class Places {
 public:
  std::int64_t of(std::int32_t item) {
    const auto [found, is_new] =
        place_of_.try_emplace(item, static_cast<std::int64_t>(items.size()));
    if (is_new) {
      items.push_back(item);
      counts.push_back(0);
    }
    return found->second;
  }

  std::vector<std::int64_t> items = {0};
  std::vector<double> counts = {1};  ///< as targets; items that are none count as 0

 private:
  std::unordered_map<std::int32_t, std::int64_t> place_of_;
};

std::vector<nn::ParameterGroup> groups_of(const Collaborative& model, const LoopConfig& config) {
  const double rate = model->config.feature_lr;
  nn::ParameterGroup features{
      .lr_scale = rate > 0 && config.optim.lr > 0 ? rate / config.optim.lr : 1.0,
      .weight_decay = config.optim.weight_decay};
  nn::ParameterGroup rest{.weight_decay = config.optim.weight_decay};
  for (const nn::NamedParameter& parameter : nn::trainable_parameters(*model)) {
    const bool is_projection = parameter.name == "vbpr.project.weight";
    (is_projection ? features : rest).parameters.push_back(parameter);
  }
  return {rest, features};
}

/// Half the squared length of the table rows that a batch touches, by pair (LightGCN's own code).
Tensor table_penalty(const Tensor& user_table,
                     const Tensor& item_table,
                     const Tensor& users,
                     const SequenceBatch& batch) {
  const auto squares = [](const Tensor& table, const Tensor& rows) {
    return table.index_select(0, rows).square().sum();
  };
  const auto items = [&](const Tensor& places) {
    return batch.unique.index_select(0, places.flatten());
  };
  Tensor sum = squares(user_table, users) + squares(item_table, items(batch.targets));
  if (batch.negatives.defined()) sum = sum + squares(item_table, items(batch.negatives));
  return sum * 0.5 / static_cast<double>(users.size(0));
}

Tensor penalty_of(Collaborative& model, const Tensor& users, const SequenceBatch& batch) {
  if (model->lightgcn) {
    return table_penalty(
        model->lightgcn->user_table->weight, model->lightgcn->item_table->weight, users, batch);
  }
  if (model->dssm) {
    return table_penalty(
        model->dssm->user_table->weight, model->dssm->item_table->weight, users, batch);
  }
  const std::int64_t drawn = batch.negatives.size(2);
  const Tensor places = torch::cat({batch.targets, batch.negatives.flatten(1)}, 1);
  return model->mmgcn->penalty(users.repeat_interleave(drawn + 1),
                               batch.unique.index_select(0, places.flatten()));
}

/// Loss of some of the pairs of a batch, whose score is a dot product: a mean, as its penalty is.
Tensor pair_loss(Collaborative& model,
                 std::span<const TrainingPair> pairs,
                 const comm::Share& own,
                 const std::vector<double>& popularity,
                 const TrainingInput& input,
                 std::uint64_t draw_seed) {
  const std::int64_t num_items = input.sequences.num_items();
  const auto batch_of = [&](const comm::Share& part) {
    return with_candidates(
        make_pair_batch(
            pairs.subspan(part.begin, part.size()), input.sequences, popularity, input.loss),
        input.loss,
        num_items,
        draw_seed);
  };
  const SequenceBatch batch = own_batch(own, pairs.size(), input.loss, batch_of).to(input.device);
  std::vector<std::int64_t> numbers;
  for (const TrainingPair& pair : pairs.subspan(own.begin, own.size()))
    numbers.push_back(pair.user);
  const Tensor users = torch::tensor(numbers).to(input.device);
  const nets::NodeVectors vectors = model->vectors();
  const Tensor loss = sequence_loss(vectors.users.index_select(0, users).unsqueeze(1),
                                    vectors.items.index_select(0, batch.unique),
                                    batch,
                                    input.loss,
                                    num_items);
  const double factor = model->config.embedding_l2;
  return factor > 0 ? loss + penalty_of(model, users, batch) * factor : loss;
}

/// Loss of deepfm and nfm over some of the rows of a batch: the candidates are its items.
Tensor row_loss(Collaborative& model,
                std::span<const TrainingRow* const> rows,
                const comm::Share& own,
                const std::vector<double>& popularity,
                const TrainingInput& input) {
  const auto batch_of = [&](const comm::Share& part) {
    return make_batch(
        rows.subspan(part.begin, part.size()), input.sequences.protocol.max_len, popularity);
  };
  const SequenceBatch batch = own_batch(own, rows.size(), input.loss, batch_of).to(input.device);
  const Tensor history = batch.unique.index_select(0, batch.inputs.flatten()).view_as(batch.inputs);
  return debiased_softmax_of_scores(model->scores(history, batch.unique), batch);
}

using MeanOfOwn = std::function<Tensor(
    const std::vector<std::size_t>& examples, const comm::Share& own, std::uint64_t draw_seed)>;

/// Learner::loss of examples that weigh alike, from the mean over those that are a process's own.
decltype(Learner::loss) share_of_loss(Collaborative& model,
                                      const TrainingInput& input,
                                      const MeanOfOwn& mean_of_own) {
  return [&model, &input, mean_of_own](const std::vector<std::size_t>& examples,
                                       std::uint64_t draw_seed) -> Tensor {
    const comm::Share own = comm::share_of(examples.size(), input.processes);
    if (own.size() == 0) return nn::trainable_parameters(*model).front().tensor.sum() * 0;
    const Tensor loss = mean_of_own(examples, own, draw_seed);
    if (own.size() == examples.size()) return loss;
    return loss * (static_cast<double>(own.size()) / static_cast<double>(examples.size()));
  };
}

}  // namespace

void CollaborativeConfig::check() const {
  check_range("gcn-layers", static_cast<double>(gcn_layers), 1, 100);
  check_one_of("deepfm-eval", deepfm_eval, {"fixed", "released"});
  check_range("embedding-l2", embedding_l2, 0, 1e6);
  check_range("feature-lr", feature_lr, 0, 100);
}

bool is_collaborative(const std::string& model) {
  return model == "dssm" || model == "lightgcn" || model == "deepfm" || model == "nfm" ||
         model == "mmgcn" || model == "vbpr";
}

CollaborativeImpl::CollaborativeImpl(const std::string& model,
                                     const CollaborativeConfig& c,
                                     const data::Sequences& sequences,
                                     std::int64_t width,
                                     const std::vector<nets::Modality>& modalities)
    : config(c) {
  const std::int64_t users = sequences.num_users();
  const std::int64_t items = sequences.num_items();
  const auto graph_of = [&](nets::EdgeWeight weight) {
    return nets::make_adjacency(edges_of(sequences), users, items, weight)
        .to(torch::kCPU, torch::kFloat32);
  };
  if (model == "dssm") {
    dssm = register_module(
        model,
        nets::Dssm(nets::DssmConfig{.num_users = users, .num_items = items, .width = width}));
  } else if (model == "lightgcn") {
    lightgcn = register_module(
        model,
        nets::LightGcn(nets::LightGcnConfig{
            .num_users = users, .num_items = items, .width = width, .num_layers = c.gcn_layers}));
    adjacency_ = graph_of(nets::EdgeWeight::kSymmetric);
  } else if (model == "deepfm") {
    deepfm = register_module(
        model,
        nets::DeepFm(nets::DeepFmConfig{
            .num_items = items, .width = width, .max_len = sequences.protocol.max_len}));
  } else if (model == "nfm") {
    nfm = register_module(
        model,
        nets::Nfm(nets::NfmConfig{
            .num_items = items, .width = width, .max_len = sequences.protocol.max_len}));
  } else if (model == "mmgcn") {
    mmgcn = register_module(
        model,
        nets::Mmgcn(nets::MmgcnConfig{.num_users = users, .num_items = items, .width = width},
                    modalities));
    if (!c.mmgcn_tables) mmgcn->freeze_tables();
    adjacency_ = graph_of(nets::EdgeWeight::kMean);
  } else {
    TORCH_CHECK(model == "vbpr" && modalities.size() == 1, "no collaborative model ", model);
    vbpr = register_module(
        model,
        nets::Vbpr(nets::VbprConfig{.num_users = users, .num_items = items, .width = width},
                   modalities[0].features));
  }
}

void CollaborativeImpl::init(std::uint64_t seed) {
  nn::init_parameters(*this, {.kind = nn::InitRule::Kind::kXavierNormal}, seed);
}

void CollaborativeImpl::to_device(torch::Device device) {
  to(device);
  if (mmgcn) mmgcn->to_device(device);
  if (vbpr) vbpr->to_device(device);
  if (adjacency_.offsets.defined()) adjacency_ = adjacency_.to(device, torch::kFloat32);
}

Tensor CollaborativeImpl::scores(const Tensor& history, const Tensor& candidates) {
  TORCH_CHECK(reads_histories(), "this model reads no histories");
  return nfm ? nfm(history, candidates) : deepfm(history, candidates);
}

nets::NodeVectors CollaborativeImpl::vectors() {
  if (dssm) return dssm();
  if (lightgcn) return lightgcn(adjacency_);
  if (mmgcn) return mmgcn(adjacency_);
  TORCH_CHECK(vbpr, "this model has no vectors of users");
  return vbpr();
}

std::vector<TrainingPair> training_pairs(const data::Sequences& sequences) {
  std::vector<TrainingPair> pairs;
  for (std::int64_t user = 0; user < sequences.num_users(); ++user) {
    for (const std::int32_t item : sequences.train(user))
      pairs.push_back({.user = user, .item = item});
  }
  return pairs;
}

std::vector<double> train_popularity(const data::Sequences& sequences) {
  double total = 0;
  for (const std::int64_t count : sequences.train_counts) total += static_cast<double>(count);
  std::vector<double> shares;
  for (const std::int64_t count : sequences.train_counts)
    shares.push_back(count > 0 ? static_cast<double>(count) / total : 1.0);
  return shares;
}

SequenceBatch make_pair_batch(std::span<const TrainingPair> pairs,
                              const data::Sequences& sequences,
                              const std::vector<double>& popularity,
                              const LossConfig& loss) {
  const auto size = static_cast<std::int64_t>(pairs.size());
  const bool masks_history = loss.loss != "in-batch-softmax";
  std::size_t width = 1;
  for (const TrainingPair& pair : pairs)
    if (masks_history) width = std::max(width, sequences.train(pair.user).size());
  Places places;
  Tensor targets = torch::zeros({size, 1}, torch::kInt64);
  Tensor own = torch::zeros({size, static_cast<std::int64_t>(width)}, torch::kInt64);
  auto target_at = targets.accessor<std::int64_t, 2>();
  auto own_at = own.accessor<std::int64_t, 2>();
  for (std::int64_t row = 0; row < size; ++row) {
    const TrainingPair& pair = pairs[static_cast<std::size_t>(row)];
    target_at[row][0] = places.of(pair.item);
    places.counts[static_cast<std::size_t>(target_at[row][0])] += 1;
    own_at[row][0] = target_at[row][0];
    if (!masks_history) continue;
    const auto train = sequences.train(pair.user);
    for (std::size_t i = 0; i < train.size(); ++i)
      own_at[row][static_cast<std::int64_t>(i)] = places.of(train[i]);
  }
  std::vector<double> log_pop;
  for (const std::int64_t item : places.items)
    log_pop.push_back(std::log(popularity[static_cast<std::size_t>(item)]));
  return {.unique = torch::tensor(places.items),
          .inputs = torch::zeros({size, 0}, torch::kInt64),
          .targets = targets,
          .own = own,
          .log_count = torch::tensor(places.counts, torch::kFloat64).log().to(torch::kFloat32),
          .log_pop = torch::tensor(log_pop, torch::kFloat64).to(torch::kFloat32)};
}

std::vector<TrainingRow> leave_one_out_rows(const data::Sequences& sequences) {
  std::vector<TrainingRow> rows;
  for (std::int64_t user = 0; user < sequences.num_users(); ++user) {
    const auto train = sequences.train(user);
    for (std::size_t target = 0; target < train.size(); ++target) {
      TrainingRow row{.items = {}, .user = user};
      for (std::size_t i = 0; i < train.size(); ++i) {
        if (i != target) row.items.push_back(train[i]);
      }
      row.first_target = std::ssize(row.items);
      row.items.push_back(train[target]);
      rows.push_back(row);
    }
  }
  return rows;
}

Learner learner_of(Collaborative& model, const LoopConfig& config, const TrainingInput& input) {
  Learner learner{.module = *model, .groups = groups_of(model, config)};
  learner.ranker = [&model, &input] {
    return collaborative_ranker(model, input.sequences, input.device);
  };
  const auto popularity =
      std::make_shared<const std::vector<double>>(train_popularity(input.sequences));
  if (model->reads_histories()) {
    const auto rows =
        std::make_shared<const std::vector<TrainingRow>>(leave_one_out_rows(input.sequences));
    learner.num_examples = rows->size();
    learner.user_of = [rows](std::size_t example) { return (*rows)[example].user; };
    const auto mean_of_own =
        [&model, &input, rows, popularity](
            const std::vector<std::size_t>& examples, const comm::Share& own, std::uint64_t) {
          std::vector<const TrainingRow*> chosen;
          for (const std::size_t i : examples) chosen.push_back(&(*rows)[i]);
          return row_loss(model, chosen, own, *popularity, input);
        };
    learner.loss = share_of_loss(model, input, mean_of_own);
  } else {
    const auto pairs =
        std::make_shared<const std::vector<TrainingPair>>(training_pairs(input.sequences));
    learner.num_examples = pairs->size();
    learner.user_of = [pairs](std::size_t example) { return (*pairs)[example].user; };
    const auto mean_of_own = [&model, &input, pairs, popularity](
                                 const std::vector<std::size_t>& examples,
                                 const comm::Share& own,
                                 std::uint64_t draw_seed) {
      std::vector<TrainingPair> chosen;
      for (const std::size_t i : examples) chosen.push_back((*pairs)[i]);
      return pair_loss(model, chosen, own, *popularity, input, draw_seed);
    };
    learner.loss = share_of_loss(model, input, mean_of_own);
  }
  if (learner.num_examples == 0) throw DataError("no training items: nothing to train on");
  return learner;
}

TrainingResult train(Collaborative& model, const LoopConfig& config, const TrainingInput& input) {
  return run_loop(learner_of(model, config, input), config, input);
}

ScoreFunction collaborative_ranker(Collaborative model,
                                   const data::Sequences& sequences,
                                   torch::Device device) {
  const torch::NoGradGuard no_grad;
  model->eval();
  if (model->deepfm) {
    const auto seen = model->config.deepfm_eval == "released" ? nets::DeepFmCandidates::kHidden
                                                              : nets::DeepFmCandidates::kTheirOwn;
    const Tensor layer = model->deepfm->candidate_layer();
    return [model, layer, seen, &sequences, device](const std::vector<std::int64_t>& users,
                                                    data::Split split) mutable {
      return model->deepfm->all_scores(
          padded_inputs(sequences, users, split).to(device), layer, seen);
    };
  }
  if (model->nfm) {
    return [model, &sequences, device](const std::vector<std::int64_t>& users,
                                       data::Split split) mutable {
      return model->nfm->all_scores(padded_inputs(sequences, users, split).to(device));
    };
  }
  const nets::NodeVectors vectors = model->vectors();
  return [vectors, device](const std::vector<std::int64_t>& users, data::Split) {
    const torch::NoGradGuard inner_no_grad;
    return ops::linear(vectors.users.index_select(0, torch::tensor(users).to(device)),
                       vectors.items);
  };
}

}  // namespace vragent::recommender

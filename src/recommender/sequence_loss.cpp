// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/sequence_loss.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/random.h"

namespace vragent::recommender {
namespace {

using torch::Tensor;

/// Draws items that are not among a row's own and numbers them as places of a growing `unique`.
class NegativeDraws {
 public:
  NegativeDraws(const Tensor& unique, std::int64_t num_items, std::uint64_t seed)
      : items_(unique.data_ptr<std::int64_t>(), unique.data_ptr<std::int64_t>() + unique.numel()),
        place_of_(static_cast<std::size_t>(num_items) + 1, -1),
        num_items_(num_items),
        random_(seed) {
    for (std::size_t place = 0; place < items_.size(); ++place)
      place_of_[static_cast<std::size_t>(items_[place])] = static_cast<std::int64_t>(place);
  }

  /// @param own places of the row's items, padding among them
  void start_row(const Tensor& own) {
    own_.clear();
    const auto at = own.accessor<std::int64_t, 1>();
    for (std::int64_t i = 0; i < at.size(0); ++i) {
      if (at[i] > 0) own_.push_back(items_[static_cast<std::size_t>(at[i])]);
    }
    std::sort(own_.begin(), own_.end());
    own_.erase(std::unique(own_.begin(), own_.end()), own_.end());
    if (std::ssize(own_) >= num_items_) {
      throw DataError(
          formatted("a user has seen all {} items: there are no negatives to draw", num_items_));
    }
  }

  std::int64_t next_place() {
    std::int64_t item = 0;
    do {
      item = 1 + random_.below(num_items_);
    } while (std::find(own_.begin(), own_.end(), item) != own_.end());
    std::int64_t& place = place_of_[static_cast<std::size_t>(item)];
    if (place < 0) {
      place = static_cast<std::int64_t>(items_.size());
      items_.push_back(item);
    }
    return place;
  }

  [[nodiscard]] Tensor unique() const { return torch::tensor(items_); }

 private:
  std::vector<std::int64_t> items_;
  std::vector<std::int64_t> place_of_;
  std::vector<std::int64_t> own_;
  std::int64_t num_items_;
  RandomStream random_;
};

SequenceBatch with_negatives(SequenceBatch batch,
                             const LossConfig& config,
                             std::int64_t num_items,
                             std::uint64_t seed) {
  const bool shared = config.negatives_per == "row";
  const std::int64_t rows = batch.own.size(0);
  const std::int64_t places = shared ? 1 : batch.targets.size(1);
  batch.negatives = torch::zeros({rows, places, config.num_negatives}, torch::kInt64);
  auto at = batch.negatives.accessor<std::int64_t, 3>();
  const auto target_at = batch.targets.accessor<std::int64_t, 2>();
  NegativeDraws draws(batch.unique, num_items, seed);
  for (std::int64_t row = 0; row < rows; ++row) {
    draws.start_row(batch.own[row]);
    for (std::int64_t place = 0; place < places; ++place) {
      if (!shared && target_at[row][place] == 0) continue;
      for (std::int64_t k = 0; k < config.num_negatives; ++k)
        at[row][place][k] = draws.next_place();
    }
  }
  batch.unique = draws.unique();
  // Of the items drawn there is neither: only in-batch-softmax reads them.
  batch.log_count = Tensor();
  batch.log_pop = Tensor();
  return batch;
}

SequenceBatch over_catalogue(SequenceBatch batch, std::int64_t num_items) {
  const auto item_at = [&](const Tensor& places) {
    return batch.unique.index_select(0, places.flatten()).view(places.sizes());
  };
  return {.unique = torch::arange(num_items + 1, torch::kInt64),
          .inputs = item_at(batch.inputs),
          .targets = item_at(batch.targets),
          .own = item_at(batch.own)};
}

/// Positions with a target, flat: where [m] of B*L, their states [m, D] and targets [m].
struct Targets {
  Tensor where;
  Tensor states;
  Tensor places;
};

Targets targets_of(const Tensor& states, const SequenceBatch& batch) {
  const Tensor flat = batch.targets.flatten();
  const Tensor where = flat.nonzero().squeeze(1);
  return {.where = where,
          .states = states.flatten(0, 1).index_select(0, where),
          .places = flat.index_select(0, where)};
}

/// Scores of the drawn items, [m, K].
Tensor negative_scores(const Tensor& states,
                       const Tensor& vectors,
                       const SequenceBatch& batch,
                       const Targets& targets) {
  const std::int64_t width = vectors.size(1);
  const std::int64_t count = batch.negatives.size(2);
  const auto vectors_at = [&](const Tensor& places) {
    return vectors.index_select(0, places.flatten()).view({places.size(0), count, width});
  };
  if (batch.negatives.size(1) == 1 && states.size(1) > 1) {
    const Tensor shared = vectors_at(batch.negatives.squeeze(1));
    return states.bmm(shared.transpose(1, 2)).flatten(0, 1).index_select(0, targets.where);
  }
  const Tensor places = batch.negatives.flatten(0, 1).index_select(0, targets.where);
  // Many negatives cost less memory as places in a full row of scores than as vectors.
  if (count * width > vectors.size(0)) return targets.states.matmul(vectors.t()).gather(1, places);
  return vectors_at(places).bmm(targets.states.unsqueeze(2)).squeeze(2);
}

}  // namespace

void LossConfig::check() const {
  check_one_of("loss", loss, {"in-batch-softmax", "softmax", "sampled-softmax", "bce", "bpr"});
  check_range("num-negatives", static_cast<double>(num_negatives), 1, 1e6);
  check_one_of("negatives-per", negatives_per, {"position", "row"});
  check_range("bce-calibration", bce_calibration, 0, 1);
  check_one_of("batch-negatives", batch_negatives, {"all", "own"});
  if (bce_calibration > 0 && loss != "bce")
    throw ConfigError("--bce-calibration belongs to --loss bce");
}

bool LossConfig::draws_negatives() const {
  return loss == "sampled-softmax" || loss == "bce" || loss == "bpr";
}

bool LossConfig::compares_with_own_items() const {
  return loss == "in-batch-softmax" && batch_negatives == "own";
}

std::string LossConfig::description() const {
  if (loss == "in-batch-softmax") return "in-batch softmax, popularity-debiased";
  if (!draws_negatives()) return loss;
  const std::string drawn =
      formatted("{}, {} uniform negatives a {}", loss, num_negatives, negatives_per);
  return bce_calibration > 0 ? formatted("{}, calibration {}", drawn, bce_calibration) : drawn;
}

SequenceBatch with_candidates(SequenceBatch batch,
                              const LossConfig& config,
                              std::int64_t num_items,
                              std::uint64_t seed) {
  if (config.loss == "softmax") return over_catalogue(std::move(batch), num_items);
  if (config.draws_negatives()) return with_negatives(std::move(batch), config, num_items, seed);
  return batch;
}

SequenceBatch own_batch(const comm::Share& own,
                        std::size_t num_rows,
                        const LossConfig& config,
                        const std::function<SequenceBatch(const comm::Share& rows)>& batch_of) {
  if (config.compares_with_own_items()) return batch_of(own);
  return batch_of({0, num_rows})
      .rows(static_cast<std::int64_t>(own.begin), static_cast<std::int64_t>(own.size()));
}

double gbce_exponent(std::int64_t num_negatives, std::int64_t num_items, double calibration) {
  if (calibration == 0) return 1.0;
  const double alpha = static_cast<double>(num_negatives) /
                       static_cast<double>(std::max<std::int64_t>(num_items - 1, 1));
  return alpha * ((1 - 1 / alpha) * calibration + 1 / alpha);
}

Tensor sequence_loss(const Tensor& states,
                     const Tensor& vectors,
                     const SequenceBatch& batch,
                     const LossConfig& config,
                     std::int64_t num_items) {
  if (config.loss == "in-batch-softmax") return debiased_softmax_loss(states, vectors, batch);
  const Targets targets = targets_of(states, batch);
  if (config.loss == "softmax") {
    const Tensor scores = targets.states.matmul(vectors.narrow(0, 1, num_items).t());
    return torch::cross_entropy_loss(scores, targets.places - 1);
  }
  TORCH_CHECK(batch.negatives.defined(), "sequence_loss: the batch has no negatives");
  const Tensor positive =
      (targets.states * vectors.index_select(0, targets.places)).sum(1, /*keepdim=*/true);
  const Tensor negative = negative_scores(states, vectors, batch, targets);
  if (config.loss == "bpr") return at::softplus(negative - positive).mean();
  if (config.loss == "sampled-softmax") {
    return (torch::cat({positive, negative}, 1).logsumexp(1, /*keepdim=*/true) - positive).mean();
  }
  const double beta = gbce_exponent(config.num_negatives, num_items, config.bce_calibration);
  return torch::cat({at::softplus(-positive) * beta, at::softplus(negative)}, 1).mean();
}

}  // namespace vragent::recommender

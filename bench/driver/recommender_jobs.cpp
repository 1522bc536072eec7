// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <memory>

#include <torch/types.h>

#include "jobs.h"
#include "vragent/data/formats/interaction_reader.h"
#include "vragent/nn/optim/sharded_adamw.h"
#include "vragent/nn/parameters.h"
#include "vragent/nn/safetensors.h"
#include "vragent/recommender/training_run.h"
#include "vragent/util/config.h"
#include "vragent/util/log.h"
#include "vragent/util/progress.h"
#include "vragent/util/random.h"

namespace vragent::bench {
namespace {

using Batch = std::vector<std::size_t>;

recommender::TrainConfig config_of(const Session& session) {
  recommender::TrainConfig config;
  apply_json_file(options_of(config), session.model);
  config.runtime.dtype = session.runtime.dtype;
  config.runtime.threads = session.runtime.threads;
  config.out = "unused";
  config.check();
  return config;
}

/// A model in training: the steps of train-sasrec without its epochs, logs and files.
class Training {
 public:
  explicit Training(const Session& session)
      : config_(config_of(session)),
        sequences_(
            data::formats::load_sequences(config_.interactions, config_.reading, config_.protocol)),
        input_{.sequences = sequences_,
               .rows = recommender::training_rows(sequences_),
               .seed = 1,
               .loss = config_.loss,
               .compute = nn::parse_dtype(config_.runtime.dtype)} {
    if (recommender::is_collaborative(config_.model)) {
      collaborative_ = recommender::build_collaborative(config_, sequences_, torch::kCPU);
      learner_ = std::make_unique<recommender::Learner>(
          recommender::learner_of(collaborative_, config_.loop, input_));
    } else {
      sequential_ = recommender::build_recommender(config_, sequences_, torch::kCPU);
      learner_ = std::make_unique<recommender::Learner>(
          recommender::learner_of(sequential_, config_.loop, input_));
    }
    optimizer_ =
        std::make_unique<nn::ShardedAdamW>(learner_->groups, config_.loop.optim, comm::alone());
  }

  OrderedJson save_weights(const Json& request) {
    nn::save_safetensors(request.at("file").get<std::string>(),
                         nn::parameters_of(learner_->module));
    std::int64_t targets = 0;
    for (const recommender::TrainingRow& row : input_.rows)
      targets += static_cast<std::int64_t>(row.items.size()) - row.first_target;
    return {{"examples", learner_->num_examples},
            {"targets", targets},
            {"users", sequences_.num_users()},
            {"items", sequences_.num_items()}};
  }

  /// One step each for the batches of example numbers, or so many "steps" of "batch_size" drawn.
  OrderedJson train(const Json& request) {
    const auto batches = request.contains("batches")
                             ? request.at("batches").get<std::vector<Batch>>()
                             : drawn(request.at("steps"), request.at("batch_size"));
    learner_->module.train();
    OrderedJson losses = OrderedJson::array();
    std::size_t examples = 0;
    const Stopwatch watch;
    for (const Batch& batch : batches) {
      losses.push_back(
          recommender::train_step(*learner_,
                                  *optimizer_,
                                  batch,
                                  mix_seed(1, {step_++}),
                                  {.lr = config_.loop.optim.lr, .clip = config_.loop.optim.clip})
              .loss);
      examples += batch.size();
    }
    return {{"seconds", watch.seconds()}, {"losses", losses}, {"examples", examples}};
  }

  OrderedJson evaluate(const Json& request) {
    const Stopwatch watch;
    const recommender::Evaluation result = recommender::evaluate(
        sequences_,
        data::Split::kTest,
        learner_->ranker(),
        {.cutoffs = {10},
         .batch_users = request.value("batch_users", recommender::RankingOptions{}.batch_users)});
    return {{"seconds", watch.seconds()},
            {"hit_rate", result.all.cutoffs[0].hit_rate},
            {"ndcg", result.all.cutoffs[0].ndcg},
            {"mean_rank", result.all.mean_rank}};
  }

 private:
  std::vector<Batch> drawn(std::size_t steps, std::size_t batch_size) {
    RandomStream random(mix_seed(2, {step_}));
    std::vector<Batch> batches(steps);
    for (Batch& batch : batches) {
      for (std::size_t i = 0; i < batch_size; ++i)
        batch.push_back(static_cast<std::size_t>(
            random.below(static_cast<std::int64_t>(learner_->num_examples))));
    }
    return batches;
  }

  recommender::TrainConfig config_;
  data::Sequences sequences_;
  recommender::TrainingInput input_;
  recommender::Recommender sequential_{nullptr};
  recommender::Collaborative collaborative_{nullptr};
  std::unique_ptr<recommender::Learner> learner_;
  std::unique_ptr<nn::ShardedAdamW> optimizer_;
  std::uint64_t step_ = 0;
};

}  // namespace

void add_recommender_jobs(const Session& session, std::map<std::string, Job>& jobs) {
  log::set_level(log::Level::kWarn);
  const auto training = std::make_shared<Training>(session);
  jobs["save_weights"] = [training](const Json& request) {
    return training->save_weights(request);
  };
  jobs["train"] = [training](const Json& request) { return training->train(request); };
  jobs["evaluate"] = [training](const Json& request) { return training->evaluate(request); };
}

}  // namespace vragent::bench

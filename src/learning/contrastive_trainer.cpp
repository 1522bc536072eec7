// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/contrastive_trainer.h"

#include <algorithm>
#include <cmath>
#include <future>

#include "vragent/data/run_dir.h"
#include "vragent/learning/trainer_files.h"
#include "vragent/models/clip.h"
#include "vragent/models/hf_folder.h"
#include "vragent/models/pixels.h"
#include "vragent/nn/parameters.h"
#include "vragent/text/tokenizer.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/json.h"
#include "vragent/util/progress.h"
#include "vragent/util/random.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

constexpr double kMaxScale = 100.0;
constexpr std::string_view kMayDiffer = "resume,overwrite,device,threads,log-every";

struct Pair {
  std::filesystem::path image;
  std::string text;
};

std::vector<Pair> load_pairs(const std::filesystem::path& path) {
  std::vector<Pair> pairs;
  for_each_line(path, [&](const std::string& line, const std::string& where) {
    const Json row = parse_json_object(line, where);
    const JsonRecord record(row, where);
    const std::filesystem::path image = record.text("image");
    pairs.push_back(
        {image.is_absolute() ? image : path.parent_path() / image, record.text("text")});
  });
  if (pairs.size() < 2) throw DataError(formatted("{}: at least two pairs are needed", path));
  return pairs;
}

struct PairBatch {
  Tensor pixels;  ///< [B, 3, S, S]
  Tensor ids;     ///< int64 [B, T], padded with the end token
};

class ContrastiveLoop {
 public:
  explicit ContrastiveLoop(const ContrastiveConfig& config)
      : config_(config),
        base_(models::resolve_model(config.model)),
        device_(nn::parse_device(config.runtime.device)),
        clip_(models::load_clip(base_, nn::parse_dtype(config.runtime.dtype), device_)),
        tokenizer_(text::load_tokenizer(base_)),
        pixels_(models::load_clip_pixel_config(base_, clip_->config.image_size)),
        pairs_(load_pairs(config.pairs)) {
    nn::set_requires_grad(*clip_, true);
  }

  double run() {
    TrainerFiles files(config_.out, base_, 1);
    nn::ShardedAdamW optimizer(
        nn::decay_groups(nn::trainable_parameters(*clip_), config_.optim.weight_decay),
        config_.optim,
        comm::alone());
    std::int64_t step = 0;
    if (const auto restored = files.open(config_.resume, *clip_, optimizer))
      step = static_cast<std::int64_t>(restored->at("step"));
    Progress progress("steps", config_.steps, step);
    double last = 0;
    auto next = fetch(step);
    while (step < config_.steps) {
      if (interrupt_requested()) {
        files.save_checkpoint(step, *clip_, optimizer, numbers());
        throw_if_interrupted(
            formatted("step {} is saved; run the same command with --resume to go on", step));
      }
      const PairBatch batch = next.get();
      if (step + 1 < config_.steps) next = fetch(step + 1);
      const double lr = nn::learning_rate(config_.optim, step, config_.steps);
      const double loss = train_step(optimizer, batch, lr, step + 1);
      progress.advance(1, formatted("loss={:.4f}", loss));
      step += 1;
      if (step % config_.log_every == 0 || step == config_.steps) {
        last = loss;
        files.log(step, 0, {{"loss", loss}, {"learning_rate", lr}});
      }
    }
    files.finish(config_.steps, *clip_, numbers());
    return last;
  }

 private:
  std::future<PairBatch> fetch(std::int64_t step) {
    return std::async(std::launch::async, [this, step] { return batch_of(step); });
  }

  [[nodiscard]] PairBatch batch_of(std::int64_t step) const {
    RandomStream random(mix_seed(static_cast<std::uint64_t>(config_.runtime.seed),
                                 {hash_text("pairs"), static_cast<std::uint64_t>(step)}));
    const auto size =
        std::min<std::int64_t>(config_.batch_size, static_cast<std::int64_t>(pairs_.size()));
    std::vector<Tensor> pixels;
    std::vector<std::vector<std::int64_t>> texts;
    std::size_t longest = 1;
    for (const std::int64_t i : random.sample(static_cast<std::int64_t>(pairs_.size()), size)) {
      const Pair& pair = pairs_[static_cast<std::size_t>(i)];
      pixels.push_back(models::clip_pixels(media::read_image(pair.image), pixels_));
      texts.push_back(tokenizer_->encode(pair.text, {.max_length = clip_->config.max_positions}));
      longest = std::max(longest, texts.back().size());
    }
    Tensor ids = torch::empty({size, static_cast<std::int64_t>(longest)}, torch::kInt64);
    for (std::size_t b = 0; b < texts.size(); ++b) {
      texts[b].resize(longest, texts[b].back());
      ids[static_cast<std::int64_t>(b)].copy_(torch::tensor(texts[b]));
    }
    return {torch::stack(pixels), ids};
  }

  [[nodiscard]] RunNumbers numbers() const {
    return {{"max_steps", static_cast<double>(config_.steps)}};
  }

  /// Loss before the update. @throws Error before anything is updated where it, or the length of
  /// its gradient, is not finite
  double train_step(nn::ShardedAdamW& optimizer,
                    const PairBatch& batch,
                    double lr,
                    std::int64_t number) {
    optimizer.zero_grad();
    const Tensor loss = contrastive_loss(clip_->encode_image(batch.pixels.to(device_)),
                                         clip_->encode_text(batch.ids.to(device_)),
                                         clip_->logit_scale);
    loss.backward();
    const double norm = optimizer.clip_gradients(config_.optim.clip);
    const double value = loss.item<double>();
    if (!std::isfinite(value) || !std::isfinite(norm)) {
      throw Error(ExitCode::kInternal,
                  formatted("step={}: loss {} gradient norm {}", number, value, norm));
    }
    optimizer.step(lr);
    return value;
  }

  const ContrastiveConfig& config_;
  std::filesystem::path base_;
  torch::Device device_;
  models::Clip clip_;
  std::unique_ptr<text::Tokenizer> tokenizer_;
  models::ClipPixelConfig pixels_;
  std::vector<Pair> pairs_;
};

}  // namespace

void ContrastiveConfig::check() const {
  check_given("out", out);
  check_given("model", model);
  check_given("pairs", pairs);
  check_range("steps", static_cast<double>(steps), 1, 1e9);
  check_range("batch-size", static_cast<double>(batch_size), 2, 1e6);
  check_range("log-every", static_cast<double>(log_every), 1, 1e9);
  check_group("optim", optim);
  runtime.check();
}

Tensor contrastive_loss(const Tensor& images, const Tensor& texts, const Tensor& logit_scale) {
  const auto unit = [](const Tensor& x) {
    return x / x.norm(2, -1, /*keepdim=*/true).clamp_min(1e-12);
  };
  const Tensor logits =
      logit_scale.exp().clamp_max(kMaxScale) * unit(images).matmul(unit(texts).t());
  const Tensor diagonal =
      torch::arange(images.size(0), torch::TensorOptions(images.device()).dtype(torch::kInt64));
  return (torch::cross_entropy_loss(logits, diagonal) +
          torch::cross_entropy_loss(logits.t(), diagonal)) /
         2;
}

double run_contrastive(const ContrastiveConfig& config) {
  config.check();
  nn::prepare_torch(config.runtime);
  const FolderLock lock(config.out);
  data::begin_training(config, "sft clip", kMayDiffer);
  return ContrastiveLoop(config).run();
}

}  // namespace vragent::learning

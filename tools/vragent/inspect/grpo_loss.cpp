// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo/grpo_loss.h"

#include <algorithm>

#include <torch/csrc/autograd/autograd.h>

#include "command.h"
#include "inspect/commands.h"
#include "inspect/out_file.h"
#include "vragent/learning/grpo/advantage.h"
#include "vragent/nn/safetensors.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/interrupt.h"

namespace vragent::tools {
namespace {

using torch::Tensor;

struct GrpoLossFlags {
  std::filesystem::path tensors;
  std::filesystem::path out;
  std::int64_t micro_rows = 0;
  std::int64_t max_tokens = 2048;
  learning::GrpoLossConfig loss;
  learning::AdvantageConfig advantage;

  void visit(auto& v) {
    v("tensors",
      tensors,
      "safetensors file: log_probs [B, C], mask [B, C], advantages [B] or rewards [K, P, G]; where "
      "used, old_log_probs, ref_log_probs, sampler_log_probs, entropy [B, C] (required)");
    v("out", out, "safetensors file to write: loss, gradient [B, C], advantages [B] (required)");
    v("micro-rows", micro_rows, "rows of a micro-batch, whose losses are added up; 0: all rows");
    v("max-tokens", max_tokens, "longest answer that could be sampled, for dr_grpo");
    v("loss", loss, "");
    v("advantage", advantage, "");
  }
};

/// The tensors of the file by name.
class Inputs {
 public:
  explicit Inputs(const std::filesystem::path& path)
      : path_(path), tensors_(nn::load_safetensors(path)) {}

  [[nodiscard]] bool has(const std::string& name) const { return tensors_.contains(name); }

  [[nodiscard]] Tensor get(const std::string& name, std::int64_t dims) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) throw DataError(formatted("{}: no tensor \"{}\"", path_, name));
    if (found->second.dim() != dims)
      throw DataError(formatted(
          "{}: \"{}\" has {} dimensions, not {}", path_, name, found->second.dim(), dims));
    return found->second;
  }

  /// Undefined when the file has none. @throws DataError unless of the shape of `like`
  [[nodiscard]] Tensor like(const std::string& name, const Tensor& like) const {
    if (!has(name)) return {};
    const Tensor tensor = get(name, like.dim());
    if (tensor.sizes() != like.sizes())
      throw DataError(formatted("{}: \"{}\" has another shape than log_probs", path_, name));
    return tensor;
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  const std::filesystem::path& path_;
  nn::NamedTensors tensors_;
};

Tensor advantages_in(const Inputs& inputs,
                     const learning::AdvantageConfig& config,
                     std::int64_t rows) {
  Tensor advantages;
  if (inputs.has("advantages")) {
    advantages = inputs.get("advantages", 1);
  } else {
    const Tensor rewards = inputs.get("rewards", 3);
    if (rewards.size(0) != std::ssize(config.reward_weights))
      throw DataError(formatted("{}: {} rewards for {} --advantage.reward-weights",
                                inputs.path(),
                                rewards.size(0),
                                std::ssize(config.reward_weights)));
    advantages = learning::advantages_of(rewards.unbind(0), config).flatten();
  }
  if (advantages.size(0) != rows)
    throw DataError(
        formatted("{}: {} advantages for {} rows", inputs.path(), advantages.size(0), rows));
  return advantages;
}

/// Rows [begin, begin + size) of whatever is defined.
learning::GrpoBatch rows_of(const learning::GrpoBatch& all, std::int64_t begin, std::int64_t size) {
  learning::GrpoBatch part = all;
  for (Tensor* x : {&part.log_probs,
                    &part.entropy,
                    &part.old_log_probs,
                    &part.ref_log_probs,
                    &part.sampler_log_probs,
                    &part.mask,
                    &part.advantages}) {
    if (x->defined()) *x = x->narrow(0, begin, size);
  }
  return part;
}

void inspect_grpo_loss(const GrpoLossFlags& flags) {
  check_given("tensors", flags.tensors);
  check_out_file(flags.out);
  check_group("loss", flags.loss);
  check_group("advantage", flags.advantage);
  end_at_first_signal(true);
  const Inputs inputs(flags.tensors);
  const Tensor log_probs = inputs.get("log_probs", 2).requires_grad_();
  const std::int64_t rows = log_probs.size(0);
  check_range("micro-rows", static_cast<double>(flags.micro_rows), 0, static_cast<double>(rows));
  learning::GrpoBatch all{.log_probs = log_probs,
                          .entropy = inputs.like("entropy", log_probs),
                          .old_log_probs = inputs.like("old_log_probs", log_probs),
                          .ref_log_probs = inputs.like("ref_log_probs", log_probs),
                          .sampler_log_probs = inputs.like("sampler_log_probs", log_probs),
                          .mask = inputs.like("mask", log_probs),
                          .advantages = advantages_in(inputs, flags.advantage, rows),
                          .max_completion_length = flags.max_tokens};
  if (!all.mask.defined()) throw DataError(formatted("{}: no tensor \"mask\"", flags.tensors));
  all.mask = all.mask.to(torch::kBool);
  const auto wants = [&](bool used, const Tensor& tensor, const char* name) {
    if (used && !tensor.defined())
      throw DataError(formatted("{}: no tensor \"{}\"", flags.tensors, name));
  };
  wants(flags.loss.kl_coef > 0, all.ref_log_probs, "ref_log_probs");
  wants(flags.loss.correction != "none", all.sampler_log_probs, "sampler_log_probs");
  wants(flags.loss.entropy_coef != 0, all.entropy, "entropy");
  all.total_tokens = std::max(1.0, all.mask.sum().item<double>());
  const std::int64_t size = flags.micro_rows > 0 ? flags.micro_rows : rows;
  const std::int64_t parts = (rows + size - 1) / size;
  Tensor loss = torch::zeros({}, log_probs.options());
  for (std::int64_t begin = 0; begin < rows; begin += size) {
    const learning::GrpoBatch part = rows_of(all, begin, std::min(size, rows - begin));
    loss = loss + learning::grpo_loss(part, flags.loss)
                      .part_of_update(
                          learning::micro_batch_share(flags.loss, part.mask.size(0), rows, parts));
  }
  const Tensor gradient = torch::autograd::grad({loss}, {log_probs})[0];
  end_at_first_signal(false);  // or a half written file would stay
  nn::save_safetensors(
      flags.out, {{"loss", loss.detach()}, {"gradient", gradient}, {"advantages", all.advantages}});
}

}  // namespace

void add_inspect_grpo_loss(CLI::App& inspect) {
  CLI::App& command = add_nested_command(
      inspect, "grpo-loss", "A GRPO loss of given log-probabilities, and its gradient");
  auto flags = bind_config<GrpoLossFlags>(command);
  on_run(command, [flags] { inspect_grpo_loss(*flags); });
}

}  // namespace vragent::tools

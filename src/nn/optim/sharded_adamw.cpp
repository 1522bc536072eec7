// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/optim/sharded_adamw.h"

#include <algorithm>
#include <cmath>

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include "vragent/comm/sharing.h"
#include "vragent/util/error.h"

namespace vragent::nn {
namespace {

using torch::Tensor;

constexpr std::int64_t kAlign = 16;  // elements a part is a multiple of

/// This process's part of one parameter: [from, from + length) of its elements, which begins at
/// `at` in the part of the bucket.
struct Piece {
  std::size_t parameter = 0;
  std::int64_t from = 0;
  std::int64_t at = 0;
  std::int64_t length = 0;
  Tensor value;  ///< fp32 [length], of the bucket's masters; carries the gradient
};

struct Shared {
  NamedParameter named;
  std::size_t bucket = 0;
  std::int64_t offset = 0;    ///< in the bucket
  bool has_gradient = false;  ///< since zero_grad(); after sharing, in any process
  bool is_ready = false;      ///< in the backward under way
};

struct Bucket {
  std::vector<std::size_t> parameters;
  std::int64_t size = 0;  ///< elements, with padding: a multiple of W * kAlign
  std::vector<Piece> pieces;
  Tensor master;    ///< fp32 [size / W]
  Tensor gradient;  ///< fp32 [size / W], summed over processes; undefined before the first
  std::size_t missing = 0;
};

}  // namespace

/// Buckets and the way of gradients into them and of weights out of them.
class ShardedAdamW::Shards {
 public:
  Shards(const std::vector<ParameterGroup>& groups,
         const comm::Communicator& processes,
         std::int64_t zero,
         std::int64_t bucket)
      : processes_(processes), most_in_bucket_(bucket) {
    for (const ParameterGroup& group : groups) {
      const std::size_t first = buckets_.size();
      for (const NamedParameter& item : group.parameters) place(item, first);
      // Backward comes to the last layers first; the order must be the same on all ranks.
      for (std::size_t i = buckets_.size(); i > first; --i) order_.push_back(i - 1);
    }
    for (Bucket& one : buckets_) cut(one);
    copy_masters();
    if (zero == 2) watch();
  }

  ~Shards() {
    for (const Shared& item : parameters_) {
      if (is_watched_) torch::autograd::impl::set_post_acc_grad_hooks(item.named.tensor, nullptr);
    }
  }

  Shards(const Shards&) = delete;
  Shards& operator=(const Shards&) = delete;

  /// The groups of the parts that this process updates.
  [[nodiscard]] std::vector<ParameterGroup> groups_of_pieces(
      const std::vector<ParameterGroup>& groups) const {
    std::vector<ParameterGroup> parts;
    std::size_t bucket = 0;
    std::size_t seen = 0;
    for (const ParameterGroup& group : groups) {
      ParameterGroup part{.lr_scale = group.lr_scale, .weight_decay = group.weight_decay};
      for (seen += group.parameters.size();
           bucket < buckets_.size() && buckets_[bucket].parameters.front() < seen;
           ++bucket) {
        for (const Piece& piece : buckets_[bucket].pieces)
          part.parameters.push_back({parameters_[piece.parameter].named.name, piece.value});
      }
      parts.push_back(std::move(part));
    }
    return parts;
  }

  void drop_gradients() {
    for (Shared& item : parameters_) {
      item.named.tensor.mutable_grad() = Tensor();
      item.has_gradient = false;
    }
    for (Bucket& bucket : buckets_) bucket.gradient = Tensor();
    is_open_ = false;
  }

  /// Sums what backward has left, and hands every piece its gradient.
  void share_gradients() {
    if (is_open_) close_round();
    if (is_watched_) {
      // Others may still be in a backward, and wait for this process in every bucket.
      while (rounds_agreed(0) > 0) reduce_rest(0);
    } else {
      reduce_rest(0);
    }
    std::vector<double> flags;
    for (const Shared& item : parameters_) flags.push_back(item.has_gradient ? 1 : 0);
    flags = comm::sums_of(processes_, flags);
    for (std::size_t i = 0; i < flags.size(); ++i) parameters_[i].has_gradient = flags[i] > 0;
    for (Bucket& bucket : buckets_) {
      for (Piece& piece : bucket.pieces) {
        piece.value.mutable_grad() = parameters_[piece.parameter].has_gradient
                                         ? bucket.gradient.narrow(0, piece.at, piece.length)
                                         : Tensor();
      }
    }
  }

  void scale_gradients(double factor) {
    for (Bucket& bucket : buckets_) {
      if (bucket.gradient.defined()) bucket.gradient.mul_(factor);
    }
  }

  /// Every process's parts of the masters -> the parameters of all.
  void publish() {
    const torch::NoGradGuard no_grad;
    for (Bucket& bucket : buckets_) {
      const bool is_changed =
          std::any_of(bucket.parameters.begin(), bucket.parameters.end(), [this](std::size_t i) {
            return parameters_[i].has_gradient;
          });
      if (!is_changed) continue;
      const Tensor whole = processes_.all_gather(bucket.master.to(type_of(bucket)));
      for (const std::size_t i : bucket.parameters) {
        Tensor parameter = parameters_[i].named.tensor.detach();
        parameter.copy_(
            whole.narrow(0, parameters_[i].offset, parameter.numel()).view(parameter.sizes()));
      }
    }
  }

  void copy_masters() {
    const torch::NoGradGuard no_grad;
    for (Bucket& bucket : buckets_) {
      for (Piece& piece : bucket.pieces)
        piece.value.copy_(part_of(parameters_[piece.parameter].named.tensor, piece));
    }
  }

  /// The parts of one kind ("m.") of this process's state -> whole tensors on the host by
  /// parameter; none on all ranks but 0, and of masters only those of parameters that are not fp32
  /// themselves.
  [[nodiscard]] NamedTensors whole(const NamedTensors& own, const std::string& kind) const {
    const torch::NoGradGuard no_grad;
    NamedTensors wholes;
    for (const Bucket& bucket : buckets_) {
      const bool is_master = kind == "master.";
      if (is_master && type_of(bucket) == torch::kFloat32) continue;
      const Tensor part = is_master ? bucket.master : torch::zeros_like(bucket.master);
      for (const Piece& piece : bucket.pieces) {
        if (is_master) continue;
        part.narrow(0, piece.at, piece.length)
            .copy_(own.at(kind + parameters_[piece.parameter].named.name));
      }
      const Tensor all = processes_.all_gather(part);
      if (processes_.rank() != 0) continue;
      for (const std::size_t i : bucket.parameters) {
        const Tensor& parameter = parameters_[i].named.tensor;
        const Tensor one = all.narrow(0, parameters_[i].offset, parameter.numel());
        wholes[parameters_[i].named.name] = one.view(parameter.sizes()).cpu().clone();
      }
    }
    return wholes;
  }

  /// The number of updates of each parameter, from whoever has its first element.
  [[nodiscard]] NamedTensors steps(const NamedTensors& own) const {
    std::vector<double> counts(parameters_.size(), 0.0);
    for (const Bucket& bucket : buckets_) {
      for (const Piece& piece : bucket.pieces) {
        const std::string& name = parameters_[piece.parameter].named.name;
        if (piece.from == 0) counts[piece.parameter] = own.at("step." + name).item<double>();
      }
    }
    counts = comm::sums_of(processes_, counts);
    NamedTensors steps;
    if (processes_.rank() != 0) return steps;
    for (std::size_t i = 0; i < counts.size(); ++i)
      steps[parameters_[i].named.name] = torch::tensor(static_cast<float>(counts[i]));
    return steps;
  }

  /// A whole state -> this process's part of it. @throws DataError as AdamW::load_state()
  [[nodiscard]] NamedTensors parts(const NamedTensors& state, const std::string& where) {
    const torch::NoGradGuard no_grad;
    check_whole(state, where);
    NamedTensors parts;
    for (Bucket& bucket : buckets_) {
      for (Piece& piece : bucket.pieces) {
        const std::string& name = parameters_[piece.parameter].named.name;
        for (const char* kind : {"m.", "v."})
          parts[kind + name] = part_of(state.at(kind + name), piece);
        parts["step." + name] = state.at("step." + name);
        if (type_of(bucket) != torch::kFloat32)
          piece.value.copy_(part_of(state.at("master." + name), piece));
      }
    }
    return parts;
  }

 private:
  struct Hook : torch::autograd::PostAccumulateGradHook {
    Hook(Shards& shards, std::size_t number) : owner(shards), parameter(number) {}

    void operator()(const torch::autograd::Variable&) override { owner.on_gradient(parameter); }

    Shards& owner;
    std::size_t parameter;
  };

  /// This process's part of a whole parameter.
  static Tensor part_of(const Tensor& whole, const Piece& piece) {
    return whole.detach().reshape(-1).narrow(0, piece.from, piece.length);
  }

  [[nodiscard]] torch::Dtype type_of(const Bucket& bucket) const {
    return parameters_[bucket.parameters.front()].named.tensor.scalar_type();
  }

  /// All processes look at the whole state, so that they fail together.
  void check_whole(const NamedTensors& state, const std::string& where) const {
    for (const Shared& item : parameters_) {
      std::vector<std::string> kinds = {"m.", "v."};
      if (item.named.tensor.scalar_type() != torch::kFloat32) kinds.emplace_back("master.");
      for (const std::string& kind : kinds) {
        const auto found = state.find(kind + item.named.name);
        if (found == state.end())
          throw DataError(where + ": optimiser state lacks \"" + kind + item.named.name + "\"");
        if (found->second.sizes() != item.named.tensor.sizes())
          throw DataError(where + ": \"" + kind + item.named.name + "\" has another shape");
      }
      if (!state.contains("step." + item.named.name))
        throw DataError(where + ": optimiser state lacks \"step." + item.named.name + "\"");
    }
  }

  /// Puts a parameter behind the others of its group, into the last bucket where it fits.
  void place(const NamedParameter& item, std::size_t first_of_group) {
    const bool fits = buckets_.size() > first_of_group &&
                      buckets_.back().size + item.tensor.numel() <= most_in_bucket_ &&
                      parameters_.back().named.tensor.options().type_equal(item.tensor.options());
    if (!fits) buckets_.emplace_back();
    Bucket& bucket = buckets_.back();
    bucket.parameters.push_back(parameters_.size());
    parameters_.push_back({.named = item, .bucket = buckets_.size() - 1, .offset = bucket.size});
    bucket.size += item.tensor.numel();
  }

  /// Pads a bucket and cuts out this process's pieces.
  void cut(Bucket& bucket) const {
    const std::int64_t unit = processes_.size() * kAlign;
    bucket.size = (bucket.size + unit - 1) / unit * unit;
    const std::int64_t share = bucket.size / processes_.size();
    const std::int64_t begin = share * processes_.rank();
    const Tensor& first = parameters_[bucket.parameters.front()].named.tensor;
    bucket.master =
        torch::zeros({share}, first.options().dtype(torch::kFloat32).requires_grad(false));
    for (const std::size_t i : bucket.parameters) {
      const Shared& item = parameters_[i];
      const std::int64_t from = std::max<std::int64_t>(begin - item.offset, 0);
      const std::int64_t to =
          std::min<std::int64_t>(begin + share - item.offset, item.named.tensor.numel());
      if (from >= to) continue;
      Piece piece{
          .parameter = i, .from = from, .at = item.offset + from - begin, .length = to - from};
      piece.value = bucket.master.narrow(0, piece.at, piece.length);
      bucket.pieces.push_back(std::move(piece));
    }
  }

  void watch() {
    is_watched_ = true;
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      torch::autograd::impl::set_post_acc_grad_hooks(parameters_[i].named.tensor,
                                                     std::make_unique<Hook>(*this, i));
  }

  /// How many processes begin a round of reductions now; the others join in from share_gradients().
  std::int64_t rounds_agreed(std::int64_t own) const {
    const Tensor count = torch::tensor({own}, torch::kInt64);
    processes_.all_reduce(count);
    return count.item<std::int64_t>();
  }

  /// In backward: a gradient has grown.
  void on_gradient(std::size_t parameter) {
    Shared& item = parameters_[parameter];
    // A second gradient of one parameter (another backward) begins another round.
    if (is_open_ && item.is_ready) close_round();
    if (!is_open_) open_round();
    if (!item.is_ready) {
      item.is_ready = true;
      buckets_[item.bucket].missing -= 1;
    }
    for (; next_ < order_.size() && buckets_[order_[next_]].missing == 0; ++next_)
      reduce(buckets_[order_[next_]]);
  }

  void open_round() {
    rounds_agreed(1);
    for (Shared& item : parameters_) item.is_ready = false;
    for (Bucket& bucket : buckets_) bucket.missing = bucket.parameters.size();
    is_open_ = true;
    next_ = 0;
  }

  void close_round() {
    reduce_rest(next_);
    is_open_ = false;
  }

  void reduce_rest(std::size_t from) {
    for (std::size_t i = from; i < order_.size(); ++i) reduce(buckets_[order_[i]]);
  }

  /// Adds the sum of all processes' gradients to this process's part and drops them.
  void reduce(Bucket& bucket) {
    const torch::NoGradGuard no_grad;
    const Tensor whole = torch::zeros({bucket.size}, bucket.master.options());
    for (const std::size_t i : bucket.parameters) {
      Shared& item = parameters_[i];
      const Tensor& gradient = item.named.tensor.grad();
      if (!gradient.defined()) continue;
      whole.narrow(0, item.offset, gradient.numel()).copy_(gradient.reshape(-1));
      item.has_gradient = true;
      item.named.tensor.mutable_grad() = Tensor();
    }
    const Tensor part = processes_.reduce_scatter(whole);
    bucket.gradient = bucket.gradient.defined() ? bucket.gradient.add_(part) : part;
  }

  const comm::Communicator& processes_;
  std::int64_t most_in_bucket_;  ///< elements
  std::vector<Shared> parameters_;
  std::vector<Bucket> buckets_;
  std::vector<std::size_t> order_;  ///< in which buckets are reduced
  std::size_t next_ = 0;            ///< in that order, of the round under way
  bool is_open_ = false;            ///< a round is under way
  bool is_watched_ = false;
};

ShardedAdamW::ShardedAdamW(const std::vector<ParameterGroup>& groups,
                           const OptimConfig& config,
                           const comm::Communicator& processes,
                           std::int64_t zero,
                           std::int64_t bucket)
    : processes_(processes),
      shards_(processes.size() > 1 ? std::make_unique<Shards>(groups, processes, zero, bucket)
                                   : nullptr),
      optimizer_(shards_ ? shards_->groups_of_pieces(groups) : groups, config) {}

ShardedAdamW::~ShardedAdamW() = default;

void ShardedAdamW::zero_grad() {
  optimizer_.zero_grad();
  if (shards_) shards_->drop_gradients();
}

double ShardedAdamW::clip_gradients(double max_norm) {
  if (!shards_) return optimizer_.clip_gradients(max_norm);
  shards_->share_gradients();
  const double own = optimizer_.clip_gradients(0);
  const double norm = std::sqrt(comm::sum_of(processes_, own * own));
  if (max_norm > 0 && std::isfinite(norm) && norm > max_norm)
    shards_->scale_gradients(max_norm / (norm + 1e-6));
  return norm;
}

void ShardedAdamW::step(double lr) {
  optimizer_.step(lr);
  if (shards_) shards_->publish();
}

NamedTensors ShardedAdamW::state() const {
  if (!shards_) return optimizer_.state();
  const NamedTensors own = optimizer_.state();
  NamedTensors state;
  for (const char* kind : {"m.", "v.", "master."}) {
    for (auto& [name, tensor] : shards_->whole(own, kind)) state[kind + name] = tensor;
  }
  for (auto& [name, tensor] : shards_->steps(own)) state["step." + name] = tensor;
  return state;
}

void ShardedAdamW::load_state(const NamedTensors& state, const std::string& where) {
  if (!shards_) return optimizer_.load_state(state, where);
  shards_->copy_masters();
  optimizer_.load_state(shards_->parts(state, where), where);
}

}  // namespace vragent::nn

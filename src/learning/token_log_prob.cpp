// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/token_log_prob.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "vragent/ops/kernels/cpu_logit_rows.h"
#include "vragent/ops/linear/packed_linear.h"

namespace vragent::learning {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

/// Logits of so many bytes are kept for the backward pass; the others are made again there.
constexpr std::size_t kMostKept = 256 << 20;

constexpr std::int64_t kHeadRows = 8192;  ///< of the head's gradient at a time

/// What the distributions of some rows are told by, fp32 [rows] each.
struct Measured {
  Tensor log_probs;  ///< of the targets
  Tensor lse;        ///< log of the sum of exp(logits / temperature)
  Tensor entropy;
};

bool has_kernels(const Tensor& logits) {
  return logits.is_cpu() &&
         (logits.scalar_type() == torch::kFloat32 || logits.scalar_type() == torch::kBFloat16);
}

template <class T>
T* data(const Tensor& x) {
  return static_cast<T*>(x.mutable_data_ptr());
}

/// Runs task(T{}) with the kernels' element type of x.
template <class Task>
void with_element_type(const Tensor& x, Task task) {
  if (x.scalar_type() == torch::kFloat32) {
    task(float{});
  } else {
    task(ops::cpu::Bf16{});
  }
}

template <class Task>
void run_rows(const Task& task, std::int64_t rows) {
  at::parallel_for(0, rows, 1, [&](auto begin, auto end) { ops::cpu::run(task, begin, end); });
}

/// logits [rows, V], targets int64 [rows]
Measured measure(const Tensor& logits, const Tensor& targets, double temperature) {
  const auto fp32 = logits.options().dtype(torch::kFloat32);
  if (!has_kernels(logits)) {
    const Tensor scaled = logits.to(torch::kFloat32) / temperature;
    const Tensor lse = torch::logsumexp(scaled, -1);
    const Tensor target = scaled.gather(1, targets.unsqueeze(1)).squeeze(1);
    const Tensor log_shares = scaled - lse.unsqueeze(1);
    return {target - lse, lse, -(log_shares.exp() * log_shares).sum(-1)};
  }
  const std::int64_t rows = logits.size(0);
  Measured made{torch::empty({rows}, fp32), torch::empty({rows}, fp32), torch::empty({rows}, fp32)};
  with_element_type(logits, [&](auto zero) {
    using T = decltype(zero);
    run_rows(ops::cpu::LogitRows<T>{.logits = data<T>(logits),
                                    .targets = data<std::int64_t>(targets),
                                    .log_probs = data<float>(made.log_probs),
                                    .lse = data<float>(made.lse),
                                    .entropy = data<float>(made.entropy),
                                    .width = logits.size(1),
                                    .temperature = static_cast<float>(temperature)},
             rows);
  });
  return made;
}

/// The gradient of logits, in their memory where it can be. `of` holds that of log_probs, and of
/// the entropy if it has one.
Tensor logit_gradients(const Tensor& logits,
                       const Tensor& targets,
                       const Measured& at,
                       Measured of,
                       double temperature) {
  of.log_probs = of.log_probs.contiguous();
  if (of.entropy.defined()) of.entropy = of.entropy.contiguous();
  if (!has_kernels(logits)) {
    const auto column = [](const Tensor& x) { return x.unsqueeze(1); };
    const Tensor log_shares = logits.to(torch::kFloat32) / temperature - column(at.lse);
    Tensor factor = -column(of.log_probs);
    // d entropy / d logit = -share * (log share + entropy)
    if (of.entropy.defined())
      factor = factor - column(of.entropy) * (log_shares + column(at.entropy));
    // d log p(target) / d logit = [target] - share
    const Tensor gradient = log_shares.exp() * factor;
    return (gradient.scatter_add(1, column(targets), column(of.log_probs)) / temperature)
        .to(logits.scalar_type());
  }
  with_element_type(logits, [&](auto zero) {
    using T = decltype(zero);
    run_rows(
        ops::cpu::LogitGradients<T>{
            .logits = data<T>(logits),
            .gradients = data<T>(logits),
            .targets = data<std::int64_t>(targets),
            .lse = data<float>(at.lse),
            .entropy = data<float>(at.entropy),
            .log_prob_gradients = data<float>(of.log_probs),
            .entropy_gradients = of.entropy.defined() ? data<float>(of.entropy) : nullptr,
            .width = logits.size(1),
            .temperature = static_cast<float>(temperature)},
        logits.size(0));
  });
  return logits;
}

/// sum += d^T x, some rows of the head at a time: a product of all would be as large as the head.
void add_head_gradient(const Tensor& d, const Tensor& x, Tensor& sum) {
  for (std::int64_t begin = 0; begin < sum.size(0); begin += kHeadRows) {
    const std::int64_t size = std::min(kHeadRows, sum.size(0) - begin);
    sum.narrow(0, begin, size) += d.narrow(1, begin, size).t().matmul(x);
  }
}

struct ChunkedLogProbs : torch::autograd::Function<ChunkedLogProbs> {
  static constexpr std::ptrdiff_t kOwnSaved = 5;  ///< saved tensors in front of the kept logits

  static tensor_list forward(AutogradContext* context,
                             const Tensor& hidden,
                             const Tensor& head,
                             const Tensor& targets,
                             double temperature,
                             bool entropy_gradient,
                             std::int64_t chunk,
                             bool will_learn) {
    std::vector<Tensor> log_probs;
    std::vector<Tensor> lse;
    std::vector<Tensor> entropy;
    tensor_list kept;
    std::size_t kept_bytes = 0;
    for (std::int64_t begin = 0; begin < hidden.size(0); begin += chunk) {
      const std::int64_t size = std::min(chunk, hidden.size(0) - begin);
      const Tensor logits = ops::linear(hidden.narrow(0, begin, size), head);
      const Measured part = measure(logits, targets.narrow(0, begin, size), temperature);
      kept_bytes += logits.nbytes();
      if (will_learn && kept_bytes <= kMostKept) kept.push_back(logits);
      log_probs.push_back(part.log_probs);
      lse.push_back(part.lse);
      entropy.push_back(part.entropy);
    }
    const auto joined = [&](const std::vector<Tensor>& parts) {
      return parts.empty() ? torch::zeros({0}, hidden.options().dtype(torch::kFloat32))
                           : torch::cat(parts);
    };
    tensor_list out = {joined(log_probs), joined(entropy)};
    tensor_list saved = {hidden, head, targets, joined(lse), out[1].clone()};
    saved.insert(saved.end(), kept.begin(), kept.end());
    context->save_for_backward(saved);
    context->saved_data["temperature"] = temperature;
    context->saved_data["chunk"] = chunk;
    if (!entropy_gradient) context->mark_non_differentiable({out[1]});
    context->saved_data["entropy_gradient"] = entropy_gradient;
    return out;
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    TORCH_CHECK(context->saved_data.count("spent") == 0,
                "token_log_probs: only one backward, which may overwrite the logits it kept");
    context->saved_data["spent"] = true;
    const auto saved = context->get_saved_variables();
    const Tensor& hidden = saved[0];
    const Tensor& head = saved[1];
    const double temperature = context->saved_data["temperature"].toDouble();
    const std::int64_t chunk = context->saved_data["chunk"].toInt();
    const bool with_entropy = context->saved_data["entropy_gradient"].toBool();
    const bool head_learns = context->needs_input_grad(1);
    auto kept = saved.begin() + kOwnSaved;
    Tensor head_gradient;
    if (head_learns) head_gradient = torch::zeros_like(head, head.options().dtype(torch::kFloat32));
    Tensor hidden_gradient = torch::empty_like(hidden);
    for (std::int64_t begin = 0; begin < hidden.size(0); begin += chunk) {
      const std::int64_t size = std::min(chunk, hidden.size(0) - begin);
      const auto cut = [&](const Tensor& x) { return x.narrow(0, begin, size); };
      const Tensor part = cut(hidden);
      const Tensor logits = kept != saved.end() ? *kept++ : ops::linear(part, head);
      const Tensor d = logit_gradients(
          logits,
          cut(saved[2]),
          {.lse = cut(saved[3]), .entropy = cut(saved[4])},
          {.log_probs = cut(gradients[0]), .entropy = with_entropy ? cut(gradients[1]) : Tensor()},
          temperature);
      hidden_gradient.narrow(0, begin, size).copy_(d.matmul(head));
      if (head_learns) add_head_gradient(d, part, head_gradient);
    }
    if (head_learns) head_gradient = head_gradient.to(head.scalar_type());
    return {hidden_gradient, head_gradient, Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

TokenLogProbs token_log_probs(const Tensor& hidden,
                              const Tensor& head,
                              const Tensor& targets,
                              const TokenLogProbOptions& options) {
  TORCH_CHECK(hidden.dim() == 2 && head.dim() == 2 && targets.dim() == 1 &&
                  hidden.size(0) == targets.size(0) && hidden.size(1) == head.size(1),
              "token_log_probs: hidden ",
              hidden.sizes(),
              ", head ",
              head.sizes(),
              ", targets ",
              targets.sizes());
  const tensor_list out = ChunkedLogProbs::apply(hidden,
                                                 head,
                                                 targets.contiguous(),
                                                 options.temperature,
                                                 options.entropy_gradient,
                                                 options.chunk,
                                                 torch::GradMode::is_enabled());
  return {out[0], out[1]};
}

}  // namespace vragent::learning

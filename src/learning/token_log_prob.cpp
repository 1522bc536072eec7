// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/token_log_prob.h"

#include <torch/csrc/autograd/custom_function.h>

namespace vragent::learning {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

Tensor scaled_logits(const Tensor& hidden, const Tensor& head, double temperature) {
  return at::linear(hidden, head).to(torch::kFloat32) / temperature;
}

struct ChunkedLogProbs : torch::autograd::Function<ChunkedLogProbs> {
  static tensor_list forward(AutogradContext* context,
                             const Tensor& hidden,
                             const Tensor& head,
                             const Tensor& targets,
                             double temperature,
                             bool entropy_gradient,
                             std::int64_t chunk) {
    std::vector<Tensor> log_probs;
    std::vector<Tensor> entropies;
    for (std::int64_t begin = 0; begin < hidden.size(0); begin += chunk) {
      const std::int64_t size = std::min(chunk, hidden.size(0) - begin);
      const Tensor log_softmax =
          torch::log_softmax(scaled_logits(hidden.narrow(0, begin, size), head, temperature), -1);
      log_probs.push_back(
          log_softmax.gather(1, targets.narrow(0, begin, size).unsqueeze(1)).squeeze(1));
      entropies.push_back(-(log_softmax.exp() * log_softmax).sum(-1));
    }
    context->save_for_backward({hidden, head, targets});
    context->saved_data["temperature"] = temperature;
    context->saved_data["chunk"] = chunk;
    const auto joined = [&](const std::vector<Tensor>& parts) {
      return parts.empty() ? torch::zeros({0}, hidden.options().dtype(torch::kFloat32))
                           : torch::cat(parts);
    };
    tensor_list out = {joined(log_probs), joined(entropies)};
    if (!entropy_gradient) context->mark_non_differentiable({out[1]});
    context->saved_data["entropy_gradient"] = entropy_gradient;
    return out;
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor& hidden = saved[0];
    const Tensor& head = saved[1];
    const Tensor& targets = saved[2];
    const double temperature = context->saved_data["temperature"].toDouble();
    const std::int64_t chunk = context->saved_data["chunk"].toInt();
    const bool with_entropy = context->saved_data["entropy_gradient"].toBool();
    const bool head_learns = context->needs_input_grad(1);
    Tensor head_gradient;
    if (head_learns) head_gradient = torch::zeros_like(head, head.options().dtype(torch::kFloat32));
    std::vector<Tensor> hidden_gradients;
    for (std::int64_t begin = 0; begin < hidden.size(0); begin += chunk) {
      const std::int64_t size = std::min(chunk, hidden.size(0) - begin);
      const Tensor part = hidden.narrow(0, begin, size);
      const auto cut = [&](const Tensor& gradient) {
        return gradient.narrow(0, begin, size).unsqueeze(1) / temperature;
      };
      const Tensor g = cut(gradients[0]);
      const Tensor logits = scaled_logits(part, head, temperature);
      Tensor d = torch::softmax(logits, -1);
      // d entropy / d logit = -softmax * (log softmax + entropy)
      Tensor of_entropy;
      if (with_entropy) {
        const Tensor log_softmax = torch::log_softmax(logits, -1);
        const Tensor entropy = -(d * log_softmax).sum(-1, /*keepdim=*/true);
        of_entropy = -d * (log_softmax + entropy) * cut(gradients[1]);
      }
      // d log p(target) / d logit = [target] - softmax
      d.mul_(-g);
      d.scatter_add_(1, targets.narrow(0, begin, size).unsqueeze(1), g);
      if (with_entropy) d += of_entropy;
      d = d.to(hidden.scalar_type());
      hidden_gradients.push_back(d.matmul(head));
      if (head_learns) head_gradient += d.t().matmul(part).to(torch::kFloat32);
    }
    const Tensor to_hidden =
        hidden_gradients.empty() ? torch::zeros_like(hidden) : torch::cat(hidden_gradients);
    if (head_learns) head_gradient = head_gradient.to(head.scalar_type());
    return {to_hidden, head_gradient, Tensor(), Tensor(), Tensor(), Tensor()};
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
  const tensor_list out = ChunkedLogProbs::apply(
      hidden, head, targets, options.temperature, options.entropy_gradient, options.chunk);
  return {out[0], out[1]};
}

}  // namespace vragent::learning

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/rec_models/collaborative/mmgcn.h"

namespace vragent::rec_models::collaborative {
namespace {

using torch::Tensor;

constexpr int kLayers = 3;  // whatever n_layers says, in the release

Tensor leaky(const Tensor& x) {
  return at::leaky_relu(x, 0.01);
}

/// Rows of length 1; zero rows stay zero.
Tensor normalised_rows(const Tensor& x) {
  return x / x.norm(2, 1, /*keepdim=*/true).clamp_min(1e-12);
}

}  // namespace

MmgcnLayerImpl::MmgcnLayerImpl(std::int64_t in, std::int64_t width)
    : weight(register_parameter("weight", torch::empty({in, in}))),
      own(register_module("own", nn::Linear(in, width))),
      merge(register_module("merge", nn::Linear(in + width, width))) {}

Tensor MmgcnLayerImpl::forward(const Adjacency& adjacency, const Tensor& x, const Tensor& ids) {
  const Tensor passed = leaky(propagate(adjacency, x.matmul(weight)));
  const Tensor kept = leaky(own(x)) + ids;
  return leaky(merge(torch::cat({passed, kept}, 1)));
}

MmgcnModalityImpl::MmgcnModalityImpl(const MmgcnConfig& config, const Modality& modality) {
  const std::int64_t given = modality.features.size(1);
  const std::int64_t width = modality.reduced > 0 ? modality.reduced : given;
  preference = register_parameter("preference", torch::empty({config.num_users, width}));
  if (modality.reduced > 0) reduce = register_module("reduce", nn::Linear(given, width));
  register_module("layers", layers);
  for (int i = 0; i < kLayers; ++i)
    layers->push_back(MmgcnLayer(i == 0 ? width : config.width, config.width));
}

Tensor MmgcnModalityImpl::forward(const Adjacency& adjacency,
                                  const Tensor& features,
                                  const Tensor& ids) {
  Tensor x = normalised_rows(torch::cat({preference, reduce ? reduce(features) : features}));
  for (const auto& layer : *layers) x = layer->as<MmgcnLayer>()->forward(adjacency, x, ids);
  return x;
}

MmgcnImpl::MmgcnImpl(const MmgcnConfig& c, const std::vector<Modality>& modalities)
    : config(c),
      ids(register_parameter("ids", torch::empty({c.num_users + c.num_items + 1, c.width}))),
      parts(register_module("parts", torch::nn::ModuleList())) {
  TORCH_CHECK(!modalities.empty(), "mmgcn: no modality");
  for (const Modality& modality : modalities) {
    TORCH_CHECK(modality.features.dim() == 2 && modality.features.size(0) == c.num_items + 1,
                "mmgcn: features ",
                modality.features.sizes(),
                " for ",
                c.num_items,
                " items");
    parts->push_back(MmgcnModality(c, modality));
    features_.push_back(modality.features);
  }
}

NodeVectors MmgcnImpl::forward(const Adjacency& adjacency) {
  Tensor sum;
  for (std::size_t i = 0; i < features_.size(); ++i) {
    const Tensor of_part =
        parts->at<MmgcnModalityImpl>(i).forward(adjacency, features_[i].to(ids.dtype()), ids);
    sum = sum.defined() ? sum + of_part : of_part;
  }
  const Tensor mean = sum / static_cast<double>(features_.size());
  return {.users = mean.narrow(0, 0, config.num_users),
          .items = mean.narrow(0, config.num_users, config.num_items + 1)};
}

Tensor MmgcnImpl::penalty(const Tensor& users, const Tensor& items) {
  Tensor sum =
      (ids.index_select(0, users).square() + ids.index_select(0, items + config.num_users).square())
          .mean();
  for (const auto& part : *parts) {
    auto* modality = part->as<MmgcnModality>();
    if (modality->reduce) sum = sum + modality->preference.square().mean();
  }
  return sum;
}

void MmgcnImpl::freeze_tables() {
  ids.set_requires_grad(false);
  for (const auto& part : *parts) part->as<MmgcnModality>()->preference.set_requires_grad(false);
}

void MmgcnImpl::to_device(torch::Device device) {
  to(device);
  for (Tensor& features : features_) features = features.to(device);
}

}  // namespace vragent::rec_models::collaborative

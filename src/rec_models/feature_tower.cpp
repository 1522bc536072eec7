// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/rec_models/feature_tower.h"

#include "vragent/nn/parameters.h"

namespace vragent::rec_models {
namespace {

using torch::Tensor;

constexpr double kNormEps = 1e-6;  // of the release's other layer norms

}  // namespace

FeatureTowerImpl::FeatureTowerImpl(const std::vector<FeatureSource>& sources,
                                   std::int64_t width,
                                   Fusion fusion)
    : projects(register_module("projects", torch::nn::ModuleList())),
      sources_(sources),
      fusion_(fusion) {
  TORCH_CHECK(!sources.empty(), "feature tower: no source");
  const auto count = static_cast<std::int64_t>(sources.size());
  for (const FeatureSource& source : sources)
    projects->push_back(nn::Linear(source.features.size(1), width));
  if (count == 1) return;
  if (fusion == Fusion::kWeighted) {
    norms = register_module("norms", torch::nn::ModuleList());
    for (std::int64_t i = 0; i < count; ++i) norms->push_back(nn::LayerNorm(width, kNormEps));
    mix = register_parameter("mix", torch::empty({count}));
  } else if (fusion == Fusion::kConcat) {
    join = register_module("join", nn::Linear(count * width, width));
    last = register_module("last", nn::Linear(width, width));
  }
}

Tensor FeatureTowerImpl::forward(const Tensor& index) {
  const bool is_weighted = mix.defined();
  std::vector<Tensor> parts;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    Tensor part =
        projects->at<nn::LinearImpl>(i).forward(sources_[i].features.index_select(0, index).to(
            projects->at<nn::LinearImpl>(i).weight.dtype()));
    if (is_weighted) {
      part = norms->at<nn::LayerNormImpl>(i).forward(part);
    } else if (sources_[i].is_video) {
      part = at::gelu(part);
    }
    parts.push_back(part);
  }
  Tensor joined;
  if (parts.size() == 1) {
    joined = parts[0];
  } else if (is_weighted) {
    joined = (torch::stack(parts) * mix.softmax(0).view({-1, 1, 1})).sum(0);
  } else if (fusion_ == Fusion::kConcat) {
    joined = last(join(torch::cat(parts, 1)));
  } else {
    joined = torch::stack(parts).sum(0);
  }
  return joined * (index > 0).unsqueeze(-1).to(joined.scalar_type());
}

void FeatureTowerImpl::init(std::uint64_t seed) {
  nn::init_parameters(*this, {.kind = nn::InitRule::Kind::kXavierNormal}, seed);
  const torch::NoGradGuard no_grad;
  if (mix.defined()) mix.zero_();
}

void FeatureTowerImpl::to_device(torch::Device device) {
  to(device);
  for (FeatureSource& source : sources_) source.features = source.features.to(device);
}

}  // namespace vragent::rec_models

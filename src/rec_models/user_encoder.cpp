// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/rec_models/user_encoder.h"

#include <cmath>

#include "vragent/nn/parameters.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"

namespace vragent::rec_models {

void UserEncoderConfig::check() const {
  check_one_of("user-encoder", user_encoder, {"sasrec", "gru4rec", "nextitnet"});
  check_range("width", static_cast<double>(width), 1, 65536);
  check_range("num-blocks", static_cast<double>(num_blocks), 1, 1000);
  check_range("num-heads", static_cast<double>(num_heads), 1, 1000);
  check_range("dropout", dropout, 0, 0.99);
  check_one_of("pads", pads, {"fed", "masked"});
  if (user_encoder == "sasrec" && width % num_heads != 0)
    throw ConfigError("--width must be a multiple of --num-heads");
}

UserEncoderImpl::UserEncoderImpl(const UserEncoderConfig& config, std::int64_t max_len)
    : masks_pads_(config.pads == "masked") {
  if (config.user_encoder == "sasrec") {
    sasrec = register_module("sasrec",
                             SasRec(SasRecConfig{.width = config.width,
                                                 .num_blocks = config.num_blocks,
                                                 .num_heads = config.num_heads,
                                                 .max_len = max_len,
                                                 .dropout = config.dropout}));
  } else if (config.user_encoder == "gru4rec") {
    gru4rec = register_module(
        "gru4rec", Gru4Rec(Gru4RecConfig{.width = config.width, .dropout = config.dropout}));
  } else {
    NextItNetConfig net{.width = config.width, .dilations = {}};
    for (std::int64_t i = 0; i < config.num_blocks; ++i)
      net.dilations.insert(net.dilations.end(), {1, 4});
    nextitnet = register_module("nextitnet", NextItNet(net));
  }
}

torch::Tensor UserEncoderImpl::forward(const torch::Tensor& vectors,
                                       const torch::Tensor& places,
                                       const BatchPart& part) {
  if (sasrec) return sasrec->states(vectors, places, part);
  torch::Tensor items =
      vectors.index_select(0, places.flatten()).view({places.size(0), places.size(1), -1});
  torch::Tensor is_real;
  if (masks_pads_) {
    is_real = (places > 0).unsqueeze(-1).to(items.scalar_type());
    items = items * is_real;  // a GRU without biases stays at its zero state over zeros
  }
  return gru4rec ? gru4rec(items, part.users) : nextitnet(items, is_real);
}

torch::Tensor UserEncoderImpl::last(const torch::Tensor& vectors, const torch::Tensor& places) {
  if (sasrec) return sasrec->last_states(vectors, places);
  return forward(vectors, places).select(1, places.size(1) - 1);
}

void UserEncoderImpl::init(std::uint64_t seed) {
  const bool uniform = static_cast<bool>(gru4rec);
  nn::init_parameters(
      *this,
      {.kind = uniform ? nn::InitRule::Kind::kXavierUniform : nn::InitRule::Kind::kXavierNormal},
      seed);
  const torch::NoGradGuard no_grad;
  if (sasrec) {  // positions are an embedding, which the release draws as a Xavier matrix
    torch::Tensor& table = sasrec->position_embedding->weight;
    table.normal_(0,
                  std::sqrt(2.0 / static_cast<double>(table.size(0) + table.size(1))),
                  nn::make_generator(seed, "position"));
  }
  if (!nextitnet) return;
  for (auto& item : nextitnet->named_parameters()) {  // convolutions keep torch's default: uniform
                                                      // in +-1/sqrt(fan in)
    if (item.key().find("conv") == std::string::npos) continue;
    const double bound =
        1.0 / std::sqrt(static_cast<double>(nextitnet->config.width * nextitnet->config.kernel));
    item.value().uniform_(-bound, bound, nn::make_generator(seed, item.key()));
  }
}

}  // namespace vragent::rec_models

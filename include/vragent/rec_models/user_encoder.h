// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Histories to user vectors: SASRec, GRU4Rec or NextItNet behind one call.
#pragma once

#include <cstdint>
#include <string>

#include <torch/nn/module.h>

#include "vragent/rec_models/gru4rec.h"
#include "vragent/rec_models/nextitnet.h"
#include "vragent/rec_models/sasrec.h"

namespace vragent::rec_models {

struct UserEncoderConfig {
  std::string user_encoder = "sasrec";
  std::int64_t width = 512;
  std::int64_t num_blocks = 2;
  std::int64_t num_heads = 2;
  double dropout = 0.1;
  std::string pads = "fed";  // the release feeds them

  void visit(auto& v) {
    v("user-encoder", user_encoder, "sasrec, gru4rec or nextitnet");
    v("width", width, "size of item and user vectors");
    v("num-blocks", num_blocks, "sasrec: attention blocks; nextitnet: pairs of dilations 1 and 4");
    v("num-heads", num_heads, "sasrec: attention heads");
    v("dropout", dropout, "dropout while training");
    v("pads",
      pads,
      "gru4rec, nextitnet: what stands before a short history is fed to the network as an item of "
      "its own (fed, as released; with texts, pictures or features it is a vector of zeros, where "
      "the release encodes an empty one) or hidden from it (masked)");
  }

  void check() const;
};

struct UserEncoderImpl : torch::nn::Module {
  /// @param max_len items that the encoder sees
  UserEncoderImpl(const UserEncoderConfig& config, std::int64_t max_len);

  /// @param vectors [n, D] of items; places int64 [B, L], rows of `vectors`, left-padded with 0
  /// @param part of the batch that these are, for dropout
  /// @return states [B, L, D]; the last is the user's vector, what stands at a pad means nothing
  torch::Tensor forward(const torch::Tensor& vectors,
                        const torch::Tensor& places,
                        const BatchPart& part = {});

  /// The users' vectors alone, [B, D].
  torch::Tensor last(const torch::Tensor& vectors, const torch::Tensor& places);

  /// Draws all parameters as the release does.
  void init(std::uint64_t seed);

  SasRec sasrec{nullptr};  ///< one of the three is set
  Gru4Rec gru4rec{nullptr};
  NextItNet nextitnet{nullptr};

 private:
  bool masks_pads_;
};

TORCH_MODULE(UserEncoder);

}  // namespace vragent::rec_models

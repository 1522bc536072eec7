// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A decoder keeps less for its backward pass than its layers would one by one. The bits stay.
#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"
#include "support/tiny_models.h"
#include "vragent/models/causal_lm.h"
#include "vragent/nn/lora.h"
#include "vragent/ops/fused_layers.h"

namespace vragent::models {
namespace {

using torch::Tensor;

/// What the decoder's layers are told to be, each by itself.
Tensor plain_layer(DecoderLayerImpl& layer,
                   const Tensor& x,
                   const ops::Rotary& rotary,
                   const ops::Packing& packing) {
  SelfAttentionImpl& attention = *layer.self_attn;
  const auto heads = [&](nn::Linear& project, const Tensor& from) {
    return project(from).view({from.size(0), -1, attention.head_dim});
  };
  const Tensor normed = layer.input_layernorm(x);
  Tensor q = heads(attention.q_proj, normed);
  Tensor k = heads(attention.k_proj, normed);
  const Tensor v = heads(attention.v_proj, normed);
  if (!attention.q_norm.is_empty()) {
    q = attention.q_norm(q);
    k = attention.k_norm(k);
  }
  const Tensor mixed =
      ops::packed_attention(ops::rotate(q, rotary), {ops::rotate(k, rotary), v}, packing);
  const Tensor attended = x + attention.o_proj(mixed.flatten(1));
  nn::SwiGluImpl& mlp = *layer.mlp;
  const Tensor inner = layer.post_attention_layernorm(attended);
  return attended + mlp.down_proj(ops::swiglu(mlp.gate_proj(inner), mlp.up_proj(inner)));
}

struct Batch {
  ops::Packing packing;
  Tensor embeddings;
  Tensor positions;
};

Batch batch_of(const std::vector<std::int64_t>& lengths, std::int64_t width, torch::Dtype type) {
  Batch batch{.packing = ops::pack(lengths, torch::kCPU, {-1, 0, 0})};
  batch.positions = ops::packed_positions(batch.packing, torch::kCPU);
  batch.embeddings = test::randn({batch.positions.size(0), width}, 3).to(type).requires_grad_();
  return batch;
}

Tensor plain_decoder(Decoder& decoder, const Batch& batch) {
  const ops::Rotary rotary =
      decoder_rotary(decoder->config, batch.positions).to(batch.embeddings.scalar_type());
  Tensor x = batch.embeddings;
  for (const auto& layer : *decoder->layers)
    x = plain_layer(*layer->as<DecoderLayerImpl>(), x, rotary, batch.packing);
  return decoder->norm(x);
}

/// The gradients of the embeddings and of every parameter, undefined where it does not learn.
std::vector<Tensor> gradients(Decoder& decoder, const Batch& batch, const Tensor& hidden) {
  decoder->zero_grad();
  batch.embeddings.mutable_grad() = Tensor();
  hidden.backward(test::randn(hidden.sizes(), 4).to(hidden.scalar_type()));
  std::vector<Tensor> all = {batch.embeddings.grad().clone()};
  for (const Tensor& parameter : decoder->parameters())
    all.push_back(parameter.grad().defined() ? parameter.grad().clone() : Tensor());
  return all;
}

void expect_the_bits_of_plain_layers(Decoder& decoder, const Batch& batch) {
  const Tensor wanted_hidden = plain_decoder(decoder, batch);
  const std::vector<Tensor> wanted = gradients(decoder, batch, wanted_hidden);
  for (const bool recomputes : {false, true}) {
    decoder->recomputes = recomputes;
    const Tensor hidden =
        decoder->forward(batch.embeddings, batch.positions, {.packing = &batch.packing});
    EXPECT_TRUE(hidden.equal(wanted_hidden)) << recomputes;
    const std::vector<Tensor> got = gradients(decoder, batch, hidden);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      ASSERT_EQ(got[i].defined(), wanted[i].defined()) << i;
      EXPECT_TRUE(!wanted[i].defined() || got[i].equal(wanted[i])) << i << " " << recomputes;
    }
  }
}

TEST(DecoderTraining, HasTheBitsOfItsLayersOneByOne) {
  for (const bool is_qwen3 : {false, true}) {
    CausalLmConfig config = test::tiny_lm_config(16);
    config.qkv_bias = !is_qwen3;
    config.qk_norm = is_qwen3;
    Decoder decoder(config);
    test::randomise(*decoder, 1);
    for (const auto type : {torch::kFloat32, torch::kBFloat16}) {
      decoder->to(type);
      for (const std::int64_t length : {7, 150}) {
        SCOPED_TRACE(std::to_string(length) + (is_qwen3 ? " qwen3 " : " qwen2 ") +
                     c10::toString(type));
        const Batch batch = batch_of({length, length, length - 2}, config.hidden_size, type);
        expect_the_bits_of_plain_layers(decoder, batch);
      }
    }
  }
}

TEST(DecoderTraining, HasThemWithFrozenLayersAndAdaptersToo) {
  const CausalLmConfig config = test::tiny_lm_config(16);
  Decoder decoder(config);
  test::randomise(*decoder, 2);
  decoder->to(torch::kBFloat16);
  const Batch batch = batch_of({150, 150, 40}, config.hidden_size, torch::kBFloat16);
  for (const char* frozen : {"k_proj", "gate_proj", "down_proj", "layernorm", "v_proj", "proj"}) {
    SCOPED_TRACE(frozen);
    for (auto& item : decoder->named_parameters()) {
      if (item.key().find(frozen) != std::string::npos) item.value().requires_grad_(false);
    }
    expect_the_bits_of_plain_layers(decoder, batch);
  }
  for (const nn::NamedLinear& item : nn::linear_layers(*decoder)) {
    if (nn::is_named({"q_proj", "up_proj"}, item.name))
      nn::attach_fresh_adapters({item}, {.rank = 2}, 5);
  }
  expect_the_bits_of_plain_layers(decoder, batch);
}

}  // namespace
}  // namespace vragent::models

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/models/vision_tower.h"

#include <algorithm>
#include <numeric>

#include "vragent/models/hf_folder.h"
#include "vragent/ops/fused_layers.h"
#include "vragent/ops/packed_attention.h"
#include "vragent/util/error.h"
#include "vragent/util/json.h"

namespace vragent::models {
namespace {

using torch::Tensor;

constexpr std::int64_t kCachedPatches = 1024;  ///< of width 2 x 3420 in float32: 28 MB

/// Rows that attend to each other, from cumulative ends.
ops::Packing packing_of(const std::vector<std::int64_t>& ends, torch::Device device) {
  std::vector<std::int64_t> lengths;
  for (std::size_t i = 1; i < ends.size(); ++i) lengths.push_back(ends[i] - ends[i - 1]);
  return ops::pack(lengths, device, {}, /*causal=*/false);
}

std::int64_t num_patches(const std::vector<Grid>& grids) {
  std::int64_t result = 0;
  for (const Grid& grid : grids) result += grid.t * grid.h * grid.w;
  return result;
}

/// Images in parts of few patches, so that on a CPU one operation's result is still in the cache
/// when the next one reads it. They do not see each other.
std::vector<std::vector<Grid>> cached_parts(const std::vector<Grid>& grids) {
  std::vector<std::vector<Grid>> parts;
  for (const Grid& grid : grids) {
    if (parts.empty() || num_patches(parts.back()) + num_patches({grid}) > kCachedPatches)
      parts.emplace_back();
    parts.back().push_back(grid);
  }
  return parts;
}

/// True row and column of every patch in block-major order, [N, 2].
Tensor patch_places(const std::vector<Grid>& grids, std::int64_t merge) {
  std::vector<Tensor> places;
  for (const Grid& grid : grids) {
    const auto blocked = [&](const Tensor& x) {
      return x.view({grid.h / merge, merge, grid.w / merge, merge})
          .permute({0, 2, 1, 3})
          .reshape({-1});
    };
    const Tensor rows = torch::arange(grid.h).unsqueeze(1).expand({grid.h, grid.w}).contiguous();
    const Tensor columns = torch::arange(grid.w).unsqueeze(0).expand({grid.h, grid.w}).contiguous();
    places.push_back(torch::stack({blocked(rows), blocked(columns)}, 1).repeat({grid.t, 1}));
  }
  return torch::cat(places);
}

Tensor patch_angles(const std::vector<Grid>& grids, const VisionConfig& config) {
  const std::int64_t quarter = config.hidden_size / config.num_heads / 4;
  const Tensor exponents =
      torch::arange(0, 2 * quarter, 2, torch::kFloat32) / static_cast<double>(2 * quarter);
  const Tensor inverse = torch::pow(10000.0, exponents).reciprocal();
  const Tensor places = patch_places(grids, config.spatial_merge_size).to(torch::kFloat32);
  return (places.unsqueeze(-1) * inverse).flatten(1);
}

/// Reorders rows in groups of merge^2 by window_index.
Tensor by_window(const Tensor& rows, const Tensor& window_index, std::int64_t unit) {
  return rows.view({-1, unit, rows.size(1)}).index_select(0, window_index).flatten(0, 1);
}

}  // namespace

VisionConfig parse_vision_config(const std::string& config_json, const std::string& where) {
  const Json root = parse_json_object(config_json, where);
  const JsonRecord record(JsonRecord(root, where).object("vision_config"),
                          where + ": vision_config");
  VisionConfig config;
  config.depth = record.integer_or("depth", config.depth);
  config.hidden_size =
      record.integer_or("hidden_size", 3584);  // the class default, which no Hub file relies on
  config.intermediate_size = record.integer_or("intermediate_size", config.intermediate_size);
  config.num_heads = record.integer_or("num_heads", config.num_heads);
  config.in_channels =
      record.integer_or("in_channels", record.integer_or("in_chans", config.in_channels));
  config.patch_size =
      record.integer_or("patch_size", record.integer_or("spatial_patch_size", config.patch_size));
  config.temporal_patch_size = record.integer_or("temporal_patch_size", config.temporal_patch_size);
  config.spatial_merge_size = record.integer_or("spatial_merge_size", config.spatial_merge_size);
  config.window_size = record.integer_or("window_size", config.window_size);
  config.out_hidden_size = record.integer_or("out_hidden_size", config.out_hidden_size);
  if (record.has("fullatt_block_indexes"))
    config.fullatt_block_indexes = record.integers_or_empty("fullatt_block_indexes");
  if (record.text_or("hidden_act", "silu") != "silu")
    record.fail("hidden_act", "only silu is supported");
  check_positive(record,
                 {{"depth", config.depth},
                  {"hidden_size", config.hidden_size},
                  {"intermediate_size", config.intermediate_size},
                  {"num_heads", config.num_heads},
                  {"in_channels", config.in_channels},
                  {"patch_size", config.patch_size},
                  {"temporal_patch_size", config.temporal_patch_size},
                  {"spatial_merge_size", config.spatial_merge_size},
                  {"out_hidden_size", config.out_hidden_size}});
  if (config.hidden_size % (config.num_heads * 4) != 0)
    record.fail("num_heads", "head size is no multiple of 4");
  if (config.window_size / config.spatial_merge_size < config.patch_size)
    record.fail("window_size", "smaller than one merged patch");
  return config;
}

VisionLayout vision_layout(const std::vector<Grid>& grids, const VisionConfig& config) {
  const std::int64_t merge = config.spatial_merge_size;
  const std::int64_t side = config.window_size / merge / config.patch_size;
  VisionLayout layout{.window_ends = {0}, .frame_ends = {0}};
  std::int64_t first_cell = 0;
  for (const Grid& grid : grids) {
    const std::int64_t cell_rows = grid.h / merge;
    const std::int64_t cell_columns = grid.w / merge;
    for (std::int64_t t = 0; t < grid.t; ++t, first_cell += cell_rows * cell_columns) {
      for (std::int64_t top = 0; top < cell_rows; top += side) {
        for (std::int64_t left = 0; left < cell_columns; left += side) {
          const std::int64_t bottom = std::min(top + side, cell_rows);
          const std::int64_t right = std::min(left + side, cell_columns);
          for (std::int64_t y = top; y < bottom; ++y) {
            for (std::int64_t x = left; x < right; ++x)
              layout.window_index.push_back(first_cell + y * cell_columns + x);
          }
          layout.window_ends.push_back(layout.window_ends.back() +
                                       (bottom - top) * (right - left) * merge * merge);
        }
      }
      layout.frame_ends.push_back(layout.frame_ends.back() + grid.h * grid.w);
    }
  }
  return layout;
}

/// Feed-forward with biases, as the vision blocks have it; qkv in one matrix.
struct VisionBlockImpl : torch::nn::Module {
  explicit VisionBlockImpl(const VisionConfig& config)
      : heads(config.num_heads),
        norm1(register_module("norm1", nn::RmsNorm(config.hidden_size, 1e-6))),
        norm2(register_module("norm2", nn::RmsNorm(config.hidden_size, 1e-6))),
        mlp(register_module("mlp",
                            nn::SwiGlu(config.hidden_size, config.intermediate_size, true))) {
    const auto attn = nn::add_group(*this, "attn");
    qkv =
        attn->register_module("qkv", nn::Linear(config.hidden_size, 3 * config.hidden_size, true));
    proj = attn->register_module("proj", nn::Linear(config.hidden_size, config.hidden_size, true));
  }

  /// x [N, D], rotary [N, d] -> [N, D]
  Tensor forward(const Tensor& x, const ops::Rotary& rotary, const ops::Packing& packing) {
    const Tensor attended = x + proj(attend(norm1(x), rotary, packing));
    return attended + mlp(norm2->remade(attended));
  }

  Tensor attend(const Tensor& x, const ops::Rotary& rotary, const ops::Packing& packing) {
    const auto parts = qkv(x).view({x.size(0), 3, heads, -1}).unbind(1);  // three of [N, H, d]
    const auto turn = [&](const Tensor& y) {                              // vision rotates in fp32
      return ops::rotate(y.to(torch::kFloat32), rotary).to(x.scalar_type());
    };
    return ops::packed_attention(turn(parts[0]), {turn(parts[1]), parts[2]}, packing).flatten(1);
  }

  std::int64_t heads;
  nn::RmsNorm norm1;
  nn::RmsNorm norm2;
  nn::SwiGlu mlp;
  nn::Linear qkv{nullptr};
  nn::Linear proj{nullptr};
};

VisionTowerImpl::VisionTowerImpl(const VisionConfig& options)
    : config(options), blocks(register_module("blocks", torch::nn::ModuleList())) {
  const auto proj = nn::add_group(*nn::add_group(*this, "patch_embed"), "proj");
  patch_weight = proj->register_parameter("weight",
                                          torch::empty({config.hidden_size,
                                                        config.in_channels,
                                                        config.temporal_patch_size,
                                                        config.patch_size,
                                                        config.patch_size}));
  for (std::int64_t i = 0; i < config.depth; ++i) blocks->push_back(VisionBlock(config));
  const std::int64_t merged =
      config.hidden_size * config.spatial_merge_size * config.spatial_merge_size;
  const auto merger = nn::add_group(*this, "merger");
  merger_norm = merger->register_module("ln_q", nn::RmsNorm(config.hidden_size, 1e-6));
  const auto mlp = nn::add_group(*merger, "mlp");
  merger_in = mlp->register_module("0", nn::Linear(merged, merged, true));
  merger_out = mlp->register_module("2", nn::Linear(merged, config.out_hidden_size, true));
}

Tensor VisionTowerImpl::forward(const Tensor& rows, const std::vector<Grid>& grids) {
  const std::int64_t expected = num_patches(grids);
  TORCH_CHECK(rows.dim() == 2 && rows.size(0) == expected,
              "vision tower: want [",
              expected,
              ", ...], got ",
              rows.sizes());
  if (!rows.is_cpu() || torch::GradMode::is_enabled() || grids.size() < 2)
    return encode(rows, grids);
  std::vector<Tensor> parts;
  std::int64_t first = 0;
  for (const std::vector<Grid>& part : cached_parts(grids)) {
    parts.push_back(encode(rows.narrow(0, first, num_patches(part)), part));
    first += num_patches(part);
  }
  return parts.size() == 1 ? parts[0] : torch::cat(parts);
}

Tensor VisionTowerImpl::encode(const Tensor& rows, const std::vector<Grid>& grids) {
  const std::int64_t unit = config.spatial_merge_size * config.spatial_merge_size;
  const VisionLayout layout = vision_layout(grids, config);
  const Tensor window_index = torch::tensor(layout.window_index).to(rows.device());
  const ops::Packing windows = packing_of(layout.window_ends, rows.device());
  const ops::Packing frames = packing_of(layout.frame_ends, rows.device());
  const Tensor angles =
      by_window(patch_angles(grids, config).to(rows.device()), window_index, unit);
  const ops::Rotary rotary = ops::rotary_from_angles(angles);

  // patch_embed is a convolution whose kernel equals its stride: one matrix product.
  const Tensor patches = at::linear(rows.to(patch_weight.scalar_type()), patch_weight.flatten(1));
  Tensor x = by_window(patches, window_index, unit);
  for (std::int64_t i = 0; i < config.depth; ++i) {
    const auto& full = config.fullatt_block_indexes;
    const bool is_full = std::find(full.begin(), full.end(), i) != full.end();
    x = blocks[static_cast<std::size_t>(i)]->as<VisionBlockImpl>()->forward(
        x, rotary, is_full ? frames : windows);
  }
  const Tensor merged =
      merger_out(torch::gelu(merger_in(merger_norm(x).view({-1, unit * config.hidden_size}))));
  return merged.index_select(0, window_index.argsort());
}

}  // namespace vragent::models

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/models/probe.h"

#include <algorithm>
#include <map>

#include "vragent/models/bert.h"
#include "vragent/models/causal_lm.h"
#include "vragent/models/clip.h"
#include "vragent/models/pixels.h"
#include "vragent/models/vision_lm.h"
#include "vragent/models/vit.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::models {
namespace fs = std::filesystem;

namespace {

using torch::Tensor;

void check_ids(const ProbeInput& input, std::int64_t vocab_size) {
  for (const auto& ids : input.ids) {
    for (const std::int64_t id : ids) {
      if (id < 0 || id >= vocab_size)
        throw DataError(formatted(
            "{}: token id {} is outside the vocabulary of {}", input.ids_source, id, vocab_size));
    }
  }
}

void check_length(const ProbeInput& input, std::int64_t num_positions) {
  for (const auto& ids : input.ids) {
    if (std::ssize(ids) > num_positions)
      throw DataError(formatted("{}: {} tokens, but the model has {} positions",
                                input.ids_source,
                                std::ssize(ids),
                                num_positions));
  }
}

/// int64 [B, T], right-padded.
Tensor padded(const std::vector<std::vector<std::int64_t>>& lists, std::int64_t pad) {
  std::size_t longest = 1;
  for (const auto& list : lists) longest = std::max(longest, list.size());
  Tensor ids =
      torch::full({static_cast<std::int64_t>(lists.size()), static_cast<std::int64_t>(longest)},
                  pad,
                  torch::kInt64);
  for (std::size_t i = 0; i < lists.size(); ++i) {
    if (!lists[i].empty())
      ids[static_cast<std::int64_t>(i)]
          .narrow(0, 0, static_cast<std::int64_t>(lists[i].size()))
          .copy_(torch::tensor(lists[i]));
  }
  return ids;
}

Tensor only_row(const ProbeInput& input) {
  if (input.ids.size() != 1 || input.ids[0].empty())
    throw DataError(formatted(
        "{}: a language model takes one non-empty list of token ids (lists of lists are for clip "
        "and bert), got {}",
        input.ids_source,
        input.ids.size() == 1 ? "an empty one" : formatted("{} lists", std::ssize(input.ids))));
  return torch::tensor(input.ids[0]).unsqueeze(0);
}

/// Tables of the angles of each token, in the dtype that the decoder uses them in.
void tap_rotary(const CausalLmConfig& config,
                const Tensor& positions,
                torch::Dtype dtype,
                nn::NamedTensors& out) {
  const ops::Rotary rotary = decoder_rotary(config, positions).to(dtype);
  out["rotary_cos"] = rotary.cos;
  out["rotary_sin"] = rotary.sin;
}

nn::NamedTensors probe_causal_lm(const fs::path& folder,
                                 const ProbeInput& input,
                                 torch::Dtype dtype,
                                 const PrepareModule& prepare) {
  if (!input.images.empty()) throw DataError(formatted("{}: this model sees no images", folder));
  CausalLm lm = load_causal_lm(folder, dtype, input.device);
  if (prepare) prepare(*lm);
  check_ids(input, lm->model->config.vocab_size);
  const Tensor ids = only_row(input).to(input.device);
  nn::NamedTensors out = {{"logits", lm(ids).squeeze(0)}};
  tap_rotary(lm->model->config, torch::arange(ids.size(1)), dtype, out);
  return out;
}

/// How the vision tower lays out its rows.
void tap_layout(const std::vector<Grid>& grids, const VisionConfig& config, nn::NamedTensors& out) {
  const VisionLayout layout = vision_layout(grids, config);
  out["window_index"] = torch::tensor(layout.window_index);
  out["window_ends"] = torch::tensor(layout.window_ends);
  out["frame_ends"] = torch::tensor(layout.frame_ends);
  std::vector<Tensor> rows;
  for (const Grid& grid : grids) rows.push_back(torch::tensor({grid.t, grid.h, grid.w}));
  out["grids"] = torch::stack(rows);
}

nn::NamedTensors probe_vision_lm(const fs::path& folder,
                                 const ProbeInput& input,
                                 torch::Dtype dtype,
                                 const PrepareModule& prepare) {
  VisionLm lm = load_vision_lm(folder, dtype, input.device);
  if (prepare) prepare(*lm);
  check_ids(input, lm->config.text.vocab_size);
  only_row(input);
  const QwenPixelConfig pixels = load_pixels_for(lm->config.vision, folder);
  const VisionPrompt prompt = vision_prompt(input.ids[0], input.images, lm->config, pixels);
  nn::NamedTensors out = {{"positions", prompt.places.positions}};
  Tensor features;
  if (prompt.patches.defined()) {
    out["pixel_values"] = prompt.patches;
    out["image_features"] = features = lm->visual(prompt.patches.to(input.device), prompt.grids);
    tap_layout(prompt.grids, lm->config.vision, out);
  }
  tap_rotary(lm->config.text, prompt.places.positions, dtype, out);
  out["logits"] = sequence_logits(lm->text(),
                                  lm->embed(torch::tensor(prompt.ids).to(input.device), features),
                                  prompt.places.positions.to(input.device));
  return out;
}

nn::NamedTensors probe_clip(const fs::path& folder, const ProbeInput& input, torch::Dtype dtype) {
  Clip clip = load_clip(folder, dtype, input.device);
  check_ids(input, clip->config.vocab_size);
  check_length(input, clip->config.max_positions);
  nn::NamedTensors out;
  if (!input.ids.empty()) {
    const std::int64_t end = clip->config.eos_token_id == 2 ? 0 : clip->config.eos_token_id;
    out["text_embeds"] = clip->encode_text(padded(input.ids, end).to(input.device));
  }
  if (!input.images.empty()) {
    const ClipPixelConfig config = load_clip_pixel_config(folder, clip->config.image_size);
    std::vector<Tensor> pixels;
    for (const media::Image& image : input.images) pixels.push_back(clip_pixels(image, config));
    out["pixel_values"] = torch::stack(pixels);
    out["image_embeds"] = clip->encode_image(out["pixel_values"].to(input.device));
  }
  return out;
}

nn::NamedTensors probe_bert(const fs::path& folder, const ProbeInput& input, torch::Dtype dtype) {
  Bert bert = load_bert(folder, dtype, input.device);
  check_ids(input, bert->config.vocab_size);
  const BertConfig& config = bert->config;
  check_length(input,
               config.max_positions - (config.model_type == "bert" ? 0 : config.pad_token_id + 1));
  const Tensor ids = padded(input.ids, config.pad_token_id).to(input.device);
  const Tensor mask = ids != config.pad_token_id;
  const Tensor is_empty = mask.logical_not().all(1);
  if (is_empty.any().item<bool>())
    throw DataError(formatted("{}: list {} holds no token but the pad id {}",
                              input.ids_source,
                              is_empty.to(torch::kInt64).argmax().item<std::int64_t>() + 1,
                              config.pad_token_id));
  return {{"last_hidden_state", bert(ids, mask)},
          {"first_states", bert->first_states(ids, mask)},
          {"mean_states", bert->mean_states(ids, mask)}};
}

nn::NamedTensors probe_vit(const fs::path& folder, const ProbeInput& input, torch::Dtype dtype) {
  Vit vit = load_vit(folder, dtype, input.device);
  const VitConfig& config = vit->config;
  const auto count = static_cast<std::int64_t>(input.images.size());
  if (!input.ids.empty()) throw DataError(formatted("{}: this model reads no tokens", folder));
  if (count == 0 || count % config.num_frames != 0) {
    throw DataError(formatted(
        "{}: images in a multiple of {} are wanted, got {}", folder, config.num_frames, count));
  }
  const TowerPixelConfig pixel_config =
      load_tower_pixel_config(folder, config.image_size, config.is_video());
  std::vector<Tensor> rows;
  for (const media::Image& image : input.images) {
    rows.push_back(tower_pixels(image, pixel_config));
    if (rows.back().size(1) != config.image_size || rows.back().size(2) != config.image_size) {
      throw DataError(formatted("{}: an image of {} x {} does not become a square of {}",
                                folder,
                                image.width,
                                image.height,
                                config.image_size));
    }
  }
  Tensor pixels = torch::stack(rows).to(input.device);
  if (config.is_video()) pixels = pixels.unflatten(0, {-1, config.num_frames});
  const Tensor states = vit(pixels);
  return {{"pixel_values", pixels},
          {"embeddings", vit->embed(pixels)},
          {"last_hidden_state", states},
          {"pooled", vit->pool(states)}};
}

/// "model.layers.3.mlp.up_proj.weight" -> "model.layers"
std::string group_of(const std::string& name) {
  std::size_t end = 0;
  for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
    if (dot + 1 < name.size() && std::isdigit(static_cast<unsigned char>(name[dot + 1])) != 0)
      return name.substr(0, dot);
    end = dot;
  }
  return end == 0 ? name : name.substr(0, end);
}

}  // namespace

Table describe_model(const fs::path& folder) {
  const std::string where = (folder / "config.json").string();
  const std::string type = model_type(read_model_config(folder), where);
  const WeightFiles files(folder);
  nn::NamedTensors tensors;
  for (const std::string& name : files.names()) tensors[name] = files.find(name);
  return describe_tensors(formatted("{} ({})", folder, type), tensors);
}

Table describe_tensors(const std::string& title, const nn::NamedTensors& tensors) {
  struct Sum {
    std::int64_t tensors = 0;
    std::int64_t parameters = 0;
    std::int64_t bytes = 0;
    std::string dtype;  ///< of the parameters
  };

  std::map<std::string, Sum> groups;
  Sum total;
  for (const auto& [name, tensor] : tensors) {
    for (Sum* sum : {&groups[group_of(name)], &total}) {
      sum->tensors += 1;
      sum->bytes += static_cast<std::int64_t>(tensor.nbytes());
      if (!tensor.is_floating_point()) continue;  // a buffer: position_ids and its like
      sum->parameters += tensor.numel();
      const std::string dtype = nn::format_name(tensor.scalar_type());
      sum->dtype = sum->dtype.empty() || sum->dtype == dtype ? dtype : "mixed";
    }
  }
  Table table{.title = title, .columns = {"group", "tensors", "parameters", "bytes", "dtype"}};
  groups["total"] = total;
  for (const auto& [name, sum] : groups) {
    if (name != "total")
      table.rows.push_back({name,
                            std::to_string(sum.tensors),
                            std::to_string(sum.parameters),
                            std::to_string(sum.bytes),
                            sum.dtype.empty() ? "-" : sum.dtype});
  }
  table.rows.push_back({"total",
                        std::to_string(total.tensors),
                        std::to_string(total.parameters),
                        std::to_string(total.bytes),
                        total.dtype.empty() ? "-" : total.dtype});
  return table;
}

nn::NamedTensors probe_model(const fs::path& folder,
                             const ProbeInput& input,
                             torch::Dtype dtype,
                             const PrepareModule& prepare) {
  const torch::NoGradGuard no_grad;
  const std::string type = model_type(read_model_config(folder), (folder / "config.json").string());
  nn::NamedTensors out;
  if (type == "clip") {
    out = probe_clip(folder, input, dtype);
  } else if (type == "bert" || type == "xlm-roberta" || type == "roberta") {
    out = probe_bert(folder, input, dtype);
  } else if (type == "vit" || type == "vit_mae" || type == "videomae") {
    out = probe_vit(folder, input, dtype);
  } else if (type == "qwen2_5_vl") {
    out = probe_vision_lm(folder, input, dtype, prepare);
  } else if (is_language_model(type)) {
    out = probe_causal_lm(folder, input, dtype, prepare);
  } else {
    throw DataError(formatted(
        "{}: model_type \"{}\" is not supported ({}, clip, bert, roberta, xlm-roberta, vit, "
        "vit_mae, videomae)",
        folder / "config.json",
        type,
        kLanguageModels));
  }
  for (auto& [name, tensor] : out) {
    tensor = tensor.cpu();
    if (tensor.is_floating_point()) tensor = tensor.to(torch::kFloat32);
  }
  return out;
}

}  // namespace vragent::models

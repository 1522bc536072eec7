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
        throw DataError(formatted("token id {} is outside the vocabulary of {}", id, vocab_size));
    }
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
    throw DataError("one non-empty list of token ids is wanted");
  return torch::tensor(input.ids[0]).unsqueeze(0);
}

nn::NamedTensors probe_causal_lm(const fs::path& folder,
                                 const ProbeInput& input,
                                 torch::Dtype dtype,
                                 const PrepareModule& prepare) {
  if (!input.images.empty()) throw DataError(formatted("{}: this model sees no images", folder));
  CausalLm lm = load_causal_lm(folder, dtype, torch::kCPU);
  if (prepare) prepare(*lm);
  check_ids(input, lm->model->config.vocab_size);
  return {{"logits", lm(only_row(input)).squeeze(0)}};
}

nn::NamedTensors probe_vision_lm(const fs::path& folder,
                                 const ProbeInput& input,
                                 torch::Dtype dtype,
                                 const PrepareModule& prepare) {
  VisionLm lm = load_vision_lm(folder, dtype, torch::kCPU);
  if (prepare) prepare(*lm);
  check_ids(input, lm->config.text.vocab_size);
  only_row(input);
  const QwenPixelConfig pixel_config = load_qwen_pixel_config(folder);
  std::vector<Tensor> rows;
  std::vector<Grid> grids;
  for (const media::Image& image : input.images) {
    const QwenPatches patches = qwen_patches(image, pixel_config);
    rows.push_back(patches.rows);
    grids.push_back({1, patches.height, patches.width});
  }
  std::vector<std::int64_t> ids = input.ids[0];
  const auto places = std::count(ids.begin(), ids.end(), lm->config.image_token_id);
  if (places == static_cast<std::ptrdiff_t>(grids.size()))
    ids = expand_image_tokens(ids, grids, lm->config);
  nn::NamedTensors out;
  Tensor features;
  if (!rows.empty()) out["image_features"] = features = lm->visual(torch::cat(rows), grids);
  const MropePositions places_of = mrope_positions(ids, grids, lm->config);
  out["logits"] =
      sequence_logits(lm->text(), lm->embed(torch::tensor(ids), features), places_of.positions);
  return out;
}

nn::NamedTensors probe_clip(const fs::path& folder, const ProbeInput& input, torch::Dtype dtype) {
  Clip clip = load_clip(folder, dtype, torch::kCPU);
  check_ids(input, clip->config.vocab_size);
  nn::NamedTensors out;
  if (!input.ids.empty()) {
    const std::int64_t end = clip->config.eos_token_id == 2 ? 0 : clip->config.eos_token_id;
    out["text_embeds"] = clip->encode_text(padded(input.ids, end));
  }
  if (!input.images.empty()) {
    const ClipPixelConfig config = load_clip_pixel_config(folder, clip->config.image_size);
    std::vector<Tensor> pixels;
    for (const media::Image& image : input.images) pixels.push_back(clip_pixels(image, config));
    out["image_embeds"] = clip->encode_image(torch::stack(pixels));
  }
  return out;
}

nn::NamedTensors probe_bert(const fs::path& folder, const ProbeInput& input, torch::Dtype dtype) {
  Bert bert = load_bert(folder, dtype, torch::kCPU);
  check_ids(input, bert->config.vocab_size);
  const Tensor ids = padded(input.ids, bert->config.pad_token_id);
  return {{"last_hidden_state", bert(ids, ids != bert->config.pad_token_id)}};
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
    std::string dtype;
  };

  std::map<std::string, Sum> groups;
  Sum total;
  for (const auto& [name, tensor] : tensors) {
    for (Sum* sum : {&groups[group_of(name)], &total}) {
      sum->tensors += 1;
      sum->parameters += tensor.numel();
      sum->bytes += static_cast<std::int64_t>(tensor.nbytes());
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
                            sum.dtype});
  }
  table.rows.push_back({"total",
                        std::to_string(total.tensors),
                        std::to_string(total.parameters),
                        std::to_string(total.bytes),
                        total.dtype});
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
  } else if (type == "qwen2_5_vl") {
    out = probe_vision_lm(folder, input, dtype, prepare);
  } else {
    out = probe_causal_lm(folder, input, dtype, prepare);
  }
  for (auto& [name, tensor] : out) tensor = tensor.to(torch::kFloat32);
  return out;
}

}  // namespace vragent::models

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Filling a module's parameters: from named tensors with a full report, or with fresh random
// values.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "vragent/nn/safetensors.h"

namespace torch::nn {
class Module;
}

namespace vragent::nn {

/// A checkpoint's other spelling of a name: the first place of each `first` that stands in it is
/// replaced by its `second`.
std::string respelt(std::string name,
                    std::span<const std::pair<std::string_view, std::string_view>> spellings);

/// "[2, 3]", for messages.
std::string shape_text(const torch::Tensor& tensor);

/// Looks a tensor up by checkpoint name; an undefined tensor says that it is not there.
using TensorLookup = std::function<torch::Tensor(const std::string& name)>;

/// What a load found out; load_parameters() throws for any; unexpected names are the
/// caller's to judge.
struct LoadReport {
  std::vector<std::string> missing;
  std::vector<std::string> wrong_shape;  ///< "name: [file's shape], the model wants [shape]"
  std::vector<std::string> wrong_dtype;  ///< "name: dtype", where it is no floating-point one
  std::vector<std::string> not_finite;   ///< names of tensors that hold NaN or an infinity
};

/// Copies each parameter of the module from `lookup(name)` (dtype and device of the module are
/// kept), a few megabytes at a time: a mapped file never stands in memory beside its copy.
/// @throws DataError naming every missing and misshapen tensor, those of whole numbers, and those
/// with values that are not finite; nothing is half loaded without that error
void load_parameters(torch::nn::Module& module,
                     const TensorLookup& lookup,
                     const std::string& where);

/// All parameters and their names, detached.
NamedTensors parameters_of(const torch::nn::Module& module);

/// How init_parameters() draws matrices; vectors named "weight" of norms become 1, biases 0.
struct InitRule {
  enum class Kind { kNormal, kXavierNormal, kXavierUniform } kind = Kind::kNormal;
  double std = 0.02;            ///< of kNormal
  double embedding_std = 0.02;  ///< of parameters whose name contains "embed"
};

/// Fills every parameter from `seed` by rule (each parameter has its own stream, keyed by its
/// name).
void init_parameters(torch::nn::Module& module, const InitRule& rule, std::uint64_t seed);

/// Turns gradients of all parameters on or off.
void set_requires_grad(torch::nn::Module& module, bool on);

/// A CPU generator of torch for one named stream of a seed.
at::Generator make_generator(std::uint64_t seed, const std::string& name);

}  // namespace vragent::nn

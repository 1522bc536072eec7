// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/parameters.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"
#include "vragent/nn/checkpoint.h"
#include "vragent/nn/layers.h"
#include "vragent/util/error.h"

namespace vragent::nn {
namespace {

using torch::Tensor;

/// The message that loading these tensors into a SwiGlu of width 2 ends in; "" when it succeeds.
std::string message_of(const NamedTensors& tensors) {
  SwiGlu net(2, 3, true);
  try {
    load_parameters(*net, lookup_in(tensors), "folder");
    return "";
  } catch (const DataError& error) {
    return error.what();
  }
}

NamedTensors all_tensors() {
  SwiGlu net(2, 3, true);
  init_parameters(*net, {}, 1);
  NamedTensors tensors;
  for (const auto& [name, tensor] : parameters_of(*net)) tensors[name] = tensor.clone();
  return tensors;
}

TEST(LoadParameters, CopiesEveryTensorAndKeepsTheModulesType) {
  NamedTensors tensors = all_tensors();
  SwiGlu net(2, 3, true);
  net->to(torch::kBFloat16);
  load_parameters(*net, lookup_in(tensors), "folder");
  EXPECT_EQ(net->up_proj->weight.scalar_type(), torch::kBFloat16);
  for (const auto& [name, tensor] : parameters_of(*net))
    EXPECT_TRUE(tensor.equal(tensors.at(name).to(torch::kBFloat16))) << name;
}

TEST(LoadParameters, NamesEveryMissingTensorAtOnce) {
  NamedTensors tensors = all_tensors();
  tensors.erase("up_proj.weight");
  tensors.erase("down_proj.bias");
  const std::string message = message_of(tensors);
  EXPECT_NE(message.find("folder: missing tensors"), std::string::npos) << message;
  EXPECT_NE(message.find("up_proj.weight"), std::string::npos) << message;
  EXPECT_NE(message.find("down_proj.bias"), std::string::npos) << message;
}

TEST(LoadParameters, ShowsBothShapesOfAMisfit) {
  NamedTensors tensors = all_tensors();
  tensors["gate_proj.weight"] = torch::zeros({2, 3});
  const std::string message = message_of(tensors);
  EXPECT_NE(message.find("gate_proj.weight: [2, 3], the model wants [3, 2]"), std::string::npos)
      << message;
  tensors["up_proj.weight"] = torch::zeros({2, 3});
  EXPECT_NE(message_of(tensors).find("wants [3, 2]; "), std::string::npos) << message_of(tensors);
}

TEST(LoadParameters, RefuseWholeNumbersAndWhatIsNotFinite) {
  NamedTensors tensors = all_tensors();
  tensors["up_proj.weight"] = torch::ones({3, 2}, torch::kInt32);
  EXPECT_NE(message_of(tensors).find("whole numbers where weights are wanted: up_proj.weight: Int"),
            std::string::npos);
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    for (const torch::Dtype dtype :
         {torch::kFloat32, torch::kFloat64, torch::kBFloat16, torch::kFloat16}) {
      tensors = all_tensors();
      tensors["up_proj.weight"] = torch::full({3, 2}, bad, dtype);
      tensors["down_proj.bias"] = torch::full({2}, bad, dtype);
      const std::string message = message_of(tensors);
      EXPECT_NE(message.find("not finite (NaN or infinity)"), std::string::npos) << message;
      EXPECT_NE(message.find("up_proj.weight"), std::string::npos) << message;
      EXPECT_NE(message.find("down_proj.bias"), std::string::npos) << message;
    }
  }
}

TEST(LoadParameters, CopyTensorsOfManyStretchesWholly) {
  Linear net(3000, 2000, false);  // six million numbers: three stretches
  for (const torch::Dtype dtype : {torch::kFloat32, torch::kBFloat16}) {
    Tensor source = test::randn({2000, 3000}, 3).to(dtype);
    const auto load = [&] {
      load_parameters(
          *net, [&](const std::string&) { return source; }, "folder");
    };
    load();
    EXPECT_TRUE(net->weight.equal(source.to(torch::kFloat32))) << dtype;
    source[1999][2999] = std::nan("");
    EXPECT_THROW(load(), DataError) << "the very last number, " << dtype;
  }
  const Tensor across = test::randn({3000, 2000}, 4).t();  // not contiguous
  load_parameters(
      *net, [&](const std::string&) { return across; }, "folder");
  EXPECT_TRUE(net->weight.equal(across));
}

TEST(LoadParameters, RefuseAScalarForAVectorOfOne) {
  NamedTensors tensors = all_tensors();
  tensors["up_proj.bias"] = torch::zeros({});
  EXPECT_NE(message_of(tensors).find("wrong shapes"), std::string::npos);
}

TEST(LoadParameters, CountTheMissingBeyondTheFirstFew) {
  EXPECT_EQ(message_of({}).find(" more"), std::string::npos) << "six names fit";
  torch::nn::ModuleList list;
  for (int i = 0; i < 6; ++i) list->push_back(Linear(1, 1));
  try {
    load_parameters(
        *list, [](const std::string&) { return Tensor(); }, "folder");
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("and 4 more"), std::string::npos) << error.what();
  }
}

TEST(InitParameters, DependOnSeedAndNameAlone) {
  SwiGlu first(8, 16, true);
  SwiGlu second(8, 16, true);
  init_parameters(*first, {}, 7);
  torch::manual_seed(99);
  init_parameters(*second, {}, 7);
  EXPECT_TRUE(test::same_tensors(parameters_of(*second), parameters_of(*first)));
  init_parameters(*second, {}, 8);
  EXPECT_FALSE(second->up_proj->weight.equal(first->up_proj->weight));
  EXPECT_FALSE(first->up_proj->weight.equal(first->gate_proj->weight));
}

TEST(InitParameters, GiveNormsOnesAndBiasesZeros) {
  LayerNorm norm(5, 1e-5);
  init_parameters(*norm, {}, 1);
  EXPECT_TRUE(norm->weight.equal(torch::ones({5})));
  EXPECT_TRUE(norm->bias.equal(torch::zeros({5})));
}

TEST(InitParameters, SpreadMatricesAsTheRuleSays) {
  Linear linear(300, 100);
  init_parameters(*linear, {.kind = InitRule::Kind::kNormal, .std = 0.05}, 1);
  EXPECT_NEAR(linear->weight.std().item<double>(), 0.05, 0.002);
  init_parameters(*linear, {.kind = InitRule::Kind::kXavierNormal}, 1);
  EXPECT_NEAR(linear->weight.std().item<double>(), std::sqrt(2.0 / 400), 0.002);
  init_parameters(*linear, {.kind = InitRule::Kind::kXavierUniform}, 1);
  EXPECT_LE(linear->weight.abs().max().item<double>(), std::sqrt(6.0 / 400));
  EXPECT_NEAR(linear->weight.std().item<double>(), std::sqrt(2.0 / 400), 0.002);
}

TEST(MakeGenerator, GivesOneStreamAName) {
  const auto draw = [](std::uint64_t seed, const std::string& name) {
    at::Generator generator = make_generator(seed, name);
    return torch::randn({16}, generator);
  };
  EXPECT_TRUE(draw(1, "a").equal(draw(1, "a")));
  EXPECT_FALSE(draw(1, "a").equal(draw(1, "b")));
  EXPECT_FALSE(draw(1, "a").equal(draw(2, "a")));
}

}  // namespace
}  // namespace vragent::nn

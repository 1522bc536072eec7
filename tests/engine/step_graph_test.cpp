// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "engine/decoding/step_graph.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

namespace vragent::engine {
namespace {

/// They are looked up by name, so that only this says whether the names are right.
TEST(StepGraph, FindsTheMembersOfTorchsGraph) {
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr)
    GTEST_SKIP() << "this torch has no CUDA library: " << dlerror();
  EXPECT_TRUE(StepGraph::is_available());
}

}  // namespace
}  // namespace vragent::engine

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Which model answers, as flags name it: --backend, --model and where it is computed. Plain text,
// so that stages without torch can carry it; engine/chat_backends makes the model.
#pragma once

#include <cstdint>
#include <string>

namespace vragent::chat {

struct BackendConfig {
  std::string backend = "native";
  std::string model;
  std::string device = "cpu";
  std::string dtype = "float32";
  std::int64_t threads = 0;

  void visit(auto& v) {
    v("backend", backend, "native (our engine on --model), or mock:FILE (scripted answers)");
    v("model", model, "model folder, or org/name in the local cache");
    v("device", device, "native: cpu, cuda or cuda:N");
    v("dtype", dtype, "native: float32 or bfloat16");
    v("threads",
      threads,
      "native: CPU threads of one operation; 0 is one per core (on a busy machine 1 may be "
      "faster)");
  }
};

}  // namespace vragent::chat

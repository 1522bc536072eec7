// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// One declaration a command: it adds its flags and, as the callback, the call of one library
// function.
#pragma once

namespace CLI {
class App;
}

namespace vragent::tools {

void add_extract_frames(CLI::App& app);
void add_ip_caption(CLI::App& app);
void add_train_sasrec(CLI::App& app);
void add_sft(CLI::App& app);
void add_grpo_train(CLI::App& app);
void add_simulate(CLI::App& app);
void add_eval(CLI::App& app);
void add_inspect(CLI::App& app);

}  // namespace vragent::tools

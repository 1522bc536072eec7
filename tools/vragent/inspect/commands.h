// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The commands nested in `inspect`.
#pragma once

namespace CLI {
class App;
}

namespace vragent::tools {

void add_inspect_logits(CLI::App& inspect);
void add_inspect_merge(CLI::App& inspect);
void add_inspect_tokenize(CLI::App& inspect);
void add_inspect_generate(CLI::App& inspect);
void add_inspect_data(CLI::App& inspect);
void add_inspect_grpo_loss(CLI::App& inspect);

}  // namespace vragent::tools

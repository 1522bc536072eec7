// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Rankers that only count: popularity and first-order Markov chains, the floors of every table.
#pragma once

#include "vragent/data/sequences.h"
#include "vragent/recommender/ranker.h"

namespace vragent::recommender {

/// Score of an item: its occurrences in the train parts.
ScoreFunction popularity_ranker(const data::Sequences& sequences);

/// Score of an item: how often it follows the user's last item in the train parts; ties by
/// popularity.
ScoreFunction markov_ranker(const data::Sequences& sequences);

}  // namespace vragent::recommender

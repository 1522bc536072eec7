// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Scores for people and for machines: a table, and scores.json.
#pragma once

#include <string>

#include "vragent/simulator/scoring/scoring.h"
#include "vragent/util/table.h"

namespace vragent::simulator {

/// {"cases_hash", "num_cases", "agents": [{"agent", "model", ..., "statuses": {},
///   "judge": [{"negatives", "num_cases", "accuracy": {"value", "low", "high"}, "precision": {...},
///              "recall": {...}, "f1": {...}, "yes_rate", "balanced_accuracy", "mcc", "auc", ...}],
///   "select": [{"negatives", "m", "num_cases", "accuracy": {...}, "chance", ...}]}]}
/// Fractions, not percent; what is not known is null. Indented by two, with a last line end.
std::string scores_json(const Scores& scores);

/// One row an agent and kind of negatives: Acc with its interval, precision, recall, F1, yes-rate,
/// AUC, Acc of each m with its interval, unread answers. Notes say what the rows leave out.
Table scores_table(const Scores& scores);

}  // namespace vragent::simulator

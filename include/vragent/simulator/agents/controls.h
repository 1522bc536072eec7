// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Label-free controls: what can be scored without understanding anybody. An agent that does not
// beat them has learnt a shortcut of the cases, not a user.
//
// | name       | judge                                               | select                     |
// |------------|-----------------------------------------------------|----------------------------|
// | random     | a coin                                              | any candidate              |
// | always-yes | Yes                                                 | the first slot             |
// | pop        | more popular than the median of the file's judged   | the most popular           |
// |            | candidates (of the same kind of negatives)          |                            |
// | recscore   | in the recommender's list                           | the best ranked            |
// | antirec    | not in the recommender's list                       | not in the list, else the  |
// |            |                                                     | worst ranked               |
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vragent/data/cases.h"
#include "vragent/simulator/agent.h"

namespace vragent::simulator::agents {

/// Names in the order of the table above.
std::vector<std::string> control_names();

/// A control over a file of cases. Ties (and pop at the median) fall by seed, case and repeat. pop
/// gives p_yes: the share of the file's judged candidates that are less popular, equal ones
/// counting half. A case without the scores a control needs stays unanswered (status empty).
/// @param cases the whole file, for pop's median; labels are not read
/// @throws ConfigError on an unknown name
Agent control_agent(const std::string& name,
                    const std::vector<data::Case>& cases,
                    std::int64_t seed);

}  // namespace vragent::simulator::agents

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Samplers of negatives: from a recommender's list, from the whole catalogue, from videos as
// popular as the positive.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vragent/simulator/case_maker.h"
#include "vragent/util/random.h"

namespace vragent::simulator {

/// Draws negatives for users of one data set.
class NegativeSampler {
 public:
  NegativeSampler(const CaseSources& sources, const CaseConfig& config);

  /// `count` distinct items that the user has not in its window and that have a text; fewer when
  /// there are not so many. The first ones are the same for every count.
  [[nodiscard]] std::vector<std::string> draw(const std::string& kind,
                                              std::int64_t user,
                                              std::int64_t count) const;

 private:
  [[nodiscard]] bool is_usable(std::int64_t user, std::int32_t item) const;
  [[nodiscard]] std::vector<std::int32_t> from_list(std::int64_t user, RandomStream& random) const;
  [[nodiscard]] std::vector<std::int32_t> from_catalogue(std::int64_t user,
                                                         std::int64_t count,
                                                         RandomStream& random) const;
  [[nodiscard]] std::vector<std::int32_t> as_popular(std::int64_t user, RandomStream& random) const;

  const CaseSources& sources_;
  const CaseConfig& config_;
  std::vector<std::int32_t> by_popularity_;  // items, least popular first
  std::vector<std::size_t> place_of_;        // item -> place in by_popularity_
};

}  // namespace vragent::simulator

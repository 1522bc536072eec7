// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/ranker.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>

#include <ATen/Parallel.h>

#include "vragent/metrics/exposure.h"
#include "vragent/metrics/rank_counts.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"

namespace vragent::recommender {
namespace {

using torch::Tensor;

std::vector<std::int64_t> user_range(std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> users;
  for (std::int64_t user = begin; user < end; ++user) users.push_back(user);
  return users;
}

/// Scores on the CPU, float or double, rows contiguous (a row may be shared by all users).
Tensor scores_of(const data::Sequences& sequences,
                 data::Split split,
                 const ScoreFunction& score,
                 const std::vector<std::int64_t>& users) {
  const torch::NoGradGuard no_grad;
  Tensor scores = score(users, split).cpu();
  TORCH_CHECK(scores.dim() == 2 && scores.size(1) == sequences.num_items() + 1,
              "scores ",
              scores.sizes(),
              " for ",
              sequences.num_items(),
              " items");
  if (scores.scalar_type() != torch::kFloat64) scores = scores.to(torch::kFloat32);
  return scores.stride(1) == 1 ? scores : scores.contiguous();
}

/// No rank comes of a score that is not a number.
[[noreturn]] void refuse_scores(const data::Sequences& sequences,
                                const Tensor& scores,
                                const std::vector<std::int64_t>& users) {
  const Tensor first = scores.narrow(1, 1, sequences.num_items()).isnan().nonzero()[0];
  const auto row = static_cast<std::size_t>(first[0].item<std::int64_t>());
  const auto item = static_cast<std::size_t>(first[1].item<std::int64_t>()) + 1;
  throw Error(ExitCode::kInternal,
              formatted("the score of item {} for user {} is not a number: the weights are "
                        "damaged, or training diverged",
                        sequences.item_ids[item],
                        sequences.user_ids[static_cast<std::size_t>(users[row])]));
}

/// Where a target stands among the candidates of one row.
struct Place {
  std::int64_t greater = 0;
  std::int64_t equal_before = 0;  ///< same score, smaller index
  std::int64_t equal = 0;         ///< same score, any other index
  bool is_number = true;          ///< all scores of the row
};

/// Counts over all items, then takes the items seen before back out: nothing is copied or masked.
template <class T>
Place place_in_row(const T* scores,
                   std::int64_t size,
                   std::int32_t target,
                   std::span<const std::int32_t> seen) {
  const T wanted = scores[target];
  const std::span<const T> row(scores, static_cast<std::size_t>(size));
  const auto before =
      metrics::count_against(row.subspan(1, static_cast<std::size_t>(target) - 1), wanted);
  const auto behind =
      metrics::count_against(row.subspan(static_cast<std::size_t>(target) + 1), wanted);
  Place place{.greater = before.greater + behind.greater,
              .equal_before = before.equal,
              .equal = behind.equal,
              .is_number = wanted == wanted && before.not_numbers + behind.not_numbers == 0};
  for (const std::int32_t item : std::set<std::int32_t>(seen.begin(), seen.end())) {
    if (item == target) continue;
    place.greater -= scores[item] > wanted;
    (item < target ? place.equal_before : place.equal) -= scores[item] == wanted;
  }
  place.equal += place.equal_before;
  return place;
}

/// One place a user of the batch, rows spread over the threads.
template <class T>
std::vector<Place> places_in(const Tensor& scores,
                             const data::Sequences& sequences,
                             data::Split split,
                             const std::vector<std::int64_t>& users,
                             bool mask_history) {
  std::vector<Place> places(users.size());
  const T* data = scores.data_ptr<T>();
  const std::int64_t stride = scores.stride(0);
  at::parallel_for(
      0, static_cast<std::int64_t>(users.size()), 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
          const std::int64_t user = users[static_cast<std::size_t>(row)];
          const auto seen =
              mask_history ? sequences.seen(user, split) : std::span<const std::int32_t>();
          places[static_cast<std::size_t>(row)] = place_in_row(
              data + row * stride, scores.size(1), sequences.target(user, split), seen);
        }
      });
  for (const Place& place : places) {
    if (!place.is_number) refuse_scores(sequences, scores, users);
  }
  return places;
}

/// The k best unseen items of one row, best first; equal scores by ascending index.
template <class T>
std::vector<std::int32_t> best_in_row(const T* scores,
                                      std::int64_t size,
                                      std::span<const std::int32_t> seen,
                                      std::int64_t k) {
  std::vector<bool> hidden(static_cast<std::size_t>(size), false);
  for (const std::int32_t item : seen) hidden[static_cast<std::size_t>(item)] = true;
  std::vector<std::int32_t> items;
  for (std::int32_t item = 1; item < size; ++item) {
    if (!hidden[static_cast<std::size_t>(item)]) items.push_back(item);
  }
  const auto count = std::min<std::ptrdiff_t>(k, std::ssize(items));
  std::partial_sort(
      items.begin(), items.begin() + count, items.end(), [&](std::int32_t a, std::int32_t b) {
        return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
      });
  items.resize(static_cast<std::size_t>(count));
  return items;
}

/// Lists of a batch of users, rows spread over the threads.
template <class T>
std::vector<data::TopK> lists_in(const Tensor& scores,
                                 const data::Sequences& sequences,
                                 data::Split split,
                                 const std::vector<std::int64_t>& users,
                                 std::int64_t k) {
  std::vector<data::TopK> lists(users.size());
  if (scores.narrow(1, 1, sequences.num_items()).isnan().any().template item<bool>())
    refuse_scores(sequences, scores, users);
  const T* data = scores.data_ptr<T>();
  const std::int64_t stride = scores.stride(0);
  at::parallel_for(
      0, static_cast<std::int64_t>(users.size()), 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
          const std::int64_t user = users[static_cast<std::size_t>(row)];
          data::TopK& list = lists[static_cast<std::size_t>(row)];
          list.user_id = sequences.user_ids[static_cast<std::size_t>(user)];
          const T* of_user = data + row * stride;
          for (const std::int32_t item :
               best_in_row(of_user, scores.size(1), sequences.seen(user, split), k)) {
            list.items.push_back(sequences.item_ids[static_cast<std::size_t>(item)]);
            list.scores.push_back(static_cast<double>(of_user[item]));
          }
        }
      });
  return lists;
}

}  // namespace

Evaluation evaluate(const data::Sequences& sequences,
                    data::Split split,
                    const ScoreFunction& score,
                    const RankingOptions& options) {
  Tensor ranks = torch::zeros({sequences.num_users() + 1}, torch::kInt64);
  auto* rank_at = ranks.mutable_data_ptr<std::int64_t>();
  std::int64_t& num_tied = rank_at[sequences.num_users()];
  for (std::int64_t begin = 0; begin < sequences.num_users(); begin += options.batch_users) {
    if (begin / options.batch_users % options.processes.size() != options.processes.rank())
      continue;
    const auto users =
        user_range(begin, std::min(begin + options.batch_users, sequences.num_users()));
    const Tensor scores = scores_of(sequences, split, score, users);
    const auto places =
        scores.scalar_type() == torch::kFloat64
            ? places_in<double>(scores, sequences, split, users, options.mask_history)
            : places_in<float>(scores, sequences, split, users, options.mask_history);
    for (std::size_t row = 0; row < users.size(); ++row) {
      rank_at[users[row]] = metrics::rank_of(places[row].greater, places[row].equal_before);
      num_tied += places[row].equal > 0 ? 1 : 0;
    }
  }
  options.processes.all_reduce(ranks);
  metrics::RankingAccumulator all(options.cutoffs);
  metrics::RankingAccumulator cold(options.cutoffs);
  metrics::RankingAccumulator warm(options.cutoffs);
  Evaluation result{.num_tied = num_tied, .ranks = {rank_at, rank_at + sequences.num_users()}};
  for (std::size_t user = 0; user < result.ranks.size(); ++user) {
    all.add(result.ranks[user]);
    (sequences.cold[user] ? cold : warm).add(result.ranks[user]);
  }
  result.all = all.value();
  result.cold = cold.value();
  result.warm = warm.value();
  return result;
}

std::vector<metrics::GroupMetrics> by_history_length(const data::Sequences& sequences,
                                                     const Evaluation& evaluation,
                                                     const std::vector<std::int64_t>& cutoffs) {
  return metrics::metrics_of_groups(
      metrics::groups_by_length(sequences.full_lengths), evaluation.ranks, cutoffs);
}

std::vector<metrics::GroupMetrics> by_target_popularity(const data::Sequences& sequences,
                                                        data::Split split,
                                                        const Evaluation& evaluation,
                                                        const std::vector<std::int64_t>& cutoffs) {
  std::vector<std::int32_t> targets;
  for (std::int64_t user = 0; user < sequences.num_users(); ++user)
    targets.push_back(sequences.target(user, split));
  return metrics::metrics_of_groups(
      metrics::groups_by_popularity(targets, sequences.train_counts), evaluation.ranks, cutoffs);
}

std::vector<data::TopK> top_k_lists(const data::Sequences& sequences,
                                    data::Split split,
                                    const ScoreFunction& score,
                                    std::int64_t k,
                                    std::int64_t batch_users) {
  std::vector<data::TopK> lists;
  for (std::int64_t begin = 0; begin < sequences.num_users(); begin += batch_users) {
    auto users = user_range(begin, std::min(begin + batch_users, sequences.num_users()));
    std::erase_if(users, [&](std::int64_t user) { return !sequences.has_history(user, split); });
    if (users.empty()) continue;
    const Tensor scores = scores_of(sequences, split, score, users);
    for (data::TopK& list : scores.scalar_type() == torch::kFloat64
                                ? lists_in<double>(scores, sequences, split, users, k)
                                : lists_in<float>(scores, sequences, split, users, k))
      lists.push_back(std::move(list));
  }
  return lists;
}

ListExposure exposure_of(const data::Sequences& sequences,
                         data::Split split,
                         const std::vector<data::TopK>& lists) {
  std::vector<std::int64_t> listed(sequences.item_ids.size(), 0);
  std::vector<std::int64_t> seen = listed;
  std::vector<std::int64_t> wanted = listed;
  for (const data::TopK& list : lists) {
    for (const std::string& item : list.items)
      ++listed[static_cast<std::size_t>(sequences.item_index.at(item))];
  }
  for (std::int64_t user = 0; user < sequences.num_users(); ++user) {
    if (!sequences.has_history(user, split)) continue;
    for (const std::int32_t item : sequences.seen(user, split))
      ++seen[static_cast<std::size_t>(item)];
    ++wanted[static_cast<std::size_t>(sequences.target(user, split))];
  }
  const auto popularity_of = [&](const std::vector<std::int64_t>& times) {
    return metrics::mean_popularity(times, sequences.train_counts);
  };
  const auto without_padding = std::span(listed).subspan(1);
  ListExposure exposure{.coverage = metrics::coverage(without_padding),
                        .gini = metrics::gini(without_padding),
                        .mean_popularity = popularity_of(listed),
                        .history_popularity = popularity_of(seen),
                        .target_popularity = popularity_of(wanted)};
  if (exposure.history_popularity > 0)
    exposure.popularity_bias = exposure.mean_popularity / exposure.history_popularity;
  return exposure;
}

std::vector<CandidateRow> load_candidates(const std::filesystem::path& path,
                                          const data::Sequences& sequences) {
  std::vector<CandidateRow> rows;
  for_each_line(path, [&](const std::string& line, const std::string& where) {
    const data::TopK given = data::parse_top_k(line, where);
    const auto user = sequences.user_index.find(given.user_id);
    if (user == sequences.user_index.end())
      throw DataError(
          formatted("{}: user {} is not among those of --interactions", where, given.user_id));
    CandidateRow row{.user = user->second, .items = {}};
    for (const std::string& id : given.items) {
      const auto item = sequences.item_index.find(id);
      if (item == sequences.item_index.end())
        throw DataError(formatted("{}: item {} is not among those of --interactions", where, id));
      row.items.push_back(item->second);
    }
    rows.push_back(row);
  });
  return rows;
}

std::vector<data::TopK> score_candidates(const std::vector<CandidateRow>& rows,
                                         const data::Sequences& sequences,
                                         const ScoreFunction& score,
                                         std::int64_t batch_users) {
  const torch::NoGradGuard no_grad;
  std::vector<data::TopK> scored;
  const auto most = static_cast<std::size_t>(batch_users);
  for (std::size_t begin = 0; begin < rows.size(); begin += most) {
    const std::size_t end = std::min(rows.size(), begin + most);
    std::vector<std::int64_t> users;
    for (std::size_t i = begin; i < end; ++i) users.push_back(rows[i].user);
    const torch::Tensor scores =
        scores_of(sequences, data::Split::kTest, score, users).to(torch::kFloat64).contiguous();
    const double* of_user = scores.const_data_ptr<double>();
    for (std::size_t i = begin; i < end; ++i, of_user += scores.size(1)) {
      const CandidateRow& row = rows[i];
      data::TopK list{.user_id = sequences.user_ids[static_cast<std::size_t>(row.user)]};
      for (const std::int32_t item : row.items) {
        const std::string& id = sequences.item_ids[static_cast<std::size_t>(item)];
        if (!std::isfinite(of_user[item]))
          throw Error(ExitCode::kInternal,
                      formatted("the score of item {} for user {} is no finite number: the weights "
                                "are damaged, or training diverged",
                                id,
                                list.user_id));
        list.items.push_back(id);
        list.scores.push_back(of_user[item]);
      }
      scored.push_back(list);
    }
  }
  return scored;
}

}  // namespace vragent::recommender

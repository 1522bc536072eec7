// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/rec_models/item_features.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "vragent/nn/npy.h"
#include "vragent/nn/safetensors.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/log.h"
#include "vragent/util/text.h"

namespace vragent::rec_models {
namespace {

using torch::Tensor;
namespace fs = std::filesystem;

/// Rows of a file, and their ids where it has them.
struct Rows {
  Tensor features;
  Tensor ids;
};

Rows rows_of(const fs::path& file) {
  if (file.extension() == ".npy") return {.features = nn::load_npy(file), .ids = {}};
  if (file.extension() != ".safetensors")
    throw DataError(formatted("{}: features are a .npy or a .safetensors file", file.string()));
  const nn::SafetensorsFile tensors(file);
  Rows rows;
  std::vector<std::string> matrices;
  for (const std::string& name : tensors.names()) {
    if (name == "item_ids") {
      rows.ids = tensors.tensor(name);
    } else if (tensors.tensor(name).dim() == 2) {
      matrices.push_back(name);
    }
  }
  const bool is_named = tensors.contains("features");
  if (!is_named && matrices.size() != 1) {
    throw DataError(formatted(
        "{}: {} matrices, one is wanted, or one called features", file.string(), matrices.size()));
  }
  rows.features = tensors.tensor(is_named ? "features" : matrices.front());
  return rows;
}

using RowOf = std::unordered_map<std::string, std::int64_t>;

void add_id(RowOf& row_of, const std::string& id, std::int64_t row, const std::string& where) {
  if (!row_of.emplace(id, row).second)
    throw DataError(formatted("{}: item {} comes a second time", where, id));
}

RowOf rows_by_id(const Rows& rows, const fs::path& file, const fs::path& ids_file) {
  RowOf row_of;
  std::int64_t count = 0;
  if (!ids_file.empty()) {
    for_each_line(ids_file, [&](const std::string& line, const std::string& where) {
      add_id(row_of, std::string(trim(line)), count++, where);
    });
  } else {
    const Tensor ids = rows.ids.to(torch::kInt64).flatten().contiguous();
    for (; count < ids.size(0); ++count)
      add_id(row_of, std::to_string(ids.data_ptr<std::int64_t>()[count]), count, file.string());
  }
  if (count != rows.features.size(0)) {
    throw DataError(formatted("{} has {} rows, but {} has {} ids",
                              file.string(),
                              rows.features.size(0),
                              ids_file.empty() ? "its item_ids" : ids_file.string(),
                              count));
  }
  return row_of;
}

/// Row of an item as MicroLens counts; -1 where there is none.
std::int64_t counted_row(const std::string& id, std::int64_t num_rows) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  const bool is_number = error == std::errc() && end == id.data() + id.size();
  return is_number && number >= 1 && number <= num_rows ? number - 1 : -1;
}

/// Rows behind those of the items may be of items that are not in use, but a first row of zeros
/// then is one of padding. @throws DataError on such a row. @param last the last row in use
void check_spare_rows(const Tensor& features, const fs::path& file, std::int64_t last) {
  if (last + 1 >= features.size(0)) return;
  const std::string what =
      formatted("{}: {} rows, but the largest item in use is {}: row r (from 0) is item r+1",
                file.string(),
                features.size(0),
                last + 1);
  if (features[0].eq(0).all().item<bool>()) {
    throw DataError(what +
                    ", and row 0, all zeros, looks like padding, which would shift them all: cut "
                    "it off, or name the rows with --feature-ids");
  }
  log::warn("{}, and a row of padding in front would shift them all (--feature-ids names the rows)",
            what);
}

std::vector<std::int64_t> rows_of_items(const Rows& rows,
                                        const fs::path& file,
                                        const fs::path& ids_file,
                                        const std::vector<std::string>& item_ids) {
  const bool by_id = !ids_file.empty() || rows.ids.defined();
  const RowOf row_of = by_id ? rows_by_id(rows, file, ids_file) : RowOf();
  std::vector<std::int64_t> places;
  std::vector<std::string> missing;
  for (std::size_t i = 1; i < item_ids.size(); ++i) {
    const auto found = row_of.find(item_ids[i]);
    const std::int64_t by_name = found == row_of.end() ? -1 : found->second;
    places.push_back(by_id ? by_name : counted_row(item_ids[i], rows.features.size(0)));
    if (places.back() < 0) missing.push_back(item_ids[i]);
  }
  if (missing.empty()) {
    const auto last = std::max_element(places.begin(), places.end());
    if (!by_id && last != places.end()) check_spare_rows(rows.features, file, *last);
    return places;
  }
  throw DataError(
      formatted("{}: {} of {} items have no row among its {}; the first is {}{}",
                file.string(),
                missing.size(),
                item_ids.size() - 1,
                rows.features.size(0),
                missing.front(),
                by_id ? "" : " (row r is item r+1 unless --feature-ids names the rows)"));
}

}  // namespace

Tensor load_item_features(const fs::path& file,
                          const fs::path& ids_file,
                          const std::vector<std::string>& item_ids) {
  const Rows rows = rows_of(file);
  if (rows.features.dim() != 2 || !rows.features.is_floating_point()) {
    throw DataError(formatted("{}: a matrix of floating-point numbers is wanted, it has {} axes",
                              file.string(),
                              rows.features.dim()));
  }
  const auto places = rows_of_items(rows, file, ids_file, item_ids);
  const Tensor chosen =
      rows.features.index_select(0, torch::tensor(places, torch::kInt64)).to(torch::kFloat32);
  const Tensor broken = chosen.isfinite().all(1).logical_not().nonzero();
  if (broken.size(0) > 0) {
    const auto first = static_cast<std::size_t>(broken[0][0].item<std::int64_t>());
    throw DataError(
        formatted("{}: row {} (item {}) has a value that is not a finite number; so have "
                  "{} rows in all",
                  file.string(),
                  places[first],
                  item_ids[first + 1],
                  broken.size(0)));
  }
  return torch::cat({torch::zeros({1, chosen.size(1)}), chosen});
}

}  // namespace vragent::rec_models

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/safetensors.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vragent/util/checked.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"

namespace vragent::nn {
namespace {

constexpr std::uint64_t kMaxHeader = 100'000'000;
constexpr std::uint64_t kAlignment = 8;

struct DtypeName {
  const char* name;
  torch::Dtype dtype;
};

constexpr DtypeName kDtypes[] = {{"F64", torch::kFloat64},
                                 {"F32", torch::kFloat32},
                                 {"F16", torch::kFloat16},
                                 {"BF16", torch::kBFloat16},
                                 {"I64", torch::kInt64},
                                 {"I32", torch::kInt32},
                                 {"I16", torch::kInt16},
                                 {"I8", torch::kInt8},
                                 {"U8", torch::kUInt8},
                                 {"BOOL", torch::kBool}};

torch::Dtype dtype_of(const std::string& name, const std::string& where) {
  for (const DtypeName& known : kDtypes) {
    if (name == known.name) return known.dtype;
  }
  throw DataError(where + ": dtype " + name +
                  " is not supported (quantised checkpoints are not read)");
}

std::string name_of(torch::Dtype dtype) {
  for (const DtypeName& known : kDtypes) {
    if (dtype == known.dtype) return known.name;
  }
  throw std::logic_error("save_safetensors: dtype has no name in the format");
}

/// Refuses what a lenient JSON reader lets pass: repeated names and deep nesting.
Json parse_strict(const std::string& text, const std::string& where) {
  std::vector<std::set<std::string>> keys(1);
  const Json::parser_callback_t watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > 4) throw DataError(where + ": header is nested too deeply");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      throw DataError(where + ": duplicate name \"" + value.get<std::string>() +
                      "\" in the header");
    }
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::exception& error) {
    throw DataError(where + ": header is not JSON: " + error.what());
  }
}

std::uint64_t unsigned_at(const Json& list, std::size_t index, const std::string& where) {
  if (!list.is_array() || list.size() <= index || !list[index].is_number_unsigned()) {
    throw DataError(where + ": a list of whole numbers >= 0 is wanted");
  }
  return list[index].get<std::uint64_t>();
}

}  // namespace

struct SafetensorsFile::Mapping {
  void* data = nullptr;
  std::size_t size = 0;

  Mapping() = default;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  ~Mapping() {
    if (data != nullptr) ::munmap(data, size);
  }

  static std::shared_ptr<Mapping> of(const std::filesystem::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
      const ExitCode code = errno == ENOENT ? ExitCode::kNoInput : ExitCode::kIo;
      throw Error(code, formatted("{}: cannot open: {}", path, std::strerror(errno)));
    }
    auto mapping = std::make_shared<Mapping>();
    struct stat info = {};
    const bool known = ::fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode);
    if (known && info.st_size >= 8) {
      mapping->size = static_cast<std::size_t>(info.st_size);
      void* data = ::mmap(nullptr, mapping->size, PROT_READ, MAP_PRIVATE, descriptor, 0);
      mapping->data = data == MAP_FAILED ? nullptr : data;
    }
    ::close(descriptor);
    if (!known) throw DataError(formatted("{}: not a regular file", path));
    if (info.st_size < 8)
      throw DataError(formatted("{}: {} bytes is too short for safetensors", path, info.st_size));
    if (mapping->data == nullptr)
      throw Error(ExitCode::kIo, formatted("{}: cannot map: {}", path, std::strerror(errno)));
    return mapping;
  }
};

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : path_(path), mapping_(Mapping::of(path)) {
  const auto* bytes = static_cast<const char*>(mapping_->data);
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, bytes, sizeof header_size);
  if (header_size > kMaxHeader || header_size > mapping_->size - 8) {
    throw DataError(formatted("{}: header length {} does not fit the file of {} bytes",
                              path,
                              header_size,
                              mapping_->size));
  }
  buffer_offset_ = 8 + header_size;
  parse_header(std::string(bytes + 8, header_size));
  check_coverage(mapping_->size - buffer_offset_);
}

void SafetensorsFile::parse_header(const std::string& header) {
  const std::string where = path_.string();
  if (header.empty() || header.front() != '{')
    throw DataError(where + ": header does not start with {");
  const Json root = parse_strict(header, where);
  for (const auto& [name, value] : root.items()) {
    const std::string at = where + ": tensor \"" + name + "\"";
    if (!value.is_object()) throw DataError(at + ": an object is wanted");
    if (name == "__metadata__") {
      for (const auto& [key, text] : value.items()) {
        if (!text.is_string())
          throw DataError(where + ": __metadata__ \"" + key + "\": a string is wanted");
        metadata_[key] = text.get<std::string>();
      }
      continue;
    }
    if (!value.contains("dtype") || !value["dtype"].is_string() || !value.contains("shape") ||
        !value.contains("data_offsets") || value["data_offsets"].size() != 2 || value.size() != 3) {
      throw DataError(at + ": dtype, shape and two data_offsets are wanted");
    }
    Entry entry;
    entry.dtype = dtype_of(value["dtype"].get<std::string>(), at);
    std::uint64_t size = torch::elementSize(entry.dtype);
    const Json& shape = value["shape"];
    if (!shape.is_array()) throw DataError(at + ": shape is not a list");
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const std::uint64_t extent = unsigned_at(shape, i, at + ": shape");
      size = checked_multiply(size, extent, at);
      if (extent > static_cast<std::uint64_t>(INT64_MAX))
        throw DataError(at + ": shape is too large");
      entry.shape.push_back(static_cast<std::int64_t>(extent));
    }
    entry.begin = unsigned_at(value["data_offsets"], 0, at + ": data_offsets");
    entry.end = unsigned_at(value["data_offsets"], 1, at + ": data_offsets");
    if (entry.end < entry.begin || entry.end - entry.begin != size) {
      throw DataError(formatted("{}: offsets [{}, {}) do not span the {} bytes of its shape",
                                at,
                                entry.begin,
                                entry.end,
                                size));
    }
    entries_[name] = std::move(entry);
  }
}

void SafetensorsFile::check_coverage(std::uint64_t buffer_size) const {
  std::vector<const Entry*> ordered;
  ordered.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) ordered.push_back(&entry);
  std::sort(ordered.begin(), ordered.end(), [](const Entry* a, const Entry* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  std::uint64_t covered = 0;
  for (const Entry* entry : ordered) {
    if (entry->begin != covered)
      throw DataError(formatted("{}: hole or overlap at byte {} of the tensors", path_, covered));
    covered = entry->end;
  }
  if (covered != buffer_size) {
    throw DataError(formatted(
        "{}: tensors take {} bytes, the file holds {} (truncated?)", path_, covered, buffer_size));
  }
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

bool SafetensorsFile::contains(const std::string& name) const {
  return entries_.contains(name);
}

torch::Tensor SafetensorsFile::tensor(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw DataError(formatted("{}: no tensor \"{}\"", path_, name));
  const Entry& entry = found->second;
  auto* bytes = static_cast<char*>(mapping_->data) + buffer_offset_ + entry.begin;
  const auto options = torch::TensorOptions().dtype(entry.dtype);
  const std::size_t size = entry.end - entry.begin;
  if (size == 0) return torch::empty(entry.shape, options);
  if (reinterpret_cast<std::uintptr_t>(bytes) % torch::elementSize(entry.dtype) != 0) {
    torch::Tensor copy = torch::empty(entry.shape, options);  // a foreign file need not be aligned
    std::memcpy(copy.data_ptr(), bytes, size);
    return copy;
  }
  return torch::from_blob(
      bytes, entry.shape, [keep = mapping_](void*) {}, options);
}

NamedTensors load_safetensors(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  NamedTensors tensors;
  for (const std::string& name : file.names()) tensors[name] = file.tensor(name).clone();
  return tensors;
}

void save_safetensors(const std::filesystem::path& path, const NamedTensors& tensors) {
  OrderedJson header = {{"__metadata__", {{"format", "pt"}}}};
  std::vector<torch::Tensor> stored;
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    stored.push_back(tensor.detach().to(torch::kCPU).contiguous());
    const std::uint64_t end = offset + stored.back().nbytes();
    header[name] = {{"dtype", name_of(tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = dump_json(header);
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  const std::uint64_t size = text.size();
  std::vector<std::string_view> parts = {{reinterpret_cast<const char*>(&size), sizeof size}, text};
  for (const torch::Tensor& tensor : stored)
    parts.emplace_back(static_cast<const char*>(tensor.data_ptr()), tensor.nbytes());
  write_file(path, parts);
}

}  // namespace vragent::nn

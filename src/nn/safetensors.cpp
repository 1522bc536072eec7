// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/safetensors.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <string_view>

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
constexpr int kMaxDepth = 4;
constexpr std::size_t kMaxTensors =
    200'000;  // a file of the largest published models has a few thousand
constexpr std::size_t kMaxExtents = 64;
/// How the small file begins that stands for a large one where Git LFS has not fetched it.
constexpr std::string_view kLfsPointer = "version https://git-lfs";

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

std::uint64_t unsigned_at(const Json& list, std::size_t index, const std::string& where) {
  if (!list.is_array() || list.size() <= index || !list[index].is_number_unsigned()) {
    throw DataError(where + ": a list of whole numbers >= 0 is wanted");
  }
  return list[index].get<std::uint64_t>();
}

/// Lets go of the mapping that a tensor has kept alive; its address marks tensors of mapped files.
void forget_mapping(void* kept) {
  const std::unique_ptr<std::shared_ptr<void>> owner(static_cast<std::shared_ptr<void>*>(kept));
}

/// Extents whose product, zeros counted as ones, fits 63 bits: torch computes strides from them.
std::vector<std::int64_t> shape_of(const Json& list, const std::string& where) {
  if (!list.is_array()) throw DataError(where + ": shape is not a list");
  if (list.size() > kMaxExtents)
    throw DataError(formatted("{}: {} extents in one shape", where, list.size()));
  std::vector<std::int64_t> shape;
  std::uint64_t product = 1;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::uint64_t extent = unsigned_at(list, i, where + ": shape");
    product = checked_multiply(product, std::max<std::uint64_t>(extent, 1), where);
    shape.push_back(static_cast<std::int64_t>(extent));
  }
  if (product > static_cast<std::uint64_t>(INT64_MAX))
    throw DataError(where + ": shape is too large");
  return shape;
}

}  // namespace

std::string format_name(torch::Dtype dtype) {
  for (const DtypeName& known : kDtypes) {
    if (dtype == known.dtype) return known.name;
  }
  throw std::logic_error("safetensors: dtype has no name in the format");
}

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
    const int descriptor =
        ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe would make it wait
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

/// Takes entries while the text is read and drops them at once: a huge header costs no tree of
/// JSON.
class SafetensorsFile::HeaderReader {
 public:
  explicit HeaderReader(SafetensorsFile& file) : file_(file), where_(file.path_.string()) {}

  void read(std::string_view header) {
    if (header.empty() || header.front() != '{')
      throw DataError(where_ + ": header does not start with {");
    if (header.find('\0') != std::string_view::npos)  // nlohmann takes it for the end
      throw DataError(where_ + ": header is not JSON: a NUL byte");
    const Json::parser_callback_t watch = [&](int depth, Event event, Json& value) {
      return keep(depth, event, value);
    };
    try {
      const Json dropped = Json::parse(header, watch);
    } catch (const Json::exception& error) {
      throw DataError(where_ + ": header is not JSON: " + error.what());
    }
  }

 private:
  using Event = Json::parse_event_t;

  /// What the parser asks of each piece: whether to keep it.
  bool keep(int depth, Event event, const Json& value) {
    if (depth > kMaxDepth) throw DataError(where_ + ": header is nested too deeply");
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key) note_key(depth, value.get_ref<const std::string&>());
    const bool is_whole =
        event == Event::object_end || event == Event::array_end || event == Event::value;
    if (depth != 1 || !is_whole) return true;
    take(value);
    return false;
  }

  /// A lenient reader would let repeated names pass.
  void note_key(int depth, const std::string& key) {
    if (!keys_.back().insert(key).second)
      throw DataError(where_ + ": duplicate name \"" + key + "\" in the header");
    if (depth == 1) name_ = key;
    if (keys_.back().size() > kMaxTensors)
      throw DataError(formatted("{}: more than {} tensors", where_, kMaxTensors));
  }

  void take(const Json& value) {
    const std::string at = where_ + ": tensor \"" + name_ + "\"";
    if (!value.is_object()) throw DataError(at + ": an object is wanted");
    if (name_ == "__metadata__") {
      take_metadata(value);
    } else {
      file_.entries_[name_] = entry_of(value, at);
    }
  }

  void take_metadata(const Json& value) {
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string())
        throw DataError(where_ + ": __metadata__ \"" + key + "\": a string is wanted");
      file_.metadata_[key] = text.get<std::string>();
    }
  }

  static Entry entry_of(const Json& value, const std::string& at) {
    if (!value.contains("dtype") || !value["dtype"].is_string() || !value.contains("shape") ||
        !value.contains("data_offsets") || value["data_offsets"].size() != 2 || value.size() != 3) {
      throw DataError(at + ": dtype, shape and two data_offsets are wanted");
    }
    Entry entry;
    entry.dtype = dtype_of(value["dtype"].get<std::string>(), at);
    entry.shape = shape_of(value["shape"], at);
    std::uint64_t size = torch::elementSize(entry.dtype);
    for (const std::int64_t extent : entry.shape)
      size = checked_multiply(size, static_cast<std::uint64_t>(extent), at);
    entry.begin = unsigned_at(value["data_offsets"], 0, at + ": data_offsets");
    entry.end = unsigned_at(value["data_offsets"], 1, at + ": data_offsets");
    if (entry.end < entry.begin || entry.end - entry.begin != size) {
      throw DataError(formatted("{}: offsets [{}, {}) do not span the {} bytes of its shape",
                                at,
                                entry.begin,
                                entry.end,
                                size));
    }
    return entry;
  }

  SafetensorsFile& file_;
  std::string where_;
  std::vector<std::set<std::string>> keys_;  ///< of the objects that are open
  std::string name_;                         ///< of the entry under way
};

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : path_(path), mapping_(Mapping::of(path)) {
  const auto* bytes = static_cast<const char*>(mapping_->data);
  if (std::string_view(bytes, mapping_->size).starts_with(kLfsPointer))
    throw DataError(
        formatted("{}: a Git LFS pointer, not the weights: fetch them with git lfs pull", path));
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, bytes, sizeof header_size);
  if (header_size > kMaxHeader || header_size > mapping_->size - 8) {
    throw DataError(formatted("{}: header length {} does not fit the file of {} bytes",
                              path,
                              header_size,
                              mapping_->size));
  }
  buffer_offset_ = 8 + header_size;
  HeaderReader(*this).read({bytes + 8, header_size});
  check_coverage(mapping_->size - buffer_offset_);
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

std::uint64_t SafetensorsFile::num_bytes() const {
  return mapping_->size - buffer_offset_;
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
  auto kept = std::make_unique<std::shared_ptr<void>>(mapping_);
  return at::for_blob(bytes, entry.shape)
      .context(kept.release(), &forget_mapping)
      .options(options)
      .make_tensor();
}

void drop_pages(const torch::Tensor& tensor) {
  if (!tensor.defined() || tensor.numel() == 0 || !tensor.is_contiguous() ||
      tensor.storage().data_ptr().get_deleter() != &forget_mapping)
    return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr());
  const std::uintptr_t begin = first / page * page;
  ::madvise(reinterpret_cast<void*>(begin), first + tensor.nbytes() - begin, MADV_DONTNEED);
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
    header[name] = {{"dtype", format_name(tensor.scalar_type())},
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

// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
// The only writer of files in the project, and the door to zlib.
#include "vragent/util/files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/random.h"
#include "vragent/util/text.h"

namespace vragent {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxLine = 64U << 20U;
constexpr std::size_t kBufferSize = 1U << 16U;

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}

  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }

  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int get() const { return value_; }

 private:
  int value_;
};

Error io_error(ExitCode code, const char* what, const fs::path& path) {
  return {code, formatted("{}: {}: {}", path, what, std::strerror(errno))};
}

ExitCode open_failure() {
  return errno == ENOENT ? ExitCode::kNoInput : ExitCode::kIo;
}

std::string read_all(const Descriptor& descriptor, const fs::path& path) {
  std::string content;
  std::string buffer(kBufferSize, '\0');
  while (true) {
    const ssize_t got = ::read(descriptor.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw io_error(ExitCode::kIo, "cannot read", path);
    if (got == 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

void write_all(int descriptor, std::string_view content, const fs::path& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw io_error(ExitCode::kIo, "cannot write", path);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

void sync_path(const fs::path& path) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0 || ::fsync(descriptor.get()) != 0) {
    if (errno == EINVAL || errno == EBADF) return;  // not every file system syncs folders
    throw io_error(ExitCode::kIo, "cannot sync", path);
  }
}

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

constexpr std::string_view kHalfWritten = ".tmp-";

/// A name beside `path` that no reader looks at; short, because path's own name may take all 255
/// bytes.
fs::path beside(const fs::path& path) {
  const std::string name = to_hex(hash_text(path.filename().native()));
  return parent_of(path) / formatted("{}{}-{}", kHalfWritten, name, ::getpid());
}

/// Cuts a file back to its last line feed: a killed run may have left a torn line.
void cut_torn_line(int descriptor, const fs::path& path) {
  off_t size = ::lseek(descriptor, 0, SEEK_END);
  char last = '\n';
  while (size > 0) {
    if (::pread(descriptor, &last, 1, size - 1) != 1)
      throw io_error(ExitCode::kIo, "cannot read", path);
    if (last == '\n') break;
    --size;
  }
  if (::ftruncate(descriptor, size) != 0 || ::lseek(descriptor, 0, SEEK_END) < 0) {
    throw io_error(ExitCode::kIo, "cannot cut back to whole lines", path);
  }
}

/// The file that a link at `path` leads to, else `path`: a rename would put a file in place of the
/// link. @throws Error (73) where a device, a pipe or a socket is
fs::path behind_link(const fs::path& path) {
  std::error_code code;
  if (fs::is_other(fs::status(path, code))) {
    throw Error(ExitCode::kCannotCreate,
                formatted("{}: is a device or a pipe, no file that could be replaced", path));
  }
  if (!fs::is_symlink(fs::symlink_status(path, code))) return path;
  const fs::path target = fs::canonical(path, code);
  return code ? path : target;
}

/// Writes a sibling and renames it into place; synced, the disk has file and name then.
void write_beside(const fs::path& named, const std::vector<std::string_view>& parts, bool synced) {
  const fs::path path = behind_link(named);
  make_folder(parent_of(path));
  const fs::path temporary = beside(path);
  try {
    const Descriptor descriptor(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (descriptor.get() < 0) throw io_error(ExitCode::kCannotCreate, "cannot create", path);
    for (const std::string_view part : parts) write_all(descriptor.get(), part, path);
    if (synced && ::fsync(descriptor.get()) != 0)
      throw io_error(ExitCode::kIo, "cannot sync", path);
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
      throw io_error(ExitCode::kIo, "cannot rename into place", path);
    }
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  if (synced) sync_path(parent_of(path));
}

}  // namespace

std::string read_file(const fs::path& path) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0) throw io_error(open_failure(), "cannot open", path);
  return read_all(descriptor, path);
}

std::string read_regular_file(const fs::path& path, std::uintmax_t max_bytes) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.get() < 0) throw io_error(open_failure(), "cannot open", path);
  struct stat info = {};
  if (::fstat(descriptor.get(), &info) != 0 || !S_ISREG(info.st_mode))
    throw DataError(formatted("{}: not a regular file", path));
  const auto size = static_cast<std::uintmax_t>(info.st_size);
  if (size > max_bytes)
    throw DataError(formatted(
        "{}: {} bytes, more than the {} that such a file may have", path, size, max_bytes));
  return read_all(descriptor, path);
}

void make_folder(const fs::path& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (code)
    throw Error(ExitCode::kCannotCreate, formatted("{}: cannot create: {}", path, code.message()));
}

void write_file(const fs::path& path, std::string_view content) {
  write_file(path, std::vector<std::string_view>{content});
}

void write_file(const fs::path& path, const std::vector<std::string_view>& parts) {
  write_beside(path, parts, true);
}

void write_file_unsynced(const fs::path& path, std::string_view content) {
  write_beside(path, {content}, false);
}

void append_file(const fs::path& path, std::string_view content) {
  make_folder(parent_of(path));
  const Descriptor descriptor(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (descriptor.get() < 0)
    throw io_error(ExitCode::kCannotCreate, "cannot open for writing", path);
  write_all(descriptor.get(), content, path);
}

namespace {

/// Two existing names change places at once. @return false where one is missing or the file system
/// cannot do that
bool exchange(const fs::path& a, const fs::path& b) {
  return renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
}

constexpr std::string_view kOld = ".tmp-old-";  ///< the name of a folder that is replaced follows

/// Names a replaced folder again whose place was never taken.
void put_back(const fs::path& old) {
  const fs::path path = parent_of(old) / old.filename().string().substr(kOld.size());
  if (!fs::exists(path)) fs::rename(old, path);
}

}  // namespace

void write_folder(const fs::path& path, const std::function<void(const fs::path&)>& fill) {
  make_folder(parent_of(path));
  const fs::path temporary = beside(path);
  const fs::path old = parent_of(path) / (std::string(kOld) + path.filename().string());
  std::error_code ignored;  // the name may be too long for one more that is longer
  fs::remove_all(temporary);
  try {
    if (fs::exists(old, ignored)) put_back(old);
    make_folder(temporary);
    fill(temporary);
    for (const auto& entry : fs::recursive_directory_iterator(temporary)) sync_path(entry.path());
    sync_path(temporary);
    if (exchange(temporary, path)) {
      fs::remove_all(temporary);
    } else {
      fs::remove_all(old, ignored);
      if (fs::exists(path)) fs::rename(path, old);
      fs::rename(temporary, path);
    }
  } catch (const fs::filesystem_error& error) {
    fs::remove_all(temporary, ignored);
    throw Error(ExitCode::kIo, formatted("{}: {}", path, error.code().message()));
  } catch (...) {
    fs::remove_all(temporary, ignored);
    throw;
  }
  sync_path(parent_of(path));
  fs::remove_all(old, ignored);
}

void remove_half_written(const fs::path& folder) {
  std::vector<fs::path> left;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with(kHalfWritten)) left.push_back(entry.path());
  }
  for (const fs::path& path : left) {
    if (path.filename().string().starts_with(kOld)) put_back(path);
    fs::remove_all(path);
  }
}

struct LineReader::Impl {
  fs::path path;
  gzFile file = nullptr;
  std::string buffer;
  std::size_t begin = 0;
  std::int64_t line = 0;

  ~Impl() {
    if (file != nullptr) gzclose_r(file);
  }

  /// Appends a block to the buffer; false at the end of the file.
  bool fill() {
    buffer.erase(0, begin);
    begin = 0;
    const std::size_t old = buffer.size();
    buffer.resize(old + kBufferSize);
    const int got = gzread(file, buffer.data() + old, kBufferSize);
    buffer.resize(old + static_cast<std::size_t>(std::max(got, 0)));
    if (got <= 0) check_state();
    return got > 0;
  }

  /// A cut or damaged gzip file is noticed at its end. @throws DataError, Error (74)
  void check_state() {
    int code = 0;
    const std::string text = gzerror(file, &code);
    if (code == Z_OK || code == Z_STREAM_END) return;
    if (code == Z_ERRNO) {
      throw Error(ExitCode::kIo, formatted("{}: cannot read: {}", path, std::strerror(errno)));
    }
    throw DataError(formatted("{}: line {}: the gzip data is cut or damaged", path, line + 1));
  }
};

LineReader::LineReader(const fs::path& path) : impl_(std::make_unique<Impl>()) {
  impl_->path = path;
  if (path != "-" && fs::is_directory(path)) {
    throw Error(ExitCode::kNoInput, formatted("{}: is a folder, a file is wanted", path));
  }
  const int descriptor =
      path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw io_error(open_failure(), "cannot open", path);
  impl_->file = gzdopen(descriptor, "rb");
  if (impl_->file == nullptr) {
    ::close(descriptor);
    throw Error(ExitCode::kIo, formatted("{}: cannot read: out of memory", path));
  }
}

LineReader::~LineReader() = default;
LineReader::LineReader(LineReader&&) noexcept = default;

bool LineReader::next(std::string& line) {
  Impl& in = *impl_;
  std::size_t searched = in.begin;
  std::size_t end = in.buffer.find('\n', searched);
  while (end == std::string::npos) {
    searched = in.buffer.size() - in.begin;
    if (searched > kMaxLine) {
      throw DataError(formatted("{}:{}: line longer than 64 MiB", in.path, in.line + 1));
    }
    if (!in.fill()) break;
    end = in.buffer.find('\n', searched);
  }
  if (end == std::string::npos && in.begin == in.buffer.size()) return false;
  const std::size_t stop = end == std::string::npos ? in.buffer.size() : end;
  line.assign(in.buffer, in.begin, stop - in.begin);
  in.begin = end == std::string::npos ? stop : end + 1;
  if (++in.line == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

std::int64_t LineReader::line_number() const {
  return impl_->line;
}

std::string LineReader::where() const {
  return formatted("{}:{}", impl_->path, impl_->line);
}

void for_each_line(const fs::path& path,
                   const std::function<void(const std::string&, const std::string&)>& use) {
  LineReader reader(path);
  std::string line;
  while (reader.next(line)) {
    if (!trim(line).empty()) use(line, reader.where());
  }
}

LineWriter::LineWriter(const fs::path& path, Mode mode) : path_(path == "-" ? "stdout" : path) {
  if (path == "-") {
    descriptor_ = ::dup(STDOUT_FILENO);
  } else {
    make_folder(parent_of(path));
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | (mode == Mode::kReplace ? O_TRUNC : 0);
    descriptor_ = ::open(path.c_str(), flags, 0644);
  }
  if (descriptor_ < 0) throw io_error(ExitCode::kCannotCreate, "cannot open for writing", path);
  if (path != "-" && mode == Mode::kAppend) cut_torn_line(descriptor_, path);
}

LineWriter::~LineWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

LineWriter::LineWriter(LineWriter&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

void LineWriter::write(std::string_view line) {
  std::string whole(line);
  whole += '\n';
  const off_t begin = path_ == "stdout" ? -1 : ::lseek(descriptor_, 0, SEEK_CUR);
  try {
    write_all(descriptor_, whole, path_);
  } catch (const Error&) {
    // Whole lines only, also on a full disk; if this fails too, the next run cuts the torn line.
    [[maybe_unused]] const int cut = begin >= 0 ? ::ftruncate(descriptor_, begin) : 0;
    throw;
  }
}

FolderLock::FolderLock(const fs::path& folder) {
  make_folder(folder);
  const fs::path path = folder / ".lock";
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw io_error(ExitCode::kCannotCreate, "cannot create", path);
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    ::close(descriptor_);
    throw Error(
        ExitCode::kTryAgain,
        formatted("{}: another process is writing here; wait or choose another --out", folder));
  }
}

FolderLock::~FolderLock() {
  ::close(descriptor_);
}

}  // namespace vragent

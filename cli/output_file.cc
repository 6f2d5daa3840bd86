// SPDX-License-Identifier: Apache-2.0
//
// Plain write(2): what the disk refuses is known at once, and there is no buffer that could be lost.
#include "cli/output_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace kqlc::cli {

namespace {

Error error_of(const std::string& path) {
  return {ErrorCode::Io, (path.empty() ? "standard output" : path) + ": " + std::strerror(errno)};
}

// A pipe of the usual 64 KB makes writer and reader wait for each other some fifty times in an answer of 3
// MB. Where the system allows no larger one it stays as it is; what is no pipe is not touched.
void widen_pipe(int descriptor) {
  constexpr int kBytes = 1 << 20;  // the most that a user may have without being asked, pipe(7)
  fcntl(descriptor, F_SETPIPE_SZ, kBytes);
}

}  // namespace

OutputFile::OutputFile(std::string path, std::string temporary, int descriptor)
    : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor) {}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      descriptor_(other.descriptor_),
      reader_gone_(other.reader_gone_) {
  other.descriptor_ = -1;
  other.temporary_.clear();
}

OutputFile::~OutputFile() {
  if (temporary_.empty()) {
    if (descriptor_ > STDERR_FILENO) close(descriptor_);
    return;
  }
  close(descriptor_);
  unlink(temporary_.c_str());
}

Result<OutputFile> OutputFile::open(const std::string& path) {
  if (path.empty()) {
    widen_pipe(STDOUT_FILENO);
    return OutputFile("", "", STDOUT_FILENO);
  }
  // What is no plain file (a device, a pipe) cannot be renamed over.
  struct stat status;
  bool is_special = stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
  std::string temporary = is_special ? "" : path + "." + std::to_string(getpid()) + ".tmp";
  int flags = O_WRONLY | O_CLOEXEC | (is_special ? 0 : O_CREAT | O_TRUNC);
  int descriptor = ::open(is_special ? path.c_str() : temporary.c_str(), flags, 0666);
  if (descriptor < 0) return error_of(path);
  return OutputFile(path, std::move(temporary), descriptor);
}

Result<void> OutputFile::write(std::string_view bytes) {
  while (!bytes.empty() && !reader_gone_) {
    ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EPIPE) {
      reader_gone_ = true;
      return {};
    }
    if (count < 0) return Error{ErrorCode::Io, std::strerror(errno)};
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

bool OutputFile::is_reader_gone() const {
  pollfd end{descriptor_, 0, 0};
  return reader_gone_ || (poll(&end, 1, 0) > 0 && (end.revents & POLLERR));
}

Result<void> OutputFile::commit() {
  if (temporary_.empty()) return {};
  int closed = close(descriptor_);
  descriptor_ = -1;
  if (closed != 0 || std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    Error error = error_of(path_);
    unlink(temporary_.c_str());
    temporary_.clear();
    return error;
  }
  temporary_.clear();
  return {};
}

}  // namespace kqlc::cli

// SPDX-License-Identifier: Apache-2.0
//
// A file that was redirected is used where it is; a pipe is copied.
#include "cli/standard_input.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "cli/interrupt.h"

namespace kqlc::cli {

namespace {

std::string standard_input_path;

Error error_of(const std::string& what) { return {ErrorCode::Io, what + ": " + std::strerror(errno)}; }

// A file without a name; its descriptor stays open until the program ends.
Result<int> open_temporary() {
  const char* folder = std::getenv("TMPDIR");
  std::string path = std::string(folder && *folder ? folder : "/tmp") + "/kqlc-XXXXXX";
  int descriptor = mkstemp(path.data());
  if (descriptor < 0) return error_of(path);
  unlink(path.c_str());
  return descriptor;
}

Result<void> copy_to(int out) {
  std::vector<char> buffer(size_t{1} << 20);
  while (!interrupted()) {
    ssize_t count = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return error_of("standard input");
    if (count == 0) break;
    for (ssize_t done = 0; done < count;) {
      ssize_t written = write(out, buffer.data() + done, static_cast<size_t>(count - done));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return error_of("standard input cannot be kept in a temporary file");
      done += written;
    }
  }
  return {};
}

}  // namespace

Result<void> take_standard_input(std::vector<std::string>& paths) {
  if (std::find(paths.begin(), paths.end(), "-") == paths.end()) return {};
  int descriptor = STDIN_FILENO;
  struct stat status;
  if (fstat(STDIN_FILENO, &status) != 0) return error_of("standard input");
  if (!S_ISREG(status.st_mode)) {
    KQLC_TRY_ASSIGN(descriptor, open_temporary());
    KQLC_TRY(copy_to(descriptor));
  }
  standard_input_path = "/proc/self/fd/" + std::to_string(descriptor);
  std::replace(paths.begin(), paths.end(), std::string("-"), standard_input_path);
  return {};
}

std::string name_standard_input(std::string text) {
  if (standard_input_path.empty()) return text;
  for (size_t at = 0; (at = text.find(standard_input_path, at)) != std::string::npos;)
    text.replace(at, standard_input_path.size(), "standard input");
  return text;
}

}  // namespace kqlc::cli

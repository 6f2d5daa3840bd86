// SPDX-License-Identifier: Apache-2.0
//
// The end of a process that found a bug of ours: one message on stderr that says where and what, then abort.
#include "runtime/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace kqlc {

void check_failed(const char* file, int line, const char* condition, std::string_view message) noexcept {
  std::fprintf(stderr, "kqlc: internal error: %.*s\n  check `%s` failed at %s:%d\n",
               static_cast<int>(message.size()), message.data(), condition, file, line);
  std::abort();
}

}  // namespace kqlc

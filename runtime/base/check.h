// SPDX-License-Identifier: Apache-2.0
//
// KQLC_CHECK: states an invariant of ours. In: a condition and what it means. Out: nothing, or the process
// ends with the place and the reason. This is the error channel for our own bugs only; a rule author's
// mistake is a Diagnostic, the environment's a Result, bad data a counter of the scan report.
#pragma once

#include <string_view>

namespace kqlc {

// Prints the place and the message on stderr and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               std::string_view message) noexcept;

}  // namespace kqlc

#define KQLC_CHECK(condition, message)                               \
  do {                                                               \
    if (!(condition)) [[unlikely]]                                   \
      ::kqlc::check_failed(__FILE__, __LINE__, #condition, message); \
  } while (false)

#define KQLC_UNREACHABLE(message) ::kqlc::check_failed(__FILE__, __LINE__, "unreachable", message)

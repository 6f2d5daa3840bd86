// SPDX-License-Identifier: Apache-2.0
//
// What is said where a query keeps more than it may. In: the limit, and what has grown. Out: the message, the
// same for kernels and the reference executor.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kqlc {

// `what` is in the plural: "the groups of summarize".
inline std::string say_memory_limit(size_t limit, std::string_view what) {
  return "the memory limit of " + std::to_string(limit) +
         " bytes (--memory-limit) is reached; most of it are " + std::string(what);
}

}  // namespace kqlc

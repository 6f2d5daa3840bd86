// SPDX-License-Identifier: Apache-2.0
//
// The unit in which caches hand memory from core to core.
#pragma once

#include <cstddef>

namespace kqlc {

// Bytes. What one thread writes while others read or write beside it is aligned to this, else each write takes
// the line from them.
inline constexpr size_t kCacheLine = 64;

}  // namespace kqlc

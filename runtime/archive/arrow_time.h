// SPDX-License-Identifier: Apache-2.0
//
// Units of Arrow's and Parquet's times as ticks of KQL. In: a number and its unit. Out: ticks of 100 ns, a
// datetime's since year 1. What is finer than a tick is cut toward the past.
#pragma once

#include <cstdint>

#include "runtime/value/datetime.h"

namespace kqlc::archive {

// `scale`: ticks of one unit; 0 for nanoseconds, which are a hundredth of a tick. Returns false where the
// result does not fit.
inline bool to_ticks(int64_t value, int64_t scale, int64_t* ticks) {
  if (scale) return !__builtin_mul_overflow(value, scale, ticks);
  *ticks = value / 100 - (value % 100 < 0);
  return true;
}

// The ticks of a datetime so many units after 1970. Returns false, and any ticks, where there is none.
inline bool datetime_ticks(int64_t value, int64_t scale, int64_t* ticks) {
  return to_ticks(value, scale, ticks) && !__builtin_add_overflow(*ticks, datetime::kUnixEpochTicks, ticks) &&
         datetime::in_range(*ticks);
}

}  // namespace kqlc::archive

// SPDX-License-Identifier: Apache-2.0
//
// A loop that threads share. In: how many places, how many threads, what to do for a place. Out: it is done
// for each, on any of the threads, in no order.
#pragma once

#include <cstddef>
#include <functional>

namespace kqlc {

// Calls work(place, thread) for each place below `count`; `thread` is below `threads` (at least one is used),
// and 0 the caller's.
void side_by_side(size_t count, size_t threads, const std::function<void(size_t place, size_t thread)>& work);

}  // namespace kqlc

// SPDX-License-Identifier: Apache-2.0
//
// Threads take the next place when they are done with one, since places take unlike times.
#include "runtime/base/side_by_side.h"

#include <algorithm>
#include <atomic>

#include "runtime/base/threads.h"

namespace kqlc {

void side_by_side(size_t count, size_t threads, const std::function<void(size_t, size_t)>& work) {
  std::atomic<size_t> next{0};
  on_threads(std::min(count, threads), [&](size_t thread) {
    for (size_t place = next++; place < count; place = next++) work(place, thread);
  });
}

}  // namespace kqlc

// SPDX-License-Identifier: Apache-2.0
//
// Threads take the next place when they are done with one, since places take unlike times.
#include "runtime/base/side_by_side.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace kqlc {

void side_by_side(size_t count, size_t threads, const std::function<void(size_t, size_t)>& work) {
  std::atomic<size_t> next{0};
  auto run = [&](size_t thread) {
    for (size_t place = next++; place < count; place = next++) work(place, thread);
  };
  std::vector<std::thread> others;
  for (size_t i = 1; i < std::min(count, threads); ++i) others.emplace_back(run, i);
  run(0);
  for (std::thread& other : others) other.join();
}

}  // namespace kqlc

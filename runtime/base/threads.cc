// SPDX-License-Identifier: Apache-2.0
//
// std::thread says by an exception that there is none; it is caught here and nowhere else.
#include "runtime/base/threads.h"

#include <system_error>
#include <utility>
#include <vector>

namespace kqlc {

std::thread start_thread(std::function<void()> work) {
  try {
    return std::thread(std::move(work));
  } catch (const std::system_error&) {
    return {};
  }
}

void on_threads(size_t threads, const std::function<void(size_t)>& work) {
  std::vector<std::thread> others;
  for (size_t i = 1; i < threads; ++i) {
    std::thread other = start_thread([&work, i] { work(i); });
    if (!other.joinable()) break;
    others.push_back(std::move(other));
  }
  work(0);
  for (std::thread& other : others) other.join();
}

}  // namespace kqlc

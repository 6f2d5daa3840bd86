// SPDX-License-Identifier: Apache-2.0
//
// std::thread says by an exception that there is none; it is caught here and nowhere else.
#include "runtime/base/threads.h"

#include <sched.h>

#include <system_error>
#include <utility>
#include <vector>

namespace kqlc {

void CpuClaims::settle() {
  const int own = sched_getcpu();
  if (own < 0 || own >= CPU_SETSIZE || take(static_cast<size_t>(own))) return;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (size_t i = 1; i < CPU_SETSIZE; ++i) {
    const size_t other = (static_cast<size_t>(own) + i) % CPU_SETSIZE;
    if (!CPU_ISSET(other, &allowed) || !take(other)) continue;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(other, &only);
    if (sched_setaffinity(0, sizeof only, &only) == 0) sched_setaffinity(0, sizeof allowed, &allowed);
    return;
  }
}

std::thread start_thread(std::function<void()> work) {
  try {
    return std::thread(std::move(work));
  } catch (const std::system_error&) {
    return {};
  }
}

void on_threads(size_t threads, const std::function<void(size_t)>& work) {
  if (threads < 2) return work(0);
  CpuClaims cpus;
  cpus.settle();
  std::vector<std::thread> others;
  for (size_t i = 1; i < threads; ++i) {
    std::thread other = start_thread([&work, &cpus, i] {
      cpus.settle();
      work(i);
    });
    if (!other.joinable()) break;
    others.push_back(std::move(other));
    sched_yield();  // if it was started on this CPU, it moves away now and not when this thread has had its
                    // turn
  }
  work(0);
  for (std::thread& other : others) other.join();
}

}  // namespace kqlc

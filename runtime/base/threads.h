// SPDX-License-Identifier: Apache-2.0
//
// Threads that the system may refuse: where it gives none (a limit on processes, no memory), whoever asked
// does the work himself. Threads that work side by side start on CPUs of their own.
#pragma once

#include <sched.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>

namespace kqlc {

// Which CPUs threads that start together have taken. In a virtual machine the kernel takes a CPU that has
// been idle for long for one that the host runs something else on, starts a thread beside its creator and
// leaves both there for many milliseconds: longer than a short scan takes.
class CpuClaims {
 public:
  // Takes the CPU that the calling thread runs on. Where another thread has, moves to the next one that it
  // may run on and nobody has taken, if there is one; the kernel is free to move it again.
  void settle();

 private:
  bool take(size_t cpu) { return !taken_[cpu].exchange(true, std::memory_order_relaxed); }

  std::array<std::atomic<bool>, CPU_SETSIZE> taken_{};
};

// Starts work() on a thread of its own. Returns one that is not joinable where the system gives none.
std::thread start_thread(std::function<void()> work);

// Calls work(thread) for each number below `threads`, 0 on the caller's thread and the others each on one of
// its own, and returns when all are done. What the system gives no thread for is not called, so the calls
// have to share what there is to do: each goes on until nothing is left.
void on_threads(size_t threads, const std::function<void(size_t thread)>& work);

}  // namespace kqlc

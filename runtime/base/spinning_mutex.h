// SPDX-License-Identifier: Apache-2.0
//
// A mutex for what is held for microseconds, now and then for a millisecond. Whoever waits stays awake for
// about that long: a thread that sleeps is woken late, and in a virtual machine on the CPU of the thread that
// wakes it, even if its own is idle.
#pragma once

#include <sched.h>

#include <atomic>
#include <mutex>

namespace kqlc {

class SpinningMutex {
 public:
  void lock() {
    for (int turn = 0; turn < kTurns; ++turn) {
      if (!held_.load(std::memory_order_relaxed) && try_lock()) return;
      if (turn >= kTurnsAlone) sched_yield();  // whoever holds it may be waiting for this CPU
    }
    mutex_.lock();
    held_.store(true, std::memory_order_relaxed);
  }

  bool try_lock() {
    if (!mutex_.try_lock()) return false;
    held_.store(true, std::memory_order_relaxed);
    return true;
  }

  void unlock() {
    held_.store(false, std::memory_order_relaxed);
    mutex_.unlock();
  }

 private:
  static constexpr int kTurnsAlone = 64;
  static constexpr int kTurns = 4000;  // 1 to 2 milliseconds

  std::mutex mutex_;
  std::atomic<bool> held_{false};  // a hint, which is read without taking the line from whoever holds it
};

}  // namespace kqlc

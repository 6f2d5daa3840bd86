// SPDX-License-Identifier: Apache-2.0
//
// Stopwatch: where the CPU time of a thread goes. In: counters, of which one runs at a time: who begins a
// step inside another stops the outer one. Out: nanoseconds of CPU in each. A clock is read where a step
// begins and ends, and nowhere without a watch.
#pragma once

#include <cstdint>
#include <ctime>
#include <utility>

namespace kqlc {

// CPU time of the calling thread, in nanoseconds.
inline uint64_t thread_nanoseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

// Of one thread at a time; another may take it over while no counter runs.
class Stopwatch {
 public:
  // Charges what has gone by to the counter that ran, and lets another run (nullptr: none). Returns the one
  // before.
  uint64_t* turn(uint64_t* counter) {
    const uint64_t now = thread_nanoseconds();
    if (counter_) {
      *counter_ += now - since_;
      total_ += now - since_;
    }
    since_ = now;
    return std::exchange(counter_, counter);
  }
  // All that was charged.
  uint64_t total() const { return total_; }

 private:
  uint64_t* counter_ = nullptr;
  uint64_t since_ = 0, total_ = 0;
};

// Lets a counter run as long as it lives. Without a watch it does nothing.
class Measured {
 public:
  Measured(Stopwatch* watch, uint64_t* counter)
      : watch_(watch), before_(watch ? watch->turn(counter) : nullptr) {}
  Measured(const Measured&) = delete;
  Measured& operator=(const Measured&) = delete;
  ~Measured() {
    if (watch_) watch_->turn(before_);
  }

 private:
  Stopwatch* watch_;
  uint64_t* before_;
};

}  // namespace kqlc

// SPDX-License-Identifier: Apache-2.0
//
// Threads that work side by side: on which CPUs they start, and the mutex that they share for moments.
#include "runtime/base/threads.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/base/spinning_mutex.h"

namespace kqlc {
namespace {

cpu_set_t allowed_cpus() {
  cpu_set_t allowed;
  EXPECT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  return allowed;
}

// The kernel may move a thread at any time, so that no single try tells; without a second CPU there is
// nothing to move to.
TEST(Threads, SettleWhereNoneOfThemIs) {
  const cpu_set_t allowed = allowed_cpus();
  if (CPU_COUNT(&allowed) < 2) GTEST_SKIP() << "one CPU";
  constexpr int kTries = 100;
  int moved = 0;
  for (int i = 0; i < kTries; ++i) {
    CpuClaims cpus;
    cpus.settle();
    const int first = sched_getcpu();
    cpus.settle();
    moved += sched_getcpu() != first;
  }
  EXPECT_GT(moved, kTries / 2);
}

TEST(Threads, MayRunWhereTheirCreatorMay) {
  const cpu_set_t allowed = allowed_cpus();
  constexpr size_t kThreads = 8;  // more than there are CPUs, perhaps
  std::vector<cpu_set_t> seen(kThreads, allowed);
  for (int i = 0; i < 20; ++i) on_threads(kThreads, [&](size_t thread) { seen[thread] = allowed_cpus(); });
  for (const cpu_set_t& own : seen) EXPECT_TRUE(CPU_EQUAL(&own, &allowed));
  const cpu_set_t own = allowed_cpus();
  EXPECT_TRUE(CPU_EQUAL(&own, &allowed));
}

TEST(Threads, HaveTheMutexOneByOne) {
  SpinningMutex mutex;
  std::atomic<int> inside{0};
  int64_t entered = 0;
  constexpr int kTurns = 20'000;
  constexpr size_t kThreads = 4;
  on_threads(kThreads, [&](size_t) {
    for (int i = 0; i < kTurns; ++i) {
      std::lock_guard lock(mutex);
      EXPECT_EQ(++inside, 1);
      ++entered;
      --inside;
    }
  });
  EXPECT_EQ(entered, kTurns * static_cast<int64_t>(kThreads));
}

// Longer than anybody stays awake for it.
TEST(Threads, WaitForAMutexThatIsHeldForLong) {
  SpinningMutex mutex;
  mutex.lock();
  EXPECT_FALSE(mutex.try_lock());
  std::atomic<bool> waits{false};
  std::atomic<bool> had{false};
  std::thread other = start_thread([&] {
    waits = true;
    std::lock_guard lock(mutex);
    had = true;
  });
  ASSERT_TRUE(other.joinable());
  while (!waits) sched_yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(had);
  mutex.unlock();
  other.join();
  EXPECT_TRUE(had);
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

}  // namespace
}  // namespace kqlc

// SPDX-License-Identifier: Apache-2.0
//
// Where there is no warm-up: it takes memory and a thread that not each process may have.
#include "cli/warm_up.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

namespace kqlc::cli {
namespace {

// Whether a process with these options, and maybe with a limit of its memory, is seen to have another thread
// after WarmUp. One that ends at once may be missed, so no test waits for it.
bool starts_a_thread(const Options& options, bool is_limited) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limit{rlim_t{1} << 46, RLIM_INFINITY};
    if (is_limited && setrlimit(RLIMIT_AS, &limit) != 0) _exit(2);
    const auto count = [] {
      return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                           std::filesystem::directory_iterator());
    };
    const auto before = count();
    const WarmUp warm_up(options);
    _exit(count() > before);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) < 2) << status;
  return status != 0;
}

TEST(WarmUp, OnlyWhereItMayTakeMemoryAndAThread) {
  Options options;
  options.threads = 2;
  EXPECT_FALSE(starts_a_thread(options, true));
  options.threads = 1;
  EXPECT_FALSE(starts_a_thread(options, false));
  options.threads = 2;
  options.engine = "reference";
  EXPECT_FALSE(starts_a_thread(options, false));
}

}  // namespace
}  // namespace kqlc::cli

// SPDX-License-Identifier: Apache-2.0
//
// Threads that the system may refuse: where it gives none (a limit on processes, no memory), whoever asked
// does the work himself.
#pragma once

#include <cstddef>
#include <functional>
#include <thread>

namespace kqlc {

// Starts work() on a thread of its own. Returns one that is not joinable where the system gives none.
std::thread start_thread(std::function<void()> work);

// Calls work(thread) for each number below `threads`, 0 on the caller's thread and the others each on one of
// its own, and returns when all are done. What the system gives no thread for is not called, so the calls
// have to share what there is to do: each goes on until nothing is left.
void on_threads(size_t threads, const std::function<void(size_t thread)>& work);

}  // namespace kqlc

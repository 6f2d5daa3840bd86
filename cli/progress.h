// SPDX-License-Identifier: Apache-2.0
//
// Progress of a scan on a terminal: a bar with rate and time left on stderr, nothing where stderr is no
// terminal or the scan takes less than half a second. In: a counter of bytes done. Out: one line, rewritten,
// wiped at the end.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/archive/archive.h"

namespace kqlc::cli {

// "[=====>    ]  52%  1.2 of 2.3 GB, 640 MB/s, 2 s left".
std::string print_progress(uint64_t done, uint64_t total, double seconds);

class Progress {
 public:
  explicit Progress(const std::vector<archive::File>& files);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  // Where the scan counts the bytes it is through with.
  std::atomic<uint64_t>* counter() { return &done_; }

 private:
  void show();

  std::atomic<uint64_t> done_{0};
  uint64_t total_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace kqlc::cli

// SPDX-License-Identifier: Apache-2.0
//
// The first query of a process pays for what is done once: LLVM and its passes are set up, and their code
// comes into memory page by page. In: the options of a subcommand that will compile. Out: the same paid
// beforehand, on a thread of its own, by a query of ours that reads nothing, while the program opens schemas
// and data.
#pragma once

#include <thread>

#include "cli/options.h"

namespace kqlc::cli {

class WarmUp {
 public:
  // Begins it, where queries will run as native code, there is a second thread to do it, and the process may
  // take any memory.
  explicit WarmUp(const Options& options);
  // Waits for its end: LLVM must not be at work when the program ends.
  ~WarmUp();

 private:
  std::thread thread_;
};

}  // namespace kqlc::cli

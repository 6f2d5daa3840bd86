// SPDX-License-Identifier: Apache-2.0
//
// Ctrl-C. In: SIGINT and SIGTERM. Out: a flag that scans ask before each chunk, so that what is complete can
// still be given out. The second signal ends the process at once.
#pragma once

#include <atomic>

namespace kqlc::cli {

// Installs the handlers. A closed pipe becomes a failed write.
void install_signal_handlers();

// Whether the user asked to stop; and where that stands.
bool interrupted();
const std::atomic<bool>& stop_flag();

}  // namespace kqlc::cli

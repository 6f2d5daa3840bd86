// SPDX-License-Identifier: Apache-2.0
//
// Handlers that do only what a handler may: set a flag, write, _exit.
#include "cli/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <string_view>

#include "cli/compile.h"

namespace kqlc::cli {

namespace {

std::atomic<bool> asked_to_stop{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void say(std::string_view text) {
  if (write(STDERR_FILENO, text.data(), text.size()) < 0) return;
}

void stop(int) {
  if (asked_to_stop.exchange(true)) {
    say("\nkqlc: interrupted twice, nothing more is written\n");
    _exit(kInterrupted);
  }
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

void install_signal_handlers() {
  handle(SIGINT, stop);
  handle(SIGTERM, stop);
  handle(SIGPIPE, SIG_IGN);
}

const std::atomic<bool>& stop_flag() { return asked_to_stop; }

bool interrupted() { return asked_to_stop.load(std::memory_order_relaxed); }

}  // namespace kqlc::cli

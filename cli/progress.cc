// SPDX-License-Identifier: Apache-2.0
//
// A thread of its own writes the line five times a second, so that the scan never waits for the terminal.
#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "cli/say.h"
#include "runtime/base/threads.h"

namespace kqlc::cli {

namespace {

constexpr size_t kBarWidth = 30;
constexpr auto kDelay = std::chrono::milliseconds(500);
constexpr auto kPeriod = std::chrono::milliseconds(200);

std::string print_bytes(double bytes) {
  const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  size_t unit = 0;
  for (; bytes >= 1000 && unit < 4; ++unit) bytes /= 1000;
  return fmt::format("{:.{}f} {}", bytes, unit == 0 || bytes >= 100 ? 0 : 1, units[unit]);
}

std::string print_seconds(double seconds) {
  auto whole = static_cast<uint64_t>(seconds + 0.5);
  return whole < 90 ? fmt::format("{} s", whole) : fmt::format("{} min", (whole + 30) / 60);
}

}  // namespace

std::string print_progress(uint64_t done, uint64_t total, double seconds) {
  done = std::min(done, total);
  double part = total ? static_cast<double>(done) / static_cast<double>(total) : 1;
  auto filled = static_cast<size_t>(part * kBarWidth);
  std::string bar = std::string(filled, '=') + (filled < kBarWidth ? ">" : "");
  bar.resize(kBarWidth, ' ');
  double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  std::string left = rate > 0 ? print_seconds(static_cast<double>(total - done) / rate) + " left" : "";
  return fmt::format("[{}] {:3.0f}%  {} of {}, {}/s  {}", bar, part * 100,
                     print_bytes(static_cast<double>(done)), print_bytes(static_cast<double>(total)),
                     print_bytes(rate), left);
}

Progress::Progress(const std::vector<archive::File>& files) {
  for (const archive::File& file : files) total_ += file.bytes;
  if (isatty(STDERR_FILENO)) thread_ = start_thread([this] { show(); });
}

Progress::~Progress() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Progress::show() {
  auto start = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  bool shown = false;
  for (auto wait = kDelay; !changed_.wait_for(lock, wait, [this] { return ended_; }); wait = kPeriod) {
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    say("\r\x1b[K{}", print_progress(done_, total_, seconds));
    std::fflush(stderr);
    shown = true;
  }
  if (shown) say("\r\x1b[K");
}

}  // namespace kqlc::cli

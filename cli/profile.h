// SPDX-License-Identifier: Apache-2.0
//
// Profile: what running rules took, gathered while they run when somebody asked (`explain --profile`). In:
// counters that the steps of a run charge through stopwatches (runtime/base/stopwatch.h). Out: CPU time,
// summed over all threads, and rows, of each rule and of each pass over a table, and the wall time of the
// stages. A step inside another is charged to itself alone, so all of them together are the whole.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "runtime/archive/archive.h"
#include "runtime/base/stopwatch.h"
#include "runtime/exec/cost.h"
#include "runtime/exec/program.h"

namespace kqlc::cli {

// Steps of one job. Code that a batch waited for (O0) and the loops stand in JobThread.
enum class Step : uint8_t { Parse, Bind, Optimise, Emit, CodeO2, Merge, Finish, Fetch, Reference };
inline constexpr size_t kNumSteps = 9;

// A pipeline of a kernel in words: "DeviceProcessEvents -> groups 0".
struct PipelineName {
  std::string text;
  bool reads_input = false;
};
std::vector<PipelineName> name_pipelines(const exec::Program& program);

// What one thread of the scan did for a job.
struct JobThread {
  exec::KernelCost kernel;
  uint64_t bounds = 0;                       // ns that finding the rows in --from and --to took
  uint64_t rows = 0;                         // of the batches of its tables
  uint64_t batches = 0, passed_batches = 0;  // handed out; of those without a row that its kernel need see
};

struct JobProfile {
  std::array<uint64_t, kNumSteps> steps{};  // ns
  std::vector<JobThread> threads;
  std::vector<PipelineName> pipelines;  // of the kernel
  bool reference = false;               // it has no native form

  uint64_t& step(Step which) { return steps[static_cast<size_t>(which)]; }
};

// One pass over a table.
struct PassProfile {
  struct Thread {
    uint64_t decode = 0;  // ns: columns made when somebody asked for them
    uint64_t shared = 0;  // ns: conditions decided for all rules, batches handed on
    uint64_t times = 0;   // ns: times kept for the report
  };
  std::string table;
  std::vector<Thread> threads;
  uint64_t read = 0;  // ns: reading, unpacking, columns that are always made
  uint64_t wall = 0;  // ns
  uint64_t file_bytes = 0;
  archive::ScanReport report;
};

// Wall time of the stages, in nanoseconds.
struct StageTimes {
  uint64_t open = 0;     // schemas, the list of files, --now=latest
  uint64_t compile = 0;  // rules to plans
  uint64_t kernels = 0;  // plans to kernels
  uint64_t scan = 0;     // all passes
  uint64_t finish = 0;   // rows of kernels and of the reference executor, fetches
  uint64_t write = 0;
};

struct Profile {
  explicit Profile(int threads) : watches(static_cast<size_t>(threads)) {}
  Stopwatch* watch(size_t thread) { return &watches[thread]; }

  std::deque<Stopwatch> watches;  // one a thread; the first is the main thread's
  std::vector<PassProfile> passes;
  StageTimes wall;
  uint64_t write = 0;  // ns of CPU

  // All that has been charged so far, ns.
  uint64_t total() const {
    uint64_t sum = 0;
    for (const Stopwatch& watch : watches) sum += watch.total();
    return sum;
  }
};

uint64_t wall_nanoseconds();
// CPU time of all threads of the process.
uint64_t process_nanoseconds();

// Adds what a clock shows between its begin and its end to a counter (ns); nothing without one.
template <uint64_t (*kClock)()>
class ClockTime {
 public:
  explicit ClockTime(uint64_t* counter) : counter_(counter), start_(counter ? kClock() : 0) {}
  ClockTime(const ClockTime&) = delete;
  ClockTime& operator=(const ClockTime&) = delete;
  ~ClockTime() {
    if (counter_) *counter_ += kClock() - start_;
  }

 private:
  uint64_t* counter_;
  uint64_t start_;
};
using WallTime = ClockTime<wall_nanoseconds>;
using ProcessTime = ClockTime<process_nanoseconds>;

}  // namespace kqlc::cli

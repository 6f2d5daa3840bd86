// SPDX-License-Identifier: Apache-2.0
//
// SharedScan: one pass over each table for many rules. In: kernels and the jobs they run for. Out: the jobs'
// rows. The one idea: a table is read once with the union of the columns that its kernels want, and each
// kernel is shown the batch with its own columns in its own order; each has one state a thread, merged at the
// end. Kernels with joins need several phases, so a table may be read once a phase; those without take part
// in the last pass over their table.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "cli/job.h"
#include "cli/tables.h"
#include "codegen/kernel.h"

namespace kqlc::cli {

class SharedScan {
 public:
  // With a `profile` passes are charged to it, and work for a job that has one to that.
  SharedScan(Tables& tables, int threads, Profile* profile = nullptr);
  SharedScan(const SharedScan&) = delete;
  SharedScan& operator=(const SharedScan&) = delete;
  ~SharedScan();

  // Lets a kernel take part; both must stay until run() is done. One that `finds_rows` reads the locators of
  // rows as the column ir::kRowColumn.
  void add(const codegen::Kernel& kernel, Job& job, bool finds_rows = false);
  // Reads all tables and fills the jobs. One job's failure does not touch the others.
  void run();

 private:
  struct Member;
  struct Pass;
  std::map<std::string, size_t> last_phases() const;
  std::vector<std::unique_ptr<Pass>> collect_passes(size_t phase);
  void add_port(Member& member, size_t input, Pass& pass);
  void track_times(const Member& member, Pass& pass);
  Need needs_of(const codegen::KernelInput& input, const TimeRange& bounds);
  bool run_passes();
  void end_phase(size_t phase);
  void fail_joins();
  void measure(Member& member);
  Stopwatch* watch(size_t thread = 0) const { return profile_ ? profile_->watch(thread) : nullptr; }
  bool run_pass(Pass& pass);
  Result<void> measure_pass(Pass& pass);
  bool finish(Member& member, size_t thread);
  bool run_once();

  Tables& tables_;
  int threads_;
  Profile* profile_;
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace kqlc::cli

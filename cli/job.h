// SPDX-License-Identifier: Apache-2.0
//
// Job: one result of one compiled rule that is to be run. In: the plan, which result, the times it may see.
// Out: rows, or the error that ended it; and whether the rows are all there are.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/profile.h"
#include "cli/time_range.h"
#include "codegen/kernel.h"
#include "compiler/reference/execute.h"

namespace kqlc::cli {

struct Job {
  const plan::Plan* plan = nullptr;
  size_t result = 0;
  TimeRange bounds;                   // rows whose time lies outside are not there for the job
  std::vector<ScanTimes> scan_times;  // of each table that it scans

  reference::Rows rows;
  std::shared_ptr<const void> kernel;  // what cells of `rows` may refer to
  std::optional<Error> error;
  std::string partial;  // why the rows are not all: "interrupted"; "": they are

  std::shared_ptr<JobProfile> profile;  // nullptr: nothing is measured

  // The counter of a step, nullptr where nothing is measured.
  uint64_t* cost(Step step) const { return profile ? &profile->step(step) : nullptr; }
  plan::NodeId root() const { return plan->results[result]; }
};

// One job a result of the plan, which must outlive them.
std::vector<Job> make_jobs(const plan::Plan& plan, const TimeRange& bounds);

// Gives a job what its kernel made: rows, or the error that stopped it.
void take_rows(Job& job, codegen::KernelRows rows);

// Whether a part of the input gives a part of the rows: true for filters and projections over tables, false
// where an operator needs all of its input.
bool is_streaming(const plan::Plan& plan, plan::NodeId root);

// Marks a job whose input broke off. A blocking operator's rows would be wrong, so there are none then.
void mark_partial(Job& job, const std::string& reason);

}  // namespace kqlc::cli

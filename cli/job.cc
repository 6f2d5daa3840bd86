// SPDX-License-Identifier: Apache-2.0
//
// What a kernel's rows and a partial input mean for a job.
#include "cli/job.h"

namespace kqlc::cli {

std::vector<Job> make_jobs(const plan::Plan& plan, const TimeRange& bounds) {
  std::vector<Job> jobs(plan.results.size());
  for (size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].plan = &plan;
    jobs[i].result = i;
    jobs[i].bounds = bounds;
    jobs[i].scan_times = find_scan_times(plan, jobs[i].root());
  }
  return jobs;
}

void take_rows(Job& job, codegen::KernelRows rows) {
  // One that the user stopped is partial (run_jobs), and no error.
  if (rows.error && rows.error->code != ErrorCode::Cancelled) {
    job.error = std::move(rows.error);
    return;
  }
  job.rows.schema = std::move(rows.schema);
  job.rows.rows = std::move(rows.rows);
  job.rows.arena = std::move(rows.arena);
}

bool is_streaming(const plan::Plan& plan, plan::NodeId root) {
  using plan::NodeKind;
  std::vector<plan::NodeId> open{root};
  std::vector<bool> seen(plan.nodes.size(), false);
  while (!open.empty()) {
    plan::NodeId id = open.back();
    open.pop_back();
    if (seen[id]) continue;
    seen[id] = true;
    const plan::Node& node = plan.nodes[id];
    bool streams = node.kind == NodeKind::Scan || node.kind == NodeKind::Rows ||
                   node.kind == NodeKind::Range || node.kind == NodeKind::Filter ||
                   node.kind == NodeKind::Project || node.kind == NodeKind::Union;
    if (!streams) return false;
    open.insert(open.end(), node.inputs.begin(), node.inputs.end());
  }
  return true;
}

void mark_partial(Job& job, const std::string& reason) {
  job.partial = reason;
  job.rows.schema = job.plan->nodes[job.root()].schema;
  if (!is_streaming(*job.plan, job.root())) job.rows.rows.clear();
}

}  // namespace kqlc::cli

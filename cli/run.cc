// SPDX-License-Identifier: Apache-2.0
//
// Kernels are compiled side by side, then share the scan; late columns are fetched after it; the jobs without
// a kernel follow, one by one.
#include "cli/run.h"

#include <algorithm>

#include "cli/interrupt.h"
#include "cli/late_rows.h"
#include "cli/shared_scan.h"
#include "runtime/base/side_by_side.h"

namespace kqlc::cli {

namespace {

// What runs a job natively: one kernel, or two with a fetch between them.
struct Native {
  std::shared_ptr<const codegen::Kernel> kernel;
  std::shared_ptr<const LateRows> late;
  explicit operator bool() const { return kernel || late; }
};

codegen::KernelOptions kernel_options(const Options& options) {
  codegen::KernelOptions how;
  how.engine = options.engine == "object" ? codegen::Engine::Object : codegen::Engine::Tiered;
  how.memory_limit = options.memory_limit;
  how.threads = static_cast<size_t>(num_threads(options));
  how.stop = &stop_flag();
  return how;
}

// Whether all rows that `ir` scans can be fetched again.
bool can_fetch(const ir::Ir& ir, const Tables& tables) {
  return std::ranges::all_of(
      ir.ops, [&](const ir::Op& op) { return op.kind != ir::OpKind::Scan || tables.can_fetch(op.table); });
}

// Compiles a job; without native code the job either gets an error or runs on the reference executor.
Native compile_job(Job& job, const Tables& tables, const Options& options, bool may_be_late,
                   Stopwatch* watch) {
  if (options.engine == "reference") return {};
  std::shared_ptr<ir::Ir> ir;
  {
    Measured optimising(watch, job.cost(Step::Optimise));
    ir = std::make_shared<ir::Ir>(ir::build(*job.plan, job.root()));
    ir::optimize(*ir);
  }
  Measured emitting(watch, job.cost(Step::Emit));
  Native native;
  if (may_be_late && can_fetch(*ir, tables)) native.late = LateRows::compile(*ir, kernel_options(options));
  if (native.late) return native;
  auto kernel = codegen::Kernel::compile(std::move(ir), kernel_options(options));
  if (kernel.ok()) {
    native.kernel = std::move(kernel).value();
  } else if (kernel.error().code != ErrorCode::Unsupported || !options.engine.empty()) {
    job.error = kernel.error();
  }
  return native;
}

std::vector<Native> compile_jobs(std::vector<Job>& jobs, const Tables& tables, const Options& options,
                                 Profile* profile) {
  WallTime compiling(profile ? &profile->wall.kernels : nullptr);
  std::vector<Native> natives(jobs.size());
  side_by_side(jobs.size(), static_cast<size_t>(num_threads(options)), [&](size_t i, size_t thread) {
    if (interrupted()) return;
    natives[i] = compile_job(jobs[i], tables, options, true, profile ? profile->watch(thread) : nullptr);
  });
  return natives;
}

// Fetches the late columns of the rows that a job's scan has found, and ends the job with them. Returns false
// where that fails: a line may be bad in a column that the scan did not look at, and is no row then.
bool finish_late(Job& job, const LateRows& late, Tables& tables, const Options& options) {
  ProcessTime fetching(job.cost(Step::Fetch));
  const auto& found = job.rows.rows;
  auto fetched = tables.fetch(late.table(), late.fetched(), late.locators_of(found),
                              late.first_rows_of(found), options.memory_limit);
  if (!fetched.ok()) return false;
  take_rows(job, late.finish(job.rows.rows, fetched.value()->columns()));
  return true;
}

// Runs those jobs whose late columns could not be fetched with all columns in the scan.
void run_again(const std::vector<size_t>& which, std::vector<Job>& jobs, std::vector<Native>& natives,
               Tables& tables, const Options& options, Profile* profile) {
  SharedScan shared(tables, num_threads(options), profile);
  for (size_t i : which) {
    jobs[i].rows = {};
    natives[i] = compile_job(jobs[i], tables, options, false, profile ? profile->watch(0) : nullptr);
    if (natives[i]) shared.add(*natives[i].kernel, jobs[i]);
  }
  shared.run();
}

void run_reference(Job& job, Tables& tables, const Options& options) {
  ProcessTime running(job.cost(Step::Reference));
  if (job.profile) job.profile->reference = true;
  auto rows = reference::execute(*job.plan, job.result, tables.reader(job.bounds), options.memory_limit,
                                 &stop_flag());
  if (rows.ok()) {
    job.rows = std::move(rows).value();
  } else {
    job.error = rows.error();
  }
}

}  // namespace

void run_jobs(std::vector<Job>& jobs, Tables& tables, const Options& options, Profile* profile) {
  std::vector<Native> natives = compile_jobs(jobs, tables, options, profile);
  SharedScan shared(tables, num_threads(options), profile);
  for (size_t i = 0; i < jobs.size(); ++i)
    if (natives[i])
      shared.add(natives[i].late ? natives[i].late->early() : *natives[i].kernel, jobs[i],
                 natives[i].late != nullptr);
  if (!interrupted()) shared.run();
  std::vector<size_t> again;
  for (size_t i = 0; i < jobs.size() && !interrupted(); ++i)
    if (natives[i].late && !jobs[i].error && !finish_late(jobs[i], *natives[i].late, tables, options))
      again.push_back(i);
  if (!again.empty() && !interrupted()) run_again(again, jobs, natives, tables, options, profile);
  bool shared_is_partial = interrupted();
  for (size_t i = 0; i < jobs.size(); ++i) {
    Job& job = jobs[i];
    if (natives[i].late)
      job.kernel = natives[i].late;
    else
      job.kernel = natives[i].kernel;
    bool partial = shared_is_partial;
    if (!natives[i] && !job.error && !partial) {
      run_reference(job, tables, options);
      partial = interrupted();
    }
    if (partial && !job.error) mark_partial(job, "interrupted");
  }
}

}  // namespace kqlc::cli

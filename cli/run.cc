// SPDX-License-Identifier: Apache-2.0
//
// Kernels are compiled side by side, then share the scan; the jobs without one follow, one by one.
#include "cli/run.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "cli/interrupt.h"
#include "cli/shared_scan.h"

namespace kqlc::cli {

namespace {

using KernelPtr = std::shared_ptr<const codegen::Kernel>;

// Compiles a job's kernel; without one the job either gets an error or runs on the reference executor.
KernelPtr compile_kernel(Job& job, const Options& options) {
  if (options.engine == "reference") return nullptr;
  codegen::KernelOptions how;
  how.engine = options.engine == "object" ? codegen::Engine::Object : codegen::Engine::Tiered;
  how.memory_limit = options.memory_limit;
  auto kernel = codegen::Kernel::compile(*job.plan, job.root(), how);
  if (kernel.ok()) return KernelPtr(std::move(kernel).value());
  if (kernel.error().code != ErrorCode::Unsupported || !options.engine.empty()) job.error = kernel.error();
  return nullptr;
}

std::vector<KernelPtr> compile_kernels(std::vector<Job>& jobs, const Options& options) {
  std::vector<KernelPtr> kernels(jobs.size());
  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i = next++; i < jobs.size() && !interrupted(); i = next++)
      kernels[i] = compile_kernel(jobs[i], options);
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min(jobs.size(), static_cast<size_t>(num_threads(options))); ++i)
    threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  return kernels;
}

void run_reference(Job& job, Tables& tables, const Options& options) {
  auto rows = reference::execute(*job.plan, job.result, tables.reader(job.bounds), options.memory_limit);
  if (rows.ok()) {
    job.rows = std::move(rows).value();
  } else {
    job.error = rows.error();
  }
}

}  // namespace

void run_jobs(std::vector<Job>& jobs, Tables& tables, const Options& options) {
  std::vector<KernelPtr> kernels = compile_kernels(jobs, options);
  SharedScan shared(tables, num_threads(options));
  for (size_t i = 0; i < jobs.size(); ++i)
    if (kernels[i]) shared.add(*kernels[i], jobs[i]);
  if (!interrupted()) shared.run();
  bool shared_is_partial = interrupted();
  for (size_t i = 0; i < jobs.size(); ++i) {
    Job& job = jobs[i];
    job.kernel = kernels[i];
    bool partial = shared_is_partial;
    if (!kernels[i] && !job.error && !partial) {
      run_reference(job, tables, options);
      partial = interrupted();
    }
    if (partial && !job.error) mark_partial(job, "interrupted");
  }
}

}  // namespace kqlc::cli

// SPDX-License-Identifier: Apache-2.0
//
// One kernel state a thread; states merge in the order of threads, and sort what they hold by input position, so the
// rows do not depend on the number of threads.
#include "cli/run.h"

#include <thread>

#include "codegen/kernel.h"

namespace kqlc::cli {

namespace {

Result<reference::Rows> run_kernel(const codegen::Kernel& kernel, Tables& tables, int threads) {
  std::vector<std::shared_ptr<codegen::KernelState>> states;
  for (int i = 0; i < threads; ++i) states.push_back(kernel.create_state());
  for (const codegen::KernelInput& input : kernel.inputs())
    KQLC_TRY(tables.scan(input, threads, [&](int thread, const Batch& batch) {
      // A state that wants no more ends the scan only where no other thread holds earlier rows.
      return kernel.consume(*states[static_cast<size_t>(thread)], batch) || threads > 1;
    }));
  for (size_t i = 1; i < states.size(); ++i) kernel.merge(*states[0], *states[i]);
  codegen::KernelRows rows = kernel.finish(*states[0]);
  if (rows.error) return Error{ErrorCode::Limit, rows.error};
  reference::Rows out;
  out.schema = std::move(rows.schema);
  out.rows = std::move(rows.rows);
  out.arena = std::move(rows.arena);
  return out;
}

}  // namespace

Result<reference::Rows> run_result(const plan::Plan& plan, size_t result, Tables& tables, const Options& options) {
  // A memory limit is kept by the reference executor alone.
  if (options.engine != "reference" && options.memory_limit == 0) {
    auto kernel = codegen::Kernel::compile(plan, plan.results[result], codegen::Level::O2);
    int threads = options.threads > 0 ? options.threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    if (kernel.ok()) return run_kernel(*kernel.value(), tables, threads);
    if (kernel.error().code != ErrorCode::Unsupported || options.engine == "jit") return std::move(kernel.error());
  }
  return reference::execute(plan, result, tables.reader(), options.memory_limit);
}

}  // namespace kqlc::cli

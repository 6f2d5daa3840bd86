// SPDX-License-Identifier: Apache-2.0
//
// The query has what hunting rules have: terms, times, a set, groups. Its code is compiled even where the
// cache has it, since what comes next may not be there, and is not kept.
#include "cli/warm_up.h"

#include <sys/resource.h>

#include "cli/compile.h"
#include "codegen/plain_code.h"
#include "runtime/base/threads.h"

namespace kqlc::cli {

namespace {

constexpr std::string_view kQuery =
    "T | where Time between (ago(1d) .. now()) | where A has 'a' and B has 'b' and A matches regex 'abc'\n"
    "| summarize min(Time), max(Time), make_set(B), count() by A";

void compile_once() {
  plan::Schemas schemas;
  schemas.add("T", {{"Time", Type::DateTime}, {"A", Type::String}, {"B", Type::String}});
  const Compiled compiled = compile({"", std::string(kQuery), std::string(kQuery), {}}, schemas, 0);
  if (!compiled.ok()) return;
  auto unit = codegen::build_unit(compiled.plan, compiled.plan.results[0], "");
  if (!unit.ok()) return;
  const codegen::Unit* units[] = {unit.value().get()};
  codegen::make_plain_code(units, 1, nullptr);
}

// LLVM ends the program where it gets no memory.
bool is_memory_limited() {
  rlimit limit{};
  return getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY;
}

}  // namespace

WarmUp::WarmUp(const Options& options) {
  if (options.engine == "reference" || num_threads(options) == 1 || is_memory_limited()) return;
  thread_ = start_thread(compile_once);  // where there is none, it is done when it is needed
}

WarmUp::~WarmUp() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace kqlc::cli

// SPDX-License-Identifier: Apache-2.0
//
// Kernel: one result of a Plan as native code in this process. In: a bound Plan. Out: an object that takes
// Batches on any number of threads, one State each, merges the States and gives the rows: a thin cover over
// exec::Kernel, to which it adds the compiler's types. Plans of a shape that has no native form yet are said
// so by compile(), and the caller runs the reference executor. LLVM stays behind this header.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/ir/ir.h"
#include "compiler/plan/plan.h"
#include "runtime/base/arena.h"
#include "runtime/base/result.h"
#include "runtime/exec/column.h"
#include "runtime/exec/need.h"
#include "runtime/simd/line_filter.h"
#include "runtime/value/row_list.h"

namespace kqlc::exec {
class Kernel;
class State;
struct BatchUse;
}  // namespace kqlc::exec

namespace kqlc::codegen {

enum class Engine : uint8_t {
  Tiered,       // O0 at once, O2 in the background for loops that see many rows
  O0,           // O0 only
  O2,           // O2 before the first row, one function for any shape
  Specialised,  // O2, a function for each shape that is met, compiled before its first batch
  Object,       // an object file as `kqlc build` writes it, loaded again
};

struct KernelOptions {
  Engine engine = Engine::Tiered;
  size_t memory_limit = 0;  // bytes that the kernel may keep; 0: no limit
  std::string rule = {};    // id, for `describe`
  size_t threads = 1;       // that share the work where states are merged and results are made
  const std::atomic<bool>* stop = nullptr;  // as exec::KernelOptions::stop
};

// A table that the kernel scans. Batches hold exactly these columns, in this order.
struct KernelInput {
  std::string table;
  std::vector<plan::ColumnDef> columns;
  // As archive::ScanRequest::prefilter.
  simd::LiteralGroups prefilter;
  // What a row must hold for the kernel to look further than its first filters.
  Need needs;
  size_t phase = 0;  // inputs of a phase are consumed before those of the next
};

// The rows of a result. Cells live in `arena`.
struct KernelRows {
  plan::Schema schema;
  RowList rows;
  std::shared_ptr<Arena> arena;
  // What stopped the kernel: a limit, a failed assertion, a cancel. The rows are then those that are right
  // without the rest of the input; none where a blocking operator had not seen all of it.
  std::optional<Error> error;
};

using KernelState = exec::State;  // what one thread has gathered

class Kernel {
 public:
  ~Kernel();
  // Compiles the result `node` of `plan`, which the kernel does not need afterwards. An error says which
  // construct has no native form (or that LLVM failed); it never means that the query is wrong.
  static Result<std::unique_ptr<Kernel>> compile(const plan::Plan& plan, plan::NodeId node,
                                                 const KernelOptions& options);
  // The same for an Ir that needs no further pass.
  static Result<std::unique_ptr<Kernel>> compile(std::shared_ptr<const ir::Ir> ir,
                                                 const KernelOptions& options);

  const std::vector<KernelInput>& inputs() const;
  size_t num_phases() const;

  // Whether the code is there that batches run through at first. May be called from any thread.
  bool has_code() const;
  // Makes that of several kernels which are about to take rows, on up to `threads` threads: sooner
  // than when each makes its own as it needs it. Returns the CPU time (ns) that each took. What fails is
  // said by the states that need it. May be called from any thread; one that needs code which another is
  // making waits for it. Requires: has_code() was false for each.
  static std::vector<uint64_t> make_code(std::span<const Kernel* const> kernels, size_t threads);

  // One state a thread. May be called from any thread.
  std::shared_ptr<KernelState> create_state() const;
  // Takes the rows of a batch of an input. Positions must grow from call to call of one state and input.
  // Nothing of the batch is kept. Returns false when the state wants no more: take has its rows, a limit was
  // hit, the kernel was cancelled.
  bool consume(KernelState& state, size_t input, const Batch& batch) const;
  bool consume(KernelState& state, size_t input, const Batch& batch, const exec::BatchUse& use) const;
  // Moves everything of `from` into `into`.
  void merge(KernelState& into, KernelState& from) const;
  // Ends the phase that all of these states have seen parts of, and begins the next. The last phase ends by
  // itself.
  void end_phase(std::vector<std::shared_ptr<KernelState>>& states) const;
  // Ends the inputs and returns the rows in their order. The state is used up.
  KernelRows finish(KernelState& state) const;
  // CPU time (ns) that other threads have spent on better code for this kernel and those that share its code,
  // since one of them was last asked.
  uint64_t take_background_time() const;
  // Stops all states at their next batch; from any thread.
  void cancel();
  // The kernel as the runtime has it: partial states as bytes, decided atoms, memory.
  exec::Kernel& native() const;

 private:
  Kernel();
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace kqlc::codegen

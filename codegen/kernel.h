// SPDX-License-Identifier: Apache-2.0
//
// Kernel: one result of a Plan as native code. In: a bound Plan. Out: an object that takes Batches on any number of
// threads, one State each, merges the States and gives the rows. Plans of a shape that has no native form yet are
// said so by compile(), and the caller runs the reference executor. LLVM stays behind this header.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/plan/plan.h"
#include "runtime/base/arena.h"
#include "runtime/base/result.h"
#include "runtime/exec/column.h"
#include "runtime/simd/line_filter.h"

namespace kqlc::codegen {

// How much the optimiser does: O0 compiles in milliseconds, O2 inlines the functions of the bitcode.
enum class Level : uint8_t { O0, O2 };

// A table that the kernel scans. Batches hold exactly these columns, in this order.
struct KernelInput {
  std::string table;
  std::vector<plan::ColumnDef> columns;
  // As archive::ScanRequest::prefilter.
  std::vector<std::vector<simd::Literal>> prefilter;
};

// The rows of a result. Cells live in `arena`; literals in the plan's arena and the kernel's, which must outlive them.
struct KernelRows {
  plan::Schema schema;
  std::vector<std::vector<Cell>> rows;
  std::shared_ptr<Arena> arena;
  const char* error = nullptr;  // first failure while rows were computed, a static text
};

class KernelState;  // what one thread has gathered

class Kernel {
 public:
  ~Kernel();
  // Compiles the result `node` of `plan`, which the kernel does not need afterwards. An error says which construct has no native
  // form (or that LLVM failed); it never means that the query is wrong.
  static Result<std::unique_ptr<Kernel>> compile(const plan::Plan& plan, plan::NodeId node, Level level);

  // No input (datatable, print) or one.
  const std::vector<KernelInput>& inputs() const;

  // One state a thread. May be called from any thread.
  std::shared_ptr<KernelState> create_state() const;
  // Takes the rows of a batch of input 0. Positions must grow from call to call of one state. Nothing of the batch is
  // kept. Returns false when further batches cannot change this state (take has its rows).
  bool consume(KernelState& state, const Batch& batch) const;
  // Moves everything of `from` into `into`.
  void merge(KernelState& into, KernelState& from) const;
  // Ends the input and returns the rows in their order. The state is used up.
  KernelRows finish(KernelState& state) const;

  // The LLVM module as it was compiled (after optimisation), as text.
  const std::string& module_text() const;

 private:
  Kernel();
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace kqlc::codegen

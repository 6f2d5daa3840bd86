// SPDX-License-Identifier: Apache-2.0
//
// Plain code: the functions of units at O0, for any shape, which is what a kernel starts with. In: units that
// a batch is about to need. Out: their functions in this process: loaded from the cache, or compiled, several
// units in one module and modules side by side, since other threads would only wait.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "codegen/code_cache.h"
#include "codegen/jit.h"
#include "codegen/unit.h"
#include "runtime/base/result.h"
#include "runtime/exec/run.h"

namespace kqlc::codegen {

struct PlainCode {
  std::shared_ptr<Jit> jit;                 // what the functions lie in, with those of other units
  std::vector<PipelineFunction> functions;  // by loop of the unit
  uint64_t nanoseconds = 0;                 // of CPU that its making took: its share of that of its module
};

// Returns the code of each unit, in their order, made on up to `threads` threads. Where a module of several
// cannot be made, each is tried alone. `cache`: nullptr: none. Errors: Internal: LLVM failed.
std::vector<Result<PlainCode>> make_plain_code(std::span<const Unit* const> units, size_t threads,
                                               const CodeCache* cache);

}  // namespace kqlc::codegen

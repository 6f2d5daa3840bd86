// SPDX-License-Identifier: Apache-2.0
//
// From query text to a bound plan: every stage in order, one call each. In: a SourceFile and the schemas.
// Out: a Compiled with the tree, the plan and the diagnostics, rendered when asked.
#pragma once

#include <string>

#include "compiler/plan/plan.h"
#include "compiler/source/diagnostic.h"
#include "compiler/syntax/tree.h"
#include "runtime/base/stopwatch.h"

namespace kqlc::cli {

// Exit codes of the program.
enum Exit : int {
  kDone = 0,
  kInternal = 1,
  kUsage = 2,
  kUnsupported = 3,
  kBadData = 4,
  kLimit = 5,
  kInterrupted = 130
};

struct Compiled {
  source::SourceFile source;
  syntax::SyntaxTree tree;
  plan::Plan plan;
  source::Diagnostics diagnostics;

  bool ok() const { return !diagnostics.has_errors(); }
  // kDone, kUsage or kUnsupported.
  Exit exit_code() const { return ok() ? kDone : diagnostics.only_unsupported() ? kUnsupported : kUsage; }
};

// Nanoseconds of CPU that each stage of a compilation took.
struct CompileCost {
  Stopwatch* watch = nullptr;
  uint64_t parse = 0, bind = 0;
};

// Compiles a query. `now` is the query time in ticks; what it takes is added to `cost`, if there is one.
Compiled compile(source::SourceFile source, const plan::Schemas& schemas, int64_t now,
                 CompileCost* cost = nullptr);

// Returns all diagnostics as text.
std::string render(const Compiled& compiled);

}  // namespace kqlc::cli

// SPDX-License-Identifier: Apache-2.0
//
// Unit: one result of a query, ready to be emitted. In: the pipelines. Out: the Program (what a kernel needs
// besides code, exec/program.h), the list of loops that become functions, and their outline (outline.h).
// Literals and recipes of prepared states join the Program while the outline is written; code finds them by
// content, so it reads the same tables whatever it is emitted for.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/pipelines/pipelines.h"
#include "runtime/base/result.h"
#include "runtime/exec/program.h"
#include "runtime/exec/run.h"

namespace kqlc::codegen {

// Of each column that a pipeline reads, in the order of the batch: shape_of (exec/run.h). Empty: any.
using Shape = std::vector<uint32_t>;

class Constants {
 public:
  explicit Constants(exec::Program& program) : program_(program) {}

  uint32_t add_literal(const exec::Constant& literal);
  uint32_t add_recipe(exec::Recipe recipe);
  // The index of one that was added.
  uint32_t find_literal(const exec::Constant& literal) const;
  uint32_t find_recipe(const exec::Recipe& recipe) const;
  // That of the program, for values of constants.
  Arena& arena() { return *program_.arena; }

 private:
  exec::Program& program_;
  std::unordered_map<std::string, uint32_t> literals_, recipes_;  // by saved bytes
};

// The recipe of a call whose constant arguments are prepared. Those that depend on the query time have the
// value of then, in `arena`.
exec::Recipe make_recipe(const ir::Ir& ir, const ir::Expr& call, Arena& arena);
// A function that is prepared with a constant that depends on the query time (`has tostring(now())`);
// nullptr: none is.
const Function* find_timed_recipe(const ir::Ir& ir);

// A loop: from an input's source through its steps into a sink.
struct Loop {
  pipelines::Input input;
  const ir::Op* sink = nullptr;
  std::vector<uint32_t> tables;  // one a step: the sink in whose table a join looks rows up
};

struct Unit {
  std::shared_ptr<const ir::Ir> ir;
  exec::Program program;
  Constants constants{program};
  std::vector<Loop> loops;  // loop i is compiled to function i of the Program
  std::string outline;      // of all loops: units of the same outline have the same code

  // Whether it is small enough for LLVM's passes; O0 alone otherwise.
  bool optimizes() const;

  Unit() = default;
  Unit(const Unit&) = delete;
};

// Makes the unit of a result of a plan: Ir, passes, pipelines. Errors: as below, and a query too large for
// native code.
Result<std::unique_ptr<Unit>> build_unit(const plan::Plan& plan, plan::NodeId result, std::string rule);
// Makes the unit of some pipelines. `rule` is the rule's id, or "".
// Errors: Unsupported, naming the construct that has no native form.
Result<std::unique_ptr<Unit>> build_unit(pipelines::Pipelines pipelines, std::string rule);

}  // namespace kqlc::codegen

// SPDX-License-Identifier: Apache-2.0
//
// The list of passes. Folding comes first, so that later passes see constants as such; joins hand conditions
// on their keys from side to side, and then filters move before limits, since a limit cannot move over a
// filter; regular expressions in those that then stand on scans get the literals that they need; columns are
// dropped when everything stands where it stays; literals for raw text come last, from the filters on scans.
#include "compiler/ir/passes.h"
#include "runtime/base/check.h"

namespace kqlc::ir {

namespace {

struct Pass {
  const char* name;
  void (*run)(Ir&);
};

constexpr Pass kPasses[] = {
    {"fold", fold},
    {"split_conjunctions", split_conjunctions},
    {"infer_filters", infer_filters},
    {"push_filters", push_filters},
    {"infer_literals", infer_literals},
    {"fold", fold},  // a column that a filter now reads through may have been a constant
    {"split_conjunctions", split_conjunctions},
    {"push_limits", push_limits},
    {"prune", prune},
    {"add_prefilters", add_prefilters},
};

}  // namespace

void check_ir(const Ir& ir, const char* pass) {
#ifdef KQLC_VERIFY
  if (auto problem = verify(ir))
    KQLC_CHECK(!problem, "ir after " + std::string(pass) + ": " + *problem + "\n" + print(ir));
#endif
}

void optimize(Ir& ir) {
  for (const Pass& pass : kPasses) {
    pass.run(ir);
    check_ir(ir, pass.name);
  }
}

}  // namespace kqlc::ir

// SPDX-License-Identifier: Apache-2.0
//
// What the columns of a scan's rows must hold for conditions on it to be true. In: conditions. Out: a Need,
// from which add_prefilters makes literals for raw text, and with which readers pass over chunks.
#pragma once

#include <vector>

#include "compiler/ir/ir.h"
#include "runtime/exec/need.h"

namespace kqlc::ir {

// Returns what holds for each row for which all `conditions` (over the columns of `schema`, as a table has
// them) are true.
Need find_needs(const Ir& ir, const std::vector<ExprId>& conditions, const Schema& schema);

}  // namespace kqlc::ir

// SPDX-License-Identifier: Apache-2.0
//
// Expressions of a Plan over one row of Cells. In: an expression, the row, a Context. Out: a Cell. Plain
// recursion over the tree; calls go through the same function rows as kernels use, everything else is written
// here once more.
#pragma once

#include "compiler/plan/plan.h"
#include "runtime/base/check.h"

namespace kqlc::reference {

// `row` holds the cells of the input's columns; it may be nullptr for constant expressions.
Cell evaluate(const plan::Plan& plan, plan::ExprId id, const Cell* row, Context& context);

// True where the expression reads no column and every call in it folds.
bool is_constant(const plan::Plan& plan, plan::ExprId id);

}  // namespace kqlc::reference

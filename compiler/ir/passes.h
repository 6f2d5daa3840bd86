// SPDX-License-Identifier: Apache-2.0
//
// The passes: each takes a sound Ir and leaves a sound Ir that gives the same rows in the same order. Each is
// one function in the file of its name; optimize.cc lists them in the order in which they run.
#pragma once

#include "compiler/ir/ir.h"

namespace kqlc::ir {

// Replaces what is constant by its value, as the functions themselves compute it; simplifies and, or and
// case.
void fold(Ir& ir);
// Makes the operands of `and` in a filter filters of their own, those first that cost little.
void split_conjunctions(Ir& ir);
// Puts what holds for the keys of one side of a join on the other side, too.
void infer_filters(Ir& ir);
// Adds the condition `column operator (values)`. `overload` names it as find_overload() does; there is one.
ExprId add_condition(Ir& ir, const char* overload, ExprId column, const std::vector<ExprId>& values);
// Moves filters towards the sources.
void push_filters(Ir& ir);
// Puts before `matches regex` over a column the literals of which each match contains one.
void infer_literals(Ir& ir);
// Moves take towards the sources; sort and take become top.
void push_limits(Ir& ir);
// Drops columns and aggregates that nobody reads.
void prune(Ir& ir);
// Gives scans the literals that lines of raw text must hold.
void add_prefilters(Ir& ir);

// Whether equal values of the type are the same in every respect: not 0.0 and -0.0.
bool equal_means_same(Type type);
// Takes out filters that have no condition left.
void remove_idle(Ir& ir);
// Ends the process when the Ir is not sound (builds with KQLC_VERIFY only).
void check_ir(const Ir& ir, const char* pass);

}  // namespace kqlc::ir

// SPDX-License-Identifier: Apache-2.0
//
// Outline: all that the code of a loop depends on, as bytes. In: a loop of a unit. Out: its steps, sink and
// expressions, without names, and with constants as the indices that code reads them by. Loops of equal
// outline have the same code at any level and for any shape, so code is shared and kept under its outline,
// and a rule whose code is there already never meets LLVM.
#pragma once

#include <string>

#include "codegen/unit.h"

namespace kqlc::codegen {

// Returns the outline of a loop. Its literals and recipes of prepared states join `constants`.
std::string outline(const ir::Ir& ir, const Loop& loop, Constants& constants);

}  // namespace kqlc::codegen

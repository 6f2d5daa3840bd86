// SPDX-License-Identifier: Apache-2.0
//
// Code that rules share. In: a unit. Out: the code of an earlier unit with the same outline, or new
// code. Constants are indices, so rules that differ in them alone have the same outline, and a query that is
// asked again finds its code as it left it, O2 included.
#pragma once

#include <memory>
#include <string>

#include "codegen/tiers.h"

namespace kqlc::codegen {

// May be called from any thread. The process keeps the code of the last shapes that were asked for.
std::shared_ptr<TieredCode> share_code(std::shared_ptr<const Unit> unit, TierPolicy policy);

// Lets go of it, and waits for compilations that are under way. To be called at the end of main(), when no
// kernel is left: LLVM's own static objects end with the process, under whoever still compiles.
void drop_shared_code();

}  // namespace kqlc::codegen

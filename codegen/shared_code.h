// SPDX-License-Identifier: Apache-2.0
//
// Code that rules share. In: a unit and its functions as bitcode. Out: the code of an earlier unit with the
// same functions, or new code. Constants are indices (emit.h), so rules that differ in them alone have the
// same bitcode, and a query that is asked again finds its code as it left it, O2 included.
#pragma once

#include <memory>
#include <string>

#include "codegen/tiers.h"

namespace kqlc::codegen {

// May be called from any thread. The process keeps the code of the last shapes that were asked for.
std::shared_ptr<TieredCode> share_code(std::shared_ptr<Unit> unit, std::string bitcode, TierPolicy policy);

}  // namespace kqlc::codegen

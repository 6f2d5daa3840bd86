// SPDX-License-Identifier: Apache-2.0
//
// LLVM's target for this machine. In: nothing. Out: the target, registered once, whichever thread asks first:
// LLVM's registry takes no lock.
#pragma once

#include <llvm/MC/TargetRegistry.h>

#include <string>

#include "runtime/base/result.h"

namespace kqlc::codegen {

// May be called from any thread. Errors: Internal: LLVM has none for this machine.
Result<const llvm::Target*> native_target();

}  // namespace kqlc::codegen

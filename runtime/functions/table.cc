// SPDX-License-Identifier: Apache-2.0
//
// The native expansion of the list of functions.
#include "runtime/functions/all.h"

namespace kqlc {

std::span<const Function> function_table() { return bind::Table<functions::AllFunctions>::rows; }

}  // namespace kqlc

// SPDX-License-Identifier: Apache-2.0
//
// Runs a result of a plan on the wanted engine. In: a plan, the tables of an archive. Out: rows. The native kernel is
// the default; a plan that has no native form runs on the reference executor, which gives the same rows.
#pragma once

#include "cli/options.h"
#include "cli/tables.h"

namespace kqlc::cli {

// Errors: those of the archive; Limit; Unsupported when --engine=jit was asked for and there is no native form.
Result<reference::Rows> run_result(const plan::Plan& plan, size_t result, Tables& tables, const Options& options);

}  // namespace kqlc::cli

// SPDX-License-Identifier: Apache-2.0
//
// `kqlc query --batch`: one JSON object a line in, {"id","query"}, one a line out.
#pragma once

#include <iosfwd>

#include "cli/options.h"
#include "cli/tables.h"

namespace kqlc::cli {

// Answers every line of `in` on standard output, each as soon as it is known; returns the exit code. A line
// that is no request has an error for its answer, with null for an id that it lacks; blank lines have none.
// Rows that lack something have a `report` beside them, which says what, a sentence each.
int run_batch(std::istream& in, const plan::Schemas& schemas, int64_t now, Tables& tables,
              const Options& options);

}  // namespace kqlc::cli

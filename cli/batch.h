// SPDX-License-Identifier: Apache-2.0
//
// `kqlc query --batch`: one JSON object a line in, {"id","query"}, one a line out.
#pragma once

#include "cli/options.h"
#include "cli/tables.h"

namespace kqlc::cli {

// Answers every line of standard input on standard output, each as soon as it is known; returns the exit
// code, under `strict` kBadData where one of the answers met bad data. A line that is no request has an error
// for its answer, with null for an id that it lacks; blank lines have none. Rows that lack something have a
// `report` beside them, which says what, a sentence each. Ends while it waits for a line when the user asks
// to stop, or nobody reads its answers.
int run_batch(const plan::Schemas& schemas, int64_t now, Tables& tables, const Options& options);

}  // namespace kqlc::cli

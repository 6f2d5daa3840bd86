// SPDX-License-Identifier: Apache-2.0
//
// `kqlc query --batch`: one JSON object a line in, {"id","query"}, one a line out.
#pragma once

#include <iosfwd>

#include "compiler/reference/execute.h"

namespace kqlc::cli {

// Answers every line of `in`; flushes after each. Lines that hold no id and query are passed over.
void run_batch(std::istream& in, std::ostream& out, const plan::Schemas& schemas, int64_t now,
               const reference::TableReader& reader);

}  // namespace kqlc::cli

// SPDX-License-Identifier: Apache-2.0
//
// Random rules over the table of events.h. In: a source of chance. Out: KQL text: conditions of every kind on
// texts, alone and joined, with needles of kEventWords, and an end that keeps rows, groups or orders them.
#pragma once

#include <string>

#include "tests/differential/events.h"

namespace kqlc::differential {

// Returns a query over kEventTable that compiles.
std::string make_rule(Random& random);

}  // namespace kqlc::differential

// SPDX-License-Identifier: Apache-2.0
//
// The native expansion of the list of aggregates.
#include "runtime/aggregates/all.h"

namespace kqlc {

std::span<const Aggregate> aggregate_table() { return bind::AggregateRows<aggregates::AllAggregates>::rows; }

}  // namespace kqlc

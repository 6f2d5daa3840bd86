// SPDX-License-Identifier: Apache-2.0
//
// The list of all aggregates, family by family. What each means stands in its struct; null arguments are left
// out everywhere. Sources: the page of each aggregation function.
#pragma once

#include "runtime/aggregates/bits.h"
#include "runtime/aggregates/collections.h"
#include "runtime/aggregates/moments.h"
#include "runtime/aggregates/percentiles.h"
#include "runtime/aggregates/rows.h"
#include "runtime/aggregates/sums.h"

namespace kqlc::aggregates {

using AllAggregates = Join<SumAggregates, RowAggregates, CollectionAggregates, MomentAggregates,
                           PercentileAggregates, BitAggregates>;

}  // namespace kqlc::aggregates

// SPDX-License-Identifier: Apache-2.0
//
// Rules and time. In: a rule's queryPeriod, its time conditions, the times of the rows that were read. Out:
// what
// --window=rule bounds, and the sentence for a rule that found nothing because its window lies elsewhere.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/job.h"
#include "cli/options.h"
#include "cli/tables.h"

namespace kqlc::cli {

// Reads a period as rules write it: `14d`, `5h`, `30m`, or ISO 8601 `PT1H`, `P1D`. Ticks; nothing when it is
// none.
std::optional<int64_t> read_period(std::string_view text);

// Why a job that found nothing could not: a sentence where its time conditions exclude every row that was
// read, else "".
std::string explain_empty_window(const Job& job, Tables& tables, const Options& options);

// What bounded the times of the whole scan, as a line of the report.
std::string print_bounds(const Options& options, const TimeRange& bounds);

}  // namespace kqlc::cli

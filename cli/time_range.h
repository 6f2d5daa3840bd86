// SPDX-License-Identifier: Apache-2.0
//
// Time ranges: what --from, --to and --window=rule bound, what a rule's own conditions bound, and what the
// rows that were read cover. In: a Plan. Out: ranges in ticks, both ends included.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "compiler/plan/plan.h"
#include "runtime/exec/column.h"

namespace kqlc::cli {

struct TimeRange {
  int64_t from = std::numeric_limits<int64_t>::min();
  int64_t to = std::numeric_limits<int64_t>::max();

  bool is_bounded() const { return *this != TimeRange(); }
  bool contains(int64_t ticks) const { return from <= ticks && ticks <= to; }
  // No instant lies in both.
  bool is_apart_from(const TimeRange& other) const { return to < other.from || other.to < from; }
  // Keeps what lies in `other` as well.
  void narrow(const TimeRange& other);
  bool operator==(const TimeRange&) const = default;
};
// A range that contains nothing, to be widened by include().
inline constexpr TimeRange kNoTimes{std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()};
void include(TimeRange& range, const TimeRange& other);

// "2024-01-01T00:00:00.0000000Z to ...", open ends in words.
std::string print_range(const TimeRange& range);

// The columns of a table that hold the row's time, the first that is not null in a row counts.
std::vector<std::string> time_columns(const plan::Schema& schema);

// A condition that every row of a scan must meet to be of use: its column lies in the range.
struct TimeCondition {
  std::string column;
  TimeRange range;
};
// One Scan node and its time conditions; a table may be scanned several times.
struct ScanTimes {
  std::string table;
  std::vector<TimeCondition> conditions;
};
// The time conditions that filters directly above the scans of result `root` put on datetime columns.
std::vector<ScanTimes> find_scan_times(const plan::Plan& plan, plan::NodeId root);

}  // namespace kqlc::cli

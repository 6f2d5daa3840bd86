// SPDX-License-Identifier: Apache-2.0
//
// Archives are old and rules ask for the last days: an empty result must say when that is why.
#include "cli/window.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>

#include "cli/interrupt.h"
#include "runtime/value/datetime.h"

namespace kqlc::cli {

namespace {

int64_t ticks_of_unit(char unit, bool is_time) {
  switch (unit) {
    case 'w':
      return 7 * datetime::kTicksPerDay;
    case 'd':
      return datetime::kTicksPerDay;
    case 'h':
      return datetime::kTicksPerHour;
    case 'm':
      return is_time ? datetime::kTicksPerMinute : 0;
    case 's':
      return datetime::kTicksPerSecond;
    default:
      return 0;
  }
}

}  // namespace

std::optional<int64_t> read_period(std::string_view text) {
  bool is_iso = !text.empty() && (text[0] == 'P' || text[0] == 'p');
  if (is_iso) text.remove_prefix(1);
  bool is_time = !is_iso;
  int64_t total = 0;
  bool any = false;
  while (!text.empty()) {
    if (is_iso && (text[0] == 'T' || text[0] == 't')) {
      is_time = true;
      text.remove_prefix(1);
      continue;
    }
    int64_t number = 0, ticks = 0;
    size_t digits = 0;
    for (; digits < text.size() && digits < 9 && std::isdigit(static_cast<unsigned char>(text[digits]));
         ++digits)
      number = number * 10 + (text[digits] - '0');
    if (digits == 0 || digits == text.size()) return std::nullopt;
    int64_t unit =
        ticks_of_unit(static_cast<char>(std::tolower(static_cast<unsigned char>(text[digits]))), is_time);
    if (unit == 0 || __builtin_mul_overflow(number, unit, &ticks) ||
        __builtin_add_overflow(total, ticks, &total))
      return std::nullopt;
    text.remove_prefix(digits + 1);
    any = true;
  }
  if (!any) return std::nullopt;
  return total;
}

namespace {

bool all_windows_apart(const Job& job, const Tables& tables) {
  auto is_apart = [&](const ScanTimes& scan) {
    return std::ranges::any_of(scan.conditions, [&](const TimeCondition& condition) {
      TimeRange times = tables.times_of(scan.table, condition.column);
      return times != kNoTimes && condition.range.is_apart_from(times);
    });
  };
  return !job.scan_times.empty() && std::ranges::all_of(job.scan_times, is_apart);
}

// Whether anything in the plan depends on the query time.
bool asks_the_time(const plan::Plan& plan) {
  return std::ranges::any_of(plan.exprs, [](const plan::Expr& expr) {
    const std::string_view name = expr.function ? expr.function->spec.name : "";
    return name == "now" || name == "ago";
  });
}

}  // namespace

std::string explain_empty_window(const Job& job, Tables& tables, const Options& options) {
  if (job.error || !job.partial.empty()) return "";
  const bool has_rows = !job.rows.rows.empty();
  // A count of nothing is a row as well: then every table must lie outside of its window.
  if (has_rows && !all_windows_apart(job, tables)) return "";
  const char* way_out = options.now == "latest"
                            ? "--now=DATETIME sets another query time"
                            : "--now=latest takes the newest timestamp of the data as query time";
  const bool is_fixed = !asks_the_time(*job.plan);
  for (const ScanTimes& scan : job.scan_times) {
    for (const TimeCondition& condition : scan.conditions) {
      TimeRange times = tables.times_of(scan.table, condition.column);
      if (times == kNoTimes && tables.has_rows(scan.table))
        return fmt::format("no row read has a {}.{}, on which it puts a time window", scan.table,
                           condition.column);
      if (times == kNoTimes || !condition.range.is_apart_from(times)) continue;
      return fmt::format("its time window on {}.{} is {}, the rows read are from {}{}{}", scan.table,
                         condition.column, print_range(condition.range), print_range(times),
                         is_fixed ? "" : ": ", is_fixed ? "" : way_out);
    }
    if (options.window != "rule" || !job.bounds.is_bounded()) continue;
    TimeRange times = kNoTimes;
    for (const std::string& column : tables.time_columns_of(scan.table))
      if (TimeRange read = tables.times_of(scan.table, column); read != kNoTimes) include(times, read);
    if (times != kNoTimes && job.bounds.is_apart_from(times))
      return fmt::format("its queryPeriod leaves {}, the rows of {} are from {}: {}", print_range(job.bounds),
                         scan.table, print_range(times), way_out);
  }
  return "";
}

std::string print_bounds(const Options& options, const TimeRange& bounds) {
  std::string out;
  if (bounds.is_bounded()) out = "times from " + print_range(bounds) + "\n";
  if (options.window == "rule") out += "times of scheduled rules bounded by their queryPeriod\n";
  if (interrupted()) return out + "interrupted: not all of the archive was scanned\n";
  return out.empty() ? "no --from, --to or --window: the whole archive was scanned\n" : out;
}

}  // namespace kqlc::cli

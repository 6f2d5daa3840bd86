// SPDX-License-Identifier: Apache-2.0
//
// Calendar functions that name a part of time (year, quarter, ..., nanosecond): datetime_part, datetime_diff,
// datetime_add, and format_datetime. In: a constant name or pattern, and datetimes. Out: numbers, datetimes,
// text. Differences count the borders between periods, weeks beginning on Sunday. Sources: the page of each
// function.
#pragma once

#include <string>

#include "runtime/functions/function.h"
#include "runtime/value/datetime.h"

namespace kqlc::functions {

enum class Part : uint8_t {
  Year,
  Quarter,
  Month,
  Week,
  Day,
  DayOfYear,
  Hour,
  Minute,
  Second,
  Millisecond,
  Microsecond,
  Nanosecond
};

// A part's constant name, read once. `week` names weeks where they are counted, `week_of_year` where they are
// read.
struct PartName {
  Part part = Part::Day;
  static PartName* read(Str name, bool of_year, const char** error);
};

int64_t read_part(DateTime value, Part part);
int64_t difference_in(Part part, DateTime later, DateTime earlier);
Nullable<DateTime> add_parts(Part part, int64_t amount, DateTime value);

struct DateTimePart {
  static constexpr Spec spec{
      .name = "datetime_part",
      .aliases = {"datepart"},
      .doc = "one part of a datetime as a number",
      .page = "datetime-part-function",
      .examples = {"datetime_part('year', datetime(2017-10-30 01:02:03.7654321)) == 2017",
                   "datetime_part('week_of_year', datetime(2017-10-30)) == 44",
                   "datetime_part('microsecond', datetime(2017-10-30 01:02:03.7654321)) == 765432",
                   "datetime_part('nanosecond', datetime(2017-10-30 01:02:03.7654321)) == 765432100"}};
  using State = PartName;
  static constexpr uint32_t prepared_mask = 1;
  static State* prepare(const Cell* args, size_t, Arena&, const char** error) {
    return PartName::read(args[0].s, true, error);
  }
  static int64_t call_prepared(const State& state, Str, DateTime value) {
    return read_part(value, state.part);
  }
};
struct DateTimeDiff {
  static constexpr Spec spec{
      .name = "datetime_diff",
      .doc = "number of period borders between two datetimes",
      .page = "datetime-diff-function",
      .examples = {"datetime_diff('year', datetime(2017-01-01), datetime(2000-12-31)) == 17",
                   "datetime_diff('quarter', datetime(2017-07-01), datetime(2017-03-30)) == 2",
                   "datetime_diff('month', datetime(2017-01-01), datetime(2015-12-30)) == 13",
                   "datetime_diff('week', datetime(2017-10-29 00:00), datetime(2017-09-30 23:59)) == 5",
                   "datetime_diff('day', datetime(2017-10-29 00:00), datetime(2017-09-30 23:59)) == 29",
                   "datetime_diff('hour', datetime(2017-10-31 01:00), datetime(2017-10-30 23:59)) == 2"}};
  using State = PartName;
  static constexpr uint32_t prepared_mask = 1;
  static State* prepare(const Cell* args, size_t, Arena&, const char** error) {
    return PartName::read(args[0].s, false, error);
  }
  static int64_t call_prepared(const State& state, Str, DateTime later, DateTime earlier) {
    return difference_in(state.part, later, earlier);
  }
};
struct DateTimeAdd {
  static constexpr Spec spec{
      .name = "datetime_add",
      .doc = "the datetime moved by a number of periods",
      .page = "datetime-add-function",
      .examples = {"datetime_add('year', 1, datetime(2017-01-01)) == datetime(2018-01-01)",
                   "datetime_add('month', 1, datetime(2024-01-31)) == datetime(2024-02-29)",
                   "datetime_add('week', -1, datetime(2017-01-08)) == datetime(2017-01-01)"}};
  using State = PartName;
  static constexpr uint32_t prepared_mask = 1;
  static State* prepare(const Cell* args, size_t, Arena&, const char** error) {
    return PartName::read(args[0].s, false, error);
  }
  static Nullable<DateTime> call_prepared(const State& state, Str, int64_t amount, DateTime value) {
    return add_parts(state.part, amount, value);
  }
};

struct DayOfYear {
  static constexpr Spec spec{.name = "dayofyear",
                             .doc = "day of the year, from 1",
                             .page = "dayofyear-function",
                             .examples = {"dayofyear(datetime(2015-12-14)) == 348"}};
  static int32_t call(DateTime value) { return static_cast<int32_t>(read_part(value, Part::DayOfYear)); }
};
struct WeekOfYear {
  static constexpr Spec spec{
      .name = "week_of_year",
      .aliases = {"weekofyear"},
      .doc = "ISO 8601 number of the week",
      .page = "week-of-year-function",
      .examples = {"week_of_year(datetime(2020-12-31)) == 53", "week_of_year(datetime(1970-01-01)) == 1"}};
  static int32_t call(DateTime value) { return static_cast<int32_t>(read_part(value, Part::Week)); }
};

// A pattern of format_datetime or format_timespan in pieces.
struct TimePattern {
  std::string pieces;  // letter, count, letter, count, ...
  static TimePattern* read(Str pattern, bool of_timespan, const char** error);
};
Str format_time(const TimePattern& pattern, int64_t ticks, bool of_timespan, Arena& arena);
struct FormatDateTime {
  static constexpr Spec spec{
      .name = "format_datetime",
      .result_name = ResultName::FirstArgument,
      .doc = "the datetime as text by a pattern",
      .page = "format-datetime-function",
      .examples = {
          "format_datetime(datetime(2017-01-29 09:00:05), 'yy-MM-dd [HH:mm:ss]') == '17-01-29 [09:00:05]'",
          "format_datetime(datetime(2017-01-29 09:00:05), 'yyyy-M-dd [H:mm:ss]') == '2017-1-29 [9:00:05]'",
          "format_datetime(datetime(2017-01-29 09:00:05), 'yy-MM-dd [hh:mm:ss tt]') == '17-01-29 [09:00:05 "
          "AM]'"}};
  using State = TimePattern;
  static constexpr uint32_t prepared_mask = 2;
  static State* prepare(const Cell* args, size_t, Arena&, const char** error) {
    return TimePattern::read(args[1].s, false, error);
  }
  static Str call_prepared(Context& context, const State& state, DateTime value, Str) {
    return format_time(state, value.ticks, false, *context.arena);
  }
};
struct FormatTimeSpan {
  static constexpr Spec spec{
      .name = "format_timespan",
      .may_fail = true,
      .result_name = ResultName::FirstArgument,
      .doc = "the timespan as text by a pattern",
      .page = "format-timespan-function",
      .examples = {
          "format_timespan(time(29.09:00:05.12345), 'dd.hh:mm:ss:FF') == '29.09:00:05:12'",
          "format_timespan(time(29.09:00:05.12345), 'ddd.h:mm:ss [fffffff]') == '029.9:00:05 [1234500]'"}};
  using State = TimePattern;
  static constexpr uint32_t prepared_mask = 2;
  static State* prepare(const Cell* args, size_t, Arena&, const char** error) {
    return TimePattern::read(args[1].s, true, error);
  }
  static Str call_prepared(Context& context, const State& state, TimeSpan value, Str) {
    if (value.ticks < 0) context.fail("format_timespan() of a negative timespan is not supported");
    return format_time(state, value.ticks, true, *context.arena);
  }
};

template <int64_t ticks_per_unit>
struct UnixTime {
  static constexpr const char* kName =
      ticks_per_unit == datetime::kTicksPerSecond        ? "unixtime_seconds_todatetime"
      : ticks_per_unit == datetime::kTicksPerMillisecond ? "unixtime_milliseconds_todatetime"
                                                         : "unixtime_microseconds_todatetime";
  static constexpr Spec spec{.name = kName,
                             .doc = "the datetime so long after 1970",
                             .page = "unixtime-seconds-todatetime-function"};
  static Nullable<DateTime> call(int64_t units) {
    int64_t ticks = 0;
    if (__builtin_mul_overflow(units, ticks_per_unit, &ticks) ||
        __builtin_add_overflow(ticks, datetime::kUnixEpochTicks, &ticks) || !datetime::in_range(ticks))
      return {};
    return DateTime{ticks};
  }
};

using CalendarFunctions =
    List<DateTimePart, DateTimeDiff, DateTimeAdd, DayOfYear, WeekOfYear, FormatDateTime, FormatTimeSpan,
         UnixTime<datetime::kTicksPerSecond>, UnixTime<datetime::kTicksPerMillisecond>,
         UnixTime<datetime::kTicksPerMicrosecond>>;

}  // namespace kqlc::functions

// SPDX-License-Identifier: Apache-2.0
//
// Times made from their parts: make_datetime, make_timespan. In: numbers for years down to seconds with a
// fraction. Out: a datetime or a timespan; null where a part is out of its range. Sources: the page of each
// function.
#pragma once

#include <cmath>

#include "runtime/functions/arithmetic.h"
#include "runtime/functions/calendar.h"
#include "runtime/functions/function.h"

namespace kqlc::functions {

// Ticks of a time of day; null unless 0 <= hour < 24, 0 <= minute < 60, 0 <= second < 60.
inline Nullable<int64_t> ticks_of_day(int64_t hour, int64_t minute, double second) {
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || !(second >= 0 && second < 60)) return {};
  auto ticks = static_cast<int64_t>(std::llround(second * static_cast<double>(datetime::kTicksPerSecond)));
  return hour * datetime::kTicksPerHour + minute * datetime::kTicksPerMinute + ticks;
}

struct MakeDateTime {
  static constexpr Spec spec{
      .name = "make_datetime",
      .result_name = ResultName::OnlyArgument,
      .doc = "the datetime of a date and a time of day with seconds",
      .page = "make-datetime-function",
      .examples = {"make_datetime(2017, 10, 01, 12, 11, 0.1234567) == datetime(2017-10-01 12:11:00.1234567)",
                   "isnull(make_datetime(2017, 13, 1, 0, 0, 0))"}};
  static Nullable<DateTime> call(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute,
                                 double second) {
    if (year < 1 || year > 9999 || month < 1 || month > 12) return {};
    int y = static_cast<int>(year), m = static_cast<int>(month);
    if (day < 1 || day > datetime::days_in_month(y, m)) return {};
    Nullable<int64_t> time = ticks_of_day(hour, minute, second);
    if (!time.valid) return {};
    return checked_time(datetime::days_from_date({y, m, static_cast<int>(day)}) * datetime::kTicksPerDay +
                        time.value);
  }
};
struct MakeDateTimeMinutes {
  static constexpr Spec spec{
      .name = "make_datetime",
      .result_name = ResultName::OnlyArgument,
      .doc = "the datetime of a date, an hour and a minute",
      .page = "make-datetime-function",
      .examples = {"make_datetime(2017, 10, 01, 12, 10) == datetime(2017-10-01 12:10)"}};
  static Nullable<DateTime> call(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute) {
    return MakeDateTime::call(year, month, day, hour, minute, 0);
  }
};
struct MakeDate {
  static constexpr Spec spec{.name = "make_datetime",
                             .result_name = ResultName::OnlyArgument,
                             .doc = "the midnight with which a date begins",
                             .page = "make-datetime-function",
                             .examples = {"make_datetime(2017, 10, 01) == datetime(2017-10-01)",
                                          "isnull(make_datetime(2017, 2, 29))"}};
  static Nullable<DateTime> call(int64_t year, int64_t month, int64_t day) {
    return MakeDateTime::call(year, month, day, 0, 0, 0);
  }
};
struct MakeTimeSpanDays {
  static constexpr Spec spec{.name = "make_timespan",
                             .result_name = ResultName::OnlyArgument,
                             .doc = "the timespan of days, hours, minutes and seconds",
                             .page = "make-timespan-function",
                             .examples = {"make_timespan(1, 12, 30, 55.123) == time(1.12:30:55.123)"}};
  static Nullable<TimeSpan> call(int64_t days, int64_t hours, int64_t minutes, double seconds) {
    constexpr int64_t kMostDays = INT64_MAX / datetime::kTicksPerDay - 1;
    Nullable<int64_t> time = ticks_of_day(hours, minutes, seconds);
    if (!time.valid || days < 0 || days > kMostDays) return {};
    return TimeSpan{days * datetime::kTicksPerDay + time.value};
  }
};
struct MakeTimeSpanSeconds {
  static constexpr Spec spec{.name = "make_timespan",
                             .result_name = ResultName::OnlyArgument,
                             .doc = "the timespan of hours, minutes and seconds",
                             .page = "make-timespan-function",
                             .examples = {"make_timespan(12, 30, 55.123) == time(12:30:55.123)"}};
  static Nullable<TimeSpan> call(int64_t hours, int64_t minutes, double seconds) {
    return MakeTimeSpanDays::call(0, hours, minutes, seconds);
  }
};
struct MakeTimeSpan {
  static constexpr Spec spec{
      .name = "make_timespan",
      .result_name = ResultName::OnlyArgument,
      .doc = "the timespan of hours and minutes",
      .page = "make-timespan-function",
      .examples = {"make_timespan(12, 30) == 12h + 30m", "isnull(make_timespan(24, 0))"}};
  static Nullable<TimeSpan> call(int64_t hours, int64_t minutes) {
    return MakeTimeSpanDays::call(0, hours, minutes, 0);
  }
};
struct UnixTimeNanoseconds {
  static constexpr Spec spec{
      .name = "unixtime_nanoseconds_todatetime",
      .doc = "the datetime so many nanoseconds after 1970",
      .page = "unixtime-nanoseconds-todatetime-function",
      .examples = {"unixtime_nanoseconds_todatetime(1546300800000000000) == datetime(2019-01-01)"}};
  static Nullable<DateTime> call(int64_t nanoseconds) {
    return checked_time(wrap_add(nanoseconds / 100, datetime::kUnixEpochTicks));
  }
};

using MakeTimeFunctions = List<MakeDateTime, MakeDateTimeMinutes, MakeDate, MakeTimeSpanDays,
                               MakeTimeSpanSeconds, MakeTimeSpan, UnixTimeNanoseconds>;

}  // namespace kqlc::functions

// SPDX-License-Identifier: Apache-2.0
//
// Functions of time: now and ago (query time, one value a run), starts and ends of periods, parts of a
// datetime. In: datetimes, timespans. Out: the same, or numbers. Weeks begin on Sunday. Sources: the page of
// each function.
#pragma once

#include "runtime/functions/arithmetic.h"
#include "runtime/functions/function.h"
#include "runtime/value/datetime.h"

namespace kqlc::functions {

struct Now {
  static constexpr Spec spec{.name = "now", .folds = false, .doc = "query time", .page = "now-function"};
  static DateTime call(Context& context) { return {context.now}; }
};
struct NowOffset {
  static constexpr Spec spec{
      .name = "now", .folds = false, .doc = "query time plus an offset", .page = "now-function"};
  static Nullable<DateTime> call(Context& context, TimeSpan offset) {
    return checked_time(wrap_add(context.now, offset.ticks));
  }
};
struct Ago {
  static constexpr Spec spec{
      .name = "ago", .folds = false, .doc = "query time less a timespan", .page = "ago-function"};
  static Nullable<DateTime> call(Context& context, TimeSpan offset) {
    return checked_time(wrap_subtract(context.now, offset.ticks));
  }
};

enum class Period { Day, Week, Month, Year };

// Day number on which the period of `days` begins, moved by `offset` periods; days out of range for no
// datetime.
inline int64_t period_start(int64_t days, Period period, int64_t offset) {
  datetime::Date date = datetime::date_from_days(days);
  switch (period) {
    case Period::Day:
      return days + offset;
    case Period::Week:
      return days - (days + 1) % 7 + offset * 7;  // 0001-01-01 is a Monday
    case Period::Month: {
      int64_t month = date.year * int64_t{12} + date.month - 1 + offset;
      if (month < 12 || month >= 120000) return INT64_MAX / datetime::kTicksPerDay;
      return datetime::days_from_date({static_cast<int>(month / 12), static_cast<int>(month % 12) + 1, 1});
    }
    case Period::Year: {
      int64_t year = date.year + offset;
      if (year < 1 || year > 10000) return INT64_MAX / datetime::kTicksPerDay;
      return datetime::days_from_date({static_cast<int>(year), 1, 1});
    }
  }
  return days;
}

template <Period period, bool end>
constexpr const char* period_name() {
  constexpr const char* starts[] = {"startofday", "startofweek", "startofmonth", "startofyear"};
  constexpr const char* ends[] = {"endofday", "endofweek", "endofmonth", "endofyear"};
  return end ? ends[static_cast<int>(period)] : starts[static_cast<int>(period)];
}

template <Period period, bool end>
struct PeriodBorderOffset {
  static constexpr Spec spec{
      .name = period_name<period, end>(),
      .result_name = period == Period::Day && !end ? ResultName::FirstArgument : ResultName::None,
      .doc = "first or last moment of the period, moved by whole periods",
      .page = period_name<period, end>()};
  static Nullable<DateTime> call(DateTime value, int64_t offset) {
    if (offset > 4'000'000 || offset < -4'000'000) return {};
    int64_t day = period_start(value.ticks / datetime::kTicksPerDay, period, end ? offset + 1 : offset);
    return checked_time(day * datetime::kTicksPerDay - (end ? 1 : 0));
  }
};
template <Period period, bool end>
struct PeriodBorder {
  static constexpr Spec spec = PeriodBorderOffset<period, end>::spec;
  static Nullable<DateTime> call(DateTime value) { return PeriodBorderOffset<period, end>::call(value, 0); }
};

struct DayOfWeek {
  static constexpr Spec spec{.name = "dayofweek",
                             .doc = "days since the preceding Sunday, as a timespan",
                             .page = "dayofweek-function",
                             .examples = {"dayofweek(datetime(2015-12-14)) == 1d"}};
  static TimeSpan call(DateTime value) {
    return {(value.ticks / datetime::kTicksPerDay + 1) % 7 * datetime::kTicksPerDay};
  }
};
struct DayOfMonth {
  static constexpr Spec spec{.name = "dayofmonth",
                             .doc = "day of the month",
                             .page = "dayofmonth-function",
                             .examples = {"dayofmonth(datetime(2015-12-14)) == 14"}};
  static int32_t call(DateTime value) {
    return datetime::date_from_days(value.ticks / datetime::kTicksPerDay).day;
  }
};
struct HourOfDay {
  static constexpr Spec spec{.name = "hourofday",
                             .doc = "hour of the day",
                             .page = "hourofday-function",
                             .examples = {"hourofday(datetime(2015-12-14 18:54)) == 18"}};
  static int64_t call(DateTime value) { return value.ticks / datetime::kTicksPerHour % 24; }
};
struct GetMonth {
  static constexpr Spec spec{.name = "getmonth",
                             .doc = "month, 1 to 12",
                             .page = "getmonth-function",
                             .examples = {"getmonth(datetime(2015-10-12)) == 10"}};
  static int32_t call(DateTime value) {
    return datetime::date_from_days(value.ticks / datetime::kTicksPerDay).month;
  }
};
struct MonthOfYear {
  static constexpr Spec spec{.name = "monthofyear",
                             .doc = "month, 1 to 12, as a long",
                             .page = "monthofyear-function",
                             .examples = {"monthofyear(datetime(2015-12-14)) == 12"}};
  static int64_t call(DateTime value) { return GetMonth::call(value); }
};
struct GetYear {
  static constexpr Spec spec{.name = "getyear",
                             .doc = "year",
                             .page = "getyear-function",
                             .examples = {"getyear(datetime(2015-10-12)) == 2015"}};
  static int32_t call(DateTime value) {
    return datetime::date_from_days(value.ticks / datetime::kTicksPerDay).year;
  }
};

using TimeFunctions =
    List<Now, NowOffset, Ago, PeriodBorder<Period::Day, false>, PeriodBorder<Period::Week, false>,
         PeriodBorder<Period::Month, false>, PeriodBorder<Period::Year, false>,
         PeriodBorder<Period::Day, true>, PeriodBorder<Period::Week, true>, PeriodBorder<Period::Month, true>,
         PeriodBorder<Period::Year, true>, PeriodBorderOffset<Period::Day, false>,
         PeriodBorderOffset<Period::Week, false>, PeriodBorderOffset<Period::Month, false>,
         PeriodBorderOffset<Period::Year, false>, PeriodBorderOffset<Period::Day, true>,
         PeriodBorderOffset<Period::Week, true>, PeriodBorderOffset<Period::Month, true>,
         PeriodBorderOffset<Period::Year, true>, DayOfWeek, DayOfMonth, HourOfDay, GetMonth, MonthOfYear,
         GetYear>;

}  // namespace kqlc::functions

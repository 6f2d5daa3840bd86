// SPDX-License-Identifier: Apache-2.0
//
// datetime and timespan: their text forms and calendar arithmetic. In: text as rules and exports write it, or
// ticks. Out: ticks of 100 ns (datetime since 0001-01-01 UTC), or Kusto's text forms. A value outside the
// years 1 to 9999 does not exist: functions that would make one return null. Sources: KQL "The datetime data
// type", "The timespan data type".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/base/arena.h"
#include "runtime/value/type.h"

namespace kqlc::datetime {

inline constexpr int64_t kTicksPerMicrosecond = 10;
inline constexpr int64_t kTicksPerMillisecond = 10'000;
inline constexpr int64_t kTicksPerSecond = 10'000'000;
inline constexpr int64_t kTicksPerMinute = 60 * kTicksPerSecond;
inline constexpr int64_t kTicksPerHour = 60 * kTicksPerMinute;
inline constexpr int64_t kTicksPerDay = 24 * kTicksPerHour;
inline constexpr int64_t kMaxTicks = 3'155'378'975'999'999'999;      // 9999-12-31 23:59:59.9999999
inline constexpr int64_t kUnixEpochTicks = 621'355'968'000'000'000;  // 1970-01-01

struct Date {
  int year;   // 1..9999
  int month;  // 1..12
  int day;    // 1..31
};

constexpr bool in_range(int64_t ticks) { return ticks >= 0 && ticks <= kMaxTicks; }

// Days since 0001-01-01 of a date of the Gregorian calendar. Requires: a valid date.
int64_t days_from_date(Date date);
// Requires: 0 <= days <= 3652058.
Date date_from_days(int64_t days);
int days_in_month(int year, int month);
bool is_leap_year(int year);

// Reads ISO 8601 with up to seven (more are cut) fraction digits and an optional zone, RFC 822, and the US
// forms Kusto takes. Empty when `text` is no datetime or is out of range.
std::optional<DateTime> read_datetime(std::string_view text);

// Reads "1.02:03:04.5", "02:03", and literals such as "1d", "1.5h", "10 minutes". Empty when it is none or
// overflows.
std::optional<TimeSpan> read_timespan(std::string_view text);

// "2024-02-29T12:00:00.1234567Z": always seven decimals. 28 bytes.
Str print_datetime(DateTime value, Arena& arena);
inline constexpr int kDateTimeSize = 28;
void print_datetime(DateTime value, char* out);

// "[-][d.]hh:mm:ss[.fffffff]".
Str print_timespan(TimeSpan value, Arena& arena);

// The present moment.
DateTime system_now();

}  // namespace kqlc::datetime

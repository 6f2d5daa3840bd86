// SPDX-License-Identifier: Apache-2.0
//
// Parts of datetimes, and the patterns that format them.
#include "runtime/functions/calendar.h"

#include <algorithm>
#include <memory>

#include "runtime/functions/arithmetic.h"

namespace kqlc::functions {

namespace {

bool same_name(std::string_view name, std::string_view lower) {
  return name.size() == lower.size() &&
         std::equal(name.begin(), name.end(), lower.begin(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a | 32 : a) == b; });
}

int64_t ticks_of(Part part) {
  switch (part) {
    case Part::Week:
      return 7 * datetime::kTicksPerDay;
    case Part::Hour:
      return datetime::kTicksPerHour;
    case Part::Minute:
      return datetime::kTicksPerMinute;
    case Part::Second:
      return datetime::kTicksPerSecond;
    case Part::Millisecond:
      return datetime::kTicksPerMillisecond;
    case Part::Microsecond:
      return datetime::kTicksPerMicrosecond;
    default:
      return datetime::kTicksPerDay;
  }
}

// ISO 8601: the week that holds the year's first Thursday is week 1.
int64_t iso_week(int64_t days) {
  int64_t thursday = days - days % 7 + 3;  // day 0 is a Monday
  int64_t last_day = datetime::days_from_date({9999, 12, 31});
  int year = thursday > last_day ? 10000 : datetime::date_from_days(thursday).year;
  int64_t first = year == 10000 ? last_day + 1 : datetime::days_from_date({year, 1, 1});
  return (thursday - first) / 7 + 1;
}

}  // namespace

PartName* PartName::read(Str name, bool of_year, const char** error) {
  static constexpr std::pair<std::string_view, Part> kNames[] = {{"year", Part::Year},
                                                                 {"quarter", Part::Quarter},
                                                                 {"month", Part::Month},
                                                                 {"day", Part::Day},
                                                                 {"hour", Part::Hour},
                                                                 {"minute", Part::Minute},
                                                                 {"second", Part::Second},
                                                                 {"millisecond", Part::Millisecond},
                                                                 {"microsecond", Part::Microsecond},
                                                                 {"nanosecond", Part::Nanosecond}};
  auto make = [](Part part) {
    auto result = std::make_unique<PartName>();
    result->part = part;
    return result.release();
  };
  for (auto [known, part] : kNames)
    if (same_name(name.view(), known)) return make(part);
  if (same_name(name.view(), of_year ? "week_of_year" : "week")) return make(Part::Week);
  if (of_year && same_name(name.view(), "dayofyear")) return make(Part::DayOfYear);
  *error =
      "the part is none of year, quarter, month, week, day, hour, minute, second, millisecond, microsecond, "
      "nanosecond";
  return nullptr;
}

int64_t read_part(DateTime value, Part part) {
  int64_t days = value.ticks / datetime::kTicksPerDay, second = value.ticks % datetime::kTicksPerSecond;
  datetime::Date date = datetime::date_from_days(days);
  switch (part) {
    case Part::Year:
      return date.year;
    case Part::Quarter:
      return (date.month + 2) / 3;
    case Part::Month:
      return date.month;
    case Part::Week:
      return iso_week(days);
    case Part::Day:
      return date.day;
    case Part::DayOfYear:
      return days - datetime::days_from_date({date.year, 1, 1}) + 1;
    case Part::Hour:
      return value.ticks / datetime::kTicksPerHour % 24;
    case Part::Minute:
      return value.ticks / datetime::kTicksPerMinute % 60;
    case Part::Second:
      return value.ticks / datetime::kTicksPerSecond % 60;
    case Part::Millisecond:
      return second / datetime::kTicksPerMillisecond;
    case Part::Microsecond:
      return second / datetime::kTicksPerMicrosecond;
    case Part::Nanosecond:
      return second * 100;
  }
  return 0;
}

int64_t difference_in(Part part, DateTime later, DateTime earlier) {
  auto months = [](DateTime value) {
    datetime::Date date = datetime::date_from_days(value.ticks / datetime::kTicksPerDay);
    return int64_t{date.year} * 12 + date.month - 1;
  };
  switch (part) {
    case Part::Year:
      return months(later) / 12 - months(earlier) / 12;
    case Part::Quarter:
      return months(later) / 3 - months(earlier) / 3;
    case Part::Month:
      return months(later) - months(earlier);
    case Part::Nanosecond:
      return wrap_multiply(wrap_subtract(later.ticks, earlier.ticks), 100);
    default:
      break;
  }
  int64_t unit = ticks_of(part),
          shift = part == Part::Week ? datetime::kTicksPerDay : 0;  // day 0 is a Monday
  return (later.ticks + shift) / unit - (earlier.ticks + shift) / unit;
}

Nullable<DateTime> add_parts(Part part, int64_t amount, DateTime value) {
  if (part == Part::Year || part == Part::Quarter || part == Part::Month) {
    if (amount > 200'000 || amount < -200'000) return {};
    datetime::Date date = datetime::date_from_days(value.ticks / datetime::kTicksPerDay);
    int64_t month = int64_t{date.year} * 12 + date.month - 1 +
                    amount * (part == Part::Year      ? 12
                              : part == Part::Quarter ? 3
                                                      : 1);
    if (month < 12 || month >= 120'000) return {};
    int year = static_cast<int>(month / 12), in_year = static_cast<int>(month % 12) + 1;
    int day = std::min(date.day, datetime::days_in_month(year, in_year));
    return DateTime{datetime::days_from_date({year, in_year, day}) * datetime::kTicksPerDay +
                    value.ticks % datetime::kTicksPerDay};
  }
  int64_t ticks = 0;
  if (part == Part::Nanosecond) {
    ticks = amount / 100;
  } else if (__builtin_mul_overflow(amount, ticks_of(part), &ticks)) {
    return {};
  }
  if (__builtin_add_overflow(ticks, value.ticks, &ticks)) return {};
  return checked_time(ticks);
}

TimePattern* TimePattern::read(Str pattern, bool of_timespan, const char** error) {
  auto result = std::make_unique<TimePattern>();
  std::string_view text = pattern.view(), letters = of_timespan ? "dfFhHms" : "dfFhHmMsyt",
                   delimiters = " /-:,._[]";
  for (size_t at = 0; at < text.size();) {
    char c = text[at];
    size_t count = std::min(text.find_first_not_of(c, at), text.size()) - at;
    if (delimiters.find(c) != std::string_view::npos) {
      result->pieces += c;
      result->pieces += '\0';
      ++at;
      continue;
    }
    size_t most = c == 'f' || c == 'F' ? 7 : c == 'd' && of_timespan ? 8 : c == 'y' ? 4 : 2;
    bool odd = (c == 'y' && count == 3) || (c == 't' && count == 1);
    if (letters.find(c) == std::string_view::npos || count > most || odd) {
      *error = "the pattern holds something that is no documented specifier or delimiter";
      return nullptr;
    }
    result->pieces += c;
    result->pieces += static_cast<char>(count);
    at += count;
  }
  return result.release();
}

namespace {

void append_number(std::string& out, uint64_t value, size_t width) {
  std::string digits = std::to_string(value);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

void append_fraction(std::string& out, uint64_t ticks, size_t digits, bool drop_zeros) {
  std::string all;
  append_number(all, ticks % datetime::kTicksPerSecond, 7);
  all.resize(digits);
  while (drop_zeros && !all.empty() && all.back() == '0') all.pop_back();
  out += all;
}

}  // namespace

Str format_time(const TimePattern& pattern, int64_t ticks, bool of_timespan, Arena& arena) {
  std::string out;
  uint64_t size = ticks < 0 ? 0 - static_cast<uint64_t>(ticks) : static_cast<uint64_t>(ticks);
  uint64_t days = size / datetime::kTicksPerDay, hour = size / datetime::kTicksPerHour % 24;
  datetime::Date date{1, 1, 1};
  if (!of_timespan) date = datetime::date_from_days(static_cast<int64_t>(days));
  uint64_t year = static_cast<uint64_t>(date.year);
  for (size_t i = 0; i < pattern.pieces.size(); i += 2) {
    size_t count = static_cast<size_t>(pattern.pieces[i + 1]);
    char letter = pattern.pieces[i];
    if (count == 0) {
      out += letter;
      continue;
    }
    switch (letter) {
      case 'd':
        append_number(out, of_timespan ? days : static_cast<uint64_t>(date.day), count);
        break;
      case 'f':
        append_fraction(out, size, count, false);
        break;
      case 'F':
        append_fraction(out, size, count, true);
        break;
      case 'h':
        append_number(out, of_timespan ? hour : (hour + 11) % 12 + 1, count);
        break;
      case 'H':
        append_number(out, hour, count);
        break;
      case 'm':
        append_number(out, size / datetime::kTicksPerMinute % 60, count);
        break;
      case 'M':
        append_number(out, static_cast<uint64_t>(date.month), count);
        break;
      case 's':
        append_number(out, size / datetime::kTicksPerSecond % 60, count);
        break;
      case 'y':
        append_number(out, count == 4 ? year : year % 100, count);
        break;
      default:
        out += hour < 12 ? "AM" : "PM";
    }
  }
  return arena.copy(std::string_view(out));
}

}  // namespace kqlc::functions

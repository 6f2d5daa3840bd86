// SPDX-License-Identifier: Apache-2.0
//
// Reading and printing datetime and timespan. The quick path reads the one form that exports write
// (2024-02-29T12:00:00.1234567Z); everything else goes through a small scanner.
#include "runtime/value/datetime.h"

#include <time.h>

#include <cstdio>
#include <cstring>

namespace kqlc::datetime {

bool is_leap_year(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int days_in_month(int year, int month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap_year(year) ? 29 : kDays[month - 1];
}

// Civil calendar arithmetic in 400-year eras that begin on 1 March.
int64_t days_from_date(Date date) {
  int year = date.month <= 2 ? date.year - 1 : date.year;
  int era = (year >= 0 ? year : year - 399) / 400;
  int year_of_era = year - era * 400;
  int day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return static_cast<int64_t>(era) * 146097 + day_of_era - 306;
}

Date date_from_days(int64_t days) {
  days += 306;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  int day_of_era = static_cast<int>(days - era * 146097);
  int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int shifted_month = (5 * day_of_year + 2) / 153;
  int day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  int month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  int year = static_cast<int>(year_of_era + era * 400) + (month <= 2 ? 1 : 0);
  return {year, month, day};
}

namespace {

// Walks over a text; every take_ member moves on only when it succeeds.
struct Scanner {
  std::string_view text;
  size_t at = 0;

  bool done() const { return at >= text.size(); }
  char peek() const { return done() ? '\0' : text[at]; }
  bool take(char c) {
    if (peek() != c || done()) return false;
    ++at;
    return true;
  }
  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t') ++at;
  }
  // Reads between `least` and `most` digits.
  std::optional<int64_t> take_digits(int least, int most) {
    size_t start = at;
    int64_t value = 0;
    while (!done() && text[at] >= '0' && text[at] <= '9' && static_cast<int>(at - start) < most)
      value = value * 10 + (text[at++] - '0');
    if (static_cast<int>(at - start) < least) {
      at = start;
      return std::nullopt;
    }
    return value;
  }
  // Reads a fraction after its point, as ticks of a second; digits beyond the seventh are cut.
  std::optional<int64_t> take_fraction() {
    int64_t value = 0;
    int digits = 0;
    for (; !done() && text[at] >= '0' && text[at] <= '9'; ++at, ++digits)
      if (digits < 7) value = value * 10 + (text[at] - '0');
    if (digits == 0) return std::nullopt;
    for (; digits < 7; ++digits) value *= 10;
    return value;
  }
  std::string_view take_word() {
    size_t start = at;
    while (!done() && ((text[at] | 32) >= 'a' && (text[at] | 32) <= 'z')) ++at;
    return text.substr(start, at - start);
  }
};

bool same_word(std::string_view word, std::string_view lower) {
  if (word.size() != lower.size()) return false;
  for (size_t i = 0; i < word.size(); ++i)
    if ((word[i] | 32) != lower[i]) return false;
  return true;
}

std::optional<int64_t> ticks_of_date(int64_t year, int64_t month, int64_t day) {
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
      day > days_in_month(static_cast<int>(year), static_cast<int>(month)))
    return std::nullopt;
  return days_from_date({static_cast<int>(year), static_cast<int>(month), static_cast<int>(day)}) *
         kTicksPerDay;
}

// Reads "hh:mm[:ss[.f]]" and an AM/PM mark; ticks of the day.
std::optional<int64_t> take_time_of_day(Scanner& in) {
  auto hour = in.take_digits(1, 2);
  if (!hour || !in.take(':')) return std::nullopt;
  auto minute = in.take_digits(1, 2);
  if (!minute) return std::nullopt;
  int64_t second = 0, fraction = 0;
  if (in.take(':')) {
    auto seconds = in.take_digits(1, 2);
    if (!seconds) return std::nullopt;
    second = *seconds;
    if (in.peek() == '.' || in.peek() == ',') {
      ++in.at;
      auto digits = in.take_fraction();
      if (!digits) return std::nullopt;
      fraction = *digits;
    }
  }
  size_t before = in.at;
  in.skip_blanks();
  std::string_view mark = in.take_word();
  bool pm = same_word(mark, "pm"), am = same_word(mark, "am");
  if (!pm && !am) {
    in.at = before;
  } else {
    if (*hour < 1 || *hour > 12) return std::nullopt;
    hour = *hour % 12 + (pm ? 12 : 0);
  }
  if (*hour == 24 && *minute == 0 && second == 0 && fraction == 0) return kTicksPerDay;
  if (*hour > 23 || *minute > 59 || second > 59) return std::nullopt;
  return *hour * kTicksPerHour + *minute * kTicksPerMinute + second * kTicksPerSecond + fraction;
}

// Reads "Z", "UTC", "GMT" or "+hh:mm"; the ticks to subtract. Nothing there is UTC.
std::optional<int64_t> take_zone(Scanner& in) {
  in.skip_blanks();
  if (in.done()) return 0;
  if (in.peek() == '+' || in.peek() == '-') {
    bool minus = in.text[in.at++] == '-';
    auto hours = in.take_digits(2, 2);
    in.take(':');
    auto minutes = in.take_digits(2, 2);
    if (!hours || *hours > 14 || (minutes && *minutes > 59)) return std::nullopt;
    int64_t offset = *hours * kTicksPerHour + minutes.value_or(0) * kTicksPerMinute;
    return minus ? -offset : offset;
  }
  std::string_view zone = in.take_word();
  if (same_word(zone, "z") || same_word(zone, "utc") || same_word(zone, "gmt")) return 0;
  return std::nullopt;
}

std::optional<int64_t> month_of(std::string_view word) {
  static constexpr std::string_view kMonths[] = {"january",   "february", "march",    "april",
                                                 "may",       "june",     "july",     "august",
                                                 "september", "october",  "november", "december"};
  for (int i = 0; i < 12; ++i)
    if (same_word(word, kMonths[i]) || same_word(word, kMonths[i].substr(0, 3))) return i + 1;
  return std::nullopt;
}

// "2024-02-29", "2024/02/29", "2024-02", "20240229", "2024".
std::optional<int64_t> take_iso_date(Scanner& in) {
  size_t start = in.at;
  if (auto compact = in.take_digits(8, 8))
    return ticks_of_date(*compact / 10000, *compact / 100 % 100, *compact % 100);
  in.at = start;
  auto year = in.take_digits(4, 4);
  if (!year) return std::nullopt;
  char separator = in.peek();
  if (separator != '-' && separator != '/') return in.done() ? ticks_of_date(*year, 1, 1) : std::nullopt;
  ++in.at;
  auto month = in.take_digits(1, 2);
  if (!month) return std::nullopt;
  if (!in.take(separator)) return ticks_of_date(*year, *month, 1);
  auto day = in.take_digits(1, 2);
  return day ? ticks_of_date(*year, *month, *day) : std::nullopt;
}

// "2/29/2024" or "02-29-2024": month first, as Kusto reads it.
std::optional<int64_t> take_us_date(Scanner& in) {
  auto month = in.take_digits(1, 2);
  char separator = in.peek() == '-' ? '-' : '/';
  if (!month || !in.take(separator)) return std::nullopt;
  auto day = in.take_digits(1, 2);
  if (!day || !in.take(separator)) return std::nullopt;
  auto year = in.take_digits(4, 4);
  return year ? ticks_of_date(*year, *month, *day) : std::nullopt;
}

// RFC 822 and 850: "[Sat, ]8 Nov 14 15:05:02", "8-Nov-2014", "Nov 8, 2014".
std::optional<int64_t> take_worded_date(Scanner& in) {
  std::string_view word = in.take_word();
  if (!word.empty() && !month_of(word)) {
    in.take(',');
    in.skip_blanks();
    word = in.take_word();
  }
  std::optional<int64_t> day, month, year;
  auto separate = [&] {
    if (!in.take('-')) in.skip_blanks();
  };
  if (!word.empty()) {
    month = month_of(word);
    separate();
    day = in.take_digits(1, 2);
    in.take(',');
    in.skip_blanks();
  } else {
    day = in.take_digits(1, 2);
    separate();
    month = month_of(in.take_word());
    separate();
  }
  size_t start = in.at;
  year = in.take_digits(2, 4);
  if (!day || !month || !year) return std::nullopt;
  if (in.at - start == 2) year = *year + (*year < 50 ? 2000 : 1900);
  return ticks_of_date(*year, *month, *day);
}

std::optional<int64_t> take_date(Scanner& in) {
  size_t start = in.at;
  for (auto form : {take_iso_date, take_us_date, take_worded_date}) {
    in.at = start;
    if (auto ticks = form(in)) return ticks;
  }
  return std::nullopt;
}

// The form of exports, "YYYY-MM-DDThh:mm:ss[.fffffff]Z", without any branch on other forms.
std::optional<DateTime> read_export_form(std::string_view text) {
  if (text.size() < 20 || text.size() > 28 || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
      text[13] != ':' || text[16] != ':' || text.back() != 'Z')
    return std::nullopt;
  bool good = true;
  auto number = [&](size_t at, int digits) {
    int value = 0;
    for (int i = 0; i < digits; ++i) {
      unsigned digit = static_cast<unsigned char>(text[at + i]) - unsigned{'0'};
      good &= digit <= 9;
      value = value * 10 + static_cast<int>(digit);
    }
    return value;
  };
  int year = number(0, 4), month = number(5, 2), day = number(8, 2);
  int hour = number(11, 2), minute = number(14, 2), second = number(17, 2), fraction = 0;
  if (text.size() > 20) {
    if (text[19] != '.' || text.size() == 21) return std::nullopt;
    int digits = static_cast<int>(text.size()) - 21;
    fraction = number(20, digits);
    for (; digits < 7; ++digits) fraction *= 10;
  }
  if (!good || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  auto date = ticks_of_date(year, month, day);
  if (!date) return std::nullopt;
  return DateTime{*date + hour * kTicksPerHour + minute * kTicksPerMinute + second * kTicksPerSecond +
                  fraction};
}

}  // namespace

std::optional<DateTime> read_datetime(std::string_view text) {
  if (auto quick = read_export_form(text)) return quick;
  Scanner in{text};
  in.skip_blanks();
  auto date = take_date(in);
  if (!date) return std::nullopt;
  int64_t ticks = *date, zone = 0;
  bool separated = in.take('T') || in.take('t') || in.take(',') || in.peek() == ' ';
  in.skip_blanks();
  if (separated && in.peek() >= '0' && in.peek() <= '9') {
    auto time = take_time_of_day(in);
    if (!time) return std::nullopt;
    ticks += *time;
  }
  auto offset = take_zone(in);
  if (!offset) return std::nullopt;
  zone = *offset;
  in.skip_blanks();
  ticks -= zone;
  if (!in.done() || !in_range(ticks)) return std::nullopt;
  return DateTime{ticks};
}

namespace {

std::optional<int64_t> ticks_of_unit(std::string_view unit) {
  struct Unit {
    std::string_view name;
    int64_t ticks;
  };
  static constexpr Unit kUnits[] = {{"d", kTicksPerDay},
                                    {"day", kTicksPerDay},
                                    {"days", kTicksPerDay},
                                    {"h", kTicksPerHour},
                                    {"hr", kTicksPerHour},
                                    {"hrs", kTicksPerHour},
                                    {"hour", kTicksPerHour},
                                    {"hours", kTicksPerHour},
                                    {"m", kTicksPerMinute},
                                    {"min", kTicksPerMinute},
                                    {"minute", kTicksPerMinute},
                                    {"minutes", kTicksPerMinute},
                                    {"s", kTicksPerSecond},
                                    {"sec", kTicksPerSecond},
                                    {"second", kTicksPerSecond},
                                    {"seconds", kTicksPerSecond},
                                    {"ms", kTicksPerMillisecond},
                                    {"milli", kTicksPerMillisecond},
                                    {"millis", kTicksPerMillisecond},
                                    {"millisecond", kTicksPerMillisecond},
                                    {"milliseconds", kTicksPerMillisecond},
                                    {"micro", kTicksPerMicrosecond},
                                    {"micros", kTicksPerMicrosecond},
                                    {"microsecond", kTicksPerMicrosecond},
                                    {"microseconds", kTicksPerMicrosecond},
                                    {"nano", 0},
                                    {"nanos", 0},
                                    {"nanosecond", 0},
                                    {"nanoseconds", 0},
                                    {"tick", 1},
                                    {"ticks", 1}};
  for (const Unit& entry : kUnits)
    if (same_word(unit, entry.name)) return entry.ticks;
  return std::nullopt;
}

// "1.5h": number and unit. The product is taken in whole ticks where the number is whole.
std::optional<TimeSpan> read_unit_form(std::string_view text) {
  Scanner in{text};
  bool minus = in.take('-');
  auto whole = in.take_digits(1, 18);
  if (!whole) return std::nullopt;
  double fraction = 0, scale = 0.1;
  if (in.take('.'))
    for (; in.peek() >= '0' && in.peek() <= '9'; scale /= 10) fraction += scale * (in.text[in.at++] - '0');
  in.skip_blanks();
  std::string_view word = in.take_word();
  auto unit = ticks_of_unit(word);
  if (!unit || !in.done()) return std::nullopt;
  int64_t ticks;
  if (*unit == 0) {
    ticks = *whole / 100;
  } else {
    if (__builtin_mul_overflow(*whole, *unit, &ticks)) return std::nullopt;
    auto part = static_cast<int64_t>(fraction * static_cast<double>(*unit) + 0.5);
    if (__builtin_add_overflow(ticks, part, &ticks)) return std::nullopt;
  }
  return TimeSpan{minus ? -ticks : ticks};
}

// Days of at most eight digits and ticks within a day; empty where the sum is no int64.
std::optional<TimeSpan> signed_ticks(bool minus, int64_t days, int64_t ticks) {
  __int128 total = static_cast<__int128>(days) * kTicksPerDay + ticks;
  if (minus) total = -total;
  if (total < INT64_MIN || total > INT64_MAX) return std::nullopt;
  return TimeSpan{static_cast<int64_t>(total)};
}

}  // namespace

std::optional<TimeSpan> read_timespan(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (auto value = read_unit_form(text)) return value;
  Scanner in{text};
  bool minus = in.take('-');
  auto first = in.take_digits(1, 8);
  if (!first) return std::nullopt;
  int64_t days = 0, hours = *first;
  if (in.done()) return signed_ticks(minus, *first, 0);
  if (in.peek() == '.') {
    ++in.at;
    days = *first;
    auto value = in.take_digits(1, 2);
    if (!value) return std::nullopt;
    hours = *value;
  }
  if (!in.take(':')) return std::nullopt;
  auto minutes = in.take_digits(1, 2);
  if (!minutes) return std::nullopt;
  int64_t seconds = 0, fraction = 0;
  if (in.take(':')) {
    auto value = in.take_digits(1, 2);
    if (!value) return std::nullopt;
    seconds = *value;
    if (in.take('.')) {
      auto digits = in.take_fraction();
      if (!digits) return std::nullopt;
      fraction = *digits;
    }
  }
  if (!in.done() || hours > 23 || *minutes > 59 || seconds > 59) return std::nullopt;
  return signed_ticks(
      minus, days, hours * kTicksPerHour + *minutes * kTicksPerMinute + seconds * kTicksPerSecond + fraction);
}

namespace {

void put_digits(char* out, int64_t value, int digits) {
  auto rest = static_cast<uint32_t>(value);  // of seven digits at most
  for (int i = digits - 1; i >= 0; --i, rest /= 10) out[i] = static_cast<char>('0' + rest % 10);
}

}  // namespace

void print_datetime(DateTime value, char* out) {
  Date date = date_from_days(value.ticks / kTicksPerDay);
  const int64_t of_day = value.ticks % kTicksPerDay;
  const auto seconds = static_cast<uint32_t>(of_day / kTicksPerSecond);
  std::memcpy(out, "0000-00-00T00:00:00.0000000Z", kDateTimeSize);
  put_digits(out, date.year, 4);
  put_digits(out + 5, date.month, 2);
  put_digits(out + 8, date.day, 2);
  put_digits(out + 11, seconds / 3600, 2);
  put_digits(out + 14, seconds / 60 % 60, 2);
  put_digits(out + 17, seconds % 60, 2);
  put_digits(out + 20, of_day % kTicksPerSecond, 7);
}

Str print_datetime(DateTime value, Arena& arena) {
  char* out = static_cast<char*>(arena.allocate(kDateTimeSize));
  print_datetime(value, out);
  return {out, kDateTimeSize};
}

Str print_timespan(TimeSpan value, Arena& arena) {
  uint64_t ticks =
      value.ticks < 0 ? 0 - static_cast<uint64_t>(value.ticks) : static_cast<uint64_t>(value.ticks);
  constexpr uint64_t day = kTicksPerDay, second = kTicksPerSecond;
  char* out = static_cast<char*>(arena.allocate(40));
  int size = 0;
  if (value.ticks < 0) out[size++] = '-';
  if (ticks >= day)
    size += std::snprintf(out + size, 16, "%llu.", static_cast<unsigned long long>(ticks / day));
  uint64_t rest = ticks % day;
  std::memcpy(out + size, "00:00:00", 8);
  put_digits(out + size, static_cast<int64_t>(rest / kTicksPerHour), 2);
  put_digits(out + size + 3, static_cast<int64_t>(rest / kTicksPerMinute % 60), 2);
  put_digits(out + size + 6, static_cast<int64_t>(rest / second % 60), 2);
  size += 8;
  if (rest % second) {
    out[size++] = '.';
    put_digits(out + size, static_cast<int64_t>(rest % second), 7);
    size += 7;
  }
  return {out, static_cast<uint64_t>(size)};
}

DateTime system_now() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return {kUnixEpochTicks + now.tv_sec * kTicksPerSecond + now.tv_nsec / 100};
}

}  // namespace kqlc::datetime

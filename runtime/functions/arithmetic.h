// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic: + - * / %, sign, bin, abs, round and their relatives. In: numbers, datetimes, timespans. Out: the same;
// long wraps, integer division cuts toward zero and by zero is null, a time out of range is null.
// Source: KQL "Numerical operators", "Datetime / timespan arithmetic".
#pragma once

#include <cmath>

#include "runtime/functions/function.h"
#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"

namespace kqlc::functions {

inline int64_t wrap_add(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)); }
inline int64_t wrap_subtract(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b)); }
inline int64_t wrap_multiply(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b)); }
inline Nullable<DateTime> checked_time(int64_t ticks) {
  if (!datetime::in_range(ticks)) return {};
  return DateTime{ticks};
}

struct AddLong {
  static constexpr Spec spec{.name = "add", .operators = {"+"}, .doc = "sum", .page = "numerical-operators"};
  static int64_t call(int64_t a, int64_t b) { return wrap_add(a, b); }
};
struct AddReal {
  static constexpr Spec spec{.name = "add", .operators = {"+"}, .doc = "sum", .page = "numerical-operators"};
  static double call(double a, double b) { return a + b; }
};
struct AddDecimal {
  static constexpr Spec spec{.name = "add", .operators = {"+"}, .doc = "sum", .page = "numerical-operators"};
  static kqlc::Decimal call(kqlc::Decimal a, kqlc::Decimal b) { return decimal::add(a, b); }
};
struct AddTimeSpan {
  static constexpr Spec spec{.name = "add", .operators = {"+"}, .doc = "sum", .page = "datetime-timespan-arithmetic"};
  static TimeSpan call(TimeSpan a, TimeSpan b) { return {wrap_add(a.ticks, b.ticks)}; }
};
struct AddDateTime {
  static constexpr Spec spec{.name = "add", .operators = {"+"}, .doc = "time later by a timespan", .page = "datetime-timespan-arithmetic"};
  static Nullable<DateTime> call(DateTime a, TimeSpan b) { return checked_time(wrap_add(a.ticks, b.ticks)); }
};
struct SubtractLong {
  static constexpr Spec spec{.name = "subtract", .operators = {"-"}, .doc = "difference", .page = "numerical-operators"};
  static int64_t call(int64_t a, int64_t b) { return wrap_subtract(a, b); }
};
struct SubtractReal {
  static constexpr Spec spec{.name = "subtract", .operators = {"-"}, .doc = "difference", .page = "numerical-operators"};
  static double call(double a, double b) { return a - b; }
};
struct SubtractDecimal {
  static constexpr Spec spec{.name = "subtract", .operators = {"-"}, .doc = "difference", .page = "numerical-operators"};
  static kqlc::Decimal call(kqlc::Decimal a, kqlc::Decimal b) { return decimal::subtract(a, b); }
};
struct SubtractTimeSpan {
  static constexpr Spec spec{.name = "subtract", .operators = {"-"}, .doc = "difference", .page = "datetime-timespan-arithmetic"};
  static TimeSpan call(TimeSpan a, TimeSpan b) { return {wrap_subtract(a.ticks, b.ticks)}; }
};
struct SubtractDateTimes {
  static constexpr Spec spec{.name = "subtract", .operators = {"-"}, .doc = "time between two datetimes", .page = "datetime-timespan-arithmetic"};
  static TimeSpan call(DateTime a, DateTime b) { return {wrap_subtract(a.ticks, b.ticks)}; }
};
struct SubtractFromDateTime {
  static constexpr Spec spec{.name = "subtract", .operators = {"-"}, .doc = "time earlier by a timespan", .page = "datetime-timespan-arithmetic"};
  static Nullable<DateTime> call(DateTime a, TimeSpan b) { return checked_time(wrap_subtract(a.ticks, b.ticks)); }
};
struct MultiplyLong {
  static constexpr Spec spec{.name = "multiply", .operators = {"*"}, .doc = "product", .page = "numerical-operators"};
  static int64_t call(int64_t a, int64_t b) { return wrap_multiply(a, b); }
};
struct MultiplyReal {
  static constexpr Spec spec{.name = "multiply", .operators = {"*"}, .doc = "product", .page = "numerical-operators"};
  static double call(double a, double b) { return a * b; }
};
struct MultiplyDecimal {
  static constexpr Spec spec{.name = "multiply", .operators = {"*"}, .doc = "product", .page = "numerical-operators"};
  static kqlc::Decimal call(kqlc::Decimal a, kqlc::Decimal b) { return decimal::multiply(a, b); }
};
struct MultiplyTimeSpan {
  static constexpr Spec spec{.name = "multiply", .operators = {"*"}, .doc = "timespan taken several times", .page = "datetime-timespan-arithmetic"};
  static TimeSpan call(TimeSpan a, int64_t b) { return {wrap_multiply(a.ticks, b)}; }
};
struct MultiplyByTimeSpan {
  static constexpr Spec spec{.name = "multiply", .operators = {"*"}, .doc = "timespan taken several times", .page = "datetime-timespan-arithmetic"};
  static TimeSpan call(int64_t a, TimeSpan b) { return {wrap_multiply(a, b.ticks)}; }
};
// Ticks cut toward zero; null where they do not fit.
inline Nullable<TimeSpan> span_of_real(double ticks) {
  if (!(ticks >= -9223372036854775808.0 && ticks < 9223372036854775808.0)) return {};
  return TimeSpan{static_cast<int64_t>(ticks)};
}
struct MultiplyTimeSpanByReal {
  static constexpr Spec spec{.name = "multiply", .operators = {"*"}, .doc = "timespan taken a fraction of times", .page = "datetime-timespan-arithmetic", .examples = {"1h * 1.5 == 90m"}};
  static Nullable<TimeSpan> call(TimeSpan a, double b) { return span_of_real(static_cast<double>(a.ticks) * b); }
};
struct MultiplyRealByTimeSpan {
  static constexpr Spec spec{.name = "multiply", .operators = {"*"}, .doc = "timespan taken a fraction of times", .page = "datetime-timespan-arithmetic", .examples = {"1.5 * 1h == 90m"}};
  static Nullable<TimeSpan> call(double a, TimeSpan b) { return span_of_real(a * static_cast<double>(b.ticks)); }
};
struct DivideTimeSpan {
  static constexpr Spec spec{.name = "divide", .operators = {"/"}, .doc = "a part of a timespan", .page = "datetime-timespan-arithmetic", .examples = {"1h / 2 == 30m"}};
  static Nullable<TimeSpan> call(TimeSpan a, int64_t b) {
    if (b == 0) return {};
    return TimeSpan{b == -1 ? wrap_subtract(0, a.ticks) : a.ticks / b};
  }
};
struct DivideTimeSpanByReal {
  static constexpr Spec spec{.name = "divide", .operators = {"/"}, .doc = "a part of a timespan", .page = "datetime-timespan-arithmetic", .examples = {"1h / 0.5 == 2h"}};
  static Nullable<TimeSpan> call(TimeSpan a, double b) {
    if (b == 0) return {};
    return span_of_real(static_cast<double>(a.ticks) / b);
  }
};
struct DivideLong {
  static constexpr Spec spec{.name = "divide", .operators = {"/"}, .doc = "quotient, cut toward zero", .page = "numerical-operators"};
  static Nullable<int64_t> call(int64_t a, int64_t b) {
    if (b == 0) return {};
    return b == -1 ? wrap_subtract(0, a) : a / b;
  }
};
struct DivideReal {
  static constexpr Spec spec{.name = "divide", .operators = {"/"}, .doc = "quotient", .page = "numerical-operators"};
#if defined(__clang__)
  __attribute__((no_sanitize("float-divide-by-zero")))
#endif
  static double call(double a, double b) { return a / b; }
};
struct DivideDecimal {
  static constexpr Spec spec{.name = "divide", .operators = {"/"}, .doc = "quotient", .page = "numerical-operators"};
  static Nullable<kqlc::Decimal> call(kqlc::Decimal a, kqlc::Decimal b) {
    auto value = decimal::divide(a, b);
    return value ? Nullable<kqlc::Decimal>(*value) : Nullable<kqlc::Decimal>();
  }
};
struct DivideTimeSpans {
  static constexpr Spec spec{.name = "divide", .operators = {"/"}, .doc = "how often one timespan goes into another", .page = "datetime-timespan-arithmetic"};
  static Nullable<double> call(TimeSpan a, TimeSpan b) {
    if (b.ticks == 0) return {};
    return static_cast<double>(a.ticks) / static_cast<double>(b.ticks);
  }
};
struct ModuloLong {
  static constexpr Spec spec{.name = "modulo", .operators = {"%"}, .doc = "remainder, never negative", .page = "numerical-operators"};
  static Nullable<int64_t> call(int64_t a, int64_t b) {
    if (b == 0 || b == -1) return b == 0 ? Nullable<int64_t>() : Nullable<int64_t>(0);
    int64_t rest = a % b;
    return rest < 0 ? (b > 0 ? rest + b : rest - b) : rest;
  }
};
struct NegateLong {
  static constexpr Spec spec{.name = "negate", .operators = {"-"}, .doc = "the number with the other sign", .page = "numerical-operators"};
  static int64_t call(int64_t a) { return wrap_subtract(0, a); }
};
struct NegateReal {
  static constexpr Spec spec{.name = "negate", .operators = {"-"}, .doc = "the number with the other sign", .page = "numerical-operators"};
  static double call(double a) { return -a; }
};
struct NegateTimeSpan {
  static constexpr Spec spec{.name = "negate", .operators = {"-"}, .doc = "the timespan with the other sign", .page = "datetime-timespan-arithmetic"};
  static TimeSpan call(TimeSpan a) { return {wrap_subtract(0, a.ticks)}; }
};

inline int64_t floor_to(int64_t value, int64_t size) {
  int64_t rest = value % size;
  return rest < 0 ? value - rest - size : value - rest;
}
struct BinLong {
  static constexpr Spec spec{.name = "bin", .aliases = {"floor"}, .result_name = ResultName::FirstArgument,
                             .doc = "rounds down to a multiple", .page = "bin-function", .examples = {"bin(7, 5) == 5", "bin(-7, 5) == -10"}};
  static Nullable<int64_t> call(int64_t value, int64_t size) {
    if (size <= 0) return {};
    return floor_to(value, size);
  }
};
struct BinReal {
  static constexpr Spec spec{.name = "bin", .aliases = {"floor"}, .result_name = ResultName::FirstArgument,
                             .doc = "rounds down to a multiple", .page = "bin-function", .examples = {"bin(4.5, 1.0) == 4.0"}};
  static Nullable<double> call(double value, double size) {
    if (!(size > 0)) return {};
    return std::floor(value / size) * size;
  }
};
struct BinTimeSpan {
  static constexpr Spec spec{.name = "bin", .aliases = {"floor"}, .result_name = ResultName::FirstArgument,
                             .doc = "rounds down to a multiple", .page = "bin-function", .examples = {"bin(16d, 7d) == 14d"}};
  static Nullable<TimeSpan> call(TimeSpan value, TimeSpan size) {
    if (size.ticks <= 0) return {};
    return TimeSpan{floor_to(value.ticks, size.ticks)};
  }
};
struct BinDateTime {
  static constexpr Spec spec{.name = "bin", .aliases = {"floor"}, .result_name = ResultName::FirstArgument,
                             .doc = "rounds down to a multiple", .page = "bin-function",
                             .examples = {"bin(datetime(1970-05-11 13:45:07), 1d) == datetime(1970-05-11)"}};
  static Nullable<DateTime> call(DateTime value, TimeSpan size) {
    if (size.ticks <= 0) return {};
    return checked_time(floor_to(value.ticks, size.ticks));
  }
};
struct AbsLong {
  static constexpr Spec spec{.name = "abs", .doc = "absolute value", .page = "abs-function", .examples = {"abs(-5) == 5"}};
  static int64_t call(int64_t a) { return a < 0 ? wrap_subtract(0, a) : a; }
};
struct AbsReal {
  static constexpr Spec spec{.name = "abs", .doc = "absolute value", .page = "abs-function", .examples = {"abs(-5.5) == 5.5"}};
  static double call(double a) { return std::fabs(a); }
};
struct AbsTimeSpan {
  static constexpr Spec spec{.name = "abs", .doc = "absolute value", .page = "abs-function", .examples = {"abs(-1d) == 1d"}};
  static TimeSpan call(TimeSpan a) { return {a.ticks < 0 ? wrap_subtract(0, a.ticks) : a.ticks}; }
};

using ArithmeticFunctions =
    List<AddLong, AddReal, AddDecimal, AddTimeSpan, AddDateTime, SubtractLong, SubtractReal, SubtractDecimal,
         SubtractTimeSpan, SubtractDateTimes, SubtractFromDateTime, MultiplyLong, MultiplyReal, MultiplyDecimal,
         MultiplyTimeSpan, MultiplyByTimeSpan, MultiplyTimeSpanByReal, MultiplyRealByTimeSpan, DivideLong, DivideReal,
         DivideDecimal, DivideTimeSpans, DivideTimeSpan, DivideTimeSpanByReal, ModuloLong,
         NegateLong, NegateReal, NegateTimeSpan, BinLong, BinReal, BinTimeSpan, BinDateTime, AbsLong, AbsReal,
         AbsTimeSpan>;

}  // namespace kqlc::functions

// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic: + - * / %, sign, bin, abs, round and their relatives. In: numbers, datetimes, timespans. Out:
// the same; long wraps, integer division cuts toward zero and by zero is null, a time out of range is null.
// Source: KQL "Numerical operators", "Datetime / timespan arithmetic".
#pragma once

#include <cmath>

#include "runtime/functions/function.h"
#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"

namespace kqlc::functions {

inline int64_t wrap_add(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
inline int64_t wrap_subtract(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
inline int64_t wrap_multiply(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}
inline Nullable<DateTime> checked_time(int64_t ticks) {
  if (!datetime::in_range(ticks)) return {};
  return DateTime{ticks};
}

// Ticks cut toward zero; null where they do not fit.
inline Nullable<TimeSpan> span_of_real(double ticks) {
  if (!(ticks >= -9223372036854775808.0 && ticks < 9223372036854775808.0)) return {};
  return TimeSpan{static_cast<int64_t>(ticks)};
}

// The operators over two values. `apply` is null where there is no answer.
struct Plus {
  static constexpr const char *name = "add", *spelling = "+", *doc = "sum";
  static int64_t apply(int64_t a, int64_t b) { return wrap_add(a, b); }
  static double apply(double a, double b) { return a + b; }
  static kqlc::Decimal apply(kqlc::Decimal a, kqlc::Decimal b) { return decimal::add(a, b); }
  static TimeSpan apply(TimeSpan a, TimeSpan b) { return {wrap_add(a.ticks, b.ticks)}; }
  static Nullable<DateTime> apply(DateTime a, TimeSpan b) { return checked_time(wrap_add(a.ticks, b.ticks)); }
};
struct Minus {
  static constexpr const char *name = "subtract", *spelling = "-", *doc = "difference";
  static int64_t apply(int64_t a, int64_t b) { return wrap_subtract(a, b); }
  static double apply(double a, double b) { return a - b; }
  static kqlc::Decimal apply(kqlc::Decimal a, kqlc::Decimal b) { return decimal::subtract(a, b); }
  static TimeSpan apply(TimeSpan a, TimeSpan b) { return {wrap_subtract(a.ticks, b.ticks)}; }
  static TimeSpan apply(DateTime a, DateTime b) { return {wrap_subtract(a.ticks, b.ticks)}; }
  static Nullable<DateTime> apply(DateTime a, TimeSpan b) {
    return checked_time(wrap_subtract(a.ticks, b.ticks));
  }
};
struct Times {
  static constexpr const char *name = "multiply", *spelling = "*", *doc = "product";
  static int64_t apply(int64_t a, int64_t b) { return wrap_multiply(a, b); }
  static double apply(double a, double b) { return a * b; }
  static kqlc::Decimal apply(kqlc::Decimal a, kqlc::Decimal b) { return decimal::multiply(a, b); }
  static TimeSpan apply(TimeSpan a, int64_t b) { return {wrap_multiply(a.ticks, b)}; }
  static TimeSpan apply(int64_t a, TimeSpan b) { return {wrap_multiply(a, b.ticks)}; }
  static Nullable<TimeSpan> apply(TimeSpan a, double b) {
    return span_of_real(static_cast<double>(a.ticks) * b);
  }
  static Nullable<TimeSpan> apply(double a, TimeSpan b) {
    return span_of_real(a * static_cast<double>(b.ticks));
  }
};
struct Over {
  static constexpr const char *name = "divide", *spelling = "/",
                              *doc = "quotient; of whole numbers cut toward zero";
  static Nullable<int64_t> apply(int64_t a, int64_t b) {
    if (b == 0) return {};
    return b == -1 ? wrap_subtract(0, a) : a / b;
  }
#if defined(__clang__)
  __attribute__((no_sanitize("float-divide-by-zero")))
#endif
  static double
  apply(double a, double b) {
    return a / b;
  }
  static Nullable<kqlc::Decimal> apply(kqlc::Decimal a, kqlc::Decimal b) {
    auto value = decimal::divide(a, b);
    return value ? Nullable<kqlc::Decimal>(*value) : Nullable<kqlc::Decimal>();
  }
  static Nullable<double> apply(TimeSpan a, TimeSpan b) {
    if (b.ticks == 0) return {};
    return static_cast<double>(a.ticks) / static_cast<double>(b.ticks);
  }
  static Nullable<TimeSpan> apply(TimeSpan a, int64_t b) {
    if (b == 0) return {};
    return TimeSpan{b == -1 ? wrap_subtract(0, a.ticks) : a.ticks / b};
  }
  static Nullable<TimeSpan> apply(TimeSpan a, double b) {
    if (b == 0) return {};
    return span_of_real(static_cast<double>(a.ticks) / b);
  }
};
struct Modulo {
  static constexpr const char *name = "modulo", *spelling = "%", *doc = "remainder, never negative";
  static Nullable<int64_t> apply(int64_t a, int64_t b) {
    if (b == 0 || b == -1) return b == 0 ? Nullable<int64_t>() : Nullable<int64_t>(0);
    int64_t rest = a % b;
    return rest < 0 ? (b > 0 ? rest + b : rest - b) : rest;
  }
  static double apply(double a, double b) {
    double rest = std::fmod(a, b);
    return rest < 0 ? rest + std::fabs(b) : rest;
  }
  static Nullable<kqlc::Decimal> apply(kqlc::Decimal a, kqlc::Decimal b) {
    auto rest = decimal::remainder(a, b);
    if (!rest) return {};
    const kqlc::Decimal zero = decimal::from_long(0);
    if (decimal::compare(*rest, zero) >= 0) return *rest;
    return decimal::compare(b, zero) > 0 ? decimal::add(*rest, b) : decimal::subtract(*rest, b);
  }
  static Nullable<TimeSpan> apply(TimeSpan a, TimeSpan b) {
    Nullable<int64_t> rest = apply(a.ticks, b.ticks);
    return rest.valid ? Nullable<TimeSpan>(TimeSpan{rest.value}) : Nullable<TimeSpan>();
  }
  static Nullable<TimeSpan> apply(DateTime a, TimeSpan b) { return apply(TimeSpan{a.ticks}, b); }
};

// One overload of an operator.
template <class Op, class A, class B = A>
struct Arithmetic {
  static constexpr bool kTimes =
      std::is_same_v<A, DateTime> || std::is_same_v<A, TimeSpan> || std::is_same_v<B, TimeSpan>;
  static constexpr Spec spec{.name = Op::name,
                             .operators = {Op::spelling},
                             .doc = Op::doc,
                             .page = kTimes ? "datetime-timespan-arithmetic" : "numerical-operators"};
  static auto call(A a, B b) { return Op::apply(a, b); }
};

template <class T>
struct Negate {
  static constexpr Spec spec{.name = "negate",
                             .operators = {"-"},
                             .doc = "the value with the other sign",
                             .page = "numerical-operators"};
  static T call(T a) {
    if constexpr (std::is_same_v<T, double>) {
      return -a;
    } else if constexpr (std::is_same_v<T, TimeSpan>) {
      return {wrap_subtract(0, a.ticks)};
    } else if constexpr (std::is_same_v<T, kqlc::Decimal>) {
      return decimal::negate(a);
    } else {
      return wrap_subtract(0, a);
    }
  }
};

inline int64_t floor_to(int64_t value, int64_t size) {
  int64_t rest = value % size;
  return rest < 0 ? wrap_subtract(value - rest, size) : value - rest;
}
struct BinLong {
  static constexpr Spec spec{.name = "bin",
                             .aliases = {"floor"},
                             .result_name = ResultName::FirstArgument,
                             .doc = "rounds down to a multiple",
                             .page = "bin-function",
                             .examples = {"bin(7, 5) == 5", "bin(-7, 5) == -10"}};
  static Nullable<int64_t> call(int64_t value, int64_t size) {
    if (size <= 0) return {};
    return floor_to(value, size);
  }
};
struct BinReal {
  static constexpr Spec spec{.name = "bin",
                             .aliases = {"floor"},
                             .result_name = ResultName::FirstArgument,
                             .doc = "rounds down to a multiple",
                             .page = "bin-function",
                             .examples = {"bin(4.5, 1.0) == 4.0"}};
  static Nullable<double> call(double value, double size) {
    if (!(size > 0)) return {};
    return std::floor(value / size) * size;
  }
};
struct BinTimeSpan {
  static constexpr Spec spec{.name = "bin",
                             .aliases = {"floor"},
                             .result_name = ResultName::FirstArgument,
                             .doc = "rounds down to a multiple",
                             .page = "bin-function",
                             .examples = {"bin(16d, 7d) == 14d"}};
  static Nullable<TimeSpan> call(TimeSpan value, TimeSpan size) {
    if (size.ticks <= 0) return {};
    return TimeSpan{floor_to(value.ticks, size.ticks)};
  }
};
struct BinDateTime {
  static constexpr Spec spec{.name = "bin",
                             .aliases = {"floor"},
                             .result_name = ResultName::FirstArgument,
                             .doc = "rounds down to a multiple",
                             .page = "bin-function",
                             .examples = {"bin(datetime(1970-05-11 13:45:07), 1d) == datetime(1970-05-11)"}};
  static Nullable<DateTime> call(DateTime value, TimeSpan size) {
    if (size.ticks <= 0) return {};
    return checked_time(floor_to(value.ticks, size.ticks));
  }
};
struct BinDecimal {
  static constexpr Spec spec{.name = "bin",
                             .aliases = {"floor"},
                             .result_name = ResultName::FirstArgument,
                             .doc = "rounds down to a multiple",
                             .page = "bin-function",
                             .examples = {"bin(decimal(1.55), decimal(0.2)) == decimal(1.4)",
                                          "bin(decimal(-1.5), decimal(1)) == decimal(-2)"}};
  static Nullable<kqlc::Decimal> call(kqlc::Decimal value, kqlc::Decimal size) {
    if (decimal::compare(size, decimal::from_long(0)) <= 0) return {};
    return decimal::subtract(value, Modulo::apply(value, size).value);
  }
};
struct AbsLong {
  static constexpr Spec spec{.name = "abs",
                             .result_name = ResultName::FirstArgument,
                             .doc = "absolute value",
                             .page = "abs-function",
                             .examples = {"abs(-5) == 5"}};
  static int64_t call(int64_t a) { return a < 0 ? wrap_subtract(0, a) : a; }
};
struct AbsReal {
  static constexpr Spec spec{.name = "abs",
                             .result_name = ResultName::FirstArgument,
                             .doc = "absolute value",
                             .page = "abs-function",
                             .examples = {"abs(-5.5) == 5.5"}};
  static double call(double a) { return std::fabs(a); }
};
struct AbsTimeSpan {
  static constexpr Spec spec{.name = "abs",
                             .result_name = ResultName::FirstArgument,
                             .doc = "absolute value",
                             .page = "abs-function",
                             .examples = {"abs(-1d) == 1d"}};
  static TimeSpan call(TimeSpan a) { return {a.ticks < 0 ? wrap_subtract(0, a.ticks) : a.ticks}; }
};

struct AbsDecimal {
  static constexpr Spec spec{.name = "abs",
                             .result_name = ResultName::FirstArgument,
                             .doc = "absolute value",
                             .page = "abs-function",
                             .examples = {"abs(decimal(-1.5)) == decimal(1.5)"}};
  static kqlc::Decimal call(kqlc::Decimal a) {
    return decimal::compare(a, decimal::from_long(0)) < 0 ? decimal::negate(a) : a;
  }
};

using ArithmeticFunctions =
    List<Arithmetic<Plus, int64_t>, Arithmetic<Plus, double>, Arithmetic<Plus, kqlc::Decimal>,
         Arithmetic<Plus, TimeSpan>, Arithmetic<Plus, DateTime, TimeSpan>, Arithmetic<Minus, int64_t>,
         Arithmetic<Minus, double>, Arithmetic<Minus, kqlc::Decimal>, Arithmetic<Minus, TimeSpan>,
         Arithmetic<Minus, DateTime>, Arithmetic<Minus, DateTime, TimeSpan>, Arithmetic<Times, int64_t>,
         Arithmetic<Times, double>, Arithmetic<Times, kqlc::Decimal>, Arithmetic<Times, TimeSpan, int64_t>,
         Arithmetic<Times, int64_t, TimeSpan>, Arithmetic<Times, TimeSpan, double>,
         Arithmetic<Times, double, TimeSpan>, Arithmetic<Over, int64_t>, Arithmetic<Over, double>,
         Arithmetic<Over, kqlc::Decimal>, Arithmetic<Over, TimeSpan>, Arithmetic<Over, TimeSpan, int64_t>,
         Arithmetic<Over, TimeSpan, double>, Arithmetic<Modulo, int64_t>, Arithmetic<Modulo, double>,
         Arithmetic<Modulo, kqlc::Decimal>, Arithmetic<Modulo, TimeSpan>,
         Arithmetic<Modulo, DateTime, TimeSpan>, Negate<int64_t>, Negate<double>,
         Negate<kqlc::Decimal>, Negate<TimeSpan>, BinLong, BinReal, BinDecimal, BinTimeSpan, BinDateTime,
         AbsLong, AbsReal, AbsDecimal, AbsTimeSpan>;

}  // namespace kqlc::functions

// SPDX-License-Identifier: Apache-2.0
//
// Trigonometry, the gamma function, tests for NaN and infinity, shifts and counts of bits, bin_at. In:
// numbers and times (long widens to real where a function is real). Out: numbers, truth values; NaN where
// mathematics has no answer. Sources: the page of each function.
#pragma once

#include <bit>
#include <cmath>
#include <numbers>

#include "runtime/functions/arithmetic.h"
#include "runtime/functions/function.h"

namespace kqlc::functions {

#define KQLC_ANGLE_FUNCTION(Type, kql, text, example, expression)        \
  struct Type {                                                          \
    static constexpr Spec spec{.name = kql,                              \
                               .result_name = ResultName::FirstArgument, \
                               .doc = text,                              \
                               .page = kql "-function",                  \
                               .examples = {example}};                   \
    static double call(double x) { return expression; }                  \
  };
KQLC_ANGLE_FUNCTION(Sin, "sin", "sine of an angle in radians", "sin(0) == 0.0", std::sin(x))
KQLC_ANGLE_FUNCTION(Cos, "cos", "cosine of an angle in radians", "cos(0) == 1.0", std::cos(x))
KQLC_ANGLE_FUNCTION(Tan, "tan", "tangent of an angle in radians", "tan(0) == 0.0", std::tan(x))
struct Cot {
  static constexpr Spec spec{.name = "cot",
                             .doc = "cotangent of an angle in radians",
                             .page = "cot-function",
                             .examples = {"abs(cot(1) - 0.642092615934331) < 1e-12"}};
  static double call(double x) { return 1 / std::tan(x); }
};
KQLC_ANGLE_FUNCTION(Asin, "asin", "angle whose sine this is", "isnan(asin(2))", std::asin(x))
KQLC_ANGLE_FUNCTION(Acos, "acos", "angle whose cosine this is", "acos(1) == 0.0", std::acos(x))
KQLC_ANGLE_FUNCTION(Atan, "atan", "angle whose tangent this is", "atan(0) == 0.0", std::atan(x))
struct Radians {
  static constexpr Spec spec{.name = "radians",
                             .doc = "degrees as radians",
                             .page = "radians-function",
                             .examples = {"abs(radians(180) - pi()) < 1e-12"}};
  static double call(double x) { return x * (std::numbers::pi / 180); }
};
struct Degrees {
  static constexpr Spec spec{.name = "degrees",
                             .doc = "radians as degrees",
                             .page = "degrees-function",
                             .examples = {"degrees(pi()) == 180.0"}};
  static double call(double x) { return x * (180 / std::numbers::pi); }
};
KQLC_ANGLE_FUNCTION(Exp10, "exp10", "10 to the power of the number", "exp10(3) == 1000.0", std::pow(10.0, x))
KQLC_ANGLE_FUNCTION(Gamma, "gamma", "the gamma function", "gamma(5) == 24.0", std::tgamma(x))
KQLC_ANGLE_FUNCTION(Erf, "erf", "the error function", "erf(0) == 0.0", std::erf(x))
KQLC_ANGLE_FUNCTION(Erfc, "erfc", "1 less the error function", "erfc(0) == 1.0", std::erfc(x))
#undef KQLC_ANGLE_FUNCTION

struct Atan2 {
  static constexpr Spec spec{.name = "atan2",
                             .result_name = ResultName::FirstArgument,
                             .doc = "angle between the x axis and the ray to (x, y), y given first",
                             .page = "atan2-function",
                             .examples = {"atan2(0, -1) == pi()"}};
  static double call(double y, double x) { return std::atan2(y, x); }
};
struct Pi {
  static constexpr Spec spec{.name = "pi",
                             .doc = "circumference of a circle by its diameter",
                             .page = "pi-function",
                             .examples = {"abs(pi() - 3.14159265358979) < 1e-14"}};
  static double call() { return std::numbers::pi; }
};
struct IsNan {
  static constexpr Spec spec{.name = "isnan",
                             .doc = "whether the number is NaN",
                             .page = "isnan-function",
                             .examples = {"isnan(0.0 / 0.0)", "isnan(1.0) == false"}};
  static bool call(double x) { return std::isnan(x); }
};
struct IsInf {
  static constexpr Spec spec{.name = "isinf",
                             .doc = "whether the number is infinite",
                             .page = "isinf-function",
                             .examples = {"isinf(1.0 / 0.0)", "isinf(1.0) == false"}};
  static bool call(double x) { return std::isinf(x); }
};
struct IsFinite {
  static constexpr Spec spec{.name = "isfinite",
                             .doc = "whether the number is neither infinite nor NaN",
                             .page = "isfinite-function",
                             .examples = {"isfinite(1.0 / 0.0) == false", "isfinite(1.0)"}};
  static bool call(double x) { return std::isfinite(x); }
};

// The places to shift by count modulo 64; a negative number of them gives null.
template <bool left>
struct BinaryShift {
  static constexpr Spec spec{
      .name = left ? "binary_shift_left" : "binary_shift_right",
      .result_name = ResultName::FirstArgument,
      .doc = "the bits moved by so many places modulo 64",
      .page = left ? "binary-shift-left-function" : "binary-shift-right-function",
      .examples = {left ? "binary_shift_left(1, 2) == 4" : "binary_shift_right(1, 2) == 0",
                   left ? "isnull(binary_shift_left(1, -1))" : "isnull(binary_shift_right(1, -1))"}};
  static Nullable<int64_t> call(int64_t value, int64_t places) {
    if (places < 0) return {};
    places %= 64;
    return left ? static_cast<int64_t>(static_cast<uint64_t>(value) << places) : value >> places;
  }
};
struct BitsetCountOnes {
  static constexpr Spec spec{.name = "bitset_count_ones",
                             .result_name = ResultName::FirstArgument,
                             .doc = "number of bits that are set",
                             .page = "bitset-count-ones-function",
                             .examples = {"bitset_count_ones(42) == 3"}};
  static int64_t call(int64_t value) { return std::popcount(static_cast<uint64_t>(value)); }
};

// bin_at: the largest of point, point ± size, ... that is not greater than the value.
inline Nullable<int64_t> bin_at(int64_t value, int64_t size, int64_t point) {
  int64_t offset = 0, start = 0;
  if (size <= 0 || __builtin_sub_overflow(value, point, &offset)) return {};
  int64_t rest = offset % size;
  if (__builtin_sub_overflow(value, rest < 0 ? rest + size : rest, &start)) return {};
  return start;
}
struct BinAtLong {
  static constexpr Spec spec{.name = "bin_at",
                             .result_name = ResultName::FirstArgument,
                             .doc = "rounds down to a multiple, counted from a point",
                             .page = "bin-at-function",
                             .examples = {"bin_at(6, 4, 7) == 3"}};
  static Nullable<int64_t> call(int64_t value, int64_t size, int64_t point) {
    return bin_at(value, size, point);
  }
};
struct BinAtReal {
  static constexpr Spec spec{.name = "bin_at",
                             .result_name = ResultName::FirstArgument,
                             .doc = "rounds down to a multiple, counted from a point",
                             .page = "bin-at-function",
                             .examples = {"bin_at(6.5, 2.5, 7) == 4.5"}};
  static Nullable<double> call(double value, double size, double point) {
    if (!(size > 0)) return {};
    return point + std::floor((value - point) / size) * size;
  }
};
struct BinAtTimeSpan {
  static constexpr Spec spec{.name = "bin_at",
                             .result_name = ResultName::FirstArgument,
                             .doc = "rounds down to a multiple, counted from a point",
                             .page = "bin-at-function",
                             .examples = {"bin_at(time(1h), 1d, 12h) == -12h"}};
  static Nullable<TimeSpan> call(TimeSpan value, TimeSpan size, TimeSpan point) {
    Nullable<int64_t> ticks = bin_at(value.ticks, size.ticks, point.ticks);
    return ticks.valid ? Nullable<TimeSpan>(TimeSpan{ticks.value}) : Nullable<TimeSpan>();
  }
};
struct BinAtDateTime {
  static constexpr Spec spec{.name = "bin_at",
                             .result_name = ResultName::FirstArgument,
                             .doc = "rounds down to a multiple, counted from a point",
                             .page = "bin-at-function",
                             .examples = {"bin_at(datetime(2017-05-15 10:20:00.0), 1d, datetime(1970-01-01 "
                                          "12:00:00.0)) == datetime(2017-05-14 12:00)",
                                          "bin_at(datetime(2017-05-17 10:20:00.0), 7d, datetime(2017-06-04 "
                                          "00:00:00.0)) == datetime(2017-05-14)"}};
  static Nullable<DateTime> call(DateTime value, TimeSpan size, DateTime point) {
    Nullable<int64_t> ticks = bin_at(value.ticks, size.ticks, point.ticks);
    return ticks.valid ? checked_time(ticks.value) : Nullable<DateTime>();
  }
};

// around: whether a value is at most delta away from a centre, both ends included.
struct AroundLong {
  static constexpr Spec spec{
      .name = "around",
      .doc = "whether the value lies within center - delta and center + delta",
      .page = "around-function",
      .examples = {"around(9, 10, 1)", "around(8, 10, 1) == false", "isnull(around(long(null), 10, 1))"}};
  static bool call(int64_t value, int64_t center, int64_t delta) {
    __int128 low = static_cast<__int128>(center) - delta, high = static_cast<__int128>(center) + delta;
    return low <= value && value <= high;
  }
};
struct AroundReal {
  static constexpr Spec spec{.name = "around",
                             .doc = "whether the value lies within center - delta and center + delta",
                             .page = "around-function",
                             .examples = {"around(9.5, 10, 0.5)", "around(9.4, 10, 0.5) == false"}};
  static bool call(double value, double center, double delta) {
    return center - delta <= value && value <= center + delta;
  }
};
struct AroundTimeSpan {
  static constexpr Spec spec{.name = "around",
                             .doc = "whether the value lies within center - delta and center + delta",
                             .page = "around-function",
                             .examples = {"around(55m, 1h, 5m)", "around(66m, 1h, 5m) == false"}};
  static bool call(TimeSpan value, TimeSpan center, TimeSpan delta) {
    return AroundLong::call(value.ticks, center.ticks, delta.ticks);
  }
};
struct AroundDateTime {
  static constexpr Spec spec{
      .name = "around",
      .doc = "whether the value lies within center - delta and center + delta",
      .page = "around-function",
      .examples = {"around(datetime(2021-01-01 01:29), datetime(2021-01-01 01:30), 1min)",
                   "around(datetime(2021-01-01 01:28), datetime(2021-01-01 01:30), 1min) == false"}};
  static bool call(DateTime value, DateTime center, TimeSpan delta) {
    return AroundLong::call(value.ticks, center.ticks, delta.ticks);
  }
};

double beta_density(double x, double alpha, double beta);
struct BetaPdf {
  static constexpr Spec spec{
      .name = "beta_pdf",
      .doc =
          "density of the beta distribution; NaN outside of 0 < x < 1 and where a parameter is not positive",
      .page = "beta-pdf-function",
      .examples = {"abs(beta_pdf(0.5, 10.0, 20.0) - 0.746176019310951) < 1e-12",
                   "isnan(beta_pdf(1.5, 10.0, 20.0))", "isnan(beta_pdf(0.1, -1.0, 20.0))"}};
  static double call(double x, double alpha, double beta) { return beta_density(x, alpha, beta); }
};

using MathematicsFunctions =
    List<Sin, Cos, Tan, Cot, Asin, Acos, Atan, Radians, Degrees, Exp10, Gamma, Erf, Erfc, Atan2, Pi, IsNan,
         IsInf, IsFinite, BinaryShift<true>, BinaryShift<false>, BitsetCountOnes, BinAtLong, BinAtReal,
         BinAtTimeSpan, BinAtDateTime, AroundLong, AroundReal, AroundTimeSpan, AroundDateTime, BetaPdf>;

}  // namespace kqlc::functions

// SPDX-License-Identifier: Apache-2.0
//
// Functions of numbers: rounding, roots, powers, logarithms, bits, largest and smallest of several. In:
// numbers (long widens to real where a function is real). Out: numbers; NaN where mathematics has no answer,
// null where bits have none. Sources: the page of each function.
#pragma once

#include <cmath>

#include "runtime/functions/compare.h"
#include "runtime/functions/function.h"

namespace kqlc::functions {

struct RoundTo {
  static constexpr Spec spec{.name = "round",
                             .result_name = ResultName::FirstArgument,
                             .doc = "rounded to so many decimal places, halves away from zero",
                             .page = "round-function",
                             .examples = {"round(2.98765, 3) == 2.988", "round(2.15, 1) == 2.2",
                                          "round(-50.55, -2) == -100.0", "round(21.5, -1) == 20.0"}};
  static Nullable<double> call(double value, int64_t places) {
    if (places > 15 || places < -300) return {};
    if (places == 0 || !std::isfinite(value)) return std::round(value);
    double scale = std::pow(10.0, static_cast<double>(places < 0 ? -places : places));
    double scaled = places < 0 ? value / scale : value * scale;
    if (!std::isfinite(scaled) || std::fabs(scaled) >= 9007199254740992.0) return value;
    return places < 0 ? std::round(scaled) * scale : std::round(scaled) / scale;
  }
};
struct Round {
  static constexpr Spec spec{.name = "round",
                             .result_name = ResultName::FirstArgument,
                             .doc = "rounded to a whole number",
                             .page = "round-function",
                             .examples = {"round(2.15) == 2.0"}};
  static double call(double value) { return std::round(value); }
};
template <class T>
struct RoundWhole {
  static constexpr Spec spec{.name = "round",
                             .result_name = ResultName::FirstArgument,
                             .doc = "a whole number stays",
                             .page = "round-function",
                             .examples = {"round(7) == 7"}};
  static T call(T value) { return value; }
};
// Places before the point round halves away from zero, as they do for real numbers.
template <class T>
struct RoundWholeTo {
  static constexpr Spec spec{
      .name = "round",
      .result_name = ResultName::FirstArgument,
      .doc = "a whole number, rounded to so many decimal places",
      .page = "round-function",
      .examples = {"gettype(round(7, 2)) == 'long'", "round(-125, -1) == -130", "round(124, -1) == 120"}};
  static Nullable<T> call(T value, int64_t places) {
    if (places > 15 || places < -18) return {};
    int64_t scale = 1, rounded = 0;
    for (; places < 0; ++places) scale *= 10;
    int64_t rest = value % scale, half = scale / 2;
    int64_t up = scale == 1 ? 0 : rest >= half ? scale : rest <= -half ? -scale : 0;
    if (__builtin_add_overflow(value - rest, up, &rounded) || rounded != static_cast<T>(rounded)) return {};
    return static_cast<T>(rounded);
  }
};
struct CeilingReal {
  static constexpr Spec spec{.name = "ceiling",
                             .result_name = ResultName::FirstArgument,
                             .doc = "the smallest whole number that is not less",
                             .page = "ceiling-function",
                             .examples = {"ceiling(-1.1) == -1.0", "ceiling(0.9) == 1.0"}};
  static double call(double value) { return std::ceil(value); }
};
struct CeilingDecimal {
  static constexpr Spec spec{
      .name = "ceiling",
      .result_name = ResultName::FirstArgument,
      .doc = "the smallest whole number that is not less",
      .page = "ceiling-function",
      .examples = {"ceiling(decimal(-1.1)) == decimal(-1)", "ceiling(decimal(0.9)) == decimal(1)"}};
  static kqlc::Decimal call(kqlc::Decimal value) {
    return decimal::negate(decimal::floor(decimal::negate(value)));
  }
};
template <class T>
struct CeilingWhole {
  static constexpr Spec spec{.name = "ceiling",
                             .result_name = ResultName::FirstArgument,
                             .doc = "a whole number stays",
                             .page = "ceiling-function",
                             .examples = {"ceiling(0) == 0"}};
  static T call(T value) { return value; }
};

#define KQLC_REAL_FUNCTION(Type, kql, text, doc_page, example, expression) \
  struct Type {                                                            \
    static constexpr Spec spec{.name = kql,                                \
                               .result_name = ResultName::FirstArgument,   \
                               .doc = text,                                \
                               .page = doc_page,                           \
                               .examples = {example}};                     \
    static double call(double x) { return expression; }                    \
  };
KQLC_REAL_FUNCTION(Sqrt, "sqrt", "square root", "sqrt-function", "sqrt(16) == 4.0", std::sqrt(x))
KQLC_REAL_FUNCTION(Exp, "exp", "e to the power of the number", "exp-function", "exp(0) == 1.0", std::exp(x))
KQLC_REAL_FUNCTION(Exp2, "exp2", "2 to the power of the number", "exp2-function", "exp2(3) == 8.0",
                   std::exp2(x))
KQLC_REAL_FUNCTION(Log, "log", "natural logarithm", "log-function", "log(1) == 0.0", std::log(x))
KQLC_REAL_FUNCTION(Log2, "log2", "logarithm to base 2", "log2-function", "log2(8) == 3.0", std::log2(x))
KQLC_REAL_FUNCTION(Log10, "log10", "logarithm to base 10", "log10-function", "log10(1000) == 3.0",
                   std::log10(x))
#undef KQLC_REAL_FUNCTION

struct Pow {
  static constexpr Spec spec{.name = "pow",
                             .result_name = ResultName::FirstArgument,
                             .doc = "the first number to the power of the second",
                             .page = "pow-function",
                             .examples = {"pow(2, 3) == 8.0"}};
  static double call(double base, double exponent) { return std::pow(base, exponent); }
};
struct Sign {
  static constexpr Spec spec{.name = "sign",
                             .doc = "1, 0 or -1 by the sign",
                             .page = "sign-function",
                             .examples = {"sign(-42) == -1.0", "sign(0) == 0.0", "sign(11.2) == 1.0"}};
  static double call(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
};
struct SignDecimal {
  static constexpr Spec spec{.name = "sign",
                             .doc = "1, 0 or -1 by the sign",
                             .page = "sign-function",
                             .examples = {"sign(decimal(-1.5)) == -1.0", "sign(decimal(0)) == 0.0"}};
  static double call(kqlc::Decimal x) { return decimal::compare(x, decimal::from_long(0)); }
};

enum class Bits { And, Or, Xor };
template <Bits bits>
struct BinaryBits {
  static constexpr const char* kName = bits == Bits::And  ? "binary_and"
                                       : bits == Bits::Or ? "binary_or"
                                                          : "binary_xor";
  static constexpr const char* kPage = bits == Bits::And  ? "binary-and-function"
                                       : bits == Bits::Or ? "binary-or-function"
                                                          : "binary-xor-function";
  static constexpr Spec spec{
      .name = kName, .result_name = ResultName::FirstArgument, .doc = "bit by bit", .page = kPage};
  static int64_t call(int64_t a, int64_t b) {
    return bits == Bits::And ? a & b : bits == Bits::Or ? a | b : a ^ b;
  }
};
struct BinaryNot {
  static constexpr Spec spec{.name = "binary_not",
                             .result_name = ResultName::FirstArgument,
                             .doc = "all bits turned",
                             .page = "binary-not-function",
                             .examples = {"binary_not(100) == -101"}};
  static int64_t call(int64_t a) { return ~a; }
};

// max_of and min_of: nulls count only when there is nothing else.
template <class T, bool largest>
struct Extreme {
  static constexpr Spec spec{
      .name = largest ? "max_of" : "min_of",
      .doc = largest ? "the largest argument" : "the smallest argument",
      .page = largest ? "max-of-function" : "min-of-function",
      .examples = {largest ? "max_of(10, 1, -3, 17) == 17" : "min_of(10, 1, -3, 17) == -3"}};
  static Nullable<T> call(Variadic<Nullable<T>> values) {
    Nullable<T> best;
    for (size_t i = 0; i < values.size; ++i) {
      if (!values.valid(i)) continue;
      T value = TypeOf<T>::read(values.cells[i]);
      int order = best.valid ? compare_values(value, best.value) : 0;
      if (!best.valid || (order != 2 && (largest ? order > 0 : order < 0))) best = value;
    }
    return best;
  }
};
template <class T>
using Extremes = List<Extreme<T, true>, Extreme<T, false>>;

using NumericFunctions =
    Join<List<RoundTo, Round, RoundWhole<int32_t>, RoundWhole<int64_t>, RoundWholeTo<int32_t>,
              RoundWholeTo<int64_t>, CeilingReal, CeilingDecimal, CeilingWhole<int32_t>,
              CeilingWhole<int64_t>, Sqrt, Exp, Exp2, Log, Log2, Log10, Pow, Sign, SignDecimal,
              BinaryBits<Bits::And>, BinaryBits<Bits::Or>, BinaryBits<Bits::Xor>, BinaryNot>,
         Extremes<int32_t>, Extremes<int64_t>, Extremes<double>, Extremes<kqlc::Decimal>, Extremes<DateTime>,
         Extremes<TimeSpan>>;

}  // namespace kqlc::functions

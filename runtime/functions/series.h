// SPDX-License-Identifier: Apache-2.0
//
// Functions of series, which are arrays of numbers: element by element, in pairs, filled where they have
// gaps, summed. In: arrays; for one of a pair a number that stands for all elements. Out: arrays as long as
// the longer one, or a number. An element that is no number gives null. Whole numbers stay whole under + - *
// and sign. Sources: the page of each function.
#pragma once

#include <cmath>
#include <optional>

#include "runtime/functions/function.h"
#include "runtime/functions/node_builders.h"

namespace kqlc::functions {

// One real function over all elements.
using RealFunction = double (*)(double);
Dynamic map_series(Dynamic series, RealFunction function, Arena& arena);

#define KQLC_SERIES_FUNCTION(Type, kql, expression)                                               \
  struct Type {                                                                                   \
    static constexpr Spec spec{                                                                   \
        .name = "series_" kql, .doc = kql " of each element", .page = "series-" kql "-function"}; \
    static double each(double x) { return expression; }                                           \
    static Dynamic call(Context& context, Dynamic series) {                                       \
      return map_series(series, &each, *context.arena);                                           \
    }                                                                                             \
  };
KQLC_SERIES_FUNCTION(SeriesExp, "exp", std::exp(x))
KQLC_SERIES_FUNCTION(SeriesLog, "log", std::log(x))
KQLC_SERIES_FUNCTION(SeriesSin, "sin", std::sin(x))
KQLC_SERIES_FUNCTION(SeriesCos, "cos", std::cos(x))
KQLC_SERIES_FUNCTION(SeriesTan, "tan", std::tan(x))
KQLC_SERIES_FUNCTION(SeriesAsin, "asin", std::asin(x))
KQLC_SERIES_FUNCTION(SeriesAcos, "acos", std::acos(x))
KQLC_SERIES_FUNCTION(SeriesAtan, "atan", std::atan(x))
KQLC_SERIES_FUNCTION(SeriesCeiling, "ceiling", std::ceil(x))
KQLC_SERIES_FUNCTION(SeriesFloor, "floor", std::floor(x))
#undef KQLC_SERIES_FUNCTION

// Functions that keep whole numbers whole.
Dynamic sign_of_series(Dynamic series, Arena& arena);
Dynamic abs_of_series(Dynamic series, Arena& arena);
struct SeriesSign {
  static constexpr Spec spec{.name = "series_sign",
                             .doc = "sign of each element",
                             .page = "series-sign-function",
                             .examples = {"tostring(series_sign(dynamic([-6, 0, 8]))) == '[-1,0,1]'"}};
  static Dynamic call(Context& context, Dynamic series) { return sign_of_series(series, *context.arena); }
};
struct SeriesAbs {
  static constexpr Spec spec{.name = "series_abs",
                             .doc = "absolute value of each element",
                             .page = "series-abs-function",
                             .examples = {"tostring(series_abs(dynamic([-6.5, 0, 8.2]))) == '[6.5,0,8.2]'"}};
  static Dynamic call(Context& context, Dynamic series) { return abs_of_series(series, *context.arena); }
};

enum class Pairwise {
  Add,
  Subtract,
  Multiply,
  Divide,
  Pow,
  Equals,
  NotEquals,
  Less,
  LessEquals,
  Greater,
  GreaterEquals
};
// A dynamic number stands for all elements. Null unless one at least is an array.
Dynamic combine_series(Pairwise how, Value a, Value b, Arena& arena);
template <Pairwise how>
struct CombineSeries {
  static constexpr int kIndex = static_cast<int>(how);
  static constexpr const char* kNames[11] = {
      "series_add",         "series_subtract", "series_multiply",      "series_divide",
      "series_pow",         "series_equals",   "series_not_equals",    "series_less",
      "series_less_equals", "series_greater",  "series_greater_equals"};
  static constexpr const char* kPages[11] = {
      "series-add-function",        "series-subtract-function",      "series-multiply-function",
      "series-divide-function",     "series-pow-function",           "series-equals-function",
      "series-not-equals-function", "series-less-function",          "series-less-equals-function",
      "series-greater-function",    "series-greater-equals-function"};
  static constexpr const char* kExamples[11] = {
      "tostring(series_add(dynamic([1,2,4]), dynamic([4,2,1]))) == '[5,4,5]'",
      "tostring(series_subtract(dynamic([1,2,4]), dynamic([4,2,1]))) == '[-3,0,3]'",
      "tostring(series_multiply(dynamic([1,2,4]), dynamic([4,2,1]))) == '[4,4,4]'",
      "tostring(series_divide(dynamic([1,2,4]), dynamic([4,2,1]))) == '[0.25,1.0,4.0]'",
      "tostring(series_pow(dynamic([1,2,4]), dynamic([4,2,1]))) == '[1.0,4.0,4.0]'",
      "tostring(series_equals(dynamic([1,2,4]), dynamic([4,2,1]))) == '[false,true,false]'",
      "tostring(series_not_equals(dynamic([1,2,4]), dynamic([4,2,1]))) == '[true,false,true]'",
      "tostring(series_less(dynamic([1,2,4]), dynamic([4,2,1]))) == '[true,false,false]'",
      "tostring(series_less_equals(dynamic([1,2,4]), dynamic([4,2,1]))) == '[true,true,false]'",
      "tostring(series_greater(dynamic([1,2,4]), dynamic([4,2,1]))) == '[false,false,true]'",
      "tostring(series_greater_equals(dynamic([1,2,4]), dynamic([4,2,1]))) == '[false,true,true]'"};
  static constexpr Spec spec{.name = kNames[kIndex],
                             .doc = "the two series element by element",
                             .page = kPages[kIndex],
                             .examples = {kExamples[kIndex]}};
  static Dynamic call(Context& context, Value a, Value b) {
    return combine_series(how, a, b, *context.arena);
  }
};

struct SeriesDotProduct {
  static constexpr Spec spec{
      .name = "series_dot_product",
      .doc = "sum of the products of the elements as far as both series go; what is no number is passed over",
      .page = "series-dot-product-function",
      .examples = {"series_dot_product(dynamic([1,2,4]), dynamic([4,2,1])) == 12.0",
                   "series_dot_product(dynamic([1,2,3]), 10) == 60.0"}};
  static Nullable<double> call(Context& context, Value a, Value b);
};
struct SeriesMagnitude {
  static constexpr Spec spec{.name = "series_magnitude",
                             .doc = "root of the sum of the squares",
                             .page = "series-magnitude-function",
                             .examples = {"series_magnitude(dynamic([3,4])) == 5.0"}};
  static Nullable<double> call(Context& context, Value series) {
    Nullable<double> squares = SeriesDotProduct::call(context, series, series);
    return squares.valid ? Nullable<double>(std::sqrt(squares.value)) : squares;
  }
};

// min, min_idx, max, max_idx, avg, stdev, variance, sum and len of a series.
struct SeriesStatistics {
  double min = 0, max = 0, average = 0, deviation = 0, variance = 0, sum = 0;
  int64_t min_index = 0, max_index = 0, length = 0;
};
// Empty where there are no numbers; also where an element is no finite number, unless those are passed over.
std::optional<SeriesStatistics> statistics_of(Dynamic series, bool ignore_nonfinite, Arena& arena);
Dynamic statistics_values(Dynamic series, bool ignore_nonfinite, Arena& arena);
Dynamic statistics_bag(Dynamic series, bool ignore_nonfinite, Arena& arena);

struct SeriesStatsDynamic {
  static constexpr Spec spec{
      .name = "series_stats_dynamic",
      .doc = "smallest, largest, mean, deviation, variance, sum and length of a series in a bag",
      .page = "series-stats-dynamic-function",
      .examples = {"toint(series_stats_dynamic(dynamic([23, 46, 4, 2, 87])).min_idx) == 3",
                   "isnull(series_stats_dynamic(dynamic([1, null])))"}};
  static Dynamic call(Context& context, Dynamic series) {
    return statistics_bag(series, false, *context.arena);
  }
};
struct SeriesStatsDynamicIgnoring {
  static constexpr Spec spec{
      .name = "series_stats_dynamic",
      .doc = "the same; true passes over what is no finite number",
      .page = "series-stats-dynamic-function",
      .examples = {"toreal(series_stats_dynamic(dynamic([null, 4, 2]), true).sum) == 6.0"}};
  static Dynamic call(Context& context, Dynamic series, bool ignore_nonfinite) {
    return statistics_bag(series, ignore_nonfinite, *context.arena);
  }
};
// The binder's form of series_stats; its columns are the elements of the result.
struct SeriesStatsValues {
  static constexpr Spec spec{
      .name = "series_stats_values",
      .doc = "min, min_idx, max, max_idx, avg, stdev and variance of a series as an array",
      .page = "series-stats-function",
      .examples = {"tostring(series_stats_values(dynamic([2, 4]))) == "
                   "'[2.0,0,4.0,1,3.0,1.4142135623730951,2.0]'"}};
  static Dynamic call(Context& context, Dynamic series) {
    return statistics_values(series, false, *context.arena);
  }
};
struct SeriesStatsValuesIgnoring {
  static constexpr Spec spec{.name = "series_stats_values",
                             .doc = "the same; true passes over what is no finite number",
                             .page = "series-stats-function",
                             .examples = {"tostring(series_stats_values(dynamic([null, 2, 4]), true)) == "
                                          "'[2.0,1,4.0,2,3.0,1.4142135623730951,2.0]'"}};
  static Dynamic call(Context& context, Dynamic series, bool ignore_nonfinite) {
    return statistics_values(series, ignore_nonfinite, *context.arena);
  }
};
struct SeriesPearsonCorrelation {
  static constexpr Spec spec{
      .name = "series_pearson_correlation",
      .doc = "correlation of two series; null where they differ in length or hold what is no number",
      .page = "series-pearson-correlation-function",
      .examples = {"round(series_pearson_correlation(dynamic([1,2,3,4,5]), dynamic([2,4,6,8,10])), 9) == 1.0",
                   "isnull(series_pearson_correlation(dynamic([1,2]), dynamic([1])))"}};
  static Nullable<double> call(Context& context, Dynamic a, Dynamic b);
};

// The elements where they are no null, else the nearest one before or after that is none.
Dynamic fill_series(Dynamic series, bool backward, Arena& arena);
struct SeriesFillForward {
  static constexpr Spec spec{.name = "series_fill_forward",
                             .result_name = ResultName::FirstArgument,
                             .doc = "nulls replaced by the value before them",
                             .page = "series-fill-forward-function",
                             .examples = {"tostring(series_fill_forward(dynamic([null,null,36,41,null,null,"
                                          "16]))) == '[null,null,36,41,41,41,16]'"}};
  static Dynamic call(Context& context, Dynamic series) { return fill_series(series, false, *context.arena); }
};
struct SeriesFillBackward {
  static constexpr Spec spec{.name = "series_fill_backward",
                             .result_name = ResultName::FirstArgument,
                             .doc = "nulls replaced by the value after them",
                             .page = "series-fill-backward-function",
                             .examples = {"tostring(series_fill_backward(dynamic([111,null,36,41,null,null,"
                                          "16,null]))) == '[111,36,36,41,16,16,16,null]'"}};
  static Dynamic call(Context& context, Dynamic series) { return fill_series(series, true, *context.arena); }
};
struct SeriesFillConst {
  static constexpr Spec spec{
      .name = "series_fill_const",
      .result_name = ResultName::FirstArgument,
      .doc = "nulls replaced by a constant",
      .page = "series-fill-const-function",
      .examples = {"tostring(series_fill_const(dynamic([111,null,36]), 0.0)) == '[111,0.0,36]'",
                   "tostring(series_fill_const(dynamic([111,null,36]), -1)) == '[111,-1,36]'"}};
  static Dynamic call(Context& context, Dynamic series, Value constant);
};

using SeriesFunctions =
    List<SeriesExp, SeriesLog, SeriesSin, SeriesCos, SeriesTan, SeriesAsin, SeriesAcos, SeriesAtan,
         SeriesCeiling, SeriesFloor, SeriesSign, SeriesAbs, CombineSeries<Pairwise::Add>,
         CombineSeries<Pairwise::Subtract>, CombineSeries<Pairwise::Multiply>,
         CombineSeries<Pairwise::Divide>, CombineSeries<Pairwise::Pow>, CombineSeries<Pairwise::Equals>,
         CombineSeries<Pairwise::NotEquals>, CombineSeries<Pairwise::Less>,
         CombineSeries<Pairwise::LessEquals>, CombineSeries<Pairwise::Greater>,
         CombineSeries<Pairwise::GreaterEquals>, SeriesDotProduct, SeriesMagnitude, SeriesStatsDynamic,
         SeriesStatsDynamicIgnoring, SeriesStatsValues, SeriesStatsValuesIgnoring, SeriesPearsonCorrelation,
         SeriesFillForward, SeriesFillBackward, SeriesFillConst>;

}  // namespace kqlc::functions

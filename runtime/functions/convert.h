// SPDX-License-Identifier: Apache-2.0
//
// Conversions between the scalar types: tostring, tolong, todatetime, ... In: any scalar. Out: the value as
// the wanted type, or null where it is none. The binder uses these rows for its implicit conversions too.
// Sources: the page of each function.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "runtime/functions/function.h"
#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"
#include "runtime/value/dynamic.h"
#include "runtime/value/guid.h"

namespace kqlc::functions {

std::string_view trim_blanks(std::string_view text);
// A whole number, decimal or hexadecimal; also a real text without a fraction part that counts.
Nullable<int64_t> read_long(Str text);
Nullable<double> read_real(Str text);

// A double that a long can hold, cut toward zero.
inline Nullable<int64_t> long_of_real(double value) {
  if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0)) return {};
  return static_cast<int64_t>(value);
}

template <class T>
Str text_of(T value, Arena& arena) {
  if constexpr (std::is_same_v<T, Str>) {
    return value;
  } else if constexpr (std::is_same_v<T, bool>) {
    return value ? Str("true") : Str("false");
  } else if constexpr (std::is_same_v<T, int32_t> || std::is_same_v<T, int64_t>) {
    char buffer[24];
    auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
    return arena.copy(Str(buffer, static_cast<uint64_t>(end - buffer)));
  } else if constexpr (std::is_same_v<T, double>) {
    return dynamic::print_real(value, arena);
  } else if constexpr (std::is_same_v<T, kqlc::Decimal>) {
    return decimal::print(value, arena);
  } else if constexpr (std::is_same_v<T, DateTime>) {
    return datetime::print_datetime(value, arena);
  } else if constexpr (std::is_same_v<T, TimeSpan>) {
    return datetime::print_timespan(value, arena);
  } else if constexpr (std::is_same_v<T, Guid>) {
    return guid::print(value, arena);
  } else {
    return dynamic::to_text(dynamic::resolve(value, arena), arena, kMaxText);
  }
}

template <class T>
struct ToString {
  static constexpr Spec spec{.name = "tostring",
                             .result_name = ResultName::FirstArgument,
                             .doc = "the value as text; null gives the empty text",
                             .page = "tostring-function",
                             .examples = {"tostring(123) == '123'"}};
  static Str call(Context& context, Nullable<T> value) {
    return value.valid ? text_of<T>(value.value, *context.arena) : Str();
  }
};

template <class T>
Nullable<int64_t> to_long(T value, Arena& arena) {
  if constexpr (std::is_same_v<T, Str>) {
    return read_long(value);
  } else if constexpr (std::is_same_v<T, double>) {
    return long_of_real(value);
  } else if constexpr (std::is_same_v<T, kqlc::Decimal>) {
    auto whole = decimal::to_long(value);
    return whole ? Nullable<int64_t>(*whole) : Nullable<int64_t>();
  } else if constexpr (std::is_same_v<T, DateTime> || std::is_same_v<T, TimeSpan>) {
    return value.ticks;
  } else if constexpr (std::is_same_v<T, Dynamic>) {
    const dynamic::Node* node = dynamic::resolve(value, arena);
    if (!node) return {};
    switch (node->kind) {
      case dynamic::Kind::Bool:
        return static_cast<int64_t>(node->b);
      case dynamic::Kind::Long:
        return node->l;
      case dynamic::Kind::Real:
        return long_of_real(node->d);
      case dynamic::Kind::String:
        return read_long({node->text, node->size});
      default:
        return {};
    }
  } else {
    return static_cast<int64_t>(value);
  }
}

template <class T>
struct ToLong {
  static constexpr Spec spec{.name = "tolong",
                             .result_name = ResultName::FirstArgument,
                             .doc = "the value as a long, or null",
                             .page = "tolong-function",
                             .examples = {"tolong('123') == 123"}};
  static Nullable<int64_t> call(Context& context, T value) { return to_long<T>(value, *context.arena); }
};
template <class T>
struct ToInt {
  static constexpr Spec spec{.name = "toint",
                             .result_name = ResultName::FirstArgument,
                             .doc = "the value as an int, or null",
                             .page = "toint-function",
                             .examples = {"toint('123') == 123"}};
  static Nullable<int32_t> call(Context& context, T value) {
    Nullable<int64_t> wide = to_long<T>(value, *context.arena);
    if (!wide.valid || wide.value != static_cast<int32_t>(wide.value)) return {};
    return static_cast<int32_t>(wide.value);
  }
};
template <class T>
struct ToReal {
  static constexpr Spec spec{.name = "toreal",
                             .aliases = {"todouble"},
                             .result_name = ResultName::FirstArgument,
                             .doc = "the value as a real, or null",
                             .page = "toreal-function",
                             .examples = {"toreal('123.4') == 123.4"}};
  static Nullable<double> call(Context& context, T value) {
    if constexpr (std::is_same_v<T, Str>) {
      return read_real(value);
    } else if constexpr (std::is_same_v<T, kqlc::Decimal>) {
      return decimal::to_real(value);
    } else if constexpr (std::is_same_v<T, Dynamic>) {
      const dynamic::Node* node = dynamic::resolve(value, *context.arena);
      if (!node) return {};
      if (node->kind == dynamic::Kind::Real) return node->d;
      if (node->kind == dynamic::Kind::Long) return static_cast<double>(node->l);
      if (node->kind == dynamic::Kind::Bool) return node->b ? 1.0 : 0.0;
      if (node->kind == dynamic::Kind::String) return read_real({node->text, node->size});
      return {};
    } else {
      return static_cast<double>(value);
    }
  }
};
template <class T>
struct ToDecimal {
  static constexpr Spec spec{.name = "todecimal",
                             .result_name = ResultName::FirstArgument,
                             .doc = "the value as a decimal, or null",
                             .page = "todecimal-function"};
  static Nullable<kqlc::Decimal> call(Context& context, T value) {
    if constexpr (std::is_same_v<T, kqlc::Decimal>) {
      return value;
    } else if constexpr (std::is_same_v<T, double>) {
      if (!std::isfinite(value)) return {};
      return decimal::from_real(value);
    } else if constexpr (std::is_same_v<T, Str> || std::is_same_v<T, Dynamic>) {
      auto read = decimal::read(text_of<T>(value, *context.arena).view());
      return read ? Nullable<kqlc::Decimal>(*read) : Nullable<kqlc::Decimal>();
    } else {
      return decimal::from_long(value);
    }
  }
};
template <class T>
struct ToBool {
  static constexpr Spec spec{.name = "tobool",
                             .aliases = {"toboolean"},
                             .result_name = ResultName::FirstArgument,
                             .doc = "the value as a bool, or null",
                             .page = "tobool-function",
                             .examples = {"tobool('true') == true"}};
  static Nullable<bool> call(Context& context, T value) {
    if constexpr (std::is_same_v<T, Str> || std::is_same_v<T, Dynamic>) {
      std::string_view text = trim_blanks(text_of<T>(value, *context.arena).view());
      if (same(text, "true")) return true;
      if (same(text, "false")) return false;
      Nullable<int64_t> number = read_long(Str(text));
      return number.valid ? Nullable<bool>(number.value != 0) : Nullable<bool>();
    } else {
      return value != T{};
    }
  }
  static bool same(std::string_view text, std::string_view lower) {
    if (text.size() != lower.size()) return false;
    for (size_t i = 0; i < text.size(); ++i)
      if ((text[i] | 32) != lower[i]) return false;
    return true;
  }
};
template <class T>
struct ToDateTime {
  static constexpr Spec spec{.name = "todatetime",
                             .result_name = ResultName::FirstArgument,
                             .doc = "the value as a datetime, or null",
                             .page = "todatetime-function",
                             .examples = {"todatetime('2015-12-24') == datetime(2015-12-24)"}};
  static Nullable<DateTime> call(Context& context, T value) {
    if constexpr (std::is_same_v<T, DateTime>) {
      return value;
    } else {
      auto read = datetime::read_datetime(text_of<T>(value, *context.arena).view());
      return read ? Nullable<DateTime>(*read) : Nullable<DateTime>();
    }
  }
};
template <class T>
struct ToTimeSpan {
  static constexpr Spec spec{.name = "totimespan",
                             .result_name = ResultName::FirstArgument,
                             .doc = "the value as a timespan, or null",
                             .page = "totimespan-function",
                             .examples = {"totimespan('0.00:01:00') == 1m"}};
  static Nullable<TimeSpan> call(Context& context, T value) {
    if constexpr (std::is_same_v<T, TimeSpan>) {
      return value;
    } else {
      auto read = datetime::read_timespan(text_of<T>(value, *context.arena).view());
      return read ? Nullable<TimeSpan>(*read) : Nullable<TimeSpan>();
    }
  }
};
template <class T>
struct ToGuid {
  static constexpr Spec spec{.name = "toguid",
                             .result_name = ResultName::FirstArgument,
                             .doc = "the value as a guid, or null",
                             .page = "toguid-function"};
  static Nullable<Guid> call(Context& context, T value) {
    if constexpr (std::is_same_v<T, Guid>) {
      return value;
    } else {
      auto read = guid::read(text_of<T>(value, *context.arena).view());
      return read ? Nullable<Guid>(*read) : Nullable<Guid>();
    }
  }
};

template <class T, bool negated>
struct IsNull {
  static constexpr Spec spec{.name = negated ? "isnotnull" : "isnull",
                             .aliases = {negated ? "notnull" : nullptr},
                             .doc = "whether the value is null; text never is",
                             .page = negated ? "isnotnull-function" : "isnull-function"};
  static bool call(Nullable<T> value) { return (!std::is_same_v<T, Str> && !value.valid) != negated; }
};
template <class T, bool negated>
struct IsEmpty {
  static constexpr Spec spec{.name = negated ? "isnotempty" : "isempty",
                             .aliases = {negated ? "notempty" : nullptr},
                             .doc = "whether the value is null or the empty text",
                             .page = negated ? "isnotempty-function" : "isempty-function",
                             .examples = {negated ? "isnotempty('') == false" : "isempty('') == true"}};
  static bool call(Context& context, Nullable<T> value) {
    bool empty = !value.valid;
    if constexpr (std::is_same_v<T, Str>) empty = value.value.size == 0;
    if constexpr (std::is_same_v<T, Dynamic>)
      if (value.valid)
        empty = dynamic::to_text(dynamic::resolve(value.value, *context.arena), *context.arena).size == 0;
    return empty != negated;
  }
};

struct Not {
  static constexpr Spec spec{.name = "not",
                             .doc = "the other truth value; null stays null",
                             .page = "not-function",
                             .examples = {"not(false) == true"}};
  static bool call(bool value) { return !value; }
};

template <template <class> class F>
using OfNumbersAndText =
    List<F<bool>, F<int32_t>, F<int64_t>, F<double>, F<kqlc::Decimal>, F<Str>, F<Dynamic>>;
template <class T>
using NullTests = List<IsNull<T, false>, IsNull<T, true>, IsEmpty<T, false>, IsEmpty<T, true>>;

using ConvertFunctions = Join<
    List<ToString<bool>, ToString<int32_t>, ToString<int64_t>, ToString<double>, ToString<kqlc::Decimal>,
         ToString<DateTime>, ToString<TimeSpan>, ToString<Guid>, ToString<Str>, ToString<Dynamic>>,
    OfNumbersAndText<ToLong>, List<ToLong<DateTime>, ToLong<TimeSpan>>, OfNumbersAndText<ToInt>,
    OfNumbersAndText<ToReal>,
    List<ToDecimal<int32_t>, ToDecimal<int64_t>, ToDecimal<double>, ToDecimal<kqlc::Decimal>, ToDecimal<Str>,
         ToDecimal<Dynamic>, ToBool<bool>, ToBool<int32_t>, ToBool<int64_t>, ToBool<double>, ToBool<Str>,
         ToBool<Dynamic>, ToDateTime<DateTime>, ToDateTime<Str>, ToDateTime<Dynamic>, ToTimeSpan<TimeSpan>,
         ToTimeSpan<Str>, ToTimeSpan<Dynamic>, ToGuid<Guid>, ToGuid<Str>, ToGuid<Dynamic>, Not>,
    NullTests<bool>, NullTests<int32_t>, NullTests<int64_t>, NullTests<double>, NullTests<kqlc::Decimal>,
    NullTests<DateTime>, NullTests<TimeSpan>, NullTests<Guid>, NullTests<Str>, NullTests<Dynamic>>;

}  // namespace kqlc::functions

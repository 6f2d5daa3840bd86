// SPDX-License-Identifier: Apache-2.0
//
// == != < <= > >= over values of one type, and == != between dynamic and scalars. In: two values. Out: bool;
// == and != see nulls: null when both are null, else false and true; the others give null when a side is
// null. Sources: KQL "Numerical operators", "Null values"; order of strings is by bytes.
#pragma once

#include <cmath>

#include "runtime/functions/convert.h"
#include "runtime/functions/function.h"
#include "runtime/functions/match.h"
#include "runtime/value/decimal.h"
#include "runtime/value/dynamic.h"

namespace kqlc::functions {

// Returns <0, 0 or >0; 2 where a NaN makes the values unordered.
template <class T>
int compare_values(T a, T b) {
  if constexpr (std::is_same_v<T, Str>) {
    size_t shorter = static_cast<size_t>(a.size < b.size ? a.size : b.size);
    int order = shorter ? std::memcmp(a.data, b.data, shorter) : 0;
    if (order) return order < 0 ? -1 : 1;
    return a.size < b.size ? -1 : a.size > b.size ? 1 : 0;
  } else if constexpr (std::is_same_v<T, Guid>) {
    int order = std::memcmp(a.bytes, b.bytes, 16);
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  } else if constexpr (std::is_same_v<T, kqlc::Decimal>) {
    return decimal::compare(a, b);
  } else if constexpr (std::is_same_v<T, DateTime> || std::is_same_v<T, TimeSpan>) {
    return a.ticks < b.ticks ? -1 : a.ticks > b.ticks ? 1 : 0;
  } else {
    return a < b ? -1 : a > b ? 1 : a == b ? 0 : 2;
  }
}

// The scalar a dynamic holds, as T; not valid when it holds something else.
template <class T>
Nullable<T> scalar_of(Dynamic value, Arena& arena) {
  const dynamic::Node* node = dynamic::resolve(value, arena);
  if (!node) return {};
  using K = dynamic::Kind;
  if constexpr (std::is_same_v<T, Str>) {
    return dynamic::to_text(node, arena);
  } else if constexpr (std::is_same_v<T, bool>) {
    if (node->kind == K::Bool) return node->b;
    if (node->kind == K::Long) return node->l != 0;
  } else if constexpr (std::is_same_v<T, double>) {
    if (node->kind == K::Real) return node->d;
    if (node->kind == K::Long) return static_cast<double>(node->l);
  } else if constexpr (std::is_same_v<T, int64_t>) {
    if (node->kind == K::Long) return node->l;
    if (node->kind == K::Bool) return static_cast<int64_t>(node->b);
  }
  return {};
}

template <class T, bool negated>
struct Equal {
  static constexpr Spec spec{.name = negated ? "not_equals" : "equals",
                             .operators = {negated ? "!=" : "=="},
                             .doc = "compares two values",
                             .page = "numerical-operators"};
  static Nullable<bool> call(Nullable<T> a, Nullable<T> b) {
    if (!a.valid && !b.valid) return {};
    if (!a.valid || !b.valid) return negated;
    return (compare_values(a.value, b.value) == 0) != negated;
  }
};

// A dynamic against a scalar, in either order.
template <class T, bool negated, bool swapped>
struct EqualDynamic {
  static constexpr Spec spec{.name = negated ? "not_equals" : "equals",
                             .operators = {negated ? "!=" : "=="},
                             .doc = "compares a dynamic value with a scalar",
                             .page = "scalar-data-types/dynamic"};
  using A = std::conditional_t<swapped, T, Dynamic>;
  using B = std::conditional_t<swapped, Dynamic, T>;
  static Nullable<bool> call(Context& context, Nullable<A> a, Nullable<B> b) {
    Nullable<Dynamic> left;
    Nullable<T> right;
    if constexpr (swapped) {
      left = b;
      right = a;
    } else {
      left = a;
      right = b;
    }
    if constexpr (std::is_same_v<T, Str>) {
      if (!left.valid) return (right.value.size == 0) != negated;
      return (scalar_of<Str>(left.value, *context.arena).value.view() == right.value.view()) != negated;
    } else {
      if (!left.valid && !right.valid) return {};
      if (!left.valid || !right.valid) return negated;
      if constexpr (std::is_same_v<T, int64_t>) {
        const dynamic::Node* node = dynamic::resolve(left.value, *context.arena);
        if (node && node->kind == dynamic::Kind::Real)
          return (node->d == static_cast<double>(right.value)) != negated;
      }
      Nullable<T> value = scalar_of<T>(left.value, *context.arena);
      return (value.valid && compare_values(value.value, right.value) == 0) != negated;
    }
  }
};

enum class Relation { Less, LessOrEqual, Greater, GreaterOrEqual };

template <class T, Relation relation>
struct Ordered {
  static constexpr const char* kSpelling = relation == Relation::Less          ? "<"
                                           : relation == Relation::LessOrEqual ? "<="
                                           : relation == Relation::Greater     ? ">"
                                                                               : ">=";
  static constexpr Spec spec{.name = "compare",
                             .operators = {kSpelling},
                             .doc = "compares two values by order",
                             .page = "numerical-operators"};
  static bool call(T a, T b) {
    int order = compare_values(a, b);
    if (order == 2) return false;
    switch (relation) {
      case Relation::Less:
        return order < 0;
      case Relation::LessOrEqual:
        return order <= 0;
      case Relation::Greater:
        return order > 0;
      case Relation::GreaterOrEqual:
        return order >= 0;
    }
    return false;
  }
};

// A dynamic against a number, in either order: text that denotes a number counts as it, all else as null.
template <class T, Relation relation, bool swapped>
struct OrderedDynamic {
  static constexpr Spec spec{.name = "compare",
                             .operators = {Ordered<T, relation>::kSpelling},
                             .doc = "compares a dynamic value with a number by order",
                             .page = "scalar-data-types/dynamic"};
  using A = std::conditional_t<swapped, T, Dynamic>;
  using B = std::conditional_t<swapped, Dynamic, T>;
  static Nullable<bool> call(Context& context, A a, B b) {
    const dynamic::Node* node = nullptr;
    T number;
    if constexpr (swapped) {
      node = dynamic::resolve(b, *context.arena);
      number = a;
    } else {
      node = dynamic::resolve(a, *context.arena);
      number = b;
    }
    if (!node) return {};
    if constexpr (std::is_same_v<T, int64_t>) {
      if (node->kind == dynamic::Kind::Long) return ordered(node->l, number);
    }
    Nullable<double> real = real_of(*node);
    if (!real.valid) return {};
    return ordered(real.value, static_cast<double>(number));
  }
  template <class N>
  static bool ordered(N value, N number) {
    return swapped ? Ordered<N, relation>::call(number, value) : Ordered<N, relation>::call(value, number);
  }
  static Nullable<double> real_of(const dynamic::Node& node) {
    if (node.kind == dynamic::Kind::Long) return static_cast<double>(node.l);
    if (node.kind == dynamic::Kind::Real) return node.d;
    if (node.kind == dynamic::Kind::String) return read_real({node.text, node.size});
    return {};
  }
};

template <class T, bool swapped>
using AllOrderedDynamic =
    List<OrderedDynamic<T, Relation::Less, swapped>, OrderedDynamic<T, Relation::LessOrEqual, swapped>,
         OrderedDynamic<T, Relation::Greater, swapped>, OrderedDynamic<T, Relation::GreaterOrEqual, swapped>>;
template <class T>
using AllOrdered = List<Ordered<T, Relation::Less>, Ordered<T, Relation::LessOrEqual>,
                        Ordered<T, Relation::Greater>, Ordered<T, Relation::GreaterOrEqual>>;
template <class T>
using BothEqual = List<Equal<T, false>, Equal<T, true>>;
template <class T>
using DynamicEqual = List<EqualDynamic<T, false, false>, EqualDynamic<T, true, false>,
                          EqualDynamic<T, false, true>, EqualDynamic<T, true, true>>;

using CompareFunctions =
    Join<BothEqual<bool>, BothEqual<int32_t>, BothEqual<int64_t>, BothEqual<double>, BothEqual<kqlc::Decimal>,
         BothEqual<DateTime>, BothEqual<TimeSpan>, BothEqual<Guid>, List<EqualText<false>, EqualText<true>>,
         DynamicEqual<Str>, DynamicEqual<int64_t>, DynamicEqual<double>, DynamicEqual<bool>,
         AllOrdered<int32_t>, AllOrdered<int64_t>, AllOrdered<double>, AllOrdered<kqlc::Decimal>,
         AllOrdered<DateTime>, AllOrdered<TimeSpan>, AllOrdered<Str>, AllOrdered<bool>, AllOrdered<Guid>,
         AllOrderedDynamic<int64_t, false>, AllOrderedDynamic<int64_t, true>,
         AllOrderedDynamic<double, false>, AllOrderedDynamic<double, true>>;

}  // namespace kqlc::functions

// SPDX-License-Identifier: Apache-2.0
//
// The string operators: has, contains, startswith, endswith, =~ and their relatives, in, has_any, has_all,
// matches regex. In: text and needles. Out: bool. Here is what they mean; how they search with SIMD is in
// runtime/simd. A constant needle is prepared once and filters whole columns. Sources: KQL "String operators"
// and the page of each.
#pragma once

#include <memory>
#include <utility>

#include "runtime/functions/function.h"
#include "runtime/simd/conditions.h"
#include "runtime/simd/needle.h"
#include "runtime/simd/predicates.h"
#include "runtime/value/dynamic.h"

struct rure;

namespace kqlc::functions {

// One table row of operators: its spelling, its predicate, how the needle is prepared, and whether it is
// negated.
template <class Traits, bool negated>
struct StringOperator {
  static constexpr Spec spec{.name = Traits::name,
                             .operators = {negated ? Traits::negation : Traits::spelling},
                             .doc = Traits::doc,
                             .page = Traits::page};
  using State = simd::PreparedNeedle;
  static constexpr uint32_t prepared_mask = 2;
  static State* prepare(const Cell* args, size_t, Arena&, const char**) {
    return new State(Traits::match, Traits::letter_case, args[1].s.view());
  }
  static bool call(Str text, Str needle) { return Traits::test(text, needle) != negated; }
  static bool call_prepared(const State& state, Str text, Str) { return state.matches(text) != negated; }
  static simd::Condition describe(const State& state) {
    return {{{Traits::match, Traits::letter_case, std::string(state.text())}}, false, negated};
  }
  static void filter(const State& state, const StringColumn& column, uint64_t* bitmap) {
    state.filter(column, bitmap);
    if constexpr (negated) {
      for (int64_t word = 0; word * 64 < column.num_rows; ++word) {
        int64_t left = column.num_rows - word * 64;
        uint64_t mask = left >= 64 ? ~uint64_t{0} : (uint64_t{1} << left) - 1;
        bitmap[word] = ~bitmap[word] & mask;
      }
    }
  }
};

#define KQLC_STRING_OPERATOR(Traits, kql, not_kql, predicate, match_kind, case_kind, text, doc_page) \
  struct Traits {                                                                                    \
    static constexpr const char *name = kql, *spelling = kql, *negation = not_kql;                   \
    static constexpr const char *doc = text, *page = doc_page;                                       \
    static constexpr simd::Match match = simd::Match::match_kind;                                    \
    static constexpr simd::Case letter_case = simd::Case::case_kind;                                 \
    static bool test(Str value, Str needle) { return simd::predicate(value, needle); }               \
  };
KQLC_STRING_OPERATOR(EqualsText, "==", "!=", equals_cs, Equals, Sensitive,
                     "compares two values; text with regard to case", "datatypes-string-operators")
KQLC_STRING_OPERATOR(EqualsCaseless, "=~", "!~", equals, Equals, Ignored, "equal without regard to case",
                     "equals-operator")
KQLC_STRING_OPERATOR(Has, "has", "!has", has, Has, Ignored, "holds the needle as a whole term",
                     "has-operator")
KQLC_STRING_OPERATOR(HasCs, "has_cs", "!has_cs", has_cs, Has, Sensitive, "has, with regard to case",
                     "has-cs-operator")
KQLC_STRING_OPERATOR(HasPrefix, "hasprefix", "!hasprefix", hasprefix, HasPrefix, Ignored,
                     "a term begins with the needle", "hasprefix-operator")
KQLC_STRING_OPERATOR(HasPrefixCs, "hasprefix_cs", "!hasprefix_cs", hasprefix_cs, HasPrefix, Sensitive,
                     "hasprefix, with regard to case", "hasprefix-cs-operator")
KQLC_STRING_OPERATOR(HasSuffix, "hassuffix", "!hassuffix", hassuffix, HasSuffix, Ignored,
                     "a term ends with the needle", "hassuffix-operator")
KQLC_STRING_OPERATOR(HasSuffixCs, "hassuffix_cs", "!hassuffix_cs", hassuffix_cs, HasSuffix, Sensitive,
                     "hassuffix, with regard to case", "hassuffix-cs-operator")
KQLC_STRING_OPERATOR(Contains, "contains", "!contains", contains, Contains, Ignored,
                     "holds the needle anywhere", "contains-operator")
KQLC_STRING_OPERATOR(ContainsCs, "contains_cs", "!contains_cs", contains_cs, Contains, Sensitive,
                     "contains, with regard to case", "contains-cs-operator")
KQLC_STRING_OPERATOR(StartsWith, "startswith", "!startswith", startswith, StartsWith, Ignored,
                     "begins with the needle", "startswith-operator")
KQLC_STRING_OPERATOR(StartsWithCs, "startswith_cs", "!startswith_cs", startswith_cs, StartsWith, Sensitive,
                     "startswith, with regard to case", "startswith-cs-operator")
KQLC_STRING_OPERATOR(EndsWith, "endswith", "!endswith", endswith, EndsWith, Ignored, "ends with the needle",
                     "endswith-operator")
KQLC_STRING_OPERATOR(EndsWithCs, "endswith_cs", "!endswith_cs", endswith_cs, EndsWith, Sensitive,
                     "endswith, with regard to case", "endswith-cs-operator")
#undef KQLC_STRING_OPERATOR

// == and != of texts have the names of == and != of other types (compare.h).
template <bool negated>
struct EqualText : StringOperator<EqualsText, negated> {
  static constexpr Spec spec{.name = negated ? "not_equals" : "equals",
                             .operators = {negated ? "!=" : "=="},
                             .doc = EqualsText::doc,
                             .page = EqualsText::page};
};

template <class Traits>
using WithNegation = List<StringOperator<Traits, false>, StringOperator<Traits, true>>;

// `matches regex`: Rust's regex dialect, anywhere in the text. The pattern must be a constant.
struct Regex {
  explicit Regex(std::shared_ptr<rure> compiled) : expression(std::move(compiled)) {}
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;
  std::shared_ptr<rure> expression;

  // Returns nullptr and sets *error when the pattern is wrong or has more than 16 groups.
  static Regex* compile(Str pattern, Arena& arena, const char** error);
  bool matches(Str text) const;
  // Replaces every match; "\0" to "\9" in `with` stand for groups. Result in `arena`.
  Str replace(Str text, Str with, Arena& arena) const;
  // Group `group` of the first match; not valid without one.
  Nullable<Str> extract(Str text, int64_t group) const;
  // Match number `occurrence` (from 1), overlaps not counted; not valid without one.
  Nullable<Str> find(Str text, int64_t occurrence) const;
  // Number of matches, overlaps not counted.
  int64_t count(Str text) const;
};

// A copy of a text, good until the next call of the thread. A text of a mapped file may turn into zeros
// between two looks at it (archive/mapped_file.h), and rure, which looks several times, ends the process when
// what it sees contradicts itself.
Str copy_for_rure(Str text);

struct MatchesRegex {
  static constexpr Spec spec{.name = "matches regex",
                             .operators = {"matches regex"},
                             .doc = "a match of the regular expression occurs in the text",
                             .page = "regex-operator"};
  using State = Regex;
  static constexpr uint32_t prepared_mask = 2;
  static State* prepare(const Cell* args, size_t, Arena& arena, const char** error) {
    return Regex::compile(args[1].s, arena, error);
  }
  static bool call_prepared(const State& state, Str text, Str) { return state.matches(text); }
};

// A list of constant needles, prepared as one condition; `args` are the needles.
std::vector<simd::Pattern> patterns_of(simd::Match match, simd::Case letter_case, const Cell* args,
                                       size_t num_args);
// The same of the elements of an array; of any other value but null that value.
std::vector<simd::Pattern> patterns_of(simd::Match match, simd::Case letter_case, const Cell& array,
                                       Arena& arena);

// What the operators over lists have in common; Values is Str or Dynamic.
template <class Values, simd::Match match, simd::Case letter_case, bool all, bool negated>
struct ListOperator {
  using State = simd::ConditionSet;
  static constexpr bool is_array = std::is_same_v<Values, Dynamic>;
  static constexpr uint32_t prepared_mask = is_array ? 2 : ~1u;
  static State* prepare(const Cell* args, size_t num_args, Arena& arena, const char**) {
    std::vector<simd::Pattern> patterns;
    if constexpr (is_array)
      patterns = patterns_of(match, letter_case, args[1], arena);
    else
      patterns = patterns_of(match, letter_case, args + 1, num_args - 1);
    return new State({simd::Condition{std::move(patterns), all, negated}});
  }
  static void filter(const State& state, const StringColumn& column, uint64_t* bitmap) {
    state.filter(column, bitmap);
  }
  static simd::Condition describe(const State& state) { return state.conditions()[0]; }
};
template <bool caseless, bool negated, class Values>
using InOperator = ListOperator<Values, simd::Match::Equals,
                                caseless ? simd::Case::Ignored : simd::Case::Sensitive, false, negated>;
template <bool all, class Values>
using HasOperator = ListOperator<Values, simd::Match::Has, simd::Case::Ignored, all, false>;

// in and its relatives over a list of strings; caseless with ~. A dynamic array counts as its elements.
template <bool caseless, bool negated>
struct InStrings : InOperator<caseless, negated, Str> {
  static constexpr Spec spec{.name = "in",
                             .operators = {caseless ? (negated ? "!in~" : "in~") : (negated ? "!in" : "in")},
                             .doc = "equals one of the values",
                             .page = "in-cs-operator"};
  static bool call(Str text, Variadic<Str> values) {
    for (size_t i = 0; i < values.size; ++i)
      if (caseless ? simd::equals(text, values[i]) : text.view() == values[i].view()) return !negated;
    return negated;
  }
  static bool call_prepared(const simd::ConditionSet& state, Str text, Variadic<Str>) {
    return state.matches(text);
  }
};

template <bool caseless, bool negated>
struct InDynamic : InOperator<caseless, negated, Dynamic> {
  static constexpr Spec spec{.name = "in",
                             .operators = {caseless ? (negated ? "!in~" : "in~") : (negated ? "!in" : "in")},
                             .doc = "equals one of the elements of an array",
                             .page = "in-cs-operator"};
  static bool call(Context& context, Str text, Nullable<Dynamic> values) {
    const dynamic::Node* node = values.valid ? dynamic::resolve(values.value, *context.arena) : nullptr;
    if (!node) return negated;
    auto same = [&](const dynamic::Node& item) {
      Str other = dynamic::to_text(&item, *context.arena);
      return caseless ? simd::equals(text, other) : text.view() == other.view();
    };
    if (node->kind != dynamic::Kind::Array) return same(*node) != negated;
    for (uint32_t i = 0; i < node->size; ++i)
      if (same(node->items[i])) return !negated;
    return negated;
  }
  static bool call_prepared(const simd::ConditionSet& state, Str text, Nullable<Dynamic>) {
    return state.matches(text);
  }
};

// has_any and has_all.
template <bool all>
struct HasList : HasOperator<all, Str> {
  static constexpr Spec spec{.name = all ? "has_all" : "has_any",
                             .operators = {all ? "has_all" : "has_any"},
                             .doc = "has, for any or for all of the needles",
                             .page = all ? "has-all-operator" : "has-any-operator"};
  static bool call(Str text, Variadic<Str> needles) {
    for (size_t i = 0; i < needles.size; ++i)
      if (simd::has(text, needles[i]) != all) return !all;
    return all;
  }
  static bool call_prepared(const simd::ConditionSet& state, Str text, Variadic<Str>) {
    return state.matches(text);
  }
};

// What follows from `matches regex` where each match holds one of a few literals.
struct ContainsAny : ListOperator<Str, simd::Match::Contains, simd::Case::IgnoredInAscii, false, false> {
  static constexpr Spec spec{.name = "contains_any",
                             .operators = {"contains_any"},
                             .is_written = false,
                             .doc = "contains, for any of the needles; the case of ASCII letters is ignored",
                             .page = "contains-operator"};
  static bool call(Str text, Variadic<Str> needles) {
    for (size_t i = 0; i < needles.size; ++i)
      if (simd::PreparedNeedle(simd::Match::Contains, simd::Case::IgnoredInAscii, needles[i].view())
              .matches(text))
        return true;
    return false;
  }
  static bool call_prepared(const simd::ConditionSet& state, Str text, Variadic<Str>) {
    return state.matches(text);
  }
};

template <bool all>
struct HasDynamic : HasOperator<all, Dynamic> {
  static constexpr Spec spec{.name = all ? "has_all" : "has_any",
                             .operators = {all ? "has_all" : "has_any"},
                             .doc = "has, for any or for all elements of an array",
                             .page = all ? "has-all-operator" : "has-any-operator"};
  static bool call(Context& context, Str text, Nullable<Dynamic> needles) {
    const dynamic::Node* node = needles.valid ? dynamic::resolve(needles.value, *context.arena) : nullptr;
    if (!node) return all;
    if (node->kind != dynamic::Kind::Array) return simd::has(text, dynamic::to_text(node, *context.arena));
    for (uint32_t i = 0; i < node->size; ++i)
      if (simd::has(text, dynamic::to_text(&node->items[i], *context.arena)) != all) return !all;
    return all;
  }
  static bool call_prepared(const simd::ConditionSet& state, Str text, Nullable<Dynamic>) {
    return state.matches(text);
  }
};

// in over other scalars; a null value is in no list.
template <class T, bool negated>
struct InValues {
  static constexpr Spec spec{.name = "in",
                             .operators = {negated ? "!in" : "in"},
                             .doc = "equals one of the values",
                             .page = "in-cs-operator"};
  static bool call(Nullable<T> value, Variadic<Nullable<T>> values) {
    if (value.valid)
      for (size_t i = 0; i < values.size; ++i)
        if (values.valid(i) && same(value.value, TypeOf<T>::read(values.cells[i]))) return !negated;
    return negated;
  }
  static bool same(T a, T b) {
    if constexpr (requires { a.ticks; }) {
      return a.ticks == b.ticks;
    } else if constexpr (std::is_same_v<T, Guid>) {
      return std::memcmp(a.bytes, b.bytes, 16) == 0;
    } else {
      return a == b;
    }
  }
};
template <class T>
using BothIn = List<InValues<T, false>, InValues<T, true>>;

using MatchFunctions =
    Join<WithNegation<EqualsCaseless>, WithNegation<Has>, WithNegation<HasCs>, WithNegation<HasPrefix>,
         WithNegation<HasPrefixCs>, WithNegation<HasSuffix>, WithNegation<HasSuffixCs>,
         WithNegation<Contains>, WithNegation<ContainsCs>, WithNegation<StartsWith>,
         WithNegation<StartsWithCs>, WithNegation<EndsWith>, WithNegation<EndsWithCs>, List<MatchesRegex>,
         List<InStrings<false, false>, InStrings<false, true>, InStrings<true, false>, InStrings<true, true>,
              InDynamic<false, false>, InDynamic<false, true>, InDynamic<true, false>, InDynamic<true, true>,
              HasList<false>, HasList<true>, ContainsAny, HasDynamic<false>, HasDynamic<true>>,
         BothIn<int32_t>, BothIn<int64_t>, BothIn<double>, BothIn<DateTime>, BothIn<TimeSpan>, BothIn<Guid>,
         BothIn<bool>>;

}  // namespace kqlc::functions

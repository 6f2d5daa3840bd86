// SPDX-License-Identifier: Apache-2.0
//
// Where something stands in a text: indexof and indexof_regex within a range, counts of regular expressions,
// the first of several needles, order of two texts. In: texts (other scalars as tostring writes them),
// positions in characters. Out: positions and numbers; null for positions that make no sense. Sources: the
// page of each function.
#pragma once

#include <memory>

#include "runtime/functions/compare.h"
#include "runtime/functions/function.h"
#include "runtime/functions/match.h"

namespace kqlc::functions {

// The text from character `start` on (negative: so many from the end). A match must begin in its first
// `limit` bytes, which are the `length` characters to look at (-1: all); it may end beyond them.
struct TextRange {
  Str rest;
  int64_t start = 0;  // in characters
  uint64_t limit = 0;
};
Nullable<TextRange> text_range(Str text, int64_t start, int64_t length);

// Position of the occurrence number `occurrence` (from 1) in the range, or -1.
Nullable<int64_t> find_text(Str text, Str what, int64_t start, int64_t length, int64_t occurrence);
Nullable<int64_t> find_regex(const Regex& regex, Str text, int64_t start, int64_t length, int64_t occurrence);

struct IndexOf {
  static constexpr Spec spec{.name = "indexof",
                             .doc = "position of the first occurrence, or -1",
                             .page = "indexof-function",
                             .examples = {"indexof('abcdefg', 'cde') == 2", "indexof('abc', 'x') == -1"}};
  static Nullable<int64_t> call(Text text, Text what) { return find_text(text, what, 0, -1, 1); }
};
struct IndexOfFrom {
  static constexpr Spec spec{.name = "indexof",
                             .doc = "position of the first occurrence from a position on, or -1",
                             .page = "indexof-function",
                             .examples = {"indexof('abcdefg', 'cde', -5) == 2"}};
  static Nullable<int64_t> call(Text text, Text what, int64_t start) {
    return find_text(text, what, start, -1, 1);
  }
};
struct IndexOfWithin {
  static constexpr Spec spec{
      .name = "indexof",
      .doc = "position of the first occurrence in a range, or -1",
      .page = "indexof-function",
      .examples = {"indexof('abcdefg', 'cde', 1, 4) == 2", "indexof('abcdefg', 'cde', 1, 2) == 2",
                   "indexof('abcdefg', 'cde', 1, 1) == -1", "indexof('abcdefg', 'cde', 3, 4) == -1",
                   "indexof(1234567, 5, 1, 4) == 4", "indexof('abcdefg', 'cde', 2, -1) == 2"}};
  static Nullable<int64_t> call(Text text, Text what, int64_t start, int64_t length) {
    return find_text(text, what, start, length, 1);
  }
};
struct IndexOfNth {
  static constexpr Spec spec{.name = "indexof",
                             .doc = "position of a later occurrence in a range, or -1",
                             .page = "indexof-function",
                             .examples = {"indexof('abcdefgabcdefg', 'cde', 1, 10, 2) == 9",
                                          "indexof('abcdefgabcdefg', 'cde', 1, -1, 3) == -1"}};
  static Nullable<int64_t> call(Text text, Text what, int64_t start, int64_t length, int64_t occurrence) {
    return find_text(text, what, start, length, occurrence);
  }
};

// What all forms of indexof_regex share: the pattern is prepared.
struct RegexArgument1 {
  using State = Regex;
  static constexpr uint32_t prepared_mask = 2;
  static State* prepare(const Cell* args, size_t, Arena& arena, const char** error) {
    return Regex::compile(args[1].s, arena, error);
  }
};
struct IndexOfRegex : RegexArgument1 {
  static constexpr Spec spec{.name = "indexof_regex",
                             .doc = "position of the first match, or -1",
                             .page = "indexof-regex-function",
                             .examples = {"indexof_regex('abcabc', @'a.c') == 0"}};
  static Nullable<int64_t> call_prepared(const State& regex, Text text, Text) {
    return find_regex(regex, text, 0, -1, 1);
  }
};
struct IndexOfRegexFrom : RegexArgument1 {
  static constexpr Spec spec{.name = "indexof_regex",
                             .doc = "position of the first match from a position on, or -1",
                             .page = "indexof-regex-function",
                             .examples = {"isnull(indexof_regex('abcabc', @'a|ab', -1))"}};
  static Nullable<int64_t> call_prepared(const State& regex, Text text, Text, int64_t start) {
    return find_regex(regex, text, start, -1, 1);
  }
};
struct IndexOfRegexWithin : RegexArgument1 {
  static constexpr Spec spec{.name = "indexof_regex",
                             .doc = "position of the first match in a range, or -1",
                             .page = "indexof-regex-function"};
  static Nullable<int64_t> call_prepared(const State& regex, Text text, Text, int64_t start, int64_t length) {
    return find_regex(regex, text, start, length, 1);
  }
};
struct IndexOfRegexNth : RegexArgument1 {
  static constexpr Spec spec{.name = "indexof_regex",
                             .doc = "position of a later match in a range, or -1; matches do not overlap",
                             .page = "indexof-regex-function",
                             .examples = {"indexof_regex('abcabcdefg', @'a.c', 0, 9, 2) == 3",
                                          "indexof_regex('abcabc', @'a.c', 1, -1, 2) == -1",
                                          "indexof_regex('ababaa', @'a.a', 0, -1, 2) == -1"}};
  static Nullable<int64_t> call_prepared(const State& regex, Text text, Text, int64_t start, int64_t length,
                                         int64_t occurrence) {
    return find_regex(regex, text, start, length, occurrence);
  }
};

struct CountOf {
  static constexpr Spec spec{
      .name = "countof",
      .doc = "number of occurrences, overlapping ones too",
      .page = "countof-function",
      .examples = {"countof('aaa', 'a') == 3", "countof('aaaa', 'aa') == 3", "countof('ababa', 'aba') == 2"}};
  static int64_t call(Str text, Str what);
};
// countof with its kind: a null regex stands for plain text.
struct CountKind {
  std::unique_ptr<Regex> regex;
  static CountKind* read(Str what, Str kind, Arena& arena, const char** error);
};
struct CountOfKind {
  static constexpr Spec spec{
      .name = "countof",
      .doc = "number of occurrences of plain text, or of matches that do not overlap",
      .page = "countof-function",
      .examples = {"countof('ababa', 'ab', 'normal') == 2", "countof('ababa', 'aba', 'regex') == 1",
                   "countof('abcabc', 'a.c', 'regex') == 2"}};
  using State = CountKind;
  static constexpr uint32_t prepared_mask = 6;
  static State* prepare(const Cell* args, size_t, Arena& arena, const char** error) {
    return CountKind::read(args[1].s, args[2].s, arena, error);
  }
  static int64_t call_prepared(const State& state, Str text, Str what, Str) {
    return state.regex ? state.regex->count(text) : CountOf::call(text, what);
  }
};

struct HasAnyIndex {
  static constexpr Spec spec{
      .name = "has_any_index",
      .doc = "index of the first needle that the text has, or -1",
      .page = "has-any-index-function",
      .examples = {"has_any_index('this is an example', dynamic(['this', 'example'])) == 0",
                   "has_any_index('this is an example', dynamic(['not', 'example'])) == 1",
                   "has_any_index('this is an example', dynamic(['not', 'found'])) == -1",
                   "has_any_index('Example number 2', range(1, 3, 1)) == 1",
                   "has_any_index('this is an example', dynamic([])) == -1"}};
  static Nullable<int64_t> call(Context& context, Str text, Dynamic needles);
};
struct StrCmp {
  static constexpr Spec spec{.name = "strcmp",
                             .doc = "-1, 0 or 1 by the order of two texts",
                             .page = "strcmp-function",
                             .examples = {"strcmp('ABC', 'ABC') == 0", "strcmp('abc', 'ABC') == 1",
                                          "strcmp('ABC', 'abc') == -1", "strcmp('abcde', 'abc') == 1"}};
  static int64_t call(Text a, Text b) { return compare_values<Str>(a, b); }
};

using SearchFunctions = List<IndexOf, IndexOfFrom, IndexOfWithin, IndexOfNth, IndexOfRegex, IndexOfRegexFrom,
                             IndexOfRegexWithin, IndexOfRegexNth, CountOf, CountOfKind, HasAnyIndex, StrCmp>;

}  // namespace kqlc::functions

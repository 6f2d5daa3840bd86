// SPDX-License-Identifier: Apache-2.0
//
// Functions of text: length, case, parts, search, replacement. In: UTF-8 text; positions and lengths count
// Unicode code points as Kusto counts them. Out: text or numbers. Sources: the page of each function.
#pragma once

#include "runtime/functions/function.h"
#include "runtime/functions/match.h"
#include "runtime/value/dynamic.h"

namespace kqlc::functions {

// Number of code points; bytes that are no UTF-8 count one each.
int64_t count_characters(Str text);
// Byte offset of the code point number `index`, or the size of the text.
uint64_t offset_of_character(Str text, int64_t index);
Str change_case(Str text, bool upper, Arena& arena);

struct Strlen {
  static constexpr Spec spec{.name = "strlen",
                             .result_name = ResultName::FunctionName,
                             .doc = "number of characters",
                             .page = "strlen-function",
                             .examples = {"strlen('hello') == 5", "strlen('') == 0"}};
  static int64_t call(Str text) { return count_characters(text); }
};
struct StringSize {
  static constexpr Spec spec{.name = "string_size",
                             .result_name = ResultName::FunctionName,
                             .doc = "number of bytes in UTF-8",
                             .page = "string-size-function",
                             .examples = {"string_size('hello') == 5"}};
  static int64_t call(Str text) { return static_cast<int64_t>(text.size); }
};
struct ToLower {
  static constexpr Spec spec{.name = "tolower",
                             .doc = "the text in small letters",
                             .page = "tolower-function",
                             .examples = {"tolower('Hello') == 'hello'"}};
  static Str call(Context& context, Str text) { return change_case(text, false, *context.arena); }
};
struct ToUpper {
  static constexpr Spec spec{.name = "toupper",
                             .doc = "the text in capital letters",
                             .page = "toupper-function",
                             .examples = {"toupper('Hello') == 'HELLO'"}};
  static Str call(Context& context, Str text) { return change_case(text, true, *context.arena); }
};
Str cut(Str text, int64_t start, int64_t length);
struct SubstringToEnd {
  static constexpr Spec spec{.name = "substring",
                             .doc = "the text from a position on",
                             .page = "substring-function",
                             .examples = {"substring('123456', 1) == '23456'"}};
  static Str call(Str text, int64_t start) { return cut(text, start, INT64_MAX); }
};
struct Substring {
  static constexpr Spec spec{
      .name = "substring",
      .doc = "so many characters from a position on",
      .page = "substring-function",
      .examples = {"substring('123456', 2, 2) == '34'", "substring('ABCD', 0, 2) == 'AB'"}};
  static Str call(Str text, int64_t start, int64_t length) { return cut(text, start, length); }
};
struct Strcat {
  static constexpr Spec spec{
      .name = "strcat",
      .doc = "the texts one after another",
      .page = "strcat-function",
      .examples = {"strcat('hello', ' ', 'world') == 'hello world'", "strcat('a', 1) == 'a1'"}};
  static Str call(Context& context, Variadic<Text> parts) {
    uint64_t size = 0;
    for (size_t i = 0; i < parts.size; ++i) size += parts[i].size;
    if (size == 0) return {};
    if (size > kMaxText) {
      context.fail_limit("a text of more than 64 MB");
      return {};
    }
    char* out = static_cast<char*>(context.arena->allocate(size));
    uint64_t at = 0;
    for (size_t i = 0; i < parts.size; ++i) {
      if (parts[i].size) std::memcpy(out + at, parts[i].data, parts[i].size);
      at += parts[i].size;
    }
    return {out, size};
  }
};
struct StrcatDelim {
  static constexpr Spec spec{.name = "strcat_delim",
                             .doc = "the texts with a separator between them",
                             .page = "strcat-delim-function",
                             .examples = {"strcat_delim('-', 1, '2', 'A') == '1-2-A'"}};
  static Str call(Context& context, Str separator, Variadic<Text> parts);
};
struct ReplaceString {
  static constexpr Spec spec{.name = "replace_string",
                             .doc = "every occurrence replaced",
                             .page = "replace-string-function",
                             .examples = {"replace_string('abcabc', 'b', 'x') == 'axcaxc'"}};
  static Str call(Context& context, Str text, Str what, Str with);
};
struct ReplaceRegex {
  static constexpr Spec spec{
      .name = "replace_regex",
      .doc = "every match replaced",
      .page = "replace-regex-function",
      .examples = {"replace_regex('Number is 1', @'is (\\d+)', @'was: \\1') == 'Number was: 1'"}};
  using State = Regex;
  static constexpr uint32_t prepared_mask = 2;
  static State* prepare(const Cell* args, size_t, Arena& arena, const char** error) {
    return Regex::compile(args[1].s, arena, error);
  }
  static Str call_prepared(Context& context, const State& regex, Str text, Str, Str with) {
    return regex.replace(text, with, *context.arena);
  }
};
// The older name has the arguments in an order of its own.
struct Replace {
  static constexpr Spec spec{
      .name = "replace",
      .doc = "every match replaced; older than replace_regex, which takes the text first",
      .page = "replace-regex-function",
      .examples = {"replace(@'is (\\d+)', @'was: \\1', 'Number is 1') == 'Number was: 1'",
                   "replace('_', '-', 'a_b') == 'a-b'"}};
  using State = Regex;
  static constexpr uint32_t prepared_mask = 1;
  static State* prepare(const Cell* args, size_t, Arena& arena, const char** error) {
    return Regex::compile(args[0].s, arena, error);
  }
  static Str call_prepared(Context& context, const State& regex, Str, Str with, Str text) {
    return regex.replace(text, with, *context.arena);
  }
};
struct Extract {
  static constexpr Spec spec{.name = "extract",
                             .doc = "a group of the first match, or the empty text",
                             .page = "extract-function",
                             .examples = {"extract('x=([0-9.]+)', 1, 'hello x=45.6|wo') == '45.6'"}};
  using State = Regex;
  static constexpr uint32_t prepared_mask = 1;
  static State* prepare(const Cell* args, size_t, Arena& arena, const char** error) {
    return Regex::compile(args[0].s, arena, error);
  }
  static Str call_prepared(const State& regex, Str, int64_t group, Str text) {
    return regex.extract(text, group).value;
  }
};
struct Split {
  static constexpr Spec spec{.name = "split",
                             .result_name = ResultName::FirstArgument,
                             .doc = "the parts between separators, as an array",
                             .page = "split-function"};
  static Dynamic call(Context& context, Str text, Str separator);
};
struct SplitPart {
  static constexpr Spec spec{.name = "split",
                             .result_name = ResultName::FirstArgument,
                             .doc = "one part between separators, as an array",
                             .page = "split-function"};
  static Dynamic call(Context& context, Str text, Str separator, int64_t index);
};
struct Reverse {
  static constexpr Spec spec{.name = "reverse",
                             .doc = "the characters in reverse order",
                             .page = "reverse-function",
                             .examples = {"reverse('ABCD') == 'DCBA'"}};
  static Str call(Context& context, Text text);
};

using StringFunctions =
    List<Strlen, StringSize, ToLower, ToUpper, SubstringToEnd, Substring, Strcat, StrcatDelim, ReplaceString,
         ReplaceRegex, Replace, Extract, Split, SplitPart, Reverse>;

}  // namespace kqlc::functions

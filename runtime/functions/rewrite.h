// SPDX-License-Identifier: Apache-2.0
//
// Texts made from texts: characters and strings exchanged, repeated, quoted; code points; sizes as people
// read them. In: texts, numbers. Out: texts, or arrays of code points. Sources: the page of each function.
#pragma once

#include "runtime/functions/encoding.h"
#include "runtime/functions/function.h"
#include "runtime/functions/node_builders.h"
#include "runtime/simd/unicode.h"

namespace kqlc::functions {

struct Translate {
  static constexpr Spec spec{
      .name = "translate",
      .doc =
          "each character of the first text becomes its partner in the second, the last one for those beyond "
          "it",
      .page = "translate-function",
      .examples = {"translate('abc', 'x', 'abc') == 'xxx'", "translate('abc', '', 'ab') == ''",
                   "translate('krasp', 'otsku', 'spark') == 'kusto'"}};
  static Str call(Context& context, Str from, Str to, Str text);
};
struct ReplaceStrings {
  static constexpr Spec spec{
      .name = "replace_strings",
      .doc = "every occurrence of one of the lookups becomes its partner",
      .page = "replace-strings-function",
      .examples = {
          "replace_strings('a cat into a dog', dynamic(['cat', 'dog']), dynamic(['dog', 'pigeon'])) == 'a "
          "dog into a pigeon'",
          "replace_strings('This is', dynamic(['This', 'is']), dynamic([12345, 'was'])) == 'This was'",
          "replace_strings('This is', dynamic(['is', 'This']), dynamic(['was', 'x'])) == 'Thwas was'",
          "replace_strings('turn a cat into a dog', dynamic(['turn', ' into a dog']), dynamic(['disappear', "
          "''])) == 'disappear a cat'"}};
  static Str call(Context& context, Str text, Dynamic lookups, Dynamic rewrites);
};
Str repeat_text(Context& context, Str text, int64_t times, Str separator);
struct StrRep {
  static constexpr Spec spec{.name = "strrep",
                             .doc = "the text so many times, at most 1024",
                             .page = "strrep-function",
                             .examples = {"strrep('ABC', 2) == 'ABCABC'"}};
  static Str call(Context& context, Text text, int64_t times) {
    return repeat_text(context, text, times, {});
  }
};
struct StrRepSeparated {
  static constexpr Spec spec{
      .name = "strrep",
      .doc = "the text so many times, at most 1024, with a separator between",
      .page = "strrep-function",
      .examples = {"strrep(123, 3, '.') == '123.123.123'", "strrep(3s, 2, ' ') == '00:00:03 00:00:03'"}};
  static Str call(Context& context, Text text, int64_t times, Text separator) {
    return repeat_text(context, text, times, separator);
  }
};
struct RegexQuote {
  static constexpr Spec spec{.name = "regex_quote",
                             .doc = "the text as a regular expression that matches just it",
                             .page = "regex-quote-function",
                             .examples = {"regex_quote('(so$me.Te^xt)') == @'\\(so\\$me\\.Te\\^xt\\)'"}};
  static Str call(Context& context, Text text);
};
struct UrlEncodeComponent {
  static constexpr Spec spec{.name = "url_encode_component",
                             .doc = "the text with URL escapes; a blank becomes %20",
                             .page = "url-encode-component-function",
                             .examples = {"url_encode_component('https://www.bing.com/hello world/') == "
                                          "'https%3a%2f%2fwww.bing.com%2fhello%20world%2f'"}};
  static Str call(Context& context, Str text) { return escape_url(text, "%20", *context.arena); }
};
struct IsAscii {
  static constexpr Spec spec{.name = "isascii",
                             .doc = "whether all characters are ASCII",
                             .page = "isascii-function",
                             .examples = {"isascii('some string')", "isascii('\u00e4') == false"}};
  static bool call(Text text) {
    for (char c : text.view())
      if (static_cast<unsigned char>(c) >= 0x80) return false;
    return true;
  }
};
struct IsUtf8 {
  static constexpr Spec spec{.name = "isutf8",
                             .doc = "whether the bytes are UTF-8",
                             .page = "isutf8-function",
                             .examples = {"isutf8('some string')"}};
  static bool call(Text text) { return simd::is_utf8(text.view()); }
};
struct CodePoints {
  static constexpr Spec spec{
      .name = "unicode_codepoints_from_string",
      .aliases = {"to_utf8"},
      .doc = "the numbers of the characters as an array",
      .page = "unicode-codepoints-from-string-function",
      .examples = {"tostring(unicode_codepoints_from_string('Kusto')) == '[75,117,115,116,111]'",
                   "tostring(unicode_codepoints_from_string('\u24a6')) == '[9382]'"}};
  static Dynamic call(Context& context, Text text);
};
struct TextOfCodePoints {
  static constexpr Spec spec{
      .name = "unicode_codepoints_to_string",
      .aliases = {"make_string"},
      .doc = "the characters of these numbers, given one by one or in arrays",
      .page = "unicode-codepoints-to-string-function",
      .examples = {"unicode_codepoints_to_string(75, 117, 115, 116, 111) == 'Kusto'",
                   "unicode_codepoints_to_string(dynamic([75, 117, 115]), 116, 111) == 'Kusto'"}};
  static Str call(Context& context, Variadic<Value> values);
};

// The unit of format_bytes: its index, or -1 for the largest that keeps a digit before the point.
struct ByteUnit {
  int index = -1;
  static ByteUnit* read(Str name, const char** error);
};
Str format_bytes(double size, int64_t precision, int unit, Arena& arena);
struct FormatBytes {
  static constexpr Spec spec{
      .name = "format_bytes",
      .result_name = ResultName::FirstArgument,
      .doc = "a number of bytes in the fitting unit",
      .page = "format-bytes-function",
      .examples = {"format_bytes(564) == '564 Bytes'", "format_bytes(20010332) == '19 MB'"}};
  static Str call(Context& context, double size) { return format_bytes(size, 0, -1, *context.arena); }
};
struct FormatBytesPrecise {
  static constexpr Spec spec{
      .name = "format_bytes",
      .result_name = ResultName::FirstArgument,
      .doc = "a number of bytes in the fitting unit, rounded to so many places",
      .page = "format-bytes-function",
      .examples = {"format_bytes(10332, 1) == '10.1 KB'", "format_bytes(20010332, 2) == '19.08 MB'"}};
  static Str call(Context& context, double size, int64_t precision) {
    return format_bytes(size, precision, -1, *context.arena);
  }
};
struct FormatBytesUnit {
  static constexpr Spec spec{.name = "format_bytes",
                             .result_name = ResultName::FirstArgument,
                             .doc = "a number of bytes in a unit, rounded to so many places",
                             .page = "format-bytes-function",
                             .examples = {"format_bytes(20010332, 0, 'KB') == '19541 KB'"}};
  using State = ByteUnit;
  static constexpr uint32_t prepared_mask = 4;
  static State* prepare(const Cell* args, size_t, Arena&, const char** error) {
    return ByteUnit::read(args[2].s, error);
  }
  static Str call_prepared(Context& context, const State& unit, double size, int64_t precision, Str) {
    return format_bytes(size, precision, unit.index, *context.arena);
  }
};

using RewriteFunctions =
    List<Translate, ReplaceStrings, StrRep, StrRepSeparated, RegexQuote, UrlEncodeComponent, IsAscii, IsUtf8,
         CodePoints, TextOfCodePoints, FormatBytes, FormatBytesPrecise, FormatBytesUnit>;

}  // namespace kqlc::functions

// SPDX-License-Identifier: Apache-2.0
//
// Text in other clothes: base64, URL escapes, hexadecimal, and all matches of a regular expression. In: text
// or numbers. Out: text or arrays; what does not decode gives the empty text or null. Sources: the page of
// each function.
#pragma once

#include <memory>

#include "runtime/functions/function.h"
#include "runtime/functions/match.h"
#include "runtime/functions/node_builders.h"

namespace kqlc::functions {

// Bytes of standard base64 with padding; not valid where the text is none.
Nullable<Str> decode_base64(Str text, Arena& arena);
Str encode_base64(Str bytes, Arena& arena);

struct Base64DecodeToString {
  static constexpr Spec spec{.name = "base64_decode_tostring",
                             .aliases = {"base64_decodestring"},
                             .doc = "the UTF-8 text that base64 text holds",
                             .page = "base64-decode-tostring-function",
                             .examples = {"base64_decode_tostring('S3VzdG8=') == 'Kusto'",
                                          "base64_decode_tostring('U3RyaW5n0KHR0tGA0L7Rh9C60LA=') == ''"}};
  static Str call(Context& context, Str text);
};
struct Base64DecodeToArray {
  static constexpr Spec spec{
      .name = "base64_decode_toarray",
      .doc = "the bytes that base64 text holds, as an array of long",
      .page = "base64-decode-toarray-function",
      .examples = {"tostring(base64_decode_toarray('S3VzdG8=')) == '[75,117,115,116,111]'"}};
  static Dynamic call(Context& context, Str text);
};
struct Base64EncodeToString {
  static constexpr Spec spec{.name = "base64_encode_tostring",
                             .aliases = {"base64_encodestring"},
                             .doc = "the text's bytes as base64",
                             .page = "base64-encode-tostring-function",
                             .examples = {"base64_encode_tostring('Kusto') == 'S3VzdG8='"}};
  static Str call(Context& context, Str text) { return encode_base64(text, *context.arena); }
};
struct UrlDecode {
  static constexpr Spec spec{
      .name = "url_decode",
      .doc = "the text with its URL escapes undone; + is a blank",
      .page = "url-decode-function",
      .examples = {"url_decode('https%3a%2f%2fwww.bing.com%2f') == 'https://www.bing.com/'"}};
  static Str call(Context& context, Str text);
};
// Escapes all but letters, digits and -_.!*(); a blank becomes `blank`.
Str escape_url(Str text, std::string_view blank, Arena& arena);
struct UrlEncode {
  static constexpr Spec spec{
      .name = "url_encode",
      .doc = "the text with URL escapes; a blank becomes +",
      .page = "url-encode-function",
      .examples = {
          "url_encode('https://www.bing.com/hello world') == 'https%3a%2f%2fwww.bing.com%2fhello+world'"}};
  static Str call(Context& context, Str text) { return escape_url(text, "+", *context.arena); }
};
Str hex_text(uint64_t bits, int64_t least, Arena& arena);
template <class T>
struct ToHex {
  static constexpr Spec spec{.name = "tohex",
                             .result_name = ResultName::FirstArgument,
                             .doc = "the number in hexadecimal",
                             .page = "tohex-function",
                             .examples = {"tohex(256) == '100'", "tohex(-256) == 'ffffffffffffff00'"}};
  static Str call(Context& context, T value) {
    return hex_text(static_cast<std::make_unsigned_t<T>>(value), 1, *context.arena);
  }
};
template <class T>
struct ToHexPadded {
  static constexpr Spec spec{.name = "tohex",
                             .result_name = ResultName::FirstArgument,
                             .doc = "the number in hexadecimal with at least so many digits",
                             .page = "tohex-function",
                             .examples = {"tohex(toint(-256), 8) == 'ffffff00'",
                                          "tohex(256, 8) == '00000100'", "tohex(256, 2) == '100'"}};
  static Str call(Context& context, T value, int64_t least) {
    return hex_text(static_cast<std::make_unsigned_t<T>>(value), least, *context.arena);
  }
};

// A regular expression that takes matches off one or both ends, as often as it finds them there.
struct TrimPattern {
  std::unique_ptr<Regex> start, end;
  static TrimPattern* compile(Str pattern, bool start, bool end, Arena& arena, const char** error);
  Str trim(Str text) const;
};
template <bool at_start, bool at_end>
struct TrimEnds {
  static constexpr Spec spec{
      .name = at_start ? (at_end ? "trim" : "trim_start") : "trim_end",
      .doc = "the text without what matches at its ends",
      .page = at_start ? (at_end ? "trim-function" : "trim-start-function") : "trim-end-function"};
  using State = TrimPattern;
  static constexpr uint32_t prepared_mask = 1;
  static State* prepare(const Cell* args, size_t, Arena& arena, const char** error) {
    return TrimPattern::compile(args[0].s, at_start, at_end, arena, error);
  }
  static Str call_prepared(const State& state, Str, Text text) { return state.trim(text); }
};

// extract_all: the groups wanted of every match.
struct AllMatches {
  std::unique_ptr<Regex> regex;
  std::vector<size_t> groups;
  static AllMatches* compile(Str pattern, Dynamic groups, Arena& arena, const char** error);
  Dynamic find(Str text, Arena& arena) const;
};
struct ExtractAll {
  static constexpr Spec spec{
      .name = "extract_all",
      .aliases = {"extractall"},
      .doc = "the groups of all matches; null without a match",
      .page = "extract-all-function",
      .examples = {"tostring(extract_all('([a-f0-9]{2})', '82b8')) == '[\"82\",\"b8\"]'",
                   "tostring(extract_all('(a)(.)', 'abac')) == '[[\"a\",\"b\"],[\"a\",\"c\"]]'"}};
  using State = AllMatches;
  static constexpr uint32_t prepared_mask = 1;
  static State* prepare(const Cell* args, size_t, Arena& arena, const char** error) {
    return AllMatches::compile(args[0].s, {}, arena, error);
  }
  static Dynamic call_prepared(Context& context, const State& state, Str, Text text) {
    return state.find(text, *context.arena);
  }
};
struct ExtractAllGroups {
  static constexpr Spec spec{
      .name = "extract_all",
      .aliases = {"extractall"},
      .doc = "some groups of all matches; null without a match",
      .page = "extract-all-function",
      .examples = {"tostring(extract_all('(a)(.)', dynamic([2]), 'abac')) == '[\"b\",\"c\"]'"}};
  using State = AllMatches;
  static constexpr uint32_t prepared_mask = 3;
  static State* prepare(const Cell* args, size_t, Arena& arena, const char** error) {
    return AllMatches::compile(args[0].s, args[1].valid ? Dynamic{args[1].node} : Dynamic{}, arena, error);
  }
  static Dynamic call_prepared(Context& context, const State& state, Str, Dynamic, Text text) {
    return state.find(text, *context.arena);
  }
};

using EncodingFunctions =
    List<Base64DecodeToString, Base64DecodeToArray, Base64EncodeToString, UrlDecode, UrlEncode,
         ToHex<int32_t>, ToHex<int64_t>, ToHexPadded<int32_t>, ToHexPadded<int64_t>, TrimEnds<true, true>,
         TrimEnds<true, false>, TrimEnds<false, true>, ExtractAll, ExtractAllGroups>;

}  // namespace kqlc::functions

// SPDX-License-Identifier: Apache-2.0
//
// Pieces of JSON text, for all readers: blanks, escapes, numbers, names. Source: RFC 8259.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kqlc::archive {

inline bool is_json_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

inline std::string_view trim_end(std::string_view text) {
  while (!text.empty() && is_json_blank(text.back())) text.remove_suffix(1);
  return text;
}

inline std::string_view trim_start(std::string_view text) {
  while (!text.empty() && is_json_blank(text.front())) text.remove_prefix(1);
  return text;
}

// Without the mark that Windows' editors put before UTF-8.
inline std::string_view skip_byte_order_mark(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

// Writes the characters of a JSON string (without its quotes) to `out`, at most text.size() bytes; a half of
// a surrogate pair becomes U+FFFD. Returns their number, or -1 for an escape that JSON does not know.
int64_t unescape_json(std::string_view text, char* out);

// `place` is behind a backslash. Returns the place behind the escape, one half of a pair at a time; nullptr
// for one that JSON does not know.
const char* skip_json_escape(const char* place, const char* end);

// Whether a JSON object, which `text` starts with, is an API's answer around rows: it has no keys but those
// that answers have. False for what is cut or no object.
bool is_json_answer(std::string_view text);

// Whether the text is a number as RFC 8259 writes them.
bool is_json_number(std::string_view text);

// A copy of JSON text whose letters, digits, `-` and `_` are no longer written as \u00XX: enough to search it
// for names. What follows an escaped backslash may be taken for an escape.
std::string unescape_names(std::string_view text);

}  // namespace kqlc::archive

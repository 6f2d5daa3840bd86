// SPDX-License-Identifier: Apache-2.0
//
// Text of JSON strings. In: bytes between the quotes. Out: characters in UTF-8. Windows logs hold UTF-16 that
// was never checked, so exports contain single surrogates; they are no reason to lose an event and become
// U+FFFD. Source: RFC 8259, section 7.
#include "runtime/archive/json_text.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "runtime/archive/json_keys.h"

namespace kqlc::archive {
namespace {

constexpr uint32_t kReplacement = 0xFFFD;

int hexadecimal_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Reads the four digits of \uXXXX; -1 when they are none.
int64_t read_unit(const char* place, const char* end) {
  if (end - place < 4) return -1;
  int64_t unit = 0;
  for (int i = 0; i < 4; ++i) {
    int digit = hexadecimal_digit(place[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

char* write_utf8(uint32_t code, char* out) {
  if (code < 0x80) {
    *out++ = static_cast<char>(code);
  } else if (code < 0x800) {
    *out++ = static_cast<char>(0xC0 | code >> 6);
    *out++ = static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *out++ = static_cast<char>(0xE0 | code >> 12);
    *out++ = static_cast<char>(0x80 | (code >> 6 & 0x3F));
    *out++ = static_cast<char>(0x80 | (code & 0x3F));
  } else {
    *out++ = static_cast<char>(0xF0 | code >> 18);
    *out++ = static_cast<char>(0x80 | (code >> 12 & 0x3F));
    *out++ = static_cast<char>(0x80 | (code >> 6 & 0x3F));
    *out++ = static_cast<char>(0x80 | (code & 0x3F));
  }
  return out;
}

// Reads \uXXXX (and the second half of a pair); `place` is behind the `u`. Returns the place behind it or
// nullptr.
const char* read_unicode_escape(const char* place, const char* end, uint32_t* code) {
  int64_t unit = read_unit(place, end);
  if (unit < 0) return nullptr;
  place += 4;
  *code = static_cast<uint32_t>(unit);
  if (unit < 0xD800 || unit > 0xDFFF) return place;
  *code = kReplacement;
  if (unit > 0xDBFF || end - place < 6 || place[0] != '\\' || place[1] != 'u') return place;
  int64_t low = read_unit(place + 2, end);
  if (low < 0xDC00 || low > 0xDFFF) return place;
  *code = static_cast<uint32_t>(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
  return place + 6;
}

char simple_escape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

}  // namespace

bool is_json_number(std::string_view text) {
  const char* place = text.data();
  const char* end = place + text.size();
  auto digits = [&] {
    const char* start = place;
    while (place < end && *place >= '0' && *place <= '9') ++place;
    return place - start;
  };
  if (place < end && *place == '-') ++place;
  const char* first = place;
  auto whole = digits();
  if (whole == 0 || (whole > 1 && *first == '0')) return false;
  if (place < end && *place == '.') {
    ++place;
    if (digits() == 0) return false;
  }
  if (place < end && (*place == 'e' || *place == 'E')) {
    ++place;
    if (place < end && (*place == '+' || *place == '-')) ++place;
    if (digits() == 0) return false;
  }
  return place == end;
}

int64_t unescape_json(std::string_view text, char* out) {
  const char* place = text.data();
  const char* end = place + text.size();
  char* start = out;
  while (place < end) {
    auto* slash = static_cast<const char*>(std::memchr(place, '\\', end - place));
    size_t plain = (slash ? slash : end) - place;
    std::memcpy(out, place, plain);
    out += plain;
    if (!slash) break;
    if (slash + 1 == end) return -1;
    place = slash + 2;
    if (slash[1] == 'u') {
      uint32_t code;
      place = read_unicode_escape(place, end, &code);
      if (!place) return -1;
      out = write_utf8(code, out);
      continue;
    }
    *out = simple_escape(slash[1]);
    if (*out++ == 0) return -1;
  }
  return out - start;
}

const char* skip_json_escape(const char* place, const char* end) {
  if (place == end) return nullptr;
  if (*place == 'u') return read_unit(place + 1, end) < 0 ? nullptr : place + 5;
  return simple_escape(*place) ? place + 1 : nullptr;
}

std::string unescape_names(std::string_view text) {
  std::string out;
  size_t place = 0;
  for (size_t at = text.find("\\u00"); at != text.npos; at = text.find("\\u00", at + 1)) {
    int64_t unit = read_unit(text.data() + at + 2, text.data() + text.size());
    if (unit < 0 || !(std::isalnum(static_cast<int>(unit)) || unit == '-' || unit == '_')) continue;
    out.append(text, place, at - place);
    out.push_back(static_cast<char>(unit));
    place = at + 6;
  }
  return out.append(text, place, text.size() - place);
}

namespace {

// Returns the place behind a string whose opening quote is before `place`; `end` where it has no end.
size_t skip_json_string(std::string_view text, size_t place) {
  while (place < text.size() && text[place] != '"') place += text[place] == '\\' ? 2 : 1;
  return std::min(place + 1, text.size());
}

bool is_answer_key(std::string_view raw) {
  std::string name(raw);
  int64_t size = unescape_json(raw, name.data());
  name.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return name.starts_with("@odata.") || name.starts_with('$') ||
         std::find(std::begin(kAnswerKeys), std::end(kAnswerKeys), name) != std::end(kAnswerKeys);
}

}  // namespace

bool is_json_answer(std::string_view text) {
  int depth = 0;
  for (size_t place = 0; place < text.size();) {
    char byte = text[place++];
    if (byte == '{' || byte == '[') ++depth;
    if (byte == '}' || byte == ']') {
      if (--depth == 0) return true;
    } else if (byte == '"') {
      size_t begin = place;
      place = skip_json_string(text, place);
      // At this depth strings are keys and values; a colon follows keys only.
      if (depth != 1) continue;
      size_t next = text.find_first_not_of(" \t\r\n", place);
      if (next == std::string_view::npos) return false;
      if (text[next] == ':' && !is_answer_key(text.substr(begin, place - 1 - begin))) return false;
    }
  }
  return false;
}

}  // namespace kqlc::archive

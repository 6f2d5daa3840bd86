// SPDX-License-Identifier: Apache-2.0
//
// One pass over the characters. In: text. Out: a copy without control characters. What is no UTF-8 is escaped
// byte by byte: a terminal may take single bytes of the upper half for control characters.
#include "runtime/base/printable.h"

#include <utf8proc.h>

#include <algorithm>

#include "runtime/simd/unicode.h"

namespace kqlc {

namespace {

void add_hexadecimal(std::string_view prefix, unsigned byte, std::string* out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  *out += prefix;
  *out += kDigits[byte >> 4];
  *out += kDigits[byte & 15];
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  const char* end = text.data() + text.size();
  for (const char* place = text.data(); place != end;) {
    simd::Character character = simd::decode_character(place, end);
    auto first = static_cast<unsigned char>(*place);
    if (character.code < 0x20 || character.code == 0x7f || character.code >= simd::kInvalidByte) {
      add_hexadecimal("\\x", first, &out);
    } else if (character.code >= 0x80 && character.code < 0xa0) {
      add_hexadecimal("\\u00", character.code, &out);
    } else {
      out.append(place, character.size);
    }
    place += character.size;
  }
  return out;
}

size_t display_width(std::string_view text) {
  size_t width = 0;
  const char* end = text.data() + text.size();
  for (const char* place = text.data(); place != end;) {
    simd::Character character = simd::decode_character(place, end);
    place += character.size;
    if (character.code >= simd::kInvalidByte) {
      ++width;
    } else {
      width +=
          static_cast<size_t>(std::max(0, utf8proc_charwidth(static_cast<utf8proc_int32_t>(character.code))));
    }
  }
  return width;
}

}  // namespace kqlc

// SPDX-License-Identifier: Apache-2.0
//
// Reading and printing guids: 32 hexadecimal digits, with dashes between them or without.
#include "runtime/value/guid.h"

namespace kqlc::guid {

namespace {
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char lower = static_cast<char>(c | 32);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}
}  // namespace

std::optional<Guid> read(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (text.size() == 38 && text.front() == '{' && text.back() == '}') text = text.substr(1, 36);
  // Dashes may stand anywhere between digits, as the engine has it.
  Guid out;
  int digits = 0;
  for (char c : text) {
    if (c == '-' && digits > 0 && digits < 32) continue;
    int digit = hex_digit(c);
    if (digit < 0 || digits == 32) return std::nullopt;
    uint8_t& byte = out.bytes[digits++ / 2];
    byte = static_cast<uint8_t>(byte << 4 | digit);
  }
  if (digits != 32 || text.back() == '-') return std::nullopt;
  return out;
}

void print(const Guid& value, char* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    *out++ = kHex[value.bytes[i] >> 4];
    *out++ = kHex[value.bytes[i] & 15];
  }
}

Str print(const Guid& value, Arena& arena) {
  char* out = static_cast<char*>(arena.allocate(kTextSize));
  print(value, out);
  return {out, kTextSize};
}

}  // namespace kqlc::guid

// SPDX-License-Identifier: Apache-2.0
//
// Characters of UTF-8 text as KQL's string operators see them. In: bytes, valid or not. Out: code points, their
// caseless form, whether they are part of a term. An invalid byte is a character of its own that equals only itself
// and belongs to no term, so nothing here can fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/simd/kernels.h"

namespace kqlc::simd {

// A character: code point (an invalid byte b is kInvalidByte + b) and length in bytes.
struct Character {
  uint32_t code;
  uint32_t size;
};
inline constexpr uint32_t kInvalidByte = 0x110000;

// Returns the character at `place`. Requires: place < end.
Character decode_character(const char* place, const char* end) noexcept;

// Returns the form in which characters that differ in case only are equal: the simple upper case mapping, but a
// character that is not ASCII never becomes ASCII (decision "Case" in README.md).
uint32_t fold_character(uint32_t code) noexcept;

// Whether the character is a letter or a digit of any script (general categories L* and N*).
bool is_alphanumeric(uint32_t code) noexcept;

bool is_ascii(std::string_view text) noexcept;

// Returns the folded characters of the text.
std::u32string fold_text(std::string_view text);

}  // namespace kqlc::simd

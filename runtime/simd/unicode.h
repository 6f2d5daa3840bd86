// SPDX-License-Identifier: Apache-2.0
//
// Characters of UTF-8 text as KQL's string operators see them. In: bytes, valid or not. Out: code points,
// their caseless form, whether they are part of a term. An invalid byte is a character of its own that equals
// only itself and belongs to no term, so nothing here can fail.
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

// Returns the form in which characters that differ in case only are equal: the simple upper case mapping, but
// a character that is not ASCII never becomes ASCII (decision "Case" in README.md).
uint32_t fold_character(uint32_t code) noexcept;

// Whether the character is a letter or a digit of any script (general categories L* and N*).
bool is_alphanumeric(uint32_t code) noexcept;

// Whether the character is one of those that have no case: blanks, separators, control characters and
// punctuation (general categories Z*, Cc and P*). Others may have none either.
bool is_caseless(uint32_t code) noexcept;

bool is_ascii(std::string_view text) noexcept;
bool is_utf8(std::string_view text) noexcept;
// Returns a copy of `text` in which U+FFFD stands for each longest piece that could begin a character, and
// for each other byte that belongs to none: what the Unicode Standard recommends, and Python does.
std::string repair_utf8(std::string_view text);

// Compares the text at `place` with `needle` character by character, caseless. Returns the end of the match
// or nullptr.
const char* match_caseless(const char* place, const char* end, std::string_view needle) noexcept;

// Whether `text` fits `needle` caselessly, as `match` says; the term flags are those of SearchNeedle. Exact
// for all characters; the plain way, a step per character.
bool matches_caseless(std::string_view text, std::string_view needle, Match match, bool term_before,
                      bool term_after) noexcept;

// Whether a needle asks for a border of a term at its start, at its end: when the operator does and the
// needle's own character there is alphanumeric.
bool wants_term_before(Match match, std::string_view needle) noexcept;
bool wants_term_after(Match match, std::string_view needle) noexcept;

}  // namespace kqlc::simd

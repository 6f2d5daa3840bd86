// SPDX-License-Identifier: Apache-2.0
//
// The operators on two texts: ASCII needles go to the kernels, others character by character. An ASCII needle
// never fits a character that is not ASCII, so lengths agree and bytes can be compared.
#include "runtime/simd/predicates.h"

#include <algorithm>
#include <cstring>

#include "runtime/simd/targets.h"
#include "runtime/simd/unicode.h"

namespace kqlc::simd {

namespace {

bool equal_bytes(const char* a, const char* b, uint64_t size) {
  return size == 0 || std::memcmp(a, b, size) == 0;
}

// Whether the needle occurs between the borders of terms that it asks for.
bool occurs(Str text, Str needle, bool caseless, Match match) {
  if (needle.size > text.size && !caseless) return false;
  const bool term_before = wants_term_before(match, needle.view());
  const bool term_after = wants_term_after(match, needle.view());
  if (caseless && !is_ascii(needle.view()))
    return matches_caseless(text.view(), needle.view(), match, term_before, term_after);
  const Kernels& active = kernels();
  const char* end = text.data + text.size;
  if (needle.size == 0) return true;
  for (const char* place = text.data;; ++place) {
    place = active.find_text(needle.data, needle.size, caseless, place, end);
    if (!place) return false;
    if (!(term_before && alphanumeric_before(text.data, place)) &&
        !(term_after && alphanumeric_after(place + needle.size, end)))
      return true;
  }
}

// Whether the needle stands at the start or the end.
bool stands_caseless(Str text, Str needle, Match match) {
  if (!is_ascii(needle.view())) return matches_caseless(text.view(), needle.view(), match, false, false);
  if (needle.size > text.size || (match == Match::Equals && needle.size != text.size)) return false;
  const char* place = match == Match::EndsWith ? text.data + (text.size - needle.size) : text.data;
  return needle.size == 0 || kernels().equal_caseless(place, needle.data, needle.size);
}

}  // namespace

bool equals_cs(Str text, Str other) noexcept {
  return text.size == other.size && equal_bytes(text.data, other.data, text.size);
}
bool equals(Str text, Str other) noexcept { return stands_caseless(text, other, Match::Equals); }
bool contains_cs(Str text, Str needle) noexcept { return occurs(text, needle, false, Match::Contains); }
bool contains(Str text, Str needle) noexcept { return occurs(text, needle, true, Match::Contains); }
bool startswith_cs(Str text, Str needle) noexcept {
  return text.size >= needle.size && equal_bytes(text.data, needle.data, needle.size);
}
bool startswith(Str text, Str needle) noexcept { return stands_caseless(text, needle, Match::StartsWith); }
bool endswith_cs(Str text, Str needle) noexcept {
  return text.size >= needle.size &&
         equal_bytes(text.data + (text.size - needle.size), needle.data, needle.size);
}
bool endswith(Str text, Str needle) noexcept { return stands_caseless(text, needle, Match::EndsWith); }
bool has_cs(Str text, Str needle) noexcept { return occurs(text, needle, false, Match::Has); }
bool has(Str text, Str needle) noexcept { return occurs(text, needle, true, Match::Has); }
bool hasprefix_cs(Str text, Str needle) noexcept { return occurs(text, needle, false, Match::HasPrefix); }
bool hasprefix(Str text, Str needle) noexcept { return occurs(text, needle, true, Match::HasPrefix); }
bool hassuffix_cs(Str text, Str needle) noexcept { return occurs(text, needle, false, Match::HasSuffix); }
bool hassuffix(Str text, Str needle) noexcept { return occurs(text, needle, true, Match::HasSuffix); }

int compare_caseless(Str a, Str b) noexcept {
  const char *p = a.data, *q = b.data;
  const char *p_end = p + a.size, *q_end = q + b.size;
  while (p != p_end && q != q_end) {
    const Character x = decode_character(p, p_end), y = decode_character(q, q_end);
    const uint32_t left = fold_character(x.code), right = fold_character(y.code);
    if (left != right) return left < right ? -1 : 1;
    p += x.size;
    q += y.size;
  }
  return (p != p_end) - (q != q_end);
}

}  // namespace kqlc::simd

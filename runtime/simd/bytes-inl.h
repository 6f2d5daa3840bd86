// SPDX-License-Identifier: Apache-2.0
//
// Single bytes (newlines above all): the first, the last, how many, where; over any vector. In: bytes. Out:
// places. The end of the text is handled by a block moved back to lie inside of it, or byte by byte when
// there is no block.
#pragma once

#include "runtime/simd/search-inl.h"

namespace kqlc::simd {
namespace {

template <class V>
const char* find_byte(const char* begin, const char* end, char byte) {
  const V wanted = V::splat(static_cast<uint8_t>(byte));
  const char* p = begin;
  for (; static_cast<size_t>(end - p) >= 2 * V::kBytes; p += 2 * V::kBytes) {
    const typename V::Bits low = V::equal(V::load(p), wanted);
    const typename V::Bits high = V::equal(V::load(p + V::kBytes), wanted);
    if (V::none(V::any_of(low, high))) continue;
    if (const uint64_t mask = V::mask(low)) return p + lowest(mask);
    return p + V::kBytes + lowest(V::mask(high));
  }
  for (; static_cast<size_t>(end - p) >= V::kBytes; p += V::kBytes)
    if (const uint64_t mask = V::mask(V::equal(V::load(p), wanted))) return p + lowest(mask);
  for (; p != end; ++p)
    if (*p == byte) return p;
  return nullptr;
}

template <class V>
const char* find_last_byte(const char* begin, const char* end, char byte) {
  const V wanted = V::splat(static_cast<uint8_t>(byte));
  const char* p = end;
  for (; static_cast<size_t>(p - begin) >= V::kBytes; p -= V::kBytes)
    if (const uint64_t mask = V::mask(V::equal(V::load(p - V::kBytes), wanted)))
      return p - V::kBytes + highest(mask);
  while (p != begin)
    if (*--p == byte) return p;
  return nullptr;
}

template <class V>
size_t count_byte(const char* begin, const char* end, char byte) {
  const V wanted = V::splat(static_cast<uint8_t>(byte));
  size_t count = 0;
  const char* p = begin;
  for (; static_cast<size_t>(end - p) >= V::kBytes; p += V::kBytes)
    count += static_cast<size_t>(__builtin_popcountll(V::mask(V::equal(V::load(p), wanted))));
  for (; p != end; ++p) count += *p == byte;
  return count;
}

template <class V>
const char* copy_to_quote(const char* begin, const char* end, char* out) {
  const V quote = V::splat('"'), backslash = V::splat('\\');
  uint64_t escaped = 0;
  const char* p = begin;
  for (; static_cast<size_t>(end - p) >= V::kBytes; p += V::kBytes, out += V::kBytes) {
    memcpy(out, p, V::kBytes);
    const V bytes = V::load(p);
    const uint64_t backslashes = V::mask(V::equal(bytes, backslash));
    const uint64_t found = V::mask(V::equal(bytes, quote)) & ~(backslashes << 1 | escaped);
    if (found) return p + lowest(found);
    escaped = backslashes >> (V::kBytes - 1);
  }
  for (; p != end && (*p != '"' || escaped); ++p) {
    *out++ = *p;
    escaped = *p == '\\';
  }
  return p;
}

}  // namespace
}  // namespace kqlc::simd

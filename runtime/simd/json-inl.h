// SPDX-License-Identifier: Apache-2.0
//
// The structural index of JSON, over any vector: blocks of 64 bytes -> bit masks -> offsets. In: bytes and
// what the block before left behind. Out: where unescaped quotes and, outside of strings, { } [ ] : , stand.
// On bytes:
//   text        {"a\"b":1}
//   quote       .1..1.1...     all quotes
//   escaped     ....1.....     the byte after an odd backslash
//   in_string   .11111....     xor of all unescaped quotes up to here: each quote flips it
// Structural bytes are found by one fact: '{' '[' differ from '}' ']' by 2 and among themselves by 0x20.
#pragma once

#include "runtime/simd/search-inl.h"

namespace kqlc::simd {
namespace {

template <class V, class Test>
inline uint64_t block_mask(const char* block, Test test) {
  uint64_t mask = 0;
  for (size_t i = 0; i < 64; i += V::kBytes) mask |= V::mask(test(V::load(block + i))) << i;
  return mask;
}

template <class V>
void json_masks(const char* block, JsonMasks* masks) {
  const V quote = V::splat('"'), backslash = V::splat('\\'), case_bit = V::splat(0x20);
  const V open = V::splat('{'), close = V::splat('}'), colon = V::splat(':'), comma = V::splat(',');
  masks->quote = block_mask<V>(block, [&](V bytes) { return V::equal(bytes, quote); });
  masks->backslash = block_mask<V>(block, [&](V bytes) { return V::equal(bytes, backslash); });
  masks->structural = block_mask<V>(block, [&](V bytes) {
    const V folded = V::either(bytes, case_bit);
    return V::any_of(V::any_of(V::equal(folded, open), V::equal(folded, close)),
                     V::any_of(V::equal(bytes, colon), V::equal(bytes, comma)));
  });
}

// Returns the bytes that a backslash escapes. Runs of backslashes are walked one pair a step; they are rare
// and short.
inline uint64_t find_escaped(uint64_t backslash, JsonState* state) {
  uint64_t escaped = state->escaped;
  backslash &= ~state->escaped;
  state->escaped = 0;
  while (backslash) {
    const uint64_t lead = backslash & (~backslash + 1);
    if (lead >> 63) {
      state->escaped = 1;
      break;
    }
    escaped |= lead << 1;
    backslash &= ~(lead | lead << 1);
  }
  return escaped;
}

// Bit i of the result is the xor of bits 0..i.
inline uint64_t prefix_xor(uint64_t bits) {
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

template <class V>
uint32_t* index_block(const char* block, uint32_t base, JsonState* state, uint32_t* out) {
  JsonMasks masks;
  json_masks<V>(block, &masks);
  const uint64_t quotes = masks.quote & ~find_escaped(masks.backslash, state);
  const uint64_t in_string = prefix_xor(quotes) ^ state->in_string;
  state->in_string = in_string >> 63 ? ~uint64_t{0} : 0;
  for (uint64_t found = quotes | (masks.structural & ~in_string); found; found &= found - 1)
    *out++ = base + static_cast<uint32_t>(lowest(found));
  return out;
}

template <class V>
size_t json_index(const char* begin, const char* end, JsonState* state, uint32_t* offsets) {
  uint32_t* out = offsets;
  const char* p = begin;
  for (; end - p >= 64; p += 64) out = index_block<V>(p, static_cast<uint32_t>(p - begin), state, out);
  if (p == end) return static_cast<size_t>(out - offsets);
  char block[64];
  memset(block, ' ', 64);
  memcpy(block, p, static_cast<size_t>(end - p));
  out = index_block<V>(block, static_cast<uint32_t>(p - begin), state, out);
  return static_cast<size_t>(out - offsets);
}

}  // namespace
}  // namespace kqlc::simd

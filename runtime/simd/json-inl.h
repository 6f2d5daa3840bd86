// SPDX-License-Identifier: Apache-2.0
//
// The index of NDJSON, over any vector: blocks of 64 bytes -> one bit a byte for the quotes, one entry a
// line. In: bytes. Out: where unescaped quotes stand, where lines end, and which lines hold bytes that need a
// closer look. On bytes:
//   text        {"a\"b":1}
//   quote       .1..1.1...     all quotes
//   escaped     ....1.....     the byte after an odd number of backslashes
//   index       .1....1...     quotes that are not escaped: each begins or ends a string
// Inside of a string an unescaped quote cannot stand, so a walk from quote to quote needs no other bytes.
#pragma once

#include "runtime/simd/search-inl.h"

namespace kqlc::simd {
namespace {

// What 64 bytes hold; bit i is byte i.
struct JsonMasks {
  uint64_t quote, backslash;
  uint64_t control;  // bytes below 0x20
  bool non_ascii;    // any byte of them
};

template <class V>
inline JsonMasks json_masks(const char* block) {
  const V quote = V::splat('"'), backslash = V::splat('\\'), printable = V::splat(0xe0), zero = V::splat(0);
  const V top = V::splat(0x80);
  JsonMasks masks{};
  V seen = zero;
  for (size_t i = 0; i < 64; i += V::kBytes) {
    const V bytes = V::load(block + i);
    masks.quote |= V::mask(V::equal(bytes, quote)) << i;
    masks.backslash |= V::mask(V::equal(bytes, backslash)) << i;
    masks.control |= V::mask(V::equal(V::meet(bytes, printable), zero)) << i;
    seen = V::either(seen, bytes);
  }
  masks.non_ascii = !V::none(V::equal(V::meet(seen, top), top));
  return masks;
}

// Returns the bytes behind runs of backslashes of odd length. `carry`: 1 where the byte before the block was
// such a run's last; set for the next block. Adding the lowest bit of a run to the run moves it to the place
// behind the run, whose parity against that of the run's start tells its length's. Source: Langdale and
// Lemire, "Parsing Gigabytes of JSON per Second", 3.1.1.
inline uint64_t find_escaped(uint64_t backslash, uint64_t* carry) {
  constexpr uint64_t kEven = 0x5555555555555555;
  const uint64_t escaped_first = *carry;
  backslash &= ~escaped_first;
  const uint64_t starts = backslash & ~(backslash << 1);
  const uint64_t after_even = (backslash + (starts & kEven)) & ~backslash;
  uint64_t after_odd = 0;
  *carry = __builtin_add_overflow(backslash, starts & ~kEven, &after_odd);
  after_odd &= ~backslash;
  return (after_even & ~kEven) | (after_odd & kEven) | escaped_first;
}

// Collects the lines of a text, block by block.
class LineCollector {
 public:
  LineCollector(const char* begin, const char* end, JsonLine* out) : begin_(begin), end_(end), out_(out) {}

  void add_block(size_t base, const JsonMasks& masks) {
    const uint32_t of_block = masks.non_ascii ? kLineNonAscii : 0;
    flags_ |= of_block;
    for (uint64_t left = masks.control; left; left &= left - 1) {
      const size_t place = base + lowest(left);
      const char* byte = begin_ + place;
      if (*byte == '\n') {
        *out_++ = {static_cast<uint32_t>(place), flags_};
        flags_ = of_block;
      } else if (*byte != '\r' || byte + 1 == end_ || byte[1] != '\n') {
        flags_ |= kLineControl;
      }
    }
  }
  // Adds what follows the last \n.
  JsonLine* finish() {
    *out_++ = {static_cast<uint32_t>(end_ - begin_), flags_};
    return out_;
  }

 private:
  const char* begin_;
  const char* end_;
  JsonLine* out_;
  uint32_t flags_ = 0;
};

template <class V>
size_t json_lines(const char* begin, const char* end, uint64_t* quotes, JsonLine* lines) {
  LineCollector collector(begin, end, lines);
  uint64_t carry = 0;
  const auto size = static_cast<size_t>(end - begin);
  const auto add = [&](const char* block, size_t base) {
    const JsonMasks masks = json_masks<V>(block);
    *quotes++ = masks.quote & ~find_escaped(masks.backslash, &carry);
    if (masks.control || masks.non_ascii) collector.add_block(base, masks);
  };
  size_t base = 0;
  for (; size - base >= 64; base += 64) add(begin + base, base);
  if (base != size) {
    char block[64];
    memset(block, ' ', 64);
    memcpy(block, begin + base, size - base);
    add(block, base);
  }
  return static_cast<size_t>(collector.finish() - lines);
}

}  // namespace
}  // namespace kqlc::simd

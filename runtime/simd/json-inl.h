// SPDX-License-Identifier: Apache-2.0
//
// The index of NDJSON, over any vector: blocks of 64 bytes -> the places of the quotes, one entry a line. In:
// bytes. Out: where unescaped quotes stand, where lines end, and which lines hold bytes that need a
// closer look. On bytes:
//   text        {"a\"b":1}
//   quote       .1..1.1...     all quotes
//   escaped     ....1.....     the byte after an odd number of backslashes
//   index       .1....1...     quotes that are not escaped: each begins or ends a string
// Inside of a string an unescaped quote cannot stand, so a walk from quote to quote needs no other bytes.
#pragma once

#include "runtime/simd/utf8-inl.h"

namespace kqlc::simd {
namespace {

// What 64 bytes hold; bit i is byte i.
struct JsonMasks {
  uint64_t quote, backslash;
  bool printable;  // no byte below 0x20 and none above 0x7f
};

template <class V>
inline JsonMasks json_masks(const char* block) {
  const V quote = V::splat('"'), backslash = V::splat('\\');
  JsonMasks masks{0, 0, true};
  for (size_t i = 0; i < 64; i += V::kBytes) {
    const V bytes = V::load(block + i);
    masks.quote |= V::mask(V::equal(bytes, quote)) << i;
    masks.backslash |= V::mask(V::equal(bytes, backslash)) << i;
    masks.printable &= V::none(V::not_printable(bytes));
  }
  return masks;
}

template <class V>
inline uint64_t control_mask(const char* block) {
  const V above = V::splat(0xe0), zero = V::splat(0);
  uint64_t control = 0;
  for (size_t i = 0; i < 64; i += V::kBytes)
    control |= V::mask(V::equal(V::meet(V::load(block + i), above), zero)) << i;
  return control;
}

template <class V>
inline bool is_ascii(const char* block) {
  V seen = V::load(block);
  for (size_t i = V::kBytes; i < 64; i += V::kBytes) seen = V::either(seen, V::load(block + i));
  return !has_high_bit(seen);
}

// Returns the bytes behind runs of backslashes of odd length. `escaped_first`: 1 where the byte before the
// block was such a run's last. Adding the lowest bit of a run to the run moves it to the place
// behind the run, whose parity against that of the run's start tells its length's. Source: Langdale and
// Lemire, "Parsing Gigabytes of JSON per Second", 3.1.1.
inline uint64_t find_escaped(uint64_t backslash, uint64_t escaped_first) {
  constexpr uint64_t kEven = 0x5555555555555555;
  backslash &= ~escaped_first;
  const uint64_t starts = backslash & ~(backslash << 1);
  const uint64_t after_even = (backslash + (starts & kEven)) & ~backslash;
  const uint64_t after_odd = (backslash + (starts & ~kEven)) & ~backslash;
  return (after_even & ~kEven) | (after_odd & kEven) | escaped_first;
}

// Whether the block's last byte ends a run of backslashes of odd length. Of what came before the block only
// that of a run which fills it asks, so that no block waits for the one before.
inline uint64_t escapes_next(uint64_t backslash, uint64_t escaped_first) {
  return ~backslash ? static_cast<uint64_t>(__builtin_clzll(~backslash)) & 1 : escaped_first;
}

// Whether the 64 bytes at p are UTF-8 together with what stands around them; the text is [begin, end).
template <class V>
bool block_fits(const char* begin, const char* p, const char* end) {
  const Utf8Check<V> check;
  for (size_t i = 0; i < 64 && p + i <= end; i += V::kBytes) {
    const bool inside = p + i != begin && static_cast<size_t>(end - p) >= i + V::kBytes;
    if (inside ? !check(p + i) : !check_copied(check, begin, p + i, end)) return false;
  }
  return true;
}

// Collects the lines of a text from the blocks that have bytes other than printable ASCII. Such blocks are
// few, so what is done for them is kept out of the loop over all.
template <class V>
class LineCollector {
 public:
  LineCollector(const char* begin, const char* end, JsonLine* out) : begin_(begin), end_(end), out_(out) {}

  // `block` holds the bytes from `base` on; `quotes` are those of the block, `quotes_before` stand before it.
  [[gnu::noinline]] void add_block(const char* block, size_t base, uint64_t quotes, size_t quotes_before) {
    const uint32_t of_block = is_ascii<V>(block) || is_utf8_at(base) ? 0 : kLineNotUtf8;
    flags_ |= of_block;
    for (uint64_t left = control_mask<V>(block); left; left &= left - 1) {
      const size_t place = base + lowest(left);
      const char* byte = begin_ + place;
      if (*byte == '\n') {
        add_line(place);
        flags_ = of_block;
        const uint64_t before = (left & (~left + 1)) - 1;
        first_quote_ = static_cast<uint32_t>(quotes_before + count_bits(quotes & before));
      } else if (*byte != '\r' || byte + 1 == end_ || byte[1] != '\n') {
        flags_ |= kLineControl;
      }
    }
  }
  // Adds what follows the last \n.
  JsonLine* finish() {
    add_line(static_cast<size_t>(end_ - begin_));
    return out_;
  }

 private:
  void add_line(size_t end) { *out_++ = {static_cast<uint32_t>(end), flags_, first_quote_}; }

  // What the last character of a block lacks is missed in the block behind it, which may be of ASCII.
  bool is_utf8_at(size_t base) const {
    const char* p = begin_ + base;
    if (!block_fits<V>(begin_, p, end_)) return false;
    return static_cast<size_t>(end_ - p) < 64 || !may_go_on(p + 64) || block_fits<V>(begin_, p + 64, end_);
  }

  const char* begin_;
  const char* end_;
  JsonLine* out_;
  uint32_t flags_ = 0;
  uint32_t first_quote_ = 0;
};

template <class V>
JsonCounts json_lines(const char* begin, const char* end, uint32_t* quotes, JsonLine* lines) {
  LineCollector<V> collector(begin, end, lines);
  const auto size = static_cast<size_t>(end - begin);
  uint32_t* next = quotes;
  uint64_t escaped = 0;
  char last[64];
  for (size_t base = 0; base < size; base += 64) {
    const char* block = begin + base;
    if (size - base < 64) {
      memset(last, ' ', 64);
      memcpy(last, block, size - base);
      block = last;
    }
    __builtin_prefetch(block + kPrefetch);
    const JsonMasks masks = json_masks<V>(block);
    const uint64_t bits = masks.quote & ~find_escaped(masks.backslash, escaped);
    escaped = escapes_next(masks.backslash, escaped);
    if (!masks.printable) collector.add_block(block, base, bits, static_cast<size_t>(next - quotes));
    next = V::list_places(bits, static_cast<uint32_t>(base), next);
  }
  return {static_cast<size_t>(next - quotes), static_cast<size_t>(collector.finish() - lines)};
}

}  // namespace
}  // namespace kqlc::simd

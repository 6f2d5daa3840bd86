// SPDX-License-Identifier: Apache-2.0
//
// Searching for one needle, over any vector. In: a prepared needle, bytes. Out: the first place that an
// Accept lets pass. The plain version:
//   for p in [begin, end - size]:  if p[first] and p[second] fit and accept(p): return p
// Departures:
//   1. kBytes places are tried at once: the block at p + first and the block at p + second, each compared
//   with one
//      byte everywhere; where both fit stands a candidate. The two bytes are the rarest of the needle.
//   2. Four blocks a turn; one test on their union, since most turns find nothing.
//   3. The end is not padded: the last block is moved back so that it ends at `end`, places already tried
//   masked off.
//   4. Text shorter than a block goes to the next narrower vector, at last to the plain version.
#pragma once

#include "runtime/simd/kernels.h"
#include "runtime/simd/vector.h"

namespace kqlc::simd {
namespace {

// A buffer that has just been read lies in the second cache.
constexpr size_t kPrefetch = 1024;

inline uint8_t byte_at(const char* p) { return static_cast<uint8_t>(*p); }

template <class T>
inline T load_word(const char* p) {
  T word;
  memcpy(&word, p, sizeof(T));
  return word;
}

template <class T>
inline bool word_fits(const SearchNeedle& needle, const char* p, size_t at) {
  return static_cast<T>(load_word<T>(p + at) | load_word<T>(needle.fold + at)) ==
         load_word<T>(needle.bytes + at);
}

// Whether needle.size bytes at p fit. Words, the last one overlapping; no read outside of the needle's bytes.
inline bool bytes_fit(const SearchNeedle& needle, const char* p) {
  const size_t size = needle.size;
  if (size >= 8) {
    for (size_t i = 0; i + 8 <= size; i += 8)
      if (!word_fits<uint64_t>(needle, p, i)) return false;
    return word_fits<uint64_t>(needle, p, size - 8);
  }
  if (size >= 4) return word_fits<uint32_t>(needle, p, 0) && word_fits<uint32_t>(needle, p, size - 4);
  for (size_t i = 0; i < size; ++i)
    if (!word_fits<uint8_t>(needle, p, i)) return false;
  return true;
}

inline bool ascii_alphanumeric(uint8_t byte) {
  return static_cast<uint8_t>((byte | 0x20) - 'a') < 26 || static_cast<uint8_t>(byte - '0') < 10;
}

// Whether an occurrence at p lies at the borders of terms as the needle asks; the text is [begin, end).
inline bool borders_fit(const SearchNeedle& needle, const char* begin, const char* p, const char* end) {
  if (needle.term_before && p != begin) {
    const uint8_t before = byte_at(p - 1);
    if (before < 0x80 ? ascii_alphanumeric(before) : alphanumeric_before(begin, p)) return false;
  }
  const char* next = p + needle.size;
  if (needle.term_after && next != end) {
    const uint8_t after = byte_at(next);
    if (after < 0x80 ? ascii_alphanumeric(after) : alphanumeric_after(next, end)) return false;
  }
  return true;
}

inline size_t reach_of(const SearchNeedle& needle) {
  return needle.first > needle.second ? needle.first : needle.second;
}

// The two bytes of a needle, spread over registers.
template <class V>
struct Probe {
  size_t first, second;
  V first_byte, first_fold, second_byte, second_fold;

  explicit Probe(const SearchNeedle& needle)
      : first(needle.first),
        second(needle.second),
        first_byte(V::splat(needle.first_byte)),
        first_fold(V::splat(needle.first_fold)),
        second_byte(V::splat(needle.second_byte)),
        second_fold(V::splat(needle.second_fold)) {}

  // Which of the kBytes places from p are candidates.
  typename V::Bits operator()(const char* p) const {
    return V::both(V::equal(V::either(V::load(p + first), first_fold), first_byte),
                   V::equal(V::either(V::load(p + second), second_fold), second_byte));
  }
};

template <class Accept>
inline const char* first_accepted(uint64_t mask, const char* p, const char* last, Accept& accept) {
  for (; mask; mask &= mask - 1) {
    const char* place = p + lowest(mask);
    if (place > last) return nullptr;
    if (accept(place)) return place;
  }
  return nullptr;
}

// Returns the first p in [begin, end - size] whose two bytes fit and that `accept` takes. Requires: size > 0.
template <class V, class Accept>
const char* find_if(const SearchNeedle& needle, const char* begin, const char* end, Accept accept) {
  const auto length = static_cast<size_t>(end - begin);
  if (length < needle.size) return nullptr;
  const char* last = end - needle.size;
  if constexpr (kIsVoid<V>) {
    for (const char* p = begin; p <= last; ++p) {
      if ((byte_at(p + needle.first) | needle.first_fold) == needle.first_byte &&
          (byte_at(p + needle.second) | needle.second_fold) == needle.second_byte && accept(p))
        return p;
    }
    return nullptr;
  } else {
    const size_t reach = reach_of(needle) + V::kBytes;
    if (length < reach) return find_if<typename V::Half>(needle, begin, end, accept);
    const Probe<V> probe(needle);
    const char* p = begin;
    for (; static_cast<size_t>(end - p) >= reach + 3 * V::kBytes; p += 4 * V::kBytes) {
      const typename V::Bits bits[4] = {probe(p), probe(p + V::kBytes), probe(p + 2 * V::kBytes),
                                        probe(p + 3 * V::kBytes)};
      if (V::none(V::any_of(V::any_of(bits[0], bits[1]), V::any_of(bits[2], bits[3])))) continue;
      for (size_t i = 0; i < 4; ++i)
        if (const char* hit = first_accepted(V::mask(bits[i]), p + i * V::kBytes, last, accept)) return hit;
    }
    for (; static_cast<size_t>(end - p) >= reach; p += V::kBytes)
      if (const char* hit = first_accepted(V::mask(probe(p)), p, last, accept)) return hit;
    if (p > last) return nullptr;
    const char* tail = end - reach;
    return first_accepted(V::mask(probe(tail)) & (~uint64_t{0} << (p - tail)), tail, last, accept);
  }
}

template <class V>
const char* find(const SearchNeedle& needle, const char* begin, const char* end) {
  if (needle.size == 0) return begin;
  return find_if<V>(needle, begin, end, [&](const char* p) { return bytes_fit(needle, p); });
}

inline uint8_t lower(uint8_t byte) { return static_cast<uint8_t>(byte - 'A') < 26 ? byte | 0x20 : byte; }

inline bool equal_caseless_plain(const char* a, const char* b, size_t size) {
  for (size_t i = 0; i < size; ++i)
    if (lower(byte_at(a + i)) != lower(byte_at(b + i))) return false;
  return true;
}

// Eight bytes at a time: letters are folded by adding what carries into bit 7 for 'A'..'Z' only.
inline uint64_t lower_word(uint64_t word) {
  const uint64_t low = word & Scalar::kLow;
  const uint64_t from_a = low + 0x3f3f3f3f3f3f3f3f;  // bit 7: byte >= 'A'
  const uint64_t past_z = low + 0x2525252525252525;  // bit 7: byte > 'Z'
  const uint64_t letters = (from_a & ~past_z & ~word & ~Scalar::kLow) >> 2;
  return word | letters;
}

inline bool equal_caseless(const char* a, const char* b, size_t size) {
  if (size < 8) return equal_caseless_plain(a, b, size);
  size_t i = 0;
  for (; i + 8 <= size; i += 8)
    if (lower_word(load_word<uint64_t>(a + i)) != lower_word(load_word<uint64_t>(b + i))) return false;
  return lower_word(load_word<uint64_t>(a + size - 8)) == lower_word(load_word<uint64_t>(b + size - 8));
}

// A needle that is not prepared: first and last byte are compared, then all bytes, folding both sides.
template <class V>
const char* find_text(const char* text, size_t size, bool caseless, const char* begin, const char* end) {
  if (size == 0) return begin;
  const uint8_t first = byte_at(text), last = byte_at(text + size - 1);
  const uint8_t first_lower = lower(first), last_lower = lower(last);
  const auto fold = [&](uint8_t low) {
    return static_cast<uint8_t>(caseless && low >= 'a' && low <= 'z' ? 0x20 : 0);
  };
  SearchNeedle needle{};
  needle.size = size;
  needle.second = size - 1;
  needle.first_byte = caseless ? first_lower : first;
  needle.second_byte = caseless ? last_lower : last;
  needle.first_fold = fold(first_lower);
  needle.second_fold = fold(last_lower);
  return find_if<V>(needle, begin, end, [&](const char* p) {
    return caseless ? equal_caseless(p, text, size) : memcmp(p, text, size) == 0;
  });
}

// Whether the whole text fits needle.match.
template <class V>
bool matches(const SearchNeedle& needle, const char* data, size_t size) {
  switch (needle.match) {
    case Match::Equals:
      return size == needle.size && bytes_fit(needle, data);
    case Match::StartsWith:
      return size >= needle.size && bytes_fit(needle, data);
    case Match::EndsWith:
      return size >= needle.size && bytes_fit(needle, data + (size - needle.size));
    case Match::Contains:
    case Match::Has:
    case Match::HasPrefix:
    case Match::HasSuffix:
      break;
  }
  if (needle.size == 0) return true;
  const char* end = data + size;
  return find_if<V>(needle, data, end, [&](const char* p) {
           return bytes_fit(needle, p) && borders_fit(needle, data, p, end);
         }) != nullptr;
}

}  // namespace
}  // namespace kqlc::simd

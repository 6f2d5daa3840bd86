// SPDX-License-Identifier: Apache-2.0
//
// One register of bytes, in the few operations that searching needs, for each SIMD target: Scalar (8 bytes in
// a plain integer), Sse4 (16), Avx2 (32), Avx512 (64). The algorithms in *-inl.h are templates over these.
// Included only by the kernels_<target>.cc files; everything lies in an unnamed namespace, so that no
// function compiled with one target's instructions can be merged into another's. A further target (NEON) is
// one more struct here.
//
// A wrapper V has: kBytes; Half (the next narrower wrapper, void for Scalar); Bits, the result of a
// comparison; and
// - load(p), splat(b): kBytes bytes from p, unaligned; the byte b everywhere
//
// - either(a, b), meet(a, b): a | b, a & b
//
// - equal(a, b), nonzero(v), not_printable(v): Bits: which bytes are equal, not 0, below 0x20 or above 0x7f
//
// - both(x, y), any_of(x, y), none(x): of Bits
//
// - mask(x): bit i of a uint64_t: byte i
//
// - look_up(table, v, half): a table of 16 bytes indexed by the low (half = 0) or high (1) nibble of each
// byte
//
// - spread<S>(p): groups of four bytes: group i is what stands from p + S * i on, S from 1 to 4; reads kBytes
//
// - sampled(first, last, bitmap, bits): bit i of a uint64_t says whether the bitmap has the hash of the
// groups i of both, as hash_window() makes it
//
// - list_places(mask, base, out): writes base + i for each set bit i, and up to kSpareQuotes words of
// anything behind them; returns the place behind the last one
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE4_2__)
#include <immintrin.h>
#endif

#include "runtime/simd/kernels.h"

namespace kqlc::simd {
namespace {

// The lowest set bit's number. Requires: mask != 0.
inline size_t lowest(uint64_t mask) { return static_cast<size_t>(__builtin_ctzll(mask)); }
inline size_t highest(uint64_t mask) { return 63 - static_cast<size_t>(__builtin_clzll(mask)); }
inline size_t count_bits(uint64_t mask) { return static_cast<size_t>(__builtin_popcountll(mask)); }

// Eight places a turn, since where a loop over the bits ends cannot be foretold.
inline uint32_t* list_places_by_eights(uint64_t mask, uint32_t base, uint32_t* out) {
  constexpr uint64_t kTop = uint64_t{1} << 63;  // so that there is a lowest one
  uint32_t* const end = out + count_bits(mask);
  do {
    for (size_t i = 0; i < 8; ++i, mask &= mask - 1)
      out[i] = base + static_cast<uint32_t>(lowest(mask | kTop));
    out += 8;
  } while (mask);
  return end;
}

struct Scalar {
  static constexpr size_t kBytes = 8;
  using Half = void;
  using Bits = uint64_t;  // 0x80 in each byte that holds
  uint64_t raw;

  static constexpr uint64_t kLow = 0x7f7f7f7f7f7f7f7f;
  static Scalar load(const char* p) {
    Scalar v;
    memcpy(&v.raw, p, 8);
    return v;
  }
  static Scalar splat(uint8_t byte) { return {byte * 0x0101010101010101u}; }
  static Scalar either(Scalar a, Scalar b) { return {a.raw | b.raw}; }
  static Scalar meet(Scalar a, Scalar b) { return {a.raw & b.raw}; }
  // A byte is zero when neither its low seven bits carry nor its top bit is set; exact, no false positives.
  static Bits nonzero(Scalar v) { return (((v.raw & kLow) + kLow) | v.raw) & ~kLow; }
  static Bits equal(Scalar a, Scalar b) { return nonzero({a.raw ^ b.raw}) ^ ~kLow; }
  static Bits not_printable(Scalar v) {
    const uint64_t from_space = (v.raw & kLow) + 0x6060606060606060;  // the top bit: 0x20 or more
    return (~from_space | v.raw) & ~kLow;
  }
  static Bits both(Bits x, Bits y) { return x & y; }
  static Bits any_of(Bits x, Bits y) { return x | y; }
  static bool none(Bits x) { return x == 0; }
  static uint64_t mask(Bits x) { return ((x >> 7) * 0x0102040810204080u) >> 56; }
  template <int S>
  static Scalar spread(const char* p) {
    uint32_t groups[2];
    memcpy(groups, p, 4);
    memcpy(groups + 1, p + S, 4);
    return {groups[0] | uint64_t{groups[1]} << 32};
  }
  static uint64_t sampled(Scalar first, Scalar last, const uint32_t* bitmap, uint32_t bits) {
    return sampled_group(first.raw, last.raw, bitmap, bits) |
           sampled_group(first.raw >> 32, last.raw >> 32, bitmap, bits) << 1;
  }
  static uint64_t sampled_group(uint64_t first, uint64_t last, const uint32_t* bitmap, uint32_t bits) {
    const uint32_t hash = hash_window(static_cast<uint32_t>(first), static_cast<uint32_t>(last));
    const uint32_t wanted = window_bits(hash, bits);
    return (bitmap[hash >> (37 - bits)] & wanted) == wanted;
  }
  static uint32_t* list_places(uint64_t mask, uint32_t base, uint32_t* out) {
    return list_places_by_eights(mask, base, out);
  }
  using Table = const uint8_t*;
  static Table load_table(const uint8_t* p) { return p; }
  static Scalar look_up(Table table, Scalar v, int half) {
    uint64_t result = 0;
    for (int i = 0; i < 64; i += 8) result |= uint64_t{table[(v.raw >> (i + half * 4)) & 15]} << i;
    return {result};
  }
};

#if defined(__SSE4_2__)
struct Sse4 {
  static constexpr size_t kBytes = 16;
  using Half = Scalar;
  using Bits = __m128i;
  __m128i raw;

  static Sse4 load(const char* p) { return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))}; }
  static Sse4 splat(uint8_t byte) { return {_mm_set1_epi8(static_cast<char>(byte))}; }
  static Sse4 either(Sse4 a, Sse4 b) { return {_mm_or_si128(a.raw, b.raw)}; }
  static Sse4 meet(Sse4 a, Sse4 b) { return {_mm_and_si128(a.raw, b.raw)}; }
  static Bits equal(Sse4 a, Sse4 b) { return _mm_cmpeq_epi8(a.raw, b.raw); }
  static Bits nonzero(Sse4 v) {
    return _mm_xor_si128(_mm_cmpeq_epi8(v.raw, _mm_setzero_si128()), _mm_set1_epi8(-1));
  }
  // As signed numbers the bytes above 0x7f are below zero.
  static Bits not_printable(Sse4 v) { return _mm_cmplt_epi8(v.raw, _mm_set1_epi8(0x20)); }
  static Bits both(Bits x, Bits y) { return _mm_and_si128(x, y); }
  static Bits any_of(Bits x, Bits y) { return _mm_or_si128(x, y); }
  static bool none(Bits x) { return _mm_testz_si128(x, x); }
  static uint64_t mask(Bits x) { return static_cast<uint32_t>(_mm_movemask_epi8(x)); }
  template <int S>
  static Sse4 spread(const char* p) {
    return {_mm_shuffle_epi8(load(p).raw, group_places<S>())};
  }
  // The bytes of the groups in sixteen.
  template <int S>
  static __m128i group_places() {
    return _mm_setr_epi8(0, 1, 2, 3, S, S + 1, S + 2, S + 3, 2 * S, 2 * S + 1, 2 * S + 2, 2 * S + 3, 3 * S,
                         3 * S + 1, 3 * S + 2, 3 * S + 3);
  }
  static uint64_t sampled(Sse4 first, Sse4 last, const uint32_t* bitmap, uint32_t bits) {
    return Scalar::sampled(low(first), low(last), bitmap, bits) |
           Scalar::sampled(high(first), high(last), bitmap, bits) << 2;
  }
  static Scalar low(Sse4 v) { return {static_cast<uint64_t>(_mm_cvtsi128_si64(v.raw))}; }
  static Scalar high(Sse4 v) { return {static_cast<uint64_t>(_mm_extract_epi64(v.raw, 1))}; }
  static uint32_t* list_places(uint64_t mask, uint32_t base, uint32_t* out) {
    return list_places_by_eights(mask, base, out);
  }
  using Table = __m128i;
  static Table load_table(const uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
  static Sse4 look_up(Table table, Sse4 v, int half) {
    const __m128i nibbles = _mm_and_si128(half ? _mm_srli_epi16(v.raw, 4) : v.raw, _mm_set1_epi8(15));
    return {_mm_shuffle_epi8(table, nibbles)};
  }
};
#endif

#if defined(__AVX2__)
struct Avx2 {
  static constexpr size_t kBytes = 32;
  using Half = Sse4;
  using Bits = __m256i;
  __m256i raw;

  static Avx2 load(const char* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
  static Avx2 splat(uint8_t byte) { return {_mm256_set1_epi8(static_cast<char>(byte))}; }
  static Avx2 either(Avx2 a, Avx2 b) { return {_mm256_or_si256(a.raw, b.raw)}; }
  static Avx2 meet(Avx2 a, Avx2 b) { return {_mm256_and_si256(a.raw, b.raw)}; }
  static Bits equal(Avx2 a, Avx2 b) { return _mm256_cmpeq_epi8(a.raw, b.raw); }
  static Bits nonzero(Avx2 v) {
    return _mm256_xor_si256(_mm256_cmpeq_epi8(v.raw, _mm256_setzero_si256()), _mm256_set1_epi8(-1));
  }
  static Bits not_printable(Avx2 v) { return _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), v.raw); }
  static Bits both(Bits x, Bits y) { return _mm256_and_si256(x, y); }
  static Bits any_of(Bits x, Bits y) { return _mm256_or_si256(x, y); }
  static bool none(Bits x) { return _mm256_testz_si256(x, x); }
  static uint64_t mask(Bits x) { return static_cast<uint32_t>(_mm256_movemask_epi8(x)); }
  template <int S>
  static Avx2 spread(const char* p) {
    const __m256i halves =
        _mm256_inserti128_si256(_mm256_castsi128_si256(Sse4::load(p).raw), Sse4::load(p + 4 * S).raw, 1);
    return {_mm256_shuffle_epi8(halves, _mm256_broadcastsi128_si256(Sse4::group_places<S>()))};
  }
  static __m256i product(Avx2 v, uint32_t factor) {
    return _mm256_mullo_epi32(_mm256_or_si256(v.raw, _mm256_set1_epi32(0x20202020)),
                              _mm256_set1_epi32(static_cast<int>(factor)));
  }
  // The bit of each group that the upper `bits` bits of its hash end with.
  static __m256i bit_of(__m256i hash, uint32_t bits) {
    const __m256i number = _mm256_srl_epi32(hash, _mm_cvtsi32_si128(static_cast<int>(32 - bits)));
    return _mm256_sllv_epi32(_mm256_set1_epi32(1), _mm256_and_si256(number, _mm256_set1_epi32(31)));
  }
  static uint64_t sampled(Avx2 first, Avx2 last, const uint32_t* bitmap, uint32_t bits) {
    const __m256i hash = _mm256_add_epi32(product(first, kHashFactor), product(last, kLastFactor));
    const __m256i place = _mm256_srl_epi32(hash, _mm_cvtsi32_si128(static_cast<int>(37 - bits)));
    const __m256i words = _mm256_i32gather_epi32(reinterpret_cast<const int*>(bitmap), place, 4);
    const __m256i wanted = _mm256_or_si256(bit_of(hash, bits), bit_of(hash, bits + 5));
    const __m256i missing = _mm256_andnot_si256(words, wanted);
    const __m256i fits = _mm256_cmpeq_epi32(missing, _mm256_setzero_si256());
    return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(fits)));
  }
  static uint32_t* list_places(uint64_t mask, uint32_t base, uint32_t* out) {
    return list_places_by_eights(mask, base, out);
  }
  using Table = __m256i;
  static Table load_table(const uint8_t* p) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static Avx2 look_up(Table table, Avx2 v, int half) {
    const __m256i nibbles =
        _mm256_and_si256(half ? _mm256_srli_epi16(v.raw, 4) : v.raw, _mm256_set1_epi8(15));
    return {_mm256_shuffle_epi8(table, nibbles)};
  }
};
#endif

#if defined(__AVX512BW__) && defined(__AVX512VL__)
struct Avx512 {
  static constexpr size_t kBytes = 64;
  using Half = Avx2;
  using Bits = uint64_t;  // a mask register
  __m512i raw;

  static Avx512 load(const char* p) { return {_mm512_loadu_si512(p)}; }
  static Avx512 splat(uint8_t byte) { return {_mm512_set1_epi8(static_cast<char>(byte))}; }
  static Avx512 either(Avx512 a, Avx512 b) { return {_mm512_or_si512(a.raw, b.raw)}; }
  static Avx512 meet(Avx512 a, Avx512 b) { return {_mm512_and_si512(a.raw, b.raw)}; }
  static Bits equal(Avx512 a, Avx512 b) { return _mm512_cmpeq_epi8_mask(a.raw, b.raw); }
  static Bits nonzero(Avx512 v) { return _mm512_test_epi8_mask(v.raw, v.raw); }
  static Bits not_printable(Avx512 v) { return _mm512_cmplt_epi8_mask(v.raw, _mm512_set1_epi8(0x20)); }
  static Bits both(Bits x, Bits y) { return x & y; }
  static Bits any_of(Bits x, Bits y) { return x | y; }
  static bool none(Bits x) { return x == 0; }
  static uint64_t mask(Bits x) { return x; }
  template <int S>
  static Avx512 spread(const char* p) {
    const __m128i within = Sse4::group_places<S>();
    __m512i places = _mm512_castsi128_si512(within);
    places = _mm512_inserti32x4(places, _mm_add_epi8(within, _mm_set1_epi8(4 * S)), 1);
    places = _mm512_inserti32x4(places, _mm_add_epi8(within, _mm_set1_epi8(8 * S)), 2);
    places = _mm512_inserti32x4(places, _mm_add_epi8(within, _mm_set1_epi8(12 * S)), 3);
    return {_mm512_permutexvar_epi8(places, load(p).raw)};
  }
  static __m512i product(Avx512 v, uint32_t factor) {
    return _mm512_mullo_epi32(_mm512_or_si512(v.raw, _mm512_set1_epi32(0x20202020)),
                              _mm512_set1_epi32(static_cast<int>(factor)));
  }
  // The bit of each group that the upper `bits` bits of its hash end with.
  static __m512i bit_of(__m512i hash, uint32_t bits) {
    const __m512i number = _mm512_srl_epi32(hash, _mm_cvtsi32_si128(static_cast<int>(32 - bits)));
    return _mm512_rolv_epi32(_mm512_set1_epi32(1), number);
  }
  static uint64_t sampled(Avx512 first, Avx512 last, const uint32_t* bitmap, uint32_t bits) {
    const __m512i hash = _mm512_add_epi32(product(first, kHashFactor), product(last, kLastFactor));
    const __m512i place = _mm512_srl_epi32(hash, _mm_cvtsi32_si128(static_cast<int>(37 - bits)));
    const __m512i words = _mm512_i32gather_epi32(place, bitmap, 4);
    const __m512i wanted = _mm512_or_si512(bit_of(hash, bits), bit_of(hash, bits + 5));
    const __m512i missing = _mm512_andnot_si512(words, wanted);
    return _mm512_testn_epi32_mask(missing, missing);
  }
  static uint32_t* list_places(uint64_t mask, uint32_t base, uint32_t* out) {
    alignas(64) static constexpr uint8_t kCounting[64] = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    const __m512i places = _mm512_maskz_compress_epi8(mask, _mm512_load_si512(kCounting));
    const __m512i bases = _mm512_set1_epi32(static_cast<int>(base));
    const auto write = [&](__m128i some, size_t at) {
      _mm512_storeu_si512(out + at, _mm512_add_epi32(_mm512_cvtepu8_epi32(some), bases));
    };
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out),
                        _mm256_add_epi32(_mm256_cvtepu8_epi32(_mm512_castsi512_si128(places)),
                                         _mm512_castsi512_si256(bases)));
    const size_t count = count_bits(mask);
    if (count > 8) [[unlikely]] {
      write(_mm512_castsi512_si128(places), 0);
      write(_mm512_extracti32x4_epi32(places, 1), 16);
      write(_mm512_extracti32x4_epi32(places, 2), 32);
      write(_mm512_extracti32x4_epi32(places, 3), 48);
    }
    return out + count;
  }
  using Table = __m512i;
  static Table load_table(const uint8_t* p) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static Avx512 look_up(Table table, Avx512 v, int half) {
    const __m512i nibbles =
        _mm512_and_si512(half ? _mm512_srli_epi16(v.raw, 4) : v.raw, _mm512_set1_epi8(15));
    return {_mm512_shuffle_epi8(table, nibbles)};
  }
};
#endif

template <class T>
constexpr bool kIsVoid = false;
template <>
constexpr bool kIsVoid<void> = true;

}  // namespace
}  // namespace kqlc::simd

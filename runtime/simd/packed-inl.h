// SPDX-License-Identifier: Apache-2.0
//
// Looking for codes that are packed, over any vector. In: codes of some bits each, the first in the lowest
// bits (Apache Parquet, "Run Length Encoding / Bit-Packing Hybrid"). Out: a bit a code that is looked for,
// and the greatest one. The idea: each code's bytes are brought into a lane of 32 bits and shifted; codes are
// compared where they are and never stored.
#pragma once

#include "runtime/simd/kernels.h"
#include "runtime/simd/vector.h"

namespace kqlc::simd {
namespace {

constexpr size_t kPackedBlock = 64;  // codes

// For each of a register's lanes of 32 bits: the bytes that hold its code, and where in them it begins.
template <size_t kLanes>
struct PackedLanes {
  alignas(64) uint8_t bytes[kLanes * 4];
  alignas(64) uint32_t shifts[kLanes];
};

// `group`: of so many lanes the bytes are counted from where the first one begins.
template <size_t kLanes, size_t kGroup>
struct PackedWidths {
  PackedLanes<kLanes> of[kMaxPackedWidth + 1];
  constexpr PackedWidths() : of{} {
    for (size_t width = 0; width <= kMaxPackedWidth; ++width)
      for (size_t lane = 0; lane < kLanes; ++lane) {
        const size_t group = lane / kGroup * kGroup, bit = lane * width - group * width / 8 * 8;
        of[width].shifts[lane] = static_cast<uint32_t>(bit % 8);
        for (size_t i = 0; i < 4; ++i) of[width].bytes[lane * 4 + i] = static_cast<uint8_t>(bit / 8 + i);
      }
  }
};

// The codes of a width, so many at a time: unpack() reads them where they begin, and up to kBeyond bytes
// behind them.
#if defined(__AVX512VBMI__)
constexpr PackedWidths<16, 16> kPackedWidths;

struct PackedCodes {
  static constexpr size_t kLanes = 16, kBeyond = 0;
  using Codes = __m512i;

  explicit PackedCodes(size_t width)
      : bytes(_mm512_load_si512(kPackedWidths.of[width].bytes)),
        shifts(_mm512_load_si512(kPackedWidths.of[width].shifts)),
        mask(_mm512_set1_epi32(static_cast<int>((1u << width) - 1))),
        filled((uint64_t{1} << (2 * width)) - 1) {}
  Codes unpack(const uint8_t* in) const {
    const __m512i packed = _mm512_maskz_loadu_epi8(filled, in);
    return _mm512_and_si512(_mm512_srlv_epi32(_mm512_permutexvar_epi8(bytes, packed), shifts), mask);
  }
  static Codes none() { return _mm512_setzero_si512(); }
  static Codes greater(Codes a, Codes b) { return _mm512_max_epu32(a, b); }
  static uint32_t greatest(Codes codes) { return _mm512_reduce_max_epu32(codes); }
  static uint64_t equal(Codes codes, uint32_t code) {
    return _mm512_cmpeq_epi32_mask(codes, _mm512_set1_epi32(static_cast<int>(code)));
  }

  __m512i bytes, shifts, mask;
  uint64_t filled;
};
#elif defined(__AVX2__)
constexpr PackedWidths<8, 4> kPackedWidths;

// Each half of a register is loaded for four codes.
struct PackedCodes {
  static constexpr size_t kLanes = 8, kBeyond = 16;
  using Codes = __m256i;

  explicit PackedCodes(size_t code_width)
      : width(code_width),
        bytes(_mm256_load_si256(reinterpret_cast<const __m256i*>(kPackedWidths.of[width].bytes))),
        shifts(_mm256_load_si256(reinterpret_cast<const __m256i*>(kPackedWidths.of[width].shifts))),
        mask(_mm256_set1_epi32(static_cast<int>((1u << width) - 1))) {}
  Codes unpack(const uint8_t* in) const {
    const __m256i packed = _mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(in + width / 2),
                                               reinterpret_cast<const __m128i*>(in));
    return _mm256_and_si256(_mm256_srlv_epi32(_mm256_shuffle_epi8(packed, bytes), shifts), mask);
  }
  static Codes none() { return _mm256_setzero_si256(); }
  static Codes greater(Codes a, Codes b) { return _mm256_max_epu32(a, b); }
  static uint32_t greatest(Codes codes) {
    alignas(32) uint32_t lanes[kLanes];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), codes);
    uint32_t greatest = 0;
    for (const uint32_t lane : lanes) greatest = lane > greatest ? lane : greatest;
    return greatest;
  }
  static uint64_t equal(Codes codes, uint32_t code) {
    const __m256i equal = _mm256_cmpeq_epi32(codes, _mm256_set1_epi32(static_cast<int>(code)));
    return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(equal)));
  }

  size_t width;
  __m256i bytes, shifts, mask;
};
#else
constexpr PackedWidths<8, 8> kPackedWidths;

struct PackedCodes {
  static constexpr size_t kLanes = 8, kBeyond = 4;
  struct Codes {
    uint32_t lanes[kLanes];
  };

  explicit PackedCodes(size_t code_width) : width(code_width) {}
  Codes unpack(const uint8_t* in) const {
    Codes codes;
    const PackedLanes<kLanes>& lanes = kPackedWidths.of[width];
    for (size_t i = 0; i < kLanes; ++i) {
      uint32_t word;
      __builtin_memcpy(&word, in + lanes.bytes[4 * i], sizeof word);
      codes.lanes[i] = word >> lanes.shifts[i] & ((1u << width) - 1);
    }
    return codes;
  }
  static Codes none() { return {}; }
  static Codes greater(Codes a, const Codes& b) {
    for (size_t i = 0; i < kLanes; ++i) a.lanes[i] = b.lanes[i] > a.lanes[i] ? b.lanes[i] : a.lanes[i];
    return a;
  }
  static uint32_t greatest(const Codes& codes) {
    uint32_t greatest = 0;
    for (const uint32_t lane : codes.lanes) greatest = lane > greatest ? lane : greatest;
    return greatest;
  }
  static uint64_t equal(const Codes& codes, uint32_t code) {
    uint64_t equal = 0;
    for (size_t i = 0; i < kLanes; ++i) equal |= uint64_t{codes.lanes[i] == code} << i;
    return equal;
  }

  size_t width;
};
#endif

inline uint32_t find_codes(const uint8_t* in, size_t width, size_t blocks, const uint32_t* wanted,
                           size_t count, uint64_t* found) {
  const PackedCodes packed(width);
  PackedCodes::Codes greatest = PackedCodes::none();
  const size_t block_bytes = kPackedBlock * width / 8;
  alignas(64) uint8_t copy[kPackedBlock * kMaxPackedWidth / 8 + PackedCodes::kBeyond];
  for (size_t block = 0; block < blocks; ++block) {
    const uint8_t* place = in + block * block_bytes;
    if (PackedCodes::kBeyond > 0) {
      __builtin_memcpy(copy, place, block_bytes);
      __builtin_memset(copy + block_bytes, 0, PackedCodes::kBeyond);
      place = copy;
    }
    uint64_t bits = 0;
    for (size_t lane = 0; lane < kPackedBlock; lane += PackedCodes::kLanes) {
      const PackedCodes::Codes codes = packed.unpack(place + lane * width / 8);
      greatest = PackedCodes::greater(greatest, codes);
      for (size_t i = 0; i < count; ++i) bits |= PackedCodes::equal(codes, wanted[i]) << lane;
    }
    found[block] = bits;
  }
  return PackedCodes::greatest(greatest);
}

}  // namespace
}  // namespace kqlc::simd

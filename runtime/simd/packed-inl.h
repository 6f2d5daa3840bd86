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

#if defined(__AVX512VBMI__)
constexpr PackedWidths<16, 16> kPackedWidths;

// What a block does not fill of a register is not read.
class PackedReader {
 public:
  static constexpr size_t kLanes = 16;
  explicit PackedReader(size_t width)
      : width_(width),
        bytes_(_mm512_load_si512(kPackedWidths.of[width].bytes)),
        shifts_(_mm512_load_si512(kPackedWidths.of[width].shifts)),
        mask_(_mm512_set1_epi32(static_cast<int>((1u << width) - 1))),
        filled_((uint64_t{1} << (2 * width)) - 1) {}
  // Sets bits of `found` for the codes of the block that begins at `in`.
  uint64_t look(const uint8_t* in, const uint32_t* wanted, size_t count) {
    uint64_t found = 0;
    for (size_t part = 0; part < kPackedBlock / kLanes; ++part) {
      const __m512i packed = _mm512_maskz_loadu_epi8(filled_, in + part * 2 * width_);
      const __m512i codes =
          _mm512_and_si512(_mm512_srlv_epi32(_mm512_permutexvar_epi8(bytes_, packed), shifts_), mask_);
      greatest_ = _mm512_max_epu32(greatest_, codes);
      uint32_t equal = 0;
      for (size_t i = 0; i < count; ++i)
        equal |= _mm512_cmpeq_epi32_mask(codes, _mm512_set1_epi32(static_cast<int>(wanted[i])));
      found |= uint64_t{equal} << (part * kLanes);
    }
    return found;
  }
  uint32_t greatest() const { return _mm512_reduce_max_epu32(greatest_); }

 private:
  size_t width_;
  __m512i bytes_, shifts_, mask_, greatest_ = _mm512_setzero_si512();
  uint64_t filled_;
};
#elif defined(__AVX2__)
constexpr PackedWidths<8, 4> kPackedWidths;

// Eight codes fill as many bytes as one has bits; each half of a register is loaded for four of them.
class PackedReader {
 public:
  static constexpr size_t kLanes = 8;
  explicit PackedReader(size_t width)
      : width_(width),
        bytes_(_mm256_load_si256(reinterpret_cast<const __m256i*>(kPackedWidths.of[width].bytes))),
        shifts_(_mm256_load_si256(reinterpret_cast<const __m256i*>(kPackedWidths.of[width].shifts))),
        mask_(_mm256_set1_epi32(static_cast<int>((1u << width) - 1))) {}
  uint64_t look(const uint8_t* in, const uint32_t* wanted, size_t count) {
    // Loads go beyond the block, so it is copied.
    alignas(32) uint8_t block[kPackedBlock * kMaxPackedWidth / 8 + 16] = {};
    __builtin_memcpy(block, in, kPackedBlock * width_ / 8);
    uint64_t found = 0;
    for (size_t part = 0; part < kPackedBlock / kLanes; ++part) {
      const uint8_t* place = block + part * width_;
      const __m256i packed = _mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(place + width_ / 2),
                                                 reinterpret_cast<const __m128i*>(place));
      const __m256i codes =
          _mm256_and_si256(_mm256_srlv_epi32(_mm256_shuffle_epi8(packed, bytes_), shifts_), mask_);
      greatest_ = _mm256_max_epu32(greatest_, codes);
      __m256i equal = _mm256_setzero_si256();
      for (size_t i = 0; i < count; ++i)
        equal =
            _mm256_or_si256(equal, _mm256_cmpeq_epi32(codes, _mm256_set1_epi32(static_cast<int>(wanted[i]))));
      const auto bits = static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(equal)));
      found |= uint64_t{bits} << (part * kLanes);
    }
    return found;
  }
  uint32_t greatest() const {
    alignas(32) uint32_t lanes[kLanes];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), greatest_);
    uint32_t greatest = 0;
    for (const uint32_t lane : lanes) greatest = lane > greatest ? lane : greatest;
    return greatest;
  }

 private:
  size_t width_;
  __m256i bytes_, shifts_, mask_, greatest_ = _mm256_setzero_si256();
};
#else
// Eight codes fill as many bytes as one has bits.
class PackedReader {
 public:
  explicit PackedReader(size_t width) : width_(width) {}
  uint64_t look(const uint8_t* in, const uint32_t* wanted, size_t count) {
    uint8_t block[kPackedBlock * kMaxPackedWidth / 8 + 8] = {};
    __builtin_memcpy(block, in, kPackedBlock * width_ / 8);
    uint64_t found = 0;
    for (size_t i = 0; i < kPackedBlock; ++i) {
      uint32_t word;
      __builtin_memcpy(&word, block + i * width_ / 8, sizeof word);
      const uint32_t code = word >> (i * width_ % 8) & ((1u << width_) - 1);
      greatest_ = code > greatest_ ? code : greatest_;
      bool equal = false;
      for (size_t j = 0; j < count; ++j) equal |= code == wanted[j];
      found |= uint64_t{equal} << i;
    }
    return found;
  }
  uint32_t greatest() const { return greatest_; }

 private:
  size_t width_;
  uint32_t greatest_ = 0;
};
#endif

inline uint32_t find_codes(const uint8_t* in, size_t width, size_t blocks, const uint32_t* wanted,
                           size_t count, uint64_t* found) {
  PackedReader reader(width);
  for (size_t block = 0; block < blocks; ++block)
    found[block] = reader.look(in + block * kPackedBlock * width / 8, wanted, count);
  return reader.greatest();
}

}  // namespace
}  // namespace kqlc::simd

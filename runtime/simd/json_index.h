// SPDX-License-Identifier: Apache-2.0
//
// JsonIndex: what a walk over NDJSON asks for at every step, found for a whole buffer at once. In: lines of
// JSON. Out: where they end, and from any place the next quote that begins or ends a string. One bit a byte
// and no list of places: a walk jumps from a string's start to its end with one load and one count of zeros,
// and most strings are shorter than a load's 57 bits.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "runtime/simd/kernels.h"

namespace kqlc::simd {

// The quotes of an indexed text: a view to be kept in registers.
class QuoteBits {
 public:
  QuoteBits() = default;
  QuoteBits(const char* begin, size_t size, const uint64_t* words)
      : begin_(begin), size_(size), bytes_(reinterpret_cast<const char*>(words)) {}

  // Returns the first unescaped quote at or after `from`, which lies in the indexed text; the text's end
  // where there is none.
  const char* next_quote(const char* from) const {
    static_assert(std::endian::native == std::endian::little);
    const auto at = static_cast<size_t>(from - begin_);
    const uint64_t window = load(at / 8) >> (at % 8);
    if (window) [[likely]]
      return from + std::countr_zero(window);
    return find_quote(at / 8 * 8 + 64);
  }

 private:
  uint64_t load(size_t byte) const {
    uint64_t bits;
    std::memcpy(&bits, bytes_ + byte, sizeof(bits));
    return bits;
  }
  const char* find_quote(size_t at) const;

  const char* begin_ = nullptr;
  size_t size_ = 0;
  const char* bytes_ = nullptr;
};

class JsonIndex {
 public:
  // Indexes [begin, end), which must stay where it is; end - begin < 2^32.
  void build(const char* begin, const char* end);

  // The lines; the last entry is what follows the last \n, maybe nothing.
  std::span<const JsonLine> lines() const { return {lines_.get(), num_lines_}; }
  const char* begin() const { return begin_; }
  // Valid until the next build().
  QuoteBits quotes() const { return {begin_, size_, quotes_.get()}; }

 private:
  const char* begin_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
  size_t num_lines_ = 0;
  std::unique_ptr<uint64_t[]> quotes_;
  std::unique_ptr<JsonLine[]> lines_;
};

}  // namespace kqlc::simd

// SPDX-License-Identifier: Apache-2.0
//
// Bits of a stream of zstd, which is read from its last byte to its first. In: the bytes of a stream, whose
// last one ends in a 1 above the first bit. Out: bits, the highest first. The idea: a word holds the next
// bits at its top, and is loaded again from where the bits that are used up end. What is read beyond the
// first byte is 0 and shows at the end. Source: RFC 8878, 4.1 and 4.2.2.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace kqlc::zstd {

using Bytes = std::span<const uint8_t>;

inline uint64_t load_word(const uint8_t* place) {
  uint64_t word;
  std::memcpy(&word, place, sizeof word);
  return word;
}

class BackwardBits {
 public:
  BackwardBits() = default;
  // The first `left` bits of a stream that begins there.
  BackwardBits(const uint8_t* begin, int64_t left) : begin_(begin), left_(left) {}
  // Returns false where the stream is empty, or its last byte is 0.
  bool open(Bytes stream) {
    if (stream.empty() || stream.back() == 0) return false;
    begin_ = stream.data();
    left_ = static_cast<int64_t>(stream.size()) * 8 - std::countl_zero(stream.back()) - 1;
    return true;
  }

  // The next `count` bits, 0 to 56.
  uint64_t peek(unsigned count) const { return count == 0 ? 0 : word() >> (64 - count); }
  void skip(unsigned count) { left_ -= count; }
  uint64_t read(unsigned count) {
    const uint64_t bits = peek(count);
    skip(count);
    return bits;
  }
  // How many bits are left; less than 0 where more were read than there are.
  int64_t left() const { return left_; }

 private:
  // The next 57 bits or more, at the top.
  uint64_t word() const {
    if (left_ > 56) {
      const int64_t end = (left_ + 7) / 8;  // bytes
      return load_word(begin_ + end - 8) << (end * 8 - left_);
    }
    uint64_t word = 0;
    if (left_ <= 0) return word;
    std::memcpy(&word, begin_, static_cast<size_t>(left_ + 7) / 8);
    return word << (64 - left_);
  }

  const uint8_t* begin_ = nullptr;
  int64_t left_ = 0;
};

}  // namespace kqlc::zstd

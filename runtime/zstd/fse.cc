// SPDX-License-Identifier: Apache-2.0
//
// A count is read in as many bits as what is left of the states needs; counts that fit are a bit shorter.
#include "runtime/zstd/fse.h"

#include <algorithm>
#include <bit>

namespace kqlc::zstd {
namespace {

// Bits from the first byte on, the lowest first; behind the end there are zeros.
class ForwardBits {
 public:
  explicit ForwardBits(Bytes bytes) : bytes_(bytes) {}
  uint32_t peek(unsigned count) const {
    const size_t place = used_ / 8;
    uint32_t word = 0;
    if (place < bytes_.size())
      std::memcpy(&word, bytes_.data() + place, std::min(sizeof word, bytes_.size() - place));
    return word >> (used_ % 8) & ((1u << count) - 1);
  }
  void skip(unsigned count) { used_ += count; }
  // Bytes of which a bit was read; more than there are, where it was one behind the end.
  size_t bytes_used() const { return (used_ + 7) / 8; }

 private:
  Bytes bytes_;
  size_t used_ = 0;
};

// The number of a count: 0 to `left` + 1.
uint32_t read_number(ForwardBits& bits, uint32_t left) {
  const auto width = static_cast<unsigned>(std::bit_width(left + 1));
  const uint32_t shorter = (1u << width) - 2 - left;  // so many numbers take a bit less
  uint32_t number = bits.peek(width - 1);
  if (number < shorter) {
    bits.skip(width - 1);
    return number;
  }
  number = bits.peek(width);
  bits.skip(width);
  return number >= 1u << (width - 1) ? number - shorter : number;
}

}  // namespace

size_t read_distribution(Bytes bytes, int max_log, size_t max_symbol, Distribution* out) {
  ForwardBits bits(bytes);
  out->log = static_cast<int>(bits.peek(4)) + 5;
  bits.skip(4);
  if (out->log > max_log) return 0;
  out->counts.fill(0);
  uint32_t left = 1u << out->log;
  size_t symbol = 0;
  while (left > 0) {
    if (symbol > max_symbol || bits.bytes_used() > bytes.size()) return 0;
    const uint32_t number = read_number(bits, left);
    const int count = static_cast<int>(number) - 1;
    out->counts[symbol++] = static_cast<int16_t>(count);
    left -= count < 0 ? 1 : static_cast<uint32_t>(count);
    uint32_t zeros = count == 0 ? 3 : 0;
    while (zeros == 3) {
      zeros = bits.peek(2);
      bits.skip(2);
      symbol += zeros;
      if (symbol > max_symbol) return 0;
    }
  }
  out->num_symbols = symbol;
  return bits.bytes_used() <= bytes.size() ? bits.bytes_used() : 0;
}

// Symbols are dealt out in steps that visit each place once; those that are less than once have the last
// ones.
bool make_states(const Distribution& distribution, std::span<FseState> out) {
  const auto size = static_cast<uint32_t>(out.size());
  std::array<uint32_t, 256> next;
  uint32_t end = size, total = 0;
  for (size_t symbol = 0; symbol < distribution.num_symbols; ++symbol) {
    const int count = distribution.counts[symbol];
    total += count < 0 ? 1 : static_cast<uint32_t>(count);
    next[symbol] = count < 0 ? 1 : static_cast<uint32_t>(count);
    if (count < 0 && end > 0) out[--end].symbol = static_cast<uint8_t>(symbol);
  }
  if (total != size) return false;
  const uint32_t step = size / 2 + size / 8 + 3;
  uint32_t place = 0;
  for (size_t symbol = 0; symbol < distribution.num_symbols; ++symbol)
    for (int i = 0; i < distribution.counts[symbol]; ++i) {
      out[place].symbol = static_cast<uint8_t>(symbol);
      do place = (place + step) & (size - 1);
      while (place >= end);
    }
  for (FseState& state : out) {
    const uint32_t number = next[state.symbol]++;  // never 0, which need not be asked
    const auto bits = static_cast<unsigned>(__builtin_clz(number) - __builtin_clz(size));
    state.bits = static_cast<uint8_t>(bits);
    state.next = static_cast<uint16_t>((number << bits) - size);
  }
  return true;
}

}  // namespace kqlc::zstd

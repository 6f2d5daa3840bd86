// SPDX-License-Identifier: Apache-2.0
//
// Finite state entropy: how zstd packs weights of Huffman codes and parts of sequences. In: the description
// of a distribution. Out: the table whose states are walked. Source: RFC 8878, 4.1.1.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "runtime/zstd/bits.h"

namespace kqlc::zstd {

constexpr int kMaxFseLog = 9;

// How often symbols are among the 2^log states; -1: once, and less than that.
struct Distribution {
  int log = 0;
  size_t num_symbols = 0;
  std::array<int16_t, 256> counts;
};

// Reads a description. Returns how many bytes it takes, or 0 where it is none, has a log above `max_log` or
// symbols above `max_symbol`.
size_t read_distribution(Bytes bytes, int max_log, size_t max_symbol, Distribution* out);

// What a state stands for, and which comes next: `next` and the number that `bits` more bits are.
struct FseState {
  uint16_t next;
  uint8_t bits;
  uint8_t symbol;
};

// Makes the 2^log states. Returns false where the counts are not as many as these.
bool make_states(const Distribution& distribution, std::span<FseState> out);

}  // namespace kqlc::zstd

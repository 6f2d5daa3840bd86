// SPDX-License-Identifier: Apache-2.0
//
// The three kinds of tables that sequences have: literals, offsets, matches. In: a symbol. Out: the numbers
// that it stands for, and how a word says so. Source: RFC 8878, 3.1.1.3.2.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>

#include "runtime/zstd/sequences.h"

namespace kqlc::zstd {

// Symbol i stands for the numbers from base[i] on, of which `extra` bits say which one; words[i] and masks[i]
// are its part of a state's. States are spread as predefined where a block does not say.
struct SequenceKind {
  int max_log;
  int place;  // of states in a word
  size_t num_symbols;
  std::array<uint32_t, 53> base;
  std::array<uint8_t, 53> extra;
  std::array<uint64_t, 53> words, masks;
  int predefined_log;
  size_t predefined_symbols;
  std::array<int8_t, 53> predefined;
};

constexpr uint64_t upper(uint32_t half) { return uint64_t{half} << word::kUpper; }

// Numbers that follow each other: symbol i begins where the one before ends. In the upper half of words they
// stand at `number`.
constexpr SequenceKind sequence_numbers(int place, int number, size_t num_symbols, uint32_t first,
                                        size_t single, std::initializer_list<uint8_t> extra,
                                        std::initializer_list<int8_t> predefined) {
  SequenceKind kind{kMaxFseLog, place, num_symbols, {}, {}, {}, {}, 6, predefined.size(), {}};
  uint32_t base = first;
  for (size_t i = 0; i < num_symbols; ++i) {
    kind.extra[i] = i < single ? uint8_t{0} : extra.begin()[i - single];
    kind.base[i] = base;
    kind.words[i] = i < single ? upper(uint32_t{base - first} << number) : upper(word::kIsLong);
    base += uint32_t{1} << kind.extra[i];
  }
  std::copy(predefined.begin(), predefined.end(), kind.predefined.begin());
  return kind;
}

inline constexpr SequenceKind kLiteralsKind =
    sequence_numbers(word::kLiterals, word::kNumLiterals, 36, 0, word::kMostLiterals + 1,
                     {1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
                     {4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1,  1,  2,  2,
                      2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1});
inline constexpr SequenceKind kMatchesKind =
    sequence_numbers(word::kMatches, word::kMatch, 53, word::kLeastMatch, word::kMostMatch + 1,
                     {1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
                     {1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1, 1,
                      1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1});
// Symbol i: the numbers of i + 1 bits.
inline constexpr size_t kMostOffsetBits = 28;
constexpr SequenceKind offset_kind() {
  SequenceKind kind{
      word::kMaxOffsetLog, word::kOffsets, kMostOffsetBits + 1, {}, {}, {}, {}, 5, kMostOffsetBits + 1, {}};
  for (size_t i = 0; i <= kMostOffsetBits; ++i) {
    kind.base[i] = uint32_t{1} << i;
    kind.extra[i] = static_cast<uint8_t>(i);
    kind.words[i] =
        i <= word::kMostCode ? upper(static_cast<uint32_t>(i << word::kCode)) : upper(word::kIsLong);
    kind.masks[i] = i <= word::kMostCode ? upper(((uint32_t{1} << i) - 1) << word::kExtra) : 0;
  }
  constexpr std::array<int8_t, 29> predefined{1, 1, 1, 1, 1, 1, 2, 2, 2, 1,  1,  1,  1,  1, 1,
                                              1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1};
  std::copy(predefined.begin(), predefined.end(), kind.predefined.begin());
  return kind;
}
inline constexpr SequenceKind kOffsetsKind = offset_kind();

}  // namespace kqlc::zstd

// SPDX-License-Identifier: Apache-2.0
//
// Sequences: how a block is put together of literals and of what stands before. In: the sections of blocks.
// Out: sequences as words. The idea: a sequence has to be read before it is known where the next begins, so
// those of several blocks are read side by side. Source: RFC 8878, 3.1.1.3.2.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/base/huge_pages.h"
#include "runtime/zstd/fse.h"

namespace kqlc::zstd {

// So many literals are copied, then `match` bytes from before. `offset` says how far before: 4 and more are 1
// and more, less than 4 is one of the last three offsets (3.1.1.5).
struct Sequence {
  uint32_t literals, match, offset;
};

// A sequence and the states behind it as one word: those of its three states, one of each kind, or'd
// together. In the lower half, from the lowest bit on, the states of offsets, matches and literals; in the
// upper half how many literals, the extra bits of the offset (an offset is 2^code and these), match -
// kLeastMatch, the offset's code. So the bits that a sequence takes from its stream, the lowest first, belong
// to the places of a mask, the lowest first. What is kept of it is the upper half; the numbers of 64 of these
// can be added without taking them apart.
namespace word {
constexpr int kMaxOffsetLog = 8;
constexpr int kOffsets = 0, kMatches = 8, kLiterals = 17;
constexpr int kUpper = 32;  // where the upper half begins; in that:
constexpr int kNumLiterals = 0, kExtra = 4, kMatch = 21, kCode = 26;
constexpr uint32_t kLeastMatch = 3;
constexpr uint32_t kMostLiterals = 15, kMostMatch = 31, kMostCode = 17;
// A sequence that has other extra bits, or too many: the rest is its number among the long ones.
constexpr uint32_t kIsLong = uint32_t{1} << 31;
constexpr size_t kMostAdded = 64;
}  // namespace word

// The states of one kind. words: what a state stands for, and which comes next without the bits that are
// taken for it; masks: where these go, which is all bits that are taken for this kind.
template <int Log, class Mask>
struct SequenceStates {
  int log = -1;  // -1: there are none
  std::array<uint64_t, size_t{1} << Log> words;
  std::array<Mask, size_t{1} << Log> masks;
  std::array<uint8_t, size_t{1} << Log> symbols;
};

// The tables of a block, close together, as they are looked up in turns.
struct SequenceTables {
  SequenceStates<kMaxFseLog, uint32_t> literals, matches;
  SequenceStates<word::kMaxOffsetLog, uint64_t> offsets;
};

// Sequences in order.
class SequenceList {
 public:
  size_t size() const { return words_.size(); }
  Sequence operator[](size_t i) const {
    const uint32_t word = words_[i];
    if (word & word::kIsLong) return long_[word & ~word::kIsLong];
    const uint32_t power = uint32_t{1} << (word >> word::kCode);
    return {word >> word::kNumLiterals & word::kMostLiterals,
            (word >> word::kMatch & word::kMostMatch) + word::kLeastMatch,
            power | (word >> word::kExtra & (power - 1))};
  }
  // What sequences [first, end) copy, no more than word::kMostAdded of them.
  struct Sum {
    uint64_t literals = 0, matches = 0;
  };
  Sum sum(size_t first, size_t end) const;

  void clear() {
    words_.clear();
    long_.clear();
  }
  // Keeps the first `size`.
  void cut(size_t size) { words_.resize(size); }
  // Makes room for `count` more, and returns it; it stays until the next call.
  uint32_t* grow(size_t count) {
    words_.resize(words_.size() + count);
    return words_.data() + words_.size() - count;
  }
  // What is kept of a sequence.
  uint32_t pack(const Sequence& sequence) {
    long_.push_back(sequence);
    return word::kIsLong | static_cast<uint32_t>(long_.size() - 1);
  }

 private:
  LargeVector<uint32_t> words_;
  std::vector<Sequence> long_;
};

// The sequences of a block that are not read yet. The first `wanted` of them will be, at least one.
struct SequenceStream {
  Bytes packed;
  const SequenceTables* tables = nullptr;
  size_t count = 0, wanted = 0;
  uint32_t* out = nullptr;  // the words of those that are read
};

// How many sequences a section has, and how many bytes say so. Nothing where it ends before.
struct SequenceCount {
  size_t count, bytes;
};
std::optional<SequenceCount> count_sequences(Bytes section);

// Reads the tables of a section and where its stream lies. A table that the block does not describe is that
// of the block `before`, which may be `tables`. Returns false where the section contradicts itself, or has
// offsets of 2^29 bytes or more.
bool open_sequences(Bytes section, const SequenceTables* before, SequenceTables* tables, SequenceStream* out);

// More streams at once have more tables than the cache of the first level.
constexpr size_t kStreamsAtOnce = 6;

// Reads the wanted sequences of blocks, whose words are a part of the list. Returns false where one has fewer
// than it says, or more and all of them are wanted.
bool unpack_sequences(std::span<SequenceStream> streams, SequenceList* list);

}  // namespace kqlc::zstd

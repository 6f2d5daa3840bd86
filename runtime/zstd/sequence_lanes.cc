// SPDX-License-Identifier: Apache-2.0
//
// A lane is a stream that is being read. Where the bits of its next sequence go is known from the masks of
// its states, so one deposit puts them into place. Lanes go on together as long as each has input; one that
// has not reads its rest alone.
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "runtime/zstd/bmi2.h"
#include "runtime/zstd/sequence_kinds.h"

namespace kqlc::zstd {
namespace {

constexpr size_t kLanes = kStreamsAtOnce;
constexpr uint64_t kLogMask = (1 << kMaxFseLog) - 1, kOffsetLogMask = (1 << word::kMaxOffsetLog) - 1;
// A word of the stream that is loaded holds so many bits that are left, or more; a sequence takes fewer.
constexpr int64_t kWordBits = 56;
constexpr size_t kSequenceBits = 96;  // the most that a long one takes, and some

// Of one stream. `states` are places of a word; `left` counts the bits of the stream.
struct Lane {
  const uint8_t* begin = nullptr;
  int64_t left = 0;
  uint64_t states = 0;
  const SequenceTables* tables = nullptr;
  uint32_t* out = nullptr;
  size_t count = 0;      // of wanted sequences that are not read
  bool has_end = false;  // the last of them is the last of the stream
};

size_t literals_state(uint64_t states) { return static_cast<uint32_t>(states) >> word::kLiterals; }
size_t match_state(uint64_t states) { return states >> word::kMatches & kLogMask; }
size_t offset_state(uint64_t states) { return states >> word::kOffsets & kOffsetLogMask; }

// The state behind `state`, with as many bits as it takes.
template <int Log, class Mask>
uint64_t next_state(const SequenceKind& kind, const SequenceStates<Log, Mask>& states, size_t state,
                    BackwardBits& bits) {
  constexpr uint64_t kMask = (uint64_t{1} << Log) - 1;
  const uint64_t next = states.words[state] >> kind.place & kMask, mask = states.masks[state] >> kind.place;
  return (next | bits.read(static_cast<unsigned>(std::bit_width(mask & kMask)))) << kind.place;
}

uint32_t read_number(const SequenceKind& kind, uint8_t symbol, BackwardBits& bits) {
  return kind.base[symbol] + static_cast<uint32_t>(bits.read(kind.extra[symbol]));
}

// One sequence with a look at each bit. The last one of a stream has no states behind it. Bits stand in this
// order: the extra ones of offset, match and literals, then the next states of literals, matches and offsets.
Sequence read_one(const SequenceTables& tables, BackwardBits& bits, uint64_t* states, bool is_last) {
  const size_t literals = literals_state(*states), match = match_state(*states),
               offset = offset_state(*states);
  Sequence sequence;
  sequence.offset = read_number(kOffsetsKind, tables.offsets.symbols[offset], bits);
  sequence.match = read_number(kMatchesKind, tables.matches.symbols[match], bits);
  sequence.literals = read_number(kLiteralsKind, tables.literals.symbols[literals], bits);
  if (is_last) return sequence;
  *states = next_state(kLiteralsKind, tables.literals, literals, bits);
  *states |= next_state(kMatchesKind, tables.matches, match, bits);
  *states |= next_state(kOffsetsKind, tables.offsets, offset, bits);
  return sequence;
}

// One that the loop cannot read.
[[gnu::noinline]] void read_long(const SequenceTables& tables, const uint8_t* begin, int64_t* left,
                                 uint64_t* states, uint32_t* out, SequenceList* list) {
  BackwardBits bits(begin, *left);
  *out = list->pack(read_one(tables, bits, states, false));
  *left = bits.left();
}

#if defined(__x86_64__)
// Some sequences of each of the first N lanes.
template <size_t N>
KQLC_BMI2 void read_rounds(std::array<Lane, kLanes>& lanes, size_t rounds, SequenceList* list) {
  std::array<uint64_t, N> states;
  std::array<int64_t, N> left;
  for (size_t lane = 0; lane < N; ++lane) {
    states[lane] = lanes[lane].states;
    left[lane] = lanes[lane].left;
  }
  for (size_t i = 0; i < rounds; ++i)
#pragma GCC unroll 6
    for (size_t lane = 0; lane < N; ++lane) {
      const SequenceTables& tables = *lanes[lane].tables;
      const size_t literals = literals_state(states[lane]), match = match_state(states[lane]),
                   offset = offset_state(states[lane]);
      const uint64_t word =
          tables.literals.words[literals] | tables.matches.words[match] | tables.offsets.words[offset];
      if (static_cast<int64_t>(word) < 0) [[unlikely]] {  // one is long
        read_long(tables, lanes[lane].begin, &left[lane], &states[lane], &lanes[lane].out[i], list);
        continue;
      }
      const uint64_t mask = uint64_t{tables.literals.masks[literals] | tables.matches.masks[match]} |
                            tables.offsets.masks[offset];
      // The bits below `left` and no others are in the word at 8 * (left / 8 - 7).
      const uint64_t bits = load_word(lanes[lane].begin + (left[lane] >> 3) - 7);
      const int64_t count = std::popcount(mask), behind = (left[lane] | ~int64_t{7}) - count;
      left[lane] -= count;
      states[lane] = word | _pdep_u64(bits >> (behind & 63), mask);
      lanes[lane].out[i] = static_cast<uint32_t>(states[lane] >> word::kUpper);
    }
  for (size_t lane = 0; lane < N; ++lane) {
    lanes[lane].states = states[lane];
    lanes[lane].left = left[lane];
    lanes[lane].out += rounds;
    lanes[lane].count -= rounds;
  }
}

using ReadRounds = void (*)(std::array<Lane, kLanes>&, size_t, SequenceList*);
template <size_t... N>
constexpr std::array<ReadRounds, kLanes> readers(std::index_sequence<N...>) {
  return {read_rounds<N + 1>...};
}
#endif

// How many sequences of the lane may be read without a look at each bit: not the last one, behind which there
// may be no states.
size_t rounds_of(const Lane& lane) {
  if (lane.count < 2 || lane.left < kWordBits || !has_fast_deposit()) return 0;
  return std::min(lane.count - 1, static_cast<size_t>(lane.left - kWordBits) / kSequenceBits);
}

class Unpacker {
 public:
  explicit Unpacker(SequenceList* list) : list_(list) {}

  bool run(std::span<SequenceStream> streams) {
    size_t next = 0;
    for (;;) {
      for (; count_ < kLanes && next < streams.size(); ++next)
        if (!open(streams[next])) return false;
      if (count_ == 0) return true;
      size_t rounds = rounds_of(lanes_[0]);
      for (size_t lane = 1; lane < count_; ++lane) rounds = std::min(rounds, rounds_of(lanes_[lane]));
      if (rounds > 0)
        read_together(rounds);
      else if (!drop_finished())
        return false;
    }
  }

 private:
  bool open(const SequenceStream& stream) {
    BackwardBits bits;
    if (!bits.open(stream.packed)) return false;
    const SequenceTables& tables = *stream.tables;
    uint64_t states = bits.read(static_cast<unsigned>(tables.literals.log)) << word::kLiterals;
    states |= bits.read(static_cast<unsigned>(tables.offsets.log)) << word::kOffsets;
    states |= bits.read(static_cast<unsigned>(tables.matches.log)) << word::kMatches;
    lanes_[count_++] = {stream.packed.data(),         bits.left(), states, &tables, stream.out, stream.wanted,
                        stream.wanted == stream.count};
    return bits.left() >= 0;
  }

  void read_together([[maybe_unused]] size_t rounds) {
#if defined(__x86_64__)
    static constexpr auto kReaders = readers(std::make_index_sequence<kLanes>());
    kReaders[count_ - 1](lanes_, rounds, list_);
#endif
  }

  // Ends the lanes that cannot go on with others.
  bool drop_finished() {
    for (size_t lane = count_; lane-- > 0;) {
      if (rounds_of(lanes_[lane]) > 0) continue;
      if (!finish(lanes_[lane])) return false;
      lanes_[lane] = lanes_[--count_];
    }
    return true;
  }

  // The rest of what is wanted of a stream.
  bool finish(Lane& lane) {
    BackwardBits bits(lane.begin, lane.left);
    for (; lane.count > 0 && bits.left() >= 0; --lane.count)
      *lane.out++ = list_->pack(read_one(*lane.tables, bits, &lane.states, lane.has_end && lane.count == 1));
    return lane.has_end ? bits.left() == 0 : bits.left() >= 0;
  }

  SequenceList* list_;
  std::array<Lane, kLanes> lanes_;
  size_t count_ = 0;
};

}  // namespace

bool unpack_sequences(std::span<SequenceStream> streams, SequenceList* list) {
  return Unpacker(list).run(streams);
}

}  // namespace kqlc::zstd

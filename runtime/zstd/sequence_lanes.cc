// SPDX-License-Identifier: Apache-2.0
//
// Two streams are read side by side as long as both have input; what is left of one is read alone. More at
// once are not faster (README.md).
#include <algorithm>
#include <array>
#include <bit>
#include <functional>

#include "runtime/zstd/bmi2.h"
#include "runtime/zstd/sequences.h"

namespace kqlc::zstd {
namespace {

constexpr size_t kWordBytes = sizeof(uint64_t);
constexpr unsigned kWordBits = 57;     // of a word, whatever bit it begins at
constexpr size_t kSequenceBytes = 12;  // the most that a sequence takes
constexpr size_t kLanes = 2;

// Where a stream is read: its next word, how many bits of that are used, the states.
struct SequenceLane {
  const uint8_t* place = nullptr;
  uint64_t used = 0;
  uint64_t literals = 0, offsets = 0, matches = 0;
};

inline Sequence make_sequence(uint64_t literals, uint64_t match, uint64_t offset) {
  return std::bit_cast<Sequence>(literals | match << 17 | offset << 35);
}

// The `count` bits of a word that stand below bit `at`, which goes down to them.
inline uint64_t take(uint64_t word, uint64_t& at, unsigned count) {
  at -= count;
  return word >> (at & 63) & ((uint64_t{1} << count) - 1);
}

// One sequence with a look at each bit. The last one of a stream has no states behind it. Bits stand in this
// order: the extra ones of offset, match and literals, then the next states of literals, matches and offsets.
void read_one(const SequenceStream& stream, BackwardBits& bits, SequenceLane& lane, bool is_last,
              Sequence* out) {
  const SequenceState literals = stream.literals->states[lane.literals];
  const SequenceState offset = stream.offsets->states[lane.offsets];
  const SequenceState match = stream.matches->states[lane.matches];
  const uint64_t offset_number = offset.base + bits.read(offset.extra);
  const uint64_t match_number = match.base + bits.read(match.extra);
  *out = make_sequence(literals.base + bits.read(literals.extra), match_number, offset_number);
  if (is_last) return;
  lane.literals = literals.next + bits.read(literals.bits);
  lane.matches = match.next + bits.read(match.bits);
  lane.offsets = offset.next + bits.read(offset.bits);
}

int64_t bits_left(const SequenceStream& stream, const SequenceLane& lane) {
  return (lane.place - stream.packed.data()) * 8 + 64 - static_cast<int64_t>(lane.used);
}

// The bits of the lane's next word are those that are left. Returns false where there is no whole word.
bool place_word(const SequenceStream& stream, int64_t left, SequenceLane* lane) {
  const int64_t end = (left + 7) / 8;
  if (end < static_cast<int64_t>(kWordBytes)) return false;
  lane->place = stream.packed.data() + end - kWordBytes;
  lane->used = static_cast<uint64_t>(end * 8 - left);
  return true;
}

// The next states, from the bits of the word below `at`.
[[gnu::always_inline]] inline void read_states(uint64_t word, uint64_t at, const SequenceState& literals,
                                               const SequenceState& offset, const SequenceState& match,
                                               SequenceLane& lane) {
  lane.literals = literals.next + take(word, at, literals.bits);
  lane.matches = match.next + take(word, at, match.bits);
  lane.offsets = offset.next + take(word, at, offset.bits);
  lane.place -= (64 - at) / 8;
  lane.used = (64 - at) % 8;
}

// One that may have more bits than a word.
[[gnu::noinline]] void read_long(const SequenceStream& stream, SequenceLane& lane, Sequence* out) {
  const SequenceState& literals = stream.literals->states[lane.literals];
  const SequenceState& offset = stream.offsets->states[lane.offsets];
  const SequenceState& match = stream.matches->states[lane.matches];
  if (literals.extra + match.extra + offset.extra + literals.bits + match.bits + offset.bits <= kWordBits) {
    const uint64_t word = load_word(lane.place);
    uint64_t at = 64 - lane.used;
    const uint64_t offset_number = offset.base + take(word, at, offset.extra);
    const uint64_t match_number = match.base + take(word, at, match.extra);
    *out = make_sequence(literals.base + take(word, at, literals.extra), match_number, offset_number);
    return read_states(word, at, literals, offset, match, lane);
  }
  BackwardBits bits;
  bits.open(stream.packed);
  bits.skip(static_cast<unsigned>(bits.left() - bits_left(stream, lane)));
  read_one(stream, bits, lane, false, out);
  place_word(stream, bits.left(), &lane);
}

// The next sequence of a stream that has kSequenceBytes left in front of its word. Most have so few literals
// and such a short match that these have no extra bits; then all it takes is in one word.
[[gnu::always_inline]] inline void read_sequence(const SequenceStream& stream, SequenceLane& lane,
                                                 Sequence* out) {
  const SequenceState& literals = stream.literals->states[lane.literals];
  const SequenceState& offset = stream.offsets->states[lane.offsets];
  const SequenceState& match = stream.matches->states[lane.matches];
  if (literals.extra | match.extra) [[unlikely]]
    return read_long(stream, lane, out);
  const uint64_t word = load_word(lane.place);
  uint64_t at = 64 - lane.used;
  const uint64_t offset_number = offset.base + take(word, at, offset.extra);
  *out = make_sequence(literals.base, match.base, offset_number);
  read_states(word, at, literals, offset, match, lane);
}

// The sequences [first, first + rounds) of one or two streams.
[[gnu::always_inline]] inline void read_rounds(const SequenceStream* streams, SequenceLane* lanes,
                                               size_t count, size_t first, size_t rounds) {
  const SequenceStream& stream = streams[0];
  SequenceLane lane = lanes[0];
  if (count == kLanes) {
    const SequenceStream& other_stream = streams[1];
    SequenceLane other = lanes[1];
    for (size_t i = first; i < first + rounds; ++i) {
      read_sequence(stream, lane, stream.out + i);
      read_sequence(other_stream, other, other_stream.out + i);
    }
    lanes[1] = other;
  } else {
    for (size_t i = first; i < first + rounds; ++i) read_sequence(stream, lane, stream.out + i);
  }
  lanes[0] = lane;
}

KQLC_BMI2 void read_rounds_bmi2(const SequenceStream* streams, SequenceLane* lanes, size_t count,
                                size_t first, size_t rounds) {
  read_rounds(streams, lanes, count, first, rounds);
}
void read_rounds_plain(const SequenceStream* streams, SequenceLane* lanes, size_t count, size_t first,
                       size_t rounds) {
  read_rounds(streams, lanes, count, first, rounds);
}

class Unpacker {
 public:
  explicit Unpacker(std::span<SequenceStream> streams) : streams_(streams) {}

  // The stream with more sequences comes first, so that it is the one that is left.
  bool run() {
    std::ranges::sort(streams_, std::ranges::greater{}, &SequenceStream::count);
    for (size_t i = 0; i < streams_.size(); ++i)
      if (!open(i)) return false;
    size_t done = 0;
    for (size_t active = streams_.size(); active > 0; --active) {
      done = read_together(active, done);
      if (!finish(active - 1, done)) return false;
    }
    return true;
  }

 private:
  bool open(size_t i) {
    const SequenceStream& stream = streams_[i];
    BackwardBits bits;
    if (!bits.open(stream.packed)) return false;
    lanes_[i].literals = bits.read(static_cast<unsigned>(stream.literals->log));
    lanes_[i].offsets = bits.read(static_cast<unsigned>(stream.offsets->log));
    lanes_[i].matches = bits.read(static_cast<unsigned>(stream.matches->log));
    left_[i] = bits.left();
    return bits.left() >= 0;
  }

  // Goes on behind the first `done` sequences of the first streams as long as each has bytes enough. Returns
  // how many are done.
  size_t read_together(size_t active, size_t done) {
    const auto read = has_bmi2() ? read_rounds_bmi2 : read_rounds_plain;
    for (;;) {
      size_t rounds = ~size_t{0};
      for (size_t i = 0; i < active; ++i) rounds = std::min(rounds, rounds_of(i, done));
      if (rounds == 0) return done;
      read(streams_.data(), lanes_.data(), active, done, rounds);
      for (size_t i = 0; i < active; ++i) left_[i] = bits_left(streams_[i], lanes_[i]);
      done += rounds;
    }
  }

  // All but the last sequence of a stream may be read together.
  size_t rounds_of(size_t i, size_t done) {
    const SequenceStream& stream = streams_[i];
    if (done + 1 >= stream.count || !place_word(stream, left_[i], &lanes_[i])) return 0;
    return std::min(stream.count - 1 - done,
                    static_cast<size_t>(lanes_[i].place - stream.packed.data()) / kSequenceBytes);
  }

  // The rest of a stream.
  bool finish(size_t i, size_t done) {
    const SequenceStream& stream = streams_[i];
    BackwardBits bits;
    if (!bits.open(stream.packed)) return false;
    bits.skip(static_cast<unsigned>(bits.left() - left_[i]));
    for (; done < stream.count && bits.left() >= 0; ++done)
      read_one(stream, bits, lanes_[i], done + 1 == stream.count, stream.out + done);
    return bits.left() == 0;
  }

  std::span<SequenceStream> streams_;
  std::array<SequenceLane, kLanes> lanes_;
  std::array<int64_t, kLanes> left_{};  // bits
};

}  // namespace

bool unpack_sequences(std::span<SequenceStream> streams) {
  for (; !streams.empty(); streams = streams.subspan(std::min(kLanes, streams.size())))
    if (!Unpacker(streams.first(std::min(kLanes, streams.size()))).run()) return false;
  return true;
}

}  // namespace kqlc::zstd

// SPDX-License-Identifier: Apache-2.0
//
// A lane is a stream that is being read. Its word has the next bits at the top and a 1 behind those that were
// loaded, so the number of zeros below the 1 tells how many were used. Five codes fit between two loads.
// Lanes go on together as long as each has input and room for five codes; one that has not reads its rest
// alone and gives its place to the next stream.
#include "runtime/zstd/huffman.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <utility>

#include "runtime/zstd/bmi2.h"
#include "runtime/zstd/fse.h"

namespace kqlc::zstd {
namespace {

constexpr int kMaxWeightLog = 6;  // of the table that weights are packed with
constexpr size_t kMaxWeights = 255;
constexpr size_t kCodes = 5;       // between two loads of a word
constexpr size_t kCodesBytes = 8;  // most of the input that they take, and a bit more
constexpr size_t kLanes = 8;

struct Weights {
  size_t count = 0;
  std::array<uint8_t, kMaxWeights + 1> values;
};

// Two states take turns over one stream until it ends.
bool unpack_weights(Bytes packed, Weights* out) {
  Distribution distribution;
  const size_t head = read_distribution(packed, kMaxWeightLog, kHuffmanLog + 1, &distribution);
  if (head == 0) return false;
  std::array<FseState, size_t{1} << kMaxWeightLog> states;
  if (!make_states(distribution, std::span(states).first(size_t{1} << distribution.log))) return false;
  BackwardBits bits;
  if (!bits.open(packed.subspan(head))) return false;
  std::array<FseState, 2> current;
  for (FseState& state : current) state = states[bits.read(static_cast<unsigned>(distribution.log))];
  if (bits.left() < 0) return false;
  for (size_t turn = 0;; turn ^= 1) {
    FseState& state = current[turn];
    if (out->count + 2 > kMaxWeights) return false;
    out->values[out->count++] = state.symbol;
    if (bits.left() < state.bits) {
      out->values[out->count++] = current[turn ^ 1].symbol;
      return true;
    }
    state = states[state.next + bits.read(state.bits)];
  }
}

// Four bits each, the high ones first.
bool copy_weights(Bytes bytes, size_t count, Weights* out) {
  if (bytes.size() < (count + 1) / 2) return false;
  out->count = count;
  for (size_t i = 0; i < count; ++i) out->values[i] = bytes[i / 2] >> (i % 2 ? 0 : 4) & 15;
  return true;
}

// The last weight is what is missing to a power of two. Returns the length of the longest code, or 0.
int complete(Weights* weights) {
  uint32_t total = 0;
  for (size_t i = 0; i < weights->count; ++i) {
    if (weights->values[i] > kHuffmanLog) return 0;
    total += weights->values[i] ? 1u << (weights->values[i] - 1) : 0;
  }
  if (total == 0) return 0;
  const int log = std::bit_width(total);
  const uint32_t rest = (1u << log) - total;
  if (log > kHuffmanLog || !std::has_single_bit(rest)) return 0;
  weights->values[weights->count++] = static_cast<uint8_t>(std::bit_width(rest));
  return log;
}

// Writes a code kRoom times. What is too much is written again, or lies behind the table.
void fill_codes(uint16_t* out, uint16_t code) {
  std::array<uint16_t, HuffmanTable::kRoom> codes;
  codes.fill(code);
  std::memcpy(out, codes.data(), sizeof codes);
}

// Codes of one length follow each other by byte, the longest codes first. Returns false where the lengths are
// no tree's.
bool fill_table(const Weights& weights, int log, HuffmanTable* out) {
  std::array<size_t, kHuffmanLog + 2> ends{};  // how many bytes have at most that weight
  for (size_t i = 0; i < weights.count; ++i) ++ends[weights.values[i]];
  if (ends[1] < 2 || ends[1] % 2) return false;
  for (size_t weight = 1; weight < ends.size(); ++weight) ends[weight] += ends[weight - 1];
  std::array<uint8_t, kMaxWeights + 1> bytes;  // by weight
  std::array<size_t, kHuffmanLog + 2> places{};
  std::copy_n(ends.begin(), ends.size() - 1, places.begin() + 1);
  for (size_t i = 0; i < weights.count; ++i) bytes[places[weights.values[i]]++] = static_cast<uint8_t>(i);
  const int spread = kHuffmanLog - log;  // each place stands for 2^spread of the table
  uint16_t* codes = out->codes.data();
  for (int weight = 1; weight <= log; ++weight) {
    const size_t count = size_t{1} << (weight - 1 + spread);
    for (size_t i = ends[static_cast<size_t>(weight) - 1]; i < ends[static_cast<size_t>(weight)]; ++i) {
      const auto code = static_cast<uint16_t>(bytes[i] << 8 | (log + 1 - weight));
      for (size_t done = 0; done < count; done += HuffmanTable::kRoom) fill_codes(codes + done, code);
      codes += count;
    }
  }
  return true;
}

// Lanes as arrays by member, so that those of a loop stay in registers.
struct Lanes {
  std::array<uint64_t, kLanes> words;
  std::array<const uint8_t*, kLanes> places;  // of the words
  std::array<uint8_t*, kLanes> outs;
  std::array<const uint16_t*, kLanes> tables;
  std::array<const uint8_t*, kLanes> begins, ends;  // of the input, of the output
};

// Five codes of each lane, `rounds` times. What is written might be a part of `lanes`, for all that the
// compiler knows, so it works on copies.
template <size_t N>
[[gnu::always_inline]] inline void read_codes(Lanes& lanes, size_t rounds) {
  std::array<uint64_t, N> words;
  std::array<const uint8_t*, N> places;
  std::array<uint8_t*, N> outs;
  std::array<const uint16_t*, N> tables;
  std::copy_n(lanes.words.begin(), N, words.begin());
  std::copy_n(lanes.places.begin(), N, places.begin());
  std::copy_n(lanes.outs.begin(), N, outs.begin());
  std::copy_n(lanes.tables.begin(), N, tables.begin());
  for (size_t done = 0; done < rounds; ++done) {
#pragma GCC unroll 5
    for (size_t i = 0; i < kCodes; ++i)
#pragma GCC unroll 8
      for (size_t lane = 0; lane < N; ++lane) {
        const uint16_t code = tables[lane][words[lane] >> (64 - kHuffmanLog)];
        words[lane] <<= code & 63;
        outs[lane][i] = static_cast<uint8_t>(code >> 8);
      }
#pragma GCC unroll 8
    for (size_t lane = 0; lane < N; ++lane) {
      const auto used =
          static_cast<unsigned>(__builtin_ctzll(words[lane]));  // never 0, which need not be asked
      outs[lane] += kCodes;
      places[lane] -= used / 8;
      words[lane] = (load_word(places[lane]) | 1) << (used % 8);
    }
  }
  std::copy_n(words.begin(), N, lanes.words.begin());
  std::copy_n(places.begin(), N, lanes.places.begin());
  std::copy_n(outs.begin(), N, lanes.outs.begin());
}

template <size_t N>
KQLC_BMI2 void read_codes_bmi2(Lanes& lanes, size_t rounds) {
  read_codes<N>(lanes, rounds);
}
template <size_t N>
void read_codes_plain(Lanes& lanes, size_t rounds) {
  read_codes<N>(lanes, rounds);
}

using ReadCodes = void (*)(Lanes&, size_t);
template <size_t... N>
constexpr std::array<std::array<ReadCodes, kLanes>, 2> readers(std::index_sequence<N...>) {
  return {{{read_codes_plain<N + 1>...}, {read_codes_bmi2<N + 1>...}}};
}

// Five codes of each of the first `count` lanes, `rounds` times.
void read_rounds(Lanes& lanes, size_t count, size_t rounds) {
  static constexpr auto kReaders = readers(std::make_index_sequence<kLanes>());
  kReaders[has_bmi2()][count - 1](lanes, rounds);
}

// How many rounds the lane has input and room for.
size_t rounds_of(const Lanes& lanes, size_t lane) {
  const auto input = static_cast<size_t>(lanes.places[lane] - lanes.begins[lane]);
  const auto room = static_cast<size_t>(lanes.ends[lane] - lanes.outs[lane]);
  return std::min(input / kCodesBytes, room / kCodes);
}

// Reads the last codes of a stream one by one, the first of which are the bits from `left` on. Returns false
// where it has more or fewer.
bool finish(const HuffmanStream& stream, int64_t left, std::span<uint8_t> out) {
  BackwardBits bits;
  if (!bits.open(stream.packed)) return false;
  const uint16_t* table = stream.table->codes.data();
  bits.skip(static_cast<unsigned>(bits.left() - left));
  for (uint8_t& byte : out) {
    const uint16_t code = table[bits.peek(kHuffmanLog)];
    bits.skip(code & 63);
    byte = static_cast<uint8_t>(code >> 8);
  }
  return stream.goes_on ? bits.left() >= 0 : bits.left() == 0;
}

class Unpacker {
 public:
  explicit Unpacker(std::vector<HuffmanStream>& streams) : streams_(streams) {}

  bool run() {
    while (fill()) {
      size_t rounds = rounds_of(lanes_, 0);
      for (size_t lane = 1; lane < count_; ++lane) rounds = std::min(rounds, rounds_of(lanes_, lane));
      if (rounds > 0)
        read_rounds(lanes_, count_, rounds);
      else if (!drop_finished())
        return false;
    }
    return is_whole_;
  }

 private:
  // Gives free lanes to the next streams. Returns false at the end.
  bool fill() {
    for (; count_ < kLanes && next_ < streams_.size() && is_whole_; ++next_) open(streams_[next_]);
    return count_ > 0 && is_whole_;
  }

  void open(const HuffmanStream& stream) {
    BackwardBits bits;
    if (!bits.open(stream.packed)) {
      is_whole_ = false;
      return;
    }
    if (stream.packed.size() < sizeof(uint64_t)) {
      is_whole_ = finish(stream, bits.left(), {stream.out, stream.size});
      return;
    }
    const uint8_t* end = stream.packed.data() + stream.packed.size();
    const auto used = static_cast<unsigned>(static_cast<int64_t>(stream.packed.size()) * 8 - bits.left());
    lanes_.places[count_] = end - sizeof(uint64_t);
    lanes_.words[count_] = (load_word(lanes_.places[count_]) | 1) << used;
    lanes_.outs[count_] = stream.out;
    lanes_.tables[count_] = stream.table->codes.data();
    lanes_.begins[count_] = stream.packed.data();
    lanes_.ends[count_] = stream.out + stream.size;
    of_lanes_[count_++] = &stream;
  }

  // Ends the lanes that have no full round any more.
  bool drop_finished() {
    for (size_t lane = count_; lane-- > 0;)
      if (rounds_of(lanes_, lane) == 0 && !end(lane)) return false;
    return true;
  }

  bool end(size_t lane) {
    const int64_t left =
        (lanes_.places[lane] - lanes_.begins[lane]) * 8 + 64 - std::countr_zero(lanes_.words[lane]);
    if (!finish(*of_lanes_[lane], left,
                {lanes_.outs[lane], static_cast<size_t>(lanes_.ends[lane] - lanes_.outs[lane])}))
      return false;
    --count_;
    lanes_.words[lane] = lanes_.words[count_];
    lanes_.places[lane] = lanes_.places[count_];
    lanes_.outs[lane] = lanes_.outs[count_];
    lanes_.tables[lane] = lanes_.tables[count_];
    lanes_.begins[lane] = lanes_.begins[count_];
    lanes_.ends[lane] = lanes_.ends[count_];
    of_lanes_[lane] = of_lanes_[count_];
    return true;
  }

  std::vector<HuffmanStream>& streams_;
  size_t next_ = 0, count_ = 0;
  bool is_whole_ = true;
  Lanes lanes_;
  std::array<const HuffmanStream*, kLanes> of_lanes_;
};

}  // namespace

size_t read_tree(Bytes bytes, HuffmanTable* out) {
  if (bytes.empty()) return 0;
  Weights weights;
  const size_t head = bytes[0];
  const bool is_packed = head < 128;
  const size_t count = is_packed ? 0 : head - 127, size = is_packed ? head : (count + 1) / 2;
  const Bytes behind = bytes.subspan(1);
  if (behind.size() < size) return 0;
  if (is_packed ? !unpack_weights(behind.first(size), &weights) : !copy_weights(behind, count, &weights))
    return 0;
  const int log = complete(&weights);
  return log > 0 && fill_table(weights, log, out) ? 1 + size : 0;
}

// The longest streams come first: so few lanes are left alone at the end.
bool unpack_streams(std::vector<HuffmanStream>& streams) {
  std::ranges::sort(streams, std::ranges::greater{}, &HuffmanStream::size);
  return Unpacker(streams).run();
}

}  // namespace kqlc::zstd

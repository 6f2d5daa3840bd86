// SPDX-License-Identifier: Apache-2.0
//
// A run of the hybrid begins with a number: its lowest bit says whether groups of eight packed values follow
// or one value that is repeated. Packed values are read with one load each; the width is a constant of the
// loop.
#include "runtime/archive/parquet_decode.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "runtime/simd/targets.h"

namespace kqlc::archive {
namespace {

constexpr int kMaxWidth = 32;
constexpr size_t kBlock = 32;  // values of a block; it ends with a whole byte for every width

uint64_t load_word(const uint8_t* place) {
  uint64_t word;
  std::memcpy(&word, place, sizeof word);
  return word;
}

// 32 values of W bits. Requires: 8 bytes can be read behind the first bit of each.
template <int W>
void unpack_block(const uint8_t* in, uint32_t* out) {
  constexpr uint64_t mask = (uint64_t{1} << W) - 1;
#pragma GCC unroll 32
  for (size_t i = 0; i < kBlock; ++i) {
    const size_t bit = i * W;
    out[i] = static_cast<uint32_t>(load_word(in + bit / 8) >> (bit % 8) & mask);
  }
}

template <int W>
void unpack(PageBytes in, size_t count, uint32_t* out) {
  const size_t block_bytes = kBlock * W / 8;
  size_t place = 0;
  while (count >= kBlock && place + block_bytes + sizeof(uint64_t) <= in.size()) {
    unpack_block<W>(in.data() + place, out);
    place += block_bytes;
    out += kBlock;
    count -= kBlock;
  }
  // The end lies at the end of the page: it is read from a copy that has bytes behind it.
  while (count) {
    std::array<uint8_t, kBlock * kMaxWidth / 8 + sizeof(uint64_t)> copy{};
    std::array<uint32_t, kBlock> values{};
    std::memcpy(copy.data(), in.data() + place, std::min(block_bytes, in.size() - place));
    unpack_block<W>(copy.data(), values.data());
    const size_t taken = std::min(count, kBlock);
    std::copy_n(values.data(), taken, out);
    place = std::min(place + block_bytes, in.size());
    out += taken;
    count -= taken;
  }
}

using Unpack = void (*)(PageBytes, size_t, uint32_t*);
template <int... W>
constexpr std::array<Unpack, sizeof...(W)> unpackers(std::integer_sequence<int, W...>) {
  return {unpack<W>...};
}
constexpr auto kUnpack = unpackers(std::make_integer_sequence<int, kMaxWidth + 1>());

// One packed value; bits behind the end are 0.
uint32_t pick_packed(PageBytes in, int width, uint64_t number) {
  const uint64_t bit = number * static_cast<uint64_t>(width), place = bit / 8;
  uint64_t word = 0;
  if (place < in.size())
    std::memcpy(&word, in.data() + place, std::min<size_t>(sizeof word, in.size() - place));
  return static_cast<uint32_t>(word >> (bit % 8) & ((uint64_t{1} << width) - 1));
}

// A run of equal or of packed values.
struct HybridRun {
  uint64_t count = 0;  // of packed values a multiple of 8, of which the last may be none
  bool is_packed = false;
  uint32_t value = 0;
  PageBytes packed;
};

class HybridRuns {
 public:
  HybridRuns(PageBytes bytes, int width) : bytes_(bytes), width_(width) {}

  // What is behind the last run.
  PageBytes rest() const { return bytes_; }

  // Returns false at the end or where the bytes do not make a run.
  bool next(HybridRun& run) {
    uint64_t head;
    if (!read_head(head)) return false;
    run.is_packed = head & 1;
    run.count = (head >> 1) * (run.is_packed ? 8 : 1);
    if (run.count == 0) return false;
    return run.is_packed ? take_packed(run) : take_repeated(run);
  }

 private:
  bool read_head(uint64_t& head) {
    head = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      if (bytes_.empty()) return false;
      const uint64_t byte = bytes_[0];
      bytes_ = bytes_.subspan(1);
      head |= (byte & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  // Writers may leave out the bytes of values that are none: those behind the last one of a page.
  bool take_packed(HybridRun& run) {
    const uint64_t size = run.count / 8 * static_cast<uint64_t>(width_);
    run.packed = bytes_.first(std::min<uint64_t>(size, bytes_.size()));
    if (run.packed.size() < size) run.count = width_ ? run.packed.size() * 8 / width_ : run.count;
    bytes_ = bytes_.subspan(run.packed.size());
    return run.count > 0;
  }
  bool take_repeated(HybridRun& run) {
    const auto size = static_cast<size_t>((width_ + 7) / 8);
    if (bytes_.size() < size) return false;
    run.value = 0;
    if (size) std::memcpy(&run.value, bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
    return width_ == kMaxWidth || run.value >> width_ == 0;
  }

  PageBytes bytes_;
  int width_;
};

void add_hit(size_t number, uint32_t value, HybridHits* out) {
  out->numbers.push_back(static_cast<uint32_t>(number));
  out->values.push_back(value);
}

// Packed values, of which the first is the `first` one of all.
void search_packed(PageBytes in, size_t width, size_t count, size_t first, std::span<const uint32_t> wanted,
                   HybridHits* out) {
  constexpr size_t kCodes = 64, kBlocks = 16;  // of a block; blocks that are looked through at a time
  const auto look = [&](const uint8_t* place, size_t begin, size_t blocks) {
    std::array<uint64_t, kBlocks> found;
    const uint32_t greatest =
        simd::kernels().find_codes(place, width, blocks, wanted.data(), wanted.size(), found.data());
    out->greatest = std::max(out->greatest, greatest);
    for (size_t block = 0; block < blocks; ++block)
      for (uint64_t left = found[block]; left; left &= left - 1) {
        const size_t number = begin + block * kCodes + static_cast<size_t>(std::countr_zero(left));
        if (number < count) add_hit(first + number, pick_packed(in, static_cast<int>(width), number), out);
      }
  };
  size_t begin = 0;
  for (size_t blocks; (blocks = std::min(kBlocks, (count - begin) / kCodes)) > 0; begin += blocks * kCodes)
    look(in.data() + begin * width / 8, begin, blocks);
  if (begin == count) return;
  // What stands behind the last value is no value.
  std::array<uint8_t, kCodes * simd::kMaxPackedWidth / 8> rest{};
  const size_t bits = (count - begin) * width;
  const PageBytes last = in.subspan(begin * width / 8).first((bits + 7) / 8);
  std::ranges::copy(last, rest.begin());
  if (bits % 8) rest[bits / 8] &= static_cast<uint8_t>((1u << (bits % 8)) - 1);
  look(rest.data(), begin, 1);
}

void set_bits(uint8_t* bitmap, size_t begin, size_t count) {
  for (; count && begin % 8; ++begin, --count) bitmap[begin / 8] |= static_cast<uint8_t>(1u << (begin % 8));
  std::memset(bitmap + begin / 8, 0xFF, count / 8);
  begin += count / 8 * 8;
  for (count %= 8; count; ++begin, --count) bitmap[begin / 8] |= static_cast<uint8_t>(1u << (begin % 8));
}

// Returns how many of them are set.
int64_t copy_bits(const uint8_t* from, size_t count, uint8_t* bitmap, size_t begin) {
  int64_t set = 0;
  for (size_t done = 0; done < count; done += 8) {
    const size_t taken = std::min<size_t>(8, count - done);
    const uint32_t byte = from[done / 8] & ((1u << taken) - 1);
    const uint32_t shifted = byte << (begin % 8);
    bitmap[begin / 8] |= static_cast<uint8_t>(shifted);
    if (shifted >> 8) bitmap[begin / 8 + 1] |= static_cast<uint8_t>(shifted >> 8);
    set += std::popcount(byte);
    begin += taken;
  }
  return set;
}

}  // namespace

bool decode_hybrid(PageBytes bytes, int width, size_t count, uint32_t* out) {
  if (width < 0 || width > kMaxWidth) return false;
  HybridRuns runs(bytes, width);
  HybridRun run;
  while (count) {
    if (!runs.next(run)) return false;
    const auto taken = static_cast<size_t>(std::min<uint64_t>(run.count, count));
    if (run.is_packed)
      kUnpack[static_cast<size_t>(width)](run.packed, taken, out);
    else
      std::fill_n(out, taken, run.value);
    out += taken;
    count -= taken;
  }
  return true;
}

bool pick_hybrid(PageBytes bytes, int width, std::span<const uint32_t> numbers, uint32_t* out,
                 const std::function<void(size_t)>& need) {
  if (width < 0 || width > kMaxWidth) return false;
  constexpr size_t kHead = 9;  // the most that a run begins with: how long it is, and a value
  HybridRuns runs(bytes, width);
  HybridRun run;
  uint64_t first = 0;  // value of the run
  for (size_t i = 0; i < numbers.size();) {
    need(bytes.size() - runs.rest().size() + kHead);
    if (!runs.next(run)) return false;
    for (; i < numbers.size() && numbers[i] - first < run.count; ++i) {
      const uint64_t number = numbers[i] - first;
      if (run.is_packed)
        need(static_cast<size_t>(run.packed.data() - bytes.data()) +
             static_cast<size_t>((number + 1) * static_cast<uint64_t>(width) + 7) / 8);
      out[i] = run.is_packed ? pick_packed(run.packed, width, number) : run.value;
    }
    first += run.count;
  }
  return true;
}

std::optional<bool> search_hybrid(PageBytes bytes, int width, size_t count, std::span<const uint32_t> wanted,
                                  HybridHits* out) {
  if (width < 1 || width > static_cast<int>(simd::kMaxPackedWidth)) return std::nullopt;
  *out = {};
  HybridRuns runs(bytes, width);
  HybridRun run;
  const size_t most = count / kValuesOfHit;
  for (size_t first = 0; first < count;) {
    if (!runs.next(run)) return false;
    const auto taken = static_cast<size_t>(std::min<uint64_t>(run.count, count - first));
    if (run.is_packed) {
      search_packed(run.packed, static_cast<size_t>(width), taken, first, wanted, out);
    } else {
      out->greatest = std::max(out->greatest, run.value);
      if (std::ranges::find(wanted, run.value) != wanted.end())
        for (size_t i = 0; i < taken && out->numbers.size() <= most; ++i) add_hit(first + i, run.value, out);
    }
    if (out->numbers.size() > most) return std::nullopt;
    first += taken;
  }
  return true;
}

int64_t decode_bits(PageBytes bytes, size_t count, uint8_t* bitmap, size_t begin) {
  HybridRuns runs(bytes, 1);
  HybridRun run;
  int64_t set = 0;
  while (count) {
    if (!runs.next(run)) return -1;
    const auto taken = static_cast<size_t>(std::min<uint64_t>(run.count, count));
    if (run.is_packed) {
      set += copy_bits(run.packed.data(), taken, bitmap, begin);
    } else if (run.value) {
      set_bits(bitmap, begin, taken);
      set += static_cast<int64_t>(taken);
    }
    begin += taken;
    count -= taken;
  }
  return set;
}

int64_t decode_old_bits(PageBytes bytes, size_t count, uint8_t* bitmap, size_t begin) {
  if (bytes.size() < (count + 7) / 8) return -1;
  int64_t set = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t bit = bytes[i / 8] >> (7 - i % 8) & 1;
    bitmap[(begin + i) / 8] |= static_cast<uint8_t>(bit << ((begin + i) % 8));
    set += bit;
  }
  return set;
}

// Where a text begins is known when the length of the one before has come from memory: what may be next is
// asked for early.
bool split_texts(std::span<uint8_t> bytes, size_t count, Str* out) {
  constexpr size_t kAhead = 1024, kLine = 64;
  uint8_t *place = bytes.data(), *end = place + bytes.size();
  for (size_t i = 0; i < count; ++i) {
    __builtin_prefetch(place + kAhead, 1);
    __builtin_prefetch(place + kAhead + kLine, 1);
    uint32_t length;
    if (static_cast<size_t>(end - place) < sizeof length) return false;
    std::memcpy(&length, place, sizeof length);
    std::memset(place, 0, sizeof length);
    place += sizeof length;
    if (static_cast<size_t>(end - place) < length) return false;
    out[i] = Str(reinterpret_cast<const char*>(place), length);
    place += length;
  }
  return true;
}

}  // namespace kqlc::archive

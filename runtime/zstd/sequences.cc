// SPDX-License-Identifier: Apache-2.0
//
// The tables of a block are predefined, described like other distributions, of one symbol, or those before.
#include "runtime/zstd/sequences.h"

#include <algorithm>
#include <bit>
#include <initializer_list>

namespace kqlc::zstd {
namespace {

// What the symbols of a table stand for, and how its states are spread where a block does not say.
struct Kind {
  int max_log;
  size_t num_symbols;
  std::array<uint32_t, 53> base;
  std::array<uint8_t, 53> extra;
  int predefined_log;
  size_t predefined_symbols;
  std::array<int8_t, 53> predefined;
};

// Numbers that follow each other: symbol i begins where the one before ends.
constexpr Kind numbers(int max_log, size_t num_symbols, uint32_t first, size_t single,
                       std::initializer_list<uint8_t> extra, int predefined_log,
                       std::initializer_list<int8_t> predefined) {
  Kind kind{max_log, num_symbols, {}, {}, predefined_log, predefined.size(), {}};
  uint32_t base = first;
  for (size_t i = 0; i < num_symbols; ++i) {
    kind.extra[i] = i < single ? uint8_t{0} : extra.begin()[i - single];
    kind.base[i] = base;
    base += uint32_t{1} << kind.extra[i];
  }
  std::copy(predefined.begin(), predefined.end(), kind.predefined.begin());
  return kind;
}

constexpr Kind kLiterals =
    numbers(9, 36, 0, 16, {1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, 6,
            {4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1,  1,  2,  2,
             2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1});
constexpr Kind kMatches =
    numbers(9, 53, 3, 32, {1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, 6,
            {1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1, 1,
             1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1});
// Symbol i: the numbers of i + 1 bits.
constexpr size_t kMostOffsetBits = 28;
constexpr Kind offset_kind() {
  Kind kind{8, kMostOffsetBits + 1, {}, {}, 5, 29, {}};
  for (size_t i = 0; i <= kMostOffsetBits; ++i) {
    kind.base[i] = uint32_t{1} << i;
    kind.extra[i] = static_cast<uint8_t>(i);
  }
  constexpr std::array<int8_t, 29> predefined{1, 1, 1, 1, 1, 1, 2, 2, 2, 1,  1,  1,  1,  1, 1,
                                              1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1};
  std::copy(predefined.begin(), predefined.end(), kind.predefined.begin());
  return kind;
}
constexpr Kind kOffsets = offset_kind();

enum Mode : uint8_t { kPredefined = 0, kRle = 1, kCompressed = 2, kRepeat = 3 };

bool make_table(const Kind& kind, const Distribution& distribution, SequenceTable* out) {
  out->log = distribution.log;
  std::array<FseState, size_t{1} << kMaxFseLog> states;
  const std::span<FseState> made = std::span(states).first(size_t{1} << distribution.log);
  if (!make_states(distribution, made)) return false;
  for (size_t i = 0; i < made.size(); ++i)
    out->states[i] = {kind.base[made[i].symbol], made[i].next, made[i].bits, kind.extra[made[i].symbol]};
  return true;
}

bool make_predefined(const Kind& kind, SequenceTable* out) {
  Distribution distribution;
  distribution.log = kind.predefined_log;
  distribution.num_symbols = kind.predefined_symbols;
  std::copy(kind.predefined.begin(), kind.predefined.end(), distribution.counts.begin());
  return make_table(kind, distribution, out);
}

// The tables that are the same for all.
const SequenceTable* predefined_table(const Kind& kind) {
  static const auto all = [] {
    std::array<SequenceTable, 3> tables;
    make_predefined(kLiterals, &tables[0]);
    make_predefined(kOffsets, &tables[1]);
    make_predefined(kMatches, &tables[2]);
    return tables;
  }();
  return &all[&kind == &kLiterals ? 0 : &kind == &kOffsets ? 1 : 2];
}

// Takes a table's description from the bytes.
bool read_table(const Kind& kind, Mode mode, Bytes* bytes, SequenceTables* tables,
                const SequenceTable** out) {
  if (mode == kRepeat) return *out != nullptr;
  if (mode == kPredefined) {
    *out = predefined_table(kind);
    return true;
  }
  if (bytes->empty()) return false;
  SequenceTable& made = tables->next();
  *out = &made;
  if (mode == kRle) {
    const size_t symbol = bytes->front();
    if (symbol >= kind.num_symbols) return false;
    made.log = 0;
    made.states[0] = {kind.base[symbol], 0, 0, kind.extra[symbol]};
    *bytes = bytes->subspan(1);
    return true;
  }
  Distribution distribution;
  const size_t size = read_distribution(*bytes, kind.max_log, kind.num_symbols - 1, &distribution);
  *bytes = bytes->subspan(size);
  return size > 0 && make_table(kind, distribution, &made);
}

}  // namespace

std::optional<SequenceCount> count_sequences(Bytes section) {
  if (section.empty()) return std::nullopt;
  const size_t first = section[0];
  if (first < 128) return SequenceCount{first, 1};
  if (section.size() < 2) return std::nullopt;
  if (first < 255) return SequenceCount{(first - 128) << 8 | section[1], 2};
  if (section.size() < 3) return std::nullopt;
  return SequenceCount{size_t{section[1]} + (size_t{section[2]} << 8) + 0x7F00, 3};
}

bool open_sequences(Bytes section, SequenceTables* tables, SequenceStream* out) {
  const std::optional<SequenceCount> count = count_sequences(section);
  if (!count || section.size() <= count->bytes) return false;
  const unsigned modes = section[count->bytes];
  if (modes & 3) return false;
  Bytes rest = section.subspan(count->bytes + 1);
  if (!read_table(kLiterals, Mode(modes >> 6), &rest, tables, &tables->literals) ||
      !read_table(kOffsets, Mode(modes >> 4 & 3), &rest, tables, &tables->offsets) ||
      !read_table(kMatches, Mode(modes >> 2 & 3), &rest, tables, &tables->matches))
    return false;
  *out = {rest, tables->literals, tables->offsets, tables->matches, count->count, nullptr};
  return true;
}

}  // namespace kqlc::zstd

// SPDX-License-Identifier: Apache-2.0
//
// The tables of a block are predefined, described like other distributions, of one symbol, or those before.
#include "runtime/zstd/sequences.h"

#include <algorithm>

#include "runtime/zstd/sequence_kinds.h"

namespace kqlc::zstd {
namespace {

enum Mode : uint8_t { kPredefined = 0, kRle = 1, kCompressed = 2, kRepeat = 3 };

template <int Log, class Mask>
void set_state(const SequenceKind& kind, const FseState& state, size_t i, SequenceStates<Log, Mask>* out) {
  const uint64_t bits = (uint64_t{1} << state.bits) - 1;
  out->words[i] = kind.words[state.symbol] | uint64_t{state.next} << kind.place;
  out->masks[i] = static_cast<Mask>(kind.masks[state.symbol] | bits << kind.place);
  out->symbols[i] = state.symbol;
}

template <int Log, class Mask>
bool fill_states(const SequenceKind& kind, const Distribution& distribution, SequenceStates<Log, Mask>* out) {
  std::array<FseState, size_t{1} << Log> states;
  const std::span<FseState> made = std::span(states).first(size_t{1} << distribution.log);
  if (!make_states(distribution, made)) return false;
  out->log = distribution.log;
  for (size_t i = 0; i < made.size(); ++i) set_state(kind, made[i], i, out);
  return true;
}

template <int Log, class Mask>
void make_predefined(const SequenceKind& kind, SequenceStates<Log, Mask>* out) {
  Distribution distribution;
  distribution.log = kind.predefined_log;
  distribution.num_symbols = kind.predefined_symbols;
  std::copy(kind.predefined.begin(), kind.predefined.end(), distribution.counts.begin());
  fill_states(kind, distribution, out);
}

const SequenceTables& predefined_tables() {
  static const SequenceTables all = [] {
    SequenceTables tables;
    make_predefined(kLiteralsKind, &tables.literals);
    make_predefined(kOffsetsKind, &tables.offsets);
    make_predefined(kMatchesKind, &tables.matches);
    return tables;
  }();
  return all;
}

// Takes the states of a kind from the bytes.
template <int Log, class Mask>
bool read_states(const SequenceKind& kind, Mode mode, Bytes* bytes, const SequenceStates<Log, Mask>* before,
                 const SequenceStates<Log, Mask>& predefined, SequenceStates<Log, Mask>* out) {
  if (mode == kRepeat) {
    if (!before || before->log < 0) return false;
    if (before != out) *out = *before;
    return true;
  }
  if (mode == kPredefined) {
    *out = predefined;
    return true;
  }
  if (bytes->empty()) return false;
  if (mode == kRle) {
    const uint8_t symbol = bytes->front();
    if (symbol >= kind.num_symbols) return false;
    out->log = 0;
    set_state(kind, {0, 0, symbol}, 0, out);
    *bytes = bytes->subspan(1);
    return true;
  }
  Distribution distribution;
  const size_t size = read_distribution(*bytes, kind.max_log, kind.num_symbols - 1, &distribution);
  *bytes = bytes->subspan(size);
  return size > 0 && fill_states(kind, distribution, out);
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

bool open_sequences(Bytes section, const SequenceTables* before, SequenceTables* tables,
                    SequenceStream* out) {
  const std::optional<SequenceCount> count = count_sequences(section);
  if (!count || section.size() <= count->bytes) return false;
  const unsigned modes = section[count->bytes];
  if (modes & 3) return false;
  Bytes rest = section.subspan(count->bytes + 1);
  const SequenceTables& predefined = predefined_tables();
  const auto read = [&](const SequenceKind& kind, auto SequenceTables::* part, unsigned mode) {
    return read_states(kind, Mode(mode & 3), &rest, before ? &(before->*part) : nullptr, predefined.*part,
                       &(tables->*part));
  };
  if (!read(kLiteralsKind, &SequenceTables::literals, modes >> 6) ||
      !read(kOffsetsKind, &SequenceTables::offsets, modes >> 4) ||
      !read(kMatchesKind, &SequenceTables::matches, modes >> 2))
    return false;
  *out = {rest, tables, count->count, count->count, nullptr};
  return true;
}

// Where one is long all are looked at one by one.
SequenceList::Sum SequenceList::sum(size_t first, size_t end) const {
  constexpr uint32_t kNumbers = word::kMostLiterals << word::kNumLiterals | word::kMostMatch << word::kMatch;
  constexpr uint32_t kLiterals = (uint32_t{1} << (word::kMatch - word::kNumLiterals)) - 1;
  static_assert(word::kMostLiterals * word::kMostAdded <= kLiterals);
  static_assert(word::kMostMatch * word::kMostAdded < uint32_t{1} << (32 - word::kMatch));
  uint32_t sum = 0, all = 0;
  for (size_t i = first; i < end; ++i) {
    sum += words_[i] & kNumbers;
    all |= words_[i];
  }
  if (!(all & word::kIsLong))
    return {sum >> word::kNumLiterals & kLiterals, (sum >> word::kMatch) + word::kLeastMatch * (end - first)};
  Sum numbers;
  for (size_t i = first; i < end; ++i) {
    const Sequence sequence = (*this)[i];
    numbers.literals += sequence.literals;
    numbers.matches += sequence.match;
  }
  return numbers;
}

}  // namespace kqlc::zstd

// SPDX-License-Identifier: Apache-2.0
//
// Searching for several needles and for JSON escapes in one pass, over any vector. In: a MultiNeedle. Out: a
// hit. The plain version tries every needle at every place. Departures: up to kMaxProbes needles are compared
// by their two rarest bytes as a single needle is; more needles by fingerprint: two table look-ups a byte of
// the window (low and high nibble) give the buckets that may match there, the meet over the window's bytes
// the candidates, and only the needles whose windows have the hash of what stands there are compared; two
// bytes that all windows share take the place of the fingerprints. Where
// there are so many needles that nearly every place is a candidate, the windows at every fourth place (or
// third, second, or each) are hashed and looked up in a bitmap. Candidates are listed for a batch of blocks,
// then looked at. Either way finds the first hit or all of them.
#pragma once

#include "runtime/simd/search-inl.h"

namespace kqlc::simd {
namespace {

constexpr size_t kWindowBytes = kMaxSample;  // what can be read of a window

inline int hex_digit(uint8_t byte) {
  if (static_cast<uint8_t>(byte - '0') < 10) return byte - '0';
  const uint8_t letter = (byte | 0x20) - 'a';
  return letter < 6 ? letter + 10 : -1;
}

// Whether the `\u` at p is an escape (an odd run of backslashes ends there) that counts. Cut or wrong ones
// count.
inline bool escape_counts(const EscapeFilter& filter, const char* begin, const char* p, const char* end) {
  const char* run = p;
  while (run != begin && run[-1] == '\\') --run;
  if ((p - run) & 1) return false;
  if (end - p < 6) return true;
  uint32_t code = 0;
  for (int i = 2; i < 6; ++i) {
    const int digit = hex_digit(byte_at(p + i));
    if (digit < 0) return true;
    code = code << 4 | static_cast<uint32_t>(digit);
  }
  return code < 128 ? filter.ascii[code] != 0 : filter.non_ascii;
}

// Searches [begin, end) needle by needle; the earliest hit wins. Backslashes are counted back to `floor`.
template <class V>
const char* find_each(const MultiNeedle& multi, const char* floor, const char* begin, const char* end,
                      size_t* which) {
  const char* best = nullptr;
  for (size_t i = 0; i < multi.size; ++i) {
    const SearchNeedle& needle = multi.needles[i];
    const char* place = find<V>(needle, begin, end);
    if (!place || (best && place >= best)) continue;
    best = place;
    *which = i;
  }
  if (multi.escapes.enabled) {
    const char* place = find_if<V>(
        multi.escape, begin, end, [&](const char* p) { return escape_counts(multi.escapes, floor, p, end); });
    if (place && (!best || place < best)) {
      best = place;
      *which = kEscapeHit;
    }
  }
  return best;
}

// The candidates of one block that hold; the earliest wins.
template <class V, int N>
const char* check_block(const MultiNeedle& multi, const typename V::Bits (&bits)[N], const char* begin,
                        const char* p, const char* end, size_t* which) {
  uint64_t masks[N];
  uint64_t all = 0;
  for (int i = 0; i < N; ++i) all |= masks[i] = V::mask(bits[i]);
  for (; all; all &= all - 1) {
    const size_t at = lowest(all);
    const char* place = p + at;
    for (int i = 0; i < N; ++i) {
      if (!(masks[i] >> at & 1)) continue;
      if (static_cast<size_t>(i) == multi.size) {
        if (!escape_counts(multi.escapes, begin, place, end)) continue;
        *which = kEscapeHit;
        return place;
      }
      const SearchNeedle& needle = multi.needles[i];
      if (static_cast<size_t>(end - place) < needle.size || !bytes_fit(needle, place)) continue;
      *which = static_cast<size_t>(i);
      return place;
    }
  }
  return nullptr;
}

// N probes: the needles, and the escape after them when it is enabled.
template <class V, int N>
const char* find_probes(const MultiNeedle& multi, const char* begin, const char* end, size_t* which) {
  const SearchNeedle* needles[N];
  for (int i = 0; i < N; ++i)
    needles[i] = static_cast<size_t>(i) < multi.size ? &multi.needles[i] : &multi.escape;
  size_t reach = 0;
  for (const SearchNeedle* needle : needles) reach = reach_of(*needle) > reach ? reach_of(*needle) : reach;
  reach += V::kBytes;
  const char* p = begin;
  const auto run = [&](const Probe<V>(&probes)[N]) -> const char* {
    constexpr size_t kStep = N > 2 ? 1 : 2;
    for (; static_cast<size_t>(end - p) >= reach + (kStep - 1) * V::kBytes; p += kStep * V::kBytes) {
      typename V::Bits bits[kStep][N];
      typename V::Bits any = V::equal(V::splat(0), V::splat(1));
      for (size_t step = 0; step < kStep; ++step)
        for (int i = 0; i < N; ++i) any = V::any_of(any, bits[step][i] = probes[i](p + step * V::kBytes));
      if (V::none(any)) continue;
      for (size_t step = 0; step < kStep; ++step)
        if (const char* hit = check_block<V, N>(multi, bits[step], begin, p + step * V::kBytes, end, which))
          return hit;
    }
    return nullptr;
  };
  const char* hit;
  if constexpr (N == 1) {
    hit = run({Probe<V>(*needles[0])});
  } else if constexpr (N == 2) {
    hit = run({Probe<V>(*needles[0]), Probe<V>(*needles[1])});
  } else if constexpr (N == 3) {
    hit = run({Probe<V>(*needles[0]), Probe<V>(*needles[1]), Probe<V>(*needles[2])});
  } else if constexpr (N == 4) {
    hit = run({Probe<V>(*needles[0]), Probe<V>(*needles[1]), Probe<V>(*needles[2]), Probe<V>(*needles[3])});
  } else {
    hit = run({Probe<V>(*needles[0]), Probe<V>(*needles[1]), Probe<V>(*needles[2]), Probe<V>(*needles[3]),
               Probe<V>(*needles[4])});
  }
  return hit ? hit : find_each<V>(multi, begin, p, end, which);
}

inline uint32_t hash_at(const MultiNeedle& multi, const char* bytes) {
  const uint32_t mask = multi.window < 4 ? (1u << 8 * multi.window) - 1 : ~0u;
  const auto first = load_word<uint32_t>(bytes);
  const auto last = load_word<uint32_t>(bytes + last_of_window(multi.window));
  return hash_window(first & mask, last & mask);
}

// Calls `hit` for the needles that stand with their windows at p, whose bytes are also at `bytes`, until it
// returns true. Returns whether it did. Requires: kWindowBytes readable bytes at `bytes`.
template <class Hit>
bool check_window(const MultiNeedle& multi, const char* begin, const char* p, const char* bytes,
                  const char* end, Hit& hit) {
  const uint32_t hash = hash_at(multi, bytes) >> (32 - multi.index_bits);
  for (uint32_t i = multi.begins[hash]; i < multi.begins[hash + 1]; ++i) {
    const WindowMember& member = multi.members[i];
    if (p - begin < member.anchor || end - p < member.behind) continue;
    if (member.more_fold != kNoMore &&
        (load_word<uint32_t>(p + member.more_at) | member.more_fold) != member.more)
      continue;
    const char* place = p - member.anchor;
    if (bytes_fit(multi.needles[member.needle], place) && hit(place, member.needle)) return true;
  }
  return false;
}

// The tables of a window of W bytes, in registers.
template <class V, int W>
struct Fingerprints {
  typename V::Table low[W], high[W];

  explicit Fingerprints(const MultiNeedle& multi) {
    for (int i = 0; i < W; ++i) {
      low[i] = V::load_table(multi.low[i]);
      high[i] = V::load_table(multi.high[i]);
    }
  }

  // For each of the kBytes places from p, the buckets whose needles may have their windows there.
  V operator()(const char* p) const {
    V buckets = V::splat(0xff);
    for (int i = 0; i < W; ++i) {
      const V bytes = V::load(p + i);
      buckets = V::meet(buckets, V::meet(V::look_up(low[i], bytes, 0), V::look_up(high[i], bytes, 1)));
    }
    return buckets;
  }
};

// The candidates of the block at p, whose bytes are also at `bytes`, in the order of windows.
template <class Hit>
bool check_windows(const MultiNeedle& multi, uint64_t windows, uint64_t escapes, const char* begin,
                   const char* p, const char* bytes, const char* end, Hit& hit) {
  for (uint64_t all = windows | escapes; all; all &= all - 1) {
    const size_t at = lowest(all);
    if ((windows >> at & 1) && check_window(multi, begin, p + at, bytes + at, end, hit)) return true;
    if ((escapes >> at & 1) && escape_counts(multi.escapes, begin, p + at, end) && hit(p + at, kEscapeHit))
      return true;
  }
  return false;
}

constexpr size_t kBatchSteps = 16;

// The bits of units of U bytes each, moved to the first bytes of these.
template <size_t U>
inline uint64_t spread_bits(uint64_t units) {
  if (U == 1) return units;
  uint64_t bytes = 0;
  for (; units; units &= units - 1) bytes |= uint64_t{1} << (U * lowest(units));
  return bytes;
}

// Calls `hit` with all that `windows_at(bytes)` lets pass, a bit each kUnit places of a block of kStep bytes,
// until it returns true. The candidates of a batch of blocks are listed before any is looked at: which block
// has one cannot be foretold, and to learn it late costs more than the look. What is left at the end is
// looked at in a copy with zeros behind it. Requires: windows_at reads no more than kRead bytes.
template <class V, size_t kUnit = 1, size_t kStep = V::kBytes, size_t kRead = V::kBytes + kMaxFingerprint - 1,
          class Windows, class Hit>
bool scan_blocks(const MultiNeedle& multi, const char* begin, const char* end, const Windows& windows_at,
                 Hit& hit) {
  constexpr size_t kLastWindow = kStep + kWindowBytes - 1, kReach = kRead > kLastWindow ? kRead : kLastWindow;
  constexpr uint64_t kBlock = kStep < 64 ? (uint64_t{1} << (kStep % 64)) - 1 : ~uint64_t{0};
  static_assert(kStep <= V::kBytes && kStep % kUnit == 0);
  // The bits of as many blocks as fit a word are listed together.
  constexpr size_t kUnits = kStep / kUnit, kFit = 64 / kUnits;
  constexpr size_t kJoined = kFit < kBatchSteps ? kFit : kBatchSteps;
  static_assert(kBatchSteps % kJoined == 0);
  const Probe<V> escape(multi.escape);
  const bool with_escapes = multi.escapes.enabled;
  const char* p = begin;
  const auto check_block = [&] {
    const uint64_t windows = spread_bits<kUnit>(windows_at(p));
    const uint64_t escapes = with_escapes ? V::mask(escape(p)) & kBlock : 0;
    return (windows | escapes) && check_windows(multi, windows, escapes, begin, p, p, end, hit);
  };
  for (; static_cast<size_t>(end - p) >= kStep * (kBatchSteps - 1) + kReach; p += kStep * kBatchSteps) {
    uint32_t units[kBatchSteps * 64 + kSpareQuotes];
    uint32_t* last = units;
    typename V::Bits escapes = V::equal(V::splat(0), V::splat(1));  // none, so far
    for (size_t step = 0; step < kBatchSteps; step += kJoined) {
      uint64_t windows = 0;
      for (size_t i = 0; i < kJoined; ++i) {
        windows |= windows_at(p + (step + i) * kStep) << (i * kUnits);
        if (with_escapes) escapes = V::any_of(escapes, escape(p + (step + i) * kStep));
      }
      // Where a list is written bit by bit, that of no bits is better left out.
      if (V::kBytes == 64 || windows)
        last = V::list_places(windows, static_cast<uint32_t>(step * kUnits), last);
    }
    if (!V::none(escapes)) {  // rare: once more, both kinds in their order
      const char* batch = p;
      for (; p != batch + kStep * kBatchSteps; p += kStep)
        if (check_block()) return true;
      p = batch;
      continue;
    }
    for (const uint32_t* unit = units; unit != last; ++unit) {
      const char* place = p + kUnit * *unit;
      if (check_window(multi, begin, place, place, end, hit)) return true;
    }
  }
  for (; static_cast<size_t>(end - p) >= kReach; p += kStep)
    if (check_block()) return true;
  char rest[2 * kReach + V::kBytes] = {};
  if (p != end) memcpy(rest, p, static_cast<size_t>(end - p));
  for (const char* bytes = rest; p < end; p += kStep, bytes += kStep) {
    const auto left = static_cast<size_t>(end - p);
    const uint64_t inside = left < kStep ? (uint64_t{1} << left) - 1 : kBlock;
    const uint64_t windows = spread_bits<kUnit>(windows_at(bytes)) & inside;
    const uint64_t escapes = with_escapes ? V::mask(escape(bytes)) & inside : 0;
    if (check_windows(multi, windows, escapes, begin, p, bytes, end, hit)) return true;
    if (left <= kStep) break;
  }
  return false;
}

template <class V, int W, class Hit>
bool scan_fingerprints(const MultiNeedle& multi, const char* begin, const char* end, Hit& hit) {
  const Fingerprints<V, W> fingerprints(multi);
  return scan_blocks<V>(
      multi, begin, end, [&](const char* p) { return V::mask(V::nonzero(fingerprints(p))); }, hit);
}

template <class V, class Hit>
bool scan_pairs(const MultiNeedle& multi, const char* begin, const char* end, Hit& hit) {
  const Probe<V> pair(multi.pair);
  return scan_blocks<V>(multi, begin, end, [&](const char* p) { return V::mask(pair(p)); }, hit);
}

// Windows at every S-th place.
template <class V, int S, class Hit>
bool scan_samples(const MultiNeedle& multi, const char* begin, const char* end, Hit& hit) {
  constexpr size_t kGroups = V::kBytes / 4, kLooks = S < 4 ? 4 / S : 1;
  const uint32_t bits = multi.hash_bits;
  const uint32_t* bitmap = multi.bitmap;
  const size_t last = last_of_window(multi.window);
  const auto windows_at = [&](const char* p) {
    uint64_t found = 0;
    for (size_t look = 0; look < kLooks; ++look, p += kGroups * S)
      found |= V::sampled(V::template spread<S>(p), V::template spread<S>(p + last), bitmap, bits)
               << (look * kGroups);
    return found;
  };
  constexpr size_t kRead = kGroups * S * (kLooks - 1) + V::kBytes + kMaxSample - kMinSample;
  return scan_blocks<V, S, kGroups * S * kLooks, kRead>(multi, begin, end, windows_at, hit);
}

// Requires: multi.window is not 0.
template <class V, class Hit>
bool scan_windows(const MultiNeedle& multi, const char* begin, const char* end, Hit hit) {
  if (multi.has_pair) return scan_pairs<V>(multi, begin, end, hit);
  if (multi.stride == 1) return scan_samples<V, 1>(multi, begin, end, hit);
  if (multi.stride == 2) return scan_samples<V, 2>(multi, begin, end, hit);
  if (multi.stride == 3) return scan_samples<V, 3>(multi, begin, end, hit);
  if (multi.stride == 4) return scan_samples<V, 4>(multi, begin, end, hit);
  if (multi.window == 1) return scan_fingerprints<V, 1>(multi, begin, end, hit);
  if (multi.window == 2) return scan_fingerprints<V, 2>(multi, begin, end, hit);
  return scan_fingerprints<V, 3>(multi, begin, end, hit);
}

template <class V>
const char* find_any(const MultiNeedle& multi, const char* begin, const char* end, size_t* which) {
  if (multi.window) {
    const char* found = nullptr;
    scan_windows<V>(multi, begin, end, [&](const char* place, size_t number) {
      found = place;
      *which = number;
      return true;
    });
    return found;
  }
  switch (multi.size + (multi.escapes.enabled ? 1 : 0)) {
    case 0:
      return nullptr;
    case 1:
      return find_probes<V, 1>(multi, begin, end, which);
    case 2:
      return find_probes<V, 2>(multi, begin, end, which);
    case 3:
      return find_probes<V, 3>(multi, begin, end, which);
    case 4:
      return find_probes<V, 4>(multi, begin, end, which);
    default:
      return find_probes<V, 5>(multi, begin, end, which);
  }
}

template <class V>
void find_all(const MultiNeedle& multi, const char* begin, const char* end, MultiHit hit, void* context) {
  if (multi.window) {
    scan_windows<V>(multi, begin, end, [&](const char* place, size_t number) {
      hit(context, place, number);
      return false;
    });
    return;
  }
  for (size_t i = 0; i < multi.size; ++i)
    for (const char* p = begin; (p = find<V>(multi.needles[i], p, end)); ++p) hit(context, p, i);
}

}  // namespace
}  // namespace kqlc::simd

// SPDX-License-Identifier: Apache-2.0
//
// Searching JSON text for a few keys and for escapes, over any vector. In: needles that begin with a quote.
// Out: every place at which one stands. The plain version tries every needle at every place. Departures: a
// block is a candidate of a needle where a quote stands and, as far behind it as in the needle, the byte that
// was chosen of it; so that a needle costs one load and one comparison a block. Two blocks a turn.
#pragma once

#include "runtime/simd/multi-inl.h"

namespace kqlc::simd {
namespace {

template <class V, int N>
class KeyScan {
 public:
  KeyScan(const MultiNeedle& keys, const char* begin, const char* end)
      : keys_(keys), begin_(begin), end_(end) {
    for (int i = 0; i < N; ++i) {
      distances_[i] = keys.needles[i].second;
      chosen_[i] = V::splat(keys.needles[i].second_byte);
    }
  }

  template <class Hit>
  void run(Hit hit) const {
    const char* p = begin_;
    for (; end_ - p >= static_cast<ptrdiff_t>(2 * V::kBytes + kReach); p += 2 * V::kBytes) {
      __builtin_prefetch(p + kPrefetch);
      __builtin_prefetch(p + kPrefetch + 64);
      const Block first(*this, p), second(*this, p + V::kBytes);
      if (V::none(V::any_of(first.any(), second.any()))) continue;
      check(first, p, hit);
      check(second, p + V::kBytes, hit);
    }
    // What is left is searched in a copy with zeros behind it.
    char rest[4 * V::kBytes + 2 * kReach] = {};
    if (p != end_) memcpy(rest, p, static_cast<size_t>(end_ - p));
    for (const char* copy = rest; p < end_; p += V::kBytes, copy += V::kBytes)
      check(Block(*this, copy), p, hit);
  }

 private:
  static constexpr size_t kReach = kMaxKeyDistance + V::kBytes;

  // The candidates of the kBytes places from p.
  struct Block {
    typename V::Bits keys[N], escapes;

    Block(const KeyScan& scan, const char* p) {
      const V bytes = V::load(p);
      const typename V::Bits quotes = V::equal(bytes, scan.quote_);
      for (int i = 0; i < N; ++i)
        keys[i] = V::both(quotes, V::equal(V::load(p + scan.distances_[i]), scan.chosen_[i]));
      escapes = V::both(V::equal(bytes, scan.backslash_), V::equal(V::load(p + 1), scan.u_));
    }
    typename V::Bits any() const {
      typename V::Bits all = escapes;
      for (const typename V::Bits& key : keys) all = V::any_of(all, key);
      return all;
    }
  };

  template <class Hit>
  void check(const Block& block, const char* p, Hit& hit) const {
    const uint64_t escapes = V::mask(block.escapes);
    for (uint64_t all = V::mask(block.any()); all; all &= all - 1) {
      const size_t at = lowest(all);
      const char* place = p + at;
      if (escapes >> at & 1) {
        if (escape_counts(keys_.escapes, begin_, place, end_)) hit(place, kEscapeHit);
        continue;
      }
      for (int i = 0; i < N; ++i) {
        const SearchNeedle& key = keys_.needles[i];
        if ((V::mask(block.keys[i]) >> at & 1) && static_cast<size_t>(end_ - place) >= key.size &&
            bytes_fit(key, place))
          hit(place, static_cast<size_t>(i));
      }
    }
  }

  const MultiNeedle& keys_;
  const char* begin_;
  const char* end_;
  const V quote_ = V::splat('"'), backslash_ = V::splat('\\'), u_ = V::splat('u');
  V chosen_[N];
  size_t distances_[N];
};

template <class V, int N = kMaxKeys>
void find_keys(const MultiNeedle& keys, const char* begin, const char* end, MultiHit hit, void* context) {
  if constexpr (N > 1)
    if (keys.size < N) return find_keys<V, N - 1>(keys, begin, end, hit, context);
  KeyScan<V, N>(keys, begin, end).run([&](const char* place, size_t which) { hit(context, place, which); });
}

}  // namespace
}  // namespace kqlc::simd

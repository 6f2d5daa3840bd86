// SPDX-License-Identifier: Apache-2.0
//
// HashIndex: where things stand, by their hash. In: hashes and numbers of what somebody else keeps. Out: the
// number of a thing. Open addressing, at most half full; each slot has half of the hash beside the number, so
// that what is not the thing is nearly always told from it without a look at it. HashSlots is the same over
// memory that somebody else owns.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "runtime/base/huge_pages.h"

namespace kqlc {

struct HashSlots {
  static constexpr uint32_t kNone = 0xFFFFFFFF;

  uint64_t* slots = nullptr;  // half of a hash, and a number + 1; 0 is free
  size_t count = 0;           // 0 or a power of two

  // Fetches what find() will look at first. Requires: count > 0, as all below.
  void prefetch(uint64_t hash) const { __builtin_prefetch(&slots[first(hash)]); }
  // The number of this hash for which is_same(number) holds; kNone where there is none.
  template <class IsSame>
  uint32_t find(uint64_t hash, const IsSame& is_same) const {
    for (size_t slot = first(hash); slots[slot]; slot = next(slot)) {
      if ((slots[slot] ^ hash) >> 32) continue;
      const uint32_t number = static_cast<uint32_t>(slots[slot]) - 1;
      if (is_same(number)) return number;
    }
    return kNone;
  }
  // Requires: a free slot, and the number is not there.
  void insert(uint64_t hash, uint32_t number) const {
    size_t slot = first(hash);
    while (slots[slot]) slot = next(slot);
    slots[slot] = (hash >> 32 << 32) | (uint64_t{number} + 1);
  }

 private:
  size_t first(uint64_t hash) const { return hash & (count - 1); }
  size_t next(size_t slot) const { return (slot + 1) & (count - 1); }
};

class HashIndex {
 public:
  static constexpr uint32_t kNone = HashSlots::kNone;

  // Makes room for `count` numbers. Returns true when none is in it any more.
  bool reserve(size_t count) {
    const size_t least = 2 * count;
    if (slots_.size() >= least) return false;
    slots_.assign(std::bit_ceil(std::max<size_t>(64, least)), 0);
    return true;
  }
  void clear() { slots_ = {}; }
  size_t bytes() const { return slots_.capacity() * sizeof(uint64_t); }

  // As those of HashSlots. Requires: room was made.
  void prefetch(uint64_t hash) const { view().prefetch(hash); }
  template <class IsSame>
  uint32_t find(uint64_t hash, const IsSame& is_same) const {
    return view().find(hash, is_same);
  }
  void insert(uint64_t hash, uint32_t number) { view().insert(hash, number); }

 private:
  HashSlots view() const { return {const_cast<uint64_t*>(slots_.data()), slots_.size()}; }

  LargeVector<uint64_t> slots_;
};

}  // namespace kqlc

// SPDX-License-Identifier: Apache-2.0
//
// GroupIndex: where groups stand, by the hash of their keys. In: hashes and numbers of groups. Out: the
// number of a group. Open addressing, at most half full; each slot has half of the hash beside the number, so
// that what is not the group is nearly always told from it without a look at its keys.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "runtime/base/huge_pages.h"

namespace kqlc {

class GroupIndex {
 public:
  static constexpr uint32_t kNone = 0xFFFFFFFF;

  // Makes room for `count` groups. Returns true when none is in it any more.
  bool reserve(size_t count) {
    const size_t least = 2 * count;
    if (slots_.size() >= least) return false;
    slots_.assign(std::bit_ceil(std::max<size_t>(64, least)), 0);
    return true;
  }
  void clear() { slots_ = {}; }
  size_t bytes() const { return slots_.capacity() * sizeof(uint64_t); }

  // Fetches what find() will look at first.
  void prefetch(uint64_t hash) const { __builtin_prefetch(&slots_[first(hash)]); }
  // The number of the group of this hash for which is_same(number) holds; kNone where there is none.
  template <class IsSame>
  uint32_t find(uint64_t hash, const IsSame& is_same) const {
    for (size_t slot = first(hash); slots_[slot]; slot = next(slot)) {
      if ((slots_[slot] ^ hash) >> 32) continue;
      const uint32_t number = static_cast<uint32_t>(slots_[slot]) - 1;
      if (is_same(number)) return number;
    }
    return kNone;
  }
  // Requires: room, and the group is not there.
  void insert(uint64_t hash, uint32_t number) {
    size_t slot = first(hash);
    while (slots_[slot]) slot = next(slot);
    slots_[slot] = (hash >> 32 << 32) | (uint64_t{number} + 1);
  }

 private:
  size_t first(uint64_t hash) const { return hash & (slots_.size() - 1); }
  size_t next(size_t slot) const { return (slot + 1) & (slots_.size() - 1); }

  LargeVector<uint64_t> slots_;  // half of a hash, and a number + 1; 0 is free
};

}  // namespace kqlc

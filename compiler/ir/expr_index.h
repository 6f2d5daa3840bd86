// SPDX-License-Identifier: Apache-2.0
//
// ExprIndex: which expressions have a hash. In: hashes of contents with ids. Out: the ids of a hash, among
// few others. It is made anew after each renumbering, so it has no memory of its own for each entry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace kqlc::ir {

class ExprIndex {
 public:
  void insert(uint64_t hash, uint32_t id) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    place(slot_of(hash, id));
    ++size_;
  }
  // The first id of this hash, or of one that looks like it, for which `fits` holds.
  template <class Fits>
  std::optional<uint32_t> find(uint64_t hash, const Fits& fits) const {
    if (slots_.empty()) return std::nullopt;
    for (size_t i = first_of(hash >> 32); slots_[i]; i = next(i)) {
      const auto id = static_cast<uint32_t>(slots_[i]) - 1;
      if (slots_[i] >> 32 == hash >> 32 && fits(id)) return id;
    }
    return std::nullopt;
  }
  void clear() {
    slots_.clear();
    size_ = 0;
  }

 private:
  // The upper half of the hash, and the id counted from 1: 0 is a free slot.
  static uint64_t slot_of(uint64_t hash, uint32_t id) { return (hash >> 32) << 32 | (uint64_t{id} + 1); }
  size_t first_of(uint64_t half) const { return half & (slots_.size() - 1); }
  size_t next(size_t i) const { return (i + 1) & (slots_.size() - 1); }

  void place(uint64_t slot) {
    size_t i = first_of(slot >> 32);
    while (slots_[i]) i = next(i);
    slots_[i] = slot;
  }
  void grow() {
    const std::vector<uint64_t> before = std::move(slots_);
    slots_.assign(before.empty() ? 64 : 2 * before.size(), 0);
    for (uint64_t slot : before)
      if (slot) place(slot);
  }

  std::vector<uint64_t> slots_;  // a power of two, at most half full
  size_t size_ = 0;
};

}  // namespace kqlc::ir

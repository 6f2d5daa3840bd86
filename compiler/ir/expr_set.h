// SPDX-License-Identifier: Apache-2.0
//
// ExprSet: some of an Ir's expressions, a bit each. In: ids. Out: the same, each once and in growing order,
// which is an order of evaluation, since arguments stand before what uses them. Few expressions need no
// memory, and most queries have few.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

namespace kqlc::ir {

class ExprSet {
 public:
  // Takes ids below `bound`.
  explicit ExprSet(size_t bound) : size_((bound + 63) / 64) {
    if (size_ > few_.size()) many_.resize(size_);
  }

  void add(uint32_t id) { words()[id / 64] |= uint64_t{1} << (id % 64); }
  // The greatest of them that is below `id`; SIZE_MAX: there is none.
  size_t previous(size_t id) const {
    uint64_t word = id % 64 ? words()[id / 64] & ((uint64_t{1} << (id % 64)) - 1) : 0;
    size_t place = id / 64;
    while (!word && place > 0) word = words()[--place];
    return word ? place * 64 + 63 - static_cast<size_t>(std::countl_zero(word)) : SIZE_MAX;
  }

  class Iterator {
   public:
    using value_type = uint32_t;
    using difference_type = std::ptrdiff_t;
    Iterator(const uint64_t* words, size_t place, size_t size)
        : words_(words), place_(place), size_(size), rest_(place < size ? words[place] : 0) {
      skip();
    }
    uint32_t operator*() const {
      return static_cast<uint32_t>(place_ * 64 + static_cast<size_t>(std::countr_zero(rest_)));
    }
    Iterator& operator++() {
      rest_ &= rest_ - 1;
      skip();
      return *this;
    }
    bool operator==(const Iterator& other) const { return place_ == other.place_ && rest_ == other.rest_; }

   private:
    void skip() {
      while (!rest_ && place_ < size_) rest_ = ++place_ < size_ ? words_[place_] : 0;
    }
    const uint64_t* words_;
    size_t place_, size_;
    uint64_t rest_;
  };
  Iterator begin() const { return {words(), 0, size_}; }
  Iterator end() const { return {words(), size_, size_}; }

 private:
  uint64_t* words() { return many_.empty() ? few_.data() : many_.data(); }
  const uint64_t* words() const { return many_.empty() ? few_.data() : many_.data(); }

  size_t size_;
  std::array<uint64_t, 8> few_{};
  std::vector<uint64_t> many_;
};

}  // namespace kqlc::ir

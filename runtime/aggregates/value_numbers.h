// SPDX-License-Identifier: Apache-2.0
//
// Counting different values. ValueNumbers gives each different value of an argument a number, once for all
// groups of a sink; NumberSet is one group's set of such numbers. The one idea: the same few thousand devices
// stand in the sets of thousands of programs, so the values are kept once and a set is four bytes an element,
// or a bit a value where it holds many of them. Both live in an arena and are never destroyed.
#pragma once

#include <cstdint>

#include "runtime/base/arena.h"
#include "runtime/base/hash_index.h"
#include "runtime/base/hit_rate.h"
#include "runtime/functions/function.h"
#include "runtime/value/type.h"

namespace kqlc::aggregates {

class ValueNumbers {
 public:
  // Returns the number of a value, given in the order of first sight. Requires: valid cells of one `type`,
  // and always the same state arena. What they refer to is copied there if `copy`.
  uint32_t number_of(const Cell& cell, Type type, Context& context, bool copy) {
    if (type == Type::String && cell.code != 0 && cell.code < num_codes_ &&
        codes_[cell.code].run == context.run) [[likely]]
      return codes_[cell.code].number;
    return look_up(cell, type, context, copy);
  }
  const Cell& value(uint32_t number) const { return values_[number].cell; }
  uint32_t size() const { return size_; }

  // The numbers of the same values in `other`, by number; those it has not are added to it, their texts stay
  // where they are. Changes neither of the two when it is asked again. nullptr: they are the same.
  const uint32_t* numbers_in(ValueNumbers& other, Type type, Arena& arena);

 private:
  // The number of the text that last had a code (Cell::code).
  struct Code {
    uint32_t run;  // Context::run
    uint32_t number;
  };
  // The text that was last met at an address.
  struct Recent {
    const char* data;
    uint64_t size;
    uint32_t run;  // Context::run
    uint32_t number;
  };
  struct Hint {
    uint32_t look;    // a part of it
    uint32_t number;  // + 1
  };
  struct Value {
    Cell cell;
    uint64_t hash = 0;
  };
  uint32_t look_up(const Cell& cell, Type type, Context& context, bool copy);
  uint32_t find_text(const Cell& cell, Arena& arena, bool copy);
  uint32_t find(const Cell& cell, uint64_t hash, Type type, Arena& arena, bool copy);
  void grow_values(Arena& arena);
  void grow_recent(Arena& arena);
  void grow_codes(uint32_t code, Arena& arena);
  void grow_slots(Arena& arena);

  Value* values_ = nullptr;
  uint32_t size_ = 0, capacity_ = 0;
  HashSlots slots_;  // of values
  Code* codes_ = nullptr;
  uint32_t num_codes_ = 0;
  Recent* recent_ = nullptr;  // by address
  HitRate recent_hits_;
  int recent_bits_ = 0;         // of the number of its slots
  Hint* hints_ = nullptr;       // by the look of a text: most values have been seen just before
  uint32_t* mapped_ = nullptr;  // numbers in `mapped_to_`
  uint32_t num_mapped_ = 0;
  const ValueNumbers* mapped_to_ = nullptr;
};

class NumberSet {
 public:
  // Adds a number below `universe`, which only grows.
  void insert(uint32_t number, uint32_t universe, Arena& arena) {
    if (is_bitmap_ && number < capacity_ * 32) [[likely]] {
      uint32_t bit = 1u << (number & 31);
      size_ += !(words_[number >> 5] & bit);
      words_[number >> 5] |= bit;
      return;
    }
    insert_slow(number, universe, arena);
  }
  // Adds the numbers of another set, each as map(number) gives it: all are below `universe`.
  template <class Map>
  void unite(const NumberSet& from, Map map, uint32_t universe, Arena& arena) {
    if (!from.is_bitmap_ || !make_bitmap(from.size_, universe, arena))
      return from.for_each([&](uint32_t number) { insert(map(number), universe, arena); });
    from.for_each([&](uint32_t number) {
      const uint32_t own = map(number);
      words_[own >> 5] |= 1u << (own & 31);
    });
    size_ = count_bits();
  }
  uint32_t size() const { return size_; }

  template <class Use>
  void for_each(Use use) const {
    for (uint32_t i = 0; i < capacity_; ++i) {
      if (!is_bitmap_ && words_[i]) use(words_[i] - 1);
      for (uint32_t rest = is_bitmap_ ? words_[i] : 0; rest; rest &= rest - 1)
        use(i * 32 + static_cast<uint32_t>(__builtin_ctz(rest)));
    }
  }

 private:
  void insert_slow(uint32_t number, uint32_t universe, Arena& arena);
  // Makes it a bitmap of the universe, unless that is too large for so many numbers. Returns whether it is.
  bool make_bitmap(uint32_t least_size, uint32_t universe, Arena& arena);
  uint32_t count_bits() const;
  void rebuild(uint32_t capacity, bool as_bitmap, Arena& arena);
  bool add_to_table(uint32_t number);

  uint32_t* words_ = nullptr;  // numbers + 1 by their hash, at most half full; or bits
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;  // words: 0 or a power of two
  bool is_bitmap_ = false;
};

}  // namespace kqlc::aggregates

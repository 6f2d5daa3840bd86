// SPDX-License-Identifier: Apache-2.0
//
// Tables of a power of two of slots; what a larger one replaces stays in the arena, so at most half is waste.
#include "runtime/aggregates/value_numbers.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "runtime/aggregates/state.h"

namespace kqlc::aggregates {

namespace {

constexpr int kHintBits = 12, kLeastRecentBits = 8, kMostRecentBits = 14;
constexpr uint32_t kHints = 1u << kHintBits;
// Slots for the places of texts: four a value, so that few fall together, as far as they stay in the cache.
constexpr uint32_t kRecentPerValue = 4;

template <class T>
T* zeroed(Arena& arena, uint32_t count) {
  T* out = arena.allocate_array<T>(count);
  std::memset(static_cast<void*>(out), 0, count * sizeof(T));
  return out;
}

// How many times the words of a table a bitmap may have.
constexpr uint32_t kMostRoom = 4;
// How far ahead of a loop over values their slots are fetched.
constexpr uint32_t kPrefetched = 16;

uint32_t spread(uint32_t number) { return number * 0x9E3779B1u; }

uint32_t words_of_bitmap(uint32_t universe) { return std::bit_ceil(universe / 32 + 1); }
// For one number more.
uint32_t words_of_table(uint32_t size) { return std::bit_ceil(std::max(4u, 2 * (size + 1))); }

}  // namespace

uint32_t ValueNumbers::look_up(const Cell& cell, Type type, Context& context, bool copy) {
  Arena& arena = *context.state_arena;
  if (type != Type::String) return find(cell, hash_cell(cell, type, arena), type, arena, copy);
  if (!context.run) return find_text(cell, arena, copy);
  if (cell.code) {
    if (cell.code >= num_codes_) grow_codes(cell.code, arena);
    codes_[cell.code] = {context.run, find_text(cell, arena, copy)};
    return codes_[cell.code].number;
  }
  if (recent_hits_.skips()) return find_text(cell, arena, copy);
  if (!recent_ || (recent_bits_ < kMostRecentBits && size_ > (1u << recent_bits_) / kRecentPerValue))
    grow_recent(arena);
  Recent& recent = recent_[look_of_place(cell.s) >> (64 - recent_bits_)];
  const bool known = recent.data == cell.s.data && recent.size == cell.s.size && recent.run == context.run;
  recent_hits_.count(known);
  if (known) return recent.number;
  recent = {cell.s.data, cell.s.size, context.run, find_text(cell, arena, copy)};
  return recent.number;
}

void ValueNumbers::grow_codes(uint32_t code, Arena& arena) {
  const uint32_t count = std::max({code + 1, 2 * num_codes_, 64u});
  auto* grown = zeroed<Code>(arena, count);
  std::copy_n(codes_, num_codes_, grown);
  codes_ = grown;
  num_codes_ = count;
}

void ValueNumbers::grow_recent(Arena& arena) {
  const int wanted = std::bit_width(uint64_t{size_} * kRecentPerValue);
  recent_bits_ = std::clamp(wanted, kLeastRecentBits, kMostRecentBits);
  recent_ = zeroed<Recent>(arena, 1u << recent_bits_);
}

uint32_t ValueNumbers::find_text(const Cell& cell, Arena& arena, bool copy) {
  if (!hints_) hints_ = zeroed<Hint>(arena, kHints);
  const uint64_t look = look_of(cell.s);
  const auto rest = static_cast<uint32_t>(look >> (32 - kHintBits));
  Hint& hint = hints_[look >> (64 - kHintBits)];
  if (hint.number && hint.look == rest && same_text(values_[hint.number - 1].cell.s, cell.s))
    return hint.number - 1;
  uint32_t number = find(cell, hash_cell(cell, Type::String, arena), Type::String, arena, copy);
  hint = {rest, number + 1};
  return number;
}

uint32_t ValueNumbers::find(const Cell& cell, uint64_t hash, Type type, Arena& arena, bool copy) {
  if ((size_ + 1) * uint64_t{2} > slots_.count) grow_slots(arena);
  const uint32_t known =
      slots_.find(hash, [&](uint32_t number) { return same_cell(values_[number].cell, cell, type, arena); });
  if (known != HashSlots::kNone) return known;
  slots_.insert(hash, size_);
  if (size_ == capacity_) grow_values(arena);
  ::new (values_ + size_) Value{copy ? keep_in_place(cell, type, arena) : cell, hash};
  return size_++;
}

void ValueNumbers::grow_values(Arena& arena) {
  capacity_ = capacity_ ? capacity_ * 2 : 16;
  auto* copy = arena.allocate_array<Value>(capacity_);
  for (uint32_t i = 0; i < size_; ++i) ::new (copy + i) Value(values_[i]);
  values_ = copy;
}

void ValueNumbers::grow_slots(Arena& arena) {
  const auto count = static_cast<uint32_t>(slots_.count ? slots_.count * 2 : 32);
  slots_ = {zeroed<uint64_t>(arena, count), count};
  for (uint32_t i = 0; i < size_; ++i) {
    if (i + kPrefetched < size_) slots_.prefetch(values_[i + kPrefetched].hash);
    slots_.insert(values_[i].hash, i);
  }
}

const uint32_t* ValueNumbers::numbers_in(ValueNumbers& other, Type type, Arena& arena) {
  if (&other == this) return nullptr;
  if (mapped_to_ == &other && num_mapped_ == size_) return mapped_;
  mapped_ = arena.allocate_array<uint32_t>(size_);
  for (uint32_t number = 0; number < size_; ++number) {
    if (number + kPrefetched < size_ && other.slots_.count)
      other.slots_.prefetch(values_[number + kPrefetched].hash);
    mapped_[number] = other.find(values_[number].cell, values_[number].hash, type, arena, false);
  }
  num_mapped_ = size_;
  mapped_to_ = &other;
  return mapped_;
}

bool NumberSet::add_to_table(uint32_t number) {
  uint32_t slot = spread(number) & (capacity_ - 1);
  for (; words_[slot]; slot = (slot + 1) & (capacity_ - 1))
    if (words_[slot] == number + 1) return false;
  words_[slot] = number + 1;
  return true;
}

void NumberSet::rebuild(uint32_t capacity, bool as_bitmap, Arena& arena) {
  NumberSet grown;
  grown.words_ = zeroed<uint32_t>(arena, capacity);
  grown.capacity_ = capacity;
  grown.is_bitmap_ = as_bitmap;
  grown.size_ = size_;
  for_each([&](uint32_t number) {
    if (as_bitmap)
      grown.words_[number >> 5] |= 1u << (number & 31);
    else
      grown.add_to_table(number);
  });
  *this = grown;
}

bool NumberSet::make_bitmap(uint32_t least_size, uint32_t universe, Arena& arena) {
  if (is_bitmap_ && universe <= capacity_ * 32) return true;
  const uint32_t bitmap_words = words_of_bitmap(universe);
  if (bitmap_words > kMostRoom * words_of_table(std::max(size_, least_size))) return false;
  rebuild(bitmap_words, true, arena);
  return true;
}

uint32_t NumberSet::count_bits() const {
  uint32_t count = 0;
  for (uint32_t i = 0; i < capacity_; ++i) count += static_cast<uint32_t>(std::popcount(words_[i]));
  return count;
}

// A table that is about to grow becomes a bitmap where that takes little more room, which spares it the next
// two times, and a bitmap that is about to grow a table where that takes much less: the universe may have
// grown a hundredfold in between.
void NumberSet::insert_slow(uint32_t number, uint32_t universe, Arena& arena) {
  const uint32_t bitmap_words = words_of_bitmap(universe), table_words = words_of_table(size_);
  if (is_bitmap_) {
    const bool stays = bitmap_words <= kMostRoom * table_words;
    rebuild(stays ? bitmap_words : table_words, stays, arena);
  } else if (2 * (size_ + 1) > capacity_) {
    const bool becomes = bitmap_words <= kMostRoom * table_words;
    rebuild(becomes ? bitmap_words : table_words, becomes, arena);
  }
  if (is_bitmap_)
    insert(number, universe, arena);
  else
    size_ += add_to_table(number);
}

}  // namespace kqlc::aggregates

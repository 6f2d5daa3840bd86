// SPDX-License-Identifier: Apache-2.0
//
// What aggregate states are made of: bytes to save them, and lists and sets of Cells in the state arena that
// keep the position of each element, so that the order of the result is that of the input however rows were
// spread over threads. Text that a state keeps is copied, but for what is only asked whether it is equal.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

#include "runtime/aggregates/aggregate.h"
#include "runtime/value/dynamic.h"

namespace kqlc {

class Writer {
 public:
  template <class T>
  void put(const T& value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put_text(Str text) {
    put(text.size);
    bytes.append(text.data ? text.data : "", text.size);
  }
  std::string bytes;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  bool get(T& value) {
    if (bytes_.size() < sizeof value) return false;
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return true;
  }
  bool get_text(Str& text) {
    uint64_t size = 0;
    if (!get(size) || bytes_.size() < size) return false;
    text = {bytes_.data(), size};
    bytes_.remove_prefix(size);
    return true;
  }

  // Bytes not read yet.
  size_t left() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
};

namespace aggregates {

// Returns a copy of `cell` whose text or tree lives in `arena`.
Cell keep(const Cell& cell, Type type, Arena& arena);
// The same, but a text stays where it is if `arena` holds the memory it lies in (Arena::keep). It may change
// there, so nothing that goes wrong when an order does not stay may compare such texts: no sort.
Cell keep_in_place(const Cell& cell, Type type, Arena& arena);
// Saves a cell exactly: a dynamic value keeps the kinds of its parts.
void save_cell(const Cell& cell, Type type, Writer& writer, Arena& arena);
// Reads what save_cell wrote; texts are copied into `arena`. Returns false when the bytes are no such cell.
bool load_cell(Cell& cell, Type type, Reader& reader, Arena& arena);
// By value, as == compares; null equals null, NaN equals NaN.
bool same_cell(const Cell& a, const Cell& b, Type type, Arena& arena);
uint64_t hash_cell(const Cell& cell, Type type, Arena& arena);
// A number that texts which differ rarely share, made of their size and ends alone: for a first guess that is
// checked. The topmost bits are the best.
inline uint64_t look_of(Str text) {
  uint64_t head = 0, tail = 0;
  if (text.size >= 8) {
    std::memcpy(&head, text.data, 8);
    std::memcpy(&tail, text.data + text.size - 8, 8);
  } else if (text.size >= 4) {
    std::memcpy(&head, text.data, 4);
    std::memcpy(&tail, text.data + text.size - 4, 4);
  } else {
    for (uint64_t i = 0; i < text.size; ++i) head = head << 8 | static_cast<uint8_t>(text.data[i]);
  }
  return (head ^ (tail << 29 | tail >> 35) ^ text.size) * 0x9E3779B97F4A7C15u;
}
// The same of where a text lies.
inline uint64_t look_of_place(Str text) {
  return (reinterpret_cast<uintptr_t>(text.data) ^ text.size << 32) * 0x9E3779B97F4A7C15u;
}
inline bool same_text(Str a, Str b) {
  return a.size == b.size && (a.size == 0 || a.data == b.data || std::memcmp(a.data, b.data, a.size) == 0);
}
// Whether values of the type are numbers in Cell::l, and have their order.
inline bool orders_as_long(Type type) {
  return type == Type::Long || type == Type::DateTime || type == Type::TimeSpan;
}
// <0, 0, >0 by the order of values. Requires: both valid, a type with an order.
int compare_cells(const Cell& a, const Cell& b, Type type);

struct Element {
  Cell cell;
  uint64_t position = 0;  // in the input; in a set that counts, how often the value is there
  uint64_t match = 0;     // Context::match of the row
  uint32_t ordinal = 0;   // place in the array that the row gave; 0 where it gave one value
  uint32_t hash = 0;      // the low half of hash_cell's

  bool before(const Element& other) const {
    if (position != other.position) return position < other.position;
    return match != other.match ? match < other.match : ordinal < other.ordinal;
  }
};

// Elements in an array that doubles in the arena, with an index by hash when it is a set.
struct Elements {
  Element* items = nullptr;
  uint32_t size = 0;
  uint32_t capacity = 0;
  uint32_t* slots = nullptr;  // set only: index + 1, 0 is free
  uint32_t num_slots = 0;

  void append(const Element& element, Arena& arena);
  // Adds unless an equal one is there; of two equal ones the earlier is kept.
  void insert(const Element& element, Type type, Arena& arena, bool copy);
  // Returns the element that equals `cell`, added with position 0 where there is none. Of equal numbers that
  // are written differently the one with the smaller bytes stands for all.
  Element& find_or_add(const Cell& cell, Type type, Arena& arena, bool copy);
  void sort_by_position();

 private:
  // The slot of the element that equals `cell`, or the free one where it belongs.
  uint32_t* slot_of(const Cell& cell, uint32_t hash, Type type, Arena& arena);
  void grow_slots(Arena& arena);
};

void save_elements(const Elements& elements, Type type, Writer& writer);
bool load_elements(Elements& elements, Type type, bool set, Reader& reader, Arena& arena);

}  // namespace aggregates
}  // namespace kqlc

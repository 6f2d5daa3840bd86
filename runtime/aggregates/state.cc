// SPDX-License-Identifier: Apache-2.0
//
// Cells that outlive their batch: copying, comparing, hashing, saving.
#include "runtime/aggregates/state.h"

#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "runtime/functions/compare.h"
#include "runtime/value/datetime.h"

namespace kqlc::aggregates {

namespace {

// A copy of the whole tree: each value keeps its kind, which JSON text would not.
dynamic::Node keep_node(const dynamic::Node& from, Arena& arena) {
  using dynamic::Kind;
  dynamic::Node node = from;
  switch (from.kind) {
    case Kind::String:
      node.text = arena.copy(Str(from.text, from.size)).data;
      break;
    case Kind::Guid:
      node.guid = ::new (arena.allocate(sizeof(kqlc::Guid))) kqlc::Guid(*from.guid);
      break;
    case Kind::Decimal:
      node.decimal = ::new (arena.allocate(sizeof(kqlc::Decimal))) kqlc::Decimal(*from.decimal);
      break;
    case Kind::Array: {
      auto* items = arena.allocate_array<dynamic::Node>(from.size);
      for (uint32_t i = 0; i < from.size; ++i)
        ::new (items + i) dynamic::Node(keep_node(from.items[i], arena));
      node = dynamic::array_of(items, from.size);
      break;
    }
    case Kind::Bag: {
      auto* entries = arena.allocate_array<dynamic::Entry>(from.size);
      for (uint32_t i = 0; i < from.size; ++i)
        ::new (entries + i)
            dynamic::Entry{arena.copy(from.entries[i].key), keep_node(from.entries[i].value, arena)};
      node = dynamic::bag_of(entries, from.size);
      break;
    }
    case Kind::Json: {
      const dynamic::Node* parsed = dynamic::parse(arena.copy(Str(from.text, from.size)), arena).node;
      return parsed ? *parsed : dynamic::Node{};
    }
    default:
      break;
  }
  return node;
}

}  // namespace

Cell keep_in_place(const Cell& cell, Type type, Arena& arena) {
  if (type != Type::String || !cell.valid) return keep(cell, type, arena);
  Cell kept = cell;
  kept.s = arena.keep(cell.s);
  return kept;
}

Cell keep(const Cell& cell, Type type, Arena& arena) {
  if (!cell.valid) return cell;
  Cell copy = cell;
  if (type == Type::String) copy.s = arena.copy(cell.s);
  if (type == Type::Dynamic) copy.node = dynamic::from_node(keep_node(*cell.node, arena), arena).node;
  copy.valid = type != Type::Dynamic || copy.node != nullptr;
  return copy;
}

namespace {

// Trees deeper than this are saved as JSON text; what is loaded is never deeper.
constexpr int kMaxSavedDepth = dynamic::kMaxDepth;

void save_node(const dynamic::Node& node, Writer& writer, Arena& arena, int depth) {
  using dynamic::Kind;
  bool nested = node.kind == Kind::Array || node.kind == Kind::Bag;
  if (nested && depth == kMaxSavedDepth) {
    writer.put(Kind::Json);
    writer.put_text(dynamic::print(&node, arena));
    return;
  }
  writer.put(node.kind);
  switch (node.kind) {
    case Kind::Null:
      break;
    case Kind::Bool:
      writer.put(static_cast<uint8_t>(node.b));
      break;
    case Kind::Long:
    case Kind::DateTime:
    case Kind::TimeSpan:
      writer.put(node.l);
      break;
    case Kind::Real:
      writer.put(node.d);
      break;
    case Kind::String:
    case Kind::Json:
      writer.put_text({node.text, node.size});
      break;
    case Kind::Guid:
      writer.put(*node.guid);
      break;
    case Kind::Decimal:
      writer.put(*node.decimal);
      break;
    case Kind::Array:
      writer.put(node.size);
      for (uint32_t i = 0; i < node.size; ++i) save_node(node.items[i], writer, arena, depth + 1);
      break;
    case Kind::Bag:
      writer.put(node.size);
      for (uint32_t i = 0; i < node.size; ++i) {
        writer.put_text(node.entries[i].key);
        save_node(node.entries[i].value, writer, arena, depth + 1);
      }
  }
}

bool load_node(dynamic::Node& node, Reader& reader, Arena& arena, int depth);

bool load_items(dynamic::Node& node, Reader& reader, Arena& arena, int depth) {
  // A wrong number cannot ask for more memory than the bytes justify: what is read so far grows as it is
  // read.
  if (depth >= kMaxSavedDepth || !reader.get(node.size) || node.size > reader.left()) return false;
  if (node.kind == dynamic::Kind::Array) {
    std::vector<dynamic::Node> items;
    for (uint32_t i = 0; i < node.size; ++i)
      if (!load_node(items.emplace_back(), reader, arena, depth + 1)) return false;
    auto* copy = arena.allocate_array<dynamic::Node>(items.size());
    std::copy(items.begin(), items.end(), copy);
    node = dynamic::array_of(copy, items.size());
    return true;
  }
  std::vector<dynamic::Entry> entries;
  for (uint32_t i = 0; i < node.size; ++i) {
    dynamic::Entry& entry = entries.emplace_back();
    if (!reader.get_text(entry.key) || !load_node(entry.value, reader, arena, depth + 1)) return false;
    entry.key = arena.copy(entry.key);
  }
  auto* copy = arena.allocate_array<dynamic::Entry>(entries.size());
  std::copy(entries.begin(), entries.end(), copy);
  node = dynamic::bag_of(copy, entries.size());
  return true;
}

template <class T>
bool load_pointed(const T*& out, Reader& reader, Arena& arena) {
  auto* value = ::new (arena.allocate_array<T>(1)) T();
  out = value;
  return reader.get(*value);
}

bool load_node(dynamic::Node& node, Reader& reader, Arena& arena, int depth) {
  using dynamic::Kind;
  uint8_t kind = 0;
  if (!reader.get(kind) || kind > static_cast<uint8_t>(Kind::Json)) return false;
  node.kind = static_cast<Kind>(kind);
  switch (node.kind) {
    case Kind::Null:
      return true;
    case Kind::Bool: {
      uint8_t value = 0;
      if (!reader.get(value) || value > 1) return false;
      node.b = value != 0;
      return true;
    }
    case Kind::Long:
    case Kind::TimeSpan:
      return reader.get(node.l);
    case Kind::DateTime:
      return reader.get(node.l) && datetime::in_range(node.l);
    case Kind::Real:
      return reader.get(node.d);
    case Kind::String:
    case Kind::Json: {
      Str text;
      if (!reader.get_text(text) || text.size > UINT32_MAX) return false;
      text = arena.copy(text);
      node.text = text.data;
      node.size = static_cast<uint32_t>(text.size);
      return true;
    }
    case Kind::Guid:
      return load_pointed(node.guid, reader, arena);
    case Kind::Decimal:
      return load_pointed(node.decimal, reader, arena) && decimal::is_finite(*node.decimal);
    default:
      return load_items(node, reader, arena, depth);
  }
}

}  // namespace

void save_cell(const Cell& cell, Type type, Writer& writer, Arena& arena) {
  writer.put(static_cast<uint8_t>(cell.valid));
  if (!cell.valid) return;
  switch (type) {
    case Type::Bool:
      return writer.put(static_cast<uint8_t>(cell.b));
    case Type::Int:
      return writer.put(cell.i);
    case Type::Real:
      return writer.put(cell.d);
    case Type::Guid:
      return writer.put(cell.g);
    case Type::Decimal:
      return writer.put(cell.m);
    case Type::String:
      return writer.put_text(cell.s);
    case Type::Dynamic:
      return save_node(*cell.node, writer, arena, 0);
    default:
      return writer.put(cell.l);
  }
}

bool load_cell(Cell& cell, Type type, Reader& reader, Arena& arena) {
  uint8_t valid = 0;
  if (!reader.get(valid) || valid > 1) return false;
  cell = null_cell(type);
  if (!valid) return true;
  cell.valid = true;
  switch (type) {
    case Type::Bool: {
      uint8_t value = 0;
      if (!reader.get(value) || value > 1) return false;
      cell.b = value != 0;
      return true;
    }
    case Type::Int:
      return reader.get(cell.i);
    case Type::Real:
      return reader.get(cell.d);
    case Type::Guid:
      return reader.get(cell.g);
    case Type::Decimal:
      return reader.get(cell.m) && decimal::is_finite(cell.m);
    case Type::DateTime:
      return reader.get(cell.l) && datetime::in_range(cell.l);
    case Type::String: {
      Str text;
      if (!reader.get_text(text)) return false;
      cell.s = arena.copy(text);
      return true;
    }
    case Type::Dynamic: {
      dynamic::Node node;
      if (!load_node(node, reader, arena, 0) || node.kind == dynamic::Kind::Null) return false;
      cell.node = dynamic::from_node(node, arena).node;
      return true;
    }
    default:
      return reader.get(cell.l);
  }
}

bool same_cell(const Cell& a, const Cell& b, Type type, Arena& arena) {
  if (a.valid != b.valid) return false;
  if (!a.valid) return true;
  switch (type) {
    case Type::Bool:
      return a.b == b.b;
    case Type::Int:
      return a.i == b.i;
    case Type::Real:
      return a.d == b.d || (std::isnan(a.d) && std::isnan(b.d));
    case Type::Decimal:
      return decimal::compare(a.m, b.m) == 0;
    case Type::Guid:
      return std::memcmp(a.g.bytes, b.g.bytes, 16) == 0;
    case Type::String:
      return a.s.view() == b.s.view();
    case Type::Dynamic:
      return dynamic::equal(*a.node, *b.node, arena);
    default:
      return a.l == b.l;
  }
}

uint64_t hash_cell(const Cell& cell, Type type, Arena& arena) {
  if (!cell.valid) return 0x9E3779B97F4A7C15u;
  switch (type) {
    case Type::Bool:
      return cell.b ? 0x5bd1e995u : 0x1b873593u;
    case Type::Int:
      return XXH3_64bits(&cell.i, sizeof cell.i);
    case Type::Real: {
      double value = cell.d == 0 ? 0.0 : std::isnan(cell.d) ? std::nan("") : cell.d;
      return XXH3_64bits(&value, sizeof value);
    }
    case Type::Decimal:
      return decimal::hash(cell.m);
    case Type::Guid:
      return XXH3_64bits(cell.g.bytes, 16);
    case Type::String:
      return XXH3_64bits(cell.s.data, cell.s.size);
    case Type::Dynamic:
      return dynamic::hash(*cell.node, arena);
    default:
      return XXH3_64bits(&cell.l, sizeof cell.l);
  }
}

int compare_cells(const Cell& a, const Cell& b, Type type) {
  using functions::compare_values;
  switch (type) {
    case Type::Bool:
      return compare_values(a.b, b.b);
    case Type::Int:
      return compare_values(a.i, b.i);
    case Type::Real:
      if (std::isnan(a.d) || std::isnan(b.d)) return std::isnan(a.d) ? (std::isnan(b.d) ? 0 : -1) : 1;
      return compare_values(a.d, b.d);
    case Type::Decimal:
      return compare_values(a.m, b.m);
    case Type::Guid:
      return compare_values(a.g, b.g);
    case Type::String:
      return compare_values(a.s, b.s);
    default:
      return compare_values(a.l, b.l);
  }
}

void Elements::append(const Element& element, Arena& arena) {
  if (size == capacity) {
    uint32_t grown = capacity ? capacity * 2 : 4;
    auto* copy = arena.allocate_array<Element>(grown);
    for (uint32_t i = 0; i < size; ++i) ::new (copy + i) Element(items[i]);
    items = copy;
    capacity = grown;
  }
  ::new (items + size++) Element(element);
}

void Elements::grow_slots(Arena& arena) {
  num_slots = num_slots ? num_slots * 2 : 8;
  slots = arena.allocate_array<uint32_t>(num_slots);
  std::memset(slots, 0, num_slots * sizeof(uint32_t));
  for (uint32_t i = 0; i < size; ++i) {
    uint32_t slot = static_cast<uint32_t>(items[i].hash) & (num_slots - 1);
    while (slots[slot]) slot = (slot + 1) & (num_slots - 1);
    slots[slot] = i + 1;
  }
}

uint32_t* Elements::slot_of(const Cell& cell, uint32_t hash, Type type, Arena& arena) {
  if ((size + 1) * 2 > num_slots) grow_slots(arena);
  uint32_t slot = hash & (num_slots - 1);
  for (; slots[slot]; slot = (slot + 1) & (num_slots - 1)) {
    const Element& known = items[slots[slot] - 1];
    if (known.hash == hash && same_cell(known.cell, cell, type, arena)) break;
  }
  return &slots[slot];
}

void Elements::insert(const Element& element, Type type, Arena& arena, bool copy) {
  uint32_t* slot = slot_of(element.cell, element.hash, type, arena);
  if (*slot) {
    Element& known = items[*slot - 1];
    if (!element.before(known)) return;
    known = element;
    if (copy) known.cell = keep(element.cell, type, arena);
    return;
  }
  *slot = size + 1;
  Element added = element;
  if (copy) added.cell = keep(element.cell, type, arena);
  append(added, arena);
}

Element& Elements::find_or_add(const Cell& cell, Type type, Arena& arena, bool copy) {
  auto hash = static_cast<uint32_t>(hash_cell(cell, type, arena));
  uint32_t* slot = slot_of(cell, hash, type, arena);
  if (!*slot) {
    *slot = size + 1;
    append({copy ? keep(cell, type, arena) : cell, 0, 0, 0, hash}, arena);
  }
  Element& found = items[*slot - 1];
  // Equal numbers may be written differently (0.0 and -0.0, decimals 1.0 and 1.00): which one stands for all
  // may not depend on the order in which they came.
  bool number = type == Type::Real || type == Type::Decimal;
  if (number && std::memcmp(&cell.m, &found.cell.m, type == Type::Real ? sizeof cell.d : sizeof cell.m) < 0)
    found.cell = cell;
  return found;
}

void Elements::sort_by_position() {
  auto earlier = [](const Element& a, const Element& b) { return a.before(b); };
  if (std::is_sorted(items, items + size, earlier)) return;
  // Equal positions keep the order in which they came.
  std::vector<uint32_t> order(size);
  for (uint32_t i = 0; i < size; ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    if (items[a].before(items[b]) || items[b].before(items[a])) return items[a].before(items[b]);
    return a < b;
  });
  std::vector<Element> sorted;
  sorted.reserve(size);
  for (uint32_t index : order) sorted.push_back(items[index]);
  std::copy(sorted.begin(), sorted.end(), items);
}

void save_elements(const Elements& elements, Type type, Writer& writer) {
  Arena scratch;
  writer.put(elements.size);
  for (uint32_t i = 0; i < elements.size; ++i) {
    writer.put(elements.items[i].position);
    writer.put(elements.items[i].match);
    writer.put(elements.items[i].ordinal);
    save_cell(elements.items[i].cell, type, writer, scratch);
  }
}

bool load_elements(Elements& elements, Type type, bool set, Reader& reader, Arena& arena) {
  uint32_t size = 0;
  if (!reader.get(size)) return false;
  for (uint32_t i = 0; i < size; ++i) {
    Element element;
    if (!reader.get(element.position) || !reader.get(element.match) || !reader.get(element.ordinal) ||
        !load_cell(element.cell, type, reader, arena))
      return false;
    if (set) {
      element.hash = static_cast<uint32_t>(hash_cell(element.cell, type, arena));
      elements.insert(element, type, arena, false);
    } else {
      elements.append(element, arena);
    }
  }
  return true;
}

}  // namespace kqlc::aggregates

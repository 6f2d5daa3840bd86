// SPDX-License-Identifier: Apache-2.0
//
// The dynamic type: JSON with Kusto's extra scalar kinds. In: JSON text (parsed when something looks inside,
// not before) or values. Out: a tree of 16-byte nodes in an arena that keeps long, real, datetime, timespan
// and guid apart; canonical text, equality and hash. Keys of a bag keep their order for printing; order
// carries no meaning. Text that is not JSON is a dynamic string. Source: KQL "The dynamic data type".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/arena.h"
#include "runtime/exec/column.h"
#include "runtime/value/type.h"

namespace kqlc::dynamic {

enum class Kind : uint8_t {
  Null,
  Bool,
  Long,
  Real,
  String,
  DateTime,
  TimeSpan,
  Guid,
  Decimal,
  Array,
  Bag,
  Json
};

struct Entry;

struct Node {
  Kind kind = Kind::Null;
  uint32_t weight : 24 = 0;  // of an Array or Bag: see weight()
  uint32_t size = 0;         // bytes, items or entries
  union {
    bool b;
    int64_t l = 0;  // Long, and the ticks of DateTime and TimeSpan
    double d;
    const char* text;      // String, Json (not parsed yet)
    const Node* items;     // Array
    const Entry* entries;  // Bag
    const kqlc::Guid* guid;
    const kqlc::Decimal* decimal;
  };

  std::string_view str() const { return {text, size}; }
};

static_assert(sizeof(Node) == 16);

struct Entry {
  Str key;
  Node value;
};

// A text with more brackets inside each other is no JSON to us, so that no walk over a tree can overflow the
// stack. Kusto's documentation names no such bound.
inline constexpr int kMaxDepth = 128;

// Whether `text` is an object or an array that is read as a string only because of its depth; what it holds
// between balanced brackets is not looked at. Readers of archives count such a value as one that does not
// fit.
bool is_too_deep(std::string_view text);

// Returns a node for JSON text that nothing has looked into yet. `text` must outlive it.
Dynamic lazy(Str text, Arena& arena);
// Parses JSON. nullptr node for `null`, a string node for text that is no JSON.
Dynamic parse(Str text, Arena& arena);
// Parses JSON; empty when `text` is none.
std::optional<Node> parse_strict(Str text, Arena& arena);
// Returns `value` with its topmost node parsed; nullptr for null.
const Node* resolve(Dynamic value, Arena& arena);

// Returns an array or a bag of parts that stay where they are. The only way to make one: parts may be shared,
// so `pack_array(a, a)` over and over is a tree of few nodes and of a size without bound; the weight tells.
Node array_of(const Node* items, size_t size);
Node bag_of(const Entry* entries, size_t size);
// Roughly the bytes / 16 that a value has when each part of it is written out, shared or not; saturates.
uint32_t weight(const Node& node);
// Values of more weight than this are refused: 64 MB, as texts.
inline constexpr uint32_t kMostWeight = kMaxText / sizeof(Node);

Dynamic from_node(const Node& node, Arena& arena);
// Wraps a scalar; dynamic stays what it is.
Dynamic from_cell(const Cell& cell, Type type, Arena& arena);
Node node_of_cell(const Cell& cell, Type type, Arena& arena);
// Returns the string of a String node; other kinds as print().
Str to_text(const Node* node, Arena& arena, size_t enough = SIZE_MAX);

// Property access: null when `value` is no bag or has no such key.
Dynamic member(Dynamic value, Str key, Arena& arena);
// Index access; a negative index counts from the end. Null when out of range or no array.
Dynamic element(Dynamic value, int64_t index, Arena& arena);

// JSON text without blanks. Stops soon after `enough` bytes, for callers that take no longer text.
Str print(const Node* node, Arena& arena, size_t enough = SIZE_MAX);

// Appends the text as a JSON string, in quotes.
void append_json_string(std::string& out, std::string_view text);

// By value: 1 == 1.0, keys in any order.
bool equal(const Node& a, const Node& b, Arena& arena);
uint64_t hash(const Node& node, Arena& arena);

// Shortest text that reads back as the same double: "1.5", "1.0", "1E+20", "NaN".
Str print_real(double value, Arena& arena);

// Returns a dynamic cell of JSON text that is not parsed yet; "" is null.
inline Cell lazy_cell(Str text, Arena& arena) {
  Cell cell;
  cell.node = text.size ? lazy(text, arena).node : nullptr;
  cell.valid = cell.node != nullptr;
  return cell;
}

// Returns the value at `row` of a dynamic column of JSON text.
inline Cell load_dynamic(const Column& column, Encoding encoding, int64_t row, Arena& arena) {
  return lazy_cell(load_str(column, encoding, row), arena);
}

}  // namespace kqlc::dynamic

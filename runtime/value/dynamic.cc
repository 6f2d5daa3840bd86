// SPDX-License-Identifier: Apache-2.0
//
// Making, printing and comparing dynamic values. Nodes may share parts; the weight of an array or a bag says
// how large it is written out.
#include "runtime/value/dynamic.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"
#include "runtime/value/guid.h"

namespace kqlc::dynamic {

Dynamic lazy(Str text, Arena& arena) {
  Node node;
  node.kind = Kind::Json;
  node.text = text.data;
  node.size = static_cast<uint32_t>(text.size);
  return from_node(node, arena);
}

uint32_t weight(const Node& node) {
  switch (node.kind) {
    case Kind::Array:
    case Kind::Bag:
      return node.weight;
    case Kind::String:
    case Kind::Json:
      return 1 + node.size / sizeof(Node);
    default:
      return 1;
  }
}

constexpr uint64_t kHeaviest = (1 << 24) - 1;

Node array_of(const Node* items, size_t size) {
  uint64_t sum = 1;
  for (size_t i = 0; i < size; ++i) sum += weight(items[i]);
  Node node;
  node.kind = Kind::Array;
  node.weight = std::min(sum, kHeaviest);
  node.items = items;
  node.size = static_cast<uint32_t>(size);
  return node;
}

Node bag_of(const Entry* entries, size_t size) {
  uint64_t sum = 1;
  for (size_t i = 0; i < size; ++i) sum += 1 + entries[i].key.size / sizeof(Node) + weight(entries[i].value);
  Node node;
  node.kind = Kind::Bag;
  node.weight = std::min(sum, kHeaviest);
  node.entries = entries;
  node.size = static_cast<uint32_t>(size);
  return node;
}

Dynamic from_node(const Node& node, Arena& arena) {
  if (node.kind == Kind::Null) return {};
  Node* copy = arena.allocate_array<Node>(1);
  *copy = node;
  return {copy};
}

Dynamic parse(Str text, Arena& arena) {
  if (auto node = parse_strict(text, arena)) return from_node(*node, arena);
  Node node;
  node.kind = Kind::String;
  node.text = text.data;
  node.size = static_cast<uint32_t>(text.size);
  return text.size ? from_node(node, arena) : Dynamic{};
}

const Node* resolve(Dynamic value, Arena& arena) {
  if (!value.node || value.node->kind != Kind::Json) return value.node;
  return parse({value.node->text, value.node->size}, arena).node;
}

Node node_of_cell(const Cell& cell, Type type, Arena& arena) {
  Node node;
  if (!cell.valid) return node;
  switch (type) {
    case Type::Bool:
      node.kind = Kind::Bool;
      node.b = cell.b;
      break;
    case Type::Int:
      node.kind = Kind::Long;
      node.l = cell.i;
      break;
    case Type::Long:
      node.kind = Kind::Long;
      node.l = cell.l;
      break;
    case Type::Real:
      node.kind = Kind::Real;
      node.d = cell.d;
      break;
    case Type::DateTime:
      node.kind = Kind::DateTime;
      node.l = cell.l;
      break;
    case Type::TimeSpan:
      node.kind = Kind::TimeSpan;
      node.l = cell.l;
      break;
    case Type::String:
      node.kind = Kind::String;
      node.text = cell.s.data;
      node.size = static_cast<uint32_t>(cell.s.size);
      break;
    case Type::Guid: {
      auto* guid = arena.allocate_array<kqlc::Guid>(1);
      *guid = cell.g;
      node.kind = Kind::Guid;
      node.guid = guid;
      break;
    }
    case Type::Decimal: {
      auto* decimal = arena.allocate_array<kqlc::Decimal>(1);
      *decimal = cell.m;
      node.kind = Kind::Decimal;
      node.decimal = decimal;
      break;
    }
    case Type::Dynamic:
      if (const Node* inner = resolve({cell.node}, arena)) node = *inner;
      break;
  }
  return node;
}

Dynamic from_cell(const Cell& cell, Type type, Arena& arena) {
  if (type == Type::Dynamic) return cell.valid ? Dynamic{cell.node} : Dynamic{};
  return from_node(node_of_cell(cell, type, arena), arena);
}

Dynamic member(Dynamic value, Str key, Arena& arena) {
  const Node* node = resolve(value, arena);
  if (!node || node->kind != Kind::Bag) return {};
  for (uint32_t i = 0; i < node->size; ++i)
    if (node->entries[i].key.view() == key.view())
      return node->entries[i].value.kind == Kind::Null ? Dynamic{} : Dynamic{&node->entries[i].value};
  return {};
}

Dynamic element(Dynamic value, int64_t index, Arena& arena) {
  const Node* node = resolve(value, arena);
  if (!node || node->kind != Kind::Array) return {};
  if (index < 0) index += node->size;
  if (index < 0 || index >= node->size || node->items[index].kind == Kind::Null) return {};
  return {&node->items[index]};
}

Str print_real(double value, Arena& arena) {
  if (std::isnan(value)) return Str("NaN");
  if (std::isinf(value)) return value > 0 ? Str("Infinity") : Str("-Infinity");
  char buffer[64];
  double size = std::fabs(value);
  bool plain = value == 0 || (size >= 1e-4 && size < 1e15);
  auto [end, error] = plain ? std::to_chars(buffer, buffer + 40, value, std::chars_format::fixed)
                            : std::to_chars(buffer, buffer + 40, value, std::chars_format::scientific);
  if (plain) {
    if (!std::memchr(buffer, '.', static_cast<size_t>(end - buffer))) {
      *end++ = '.';
      *end++ = '0';
    }
    return arena.copy({buffer, static_cast<uint64_t>(end - buffer)});
  }
  for (char* c = buffer; c != end; ++c)
    if (*c == 'e') *c = 'E';
  return arena.copy({buffer, static_cast<uint64_t>(end - buffer)});
}

namespace {

// By byte, the letter behind the backslash that JSON writes it with; 'u': as \u00XX; 0: as it is.
constexpr std::array<char, 256> kJsonEscapes = [] {
  std::array<char, 256> escapes{};
  for (int byte = 0; byte < 0x20; ++byte) escapes[byte] = 'u';
  for (auto [byte, letter] :
       {std::pair('"', '"'), std::pair('\\', '\\'), std::pair('\n', 'n'), std::pair('\r', 'r'),
        std::pair('\t', 't'), std::pair('\b', 'b'), std::pair('\f', 'f')})
    escapes[static_cast<unsigned char>(byte)] = letter;
  return escapes;
}();

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  const char* begin = text.data();
  const char* end = begin + text.size();
  for (const char* place = begin;; ++place) {
    while (place != end && !kJsonEscapes[static_cast<unsigned char>(*place)]) ++place;
    out.append(begin, place);
    if (place == end) break;
    char letter = kJsonEscapes[static_cast<unsigned char>(*place)];
    out += '\\';
    out += letter;
    if (letter == 'u') ((out += "00") += kHex[*place >> 4]) += kHex[*place & 15];
    begin = place + 1;
  }
  out += '"';
}

namespace {

void append_node(std::string& out, const Node& node, Arena& arena, size_t enough) {
  auto quoted = [&](Str text) { append_json_string(out, text.view()); };
  switch (node.kind) {
    case Kind::Null:
      out += "null";
      break;
    case Kind::Bool:
      out += node.b ? "true" : "false";
      break;
    case Kind::Long:
      out += std::to_string(node.l);
      break;
    case Kind::Real:
      if (std::isfinite(node.d)) {
        out += print_real(node.d, arena).view();
      } else {
        quoted(print_real(node.d, arena));
      }
      break;
    case Kind::String:
      append_json_string(out, node.str());
      break;
    case Kind::DateTime:
      quoted(datetime::print_datetime({node.l}, arena));
      break;
    case Kind::TimeSpan:
      quoted(datetime::print_timespan({node.l}, arena));
      break;
    case Kind::Guid:
      quoted(guid::print(*node.guid, arena));
      break;
    case Kind::Decimal:
      quoted(decimal::print(*node.decimal, arena));
      break;
    case Kind::Json: {
      const Node* parsed = resolve({&node}, arena);
      append_node(out, parsed ? *parsed : Node{}, arena, enough);
      break;
    }
    case Kind::Array:
      out += '[';
      for (uint32_t i = 0; i < node.size && out.size() <= enough; ++i) {
        if (i) out += ',';
        append_node(out, node.items[i], arena, enough);
      }
      out += ']';
      break;
    case Kind::Bag:
      out += '{';
      for (uint32_t i = 0; i < node.size && out.size() <= enough; ++i) {
        if (i) out += ',';
        append_json_string(out, node.entries[i].key.view());
        out += ':';
        append_node(out, node.entries[i].value, arena, enough);
      }
      out += '}';
      break;
  }
}

}  // namespace

Str print(const Node* node, Arena& arena, size_t enough) {
  std::string out;
  append_node(out, node ? *node : Node{}, arena, enough);
  return arena.copy(std::string_view(out));
}

Str to_text(const Node* node, Arena& arena, size_t enough) {
  if (!node || node->kind == Kind::Null) return {};
  switch (node->kind) {
    case Kind::String:
      return {node->text, node->size};
    case Kind::Real:
      return print_real(node->d, arena);
    case Kind::DateTime:
      return datetime::print_datetime({node->l}, arena);
    case Kind::TimeSpan:
      return datetime::print_timespan({node->l}, arena);
    case Kind::Guid:
      return guid::print(*node->guid, arena);
    case Kind::Decimal:
      return decimal::print(*node->decimal, arena);
    case Kind::Json:
      return to_text(resolve({node}, arena), arena, enough);
    default:
      return print(node, arena, enough);
  }
}

bool equal(const Node& a, const Node& b, Arena& arena) {
  if (a.kind == Kind::Json || b.kind == Kind::Json) {
    const Node* left = resolve({&a}, arena);
    const Node* right = resolve({&b}, arena);
    return equal(left ? *left : Node{}, right ? *right : Node{}, arena);
  }
  if (a.kind != b.kind) {
    if (a.kind == Kind::Long && b.kind == Kind::Real) return static_cast<double>(a.l) == b.d;
    if (a.kind == Kind::Real && b.kind == Kind::Long) return a.d == static_cast<double>(b.l);
    return false;
  }
  switch (a.kind) {
    case Kind::Null:
    case Kind::Json:
      return true;
    case Kind::Bool:
      return a.b == b.b;
    case Kind::Long:
    case Kind::DateTime:
    case Kind::TimeSpan:
      return a.l == b.l;
    case Kind::Real:
      return a.d == b.d || (std::isnan(a.d) && std::isnan(b.d));
    case Kind::String:
      return a.str() == b.str();
    case Kind::Guid:
      return std::memcmp(a.guid, b.guid, 16) == 0;
    case Kind::Decimal:
      return decimal::compare(*a.decimal, *b.decimal) == 0;
    case Kind::Array:
      if (a.size != b.size) return false;
      for (uint32_t i = 0; i < a.size; ++i)
        if (!equal(a.items[i], b.items[i], arena)) return false;
      return true;
    case Kind::Bag:
      if (a.size != b.size) return false;
      for (uint32_t i = 0; i < a.size; ++i) {
        bool found = false;
        for (uint32_t j = 0; j < b.size && !found; ++j)
          found = a.entries[i].key.view() == b.entries[j].key.view() &&
                  equal(a.entries[i].value, b.entries[j].value, arena);
        if (!found) return false;
      }
      return true;
  }
  return false;
}

uint64_t hash(const Node& node, Arena& arena) {
  switch (node.kind) {
    case Kind::Null:
      return 0x9E3779B97F4A7C15u;
    case Kind::Bool:
      return node.b ? 3 : 5;
    case Kind::Long: {
      double value = static_cast<double>(node.l);  // so that 1 and 1.0 agree
      return XXH3_64bits(&value, sizeof value);
    }
    case Kind::Real: {
      double value = node.d == 0 ? 0.0 : node.d;
      return XXH3_64bits(&value, sizeof value);
    }
    case Kind::DateTime:
    case Kind::TimeSpan:
      return XXH3_64bits_withSeed(&node.l, 8, 1);
    case Kind::String:
      return XXH3_64bits(node.text, node.size);
    case Kind::Guid:
      return XXH3_64bits(node.guid, 16);
    case Kind::Decimal:
      return decimal::hash(*node.decimal);
    case Kind::Json: {
      const Node* parsed = resolve({&node}, arena);
      return hash(parsed ? *parsed : Node{}, arena);
    }
    case Kind::Array: {
      uint64_t value = 7;
      for (uint32_t i = 0; i < node.size; ++i) value = value * 0x100000001B3u + hash(node.items[i], arena);
      return value;
    }
    case Kind::Bag: {
      uint64_t value = 11;  // a sum: the order of keys does not count
      for (uint32_t i = 0; i < node.size; ++i)
        value += XXH3_64bits(node.entries[i].key.data, node.entries[i].key.size) * 31 +
                 hash(node.entries[i].value, arena);
      return value;
    }
  }
  return 0;
}

}  // namespace kqlc::dynamic

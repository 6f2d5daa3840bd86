// SPDX-License-Identifier: Apache-2.0
//
// Making dynamic values out of parts: scalars, arrays and bags. In: C++ values and nodes. Out: nodes whose
// arrays live in the arena; text is not copied and must live as long as the arena.
#pragma once

#include <vector>

#include "runtime/value/dynamic.h"

namespace kqlc::functions {

inline dynamic::Node string_node(std::string_view text) {
  dynamic::Node node;
  node.kind = dynamic::Kind::String;
  node.text = text.data();
  node.size = static_cast<uint32_t>(text.size());
  return node;
}

inline dynamic::Node long_node(int64_t value) {
  dynamic::Node node;
  node.kind = dynamic::Kind::Long;
  node.l = value;
  return node;
}

inline dynamic::Node array_node(const std::vector<dynamic::Node>& items, Arena& arena) {
  auto* copy = arena.allocate_array<dynamic::Node>(items.size());
  for (size_t i = 0; i < items.size(); ++i) ::new (copy + i) dynamic::Node(items[i]);
  return dynamic::array_of(copy, items.size());
}

inline dynamic::Node bag_node(const std::vector<dynamic::Entry>& entries, Arena& arena) {
  auto* copy = arena.allocate_array<dynamic::Entry>(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) ::new (copy + i) dynamic::Entry(entries[i]);
  return dynamic::bag_of(copy, entries.size());
}

inline Dynamic array_value(const std::vector<dynamic::Node>& items, Arena& arena) {
  return dynamic::from_node(array_node(items, arena), arena);
}

inline Dynamic bag_value(const std::vector<dynamic::Entry>& entries, Arena& arena) {
  return dynamic::from_node(bag_node(entries, arena), arena);
}

// The node of a value, Null for null; JSON text is parsed.
inline dynamic::Node node_of(Dynamic value, Arena& arena) {
  const dynamic::Node* node = dynamic::resolve(value, arena);
  return node ? *node : dynamic::Node{};
}

// Returns the array a value holds, or nullptr when it is none.
inline const dynamic::Node* array_of(Dynamic value, Arena& arena) {
  const dynamic::Node* node = dynamic::resolve(value, arena);
  return node && node->kind == dynamic::Kind::Array ? node : nullptr;
}

// Returns the bag a value holds, or nullptr when it is none.
inline const dynamic::Node* bag_of(Dynamic value, Arena& arena) {
  const dynamic::Node* node = dynamic::resolve(value, arena);
  return node && node->kind == dynamic::Kind::Bag ? node : nullptr;
}

}  // namespace kqlc::functions

// SPDX-License-Identifier: Apache-2.0
//
// The bodies of the functions of arrays, bags and sets. In: dynamic values. Out: new values in the batch's
// arena whose elements are shared with the old ones.
#include "runtime/functions/dynamic.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <string>
#include <unordered_map>

#include "runtime/functions/arithmetic.h"

namespace kqlc::functions {

using dynamic::Entry;
using dynamic::Kind;
using dynamic::Node;

Dynamic PackArray::call(Context& context, Variadic<Value> values) {
  std::vector<Node> items;
  items.reserve(values.size);
  for (size_t i = 0; i < values.size; ++i) items.push_back(node_of(values[i], *context.arena));
  return array_value(items, *context.arena);
}

namespace {

void set_entry(std::vector<Entry>& entries, Str key, const Node& value, bool overwrite) {
  for (Entry& entry : entries)
    if (entry.key.view() == key.view()) {
      if (overwrite) entry.value = value;
      return;
    }
  entries.push_back({key, value});
}

}  // namespace

namespace {

Dynamic pack_pairs(Context& context, Variadic<Value> pairs, bool only_filled) {
  if (pairs.size % 2) {
    context.fail("bag_pack() takes keys and values in pairs");
    return {};
  }
  std::vector<Entry> entries;
  for (size_t i = 0; i < pairs.size; i += 2) {
    Str key = dynamic::to_text(dynamic::resolve(pairs[i], *context.arena), *context.arena);
    Node value = node_of(pairs[i + 1], *context.arena);
    bool empty = value.kind == Kind::Null || (value.kind == Kind::String && value.size == 0);
    if (!only_filled || !empty) set_entry(entries, key, value, true);
  }
  return bag_value(entries, *context.arena);
}

}  // namespace

Dynamic BagPack::call(Context& context, Variadic<Value> pairs) { return pack_pairs(context, pairs, false); }
Dynamic BagPackFilled::call(Context& context, Variadic<Value> pairs) {
  return pack_pairs(context, pairs, true);
}

Dynamic BagKeys::call(Context& context, Dynamic value) {
  const Node* bag = bag_of(value, *context.arena);
  if (!bag) return {};
  std::vector<Node> keys;
  for (uint32_t i = 0; i < bag->size; ++i) keys.push_back(string_node(bag->entries[i].key.view()));
  return array_value(keys, *context.arena);
}

namespace {

// The value of a key; nullptr where the bag has no such key, or is none.
const Node* value_of_key(const Node* bag, std::string_view key) {
  for (uint32_t i = 0; bag && i < bag->size; ++i)
    if (bag->entries[i].key.view() == key) return &bag->entries[i].value;
  return nullptr;
}

}  // namespace

bool BagHasKey::call(Context& context, Dynamic value, Str key) {
  const Node* bag = bag_of(value, *context.arena);
  if (!key.view().starts_with("$.") && !key.view().starts_with("$[")) return value_of_key(bag, key.view());
  const char* error = nullptr;
  std::unique_ptr<JsonPath> path(JsonPath::parse(key, *context.arena, &error));
  if (!path) return false;
  for (const JsonPath::Step& step : path->steps) {
    const Node* found = step.is_index ? nullptr : value_of_key(bag, step.key.view());
    if (!found) return false;
    bag = bag_of({found}, *context.arena);
  }
  return true;
}

Dynamic BagMerge::call(Context& context, Variadic<Nullable<Dynamic>> bags) {
  std::vector<Entry> entries;
  for (size_t b = 0; b < bags.size; ++b) {
    if (!bags.valid(b)) continue;
    const Node* bag = bag_of({bags.cells[b].node}, *context.arena);
    if (!bag) return {};
    for (uint32_t i = 0; i < bag->size; ++i)
      set_entry(entries, bag->entries[i].key, bag->entries[i].value, false);
  }
  return bag_value(entries, *context.arena);
}

Dynamic ArrayConcat::call(Context& context, Variadic<Dynamic> arrays) {
  std::vector<Node> items;
  for (size_t a = 0; a < arrays.size; ++a) {
    const Node* array = array_of(arrays[a], *context.arena);
    if (!array) return {};
    items.insert(items.end(), array->items, array->items + array->size);
  }
  return array_value(items, *context.arena);
}

Dynamic ArraySlice::call(Context& context, Dynamic value, int64_t start, int64_t end) {
  const Node* array = array_of(value, *context.arena);
  if (!array) return {};
  int64_t size = array->size;
  if (start < 0) start += size;
  if (end < 0) end += size;
  start = std::max<int64_t>(start, 0);
  end = std::min<int64_t>(end, size - 1);
  Node part = *array;
  part.items = start <= end ? array->items + start : array->items;
  part.size = start <= end ? static_cast<uint32_t>(end - start + 1) : 0;
  return dynamic::from_node(part, *context.arena);
}

int64_t find_element(const Node& array, const Node& wanted, uint32_t start, Arena& arena) {
  for (uint32_t i = start; i < array.size; ++i)
    if (dynamic::equal(array.items[i], wanted, arena)) return i;
  return -1;
}

Nullable<bool> SetHasElement::call(Context& context, Dynamic value, Value wanted) {
  const Node* array = array_of(value, *context.arena);
  if (!array) return {};
  return find_element(*array, node_of(wanted, *context.arena), 0, *context.arena) >= 0;
}

Dynamic ArrayReverse::call(Context& context, Dynamic value) {
  const Node* array = array_of(value, *context.arena);
  if (!array) return {};
  std::vector<Node> items(array->items, array->items + array->size);
  std::reverse(items.begin(), items.end());
  return array_value(items, *context.arena);
}

Nullable<double> ArraySum::call(Context& context, Dynamic value) {
  const Node* array = array_of(value, *context.arena);
  if (!array) return {};
  double sum = 0;
  for (uint32_t i = 0; i < array->size; ++i) {
    const Node& item = array->items[i];
    if (item.kind != Kind::Long && item.kind != Kind::Real) return {};
    sum += item.kind == Kind::Long ? static_cast<double>(item.l) : item.d;
  }
  return sum;
}

Str StrcatArray::call(Context& context, Dynamic value, Str separator) {
  const Node* array = array_of(value, *context.arena);
  if (!array) return {};
  std::string out;
  for (uint32_t i = 0; i < array->size && out.size() <= kMaxText; ++i) {
    if (i) out.append(separator.view());
    out.append(dynamic::to_text(&array->items[i], *context.arena, kMaxText).view());
  }
  return context.arena->copy(std::string_view(out));
}

namespace {

// A set of nodes in order of first appearance.
class NodeSet {
 public:
  explicit NodeSet(Arena& arena) : arena_(arena) {}
  bool contains(const Node& node) const {
    auto [begin, end] = index_.equal_range(dynamic::hash(node, arena_));
    return std::any_of(begin, end,
                       [&](const auto& entry) { return dynamic::equal(*entry.second, node, arena_); });
  }
  void add(const Node& node) {
    if (contains(node)) return;
    index_.emplace(dynamic::hash(node, arena_), &node);
    items.push_back(node);
  }
  void add_all(const Node& array) {
    for (uint32_t i = 0; i < array.size; ++i) add(array.items[i]);
  }
  std::vector<Node> items;

 private:
  Arena& arena_;
  std::unordered_multimap<uint64_t, const Node*> index_;
};

}  // namespace

Dynamic combine_sets(Context& context, SetOperation operation, Variadic<Dynamic> sets) {
  Arena& arena = *context.arena;
  std::vector<const Node*> arrays;
  for (size_t i = 0; i < sets.size; ++i) {
    arrays.push_back(array_of(sets[i], arena));
    if (!arrays.back()) return {};
  }
  if (arrays.empty()) return {};
  NodeSet result(arena);
  result.add_all(*arrays[0]);
  for (size_t i = 1; i < arrays.size(); ++i) {
    if (operation == SetOperation::Union) {
      result.add_all(*arrays[i]);
      continue;
    }
    NodeSet other(arena);
    other.add_all(*arrays[i]);
    bool keep = operation == SetOperation::Intersect;
    std::erase_if(result.items, [&](const Node& node) { return other.contains(node) != keep; });
  }
  return array_value(result.items, arena);
}

Nullable<double> JaccardIndex::call(Context& context, Dynamic a, Dynamic b) {
  const Node* first = array_of(a, *context.arena);
  const Node* second = array_of(b, *context.arena);
  if (!first || !second) return {};
  NodeSet left(*context.arena), all(*context.arena), right(*context.arena);
  left.add_all(*first);
  right.add_all(*second);
  all.add_all(*first);
  all.add_all(*second);
  if (all.items.empty()) return std::nan("");
  return static_cast<double>(left.items.size() + right.items.size() - all.items.size()) /
         static_cast<double>(all.items.size());
}

namespace {

constexpr size_t kMaxRange = 1 << 20;

}  // namespace

template <class T>
Dynamic RangeStep<T>::call(Context& context, T start, T stop, Step step) {
  std::vector<Node> items;
  Node node;
  if constexpr (std::is_same_v<T, double>) {
    if (!(std::fabs(step) > 0)) return {};
    node.kind = Kind::Real;
    for (size_t i = 0; items.size() < kMaxRange; ++i) {
      node.d = start + static_cast<double>(i) * step;
      if (!(step > 0 ? node.d <= stop : node.d >= stop)) break;
      items.push_back(node);
    }
  } else {
    int64_t from, to, by;
    if constexpr (std::is_same_v<T, int64_t>) {
      from = start, to = stop, by = step;
      node.kind = Kind::Long;
    } else {
      from = start.ticks, to = stop.ticks, by = step.ticks;
      node.kind = std::is_same_v<T, DateTime> ? Kind::DateTime : Kind::TimeSpan;
    }
    if (by == 0) return {};
    while (items.size() < kMaxRange && (by > 0 ? from <= to : from >= to)) {
      node.l = from;
      items.push_back(node);
      if (__builtin_add_overflow(from, by, &from)) break;
    }
  }
  return array_value(items, *context.arena);
}
template struct RangeStep<int64_t>;
template struct RangeStep<double>;
template struct RangeStep<DateTime>;
template struct RangeStep<TimeSpan>;

JsonPath* JsonPath::parse(Str path, Arena& arena, const char** error) {
  auto result = std::make_unique<JsonPath>();
  std::string_view text = arena.copy(path).view();
  *error = "the JSONPath must begin with $ and hold only .name, ['name'] and [number]";
  if (!text.starts_with('$')) return nullptr;
  for (text.remove_prefix(1); !text.empty();) {
    Step step;
    if (text[0] == '.') {
      size_t end = std::min(text.find_first_of(".[", 1), text.size());
      step.key = Str(text.substr(1, end - 1));
      if (end == 1 || step.key.view() == "*") return nullptr;
      text.remove_prefix(end);
    } else if (text[0] == '[' && text.size() > 2 && (text[1] == '\'' || text[1] == '"')) {
      size_t end = text.find(text[1], 2);
      if (end == std::string_view::npos || end + 1 >= text.size() || text[end + 1] != ']') return nullptr;
      step.key = Str(text.substr(2, end - 2));
      text.remove_prefix(end + 2);
    } else if (text[0] == '[') {
      auto [end, failure] = std::from_chars(text.data() + 1, text.data() + text.size(), step.index);
      if (failure != std::errc() || end == text.data() + text.size() || *end != ']') return nullptr;
      step.is_index = true;
      text.remove_prefix(static_cast<size_t>(end - text.data()) + 1);
    } else {
      return nullptr;
    }
    result->steps.push_back(step);
  }
  *error = nullptr;
  return result.release();
}

Str ExtractJson::call_prepared(Context& context, const State& path, Str, Text json) {
  auto document = dynamic::parse_strict(json, *context.arena);
  if (!document) return {};
  Dynamic value = dynamic::from_node(*document, *context.arena);
  for (const JsonPath::Step& step : path.steps)
    value = step.is_index ? dynamic::element(value, step.index, *context.arena)
                          : dynamic::member(value, step.key, *context.arena);
  return dynamic::to_text(dynamic::resolve(value, *context.arena), *context.arena, kMaxText);
}

}  // namespace kqlc::functions

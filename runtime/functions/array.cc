// SPDX-License-Identifier: Apache-2.0
//
// The bodies of the functions that reorder arrays and change bags. In: dynamic values. Out: new values in the
// batch's arena.
#include "runtime/functions/array.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "runtime/functions/compare.h"

namespace kqlc::functions {

using dynamic::Entry;
using dynamic::Kind;
using dynamic::Node;

Dynamic rotate_array(Dynamic value, int64_t count, Arena& arena) {
  const Node* array = array_of(value, arena);
  if (!array) return {};
  std::vector<Node> items(array->items, array->items + array->size);
  if (items.empty()) return value;
  int64_t size = array->size, places = (count % size + size) % size;
  std::rotate(items.begin(), items.begin() + places, items.end());
  return array_value(items, arena);
}

Dynamic shift_array(Dynamic value, int64_t count, Value fill, Arena& arena) {
  const Node* array = array_of(value, arena);
  if (!array) return {};
  int64_t size = array->size;
  count = std::clamp(count, -size, size);
  std::vector<Node> items(array->size, node_of(fill, arena));
  for (int64_t i = std::max<int64_t>(0, -count); i < std::min(size, size - count); ++i)
    items[static_cast<size_t>(i)] = array->items[i + count];
  return array_value(items, arena);
}

namespace {

// Numbers, datetimes and timespans come before texts, guids and all others.
int rank_of(const Node& node) {
  switch (node.kind) {
    case Kind::Long:
    case Kind::Real:
    case Kind::Decimal:
    case Kind::DateTime:
    case Kind::TimeSpan:
      return 0;
    case Kind::String:
      return 1;
    case Kind::Guid:
      return 2;
    default:
      return 3;
  }
}

double number_of(const Node& node) {
  if (node.kind == Kind::Real) return node.d;
  return node.kind == Kind::Decimal ? decimal::to_real(*node.decimal) : static_cast<double>(node.l);
}

bool less(const Node& a, const Node& b) {
  int rank = rank_of(a);
  if (rank != rank_of(b)) return rank < rank_of(b);
  if (rank == 1) return a.str() < b.str();
  if (rank == 2) return compare_values(*a.guid, *b.guid) < 0;
  if (rank == 3) return false;
  if (a.kind != Kind::Real && a.kind != Kind::Decimal && b.kind != Kind::Real && b.kind != Kind::Decimal)
    return a.l < b.l;
  double x = number_of(a), y = number_of(b);
  return std::isnan(x) ? !std::isnan(y) : x < y;  // NaN first, as in sort
}

}  // namespace

namespace {

// The places of the elements in their order.
std::vector<uint32_t> sorted_places(const Node& array, bool descending, bool nulls_last, Arena& arena) {
  std::vector<std::pair<Node, uint32_t>> values;  // equal ones keep the order they come in
  std::vector<uint32_t> nulls;
  for (uint32_t i = 0; i < array.size; ++i) {
    Node item = node_of({&array.items[i]}, arena);
    // A text of a mapped file may change between two looks at it, which sorting does not stand.
    if (item.kind == Kind::String) item.text = arena.copy(Str(item.text, item.size)).data;
    if (item.kind == Kind::Null) {
      nulls.push_back(i);
    } else {
      values.emplace_back(item, i);
    }
  }
  // Long and real numbers beyond 2^53 have no order among them, which std::sort does not stand.
  std::stable_sort(values.begin(), values.end(), [&](const auto& a, const auto& b) {
    // The order of kinds stays when the values are turned round.
    bool turned = descending && rank_of(a.first) == rank_of(b.first);
    if (less(a.first, b.first)) return !turned;
    return less(b.first, a.first) ? turned : a.second < b.second;
  });
  std::vector<uint32_t> places;
  for (const auto& [item, place] : values) places.push_back(place);
  places.insert(nulls_last ? places.end() : places.begin(), nulls.begin(), nulls.end());
  return places;
}

Node reordered(const Node& array, const std::vector<uint32_t>& places, Arena& arena) {
  std::vector<Node> items;
  for (uint32_t place : places) items.push_back(array.items[place]);
  return array_node(items, arena);
}

}  // namespace

Dynamic sort_array(Dynamic value, bool descending, bool nulls_last, Arena& arena) {
  const Node* array = array_of(value, arena);
  if (!array) return {};
  return dynamic::from_node(reordered(*array, sorted_places(*array, descending, nulls_last, arena), arena),
                            arena);
}

Dynamic sort_arrays(Variadic<Value> values, bool descending, bool nulls_last, Arena& arena) {
  const Node* first = values.size ? array_of(values[0], arena) : nullptr;
  if (!first) return {};
  std::vector<uint32_t> places = sorted_places(*first, descending, nulls_last, arena);
  std::vector<Node> arrays;
  for (size_t i = 0; i < values.size; ++i) {
    const Node* array = array_of(values[i], arena);
    bool fits = array && array->size == first->size;
    arrays.push_back(fits ? reordered(*array, places, arena) : Node());
  }
  return array_value(arrays, arena);
}

namespace {

Node part_of(const Node& array, int64_t begin, int64_t end) {
  Node part = array;
  part.items = array.items + begin;
  part.size = static_cast<uint32_t>(end > begin ? end - begin : 0);
  return part;
}

Dynamic split_array(Dynamic value, const std::vector<int64_t>& indices, Arena& arena) {
  const Node* array = array_of(value, arena);
  if (!array) return {};
  std::vector<Node> parts;
  int64_t size = array->size, begin = 0;
  for (int64_t index : indices) {
    int64_t end = std::clamp<int64_t>(index < 0 ? index + size : index, 0, size);
    parts.push_back(part_of(*array, begin, end));
    begin = end;
  }
  parts.push_back(part_of(*array, begin, size));
  return array_value(parts, arena);
}

}  // namespace

Dynamic ArraySplit::call(Context& context, Dynamic array, int64_t index) {
  return split_array(array, {index}, *context.arena);
}

Dynamic ArraySplitMany::call(Context& context, Dynamic array, Dynamic indices) {
  const Node* list = dynamic::resolve(indices, *context.arena);
  if (list && list->kind == Kind::Long) return split_array(array, {list->l}, *context.arena);
  if (!list || list->kind != Kind::Array) return {};
  std::vector<int64_t> numbers;
  for (uint32_t i = 0; i < list->size; ++i) {
    if (list->items[i].kind != Kind::Long) return {};
    numbers.push_back(list->items[i].l);
  }
  return split_array(array, numbers, *context.arena);
}

namespace {

// Element `index` where the value is an array (null beyond its end), else the value itself.
Node nth_of(const Node& value, uint32_t index) {
  if (value.kind != Kind::Array) return value;
  return index < value.size ? value.items[index] : Node();
}

}  // namespace

Dynamic ArrayIff::call(Context& context, Dynamic conditions, Value when_true, Value when_false) {
  const Node* array = array_of(conditions, *context.arena);
  if (!array) return {};
  Node yes = node_of(when_true, *context.arena), no = node_of(when_false, *context.arena);
  std::vector<Node> items(array->size);
  for (uint32_t i = 0; i < array->size; ++i) {
    const Node& condition = array->items[i];
    bool decides =
        condition.kind == Kind::Bool || condition.kind == Kind::Long || condition.kind == Kind::Real;
    if (!decides) continue;
    bool holds = condition.kind == Kind::Bool ? condition.b : number_of(condition) != 0;
    items[i] = nth_of(holds ? yes : no, i);
  }
  return array_value(items, *context.arena);
}

Dynamic Zip::call(Context& context, Variadic<Value> arrays) {
  if (arrays.size < 2) {
    context.fail("zip() takes at least two arrays");
    return {};
  }
  std::vector<const Node*> all;
  uint32_t longest = 0;
  for (size_t i = 0; i < arrays.size; ++i) {
    all.push_back(array_of(arrays[i], *context.arena));
    if (!all.back()) return {};
    longest = std::max(longest, all.back()->size);
  }
  std::vector<Node> rows, row(all.size());
  for (uint32_t i = 0; i < longest; ++i) {
    for (size_t a = 0; a < all.size(); ++a) row[a] = nth_of(*all[a], i);
    rows.push_back(array_node(row, *context.arena));
  }
  return array_value(rows, *context.arena);
}

Dynamic Repeat::call(Context& context, Value value, int64_t count) {
  constexpr int64_t kMostTimes = 1 << 20;
  if (count < 0) return {};
  std::vector<Node> items(static_cast<size_t>(std::min(count, kMostTimes)), node_of(value, *context.arena));
  return array_value(items, *context.arena);
}

Nullable<int64_t> find_in_array(Dynamic value, Value wanted, int64_t start, int64_t length,
                                int64_t occurrence, Arena& arena) {
  const Node* array = array_of(value, arena);
  if (!array || length < -1 || occurrence < 0) return {};
  int64_t size = array->size;
  if (start < 0) start = std::max<int64_t>(0, start + size);
  int64_t end = length < 0 || length > size - start ? size : start + length;
  Node sought = node_of(wanted, arena);
  for (int64_t at = start; at < end; ++at) {
    at = find_element(*array, sought, static_cast<uint32_t>(at), arena);
    if (at < 0 || at >= end) break;
    if (--occurrence <= 0) return at;
  }
  return int64_t{-1};
}

Dynamic BagZip::call(Context& context, Dynamic keys, Value values) {
  const Node* names = array_of(keys, *context.arena);
  if (!names) return {};
  const Node* array = array_of(values, *context.arena);
  std::vector<Entry> entries;
  std::unordered_map<std::string_view, size_t> known;
  for (uint32_t i = 0; i < names->size; ++i) {
    if (names->items[i].kind != Kind::String) continue;
    Node value = array ? nth_of(*array, i) : Node();
    auto [at, added] = known.emplace(names->items[i].str(), entries.size());
    if (added) entries.push_back({Str(names->items[i].str()), value});
  }
  return bag_value(entries, *context.arena);
}

KeyPath* KeyPath::prepare_one(Str key, Arena& arena, const char** error) {
  auto result = std::make_unique<KeyPath>();
  if (!key.view().starts_with("$.") && !key.view().starts_with("$[")) {
    result->names.push_back(arena.copy(key));
    return result.release();
  }
  std::unique_ptr<JsonPath> path(JsonPath::parse(key, arena, error));
  if (!path) return nullptr;
  for (const JsonPath::Step& step : path->steps) {
    *error = "the path may hold names only";
    if (step.is_index) return nullptr;
    result->names.push_back(step.key);
  }
  *error = nullptr;
  return result.release();
}

namespace {

// Sets what `names` from `depth` on lead to; what is no bag on the way becomes one.
Node set_path(const Node& bag, const std::vector<Str>& names, size_t depth, const Node& value, Arena& arena) {
  if (depth == names.size()) return value;
  std::vector<Entry> entries;
  const Node* old = bag_of({&bag}, arena);
  Node child;
  for (uint32_t i = 0; old && i < old->size; ++i) {
    if (old->entries[i].key.view() == names[depth].view()) {
      child = old->entries[i].value;
    } else {
      entries.push_back(old->entries[i]);
    }
  }
  entries.push_back({names[depth], set_path(child, names, depth + 1, value, arena)});
  return bag_node(entries, arena);
}

Node remove_path(const Node& node, const std::vector<Str>& names, size_t depth, Arena& arena) {
  const Node* bag = bag_of({&node}, arena);
  if (!bag) return node;
  std::vector<Entry> entries;
  for (uint32_t i = 0; i < bag->size; ++i) {
    Entry entry = bag->entries[i];
    if (entry.key.view() == names[depth].view()) {
      if (depth + 1 == names.size()) continue;
      entry.value = remove_path(entry.value, names, depth + 1, arena);
    }
    entries.push_back(entry);
  }
  return bag_node(entries, arena);
}

}  // namespace

Dynamic BagSetKey::call_prepared(Context& context, const State& path, Dynamic bag, Str, Value value) {
  const Node* node = bag_of(bag, *context.arena);
  if (!node || path.names.size() > dynamic::kMaxDepth / 2) return {};
  return dynamic::from_node(set_path(*node, path.names, 0, node_of(value, *context.arena), *context.arena),
                            *context.arena);
}

Dynamic BagRemoveKeys::call(Context& context, Dynamic bag, Dynamic keys) {
  const Node* node = bag_of(bag, *context.arena);
  const Node* list = array_of(keys, *context.arena);
  if (!node || !list) return {};
  Node rest = *node;
  for (uint32_t i = 0; i < list->size; ++i) {
    if (list->items[i].kind != Kind::String) continue;
    const char* error = nullptr;
    std::unique_ptr<KeyPath> path(KeyPath::prepare_one(Str(list->items[i].str()), *context.arena, &error));
    if (path && !path->names.empty()) rest = remove_path(rest, path->names, 0, *context.arena);
  }
  return dynamic::from_node(rest, *context.arena);
}

namespace {

// Collects the paths below a value. The depth of a value is limited where it is read.
class PathCollector {
 public:
  explicit PathCollector(Arena& arena) : arena_(arena) {}
  void walk(const Node& node, const std::string& prefix) {
    if (node.kind == Kind::Json) return walk(node_of({&node}, arena_), prefix);
    for (uint32_t i = 0; node.kind == Kind::Bag && i < node.size; ++i)
      enter(node.entries[i].value, prefix + "['" + std::string(node.entries[i].key.view()) + "']");
    for (uint32_t i = 0; node.kind == Kind::Array && i < node.size; ++i) enter(node.items[i], prefix + "[0]");
  }
  std::vector<Node> paths;

 private:
  void enter(const Node& node, const std::string& path) {
    if (seen_.insert(path).second) paths.push_back(string_node(arena_.copy(std::string_view(path)).view()));
    walk(node, path);
  }
  Arena& arena_;
  std::unordered_set<std::string> seen_;
};

}  // namespace

Dynamic TreePath::call(Context& context, Dynamic value) {
  const Node* node = dynamic::resolve(value, *context.arena);
  if (!node) return {};
  PathCollector collector(*context.arena);
  collector.walk(*node, "");
  return array_value(collector.paths, *context.arena);
}

namespace {

Node with_sorted_keys(const Node& value, Arena& arena) {
  Node node = node_of({&value}, arena);
  if (node.kind == Kind::Array) {
    std::vector<Node> items;
    for (uint32_t i = 0; i < node.size; ++i) items.push_back(with_sorted_keys(node.items[i], arena));
    return array_node(items, arena);
  }
  if (node.kind != Kind::Bag) return node;
  std::vector<Entry> entries;
  for (uint32_t i = 0; i < node.size; ++i)
    entries.push_back({arena.copy(node.entries[i].key), with_sorted_keys(node.entries[i].value, arena)});
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.key.view() < b.key.view(); });
  return bag_node(entries, arena);
}

}  // namespace

Str DynamicToJson::call(Context& context, Value value) {
  Node sorted = with_sorted_keys(node_of(value, *context.arena), *context.arena);
  return sorted.kind == Kind::Null ? Str() : dynamic::to_text(&sorted, *context.arena, kMaxText);
}

}  // namespace kqlc::functions

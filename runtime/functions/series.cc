// SPDX-License-Identifier: Apache-2.0
//
// The bodies of the functions of series. In: dynamic arrays. Out: new arrays in the batch's arena.
#include "runtime/functions/series.h"

#include <algorithm>

#include "runtime/functions/arithmetic.h"

namespace kqlc::functions {

using dynamic::Kind;
using dynamic::Node;

namespace {

bool is_number(const Node& node) { return node.kind == Kind::Long || node.kind == Kind::Real; }
double real_of(const Node& node) { return node.kind == Kind::Long ? static_cast<double>(node.l) : node.d; }

Node real_node(double value) {
  Node node;
  node.kind = Kind::Real;
  node.d = value;
  return node;
}
Node bool_node(bool value) {
  Node node;
  node.kind = Kind::Bool;
  node.b = value;
  return node;
}

template <class Each>
Dynamic map_nodes(Dynamic series, Each each, Arena& arena) {
  const Node* array = array_of(series, arena);
  if (!array) return {};
  std::vector<Node> items(array->size);
  for (uint32_t i = 0; i < array->size; ++i)
    if (is_number(array->items[i])) items[i] = each(array->items[i]);
  return array_value(items, arena);
}

Node combine(Pairwise how, const Node& a, const Node& b) {
  bool whole = a.kind == Kind::Long && b.kind == Kind::Long;
  double x = real_of(a), y = real_of(b);
  switch (how) {
    case Pairwise::Add:
      return whole ? long_node(wrap_add(a.l, b.l)) : real_node(x + y);
    case Pairwise::Subtract:
      return whole ? long_node(wrap_subtract(a.l, b.l)) : real_node(x - y);
    case Pairwise::Multiply:
      return whole ? long_node(wrap_multiply(a.l, b.l)) : real_node(x * y);
    case Pairwise::Divide:
      return real_node(Over::apply(x, y));
    case Pairwise::Pow:
      return real_node(std::pow(x, y));
    case Pairwise::Equals:
      return bool_node(x == y);
    case Pairwise::NotEquals:
      return bool_node(x != y);
    case Pairwise::Less:
      return bool_node(x < y);
    case Pairwise::LessEquals:
      return bool_node(x <= y);
    case Pairwise::Greater:
      return bool_node(x > y);
    case Pairwise::GreaterEquals:
      return bool_node(x >= y);
  }
  return {};
}

// Element `index`; a number is all of its elements, an array that has ended gives null.
Node element_of(const Node& series, uint32_t index) {
  if (series.kind != Kind::Array) return series;
  return index < series.size ? series.items[index] : Node();
}

// The length that two sides make together; -1 where they are no pair of series.
int64_t common_length(const Node& a, const Node& b) {
  bool both_known = (a.kind == Kind::Array || is_number(a)) && (b.kind == Kind::Array || is_number(b));
  if (!both_known || (a.kind != Kind::Array && b.kind != Kind::Array)) return -1;
  return std::max<int64_t>(a.kind == Kind::Array ? a.size : 0, b.kind == Kind::Array ? b.size : 0);
}

}  // namespace

Dynamic map_series(Dynamic series, RealFunction function, Arena& arena) {
  return map_nodes(series, [&](const Node& node) { return real_node(function(real_of(node))); }, arena);
}

Dynamic sign_of_series(Dynamic series, Arena& arena) {
  auto sign = [](const Node& node) {
    double value = real_of(node);
    int64_t sign = value > 0 ? 1 : value < 0 ? -1 : 0;
    return node.kind == Kind::Long ? long_node(sign)
                                   : real_node(value != value ? value : static_cast<double>(sign));
  };
  return map_nodes(series, sign, arena);
}

Dynamic abs_of_series(Dynamic series, Arena& arena) {
  auto absolute = [](const Node& node) {
    return node.kind == Kind::Long ? long_node(node.l < 0 ? wrap_subtract(0, node.l) : node.l)
                                   : real_node(std::fabs(node.d));
  };
  return map_nodes(series, absolute, arena);
}

Dynamic combine_series(Pairwise how, Value a, Value b, Arena& arena) {
  Node left = node_of(a, arena), right = node_of(b, arena);
  int64_t length = common_length(left, right);
  if (length < 0) return {};
  std::vector<Node> items(static_cast<size_t>(length));
  for (uint32_t i = 0; i < items.size(); ++i) {
    Node x = element_of(left, i), y = element_of(right, i);
    if (is_number(x) && is_number(y)) items[i] = combine(how, x, y);
  }
  return array_value(items, arena);
}

Nullable<double> SeriesDotProduct::call(Context& context, Value a, Value b) {
  Node left = node_of(a, *context.arena), right = node_of(b, *context.arena);
  if (common_length(left, right) < 0) return {};
  uint32_t length = UINT32_MAX;  // of the shorter array
  for (const Node* side : {&left, &right})
    if (side->kind == Kind::Array) length = std::min(length, side->size);
  if (length == 0) return {};
  double sum = 0;
  for (uint32_t i = 0; i < length; ++i) {
    Node x = element_of(left, i), y = element_of(right, i);
    if (is_number(x) && is_number(y)) sum += real_of(x) * real_of(y);
  }
  return sum;
}

Dynamic fill_series(Dynamic series, bool backward, Arena& arena) {
  const Node* array = array_of(series, arena);
  if (!array) return {};
  std::vector<Node> items(array->items, array->items + array->size);
  for (size_t i = 1; i < items.size(); ++i) {
    size_t at = backward ? items.size() - 1 - i : i;
    if (items[at].kind == Kind::Null) items[at] = items[backward ? at + 1 : at - 1];
  }
  return array_value(items, arena);
}

Dynamic SeriesFillConst::call(Context& context, Dynamic series, Value constant) {
  const Node* array = array_of(series, *context.arena);
  if (!array) return {};
  Node fill = node_of(constant, *context.arena);
  std::vector<Node> items(array->items, array->items + array->size);
  for (Node& item : items)
    if (item.kind == Kind::Null) item = fill;
  return array_value(items, *context.arena);
}

}  // namespace kqlc::functions

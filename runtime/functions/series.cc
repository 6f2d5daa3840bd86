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

std::optional<SeriesStatistics> statistics_of(Dynamic series, bool ignore_nonfinite, Arena& arena) {
  const Node* array = array_of(series, arena);
  SeriesStatistics out;
  for (uint32_t i = 0; array && i < array->size; ++i) {
    const Node& item = array->items[i];
    double value = is_number(item) ? real_of(item) : std::nan("");
    if (!std::isfinite(value)) {
      if (ignore_nonfinite) continue;
      return std::nullopt;
    }
    if (out.length == 0 || value < out.min) out.min = value, out.min_index = i;
    if (out.length == 0 || value > out.max) out.max = value, out.max_index = i;
    out.sum += value;
    ++out.length;
  }
  if (out.length == 0) return std::nullopt;
  out.average = out.sum / static_cast<double>(out.length);
  double squares = 0;
  for (uint32_t i = 0; i < array->size; ++i) {
    double distance = is_number(array->items[i]) ? real_of(array->items[i]) - out.average : 0;
    if (std::isfinite(distance)) squares += distance * distance;
  }
  out.variance = out.length > 1 ? squares / static_cast<double>(out.length - 1) : 0;
  out.deviation = std::sqrt(out.variance);
  return out;
}

Dynamic statistics_values(Dynamic series, bool ignore_nonfinite, Arena& arena) {
  auto found = statistics_of(series, ignore_nonfinite, arena);
  if (!found) return {};
  return array_value(
      {real_node(found->min), long_node(found->min_index), real_node(found->max), long_node(found->max_index),
       real_node(found->average), real_node(found->deviation), real_node(found->variance)},
      arena);
}

Dynamic statistics_bag(Dynamic series, bool ignore_nonfinite, Arena& arena) {
  auto found = statistics_of(series, ignore_nonfinite, arena);
  if (!found) return {};
  auto entry = [](std::string_view key, Node value) { return dynamic::Entry{Str(key), value}; };
  return bag_value({entry("min", real_node(found->min)), entry("min_idx", long_node(found->min_index)),
                    entry("max", real_node(found->max)), entry("max_idx", long_node(found->max_index)),
                    entry("avg", real_node(found->average)), entry("stdev", real_node(found->deviation)),
                    entry("variance", real_node(found->variance)), entry("sum", real_node(found->sum)),
                    entry("len", long_node(found->length))},
                   arena);
}

Nullable<double> SeriesPearsonCorrelation::call(Context& context, Dynamic a, Dynamic b) {
  const Node *left = array_of(a, *context.arena), *right = array_of(b, *context.arena);
  if (!left || !right || left->size != right->size || left->size == 0) return {};
  double mean_x = 0, mean_y = 0, count = left->size;
  for (uint32_t i = 0; i < left->size; ++i) {
    if (!is_number(left->items[i]) || !is_number(right->items[i])) return {};
    mean_x += real_of(left->items[i]) / count;
    mean_y += real_of(right->items[i]) / count;
  }
  double xx = 0, yy = 0, xy = 0;
  for (uint32_t i = 0; i < left->size; ++i) {
    double x = real_of(left->items[i]) - mean_x, y = real_of(right->items[i]) - mean_y;
    xx += x * x, yy += y * y, xy += x * y;
  }
  return Over::apply(xy, std::sqrt(xx) * std::sqrt(yy));
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

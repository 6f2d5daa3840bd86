// SPDX-License-Identifier: Apache-2.0
//
// Reading percentiles off a counted set. In: different values with their counts, constants. Out: the value at
// each rank.
#include "runtime/aggregates/percentiles.h"

#include <cmath>

namespace kqlc::aggregates {

namespace {

void add_percentiles(const dynamic::Node& node, std::vector<double>& out) {
  if (node.kind == dynamic::Kind::Array)
    for (uint32_t i = 0; i < node.size; ++i) add_percentiles(node.items[i], out);
  if (node.kind == dynamic::Kind::Long) out.push_back(static_cast<double>(node.l));
  if (node.kind == dynamic::Kind::Real) out.push_back(node.d);
}

}  // namespace

std::vector<Cell> values_at_percentiles(Elements& counted, const AggregateCall& call, size_t first,
                                        Arena& arena) {
  std::vector<double> percentiles;
  for (size_t i = first; i < call.num_args; ++i) {
    dynamic::Node constant = dynamic::node_of_cell(call.constants[i], call.types[i], arena);
    if (const dynamic::Node* node = dynamic::resolve({&constant}, arena)) add_percentiles(*node, percentiles);
  }
  std::vector<Element> sorted(counted.items, counted.items + counted.size);
  std::sort(sorted.begin(), sorted.end(), [&](const Element& a, const Element& b) {
    return compare_cells(a.cell, b.cell, call.types[0]) < 0;
  });
  double total = 0;
  for (const Element& element : sorted) total += static_cast<double>(element.position);
  std::vector<Cell> values(percentiles.size(), null_cell(call.types[0]));
  for (size_t i = 0; i < percentiles.size() && !sorted.empty(); ++i) {
    double rank = std::ceil(percentiles[i] * total / 100), below = 0;
    size_t at = 0;
    for (; at + 1 < sorted.size(); ++at) {
      below += static_cast<double>(sorted[at].position);
      if (below >= rank) break;
    }
    values[i] = sorted[at].cell;
  }
  return values;
}

Dynamic array_at_percentiles(Elements& counted, const AggregateCall& call, size_t first, Arena& arena) {
  if (counted.size == 0) return {};
  std::vector<Cell> values = values_at_percentiles(counted, call, first, arena);
  auto* items = arena.allocate_array<dynamic::Node>(values.size());
  for (size_t i = 0; i < values.size(); ++i)
    ::new (items + i) dynamic::Node(dynamic::node_of_cell(values[i], call.types[0], arena));
  return dynamic::from_node(dynamic::array_of(items, values.size()), arena);
}

}  // namespace kqlc::aggregates

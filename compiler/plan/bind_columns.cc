// SPDX-License-Identifier: Apache-2.0
//
// Items of extend, project and print. In: the item's syntax node. Out: its columns, one for most expressions,
// several for the functions that give several values at once: array_sort_asc(a, b) gives a_sorted and
// b_sorted, series_stats(x) the seven series_stats_x_... `(p, q) = f(...)` names them in order. Names as
// Microsoft's parser gives them.
#include "compiler/plan/binder.h"

namespace kqlc::plan {

using source::Code;
using syntax::Kind;

namespace {

struct Statistic {
  const char* name;
  Type type;
};
constexpr Statistic kStatistics[] = {{"min", Type::Real},     {"min_idx", Type::Long}, {"max", Type::Real},
                                     {"max_idx", Type::Long}, {"avg", Type::Real},     {"stdev", Type::Real},
                                     {"variance", Type::Real}};

}  // namespace

bool Binder::gives_several(const Syntax& node) const {
  return node.kind == Kind::Call && !find(node.text) &&
         (node.text == "array_sort_asc" || node.text == "array_sort_desc" || node.text == "series_stats");
}

// The first array sorts the others along with itself; a bool at the end says where its nulls go.
Binder::Columns Binder::bind_sorted_arrays(const Syntax& node, const Schema* row) {
  std::vector<ExprId> args;
  for (syntax::NodeId child : node.children) {
    Scalar value = bind_expr(child, row);
    if (!value) return std::nullopt;
    args.push_back(*value);
  }
  std::optional<ExprId> nulls_last;
  if (args.size() > 1 && type_of(args.back()) == Type::Bool) {
    nulls_last = args.back();
    args.pop_back();
  }
  for (size_t i = 0; i < args.size(); ++i)
    if (type_of(args[i]) != Type::Dynamic) {
      diagnostics_.add(Code::K0204, at(node.children[i]).span, "`" + node.text + "` takes arrays");
      return std::nullopt;
    }
  if (args.size() < 2) {
    std::string name = args.empty() ? "" : name_of(node.children[0]);
    if (nulls_last) args.push_back(*nulls_last);
    Scalar sorted = call(node.text, std::move(args), node.span);
    if (!sorted) return std::nullopt;
    return std::vector<OutputColumn>{{name.empty() ? "" : name + "_sorted", *sorted}};
  }
  size_t num_arrays = args.size();
  args.insert(args.begin(), nulls_last.value_or(literal(make_cell(true), Type::Bool, node.span)));
  Scalar sorted = call(node.text + "_all", std::move(args), node.span);
  std::vector<OutputColumn> columns;
  for (size_t i = 0; sorted && i < num_arrays; ++i) {
    std::string name = name_of(node.children[i]);
    ExprId index = literal(make_cell(static_cast<int64_t>(i)), Type::Long, node.span);
    Scalar array = call("dynamic_element", {*sorted, index}, node.span);
    if (!array) return std::nullopt;
    columns.push_back({(name.empty() ? "array" + std::to_string(i) : name) + "_sorted", *array});
  }
  return sorted ? Columns(std::move(columns)) : std::nullopt;
}

Binder::Columns Binder::bind_series_stats(const Syntax& node, const Schema* row) {
  std::vector<ExprId> args;
  for (syntax::NodeId child : node.children) {
    Scalar value = bind_expr(child, row);
    if (!value) return std::nullopt;
    args.push_back(*value);
  }
  Scalar values = call("series_stats_values", std::move(args), node.span);
  if (!values) return std::nullopt;
  std::string stem = "series_stats_" + name_of(node.children[0]) + "_";
  std::vector<OutputColumn> columns;
  for (const Statistic& statistic : kStatistics) {
    ExprId index = literal(make_cell(static_cast<int64_t>(columns.size())), Type::Long, node.span);
    Scalar value = call("dynamic_element", {*values, index}, node.span);
    if (value) value = convert(*value, statistic.type, node.span);
    if (!value) return std::nullopt;
    columns.push_back({stem + statistic.name, *value});
  }
  return columns;
}

Binder::Columns Binder::bind_several(const Syntax& node, const Schema* row) {
  return node.text == "series_stats" ? bind_series_stats(node, row) : bind_sorted_arrays(node, row);
}

Binder::Columns Binder::bind_columns(syntax::NodeId id, const Schema* row) {
  const Syntax& item = at(id);
  const Syntax& value = item.kind == Kind::Named ? at(item.children.back()) : item;
  Columns columns;
  if (gives_several(value)) {
    columns = bind_several(value, row);
  } else if (Scalar single = bind_expr(id, row)) {
    columns = std::vector<OutputColumn>{{name_of(id), *single}};
  }
  if (!columns) return std::nullopt;
  std::vector<std::string> names;
  if (item.kind == Kind::Name || item.kind == Kind::Named) names.push_back(item.text);
  if (item.kind == Kind::Named && item.children.size() > 1) {
    names.clear();
    for (size_t i = 0; i + 1 < item.children.size(); ++i) names.push_back(at(item.children[i]).text);
  }
  if (names.size() > columns->size()) {
    diagnostics_.add(Code::K0204, item.span,
                     std::to_string(names.size()) + " names for " +
                         (columns->size() == 1 ? "one value" : std::to_string(columns->size()) + " values"));
    return std::nullopt;
  }
  for (size_t i = 0; i < columns->size(); ++i) {
    OutputColumn& column = (*columns)[i];
    column.declared = i < names.size();
    if (column.declared) column.name = names[i];
    column.one_of_several = columns->size() > 1;
  }
  return columns;
}

}  // namespace kqlc::plan

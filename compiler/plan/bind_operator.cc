// SPDX-License-Identifier: Apache-2.0
//
// Tabular operators, one function each: the row type that goes in is the input node's schema, the one that
// comes out is the new node's. The projections, summarize and union have files of their own. What is not here
// is refused by name.
#include "compiler/plan/binder.h"

namespace kqlc::plan {

using source::Code;
using syntax::Kind;

NodeId Binder::add(Node node) {
  node_extents_.push_back(extent_of(node.inputs, node_extents_));
  check_extent(node_extents_.back(), kMaxTableSize, kMaxTableDepth, node.span);
  plan_.nodes.push_back(std::move(node));
  return static_cast<NodeId>(plan_.nodes.size() - 1);
}

NodeId Binder::add_over(NodeId input, NodeKind kind, Schema schema, source::Span span) {
  Node node;
  node.kind = kind;
  node.schema = std::move(schema);
  node.inputs = {input};
  node.span = span;
  return add(std::move(node));
}

Binder::Table Binder::bind_source_operator(const Syntax& node) {
  if (node.text == "print") return bind_print(node);
  if (node.text == "range") return bind_range(node);
  if (node.text == "datatable") return bind_datatable(node);
  if (node.text == "union") return bind_union(std::nullopt, node);
  return refuse_table(node.span, "`" + node.text + "`");
}

Binder::Table Binder::bind_operator(Table input, syntax::NodeId id) {
  const Syntax& node = at(id);
  const std::string& name = node.text;
  if (name != "union" && name != "as") as_name_.clear();
  if (!input) return bind_source_operator(node);
  if (name == "where") return bind_where(*input, node);
  if (name == "extend") return bind_extend(*input, node);
  if (name == "project") return bind_project(*input, node);
  if (name == "project-away") return bind_project_some(*input, node, false);
  if (name == "project-keep") return bind_project_some(*input, node, true);
  if (name == "project-rename") return bind_project_rename(*input, node);
  if (name == "project-reorder") return bind_project_reorder(*input, node);
  if (name == "summarize") return bind_summarize(*input, node);
  if (name == "distinct") return bind_distinct(*input, node);
  if (name == "take") return bind_take(*input, node);
  if (name == "sort") return bind_sort(*input, node);
  if (name == "top") return bind_top(*input, node);
  if (name == "union") return bind_union(input, node);
  if (name == "join") return bind_join(*input, node);
  if (name == "count") return bind_count(*input, node);
  if (name == "as") return bind_as(*input, node);
  if (name == "render") return bind_render(*input, node);
  if (name == "invoke") return bind_invoke(*input, node);
  return refuse_table(node.span, "the operator `" + name + "`");
}

Binder::Table Binder::bind_where(NodeId input, const Syntax& node) {
  Schema schema = plan_.nodes[input].schema;
  Scalar predicate = bind_expr(node.children.back(), &schema);
  if (predicate) predicate = convert(*predicate, Type::Bool, at(node.children.back()).span);
  if (!predicate) return std::nullopt;
  NodeId filter = add_over(input, NodeKind::Filter, std::move(schema), node.span);
  plan_.nodes[filter].exprs = {*predicate};
  return filter;
}

Binder::Table Binder::bind_distinct(NodeId input, const Syntax& node) {
  Table projected = bind_project(input, node);
  if (!projected) return std::nullopt;
  Schema schema = plan_.nodes[*projected].schema;
  return add_over(*projected, NodeKind::Distinct, std::move(schema), node.span);
}

std::optional<int64_t> Binder::bind_limit(syntax::NodeId id) {
  Scalar value = bind_expr(id, nullptr);
  if (!value) return std::nullopt;
  auto cell = constant(*value);
  Type type = type_of(*value);
  if (!cell || !cell->valid || (type != Type::Long && type != Type::Int)) {
    diagnostics_.add(Code::K0204, at(id).span, "the number of rows must be a constant whole number");
    return std::nullopt;
  }
  int64_t rows = type == Type::Int ? cell->i : cell->l;
  if (rows < 0) {
    diagnostics_.add(Code::K0204, at(id).span, "the number of rows cannot be negative");
    return std::nullopt;
  }
  return rows;
}

Binder::Table Binder::bind_take(NodeId input, const Syntax& node) {
  auto limit = bind_limit(node.children.back());
  if (!limit) return std::nullopt;
  Schema schema = plan_.nodes[input].schema;
  NodeId take = add_over(input, NodeKind::Take, std::move(schema), node.span);
  plan_.nodes[take].limit = *limit;
  return take;
}

Binder::Table Binder::bind_count(NodeId input, const Syntax& node) {
  bool named = !node.children.empty() && at(node.children.back()).kind == Kind::Name;
  std::string name = named ? at(node.children.back()).text : "Count";
  return add_over(input, NodeKind::Count, {{name, Type::Long}}, node.span);
}

Binder::Table Binder::bind_as(NodeId input, const Syntax& node) {
  as_name_ = at(node.children.back()).text;
  declare(as_name_).table = input;
  return input;
}

Binder::Table Binder::bind_render(NodeId input, const Syntax& node) {
  plan_.render = at(node.children[0]).text;
  return input;
}

// T | invoke f(x) is f(T, x).
Binder::Table Binder::bind_invoke(NodeId input, const Syntax& node) {
  const Syntax& call_node = at(node.children.back());
  const Binding* binding = call_node.kind == Kind::Call ? find(call_node.text) : nullptr;
  if (!binding || binding->function == syntax::kNoNode)
    return refuse_table(node.span, "`invoke` of a function that no let declares");
  const Syntax& function = at(binding->function);
  bool takes_table =
      function.children.size() > 1 && at(at(function.children[0]).children[0]).kind == Kind::Schema;
  if (!takes_table) {
    diagnostics_.add(Code::K0204, call_node.span,
                     "the first parameter of `" + call_node.text + "` must be a table");
    return std::nullopt;
  }
  return bind_table_function(*binding, call_node, input);
}

Binder::Table Binder::bind_sort(NodeId input, const Syntax& node) {
  std::vector<syntax::NodeId> items;
  for (syntax::NodeId child : node.children) {
    const Syntax& part = at(child);
    if (part.kind == Kind::Sort) items.push_back(child);
    if (part.kind == Kind::By) items.insert(items.end(), part.children.begin(), part.children.end());
  }
  Node sort;
  sort.kind = NodeKind::Sort;
  sort.span = node.span;
  return bind_sort_keys(input, items, std::move(sort));
}

Binder::Table Binder::bind_top(NodeId input, const Syntax& node) {
  std::vector<syntax::NodeId> items;
  Node top;
  top.kind = NodeKind::Top;
  top.span = node.span;
  for (syntax::NodeId child : node.children) {
    const Syntax& part = at(child);
    if (part.kind == Kind::By) {
      items = part.children;
    } else if (part.kind != Kind::Option) {
      auto limit = bind_limit(child);
      if (!limit) return std::nullopt;
      top.limit = *limit;
    }
  }
  return bind_sort_keys(input, items, std::move(top));
}

// Keys that are no columns are computed before and dropped after.
Binder::Table Binder::bind_sort_keys(NodeId input, const std::vector<syntax::NodeId>& items, Node sort) {
  const Schema before = plan_.nodes[input].schema;
  const source::Span span = sort.span;
  Schema schema = before;
  std::vector<ExprId> exprs = all_columns(before, span);
  for (syntax::NodeId id : items) {
    const Syntax& item = at(id);
    Scalar value = bind_expr(item.children[0], &before);
    if (!value) return std::nullopt;
    if (type_of(*value) == Type::Dynamic) {
      diagnostics_.add(Code::K0204, item.span, "a dynamic value has no order",
                       "convert it, as with tostring()");
      return std::nullopt;
    }
    SortKey key;
    key.descending = !item.text.starts_with("asc");
    key.nulls_first = item.text.ends_with("first") || (!key.descending && !item.text.ends_with("last"));
    if (plan_.exprs[*value].kind == ExprKind::Column) {
      key.column = plan_.exprs[*value].column;
    } else {
      key.column = static_cast<int>(schema.size());
      schema.push_back({"", type_of(*value)});
      exprs.push_back(*value);
    }
    sort.sort_keys.push_back(key);
  }
  bool computed = schema.size() > before.size();
  if (computed) input = project(input, schema, std::move(exprs), span);
  sort.schema = std::move(schema);
  sort.inputs = {input};
  NodeId sorted = add(std::move(sort));
  if (!computed) return sorted;
  return project(sorted, before, all_columns(before, span), span);
}

}  // namespace kqlc::plan

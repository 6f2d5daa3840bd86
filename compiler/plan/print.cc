// SPDX-License-Identifier: Apache-2.0
//
// The text of a plan: one node a line with its id, inputs and what it does; columns by name.
#include <fmt/format.h>

#include "compiler/plan/plan.h"
#include "runtime/functions/convert.h"

namespace kqlc::plan {

namespace {

std::string print_literal(const Cell& cell, Type type) {
  if (!cell.valid) return std::string(type_name(type)) + "(null)";
  Arena arena;
  using namespace functions;
  switch (type) {
    case Type::Bool:
      return cell.b ? "true" : "false";
    case Type::Int:
      return fmt::format("int({})", cell.i);
    case Type::Long:
      return fmt::format("{}", cell.l);
    case Type::Real:
      return std::string(text_of(cell.d, arena).view());
    case Type::Decimal:
      return fmt::format("decimal({})", text_of(cell.m, arena).view());
    case Type::DateTime:
      return fmt::format("datetime({})", text_of(DateTime{cell.l}, arena).view());
    case Type::TimeSpan:
      return fmt::format("timespan({})", text_of(TimeSpan{cell.l}, arena).view());
    case Type::Guid:
      return fmt::format("guid({})", text_of(cell.g, arena).view());
    case Type::String: {
      dynamic::Node node;
      node.kind = dynamic::Kind::String;
      node.text = cell.s.data;
      node.size = static_cast<uint32_t>(cell.s.size);
      return std::string(dynamic::print(&node, arena).view());
    }
    case Type::Dynamic:
      return fmt::format("dynamic({})", dynamic::print(cell.node, arena).view());
  }
  return "";
}

std::string_view node_name(NodeKind kind) {
  constexpr std::string_view names[] = {"scan",      "rows",     "range", "filter", "project",
                                        "summarize", "distinct", "count", "take",   "sort",
                                        "top",       "union",    "join"};
  return names[static_cast<size_t>(kind)];
}

}  // namespace

std::string_view join_name(JoinKind kind) {
  constexpr std::string_view names[] = {"inner", "leftouter", "leftsemi", "leftanti"};
  return names[static_cast<size_t>(kind)];
}

std::string print_expr(const Plan& plan, ExprId id, const Schema* input) {
  const Expr& expr = plan.exprs[id];
  std::string name;
  switch (expr.kind) {
    case ExprKind::Column:
      return input && static_cast<size_t>(expr.column) < input->size()
                 ? (*input)[static_cast<size_t>(expr.column)].name
                 : fmt::format("#{}", expr.column);
    case ExprKind::Literal:
      return print_literal(expr.literal, expr.type);
    case ExprKind::Call:
      name = expr.function->spec.operators[0] ? expr.function->spec.operators[0] : expr.function->spec.name;
      break;
    case ExprKind::And:
      name = "and";
      break;
    case ExprKind::Or:
      name = "or";
      break;
    case ExprKind::Case:
      name = "case";
      break;
    case ExprKind::Coalesce:
      name = "coalesce";
      break;
  }
  std::string args;
  for (ExprId arg : expr.args) args += (args.empty() ? "" : ", ") + print_expr(plan, arg, input);
  return name + "(" + args + ")";
}

std::string print(const Plan& plan) {
  std::string out;
  for (size_t id = 0; id < plan.nodes.size(); ++id) {
    const Node& node = plan.nodes[id];
    const Schema* input = node.inputs.empty() ? nullptr : &plan.nodes[node.inputs[0]].schema;
    out += fmt::format("%{} = {}", id, node_name(node.kind));
    for (NodeId from : node.inputs) out += fmt::format(" %{}", from);
    if (!node.table.empty()) out += " " + node.table;
    if (node.limit && node.kind != NodeKind::Project) out += fmt::format(" rows={}", node.limit);
    for (size_t i = 0; i < node.exprs.size(); ++i) {
      bool named = node.kind == NodeKind::Project || node.kind == NodeKind::Summarize;
      out += fmt::format("{} {}{}", i ? "," : "", named ? node.schema[i].name + "=" : "",
                         print_expr(plan, node.exprs[i], input));
    }
    for (const AggregateUse& use : node.aggregates) {
      std::string args;
      for (ExprId arg : use.args) args += (args.empty() ? "" : ", ") + print_expr(plan, arg, input);
      out += fmt::format("; {}({})", use.aggregate->spec.name, args);
    }
    if (node.kind == NodeKind::Join) out += fmt::format(" {}", join_name(node.join));
    for (const JoinKey& key : node.join_keys)
      out += fmt::format(" {}=={}", (*input)[static_cast<size_t>(key.left)].name,
                         plan.nodes[node.inputs[1]].schema[static_cast<size_t>(key.right)].name);
    for (const SortKey& key : node.sort_keys)
      out += fmt::format(" {} {}{}", (*input)[static_cast<size_t>(key.column)].name,
                         key.descending ? "desc" : "asc", key.nulls_first ? " nulls first" : "");
    out += '\n';
  }
  for (NodeId result : plan.results) out += fmt::format("result %{}\n", result);
  return out;
}

}  // namespace kqlc::plan

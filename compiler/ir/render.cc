// SPDX-License-Identifier: Apache-2.0
//
// Expressions and operators as a person reads them: columns by name, calls written out. A subexpression that
// is used twice is written twice, up to a length after which the rest is dots.
#include <fmt/format.h>

#include "compiler/ir/ir.h"
#include "compiler/ir/text.h"

namespace kqlc::ir {

namespace {

constexpr size_t kMaxLength = 2000;

void append_expr(const Ir& ir, ExprId id, const Schema& input, std::string& out) {
  if (out.size() > kMaxLength) {
    if (!out.ends_with("...")) out += "...";
    return;
  }
  const Expr& expr = ir.exprs[id];
  if (expr.kind == ExprKind::Column) {
    auto column = static_cast<size_t>(expr.column);
    out += column < input.size() && !input[column].name.empty() ? input[column].name
                                                                : fmt::format("#{}", expr.column);
    return;
  }
  if (expr.kind == ExprKind::Literal) {
    out += expr.literal.valid && expr.type == Type::Long ? fmt::format("{}", expr.literal.l)
                                                         : print_literal(expr.literal, expr.type);
    return;
  }
  std::string name = expr.kind == ExprKind::And         ? "and"
                     : expr.kind == ExprKind::Or        ? "or"
                     : expr.kind == ExprKind::Case      ? "case"
                     : expr.kind == ExprKind::Coalesce  ? "coalesce"
                     : expr.function->spec.operators[0] ? expr.function->spec.operators[0]
                                                        : expr.function->spec.name;
  bool infix = expr.args.size() == 2 && (expr.kind == ExprKind::And || expr.kind == ExprKind::Or ||
                                         (expr.kind == ExprKind::Call && expr.function->spec.operators[0]));
  out += infix ? "(" : name + "(";
  for (size_t i = 0; i < expr.args.size(); ++i) {
    if (i) out += infix ? " " + name + " " : ", ";
    append_expr(ir, expr.args[i], input, out);
  }
  out += ")";
}

}  // namespace

std::string render_expr(const Ir& ir, ExprId id, const Schema& input) {
  if (ir.exprs[id].depth > kMaxDepth) return "...";
  std::string out;
  append_expr(ir, id, input, out);
  return out;
}

std::string render_op(const Ir& ir, OpId id) {
  const Op& op = ir.ops[id];
  const Schema none;
  const Schema& input = op.inputs.empty() ? none : ir.ops[op.inputs[0]].schema;
  std::string out(op_name(op.kind));
  if (!op.table.empty()) out += " " + op.table;
  if (op.kind == OpKind::Rows || op.kind == OpKind::Take || op.kind == OpKind::Top)
    out += fmt::format(" {}", op.limit);
  bool named = op.kind == OpKind::Project || op.kind == OpKind::Summarize;
  for (size_t i = 0; i < op.exprs.size(); ++i) {
    std::string name = named && !op.schema[i].name.empty() ? op.schema[i].name + " = " : "";
    std::string value = render_expr(ir, op.exprs[i], input);
    out += (i ? ", " : " ") + (name == value + " = " ? value : name + value);
  }
  for (const AggregateUse& use : op.aggregates) {
    out += std::string(&use == op.aggregates.data() ? " aggregate " : ", ") + use.aggregate->spec.name + "(";
    for (size_t i = 0; i < use.args.size(); ++i) out += (i ? ", " : "") + render_expr(ir, use.args[i], input);
    out += ")";
  }
  if (op.kind == OpKind::Join) out += " " + std::string(plan::join_name(op.join)) + " on";
  for (const JoinKey& key : op.join_keys)
    out += fmt::format("{} {} == {}", &key == op.join_keys.data() ? "" : ",",
                       input[static_cast<size_t>(key.left)].name,
                       ir.ops[op.inputs[1]].schema[static_cast<size_t>(key.right)].name);
  for (const SortKey& key : op.sort_keys)
    out += fmt::format(" by {} {}{}", op.schema[static_cast<size_t>(key.column)].name,
                       key.descending ? "desc" : "asc", key.nulls_first ? " nulls first" : "");
  return out;
}

}  // namespace kqlc::ir

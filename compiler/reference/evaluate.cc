// SPDX-License-Identifier: Apache-2.0
//
// The evaluator: and, or, case and coalesce look only at the operands they need.
#include "compiler/reference/evaluate.h"

namespace kqlc::reference {

using plan::Expr;
using plan::ExprKind;

namespace {

// Kleene's logic: `decisive` settles the result (false for and, true for or); else null if any operand is
// null.
Cell evaluate_logic(const plan::Plan& plan, const Expr& expr, bool decisive, const Cell* row,
                    Context& context) {
  bool null = false;
  for (plan::ExprId arg : expr.args) {
    Cell cell = evaluate(plan, arg, row, context);
    if (!cell.valid) {
      null = true;
    } else if (cell.b == decisive) {
      return make_cell(decisive);
    }
  }
  return null ? null_cell(Type::Bool) : make_cell(!decisive);
}

Cell evaluate_case(const plan::Plan& plan, const Expr& expr, const Cell* row, Context& context) {
  size_t i = 0;
  for (; i + 1 < expr.args.size(); i += 2) {
    Cell condition = evaluate(plan, expr.args[i], row, context);
    if (condition.valid && condition.b) return evaluate(plan, expr.args[i + 1], row, context);
  }
  return evaluate(plan, expr.args[i], row, context);
}

Cell evaluate_coalesce(const plan::Plan& plan, const Expr& expr, const Cell* row, Context& context) {
  for (plan::ExprId arg : expr.args) {
    Cell cell = evaluate(plan, arg, row, context);
    if (cell.valid && !(expr.type == Type::String && cell.s.size == 0)) return cell;
  }
  return null_cell(expr.type);
}

Cell evaluate_call(const plan::Plan& plan, const Expr& expr, const Cell* row, Context& context) {
  std::vector<Cell> args;
  args.reserve(expr.args.size());
  for (plan::ExprId arg : expr.args) args.push_back(evaluate(plan, arg, row, context));
  Cell out;
  Invoke invoke = expr.prepared ? expr.function->invoke_prepared : expr.function->invoke;
  invoke(context, expr.prepared.get(), args.data(), args.size(), &out);
  return out;
}

}  // namespace

Cell evaluate(const plan::Plan& plan, plan::ExprId id, const Cell* row, Context& context) {
  const Expr& expr = plan.exprs[id];
  switch (expr.kind) {
    case ExprKind::Column:
      return row[expr.column];
    case ExprKind::Literal:
      return expr.literal;
    case ExprKind::Call:
      return evaluate_call(plan, expr, row, context);
    case ExprKind::And:
      return evaluate_logic(plan, expr, false, row, context);
    case ExprKind::Or:
      return evaluate_logic(plan, expr, true, row, context);
    case ExprKind::Case:
      return evaluate_case(plan, expr, row, context);
    case ExprKind::Coalesce:
      return evaluate_coalesce(plan, expr, row, context);
  }
  KQLC_UNREACHABLE("expression kind");
}

bool is_constant(const plan::Plan& plan, plan::ExprId id) {
  const Expr& expr = plan.exprs[id];
  if (expr.kind == ExprKind::Column) return false;
  if (expr.kind == ExprKind::Call && !expr.function->spec.deterministic) return false;
  for (plan::ExprId arg : expr.args)
    if (!is_constant(plan, arg)) return false;
  return true;
}

}  // namespace kqlc::reference

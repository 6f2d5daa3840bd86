// SPDX-License-Identifier: Apache-2.0
//
// fold: what is constant becomes its value, computed by the functions themselves. A call that ends in an
// error stays, so that it does so for a row, or never. and, or, case and coalesce lose operands that cannot
// matter, by three-valued logic; a call whose prepared arguments became constants is prepared. Then filters
// lose what is true.
#include <algorithm>

#include "compiler/ir/passes.h"

namespace kqlc::ir {

namespace {

bool is_literal(const Ir& ir, ExprId id) { return ir.exprs[id].kind == ExprKind::Literal; }

bool is_bool(const Ir& ir, ExprId id, bool value) {
  const Expr& expr = ir.exprs[id];
  return expr.kind == ExprKind::Literal && expr.type == Type::Bool && expr.literal.valid &&
         expr.literal.b == value;
}

// True for a literal that is not true: null or false.
bool never_true(const Ir& ir, ExprId id) { return is_literal(ir, id) && !is_bool(ir, id, true); }

class Folder {
 public:
  explicit Folder(Ir& ir) : ir_(ir) {
    context_.arena = context_.state_arena = ir.arena.get();
    context_.now = ir.now;
  }

  ExprId apply(ExprId root) {
    for (ExprId id : expressions_below(ir_, root)) {
      if (done_.contains(id)) continue;
      if (stays(id)) {
        done_.set(id, id);
        continue;
      }
      Expr expr = ir_.exprs[id];
      for (ExprId& arg : expr.args) arg = done_.at(arg);
      expr.depth = 0;
      done_.set(id, fold(std::move(expr)));
    }
    return done_.at(root);
  }

 private:
  // Columns, literals, and calls that cannot be computed or prepared: most of what there is.
  bool stays(ExprId id) const {
    const Expr& expr = ir_.exprs[id];
    if (expr.args.empty()) return expr.kind != ExprKind::Call;
    if (expr.kind != ExprKind::Call || (!expr.prepared && expr.function->prepare)) return false;
    bool computed = expr.function->spec.folds && expr.function->spec.deterministic;
    for (ExprId arg : expr.args) {
      if (done_.at(arg) != arg) return false;
      computed &= is_literal(ir_, arg);
    }
    return !computed;
  }

  ExprId fold(Expr expr) {
    switch (expr.kind) {
      case ExprKind::Column:
      case ExprKind::Literal:
        return ir_.add(std::move(expr));
      case ExprKind::Call:
        return fold_call(std::move(expr));
      case ExprKind::And:
        return fold_logic(std::move(expr), false);
      case ExprKind::Or:
        return fold_logic(std::move(expr), true);
      case ExprKind::Case:
        return fold_case(std::move(expr));
      case ExprKind::Coalesce:
        return fold_coalesce(std::move(expr));
    }
    return ir_.add(std::move(expr));
  }

  ExprId fold_call(Expr expr) {
    const Function& function = *expr.function;
    if (!expr.prepared && function.prepare) {
      auto prepared = prepare_literals(expr);
      if (prepared) expr.prepared = std::move(prepared);
    }
    if (!function.spec.folds || !function.spec.deterministic) return ir_.add(std::move(expr));
    std::vector<Cell> args;
    for (ExprId arg : expr.args) {
      if (!is_literal(ir_, arg)) return ir_.add(std::move(expr));
      args.push_back(ir_.exprs[arg].literal);
    }
    Cell out;
    context_.error = nullptr;
    context_.over_limit = false;
    Invoke invoke = expr.prepared ? function.invoke_prepared : function.invoke;
    invoke(context_, expr.prepared.get(), args.data(), args.size(), &out);
    return context_.error ? ir_.add(std::move(expr)) : ir_.add_literal(out, expr.type);
  }

  // nullptr when an argument that is prepared is no literal, or a wrong one, which the plain form knows to
  // treat.
  std::shared_ptr<void> prepare_literals(const Expr& expr) {
    for (size_t i = 0; i < expr.args.size(); ++i)
      if ((expr.function->prepared_mask >> std::min<size_t>(i, 31) & 1) && !is_literal(ir_, expr.args[i]))
        return nullptr;
    auto state = prepare(ir_, *expr.function, expr.args);
    return state.ok() ? std::move(state).value() : nullptr;
  }

  // `decisive` settles the result: false for and, true for or. What stands behind it is never looked at.
  ExprId fold_logic(Expr expr, bool decisive) {
    std::vector<ExprId> args;
    for (ExprId arg : expr.args) {
      if (is_bool(ir_, arg, !decisive)) continue;
      // Equal operands are one: a or a is a.
      if (std::find(args.begin(), args.end(), arg) != args.end() && ir_.exprs[arg].deterministic) continue;
      args.push_back(arg);
      if (is_bool(ir_, arg, decisive)) break;
    }
    if (args.empty()) return ir_.add_literal(make_cell(!decisive), Type::Bool);
    if (is_bool(ir_, args.back(), decisive) && !any_fails(args)) return args.back();
    if (args.size() == 1) return args[0];
    expr.args = std::move(args);
    return ir_.add(std::move(expr));
  }

  bool any_fails(const std::vector<ExprId>& args) const {
    for (ExprId arg : args)
      if (ir_.exprs[arg].may_fail) return true;
    return false;
  }

  ExprId fold_case(Expr expr) {
    std::vector<ExprId> args;
    ExprId otherwise = expr.args.back();
    for (size_t i = 0; i + 1 < expr.args.size(); i += 2) {
      if (never_true(ir_, expr.args[i])) continue;
      if (is_bool(ir_, expr.args[i], true)) {
        otherwise = expr.args[i + 1];
        break;
      }
      args.push_back(expr.args[i]);
      args.push_back(expr.args[i + 1]);
    }
    if (args.empty()) return otherwise;
    args.push_back(otherwise);
    expr.args = std::move(args);
    return ir_.add(std::move(expr));
  }

  ExprId fold_coalesce(Expr expr) {
    std::vector<ExprId> args;
    for (ExprId arg : expr.args) {
      if (!is_literal(ir_, arg)) {
        args.push_back(arg);
        continue;
      }
      const Cell& cell = ir_.exprs[arg].literal;
      if (!cell.valid || (expr.type == Type::String && cell.s.size == 0)) continue;
      args.push_back(arg);
      break;
    }
    if (args.empty()) return ir_.add_literal(null_cell(expr.type), expr.type);
    // A null stays null, and "" stays "".
    if (args.size() == 1) return args[0];
    expr.args = std::move(args);
    return ir_.add(std::move(expr));
  }

  Ir& ir_;
  Context context_;
  ExprMap done_;
};

}  // namespace

void fold(Ir& ir) {
  Folder folder(ir);
  for (Op& op : ir.ops) {
    for (ExprId& root : op.exprs) root = folder.apply(root);
    for (AggregateUse& use : op.aggregates)
      for (ExprId& arg : use.args) arg = folder.apply(arg);
    if (op.kind == OpKind::Filter)
      std::erase_if(op.exprs, [&](ExprId root) { return is_bool(ir, root, true); });
  }
  remove_idle(ir);
  compact(ir);
}

}  // namespace kqlc::ir

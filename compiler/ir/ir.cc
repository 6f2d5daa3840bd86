// SPDX-License-Identifier: Apache-2.0
//
// What all passes share: adding an expression (equal ones become one), walks without recursion, substitution
// of columns, constants, and the renumbering after a pass.
#include "compiler/ir/ir.h"

#include <algorithm>
#include <unordered_set>

#include "runtime/base/check.h"

namespace kqlc::ir {

namespace {

template <class T>
void append(std::string& key, const T& value) {
  key.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Two expressions with the same key are equal.
std::string key_of(const Expr& expr) {
  std::string key;
  append(key, expr.kind);
  append(key, expr.type);
  append(key, expr.column);
  append(key, expr.function);
  append(key, expr.prepared != nullptr);
  for (ExprId arg : expr.args) append(key, arg);
  if (expr.kind == ExprKind::Literal) key += print_literal(expr.literal, expr.type);
  return key;
}

}  // namespace

ExprId Ir::add(Expr expr) {
  expr.deterministic = expr.kind != ExprKind::Call || expr.function->spec.deterministic;
  bool shared_form = expr.deterministic;
  for (ExprId arg : expr.args) {
    expr.deterministic &= exprs[arg].deterministic;
    expr.depth = std::max(expr.depth, exprs[arg].depth + 1);
  }
  if (!shared_form) {
    exprs.push_back(std::move(expr));
    return static_cast<ExprId>(exprs.size() - 1);
  }
  auto [place, added] = index.emplace(key_of(expr), static_cast<ExprId>(exprs.size()));
  if (added) exprs.push_back(std::move(expr));
  return place->second;
}

ExprId Ir::add_literal(const Cell& cell, Type type) {
  Expr expr;
  expr.type = type;
  expr.literal = cell;
  return add(std::move(expr));
}

ExprId Ir::add_column(size_t column, Type type) {
  Expr expr;
  expr.kind = ExprKind::Column;
  expr.type = type;
  expr.column = static_cast<int>(column);
  return add(std::move(expr));
}

// Arguments have smaller ids than what uses them, so the order of ids is an order of evaluation.
std::vector<ExprId> expressions_below(const Ir& ir, const std::vector<ExprId>& roots) {
  std::unordered_set<ExprId> seen;
  std::vector<ExprId> open(roots);
  while (!open.empty()) {
    ExprId id = open.back();
    open.pop_back();
    if (!seen.insert(id).second) continue;
    open.insert(open.end(), ir.exprs[id].args.begin(), ir.exprs[id].args.end());
  }
  std::vector<ExprId> found(seen.begin(), seen.end());
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<ExprId> roots_of(const Op& op) {
  std::vector<ExprId> roots = op.exprs;
  for (const AggregateUse& use : op.aggregates) roots.insert(roots.end(), use.args.begin(), use.args.end());
  return roots;
}

void mark_columns(const Ir& ir, ExprId root, std::vector<bool>& columns) {
  for (ExprId id : expressions_below(ir, {root}))
    if (ir.exprs[id].kind == ExprKind::Column) columns[static_cast<size_t>(ir.exprs[id].column)] = true;
}

bool may_fail(const Ir& ir, ExprId root) {
  for (ExprId id : expressions_below(ir, {root}))
    if (ir.exprs[id].kind == ExprKind::Call && ir.exprs[id].function->spec.may_fail) return true;
  return false;
}

bool is_constant(const Ir& ir, ExprId root) {
  if (!ir.exprs[root].deterministic) return false;
  for (ExprId id : expressions_below(ir, {root}))
    if (ir.exprs[id].kind == ExprKind::Column) return false;
  return true;
}

namespace {

// As the reference executor: and, or, case and coalesce look only at the operands they need. Each value is
// computed once.
class Evaluator {
 public:
  Evaluator(const Ir& ir, Context& context) : ir_(ir), context_(context) {}

  Cell value(ExprId id) {
    if (auto known = known_.find(id); known != known_.end()) return known->second;
    Cell cell = compute(ir_.exprs[id]);
    known_.emplace(id, cell);
    return cell;
  }

 private:
  Cell compute(const Expr& expr) {
    switch (expr.kind) {
      case ExprKind::Column:
        KQLC_UNREACHABLE("a column in a constant");
      case ExprKind::Literal:
        return expr.literal;
      case ExprKind::And:
        return logic(expr, false);
      case ExprKind::Or:
        return logic(expr, true);
      case ExprKind::Call:
        return call(expr);
      case ExprKind::Case: {
        size_t i = 0;
        for (; i + 1 < expr.args.size(); i += 2)
          if (Cell condition = value(expr.args[i]); condition.valid && condition.b)
            return value(expr.args[i + 1]);
        return value(expr.args[i]);
      }
      case ExprKind::Coalesce:
        for (ExprId arg : expr.args)
          if (Cell cell = value(arg); cell.valid && !(expr.type == Type::String && cell.s.size == 0))
            return cell;
        return null_cell(expr.type);
    }
    KQLC_UNREACHABLE("expression kind");
  }

  Cell logic(const Expr& expr, bool decisive) {
    bool null = false;
    for (ExprId arg : expr.args) {
      Cell cell = value(arg);
      if (cell.valid && cell.b == decisive) return cell;
      null |= !cell.valid;
    }
    return null ? null_cell(Type::Bool) : make_cell(!decisive);
  }

  Cell call(const Expr& expr) {
    std::vector<Cell> args;
    for (ExprId arg : expr.args) args.push_back(value(arg));
    Cell out;
    Invoke invoke = expr.prepared ? expr.function->invoke_prepared : expr.function->invoke;
    invoke(context_, expr.prepared.get(), args.data(), args.size(), &out);
    return out;
  }

  const Ir& ir_;
  Context& context_;
  std::unordered_map<ExprId, Cell> known_;
};

}  // namespace

Cell evaluate_constant(const Ir& ir, ExprId id, Context& context) { return Evaluator(ir, context).value(id); }

Result<std::shared_ptr<void>> prepare(const Ir& ir, const Function& function,
                                      const std::vector<ExprId>& args) {
  if (!function.prepare)
    return Error{ErrorCode::Usage, std::string(function.spec.name) + " has no prepared form"};
  Arena scratch;
  Context context;
  context.arena = context.state_arena = ir.arena.get();
  context.now = ir.now;
  std::vector<Cell> cells(args.size());
  for (size_t i = 0; i < args.size(); ++i) {
    // The last bit of the mask stands for all arguments from there on.
    if (!(function.prepared_mask >> std::min<size_t>(i, 31) & 1)) continue;
    if (ir.exprs[args[i]].depth > kMaxDepth || !is_constant(ir, args[i]))
      return Error{ErrorCode::Usage, std::string(function.spec.name) + ": an argument is no constant"};
    cells[i] = evaluate_constant(ir, args[i], context);
  }
  const char* error = context.error;
  void* state = error ? nullptr : function.prepare(cells.data(), cells.size(), *ir.arena, &error);
  if (!state)
    return Error{ErrorCode::Usage,
                 std::string(function.spec.name) + ": " + (error ? error : "wrong constant")};
  return std::shared_ptr<void>(state, function.destroy);
}

ExprId Substitution::apply(ExprId root) {
  for (ExprId id : expressions_below(ir_, {root})) {
    if (done_.contains(id)) continue;
    Expr expr = ir_.exprs[id];
    ExprId out = id;
    if (expr.kind == ExprKind::Column) {
      out = columns_[static_cast<size_t>(expr.column)];
    } else if (!expr.args.empty()) {
      bool changed = false;
      for (ExprId& arg : expr.args) {
        ExprId replaced = done_.at(arg);
        changed |= replaced != arg;
        arg = replaced;
      }
      expr.depth = 0;
      if (changed) out = ir_.add(std::move(expr));
    }
    done_[id] = out;
  }
  return done_.at(root);
}

std::vector<uint32_t> count_uses(const Ir& ir) {
  std::vector<uint32_t> uses(ir.ops.size(), 0);
  uses[ir.result] = 1;
  for (const Op& op : ir.ops)
    for (OpId input : op.inputs) ++uses[input];
  return uses;
}

namespace {

// The operators that the result needs, inputs first.
std::vector<OpId> order_of_ops(const Ir& ir) {
  std::vector<OpId> order;
  std::vector<bool> done(ir.ops.size(), false);
  std::vector<std::pair<OpId, size_t>> open{{ir.result, 0}};
  while (!open.empty()) {
    auto& [id, next] = open.back();
    if (!done[id] && next < ir.ops[id].inputs.size()) {
      OpId input = ir.ops[id].inputs[next++];
      if (!done[input]) open.emplace_back(input, 0);
      continue;
    }
    if (!done[id]) order.push_back(id);
    done[id] = true;
    open.pop_back();
  }
  return order;
}

}  // namespace

void compact(Ir& ir) {
  std::vector<OpId> order = order_of_ops(ir), place(ir.ops.size(), 0);
  std::vector<ExprId> roots;
  std::vector<Op> ops;
  for (OpId id : order) {
    place[id] = static_cast<OpId>(ops.size());
    ops.push_back(std::move(ir.ops[id]));
    for (OpId& input : ops.back().inputs) input = place[input];
    for (ExprId root : roots_of(ops.back())) roots.push_back(root);
  }
  std::vector<Expr> old = std::move(ir.exprs);
  ir.exprs.clear();
  ir.index.clear();
  std::vector<ExprId> renumbered(old.size(), 0);
  Ir before;
  before.exprs = std::move(old);
  for (ExprId id : expressions_below(before, roots)) {
    Expr expr = std::move(before.exprs[id]);
    for (ExprId& arg : expr.args) arg = renumbered[arg];
    expr.depth = 0;
    renumbered[id] = ir.add(std::move(expr));
  }
  for (Op& op : ops) {
    for (ExprId& root : op.exprs) root = renumbered[root];
    for (AggregateUse& use : op.aggregates)
      for (ExprId& arg : use.args) arg = renumbered[arg];
  }
  ir.result = place[ir.result];
  ir.ops = std::move(ops);
}

}  // namespace kqlc::ir

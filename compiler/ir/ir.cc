// SPDX-License-Identifier: Apache-2.0
//
// What all passes share: adding an expression (equal ones become one), walks without recursion, substitution
// of columns, constants, and the renumbering after a pass.
#include "compiler/ir/ir.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

#include "runtime/base/check.h"

namespace kqlc::ir {

namespace {

// Whether one that was computed before may stand for it.
bool can_share(const Expr& expr) { return expr.kind != ExprKind::Call || expr.function->spec.deterministic; }

// Types whose values are equal where all bits of the payload are.
bool is_word(Type type) {
  return type == Type::Long || type == Type::DateTime || type == Type::TimeSpan || type == Type::Real;
}

int64_t word_of(const Cell& cell, Type type) {
  return type == Type::Real ? std::bit_cast<int64_t>(cell.d) : cell.l;
}

bool same_literal(const Cell& a, const Cell& b, Type type) {
  if (!a.valid || !b.valid) return a.valid == b.valid;
  if (type == Type::String) return a.s.view() == b.s.view();
  if (is_word(type)) return word_of(a, type) == word_of(b, type);
  return print_literal(a, type) == print_literal(b, type);
}

bool same(const Expr& a, const Expr& b) {
  if (a.kind != b.kind || a.type != b.type || a.column != b.column || a.function != b.function ||
      (a.prepared != nullptr) != (b.prepared != nullptr) || a.args != b.args)
    return false;
  return a.kind != ExprKind::Literal || same_literal(a.literal, b.literal, a.type);
}

uint64_t hash_of(const Cell& literal, Type type) {
  if (!literal.valid) return 0;
  if (is_word(type)) return static_cast<uint64_t>(word_of(literal, type));
  if (type == Type::String) return std::hash<std::string_view>()(literal.s.view());
  return std::hash<std::string>()(print_literal(literal, type));
}

uint64_t hash_of(const Expr& expr) {
  uint64_t hash = static_cast<uint64_t>(expr.kind) << 8 | static_cast<uint64_t>(expr.type);
  auto add = [&](uint64_t value) {
    hash = (hash ^ value) * 0x9E3779B97F4A7C15;
    hash ^= hash >> 32;
  };
  add(static_cast<uint64_t>(expr.column));
  add(reinterpret_cast<uintptr_t>(expr.function));
  for (ExprId arg : expr.args) add(arg);
  if (expr.kind == ExprKind::Literal) add(hash_of(expr.literal, expr.type));
  return hash;
}

}  // namespace

// The index is made when something is added: many passes add nothing between one renumbering and the next.
ExprId Ir::add(Expr expr) {
  const bool shared_form = can_share(expr);
  expr.deterministic = shared_form;
  expr.may_fail = expr.kind == ExprKind::Call && expr.function->spec.may_fail;
  for (ExprId arg : expr.args) {
    expr.deterministic &= exprs[arg].deterministic;
    expr.may_fail |= exprs[arg].may_fail;
    expr.depth = std::max(expr.depth, exprs[arg].depth + 1);
  }
  if (index.reserve(exprs.size() + 1)) num_indexed = 0;
  for (; num_indexed < exprs.size(); ++num_indexed)
    if (can_share(exprs[num_indexed]))
      index.insert(hash_of(exprs[num_indexed]), static_cast<ExprId>(num_indexed));
  if (shared_form) {
    const ExprId known = index.find(hash_of(expr), [&](ExprId id) { return same(exprs[id], expr); });
    if (known != HashIndex::kNone) return known;
  }
  exprs.push_back(std::move(expr));
  return static_cast<ExprId>(exprs.size() - 1);
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

// Arguments have smaller ids than what uses them, so one way down meets all.
ExprSet expressions_below(const Ir& ir, std::span<const ExprId> roots) {
  const ExprId greatest = roots.empty() ? 0 : *std::ranges::max_element(roots);
  ExprSet found(roots.empty() ? 0 : size_t{greatest} + 1);
  for (ExprId root : roots) found.add(root);
  for (size_t id = greatest; id != SIZE_MAX && !roots.empty(); id = found.previous(id))
    for (ExprId arg : ir.exprs[id].args) found.add(arg);
  return found;
}

std::vector<ExprId> roots_of(const Op& op) {
  std::vector<ExprId> roots = op.exprs;
  for (const AggregateUse& use : op.aggregates) roots.insert(roots.end(), use.args.begin(), use.args.end());
  return roots;
}

void mark_columns(const Ir& ir, ExprId root, std::vector<bool>& columns) {
  for (ExprId id : expressions_below(ir, root))
    if (ir.exprs[id].kind == ExprKind::Column) columns[static_cast<size_t>(ir.exprs[id].column)] = true;
}

bool is_constant(const Ir& ir, ExprId root) {
  if (!ir.exprs[root].deterministic) return false;
  for (ExprId id : expressions_below(ir, root))
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
  for (ExprId id : expressions_below(ir_, root)) {
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
    done_.set(id, out);
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

// Keeps the operators that the result needs.
void compact_ops(Ir& ir) {
  const std::vector<OpId> order = order_of_ops(ir);
  bool changed = order.size() != ir.ops.size();
  for (size_t i = 0; i < order.size(); ++i) changed |= order[i] != i;
  if (!changed) return;
  std::vector<OpId> place(ir.ops.size(), 0);
  std::vector<Op> ops;
  ops.reserve(order.size());
  for (OpId id : order) {
    place[id] = static_cast<OpId>(ops.size());
    ops.push_back(std::move(ir.ops[id]));
    for (OpId& input : ops.back().inputs) input = place[input];
  }
  ir.result = place[ir.result];
  ir.ops = std::move(ops);
}

// Keeps the expressions that operators need. What was different stays so: only numbers change.
void compact_exprs(Ir& ir) {
  std::vector<ExprId> roots;
  for (const Op& op : ir.ops)
    for (ExprId root : roots_of(op)) roots.push_back(root);
  std::vector<ExprId> renumbered(ir.exprs.size(), 0);
  ExprId next = 0;
  for (ExprId id : expressions_below(ir, roots)) {
    renumbered[id] = next;
    if (id != next) ir.exprs[next] = std::move(ir.exprs[id]);
    for (ExprId& arg : ir.exprs[next].args) arg = renumbered[arg];
    ++next;
  }
  if (next == ir.exprs.size()) return;
  ir.exprs.erase(ir.exprs.begin() + next, ir.exprs.end());
  ir.index.clear();
  ir.num_indexed = 0;
  for (Op& op : ir.ops) {
    for (ExprId& root : op.exprs) root = renumbered[root];
    for (AggregateUse& use : op.aggregates)
      for (ExprId& arg : use.args) arg = renumbered[arg];
  }
}

}  // namespace

void compact(Ir& ir) {
  compact_ops(ir);
  compact_exprs(ir);
}

}  // namespace kqlc::ir

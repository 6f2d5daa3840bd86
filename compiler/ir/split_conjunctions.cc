// SPDX-License-Identifier: Apache-2.0
//
// split_conjunctions: a row passes a filter when all operands of its `and` are true; null and false need no
// difference, so each operand is a condition of its own, which can move alone. Conditions that cost little
// come first. One that may fail is never put before another, since a row that the other drops must not fail.
#include <algorithm>
#include <unordered_set>

#include "compiler/ir/passes.h"

namespace kqlc::ir {

namespace {

// 0 compares numbers; each search in text or walk through JSON adds to it.
int cost_of(const Ir& ir, ExprId root) {
  int cost = 0;
  for (ExprId id : expressions_below(ir, root)) {
    const Expr& expr = ir.exprs[id];
    if (expr.kind != ExprKind::Call) continue;
    bool text = expr.type == Type::String || expr.type == Type::Dynamic;
    for (ExprId arg : expr.args)
      text |= ir.exprs[arg].type == Type::String || ir.exprs[arg].type == Type::Dynamic;
    bool plain = expr.function->filter || (!expr.function->uses_context && !expr.prepared);
    cost += !text ? 0 : plain ? 1 : 4;
  }
  return cost;
}

void split(const Ir& ir, ExprId root, std::vector<ExprId>& out, std::unordered_set<ExprId>& seen) {
  std::vector<ExprId> open{root};
  while (!open.empty()) {
    ExprId id = open.back();
    open.pop_back();
    const Expr& expr = ir.exprs[id];
    if (expr.deterministic && !seen.insert(id).second) continue;
    if (expr.kind == ExprKind::And) {
      open.insert(open.end(), expr.args.rbegin(), expr.args.rend());
    } else {
      out.push_back(id);
    }
  }
}

// Costs that lie near each other keep the order of the rule: its author may know the data.
void order_by_cost(const Ir& ir, std::vector<ExprId>& conditions) {
  auto rank = [&](ExprId id) {
    if (ir.exprs[id].may_fail || !ir.exprs[id].deterministic) return 3;
    int cost = cost_of(ir, id);
    return cost == 0 ? 0 : cost == 1 ? 1 : 2;
  };
  std::vector<std::pair<int, ExprId>> ranked;
  for (ExprId id : conditions) ranked.emplace_back(rank(id), id);
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 0; i < ranked.size(); ++i) conditions[i] = ranked[i].second;
}

}  // namespace

void split_conjunctions(Ir& ir) {
  for (Op& op : ir.ops) {
    if (op.kind != OpKind::Filter) continue;
    std::vector<ExprId> conditions;
    std::unordered_set<ExprId> seen;
    for (ExprId root : op.exprs) split(ir, root, conditions, seen);
    order_by_cost(ir, conditions);
    op.exprs = std::move(conditions);
  }
  compact(ir);
}

}  // namespace kqlc::ir

// SPDX-License-Identifier: Apache-2.0
//
// push_filters: each condition of a filter moves down as long as the rows that pass are the same and their order, too:
// through projections (columns become what they stand for), sort and distinct, into every input of a union, and below
// summarize where it reads keys only. It stops at take, top and count, which see other rows when fewer come, and at
// what a second operator reads as well.
//
// A condition stays above distinct and summarize when it reads a column whose equal values may look different (0.0 and
// -0.0, 1 and 1.0 in a dynamic value): the group's first value decides there, each row's own below.
#include <algorithm>

#include "compiler/ir/passes.h"

namespace kqlc::ir {

namespace {

// Nested deeper than this a condition is left where it is.
constexpr uint32_t kMaxPushedDepth = 200;
// Conditions that a query may have in all, since a union copies them.
constexpr size_t kMaxConditions = 4096;

bool equal_means_same(Type type) { return type != Type::Real && type != Type::Decimal && type != Type::Dynamic; }

class FilterPusher {
 public:
  explicit FilterPusher(Ir& ir) : ir_(ir) {}

  // Pushes until nothing moves. Conditions only ever move down, so this ends.
  void run() {
    do {
      compact(ir_);
      moved_ = false;
      uses_ = count_uses(ir_);
      conditions_ = 0;
      for (const Op& op : ir_.ops) conditions_ += op.kind == OpKind::Filter ? op.exprs.size() : 0;
      size_t count = ir_.ops.size();
      for (size_t id = count; id-- > 0;)
        if (ir_.ops[id].kind == OpKind::Filter) push(static_cast<OpId>(id));
      remove_idle(ir_);
    } while (moved_);
  }

 private:
  void push(OpId filter) {
    OpId below = ir_.ops[filter].inputs[0];
    if (below >= uses_.size() || uses_[below] != 1) return;
    std::vector<ExprId> stay, go;
    for (ExprId condition : ir_.ops[filter].exprs) (can_pass(condition, below) ? go : stay).push_back(condition);
    if (go.empty()) return;
    moved_ = true;
    ir_.ops[filter].exprs = std::move(stay);
    insert_below(below, go);  // where it goes on in the next round
  }

  bool can_pass(ExprId condition, OpId below) {
    const Expr& expr = ir_.exprs[condition];
    if (!expr.deterministic || expr.depth > kMaxPushedDepth) return false;
    const Op& op = ir_.ops[below];
    switch (op.kind) {
      case OpKind::Filter: case OpKind::Sort: return true;
      case OpKind::Union: return conditions_ <= kMaxConditions;
      case OpKind::Project: return reads_only(condition, op, op.exprs.size(), false);
      case OpKind::Distinct: return reads_only(condition, op, op.schema.size(), true);
      case OpKind::Summarize: return !op.exprs.empty() && reads_only(condition, op, op.exprs.size(), true);
      default: return false;
    }
  }

  // Whether the condition reads none but the first `width` columns of `op`, which are computed alike each time and (as
  // far as they are groups) look the same where they are equal.
  bool reads_only(ExprId condition, const Op& op, size_t width, bool groups) {
    std::vector<bool> read(op.schema.size(), false);
    mark_columns(ir_, condition, read);
    for (size_t i = 0; i < read.size(); ++i) {
      if (!read[i]) continue;
      if (i >= width || (groups && !equal_means_same(op.schema[i].type))) return false;
      if (op.exprs.empty()) continue;
      const Expr& value = ir_.exprs[op.exprs[i]];
      if (!value.deterministic || value.depth > kMaxPushedDepth || may_fail(ir_, op.exprs[i])) return false;
    }
    return true;
  }

  void insert_below(OpId below, const std::vector<ExprId>& conditions) {
    if (ir_.ops[below].kind == OpKind::Filter) {
      std::vector<ExprId>& exprs = ir_.ops[below].exprs;
      exprs.insert(exprs.end(), conditions.begin(), conditions.end());
      return;
    }
    std::vector<ExprId> meant = conditions;
    if (OpKind kind = ir_.ops[below].kind; kind == OpKind::Project || kind == OpKind::Summarize) {
      std::vector<ExprId> columns = ir_.ops[below].exprs;
      columns.resize(ir_.ops[below].schema.size(), 0);
      Substitution substitution(ir_, std::move(columns));
      for (ExprId& condition : meant) condition = substitution.apply(condition);
    }
    conditions_ += meant.size() * (ir_.ops[below].inputs.size() - std::min<size_t>(1, ir_.ops[below].inputs.size()));
    for (size_t i = 0; i < ir_.ops[below].inputs.size(); ++i) {
      OpId input = ir_.ops[below].inputs[i];
      Op filter;
      filter.kind = OpKind::Filter;
      filter.schema = ir_.ops[input].schema;
      filter.inputs = {input};
      filter.exprs = meant;
      ir_.ops.push_back(std::move(filter));
      ir_.ops[below].inputs[i] = static_cast<OpId>(ir_.ops.size() - 1);
    }
  }

  Ir& ir_;
  std::vector<uint32_t> uses_;
  size_t conditions_ = 0;
  bool moved_ = false;
};

}  // namespace

void push_filters(Ir& ir) { FilterPusher(ir).run(); }

// Filters that have no condition left are passed over; the rows of two filters in a row are those of one.
void remove_idle(Ir& ir) {
  auto skip = [&](OpId id) {
    while (ir.ops[id].kind == OpKind::Filter && ir.ops[id].exprs.empty()) id = ir.ops[id].inputs[0];
    return id;
  };
  for (Op& op : ir.ops)
    for (OpId& input : op.inputs) input = skip(input);
  ir.result = skip(ir.result);
}

}  // namespace kqlc::ir

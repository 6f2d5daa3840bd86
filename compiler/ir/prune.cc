// SPDX-License-Identifier: Apache-2.0
//
// prune: from the result down, which columns of each operator are read; then, from the sources up, everything
// is written anew with only those. Scans read less, projections compute less, aggregates nobody reads are not
// run. A column whose computation may end the query with an error stays.
#include <algorithm>

#include "compiler/ir/passes.h"

namespace kqlc::ir {

namespace {

bool passes_columns_on(OpKind kind) {
  return kind == OpKind::Filter || kind == OpKind::Take || kind == OpKind::Sort || kind == OpKind::Top ||
         kind == OpKind::Distinct;
}

class Pruner {
 public:
  explicit Pruner(Ir& ir) : ir_(ir), read_(ir.ops.size()), place_(ir.ops.size()) {}

  void run() {
    for (size_t id = 0; id < ir_.ops.size(); ++id)
      read_[id].assign(ir_.ops[id].schema.size(), id == ir_.result);
    for (size_t id = ir_.ops.size(); id-- > 0;) mark(static_cast<OpId>(id));
    for (size_t id = 0; id < read_.size(); ++id) rewrite(static_cast<OpId>(id));
    skip_identities();
    compact(ir_);
  }

 private:
  // Marks what `id` reads of its inputs, given what is read of itself.
  void mark(OpId id) {
    Op& op = ir_.ops[id];
    std::vector<bool>& own = read_[id];
    for (const SortKey& key : op.sort_keys) own[static_cast<size_t>(key.column)] = true;
    if (op.kind == OpKind::Distinct) own.assign(own.size(), true);
    if (op.kind == OpKind::Filter)
      for (ExprId root : op.exprs) mark_columns(ir_, root, own);
    if (op.kind == OpKind::Project) keep_failing(op, own);
    if (op.kind == OpKind::Summarize) keep_groups(op, own);
    for (OpId input : op.inputs) {
      std::vector<bool>& below = read_[input];
      if (passes_columns_on(op.kind) || op.kind == OpKind::Union)
        for (size_t i = 0; i < own.size(); ++i) below[i] = below[i] || own[i];
      if (op.kind == OpKind::Project)
        for (size_t i = 0; i < own.size(); ++i)
          if (own[i]) mark_columns(ir_, op.exprs[i], below);
      if (op.kind == OpKind::Summarize) mark_summarize(op, own, below);
    }
  }

  void keep_failing(const Op& op, std::vector<bool>& own) {
    for (size_t i = 0; i < own.size(); ++i) own[i] = own[i] || may_fail(ir_, op.exprs[i]);
  }

  // Keys make the groups; without keys at least one aggregate stays, so that there is a row to speak of. Of
  // an aggregate with several columns all stay.
  void keep_groups(const Op& op, std::vector<bool>& own) {
    size_t column = op.exprs.size();
    std::fill_n(own.begin(), column, true);
    bool any = column > 0;
    for (const AggregateUse& use : op.aggregates) {
      auto begin = own.begin() + static_cast<std::ptrdiff_t>(column);
      auto end = begin + static_cast<std::ptrdiff_t>(use.num_results);
      bool kept = std::find(begin, end, true) != end;
      for (ExprId arg : use.args) kept = kept || may_fail(ir_, arg);
      if (kept) std::fill(begin, end, true);
      any |= kept;
      column += use.num_results;
    }
    if (!any) std::fill_n(own.begin(), op.aggregates.empty() ? 0 : op.aggregates[0].num_results, true);
  }

  void mark_summarize(const Op& op, const std::vector<bool>& own, std::vector<bool>& below) {
    for (ExprId key : op.exprs) mark_columns(ir_, key, below);
    size_t column = op.exprs.size();
    for (const AggregateUse& use : op.aggregates) {
      if (own[column])
        for (ExprId arg : use.args) mark_columns(ir_, arg, below);
      column += use.num_results;
    }
  }

  // Where the columns of an operator are after the rewriting, -1 for those dropped.
  void number(OpId id, const std::vector<bool>& kept) {
    Op& op = ir_.ops[id];
    Schema schema;
    for (size_t i = 0; i < kept.size(); ++i) {
      place_[id].push_back(kept[i] ? static_cast<int>(schema.size()) : -1);
      if (kept[i]) schema.push_back(std::move(op.schema[i]));
    }
    op.schema = std::move(schema);
  }

  void rewrite(OpId id) {
    const OpKind kind = ir_.ops[id].kind;
    const std::vector<bool> kept = read_[id];
    if (kind == OpKind::Range || kind == OpKind::Count) {
      place_[id].push_back(0);
      return;
    }
    if (passes_columns_on(kind)) {
      OpId input = ir_.ops[id].inputs[0];
      place_[id] = place_[input];
      ir_.ops[id].schema = ir_.ops[input].schema;
    } else {
      number(id, kept);
    }
    if (kind == OpKind::Union) return project_inputs(id, kept);
    Op& op = ir_.ops[id];
    if (kind == OpKind::Rows) drop_cells(op, kept);
    if (kind == OpKind::Project) drop(op.exprs, kept);
    if (kind == OpKind::Summarize) drop_aggregates(op, kept);
    for (SortKey& key : op.sort_keys) key.column = place_[id][static_cast<size_t>(key.column)];
    if (!op.inputs.empty()) renumber(op, op.inputs[0]);
  }

  // An input of a union may have kept more than the union reads: the rest is projected away.
  void project_inputs(OpId id, const std::vector<bool>& kept) {
    for (size_t i = 0; i < ir_.ops[id].inputs.size(); ++i) {
      OpId input = ir_.ops[id].inputs[i];
      Op project;
      project.kind = OpKind::Project;
      project.schema = ir_.ops[id].schema;
      project.inputs = {input};
      bool same = true;
      for (size_t column = 0; column < kept.size(); ++column) {
        if (!kept[column]) continue;
        auto place = static_cast<size_t>(place_[input][column]);
        same &= place == project.exprs.size();
        project.exprs.push_back(ir_.add_column(place, ir_.ops[input].schema[place].type));
      }
      if (same && project.exprs.size() == ir_.ops[input].schema.size()) continue;
      ir_.ops.push_back(std::move(project));
      ir_.ops[id].inputs[i] = static_cast<OpId>(ir_.ops.size() - 1);
    }
  }

  // A projection that gives the columns it gets, under the same names, is passed over.
  bool is_identity(const Op& op) const {
    if (op.kind != OpKind::Project || op.schema.size() != ir_.ops[op.inputs[0]].schema.size()) return false;
    for (size_t i = 0; i < op.exprs.size(); ++i) {
      const Expr& expr = ir_.exprs[op.exprs[i]];
      if (expr.kind != ExprKind::Column || expr.column != static_cast<int>(i)) return false;
      if (op.schema[i].name != ir_.ops[op.inputs[0]].schema[i].name) return false;
    }
    return true;
  }

  void skip_identities() {
    auto skip = [&](OpId id) {
      while (is_identity(ir_.ops[id])) id = ir_.ops[id].inputs[0];
      return id;
    };
    for (Op& op : ir_.ops)
      for (OpId& input : op.inputs) input = skip(input);
    ir_.result = skip(ir_.result);
  }

  static void drop_cells(Op& op, const std::vector<bool>& kept) {
    std::vector<Cell> cells;
    for (size_t i = 0; i < op.cells.size(); ++i)
      if (kept[i % kept.size()]) cells.push_back(op.cells[i]);
    op.cells = std::move(cells);
  }

  static void drop(std::vector<ExprId>& exprs, const std::vector<bool>& kept) {
    size_t next = 0;
    for (size_t i = 0; i < exprs.size(); ++i)
      if (kept[i]) exprs[next++] = exprs[i];
    exprs.resize(next);
  }

  static void drop_aggregates(Op& op, const std::vector<bool>& kept) {
    std::vector<AggregateUse> uses;
    size_t column = op.exprs.size();
    for (AggregateUse& use : op.aggregates) {
      bool keep = kept[column];
      column += use.num_results;
      if (keep) uses.push_back(std::move(use));
    }
    op.aggregates = std::move(uses);
  }

  void renumber(Op& op, OpId input) {
    const std::vector<int>& place = place_[input];
    std::vector<ExprId> columns(place.size(), 0);
    for (size_t i = 0; i < place.size(); ++i)
      if (auto to = static_cast<size_t>(place[i]); place[i] >= 0)
        columns[i] = ir_.add_column(to, ir_.ops[input].schema[to].type);
    Substitution renamed(ir_, std::move(columns));
    for (ExprId& root : op.exprs) root = renamed.apply(root);
    for (AggregateUse& use : op.aggregates)
      for (ExprId& arg : use.args) arg = renamed.apply(arg);
  }

  Ir& ir_;
  std::vector<std::vector<bool>> read_;  // columns of each operator that are read
  std::vector<std::vector<int>> place_;  // where they are afterwards
};

}  // namespace

void prune(Ir& ir) { Pruner(ir).run(); }

}  // namespace kqlc::ir

// SPDX-License-Identifier: Apache-2.0
//
// prune: from the result down, which columns of each operator are read; then, from the sources up, everything
// is written anew with only those. Scans read less, projections compute less, aggregates nobody reads are not
// run. A column whose computation may end the query with an error stays.
#include <algorithm>
#include <string_view>

#include "compiler/ir/passes.h"

namespace kqlc::ir {

namespace {

// Of several columns take_any keeps the row that comes first, whichever of them are asked for.
bool takes_first_row(const AggregateUse& use) {
  return use.num_results > 1 && std::string_view(use.aggregate->spec.row_name) == "any";
}

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
    if (op.kind == OpKind::Join) return mark_join(op, own);
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
    for (size_t i = 0; i < own.size(); ++i) own[i] = own[i] || ir_.exprs[op.exprs[i]].may_fail;
  }

  // Of both sides what is read of the join, and the keys.
  void mark_join(const Op& op, const std::vector<bool>& own) {
    size_t num_left = read_[op.inputs[0]].size();
    for (size_t i = 0; i < own.size(); ++i) {
      if (!own[i]) continue;
      if (i < num_left) {
        read_[op.inputs[0]][i] = true;
      } else {
        read_[op.inputs[1]][i - num_left] = true;
      }
    }
    for (const JoinKey& key : op.join_keys) {
      read_[op.inputs[0]][static_cast<size_t>(key.left)] = true;
      read_[op.inputs[1]][static_cast<size_t>(key.right)] = true;
    }
  }

  // Keys make the groups; without keys at least one aggregate stays, so that there is a row to speak of. Of
  // an aggregate with several columns all stay, but for take_any.
  void keep_groups(const Op& op, std::vector<bool>& own) {
    size_t column = op.exprs.size();
    std::fill_n(own.begin(), column, true);
    bool any = column > 0;
    for (const AggregateUse& use : op.aggregates) {
      auto begin = own.begin() + static_cast<std::ptrdiff_t>(column);
      auto end = begin + static_cast<std::ptrdiff_t>(use.num_results);
      bool kept = std::find(begin, end, true) != end;
      for (ExprId arg : use.args) kept = kept || ir_.exprs[arg].may_fail;
      if (kept && takes_first_row(use)) {
        for (size_t i = 0; i < use.args.size(); ++i)
          if (ir_.exprs[use.args[i]].may_fail) begin[static_cast<std::ptrdiff_t>(i)] = true;
        // Of one column alone it would be the first that is not empty.
        if (std::count(begin, end, true) == 1) *std::find(begin, end, false) = true;
      } else if (kept) {
        std::fill(begin, end, true);
      }
      any |= kept;
      column += use.num_results;
    }
    if (!any) std::fill_n(own.begin(), op.aggregates.empty() ? 0 : op.aggregates[0].num_results, true);
  }

  void mark_summarize(const Op& op, const std::vector<bool>& own, std::vector<bool>& below) {
    for (ExprId key : op.exprs) mark_columns(ir_, key, below);
    size_t column = op.exprs.size();
    for (const AggregateUse& use : op.aggregates) {
      for (size_t i = 0; i < use.args.size(); ++i)
        if (own[column + (takes_first_row(use) ? i : 0)]) mark_columns(ir_, use.args[i], below);
      column += use.num_results;
    }
  }

  // Where the columns of an operator are after the rewriting, -1 for those dropped.
  void number(OpId id, const std::vector<bool>& kept) {
    Op& op = ir_.ops[id];
    Schema::Columns columns;
    for (size_t i = 0; i < kept.size(); ++i) {
      place_[id].push_back(kept[i] ? static_cast<int>(columns.size()) : -1);
      if (kept[i]) columns.push_back(op.schema[i]);
    }
    op.schema = std::move(columns);
  }

  void rewrite(OpId id) {
    const OpKind kind = ir_.ops[id].kind;
    const std::vector<bool> kept = read_[id];
    if (kind == OpKind::Range || kind == OpKind::Count) {
      place_[id].push_back(0);
      return;
    }
    if (kind == OpKind::Join) return rewrite_join(id, kept);
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

  // A join gives all columns of its inputs; of the right side, whose rows are kept, only those that are read.
  void rewrite_join(OpId id, const std::vector<bool>& kept) {
    const OpId left = ir_.ops[id].inputs[0];
    const size_t num_left = place_[left].size();
    std::vector<bool> wanted(place_[ir_.ops[id].inputs[1]].size(), false);
    for (size_t i = num_left; i < kept.size(); ++i) wanted[i - num_left] = kept[i];
    for (const JoinKey& key : ir_.ops[id].join_keys) wanted[static_cast<size_t>(key.right)] = true;
    std::vector<int> right_place = project_right_side(id, wanted);
    Op& op = ir_.ops[id];
    const auto new_left = static_cast<int>(ir_.ops[left].schema.size());
    Schema schema = ir_.ops[left].schema;
    if (plan::has_right_columns(op.join)) schema.append(ir_.ops[op.inputs[1]].schema);
    Schema::Columns& columns = schema.edit();
    for (size_t i = 0; i < op.schema.size(); ++i) {
      int place = i < num_left ? place_[left][i] : right_place[i - num_left];
      if (place >= 0 && i >= num_left) place += new_left;
      if (place >= 0) columns[static_cast<size_t>(place)] = op.schema[i];
      place_[id].push_back(place);
    }
    op.schema = std::move(schema);
    for (JoinKey& key : op.join_keys) {
      key.left = place_[left][static_cast<size_t>(key.left)];
      key.right = right_place[static_cast<size_t>(key.right)];
    }
  }

  // Projects the right side of a join to the wanted columns, if it has others. Returns where they are then.
  std::vector<int> project_right_side(OpId id, const std::vector<bool>& wanted) {
    const OpId right = ir_.ops[id].inputs[1];
    if (static_cast<size_t>(std::ranges::count(wanted, true)) == ir_.ops[right].schema.size())
      return place_[right];
    Op project;
    project.kind = OpKind::Project;
    project.inputs = {right};
    std::vector<int> places(wanted.size(), -1);
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (!wanted[i]) continue;
      auto from = static_cast<size_t>(place_[right][i]);
      places[i] = static_cast<int>(project.schema.size());
      project.schema.push_back(ir_.ops[right].schema[from]);
      project.exprs.push_back(ir_.add_column(from, project.schema.back().type));
    }
    ir_.ops.push_back(std::move(project));
    ir_.ops[id].inputs[1] = static_cast<OpId>(ir_.ops.size() - 1);
    return places;
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
      size_t begin = column;
      column += use.num_results;
      if (takes_first_row(use)) drop_results(use, kept, begin);
      if (takes_first_row(use) || kept[begin]) uses.push_back(std::move(use));
    }
    op.aggregates = std::move(uses);
  }

  static void drop_results(AggregateUse& use, const std::vector<bool>& kept, size_t begin) {
    size_t next = 0;
    for (size_t i = 0; i < use.args.size(); ++i) {
      if (!kept[begin + i]) continue;
      use.args[next] = use.args[i];
      use.types[next] = use.types[i];
      use.constants[next++] = use.constants[i];
    }
    use.args.resize(next);
    use.types.resize(next);
    use.constants.resize(next);
    use.num_results = next;
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

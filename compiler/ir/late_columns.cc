// SPDX-License-Identifier: Apache-2.0
//
// The split. From the one scan of the query upwards, through filters and projections, to the operator that
// keeps rows. Below it the row's place travels with the row; it takes the place of what is only kept. Above
// it nothing changes: the operator becomes a projection over the rows that were kept, in their order.
#include "compiler/ir/late_columns.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "compiler/ir/passes.h"

namespace kqlc::ir {

namespace {

// A fetched row costs a search for it, so it must spare more than a column or two of each row that is not.
constexpr size_t kFewestFetched = 3;

// What keeps the rows, and which expressions over its input it only keeps.
struct Keeper {
  OpId scan = 0;
  std::vector<OpId> chain;  // filters and projections, from the scan upwards
  OpId op = 0;
};

bool keeps_rows(const Op& op) {
  if (op.kind == OpKind::Top) return true;
  if (op.kind != OpKind::Summarize || op.exprs.empty() || op.aggregates.size() != 1) return false;
  // One column of take_any is a value that is not null; several are a row.
  return *op.aggregates[0].aggregate->spec.row_name != 0 && op.aggregates[0].num_results > 1;
}

std::optional<Keeper> find_keeper(const Ir& ir) {
  Keeper keeper;
  auto is_scan = [](const Op& op) { return op.kind == OpKind::Scan; };
  auto is_join = [](const Op& op) { return op.kind == OpKind::Join; };
  if (std::ranges::count_if(ir.ops, is_scan) != 1 || std::ranges::any_of(ir.ops, is_join))
    return std::nullopt;
  keeper.scan = static_cast<OpId>(std::ranges::find_if(ir.ops, is_scan) - ir.ops.begin());
  const std::vector<uint32_t> uses = count_uses(ir);
  OpId below = keeper.scan;
  for (OpId id = below + 1; id < ir.ops.size(); ++id) {
    const Op& op = ir.ops[id];
    if (std::ranges::find(op.inputs, below) == op.inputs.end()) continue;
    if (uses[below] != 1) return std::nullopt;
    if (op.kind != OpKind::Filter && op.kind != OpKind::Project) {
      if (!keeps_rows(op)) return std::nullopt;
      keeper.op = id;
      return keeper;
    }
    keeper.chain.push_back(id);
    below = id;
  }
  return std::nullopt;
}

Op make_project(OpId input) {
  Op project;
  project.kind = OpKind::Project;
  project.inputs = {input};
  return project;
}

class Splitter {
 public:
  Splitter(const Ir& ir, Keeper keeper) : keeper_(std::move(keeper)) {
    out_.early = ir;
    out_.late = ir;
    out_.table = ir.ops[keeper_.scan].table;
  }

  std::optional<LateColumns> run() {
    const ColumnDef row{std::string(kRowColumn), Type::Long};
    const Schema& table = out_.early.ops[keeper_.scan].schema;
    if (std::ranges::find(table, row.name, &ColumnDef::name) != table.end()) return std::nullopt;
    add_row_column(row);
    if (out_.early.ops[keeper_.op].kind == OpKind::Top)
      keep_top(row);
    else
      keep_group(row);
    if (!make_late()) return std::nullopt;
    // A dynamic value is more than its text, which is all that a column of one holds.
    for (const ColumnDef& column : kept_)
      if (column.type == Type::Dynamic) return std::nullopt;
    if (verify(out_.early) || verify(out_.late)) return std::nullopt;
    return std::move(out_);
  }

 private:
  OpId top_of_chain() const { return keeper_.chain.empty() ? keeper_.scan : keeper_.chain.back(); }

  // The scan gives the row's place as its last column, and the chain hands it up.
  void add_row_column(const ColumnDef& row) {
    Ir& ir = out_.early;
    size_t place = ir.ops[keeper_.scan].schema.size();
    ir.ops[keeper_.scan].schema.push_back(row);
    for (OpId id : keeper_.chain) {
      Op& op = ir.ops[id];
      if (op.kind == OpKind::Project) {
        op.exprs.push_back(ir.add_column(place, Type::Long));
        place = op.schema.size();
      }
      op.schema.push_back(row);
    }
    row_place_ = place;
  }

  // top: sorts the sort keys and the row's place alone.
  void keep_top(const ColumnDef& row) {
    Ir& ir = out_.early;
    Op project = make_project(top_of_chain());
    std::vector<SortKey> keys = ir.ops[keeper_.op].sort_keys;
    for (SortKey& key : keys) {
      const ColumnDef column = ir.ops[keeper_.op].schema[key.column];
      known_.emplace_back(key.column, project.exprs.size());
      project.exprs.push_back(ir.add_column(key.column, column.type));
      project.schema.push_back({"key" + std::to_string(project.schema.size()), column.type});
      key.column = static_cast<decltype(key.column)>(project.exprs.size() - 1);
    }
    project.exprs.push_back(ir.add_column(row_place_, Type::Long));
    project.schema.push_back(row);
    kept_ = project.schema;
    for (size_t i = 0; i < out_.late.ops[keeper_.op].schema.size(); ++i) wanted_.push_back(i);
    Op top = ir.ops[keeper_.op];
    top.schema = project.schema;
    top.sort_keys = keys;
    // The projection takes the top's place, the top comes behind everything, and nothing follows it.
    ir.ops[keeper_.op] = std::move(project);
    top.inputs = {keeper_.op};
    finish_early(std::move(top));
  }

  // summarize: arg_max(x, a, b, ...) by k gives k, the first row's place, x and the row's place; take_any(a,
  // b, ...) k and the place.
  void keep_group(const ColumnDef& row) {
    Ir& ir = out_.early;
    Op group = ir.ops[keeper_.op];
    AggregateUse& use = group.aggregates[0];
    size_t keys = group.exprs.size();
    size_t first = use.aggregate->spec.num_params > 1 ? 1 : 0;  // arguments that decide
    Schema schema = group.schema.first(keys);
    schema.push_back({std::string(kFirstRowColumn), Type::Long});
    for (size_t i = keys; i < keys + first; ++i) schema.push_back(group.schema[i]);
    schema.push_back(row);
    group.schema = std::move(schema);
    kept_ = group.schema;
    for (size_t i = 0; i < keys + first; ++i) known_.emplace_back(i, i + (i >= keys));
    for (size_t i = keys + first; i < ir.ops[keeper_.op].schema.size(); ++i) wanted_.push_back(i);
    use.args.resize(first);
    use.args.push_back(ir.add_column(row_place_, Type::Long));
    use.types.resize(first);
    use.types.push_back(Type::Long);
    if (use.constants.size() > first) {
      use.constants.resize(first);
      use.constants.push_back(null_cell(Type::Long));
    }
    use.num_results = first + 1;
    // Of one expression take_any gives the first value there is.
    AggregateUse first_row;
    first_row.aggregate = &*std::ranges::find_if(
        aggregate_table(), [](const Aggregate& a) { return std::string_view(a.spec.name) == "take_any"; });
    first_row.args = {ir.add_column(row_place_, Type::Long)};
    first_row.types = {Type::Long};
    first_row.constants = {null_cell(Type::Long)};
    group.aggregates.insert(group.aggregates.begin(), std::move(first_row));
    finish_early(std::move(group));
  }

  void finish_early(Op last) {
    Ir& ir = out_.early;
    ir.ops.push_back(std::move(last));
    ir.result = static_cast<OpId>(ir.ops.size() - 1);
    compact(ir);
    prune(ir);
  }

  // The expression that column `i` of the keeping operator stands for, over its input.
  ExprId value_of(size_t i) {
    const Op& op = out_.late.ops[keeper_.op];
    if (op.kind == OpKind::Top) return out_.late.add_column(i, op.schema[i].type);
    return op.aggregates[0].args[i - op.exprs.size()];
  }

  // The same over the columns of the scan.
  ExprId over_scan(ExprId id) {
    for (size_t i = keeper_.chain.size(); i-- > 0;) {
      const Op& op = out_.late.ops[keeper_.chain[i]];
      if (op.kind == OpKind::Project) id = Substitution(out_.late, op.exprs).apply(id);
    }
    return id;
  }

  // Whether the value is the same when it is computed later.
  bool can_wait(ExprId id) const {
    const Expr& expr = out_.late.exprs[id];
    return expr.deterministic && expr.depth < kMaxDepth && !expr.may_fail;
  }

  bool make_late() {
    Ir& ir = out_.late;
    const Schema table = ir.ops[keeper_.scan].schema;
    std::vector<std::pair<size_t, ExprId>> values;  // column of the operator, its value over the scan
    std::vector<bool> read(table.size(), false);
    for (size_t i : wanted_) {
      if (std::ranges::find(known_, i, &std::pair<size_t, size_t>::first) != known_.end()) continue;
      if (!can_wait(value_of(i))) return false;
      ExprId value = over_scan(value_of(i));
      if (!can_wait(value)) return false;
      mark_columns(ir, value, read);
      values.emplace_back(i, value);
    }
    std::vector<ExprId> places(table.size(), 0);
    for (size_t i = 0; i < table.size(); ++i) {
      if (!read[i]) continue;
      places[i] = ir.add_column(kept_.size() + out_.fetched.size(), table[i].type);
      out_.fetched.push_back(table[i]);
    }
    if (out_.fetched.size() < kFewestFetched) return false;
    replace_keeper(values, places);
    return true;
  }

  // The keeping operator becomes a projection over the rows that were kept.
  void replace_keeper(const std::vector<std::pair<size_t, ExprId>>& values,
                      const std::vector<ExprId>& places) {
    Ir& ir = out_.late;
    Op scan;
    scan.kind = OpKind::Scan;
    scan.table = kKeptTable;
    scan.schema = kept_;
    scan.schema.append(out_.fetched);
    Op project = make_project(keeper_.scan);
    project.schema = ir.ops[keeper_.op].schema;
    project.exprs.resize(project.schema.size());
    for (auto [column, from] : known_) project.exprs[column] = ir.add_column(from, kept_[from].type);
    Substitution substitution(ir, places);
    for (auto [column, value] : values) project.exprs[column] = substitution.apply(value);
    Schema::Columns& columns = scan.schema.edit();
    for (size_t i = 0; i < columns.size(); ++i) columns[i].name = kept_name(i, columns[i].name);
    ir.ops[keeper_.scan] = std::move(scan);
    ir.ops[keeper_.op] = std::move(project);
    compact(ir);
  }

  // kept_place() reads the number; a kept column may have the name of a fetched one.
  static std::string kept_name(size_t i, const std::string& name) { return std::to_string(i) + "." + name; }

  Keeper keeper_;
  LateColumns out_;
  size_t row_place_ = 0;                          // in the input of the keeping operator
  Schema kept_;                                   // what `early` gives
  std::vector<std::pair<size_t, size_t>> known_;  // column of the operator, of `kept_`
  std::vector<size_t> wanted_;                    // columns of the operator that may have to be fetched
};

}  // namespace

size_t kept_place(std::string_view name) {
  size_t place = 0;
  std::from_chars(name.data(), name.data() + name.size(), place);
  return place;
}

std::optional<LateColumns> split_late_columns(const Ir& ir) {
  auto keeper = find_keeper(ir);
  return keeper ? Splitter(ir, std::move(*keeper)).run() : std::nullopt;
}

}  // namespace kqlc::ir

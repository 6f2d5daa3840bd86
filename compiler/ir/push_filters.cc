// SPDX-License-Identifier: Apache-2.0
//
// push_filters: each condition of a filter moves down as long as the rows that pass are the same and their
// order, too: through projections (columns become what they stand for), sort and distinct, into every input
// of a union, below summarize where it reads keys only, and into the side of a join whose columns it reads
// (into both where those are keys). It stops at take, top and count, which see other
// rows when fewer come, and at what a second operator reads as well.
//
// A condition stays above distinct and summarize when it reads a column whose equal values may look different
// (0.0 and -0.0, 1 and 1.0 in a dynamic value): the group's first value decides there, each row's own below.
#include <algorithm>
#include <optional>

#include "compiler/ir/passes.h"

namespace kqlc::ir {

namespace {

// Nested deeper than this a condition is left where it is.
constexpr uint32_t kMaxPushedDepth = 200;
// Steps that all conditions of a query may move in all, so that ten thousand operators take no time.
constexpr size_t kMaxMoves = 20'000;

class FilterPusher {
 public:
  explicit FilterPusher(Ir& ir) : ir_(ir) {}

  // Users first, so that what they push goes on together with what stands below.
  void run() {
    uses_ = count_uses(ir_);
    const size_t count = ir_.ops.size();
    for (size_t id = count; id-- > 0;) {
      if (ir_.ops[id].kind == OpKind::Filter) open_.push_back(static_cast<OpId>(id));
      while (!open_.empty()) {
        OpId filter = open_.back();
        open_.pop_back();
        push(filter);
      }
    }
    remove_idle(ir_);
    compact(ir_);
  }

 private:
  bool is_shared(OpId id) const { return id < uses_.size() && uses_[id] != 1; }

  void push(OpId filter) {
    OpId below = ir_.ops[filter].inputs[0];
    if (is_shared(below)) return;
    std::vector<ExprId> stay, go;
    for (ExprId condition : ir_.ops[filter].exprs)
      (can_pass(condition, below) ? go : stay).push_back(condition);
    if (go.empty()) return;
    ir_.ops[filter].exprs = std::move(stay);
    insert_below(below, go);
  }

  bool can_pass(ExprId condition, OpId below) {
    const Expr& expr = ir_.exprs[condition];
    if (!expr.deterministic || expr.depth > kMaxPushedDepth || moves_ == 0) return false;
    const Op& op = ir_.ops[below];
    switch (op.kind) {
      case OpKind::Filter:
      case OpKind::Sort:
        return true;
      case OpKind::Union:
        return moves_ >= op.inputs.size();
      case OpKind::Join:
        return moves_ >= 2 && side_of(condition, op) != Side::Both && !ir_.exprs[condition].may_fail;
      case OpKind::Project:
        return reads_only(condition, op, op.exprs.size(), false);
      case OpKind::Distinct:
        return reads_only(condition, op, op.schema.size(), true);
      case OpKind::Summarize:
        return !op.exprs.empty() && reads_only(condition, op, op.exprs.size(), true);
      default:
        return false;
    }
  }

  // Whether the condition reads none but the first `width` columns of `op`, which are computed alike each
  // time and (as far as they are groups) look the same where they are equal.
  bool reads_only(ExprId condition, const Op& op, size_t width, bool groups) {
    std::vector<bool> read(op.schema.size(), false);
    mark_columns(ir_, condition, read);
    for (size_t i = 0; i < read.size(); ++i) {
      if (!read[i]) continue;
      if (i >= width || (groups && !equal_means_same(op.schema[i].type))) return false;
      if (op.exprs.empty()) continue;
      const Expr& value = ir_.exprs[op.exprs[i]];
      if (!value.deterministic || value.depth > kMaxPushedDepth || value.may_fail) return false;
    }
    return true;
  }

  enum class Side : uint8_t { Left, Right, Both };

  // The side of a join whose columns alone a condition reads, if it may be asked there: a row that a left
  // outer join fills with nulls has no right row to ask.
  Side side_of(ExprId condition, const Op& join) const {
    std::vector<bool> read(join.schema.size(), false);
    mark_columns(ir_, condition, read);
    auto right = read.begin() + static_cast<std::ptrdiff_t>(ir_.ops[join.inputs[0]].schema.size());
    if (std::find(right, read.end(), true) == read.end()) return Side::Left;
    bool alone = std::find(read.begin(), right, true) == right;
    return alone && join.join == JoinKind::Inner ? Side::Right : Side::Both;
  }

  // For each column of one side of a join the expression over the other side that is equal to it; nothing
  // where `condition` reads a column that is no key, or one whose equal values may look different.
  std::optional<std::vector<ExprId>> keys_of_other_side(ExprId condition, const Op& join, bool left) {
    const Schema &own = ir_.ops[join.inputs[left ? 0 : 1]].schema,
                 &other = ir_.ops[join.inputs[left ? 1 : 0]].schema;
    std::vector<bool> read(own.size(), false), known(own.size(), false);
    mark_columns(ir_, condition, read);
    std::vector<ExprId> columns(own.size(), 0);
    for (const JoinKey& key : join.join_keys) {
      auto from = static_cast<size_t>(left ? key.left : key.right),
           to = static_cast<size_t>(left ? key.right : key.left);
      if (own[from].type != other[to].type || !equal_means_same(own[from].type)) continue;
      columns[from] = ir_.add_column(to, other[to].type);
      known[from] = true;
    }
    bool any = false;
    for (size_t i = 0; i < read.size(); ++i) {
      if (read[i] && !known[i]) return std::nullopt;
      any |= read[i];
    }
    return any ? std::optional(columns) : std::nullopt;
  }

  void insert_into_join(OpId join, const std::vector<ExprId>& conditions) {
    std::vector<ExprId> of_side[2];
    for (ExprId condition : conditions) {
      const Op op = ir_.ops[join];
      const bool left = side_of(condition, op) == Side::Left;
      if (!left) {
        size_t num_left = ir_.ops[op.inputs[0]].schema.size();
        std::vector<ExprId> columns(op.schema.size(), 0);
        for (size_t i = num_left; i < columns.size(); ++i)
          columns[i] = ir_.add_column(i - num_left, op.schema[i].type);
        condition = Substitution(ir_, std::move(columns)).apply(condition);
      }
      of_side[left ? 0 : 1].push_back(condition);
      if (auto columns = keys_of_other_side(condition, op, left))
        of_side[left ? 1 : 0].push_back(Substitution(ir_, std::move(*columns)).apply(condition));
    }
    for (size_t side : {0, 1})
      if (!of_side[side].empty()) insert_filter(join, side, std::move(of_side[side]));
  }

  // Puts a filter between an operator and one of its inputs.
  void insert_filter(OpId above, size_t place, std::vector<ExprId> conditions) {
    OpId input = ir_.ops[above].inputs[place];
    moves_ -= std::min(moves_, conditions.size());
    Op filter;
    filter.kind = OpKind::Filter;
    filter.schema = ir_.ops[input].schema;
    filter.inputs = {input};
    filter.exprs = std::move(conditions);
    ir_.ops.push_back(std::move(filter));
    ir_.ops[above].inputs[place] = static_cast<OpId>(ir_.ops.size() - 1);
    open_.push_back(ir_.ops[above].inputs[place]);
  }

  void insert_below(OpId below, const std::vector<ExprId>& conditions) {
    if (ir_.ops[below].kind == OpKind::Join) return insert_into_join(below, conditions);
    if (ir_.ops[below].kind == OpKind::Filter) {
      std::vector<ExprId>& exprs = ir_.ops[below].exprs;
      exprs.insert(exprs.end(), conditions.begin(), conditions.end());
      if (below >= uses_.size()) open_.push_back(below);  // others have their turn still to come
      return;
    }
    std::vector<ExprId> meant = conditions;
    if (OpKind kind = ir_.ops[below].kind; kind == OpKind::Project || kind == OpKind::Summarize) {
      std::vector<ExprId> columns = ir_.ops[below].exprs;
      columns.resize(ir_.ops[below].schema.size(), 0);
      Substitution substitution(ir_, std::move(columns));
      for (ExprId& condition : meant) condition = substitution.apply(condition);
    }
    for (size_t i = 0; i < ir_.ops[below].inputs.size(); ++i) insert_filter(below, i, meant);
  }

  Ir& ir_;
  std::vector<uint32_t> uses_;
  std::vector<OpId> open_;  // filters to be pushed on
  size_t moves_ = kMaxMoves;
};

}  // namespace

bool equal_means_same(Type type) {
  return type != Type::Real && type != Type::Decimal && type != Type::Dynamic;
}

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

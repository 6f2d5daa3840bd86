// SPDX-License-Identifier: Apache-2.0
//
// infer_filters: what holds for the keys of one side of a join holds for the keys of every row of the other
// side that can match, so the condition is put on that side as well: `A | where Id == "x" | join (B) on Id`
// reads of B only what has that Id. Conditions are found below each side as far as its key columns can be
// followed down: through whatever gives rows of its input with these columns, groups and the left sides of
// joins. What holds on the other side anyway is not put there again. Where the keys come from a few constant
// rows (the indicators of a hunt), a table on the other side is asked for those values alone, so that raw
// text without them need not be parsed.
//
// From left to right this is sound for every kind. From right to left it drops left rows, which only inner
// and leftsemi do without a match. Equal values that may look different (0.0 and -0.0) are left alone.
#include <algorithm>
#include <optional>

#include "compiler/ir/passes.h"
#include "compiler/ir/text.h"
#include "runtime/base/check.h"

namespace kqlc::ir {

namespace {

constexpr uint32_t kMaxDepthOfCondition = 200;
constexpr size_t kMaxSteps = 1'000;    // down from one join
constexpr size_t kMaxConditions = 16;  // for one side
constexpr size_t kMaxTotalSteps = 20'000;
constexpr size_t kMaxValues = 64;  // as many as a scan of raw text looks for; each is compared with every row

using Keys =
    std::vector<std::optional<ExprId>>;  // by column: the expression over the other side that equals it

class FilterInference {
 public:
  explicit FilterInference(Ir& ir) : ir_(ir) {}

  void run() {
    const size_t count = ir_.ops.size();
    for (const Op& op : ir_.ops)
      reads_table_.push_back(op.kind == OpKind::Scan ||
                             std::ranges::any_of(op.inputs, [&](OpId input) { return reads_table_[input]; }));
    for (size_t id = count; id-- > 0;) {
      if (ir_.ops[id].kind != OpKind::Join) continue;
      const JoinKind kind = ir_.ops[id].join;
      infer(static_cast<OpId>(id), true);
      if (kind == JoinKind::Inner || kind == JoinKind::LeftSemi) infer(static_cast<OpId>(id), false);
    }
    compact(ir_);
  }

 private:
  // Puts on one side what is known of the other one, which is the left one with `from_left`.
  void infer(OpId join, bool from_left) {
    const Op& op = ir_.ops[join];
    const OpId known = op.inputs[from_left ? 0 : 1], other = op.inputs[from_left ? 1 : 0];
    const Schema own = ir_.ops[known].schema, meeting = ir_.ops[other].schema;
    Keys keys(own.size());
    for (const JoinKey& key : op.join_keys) {
      auto from = static_cast<size_t>(from_left ? key.left : key.right),
           to = static_cast<size_t>(from_left ? key.right : key.left);
      if (own[from].type == meeting[to].type && equal_means_same(own[from].type))
        keys[from] = ir_.add_column(to, meeting[to].type);
    }
    std::vector<ExprId> conditions = find_conditions(known, keys);
    if (reads_table_[other])
      for (size_t column = 0; column < keys.size(); ++column)
        if (keys[column] && own[column].type == Type::String)
          if (auto values = find_values(known, column); !values.empty())
            conditions.push_back(is_one_of(*keys[column], values));
    if (conditions.empty()) return;
    Keys same(meeting.size());
    for (size_t i = 0; i < meeting.size(); ++i) same[i] = ir_.add_column(i, meeting[i].type);
    for (ExprId held : find_conditions(other, std::move(same))) std::erase(conditions, held);
    if (conditions.empty()) return;
    Op filter;
    filter.kind = OpKind::Filter;
    filter.schema = meeting;
    filter.inputs = {other};
    filter.exprs = std::move(conditions);
    ir_.ops.push_back(std::move(filter));
    reads_table_.push_back(reads_table_[other]);
    ir_.ops[join].inputs[from_left ? 1 : 0] = static_cast<OpId>(ir_.ops.size() - 1);
  }

  // The different texts of a column whose rows are constant; none where they are not, or are too many.
  std::vector<ExprId> find_values(OpId at, size_t column) {
    for (size_t step = 0; step < kMaxSteps && steps_ < kMaxTotalSteps; ++step, ++steps_) {
      const Op& op = ir_.ops[at];
      if (op.kind == OpKind::Rows) return values_of(op, column);
      if (op.kind == OpKind::Project || op.kind == OpKind::Summarize) {
        if (column >= op.exprs.size()) return {};
        const Expr& value = ir_.exprs[op.exprs[column]];
        if (value.kind == ExprKind::Literal) return {op.exprs[column]};
        if (value.kind != ExprKind::Column) return {};
        column = static_cast<size_t>(value.column);
      } else if (op.kind != OpKind::Filter && !passes_rows_on(op.kind)) {
        return {};
      }
      at = op.inputs[0];
    }
    return {};
  }

  std::vector<ExprId> values_of(const Op& rows, size_t column) {
    std::vector<ExprId> values;
    for (size_t i = column; i < rows.cells.size() && values.size() <= kMaxValues; i += rows.schema.size()) {
      ExprId value = ir_.add_literal(rows.cells[i], Type::String);
      if (std::ranges::find(values, value) == values.end()) values.push_back(value);
    }
    return values.size() <= kMaxValues ? values : std::vector<ExprId>();
  }

  ExprId is_one_of(ExprId column, const std::vector<ExprId>& values) {
    return add_condition(ir_, "in(string, string...)", column, values);
  }

  static bool passes_rows_on(OpKind kind) {
    return kind == OpKind::Sort || kind == OpKind::Take || kind == OpKind::Top || kind == OpKind::Distinct;
  }

  std::vector<ExprId> find_conditions(OpId at, Keys keys) {
    std::vector<ExprId> found;
    for (size_t step = 0; step < kMaxSteps && steps_ < kMaxTotalSteps; ++step, ++steps_) {
      const Op& op = ir_.ops[at];
      if (op.kind == OpKind::Filter) {
        for (ExprId condition : std::vector<ExprId>(op.exprs))
          if (auto meant = translate(condition, keys); meant && found.size() < kMaxConditions)
            if (std::ranges::find(found, *meant) == found.end()) found.push_back(*meant);
      } else if (!follow(op, keys)) {
        return found;
      }
      at = ir_.ops[at].inputs[0];
    }
    return found;
  }

  // Turns the keys of an operator into those of its first input. Returns whether it is of use to look there.
  bool follow(const Op& op, Keys& keys) const {
    if (passes_rows_on(op.kind)) return true;
    switch (op.kind) {
      case OpKind::Join:
        keys.resize(ir_.ops[op.inputs[0]].schema.size());
        break;
      case OpKind::Project:
      case OpKind::Summarize: {
        Keys below(ir_.ops[op.inputs[0]].schema.size());
        for (size_t i = 0; i < op.exprs.size(); ++i)
          if (const Expr& value = ir_.exprs[op.exprs[i]]; value.kind == ExprKind::Column)
            if (keys[i]) below[static_cast<size_t>(value.column)] = keys[i];
        keys = std::move(below);
        break;
      }
      default:
        return false;
    }
    return std::ranges::any_of(keys, [](const auto& key) { return key.has_value(); });
  }

  // The condition about the other side, where it reads keys alone.
  std::optional<ExprId> translate(ExprId condition, const Keys& keys) {
    const Expr& expr = ir_.exprs[condition];
    if (!expr.deterministic || expr.depth > kMaxDepthOfCondition || expr.may_fail) return std::nullopt;
    std::vector<bool> read(keys.size(), false);
    mark_columns(ir_, condition, read);
    std::vector<ExprId> columns(keys.size(), 0);
    bool any = false;
    for (size_t i = 0; i < read.size(); ++i) {
      if (!read[i]) continue;
      if (!keys[i]) return std::nullopt;
      columns[i] = *keys[i];
      any = true;
    }
    return any ? std::optional(Substitution(ir_, std::move(columns)).apply(condition)) : std::nullopt;
  }

  Ir& ir_;
  std::vector<bool> reads_table_;  // by operator
  size_t steps_ = 0;
};

}  // namespace

ExprId add_condition(Ir& ir, const char* overload, ExprId column, const std::vector<ExprId>& values) {
  Expr call;
  call.kind = ExprKind::Call;
  call.type = Type::Bool;
  call.function = find_overload(overload);
  KQLC_CHECK(call.function, std::string("the operator ") + overload);
  call.args = {column};
  call.args.insert(call.args.end(), values.begin(), values.end());
  return ir.add(std::move(call));
}

void infer_filters(Ir& ir) { FilterInference(ir).run(); }

}  // namespace kqlc::ir

// SPDX-License-Identifier: Apache-2.0
//
// A condition counts when it compares a column, as it is read or widened to another type of number, with what
// is constant for the run. A null compares as false or null, so a row that is kept has a value there; a NaN
// compares as false, so it needs no place in a range. Conditions of another form say nothing.
#include "compiler/ir/needs.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace kqlc::ir {

namespace {

constexpr int kMaxNesting = 64;      // of and and or
constexpr size_t kMaxVisits = 4096;  // of expressions, which may be used many times
constexpr size_t kMaxValues = 64;    // of an `in`; beyond it only the least and the greatest one count
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
// Up to here every long is a real.
constexpr double kExactReal = 9007199254740992;  // 2^53

struct Interval {
  int64_t from = kMin, to = kMax;
};

// The integers, or the places of reals, that stand in a relation to `at`.
Interval interval_of(std::string_view relation, int64_t at) {
  if (relation == ">=") return {at, kMax};
  if (relation == "<=") return {kMin, at};
  if (relation == "==") return {at, at};
  if (relation == ">") return at == kMax ? Interval{kMax, kMin} : Interval{at + 1, kMax};
  return at == kMin ? Interval{kMax, kMin} : Interval{kMin, at - 1};
}

// The integers that stand in a relation to a real as reals; none known where integers are rounded.
std::optional<Interval> integers_of(std::string_view relation, double at) {
  if (!(std::abs(at) < kExactReal)) return std::nullopt;
  const auto above = static_cast<int64_t>(std::ceil(at)), below = static_cast<int64_t>(std::floor(at));
  if (relation == "==") return Interval{above, below};
  return interval_of(relation, relation == ">=" || relation == "<" ? above : below);
}

std::string_view turned(std::string_view relation) {
  if (relation == "<") return ">";
  if (relation == ">") return "<";
  if (relation == "<=") return ">=";
  if (relation == ">=") return "<=";
  return relation;
}

std::string_view symbol_of(const Function& function) {
  return function.spec.operators[0] ? function.spec.operators[0] : "";
}

class NeedReader {
 public:
  NeedReader(const Ir& ir, const Schema& schema) : ir_(ir), schema_(schema) {
    context_.arena = context_.state_arena = &arena_;
    context_.now = ir.now;
  }

  Need read(ExprId id, int depth = 0) {
    const Expr& expr = ir_.exprs[id];
    if (++visits_ > kMaxVisits || depth > kMaxNesting) return {};
    if (expr.kind == ExprKind::Column && expr.type == Type::Bool) return range_of(expr, {1, 1});
    if (expr.kind == ExprKind::Call) return read_call(expr);
    if (expr.kind != ExprKind::And && expr.kind != ExprKind::Or) return {};
    std::vector<Need> parts;
    for (ExprId arg : expr.args) {
      parts.push_back(read(arg, depth + 1));
      if (expr.kind == ExprKind::Or && parts.back().holds_always()) return {};
    }
    return expr.kind == ExprKind::And ? need_all(std::move(parts)) : need_any(std::move(parts));
  }

 private:
  Need read_call(const Expr& call) {
    const std::string_view symbol = symbol_of(*call.function), name = call.function->spec.name;
    if (call.args.empty()) return {};
    if (call.function->describe) return call.prepared ? read_text(call) : read_turned_text(call);
    if (symbol == "in") return read_list(call);
    for (std::string_view relation : {"==", "<", "<=", ">", ">="})
      if (symbol == relation && call.args.size() == 2) return read_comparison(call, relation);
    const Expr& first = ir_.exprs[call.args[0]];
    if (name == "not" && first.kind == ExprKind::Column) return range_of(first, {0, 0});
    if (first.kind != ExprKind::Column || first.type == Type::Dynamic) return {};
    // A string is never null.
    if (name == "isnotempty" || (name == "isnotnull" && first.type != Type::String))
      return range_of(first, {});
    return {};
  }

  Need range_of(const Expr& column, Interval interval) const {
    return need_range({name_of(column)}, column.type, interval.from, interval.to);
  }

  const std::string& name_of(const Expr& column) const {
    return schema_[static_cast<size_t>(column.column)].name;
  }

  // The column whose text an expression is: a string, or tostring() of a dynamic value.
  const Expr* text_column(ExprId id) const {
    const Expr* expr = &ir_.exprs[id];
    const Type type = expr->kind == ExprKind::Call ? Type::Dynamic : Type::String;
    if (expr->kind == ExprKind::Call) {
      if (std::string_view(expr->function->spec.name) != "tostring" || expr->args.size() != 1) return nullptr;
      expr = &ir_.exprs[expr->args[0]];
    }
    return expr->kind == ExprKind::Column && expr->type == type ? expr : nullptr;
  }

  Need text_need(ExprId text, simd::Condition condition) const {
    const Expr* column = text_column(text);
    if (!column || condition.negated) return {};
    Need need;
    need.kind = Need::Kind::Text;
    need.columns = {name_of(*column)};
    need.type = column->type;
    need.condition = std::move(condition);
    return need;
  }

  Need read_text(const Expr& call) const {
    simd::Condition condition;
    if (text_column(call.args[0])) call.function->describe(call.prepared.get(), &condition);
    return text_need(call.args[0], std::move(condition));
  }

  // 'text' == Column
  Need read_turned_text(const Expr& call) const {
    const Expr& text = ir_.exprs[call.args[0]];
    if (symbol_of(*call.function) != "==" || call.args.size() != 2 || text.kind != ExprKind::Literal)
      return {};
    return text_need(call.args[1],
                     {{{simd::Match::Equals, simd::Case::Sensitive, std::string(text.literal.s.view())}}});
  }

  std::optional<Cell> value_of(ExprId id) {
    if (!is_constant(ir_, id) || ir_.exprs[id].may_fail || ir_.exprs[id].depth > kMaxDepth)
      return std::nullopt;
    Cell cell = evaluate_constant(ir_, id, context_);
    return cell.valid ? std::optional(cell) : std::nullopt;
  }

  // The column of numbers or times behind an expression, which may widen it.
  const Expr* number_column(ExprId id) const {
    const Expr* expr = &ir_.exprs[id];
    if (expr->kind == ExprKind::Call && expr->args.size() == 1) {
      const std::string_view name = expr->function->spec.name;
      const Type from = ir_.exprs[expr->args[0]].type;
      const bool widens = (name == "tolong" && from == Type::Int) ||
                          (name == "toreal" && (from == Type::Int || from == Type::Long));
      if (widens) expr = &ir_.exprs[expr->args[0]];
    }
    const bool is_ordered = expr->type == Type::Bool || expr->type == Type::Int || expr->type == Type::Long ||
                            expr->type == Type::Real || expr->type == Type::DateTime;
    return expr->kind == ExprKind::Column && is_ordered ? expr : nullptr;
  }

  Need read_comparison(const Expr& call, std::string_view relation) {
    if (number_column(call.args[0])) return compare(call.args[0], relation, call.args[1]);
    return compare(call.args[1], turned(relation), call.args[0]);
  }

  Need compare(ExprId left, std::string_view relation, ExprId right) {
    const Expr* column = number_column(left);
    std::optional<Cell> value;
    if (column) value = value_of(right);
    if (!value) return {};
    const std::optional<Interval> interval =
        interval_for(column->type, ir_.exprs[right].type, relation, *value);
    return interval ? range_of(*column, *interval) : Need();
  }

  static std::optional<Interval> interval_for(Type column, Type type, std::string_view relation,
                                              const Cell& value) {
    switch (type) {
      case Type::Bool:
        return interval_of(relation, value.b);
      case Type::Int:
        return interval_of(relation, value.i);
      case Type::Long:
      case Type::DateTime:
        return interval_of(relation, value.l);
      case Type::Real:
        if (column != Type::Real) return integers_of(relation, value.d);
        if (std::isnan(value.d)) return std::nullopt;
        return interval_of(relation, real_order(value.d));
      default:
        return std::nullopt;
    }
  }

  Need read_list(const Expr& call) {
    std::vector<Need> values;
    for (size_t i = 1; i < call.args.size(); ++i) {
      Need value = compare(call.args[0], "==", call.args[i]);
      if (value.kind != Need::Kind::Range) return {};
      values.push_back(std::move(value));
    }
    if (values.size() <= kMaxValues) return need_any(std::move(values));
    Need hull = values[0];
    for (const Need& value : values) {
      hull.from = std::min(hull.from, value.from);
      hull.to = std::max(hull.to, value.to);
    }
    return hull;
  }

  const Ir& ir_;
  const Schema& schema_;
  Arena arena_;
  Context context_;
  size_t visits_ = 0;
};

}  // namespace

Need find_needs(const Ir& ir, const std::vector<ExprId>& conditions, const Schema& schema) {
  NeedReader reader(ir, schema);
  std::vector<Need> parts;
  for (ExprId condition : conditions) parts.push_back(reader.read(condition));
  return need_all(std::move(parts));
}

}  // namespace kqlc::ir

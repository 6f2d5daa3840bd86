// SPDX-License-Identifier: Apache-2.0
//
// verify: every rule that an Ir keeps, one by one. In: an Ir, however broken. Out: the first rule that does
// not hold, with its place. It reads nothing that it has not checked before.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/ir/ir.h"

namespace kqlc::ir {

namespace {

using Problem = std::optional<std::string>;

struct Arity {
  size_t inputs;
  bool exprs, aggregates, sort_keys, limit, cells;
};

Arity arity_of(OpKind kind) {
  switch (kind) {
    case OpKind::Scan:
      return {0, false, false, false, false, false};
    case OpKind::Rows:
      return {0, false, false, false, true, true};
    case OpKind::Range:
      return {0, true, false, false, false, false};
    case OpKind::Filter:
    case OpKind::Project:
      return {1, true, false, false, false, false};
    case OpKind::Summarize:
      return {1, true, true, false, false, false};
    case OpKind::Distinct:
    case OpKind::Count:
      return {1, false, false, false, false, false};
    case OpKind::Take:
      return {1, false, false, false, true, false};
    case OpKind::Sort:
      return {1, false, false, true, false, false};
    case OpKind::Top:
      return {1, false, false, true, true, false};
    case OpKind::Union:
      return {0, false, false, false, false, false};
    case OpKind::Join:
      return {2, false, false, false, false, false};
  }
  return {};
}

bool same_types(const Schema& a, const Schema& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const ColumnDef& x, const ColumnDef& y) { return x.type == y.type; });
}

class Verifier {
 public:
  explicit Verifier(const Ir& ir) : ir_(ir) {}

  Problem run() {
    for (size_t id = 0; id < ir_.exprs.size(); ++id)
      if (auto problem = check_expr(id)) return fmt::format("e{}: {}", id, *problem);
    for (size_t id = 0; id < ir_.ops.size(); ++id)
      if (auto problem = check_op(id)) return fmt::format("%{}: {}", id, *problem);
    if (ir_.result >= ir_.ops.size()) return "the result is no operator";
    return {};
  }

  // What an expression must be whether it has been added or not.
  Problem check_shape(const Expr& expr) const {
    switch (expr.kind) {
      case ExprKind::Column:
        return expr.column < 0 ? Problem("a negative column") : Problem();
      case ExprKind::Literal:
        return expr.type == Type::String && !expr.literal.valid ? Problem("a string is never null")
                                                                : Problem();
      case ExprKind::Call:
        return check_call(expr);
      case ExprKind::And:
      case ExprKind::Or:
        return check_logic(expr);
      case ExprKind::Case:
        return check_case(expr);
      case ExprKind::Coalesce:
        return check_coalesce(expr);
    }
    return "no such kind of expression";
  }

 private:
  Type type_of(ExprId id) const { return ir_.exprs[id].type; }

  Problem check_expr(size_t id) const {
    const Expr& expr = ir_.exprs[id];
    bool deterministic = expr.kind != ExprKind::Call || !expr.function || expr.function->spec.deterministic;
    bool may_fail = expr.kind == ExprKind::Call && expr.function && expr.function->spec.may_fail;
    uint32_t depth = 0;
    for (ExprId arg : expr.args) {
      if (arg >= id) return "an argument that does not stand before its use";
      deterministic &= ir_.exprs[arg].deterministic;
      may_fail |= ir_.exprs[arg].may_fail;
      depth = std::max(depth, ir_.exprs[arg].depth + 1);
    }
    if (deterministic != expr.deterministic) return "wrong about being deterministic";
    if (may_fail != expr.may_fail) return "wrong about whether it may fail";
    if (depth != expr.depth) return "wrong about its depth";
    return check_shape(expr);
  }

  Problem check_call(const Expr& expr) const {
    if (!expr.function) return "a call of nothing";
    const Function& function = *expr.function;
    if (expr.type != function.result) return "its type is not the function's";
    if (expr.args.size() < function.num_params ||
        (expr.args.size() > function.num_params && !function.variadic))
      return "wrong number of arguments";
    for (size_t i = 0; i < expr.args.size(); ++i) {
      Type wanted = function.params[std::min<size_t>(i, function.num_params)].type;
      if (type_of(expr.args[i]) != wanted) return fmt::format("argument {} is no {}", i, type_name(wanted));
    }
    if (expr.prepared ? !function.invoke_prepared : !function.invoke) return "the function has no such form";
    return {};
  }

  Problem check_logic(const Expr& expr) const {
    if (expr.args.empty()) return "no operands";
    for (ExprId arg : expr.args)
      if (type_of(arg) != Type::Bool) return "an operand is no bool";
    return expr.type == Type::Bool ? Problem() : Problem("its type is not bool");
  }

  Problem check_case(const Expr& expr) const {
    if (expr.args.size() < 3 || expr.args.size() % 2 == 0) return "wrong number of arguments";
    for (size_t i = 0; i < expr.args.size(); ++i) {
      bool condition = i % 2 == 0 && i + 1 < expr.args.size();
      if (type_of(expr.args[i]) != (condition ? Type::Bool : expr.type))
        return fmt::format("argument {} has a wrong type", i);
    }
    return {};
  }

  Problem check_coalesce(const Expr& expr) const {
    if (expr.args.empty()) return "no operands";
    for (ExprId arg : expr.args)
      if (type_of(arg) != expr.type) return "an operand has another type";
    return {};
  }

  Problem check_op(size_t id) const {
    const Op& op = ir_.ops[id];
    for (OpId input : op.inputs)
      if (input >= id) return "an input that does not stand before its use";
    Arity arity = arity_of(op.kind);
    if (op.kind != OpKind::Union && op.inputs.size() != arity.inputs) return "wrong number of inputs";
    if (!arity.exprs && !op.exprs.empty()) return "expressions that it does not have";
    if (!arity.aggregates && !op.aggregates.empty()) return "aggregates that it does not have";
    if (arity.sort_keys == op.sort_keys.empty()) return "wrong number of sort keys";
    if (op.limit < 0 || (!arity.limit && op.limit)) return "a wrong limit";
    if ((op.kind == OpKind::Join) == op.join_keys.empty()) return "wrong number of join keys";
    if (!arity.cells && !op.cells.empty()) return "cells that it does not have";
    if (op.kind != OpKind::Scan && (!op.table.empty() || !op.prefilter.empty()))
      return "a table where none is read";
    const Schema none;
    const Schema& input = op.inputs.empty() ? none : ir_.ops[op.inputs[0]].schema;
    for (ExprId root : roots_of(op)) {
      if (root >= ir_.exprs.size()) return "an expression that does not exist";
      if (auto problem = check_columns(root, input)) return problem;
    }
    for (const SortKey& key : op.sort_keys)
      if (key.column < 0 || static_cast<size_t>(key.column) >= op.schema.size())
        return "a sort key that is no column";
    return check_schema(op, input);
  }

  Problem check_columns(ExprId root, const Schema& input) const {
    for (ExprId id : expressions_below(ir_, root)) {
      const Expr& expr = ir_.exprs[id];
      if (expr.kind != ExprKind::Column) continue;
      if (static_cast<size_t>(expr.column) >= input.size())
        return fmt::format("e{}: column {} of {}", id, expr.column, input.size());
      if (expr.type != input[static_cast<size_t>(expr.column)].type)
        return fmt::format("e{}: the column has another type", id);
    }
    return {};
  }

  Problem check_schema(const Op& op, const Schema& input) const {
    switch (op.kind) {
      case OpKind::Scan:
        return {};
      case OpKind::Rows:
        return check_rows(op);
      case OpKind::Range:
        return check_range(op);
      case OpKind::Filter:
        for (ExprId root : op.exprs)
          if (type_of(root) != Type::Bool) return "a filter that is no bool";
        break;
      case OpKind::Project:
        return check_exprs(op, op.schema.size());
      case OpKind::Summarize:
        return check_summarize(op);
      case OpKind::Count:
        return op.schema.size() == 1 && op.schema[0].type == Type::Long ? Problem()
                                                                        : Problem("count gives one long");
      case OpKind::Union:
        for (OpId other : op.inputs)
          if (!same_types(op.schema, ir_.ops[other].schema)) return "an input has other columns";
        return {};
      case OpKind::Join:
        return check_join(op, input);
      default:
        break;
    }
    return same_types(op.schema, input) ? Problem() : Problem("its columns are not those of its input");
  }

  Problem check_join(const Op& op, const Schema& left) const {
    const Schema& right = ir_.ops[op.inputs[1]].schema;
    Schema columns = left;
    if (plan::has_right_columns(op.join)) columns.append(right);
    if (!same_types(op.schema, columns)) return "its columns are not those of its inputs";
    auto lies_in = [](int column, const Schema& schema) {
      return column >= 0 && static_cast<size_t>(column) < schema.size();
    };
    auto widened = [](Type type) { return type == Type::Int ? Type::Long : type; };
    for (const JoinKey& key : op.join_keys) {
      if (!lies_in(key.left, left) || !lies_in(key.right, right)) return "a join key that is no column";
      Type type = left[static_cast<size_t>(key.left)].type;
      if (type == Type::Dynamic || widened(type) != widened(right[static_cast<size_t>(key.right)].type))
        return "a pair of join keys that cannot be compared";
    }
    return {};
  }

  // The first `width` columns are the expressions.
  Problem check_exprs(const Op& op, size_t width) const {
    if (op.exprs.size() != width) return "wrong number of expressions";
    for (size_t i = 0; i < width; ++i)
      if (type_of(op.exprs[i]) != op.schema[i].type) return fmt::format("column {} has another type", i);
    return {};
  }

  Problem check_rows(const Op& op) const {
    size_t width = op.schema.size();
    if (width ? op.cells.size() / width != static_cast<size_t>(op.limit) || op.cells.size() % width
              : !op.cells.empty())
      return "wrong number of cells";
    for (size_t i = 0; i < op.cells.size(); ++i)
      if (op.schema[i % width].type == Type::String && !op.cells[i].valid) return "a string is never null";
    return {};
  }

  Problem check_range(const Op& op) const {
    if (op.schema.size() != 1 || op.exprs.size() != 3) return "range has three arguments and one column";
    Type type = op.schema[0].type;
    bool time = type == Type::DateTime || type == Type::TimeSpan;
    if (!time && type != Type::Long && type != Type::Real) return "no range over such values";
    if (type_of(op.exprs[0]) != type || type_of(op.exprs[1]) != type) return "from or to has another type";
    return type_of(op.exprs[2]) == (time ? Type::TimeSpan : type) ? Problem()
                                                                  : Problem("step has a wrong type");
  }

  Problem check_summarize(const Op& op) const {
    size_t width = op.exprs.size();
    for (const AggregateUse& use : op.aggregates) {
      if (!use.aggregate) return "an aggregate that is none";
      if (use.types.size() != use.args.size() || use.constants.size() != use.args.size())
        return "an aggregate with wrong arguments";
      for (size_t i = 0; i < use.args.size(); ++i)
        if (type_of(use.args[i]) != use.types[i]) return "an aggregate's argument has another type";
      const AggregateSpec& spec = use.aggregate->spec;
      size_t least = static_cast<size_t>(spec.num_params - spec.num_optional);
      if (use.args.size() < least || (use.args.size() > spec.num_params && !spec.variadic))
        return "an aggregate with a wrong number of arguments";
      if (use.num_results != num_results_of(spec, use.args.size())) return "wrong number of results";
      width += use.num_results;
    }
    if (width != op.schema.size()) return "wrong number of columns";
    return check_keys(op);
  }

  Problem check_keys(const Op& op) const {
    for (size_t i = 0; i < op.exprs.size(); ++i)
      if (type_of(op.exprs[i]) != op.schema[i].type) return fmt::format("key {} has another type", i);
    return {};
  }

  const Ir& ir_;
};

}  // namespace

std::optional<std::string> verify(const Ir& ir) { return Verifier(ir).run(); }
std::optional<std::string> verify_expr(const Ir& ir, const Expr& expr) {
  return Verifier(ir).check_shape(expr);
}

}  // namespace kqlc::ir

// SPDX-License-Identifier: Apache-2.0
//
// build: a Plan's result becomes an Ir. Expressions are taken over in the Plan's order, operators as well, so
// nothing here recurses. What other results need is left out. A union's mappings become projections of its
// inputs; what is not needed is dropped at the end.
#include "compiler/ir/ir.h"
#include "compiler/ir/passes.h"
#include "runtime/base/check.h"

namespace kqlc::ir {

namespace {

// The kinds of the two stages have the same names in the same order, but for what a stage does not have.
OpKind op_kind(plan::NodeKind kind) {
  switch (kind) {
    case plan::NodeKind::Scan:
      return OpKind::Scan;
    case plan::NodeKind::Rows:
      return OpKind::Rows;
    case plan::NodeKind::Range:
      return OpKind::Range;
    case plan::NodeKind::Filter:
      return OpKind::Filter;
    case plan::NodeKind::Project:
      return OpKind::Project;
    case plan::NodeKind::Summarize:
      return OpKind::Summarize;
    case plan::NodeKind::Distinct:
      return OpKind::Distinct;
    case plan::NodeKind::Count:
      return OpKind::Count;
    case plan::NodeKind::Take:
      return OpKind::Take;
    case plan::NodeKind::Sort:
      return OpKind::Sort;
    case plan::NodeKind::Top:
      return OpKind::Top;
    case plan::NodeKind::Union:
      return OpKind::Union;
    case plan::NodeKind::Join:
      return OpKind::Join;
  }
  KQLC_UNREACHABLE("plan node");
}

ExprKind expr_kind(plan::ExprKind kind) {
  switch (kind) {
    case plan::ExprKind::Column:
      return ExprKind::Column;
    case plan::ExprKind::Literal:
      return ExprKind::Literal;
    case plan::ExprKind::Call:
      return ExprKind::Call;
    case plan::ExprKind::And:
      return ExprKind::And;
    case plan::ExprKind::Or:
      return ExprKind::Or;
    case plan::ExprKind::Case:
      return ExprKind::Case;
    case plan::ExprKind::Coalesce:
      return ExprKind::Coalesce;
  }
  KQLC_UNREACHABLE("plan expression");
}

class Builder {
 public:
  explicit Builder(const plan::Plan& plan) : plan_(plan) {
    ir_.now = plan.now;
    ir_.shared = plan.arena;
  }

  Ir run(plan::NodeId result) {
    find_needed(result);
    exprs_.resize(plan_.exprs.size());
    for (plan::ExprId id = 0; id < plan_.exprs.size(); ++id)
      if (needs_expr_[id]) exprs_[id] = add_expr(plan_.exprs[id]);
    ops_.resize(plan_.nodes.size());
    for (plan::NodeId id = 0; id <= result; ++id)
      if (needs_node_[id]) ops_[id] = add_op(plan_.nodes[id]);
    ir_.result = ops_[result];
    compact(ir_);
    return std::move(ir_);
  }

 private:
  // What is needed stands before what needs it. A Plan of many statements would else be copied for each.
  void find_needed(plan::NodeId result) {
    needs_node_.resize(plan_.nodes.size());
    needs_expr_.resize(plan_.exprs.size());
    needs_node_[result] = true;
    for (plan::NodeId id = result + 1; id-- > 0;) {
      if (!needs_node_[id]) continue;
      const plan::Node& node = plan_.nodes[id];
      for (plan::NodeId input : node.inputs) needs_node_[input] = true;
      for (plan::ExprId expr : node.exprs) needs_expr_[expr] = true;
      for (const plan::AggregateUse& use : node.aggregates)
        for (plan::ExprId arg : use.args) needs_expr_[arg] = true;
    }
    for (size_t id = plan_.exprs.size(); id-- > 0;)
      if (needs_expr_[id])
        for (plan::ExprId arg : plan_.exprs[id].args) needs_expr_[arg] = true;
  }

  ExprId add_expr(const plan::Expr& from) {
    Expr expr;
    expr.kind = expr_kind(from.kind);
    expr.type = from.type;
    expr.column = from.column;
    expr.literal = from.literal;
    expr.function = from.function;
    expr.prepared = from.prepared;
    for (plan::ExprId arg : from.args) expr.args.push_back(exprs_[arg]);
    return ir_.add(std::move(expr));
  }

  OpId push(Op op) {
    ir_.ops.push_back(std::move(op));
    return static_cast<OpId>(ir_.ops.size() - 1);
  }

  OpId add_op(const plan::Node& node) {
    Op op;
    op.kind = op_kind(node.kind);
    op.schema = node.schema;
    op.table = node.table;
    op.cells = node.cells;
    op.sort_keys = node.sort_keys;
    op.join = node.join;
    op.join_keys = node.join_keys;
    op.limit = node.limit;
    for (plan::ExprId id : node.exprs) op.exprs.push_back(exprs_[id]);
    for (const plan::AggregateUse& use : node.aggregates) {
      AggregateUse& copy = op.aggregates.emplace_back();
      copy.aggregate = use.aggregate;
      for (plan::ExprId id : use.args) copy.args.push_back(exprs_[id]);
      copy.types = use.types;
      copy.constants = use.constants;
      copy.num_results = use.num_results;
    }
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      OpId input = ops_[node.inputs[i]];
      op.inputs.push_back(op.kind == OpKind::Union ? map_input(node, i, input) : input);
    }
    return push(std::move(op));
  }

  // Projects an input of a union to the union's columns.
  OpId map_input(const plan::Node& node, size_t i, OpId input) {
    Op project;
    project.kind = OpKind::Project;
    project.schema = node.schema;
    project.inputs = {input};
    for (size_t column = 0; column < node.schema.size(); ++column) {
      Type type = node.schema[column].type;
      int from = node.mappings[i][column];
      project.exprs.push_back(from < 0 ? ir_.add_literal(null_cell(type), type)
                                       : ir_.add_column(static_cast<size_t>(from), type));
    }
    return push(std::move(project));
  }

  const plan::Plan& plan_;
  Ir ir_;
  std::vector<bool> needs_node_, needs_expr_;
  std::vector<ExprId> exprs_;  // by the Plan's, where needed
  std::vector<OpId> ops_;      // by the Plan's nodes, where needed
};

}  // namespace

Ir build(const plan::Plan& plan, plan::NodeId node) {
  Ir ir = Builder(plan).run(node);
  check_ir(ir, "build");
  return ir;
}

}  // namespace kqlc::ir

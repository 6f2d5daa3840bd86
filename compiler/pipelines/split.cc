// SPDX-License-Identifier: Apache-2.0
//
// The split: one walk from the result to the source, then per pipeline a walk back for the columns that are read.
#include "compiler/pipelines/pipelines.h"

#include <algorithm>

namespace kqlc::pipelines {

using plan::Expr;
using plan::ExprId;
using plan::ExprKind;
using plan::Node;
using plan::NodeKind;
using plan::Plan;

namespace {

// Beyond this a query is left to the reference executor: code grows with every step.
constexpr size_t kMaxSteps = 256;

// A filter's operands of `and` one by one: a row passes when all are true, so null and false need no difference.
void add_conjuncts(const Plan& plan, ExprId id, std::vector<ExprId>& out) {
  const Expr& expr = plan.exprs[id];
  if (expr.kind != ExprKind::And) return out.push_back(id);
  for (ExprId arg : expr.args) add_conjuncts(plan, arg, out);
}

bool is_atom(const Plan& plan, ExprId id) {
  const Expr& expr = plan.exprs[id];
  if (expr.kind != ExprKind::Call || !expr.prepared || !expr.function->filter || expr.args.empty()) return false;
  const Expr& column = plan.exprs[expr.args[0]];
  if (column.kind != ExprKind::Column || column.type != Type::String) return false;
  return std::all_of(expr.args.begin() + 1, expr.args.end(),
                     [&](ExprId arg) { return plan.exprs[arg].kind == ExprKind::Literal; });
}

void take_atoms(const Plan& plan, Pipeline& pipeline) {
  if (!pipeline.source || pipeline.source->kind != NodeKind::Scan) return;
  for (Step& step : pipeline.steps) {
    if (!step.filter) return;
    std::vector<ExprId> rest;
    for (ExprId id : step.exprs) (is_atom(plan, id) ? pipeline.atoms : rest).push_back(id);
    step.exprs = std::move(rest);
  }
}

// The columns that reach the sink and are read by it.
std::vector<bool> columns_of_sink(const Plan& plan, const Pipeline& pipeline) {
  const Node* sink = pipeline.sink;
  bool all = !sink || (sink->kind != NodeKind::Count && sink->kind != NodeKind::Summarize);
  std::vector<bool> needed(pipeline.schema.size(), all);
  if (!sink || sink->kind != NodeKind::Summarize) return needed;
  for (ExprId id : sink->exprs) mark_columns(plan, id, needed);
  for (const auto& use : sink->aggregates)
    for (ExprId id : use.args) mark_columns(plan, id, needed);
  return needed;
}

void prune_columns(const Plan& plan, Pipeline& pipeline, size_t source_width) {
  std::vector<bool> needed = columns_of_sink(plan, pipeline);
  for (size_t i = pipeline.steps.size(); i-- > 0;) {
    const Step& step = pipeline.steps[i];
    if (step.filter) {
      for (ExprId id : step.exprs) mark_columns(plan, id, needed);
      continue;
    }
    // How wide the input of a projection is follows from the projection before it.
    size_t width = source_width;
    for (size_t before = i; before-- > 0;) {
      if (pipeline.steps[before].filter) continue;
      width = pipeline.steps[before].exprs.size();
      break;
    }
    std::vector<bool> below(width, false);
    for (size_t column = 0; column < step.exprs.size(); ++column)
      if (needed[column]) mark_columns(plan, step.exprs[column], below);
    needed = std::move(below);
  }
  for (ExprId id : pipeline.atoms) mark_columns(plan, id, needed);
  for (size_t i = 0; i < needed.size(); ++i)
    if (needed[i]) pipeline.columns.push_back(static_cast<int>(i));
}

bool is_sink(NodeKind kind) {
  return kind == NodeKind::Summarize || kind == NodeKind::Distinct || kind == NodeKind::Count || kind == NodeKind::Take ||
         kind == NodeKind::Sort || kind == NodeKind::Top;
}

Pipeline make_pipeline(const Plan& plan, const std::vector<const Node*>& nodes, const Node* source, const Node* sink,
                       const plan::Schema& source_schema) {
  Pipeline pipeline;
  pipeline.source = source;
  pipeline.sink = sink;
  pipeline.schema = source_schema;
  pipeline.source_width = source_schema.size();
  for (const Node* node : nodes) {
    Step& step = pipeline.steps.emplace_back();
    step.filter = node->kind == NodeKind::Filter;
    if (step.filter) {
      add_conjuncts(plan, node->exprs[0], step.exprs);
    } else {
      step.exprs = node->exprs;
    }
    pipeline.schema = node->schema;
  }
  pipeline.result = sink ? sink->schema : pipeline.schema;
  take_atoms(plan, pipeline);
  prune_columns(plan, pipeline, source_schema.size());
  return pipeline;
}

}  // namespace

void mark_columns(const Plan& plan, ExprId id, std::vector<bool>& columns) {
  const Expr& expr = plan.exprs[id];
  if (expr.kind == ExprKind::Column) columns[static_cast<size_t>(expr.column)] = true;
  for (ExprId arg : expr.args) mark_columns(plan, arg, columns);
}

Result<std::vector<Pipeline>> split(const Plan& plan, plan::NodeId id) {
  std::vector<const Node*> path;
  for (const Node* node = &plan.nodes[id];; node = &plan.nodes[node->inputs[0]]) {
    path.push_back(node);
    if (path.size() > kMaxSteps) return Error{ErrorCode::Unsupported, "a query of more than 256 operators"};
    if (node->kind == NodeKind::Scan || node->kind == NodeKind::Rows) break;
    bool streams = node->kind == NodeKind::Filter || node->kind == NodeKind::Project;
    if ((!streams && !is_sink(node->kind)) || node->inputs.size() != 1)
      return Error{ErrorCode::Unsupported, node->kind == NodeKind::Union ? "union" : "this operator"};
  }
  std::reverse(path.begin(), path.end());
  std::vector<Pipeline> out;
  std::vector<const Node*> steps;
  const Node* source = path[0];
  const plan::Schema* schema = &path[0]->schema;
  for (size_t i = 1; i < path.size(); ++i) {
    if (!is_sink(path[i]->kind)) {
      steps.push_back(path[i]);
      continue;
    }
    out.push_back(make_pipeline(plan, steps, source, path[i], *schema));
    steps.clear();
    source = nullptr;
    schema = &path[i]->schema;
  }
  if (source || !steps.empty()) out.push_back(make_pipeline(plan, steps, source, nullptr, *schema));
  return out;
}

}  // namespace kqlc::pipelines

// SPDX-License-Identifier: Apache-2.0
//
// What stands here is what the emitter (emit.cc) reads: whoever lets it look at more writes that down here,
// too. Expressions are numbered in the order of the Ir, since the emitter goes by that order.
#include "codegen/outline.h"

#include "runtime/aggregates/state.h"

namespace kqlc::codegen {

namespace {

using ir::Expr;
using ir::ExprId;
using ir::ExprKind;
using pipelines::Step;

class Outliner {
 public:
  Outliner(const ir::Ir& ir, const Loop& loop, Constants& constants)
      : ir_(ir), loop_(loop), constants_(constants), summarizes_(is_summarize(loop.sink)) {
    std::vector<ExprId> roots = summarizes_ ? ir::roots_of(*loop.sink) : std::vector<ExprId>{};
    for (const Step& step : loop.input.steps) roots.insert(roots.end(), step.exprs.begin(), step.exprs.end());
    for (ExprId id : ir::expressions_below(ir, roots)) {
      numbers_.set(id, static_cast<ExprId>(ids_.size()));
      ids_.push_back(id);
    }
  }

  std::string run() {
    put_source();
    put_count(ids_.size());
    for (ExprId id : ids_) put_expr(ir_.exprs[id]);
    put_count(loop_.input.steps.size());
    for (size_t level = 0; level < loop_.input.steps.size(); ++level) put_step(level);
    put_sink();
    return std::move(out_.bytes);
  }

 private:
  static bool is_summarize(const ir::Op* sink) { return sink && sink->kind == ir::OpKind::Summarize; }

  void put_count(size_t count) { out_.put(static_cast<uint32_t>(count)); }

  void put_ids(const std::vector<ExprId>& ids) {
    put_count(ids.size());
    for (ExprId id : ids) put_count(numbers_.at(id));
  }

  void put_source() {
    out_.put(loop_.input.source == pipelines::SourceKind::Scan);
    put_count(loop_.input.schema.size());
    for (const ir::ColumnDef& column : loop_.input.schema) out_.put(column.type);
  }

  void put_expr(const Expr& expr) {
    out_.put(expr.kind);
    out_.put(expr.type);
    if (expr.kind == ExprKind::Column) out_.put(expr.column);
    if (expr.kind == ExprKind::Literal) out_.put(constants_.add_literal({expr.type, expr.literal}));
    if (expr.kind == ExprKind::Coalesce) out_.put(constants_.add_literal({expr.type, null_cell(expr.type)}));
    if (expr.kind == ExprKind::Call) {
      put_count(static_cast<size_t>(expr.function - function_table().data()));
      out_.put(expr.prepared != nullptr);
      if (expr.prepared) out_.put(constants_.add_recipe(make_recipe(ir_, expr, constants_.arena())));
    }
    put_ids(expr.args);
  }

  void put_step(size_t level) {
    const Step& step = loop_.input.steps[level];
    out_.put(step.kind);
    put_ids(step.exprs);
    if (step.kind != Step::Kind::Join) return;
    out_.put(step.op->join);
    put_count(ir_.ops[step.op->inputs[0]].schema.size());
    put_count(step.op->join_keys.size());
    for (const ir::JoinKey& key : step.op->join_keys) out_.put(key.left);
    out_.put(loop_.tables[level]);
  }

  void put_sink() {
    put_count(loop_.input.result.size());
    out_.put(loop_.sink ? static_cast<int>(loop_.sink->kind) : -1);
    if (summarizes_) put_ids(ir::roots_of(*loop_.sink));
  }

  const ir::Ir& ir_;
  const Loop& loop_;
  Constants& constants_;
  bool summarizes_;
  std::vector<ExprId> ids_;  // that the loop computes, ascending
  ir::ExprMap numbers_;      // their places there
  Writer out_;
};

}  // namespace

std::string outline(const ir::Ir& ir, const Loop& loop, Constants& constants) {
  return Outliner(ir, loop, constants).run();
}

}  // namespace kqlc::codegen

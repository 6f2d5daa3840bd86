// SPDX-License-Identifier: Apache-2.0
//
// The split: from the result down to the sources. At a sink a phase begins; a union opens one input for each
// of its own; whatever streams becomes a step. A walk keeps its open ends in a list, so that depth costs no
// stack.
#include <algorithm>
#include <map>

#include "compiler/pipelines/pipelines.h"

namespace kqlc::pipelines {

using ir::Expr;
using ir::ExprId;
using ir::ExprKind;
using ir::Ir;
using ir::Op;
using ir::OpId;
using ir::OpKind;

namespace {

// Beyond this a query is left to the reference executor: code grows with every step.
constexpr size_t kMaxSteps = 256;        // of an input
constexpr size_t kMaxTotalSteps = 4096;  // of all inputs
constexpr size_t kMaxInputs = 256;       // of a phase
constexpr size_t kMaxJoins = 32;         // of an input: each is a loop within that of the one before

bool is_sink(OpKind kind) {
  return kind == OpKind::Summarize || kind == OpKind::Distinct || kind == OpKind::Count ||
         kind == OpKind::Take || kind == OpKind::Sort || kind == OpKind::Top;
}

bool is_atom(const Ir& ir, ExprId id) {
  const Expr& expr = ir.exprs[id];
  if (expr.kind != ExprKind::Call || !expr.prepared || !expr.function->filter || expr.args.empty())
    return false;
  const Expr& column = ir.exprs[expr.args[0]];
  if (column.kind != ExprKind::Column || column.type != Type::String) return false;
  return std::all_of(expr.args.begin() + 1, expr.args.end(),
                     [&](ExprId arg) { return ir.exprs[arg].kind == ExprKind::Literal; });
}

// Filters before the first projection, as far as whole columns decide them.
void take_atoms(const Ir& ir, Input& input) {
  if (input.source != SourceKind::Scan) return;
  for (Step& step : input.steps) {
    if (step.kind != Step::Kind::Filter) break;
    std::vector<ExprId> rest;
    for (ExprId id : step.exprs) (is_atom(ir, id) ? input.atoms : rest).push_back(id);
    step.exprs = std::move(rest);
  }
  std::erase_if(input.steps,
                [](const Step& step) { return step.kind == Step::Kind::Filter && step.exprs.empty(); });
}

class Splitter {
 public:
  explicit Splitter(std::shared_ptr<const Ir> ir) : ir_(*ir) { out_.ir = std::move(ir); }

  Result<Pipelines> run() {
    KQLC_TRY(check_depth());
    // Inputs have smaller numbers than their users: a phase for each sink in use, then the result's own.
    std::vector<bool> needed(ir_.ops.size(), false);
    needed[ir_.result] = true;
    for (size_t id = ir_.ops.size(); id-- > 0;)
      if (needed[id])
        for (OpId input : ir_.ops[id].inputs) needed[input] = true;
    for (size_t id = 0; id < ir_.ops.size(); ++id) {
      const Op& op = ir_.ops[id];
      if (needed[id] && is_sink(op.kind)) KQLC_TRY(add_phase(&op, op.inputs[0], static_cast<OpId>(id)));
      if (needed[id] && op.kind == OpKind::Join) {
        KQLC_TRY(add_phase(&op, op.inputs[1], op.inputs[1]));
        right_side_of_[static_cast<OpId>(id)] = out_.phases.size() - 1;
      }
    }
    if (!is_sink(ir_.ops[ir_.result].kind)) KQLC_TRY(add_phase(nullptr, ir_.result, ir_.result));
    return std::move(out_);
  }

 private:
  struct OpenInput {
    OpId at;
    std::vector<OpId> steps;  // above `at`, the last to run first
  };

  Result<void> check_depth() {
    for (const Expr& expr : ir_.exprs)
      if (expr.depth > ir::kMaxDepth)
        return Error{ErrorCode::Unsupported, "an expression of more than 1000 levels"};
    return {};
  }

  Result<void> add_phase(const Op* sink, OpId below, OpId id) {
    Phase phase;
    phase.sink = sink;
    phase.schema = ir_.ops[below].schema;
    phase.result = ir_.ops[id].schema;
    std::vector<OpenInput> open{{below, {}}};
    while (!open.empty()) {
      OpenInput input = std::move(open.back());
      open.pop_back();
      const Op& op = ir_.ops[input.at];
      if (op.kind == OpKind::Union) {
        for (size_t i = op.inputs.size(); i-- > 0;) open.push_back({op.inputs[i], input.steps});
      } else if (op.kind == OpKind::Filter || op.kind == OpKind::Project || op.kind == OpKind::Join) {
        input.steps.push_back(input.at);
        input.at = op.inputs[0];
        if (input.steps.size() > kMaxSteps)
          return Error{ErrorCode::Unsupported, "a query of more than 256 operators"};
        open.push_back(std::move(input));
      } else {
        KQLC_TRY(add_input(phase, input));
      }
      if (open.size() + phase.inputs.size() > kMaxInputs)
        return Error{ErrorCode::Unsupported, "a union of more than 256 inputs"};
    }
    if (!sink || sink->kind != OpKind::Join) phase_of_[id] = out_.phases.size();
    out_.phases.push_back(std::move(phase));
    return {};
  }

  Result<void> add_input(Phase& phase, const OpenInput& open) {
    const Op& op = ir_.ops[open.at];
    Input& input = phase.inputs.emplace_back();
    input.schema = op.schema;
    if (is_sink(op.kind)) {
      input.source = SourceKind::Phase;
      input.phase = phase_of_.at(open.at);
    } else {
      input.source = op.kind == OpKind::Scan   ? SourceKind::Scan
                     : op.kind == OpKind::Rows ? SourceKind::Rows
                                               : SourceKind::Range;
      input.op = &op;
    }
    for (size_t i = open.steps.size(); i-- > 0;) {
      const Op& step = ir_.ops[open.steps[i]];
      if (step.kind == OpKind::Join) {
        input.steps.push_back({Step::Kind::Join, {}, &step, right_side_of_.at(open.steps[i])});
        continue;
      }
      Step::Kind kind = step.kind == OpKind::Filter ? Step::Kind::Filter : Step::Kind::Project;
      input.steps.push_back({kind, step.exprs});
    }
    auto is_join = [](const Step& step) { return step.kind == Step::Kind::Join; };
    if (std::ranges::count_if(input.steps, is_join) > static_cast<std::ptrdiff_t>(kMaxJoins))
      return Error{ErrorCode::Unsupported, "more than 32 joins one after another"};
    input.result = phase.schema;
    take_atoms(ir_, input);
    total_steps_ += input.steps.size();
    if (total_steps_ > kMaxTotalSteps)
      return Error{ErrorCode::Unsupported, "a query of more than 4096 steps"};
    return {};
  }

  const Ir& ir_;
  Pipelines out_;
  std::map<OpId, size_t> phase_of_;       // of the sinks
  std::map<OpId, size_t> right_side_of_;  // the phases of the joins' right sides
  size_t total_steps_ = 0;
};

}  // namespace

Result<Pipelines> split(std::shared_ptr<const Ir> ir) { return Splitter(std::move(ir)).run(); }

}  // namespace kqlc::pipelines

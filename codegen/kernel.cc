// SPDX-License-Identifier: Apache-2.0
//
// The kernel: the first phase runs batch by batch into each thread's sink; the others run in finish(), over the
// rows of the phase before. Atoms are decided a column at a time and make the selection that the row loop walks.
#include "codegen/kernel.h"

#include <algorithm>

#include "codegen/jit.h"
#include "compiler/ir/ir.h"
#include "compiler/pipelines/pipelines.h"
#include "runtime/exec/run.h"
#include "runtime/exec/sink.h"

namespace kqlc::codegen {

using ir::OpKind;
using pipelines::Input;
using pipelines::Phase;
using pipelines::SourceKind;

class KernelState {
 public:
  explicit KernelState(const SinkSpec& spec) : sink(spec) {}
  Arena scratch;
  std::shared_ptr<Arena> kept = std::make_shared<Arena>();
  Sink sink;
  Run run;
  std::vector<uint64_t> selection, bits;
};

struct Kernel::Parts {
  pipelines::Pipelines pipelines;
  std::vector<SinkSpec> sinks;
  std::vector<PipelineFunction> functions;
  std::vector<Cell> literals;
  std::vector<const void*> prepared;
  std::vector<KernelInput> inputs;
  Jit jit;
};

Kernel::Kernel() : parts_(std::make_unique<Parts>()) {}
Kernel::~Kernel() = default;

namespace {

SinkSpec make_sink(const Phase& phase) {
  SinkSpec spec;
  const ir::Op* op = phase.sink;
  auto keep_columns = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) spec.types.push_back(phase.result[i].type);
  };
  if (op && op->kind == OpKind::Count) {
    spec.kind = SinkSpec::Kind::Count;
    return spec;
  }
  if (op && op->kind == OpKind::Summarize) {
    spec.kind = SinkSpec::Kind::Group;
    keep_columns(op->exprs.size());
    size_t first = op->exprs.size();
    for (const auto& use : op->aggregates) {
      AggregateCall call{use.types.data(), use.constants.data(), use.args.size(), use.num_results};
      spec.aggregates.push_back({use.aggregate, call, first});
      first += use.args.size();
    }
    return spec;
  }
  if (op && op->kind == OpKind::Distinct) spec.kind = SinkSpec::Kind::Group;
  keep_columns(phase.result.size());
  if (!op) return spec;
  for (const auto& key : op->sort_keys)
    spec.sort_keys.push_back({static_cast<size_t>(key.column), key.descending, key.nulls_first});
  if (op->kind == OpKind::Take || op->kind == OpKind::Top) spec.limit = op->limit;
  return spec;
}

// Sets the bits of the rows for which all atoms hold. Returns whether there are any.
bool select_rows(const ir::Ir& ir, const Input& input, const Batch& batch, KernelState& state) {
  auto words = static_cast<size_t>((batch.num_rows + 63) / 64);
  state.selection.assign(words, ~uint64_t{0});
  if (batch.num_rows % 64) state.selection[words - 1] = (uint64_t{1} << (batch.num_rows % 64)) - 1;
  for (ir::ExprId id : input.atoms) {
    const ir::Expr& atom = ir.exprs[id];
    const Column& column = batch.columns[ir.exprs[atom.args[0]].column];
    if (column.encoding == Encoding::Missing) {
      std::vector<Cell> args{null_cell(Type::String)};
      for (size_t i = 1; i < atom.args.size(); ++i) args.push_back(ir.exprs[atom.args[i]].literal);
      Cell passes;
      atom.function->invoke_prepared(state.run.context, atom.prepared.get(), args.data(), args.size(), &passes);
      if (!passes.valid || !passes.b) return false;
      continue;
    }
    state.bits.assign(words, 0);
    atom.function->filter(atom.prepared.get(), StringColumn{column, batch.num_rows}, state.bits.data());
    uint64_t any = 0;
    for (size_t i = 0; i < words; ++i) any |= state.selection[i] &= state.bits[i];
    if (!any) return false;
  }
  return batch.num_rows > 0;
}

}  // namespace

Result<std::unique_ptr<Kernel>> Kernel::compile(const plan::Plan& plan, plan::NodeId node, Level level) {
  std::unique_ptr<Kernel> kernel(new Kernel);
  Parts& parts = *kernel->parts_;
  auto ir = std::make_shared<ir::Ir>(ir::build(plan, node));
  ir::optimize(*ir);
  KQLC_TRY_ASSIGN(parts.pipelines, pipelines::split(std::move(ir)));
  for (const Phase& phase : parts.pipelines.phases) {
    bool first = parts.sinks.empty();
    if (phase.inputs.size() != 1) return Error{ErrorCode::Unsupported, "union"};
    SourceKind source = phase.inputs[0].source;
    if (source == SourceKind::Range) return Error{ErrorCode::Unsupported, "range"};
    if (first == (source == SourceKind::Phase)) return Error{ErrorCode::Unsupported, "a query of several branches"};
    if (source == SourceKind::Scan) parts.inputs.push_back({phase.inputs[0].op->table, phase.inputs[0].schema, phase.inputs[0].op->prefilter});
    parts.sinks.push_back(make_sink(phase));
  }
  KQLC_TRY_ASSIGN(parts.functions, parts.jit.compile(parts.pipelines, level, parts.literals, parts.prepared));
  return kernel;
}

const std::vector<KernelInput>& Kernel::inputs() const { return parts_->inputs; }
const std::string& Kernel::module_text() const { return parts_->jit.text(); }

std::shared_ptr<KernelState> Kernel::create_state() const {
  auto state = std::make_shared<KernelState>(parts_->sinks[0]);
  state->run.context.arena = &state->scratch;
  state->run.context.state_arena = state->kept.get();
  state->run.context.now = parts_->pipelines.ir->now;
  state->run.literals = parts_->literals.data();
  state->run.prepared = parts_->prepared.data();
  state->run.sink = &state->sink;
  return state;
}

bool Kernel::consume(KernelState& state, const Batch& batch) const {
  if (state.run.context.error) return false;
  if (state.sink.full()) return false;
  if (select_rows(*parts_->pipelines.ir, parts_->pipelines.phases[0].inputs[0], batch, state))
    parts_->functions[0](&state.run, batch.columns, state.selection.data(), batch.num_rows, batch.position);
  state.scratch.reset();
  return !state.sink.full();
}

void Kernel::merge(KernelState& into, KernelState& from) const {
  into.sink.merge(into.run.context, from.sink);
  into.kept->adopt(*from.kept);
  if (from.run.context.error) into.run.context.fail(from.run.context.error);
}

KernelRows Kernel::finish(KernelState& state) const {
  const Parts& parts = *parts_;
  Context& context = state.run.context;
  context.arena = state.kept.get();
  std::vector<Cell> cells;
  size_t rows = 0;
  for (size_t i = 0; i < parts.pipelines.phases.size(); ++i) {
    const Input& input = parts.pipelines.phases[i].inputs[0];
    Sink later(parts.sinks[i]);
    Sink& sink = i == 0 ? state.sink : later;
    if (i > 0 || parts.inputs.empty()) {
      const std::vector<Cell>& from = i == 0 ? input.op->cells : cells;
      if (i == 0) rows = static_cast<size_t>(input.op->limit);
      state.selection.assign((rows + 63) / 64, ~uint64_t{0});
      if (rows % 64) state.selection.back() = (uint64_t{1} << (rows % 64)) - 1;
      state.run.sink = &sink;
      parts.functions[i](&state.run, from.data(), state.selection.data(), static_cast<int64_t>(rows), 0);
    }
    std::vector<Cell> out;
    rows = sink.finish(context, out);
    cells = std::move(out);
  }
  KernelRows result;
  result.schema = parts.pipelines.phases.back().result;
  size_t width = result.schema.size();
  for (size_t row = 0; row < rows; ++row) {
    auto begin = cells.begin() + static_cast<std::ptrdiff_t>(row * width);
    result.rows.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(width));
  }
  result.arena = state.kept;
  result.error = context.error;
  return result;
}

}  // namespace kqlc::codegen

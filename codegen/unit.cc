// SPDX-License-Identifier: Apache-2.0
//
// Constants are found again by the bytes in which the image stores them. Which columns, atoms and sinks a
// pipeline has was decided before (compiler/pipelines); here it is only written down in the runtime's terms.
#include "codegen/unit.h"

#include <algorithm>

#include "codegen/outline.h"
#include "runtime/aggregates/state.h"
#include "runtime/base/check.h"

namespace kqlc::codegen {

namespace {

void save(const exec::Constant& constant, Writer& writer) {
  Arena scratch;
  writer.put(constant.type);
  aggregates::save_cell(constant.cell, constant.type, writer, scratch);
}

std::string key_of(const exec::Constant& literal) {
  Writer key;
  save(literal, key);
  return std::move(key.bytes);
}

std::string key_of(const exec::Recipe& recipe) {
  Writer key;
  key.put(recipe.function);
  for (const exec::Constant& argument : recipe.args) save(argument, key);
  return std::move(key.bytes);
}

using ir::OpKind;
using pipelines::Input;
using pipelines::Phase;
using pipelines::SourceKind;
using pipelines::Step;

std::vector<exec::Field> fields_of(const ir::Schema& schema) {
  std::vector<exec::Field> fields;
  for (const ir::ColumnDef& column : schema) fields.push_back({column.name, column.type});
  return fields;
}

void add_aggregates(const ir::Op& op, const ir::Schema& result, SinkSpec& spec) {
  auto argument = static_cast<uint32_t>(op.exprs.size());
  size_t column = op.exprs.size();
  for (const ir::AggregateUse& from : op.aggregates) {
    SinkAggregate& use = spec.aggregates.emplace_back();
    use.slot = static_cast<uint32_t>(from.aggregate - aggregate_table().data());
    use.types = from.types;
    for (size_t i = 0; i < from.types.size(); ++i) {
      bool constant = i < from.constants.size() && from.constants[i].valid;
      use.constants.push_back(constant ? from.constants[i] : null_cell(from.types[i]));
    }
    for (size_t i = 0; i < from.num_results; ++i) use.results.push_back(result[column++].type);
    use.first_argument = argument;
    argument += static_cast<uint32_t>(from.types.size());
  }
}

SinkSpec make_right_side(const ir::Ir& ir, const Phase& phase) {
  const ir::Schema& left = ir.ops[phase.sink->inputs[0]].schema;
  SinkSpec spec;
  spec.kind = SinkSpec::Kind::Build;
  for (const ir::ColumnDef& column : phase.schema) spec.types.push_back(column.type);
  for (const ir::JoinKey& key : phase.sink->join_keys)
    spec.join_keys.push_back({static_cast<uint32_t>(key.right), left[static_cast<size_t>(key.left)].type});
  return spec;
}

SinkSpec make_sink(const ir::Ir& ir, const Phase& phase) {
  SinkSpec spec;
  const ir::Op* op = phase.sink;
  if (op && op->kind == OpKind::Count) {
    spec.kind = SinkSpec::Kind::Count;
    return spec;
  }
  if (op && op->kind == OpKind::Join) return make_right_side(ir, phase);
  bool groups = op && op->kind == OpKind::Summarize;
  if (groups || (op && op->kind == OpKind::Distinct)) spec.kind = SinkSpec::Kind::Group;
  for (size_t i = 0; i < (groups ? op->exprs.size() : phase.result.size()); ++i)
    spec.types.push_back(phase.result[i].type);
  if (groups) add_aggregates(*op, phase.result, spec);
  if (!op || groups) return spec;
  for (const auto& key : op->sort_keys)
    spec.sort_keys.push_back({static_cast<uint32_t>(key.column), key.descending, key.nulls_first});
  if (op->kind == OpKind::Take || op->kind == OpKind::Top) spec.limit = op->limit;
  return spec;
}

exec::Input make_input(const ir::Ir& ir, const Input& from, Constants& constants) {
  exec::Input input;
  input.table = from.op->table;
  input.columns = fields_of(from.schema);
  input.prefilter = from.op->prefilter;
  for (ir::ExprId id : from.atoms) {
    const ir::Expr& atom = ir.exprs[id];
    auto column = static_cast<uint32_t>(ir.exprs[atom.args[0]].column);
    input.atoms.push_back({column, constants.add_recipe(make_recipe(ir, atom, constants.arena()))});
  }
  return input;
}

// LLVM's passes take more than linear time in the size of a function, which grows with every operand: 5 s for
// 2,000.
constexpr size_t kMostOptimizedOperands = 1'000;
constexpr size_t kMostOperands = 4'000;

size_t count_operands(const ir::Ir& ir) {
  size_t count = 0;
  for (const ir::Expr& expr : ir.exprs) count += 1 + expr.args.size();
  return count;
}

constexpr size_t kMaxMarks = 8;  // of one input: each is code of its own

// Gathers the parts of a unit phase by phase.
class UnitBuilder {
 public:
  explicit UnitBuilder(Unit& unit) : unit_(unit), program_(unit.program) {}

  Result<void> add_phase(const Phase& phase) {
    if (phase.inputs.size() > exec::kMaxBranches)
      return Error{ErrorCode::Unsupported, "a union of more than 256 inputs"};
    std::vector<exec::Pipeline> pipelines;
    for (const Input& input : phase.inputs) pipelines.push_back(make_pipeline(input));
    auto sink = static_cast<uint32_t>(program_.sinks.size());
    program_.sinks.push_back(make_sink(*unit_.ir, phase));
    sinks_.push_back(sink);
    for (size_t i = 0; i < pipelines.size(); ++i) {
      pipelines[i].branch = static_cast<uint32_t>(i);
      pipelines[i].sink = sink;
      pipelines[i].function = add_loop(phase.inputs[i], phase.sink);
      for (const pipelines::Step& step : phase.inputs[i].steps)
        if (step.kind == Step::Kind::Join) pipelines[i].probes.push_back(sinks_[step.phase]);
      if (phase.inputs[i].source == SourceKind::Scan) add_marks(phase.inputs[i], pipelines[i]);
      program_.pipelines.push_back(std::move(pipelines[i]));
    }
    return {};
  }

  void finish(const ir::Schema& result) {
    program_.num_functions = static_cast<uint32_t>(unit_.loops.size());
    program_.results.push_back({sinks_.back(), fields_of(result)});
    Writer outlines;
    for (const Loop& loop : unit_.loops)
      outlines.put_text(std::string_view(outline(*unit_.ir, loop, unit_.constants)));
    unit_.outline = std::move(outlines.bytes);
  }

 private:
  uint32_t add_loop(const Input& input, const ir::Op* sink) {
    Loop& loop = unit_.loops.emplace_back(Loop{input, sink, {}});
    for (const Step& step : input.steps)
      loop.tables.push_back(step.kind == Step::Kind::Join ? sinks_[step.phase] : 0);
    return static_cast<uint32_t>(unit_.loops.size() - 1);
  }

  exec::Pipeline make_pipeline(const Input& input) {
    exec::Pipeline pipeline;
    pipeline.width = static_cast<uint32_t>(input.schema.size());
    switch (input.source) {
      case SourceKind::Phase:
        pipeline.kind = exec::SourceKind::Sink;
        pipeline.source = sinks_[input.phase];
        break;
      case SourceKind::Scan:
        pipeline.kind = exec::SourceKind::Input;
        pipeline.source = static_cast<uint32_t>(program_.inputs.size());
        program_.inputs.push_back(make_input(*unit_.ir, input, unit_.constants));
        break;
      case SourceKind::Rows:
        pipeline.num_rows = input.op->limit;
        pipeline.rows = input.op->cells;
        for (const ir::ColumnDef& column : input.schema) pipeline.types.push_back(column.type);
        break;
      case SourceKind::Range:
        pipeline.kind = exec::SourceKind::Range;
        pipeline.source = add_bounds(*input.op);
        break;
    }
    return pipeline;
  }

  // Filters that read one string column alone run once per distinct value where the column is a dictionary.
  void add_marks(const Input& input, exec::Pipeline& pipeline) {
    static const ir::Op bare = [] {
      ir::Op op;
      op.kind = OpKind::Count;
      return op;
    }();
    for (const pipelines::Step& step : input.steps) {
      if (step.kind != Step::Kind::Filter) return;
      for (ir::ExprId id : step.exprs) {
        std::vector<bool> read(input.schema.size(), false);
        ir::mark_columns(*unit_.ir, id, read);
        auto column = static_cast<size_t>(std::find(read.begin(), read.end(), true) - read.begin());
        if (std::count(read.begin(), read.end(), true) != 1 || input.schema[column].type != Type::String)
          continue;
        if (!unit_.ir->exprs[id].deterministic || unit_.ir->exprs[id].may_fail ||
            pipeline.marks.size() == kMaxMarks)
          continue;
        Input alone = input;
        alone.atoms.clear();
        alone.steps = {{Step::Kind::Filter, {id}}};
        pipeline.marks.push_back({static_cast<uint32_t>(column), add_loop(alone, &bare)});
      }
    }
  }

  // The bounds of a range are a row of their own, since they may depend on now().
  uint32_t add_bounds(const ir::Op& range) {
    Input bounds;
    bounds.source = SourceKind::Rows;
    bounds.steps.push_back({Step::Kind::Project, range.exprs});
    Type type = range.schema[0].type;
    bounds.result = {{"from", type}, {"to", type}, {"step", unit_.ir->exprs[range.exprs[2]].type}};
    SinkSpec spec;
    for (const ir::ColumnDef& column : bounds.result) spec.types.push_back(column.type);
    exec::Pipeline pipeline;
    pipeline.num_rows = 1;
    pipeline.sink = static_cast<uint32_t>(program_.sinks.size());
    program_.sinks.push_back(std::move(spec));
    pipeline.function = add_loop(bounds, nullptr);
    program_.pipelines.push_back(std::move(pipeline));
    return program_.sinks.size() - 1;
  }

  Unit& unit_;
  exec::Program& program_;
  std::vector<uint32_t> sinks_;  // of each phase
};

}  // namespace

uint32_t Constants::add_literal(const exec::Constant& literal) {
  auto [place, added] =
      literals_.try_emplace(key_of(literal), static_cast<uint32_t>(program_.literals.size()));
  if (added) program_.literals.push_back(literal);
  return place->second;
}

uint32_t Constants::add_recipe(exec::Recipe recipe) {
  auto [place, added] = recipes_.try_emplace(key_of(recipe), static_cast<uint32_t>(program_.recipes.size()));
  if (added) program_.recipes.push_back(std::move(recipe));
  return place->second;
}

uint32_t Constants::find_literal(const exec::Constant& literal) const {
  auto place = literals_.find(key_of(literal));
  KQLC_CHECK(place != literals_.end(), "a literal that the outline has not");
  return place->second;
}

uint32_t Constants::find_recipe(const exec::Recipe& recipe) const {
  auto place = recipes_.find(key_of(recipe));
  KQLC_CHECK(place != recipes_.end(), "a prepared state that the outline has not");
  return place->second;
}

namespace {

// Whether an argument is prepared that is computed from constants, not one: what folding leaves depends on
// now().
bool is_timed(const ir::Ir& ir, const ir::Expr& call, size_t argument) {
  return (call.function->prepared_mask >> std::min<size_t>(argument, 31) & 1) &&
         ir.exprs[call.args[argument]].kind != ir::ExprKind::Literal;
}

}  // namespace

exec::Recipe make_recipe(const ir::Ir& ir, const ir::Expr& call, Arena& arena) {
  exec::Recipe recipe;
  recipe.function = static_cast<uint32_t>(call.function - function_table().data());
  Context context;
  context.arena = context.state_arena = &arena;
  context.now = ir.now;
  for (size_t i = 0; i < call.args.size(); ++i) {
    const ir::Expr& argument = ir.exprs[call.args[i]];
    const Type type = call.function->params[std::min<size_t>(i, call.function->num_params)].type;
    Cell cell = null_cell(type);
    if (argument.type == type && is_timed(ir, call, i))
      cell = ir::evaluate_constant(ir, call.args[i], context);
    if (argument.type == type && argument.kind == ir::ExprKind::Literal) cell = argument.literal;
    recipe.args.push_back({type, cell});
  }
  return recipe;
}

const Function* find_timed_recipe(const ir::Ir& ir) {
  for (const ir::Expr& expr : ir.exprs)
    for (size_t i = 0; expr.prepared && i < expr.args.size(); ++i)
      if (is_timed(ir, expr, i)) return expr.function;
  return nullptr;
}

bool Unit::optimizes() const { return count_operands(*ir) <= kMostOptimizedOperands; }

Result<std::unique_ptr<Unit>> build_unit(const plan::Plan& plan, plan::NodeId result, std::string rule) {
  auto ir = std::make_shared<ir::Ir>(ir::build(plan, result));
  ir::optimize(*ir);
  pipelines::Pipelines pipelines;
  KQLC_TRY_ASSIGN(pipelines, pipelines::split(std::move(ir)));
  return build_unit(std::move(pipelines), std::move(rule));
}

Result<std::unique_ptr<Unit>> build_unit(pipelines::Pipelines pipelines, std::string rule) {
  if (count_operands(*pipelines.ir) > kMostOperands)
    return Error{ErrorCode::Unsupported, "native code of a query this large"};
  auto unit = std::make_unique<Unit>();
  unit->ir = std::move(pipelines.ir);
  unit->program.rule = std::move(rule);
  UnitBuilder builder(*unit);
  for (const Phase& phase : pipelines.phases) KQLC_TRY(builder.add_phase(phase));
  builder.finish(pipelines.phases.back().result);
  return unit;
}

}  // namespace kqlc::codegen

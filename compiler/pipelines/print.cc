// SPDX-License-Identifier: Apache-2.0
//
// The phases as text: for each its inputs, one step a line, then the sink.
#include <fmt/format.h>

#include "compiler/pipelines/pipelines.h"
#include "runtime/base/printable.h"

namespace kqlc::pipelines {

namespace {

std::string print_exprs(const ir::Ir& ir, const std::vector<ir::ExprId>& exprs, const ir::Schema& schema) {
  std::string out;
  for (ir::ExprId id : exprs) out += (out.empty() ? "" : ", ") + ir::render_expr(ir, id, schema);
  return out;
}

std::string print_schema(const ir::Schema& schema) {
  std::string out;
  for (const auto& column : schema)
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", column.name, type_name(column.type));
  return "[" + out + "]";
}

// Between two projections columns have no names: they are #0, #1, ...
ir::Schema unnamed(size_t width) {
  ir::Schema schema;
  for (size_t i = 0; i < width; ++i) schema.push_back({"#" + std::to_string(i), Type::String});
  return schema;
}

std::string print_source(const Pipelines& pipelines, const Input& input) {
  switch (input.source) {
    case SourceKind::Scan:
      return fmt::format("scan {} {}", input.op->table, print_schema(input.schema));
    case SourceKind::Rows:
      return fmt::format("rows {} {}", input.op->limit, print_schema(input.schema));
    case SourceKind::Range:
      return fmt::format("range {} {}", print_exprs(*pipelines.ir, input.op->exprs, {}),
                         print_schema(input.schema));
    case SourceKind::Phase:
      return fmt::format("phase {} {}", input.phase, print_schema(input.schema));
  }
  return "";
}

std::string render(const ir::Ir& ir, const ir::Op& op) {
  return ir::render_op(ir, static_cast<ir::OpId>(&op - ir.ops.data()));
}

std::string print_input(const Pipelines& pipelines, const Input& input) {
  const ir::Ir& ir = *pipelines.ir;
  std::string out = "  input " + print_source(pipelines, input) + "\n";
  if (input.op)
    for (const auto& group : input.op->prefilter) {
      std::string words;
      for (const simd::Literal& literal : group)
        words += fmt::format("{}\"{}\"", words.empty() ? "" : " or ", printable(literal.text));
      out += fmt::format("    prefilter {}\n", words);
    }
  for (ir::ExprId id : input.atoms)
    out += fmt::format("    atom {}\n", ir::render_expr(ir, id, input.schema));
  ir::Schema schema = input.schema;
  for (const Step& step : input.steps) {
    switch (step.kind) {
      case Step::Kind::Filter:
        out += fmt::format("    filter {}\n", print_exprs(ir, step.exprs, schema));
        break;
      case Step::Kind::Project:
        out += fmt::format("    project {}\n", print_exprs(ir, step.exprs, schema));
        schema = unnamed(step.exprs.size());
        break;
      case Step::Kind::Join:
        out += fmt::format("    {}, looked up in phase {}\n", render(ir, *step.op), step.phase);
        schema = step.op->schema;
        break;
    }
  }
  return out;
}

}  // namespace

std::string print(const Pipelines& pipelines) {
  std::string out;
  for (size_t i = 0; i < pipelines.phases.size(); ++i) {
    const Phase& phase = pipelines.phases[i];
    out += fmt::format("phase {}\n", i);
    for (const Input& input : phase.inputs) out += print_input(pipelines, input);
    std::string sink = !phase.sink ? "rows"
                       : phase.sink->kind == ir::OpKind::Join
                           ? "right side of " + render(*pipelines.ir, *phase.sink)
                           : render(*pipelines.ir, *phase.sink);
    out += fmt::format("  sink {} {}\n", sink, print_schema(phase.result));
  }
  return out;
}

}  // namespace kqlc::pipelines

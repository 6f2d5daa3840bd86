// SPDX-License-Identifier: Apache-2.0
//
// `kqlc explain`: a stage of each rule as text, or without --emit a summary: what is read, what the raw text
// must hold, which conditions stand on the scans, in which phases it runs. Code is made only when it is asked
// for. A stage that a rule does not have (no native form) is said with the reason; the exit code is then 3.
#include <fmt/format.h>

#include "cli/explain_profile.h"
#include "cli/output_file.h"
#include "cli/rules.h"
#include "cli/say.h"
#include "cli/session.h"
#include "codegen/module.h"
#include "codegen/unit.h"
#include "compiler/ir/ir.h"
#include "compiler/pipelines/pipelines.h"
#include "compiler/syntax/lexer.h"
#include "runtime/base/printable.h"

namespace kqlc::cli {

namespace {

constexpr std::string_view kStages[] = {"rule",      "tokens", "syntax", "plan",  "ir",
                                        "pipelines", "llvm",   "asm",    "object"};

std::string print_metadata(const rule::Metadata& node, size_t depth) {
  std::string indent(2 * depth, ' ');
  std::string out;
  if (!node.key.empty())
    out = indent + node.key + ": ";
  else if (depth > 0)
    out = indent + "- ";
  if (node.kind == rule::Metadata::Kind::Scalar) out += node.text;
  out += '\n';
  for (const rule::Metadata& item : node.items) out += print_metadata(item, depth + 1);
  return out;
}

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string print_rule(const rule::Rule& rule) {
  std::string out;
  auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) out += fmt::format("{}: {}\n", name, value);
  };
  add("file", rule.source.path);
  add("id", rule.id);
  add("name", rule.name);
  add("kind", rule.kind);
  add("severity", rule.severity);
  add("version", rule.version);
  add("queryFrequency", rule.query_frequency);
  add("queryPeriod", rule.query_period);
  add("triggerOperator", rule.trigger_operator);
  add("triggerThreshold", rule.trigger_threshold);
  add("tactics", join(rule.tactics));
  add("techniques", join(rule.techniques));
  add("description", rule.description);
  for (const rule::Metadata& item : rule.metadata.items) out += print_metadata(item, 0);
  return out + "query:\n" + rule.source.query + "\n";
}

std::string_view token_name(syntax::TokenKind kind) {
  constexpr std::string_view names[] = {"name",     "bracket_name", "string", "long", "real",
                                        "timespan", "typed",        "symbol", "end"};
  return names[static_cast<size_t>(kind)];
}

std::string print_tokens(const std::string& query) {
  source::Diagnostics diagnostics;
  std::string out;
  for (const syntax::Token& token : syntax::lex(query, diagnostics))
    out += fmt::format("{}..{} {} {}{}\n", token.span.begin, token.span.end, token_name(token.kind),
                       token.type.empty() ? "" : token.type + " ", token.text);
  return out;
}

std::shared_ptr<ir::Ir> optimized(const plan::Plan& plan, plan::NodeId result) {
  auto ir = std::make_shared<ir::Ir>(ir::build(plan, result));
  ir::optimize(*ir);
  return ir;
}

std::string render_prefilter(const ir::Op& scan) {
  std::string out;
  for (const auto& group : scan.prefilter) {
    std::string words;
    for (const simd::Literal& literal : group)
      words += (words.empty() ? "`" : " or `") + printable(literal.text) + "`";
    out += fmt::format("  raw text must hold: {}\n", words);
  }
  return out.empty() ? "  raw text is parsed as a whole: no condition names a text that must occur\n" : out;
}

// "Name: string, Count: long"
std::string render_columns(const plan::Schema& schema) {
  std::string out;
  for (const plan::ColumnDef& column : schema)
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", column.name, type_name(column.type));
  return out;
}

// The tables a result reads, each with its columns, its prefilter and the conditions that stand on it.
std::string render_scans(const ir::Ir& ir) {
  std::string out;
  for (size_t id = 0; id < ir.ops.size(); ++id) {
    const ir::Op& scan = ir.ops[id];
    if (scan.kind != ir::OpKind::Scan) continue;
    std::string columns;
    for (const auto& column : scan.schema) columns += (columns.empty() ? "" : ", ") + column.name;
    out += fmt::format("reads {}: {}\n{}", scan.table,
                       columns.empty() ? "no columns, only its rows" : columns, render_prefilter(scan));
    for (const ir::Op& op : ir.ops)
      if (op.kind == ir::OpKind::Filter && op.inputs[0] == id)
        for (ir::ExprId condition : op.exprs)
          out += fmt::format("  keeps rows with {}\n", ir::render_expr(ir, condition, scan.schema));
  }
  return out;
}

Error no_native_form(const Error& error) {
  if (error.code != ErrorCode::Unsupported) return error;
  return {ErrorCode::Unsupported, "no native form: " + error.message + "; the reference executor runs it"};
}

// The module as it is compiled ahead of time, optimized: as text, as assembly, or as an object file.
Result<std::string> print_code(pipelines::Pipelines pipelines, const std::string& rule,
                               const std::string& stage) {
  auto unit = codegen::build_unit(std::move(pipelines), rule);
  if (!unit.ok()) return no_native_form(unit.error());
  codegen::ModuleOrder order = codegen::order_all(
      *unit.value(), unit.value()->optimizes() ? codegen::Level::O2 : codegen::Level::O0, "kqlc_kernel_code");
  if (stage == "llvm") return codegen::print_module(order);
  if (stage == "asm") return codegen::compile_assembly(order);
  return codegen::compile_object(order);
}

Result<std::string> explain_result(const plan::Plan& plan, plan::NodeId result, const std::string& rule,
                                   const std::string& stage) {
  auto ir = optimized(plan, result);
  if (stage == "ir") return ir::print(*ir);
  auto pipelines = pipelines::split(ir);
  if (stage.empty()) {
    std::string phases = pipelines.ok() ? pipelines::print(pipelines.value())
                                        : no_native_form(pipelines.error()).message + "\n";
    return render_scans(*ir) + "gives: " + render_columns(ir->ops[ir->result].schema) + "\nruns as\n" +
           phases;
  }
  if (!pipelines.ok()) return no_native_form(pipelines.error());
  if (stage == "pipelines") return pipelines::print(pipelines.value());
  return print_code(std::move(pipelines).value(), rule, stage);
}

// A stage of one rule, of all its results where it has several. What is wrong with the rule goes to stderr.
Result<std::string> explain_rule(const rule::Rule& rule, const Session& session, const std::string& stage,
                                 Exit& exit) {
  if (stage == "rule") return print_rule(rule);
  if (stage == "tokens") return print_tokens(rule.source.query);
  Compiled compiled = compile(rule.source, *session.schemas, session.now);
  std::fputs(render(compiled).c_str(), stderr);
  exit = worse(exit, compiled.exit_code());
  if (stage == "syntax") return syntax::print(compiled.tree);
  if (!compiled.ok()) return std::string();
  std::string out;
  if (stage == "plan") return plan::print(compiled.plan);
  if (stage.empty()) out = (rule.name.empty() ? rule_key(rule) : rule.name) + "\n";
  for (plan::NodeId result : compiled.plan.results) {
    std::string text;
    KQLC_TRY_ASSIGN(text, explain_result(compiled.plan, result, rule_key(rule), stage));
    out += text;
  }
  return out;
}

}  // namespace

int run_explain(const Options& options) {
  if (options.profile) return explain_profile(options);
  bool known = options.emit.empty();
  for (std::string_view stage : kStages) known |= stage == options.emit;
  if (!known)
    return fail({ErrorCode::Usage, "--emit: no such stage: `" + options.emit +
                                       "`: rule, tokens, syntax, plan, ir, pipelines, llvm, asm or object"});
  if (!options.data.empty()) return fail({ErrorCode::Usage, "--data: only `explain --profile` reads data"});
  auto session = open_session(options);
  if (!session.ok()) return fail(session.error());
  auto out = OutputFile::open(options.output);
  if (!out.ok()) return fail(out.error());
  RuleFiles files = read_rule_files(options.rules);
  Exit exit = files.left_out || files.rules.empty() ? kUsage : kDone;
  for (const rule::Rule& rule : files.rules) {
    auto text = explain_rule(rule, session.value(), options.emit, exit);
    if (!text.ok()) {
      say("kqlc: {}: {}\n", rule_key(rule), text.error().message);
      exit = worse(exit, text.error().code == ErrorCode::Unsupported ? kUnsupported : exit_of(text.error()));
      continue;
    }
    if (auto written = out.value().write(text.value()); !written.ok()) return fail(written.error());
  }
  if (auto done = out.value().commit(); !done.ok()) return fail(done.error());
  return exit;
}

}  // namespace kqlc::cli

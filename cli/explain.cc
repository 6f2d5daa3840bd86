// SPDX-License-Identifier: Apache-2.0
//
// `kqlc explain`: a stage of each rule as text, or without --emit a summary: what is read, what the raw text must hold,
// which conditions stand on the scans, in which phases it runs. Code is made only when it is asked for. A stage that a
// rule does not have (no native form) is said with the reason; the exit code is then 3.
#include <fmt/format.h>

#include "cli/rules.h"
#include "cli/session.h"
#include "compiler/ir/ir.h"
#include "compiler/pipelines/pipelines.h"
#include "compiler/syntax/lexer.h"

namespace kqlc::cli {

namespace {

constexpr std::string_view kStages[] = {"rule", "tokens", "syntax", "plan", "ir", "pipelines"};

std::string print_metadata(const rule::Metadata& node, size_t depth) {
  std::string indent(2 * depth, ' ');
  std::string out;
  if (!node.key.empty()) out = indent + node.key + ": ";
  else if (depth > 0) out = indent + "- ";
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
  constexpr std::string_view names[] = {"name", "bracket_name", "string", "long", "real", "timespan", "typed", "symbol", "end"};
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
    for (const simd::Literal& literal : group) words += (words.empty() ? "`" : " or `") + literal.text + "`";
    out += fmt::format("  raw text must hold: {}\n", words);
  }
  return out.empty() ? "  raw text is parsed as a whole: no condition names a text that must occur\n" : out;
}

// The tables a result reads, each with its columns, its prefilter and the conditions that stand on it.
std::string render_scans(const ir::Ir& ir) {
  std::string out;
  for (size_t id = 0; id < ir.ops.size(); ++id) {
    const ir::Op& scan = ir.ops[id];
    if (scan.kind != ir::OpKind::Scan) continue;
    std::string columns;
    for (const auto& column : scan.schema) columns += (columns.empty() ? "" : ", ") + column.name;
    out += fmt::format("reads {}: {}\n{}", scan.table, columns.empty() ? "no columns, only its rows" : columns, render_prefilter(scan));
    for (const ir::Op& op : ir.ops)
      if (op.kind == ir::OpKind::Filter && op.inputs[0] == id)
        for (ir::ExprId condition : op.exprs) out += fmt::format("  keeps rows with {}\n", ir::render_expr(ir, condition, scan.schema));
  }
  return out;
}

// `unsupported` is set when there is no such stage for this rule.
std::string print_pipelines(std::shared_ptr<const ir::Ir> ir, bool& unsupported) {
  auto split = pipelines::split(std::move(ir));
  if (split.ok()) return pipelines::print(split.value());
  unsupported = true;
  return "no native form: " + split.error().message + "; the reference executor runs it\n";
}

std::string explain_result(const Compiled& compiled, plan::NodeId result, const std::string& stage, bool& unsupported) {
  auto ir = optimized(compiled.plan, result);
  if (stage == "ir") return ir::print(*ir);
  if (stage == "pipelines") return print_pipelines(ir, unsupported);
  bool native = true;
  std::string phases = print_pipelines(ir, native);
  return render_scans(*ir) + phases;
}

}  // namespace

int run_explain(const Options& options) {
  bool known = options.emit.empty();
  for (std::string_view stage : kStages) known |= stage == options.emit;
  if (!known) return fail({ErrorCode::Usage, "--emit: no such stage: " + options.emit});
  auto session = open_session(options);
  if (!session.ok()) return fail(session.error());
  RuleFiles files = read_rule_files(options.rules);
  Exit exit = files.left_out || files.rules.empty() ? kUsage : kDone;
  for (const rule::Rule& rule : files.rules) {
    if (options.emit == "rule") fmt::print("{}", print_rule(rule));
    if (options.emit == "tokens") fmt::print("{}", print_tokens(rule.source.query));
    if (options.emit == "rule" || options.emit == "tokens") continue;
    Compiled compiled = compile(rule.source, session.value().schemas, session.value().now);
    std::fputs(render(compiled).c_str(), stderr);
    exit = worse(exit, compiled.exit_code());
    if (options.emit == "syntax") fmt::print("{}", syntax::print(compiled.tree));
    if (options.emit == "syntax" || !compiled.ok()) continue;
    if (options.emit.empty()) fmt::print("{}\n", rule.name.empty() ? rule_key(rule) : rule.name);
    if (options.emit == "plan" || options.emit.empty()) fmt::print("{}", plan::print(compiled.plan));
    if (options.emit == "plan") continue;
    bool unsupported = false;
    for (plan::NodeId result : compiled.plan.results)
      fmt::print("{}", explain_result(compiled, result, options.emit, unsupported));
    if (unsupported) exit = worse(exit, kUnsupported);
  }
  return exit;
}

}  // namespace kqlc::cli

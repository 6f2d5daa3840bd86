// SPDX-License-Identifier: Apache-2.0
//
// infer_literals: a regular expression is asked of few texts where most lack what each of its matches holds.
// In: an Ir. Out: beside `Column matches regex @'(?i)-enc\s+[a-z]{40}'` in a filter on a scan stands the
// condition contains_any(Column, "-enc\t", "-enc ", ...), which is decided for a whole column at once, for
// all rules of a scan together, and by which lines of raw text can be passed over.
#include "compiler/ir/passes.h"
#include "compiler/ir/regex_literals.h"
#include "compiler/ir/text.h"

namespace kqlc::ir {

namespace {

// Shorter ones are in too many texts.
constexpr size_t kLeastCharacters = 3;

// The literals of a condition that is a constant regular expression over a column; else none.
std::vector<std::string> literals_of(const Ir& ir, const Expr& expr) {
  if (expr.kind != ExprKind::Call || expr.function != find_overload("matches regex(string, string)"))
    return {};
  const Expr &column = ir.exprs[expr.args[0]], &pattern = ir.exprs[expr.args[1]];
  if (column.kind != ExprKind::Column || column.type != Type::String) return {};
  if (pattern.kind != ExprKind::Literal || !pattern.literal.valid) return {};
  return required_literals(pattern.literal.s.view(), kLeastCharacters);
}

ExprId contains_any(Ir& ir, ExprId column, const std::vector<std::string>& literals) {
  std::vector<ExprId> values;
  for (const std::string& text : literals)
    values.push_back(ir.add_literal(make_cell(ir.arena->copy(Str(std::string_view(text)))), Type::String));
  return add_condition(ir, "contains_any(string, string...)", column, values);
}

}  // namespace

void infer_literals(Ir& ir) {
  for (size_t id = 0; id < ir.ops.size(); ++id) {
    if (ir.ops[id].kind != OpKind::Filter || ir.ops[ir.ops[id].inputs[0]].kind != OpKind::Scan) continue;
    std::vector<ExprId> conditions;
    for (ExprId condition : std::vector<ExprId>(ir.ops[id].exprs)) {
      std::vector<std::string> literals = literals_of(ir, ir.exprs[condition]);
      if (!literals.empty()) conditions.push_back(contains_any(ir, ir.exprs[condition].args[0], literals));
      conditions.push_back(condition);
    }
    ir.ops[id].exprs = std::move(conditions);
  }
  compact(ir);
}

}  // namespace kqlc::ir

// SPDX-License-Identifier: Apache-2.0
//
// The passes keep the meaning: an optimized Ir, written back as a Plan, gives the rows that the Plan gives,
// in the same order, both run by the reference executor. Over a table of awkward rows (nulls, NaN, both
// zeros, equal values of different looks), for the passes together and for each alone.
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/ir/ir.h"
#include "compiler/ir/passes.h"
#include "compiler/reference/execute.h"
#include "compiler/syntax/tree.h"
#include "runtime/base/check.h"
#include "runtime/simd/line_filter.h"
#include "runtime/value/dynamic.h"

namespace kqlc::ir {
namespace {

const plan::Schema kSchema = {{"Name", Type::String}, {"Path", Type::String},   {"Size", Type::Long},
                              {"Real", Type::Real},   {"Time", Type::DateTime}, {"Bag", Type::Dynamic}};

plan::Plan bind_query(const std::string& text) {
  plan::Schemas schemas;
  schemas.add("T", kSchema);
  source::Diagnostics diagnostics;
  syntax::SyntaxTree tree = syntax::parse(text, diagnostics);
  plan::Plan plan;
  bool bound = plan::bind(tree, schemas, {.now = 638'000'000'000'000'000}, diagnostics, plan);
  std::string problem = bound ? "" : diagnostics.all()[0].message;
  KQLC_CHECK(bound, "the test's own query: " + text + ": " + problem);
  return plan;
}

// 96 rows; few different values a column, so that groups, ties and nulls are many.
Cell cell_at(size_t column, size_t row, Arena& arena) {
  static const char* const names[] = {"cmd.exe", "PowerShell -enc abc", "",
                                      "svchost", "powershell",          "CMD.EXE"};
  static const double reals[] = {0.0, -0.0, NAN, 1.5, -2.0, 1e300, INFINITY};
  static const char* const bags[] = {
      "{\"a\":1,\"b\":\"x\"}", "{\"b\":\"x\",\"a\":1.0}", "1", "1.0", "", "[1,\"abc\"]", "\"text\""};
  switch (column) {
    case 0:
      return make_cell(Str(std::string_view(names[row % 6])));
    case 1:
      return make_cell(Str(std::string_view(names[row / 3 % 6])));
    case 2:
      return row % 11 == 3 ? null_cell(Type::Long) : make_cell(static_cast<int64_t>(row * 37 % 13) - 3);
    case 3:
      return row % 7 == 6 ? null_cell(Type::Real) : make_cell(reals[row % 7]);
    case 4:
      return row % 13 == 5 ? null_cell(Type::DateTime)
                           : make_cell(DateTime{637'999'000'000'000'000 +
                                                static_cast<int64_t>(row % 5) * 900'000'000'000});
    default: {
      std::string_view text = bags[row % 7];
      return text.empty() ? null_cell(Type::Dynamic) : make_cell(dynamic::parse(Str(text), arena));
    }
  }
}

plan::ExprKind plan_kind(ExprKind kind) {
  switch (kind) {
    case ExprKind::Column:
      return plan::ExprKind::Column;
    case ExprKind::Literal:
      return plan::ExprKind::Literal;
    case ExprKind::Call:
      return plan::ExprKind::Call;
    case ExprKind::And:
      return plan::ExprKind::And;
    case ExprKind::Or:
      return plan::ExprKind::Or;
    case ExprKind::Case:
      return plan::ExprKind::Case;
    case ExprKind::Coalesce:
      return plan::ExprKind::Coalesce;
  }
  return {};
}

plan::NodeKind plan_kind(OpKind kind) {
  static constexpr plan::NodeKind kinds[] = {
      plan::NodeKind::Scan,    plan::NodeKind::Rows,      plan::NodeKind::Range,    plan::NodeKind::Filter,
      plan::NodeKind::Project, plan::NodeKind::Summarize, plan::NodeKind::Distinct, plan::NodeKind::Count,
      plan::NodeKind::Take,    plan::NodeKind::Sort,      plan::NodeKind::Top,      plan::NodeKind::Union,
      plan::NodeKind::Join};
  return kinds[static_cast<size_t>(kind)];
}

// The Ir as a Plan. Literals stay the Ir's.
plan::Plan plan_of(const Ir& ir) {
  plan::Plan plan;
  plan.now = ir.now;
  for (const Expr& from : ir.exprs) {
    plan::Expr& expr = plan.exprs.emplace_back();
    expr.kind = plan_kind(from.kind);
    expr.type = from.type;
    expr.column = from.column;
    expr.literal = from.literal;
    expr.function = from.function;
    expr.prepared = from.prepared;
    expr.args.assign(from.args.begin(), from.args.end());
  }
  for (const Op& op : ir.ops) {
    plan::Node node;
    node.kind = plan_kind(op.kind);
    node.schema = op.schema;
    node.table = op.table;
    node.cells = op.cells;
    node.sort_keys = op.sort_keys;
    node.join = op.join;
    node.join_keys = op.join_keys;
    node.limit = op.limit;
    node.inputs.assign(op.inputs.begin(), op.inputs.end());
    node.exprs.assign(op.exprs.begin(), op.exprs.end());
    if (op.kind == OpKind::Filter) {
      plan::Expr all;
      all.kind = plan::ExprKind::And;
      all.type = Type::Bool;
      all.args = std::move(node.exprs);
      node.exprs = {static_cast<plan::ExprId>(plan.exprs.size())};
      plan.exprs.push_back(std::move(all));
    }
    for (const AggregateUse& use : op.aggregates)
      node.aggregates.push_back(
          {use.aggregate, {use.args.begin(), use.args.end()}, use.types, use.constants, use.num_results});
    for (size_t i = 0; op.kind == OpKind::Union && i < op.inputs.size(); ++i) {
      std::vector<int>& mapping = node.mappings.emplace_back(op.schema.size());
      for (size_t column = 0; column < mapping.size(); ++column) mapping[column] = static_cast<int>(column);
    }
    plan.nodes.push_back(std::move(node));
  }
  plan.results = {ir.result};
  return plan;
}

// The rows as text, exact to the bit.
std::string run(const plan::Plan& plan) {
  Arena arena;
  auto reader = [&](const std::string&, const plan::Schema& schema, const std::vector<bool>&,
                    const reference::RowSink& sink) -> Result<void> {
    for (size_t row = 0; row < 96; ++row) {
      std::vector<Cell> cells;
      for (const auto& column : schema)
        for (size_t i = 0; i < kSchema.size(); ++i)
          if (kSchema[i].name == column.name) cells.push_back(cell_at(i, row, arena));
      if (!sink(cells.data(), row)) break;
    }
    return {};
  };
  auto rows = reference::execute(plan, 0, reader);
  if (!rows.ok()) return "error: " + rows.error().message;
  std::string out;
  for (const auto& row : rows.value().rows) {
    for (size_t i = 0; i < row.size(); ++i) out += print_literal(row[i], rows.value().schema[i].type) + " ";
    out += "\n";
  }
  return out;
}

const char* const kQueries[] = {
    "T",
    "T | where Size > 1 and Name has 'cmd' | project Name, Size",
    "T | where Name has 'powershell' or Path == 'svchost' and Size < 5",
    "T | where Real == 0.0 | project Real | distinct Real | where tostring(Real) == '0.0' or tostring(Real) "
    "== '-0.0'",
    "T | distinct Bag | where tostring(Bag) has '1'",
    "T | summarize C = count(), M = max(Size), L = make_list(Size), A = take_any(Name) by Path | where Path "
    "!= '' and C > 3 | project Path, M",
    "T | summarize C = count(), S = sum(Size) | count",
    "T | summarize by Real | where Real > 0 | sort by Real asc",
    "T | extend D = Size * 2, E = Size + 1 | where D > 4 and E < 9 | extend F = D + E | where F != 11 | "
    "project Name, F",
    "T | extend K = case(Size > 3, 'large', Size < 0, 'negative', isnull(Size), 'none', Name) | summarize "
    "count() by K | where K != 'none'",
    "T | extend N = coalesce(Size, long(5)) | where N == 5 | project N, Name",
    "T | sort by Size asc, Name desc | where Size > 0 | take 7 | project Name, Size",
    "T | sort by Real | take 20 | take 9",
    "T | take 9 | take 3 | take 7",
    "T | take 9 | project Name | take 3 | extend X = 1 | take 7 | take 8",
    "T | sort by Real nulls first | project Real",
    "T | top 9 by Time desc | where Size > 2",
    "T | take 30 | where Size > 2 | take 4",
    "T | project Name, Size | extend X = strcat(Name, '-', tostring(Size)) | take 6",
    "union (T | project Name, V = Size), (T | where Size > 2 | project Name, W = Real) | where Name != '' | "
    "take 40",
    "union T, (datatable(Name:string, Size:long)['cmd.exe', 7, 'zzz', long(null)]) | where Name =~ 'CMD.exe' "
    "| summarize count(), make_list(Size) by Name",
    "union (union (T | take 2), (T | take 3)), (T | top 2 by Size) | project Name, Size | sort by Name",
    "let A = T | where Size > 1 | distinct Name; union A, (A | where Name has 'cmd'), A | summarize count() "
    "by Name",
    "let A = T | take 5; union A, (A | where Size > 0) | count",
    "range x from 1 to 20 step 3 | where x > 3 | extend y = x * x | where y < 200",
    "range x from 5 to 1 step -2 | summarize sum(x)",
    "range t from ago(2d) to now() step 12h | where t > ago(1d)",
    "T | where Time > ago(1d) and Time < now() | summarize min(Time), max(Time)",
    "T | where tostring(Bag.b) == 'x' | extend B = Bag.a | project B, Name",
    "T | where Name in~ ('CMD.EXE', 'svchost') and Path !in ('', 'svchost') | count",
    "T | where Name has_any ('cmd', 'enc') and not(Name has_all ('power', 'enc'))",
    "T | where Name matches regex '(?i)^p.*l' | extend X = extract('(\\\\w+)', 1, Name) | distinct X",
    "T | where Name matches regex @'(?i)-enc\\s+a' and Path matches regex 'cmd|PowerShell' | project Size",
    "T | where true and (Size > 2 or false) | where bool(null) or Size == 5",
    "T | where bool(null)",
    "T | where false | summarize count()",
    "T | extend N = 'cmd' | where Name contains N | extend N = strcat(N, 'x') | project N",
    "T | summarize arg_max(Size, *) by Name | project Name, Path",
    "T | summarize make_set(Name), dcount(Path), countif(Size > 2) by bin(Size, 4)",
    "T | project-away Bag, Real | distinct * | where Size in (1, 2, 3)",
    "T | extend Z = 1 / (Size - Size) | where isnull(Z) | count",
    "T | join kind=inner (T | where Size > 2) on Size | where Path1 != Path and Name has 'cmd' | project "
    "Path, Size1",
    "T | project Name, Size | join kind=inner (T | project Name, Real) on Name | where Name == 'svchost' | "
    "take 50",
    "T | take 20 | join kind=inner (T | take 30 | project Real, Path) on Real | where tostring(Real) == "
    "'0.0' or Real1 > 1",
    "T | join (T | distinct Path, Size) on Size | project Path, Path1",
    "T | join kind=inner (datatable(Name:string, X:long)['cmd.exe', 1, 'svchost', 2, 'cmd.exe', 3, '', 4]) "
    "on Name | project "
    "Size, X",
    "datatable(Name:string)['cmd.exe', 'nothing'] | join kind=leftouter (T | take 40) on Name | project "
    "Name, Size",
    "T | join kind=leftsemi (union (print Name = 'cmd.exe'), (print Name = 'svchost')) on Name | count",
    "T | where Name has 'cmd' or Size == 5 | where Size > 0 | take 30 | join kind=inner (T | where Name != "
    "'' | take 50) on "
    "Name, Size | project Path, Real1",
    "T | where Size > 2 | summarize count() by S = Size | join kind=leftouter (T | take 60) on $left.S == "
    "$right.Size",
    "T | take 30 | join kind=leftanti (T | where Size > 2 | take 9) on Size | project Size",
    "T | join kind=leftouter (T | where Size > 3 | project Name, Z = Size) on Name | where isnull(Z) or Z == "
    "5 | distinct "
    "Name, Z",
    "T | join kind=leftanti (T | where Size > 3) on Name | where Size >= 0 | project Size, Name",
    "T | join kind=rightsemi (T | where Size > 3 | take 4) on Name | project Path",
    "T | take 9 | project Name, Size | join kind=fullouter (T | take 12 | project Path, Size) on $left.Name "
    "== $right.Path | "
    "where Size > 1 or isnull(Size)",
    "let A = T | where Size > 1 | take 20; A | join kind=inner A on Name | where Size == 5 | summarize "
    "count(), max(Size1) by "
    "Path1",
    "T | summarize take_any(Size, Path, Real) by Name | project Size",
    "T | summarize take_any(Path, Size) by Name | project Size",
    "print a = 1 + 2, b = strcat('x', 'y'), c = true and bool(null), d = dynamic({'k':[1,2]}).k[1]",
    "datatable(a:real)[real(nan), 0.0, -0.0, real(null)] | summarize count() by a | where a != 1",
    "datatable(a:decimal)[decimal(1.0), decimal(1.00), decimal(2)] | distinct a | where tostring(a) == "
    "'1.00'",
};

TEST(IrPasses, GiveTheRowsOfThePlan) {
  for (const char* query : kQueries) {
    plan::Plan plan = bind_query(query);
    Ir ir = build(plan, plan.results[0]);
    const std::string expected = run(plan);
    EXPECT_EQ(run(plan_of(ir)), expected) << "built: " << query;
    optimize(ir);
    EXPECT_EQ(run(plan_of(ir)), expected) << query << "\n" << print(ir);
  }
}

TEST(IrPasses, EachAloneGivesTheRowsOfThePlan) {
  for (auto pass : {fold, split_conjunctions, infer_filters, push_filters, infer_literals, push_limits, prune,
                    add_prefilters})
    for (const char* query : kQueries) {
      plan::Plan plan = bind_query(query);
      Ir ir = build(plan, plan.results[0]);
      pass(ir);
      ASSERT_EQ(verify(ir), std::nullopt) << query;
      EXPECT_EQ(run(plan_of(ir)), run(plan)) << query << "\n" << print(ir);
    }
}

TEST(IrPasses, TheTextIsTheSameQuery) {
  for (const char* query : kQueries) {
    plan::Plan plan = bind_query(query);
    Ir ir = build(plan, plan.results[0]);
    optimize(ir);
    Result<Ir> back = parse(print(ir));
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(run(plan_of(back.value())), run(plan)) << query;
  }
}

// A line of JSON in which the value of Name may be written in any way; whatever the filter says is looked for
// must let it through, if the row passes.
TEST(IrPasses, PrefiltersLoseNoLine) {
  const char* const conditions[] = {"Name has 'distant desktop'",
                                    "Name == 'kix\\u00e9Skype'",
                                    "Name contains '\\\"quoted\\\"word'",
                                    "Name =~ 'C:\\\\dir/file.exe'",
                                    "Name in~ ('alpha', 'beta')",
                                    "Name has_any ('alpha', 'beta')",
                                    "Name has 'distant' or Path has 'alpha'",
                                    "Name has_all ('distant', 'desktop')",
                                    "Name startswith 'dist' and Name endswith 'top'",
                                    "Name matches regex '(?i)distant.desktop|K\\u017f'",
                                    "Name matches regex 'kix\u00e9Skype'",
                                    "Name has 'true'",
                                    "Name has 'null'"};
  const char* const values[] = {"distant desktop",
                                "Distant Desktop",
                                "a distant  desktop",
                                "kix\u00e9skype",
                                "KIX\u00c9SKYPE",
                                "ki\u017f",
                                "x \"quoted\"word",
                                "c:\\dir/FILE.exe",
                                "ALPHA",
                                "beta",
                                "true",
                                "null",
                                "distantdesktop"};
  for (const char* condition : conditions) {
    plan::Plan plan = bind_query(std::string("T | where ") + condition);
    Ir ir = build(plan, plan.results[0]);
    optimize(ir);
    simd::LineFilter filter(ir.ops[0].prefilter);
    for (std::string_view value : values) {
      auto reader = [&](const std::string&, const plan::Schema& schema, const std::vector<bool>&,
                        const reference::RowSink& sink) -> Result<void> {
        std::vector<Cell> cells;
        for (const auto& column : schema)
          cells.push_back(column.name == "Name" ? make_cell(Str(value)) : null_cell(column.type));
        sink(cells.data(), 0);
        return {};
      };
      auto rows = reference::execute(plan, 0, reader);
      ASSERT_TRUE(rows.ok());
      if (rows.value().rows.empty()) continue;
      for (int form = 0; form < 3; ++form) {
        std::string line = "{\"Name\":\"";
        for (size_t i = 0; i < value.size(); ++i) {
          char c = value[i];
          char buffer[8];
          bool escape = form == 1 || (form == 2 && i % 3 == 0);
          if (static_cast<unsigned char>(c) < 0x80 && escape) {
            std::snprintf(buffer, sizeof buffer, "\\u%04x", c);
            line += buffer;
          } else if (c == '"' || c == '\\' || (c == '/' && form == 2)) {
            line += '\\';
            line += c;
          } else {
            line += c;
          }
        }
        line += "\"}\n" + std::string(64, '\0');
        const char* end = line.data() + line.size() - 64;
        simd::Candidates candidates;
        filter.find_candidates(line.data(), end, &candidates);
        EXPECT_EQ(candidates.lines().size(), 1u) << condition << " on " << line;
      }
    }
  }
}

}  // namespace
}  // namespace kqlc::ir

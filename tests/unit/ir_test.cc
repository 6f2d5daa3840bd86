// SPDX-License-Identifier: Apache-2.0
//
// The Ir: each pass fires where it may and not where it may not (seen in the text of operators), the text
// reads back, the verifier finds what is broken, hostile text is refused.
#include "compiler/ir/ir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "compiler/ir/passes.h"
#include "compiler/pipelines/pipelines.h"
#include "compiler/syntax/tree.h"
#include "runtime/base/check.h"

namespace kqlc::ir {
namespace {

using testing::HasSubstr;
using testing::Not;

plan::Plan bind_query(const std::string& text) {
  plan::Schemas schemas;
  schemas.add("T", {{"Name", Type::String},
                    {"Path", Type::String},
                    {"Size", Type::Long},
                    {"Real", Type::Real},
                    {"Time", Type::DateTime},
                    {"Bag", Type::Dynamic},
                    {"Unused", Type::Guid}});
  source::Diagnostics diagnostics;
  syntax::SyntaxTree tree = syntax::parse(text, diagnostics);
  plan::Plan plan;
  bool bound = plan::bind(tree, schemas, {.now = 638'000'000'000'000'000}, diagnostics, plan);
  std::string problem = bound ? "" : diagnostics.all()[0].message;
  KQLC_CHECK(bound, "the test's own query: " + text + ": " + problem);
  return plan;
}

Ir build_query(const std::string& text) {
  plan::Plan plan = bind_query(text);
  return build(plan, plan.results[0]);
}

// The operators, one a line, for a person; what the tests look at.
std::string render(const Ir& ir) {
  std::string out;
  for (size_t id = 0; id < ir.ops.size(); ++id) out += render_op(ir, static_cast<OpId>(id)) + "\n";
  return out;
}

std::string optimized(const std::string& text) {
  Ir ir = build_query(text);
  optimize(ir);
  EXPECT_EQ(verify(ir), std::nullopt) << text;
  return render(ir);
}

std::vector<std::vector<std::string>> prefilter(const std::string& text) {
  Ir ir = build_query(text);
  optimize(ir);
  std::vector<std::vector<std::string>> out;
  for (const Op& op : ir.ops)
    for (const auto& group : op.prefilter) {
      out.emplace_back();
      for (const simd::Literal& literal : group) out.back().push_back(literal.text);
    }
  return out;
}

using Words = std::vector<std::vector<std::string>>;

// Queries of every operator and literal; also what the round trip and the reference tests go over.
const char* const kQueries[] = {
    "T",
    "T | where Size > 1 and Name has 'cmd' | project Name",
    "T | extend A = Size + 1, B = Size + 1 | where A > 2 or B < 0 | summarize count(), arg_max(Time, *), "
    "make_set(Name, 5) by Path",
    "T | where Name matches regex @'a\\d+' | extend X = extract(@'(\\d+)', 1, Path) | distinct X",
    "T | extend L = tolower(Name) | where L in ('a', 'b') | count",
    "T | top 5 by Size asc nulls last, Name desc | take 3",
    "T | sort by Name | project Name, Size | take 7",
    "union (T | project Name, Size), (T | where Size > 3 | project Name, Real) | where Name != 'x' | take 4",
    "T | extend V = case(Size > 1, 'a', Size > 2, 'b', Name), C = coalesce(Name, Path, 'z') | project V, C",
    "T | where Bag.a.b == 'x' and tostring(Bag['k']) has_any ('aa', 'bb')",
    "T | where Name startswith tostring(bag_pack('k')) or Name has tostring(bag_pack('k'))",
    "range x from 1 to 10 step 2 | where x > 3",
    "range t from ago(2d) to now() step 1d",
    "datatable(b:bool, i:int, l:long, r:real, m:decimal, d:datetime, t:timespan, g:guid, s:string, "
    "o:dynamic)["
    "true, 1, -9223372036854775807, 1.5, decimal(1.10), datetime(2024-02-29 12:34:56.1234567), 1d, "
    "guid(74be27de-1e4e-49d9-b579-fe0b331d3642), 'a\\\"\\\\\\n\\t\\u00e9', dynamic({\"a\":[1, 2.5, null, "
    "true, \"x\"], \"b\":{}}), "
    "bool(null), int(null), long(null), real(null), decimal(null), datetime(null), timespan(null), "
    "guid(null), '', dynamic(null)]",
    "print real(nan), real(+inf), real(-inf), 0.1, -0.0, 1e300, 1e-300, "
    "decimal(12345678901234567890.1234567890)",
    "print dynamic([datetime(2024-01-01), 1d, guid(74be27de-1e4e-49d9-b579-fe0b331d3642)])",
    "print time(1000000.02:48:05.4775807), time(-1.02:03:04)",
    "let f = (a:long, b:string) { strcat(b, tostring(a)) }; T | extend Z = f(Size, Name) | summarize "
    "dcount(Z) by bin(Time, 1h)",
    "let A = T | where Size > 1; union A, A | summarize sum(Size) by Name | where Name == 'q'",
    "T | join kind=inner (T | where Size > 2) on Name, $left.Size == $right.Size | where Path1 has 'x' | "
    "project Time",
    "T | join (T | take 3) on Name | join kind=leftouter T on Path | join kind=leftanti T on Time | count",
    "T | project Name, Size | join kind=fullouter (T | project Name, Real) on Name | join kind=rightouter T "
    "on Name",
};

TEST(Ir, EqualExpressionsAreOne) {
  Ir ir = build_query("T | project A = Size + 1, B = Size + 1, C = 1 + Size");
  const Op& project = ir.ops.back();
  EXPECT_EQ(project.exprs[0], project.exprs[1]);
  EXPECT_NE(project.exprs[0], project.exprs[2]);
}

TEST(Ir, OutlivesItsPlan) {
  auto plan = std::make_unique<plan::Plan>(
      bind_query("T | where Name has 'some words' | project X = strcat(Name, 'tail')"));
  Ir ir = build(*plan, plan->results[0]);
  std::string before = print(ir);
  plan.reset();
  EXPECT_EQ(print(ir), before);
}

TEST(Ir, TextReadsBack) {
  for (const char* query : kQueries) {
    for (bool passes : {false, true}) {
      Ir ir = build_query(query);
      if (passes) optimize(ir);
      std::string text = print(ir);
      Result<Ir> back = parse(text);
      ASSERT_TRUE(back.ok()) << back.error().message << "\n" << text;
      EXPECT_EQ(print(back.value()), text) << query;
      EXPECT_EQ(verify(back.value()), std::nullopt);
    }
  }
}

TEST(Ir, StringsOfAnyBytesReadBack) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::string bytes;
    for (size_t size = random() % 20; bytes.size() < size;) bytes += static_cast<char>(random());
    Ir ir = build_query("print 1");
    ir.ops.back().exprs[0] = ir.add_literal(make_cell(ir.arena->copy(std::string_view(bytes))), Type::String);
    ir.ops.back().schema.edit()[0] = {bytes, Type::String};
    compact(ir);
    Result<Ir> back = parse(print(ir));
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(back.value().exprs.back().literal.s.view(), bytes);
    EXPECT_EQ(back.value().ops.back().schema[0].name, bytes);
  }
}

TEST(Ir, EachOverloadHasItsOwnName) {
  Ir ir = build_query(
      "T | where Size == 1 and Real == 1.0 and Name == 'a' and Name !in ('b', 'c') and Name in ('d', 'e')");
  std::string text = print(ir);
  EXPECT_THAT(text, HasSubstr("\"==(long, long)\""));
  EXPECT_THAT(text, HasSubstr("\"==(real, real)\""));
  EXPECT_THAT(text, HasSubstr("\"==(string, string)\""));
  EXPECT_THAT(text, HasSubstr("\"!in(string, string...)\""));
  EXPECT_THAT(text, HasSubstr("\"in(string, string...)\""));
}

TEST(Ir, HostileTextIsRefused) {
  const char* const wrong[] = {
      "",
      "ir",
      "ir now",
      "ir now x",
      "ir now 1",
      "ir now 1\nresult %0\n",
      "ir now 1\n%0 = rows 1 []\n",
      "ir now 1\n%0 = rows 1 []\nresult %1\n",
      "ir now 1\n%0 = rows 1 []\nresult %0\nmore",
      "ir now 1\n%0 = rows 2 [\"a\": long]\n  long(1)\nresult %0\n",
      "ir now 1\n%0 = rows 1 [\"a\": long]\n  \"x\"\nresult %0\n",
      "ir now 1\n%0 = rows -1 []\nresult %0\n",
      "ir now 1\n%0 = filter %0\nresult %0\n",
      "ir now 1\n%0 = scan \"T\" [\"a\": long\nresult %0\n",
      "ir now 1\ne0 = column 0 long\n%0 = scan \"T\" [\"a\": string]\n%1 = project %0 [\"a\": long] "
      "e0\nresult %1\n",
      "ir now 1\ne0 = column 7 long\n%0 = scan \"T\" [\"a\": long]\n%1 = project %0 [\"a\": long] e0\nresult "
      "%1\n",
      "ir now 1\ne0 = column -1 long\n%0 = rows 1 []\nresult %0\n",
      "ir now 1\ne0 = literal long(99999999999999999999)\n%0 = rows 1 []\nresult %0\n",
      "ir now 1\ne0 = literal dynamic([[[\n",
      "ir now 1\ne0 = literal \"\\x",
      "ir now 1\ne0 = literal \"\\xzz\"\n",
      "ir now 1\ne0 = literal null(string)\n%0 = rows 1 []\nresult %0\n",
      "ir now 1\ne0 = and e0\n",
      "ir now 1\ne0 = literal true\ne1 = literal true\n%0 = rows 1 []\nresult %0\n",
      "ir now 1\ne0 = literal long(1)\ne1 = and e0 e0\n%0 = rows 1 []\nresult %0\n",
      "ir now 1\ne0 = literal \"(\"\ne1 = prepared \"matches regex(string, string)\" e0 e0\n%0 = rows 1 "
      "[]\nresult %0\n",
      "ir now 1\ne0 = literal \"(\"\ne1 = call \"matches regex(string, string)\" e0 e0\n%0 = rows 1 "
      "[]\nresult %0\n",
      "ir now 1\ne0 = column 0 string\ne1 = prepared \"has(string, string)\" e0 e0\n%0 = rows 1 []\nresult "
      "%0\n",
      "ir now 1\ne0 = call \"no such(long)\"\n",
      "ir now 1\n%0 = take 99999999999999999999999\n",
      "ir now 1\n%0 = rows 1 []\n%1 = take %0 5 by\nresult %1\n",
      "ir now 1\n%0 = rows 1 []\n%1 = sort %0\nresult %1\n",
      "ir now 1\n%0 = scan \"T\" [\"a\": long]\n%1 = join %0 inner on 0 0\nresult %1\n",
      "ir now 1\n%0 = scan \"T\" [\"a\": long]\n%1 = join %0 %0 outer [\"a\": long] on 0 0\nresult %1\n",
      "ir now 1\n%0 = scan \"T\" [\"a\": long]\n%1 = join %0 %0 inner [\"a\": long] on 0 0\nresult %1\n",
      "ir now 1\n%0 = scan \"T\" [\"a\": long]\n%1 = join %0 %0 leftsemi on 0 1\nresult %1\n",
      "ir now 1\n%0 = scan \"T\" [\"a\": long]\n%1 = join %0 %0 leftsemi\nresult %1\n",
      "ir now 1\n%0 = scan \"T\" [\"a\": dynamic]\n%1 = join %0 %0 leftsemi on 0 0\nresult %1\n",
      "ir now 1\n%0 = rows 1 []\n%1 = summarize %0 [\"x\": long] aggregate sum()\nresult %1\n",
  };
  for (const char* text : wrong) EXPECT_FALSE(parse(text).ok()) << text;
  std::string deep = "ir now 1\ne0 = literal dynamic(" + std::string(100'000, '[');
  EXPECT_FALSE(parse(deep).ok());
}

// Every change of a byte gives an error or an Ir that holds all rules; none ends the process.
TEST(Ir, ChangedTextIsNeverTrusted) {
  std::mt19937 random(11);
  for (const char* query : kQueries) {
    Ir ir = build_query(query);
    const std::string text = print(ir);
    for (int round = 0; round < 60; ++round) {
      std::string changed = text;
      for (int edit = 0; edit < 3; ++edit) {
        size_t at = random() % changed.size();
        if (random() % 3 == 0) {
          changed.erase(at, random() % 8 + 1);
        } else {
          changed[at] =
              static_cast<char>(random() % 2 ? " 0123456789e%\"()[]{},:~"[random() % 23] : random());
        }
        if (changed.empty()) changed = " ";
      }
      Result<Ir> back = parse(changed);
      if (back.ok()) EXPECT_EQ(verify(back.value()), std::nullopt);
    }
  }
}

TEST(Ir, VerifierFindsWhatIsBroken) {
  struct Case {
    const char* query;
    void (*damage)(Ir&);
  };
  const Case cases[] = {
      {"T | where Size > 1", [](Ir& ir) { ir.ops.back().exprs[0] = 9999; }},
      {"T | where Size > 1", [](Ir& ir) { ir.ops.back().inputs[0] = ir.result; }},
      {"T | where Size > 1", [](Ir& ir) { ir.ops.back().inputs.clear(); }},
      {"T | where Size > 1", [](Ir& ir) { ir.ops.back().schema.edit().pop_back(); }},
      {"T | where Size > 1", [](Ir& ir) { ir.result = 77; }},
      {"T | project Size", [](Ir& ir) { ir.ops.back().schema.edit()[0].type = Type::String; }},
      {"T | project Size", [](Ir& ir) { ir.exprs[ir.ops.back().exprs[0]].column = 70; }},
      {"T | project Size + 1", [](Ir& ir) { ir.exprs[ir.ops.back().exprs[0]].args.pop_back(); }},
      {"T | project Size + 1",
       [](Ir& ir) { ir.exprs[ir.ops.back().exprs[0]].args[0] = ir.ops.back().exprs[0]; }},
      {"T | project Size + 1", [](Ir& ir) { ir.exprs[ir.ops.back().exprs[0]].type = Type::Bool; }},
      {"T | project Size + 1", [](Ir& ir) { ir.exprs[ir.ops.back().exprs[0]].depth = 9; }},
      {"T | project Size + 1",
       [](Ir& ir) { ir.exprs[ir.ops.back().exprs[0]].prepared = std::make_shared<int>(1); }},
      {"T | sort by Size", [](Ir& ir) { ir.ops.back().sort_keys[0].column = 70; }},
      {"T | sort by Size", [](Ir& ir) { ir.ops.back().sort_keys.clear(); }},
      {"T | take 5", [](Ir& ir) { ir.ops.back().limit = -1; }},
      {"T | summarize sum(Size) by Name", [](Ir& ir) { ir.ops.back().aggregates[0].types[0] = Type::Real; }},
      {"T | summarize sum(Size) by Name", [](Ir& ir) { ir.ops.back().aggregates[0].args.clear(); }},
      {"T | summarize sum(Size) by Name", [](Ir& ir) { ir.ops.back().aggregates.clear(); }},
      {"union T, T", [](Ir& ir) { ir.ops.back().schema.edit()[0].type = Type::Long; }},
      {"T | join kind=inner T on Name", [](Ir& ir) { ir.ops.back().join_keys[0].right = 70; }},
      {"T | join kind=inner T on Name", [](Ir& ir) { ir.ops.back().join_keys[0].left = -1; }},
      {"T | join kind=inner T on Name", [](Ir& ir) { ir.ops.back().join_keys[0].right = 2; }},
      {"T | join kind=inner T on Name", [](Ir& ir) { ir.ops.back().join_keys.clear(); }},
      {"T | join kind=inner T on Name", [](Ir& ir) { ir.ops.back().join = JoinKind::LeftSemi; }},
      {"T | join kind=inner T on Name", [](Ir& ir) { ir.ops.back().inputs.pop_back(); }},
      {"datatable(a:long)[1, 2]", [](Ir& ir) { ir.ops.back().cells.pop_back(); }},
      {"datatable(a:string)['x']", [](Ir& ir) { ir.ops.back().cells[0].valid = false; }},
      {"range x from 1 to 5 step 1", [](Ir& ir) { ir.ops.back().exprs.pop_back(); }},
  };
  for (const Case& broken : cases) {
    Ir ir = build_query(broken.query);
    ASSERT_EQ(verify(ir), std::nullopt) << broken.query;
    broken.damage(ir);
    EXPECT_NE(verify(ir), std::nullopt) << broken.query;
  }
}

TEST(IrFold, ConstantsBecomeTheirValues) {
  EXPECT_EQ(optimized("print x = 1 + 2 * 3"), "rows 1\nproject x = 7\n");
  EXPECT_THAT(optimized("T | where Size > 10 * 10"), HasSubstr("filter (Size > 100)"));
  EXPECT_THAT(optimized("T | where Name has tolower('ABC')"), HasSubstr("filter (Name has \"abc\")"));
  EXPECT_THAT(optimized("T | extend N = 'cmd' | where Name has N | project Size"),
              HasSubstr("filter (Name has \"cmd\")"));
}

TEST(IrFold, TheClockIsNotFolded) {
  EXPECT_THAT(optimized("T | where Time > ago(1d)"), HasSubstr("ago(timespan(1.00:00:00))"));
}

TEST(IrFold, CallsThatFailStay) {
  EXPECT_THAT(optimized("print format_timespan(-1d, 'd')"), HasSubstr("format_timespan("));
}

TEST(IrFold, ThreeValuedLogic) {
  EXPECT_EQ(optimized("print x = true and false"), "rows 1\nproject x = false\n");
  EXPECT_THAT(optimized("T | project X = Size > 1 and true"), HasSubstr("X = (Size > 1)"));
  EXPECT_THAT(optimized("T | project X = Size > 1 and false"), HasSubstr("X = false"));
  EXPECT_THAT(optimized("T | project X = Size > 1 or true"), HasSubstr("X = true"));
  EXPECT_THAT(optimized("T | project X = Size > 1 and bool(null)"),
              HasSubstr("X = ((Size > 1) and null(bool))"));
  EXPECT_THAT(optimized("T | where true"), Not(HasSubstr("filter")));
}

TEST(IrFold, CaseAndCoalesce) {
  EXPECT_THAT(optimized("T | project X = case(false, 'a', Size > 1, 'b', true, 'c', 'd')"),
              HasSubstr("X = case((Size > 1), \"b\", \"c\")"));
  EXPECT_THAT(optimized("T | project X = iff(true, Name, Path)"), HasSubstr("X = Name"));
  EXPECT_THAT(optimized("T | project X = coalesce('', 'a', Name)"), HasSubstr("X = \"a\""));
}

TEST(IrConjunctions, CheapOnesComeFirst) {
  EXPECT_THAT(optimized("T | where tolower(Name) == 'x' and Path has 'y' and Size > 1"),
              HasSubstr("filter (Size > 1), (Path has \"y\"), (tolower(Name) == \"x\")"));
}

TEST(IrConjunctions, WhatMayFailKeepsItsPlace) {
  EXPECT_THAT(optimized("T | where tolower(Name) == 'x' and format_timespan(Time - Time, 'd') == 'y'"),
              HasSubstr("filter (tolower(Name) == \"x\"), (format_timespan("));
}

TEST(IrPushFilters, ThroughProjectionSortAndFilter) {
  EXPECT_EQ(optimized("T | extend D = Size * 2 | sort by Name | where D > 4 | project Name"),
            "scan T\nfilter ((Size * 2) > 4)\nproject Name\nsort by Name desc\n");
}

TEST(IrPushFilters, IntoEveryInputOfAUnion) {
  EXPECT_EQ(optimized("union (T | project Name), (T | project Name = Path) | where Name == 'x'"),
            "scan T\nfilter (Name == \"x\")\nscan T\nfilter (Path == \"x\")\nproject Name = Path\nunion\n");
}

TEST(IrPushFilters, BelowGroupsOnKeysOnly) {
  EXPECT_EQ(optimized("T | summarize C = count() by Name | where Name == 'x' and C > 1"),
            "scan T\nfilter (Name == \"x\")\nsummarize Name aggregate count()\nfilter (C > 1)\n");
  EXPECT_EQ(optimized("T | distinct Name | where Name == 'x'"), "scan T\nfilter (Name == \"x\")\ndistinct\n");
}

TEST(IrPushFilters, NotWhereEqualValuesMayLookDifferent) {
  EXPECT_EQ(optimized("T | distinct Real | where tostring(Real) == '0'"),
            "scan T\ndistinct\nfilter (tostring(Real) == \"0\")\n");
  EXPECT_EQ(optimized("T | summarize by Bag | where tostring(Bag) == '1'"),
            "scan T\nsummarize Bag\nfilter (tostring(Bag) == \"1\")\n");
}

TEST(IrPushFilters, NotThroughLimitsOrGroupsWithoutKeys) {
  EXPECT_THAT(optimized("T | take 5 | where Size > 1"), HasSubstr("take 5\nfilter"));
  EXPECT_THAT(optimized("T | top 5 by Size | where Size > 1"), HasSubstr("top 5 by Size desc\nfilter"));
  EXPECT_THAT(optimized("T | summarize C = count() | where C > 1"), HasSubstr("count()\nfilter"));
  EXPECT_THAT(optimized("T | count | where Count > 1"), HasSubstr("count\nfilter"));
}

TEST(IrPushFilters, NotBelowWhatAnotherReads) {
  EXPECT_THAT(optimized("let A = T | distinct Name; union A, (A | where Name == 'x')"),
              HasSubstr("distinct\nfilter (Name == \"x\")"));
}

TEST(IrPushFilters, IntoTheSideOfAJoinThatTheyRead) {
  std::string ops = optimized(
      "T | project Name, Size, Path | join kind=inner (T | project Path, Real) on Path | where Size > 1 and "
      "Real > 2.5 and "
      "Real > Size");
  EXPECT_THAT(ops, HasSubstr("filter (Size > 1)\nproject"));
  EXPECT_THAT(ops, HasSubstr("scan T\nfilter (Real > real(2.5))\njoin"));
  EXPECT_THAT(ops, HasSubstr("join inner on Path == Path\nfilter (Real > toreal(Size))\n"));
}

TEST(IrPushFilters, AConditionOnAJoinsKeyHoldsOnBothSides) {
  EXPECT_EQ(optimized("T | project Name | join kind=inner (T | project Name) on Name | where Name1 has 'x'"),
            "scan T\nfilter (Name has \"x\")\nscan T\nfilter (Name has \"x\")\njoin inner on Name == Name\n");
  // 0.0 is -0.0, but not as text.
  EXPECT_EQ(
      optimized(
          "T | project Real | join kind=inner (T | project Real) on Real | where tostring(Real1) == '0'"),
      "scan T\nscan T\nfilter (tostring(Real) == \"0\")\njoin inner on Real == Real\n");
}

TEST(IrInferFilters, FromOneSideOfAJoinToTheOther) {
  EXPECT_EQ(
      optimized(
          "T | where Name has 'x' and Size > 1 | project Name | join kind=inner (T | project Name) on Name"),
      "scan T\nfilter (Size > 1), (Name has \"x\")\nproject Name\nscan T\nfilter (Name has \"x\")\n"
      "join inner on Name == Name\n");
  EXPECT_EQ(
      optimized("T | project Name | join kind=inner (T | where Name has 'x' | take 5 | project N = Name) on "
                "$left.Name == $right.N"),
      "scan T\nfilter (Name has \"x\")\nscan T\nfilter (Name has \"x\")\ntake 5\nproject N = Name\n"
      "join inner on Name == N\n");
  // Through groups, and into the right side of the join inside; what is there already is not asked twice.
  std::string ops = optimized(
      "T | where Name has 'x' | summarize count() by Name | join kind=leftouter (T | where Name has 'x' | "
      "join kind=inner (T "
      "| project Name) on Name | project Name) on Name");
  EXPECT_EQ(
      ops,
      "scan T\nfilter (Name has \"x\")\nsummarize Name aggregate count()\nscan T\nfilter (Name has \"x\")\n"
      "scan T\nfilter (Name has \"x\")\njoin inner on Name == Name\nproject Name\njoin leftouter on Name == "
      "Name\n");
}

// The columns are kept, in the text of an Ir too; a list that two columns share is no longer for it.
TEST(IrPrefilters, LiteralsKnowTheirColumns) {
  std::string words;
  for (int i = 0; i < 40; ++i) words += (i ? ", 'word" : "'word") + std::to_string(100 + i) + "'";
  Ir ir = build_query("T | where Name has_any (" + words + ") or Path has_any (" + words + ", 'other')");
  optimize(ir);
  const Result<Ir> back = parse(print(ir));
  ASSERT_TRUE(back.ok()) << back.error().message;
  for (const Ir* either : {static_cast<const Ir*>(&ir), &back.value()}) {
    const simd::LiteralGroups& groups = either->ops[0].prefilter;
    ASSERT_EQ(groups.size(), 1u);
    ASSERT_EQ(groups[0].size(), 41u);
    EXPECT_EQ(groups[0].front().keys, (std::set<std::string>{"Name", "Path"}));
    EXPECT_EQ(groups[0].back().text, "other");
    EXPECT_EQ(groups[0].back().keys, (std::set<std::string>{"Path"}));
  }
}

TEST(IrInferFilters, FewConstantKeysAreAskedForInATable) {
  const std::string indicators = "datatable(Name: string)['evil.exe', 'bad.dll', 'evil.exe']";
  for (const std::string& query :
       {"T | join kind=inner (" + indicators + ") on Name", "T | join (" + indicators + ") on Name",
        indicators + " | join kind=leftouter T on Name",
        "T | join kind=leftsemi (" + indicators + ") on Name"})
    EXPECT_EQ(prefilter(query), (Words{{"evil.exe", "bad.dll"}})) << query;
  EXPECT_EQ(prefilter("T | join kind=inner (print N = 'evil.exe') on $left.Name == $right.N"),
            (Words{{"evil.exe"}}));
  EXPECT_EQ(prefilter("T | join kind=leftouter (" + indicators + ") on Name"), Words{});
  EXPECT_EQ(prefilter("T | join kind=leftanti (" + indicators + ") on Name"), Words{});
  std::string many = "datatable(Name: string)['a0000'";
  for (int i = 1; i < 65; ++i) many += ", 'a" + std::to_string(10'000 + i) + "'";
  EXPECT_EQ(optimized("T | join kind=inner (" + many + "]) on Name | project Size"),
            "scan T\nrows 65\njoin inner on Name == Name\nproject Size\n");
}

TEST(IrInferFilters, NotWhereRowsWithoutAMatchCount) {
  EXPECT_EQ(optimized("T | project Name | join kind=leftanti (T | where Name has 'x') on Name"),
            "scan T\nscan T\nfilter (Name has \"x\")\ndistinct\njoin leftanti on Name == Name\n");
  EXPECT_EQ(
      optimized(
          "T | project Real | join kind=inner (T | where tostring(Real) == '0' | project Real) on Real"),
      "scan T\nscan T\nfilter (tostring(Real) == \"0\")\njoin inner on Real == Real\n");
}

TEST(IrPushFilters, NotBelowTheNullsOfAnOuterJoin) {
  std::string ops = optimized("T | join kind=leftouter T on Name | where isnull(Size1) | project Size");
  EXPECT_THAT(ops, HasSubstr("filter isnull(Size1)\nproject Size"));
  EXPECT_THAT(optimized("T | join kind=leftouter T on Name | where Size == 1 | count"),
              HasSubstr("scan T\nfilter (Size == 1)\n"));
}

TEST(IrPushFilters, NotBelowAJoinWhatMayFail) {
  EXPECT_THAT(optimized("T | join kind=inner T on Name | where format_timespan(Time - datetime(2024-01-01), "
                        "'d') != '' | count"),
              HasSubstr("join inner on Name == Name\nfilter"));
}

TEST(IrInferLiterals, OfRegularExpressionsOverColumns) {
  EXPECT_EQ(optimized("T | where Size > 1 and Name matches regex 'abc.+d'"),
            "scan T\nfilter (Size > 1), (Name contains_any \"abc\"), (Name matches regex \"abc.+d\")\n");
  EXPECT_THAT(optimized("T | extend P = Path | where P matches regex 'abc|def'"),
              HasSubstr("filter contains_any(Path, \"abc\", \"def\"), (Path matches regex"));
}

TEST(IrInferLiterals, NotWhereNoneIsKnownOrNothingIsGained) {
  for (const char* query :
       {"T | where Name matches regex 'a.c'", "T | where not(Name matches regex 'abc')",
        "T | where tolower(Name) matches regex 'abc'", "T | take 5 | where Name matches regex 'abc'",
        "T | project X = Name matches regex 'abc'"})
    EXPECT_THAT(optimized(query), Not(HasSubstr("contains_any"))) << query;
}

TEST(IrPushLimits, ThroughProjectionsAndIntoUnions) {
  EXPECT_EQ(optimized("T | extend D = Size * 2 | project D | take 3"),
            "scan T\ntake 3\nproject D = (Size * 2)\n");
  EXPECT_EQ(optimized("union (T | project Name), (T | project Name) | take 3"),
            "scan T\ntake 3\nscan T\ntake 3\nunion\ntake 3\n");
}

TEST(IrPushLimits, SortAndTakeAreTop) {
  EXPECT_EQ(optimized("T | sort by Size | take 3 | project Size"), "scan T\ntop 3 by Size desc\n");
  EXPECT_EQ(optimized("T | take 9 | take 3 | project Size"), "scan T\ntake 3\n");
}

TEST(IrPushLimits, NotThroughFiltersOrGroups) {
  EXPECT_THAT(optimized("T | where Size > 1 | take 3"), HasSubstr("filter (Size > 1)\ntake 3\n"));
  EXPECT_THAT(optimized("T | distinct Name | take 3"), HasSubstr("distinct\ntake 3\n"));
  EXPECT_THAT(optimized("T | summarize count() by Name | take 3"), HasSubstr("count()\ntake 3\n"));
}

TEST(IrPrune, OnlyWhatIsRead) {
  Ir ir = build_query("T | extend A = Size + 1, B = strcat(Name, Path) | where Real > 0 | project A");
  optimize(ir);
  ASSERT_EQ(ir.ops[0].kind, OpKind::Scan);
  ASSERT_EQ(ir.ops[0].schema.size(), 2u);
  EXPECT_EQ(ir.ops[0].schema[0].name, "Size");
  EXPECT_EQ(ir.ops[0].schema[1].name, "Real");
  EXPECT_THAT(render(ir), Not(HasSubstr("strcat")));
}

TEST(IrPrune, BothSidesOfAJoin) {
  Ir ir = build_query(
      "T | join kind=inner (T | where Real > 1) on Name, $left.Size == $right.Size | where Path != Path1 | "
      "project Time");
  optimize(ir);
  auto join =
      std::find_if(ir.ops.begin(), ir.ops.end(), [](const Op& op) { return op.kind == OpKind::Join; });
  ASSERT_NE(join, ir.ops.end());
  std::string left, right;
  for (const ColumnDef& column : ir.ops[join->inputs[0]].schema) left += column.name + " ";
  for (const ColumnDef& column : ir.ops[join->inputs[1]].schema) right += column.name + " ";
  EXPECT_EQ(left, "Name Path Size Time ");
  EXPECT_EQ(right, "Name Path Size ");  // Real is read by its filter alone
}

TEST(IrPrune, OfTakeAnyWhatNobodyReads) {
  EXPECT_THAT(optimized("T | join T on Name | project Size, Path1"), HasSubstr("take_any(Name, Size)"));
  EXPECT_THAT(optimized("T | summarize take_any(Size, Path, Real) by Name | project Size"),
              HasSubstr("take_any(Size, Path)"));
  EXPECT_THAT(optimized("T | summarize take_any(Size), take_any(Path) by Name | project Size"),
              HasSubstr("aggregate take_any(Size)"));
}

TEST(IrPrune, AggregatesNobodyReads) {
  EXPECT_THAT(optimized("T | summarize A = sum(Size), B = max(Real) by Name | project Name, A"),
              Not(HasSubstr("max")));
  EXPECT_THAT(optimized("T | summarize A = sum(Size), B = max(Real) | count"),
              HasSubstr("aggregate sum(Size)\n"));
}

TEST(IrPrune, WhatMayFailStays) {
  EXPECT_THAT(optimized("T | extend X = format_timespan(Time - Time, 'd') | project Name"),
              HasSubstr("format_timespan"));
}

TEST(IrPrefilter, NeedlesOfStringOperators) {
  EXPECT_EQ(prefilter("T | where Name has 'powershell.exe' | project Size"), (Words{{"powershell.exe"}}));
  EXPECT_EQ(prefilter("T | where Name has ' Distant Desktop '"), (Words{{" Distant Desktop "}}));
  EXPECT_EQ(prefilter("T | where Name contains '-e '"), (Words{{"-e "}}));
  EXPECT_EQ(prefilter("T | where Name contains '-e\\t'"), (Words{{"-e\t"}}));
  EXPECT_EQ(prefilter("T | where Name contains '-e\\u2003'"), (Words{{"-e\u2003"}}));
  EXPECT_EQ(prefilter("T | where Name contains '-e\\u00e9'"), Words{});
  EXPECT_EQ(prefilter("T | where Name contains 'a:bcd, [efghi]'"), (Words{{"efghi"}}));
  EXPECT_EQ(prefilter("T | where Name == 'abc' and Path contains 'def'"), (Words{{"abc"}, {"def"}}));
  EXPECT_EQ(prefilter("T | where Name has_all ('abc', 'def')"), (Words{{"abc"}, {"def"}}));
  EXPECT_EQ(prefilter("T | where Name in~ ('abc', 'def')"), (Words{{"abc", "def"}}));
  EXPECT_EQ(prefilter("T | where Name has_any (dynamic(['abc', 'def']))"), (Words{{"abc", "def"}}));
  EXPECT_EQ(prefilter("T | where Name matches regex '(abc|def)+'"), (Words{{"abc", "def"}}));
}

TEST(IrPrefilter, OrNeedsAllItsOperands) {
  EXPECT_EQ(prefilter("T | where Name has 'abc' or Path has 'def'"), (Words{{"abc", "def"}}));
  EXPECT_EQ(prefilter("T | where (Name has 'abc' and Path has 'longer') or Path has 'def'"),
            (Words{{"longer", "def"}}));
  EXPECT_EQ(prefilter("T | where Name has 'abc' or Size == 1"), Words{});
}

TEST(IrPrefilter, ThroughProjections) {
  EXPECT_EQ(prefilter("T | extend N = Path | project N | where N endswith 'abc'"), (Words{{"abc"}}));
  EXPECT_EQ(prefilter("let needles = dynamic(['abc', 'def']); T | where Name in (needles)"),
            (Words{{"abc", "def"}}));
}

TEST(IrPrefilter, NothingThatMayBeWrittenInAnotherWay) {
  for (const char* query : {"T | where Name !has 'abc'",
                            "T | where Name != 'abc'",
                            "T | where not(Name has 'abc')",
                            "T | where Name has '123'",
                            "T | where Name has '1e5'",
                            "T | where Name has 'ab'",
                            "T | where Name has '. / \\\\'",
                            "T | where Size == 12345",
                            "T | where tostring(Bag) has 'abc'",
                            "T | where tostring(Bag.a) == 'abc'",
                            "T | where Bag.a == 'abc'",
                            "T | where Bag has 'abc'",
                            "T | where strcat(Name, Path) has 'abc'",
                            "T | where Name in ('abc', '')",
                            "T | where Name has_any ('abc', '1')",
                            "T | where Name matches regex '123'",
                            "T | where Name matches regex 'ab'",
                            "T | take 5 | where Name has 'abc'",
                            "T | where case(Name has 'abc', true, false)",
                            "T | where tostring(Unused) has 'abc'",
                            "T | where isnull(Name has 'abc')"})
    EXPECT_EQ(prefilter(query), Words{}) << query;
}

// The Kelvin sign is a k without regard to case.
TEST(IrPrefilter, LettersWithOtherForms) {
  EXPECT_EQ(prefilter("T | where Name has 'kelvink\\u00e9'"), (Words{{"elvin"}}));
}

TEST(Pipelines, AUnionIsOnePhaseOfSeveralInputs) {
  Ir ir = build_query(
      "union (T | project Name), (datatable(Name:string)['x']) | where Name has 'abc' | summarize count() by "
      "Name");
  optimize(ir);
  auto pipelines = pipelines::split(std::make_shared<Ir>(ir));
  ASSERT_TRUE(pipelines.ok());
  ASSERT_EQ(pipelines.value().phases.size(), 1u);
  const auto& inputs = pipelines.value().phases[0].inputs;
  ASSERT_EQ(inputs.size(), 2u);
  EXPECT_EQ(inputs[0].source, pipelines::SourceKind::Scan);
  EXPECT_EQ(inputs[0].atoms.size(), 1u);
  EXPECT_EQ(inputs[1].source, pipelines::SourceKind::Rows);
}

TEST(Pipelines, PhasesStandBeforeTheirReaders) {
  Ir ir = build_query(
      "union (T | summarize C = count() by Name | top 3 by C), (T | distinct Name) | sort by Name | take 2");
  optimize(ir);
  auto pipelines = pipelines::split(std::make_shared<Ir>(ir));
  ASSERT_TRUE(pipelines.ok());
  const auto& phases = pipelines.value().phases;
  for (size_t i = 0; i < phases.size(); ++i)
    for (const auto& input : phases[i].inputs)
      if (input.source == pipelines::SourceKind::Phase) EXPECT_LT(input.phase, i);
  EXPECT_EQ(phases.back().inputs.size(), 2u);
  EXPECT_EQ(phases.size(), 4u);
}

TEST(Pipelines, TheRightSideOfAJoinIsAPhaseOfItsOwn) {
  Ir ir = build_query(
      "T | where Name has 'abc' | join kind=inner (T | summarize C = count() by Name) on Name | where C > "
      "Size | project Path");
  optimize(ir);
  auto pipelines = pipelines::split(std::make_shared<Ir>(ir));
  ASSERT_TRUE(pipelines.ok());
  const auto& phases = pipelines.value().phases;
  ASSERT_EQ(phases.size(), 3u);
  EXPECT_EQ(phases[1].sink->kind, OpKind::Join);
  EXPECT_EQ(phases[1].inputs[0].source, pipelines::SourceKind::Phase);
  const auto& steps = phases[2].inputs[0].steps;
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0].kind, pipelines::Step::Kind::Join);
  EXPECT_EQ(steps[0].phase, 1u);
  EXPECT_EQ(steps[1].kind, pipelines::Step::Kind::Filter);
  EXPECT_EQ(phases[2].inputs[0].atoms.size(), 1u);
}

TEST(Pipelines, WhatIsTooLargeIsSaid) {
  std::string many = "T", joins = "T";
  for (int i = 0; i < 400; ++i) many += " | extend A" + std::to_string(i) + " = Size + 1";
  for (int i = 0; i < 33; ++i) joins += " | join kind=inner (T | project Name) on Name";
  for (const std::string& query : {many, joins}) {
    Ir ir = build_query(query);
    auto pipelines = pipelines::split(std::make_shared<Ir>(ir));
    ASSERT_FALSE(pipelines.ok());
    EXPECT_EQ(pipelines.error().code, ErrorCode::Unsupported);
  }
}

// Each line uses the one before twice: no walk may visit what is shared twice.
TEST(Ir, SharedExpressionsAreVisitedOnce) {
  std::string text =
      "ir now 1\ne0 = column 0 string\ne1 = literal \"abc\"\ne2 = prepared \"has(string, string)\" e0 e1\n"
      "e3 = literal true\ne4 = literal \"x\"\n";
  int id = 5;
  auto add = [&](const std::string& expr) {
    text += "e" + std::to_string(id) + " = " + expr + "\n";
    return "e" + std::to_string(id++);
  };
  std::string row = "e2", constant = "e3";
  for (int i = 0; i < 60; ++i) {
    row = add("or " + row + " " + add("and " + row + " " + add("and " + row + " " + row)));
    constant = add("and " + constant + " " + constant);
  }
  std::string needle = add("case " + constant + " e1 e4");
  std::string found = add("prepared \"has(string, string)\" e0 " + needle);
  text += "%0 = scan \"T\" [\"Name\": string]\n%1 = filter %0 " + row + " " + found + "\nresult %1\n";
  Result<Ir> ir = parse(text);
  ASSERT_TRUE(ir.ok()) << ir.error().message;
  optimize(ir.value());
  EXPECT_EQ(verify(ir.value()), std::nullopt);
  EXPECT_LE(render(ir.value()).size(), 5000u);
}

TEST(Ir, TenThousandOperatorsNeedNoStack) {
  std::string query = "T";
  for (int i = 0; i < 10'000; ++i) query += " | where Size > " + std::to_string(i);
  Ir ir = build_query(query);
  optimize(ir);
  EXPECT_EQ(verify(ir), std::nullopt);
  EXPECT_EQ(ir.ops.size(), 2u);
}

}  // namespace
}  // namespace kqlc::ir

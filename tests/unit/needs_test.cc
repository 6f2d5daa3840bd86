// SPDX-License-Identifier: Apache-2.0
//
// What the columns of a scan must hold, read off its filters: every form of condition that counts, and those
// that say nothing.
#include "compiler/ir/needs.h"

#include <gtest/gtest.h>

#include "compiler/ir/passes.h"
#include "compiler/syntax/tree.h"
#include "runtime/base/check.h"

namespace kqlc::ir {
namespace {

constexpr int64_t kNow = 638'000'000'000'000'000;
constexpr int64_t kDay = 864'000'000'000;

std::string place(const Need& need, int64_t value) {
  if (value == std::numeric_limits<int64_t>::min()) return "least";
  if (value == std::numeric_limits<int64_t>::max()) return "most";
  if (need.type == Type::DateTime) return "now" + std::to_string((value - kNow) / kDay) + "d";
  if (need.type != Type::Real) return std::to_string(value);
  for (double real : {-1.0, 0.0, 1.5, 2.5})
    for (int64_t step : {-1, 0, 1})
      if (value == real_order(real) + step)
        return (step < 0 ? "below " : step > 0 ? "above " : "") + std::to_string(real).substr(0, 4);
  return "?";
}

std::string print(const Need& need) {
  std::string out;
  switch (need.kind) {
    case Need::Kind::Range:
      return need.columns[0] + "[" + place(need, need.from) + ".." + place(need, need.to) + "]";
    case Need::Kind::Text:
      for (const simd::Pattern& pattern : need.condition.patterns)
        out += (out.empty() ? "" : need.condition.all ? " & " : " | ") + pattern.text;
      return need.columns[0] + "(" + out + ")";
    default:
      for (const Need& part : need.parts)
        out += (out.empty() ? "" : need.kind == Need::Kind::All ? " and " : " or ") + print(part);
      return "{" + out + "}";
  }
}

// Of `T | where ...`, after all passes.
std::string needs(const std::string& condition) {
  plan::Schemas schemas;
  schemas.add("T", {{"Name", Type::String},
                    {"Path", Type::String},
                    {"Size", Type::Long},
                    {"Port", Type::Int},
                    {"Real", Type::Real},
                    {"Flag", Type::Bool},
                    {"Time", Type::DateTime},
                    {"Bag", Type::Dynamic}});
  source::Diagnostics diagnostics;
  syntax::SyntaxTree tree = syntax::parse("T | where " + condition + " | count", diagnostics);
  plan::Plan plan;
  KQLC_CHECK(plan::bind(tree, schemas, {.now = kNow}, diagnostics, plan), condition);
  Ir ir = build(plan, plan.results[0]);
  optimize(ir);
  for (const Op& op : ir.ops)
    if (op.kind == OpKind::Filter && ir.ops[op.inputs[0]].kind == OpKind::Scan)
      return print(find_needs(ir, op.exprs, ir.ops[op.inputs[0]].schema));
  return "no filter";
}

TEST(Needs, Texts) {
  EXPECT_EQ(needs("Name has 'abc'"), "Name(abc)");
  EXPECT_EQ(needs("'abc' == Name"), "Name(abc)");
  EXPECT_EQ(needs("Name in~ ('a', 'b') and Path has_all ('c', 'd')"), "{Name(a | b) and Path(c & d)}");
  EXPECT_EQ(needs("Name startswith 'a' or Path contains 'b'"), "{Name(a) or Path(b)}");
  EXPECT_EQ(needs("Name matches regex 'abc+d'"), "Name(abc)");
  EXPECT_EQ(needs("Bag has 'abc'"), "Bag(abc)");
  EXPECT_EQ(needs("tostring(Bag) contains 'abc'"), "Bag(abc)");
  EXPECT_EQ(needs("isnotempty(Name)"), "Name[least..most]");
}

TEST(Needs, Numbers) {
  EXPECT_EQ(needs("Size == 5"), "Size[5..5]");
  EXPECT_EQ(needs("5 < Size"), "Size[6..most]");
  EXPECT_EQ(needs("Size between (2 .. 7)"), "{Size[2..most] and Size[least..7]}");
  EXPECT_EQ(needs("Port == 443"), "Port[443..443]");
  EXPECT_EQ(needs("Port in (1, 2)"), "{Port[1..1] or Port[2..2]}");
  EXPECT_EQ(needs("Port == 443 or Name has 'abc'"), "{Port[443..443] or Name(abc)}");
  EXPECT_EQ(needs("Flag"), "Flag[1..1]");
  EXPECT_EQ(needs("not(Flag)"), "Flag[0..0]");
  EXPECT_EQ(needs("Flag == false"), "Flag[0..0]");
  EXPECT_EQ(needs("isnotnull(Size)"), "Size[least..most]");
  EXPECT_EQ(needs("Time > ago(1d) and Time <= now()"), "{Time[now0d..most] and Time[least..now0d]}");
}

TEST(Needs, RealNumbers) {
  EXPECT_EQ(needs("Real > 1.5"), "Real[above 1.50..most]");
  EXPECT_EQ(needs("Real < 0.0"), "Real[least..below 0.00]");
  EXPECT_EQ(needs("Real in (1.5, 2.5)"), "{Real[1.50..1.50] or Real[2.50..2.50]}");
  EXPECT_EQ(needs("Real == real(nan)"), "{}");
  EXPECT_EQ(needs("Size > 10.5"), "Size[11..most]");
  EXPECT_EQ(needs("Size >= 10.0"), "Size[10..most]");
  EXPECT_EQ(needs("Size < 10.5"), "Size[least..10]");
  EXPECT_EQ(needs("Size <= -10.5"), "Size[least..-11]");
  EXPECT_EQ(needs("Size == 10.5"), "Size[11..10]");
  EXPECT_EQ(needs("Port > -0.5"), "Port[0..most]");
  EXPECT_EQ(needs("Size > 1e17"), "{}");
}

TEST(Needs, OrNeedsAllItsOperands) {
  EXPECT_EQ(needs("Name has 'a' or Path !has 'b'"), "{}");
  EXPECT_EQ(needs("(Name has 'a' and Size > 1) or (Name has 'b' and Path != 'c')"),
            "{{Name(a) and Size[2..most]} or Name(b)}");
}

TEST(Needs, WhatSaysNothing) {
  for (const char* condition :
       {"Size != 5", "Name !has 'abc'", "Name != 'abc'", "Size !in (1, 2)", "not(Size > 5)", "isnull(Size)",
        "isempty(Name)", "isnotnull(Name)", "Size == Port", "Size == long(null)", "Bag == 5",
        "Bag.a == 'abc'", "tolower(Name) == 'abc'", "Size + 1 > 5", "toint(Size) == 5",
        "coalesce(Size, 1) == 1", "case(Name has 'abc', true, false)", "isnull(Name has 'abc')",
        "Size > toint(Name)"})
    EXPECT_EQ(needs(condition), "{}") << condition;
}

// Expressions that are used many times are visited so often that the Need would never end.
TEST(Needs, AreBounded) {
  std::string condition = "Name has 'abc'";
  for (int i = 0; i < 40; ++i) condition = "(" + condition + ") and Size > " + std::to_string(i);
  EXPECT_LT(needs(condition).size(), 10'000u);
  std::string many = "Size == 1";
  for (int i = 0; i < 6'000; ++i) many += " or Size == " + std::to_string(i);
  EXPECT_EQ(needs(many), "{}");
  std::string list = "Size in (7";
  for (int i = 0; i < 100; ++i) list += ", " + std::to_string(i);
  EXPECT_EQ(needs(list + ")"), "Size[0..99]");
}

}  // namespace
}  // namespace kqlc::ir

// SPDX-License-Identifier: Apache-2.0
//
// Sinks with more rows than other tests have: tops that drop rows on the way, groups of several states that
// are merged. The reference executor says what must come out.
#include <gtest/gtest.h>

#include "cli/compile.h"
#include "runtime/value/dynamic.h"
#include "tests/differential/generate.h"
#include "tests/engines/run.h"

namespace kqlc {
namespace {

using engines::Native;
using engines::TableData;
using engines::Texts;

constexpr int64_t kRows = 20'000;

// Few and many different values, nulls among them.
TableData make_table(const char* name, uint64_t seed) {
  differential::Random random(seed);
  TableData table;
  table.name = name;
  table.schema = {{"Id", Type::Long},   {"Few", Type::Long},    {"Many", Type::Long},
                  {"Real", Type::Real}, {"Text", Type::String}, {"Bag", Type::Dynamic}};
  for (int64_t i = 0; i < kRows; ++i) {
    const std::string text = "text " + std::to_string(random.below(9000));
    const std::string bag = R"({"a":)" + std::to_string(random.below(50)) + "}";
    engines::Row row = {make_cell(i),
                        make_cell(static_cast<int64_t>(random.below(40))),
                        make_cell(static_cast<int64_t>(random.below(15'000))),
                        make_cell(static_cast<double>(random.below(500)) / 4),
                        make_cell(table.arena->copy(Str(std::string_view(text)))),
                        dynamic::lazy_cell(table.arena->copy(Str(std::string_view(bag))), *table.arena)};
    for (size_t column : {1, 2, 3})
      if (random.chance(2)) row[column] = null_cell(table.schema[column].type);
    table.rows.push_back(std::move(row));
  }
  return table;
}

class LargeStates : public testing::Test {
 protected:
  LargeStates() : tables_{make_table("T", 1), make_table("U", 2)} {
    for (const TableData& table : tables_) schemas_.add(table.name, table.schema);
  }

  void expect_same(const std::string& query) {
    SCOPED_TRACE(query);
    cli::Compiled compiled = cli::compile({"query", query, query, {}}, schemas_, 0);
    ASSERT_TRUE(compiled.ok()) << cli::render(compiled);
    const engines::Answer expected = engines::run_reference(compiled.plan, 0, tables_);
    ASSERT_FALSE(expected.rows.empty());
    auto native = Native::compile(compiled.plan, 0, codegen::Engine::O0);
    ASSERT_TRUE(native.ok()) << native.error().message;
    for (int threads : {1, 2, 3, 5})
      for (Texts texts : {Texts::Plain, Texts::Dictionary})
        EXPECT_EQ(
            engines::compare(expected, native.value().run(tables_, {texts, threads * 700, threads, ""})), "")
            << threads << " threads";
  }

  std::vector<TableData> tables_;
  plan::Schemas schemas_;
};

TEST_F(LargeStates, ATopKeepsItsFirstRows) {
  expect_same("T | top 1 by Few asc");
  expect_same("T | top 7 by Few desc nulls first | project Id, Few, Text");
  expect_same("T | top 300 by Real asc, Text desc, Few asc | project Id, Real, Text, Bag");
  expect_same("T | top 6000 by Many desc | project Id, Many");
  expect_same("T | sort by Text asc | take 1100 | project Id, Text");
  expect_same("union T, U | top 40 by Few asc nulls last, Many desc");
  expect_same("T | where Few == 3 | join kind=inner U on Few | top 9 by Text asc, Text1 desc");
}

TEST_F(LargeStates, GroupsOfSeveralStatesAreMerged) {
  expect_same("T | summarize count(), min(Id), max(Text), sum(Many), avg(Few) by Many");
  expect_same("T | summarize dcount(Text), dcount(Few), make_set(Few), make_list(Id) by Many");
  expect_same("T | summarize arg_max(Real, *), take_any(Id), percentile(Many, 50) by Text");
  expect_same("T | summarize dcount(Id), dcount(Text), count_distinctif(Many, Few > 4) by Few");
  expect_same("T | summarize count(), stdev(Real) by Text, Few");
  expect_same("T | summarize count(), dcount(Text) by tostring(Bag), Real");
  expect_same("T | summarize make_bag(Bag), count() by Many, Few");
  expect_same("T | distinct Text, Many");
  expect_same("union T, U | summarize count(), dcount(Text), make_set(Many, 5) by Text, Few");
  expect_same("T | summarize count() by Many | summarize make_list(Many), dcount(Many) by count_");
}

// Threads share the rows of a sink, and hand them on in their order.
TEST_F(LargeStates, RowsOfLargeSinksAreShared) {
  const std::string rows =
      "union (T | extend k = Id), (U | extend k = Id + 100000), (T | extend k = -1 - Id)";
  expect_same(rows + " | summarize n = count(), t = take_any(Text) by k | summarize count(), sum(k) by n, t");
  expect_same(rows + " | distinct k, Text | top 5 by k desc");
  expect_same(rows + " | distinct k, Text | where k % 7 == 3 | take 40");
  expect_same(rows + " | sort by Text asc, k asc | summarize make_list(k) by Few");
  expect_same(rows +
              " | summarize n = count() by k | as G | join kind=inner (U | extend k = Id) on k | count");
  expect_same(rows + " | sort by k desc | where Few == 3 | project k, Text | take 100");
}

// Any of the states may be the one that the others are merged into, in the last phase as in those before.
TEST_F(LargeStates, RowsOfAPhaseBeforeAreMerged) {
  expect_same(
      "U | where Id < 40 | join kind=leftouter (U | where Id < 60) on Few"
      " | join kind=fullouter (T | take 27) on $left.Many == $right.Many");
}

}  // namespace
}  // namespace kqlc

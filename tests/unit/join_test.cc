// SPDX-License-Identifier: Apache-2.0
//
// The right side of a join as the runtime keeps it, and kernels with phases: rows in order on any number of
// states, keys that meet as `==` has it, bytes that are no rows, limits.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "codegen/kernel.h"
#include "compiler/syntax/tree.h"
#include "runtime/exec/join_table.h"
#include "runtime/exec/kernel.h"

namespace kqlc {
namespace {

struct Side {
  std::vector<Type> types;
  std::vector<JoinColumn> keys;
  Arena arena;
  Context context;
  JoinRows rows{types, keys};

  Side(std::vector<Type> of_columns, std::vector<JoinColumn> of_keys)
      : types(std::move(of_columns)), keys(std::move(of_keys)) {
    context.arena = context.state_arena = &arena;
  }
  void add(uint64_t position, uint64_t match, std::vector<Cell> cells) {
    context.position = position;
    context.match = match;
    rows.add(context, cells.data());
  }
  void merge(Side& from, size_t threads = 1) {
    exec::Team team(context, threads);
    rows.merge(team, from.rows);
  }
  std::shared_ptr<const JoinTable> build(size_t threads = 1) {
    exec::Team team(context, threads);
    return rows.build(team);
  }
};

// The second column of the rows that match, which is a long.
std::vector<int64_t> find(const JoinTable& table, std::vector<Cell> keys) {
  std::vector<int64_t> out;
  for (const Cell* row : table.find(keys.data())) out.push_back(row[1].l);
  return out;
}

using Values = std::vector<int64_t>;

TEST(JoinTable, RowsOfAKeyComeInInputOrder) {
  Side one({Type::String, Type::Long}, {{0, Type::String}}),
      two({Type::String, Type::Long}, {{0, Type::String}});
  auto text = [](const char* s) { return make_cell(Str(std::string_view(s))); };
  one.add(5, 0, {text("a"), make_cell(int64_t{50})});
  one.add(9, 1, {text("a"), make_cell(int64_t{91})});
  one.add(9, 0, {text("a"), make_cell(int64_t{90})});
  two.add(1, 0, {text("a"), make_cell(int64_t{10})});
  two.add(7, 0, {text("A"), make_cell(int64_t{70})});
  two.add(8, 0, {text("a"), make_cell(int64_t{80})});
  one.merge(two);
  auto table = one.build();
  EXPECT_EQ(find(*table, {text("a")}), (Values{10, 50, 80, 90, 91}));
  EXPECT_EQ(find(*table, {text("A")}), Values{70});
  EXPECT_EQ(find(*table, {text("b")}), Values{});
  EXPECT_GT(table->bytes(), 0u);
}

// As threads of a scan leave them: pieces of the input by turns, one of them not in order; enough for several
// threads.
TEST(JoinTable, ManyRowsOfSeveralThreadsComeInInputOrder) {
  constexpr uint64_t kRows = 300'000, kPiece = 1000;
  for (size_t threads : {1, 3}) {
    std::vector<std::unique_ptr<Side>> sides;
    for (int i = 0; i < 3; ++i)
      sides.push_back(std::make_unique<Side>(std::vector<Type>{Type::Long, Type::Long},
                                             std::vector<JoinColumn>{{0, Type::Long}}));
    auto key_of = [](uint64_t row) { return static_cast<int64_t>(row * row % 977); };
    for (uint64_t row = 0; row < kRows; ++row) {
      const uint64_t side = row / kPiece * 7 % 5 % 3;
      const uint64_t number = side == 1 ? row / kPiece * kPiece + (kPiece - 1 - row % kPiece) : row;
      sides[side]->add(number, 0, {make_cell(key_of(number)), make_cell(static_cast<int64_t>(number))});
    }
    sides[0]->merge(*sides[1], threads);
    sides[0]->merge(*sides[2], threads);
    auto table = sides[0]->build(threads);
    std::vector<Values> expected(977);
    for (uint64_t row = 0; row < kRows; ++row)
      expected[static_cast<size_t>(key_of(row))].push_back(static_cast<int64_t>(row));
    for (int64_t key = 0; key < 977; ++key)
      ASSERT_EQ(find(*table, {make_cell(key)}), expected[static_cast<size_t>(key)]) << key;
  }
}

// Whatever the order of the rows, all in the range are given, in input order; where they are few, no others.
TEST(JoinTable, ARangeLeavesOutOnlyWhatLiesOutside) {
  std::mt19937 random(1);
  for (int jitter : {0, 5, 1000}) {
    Side side({Type::Long, Type::DateTime}, {{0, Type::Long}});
    for (uint64_t i = 0; i < 400; ++i) {
      Cell time =
          make_cell(DateTime{static_cast<int64_t>(i / 2) + static_cast<int64_t>(random() % (jitter + 1))});
      if (random() % 20 == 0) time = null_cell(Type::DateTime);
      side.add(i, 0, {make_cell(static_cast<int64_t>(i % 2)), time});
    }
    auto table = side.build();
    for (int64_t key : {0, 1})
      for (int round = 0; round < 200; ++round) {
        Cell keys = make_cell(key);
        const JoinMatches all = table->find(&keys);
        const auto low = static_cast<int64_t>(random() % (220 + jitter)) - 10,
                   high = low + static_cast<int64_t>(random() % 30) - 5;
        JoinScratch scratch;
        std::vector<const Cell*> wanted;
        const JoinMatches found = table->narrow(all, 1, low, high, scratch);
        for (const Cell* row : all)
          if (row[1].valid && row[1].l >= low && row[1].l <= high) wanted.push_back(row);
        ASSERT_LE(wanted.size(), all.size() / 2) << "seed 1";
        EXPECT_TRUE(std::ranges::equal(found, wanted)) << "seed 1";
      }
  }
}

TEST(JoinTable, ARangeOfMostRowsOrOfTextsIsAllRows) {
  Side side({Type::Long, Type::DateTime, Type::String}, {{0, Type::Long}});
  for (int64_t i = 0; i < 20; ++i)
    side.add(static_cast<uint64_t>(i), 0,
             {make_cell(int64_t{1}), make_cell(DateTime{20 - i}), make_cell(Str(std::string_view("x")))});
  auto table = side.build();
  Cell key = make_cell(int64_t{1});
  JoinScratch scratch;
  const JoinMatches all = table->find(&key);
  ASSERT_EQ(all.size(), 20u);
  for (size_t column : {1, 2})
    EXPECT_TRUE(std::ranges::equal(table->narrow(all, column, 3, 1000, scratch), all));
}

TEST(JoinTable, NullAndNanEqualNothing) {
  Side reals({Type::Real, Type::Long}, {{0, Type::Real}});
  reals.add(1, 0, {null_cell(Type::Real), make_cell(int64_t{1})});
  reals.add(2, 0, {make_cell(std::nan("")), make_cell(int64_t{2})});
  reals.add(3, 0, {make_cell(-0.0), make_cell(int64_t{3})});
  auto table = reals.build();
  EXPECT_EQ(find(*table, {null_cell(Type::Real)}), Values{});
  EXPECT_EQ(find(*table, {make_cell(std::nan(""))}), Values{});
  EXPECT_EQ(find(*table, {make_cell(0.0)}), Values{3});
}

TEST(JoinTable, IntAndLongMeet) {
  Side ints({Type::Int, Type::Long}, {{0, Type::Long}}), longs({Type::Long, Type::Long}, {{0, Type::Int}});
  ints.add(1, 0, {make_cell(int32_t{-7}), make_cell(int64_t{1})});
  longs.add(1, 0, {make_cell(int64_t{-7}), make_cell(int64_t{2})});
  longs.add(2, 0, {make_cell(int64_t{4294967289}), make_cell(int64_t{3})});
  auto of_ints = ints.build(), of_longs = longs.build();
  EXPECT_EQ(find(*of_ints, {make_cell(int64_t{-7})}), Values{1});
  EXPECT_EQ(find(*of_ints, {make_cell(int64_t{4294967289})}), Values{});
  EXPECT_EQ(find(*of_longs, {make_cell(int32_t{-7})}), Values{2});
}

TEST(JoinTable, AnEmptyOneHasNoMatchButNulls) {
  Side side({Type::String, Type::Long}, {{0, Type::String}});
  auto table = side.build();
  EXPECT_EQ(find(*table, {make_cell(Str())}), Values{});
  EXPECT_TRUE(table->nulls()[0][0].valid);  // a string is never null
  EXPECT_FALSE(table->nulls()[0][1].valid);
}

TEST(JoinTable, SavedRowsAreTheSameAndDamagedOnesAreRefused) {
  Side side({Type::String, Type::Long}, {{0, Type::String}});
  for (int64_t i = 0; i < 20; ++i)
    side.add(static_cast<uint64_t>(i), 0, {make_cell(Str(std::string_view("key"))), make_cell(i)});
  Writer writer;
  side.rows.save(writer);
  for (size_t cut = 0; cut <= writer.bytes.size(); ++cut) {
    Side other({Type::String, Type::Long}, {{0, Type::String}});
    Reader reader(std::string_view(writer.bytes).substr(0, cut));
    ASSERT_EQ(other.rows.load(other.context, reader), cut == writer.bytes.size());
    if (cut < writer.bytes.size()) continue;
    auto table = other.build();
    EXPECT_EQ(find(*table, {make_cell(Str(std::string_view("key")))}).size(), 20u);
  }
}

std::unique_ptr<codegen::Kernel> compile(const std::string& text, size_t memory_limit) {
  plan::Schemas schemas;
  schemas.add("T", {{"Key", Type::Long}, {"Value", Type::Long}});
  source::Diagnostics diagnostics;
  syntax::SyntaxTree tree = syntax::parse(text, diagnostics);
  plan::Plan plan;
  KQLC_CHECK(plan::bind(tree, schemas, {}, diagnostics, plan), "the test's own query");
  codegen::KernelOptions options;
  options.engine = codegen::Engine::O0;
  options.memory_limit = memory_limit;
  auto kernel = codegen::Kernel::compile(plan, plan.results[0], options);
  KQLC_CHECK(kernel.ok(), "the test's own query has a native form");
  return std::move(kernel).value();
}

// Feeds `rows` rows with equal keys to each input, phase by phase, on three states.
codegen::KernelRows run(const codegen::Kernel& kernel, int64_t rows, int64_t batch_rows = 100) {
  std::vector<int64_t> keys(static_cast<size_t>(rows), 7), values;
  for (int64_t i = 0; i < rows; ++i) values.push_back(i);
  std::vector<std::shared_ptr<codegen::KernelState>> states;
  for (int i = 0; i < 3; ++i) states.push_back(kernel.create_state());
  for (size_t phase = 0; phase < kernel.num_phases(); ++phase) {
    if (phase > 0) kernel.end_phase(states);
    for (size_t input = 0; input < kernel.inputs().size(); ++input) {
      if (kernel.inputs()[input].phase != phase) continue;
      for (int64_t start = 0; start < rows; start += batch_rows) {
        std::vector<Column> columns;
        for (const auto& wanted : kernel.inputs()[input].columns) {
          Column& column = columns.emplace_back();
          column.encoding = Encoding::Fixed64;
          column.type = Type::Long;
          column.offset = start;
          column.values = (wanted.name == "Key" ? keys : values).data();
        }
        Batch batch{std::min(batch_rows, rows - start), static_cast<uint64_t>(start), columns.data(),
                    columns.size()};
        kernel.consume(*states[static_cast<size_t>(start / batch_rows % 3)], input, batch);
      }
    }
  }
  for (size_t i = 1; i < states.size(); ++i) kernel.merge(*states[0], *states[i]);
  return kernel.finish(*states[0]);
}

TEST(Join, AsManyRowsAsPairsStayWithinTheLimit) {
  auto counting = compile("T | join kind=inner T on Key | count", 64 << 20);
  codegen::KernelRows counted = run(*counting, 3000);
  ASSERT_FALSE(counted.error);
  EXPECT_EQ(counted.rows[0][0].l, 9'000'000);
  for (const char* query :
       {"T | join kind=inner T on Key", "T | join kind=inner T on Key | summarize make_list(Value1)",
        "T | join kind=leftouter T on Key | sort by Value asc"}) {
    auto kernel = compile(query, 64 << 20);
    codegen::KernelRows rows = run(*kernel, 3000);
    ASSERT_TRUE(rows.error) << query;
    EXPECT_EQ(rows.error->code, ErrorCode::Limit) << query;
    EXPECT_TRUE(rows.rows.empty()) << query;
    EXPECT_LT(kernel->native().memory(), size_t{128} << 20) << query;
  }
}

TEST(Join, ATakeEndsALongRowOfMatches) {
  auto kernel = compile("T | join kind=inner T on Key | take 5 | project Value, Value1", 64 << 20);
  codegen::KernelRows rows = run(*kernel, 3000);
  ASSERT_FALSE(rows.error);
  ASSERT_EQ(rows.rows.size(), 5u);
  for (int64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(rows.rows[static_cast<size_t>(i)][0].l, 0);
    EXPECT_EQ(rows.rows[static_cast<size_t>(i)][1].l, i);
  }
}

// What is made for one left row may be gone when the next is looked at: other texts lie where it lay. One
// large text makes that so for every row.
TEST(Join, TextsOfManyMatchesAreNotTakenForOneAnother) {
  auto kernel = compile(
      "T | join kind=inner T on Key "
      "| where Value + Value1 > 0 or strlen(strrep(strrep(strrep('a', 1024), 1024), 17 + Value)) > 0 "
      "| extend R = (Value + Value1) % 7 | extend S = strcat('group ', tostring(R)) "
      "| summarize N = count(), Low = min(R), High = max(R), D = dcount(S) by S | sort by S asc",
      0);
  codegen::KernelRows rows = run(*kernel, 700, 700);
  ASSERT_FALSE(rows.error);
  ASSERT_EQ(rows.rows.size(), 7u);
  for (int64_t i = 0; i < 7; ++i) {
    const auto& row = rows.rows[static_cast<size_t>(i)];
    EXPECT_EQ(row[1].l, 700 * 100);
    EXPECT_EQ(row[2].l, i);
    EXPECT_EQ(row[3].l, i);
    EXPECT_EQ(row[4].l, 1);
  }
}

// Conditions behind a join that compare its right side with values of the left row: all kinds of them, bounds
// that are null, and a left row without a match, whose nulls no condition may meet with a range.
TEST(Join, ConditionsOnARangeGiveTheRowsThatTheyGiveOneByOne) {
  const std::vector<std::pair<const char*, int64_t>> counts = {
      {"T | join kind=inner T on Key | where Value1 between (Value .. Value + 2) | count", 299 + 298 + 300},
      {"T | join kind=inner T on Key | where Value1 > Value and Value1 < Value + 2 | count", 299},
      {"T | join kind=inner T on Key | where Value + 1 >= Value1 | where Value <= Value1 | count", 599},
      {"T | join kind=inner T on Key | where Value1 >= 298 | count", 600},
      {"T | join kind=inner T on Key | where Value1 >= tolong('') | count", 0},
      {"T | join kind=inner T on Key | where Value1 < Value and Value1 > Value | count", 0},
      {"T | extend Key = iff(Value == 3, 8, Key) | join kind=leftouter T on Key | where Value1 <= Value | "
       "count",
       300 * 301 / 2 - 4},
      {"T | extend Key = iff(Value == 3, 8, Key) | join kind=leftouter T on Key | where isnull(Value1) | "
       "count",
       1},
      {"T | join kind=rightouter T on Key | where Value1 == Value | count", 300}};
  for (auto& [query, count] : counts) {
    codegen::KernelRows rows = run(*compile(query, 0), 300);
    ASSERT_FALSE(rows.error) << query;
    EXPECT_EQ(rows.rows[0][0].l, count) << query;
  }
}

TEST(Join, ACancelEndsALongRowOfMatches) {
  auto kernel = compile("T | join kind=inner T on Key | summarize sum(Value) by Value1", 0);
  kernel->cancel();
  codegen::KernelRows rows = run(*kernel, 300);
  ASSERT_TRUE(rows.error);
  EXPECT_EQ(rows.error->code, ErrorCode::Cancelled);
  EXPECT_TRUE(rows.rows.empty());
}

TEST(Join, PhasesStandOneBehindTheOther) {
  EXPECT_EQ(compile("T | count", 0)->num_phases(), 1u);
  EXPECT_EQ(compile("T | join kind=inner (print Key = 1) on Key", 0)->num_phases(), 2u);
  EXPECT_EQ(compile("T | join kind=inner (T | join kind=inner T on Key) on Key", 0)->num_phases(), 3u);
  EXPECT_EQ(compile("T | join kind=inner T on Key | join kind=inner T on Key", 0)->num_phases(), 2u);
}

}  // namespace
}  // namespace kqlc

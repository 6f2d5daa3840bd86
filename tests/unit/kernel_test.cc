// SPDX-License-Identifier: Apache-2.0
//
// Kernels against the reference executor: the same plan, the same rows, at both levels of optimisation and
// specialised, over constant rows and over batches that are spread over several states.
#include "codegen/kernel.h"

#include <gtest/gtest.h>

#include <deque>

#include "codegen/shared_code.h"
#include "compiler/reference/execute.h"
#include "compiler/syntax/tree.h"
#include "runtime/aggregates/state.h"
#include "runtime/exec/kernel.h"

namespace kqlc {
namespace {

plan::Schemas make_schemas() {
  plan::Schemas schemas;
  schemas.add("T", {{"Name", Type::String},
                    {"Size", Type::Long},
                    {"Bag", Type::Dynamic},
                    {"Unused", Type::Guid},
                    {"Note", Type::String}});
  return schemas;
}

plan::Plan bind_query(const std::string& text) {
  source::Diagnostics diagnostics;
  syntax::SyntaxTree tree = syntax::parse(text, diagnostics);
  plan::Plan plan;
  EXPECT_TRUE(plan::bind(tree, make_schemas(), {}, diagnostics, plan)) << text;
  return plan;
}

// Texts as codes. Each batch and column has the same words in another order, so that a code means another
// text.
struct Codes {
  std::vector<Str> words;
  std::vector<int32_t> codes;
  Column values;
};

const char* const kWords[] = {
    "cmd.exe", "C:\\Windows\\powershell.exe", "", "PowerShell -enc", "svchost", "net", "x"};

// Rows of table T, cut into batches.
struct Table {
  mutable std::deque<Codes> made;
  std::vector<Str> names, bags;
  std::vector<int64_t> sizes;
  std::vector<uint8_t> validity;

  Table() {
    for (int64_t i = 0; i < 1000; ++i) {
      names.emplace_back(std::string_view(kWords[i % 5]));
      bags.emplace_back(std::string_view(i % 3 ? R"({"a":[1,2],"b":"x"})" : ""));
      sizes.push_back(i * 37 % 101);
    }
    validity.assign(125, 0xF7);
  }

  Cell cell(const std::string& column, int64_t row, Arena& arena) const {
    Column source = make_column(column, 0);
    return source.type == Type::Dynamic ? dynamic::load_dynamic(source, source.encoding, row, arena)
                                        : load(source, source.type, source.encoding, row);
  }

  Column make_column(const std::string& name, int64_t offset) const {
    Column column;
    column.offset = offset;
    if (name == "Note") {
      make_codes(column, offset, 0, [](int64_t row) { return row * row % 7; });
    } else if (name == "Name" && offset % 260 != 0) {
      make_codes(column, offset, 1, [](int64_t row) { return row % 5; });
    } else if (name == "Name") {
      column.encoding = Encoding::Strs;
      column.values = names.data();
    } else if (name == "Size") {
      column.encoding = Encoding::Fixed64;
      column.type = Type::Long;
      column.values = sizes.data();
      column.validity = validity.data();
    } else if (name == "Bag") {
      column.encoding = Encoding::Strs;
      column.type = Type::Dynamic;
      column.values = bags.data();
    } else {
      column.type = Type::Guid;
    }
    return column;
  }

  // `word_at` gives the place of a row's text among the words.
  template <class WordAt>
  void make_codes(Column& column, int64_t begin, int64_t shift, WordAt word_at) const {
    Codes& to = made.emplace_back();
    const auto count = static_cast<int64_t>(std::size(kWords)), turn = begin / 130 + shift;
    for (int64_t i = 0; i < count; ++i) to.words.emplace_back(std::string_view(kWords[(i + turn) % count]));
    for (int64_t row = begin; row < 1000; ++row)
      to.codes.push_back(static_cast<int32_t>((word_at(row) + 2 * count - turn) % count));
    to.values.encoding = Encoding::Strs;
    to.values.values = to.words.data();
    column.encoding = Encoding::Dictionary;
    column.offset = 0;
    column.values = to.codes.data();
    column.dictionary = &to.values;
    column.dictionary_size = count;
  }
};

void expect_same(const plan::Plan& plan, const std::string& text, codegen::Engine engine) {
  Table table;
  Arena arena;
  auto reader = [&](const std::string&, const plan::Schema& schema, const std::vector<bool>&,
                    const reference::RowSink& sink) -> Result<void> {
    for (size_t row = 0; row < table.names.size(); ++row) {
      std::vector<Cell> cells;
      for (const auto& column : schema)
        cells.push_back(table.cell(column.name, static_cast<int64_t>(row), arena));
      if (!sink(cells.data(), row)) break;
    }
    return {};
  };
  auto expected = reference::execute(plan, 0, reader);
  ASSERT_TRUE(expected.ok()) << text;
  auto kernel = codegen::Kernel::compile(plan, plan.results[0], {engine});
  ASSERT_TRUE(kernel.ok()) << text << ": " << kernel.error().message;
  const codegen::Kernel& native = *kernel.value();
  std::shared_ptr<codegen::KernelState> states[] = {native.create_state(), native.create_state(),
                                                    native.create_state()};
  for (size_t input = 0; input < native.inputs().size(); ++input) {
    for (int64_t start = 0, turn = 0; start < 1000; start += 130, ++turn) {
      std::vector<Column> columns;
      for (const auto& column : native.inputs()[input].columns)
        columns.push_back(table.make_column(column.name, start));
      Batch batch{std::min<int64_t>(130, 1000 - start), static_cast<uint64_t>(start), columns.data(),
                  columns.size()};
      native.consume(*states[turn % 3], input, batch);
    }
  }
  native.merge(*states[2], *states[0]);
  native.merge(*states[2], *states[1]);
  codegen::KernelRows rows = native.finish(*states[2]);
  ASSERT_FALSE(rows.error) << text;
  ASSERT_EQ(rows.rows.size(), expected.value().rows.size()) << text;
  ASSERT_EQ(rows.schema.size(), expected.value().schema.size()) << text;
  for (size_t row = 0; row < rows.rows.size(); ++row)
    for (size_t column = 0; column < rows.schema.size(); ++column)
      ASSERT_TRUE(aggregates::same_cell(rows.rows[row][column], expected.value().rows[row][column],
                                        rows.schema[column].type, arena))
          << text << " row " << row << " column " << rows.schema[column].name;
}

void check(const std::string& text) {
  plan::Plan plan = bind_query(text);
  if (::testing::Test::HasFailure()) return;
  expect_same(plan, text, codegen::Engine::O0);
  expect_same(plan, text, codegen::Engine::O2);
  expect_same(plan, text, codegen::Engine::Specialised);
}

TEST(Kernel, constant_rows) {
  check("datatable(a:long, s:string)[1,'x',2,'y',3,'x'] | where a > 1 | extend b = a * 2");
  check(
      "datatable(a:long, s:string)[1,'x',2,'y',3,'x'] | summarize n = count(), t = sum(a) by s | where n > "
      "1");
  check("datatable(a:long)[3,1,2] | sort by a asc | take 2");
  check(
      "datatable(a:bool, b:bool)[true,bool(null),false,bool(null),true,true] | extend c = a and b, d = a or "
      "b");
  check("print x = 1");
}

TEST(Kernel, filters_and_projections) {
  check("T | where Name has 'powershell'");
  check("T | where Name !has 'powershell' and Size > 50 | project Name, Double = Size * 2");
  check("T | where Name contains 'exe' or Size == 7 | project Size");
  check("T | extend Kind = case(Name has 'cmd', 'shell', Size > 90, 'large', Name) | where Kind != ''");
  check("T | extend N = coalesce(Size, 5) | project N, Bag | where N > 20");
  check("T | extend V = tostring(Bag.b) | where V == 'x' | project V, Size");
}

TEST(Kernel, sinks) {
  check("T | count");
  check("T | where Size > 1000 | count");
  check("T | distinct Name");
  check("T | take 7");
  check("T | top 9 by Size desc");
  check("T | sort by Size asc, Name desc | project Size, Name");
  check("T | summarize count(), sum(Size), max(Size), make_set(Size, 5) by Name | sort by Name asc");
  check("T | where Name == 'nobody' | summarize count(), sum(Size)");
  check("T | summarize arg_max(Size, Name) by V = tostring(Bag.b)");
}

// Sorts compare a number of the first key before the cells: values that have one number, and the ends.
TEST(Kernel, order_of_sort_keys) {
  const char* const kTables[] = {
      "datatable(x:real, n:long)[1.5,1, real(nan),2, -0.0,3, 0.0,4, real(-inf),5, real(+inf),6, real(null),7,"
      " -1e308,8, 4.9e-324,9, -4.9e-324,10, real(nan),11, 0.0,12]",
      "datatable(x:string, n:long)['',1, 'a',2, 'abcdefgh',3, 'abcdefghi',4, 'abcdefgg~',5, 'ab',6, "
      "'\\u00e9',7,"
      " 'a\\u0000',8, 'abcdefghh',9, '\\U0001F600',10, '\\uFFFD\\uFFFD\\uFFFD',11]",
      "datatable(x:long, n:long)[0,1, -1,2, long(null),3, 9223372036854775807,4, -9223372036854775807,5,"
      " 9223372036854775806,6, 1,7]",
      "datatable(x:int, n:long)[0,1, -1,2, int(null),3, 2147483647,4, -2147483647,5, 1,6]",
      "datatable(x:bool, n:long)[true,1, bool(null),2, false,3, true,4]",
      "datatable(x:timespan, n:long)[1d,1, -1d,2, timespan(null),3, 0s,4]",
      "datatable(x:datetime, n:long)[datetime(2024-01-01),1, datetime(null),2, datetime(0001-01-01),3,"
      " datetime(9999-12-31),4]",
      "datatable(x:guid, n:long)[guid(74be27de-1e4e-49d9-b579-fe0b331d3642),1, guid(null),2,"
      " guid(74be27de-1e4e-49d9-b579-fe0b331d3641),3, guid(00000000-0000-0000-0000-000000000001),4,"
      " guid(ffffffff-0000-0000-0000-000000000001),5]",
      "datatable(x:decimal, n:long)[decimal(1.5),1, decimal(-2),2, decimal(null),3, decimal(1.50),4]"};
  for (const std::string table : kTables)
    for (const std::string order : {"asc", "desc", "asc nulls last", "desc nulls first"})
      for (const std::string& rest : {" | sort by x " + order + ", n desc", " | top 4 by x " + order}) {
        SCOPED_TRACE(table + rest);
        plan::Plan plan = bind_query(table + rest);
        expect_same(plan, table + rest, codegen::Engine::O0);
      }
}

TEST(Kernel, inputs_name_the_columns_and_literals) {
  plan::Plan plan = bind_query("T | where Name has 'C:\\\\powershell' | project Size");
  auto kernel = codegen::Kernel::compile(plan, plan.results[0], {codegen::Engine::O0});
  ASSERT_TRUE(kernel.ok());
  const auto& inputs = kernel.value()->inputs();
  ASSERT_EQ(inputs.size(), 1u);
  ASSERT_EQ(inputs[0].columns.size(), 2u);
  ASSERT_EQ(inputs[0].prefilter.size(), 1u);
  EXPECT_EQ(inputs[0].prefilter[0][0].text, "powershell");
}

// What is decided before a loop is no part of it, so these have one code, and different columns.
TEST(Kernel, code_is_shared_by_rules_with_other_columns) {
  check("T | project Name");
  check("T | where Note has 'exe' | project Name");
  check("T | where Note has 'cmd' and Note has 'exe' | project Name");
}

TEST(Kernel, codes_of_different_dictionaries_are_different_texts) {
  check("T | summarize count(), dcount(Name), max(Size) by Note");
  check("T | summarize count(), dcount(Note), make_set(Note) by Name, Note");
  check("T | summarize dcount(Note), dcountif(Note, Size > 50), take_any(Note) by Size % 3");
  check("T | summarize count(), dcount(Note) by X = case(Size > 50, Note, Size > 20, Name, 'cmd.exe')");
  check("T | summarize count() by X = coalesce(Note, Name), Y = tolower(Note)");
  check("T | project A = Note, Size | where Size > 3 | summarize dcount(A) by A");
  check(
      "T | summarize by Note | join kind=leftouter (T | where Size > 70) on Note | summarize count() by "
      "Note");
  check("union (T | project A = Note), (T | where Size > 9 | project A = Name) | summarize count() by A");
  check("T | distinct Note, Name | summarize count() by Note");
}

// Prepared with constants that the query time decides.
TEST(Kernel, constants_that_depend_on_the_query_time) {
  check("print a = 'x 2026' has tostring(now()), b = tostring(now()) == tostring(now())");
  check("print extract(format_datetime(now(), 'yyyy'), 0, strcat('a', format_datetime(now(), 'yyyy')))");
  check("print replace_regex('a2026', format_datetime(now(), 'yyyy'), 'x'), trim(tostring(now()), 'x')");
  check(
      "print datetime_diff(iff(now() > datetime(2000-01-01), 'hour', 'day'), datetime(2020-01-02), "
      "datetime(2020-01-01))");
  check("T | where Name has tostring(now())");
  check("T | where Name !has tostring(now()) | count");
  check(
      "T | where Name in (tostring(now()), 'cmd.exe') or Name startswith iff(now() > datetime(2000-01-01), "
      "'p', 'q')");
  check(
      "T | where Name has_any (iff(now() > datetime(2000-01-01), 'powershell', 'x'), 'zz') | summarize "
      "count() by Name");
}

TEST(Kernel, several_inputs_in_order) {
  check("union (T | where Size > 90 | project Size, Name), (T | take 3 | project Size, Name)");
  check("union (T | project Size), (T | project Size) | summarize count(), max(Size)");
  check("union (T | project A = Size), (print A = 7) | take 1003");
  check("range x from 3 to 20000 step 7 | where x % 2 == 0 | summarize count(), sum(x)");
  check("range d from 1d to 0d step -6h");
  check("range r from 0.0 to 1.0 step 0.125 | extend y = r * 2");
  check("range x from 1 to 5 step 0");
}

// LLVM's static objects end with the process; no compilation may be under way then.
class EndOfCompilations : public testing::Environment {
  void TearDown() override { codegen::drop_shared_code(); }
};
[[maybe_unused]] const auto* const kEndOfCompilations =
    testing::AddGlobalTestEnvironment(new EndOfCompilations);

}  // namespace
}  // namespace kqlc

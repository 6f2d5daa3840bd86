// SPDX-License-Identifier: Apache-2.0
//
// Meaning: which names and types a query's result has, what is the author's mistake and what is refused, and
// the rows where binding decides them. Expected results come from the documentation, from Microsoft's parser,
// or by hand.
#include <gtest/gtest.h>

#include "cli/compile.h"
#include "tests/unit/json_table.h"

namespace kqlc {
namespace {

cli::Compiled compiled(const std::string& query) {
  plan::Schemas schemas;
  schemas.add("Numbers", {{"n", Type::Long}, {"s", Type::String}, {"d", Type::Dynamic}});
  schemas.add("NumbersToo", {{"n", Type::Long}, {"t", Type::DateTime}});
  return cli::compile({"query", query, query, {}}, schemas, 638'000'000'000'000'000);
}

// "code message" of the first error, or "".
std::string error_of(const std::string& query) {
  auto result = compiled(query);
  if (result.ok()) return "";
  const auto& first = result.diagnostics.all()[0];
  return std::string(source::code_info(first.code).name) + " " + first.message;
}

size_t num_errors(const std::string& query) { return compiled(query).diagnostics.all().size(); }

// "name:type, ..." of the result, or the first error.
std::string columns_of(const std::string& query) {
  auto result = compiled(query);
  if (!result.ok()) return error_of(query);
  std::string text;
  for (const auto& column : result.plan.nodes[result.plan.results[0]].schema)
    text += (text.empty() ? "" : ", ") + column.name + ":" + std::string(type_name(column.type));
  return text;
}

std::string rows_of(const std::string& query) {
  auto result = compiled(query);
  if (!result.ok()) return error_of(query);
  auto reader = [](const std::string&, const plan::Schema&, const std::vector<bool>&,
                   const reference::RowSink&) -> Result<void> { return {}; };
  auto rows = reference::execute(result.plan, 0, reader);
  if (!rows.ok()) return rows.error().message;
  const std::string text = json_table(rows.value());
  return text.substr(text.find("\"rows\":") + 7);
}

TEST(Bind, ExpressionsAroundAggregates) {
  EXPECT_EQ(rows_of("datatable(k:string, x:long)['a',1,'a',2,'b',7] | summarize m=round(avg(x), 1), "
                    "share=count() * 1.0 / dcount(x), n=count() by k"),
            "[[\"a\",1.5,1.0,2],[\"b\",7.0,1.0,1]]");
  EXPECT_EQ(rows_of("datatable(x:string)['a','b'] | summarize strcat_array(make_set(x), ',')"),
            "[[\"a,b\"]]");
  EXPECT_EQ(columns_of("Numbers | summarize round(avg(n), 2), 1 + count(), count() by s"),
            "s:string, avg_n:real, Column1:long, count_:long");
  EXPECT_EQ(error_of("Numbers | summarize x = count() + n"),
            "K0301 a column outside of aggregates is not supported yet");
  EXPECT_EQ(error_of("Numbers | extend x = count()"),
            "K0204 `count` is an aggregate and stands in summarize only");
  EXPECT_EQ(error_of("Numbers | summarize max(count())"),
            "K0204 `count` is an aggregate and stands in summarize only");
}

TEST(Bind, SummarizeNames) {
  EXPECT_EQ(columns_of("Numbers | summarize (a, b) = arg_max(n, s, d)"), "a:long, b:string, d:dynamic");
  EXPECT_EQ(columns_of("Numbers | summarize arg_max(n, *) by s"), "s:string, n:long, d:dynamic");
  EXPECT_EQ(columns_of("Numbers | project n, s | summarize count() by *"), "n:long, s:string, count_:long");
  EXPECT_EQ(columns_of("NumbersToo | summarize by bin(t, 1h)"), "t:datetime");
  EXPECT_EQ(columns_of("Numbers | extend tostring(s), bin(n, 5) | summarize count(n), count(n > 1) by "
                       "tolower(s), startofday(now()), toint(d.x)"),
            "Column1:string, Column2:datetime, d_x:int, count_n:long, count_:long");
  EXPECT_EQ(rows_of("datatable(x:long, b:bool)[1, true, long(null), false] | summarize count(x), count(b)"),
            "[[2,1]]");
  EXPECT_EQ(error_of("Numbers | summarize x = hll(n)"), "K0301 function `hll` is not supported yet");
  EXPECT_EQ(error_of("Numbers | summarize (a, b) = count()"), "K0204 more names than values");
  EXPECT_EQ(error_of("Numbers | summarize n = count() by n"), "K0206 the column `n` is declared twice");
  EXPECT_EQ(error_of("Numbers | summarize count() by n, s, n"), "K0206 the column `n` is declared twice");
  EXPECT_EQ(columns_of("Numbers | summarize count() by s, tostring(s)"), "s:string, s1:string, count_:long");
  EXPECT_EQ(error_of("Numbers | summarize a = count(), a = max(n)"),
            "K0206 the column `a` is declared twice");
}

TEST(Bind, FunctionsSeeWhatWasDeclaredBeforeThem) {
  EXPECT_EQ(rows_of("let x = 1; let f = () { x }; let g = (x:long) { f() + x }; print g(10)"), "[[11]]");
  EXPECT_EQ(error_of("let f = () { y }; let y = 1; print f()"), "K0203 no column or name `y` here");
  EXPECT_EQ(error_of("let f = (n:long) { f(n - 1) }; print f(3)"), "K0202 no function is called `f`");
}

TEST(Bind, FunctionsWithStatementsAndDefaults) {
  EXPECT_EQ(rows_of("let f = (a:long, b:long=10) { let c = a * b; c + 1 }; print f(2), f(2, b=3), f(b=1, "
                    "a=5), f(a=1, 2)"),
            "[[21,7,6,3]]");
  EXPECT_EQ(rows_of("let f = (T:(x:long), least:long) { let kept = T | where x >= least; kept | count };"
                    "datatable(x:long, y:string)[1,'a',2,'b',3,'c'] | invoke f(2)"),
            "[[2]]");
  EXPECT_EQ(columns_of("let f = (T:(n:long)) { T }; f(Numbers)"), "n:long");
  EXPECT_EQ(error_of("let f = (T:(n:string)) { T }; f(Numbers)"),
            "K0204 the table must have a column `n` of type string");
  EXPECT_EQ(error_of("let f = (a:long) { a }; print f(1, 2)"), "K0204 one argument too many for `f`");
  EXPECT_EQ(error_of("let f = (a:long) { a }; print f()"), "K0204 argument `a` of `f` is missing");
  EXPECT_EQ(rows_of("let f = () { datatable(x:long)[1, 2] }; f | count"), "[[2]]");
  EXPECT_EQ(rows_of("declare query_parameters(least:long = 3); print least + 1"), "[[4]]");
}

TEST(Bind, FailuresAreSaidOnce) {
  EXPECT_EQ(num_errors("let x = nothing; let T = Numbers | where nope > 1; Numbers | where n in (x) or s in "
                       "(T) or n == x"),
            2u);
}

TEST(Bind, LongChainsOfFunctionsAreStopped) {
  std::string query = "let f0 = () { Numbers };";
  for (int i = 1; i < 5'000; ++i)
    query += "let f" + std::to_string(i) + " = () { f" + std::to_string(i - 1) + "() };";
  EXPECT_NE(error_of(query + "f4999()"), "");
}

// Each function calls the one before it twice: 2^60 calls would not end.
TEST(Bind, CallsThatGrowFastAreStopped) {
  std::string query = "let f0 = (n:long) { n + 1 };";
  for (int i = 1; i < 60; ++i) {
    std::string before = "f" + std::to_string(i - 1);
    query += "let f" + std::to_string(i) + " = (n:long) { " + before + "(n) + " + before + "(n) };";
  }
  EXPECT_EQ(error_of(query + "print f59(1)"), "K0103 the functions of the query call each other too often");
}

TEST(Bind, Unions) {
  EXPECT_EQ(columns_of("union Numbers*"), "n:long, s:string, d:dynamic, t:datetime");
  EXPECT_EQ(columns_of("union kind=inner Numbers, NumbersToo"), "n:long");
  EXPECT_EQ(columns_of("union kind=inner (Numbers | project n, s), (print n = 'a', s = 'b')"),
            "n_long:long, n_string:string, s:string");
  EXPECT_EQ(columns_of("union isfuzzy=true Numbers, (Nowhere | where x > 1)"), "n:long, s:string, d:dynamic");
  EXPECT_EQ(error_of("union isfuzzy=true Nowhere, Neither"),
            "K0201 none of the tables of this union is known");
  EXPECT_EQ(error_of("union Elsewhere*"), "K0201 no table matches `Elsewhere*`");
  EXPECT_EQ(columns_of("Numbers | project n | union (NumbersToo | project t, n=tostring(n))"),
            "n_long:long, n_string:string, t:datetime");
  EXPECT_EQ(
      rows_of("let V_1 = view () { print x=1 }; let V_2 = view () { print x=2 }; let W = () { print x=3 };"
              "union withsource=from V_* | sort by x asc"),
      "[[\"V_1\",1],[\"V_2\",2]]");
}

TEST(Bind, Projections) {
  EXPECT_EQ(columns_of("print a10=1, a2=1, b=1 | project-reorder a* granny-asc"),
            "a2:long, a10:long, b:long");
  EXPECT_EQ(columns_of("print a10=1, a2=1, b=1 | project-reorder a* asc"), "a10:long, a2:long, b:long");
  EXPECT_EQ(columns_of("print a1b2c=1, abc=1, a1=1 | project-keep a*b*c"), "a1b2c:long, abc:long");
  EXPECT_EQ(columns_of("let name = 'x'; print name, y=name"), "print_0:string, y:string");
  EXPECT_EQ(columns_of("print ['a b']=1 | project ['a b']"), "a b:long");
  EXPECT_EQ(
      columns_of(
          "let wanted = 's'; Numbers | project x=column_ifexists(wanted, ''), y=column_ifexists('z', 5)"),
      "x:string, y:long");
  EXPECT_EQ(num_errors("Numbers | project a, b | where c > 1"), 2u);
}

TEST(Bind, ComparisonsOfDifferentTypes) {
  EXPECT_EQ(rows_of("datatable(s:string, n:int, b:bool)['0', 4688, true] | project s == 0, n == '4688', b == "
                    "1, n in ('4688', '1'), b == 'true', s != 1"),
            "[[true,true,true,true,true,true]]");
  EXPECT_EQ(rows_of("datatable(n:int)[1, 2, 3] | where n in (dynamic([1, 3])) | summarize make_list(n)"),
            "[[[1,3]]]");
  EXPECT_EQ(
      rows_of("print d=dynamic({'x': 5.5, 'y': '7'}) | project d.x > 5, 6 > d.x, d.y >= 7, isnull(d.z > 1)"),
      "[[true,true,true,true]]");
  EXPECT_EQ(rows_of("print 'b' in ('a', dynamic(['b'])), 'x y' has_all ('x', dynamic(['y', 'z']))"),
            "[[true,false]]");
  EXPECT_EQ(rows_of("print dynamic([0, 50199]) has_all (0, 50199), 'a 7' has_any (5, 7)"), "[[true,true]]");
  EXPECT_EQ(error_of("Numbers | where d has_all (1.5, 2)"), "K0301 `has_all` over real is not supported yet");
  EXPECT_EQ(error_of("Numbers | where n == '07'"), "K0301 `==` between long and string is not supported yet");
  EXPECT_EQ(error_of("Numbers | where n == s"), "K0301 `==` between long and string is not supported yet");
  EXPECT_EQ(error_of("Numbers | where d == d"), "K0204 two dynamic values cannot be compared");
  EXPECT_EQ(error_of("Numbers | where n between (false .. true)"), "K0204 `between` does not compare bool");
  EXPECT_EQ(error_of("Numbers | where s < 'x'"), "K0204 `<` does not compare string and string");
  EXPECT_EQ(error_of("Numbers | extend x = d / 2"),
            "K0301 `/` between dynamic and long is not supported yet");
}

TEST(Bind, TimespansTimesReals) {
  EXPECT_EQ(rows_of("print 1.5 * 1h, 1h / 0.5, 1h / 2, 0.1 * 1d"),
            "[[\"01:30:00\",\"02:00:00\",\"00:30:00\",\"02:24:00\"]]");
  EXPECT_EQ(rows_of("print 1h + datetime(2020-01-01)"), "[[\"2020-01-01T01:00:00.0000000Z\"]]");
}

// The failure is one of rows: it is neither a constant nor one of the constants after it.
TEST(Bind, ConstantsThatFail) {
  EXPECT_EQ(columns_of("Numbers | project a = s startswith tostring(bag_pack('k')), b = extract(strcat('(', "
                       "'a', ')'), 1, s)"),
            "a:bool, b:string");
  EXPECT_EQ(rows_of("print a = 'x' startswith tostring(bag_pack('k'))"),
            "bag_pack() takes keys and values in pairs");
  EXPECT_EQ(error_of("Numbers | take strlen(tostring(bag_pack('k')))"),
            "K0204 the number of rows must be a constant whole number");
}

TEST(Bind, SmallForms) {
  EXPECT_EQ(rows_of("print True, FALSE"), "[[true,false]]");
  EXPECT_EQ(rows_of("print extract_json('$.a', '{\"a\":5}', typeof(long)) + 1"), "[[6]]");
  EXPECT_EQ(columns_of("Numbers | project a=iff(n > 1, d.x, 'no'), b=coalesce(int(null), n), c=case(n > 1, "
                       "d, n > 2, d, d)"),
            "a:string, b:long, c:dynamic");
  EXPECT_EQ(columns_of("print a=iff(true, long(null), int(5)), b=coalesce(int(null), 1.5), c=iff(true, 1, "
                       "real(null)), d=coalesce(int(null), int(1))"),
            "a:long, b:real, c:real, d:int");
  EXPECT_EQ(columns_of("print a=iff(true, 1, 'a'), b=case(true, int(null), false, 1h, 2.5), c=iff(true, 'a', "
                       "dynamic(null)), d=iff(true, datetime(null), dynamic(null))"),
            "a:dynamic, b:dynamic, c:string, d:datetime");
  EXPECT_EQ(rows_of("print iff(true, 1, 'a'), iff(false, 1, 'a'), case(true, int(null), 'a')"),
            "[[1,\"a\",null]]");
  EXPECT_EQ(error_of("print coalesce(1, 'a')"), "K0204 values of types long and string do not go together");
  EXPECT_EQ(columns_of("table('Numbers') | project n"), "n:long");
  EXPECT_EQ(rows_of("print d=dynamic([1,2,3]) | project d[-1], d[0 + 1], d[true]"), "[[3,2,2]]");
}

}  // namespace
}  // namespace kqlc

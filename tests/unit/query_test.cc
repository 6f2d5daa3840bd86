// SPDX-License-Identifier: Apache-2.0
//
// Whole queries, from text to rows, on the reference executor: what the seed rule gives over the shipped
// archive, and the semantics that are easy to get wrong. Expected rows come from the documentation or were
// worked out by hand.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "cli/compile.h"
#include "cli/output.h"
#include "cli/tables.h"
#include "compiler/rule/rule.h"
#include "tests/unit/json_table.h"

namespace kqlc {
namespace {

std::string answer(const std::string& query) {
  plan::Schemas schemas;
  cli::Compiled compiled = cli::compile({"query", query, query, {}}, schemas, 638'000'000'000'000'000);
  if (!compiled.ok()) return std::string(source::code_info(compiled.diagnostics.all()[0].code).name);
  auto reader = [](const std::string&, const plan::Schema&, const std::vector<bool>&,
                   const reference::RowSink&) -> Result<void> { return {}; };
  auto rows = reference::execute(compiled.plan, 0, reader);
  if (!rows.ok()) return rows.error().message;
  return json_table(rows.value());
}

std::string rows_of(const std::string& query) {
  std::string text = answer(query);
  size_t at = text.find("\"rows\":");
  return at == std::string::npos ? text : text.substr(at + 7);
}

TEST(Query, HasIsATermMatch) {
  EXPECT_EQ(
      rows_of("print a='Distant Software Ltd' has 'distant software', b='Distant Softwares' has 'Distant "
              "Software', "
              "c='XDistant Software' has 'Distant Software', d='x.Distant Software' has 'Distant Software'"),
      "[[true,false,false,true]]");
}

TEST(Query, StarsBetweenNamesAreProductsOrPatterns) {
  EXPECT_EQ(rows_of("let b=3; print b*b"), "[[9]]");
  EXPECT_EQ(rows_of("print abc=1, b=2 | project-away a*c"), "[[2]]");
}

TEST(Query, NullsInComparisons) {
  EXPECT_EQ(
      rows_of(
          "print a=int(null)==5, b=int(null)!=5, c=isnull(int(null)==int(null)), d=isnull(int(null) < 5)"),
      "[[false,true,true,true]]");
  EXPECT_EQ(rows_of("print a=false and (int(null) < 5), b=true or (int(null) < 5)"), "[[false,true]]");
}

TEST(Query, SortPutsNullsWhereTheOrderSays) {
  EXPECT_EQ(rows_of("datatable(x:long)[1, long(null), 3] | sort by x"), "[[3],[1],[null]]");
  EXPECT_EQ(rows_of("datatable(x:long)[1, long(null), 3] | sort by x asc"), "[[null],[1],[3]]");
  EXPECT_EQ(rows_of("datatable(x:long)[1, long(null), 3] | sort by x asc nulls last"), "[[1],[3],[null]]");
}

TEST(Query, SummarizeOfNothing) {
  EXPECT_EQ(answer("datatable(x:long)[] | summarize count(), make_set(x), min(x)"),
            "\"columns\":[{\"name\":\"count_\",\"type\":\"long\"},{\"name\":\"set_x\",\"type\":\"dynamic\"},"
            "{\"name\":\"min_x\",\"type\":\"long\"}],\"rows\":[[0,[],null]]");
  EXPECT_EQ(rows_of("datatable(x:long)[] | summarize count() by x"), "[]");
}

TEST(Query, ExtremesKeepTheFirstOfEqualRows) {
  EXPECT_EQ(rows_of("datatable(k:string, v:long, w:string)['a',1,'x','a',2,'y','a',2,'z'] | summarize "
                    "arg_max(v, *) by k"),
            "[[\"a\",2,\"y\"]]");
}

TEST(Query, AStarMayStandForHundredsOfColumns) {
  std::string wide = "print k = 1", row = "1";
  for (int i = 0; i < 400; ++i) {
    wide += ", c" + std::to_string(i) + " = " + std::to_string(i);
    row += "," + std::to_string(i);
  }
  EXPECT_EQ(rows_of(wide + " | summarize arg_max(c0, *) by k"), "[[" + row + "]]");
  EXPECT_EQ(rows_of(wide + " | join (" + wide + ") on k | summarize take_any(*) by k | project k, c7, c3991"),
            "[[1,7,399]]");
}

TEST(Query, UnsupportedIsRefusedByName) {
  EXPECT_EQ(answer("print x=1 | evaluate bag_unpack(x)"), "K0301");
  EXPECT_EQ(answer("let a = print x=1 | evaluate bag_unpack(x); a | where x > 1"), "K0301");
  EXPECT_EQ(answer("print nothing"), "K0203");
}

TEST(Query, TextsThatGrowWithoutEndAreRefused) {
  const std::string megabyte = "range i from 1 to 1 step 1 | extend v=strrep(strrep('a', 1024), 1024*i) ";
  const std::string refused = "a text of more than 64 MB";
  EXPECT_EQ(answer(megabyte + "| project strlen(v)"),
            "\"columns\":[{\"name\":\"strlen_v\",\"type\":\"long\"}],\"rows\":[[1048576]]");
  EXPECT_EQ(answer(megabyte + "| project strlen(strrep(v, 1024))"), refused);
  EXPECT_EQ(answer(megabyte + "| extend v=replace_string(v, 'a', v) | project strlen(v)"), refused);
  EXPECT_EQ(answer(megabyte + "| extend v=replace_regex(v, 'a', v) | project strlen(v)"), refused);
  EXPECT_EQ(answer(megabyte + "| extend v=strcat_array(repeat(v, 63), v) | project strlen(v)"), refused);
  EXPECT_EQ(answer(megabyte + "| project tostring(repeat(replace_string(v, 'a', '\"'), 40))"), refused);
  std::string doubled = megabyte;
  for (int i = 0; i < 40; ++i) doubled += "| extend v=strcat(v, v) ";
  EXPECT_EQ(answer(doubled + "| project strlen(v)"), refused);
}

TEST(Query, TreesThatShareTheirPartsAreRefusedByTheSizeTheyHaveWrittenOut) {
  const std::string refused = "a dynamic value of more than 64 MB";
  std::string doubled = "print a=pack_array(1, 1)";
  for (int i = 0; i < 40; ++i) doubled += "| extend a=pack_array(a, a) ";
  EXPECT_EQ(answer(doubled), refused);
  std::string bags = "print a=bag_pack('a', 1)";
  for (int i = 0; i < 40; ++i) bags += "| extend a=bag_pack('a', a, 'b', a) ";
  EXPECT_EQ(answer(bags + "| where tostring(a) == ''"), refused);
  EXPECT_EQ(answer("print strlen(tostring(repeat(strrep('a', 1024), 100000)))"), refused);
}

TEST(Query, OfKeysGivenTwiceTheLastValueCountsInBagsOfAnySize) {
  std::string bag = "{";
  for (int i = 0; i < 40; ++i) bag += "\"k" + std::to_string(i) + "\":1,";
  bag += "\"k2\":2,\"k39\":3}";
  EXPECT_EQ(rows_of("print d=parse_json('" + bag + "') | project d.k2, d.k39, array_length(bag_keys(d))"),
            "[[2,3,40]]");
}

TEST(Query, JoinsWithinJoinsAreRefusedByTheirDepth) {
  std::string inside = "print a=1", behind = inside, end;
  for (int i = 0; i < 1000; ++i) {
    inside += " | join kind=inner (print a=1";
    end += ") on a";
    behind += " | join kind=inner (print a=1) on a";
    if (i == 60) EXPECT_EQ(rows_of(inside + end + " | count"), "[[1]]");
    if (i == 60) EXPECT_EQ(rows_of(behind + " | count"), "[[1]]");  // more than native code takes
  }
  EXPECT_EQ(answer(inside + end), "K0103");
  EXPECT_EQ(answer(behind), "K0103");
}

TEST(Query, TenThousandPipes) {
  std::string query = "range x from 1 to 3 step 1";
  for (int i = 0; i < 10'000; ++i) query += " | where x < 3";
  EXPECT_EQ(rows_of(query), "[[1],[2]]");
}

TEST(SeedRule, ShippedArchive) {
  cli::Options options;
  options.data = {KQLC_SOURCE_DIR "/tests/archive"};
  plan::Schemas schemas;
  ASSERT_TRUE(schemas.load_folder(KQLC_SOURCE_DIR "/rules/schemas").ok());
  auto tables = cli::Tables::open(options, schemas);
  ASSERT_TRUE(tables.ok());
  auto now = tables.value().newest_time();
  ASSERT_TRUE(now.ok());
  std::string path = KQLC_SOURCE_DIR "/rules/hunting/rmm_DistantDesktop_createproc.yaml";
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  source::Diagnostics diagnostics;
  auto rules = rule::read_rules(path, text.str(), diagnostics);
  ASSERT_EQ(rules.size(), 1u);
  cli::Compiled compiled = cli::compile(rules[0].source, schemas, now.value());
  ASSERT_TRUE(compiled.ok()) << cli::render(compiled);
  auto rows = reference::execute(compiled.plan, 0, tables.value().reader(cli::TimeRange()));
  ASSERT_TRUE(rows.ok());
  std::string printed;
  ASSERT_TRUE(cli::print_outputs({{"", "", "", &rows.value(), ""}}, cli::OutputFormat::Csv, 0, 1,
                                 [&](std::string_view bytes) -> Result<void> {
                                   printed += bytes;
                                   return {};
                                 })
                  .ok());
  EXPECT_EQ(
      printed,
      "DeviceId,DeviceName,FirstSeen,LastSeen,Report,Count\r\n"
      "5b1f0c6e2f1d4c0d9a70c7c1f5be0a4d2e8f9c31,ws-finance-07.contoso.example,2023-07-18T09:12:44.0312345Z,"
      "2023-07-19T16:40:02.5000000Z,\"[70001,70002]\",2\r\n"
      "c07d9e8aa1b34f6c8d25be03a9146f7e5d20b8aa,ws-sales-02.contoso.example,2023-07-19T21:05:59.1250000Z,"
      "2023-07-19T21:05:59.1250000Z,[70003],1\r\n");
}

// Forty lines that each use the one before twice: `first` with `v0`, then `let v<n>=` and `step` over v<n-1>.
std::string doubled(const std::string& first, const std::string& head, const std::string& left,
                    const std::string& between, const std::string& right, const std::string& last) {
  std::string query = first;
  for (int i = 1; i <= 40; ++i) {
    std::string before = "v" + std::to_string(i - 1);
    query += "let v" + std::to_string(i) + "=" + head + left + before + between + before + right + ";";
  }
  return query + last;
}

TEST(Query, DoublingLetStatementsAreBounded) {
  EXPECT_EQ(answer(doubled("let v0=1;", "", "", "+", "", "print v40")), "K0103");
  EXPECT_EQ(answer(doubled("let v0='a';", "", "strcat(", ",", ")", "print v40")), "K0103");
  EXPECT_EQ(answer(doubled("let v0=(x:long){x};", "(x:long)", "{", "(x)+", "(x)}", "print v40(1)")), "K0103");
  EXPECT_EQ(answer(doubled("let v0=print a=1;", "", "union ", ",", "", "v40")), "K0103");
  EXPECT_EQ(rows_of("let a=2; let b=a*a; let c=b*b; print c*c"), "[[256]]");
}

TEST(Query, LongLetStatementsAreBounded) {
  std::string query = "let v0=1;";
  for (int i = 1; i < 20000; ++i) query += "let v" + std::to_string(i) + "=v" + std::to_string(i - 1) + "+1;";
  EXPECT_EQ(answer(query + "print v19999"), "K0103");
}

}  // namespace
}  // namespace kqlc

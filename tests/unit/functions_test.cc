// SPDX-License-Identifier: Apache-2.0
//
// Functions: every example of every row of the function table is bound as a rule would write it and must be true;
// further cases from the documentation, on nulls, borders of types and hostile text, stand here.
#include <gtest/gtest.h>

#include <string>

#include "compiler/plan/plan.h"
#include "compiler/reference/evaluate.h"
#include "compiler/syntax/tree.h"
#include "runtime/functions/convert.h"
#include "runtime/value/datetime.h"

namespace kqlc {
namespace {

constexpr int64_t kNow = 638'000'000'000'000'000;

struct Answer {
  std::string text;  // tostring of the value, "null", or the first diagnostic
  const char* failure = nullptr;
};

// Binds and evaluates `print <expression>`.
Answer evaluate(const std::string& expression) {
  source::Diagnostics diagnostics;
  syntax::SyntaxTree tree = syntax::parse("print x = " + expression, diagnostics);
  plan::Schemas schemas;
  plan::Plan plan;
  plan::BindOptions options;
  options.now = kNow;
  if (diagnostics.has_errors() || !plan::bind(tree, schemas, options, diagnostics, plan))
    return {"error: " + (diagnostics.all().empty() ? std::string("none given") : diagnostics.all()[0].message)};
  for (const plan::Node& node : plan.nodes) {
    if (node.exprs.empty()) continue;
    Arena arena;
    Context context;
    context.arena = context.state_arena = &arena;
    context.now = kNow;
    Cell cell = reference::evaluate(plan, node.exprs.back(), nullptr, context);
    Type type = plan.exprs[node.exprs.back()].type;
    if (!cell.valid) return {"null", context.error};
    dynamic::Node value = dynamic::node_of_cell(cell, type, arena);
    return {std::string(dynamic::to_text(&value, arena).view()), context.error};
  }
  return {"error: no expression"};
}

TEST(Functions, ExamplesAreTrue) {
  int examples = 0;
  for (const Function& row : function_table())
    for (const char* example : row.spec.examples) {
      if (!example || !*example) continue;
      ++examples;
      EXPECT_EQ(evaluate(example).text, "true") << row.spec.name << ": " << example;
    }
  EXPECT_GT(examples, 100);
}

TEST(Functions, RowsAreComplete) {
  for (const Function& row : function_table()) {
    EXPECT_STRNE(row.spec.name, "");
    EXPECT_STRNE(row.spec.doc, "") << row.spec.name;
    EXPECT_STRNE(row.spec.page, "") << row.spec.name;
    EXPECT_TRUE(row.invoke || row.invoke_prepared) << row.spec.name;
  }
}

struct Case {
  const char* expression;
  const char* answer;
};

void check(std::initializer_list<Case> cases) {
  for (const Case& c : cases) EXPECT_EQ(evaluate(c.expression).text, c.answer) << c.expression;
}

TEST(Functions, NullsInComparison) {
  check({{"long(null) == 1", "false"},
         {"long(null) != 1", "true"},
         {"long(null) == long(null)", "null"},
         {"long(null) > 1", "null"},
         {"isnull(long(null))", "true"},
         {"isempty('')", "true"},
         {"dynamic(null) == 'a'", "false"},
         {"dynamic('a') == 'a'", "true"},
         {"not(bool(null))", "null"}});
}

TEST(Functions, ArithmeticAtTheBorders) {
  check({{"9223372036854775807 + 1", "-9223372036854775808"},
         {"-9223372036854775807 - 2", "9223372036854775807"},
         {"7 / 2", "3"},
         {"-7 / 2", "-3"},
         {"1 / 0", "null"},
         {"7.0 / 2", "3.5"},
         {"datetime(2024-01-02) - datetime(2024-01-01)", "1.00:00:00"},
         {"datetime(9999-12-31) + 1d", "null"},
         {"bin(-7, 5)", "-10"}});
}

TEST(Functions, Sets) {
  check({{"set_union(dynamic([1,2]), dynamic([2,3]))", "[1,2,3]"},
         {"set_intersect(dynamic([1,2,2]), dynamic([2,3]))", "[2]"},
         {"set_difference(dynamic([1,2,3]), dynamic([2]), dynamic([3]))", "[1]"},
         {"set_union(dynamic([1]), dynamic({'a':1}))", "null"},
         {"array_slice(dynamic([1,2,3]), 5, 9)", "[]"},
         {"array_slice(dynamic([1,2,3]), -9, -9)", "[]"},
         {"array_concat(dynamic([]), dynamic([1]))", "[1]"},
         {"bag_keys(dynamic([1]))", "null"},
         {"pack_array()", "[]"},
         {"pack_array(datetime(2024-01-01), long(null))", "[\"2024-01-01T00:00:00.0000000Z\",null]"},
         {"range(1, 3, 0)", "null"},
         {"array_length(range(1, 9999999))", "1048576"},
         {"range(9223372036854775806, 9223372036854775807)", "[9223372036854775806,9223372036854775807]"}});
}

TEST(Functions, TextEnds) {
  check({{"trim('1', '1112111')", "2"},
         {"trim('1', '11')", ""},
         {"trim('--', '--https://bing.com--')", "https://bing.com"},
         {"trim_start('https://', 'https://bing.com')", "bing.com"},
         {"trim_end(@'[^\\w]+', '- Te st// $')", "- Te st"},
         {"trim('x*', 'yx')", "y"},
         {"extract_all('(x)', 'abc')", "null"},
         {"url_decode('%4')", "%4"},
         {"url_decode('%zz+%41')", "%zz A"},
         {"base64_decode_tostring('=')", ""},
         {"base64_decode_tostring('====')", ""},
         {"base64_decode_tostring('YQ==')", "a"},
         {"base64_encode_tostring('a')", "YQ=="},
         {"tohex(0)", "0"}});
}

TEST(Functions, Calendar) {
  check({{"datetime_add('year', 9000, datetime(2024-01-01))", "null"},
         {"datetime_add('day', 9223372036854775807, datetime(2024-01-01))", "null"},
         {"datetime_part('week_of_year', datetime(9999-12-31 23:59))", "52"},
         {"datetime_part('quarter', datetime(2017-10-30))", "4"},
         {"datetime_diff('second', datetime(2017-10-30 23:00:10.100), datetime(2017-10-30 23:00:00.900))", "10"},
         {"datetime_diff('day', datetime(2024-01-01), datetime(null))", "null"},
         {"format_datetime(datetime(2009-06-15 13:45:30.05), 'h:m:s F fff')", "1:45:30  050"},
         {"unixtime_seconds_todatetime(1546300800)", "2019-01-01T00:00:00.0000000Z"},
         {"unixtime_seconds_todatetime(9223372036854775807)", "null"}});
  EXPECT_TRUE(evaluate("format_datetime(datetime(2024-01-01), 'yyyy-MM-ddTHH')").text.starts_with("error")) ;
}

TEST(Functions, Addresses) {
  check({{"ipv4_is_private('10.1.2.3.4')", "null"},
         {"ipv4_is_private('256.1.1.1')", "null"},
         {"ipv4_is_private('172.31.255.255')", "true"},
         {"ipv4_is_private('172.32.0.0')", "false"},
         {"ipv4_is_private('')", "null"},
         {"ipv4_is_match('1.2.3.4', '1.2.3.4/33')", "null"},
         {"ipv4_is_match('1.2.3.4/0', '9.9.9.9')", "true"},
         {"ipv4_compare('192.168.1.1/30', '192.168.1.255/24')", "0"},
         {"parse_urlquery('a')", "{\"Query Parameters\":{\"a\":\"\"}}"},
         {"parse_command_line(@'a\\\\\"b c\" d', 'windows')", "[\"a\\\\b c\",\"d\"]"}});
}

TEST(Functions, Numbers) {
  check({{"replace_regex('Number is 1', @'is (\\d+)', @'was: \\1')", "Number was: 1"},
         {"replace_regex('a1', @'(\\d)', '$1')", "a$1"},
         {"replace_regex('', 'x*', 'y')", "y"},
         {"round(2.5)", "3.0"},
         {"round(1.0, 400)", "null"},
         {"sqrt(-1)", "NaN"},
         {"max_of(long(null), 2)", "2"},
         {"binary_and(6, 3)", "2"}});
}

TEST(Functions, PairsMustBePairs) {
  EXPECT_STREQ(evaluate("bag_pack('a', 1, 'b')").failure, "bag_pack() takes keys and values in pairs");
}

}  // namespace
}  // namespace kqlc

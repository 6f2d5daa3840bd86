// SPDX-License-Identifier: Apache-2.0
//
// Parser: shapes that later passes rely on, recovery, and hostile inputs: long chains, deep nesting, every
// prefix of real text, and mutated text from a printed seed. Every node's span and every diagnostic stays
// inside the query.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "compiler/syntax/tree.h"

namespace kqlc::syntax {
namespace {

constexpr std::string_view kQueries[] = {
    "let f = (T:(a:string, *), n:long = 5) { T | where a has 'x' | take n };\nf(SecurityEvent) | summarize c "
    "= count() by a",
    "T | join kind=inner hint.strategy=shuffle (U | where x in~ ('a', 'b')) on $left.a == $right.b, c",
    "T | parse kind=regex s with * 'a' b:long 'c' * | mv-expand d = todynamic(e) to typeof(string) limit 3",
    "T | make-series n = count() default = 0 on t from ago(1d) to now() step 1h by k | render timechart with "
    "(title='x')",
    "T | scan declare (a:long = 0) with (step s1: x > 1 => a = 2; step s2: y !between (1 .. 2);)",
    "datatable(a:string, b:datetime)['x', datetime(2024-01-01)] | mv-apply x on (top 1 by x nulls last)",
    "set notruncation; declare query_parameters(a:long = 1); T | top-nested 2 of a with others='o' by "
    "count() desc",
    "find in (T, (U | take 1)) where a == 1 project b, c; search in (T*) 'x' and y:'z'",
    "print x = dynamic({'a': [1, null, {'b': 1d}], \"c\": datetime(2024-01-01)}).a[0]['b'] | facet by x with "
    "(count)",
    "externaldata(a:string)[@'https://x'] with (format='csv') | sort by a asc nulls first | partition by a "
    "(take 1)",
};

struct Parsed {
  source::Diagnostics diagnostics;
  SyntaxTree tree;
  bool has(source::Code code) const {
    for (const source::Diagnostic& diagnostic : diagnostics.all())
      if (diagnostic.code == code) return true;
    return false;
  }
};

Parsed parsed(std::string_view query) {
  Parsed out;
  out.tree = parse(query, out.diagnostics);
  bool inside = out.tree.root < out.tree.nodes.size();
  for (const Node& node : out.tree.nodes) {
    inside &= node.span.begin <= node.span.end && node.span.end <= query.size();
    for (NodeId child : node.children) inside &= child < out.tree.nodes.size();
  }
  for (const source::Diagnostic& diagnostic : out.diagnostics.all())
    inside &= diagnostic.span.end <= query.size();
  EXPECT_TRUE(inside) << query.substr(0, 400);
  return out;
}

std::string repeated(std::string_view part, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += part;
  return out;
}

TEST(Parser, RealQueriesHaveNoErrors) {
  for (std::string_view query : kQueries) {
    Parsed out = parsed(query);
    EXPECT_FALSE(out.diagnostics.has_errors())
        << query << "\n"
        << (out.diagnostics.all().empty() ? "" : out.diagnostics.all()[0].message);
  }
}

TEST(Parser, PrecedenceAndChains) {
  EXPECT_EQ(print(parsed("print a or b and c + d * -e == 1").tree).find("or\n") != std::string::npos, true);
  for (std::string_view link : {" or a", " and a"}) {
    Parsed out = parsed("T | where a" + repeated(link, 10000));
    EXPECT_FALSE(out.diagnostics.has_errors());
    size_t most = 0;
    for (const Node& node : out.tree.nodes) most = std::max(most, node.children.size());
    EXPECT_EQ(most, 10001u);
  }
  EXPECT_FALSE(parsed("T" + repeated(" | where a", 10000)).diagnostics.has_errors());
}

TEST(Parser, NestingBeyondTheLimitIsOneClearError) {
  for (std::string_view part :
       {"(", "-", "f(", "a[", "dynamic([", "dynamic({a:", "x in (", "iff(1,", "not("}) {
    Parsed out = parsed("print " + repeated(part, 100000));
    EXPECT_TRUE(out.has(source::Code::K0103)) << part;
  }
  for (std::string_view start : {"datatable(", "let f = (", "print typeof("})
    EXPECT_TRUE(parsed(std::string(start) + repeated("a:(", 100000)).diagnostics.has_errors()) << start;
  for (std::string_view part :
       {"T | join (", "T | fork (", "T | union (T | ", "let f = () {", "T | mv-apply a on ("})
    EXPECT_TRUE(parsed(repeated(part, 20000)).diagnostics.has_errors()) << part;
}

TEST(Parser, ChainsInBracketsDoNotMultiplyTheHeight) {
  std::string query = "a";
  for (int level = 0; level < 50; ++level) query = "(" + query + repeated("+1", 900) + ")";
  Parsed out = parsed("print " + query);
  EXPECT_TRUE(out.has(source::Code::K0103));
  EXPECT_FALSE(out.has(source::Code::K0101));
}

TEST(Parser, SeveralMistakesInOneRun) {
  Parsed out = parsed("T | where | extend a = | frobnicate x | take 1");
  EXPECT_GE(out.diagnostics.all().size(), 3u);
}

TEST(Parser, EveryPrefixIsReadToItsEnd) {
  for (std::string_view query : kQueries)
    for (size_t size = 0; size <= query.size(); ++size) parsed(query.substr(0, size));
  for (std::string_view query :
       {"let", "set", "let a", "T | scan with (step", "T | sort by a nulls", "declare", "alias database"})
    parsed(query);
}

TEST(Parser, MutatedText) {
  uint64_t state = 20240501;
  RecordProperty("seed", std::to_string(state));
  SCOPED_TRACE("seed " + std::to_string(state));
  auto next = [&](size_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>((state >> 33) % below);
  };
  for (int round = 0; round < 4000; ++round) {
    std::string text(kQueries[next(std::size(kQueries))]);
    for (size_t edits = 1 + next(6); edits > 0; --edits) {
      size_t at = next(text.size());
      std::string_view other = kQueries[next(std::size(kQueries))];
      switch (next(4)) {
        case 0:
          text[at] = static_cast<char>(next(256));
          break;
        case 1:
          text.erase(at, 1 + next(8));
          break;
        case 2:
          text.insert(at, other.substr(next(other.size()), 1 + next(20)));
          break;
        default:
          text.insert(at, 1, "()[]{}|;,'\"\\=*.:"[next(16)]);
          break;
      }
      if (text.empty()) text = "T";
    }
    parsed(text);
  }
}

}  // namespace
}  // namespace kqlc::syntax

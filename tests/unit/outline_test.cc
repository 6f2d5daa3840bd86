// SPDX-License-Identifier: Apache-2.0
//
// Outlines: what is equal there is the same code, whatever the queries were; what differs in constants, names
// or limits alone is equal there.
#include "codegen/outline.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/unit/unit_fixture.h"

namespace kqlc::codegen {
namespace {

std::string outline_of(const std::string& query) { return make_unit(query)->outline; }

TEST(Outline, ConstantsNamesAndLimitsAreNoPartOfIt) {
  const std::string query = outline_of("T | where Name has 'abc' and Size > 5 | take 3");
  EXPECT_EQ(query, outline_of("T | where Name has 'xy' and Size > 77 | take 4"));
  EXPECT_EQ(outline_of("T | summarize N = count() by Name | top 5 by N"),
            outline_of("T | summarize M = count() by Host | top 7 by M"));
}

TEST(Outline, WhatChangesTheCodeIsPartOfIt) {
  const char* queries[] = {
      "T | where Size > 5",
      "T | where Size >= 5",
      "T | where Size > 5 | project Size",
      "T | where Size > 5 | project Size + 1",
      "T | where Size > 5 | project Size, Size + 1",
      "T | where Size > strlen(Name)",
      "T | where Size > 5 or Size < strlen(Name)",
      "T | where Size > 5 or strlen(Name) < Size",
      "T | summarize count() by Name",
      "T | summarize count() by Size",
      "T | summarize count() by Name, Size",
      "T | summarize sum(Size), max(Size)",
      "T | summarize max(Size + 1)",
      "T | distinct Name",
      "T | count",
      "T | join kind=inner U on Host",
      "T | join kind=leftouter U on Host",
      "T | join kind=leftsemi U on Host",
      "T | join kind=leftanti U on Host",
      "T | join kind=inner U on Host, Time",
      "T | join kind=inner U on Host | where Port > Size",
      "T | join kind=inner U on Host | where Port between (Size .. Size + 1)",
      "T | extend A = case(Size > 1, Name, Host)",
      "T | extend A = coalesce(Name, Host)",
      "T | extend A = coalesce(Host, Name)",
      "T | union (T | where Size > 1)",
      "range A from 1 to 3 step 1",
      "range A from 1 to 3 step 1 | where A > 1",
      "print A = 1",
  };
  std::map<std::string, std::string> seen;
  for (const char* query : queries) {
    auto [known, added] = seen.emplace(outline_of(query), query);
    EXPECT_TRUE(added) << query << " has the outline of " << known->second;
  }
}

// All sequences of two operators and a last one.
std::vector<std::string> make_queries() {
  const std::string operators[] = {"",
                                   " | where Size > 5",
                                   " | where Size > 6 and Name has 'a'",
                                   " | where Host has 'a'",
                                   " | where Name == Host",
                                   " | where Host =~ Name or Size in (1, 2)",
                                   " | where Size in (3, 5, 8)",
                                   " | extend Size = Size + 1",
                                   " | extend Name = strcat(Name, Host), Size = strlen(Name)",
                                   " | extend Size = iff(Name == 'x', Size, strlen(Host))",
                                   " | extend Name = coalesce(Name, Host)",
                                   " | extend Name = replace_regex(Name, 'a+', 'b')",
                                   " | join kind=inner (U | where Port > 1) on Host",
                                   " | join kind=leftouter U on Host | where Port > Size",
                                   " | join kind=leftanti (U | summarize by Host) on Host",
                                   " | top 3 by Size",
                                   " | union (T | where Size == 1)"};
  const std::string ends[] = {"",
                              " | count",
                              " | summarize count(), max(Size) by Name",
                              " | summarize max(Size), count() by Host",
                              " | distinct Host",
                              " | project Size",
                              " | sort by Name asc",
                              " | summarize dcount(Name)"};
  std::vector<std::string> queries;
  for (const std::string& first : operators)
    for (const std::string& second : operators)
      for (const std::string& end : ends) queries.push_back("T" + first + second + end);
  return queries;
}

TEST(Outline, EqualOutlinesAreEqualCode) {
  std::map<std::string, std::pair<std::string, std::string>> seen;  // by outline: code and query
  const std::vector<std::string> queries = make_queries();
  for (const std::string& query : queries) {
    auto unit = make_unit(query);
    auto [known, added] = seen.try_emplace(unit->outline, print_code(*unit), query);
    if (!added) EXPECT_EQ(print_code(*unit), known->second.first) << query << " and " << known->second.second;
  }
  EXPECT_LT(seen.size(), queries.size() * 9 / 10);  // some are shared
  EXPECT_GT(seen.size(), queries.size() / 2);
}

}  // namespace
}  // namespace kqlc::codegen

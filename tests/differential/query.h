// SPDX-License-Identifier: Apache-2.0
//
// A query as a tree that can be printed and made smaller. In: what the generator or a shrinker builds. Out:
// KQL text.
#pragma once

#include <string>
#include <vector>

namespace kqlc::differential {

// An expression: parts[0] args[0] parts[1] args[1] ... parts[n].
struct Term {
  std::vector<std::string> parts{""};
  std::vector<Term> args;
  bool replaceable = true;  // false: a place where only this text will do (a column's name)
};

// One operator: its name, then items between commas, then what follows.
struct Stage {
  std::string head;
  std::vector<Term> items;
  std::string separator = ", ";
  std::string tail;        // before the second list
  std::vector<Term> keys;  // of summarize by
};

struct Query {
  std::vector<Stage> lets;
  std::vector<Stage> stages;
  bool twice = false;  // what the stages give is named, and read by both sides of a union
};

Term term(std::string text, bool replaceable = true);
std::string print(const Term& term);
std::string print(const Query& query);

// Returns queries that are a step smaller: without one stage, one item, or with one expression replaced by a
// part of itself or by a short literal.
std::vector<Query> smaller(const Query& query);

}  // namespace kqlc::differential

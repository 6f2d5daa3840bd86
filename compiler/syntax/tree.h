// SPDX-License-Identifier: Apache-2.0
//
// SyntaxTree: what the parser saw, with spans and without types. In: nodes added by the parser, children
// first or last. Out: a flat vector of nodes addressed by NodeId; long chains (`and`, `or`, pipes) are one
// node with many children, so that no walk recurses once per link.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/source/diagnostic.h"

namespace kqlc::syntax {

using NodeId = uint32_t;
inline constexpr NodeId kNoNode = UINT32_MAX;

// text and children of each kind stand beside it.
enum class Kind : uint8_t {
  // Statements
  Query,      // statements in order
  Let,        // text: name; [expression, Function, or Pipe]
  Set,        // text: option; [value]?
  Declare,    // text: query_parameters or pattern; [Param...]
  Statement,  // text: alias, restrict, ...; statements that are only recognised
  Function,   // [Param..., Body]; text: "view" where it is one
  Param,      // text: name; [TypeName or Schema, default?]
  Schema,     // [Param...]; text "*" where any columns may follow
  Body,       // [Let..., Pipe or expression]
  // Tabular
  Pipe,      // [source, Operator...]
  Operator,  // text: name ("where", "project-away"); options first (Option), then operands
  Option,    // text: name; [value]
  Sort,      // text: "asc", "desc" or "", then " first"/" last"; [expression]
  By,        // [operand...]: what stands after `by`
  On,        // [operand...]: what stands after `on`
  With,      // [Option...]
  Clause,    // text: keyword; [operand...]: any other part of an operator
  // Expressions
  Name,      // text: the name; BracketName sets flag `quoted`
  Wildcard,  // text: "*", "a*"
  Star,      // `*` alone as an operand
  String,
  Long,
  Real,
  TimeSpan,
  Bool,      // text: decoded
  Typed,     // text: raw; `name` kept in extra: datetime, guid, ...
  Dynamic,   // [value]: the JSON of dynamic(...)
  Array,     // [value...]
  Bag,       // [Property...]
  Property,  // text: key; [value]
  Null,      // null inside dynamic
  TypeOf,    // typeof(...): [TypeName or Schema]
  TypeName,  // text
  Call,      // text: function; [arguments]
  Member,    // text: property; [object]
  Index,     // [object, index]
  Or,
  And,       // [operand...]
  Binary,    // text: operator; [left, right]
  Unary,     // text: "-" or "+"; [operand]
  InList,    // text: in, !in, in~, !in~, has_any, has_all; [left, elements...]
  Between,   // text: between, !between; [value, low, high]
  Named,     // text: name; [expression]; for (a, b) = e the names are Name children before it
  List,      // (a, b) in parentheses
  Subquery,  // [Pipe] in parentheses
  Error,     // what could not be read
};

struct Node {
  Kind kind = Kind::Error;
  bool quoted = false;
  source::Span span;
  std::string text;
  std::string extra;
  std::vector<NodeId> children;
};

struct SyntaxTree {
  std::vector<Node> nodes;
  NodeId root = kNoNode;

  const Node& operator[](NodeId id) const { return nodes[id]; }
  Node& operator[](NodeId id) { return nodes[id]; }
};

// Parses a query. Syntax errors go to `diagnostics`; the tree then holds what could be read.
SyntaxTree parse(std::string_view query, source::Diagnostics& diagnostics);

// Prints one node a line, indented, with its text.
std::string print(const SyntaxTree& tree);

}  // namespace kqlc::syntax

// SPDX-License-Identifier: Apache-2.0
//
// Plan: a query whose names are resolved and whose types are known. In: what the binder adds. Out: flat
// vectors of nodes and expressions, addressed by id; inputs always stand before what uses them. Columns are
// positions in the input's schema. After this stage nothing can be the rule author's fault.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "compiler/plan/schema.h"
#include "compiler/source/diagnostic.h"
#include "compiler/syntax/tree.h"
#include "runtime/aggregates/aggregate.h"
#include "runtime/functions/function.h"

namespace kqlc::plan {

using NodeId = uint32_t;
using ExprId = uint32_t;

enum class ExprKind : uint8_t {
  Column,   // column: position in the input's schema
  Literal,  // literal
  Call,     // function, args, prepared
  And,
  Or,        // args, at least two; three-valued
  Case,      // args: condition, value, condition, value, ..., otherwise
  Coalesce,  // args: the first that is not null (or not "")
};

struct Expr {
  ExprKind kind = ExprKind::Literal;
  Type type = Type::String;
  int column = -1;
  Cell literal;
  const Function* function = nullptr;
  std::shared_ptr<void> prepared;  // state of the constant arguments; nullptr: use the plain form
  std::vector<ExprId> args;
  source::Span span;
};

struct AggregateUse {
  const Aggregate* aggregate = nullptr;
  std::vector<ExprId> args;
  std::vector<Type> types;      // of args
  std::vector<Cell> constants;  // null where an argument is no constant
  size_t num_results = 1;
};

struct SortKey {
  int column = 0;  // of the node's input
  bool descending = true;
  bool nulls_first = false;
};

// Which rows of a join there are. All other kinds of KQL are made of these four.
enum class JoinKind : uint8_t {
  Inner,      // a row for each pair whose keys are equal
  LeftOuter,  // the same, and the left rows without a match, once each, with nulls
  LeftSemi,   // the left rows that have a match; the left columns alone
  LeftAnti,   // those that have none
};

// A pair of columns that have to be equal, as `==` has it: null equals nothing, NaN neither, an int the same
// long.
struct JoinKey {
  int left = 0, right = 0;  // of the node's first and second input
};

enum class NodeKind : uint8_t {
  Scan,       // table; schema: all its columns
  Rows,       // cells, row by row: datatable, and the one row without columns of print
  Range,      // args: from, to, step
  Filter,     // predicate
  Project,    // exprs, one a column: project, extend and their relatives
  Summarize,  // keys, then aggregates' results
  Distinct,
  Count,
  Take,   // limit
  Sort,   // sort_keys
  Top,    // sort_keys, limit
  Union,  // mappings: for each input, for each column the position there or -1
  Join,   // join, join_keys; rows in the order of the left ones, those of one in the order of the right ones
};

struct Node {
  NodeKind kind = NodeKind::Rows;
  Schema schema;
  std::vector<NodeId> inputs;
  std::string table;
  std::vector<Cell> cells;
  std::vector<ExprId> exprs;
  std::vector<AggregateUse> aggregates;
  std::vector<SortKey> sort_keys;
  std::vector<std::vector<int>> mappings;
  JoinKind join = JoinKind::Inner;
  std::vector<JoinKey> join_keys;
  int64_t limit = 0;
  source::Span span;
};

struct Plan {
  std::vector<Node> nodes;
  std::vector<Expr> exprs;
  std::vector<NodeId> results;                               // one a tabular expression statement
  std::string render;                                        // kind of chart asked for, or ""
  std::shared_ptr<Arena> arena = std::make_shared<Arena>();  // literals
  int64_t now = 0;
};

struct BindOptions {
  int64_t now = 0;  // query time, ticks
};

// Binds a query. Returns false when there were errors; they are in `diagnostics`.
// Errors: K02xx for mistakes, K03xx for what is not supported.
bool bind(const syntax::SyntaxTree& tree, const Schemas& schemas, const BindOptions& options,
          source::Diagnostics& diagnostics, Plan& plan);

// Whether rows of this kind have the right columns, too.
inline bool has_right_columns(JoinKind kind) {
  return kind == JoinKind::Inner || kind == JoinKind::LeftOuter;
}
// "inner", "leftouter", ...
std::string_view join_name(JoinKind kind);

// Prints a plan, one node a line, sources first.
std::string print(const Plan& plan);
std::string print_expr(const Plan& plan, ExprId id, const Schema* input);

}  // namespace kqlc::plan

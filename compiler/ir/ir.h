// SPDX-License-Identifier: Apache-2.0
//
// Ir: one result of a query, made to be rewritten. In: a bound Plan. Out: two flat vectors, expressions and
// relational operators, in which whatever is used stands before its user. Equal expressions are one
// (hash-consed), so that what a row needs twice is computed once; an expression names columns by their place
// in the input of the operator that uses it. The passes (optimize.cc) rewrite it, verify() says what is wrong
// with it, print() and parse() are its text.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/ir/expr_set.h"
#include "compiler/plan/plan.h"
#include "runtime/base/arena.h"
#include "runtime/base/hash_index.h"
#include "runtime/base/result.h"
#include "runtime/simd/line_filter.h"

namespace kqlc::ir {

using ExprId = uint32_t;
using OpId = uint32_t;
using plan::ColumnDef;
using plan::JoinKey;
using plan::JoinKind;
using plan::Schema;
using plan::SortKey;

enum class ExprKind : uint8_t {
  Column,   // column: place in the operator's input
  Literal,  // literal
  Call,     // function, args, prepared
  And,
  Or,        // args; three-valued
  Case,      // args: condition, value, condition, value, ..., otherwise
  Coalesce,  // args: the first that is not null (or not "")
};

struct Expr {
  ExprKind kind = ExprKind::Literal;
  Type type = Type::String;
  int column = -1;
  Cell literal;
  const Function* function = nullptr;
  std::shared_ptr<void> prepared;  // state of the constant arguments; nullptr: the plain form is called
  std::vector<ExprId> args;
  // Filled by add():
  bool deterministic = true;  // so are all its arguments
  bool may_fail = false;      // it, or one of its arguments, may end the query with an error: Context::fail
  uint32_t depth = 0;         // of nesting
};

struct AggregateUse {
  const Aggregate* aggregate = nullptr;
  std::vector<ExprId> args;
  std::vector<Type> types;      // of args
  std::vector<Cell> constants;  // null where an argument is no constant
  size_t num_results = 1;
};

enum class OpKind : uint8_t {
  Scan,       // table; schema: the columns that are read; prefilter
  Rows,       // cells, row by row; limit: number of rows
  Range,      // exprs: from, to, step
  Filter,     // exprs: a row passes when all are true
  Project,    // exprs, one a column
  Summarize,  // exprs: the keys; then aggregates
  Distinct,   // rows by all columns, each once
  Count,      // one row with the number of rows
  Take,       // limit: the first rows in input order
  Sort,       // sort_keys; stable
  Top,        // sort_keys, limit
  Union,      // all rows of the first input, then all of the second, ...; inputs have the union's schema
  Join,       // join, join_keys; the columns of the first input, then of the second where the kind has them
};

struct Op {
  OpKind kind = OpKind::Rows;
  Schema schema;  // of the rows it gives
  std::vector<OpId> inputs;
  std::string table;
  simd::LiteralGroups prefilter;  // as simd::LineFilter takes it: rows that can matter hold these
  std::vector<Cell> cells;
  std::vector<ExprId> exprs;
  std::vector<AggregateUse> aggregates;
  std::vector<SortKey> sort_keys;
  JoinKind join = JoinKind::Inner;
  std::vector<JoinKey> join_keys;
  int64_t limit = 0;
};

// Owns its literals and prepared states, or shares them with the Plan it was built from, which it may
// outlive.
struct Ir {
  std::vector<Expr> exprs;
  std::vector<Op> ops;
  OpId result = 0;
  int64_t now = 0;                                           // query time, ticks
  std::shared_ptr<Arena> arena = std::make_shared<Arena>();  // literals made here
  std::shared_ptr<const void> shared;                        // the Plan's literals

  // Returns the expression equal to `expr`, which is added when there is none yet. A call that may give
  // another value each time is always added. Requires: its arguments are here already.
  ExprId add(Expr expr);
  ExprId add_literal(const Cell& cell, Type type);
  ExprId add_column(size_t column, Type type);

  // Belongs to add(): expressions by the hash of their content, the first `num_indexed` of them.
  HashIndex index;
  size_t num_indexed = 0;
};

// Expressions nested deeper than this are not rewritten and have no native form, so that walks cannot
// overflow the stack.
inline constexpr uint32_t kMaxDepth = 1000;

// Builds the result `node` of `plan`. The inputs of a union are projected to its columns.
Ir build(const plan::Plan& plan, plan::NodeId node);

// Text that parse() reads back: a line an expression, then a line an operator.
std::string print(const Ir& ir);
// Reads what print() wrote. Prepared states are made anew. The result has passed verify().
Result<Ir> parse(std::string_view text);
// A literal as print() writes it.
std::string print_literal(const Cell& cell, Type type);
// Expressions and operators for a person to read: columns by name, one operator a line.
std::string render_expr(const Ir& ir, ExprId id, const Schema& input);
std::string render_op(const Ir& ir, OpId id);

// Returns what is wrong with `ir`: types, numbers of arguments, places of columns, order, widths of schemas;
// empty when it is sound.
std::optional<std::string> verify(const Ir& ir);
// The same for one expression that is not added yet. Requires: its arguments are.
std::optional<std::string> verify_expr(const Ir& ir, const Expr& expr);

// Runs all passes, in the order that optimize.cc lists.
void optimize(Ir& ir);

// Returns the value of an expression without columns, as of `context.now`. Requires: depth below kMaxDepth.
Cell evaluate_constant(const Ir& ir, ExprId id, Context& context);
// Whether there is no column in it and nothing that gives another value each time.
bool is_constant(const Ir& ir, ExprId id);
// Marks the columns that an expression reads; `columns` is as wide as the input.
void mark_columns(const Ir& ir, ExprId id, std::vector<bool>& columns);
// Makes the state of a call's constant arguments. Errors: an argument is no constant, or not one the function
// takes.
Result<std::shared_ptr<void>> prepare(const Ir& ir, const Function& function,
                                      const std::vector<ExprId>& args);

// Drops what the result does not need and numbers the rest, inputs before uses.
void compact(Ir& ir);
// How many operators use each operator; the result counts as one use.
std::vector<uint32_t> count_uses(const Ir& ir);

// What has become of expressions, by their ids.
class ExprMap {
 public:
  bool contains(ExprId id) const { return id < known_.size() && known_[id] != kNone; }
  // Requires: contains(id).
  ExprId at(ExprId id) const { return known_[id]; }
  void set(ExprId id, ExprId to) {
    if (id >= known_.size()) known_.resize(id + 1, kNone);
    known_[id] = to;
  }

 private:
  static constexpr ExprId kNone = ~ExprId{0};
  std::vector<ExprId> known_;
};

// Rewrites expressions, bottom up and each once.
class Substitution {
 public:
  // Column i becomes `columns[i]`.
  Substitution(Ir& ir, std::vector<ExprId> columns) : ir_(ir), columns_(std::move(columns)) {}
  ExprId apply(ExprId id);

 private:
  Ir& ir_;
  std::vector<ExprId> columns_;
  ExprMap done_;
};

// Expressions and all below them, which a walk over the set meets arguments first and each once. Expressions
// may be added meanwhile.
ExprSet expressions_below(const Ir& ir, std::span<const ExprId> roots);
inline ExprSet expressions_below(const Ir& ir, ExprId root) { return expressions_below(ir, {&root, 1}); }
// All expressions an operator uses itself.
std::vector<ExprId> roots_of(const Op& op);

}  // namespace kqlc::ir

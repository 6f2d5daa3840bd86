// SPDX-License-Identifier: Apache-2.0
//
// The binder's state, shared by the bind_*.cc files. In: syntax nodes. Out: plan nodes and expressions. Names
// of let statements live in lexical scopes: a let function is bound anew at each call, with its arguments as
// names, and sees only what was declared before it. Errors are reported where they happen; what depends on
// them says nothing more.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "compiler/plan/plan.h"
#include "runtime/value/dynamic.h"

namespace kqlc::plan {

// What a name of a let statement or a parameter stands for.
struct Binding {
  std::optional<ExprId> scalar;
  std::optional<NodeId> table;
  syntax::NodeId function = syntax::kNoNode;
  size_t scope = 0;     // where it was declared
  size_t serial = 0;    // when: later names are not seen by a function
  bool failed = false;  // its own error has been reported; uses of it say nothing more
};
using Names = std::map<std::string, Binding, std::less<>>;

class Binder {
 public:
  Binder(const syntax::SyntaxTree& tree, const Schemas& schemas, const BindOptions& options,
         source::Diagnostics& diagnostics, Plan& plan)
      : tree_(tree), schemas_(schemas), diagnostics_(diagnostics), plan_(plan) {
    plan_.now = options.now;
    context_.arena = plan_.arena.get();
    context_.state_arena = plan_.arena.get();
    context_.now = options.now;
    scopes_.push_back({{}, kNoScope, SIZE_MAX});
  }

  bool run();

 private:
  using Syntax = syntax::Node;
  using Table = std::optional<NodeId>;
  using Scalar = std::optional<ExprId>;

  struct Scope {
    Names names;
    size_t parent;
    size_t limit;  // of the parents' names only those with a smaller serial are seen
  };
  // Opens a scope for as long as it lives.
  class Inside {
   public:
    Inside(Binder& binder, size_t parent, size_t limit, Names names);
    ~Inside();
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Binder& binder_;
    size_t before_;
  };
  // A column that an item of extend, project or print makes.
  struct OutputColumn {
    std::string name;  // "" where the place decides (Column1, print_0)
    ExprId expr = 0;
    bool declared = false;  // the name stands in the query
    bool one_of_several = false;
  };
  using Columns = std::optional<std::vector<OutputColumn>>;
  // A column of summarize: the result of an aggregate, or an expression over such results.
  struct SummaryItem {
    std::string name;
    bool given = false;  // the name was written in the query
    ExprId expr = 0;
  };

  // bind_statement.cc
  void bind_statement(syntax::NodeId id, bool top);
  void bind_let(const Syntax& node);
  void bind_declare(const Syntax& node);
  bool is_table(syntax::NodeId id);
  bool is_tabular_function(const Binding& binding);
  bool bind_arguments(const Syntax& function, const Syntax& call, Table piped, const Schema* row,
                      Names& names);
  bool bind_argument(const Syntax& param, syntax::NodeId given, const Schema* row, Binding& binding);
  Table match_table_parameter(NodeId table, const Syntax& schema, source::Span span);
  Table bind_table_function(const Binding& binding, const Syntax& call, Table piped);
  Scalar bind_scalar_function(const Binding& binding, const Syntax& call, const Schema* row);
  void bind_body_statements(const Syntax& body);
  const Binding* find(std::string_view name) const;
  Binding& declare(const std::string& name);

  // bind_source.cc
  Table bind_table(syntax::NodeId id);
  Table bind_pipe(const Syntax& node);
  Table bind_source(syntax::NodeId id);
  Table bind_table_name(const std::string& name, const Syntax& node);
  Table bind_table_call(const Syntax& node);
  Table bind_print(const Syntax& node);
  Table bind_range(const Syntax& node);
  Table bind_datatable(const Syntax& node);
  std::optional<Cell> bind_datatable_cell(syntax::NodeId id, Type type);
  NodeId add_scan(const std::string& table, const Schema& schema, source::Span span);
  Table refuse_table(source::Span span, const std::string& what);

  // bind_union.cc
  struct UnionPart {
    NodeId table;
    std::string name;  // for withsource
  };
  struct UnionOptions {
    std::string source_column;
    bool inner = false;
    bool fuzzy = false;
  };
  Table bind_union(Table first, const Syntax& node);
  bool bind_union_part(syntax::NodeId id, bool fuzzy, std::vector<UnionPart>& parts);
  bool bind_union_wildcard(const Syntax& node, bool fuzzy, std::vector<UnionPart>& parts);
  bool missing_source(syntax::NodeId id) const;
  UnionOptions union_options(const Syntax& node) const;
  void map_union_columns(Node& out, bool inner);
  void add_source_column(const std::string& column, UnionPart& part, source::Span span);

  // bind_join.cc
  struct JoinSides {
    NodeId left, right;
    std::vector<JoinKey> keys;
    source::Span span;
    JoinSides swapped() const;
  };
  Table bind_join(NodeId left, const Syntax& node);
  std::optional<std::string> join_flavor(const Syntax& node);
  bool bind_join_condition(syntax::NodeId id, JoinSides& sides);
  bool bind_join_equality(const Syntax& node, JoinSides& sides);
  std::optional<size_t> bind_join_operand(syntax::NodeId id, std::string_view side, const Schema& schema);
  std::optional<size_t> find_join_column(const Syntax& name, const Schema& schema, std::string_view side);
  bool check_join_types(const Syntax& node, const JoinSides& sides, JoinKey key);
  Table make_join(const std::string& flavor, const JoinSides& sides);
  JoinSides distinct_keys(const JoinSides& sides);
  NodeId add_join(JoinKind kind, JoinSides sides);
  NodeId add_full_join(const JoinSides& sides);
  NodeId first_rows(const JoinSides& sides);
  Schema joined_schema(NodeId left, NodeId right) const;
  bool is_repeatable(NodeId id) const;

  // bind_operator.cc
  Table bind_operator(Table input, syntax::NodeId id);
  Table bind_source_operator(const Syntax& node);
  Table bind_where(NodeId input, const Syntax& node);
  Table bind_distinct(NodeId input, const Syntax& node);
  Table bind_take(NodeId input, const Syntax& node);
  Table bind_count(NodeId input, const Syntax& node);
  Table bind_as(NodeId input, const Syntax& node);
  Table bind_render(NodeId input, const Syntax& node);
  Table bind_sort(NodeId input, const Syntax& node);
  Table bind_top(NodeId input, const Syntax& node);
  Table bind_sort_keys(NodeId input, const std::vector<syntax::NodeId>& items, Node sort);
  Table bind_invoke(NodeId input, const Syntax& node);
  std::optional<int64_t> bind_limit(syntax::NodeId id);
  NodeId add(Node node);
  NodeId add_over(NodeId input, NodeKind kind, Schema schema, source::Span span);

  // bind_project.cc
  Table bind_extend(NodeId input, const Syntax& node);
  Table bind_project(NodeId input, const Syntax& node);
  bool project_wildcard(const Syntax& item, const Schema& before, Schema& schema, std::vector<ExprId>& exprs);
  bool bind_output(syntax::NodeId id, const Schema& before, Schema& schema, std::vector<ExprId>& exprs,
                   std::set<std::string>& declared);
  Table bind_project_some(NodeId input, const Syntax& node, bool keep);
  Table bind_project_rename(NodeId input, const Syntax& node);
  Table bind_project_reorder(NodeId input, const Syntax& node);
  std::vector<size_t> reorder_matches(const Syntax& item, const Schema& before,
                                      const std::vector<bool>& placed);
  NodeId project(NodeId input, Schema schema, std::vector<ExprId> exprs, source::Span span);
  // Columns of the input at these positions.
  NodeId project_columns(NodeId input, const std::vector<size_t>& positions, source::Span span);
  std::vector<ExprId> all_columns(const Schema& schema, source::Span span);
  // Name of an unnamed output column; "" where the place decides (Column1, print_0).
  std::string name_of(syntax::NodeId id) const;
  std::string name_of_call(const Syntax& node) const;
  std::string unique_name(const Schema& schema, std::string name) const;
  // Column1, Column2, ...: counted over the whole query.
  std::string next_column_name(const Schema& schema);
  bool declare(const OutputColumn& column, source::Span span, std::set<std::string>& declared);

  // bind_columns.cc
  Columns bind_columns(syntax::NodeId id, const Schema* row);
  // A call that gives several values; the names are those that they have by default.
  bool gives_several(const Syntax& node) const;
  Columns bind_several(const Syntax& node, const Schema* row);
  Columns bind_sorted_arrays(const Syntax& node, const Schema* row);
  Columns bind_series_stats(const Syntax& node, const Schema* row);

  // bind_summarize.cc
  Table bind_summarize(NodeId input, const Syntax& node);
  bool bind_keys(const Syntax& by, const Schema& before, Node& out, std::set<std::string>& declared);
  bool bind_summary_item(syntax::NodeId id, Node& out, std::vector<SummaryItem>& items);
  bool bind_aggregate(const Syntax& node, Node& out, std::vector<SummaryItem>& items);
  bool bind_aggregate_arguments(const Syntax& node, Node& out, AggregateUse& use,
                                std::vector<std::string>& names);
  bool check_aggregate_arguments(const Syntax& node, AggregateUse& use);
  Scalar bind_nested_aggregate(const Syntax& node);
  // `declared`: the names that the keys bear in so many words.
  Table finish_summarize(Node out, const std::vector<SummaryItem>& items, std::set<std::string> declared,
                         source::Span span);

  // bind_expression.cc
  Scalar bind_expr(syntax::NodeId id, const Schema* row);
  Scalar bind_node(const Syntax& node, const Schema* row);
  Scalar bind_unary(const Syntax& node, const Schema* row);
  Scalar bind_name(const Syntax& node, const Schema* row);
  // "did you mean `x`?" where a column's name is near; "" where none is.
  static std::string column_hint(const Schema& schema, std::string_view name);
  Scalar bind_logic(const Syntax& node, const Schema* row);
  Scalar bind_path(const Syntax& node, const Schema* row);
  Scalar logic(ExprKind kind, std::vector<ExprId> args, source::Span span);
  ExprId column(size_t position, Type type, source::Span span);
  ExprId add_expr(Expr expr);
  ExprId literal(Cell cell, Type type, source::Span span);
  ExprId text_literal(std::string_view text, source::Span span);
  Type type_of(ExprId id) const { return plan_.exprs[id].type; }
  std::optional<Cell> constant(ExprId id);
  std::optional<std::string> constant_text(syntax::NodeId id);
  Scalar refuse(source::Span span, const std::string& what, const std::string& hint = "");

  // bind_literal.cc
  Scalar bind_literal(const Syntax& node);
  Scalar bind_typed(const Syntax& node);
  Scalar bind_dynamic(const Syntax& node, syntax::NodeId id);
  bool dynamic_value(syntax::NodeId id, dynamic::Node& out);

  // bind_compare.cc
  Scalar bind_binary(const Syntax& node, const Schema* row);
  Scalar bind_equality(const std::string& op, ExprId left, ExprId right, source::Span span);
  Scalar bind_order(const std::string& op, ExprId left, ExprId right, source::Span span);
  Scalar bind_arithmetic(const std::string& op, ExprId left, ExprId right, source::Span span);
  Scalar match_constant(ExprId constant_side, Type wanted, source::Span span);
  Scalar bind_in_list(const Syntax& node, const Schema* row);
  Scalar bind_membership(const std::string& op, ExprId value, ExprId element, source::Span span);
  std::optional<std::vector<ExprId>> array_elements(ExprId array);
  Scalar bind_between(const Syntax& node, const Schema* row);

  // bind_call.cc
  Scalar bind_call(const Syntax& node, const Schema* row);
  Scalar bind_case(const Syntax& node, std::vector<ExprId> args);
  Scalar call(const std::string& name, std::vector<ExprId> args, source::Span span, bool is_operator = false);
  Scalar convert(ExprId id, Type type, source::Span span);
  bool unify(std::vector<ExprId>& args, const std::vector<size_t>& which, source::Span span, Type& type,
             bool mixed = false);
  bool wrap_as_dynamic(std::vector<ExprId>& args, const std::vector<size_t>& which, source::Span span,
                       Type& type);
  Scalar prepare(const Function& row, std::vector<ExprId> args, source::Span span);

  // bind_special.cc
  Scalar bind_column_ifexists(const Syntax& node, const Schema* row);
  Scalar bind_typeof_call(const Syntax& node, const Schema* row);
  Scalar bind_datetime_diff(const Syntax& node, std::vector<ExprId> args);
  Scalar bind_hash_modulo(const Syntax& node, std::vector<ExprId> args);
  Scalar bind_unit_conversion(const Syntax& node, std::vector<ExprId> args);
  Scalar bind_pack_columns(const Syntax& node, const std::vector<ExprId>& columns);
  Scalar bind_pack_all(const Syntax& node, const Schema* row);

  const Syntax& at(syntax::NodeId id) const { return tree_[id]; }
  // True, with an error, where nesting or the whole query grows beyond what is followed.
  bool too_deep(source::Span span);
  // What writing out an expression or a table would take, everything it shares with others counted again.
  // Names of let statements share, so that twenty short lines can stand for a million operations.
  struct Extent {
    uint64_t size = 1;
    uint32_t depth = 1;
  };
  Extent extent_of(const std::vector<uint32_t>& parts, const std::vector<Extent>& extents) const;
  void check_extent(Extent extent, uint64_t max_size, uint32_t max_depth, source::Span span);

  static constexpr int kMaxDepth = 300;
  static constexpr size_t kMaxSteps = 2'000'000;  // calls of functions by functions grow fast
  static constexpr size_t kNoScope = SIZE_MAX;
  static constexpr uint64_t kMaxExpressionSize = 1'000'000;
  static constexpr uint32_t kMaxExpressionDepth = 2'500;  // more than the longest chain the parser takes
  static constexpr uint64_t kMaxTableSize = 100'000;
  static constexpr size_t kMaxJoins = 500;  // each has the columns of those before it
  static constexpr size_t kMaxJoinColumns = 10'000;
  static constexpr uint32_t kMaxTableDepth = 20'000;

  const syntax::SyntaxTree& tree_;
  const Schemas& schemas_;
  source::Diagnostics& diagnostics_;
  Plan& plan_;
  Context context_;
  std::vector<Scope> scopes_;
  size_t current_ = 0;  // scope
  size_t serials_ = 0;
  std::vector<Extent> expr_extents_;  // by ExprId
  std::vector<Extent> node_extents_;  // by NodeId
  bool too_large_ = false;            // reported; nothing more is bound
  int depth_ = 0;
  size_t steps_ = 0;
  std::map<syntax::NodeId, bool> tabular_;  // what is_tabular_function has found
  Node* aggregating_ = nullptr;             // the summarize whose item is being bound
  const Schema* aggregated_ = nullptr;      // and the columns that go into it
  size_t num_joins_ = 0;
  size_t unnamed_columns_ = 0;  // Column1, Column2, ... given out so far
  std::string as_name_;         // what `as` has just called the table in hand, for union withsource
};

// The function that converts to `type`: "tolong".
std::string_view converter(Type type);
// The rows of the function table that are called `name`, or spelled so as an operator, in their order.
std::span<const Function* const> functions_called(std::string_view name, bool is_operator);
// Returns the aggregate called `name`, or nullptr.
const Aggregate* find_aggregate(std::string_view name);
// Returns the name of an unnamed result: count_, set_x; arg_max keeps the name of its argument.
std::string result_name(const AggregateSpec& spec, const std::string& argument);
// True where `name` fits a pattern in which each `*` stands for any text.
bool matches_wildcard(std::string_view pattern, std::string_view name);

}  // namespace kqlc::plan

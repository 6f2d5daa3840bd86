// SPDX-License-Identifier: Apache-2.0
//
// The binder's state, shared by bind_expression.cc and bind_query.cc. In: syntax nodes. Out: plan nodes and
// expressions. Lexical scopes hold let names; a let function is bound anew at each call, with its arguments as names.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "compiler/plan/plan.h"
#include "runtime/value/dynamic.h"

namespace kqlc::plan {

// What a name of a let statement or a parameter stands for.
struct Binding {
  std::optional<ExprId> scalar;
  std::optional<NodeId> table;
  syntax::NodeId function = syntax::kNoNode;
  size_t scope_depth = 0;  // a function sees the names declared before it
  bool failed = false;  // its own error has been reported; uses of it say nothing more
};

class Binder {
 public:
  Binder(const syntax::SyntaxTree& tree, const Schemas& schemas, const BindOptions& options,
         source::Diagnostics& diagnostics, Plan& plan)
      : tree_(tree), schemas_(schemas), diagnostics_(diagnostics), plan_(plan) {
    plan_.now = options.now;
    context_.arena = plan_.arena.get();
    context_.state_arena = plan_.arena.get();
    context_.now = options.now;
    scopes_.emplace_back();
  }

  bool run();

 private:
  using Syntax = syntax::Node;
  using Table = std::optional<NodeId>;
  using Scalar = std::optional<ExprId>;

  // bind_query.cc
  void bind_statement(syntax::NodeId id, bool top);
  void bind_let(const Syntax& node);
  Table bind_table(syntax::NodeId id);
  Table bind_pipe(const Syntax& node);
  Table bind_operator(Table input, syntax::NodeId id);
  Table bind_where(NodeId input, const Syntax& node);
  Table bind_extend(NodeId input, const Syntax& node);
  Table bind_project(NodeId input, const Syntax& node);
  Table bind_project_some(NodeId input, const Syntax& node, bool keep);
  Table bind_project_rename(NodeId input, const Syntax& node);
  Table bind_project_reorder(NodeId input, const Syntax& node);
  Table bind_distinct(NodeId input, const Syntax& node);
  Table bind_take(NodeId input, const Syntax& node);
  Table bind_sort(NodeId input, const Syntax& node, bool top);
  Table bind_union(Table first, const Syntax& node);
  Table bind_print(const Syntax& node);
  Table bind_range(const Syntax& node);
  Table bind_datatable(const Syntax& node);
  Table bind_source(syntax::NodeId id);
  Table bind_table_call(const Syntax& node);
  Table bind_body_table(syntax::NodeId function, const std::vector<syntax::NodeId>& args, const Syntax& call);
  // bind_summarize.cc
  Table bind_summarize(NodeId input, const Syntax& node);
  bool bind_aggregate(NodeId input, syntax::NodeId id, const std::string& name, Node& out);
  std::optional<int64_t> bind_limit(syntax::NodeId id);
  NodeId add(Node node);
  NodeId project(NodeId input, Schema schema, std::vector<ExprId> exprs, source::Span span);
  bool is_table(syntax::NodeId id);
  bool view_without_parameters(const Binding& binding) const;
  Table refuse_table(source::Span span, const std::string& what);

  // bind_expression.cc
  Scalar bind_expr(syntax::NodeId id, const Schema* row);
  Scalar bind_name(const Syntax& node, const Schema* row);
  Scalar bind_literal(const Syntax& node);
  Scalar bind_typed(const Syntax& node);
  Scalar bind_dynamic(const Syntax& node, syntax::NodeId id);
  bool dynamic_value(syntax::NodeId id, dynamic::Node& out);
  Scalar bind_logic(const Syntax& node, const Schema* row);
  Scalar bind_binary(const Syntax& node, const Schema* row);
  Scalar bind_in_list(const Syntax& node, const Schema* row);
  Scalar bind_between(const Syntax& node, const Schema* row);
  Scalar bind_path(const Syntax& node, const Schema* row);
  Scalar bind_call(const Syntax& node, const Schema* row);
  Scalar bind_typed_call(const Syntax& node, std::vector<ExprId> args);
  Scalar bind_datetime_diff(const Syntax& node, std::vector<ExprId> args);
  Scalar bind_pack_columns(const Syntax& node, const std::vector<ExprId>& columns);
  Scalar bind_pack_all(const Syntax& node, const Schema* row);
  Scalar bind_case(const Syntax& node, std::vector<ExprId> args);
  Scalar bind_function_call(const Binding& binding, const Syntax& node, const Schema* row);
  Scalar call(const std::string& name, std::vector<ExprId> args, source::Span span, bool is_operator = false);
  Scalar convert(ExprId id, Type type, source::Span span);
  bool unify(std::vector<ExprId>& args, const std::vector<size_t>& which, source::Span span, Type& type);
  Scalar prepare(const Function& row, std::vector<ExprId> args, source::Span span);
  ExprId add_expr(Expr expr);
  ExprId literal(Cell cell, Type type, source::Span span);
  Type type_of(ExprId id) const { return plan_.exprs[id].type; }
  std::optional<Cell> constant(ExprId id);
  Scalar refuse(source::Span span, const std::string& what);

  const Binding* find(std::string_view name) const;
  // Name of an unnamed output column; "" where the place decides (Column1, print_0).
  std::string name_of(syntax::NodeId id) const;
  std::string unique_name(const Schema& schema, std::string name) const;
  const Syntax& at(syntax::NodeId id) const { return tree_[id]; }
  bool too_deep(source::Span span);

  static constexpr int kMaxDepth = 300;

  const syntax::SyntaxTree& tree_;
  const Schemas& schemas_;
  source::Diagnostics& diagnostics_;
  Plan& plan_;
  Context context_;
  std::vector<std::map<std::string, Binding, std::less<>>> scopes_;
  int depth_ = 0;
  std::string as_name_;  // what `as` has just called the table in hand, for union withsource
};

}  // namespace kqlc::plan

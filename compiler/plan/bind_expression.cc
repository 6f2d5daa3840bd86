// SPDX-License-Identifier: Apache-2.0
//
// Expressions: names, logic, paths into dynamic values. In: a syntax node and the columns it may name. Out: a
// typed expression. Literals, operators and calls have files of their own; and / or are one expression with
// many operands.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "compiler/plan/binder.h"
#include "compiler/reference/evaluate.h"
#include "compiler/source/nearest.h"

namespace kqlc::plan {

using source::Code;
using syntax::Kind;

Binder::Extent Binder::extent_of(const std::vector<uint32_t>& parts,
                                 const std::vector<Extent>& extents) const {
  Extent out;
  for (uint32_t part : parts) {
    out.size += extents[part].size;
    out.depth = std::max(out.depth, extents[part].depth + 1);
  }
  return out;
}

void Binder::check_extent(Extent extent, uint64_t max_size, uint32_t max_depth, source::Span span) {
  bool fits = extent.size <= max_size && extent.depth <= max_depth;
  if (fits || too_large_) return;
  too_large_ = true;
  diagnostics_.add(Code::K0103, span, "the query is too large once its let statements are written out");
}

ExprId Binder::add_expr(Expr expr) {
  expr_extents_.push_back(extent_of(expr.args, expr_extents_));
  check_extent(expr_extents_.back(), kMaxExpressionSize, kMaxExpressionDepth, expr.span);
  plan_.exprs.push_back(std::move(expr));
  return static_cast<ExprId>(plan_.exprs.size() - 1);
}

ExprId Binder::literal(Cell cell, Type type, source::Span span) {
  Expr expr;
  expr.kind = ExprKind::Literal;
  expr.type = type;
  expr.literal = cell;
  expr.span = span;
  return add_expr(std::move(expr));
}

ExprId Binder::text_literal(std::string_view text, source::Span span) {
  return literal(make_cell(plan_.arena->copy(text)), Type::String, span);
}

ExprId Binder::column(size_t position, Type type, source::Span span) {
  Expr expr;
  expr.kind = ExprKind::Column;
  expr.type = type;
  expr.column = static_cast<int>(position);
  expr.span = span;
  return add_expr(std::move(expr));
}

Binder::Scalar Binder::refuse(source::Span span, const std::string& what, const std::string& hint) {
  diagnostics_.add(Code::K0301, span, what + " is not supported yet", hint);
  return std::nullopt;
}

std::optional<Cell> Binder::constant(ExprId id) {
  if (too_large_) return std::nullopt;
  if (!reference::is_constant(plan_, id)) return std::nullopt;
  Cell cell = reference::evaluate(plan_, id, nullptr, context_);
  bool failed = context_.error != nullptr;
  context_.error = nullptr;
  context_.over_limit = false;
  return failed ? std::nullopt : std::optional<Cell>(cell);
}

// The text of a constant string expression; reports what it is no such thing of.
std::optional<std::string> Binder::constant_text(syntax::NodeId id) {
  Scalar value = bind_expr(id, nullptr);
  if (!value) return std::nullopt;
  auto cell = type_of(*value) == Type::String ? constant(*value) : std::nullopt;
  if (cell) return std::string(cell->s.view());
  diagnostics_.add(Code::K0204, at(id).span, "a constant text is needed here");
  return std::nullopt;
}

bool Binder::too_deep(source::Span span) {
  if (too_large_) return true;
  if (depth_ < kMaxDepth && steps_ < kMaxSteps) {
    ++steps_;
    return false;
  }
  diagnostics_.add(Code::K0103, span,
                   steps_ < kMaxSteps ? "the query is nested too deeply"
                                      : "the functions of the query call each other too often");
  too_large_ = true;
  return true;
}

Binder::Scalar Binder::bind_expr(syntax::NodeId id, const Schema* row) {
  const Syntax& node = at(id);
  if (too_deep(node.span)) return std::nullopt;
  ++depth_;
  Scalar out = bind_node(node, row);
  --depth_;
  return out;
}

Binder::Scalar Binder::bind_node(const Syntax& node, const Schema* row) {
  switch (node.kind) {
    case Kind::Name:
      return bind_name(node, row);
    case Kind::String:
    case Kind::Long:
    case Kind::Real:
    case Kind::TimeSpan:
    case Kind::Bool:
      return bind_literal(node);
    case Kind::Typed:
      return bind_typed(node);
    case Kind::Dynamic:
      return bind_dynamic(node, node.children[0]);
    case Kind::And:
    case Kind::Or:
      return bind_logic(node, row);
    case Kind::Binary:
      return bind_binary(node, row);
    case Kind::Unary:
      return bind_unary(node, row);
    case Kind::InList:
      return bind_in_list(node, row);
    case Kind::Between:
      return bind_between(node, row);
    case Kind::Member:
    case Kind::Index:
      return bind_path(node, row);
    case Kind::Call:
      return bind_call(node, row);
    case Kind::Named:
      return bind_expr(node.children.back(), row);
    case Kind::Subquery:
    case Kind::Pipe:
      return refuse(node.span, "a query inside an expression");
    case Kind::Star:
      return refuse(node.span, "`*` as an operand");
    case Kind::Error:
      return std::nullopt;
    default:
      diagnostics_.add(Code::K0204, node.span, "this cannot stand in an expression");
      return std::nullopt;
  }
}

Binder::Scalar Binder::bind_unary(const Syntax& node, const Schema* row) {
  Scalar operand = bind_expr(node.children[0], row);
  if (!operand || node.text != "-") return operand;
  // A constant int stays one, as in Microsoft's parser; all else is arithmetic, which is of long.
  auto cell = type_of(*operand) == Type::Int ? constant(*operand) : std::nullopt;
  if (cell && cell->valid && cell->i != INT32_MIN) return literal(make_cell(-cell->i), Type::Int, node.span);
  return call("-", {*operand}, node.span, true);
}

std::string Binder::column_hint(const Schema& schema, std::string_view name) {
  std::string best;
  size_t distance = source::nearest_bound(name);
  for (const ColumnDef& def : schema)
    if (size_t d = source::edit_distance(def.name, name); d < distance) {
      distance = d;
      best = def.name;
    }
  return best.empty() ? "" : "did you mean `" + best + "`?";
}

Binder::Scalar Binder::bind_name(const Syntax& node, const Schema* row) {
  if (row)
    for (size_t i = 0; i < row->size(); ++i)
      if ((*row)[i].name == node.text) return column(i, (*row)[i].type, node.span);
  if (const Binding* binding = find(node.text)) {
    if (binding->scalar) return *binding->scalar;
    if (binding->failed) return std::nullopt;
    if (binding->table) return refuse(node.span, "a table as a value");
    if (at(binding->function).children.size() == 1) return bind_scalar_function(*binding, node, row);
    diagnostics_.add(Code::K0206, node.span, "`" + node.text + "` is a function", "call it with brackets");
    return std::nullopt;
  }
  if (aggregating_ && !row)
    for (const ColumnDef& def : *aggregated_)
      if (def.name == node.text) return refuse(node.span, "a column outside of aggregates");
  diagnostics_.add(Code::K0203, node.span, "no column or name `" + node.text + "` here",
                   row ? column_hint(*row, node.text) : "", "not known here");
  return std::nullopt;
}

Binder::Scalar Binder::logic(ExprKind kind, std::vector<ExprId> args, source::Span span) {
  if (args.size() == 1) return args[0];
  Expr expr;
  expr.kind = kind;
  expr.type = Type::Bool;
  expr.args = std::move(args);
  expr.span = span;
  return add_expr(std::move(expr));
}

Binder::Scalar Binder::bind_logic(const Syntax& node, const Schema* row) {
  std::vector<ExprId> args;
  for (syntax::NodeId child : node.children) {
    Scalar operand = bind_expr(child, row);
    if (operand) operand = convert(*operand, Type::Bool, at(child).span);
    if (operand) args.push_back(*operand);
  }
  if (args.size() < node.children.size()) return std::nullopt;
  return logic(node.kind == Kind::And ? ExprKind::And : ExprKind::Or, std::move(args), node.span);
}

Binder::Scalar Binder::bind_path(const Syntax& node, const Schema* row) {
  if (node.kind == Kind::Index && gives_several(at(node.children[0])) &&
      at(node.children[1]).kind == Kind::Long) {
    // Of several values the index chooses one; a single array is indexed as ever.
    Columns columns = bind_several(at(node.children[0]), row);
    if (!columns) return std::nullopt;
    size_t index = std::strtoul(at(node.children[1]).text.c_str(), nullptr, 10);
    if (columns->size() > 1 && index < columns->size()) return (*columns)[index].expr;
    if (columns->size() > 1) return refuse(node.span, "an index behind the last value");
  }
  Scalar object = bind_expr(node.children[0], row);
  if (!object) return std::nullopt;
  if (type_of(*object) != Type::Dynamic) {
    diagnostics_.add(Code::K0204, node.span,
                     "a value of type " + std::string(type_name(type_of(*object))) + " has no members",
                     "parse_json() makes a dynamic value of a string");
    return std::nullopt;
  }
  if (node.kind == Kind::Member)
    return call("dynamic_member", {*object, text_literal(node.text, node.span)}, node.span);
  Scalar index = bind_expr(node.children[1], row);
  if (!index) return std::nullopt;
  if (type_of(*index) == Type::Dynamic)
    return refuse(node.span, "a dynamic index", "convert it with tostring() or toint()");
  if (type_of(*index) == Type::Bool) index = convert(*index, Type::Long, node.span);
  return index ? call(type_of(*index) == Type::String ? "dynamic_member" : "dynamic_element",
                      {*object, *index}, node.span)
               : std::nullopt;
}

}  // namespace kqlc::plan

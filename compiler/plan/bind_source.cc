// SPDX-License-Identifier: Apache-2.0
//
// Sources: what a pipeline begins with. In: names of tables, calls of tabular functions, print, range,
// datatable. Out: the first plan node of a pipeline. Tables come from the schemas; what is called like none
// of them is an error with the nearest name as the hint.
#include "compiler/plan/binder.h"

namespace kqlc::plan {

using source::Code;
using syntax::Kind;

Binder::Table Binder::refuse_table(source::Span span, const std::string& what) {
  diagnostics_.add(Code::K0301, span, what + " is not supported yet");
  return std::nullopt;
}

Binder::Table Binder::bind_table(syntax::NodeId id) {
  const Syntax& node = at(id);
  if (too_deep(node.span)) return std::nullopt;
  ++depth_;
  Table out;
  switch (node.kind) {
    case Kind::Pipe:
      out = bind_pipe(node);
      break;
    case Kind::Operator:
      out = bind_operator(std::nullopt, id);
      break;
    case Kind::Subquery:
      out = bind_table(node.children[0]);
      break;
    case Kind::Error:
      break;
    default:
      out = bind_source(id);
  }
  --depth_;
  return out;
}

Binder::Table Binder::bind_pipe(const Syntax& node) {
  Table table = bind_table(node.children[0]);
  for (size_t i = 1; i < node.children.size() && table; ++i) {
    if (at(node.children[i]).kind == Kind::Error) return std::nullopt;
    table = bind_operator(table, node.children[i]);
  }
  return table;
}

Binder::Table Binder::bind_source(syntax::NodeId id) {
  const Syntax& node = at(id);
  if (node.kind == Kind::Call) return bind_table_call(node);
  if (node.kind == Kind::Member) return refuse_table(node.span, "a table of another database");
  if (node.kind != Kind::Name) {
    diagnostics_.add(Code::K0206, node.span, "a table is needed here");
    return std::nullopt;
  }
  const Binding* binding = find(node.text);
  if (!binding) return bind_table_name(node.text, node);
  if (binding->failed) return std::nullopt;
  if (binding->table) return *binding->table;
  if (binding->function != syntax::kNoNode && is_tabular_function(*binding))
    return bind_table_function(*binding, node, std::nullopt);
  diagnostics_.add(Code::K0206, node.span, "`" + node.text + "` is no table");
  return std::nullopt;
}

NodeId Binder::add_scan(const std::string& table, const Schema& schema, source::Span span) {
  Node scan;
  scan.kind = NodeKind::Scan;
  scan.table = table;
  scan.schema = schema;
  scan.span = span;
  return add(std::move(scan));
}

Binder::Table Binder::bind_table_name(const std::string& name, const Syntax& node) {
  if (const Schema* schema = schemas_.find(name)) return add_scan(name, *schema, node.span);
  std::string nearest = schemas_.nearest(name);
  diagnostics_.add(Code::K0201, node.span, "no table is called `" + name + "`",
                   nearest.empty()
                       ? "`kqlc list tables` shows the tables; --table gives files of your own a table's name"
                       : "did you mean `" + nearest + "`?");
  return std::nullopt;
}

Binder::Table Binder::bind_table_call(const Syntax& node) {
  const Binding* binding = find(node.text);
  if (binding && binding->function != syntax::kNoNode)
    return bind_table_function(*binding, node, std::nullopt);
  if (node.text == "materialize" && node.children.size() == 1) return bind_table(node.children[0]);
  if (node.text == "table" && node.children.size() == 1)
    if (auto name = constant_text(node.children[0])) {
      const Binding* named = find(*name);
      return named && named->table ? *named->table : bind_table_name(*name, node);
    }
  return refuse_table(node.span, "the table function `" + node.text + "()`");
}

// One row without columns, and a projection of it.
Binder::Table Binder::bind_print(const Syntax& node) {
  Node one;
  one.kind = NodeKind::Rows;
  one.limit = 1;
  one.span = node.span;
  NodeId input = add(std::move(one));
  Schema schema;
  std::vector<ExprId> exprs;
  bool good = true;
  for (size_t i = 0; i < node.children.size(); ++i) {
    syntax::NodeId child = node.children[i];
    Columns columns = bind_columns(child, nullptr);
    good &= columns.has_value();
    if (!good) continue;
    for (const OutputColumn& column : *columns) {
      bool keeps_name = at(child).kind == Kind::Named || column.one_of_several;
      std::string name = keeps_name ? column.name : "print_" + std::to_string(i);
      schema.push_back({unique_name(schema, name), type_of(column.expr)});
      exprs.push_back(column.expr);
    }
  }
  return good ? Table(project(input, std::move(schema), std::move(exprs), node.span)) : std::nullopt;
}

Binder::Table Binder::bind_range(const Syntax& node) {
  Node range;
  range.kind = NodeKind::Range;
  range.span = node.span;
  std::vector<ExprId> args;
  for (size_t i = 1; i < 4; ++i) {
    Scalar value = bind_expr(node.children[i], nullptr);
    if (!value) return std::nullopt;
    args.push_back(*value);
  }
  Type type = type_of(args[0]);
  if (type == Type::DateTime || type == Type::TimeSpan) {
    if (type_of(args[1]) != type || type_of(args[2]) != Type::TimeSpan) {
      diagnostics_.add(Code::K0204, node.span, "range over times needs a timespan as its step");
      return std::nullopt;
    }
  } else if (!unify(args, {0, 1, 2}, node.span, type)) {
    return std::nullopt;
  }
  if (type == Type::Int) type = Type::Long;
  if (type != Type::Long && type != Type::Real && type != Type::DateTime && type != Type::TimeSpan)
    return refuse_table(node.span, "range over " + std::string(type_name(type)));
  for (ExprId& arg : args)
    if (type_of(arg) == Type::Int) arg = convert(arg, Type::Long, node.span).value_or(arg);
  range.schema = {{at(node.children[0]).text, type}};
  range.exprs = std::move(args);
  return add(std::move(range));
}

Binder::Table Binder::bind_datatable(const Syntax& node) {
  Node rows;
  rows.kind = NodeKind::Rows;
  rows.span = node.span;
  for (syntax::NodeId child : at(node.children[0]).children) {
    Type type = Type::String;
    if (!find_type(at(at(child).children[0]).text, type)) {
      diagnostics_.add(Code::K0204, at(child).span, "no such type: `" + at(at(child).children[0]).text + "`");
      return std::nullopt;
    }
    rows.schema.push_back({at(child).text, type});
  }
  const Syntax& values = at(node.children[1]);
  if (rows.schema.empty() || values.children.size() % rows.schema.size() != 0) {
    diagnostics_.add(Code::K0204, node.span, "the number of values is no multiple of the number of columns");
    return std::nullopt;
  }
  for (size_t i = 0; i < values.children.size(); ++i) {
    auto cell = bind_datatable_cell(values.children[i], rows.schema[i % rows.schema.size()].type);
    if (!cell) return std::nullopt;
    rows.cells.push_back(*cell);
  }
  rows.limit = static_cast<int64_t>(values.children.size() / rows.schema.size());
  return add(std::move(rows));
}

// A value as the column's type: text is read as to...() reads it.
std::optional<Cell> Binder::bind_datatable_cell(syntax::NodeId id, Type type) {
  const source::Span span = at(id).span;
  Scalar value = bind_expr(id, nullptr);
  if (!value) return std::nullopt;
  bool text = type_of(*value) == Type::String && type != Type::String && type != Type::Dynamic;
  if (text) value = call(std::string(converter(type)), {*value}, span);
  if (value && type == Type::Dynamic && type_of(*value) != Type::Dynamic)
    value = call("dynamic_of", {*value}, span);
  if (value) value = convert(*value, type, span);
  auto cell = value ? constant(*value) : std::nullopt;
  if (value && !cell) diagnostics_.add(Code::K0204, span, "datatable holds constants only");
  return cell;
}

}  // namespace kqlc::plan

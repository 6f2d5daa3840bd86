// SPDX-License-Identifier: Apache-2.0
//
// extend, project and their relatives, all of which become one kind of node: a list of expressions, one a
// column. Sources: the page of each operator; names as Microsoft's
// parser gives them.
#include <algorithm>
#include <set>

#include "compiler/plan/binder.h"

namespace kqlc::plan {

using source::Code;
using syntax::Kind;

namespace {

size_t position_of(const Schema& schema, std::string_view name) {
  size_t i = 0;
  while (i < schema.size() && schema[i].name != name) ++i;
  return i;
}

// Order in which numbers inside of names count as numbers: a2 before a10.
bool granny_less(std::string_view a, std::string_view b) {
  auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    size_t end_a = i, end_b = j;
    while (end_a < a.size() && is_digit(a[end_a])) ++end_a;
    while (end_b < b.size() && is_digit(b[end_b])) ++end_b;
    while (i + 1 < end_a && a[i] == '0') ++i;
    while (j + 1 < end_b && b[j] == '0') ++j;
    if (end_a - i != end_b - j) return end_a - i < end_b - j;
    if (int order = a.substr(i, end_a - i).compare(b.substr(j, end_b - j))) return order < 0;
    i = end_a;
    j = end_b;
  }
  return a.size() - i < b.size() - j;
}

}  // namespace

bool matches_wildcard(std::string_view pattern, std::string_view name) {
  size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  name.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  for (star = pattern.find('*'); star != std::string_view::npos; star = pattern.find('*')) {
    size_t found = name.find(pattern.substr(0, star));
    if (found == std::string_view::npos) return false;
    name.remove_prefix(found + star);
    pattern.remove_prefix(star + 1);
  }
  return name.ends_with(pattern);
}

NodeId Binder::project(NodeId input, Schema schema, std::vector<ExprId> exprs, source::Span span) {
  NodeId id = add_over(input, NodeKind::Project, std::move(schema), span);
  plan_.nodes[id].exprs = std::move(exprs);
  return id;
}

NodeId Binder::project_columns(NodeId input, const std::vector<size_t>& positions, source::Span span) {
  const Schema before = plan_.nodes[input].schema;
  Schema schema;
  std::vector<ExprId> exprs;
  for (size_t i : positions) {
    schema.push_back(before[i]);
    exprs.push_back(column(i, before[i].type, span));
  }
  return project(input, std::move(schema), std::move(exprs), span);
}

std::vector<ExprId> Binder::all_columns(const Schema& schema, source::Span span) {
  std::vector<ExprId> exprs;
  for (size_t i = 0; i < schema.size(); ++i) exprs.push_back(column(i, schema[i].type, span));
  return exprs;
}

// An item that gives a name in so many words, or is a column: twice is an error. Names made up from an
// expression give way instead.
bool Binder::declare(const OutputColumn& column, source::Span span, std::set<std::string>& declared) {
  if (!column.declared || declared.insert(column.name).second) return true;
  diagnostics_.add(Code::K0206, span, "the column `" + column.name + "` is declared twice");
  return false;
}

Binder::Table Binder::bind_extend(NodeId input, const Syntax& node) {
  const Schema before = plan_.nodes[input].schema;
  Schema schema = before;
  std::vector<ExprId> exprs = all_columns(before, node.span);
  std::set<std::string> declared;
  bool good = true;
  for (syntax::NodeId child : node.children) {
    if (at(child).kind == Kind::Option) continue;
    Columns columns = bind_columns(child, &before);
    good &= columns.has_value();
    if (!columns) continue;
    for (OutputColumn& column : *columns) {
      if (column.name.empty()) column.name = next_column_name(schema);
      if (column.one_of_several && !column.declared) column.name = unique_name(schema, column.name);
      good &= declare(column, at(child).span, declared);
      size_t known = position_of(schema, column.name);
      if (known == schema.size()) {
        schema.push_back({column.name, Type::String});
        exprs.push_back(column.expr);
      }
      exprs[known] = column.expr;
      schema.edit()[known].type = type_of(column.expr);
    }
  }
  return good ? Table(project(input, std::move(schema), std::move(exprs), node.span)) : std::nullopt;
}

bool Binder::project_wildcard(const Syntax& item, const Schema& before, Schema& schema,
                              std::vector<ExprId>& exprs) {
  bool any = false;
  for (size_t i = 0; i < before.size(); ++i) {
    if (!matches_wildcard(item.text, before[i].name)) continue;
    any = true;
    if (position_of(schema, before[i].name) < schema.size()) continue;
    schema.push_back(before[i]);
    exprs.push_back(column(i, before[i].type, item.span));
  }
  if (!any) diagnostics_.add(Code::K0203, item.span, "no column matches `" + item.text + "`");
  return any;
}

// The columns of one item of project or of the keys of summarize.
bool Binder::bind_output(syntax::NodeId id, const Schema& before, Schema& schema, std::vector<ExprId>& exprs,
                         std::set<std::string>& declared) {
  Columns columns = bind_columns(id, &before);
  if (!columns) return false;
  bool good = true;
  for (OutputColumn& column : *columns) {
    if (column.name.empty()) column.name = next_column_name({});
    good &= declare(column, at(id).span, declared);
    schema.push_back({unique_name(schema, column.name), type_of(column.expr)});
    exprs.push_back(column.expr);
  }
  return good;
}

Binder::Table Binder::bind_project(NodeId input, const Syntax& node) {
  const Schema before = plan_.nodes[input].schema;
  Schema schema;
  std::vector<ExprId> exprs;
  std::set<std::string> declared;
  bool good = true;
  for (syntax::NodeId child : node.children) {
    const Syntax& item = at(child);
    if (item.kind == Kind::Option) continue;
    if (item.kind == Kind::Star || item.kind == Kind::Wildcard) {
      good &= project_wildcard(item, before, schema, exprs);
      continue;
    }
    good &= bind_output(child, before, schema, exprs, declared);
  }
  return good ? Table(project(input, std::move(schema), std::move(exprs), node.span)) : std::nullopt;
}

// project-away and project-keep.
Binder::Table Binder::bind_project_some(NodeId input, const Syntax& node, bool keep) {
  const Schema before = plan_.nodes[input].schema;
  std::vector<bool> named(before.size(), false);
  bool good = true;
  for (syntax::NodeId child : node.children) {
    const Syntax& item = at(child);
    bool wildcard = item.kind == Kind::Wildcard || item.kind == Kind::Star;
    if (item.kind != Kind::Name && !wildcard) {
      diagnostics_.add(Code::K0204, item.span, "a column is needed here");
      good = false;
      continue;
    }
    bool any = wildcard;
    for (size_t i = 0; i < before.size(); ++i)
      if (wildcard ? matches_wildcard(item.text, before[i].name) : before[i].name == item.text)
        any = named[i] = true;
    if (!any) bind_name(item, &before);
    good &= any;
  }
  if (!good) return std::nullopt;
  std::vector<size_t> positions;
  for (size_t i = 0; i < before.size(); ++i)
    if (named[i] == keep) positions.push_back(i);
  return project_columns(input, positions, node.span);
}

Binder::Table Binder::bind_project_rename(NodeId input, const Syntax& node) {
  const Schema before = plan_.nodes[input].schema;
  Schema schema = before;
  for (syntax::NodeId child : node.children) {
    const Syntax& item = at(child);
    Scalar value = bind_expr(child, &before);
    if (!value) return std::nullopt;
    if (item.kind != Kind::Named || item.children.size() > 1 ||
        plan_.exprs[*value].kind != ExprKind::Column) {
      diagnostics_.add(Code::K0204, item.span, "project-rename takes `new_name = column`");
      return std::nullopt;
    }
    schema.edit()[static_cast<size_t>(plan_.exprs[*value].column)].name = item.text;
  }
  std::set<std::string> names;
  for (const ColumnDef& renamed : schema)
    if (!names.insert(renamed.name).second) {
      diagnostics_.add(Code::K0206, node.span, "the column `" + renamed.name + "` is declared twice");
      return std::nullopt;
    }
  return project(input, std::move(schema), all_columns(before, node.span), node.span);
}

// The columns that one item of project-reorder moves, in the order it asks for.
std::vector<size_t> Binder::reorder_matches(const Syntax& item, const Schema& before,
                                            const std::vector<bool>& placed) {
  const Syntax& name = item.kind == Kind::Sort ? at(item.children[0]) : item;
  std::vector<size_t> matched;
  for (size_t i = 0; i < before.size(); ++i)
    if (!placed[i] &&
        (name.kind == Kind::Name ? before[i].name == name.text : matches_wildcard(name.text, before[i].name)))
      matched.push_back(i);
  if (item.kind != Kind::Sort) return matched;
  bool granny = item.text.starts_with("granny"), descending = item.text.ends_with("desc");
  std::stable_sort(matched.begin(), matched.end(), [&](size_t a, size_t b) {
    const std::string &left = before[descending ? b : a].name, &right = before[descending ? a : b].name;
    return granny ? granny_less(left, right) : left < right;
  });
  return matched;
}

Binder::Table Binder::bind_project_reorder(NodeId input, const Syntax& node) {
  const Schema before = plan_.nodes[input].schema;
  std::vector<size_t> order;
  std::vector<bool> placed(before.size(), false);
  for (syntax::NodeId child : node.children) {
    const Syntax& item = at(child);
    const Syntax& name = item.kind == Kind::Sort ? at(item.children[0]) : item;
    if (name.kind == Kind::Name && position_of(before, name.text) == before.size()) {
      bind_name(name, &before);
      return std::nullopt;
    }
    for (size_t i : reorder_matches(item, before, placed)) {
      placed[i] = true;
      order.push_back(i);
    }
  }
  for (size_t i = 0; i < before.size(); ++i)
    if (!placed[i]) order.push_back(i);
  return project_columns(input, order, node.span);
}

}  // namespace kqlc::plan

// SPDX-License-Identifier: Apache-2.0
//
// union: which tables take part, under which names, and how their columns meet. Columns of one name and one
// type are one; of one name and several types each gets its type as a suffix, and they stand side by side.
// Source: KQL "union operator".
#include <algorithm>

#include "compiler/plan/binder.h"

namespace kqlc::plan {

using source::Code;
using syntax::Kind;

namespace {

// The names of all inputs' columns in order of first occurrence, each with its types in such order.
struct UnionColumn {
  std::string name;
  std::vector<Type> types;
  size_t num_inputs = 0;
};

std::vector<UnionColumn> collect_columns(const std::vector<const Schema*>& inputs) {
  std::vector<UnionColumn> columns;
  std::map<std::string, size_t> positions;
  for (const Schema* input : inputs)
    for (const ColumnDef& column : *input) {
      auto [position, first] = positions.emplace(column.name, columns.size());
      if (first) columns.push_back({column.name, {}, 0});
      UnionColumn& found = columns[position->second];
      ++found.num_inputs;
      if (std::find(found.types.begin(), found.types.end(), column.type) == found.types.end())
        found.types.push_back(column.type);
    }
  return columns;
}

// A suffixed name gives way to a column that bears it from the start.
std::string suffixed_name(const std::vector<UnionColumn>& columns, const UnionColumn& meeting, Type type) {
  std::string name = meeting.name + "_" + std::string(type_name(type)), numbered = name;
  auto taken = [&](const UnionColumn& column) { return column.name == numbered; };
  for (int i = 1; std::any_of(columns.begin(), columns.end(), taken); ++i)
    numbered = name + std::to_string(i);
  return numbered;
}

}  // namespace

// True where a pipeline begins with the name of a table that is not there.
bool Binder::missing_source(syntax::NodeId id) const {
  const Syntax& node = at(id);
  if (node.kind == Kind::Pipe || node.kind == Kind::Subquery) return missing_source(node.children[0]);
  return node.kind == Kind::Name && !find(node.text) && !schemas_.find(node.text);
}

// `A*`: tables of the schemas, and functions declared with `view`. In alphabetical order.
bool Binder::bind_union_wildcard(const Syntax& node, bool fuzzy, std::vector<UnionPart>& parts) {
  std::map<std::string, const Binding*> matches;
  for (const std::string& table : schemas_.tables())
    if (matches_wildcard(node.text, table)) matches[table] = nullptr;
  for (size_t scope = current_; scope != kNoScope; scope = scopes_[scope].parent)
    for (const auto& [name, binding] : scopes_[scope].names)
      if (binding.function != syntax::kNoNode && at(binding.function).text == "view" &&
          find(name) == &binding && at(binding.function).children.size() == 1 &&
          matches_wildcard(node.text, name))
        matches[name] = &binding;
  if (matches.empty() && !fuzzy)
    diagnostics_.add(Code::K0201, node.span, "no table matches `" + node.text + "`");
  if (matches.empty()) return fuzzy;
  constexpr size_t kMost = 200;
  if (matches.size() > kMost) {
    refuse_table(node.span, "a wildcard of " + std::to_string(matches.size()) + " tables");
    return false;
  }
  for (const auto& [name, binding] : matches) {
    Syntax call;
    call.kind = Kind::Name;
    call.text = name;
    call.span = node.span;
    Table table = binding ? bind_table_function(*binding, call, std::nullopt) : bind_table_name(name, call);
    if (!table) return false;
    parts.push_back({*table, name});
  }
  return true;
}

bool Binder::bind_union_part(syntax::NodeId id, bool fuzzy, std::vector<UnionPart>& parts) {
  const Syntax& part = at(id);
  if (part.kind == Kind::Wildcard || part.kind == Kind::Star) return bind_union_wildcard(part, fuzzy, parts);
  if (fuzzy && missing_source(id)) return true;
  as_name_.clear();
  Table table = bind_table(id);
  if (!table) return false;
  const Syntax& inside = at(part.children[0]);
  std::string numbered = as_name_.empty() ? "union_arg" + std::to_string(parts.size()) : as_name_;
  parts.push_back({*table, inside.kind == Kind::Name ? inside.text : numbered});
  return true;
}

void Binder::add_source_column(const std::string& column_name, UnionPart& part, source::Span span) {
  const Schema before = plan_.nodes[part.table].schema;
  Schema schema{{column_name, Type::String}};
  std::vector<ExprId> exprs{text_literal(part.name, span)};
  schema.append(before);
  for (size_t c = 0; c < before.size(); ++c) exprs.push_back(column(c, before[c].type, span));
  part.table = project(part.table, std::move(schema), std::move(exprs), span);
}

Binder::UnionOptions Binder::union_options(const Syntax& node) const {
  UnionOptions options;
  for (syntax::NodeId child : node.children) {
    const Syntax& option = at(child);
    if (option.kind != Kind::Option) continue;
    const std::string& value = at(option.children[0]).text;
    if (option.text == "withsource" || option.text == "with_source") options.source_column = value;
    if (option.text == "kind") options.inner = value == "inner";
    if (option.text == "isfuzzy") options.fuzzy = value == "true" || value == "True" || value == "1";
  }
  return options;
}

Binder::Table Binder::bind_union(Table first, const Syntax& node) {
  UnionOptions options = union_options(node);
  std::vector<UnionPart> parts;
  if (first) parts.push_back({*first, as_name_.empty() ? "union_arg0" : as_name_});
  bool good = true;
  for (syntax::NodeId child : node.children)
    if (at(child).kind != Kind::Option) good &= bind_union_part(child, options.fuzzy, parts);
  if (!good) return std::nullopt;
  if (parts.empty()) {
    diagnostics_.add(Code::K0201, node.span, "none of the tables of this union is known");
    return std::nullopt;
  }
  Node out;
  out.kind = NodeKind::Union;
  out.span = node.span;
  for (UnionPart& part : parts) {
    if (!options.source_column.empty()) add_source_column(options.source_column, part, node.span);
    out.inputs.push_back(part.table);
  }
  map_union_columns(out, options.inner);
  return add(std::move(out));
}

// The result's columns, and for each input where it has them. `inner` keeps the columns that all inputs have.
void Binder::map_union_columns(Node& out, bool inner) {
  std::vector<const Schema*> schemas;
  for (NodeId input : out.inputs) schemas.push_back(&plan_.nodes[input].schema);
  out.mappings.resize(schemas.size());
  std::vector<UnionColumn> columns = collect_columns(schemas);
  for (const UnionColumn& meeting : columns) {
    if (inner && meeting.num_inputs < schemas.size()) continue;
    for (Type type : meeting.types) {
      std::string name = meeting.types.size() == 1 ? meeting.name : suffixed_name(columns, meeting, type);
      out.schema.push_back({unique_name(out.schema, name), type});
      for (size_t i = 0; i < schemas.size(); ++i) {
        size_t c = 0;
        while (c < schemas[i]->size() &&
               ((*schemas[i])[c].name != meeting.name || (*schemas[i])[c].type != type))
          ++c;
        out.mappings[i].push_back(c == schemas[i]->size() ? -1 : static_cast<int>(c));
      }
    }
  }
}

}  // namespace kqlc::plan

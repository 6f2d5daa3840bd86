// SPDX-License-Identifier: Apache-2.0
//
// Statements and tabular operators, one function each: the row type that goes in is the input node's schema, the one
// that comes out is the new node's. What is not here is refused by name.
#include <algorithm>
#include <set>

#include "compiler/plan/binder.h"
#include "compiler/reference/evaluate.h"

namespace kqlc::plan {

using source::Code;
using syntax::Kind;

bool bind(const syntax::SyntaxTree& tree, const Schemas& schemas, const BindOptions& options,
          source::Diagnostics& diagnostics, Plan& plan) {
  return Binder(tree, schemas, options, diagnostics, plan).run();
}

bool Binder::run() {
  for (syntax::NodeId id : at(tree_.root).children) bind_statement(id, true);
  if (!diagnostics_.has_errors() && plan_.results.empty())
    diagnostics_.add(Code::K0206, at(tree_.root).span, "the query gives no result", "end it with a table expression");
  return !diagnostics_.has_errors();
}

Binder::Table Binder::refuse_table(source::Span span, const std::string& what) {
  diagnostics_.add(Code::K0301, span, what + " is not supported yet");
  return std::nullopt;
}

NodeId Binder::add(Node node) {
  plan_.nodes.push_back(std::move(node));
  return static_cast<NodeId>(plan_.nodes.size() - 1);
}

NodeId Binder::project(NodeId input, Schema schema, std::vector<ExprId> exprs, source::Span span) {
  Node node;
  node.kind = NodeKind::Project;
  node.schema = std::move(schema);
  node.exprs = std::move(exprs);
  node.inputs = {input};
  node.span = span;
  return add(std::move(node));
}

void Binder::bind_statement(syntax::NodeId id, bool top) {
  const Syntax& node = at(id);
  switch (node.kind) {
    case Kind::Let: bind_let(node); return;
    case Kind::Set: return;  // client request options change nothing about the rows
    case Kind::Declare: refuse_table(node.span, "`declare " + node.text + "`"); return;
    case Kind::Statement: refuse_table(node.span, "the statement `" + node.text + "`"); return;
    case Kind::Error: return;
    default:
      if (Table table = bind_table(id); table && top) plan_.results.push_back(*table);
  }
}

void Binder::bind_let(const Syntax& node) {
  Binding binding;
  if (scopes_.back().contains(node.text)) {
    diagnostics_.add(Code::K0206, node.span, "`" + node.text + "` is declared twice");
    return;
  }
  syntax::NodeId value = node.children[0];
  if (at(value).kind == Kind::Function) {
    binding.function = value;
  } else if (is_table(value)) {
    binding.table = bind_table(value);
    binding.failed = !binding.table;
  } else {
    binding.scalar = bind_expr(value, nullptr);
    binding.failed = !binding.scalar;
  }
  scopes_.back()[node.text] = binding;
}

// `let V = view () { ... }` may be used by its bare name.
bool Binder::view_without_parameters(const Binding& binding) const {
  return binding.function != syntax::kNoNode && at(binding.function).text == "view" &&
         at(binding.function).children.size() == 1;
}

// True where a syntax node denotes a table: a pipeline, an operator, a table's name, a call of a tabular function.
bool Binder::is_table(syntax::NodeId id) {
  const Syntax& node = at(id);
  switch (node.kind) {
    case Kind::Pipe: case Kind::Operator: return true;
    case Kind::Subquery: return is_table(node.children[0]);
    case Kind::Name: {
      const Binding* binding = find(node.text);
      if (binding && binding->failed) return true;
      if (binding) return binding->table.has_value() || view_without_parameters(*binding);
      return schemas_.find(node.text) != nullptr;
    }
    case Kind::Call: {
      if (node.text == "materialize" || node.text == "table" || node.text == "view") return true;
      const Binding* binding = find(node.text);
      if (!binding || binding->function == syntax::kNoNode) return false;
      const Syntax& body = at(at(binding->function).children.back());
      if (body.children.empty()) return false;
      const Syntax& last = at(body.children.back());
      if (last.kind == Kind::Name) {  // a table parameter, or a table
        const Syntax& function = at(binding->function);
        for (size_t i = 0; i + 1 < function.children.size(); ++i)
          if (at(function.children[i]).text == last.text)
            return at(at(function.children[i]).children[0]).kind == Kind::Schema;
      }
      return is_table(body.children.back());
    }
    default: return false;
  }
}

Binder::Table Binder::bind_table(syntax::NodeId id) {
  const Syntax& node = at(id);
  if (too_deep(node.span)) return std::nullopt;
  ++depth_;
  Table out;
  switch (node.kind) {
    case Kind::Pipe: out = bind_pipe(node); break;
    case Kind::Operator: out = bind_operator(std::nullopt, id); break;
    case Kind::Subquery: out = bind_table(node.children[0]); break;
    case Kind::Error: break;
    default: out = bind_source(id);
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
  if (node.kind != Kind::Name) {
    if (node.kind == Kind::Member) return refuse_table(node.span, "a table of another database");
    diagnostics_.add(Code::K0206, node.span, "a table is needed here");
    return std::nullopt;
  }
  if (const Binding* binding = find(node.text)) {
    if (binding->table) return *binding->table;
    if (binding->failed) return std::nullopt;
    if (view_without_parameters(*binding)) return bind_body_table(binding->function, {}, node);
    diagnostics_.add(Code::K0206, node.span, "`" + node.text + "` is no table");
    return std::nullopt;
  }
  const Schema* schema = schemas_.find(node.text);
  if (!schema) {
    std::string nearest = schemas_.nearest(node.text);
    diagnostics_.add(Code::K0201, node.span, "no table is called `" + node.text + "`",
                     nearest.empty() ? "" : "did you mean `" + nearest + "`?");
    return std::nullopt;
  }
  Node scan;
  scan.kind = NodeKind::Scan;
  scan.table = node.text;
  scan.schema = *schema;
  scan.span = node.span;
  return add(std::move(scan));
}

Binder::Table Binder::bind_table_call(const Syntax& node) {
  if (node.text == "materialize" && node.children.size() == 1) return bind_table(node.children[0]);
  const Binding* binding = find(node.text);
  if (binding && binding->function != syntax::kNoNode) return bind_body_table(binding->function, node.children, node);
  return refuse_table(node.span, "the table function `" + node.text + "()`");
}

Binder::Table Binder::bind_body_table(syntax::NodeId function_id, const std::vector<syntax::NodeId>& args,
                                      const Syntax& call_node) {
  const Syntax& function = at(function_id);
  const Syntax& body = at(function.children.back());
  std::map<std::string, Binding, std::less<>> names;
  size_t num_params = function.children.size() - 1;
  if (args.size() > num_params) {
    diagnostics_.add(Code::K0204, call_node.span, "too many arguments for `" + call_node.text + "`");
    return std::nullopt;
  }
  for (size_t i = 0; i < num_params; ++i) {
    const Syntax& param = at(function.children[i]);
    syntax::NodeId given = i < args.size() ? args[i] : param.children.size() > 1 ? param.children[1] : syntax::kNoNode;
    if (given == syntax::kNoNode) {
      diagnostics_.add(Code::K0204, call_node.span, "argument `" + param.text + "` is missing");
      return std::nullopt;
    }
    Binding& binding = names[param.text];
    if (at(param.children[0]).kind == Kind::Schema) {
      binding.table = bind_table(given);
      if (!binding.table) return std::nullopt;
      continue;
    }
    Type type = Type::String;
    Scalar value = bind_expr(given, nullptr);
    if (!value || !find_type(at(param.children[0]).text, type)) return std::nullopt;
    binding.scalar = convert(*value, type, at(given).span);
    if (!binding.scalar) return std::nullopt;
  }
  scopes_.push_back(std::move(names));
  Table out;
  for (size_t i = 0; i < body.children.size(); ++i) {
    if (i + 1 < body.children.size()) {
      bind_statement(body.children[i], false);
    } else {
      out = bind_table(body.children[i]);
    }
  }
  scopes_.pop_back();
  return out;
}

Binder::Table Binder::bind_operator(Table input, syntax::NodeId id) {
  const Syntax& node = at(id);
  const std::string& name = node.text;
  if (name != "union" && name != "as") as_name_.clear();
  if (!input) {
    if (name == "print") return bind_print(node);
    if (name == "range") return bind_range(node);
    if (name == "datatable") return bind_datatable(node);
    if (name == "union") return bind_union(std::nullopt, node);
    return refuse_table(node.span, "`" + name + "`");
  }
  if (name == "where") return bind_where(*input, node);
  if (name == "extend") return bind_extend(*input, node);
  if (name == "project") return bind_project(*input, node);
  if (name == "project-away") return bind_project_some(*input, node, false);
  if (name == "project-keep") return bind_project_some(*input, node, true);
  if (name == "project-rename") return bind_project_rename(*input, node);
  if (name == "project-reorder") return bind_project_reorder(*input, node);
  if (name == "summarize") return bind_summarize(*input, node);
  if (name == "distinct") return bind_distinct(*input, node);
  if (name == "take") return bind_take(*input, node);
  if (name == "sort") return bind_sort(*input, node, false);
  if (name == "top") return bind_sort(*input, node, true);
  if (name == "union") return bind_union(input, node);
  if (name == "count") {
    Node count;
    count.kind = NodeKind::Count;
    count.schema = {{"Count", Type::Long}};
    count.inputs = {*input};
    count.span = node.span;
    return add(std::move(count));
  }
  if (name == "as") {
    as_name_ = at(node.children.back()).text;
    scopes_.back()[as_name_].table = *input;
    return input;
  }
  if (name == "render") {
    plan_.render = at(node.children[0]).text;
    return input;
  }
  return refuse_table(node.span, "the operator `" + name + "`");
}

Binder::Table Binder::bind_where(NodeId input, const Syntax& node) {
  Schema schema = plan_.nodes[input].schema;
  Scalar predicate = bind_expr(node.children.back(), &schema);
  if (predicate && type_of(*predicate) != Type::Bool)
    predicate = convert(*predicate, Type::Bool, at(node.children.back()).span);
  if (!predicate) return std::nullopt;
  Node filter;
  filter.kind = NodeKind::Filter;
  filter.schema = std::move(schema);
  filter.exprs = {*predicate};
  filter.inputs = {input};
  filter.span = node.span;
  return add(std::move(filter));
}

std::string Binder::unique_name(const Schema& schema, std::string name) const {
  auto taken = [&](const std::string& candidate) {
    return std::any_of(schema.begin(), schema.end(), [&](const ColumnDef& c) { return c.name == candidate; });
  };
  if (!taken(name)) return name;
  for (int i = 1;; ++i)
    if (std::string numbered = name + std::to_string(i); !taken(numbered)) return numbered;
}

std::string Binder::name_of(syntax::NodeId id) const {
  const Syntax& node = at(id);
  switch (node.kind) {
    case Kind::Name: return node.text;
    case Kind::Named: return node.text;
    case Kind::Member: {
      std::string object = name_of(node.children[0]);
      return object.empty() ? node.text : object + "_" + node.text;
    }
    case Kind::Index: {
      std::string object = name_of(node.children[0]);
      const Syntax& index = at(node.children[1]);
      if (index.kind == Kind::String || index.kind == Kind::Long) return object.empty() ? "" : object + "_" + index.text;
      return object;
    }
    case Kind::Call:
      for (const Function& row : function_table())
        if (node.text == row.spec.name && row.spec.result_name == ResultName::FirstArgument && !node.children.empty())
          return name_of(node.children[0]);
      return "";
    default: return "";
  }
}

namespace {

Expr column_expr(int column, Type type, source::Span span) {
  Expr expr;
  expr.kind = ExprKind::Column;
  expr.type = type;
  expr.column = column;
  expr.span = span;
  return expr;
}

bool matches_wildcard(std::string_view pattern, std::string_view name) {
  size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  std::string_view head = pattern.substr(0, star), tail = pattern.substr(star + 1);
  if (!name.starts_with(head)) return false;
  name.remove_prefix(head.size());
  if (tail.find('*') == std::string_view::npos) return name.ends_with(tail) && name.size() >= tail.size();
  for (size_t skip = 0; skip <= name.size(); ++skip)
    if (matches_wildcard(tail, name.substr(skip)) ||
        (skip <= name.size() && matches_wildcard(std::string("*") + std::string(tail), name.substr(skip)) && skip > 0))
      return true;
  return false;
}

}  // namespace

Binder::Table Binder::bind_extend(NodeId input, const Syntax& node) {
  Schema before = plan_.nodes[input].schema, schema = before;
  std::vector<ExprId> exprs;
  for (size_t i = 0; i < before.size(); ++i)
    exprs.push_back(add_expr(column_expr(static_cast<int>(i), before[i].type, node.span)));
  size_t unnamed = 0;
  std::set<std::string> assigned;
  for (syntax::NodeId child : node.children) {
    if (at(child).kind == Kind::Option) continue;
    if (at(child).kind == Kind::Named && at(child).children.size() > 1) return refuse_table(at(child).span, "several names for one value");
    Scalar value = bind_expr(child, &before);
    if (!value) return std::nullopt;
    std::string name = name_of(child);
    bool given = at(child).kind == Kind::Named;
    if (name.empty()) name = "Column" + std::to_string(++unnamed);
    auto known = std::find_if(schema.begin(), schema.end(), [&](const ColumnDef& c) { return c.name == name; });
    if (given && !assigned.insert(name).second) {
      diagnostics_.add(Code::K0206, at(child).span, "`" + name + "` is set twice");
      return std::nullopt;
    }
    if (known != schema.end() && (given || at(child).kind == Kind::Name)) {
      exprs[static_cast<size_t>(known - schema.begin())] = *value;
      known->type = type_of(*value);
    } else {
      name = unique_name(schema, name);
      schema.push_back({name, type_of(*value)});
      exprs.push_back(*value);
    }
  }
  return project(input, std::move(schema), std::move(exprs), node.span);
}

Binder::Table Binder::bind_project(NodeId input, const Syntax& node) {
  Schema before = plan_.nodes[input].schema, schema;
  std::vector<ExprId> exprs;
  size_t unnamed = 0;
  for (syntax::NodeId child : node.children) {
    const Syntax& item = at(child);
    if (item.kind == Kind::Option) continue;
    if (item.kind == Kind::Named && item.children.size() > 1) return refuse_table(item.span, "several names for one value");
    if (item.kind == Kind::Star || item.kind == Kind::Wildcard) {
      bool any = false;
      for (size_t i = 0; i < before.size(); ++i)
        if (matches_wildcard(item.text, before[i].name)) {
          any = true;
          schema.push_back(before[i]);
          exprs.push_back(add_expr(column_expr(static_cast<int>(i), before[i].type, item.span)));
        }
      if (!any) diagnostics_.add(Code::K0203, item.span, "no column matches `" + item.text + "`");
      continue;
    }
    Scalar value = bind_expr(child, &before);
    if (!value) return std::nullopt;
    std::string name = name_of(child);
    if (name.empty()) name = "Column" + std::to_string(++unnamed);
    bool taken = std::any_of(schema.begin(), schema.end(), [&](const ColumnDef& c) { return c.name == name; });
    if (taken && (item.kind == Kind::Named || item.kind == Kind::Name)) {
      diagnostics_.add(Code::K0206, item.span, "the column `" + name + "` is declared twice");
      return std::nullopt;
    }
    schema.push_back({unique_name(schema, name), type_of(*value)});
    exprs.push_back(*value);
  }
  return project(input, std::move(schema), std::move(exprs), node.span);
}

Binder::Table Binder::bind_project_some(NodeId input, const Syntax& node, bool keep) {
  const Schema before = plan_.nodes[input].schema;
  std::vector<bool> named(before.size(), false);
  for (syntax::NodeId child : node.children) {
    const Syntax& item = at(child);
    bool any = false;
    for (size_t i = 0; i < before.size(); ++i)
      if (item.kind == Kind::Wildcard || item.kind == Kind::Star ? matches_wildcard(item.text, before[i].name)
                                                                 : before[i].name == item.text) {
        named[i] = true;
        any = true;
      }
    if (!any && item.kind != Kind::Wildcard && item.kind != Kind::Star) {
      bind_expr(child, &before);
      return std::nullopt;
    }
  }
  Schema schema;
  std::vector<ExprId> exprs;
  for (size_t i = 0; i < before.size(); ++i)
    if (named[i] == keep) {
      schema.push_back(before[i]);
      exprs.push_back(add_expr(column_expr(static_cast<int>(i), before[i].type, node.span)));
    }
  return project(input, std::move(schema), std::move(exprs), node.span);
}

Binder::Table Binder::bind_project_rename(NodeId input, const Syntax& node) {
  Schema schema = plan_.nodes[input].schema;
  const Schema before = schema;
  std::vector<ExprId> exprs;
  for (syntax::NodeId child : node.children) {
    const Syntax& item = at(child);
    Scalar value = bind_expr(child, &before);
    if (!value) return std::nullopt;
    if (item.kind != Kind::Named || plan_.exprs[*value].kind != ExprKind::Column) {
      diagnostics_.add(Code::K0204, item.span, "project-rename takes `new_name = column`");
      return std::nullopt;
    }
    schema[static_cast<size_t>(plan_.exprs[*value].column)].name = item.text;
  }
  std::set<std::string> names;
  for (size_t i = 0; i < before.size(); ++i) {
    exprs.push_back(add_expr(column_expr(static_cast<int>(i), before[i].type, node.span)));
    if (!names.insert(schema[i].name).second) {
      diagnostics_.add(Code::K0206, node.span, "the column `" + schema[i].name + "` is declared twice");
      return std::nullopt;
    }
  }
  return project(input, std::move(schema), std::move(exprs), node.span);
}

Binder::Table Binder::bind_project_reorder(NodeId input, const Syntax& node) {
  const Schema before = plan_.nodes[input].schema;
  std::vector<size_t> order;
  std::vector<bool> placed(before.size(), false);
  for (syntax::NodeId child : node.children) {
    const Syntax& item = at(child);
    if (item.kind == Kind::Sort && item.text.starts_with("granny")) return refuse_table(item.span, "`" + item.text + "`");
    const Syntax& name = item.kind == Kind::Sort ? at(item.children[0]) : item;
    std::vector<size_t> matched;
    for (size_t i = 0; i < before.size(); ++i)
      if (!placed[i] && (name.kind == Kind::Name ? before[i].name == name.text : matches_wildcard(name.text, before[i].name)))
        matched.push_back(i);
    if (matched.empty() && name.kind == Kind::Name &&
        std::none_of(before.begin(), before.end(), [&](const ColumnDef& c) { return c.name == name.text; })) {
      bind_name(name, &before);
      return std::nullopt;
    }
    if (item.kind == Kind::Sort)
      std::sort(matched.begin(), matched.end(), [&](size_t a, size_t b) {
        return item.text == "asc" ? before[a].name < before[b].name : before[a].name > before[b].name;
      });
    for (size_t i : matched) {
      placed[i] = true;
      order.push_back(i);
    }
  }
  for (size_t i = 0; i < before.size(); ++i)
    if (!placed[i]) order.push_back(i);
  Schema schema;
  std::vector<ExprId> exprs;
  for (size_t i : order) {
    schema.push_back(before[i]);
    exprs.push_back(add_expr(column_expr(static_cast<int>(i), before[i].type, node.span)));
  }
  return project(input, std::move(schema), std::move(exprs), node.span);
}

Binder::Table Binder::bind_distinct(NodeId input, const Syntax& node) {
  bool star = std::any_of(node.children.begin(), node.children.end(), [&](syntax::NodeId id) { return at(id).kind == Kind::Star; });
  Table projected = star ? Table(input) : bind_project(input, node);
  if (!projected) return std::nullopt;
  Node distinct;
  distinct.kind = NodeKind::Distinct;
  distinct.schema = plan_.nodes[*projected].schema;
  distinct.inputs = {*projected};
  distinct.span = node.span;
  return add(std::move(distinct));
}

std::optional<int64_t> Binder::bind_limit(syntax::NodeId id) {
  Scalar value = bind_expr(id, nullptr);
  if (!value) return std::nullopt;
  auto cell = constant(*value);
  Type type = type_of(*value);
  if (!cell || !cell->valid || (type != Type::Long && type != Type::Int)) {
    diagnostics_.add(Code::K0204, at(id).span, "the number of rows must be a constant whole number");
    return std::nullopt;
  }
  int64_t rows = type == Type::Int ? cell->i : cell->l;
  if (rows < 0) {
    diagnostics_.add(Code::K0204, at(id).span, "the number of rows cannot be negative");
    return std::nullopt;
  }
  return rows;
}

Binder::Table Binder::bind_take(NodeId input, const Syntax& node) {
  auto limit = bind_limit(node.children.back());
  if (!limit) return std::nullopt;
  Node take;
  take.kind = NodeKind::Take;
  take.schema = plan_.nodes[input].schema;
  take.limit = *limit;
  take.inputs = {input};
  take.span = node.span;
  return add(std::move(take));
}

// sort and top: keys that are no columns are computed before and dropped after.
Binder::Table Binder::bind_sort(NodeId input, const Syntax& node, bool top) {
  const Schema before = plan_.nodes[input].schema;
  Node sort;
  sort.kind = top ? NodeKind::Top : NodeKind::Sort;
  sort.span = node.span;
  std::vector<syntax::NodeId> items;
  for (syntax::NodeId child : node.children) {
    const Syntax& part = at(child);
    if (part.kind == Kind::Sort) items.push_back(child);
    if (part.kind == Kind::By) items.insert(items.end(), part.children.begin(), part.children.end());
    if (top && part.kind != Kind::Sort && part.kind != Kind::By && part.kind != Kind::Option) {
      auto limit = bind_limit(child);
      if (!limit) return std::nullopt;
      sort.limit = *limit;
    }
  }
  Schema schema = before;
  std::vector<ExprId> exprs;
  for (size_t i = 0; i < before.size(); ++i)
    exprs.push_back(add_expr(column_expr(static_cast<int>(i), before[i].type, node.span)));
  for (syntax::NodeId id : items) {
    const Syntax& item = at(id);
    Scalar value = bind_expr(item.children[0], &before);
    if (!value) return std::nullopt;
    if (type_of(*value) == Type::Dynamic) {
      diagnostics_.add(Code::K0204, item.span, "a dynamic value has no order", "convert it, as with tostring()");
      return std::nullopt;
    }
    SortKey key;
    key.descending = !item.text.starts_with("asc");
    key.nulls_first = item.text.ends_with("first") || (!key.descending && !item.text.ends_with("last"));
    if (plan_.exprs[*value].kind == ExprKind::Column) {
      key.column = plan_.exprs[*value].column;
    } else {
      key.column = static_cast<int>(schema.size());
      schema.push_back({"", type_of(*value)});
      exprs.push_back(*value);
    }
    sort.sort_keys.push_back(key);
  }
  bool computed = schema.size() > before.size();
  if (computed) input = project(input, schema, exprs, node.span);
  sort.schema = std::move(schema);
  sort.inputs = {input};
  NodeId sorted = add(std::move(sort));
  if (!computed) return sorted;
  exprs.resize(before.size());
  return project(sorted, before, std::move(exprs), node.span);
}

Binder::Table Binder::bind_union(Table first, const Syntax& node) {
  Node out;
  out.kind = NodeKind::Union;
  out.span = node.span;
  std::string source_column;
  bool inner = false, fuzzy = false;
  std::vector<std::string> source_names;
  if (first) {
    out.inputs.push_back(*first);
    source_names.push_back(as_name_.empty() ? "union_arg0" : as_name_);
  }
  for (syntax::NodeId child : node.children) {
    const Syntax& part = at(child);
    if (part.kind == Kind::Option) {
      const std::string& value = at(part.children[0]).text;
      if (part.text == "withsource" || part.text == "with_source") source_column = value;
      if (part.text == "kind") inner = value == "inner";
      if (part.text == "isfuzzy") fuzzy = value == "true" || value == "True";
      continue;
    }
    if (part.kind == Kind::Wildcard || part.kind == Kind::Star) return refuse_table(part.span, "a wildcard of tables");
    const Syntax& inside = at(part.children[0]);
    // isfuzzy leaves out tables that do not exist.
    if (fuzzy && inside.kind == Kind::Name && !find(inside.text) && !schemas_.find(inside.text)) continue;
    as_name_.clear();
    Table table = bind_table(child);
    if (!table) return std::nullopt;
    out.inputs.push_back(*table);
    std::string numbered = as_name_.empty() ? "union_arg" + std::to_string(source_names.size()) : as_name_;
    source_names.push_back(inside.kind == Kind::Name ? inside.text : numbered);
  }
  if (inner) return refuse_table(node.span, "`union kind=inner`");
  if (!source_column.empty()) {
    for (size_t i = 0; i < out.inputs.size(); ++i) {
      const Schema before = plan_.nodes[out.inputs[i]].schema;
      Schema schema{{source_column, Type::String}};
      std::vector<ExprId> exprs{literal(make_cell(plan_.arena->copy(std::string_view(source_names[i]))), Type::String, node.span)};
      for (size_t c = 0; c < before.size(); ++c) {
        schema.push_back(before[c]);
        exprs.push_back(add_expr(column_expr(static_cast<int>(c), before[c].type, node.span)));
      }
      out.inputs[i] = project(out.inputs[i], std::move(schema), std::move(exprs), node.span);
    }
  }
  // Columns of one name and one type are one; of one name and several types each gets the type as a suffix.
  std::map<std::string, std::set<Type>> types;
  for (NodeId input : out.inputs)
    for (const ColumnDef& column : plan_.nodes[input].schema) types[column.name].insert(column.type);
  auto union_name = [&](const ColumnDef& column) {
    if (types[column.name].size() == 1) return column.name;
    std::string name = column.name + "_" + std::string(type_name(column.type));
    return types.contains(name) ? name + "1" : name;
  };
  for (NodeId input : out.inputs)
    for (const ColumnDef& column : plan_.nodes[input].schema) {
      std::string name = union_name(column);
      if (std::none_of(out.schema.begin(), out.schema.end(), [&](const ColumnDef& c) { return c.name == name; }))
        out.schema.push_back({name, column.type});
    }
  for (NodeId input : out.inputs) {
    std::vector<int> mapping(out.schema.size(), -1);
    const Schema& schema = plan_.nodes[input].schema;
    for (size_t c = 0; c < schema.size(); ++c) {
      std::string name = union_name(schema[c]);
      for (size_t o = 0; o < out.schema.size(); ++o)
        if (out.schema[o].name == name) mapping[o] = static_cast<int>(c);
    }
    out.mappings.push_back(std::move(mapping));
  }
  return add(std::move(out));
}

Binder::Table Binder::bind_print(const Syntax& node) {
  Node one;
  one.kind = NodeKind::Rows;
  one.limit = 1;
  one.span = node.span;
  NodeId input = add(std::move(one));
  Schema schema;
  std::vector<ExprId> exprs;
  for (size_t i = 0; i < node.children.size(); ++i) {
    if (at(node.children[i]).kind == Kind::Named && at(node.children[i]).children.size() > 1)
      return refuse_table(at(node.children[i]).span, "several names for one value");
    Scalar value = bind_expr(node.children[i], nullptr);
    if (!value) return std::nullopt;
    std::string name = at(node.children[i]).kind == Kind::Named ? at(node.children[i]).text : "print_" + std::to_string(i);
    if (at(node.children[i]).kind == Kind::Name) name = at(node.children[i]).text;
    schema.push_back({unique_name(schema, name), type_of(*value)});
    exprs.push_back(*value);
  }
  return project(input, std::move(schema), std::move(exprs), node.span);
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
    Type type = rows.schema[i % rows.schema.size()].type;
    const Syntax& item = at(values.children[i]);
    Scalar value = bind_expr(values.children[i], nullptr);
    if (!value) return std::nullopt;
    bool text = type_of(*value) == Type::String && type != Type::String && type != Type::Dynamic;
    static constexpr std::string_view kConverters[] = {"tobool", "toint", "tolong", "toreal", "todecimal",
                                                       "todatetime", "totimespan", "toguid", "tostring", "todynamic"};
    if (text) value = call(std::string(kConverters[static_cast<int>(type)]), {*value}, item.span);
    if (value && type == Type::Dynamic && type_of(*value) != Type::Dynamic) {
      auto cell = constant(*value);
      if (cell) value = literal(make_cell(dynamic::from_cell(*cell, type_of(*value), *plan_.arena)), Type::Dynamic, item.span);
    }
    if (value) value = convert(*value, type, item.span);
    auto cell = value ? constant(*value) : std::nullopt;
    if (!cell) {
      if (value) diagnostics_.add(Code::K0204, item.span, "datatable holds constants only");
      return std::nullopt;
    }
    rows.cells.push_back(*cell);
  }
  rows.limit = static_cast<int64_t>(values.children.size() / rows.schema.size());
  return add(std::move(rows));
}

}  // namespace kqlc::plan

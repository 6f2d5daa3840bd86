// SPDX-License-Identifier: Apache-2.0
//
// Statements: let, declare, set, and the functions that let declares. In: statement nodes. Out: names in
// scopes, and the results of the query. A function has no plan of its own: its body is bound at each call, in
// a scope below the one it was declared in, with its arguments as names.
#include "compiler/plan/binder.h"

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
    diagnostics_.add(Code::K0206, at(tree_.root).span, "the query gives no result",
                     "end it with a table expression");
  return !diagnostics_.has_errors();
}

Binder::Inside::Inside(Binder& binder, size_t parent, size_t limit, Names names)
    : binder_(binder), before_(binder.current_) {
  binder_.scopes_.push_back({std::move(names), parent, limit});
  binder_.current_ = binder_.scopes_.size() - 1;
}

Binder::Inside::~Inside() {
  binder_.scopes_.pop_back();
  binder_.current_ = before_;
}

const Binding* Binder::find(std::string_view name) const {
  size_t limit = SIZE_MAX;
  for (size_t scope = current_; scope != kNoScope; scope = scopes_[scope].parent) {
    auto found = scopes_[scope].names.find(name);
    if (found != scopes_[scope].names.end() && found->second.serial < limit) return &found->second;
    limit = std::min(limit, scopes_[scope].limit);
  }
  return nullptr;
}

Binding& Binder::declare(const std::string& name) {
  Binding& binding = scopes_[current_].names[name];
  binding = {};
  binding.scope = current_;
  binding.serial = ++serials_;
  return binding;
}

void Binder::bind_statement(syntax::NodeId id, bool top) {
  const Syntax& node = at(id);
  switch (node.kind) {
    case Kind::Let:
      bind_let(node);
      return;
    case Kind::Set:
      return;  // client request options change nothing about the rows
    case Kind::Declare:
      bind_declare(node);
      return;
    case Kind::Statement:
      refuse_table(node.span, "the statement `" + node.text + "`");
      return;
    case Kind::Error:
      return;
    default:
      if (Table table = bind_table(id); table && top) plan_.results.push_back(*table);
  }
}

void Binder::bind_let(const Syntax& node) {
  const auto& names = scopes_[current_].names;
  if (names.contains(node.text) && names.find(node.text)->second.serial != 0) {
    diagnostics_.add(Code::K0206, node.span, "`" + node.text + "` is declared twice");
    return;
  }
  syntax::NodeId value = node.children[0];
  Binding bound;
  if (at(value).kind == Kind::Function) {
    bound.function = value;
  } else if (is_table(value)) {
    bound.table = bind_table(value);
    bound.failed = !bound.table;
  } else {
    bound.scalar = bind_expr(value, nullptr);
    bound.failed = !bound.scalar;
  }
  Binding& binding = declare(node.text);
  binding.scalar = bound.scalar;
  binding.table = bound.table;
  binding.function = bound.function;
  binding.failed = bound.failed;
}

// Query parameters have the values of their defaults: there is nobody here who could give others.
void Binder::bind_declare(const Syntax& node) {
  for (syntax::NodeId id : node.children) {
    const Syntax& param = at(id);
    Binding bound;
    if (param.children.size() < 2) {
      refuse(param.span, "the query parameter `" + param.text + "` without a default");
      bound.failed = true;
    } else {
      bound.failed = !bind_argument(param, param.children[1], nullptr, bound);
    }
    Binding& binding = declare(param.text);
    binding.scalar = bound.scalar;
    binding.failed = bound.failed;
  }
}

// True where a syntax node denotes a table: a pipeline, an operator, a table's name, a call of a tabular
// function.
bool Binder::is_table(syntax::NodeId id) {
  const Syntax& node = at(id);
  switch (node.kind) {
    case Kind::Pipe:
    case Kind::Operator:
      return true;
    case Kind::Subquery:
      return is_table(node.children[0]);
    case Kind::Name: {
      const Binding* binding = find(node.text);
      if (!binding) return schemas_.find(node.text) != nullptr;
      if (binding->failed || binding->table) return true;
      return binding->function != syntax::kNoNode && is_tabular_function(*binding);
    }
    case Kind::Call: {
      const Binding* binding = find(node.text);
      if (binding && binding->function != syntax::kNoNode) return is_tabular_function(*binding);
      return node.text == "materialize" || node.text == "table" || node.text == "view";
    }
    default:
      return false;
  }
}

// What the last statement of a function's body denotes; names inside stand for tables or scalars, unbound.
bool Binder::is_tabular_function(const Binding& binding) {
  syntax::NodeId id = binding.function;
  if (auto known = tabular_.find(id); known != tabular_.end()) return known->second;
  tabular_[id] = false;
  const Syntax& function = at(id);
  const Syntax& body = at(function.children.back());
  if (body.children.empty() || depth_ >= kMaxDepth) return false;
  Inside inside(*this, binding.scope, binding.serial, {});
  ++depth_;
  auto stand_in = [&](const std::string& name, bool table) {
    Binding& named = declare(name);
    if (table) named.table = 0;
    if (!table) named.scalar = 0;
  };
  for (size_t i = 0; i + 1 < function.children.size(); ++i)
    stand_in(at(function.children[i]).text, at(at(function.children[i]).children[0]).kind == Kind::Schema);
  for (syntax::NodeId statement : body.children) {
    if (at(statement).kind != Kind::Let) continue;
    syntax::NodeId value = at(statement).children[0];
    bool nested = at(value).kind == Kind::Function;
    stand_in(at(statement).text, !nested && is_table(value));
    if (nested) scopes_[current_].names[at(statement).text].function = value;
  }
  bool tabular = is_table(body.children.back());
  --depth_;
  return tabular_[id] = tabular;
}

// Gives each parameter its argument: by name, or by its place among all arguments; then come the defaults.
bool Binder::bind_arguments(const Syntax& function, const Syntax& call, Table piped, const Schema* row,
                            Names& names) {
  size_t num_params = function.children.size() - 1, next = piped ? 1 : 0;
  std::map<std::string, syntax::NodeId> given;
  for (syntax::NodeId child : call.kind == Kind::Call ? call.children : std::vector<syntax::NodeId>()) {
    bool named = at(child).kind == Kind::Named;
    std::string name = named ? at(child).text : next < num_params ? at(function.children[next]).text : "";
    ++next;
    if (name.empty() || !given.emplace(name, named ? at(child).children.back() : child).second) {
      diagnostics_.add(Code::K0204, at(child).span, "one argument too many for `" + call.text + "`");
      return false;
    }
  }
  size_t used = 0;
  for (size_t i = 0; i < num_params; ++i) {
    const Syntax& param = at(function.children[i]);
    Binding& binding = names[param.text];
    if (i == 0 && piped) {
      binding.table = match_table_parameter(*piped, at(param.children[0]), call.span);
      if (!binding.table) return false;
      continue;
    }
    auto argument = given.find(param.text);
    used += argument != given.end();
    syntax::NodeId value = argument != given.end()     ? argument->second
                           : param.children.size() > 1 ? param.children[1]
                                                       : syntax::kNoNode;
    if (value == syntax::kNoNode) {
      diagnostics_.add(Code::K0204, call.span,
                       "argument `" + param.text + "` of `" + call.text + "` is missing");
      return false;
    }
    if (!bind_argument(param, value, argument != given.end() ? row : nullptr, binding)) return false;
  }
  if (used != given.size())
    diagnostics_.add(Code::K0204, call.span, "`" + call.text + "` has no parameter of such a name");
  return used == given.size();
}

bool Binder::bind_argument(const Syntax& param, syntax::NodeId given, const Schema* row, Binding& binding) {
  const Syntax& type_node = at(param.children[0]);
  if (type_node.kind == Kind::Schema) {
    Table table = bind_table(given);
    if (table) binding.table = match_table_parameter(*table, type_node, at(given).span);
    return binding.table.has_value();
  }
  Type type = Type::String;
  if (!find_type(type_node.text, type)) {
    diagnostics_.add(Code::K0204, type_node.span, "no such type: `" + type_node.text + "`");
    return false;
  }
  Scalar value = bind_expr(given, row);
  if (value) binding.scalar = convert(*value, type, at(given).span);
  return binding.scalar.has_value();
}

// A parameter T:(a:long) takes tables that have these columns and shows the body only these; T:(*) shows all.
Binder::Table Binder::match_table_parameter(NodeId table, const Syntax& schema, source::Span span) {
  const Schema& given = plan_.nodes[table].schema;
  std::vector<size_t> positions;
  for (syntax::NodeId id : schema.children) {
    Type type = Type::String;
    bool known = find_type(at(at(id).children[0]).text, type);
    size_t i = 0;
    while (i < given.size() && given[i].name != at(id).text) ++i;
    if (!known || i == given.size() || given[i].type != type) {
      diagnostics_.add(
          Code::K0204, span,
          "the table must have a column `" + at(id).text + "` of type " + at(at(id).children[0]).text);
      return std::nullopt;
    }
    positions.push_back(i);
  }
  if (schema.text == "*" || positions.empty()) return table;
  return project_columns(table, positions, span);
}

void Binder::bind_body_statements(const Syntax& body) {
  for (size_t i = 0; i + 1 < body.children.size(); ++i) bind_statement(body.children[i], false);
}

Binder::Table Binder::bind_table_function(const Binding& binding, const Syntax& call, Table piped) {
  const Syntax& function = at(binding.function);
  const Syntax& body = at(function.children.back());
  Names names;
  if (body.children.empty() || !bind_arguments(function, call, piped, nullptr, names)) return std::nullopt;
  Inside inside(*this, binding.scope, binding.serial, std::move(names));
  bind_body_statements(body);
  return bind_table(body.children.back());
}

Binder::Scalar Binder::bind_scalar_function(const Binding& binding, const Syntax& call, const Schema* row) {
  const Syntax& function = at(binding.function);
  const Syntax& body = at(function.children.back());
  if (is_tabular_function(binding)) return refuse(call.span, "a table as a value");
  Names names;
  if (body.children.empty() || !bind_arguments(function, call, std::nullopt, row, names)) return std::nullopt;
  Inside inside(*this, binding.scope, binding.serial, std::move(names));
  bind_body_statements(body);
  return bind_expr(body.children.back(), nullptr);
}

}  // namespace kqlc::plan

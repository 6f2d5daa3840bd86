// SPDX-License-Identifier: Apache-2.0
//
// Expressions: names, literals, operators and calls become typed expressions. Overloads are chosen by the least
// conversion; conversions are calls of the registry's own rows (tolong, toreal, tostring), so they mean one thing.
#include <strings.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "compiler/plan/binder.h"
#include "compiler/reference/evaluate.h"
#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"
#include "runtime/value/guid.h"

namespace kqlc::plan {

using source::Code;
using syntax::Kind;

namespace {

// The function that converts to `type`.
std::string_view converter(Type type) {
  static constexpr std::string_view kConverters[] = {"tobool", "toint", "tolong", "toreal", "todecimal",
                                                     "todatetime", "totimespan", "toguid", "tostring", "todynamic"};
  return kConverters[static_cast<int>(type)];
}

}  // namespace

ExprId Binder::add_expr(Expr expr) {
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

Binder::Scalar Binder::refuse(source::Span span, const std::string& what) {
  diagnostics_.add(Code::K0301, span, what + " is not supported yet");
  return std::nullopt;
}

const Binding* Binder::find(std::string_view name) const {
  for (size_t i = scopes_.size(); i-- > 0;)
    if (auto found = scopes_[i].find(name); found != scopes_[i].end()) return &found->second;
  return nullptr;
}

std::optional<Cell> Binder::constant(ExprId id) {
  if (!reference::is_constant(plan_, id)) return std::nullopt;
  return reference::evaluate(plan_, id, nullptr, context_);
}

bool Binder::too_deep(source::Span span) {
  if (depth_ < kMaxDepth) return false;
  diagnostics_.add(Code::K0103, span, "the query is nested too deeply");
  return true;
}

Binder::Scalar Binder::bind_expr(syntax::NodeId id, const Schema* row) {
  const Syntax& node = at(id);
  if (too_deep(node.span)) return std::nullopt;
  ++depth_;
  Scalar out;
  switch (node.kind) {
    case Kind::Name: out = bind_name(node, row); break;
    case Kind::String: case Kind::Long: case Kind::Real: case Kind::TimeSpan: case Kind::Bool:
      out = bind_literal(node);
      break;
    case Kind::Typed: out = bind_typed(node); break;
    case Kind::Dynamic: out = bind_dynamic(node, node.children[0]); break;
    case Kind::And: case Kind::Or: out = bind_logic(node, row); break;
    case Kind::Binary: out = bind_binary(node, row); break;
    case Kind::Unary: {
      Scalar operand = bind_expr(node.children[0], row);
      if (operand) out = node.text == "-" ? call("-", {*operand}, node.span, true) : operand;
      break;
    }
    case Kind::InList: out = bind_in_list(node, row); break;
    case Kind::Between: out = bind_between(node, row); break;
    case Kind::Member: case Kind::Index: out = bind_path(node, row); break;
    case Kind::Call: out = bind_call(node, row); break;
    case Kind::Named: out = bind_expr(node.children.back(), row); break;
    case Kind::Subquery: case Kind::Pipe: out = refuse(node.span, "a query inside an expression"); break;
    case Kind::Star: out = refuse(node.span, "`*` as an operand"); break;
    case Kind::Error: break;
    default: diagnostics_.add(Code::K0204, node.span, "this cannot stand in an expression");
  }
  --depth_;
  return out;
}

Binder::Scalar Binder::bind_name(const Syntax& node, const Schema* row) {
  if (row)
    for (size_t i = 0; i < row->size(); ++i)
      if ((*row)[i].name == node.text) {
        Expr expr;
        expr.kind = ExprKind::Column;
        expr.type = (*row)[i].type;
        expr.column = static_cast<int>(i);
        expr.span = node.span;
        return add_expr(std::move(expr));
      }
  if (const Binding* binding = find(node.text)) {
    if (binding->scalar) return *binding->scalar;
    if (binding->failed) return std::nullopt;
    if (binding->table) return refuse(node.span, "a table as a value");
    diagnostics_.add(Code::K0206, node.span, "`" + node.text + "` is a function", "call it with brackets");
    return std::nullopt;
  }
  std::string best;
  size_t distance = 4;
  if (row)
    for (const ColumnDef& column : *row)
      if (size_t d = edit_distance(column.name, node.text); d < distance) {
        distance = d;
        best = column.name;
      }
  diagnostics_.add(Code::K0203, node.span, "no column or name `" + node.text + "` here",
                   best.empty() ? "" : "did you mean `" + best + "`?", "not known here");
  return std::nullopt;
}

Binder::Scalar Binder::bind_literal(const Syntax& node) {
  auto wrong = [&](std::string_view what) -> Scalar {
    diagnostics_.add(Code::K0205, node.span, "`" + node.text + "` is no " + std::string(what));
    return std::nullopt;
  };
  switch (node.kind) {
    case Kind::String: return literal(make_cell(plan_.arena->copy(std::string_view(node.text))), Type::String, node.span);
    case Kind::Bool: return literal(make_cell(node.text == "true"), Type::Bool, node.span);
    case Kind::Long: {
      int64_t value = 0;
      std::string_view text = node.text;
      bool hex = text.starts_with("0x") || text.starts_with("0X");
      if (hex) text.remove_prefix(2);
      uint64_t bits = 0;
      auto [end, error] = hex ? std::from_chars(text.data(), text.data() + text.size(), bits, 16)
                              : std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc() || end != text.data() + text.size()) return wrong("long");
      return literal(make_cell(hex ? static_cast<int64_t>(bits) : value), Type::Long, node.span);
    }
    case Kind::Real: return literal(make_cell(std::strtod(node.text.c_str(), nullptr)), Type::Real, node.span);
    default: {
      auto value = datetime::read_timespan(node.text);
      return value ? Scalar(literal(make_cell(*value), Type::TimeSpan, node.span)) : wrong("timespan");
    }
  }
}

Binder::Scalar Binder::bind_typed(const Syntax& node) {
  Type type = Type::String;
  find_type(node.extra, type);
  if (node.extra == "float") type = Type::Real;
  std::string_view text = node.text;
  if (text == "null" || text.empty()) return literal(null_cell(type), type, node.span);
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front())
    text = text.substr(1, text.size() - 2);
  std::optional<Cell> cell;
  int64_t whole = 0;
  bool is_whole = false;
  if (type == Type::Int || type == Type::Long) {
    bool hex = text.starts_with("0x");
    std::string_view digits = hex ? text.substr(2) : text;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), whole, hex ? 16 : 10);
    is_whole = error == std::errc() && end == digits.data() + digits.size();
  }
  switch (type) {
    case Type::DateTime: {
      // datetime(2017 - 08 - 01) and datetime(2025, 6, 14) are dates too.
      std::string compact;
      for (size_t i = 0; i < text.size(); ++i) {
        bool beside_dash = text[i] == ' ' && ((i > 0 && text[i - 1] == '-') || (i + 1 < text.size() && (text[i + 1] == '-' || text[i + 1] == ',')) ||
                                              (i > 0 && text[i - 1] == ','));
        if (!beside_dash) compact += text[i] == ',' ? '-' : text[i];
      }
      auto value = datetime::read_datetime(text);
      if (!value && std::count(text.begin(), text.end(), ',') % 2 == 0) value = datetime::read_datetime(compact);
      if (value) cell = make_cell(*value);
      break;
    }
    case Type::TimeSpan:
      if (auto value = datetime::read_timespan(text)) cell = make_cell(*value);
      break;
    case Type::Guid:
      if (auto value = guid::read(text)) cell = make_cell(*value);
      break;
    case Type::Decimal:
      if (auto value = decimal::read(text)) cell = make_cell(*value);
      break;
    case Type::Int:
      if (is_whole && whole == static_cast<int32_t>(whole)) cell = make_cell(static_cast<int32_t>(whole));
      break;
    case Type::Long:
      if (is_whole) cell = make_cell(whole);
      break;
    case Type::Real: {
      std::string copy(text);
      char* end = nullptr;
      double value = std::strtod(copy.c_str(), &end);
      if (end == copy.c_str() + copy.size()) cell = make_cell(value);
      break;
    }
    case Type::Bool:
      if (text == "true" || text == "false" || text == "1" || text == "0") cell = make_cell(text == "true" || text == "1");
      break;
    default: break;
  }
  if (!cell) {
    // Not a literal after all: `long(x)` and its like convert, as tolong does.
    diagnostics_.add(Code::K0205, node.span, "`" + node.text + "` is no " + std::string(type_name(type)),
                     "to convert a value, use `to" + std::string(type_name(type)) + "(...)`");
    return std::nullopt;
  }
  return literal(*cell, type, node.span);
}

bool Binder::dynamic_value(syntax::NodeId id, dynamic::Node& out) {
  const Syntax& node = at(id);
  Arena& arena = *plan_.arena;
  if (node.kind == Kind::Null) return true;
  if (node.kind == Kind::Array) {
    auto* items = arena.allocate_array<dynamic::Node>(node.children.size());
    for (size_t i = 0; i < node.children.size(); ++i)
      if (!dynamic_value(node.children[i], *::new (items + i) dynamic::Node())) return false;
    out.kind = dynamic::Kind::Array;
    out.items = items;
    out.size = static_cast<uint32_t>(node.children.size());
    return true;
  }
  if (node.kind == Kind::Bag) {
    auto* entries = arena.allocate_array<dynamic::Entry>(node.children.size());
    for (size_t i = 0; i < node.children.size(); ++i) {
      ::new (entries + i) dynamic::Entry();
      entries[i].key = arena.copy(std::string_view(at(node.children[i]).text));
      if (!dynamic_value(at(node.children[i]).children[0], entries[i].value)) return false;
    }
    out.kind = dynamic::Kind::Bag;
    out.entries = entries;
    out.size = static_cast<uint32_t>(node.children.size());
    return true;
  }
  Scalar value = bind_expr(id, nullptr);
  if (!value) return false;
  auto cell = constant(*value);
  if (!cell) {
    diagnostics_.add(Code::K0205, node.span, "a dynamic literal holds constants only", "use pack_array() or bag_pack()");
    return false;
  }
  out = dynamic::node_of_cell(*cell, type_of(*value), arena);
  return true;
}

Binder::Scalar Binder::bind_dynamic(const Syntax& node, syntax::NodeId id) {
  dynamic::Node value;
  if (!dynamic_value(id, value)) return std::nullopt;
  Cell cell = make_cell(dynamic::from_node(value, *plan_.arena));
  return literal(cell, Type::Dynamic, node.span);
}

Binder::Scalar Binder::bind_logic(const Syntax& node, const Schema* row) {
  Expr expr;
  expr.kind = node.kind == Kind::And ? ExprKind::And : ExprKind::Or;
  expr.type = Type::Bool;
  expr.span = node.span;
  bool good = true;
  for (syntax::NodeId child : node.children) {
    Scalar operand = bind_expr(child, row);
    if (operand && type_of(*operand) != Type::Bool) operand = convert(*operand, Type::Bool, at(child).span);
    if (operand) expr.args.push_back(*operand);
    good &= operand.has_value();
  }
  if (!good) return std::nullopt;
  return add_expr(std::move(expr));
}

Binder::Scalar Binder::bind_binary(const Syntax& node, const Schema* row) {
  Scalar left = bind_expr(node.children[0], row), right = bind_expr(node.children[1], row);
  if (!left || !right) return std::nullopt;
  static constexpr std::pair<std::string_view, std::string_view> kLegacy[] = {
      {"notcontains", "!contains"}, {"notcontainscs", "!contains_cs"}, {"containscs", "contains_cs"}, {":", "has"}};
  std::string op = node.text;
  for (auto [legacy, name] : kLegacy)
    if (op == legacy) op = name;
  return call(op, {*left, *right}, node.span, true);
}

Binder::Scalar Binder::bind_in_list(const Syntax& node, const Schema* row) {
  std::vector<ExprId> args;
  for (syntax::NodeId child : node.children) {
    if (&at(child) != &at(node.children[0]) && is_table(child)) return refuse(at(child).span, "`" + node.text + "` over a table");
    Scalar arg = bind_expr(child, row);
    if (!arg) return std::nullopt;
    args.push_back(*arg);
  }
  if (args.size() == 1) {
    diagnostics_.add(Code::K0204, node.span, "`" + node.text + "` needs at least one value");
    return std::nullopt;
  }
  bool lists = std::any_of(args.begin() + 1, args.end(), [&](ExprId id) { return type_of(id) == Type::Dynamic; });
  if (!lists && (node.text == "in" || node.text == "!in")) {
    Type type = type_of(args[0]);
    std::vector<size_t> all(args.size());
    for (size_t i = 0; i < all.size(); ++i) all[i] = i;
    if (type != Type::Dynamic && !unify(args, all, node.span, type)) return std::nullopt;
  }
  return call(node.text, std::move(args), node.span, true);
}

Binder::Scalar Binder::bind_between(const Syntax& node, const Schema* row) {
  Scalar value = bind_expr(node.children[0], row), low = bind_expr(node.children[1], row),
         high = bind_expr(node.children[2], row);
  if (!value || !low || !high) return std::nullopt;
  if (type_of(*high) == Type::TimeSpan && type_of(*value) == Type::DateTime) high = call("+", {*low, *high}, node.span, true);
  if (!high) return std::nullopt;
  Scalar from = call(">=", {*value, *low}, node.span, true), to = call("<=", {*value, *high}, node.span, true);
  if (!from || !to) return std::nullopt;
  Expr both;
  both.kind = ExprKind::And;
  both.type = Type::Bool;
  both.args = {*from, *to};
  both.span = node.span;
  ExprId inside = add_expr(std::move(both));
  return node.text == "between" ? Scalar(inside) : call("not", {inside}, node.span);
}

Binder::Scalar Binder::bind_path(const Syntax& node, const Schema* row) {
  Scalar object = bind_expr(node.children[0], row);
  if (!object) return std::nullopt;
  if (type_of(*object) != Type::Dynamic) {
    diagnostics_.add(Code::K0204, node.span, "a value of type " + std::string(type_name(type_of(*object))) + " has no members",
                     "parse_json() makes a dynamic value of a string");
    return std::nullopt;
  }
  if (node.kind == Kind::Member) {
    ExprId key = literal(make_cell(plan_.arena->copy(std::string_view(node.text))), Type::String, node.span);
    return call("dynamic_member", {*object, key}, node.span);
  }
  Scalar index = bind_expr(node.children[1], row);
  if (!index) return std::nullopt;
  return call(type_of(*index) == Type::String ? "dynamic_member" : "dynamic_element", {*object, *index}, node.span);
}

Binder::Scalar Binder::bind_call(const Syntax& node, const Schema* row) {
  if (const Binding* binding = find(node.text); binding && binding->function != syntax::kNoNode)
    return bind_function_call(*binding, node, row);
  if (!node.extra.empty()) return refuse(node.span, "a call on another database or cluster");
  static constexpr std::string_view kTabular[] = {"toscalar", "materialize", "table", "row_number", "prev", "next",
                                                  "row_cumsum", "row_rank", "row_window_session", "row_rank_dense", "row_rank_min"};
  if (std::find(std::begin(kTabular), std::end(kTabular), node.text) != std::end(kTabular))
    return refuse(node.span, "`" + node.text + "()`");
  if (node.text == "column_ifexists" || node.text == "columnifexists") {
    if (node.children.size() != 2 || at(node.children[0]).kind != Kind::String)
      return refuse(node.span, "`column_ifexists()` with a computed name");
    Syntax name = at(node.children[0]);
    bool known = row && std::any_of(row->begin(), row->end(), [&](const ColumnDef& c) { return c.name == name.text; });
    return known ? bind_name(name, row) : bind_expr(node.children[1], row);
  }
  if (node.text == "pack_all") return bind_pack_all(node, row);
  std::vector<ExprId> args;
  for (syntax::NodeId child : node.children) {
    if (at(child).kind == Kind::TypeOf && &at(child) == &at(node.children.back()) && node.text.starts_with("extract"))
      return bind_typed_call(node, std::move(args));
    Scalar arg = bind_expr(child, row);
    if (!arg) return std::nullopt;
    args.push_back(*arg);
  }
  if (node.text == "bag_pack_columns") return bind_pack_columns(node, args);
  if (node.text == "datetime_diff" && args.size() == 3) return bind_datetime_diff(node, std::move(args));
  if (node.text == "iff" || node.text == "iif" || node.text == "case" || node.text == "coalesce")
    return bind_case(node, std::move(args));
  return call(node.text, std::move(args), node.span);
}

// extract(..., typeof(long)): what is found, as that type.
Binder::Scalar Binder::bind_typed_call(const Syntax& node, std::vector<ExprId> args) {
  const Syntax& name = at(at(node.children.back()).children[0]);
  Type type = Type::String;
  if (name.kind != Kind::TypeName || !find_type(name.text, type)) return refuse(node.span, "`typeof` of a table here");
  Scalar found = call(node.text, std::move(args), node.span);
  if (!found || type == Type::String) return found;
  return call(std::string(converter(type)), {*found}, node.span);
}

// The engine counts weeks in a real, everything else in a long.
Binder::Scalar Binder::bind_datetime_diff(const Syntax& node, std::vector<ExprId> args) {
  auto part = type_of(args[0]) == Type::String ? constant(args[0]) : std::nullopt;
  Scalar count = call(node.text, std::move(args), node.span);
  return count && part && part->s.size == 4 && strncasecmp(part->s.data, "week", 4) == 0 ? convert(*count, Type::Real, node.span) : count;
}

// bag_pack of columns under their own names.
Binder::Scalar Binder::bind_pack_columns(const Syntax& node, const std::vector<ExprId>& columns) {
  std::vector<ExprId> pairs;
  for (size_t i = 0; i < columns.size(); ++i) {
    const Syntax& name = at(node.children[i]);
    if (name.kind != Kind::Name || plan_.exprs[columns[i]].kind != ExprKind::Column) return refuse(name.span, "`bag_pack_columns()` of what is no column");
    pairs.push_back(literal(make_cell(plan_.arena->copy(std::string_view(name.text))), Type::String, name.span));
    pairs.push_back(columns[i]);
  }
  return call("bag_pack", std::move(pairs), node.span);
}

// pack_all([ignore_null_empty]): all columns of the row in a bag.
Binder::Scalar Binder::bind_pack_all(const Syntax& node, const Schema* row) {
  if (!row) return refuse(node.span, "`pack_all()` outside of a table");
  bool skip_empty = false;
  if (node.children.size() == 1 && at(node.children[0]).kind == Kind::Bool) {
    skip_empty = at(node.children[0]).text == "true";
  } else if (!node.children.empty()) {
    return refuse(node.span, "`pack_all()` with an argument that is no literal bool");
  }
  std::vector<ExprId> pairs;
  for (size_t i = 0; i < row->size(); ++i) {
    Expr column;
    column.kind = ExprKind::Column;
    column.type = (*row)[i].type;
    column.column = static_cast<int>(i);
    column.span = node.span;
    pairs.push_back(literal(make_cell(plan_.arena->copy(std::string_view((*row)[i].name))), Type::String, node.span));
    pairs.push_back(add_expr(std::move(column)));
  }
  return call(skip_empty ? "bag_pack_filled" : "bag_pack", std::move(pairs), node.span);
}

Binder::Scalar Binder::bind_case(const Syntax& node, std::vector<ExprId> args) {
  bool coalesce = node.text == "coalesce", iff = node.text == "iff" || node.text == "iif";
  bool good = coalesce ? args.size() >= 1 : iff ? args.size() == 3 : args.size() >= 3 && args.size() % 2 == 1;
  if (!good) {
    diagnostics_.add(Code::K0204, node.span, "wrong number of arguments for `" + node.text + "`");
    return std::nullopt;
  }
  std::vector<size_t> values;
  for (size_t i = 0; i < args.size(); ++i) {
    if (coalesce || i % 2 == 1 || i + 1 == args.size()) {
      values.push_back(i);
    } else {
      Scalar condition = convert(args[i], Type::Bool, node.span);
      if (!condition) return std::nullopt;
      args[i] = *condition;
    }
  }
  Expr expr;
  if (!unify(args, values, node.span, expr.type)) return std::nullopt;
  expr.kind = coalesce ? ExprKind::Coalesce : ExprKind::Case;
  expr.args = std::move(args);
  expr.span = node.span;
  return add_expr(std::move(expr));
}

Binder::Scalar Binder::bind_function_call(const Binding& binding, const Syntax& node, const Schema* row) {
  if (too_deep(node.span)) return std::nullopt;
  const Syntax& function = at(binding.function);
  const Syntax& body = at(function.children.back());
  if (body.children.size() != 1) return refuse(node.span, "a function with statements of its own in an expression");
  std::map<std::string, Binding, std::less<>> names;
  size_t num_params = function.children.size() - 1, positional = 0;
  for (syntax::NodeId child : node.children) {
    const Syntax& argument = at(child);
    std::string name = argument.kind == Kind::Named ? argument.text
                       : positional < num_params    ? at(function.children[positional++]).text
                                                    : "";
    Scalar value = bind_expr(child, row);
    if (!value) return std::nullopt;
    names[name].scalar = *value;
  }
  for (size_t i = 0; i < num_params; ++i) {
    const Syntax& param = at(function.children[i]);
    auto given = names.find(param.text);
    Scalar value = given != names.end() ? given->second.scalar : std::nullopt;
    if (!value && param.children.size() > 1) value = bind_expr(param.children[1], nullptr);
    Type type = Type::String;
    if (!value || at(param.children[0]).kind != Kind::TypeName || !find_type(at(param.children[0]).text, type)) {
      diagnostics_.add(Code::K0204, node.span, "argument `" + param.text + "` of `" + node.text + "` is missing or no scalar");
      return std::nullopt;
    }
    value = convert(*value, type, node.span);
    if (!value) return std::nullopt;
    names[param.text].scalar = *value;
  }
  if (names.size() != num_params) {
    diagnostics_.add(Code::K0204, node.span, "too many arguments for `" + node.text + "`");
    return std::nullopt;
  }
  scopes_.push_back(std::move(names));
  ++depth_;
  Scalar out = bind_expr(body.children[0], nullptr);
  --depth_;
  scopes_.pop_back();
  return out;
}

namespace {

constexpr int kImpossible = 1000;

// How far a conversion reaches; 0: none needed. Widening only, and dynamic where a string is wanted.
int conversion_cost(Type from, const Param& param) {
  if (from == param.type) return param.text ? 1 : 0;
  if (param.text || param.value) return 20;
  switch (param.type) {
    case Type::Long: return from == Type::Int ? 1 : kImpossible;
    case Type::Real: return from == Type::Int ? 3 : from == Type::Long ? 2 : kImpossible;
    case Type::Decimal: return from == Type::Int || from == Type::Long ? 5 : from == Type::Real ? 6 : kImpossible;
    case Type::String: return from == Type::Dynamic ? 12 : kImpossible;
    default: return kImpossible;
  }
}

bool has_name(const Function& row, std::string_view name, bool is_operator) {
  if (is_operator) {
    for (const char* spelling : row.spec.operators)
      if (spelling && name == spelling) return true;
    return false;
  }
  if (name == row.spec.name) return true;
  for (const char* alias : row.spec.aliases)
    if (alias && name == alias) return true;
  return false;
}

int call_cost(const Function& row, const std::vector<Type>& types) {
  if (types.size() < row.num_params || (types.size() > row.num_params && !row.variadic)) return kImpossible;
  int cost = 0;
  for (size_t i = 0; i < types.size(); ++i) {
    if (row.spec.exact_arguments && types[i] != row.params[std::min<size_t>(i, row.num_params)].type) return kImpossible;
    cost += conversion_cost(types[i], row.params[std::min<size_t>(i, row.num_params)]);
    if (cost >= kImpossible) return kImpossible;
  }
  return cost + (row.variadic ? 1 : 0);
}

}  // namespace

Binder::Scalar Binder::call(const std::string& name, std::vector<ExprId> args, source::Span span, bool is_operator) {
  std::vector<Type> types;
  for (ExprId arg : args) types.push_back(type_of(arg));
  const Function* best = nullptr;
  int best_cost = kImpossible;
  bool known = false;
  for (const Function& row : function_table()) {
    if (!has_name(row, name, is_operator)) continue;
    known = true;
    int cost = call_cost(row, types);
    if (cost < best_cost) {
      best = &row;
      best_cost = cost;
    }
  }
  if (!known) return refuse(span, (is_operator ? "operator `" : "function `") + name + "`");
  if (!best) {
    std::string given;
    for (Type type : types) given += (given.empty() ? "" : ", ") + std::string(type_name(type));
    diagnostics_.add(Code::K0204, span, "`" + name + "` does not take (" + given + ")");
    return std::nullopt;
  }
  for (size_t i = 0; i < args.size(); ++i) {
    const Param& param = best->params[std::min<size_t>(i, best->num_params)];
    if (types[i] == param.type) continue;
    Scalar converted = param.value ? call("dynamic_of", {args[i]}, span) : convert(args[i], param.type, span);
    if (!converted) return std::nullopt;
    args[i] = *converted;
  }
  return prepare(*best, std::move(args), span);
}

// Makes the state of constant arguments, which also finds a wrong regular expression while there is a span to blame.
Binder::Scalar Binder::prepare(const Function& row, std::vector<ExprId> args, source::Span span) {
  Expr expr;
  expr.kind = ExprKind::Call;
  expr.type = row.result;
  expr.function = &row;
  expr.span = span;
  if (row.prepare) {
    std::vector<Cell> cells(args.size());
    bool all_constant = true;
    for (size_t i = 0; i < args.size(); ++i) {
      // The last bit of the mask stands for all arguments from there on.
      if (!(row.prepared_mask >> std::min<size_t>(i, 31) & 1)) continue;
      auto cell = constant(args[i]);
      all_constant &= cell.has_value();
      if (cell) cells[i] = *cell;
    }
    if (all_constant) {
      const char* error = nullptr;
      void* state = row.prepare(cells.data(), cells.size(), *plan_.arena, &error);
      if (!state) {
        diagnostics_.add(Code::K0204, span, std::string("`") + row.spec.name + "`: " + (error ? error : "wrong constant"));
        return std::nullopt;
      }
      expr.prepared = std::shared_ptr<void>(state, row.destroy);
    } else if (row.needs_constants) {
      return refuse(span, std::string("`") + row.spec.name + "` with an argument that is no constant");
    }
  }
  expr.args = std::move(args);
  return add_expr(std::move(expr));
}

Binder::Scalar Binder::convert(ExprId id, Type type, source::Span span) {
  Type from = type_of(id);
  if (from == type) return id;
  bool numeric = from == Type::Int || from == Type::Long || from == Type::Real || from == Type::Decimal;
  bool allowed = type == Type::String || from == Type::Dynamic ||
                 (numeric && (type == Type::Int || type == Type::Long || type == Type::Real || type == Type::Decimal)) ||
                 (type == Type::Bool && numeric);
  if (!allowed) {
    diagnostics_.add(Code::K0204, span, "a value of type " + std::string(type_name(type)) + " is needed, not " +
                                            std::string(type_name(from)));
    return std::nullopt;
  }
  return call(std::string(converter(type)), {id}, span);
}

// Brings some of the arguments to one type: the widest number, or dynamic where types differ otherwise.
bool Binder::unify(std::vector<ExprId>& args, const std::vector<size_t>& which, source::Span span, Type& type) {
  auto is_null_literal = [&](ExprId id) {
    const Expr& expr = plan_.exprs[id];
    return expr.kind == ExprKind::Literal && !expr.literal.valid && expr.type != Type::String;
  };
  auto numeric_rank = [](Type t) {
    return t == Type::Int ? 1 : t == Type::Long ? 2 : t == Type::Real ? 3 : t == Type::Decimal ? 4 : 0;
  };
  bool first = true;
  for (size_t i : which) {
    Type next = type_of(args[i]);
    if (first) {
      type = next;
      first = false;
    } else if (next != type && numeric_rank(next) && numeric_rank(type)) {
      if (numeric_rank(next) > numeric_rank(type)) type = next;
    } else if (next != type && type == Type::Dynamic) {
      continue;
    } else if (next != type && next == Type::Dynamic) {
      type = Type::Dynamic;
    } else if (next != type && !is_null_literal(args[i])) {
      diagnostics_.add(Code::K0204, span, "values of types " + std::string(type_name(type)) + " and " +
                                              std::string(type_name(next)) + " do not go together");
      return false;
    }
  }
  for (size_t i : which) {
    if (type_of(args[i]) == type) continue;
    if (is_null_literal(args[i])) {
      args[i] = literal(null_cell(type), type, span);
      continue;
    }
    Scalar converted = convert(args[i], type, span);
    if (!converted) return false;
    args[i] = *converted;
  }
  return true;
}

}  // namespace kqlc::plan

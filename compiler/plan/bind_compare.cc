// SPDX-License-Identifier: Apache-2.0
//
// Operators: == and != between types that differ, order, arithmetic, in and its relatives, between. In: bound
// operands. Out: calls of the registry's operators. A constant of another type is taken over where each
// reading of the comparison gives the same answer (`EventID == "4688"`: the text is how the number prints);
// all else of that sort is refused by name. Sources: KQL "Numerical operators", "String operators", "in
// operator".
#include <algorithm>

#include "compiler/plan/binder.h"
#include "runtime/functions/convert.h"

namespace kqlc::plan {

using source::Code;
using syntax::Kind;

namespace {

bool is_whole(Type type) { return type == Type::Int || type == Type::Long; }
bool is_number(Type type) { return is_whole(type) || type == Type::Real || type == Type::Decimal; }
bool is_time(Type type) { return type == Type::DateTime || type == Type::TimeSpan; }

std::string both_names(Type a, Type b) {
  return std::string(type_name(a)) + " and " + std::string(type_name(b));
}

}  // namespace

Binder::Scalar Binder::bind_binary(const Syntax& node, const Schema* row) {
  Scalar left = bind_expr(node.children[0], row), right = bind_expr(node.children[1], row);
  if (!left || !right) return std::nullopt;
  static constexpr std::pair<std::string_view, std::string_view> kLegacy[] = {
      {"notcontains", "!contains"},
      {"notcontainscs", "!contains_cs"},
      {"containscs", "contains_cs"},
      {":", "has"},
      {"<>", "!="}};
  std::string op = node.text;
  for (auto [legacy, name] : kLegacy)
    if (op == legacy) op = name;
  if (op == "==" || op == "!=") return bind_equality(op, *left, *right, node.span);
  if (op == "<" || op == "<=" || op == ">" || op == ">=") return bind_order(op, *left, *right, node.span);
  if (op.size() == 1 && std::string_view("+-*/%").find(op) != std::string_view::npos)
    return bind_arithmetic(op, *left, *right, node.span);
  return call(op, {*left, *right}, node.span, true);
}

// The constant as a value of type `wanted` that equals just what the constant equals; nothing where there is
// none, or where it depends on which side one converts (is 'True' == true? is '007' == 7?).
Binder::Scalar Binder::match_constant(ExprId id, Type wanted, source::Span span) {
  auto cell = constant(id);
  if (!cell || !cell->valid) return std::nullopt;
  Type type = type_of(id);
  Arena& arena = *plan_.arena;
  if (is_whole(type) && wanted == Type::String)
    return text_literal(functions::text_of(type == Type::Int ? int64_t{cell->i} : cell->l, arena).view(),
                        span);
  if (is_whole(type) && wanted == Type::Bool) {
    int64_t value = type == Type::Int ? cell->i : cell->l;
    return value == 0 || value == 1 ? Scalar(literal(make_cell(value == 1), Type::Bool, span)) : std::nullopt;
  }
  if (type != Type::String) return std::nullopt;
  std::string_view text = cell->s.view();
  if (wanted == Type::Bool && (text == "true" || text == "false"))
    return literal(make_cell(text == "true"), Type::Bool, span);
  if (is_whole(wanted)) {
    auto value = functions::read_long(cell->s);
    if (!value.valid || functions::text_of(value.value, arena).view() != text) return std::nullopt;
    return literal(make_cell(value.value), Type::Long, span);
  }
  if (wanted == Type::Guid) {
    auto value = guid::read(text);
    if (!value || functions::text_of(*value, arena).view() != text) return std::nullopt;
    return literal(make_cell(*value), Type::Guid, span);
  }
  return std::nullopt;
}

Binder::Scalar Binder::bind_equality(const std::string& op, ExprId left, ExprId right, source::Span span) {
  Type a = type_of(left), b = type_of(right);
  if (a == Type::Dynamic && b == Type::Dynamic) {
    diagnostics_.add(Code::K0204, span, "two dynamic values cannot be compared",
                     "convert one of them, as with tostring()");
    return std::nullopt;
  }
  bool dynamic = a == Type::Dynamic || b == Type::Dynamic;
  Type scalar = a == Type::Dynamic ? b : a;
  bool comparable = dynamic ? scalar != Type::Guid && scalar != Type::Decimal && !is_time(scalar)
                            : a == b || (is_number(a) && is_number(b));
  if (comparable) return call(op, {left, right}, span, true);
  if (!dynamic) {
    if (Scalar same = match_constant(right, a, span)) return call(op, {left, *same}, span, true);
    if (Scalar same = match_constant(left, b, span)) return call(op, {*same, right}, span, true);
  }
  return refuse(span, "`" + op + "` between " + both_names(a, b), "convert one of them, as with tostring()");
}

// Order is for numbers, times and bool; a dynamic value is compared as a number.
Binder::Scalar Binder::bind_order(const std::string& op, ExprId left, ExprId right, source::Span span) {
  Type a = type_of(left), b = type_of(right);
  auto numeric = [](Type type) { return is_number(type) || type == Type::Bool; };
  bool good = (numeric(a) && numeric(b)) || (a == b && is_time(a)) || (a == Type::Dynamic && is_number(b)) ||
              (b == Type::Dynamic && is_number(a));
  if (a == Type::Dynamic && b == Type::Dynamic)
    return refuse(span, "`" + op + "` between two dynamic values", "convert them, as with toreal()");
  if (!good) {
    diagnostics_.add(Code::K0204, span, "`" + op + "` does not compare " + both_names(a, b),
                     a == Type::String && b == Type::String ? "use strcmp()" : "convert one of them");
    return std::nullopt;
  }
  for (ExprId* side : {&left, &right})
    if (type_of(*side) == Type::Bool && a != b) *side = convert(*side, Type::Long, span).value_or(*side);
  return call(op, {left, right}, span, true);
}

Binder::Scalar Binder::bind_arithmetic(const std::string& op, ExprId left, ExprId right, source::Span span) {
  if (op == "+" && type_of(left) == Type::TimeSpan && type_of(right) == Type::DateTime)
    std::swap(left, right);
  Type a = type_of(left), b = type_of(right);
  auto counts = [](Type type) { return is_number(type) || is_time(type) || type == Type::Dynamic; };
  bool has_row = false;
  for (const Function& row : function_table()) {
    bool named = std::any_of(row.spec.operators.begin(), row.spec.operators.end(),
                             [&](const char* s) { return s && op == s; });
    if (!named || row.num_params != 2) continue;
    auto fits = [](Type given, Type wanted) {
      return given == wanted || (is_number(given) && is_number(wanted));
    };
    has_row |= fits(a, row.params[0].type) && fits(b, row.params[1].type);
  }
  if (!has_row && counts(a) && counts(b))
    return refuse(span, "`" + op + "` between " + both_names(a, b),
                  "convert one of them, as with tolong() or toreal()");
  return call(op, {left, right}, span, true);
}

// The elements of a constant array as literals; nothing where it is no constant or holds arrays or bags.
std::optional<std::vector<ExprId>> Binder::array_elements(ExprId array) {
  auto cell = constant(array);
  if (!cell || !cell->valid) return std::nullopt;
  const dynamic::Node* node = dynamic::resolve({cell->node}, *plan_.arena);
  if (!node || node->kind != dynamic::Kind::Array) return std::nullopt;
  std::vector<ExprId> elements;
  const source::Span span = plan_.exprs[array].span;
  for (uint32_t i = 0; i < node->size; ++i) {
    const dynamic::Node& item = node->items[i];
    switch (item.kind) {
      case dynamic::Kind::Long:
        elements.push_back(literal(make_cell(item.l), Type::Long, span));
        break;
      case dynamic::Kind::Real:
        elements.push_back(literal(make_cell(item.d), Type::Real, span));
        break;
      case dynamic::Kind::Bool:
        elements.push_back(literal(make_cell(item.b), Type::Bool, span));
        break;
      case dynamic::Kind::String:
        elements.push_back(text_literal({item.text, item.size}, span));
        break;
      default:
        return std::nullopt;
    }
  }
  return elements;
}

// `value op (element)` for one element, which may be an array.
Binder::Scalar Binder::bind_membership(const std::string& op, ExprId value, ExprId element,
                                       source::Span span) {
  bool text = op != "in" || type_of(value) == Type::String || type_of(value) == Type::Dynamic;
  if (type_of(element) == Type::Dynamic && !text) {
    auto elements = array_elements(element);
    if (!elements)
      return refuse(span,
                    "`in` of " + std::string(type_name(type_of(value))) + " in an array that is no constant");
    if (elements->empty()) return literal(make_cell(false), Type::Bool, span);
    std::vector<ExprId> any;
    for (ExprId item : *elements) {
      Scalar equal = bind_equality("==", value, item, span);
      if (!equal) return std::nullopt;
      any.push_back(*equal);
    }
    return logic(ExprKind::Or, std::move(any), span);
  }
  bool list = type_of(element) == Type::Dynamic || op != "in" || type_of(element) == Type::String;
  bool needle = type_of(element) == Type::Dynamic || type_of(element) == Type::String;
  if (op != "in" && !needle)
    return refuse(span, "`" + op + "` over " + std::string(type_name(type_of(element))), "write it as text");
  if (list && text) return call(op, {value, element}, span, true);
  return bind_equality("==", value, element, span);
}

// Values of one type go into one call; mixed ones and arrays are asked for one by one.
Binder::Scalar Binder::bind_in_list(const Syntax& node, const Schema* row) {
  std::vector<ExprId> args;
  for (size_t i = 0; i < node.children.size(); ++i) {
    syntax::NodeId child = node.children[i];
    const Binding* binding = at(child).kind == Kind::Name ? find(at(child).text) : nullptr;
    if (binding && binding->failed) return std::nullopt;
    if (i > 0 && is_table(child)) return refuse(at(child).span, "`" + node.text + "` over a table");
    Scalar arg = bind_expr(child, row);
    if (!arg) return std::nullopt;
    // Text is sought: that of a whole number is its digits.
    if (i > 0 && node.text.starts_with("has_") && is_whole(type_of(*arg)))
      arg = match_constant(*arg, Type::String, at(child).span).value_or(*arg);
    args.push_back(*arg);
  }
  if (args.size() == 1) {
    diagnostics_.add(Code::K0204, node.span, "`" + node.text + "` needs at least one value");
    return std::nullopt;
  }
  bool negated = node.text.starts_with("!");
  std::string op = negated ? node.text.substr(1) : node.text;
  Type type = type_of(args[0]);
  bool same = std::all_of(args.begin() + 1, args.end(), [&](ExprId id) {
    return type_of(id) != Type::Dynamic && (type_of(id) == type || (is_whole(type_of(id)) && is_whole(type)));
  });
  bool strings =
      std::all_of(args.begin() + 1, args.end(), [&](ExprId id) { return type_of(id) == Type::String; });
  if (same && type != Type::Decimal && (op == "in" || strings))
    return call(node.text, std::move(args), node.span, true);
  if (strings && (type == Type::String || type == Type::Dynamic))
    return call(node.text, std::move(args), node.span, true);
  if (args.size() == 2 && type_of(args[1]) == Type::Dynamic &&
      (type == Type::String || type == Type::Dynamic))
    return call(node.text, std::move(args), node.span, true);
  std::vector<ExprId> parts;
  for (size_t i = 1; i < args.size(); ++i) {
    Scalar part = bind_membership(op, args[0], args[i], node.span);
    if (!part) return std::nullopt;
    parts.push_back(*part);
  }
  Scalar all = logic(op == "has_all" ? ExprKind::And : ExprKind::Or, std::move(parts), node.span);
  return negated ? call("not", {*all}, node.span) : all;
}

Binder::Scalar Binder::bind_between(const Syntax& node, const Schema* row) {
  Scalar value = bind_expr(node.children[0], row), low = bind_expr(node.children[1], row),
         high = bind_expr(node.children[2], row);
  if (!value || !low || !high) return std::nullopt;
  for (ExprId part : {*value, *low, *high})
    if (type_of(part) == Type::Bool) {
      diagnostics_.add(Code::K0204, node.span, "`" + node.text + "` does not compare bool");
      return std::nullopt;
    }
  if (type_of(*high) == Type::TimeSpan && type_of(*value) == Type::DateTime)
    high = call("+", {*low, *high}, node.span, true);
  if (!high) return std::nullopt;
  Scalar from = bind_order(">=", *value, *low, node.span),
         to = from ? bind_order("<=", *value, *high, node.span) : from;
  if (!to) return std::nullopt;
  Scalar inside = logic(ExprKind::And, {*from, *to}, node.span);
  return node.text == "between" ? inside : call("not", {*inside}, node.span);
}

}  // namespace kqlc::plan

// SPDX-License-Identifier: Apache-2.0
//
// Calls: which overload of a function is meant, and what its arguments are converted with. Overloads are
// chosen by the least conversion; conversions are calls of the registry's own rows (tolong, toreal,
// tostring), so they mean one thing. iff, case and coalesce are expressions of their own, since they look
// only at the operands they need.
#include <algorithm>
#include <unordered_map>

#include "compiler/plan/binder.h"
#include "compiler/plan/function_names.h"
#include "compiler/reference/evaluate.h"

namespace kqlc::plan {

using source::Code;
using syntax::Kind;

namespace {

// Functions that read other rows or whole tables.
constexpr std::string_view kTabular[] = {
    "toscalar", "materialize",        "table",          "row_number",  "prev", "next", "row_cumsum",
    "row_rank", "row_window_session", "row_rank_dense", "row_rank_min"};

bool is_number(Type type) {
  return type == Type::Int || type == Type::Long || type == Type::Real || type == Type::Decimal;
}

bool is_conditional(std::string_view name) {
  return name == "iff" || name == "iif" || name == "case" || name == "coalesce";
}

bool is_function(std::string_view name) {
  return is_conditional(name) || !functions_called(name, false).empty();
}

}  // namespace

std::string_view converter(Type type) {
  static constexpr std::string_view kConverters[] = {"tobool",    "toint",      "tolong",     "toreal",
                                                     "todecimal", "todatetime", "totimespan", "toguid",
                                                     "tostring",  "todynamic"};
  return kConverters[static_cast<int>(type)];
}

std::span<const Function* const> functions_called(std::string_view name, bool is_operator) {
  using Rows = std::unordered_map<std::string_view, std::vector<const Function*>>;
  static const auto rows = [] {
    Rows names, operators;
    auto enter = [](Rows& into, const char* called, const Function& row) {
      if (called && (into[called].empty() || into[called].back() != &row)) into[called].push_back(&row);
    };
    for (const Function& row : function_table()) {
      enter(names, row.spec.name, row);
      for (const char* alias : row.spec.aliases) enter(names, alias, row);
      for (const char* spelling : row.spec.operators) enter(operators, spelling, row);
    }
    return std::pair(std::move(names), std::move(operators));
  }();
  const Rows& from = is_operator ? rows.second : rows.first;
  auto found = from.find(name);
  return found == from.end() ? std::span<const Function* const>() : found->second;
}

Binder::Scalar Binder::bind_call(const Syntax& node, const Schema* row) {
  if (const Binding* binding = find(node.text); binding && binding->function != syntax::kNoNode)
    return bind_scalar_function(*binding, node, row);
  if (!node.extra.empty()) return refuse(node.span, "a call on another database or cluster");
  if (std::find(std::begin(kTabular), std::end(kTabular), node.text) != std::end(kTabular))
    return refuse(node.span, "`" + node.text + "()`");
  if (aggregating_ && !row && find_aggregate(node.text)) return bind_nested_aggregate(node);
  if (node.text == "column_ifexists" || node.text == "columnifexists") return bind_column_ifexists(node, row);
  if (node.text == "pack_all") return bind_pack_all(node, row);
  if (gives_several(node)) {
    Columns columns = bind_several(node, row);
    if (columns && columns->size() > 1) return refuse(node.span, "several values as one");
    return columns ? Scalar((*columns)[0].expr) : std::nullopt;
  }
  if (!node.children.empty() && at(node.children.back()).kind == Kind::TypeOf)
    return bind_typeof_call(node, row);
  if (aggregating_ && !row && !is_function(node.text)) return call(node.text, {}, node.span);
  std::vector<ExprId> args;
  bool good = true;
  for (syntax::NodeId child : node.children) {
    Scalar arg = bind_expr(child, row);
    good &= arg.has_value();
    if (arg) args.push_back(*arg);
  }
  if (!good) return std::nullopt;
  if (is_conditional(node.text)) return bind_case(node, std::move(args));
  if (node.text == "bag_pack_columns") return bind_pack_columns(node, args);
  if ((node.text == "hash" || node.text == "hash_xxhash64") && args.size() == 2)
    return bind_hash_modulo(node, std::move(args));
  if (node.text.starts_with("convert_") && args.size() == 3)
    return bind_unit_conversion(node, std::move(args));
  if (node.text == "datetime_diff" && args.size() == 3) return bind_datetime_diff(node, std::move(args));
  return call(node.text, std::move(args), node.span);
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
  if (!unify(args, values, node.span, expr.type, !coalesce)) return std::nullopt;
  expr.kind = coalesce ? ExprKind::Coalesce : ExprKind::Case;
  expr.args = std::move(args);
  expr.span = node.span;
  return add_expr(std::move(expr));
}

namespace {

constexpr size_t kImpossible = size_t{1} << 40;  // more than the costs of any number of arguments
constexpr size_t kMostTypesShown = 8, kMostOverloadsShown = 4;

// How far a conversion reaches; 0: none needed. Widening only, and dynamic where a string is wanted.
size_t conversion_cost(Type from, const Param& param) {
  if (from == param.type) return param.text ? 1 : 0;
  if (param.text || param.value) return 20;
  switch (param.type) {
    case Type::Long:
      return from == Type::Int ? 1 : kImpossible;
    case Type::Real:
      return from == Type::Int ? 3 : from == Type::Long ? 2 : kImpossible;
    case Type::Decimal:
      return from == Type::Int || from == Type::Long ? 5 : from == Type::Real ? 6 : kImpossible;
    case Type::String:
      return from == Type::Dynamic ? 12 : kImpossible;
    default:
      return kImpossible;
  }
}

size_t call_cost(const Function& row, const std::vector<Type>& types) {
  if (types.size() < row.num_params || (types.size() > row.num_params && !row.variadic)) return kImpossible;
  size_t cost = 0;
  for (size_t i = 0; i < types.size(); ++i) {
    if (row.spec.exact_arguments && types[i] != row.params[std::min<size_t>(i, row.num_params)].type)
      return kImpossible;
    cost += conversion_cost(types[i], row.params[std::min<size_t>(i, row.num_params)]);
    if (cost >= kImpossible) return kImpossible;
  }
  return cost + (row.variadic ? 1 : 0);
}

// Functions that Microsoft's parser lets take more types than the table; what they give for those is written
// nowhere.
constexpr std::string_view kTakeMoreTypes[] = {"around",
                                               "format_ipv4",
                                               "format_ipv4_mask",
                                               "hash",
                                               "hash_xxhash64",
                                               "make_datetime",
                                               "make_timespan",
                                               "parse_command_line",
                                               "range",
                                               "split",
                                               "strcat_array",
                                               "strcat_delim",
                                               "substring",
                                               "tobool",
                                               "toboolean",
                                               "todatetime",
                                               "todecimal",
                                               "todouble",
                                               "toint",
                                               "tolong",
                                               "tolower",
                                               "toreal",
                                               "totimespan",
                                               "toupper",
                                               "unixtime_microseconds_todatetime",
                                               "unixtime_milliseconds_todatetime",
                                               "unixtime_nanoseconds_todatetime",
                                               "unixtime_seconds_todatetime"};

// True where the number of arguments is right and Kusto may take their types.
bool may_take(const std::string& name, const std::vector<Type>& types) {
  if (name == "max_of" || name == "min_of")  // of any one type that has an order
    return types.size() > 1 && types[0] != Type::Dynamic &&
           std::count(types.begin(), types.end(), types[0]) == static_cast<std::ptrdiff_t>(types.size());
  auto more = std::find(std::begin(kTakeMoreTypes), std::end(kTakeMoreTypes), name);
  if (more == std::end(kTakeMoreTypes)) return false;
  return std::ranges::any_of(functions_called(name, false), [&](const Function* row) {
    return row->variadic ? types.size() >= row->num_params : types.size() == row->num_params;
  });
}

// True where Kusto has the function for decimals as for all numbers, and the table only for the others.
bool takes_real_for_decimal(const std::string& name, std::vector<Type> types, bool is_operator) {
  if (std::find(types.begin(), types.end(), Type::Decimal) == types.end()) return false;
  std::replace(types.begin(), types.end(), Type::Decimal, Type::Real);
  return std::ranges::any_of(functions_called(name, is_operator),
                             [&](const Function* row) { return call_cost(*row, types) < kImpossible; });
}

// "long, string"; long lists are cut.
std::string type_list(const std::vector<Type>& types) {
  std::string out;
  for (size_t i = 0; i < std::min(types.size(), kMostTypesShown); ++i)
    out += (i ? ", " : "") + std::string(type_name(types[i]));
  return types.size() > kMostTypesShown
             ? out + ", and " + std::to_string(types.size() - kMostTypesShown) + " more"
             : out;
}

// What the function takes, as a hint; nothing where it has too many forms to say.
std::string overload_hint(const std::string& name) {
  std::string out;
  size_t count = 0;
  for (const Function* called : functions_called(name, false)) {
    const Function& row = *called;
    if (++count > kMostOverloadsShown) return "`kqlc list functions " + name + "` shows what it takes";
    out += out.empty() ? "it takes (" : " or (";
    size_t params = row.num_params + (row.variadic ? 1u : 0u);
    for (size_t i = 0; i < params; ++i)
      out += (i ? ", " : "") + std::string(row.params[i].text ? "scalar" : type_name(row.params[i].type));
    out += row.variadic ? "...)" : ")";
  }
  return out;
}

}  // namespace

Binder::Scalar Binder::call(const std::string& name, std::vector<ExprId> args, source::Span span,
                            bool is_operator) {
  std::vector<Type> types;
  for (ExprId arg : args) types.push_back(type_of(arg));
  const Function* best = nullptr;
  size_t best_cost = kImpossible;
  const auto rows = functions_called(name, is_operator);
  const bool known = !rows.empty();
  for (const Function* row : rows) {
    size_t cost = call_cost(*row, types);
    if (cost < best_cost) {
      best = row;
      best_cost = cost;
    }
  }
  if (!known && find_aggregate(name)) {
    diagnostics_.add(Code::K0204, span, "`" + name + "` is an aggregate and stands in summarize only",
                     "compute it with `summarize`, then use its column");
    return std::nullopt;
  }
  if (!known && !is_operator && !is_kql_function(name)) {
    std::string nearest = nearest_kql_function(name);
    diagnostics_.add(Code::K0202, span, "no function is called `" + name + "`",
                     nearest.empty() ? "" : "did you mean `" + nearest + "`?");
    return std::nullopt;
  }
  if (!known) return refuse(span, (is_operator ? "operator `" : "function `") + name + "`");
  if (!best && takes_real_for_decimal(name, types, is_operator))
    return refuse(span, "`" + name + "` of decimal", "convert it with toreal()");
  if (!best && !is_operator && may_take(name, types))
    return refuse(span, "`" + name + "` of (" + type_list(types) + ")", overload_hint(name));
  if (!best && is_operator && args.size() == 1 && types[0] == Type::Dynamic)
    return refuse(span, "`" + name + "` of a dynamic value", "convert it, as with tolong() or toreal()");
  if (!best) {
    diagnostics_.add(Code::K0204, span, "`" + name + "` does not take (" + type_list(types) + ")",
                     is_operator ? "" : overload_hint(name));
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

// Makes the state of constant arguments, which also finds a wrong regular expression while there is a span to
// blame.
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
        diagnostics_.add(Code::K0204, span,
                         std::string("`") + row.spec.name + "`: " + (error ? error : "wrong constant"));
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
  bool allowed = type == Type::String || from == Type::Dynamic ||
                 (is_number(from) && (is_number(type) || type == Type::Bool)) ||
                 (from == Type::Bool && type == Type::Long);
  if (!allowed) {
    diagnostics_.add(Code::K0204, span,
                     "a value of type " + std::string(type_name(type)) + " is needed, not " +
                         std::string(type_name(from)));
    return std::nullopt;
  }
  return call(std::string(converter(type)), {id}, span);
}

namespace {

// The type that values of several types have together: the widest number, or what stands beside dynamic
// values.
std::optional<Type> common_type(Type a, Type b) {
  auto rank = [](Type t) {
    return t == Type::Int ? 1 : t == Type::Long ? 2 : t == Type::Real ? 3 : t == Type::Decimal ? 4 : 0;
  };
  if (a == b || b == Type::Dynamic) return a;
  if (a == Type::Dynamic) return b;
  if (rank(a) == 0 || rank(b) == 0) return std::nullopt;
  return rank(a) > rank(b) ? a : b;
}

}  // namespace

// Brings some of the arguments to one type. Those of no common type become dynamic where `mixed` allows it.
bool Binder::unify(std::vector<ExprId>& args, const std::vector<size_t>& which, source::Span span, Type& type,
                   bool mixed) {
  type = type_of(args[which[0]]);
  for (size_t i : which) {
    Type next = type_of(args[i]);
    auto common = common_type(type, next);
    if (!common && !mixed) {
      diagnostics_.add(Code::K0204, span,
                       "values of types " + std::string(type_name(type)) + " and " +
                           std::string(type_name(next)) + " do not go together");
      return false;
    }
    if (!common) return wrap_as_dynamic(args, which, span, type);
    type = *common;
  }
  for (size_t i : which) {
    if (type_of(args[i]) == type) continue;
    const Expr& expr = plan_.exprs[args[i]];
    bool null = expr.kind == ExprKind::Literal && !expr.literal.valid;
    Scalar converted = null ? literal(null_cell(type), type, span) : convert(args[i], type, span);
    if (!converted) return false;
    args[i] = *converted;
  }
  return true;
}

bool Binder::wrap_as_dynamic(std::vector<ExprId>& args, const std::vector<size_t>& which, source::Span span,
                             Type& type) {
  type = Type::Dynamic;
  for (size_t i : which) {
    if (type_of(args[i]) == type) continue;
    Scalar wrapped = call("dynamic_of", {args[i]}, span);
    if (!wrapped) return false;
    args[i] = *wrapped;
  }
  return true;
}

}  // namespace kqlc::plan

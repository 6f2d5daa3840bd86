// SPDX-License-Identifier: Apache-2.0
//
// summarize: keys are computed first, then aggregates run over the rows of each key. Expressions around
// aggregates (`round(avg(x), 1)`) are refused by name.
#include <algorithm>

#include "compiler/plan/binder.h"

namespace kqlc::plan {

using source::Code;
using syntax::Kind;

namespace {

const Aggregate* find_aggregate(std::string_view name) {
  for (const Aggregate& row : aggregate_table()) {
    if (name == row.spec.name) return &row;
    for (const char* alias : row.spec.aliases)
      if (alias && name == alias) return &row;
  }
  return nullptr;
}

bool accepts(Accepts what, Type type) {
  bool number = type == Type::Int || type == Type::Long || type == Type::Real || type == Type::Decimal;
  switch (what) {
    case Accepts::Any: return true;
    case Accepts::Number: return number;
    case Accepts::Summable: return number || type == Type::TimeSpan || type == Type::DateTime;
    case Accepts::Orderable: return type != Type::Dynamic;
    case Accepts::Bool: return type == Type::Bool;
    case Accepts::Long: return type == Type::Int || type == Type::Long;
    case Accepts::Real: return number;
    case Accepts::Dynamic: return type == Type::Dynamic;
  }
  return false;
}

Type result_type(const AggregateSpec& spec, const std::vector<Type>& types) {
  Type first = types.empty() ? Type::Long : types[0];
  switch (spec.result_rule) {
    case ResultType::Fixed: return spec.result;
    case ResultType::First: case ResultType::All: return first;
    case ResultType::Widest: return first == Type::Int ? Type::Long : first;
    case ResultType::Mean: return first == Type::Int || first == Type::Long ? Type::Real : first;
  }
  return first;
}

}  // namespace

Binder::Table Binder::bind_summarize(NodeId input, const Syntax& node) {
  const Schema before = plan_.nodes[input].schema;
  Node out;
  out.kind = NodeKind::Summarize;
  out.inputs = {input};
  out.span = node.span;
  std::vector<syntax::NodeId> aggregates;
  for (syntax::NodeId child : node.children) {
    const Syntax& part = at(child);
    if (part.kind == Kind::Option) continue;
    if (part.kind != Kind::By) {
      aggregates.push_back(child);
      continue;
    }
    size_t unnamed = 0;
    for (syntax::NodeId key : part.children) {
      if (at(key).kind == Kind::Star || at(key).kind == Kind::Wildcard) return refuse_table(at(key).span, "`*` after `by`");
      Scalar value = bind_expr(key, &before);
      if (!value) return std::nullopt;
      std::string name = name_of(key);
      if (name.empty()) name = "Column" + std::to_string(++unnamed);
      out.schema.push_back({unique_name(out.schema, name), type_of(*value)});
      out.exprs.push_back(*value);
    }
  }
  if (aggregates.empty()) {
    // summarize by k: the distinct keys.
    return add(std::move(out));
  }
  for (syntax::NodeId child : aggregates) {
    const Syntax& item = at(child);
    if (item.kind == Kind::Named && item.children.size() > 1) return refuse_table(item.span, "several names for one aggregate");
    std::string name = item.kind == Kind::Named ? item.text : "";
    if (!bind_aggregate(input, item.kind == Kind::Named ? item.children.back() : child, name, out)) return std::nullopt;
  }
  return add(std::move(out));
}

// Adds one aggregate with its result columns. An expression around aggregates is refused by name.
bool Binder::bind_aggregate(NodeId input, syntax::NodeId id, const std::string& given, Node& out) {
  const Schema before = plan_.nodes[input].schema;
  const Syntax& node = at(id);
  const Aggregate* aggregate = node.kind == Kind::Call ? find_aggregate(node.text) : nullptr;
  if (!aggregate) {
    std::string what = node.kind == Kind::Call ? "`" + node.text + "()` in summarize" : "an expression around aggregates";
    return refuse(node.span, what).has_value();
  }
  const AggregateSpec& spec = aggregate->spec;
  AggregateUse use;
  use.aggregate = aggregate;
  std::vector<std::string> names;
  for (size_t i = 0; i < node.children.size(); ++i) {
    const Syntax& argument = at(node.children[i]);
    if (argument.kind == Kind::Star) {
      if (!spec.star) {
        diagnostics_.add(Code::K0204, argument.span, "`" + node.text + "` does not take `*`");
        return false;
      }
      for (size_t c = 0; c < before.size(); ++c) {
        bool key = std::any_of(out.schema.begin(), out.schema.begin() + static_cast<long>(out.exprs.size()),
                               [&](const ColumnDef& k) { return k.name == before[c].name; });
        bool first = !names.empty() && names[0] == before[c].name;
        if (key || first) continue;
        Expr column;
        column.kind = ExprKind::Column;
        column.column = static_cast<int>(c);
        column.type = before[c].type;
        use.args.push_back(add_expr(std::move(column)));
        names.push_back(before[c].name);
      }
      continue;
    }
    Scalar value = bind_expr(node.children[i], &before);
    if (!value) return false;
    use.args.push_back(*value);
    names.push_back(name_of(node.children[i]));
  }
  size_t least = static_cast<size_t>(spec.num_params - spec.num_optional);
  if (use.args.size() < least || (use.args.size() > spec.num_params && !spec.variadic)) {
    diagnostics_.add(Code::K0204, node.span, "wrong number of arguments for `" + node.text + "`");
    return false;
  }
  for (size_t i = 0; i < use.args.size(); ++i) {
    Accepts wanted = spec.params[std::min<size_t>(i, static_cast<size_t>(spec.num_params) - 1)];
    if (wanted == Accepts::Bool && type_of(use.args[i]) != Type::Bool) {
      Scalar condition = convert(use.args[i], Type::Bool, node.span);
      if (!condition) return false;
      use.args[i] = *condition;
    }
    Type type = type_of(use.args[i]);
    if (!accepts(wanted, type)) {
      diagnostics_.add(Code::K0204, node.span, "`" + node.text + "` does not take " + std::string(type_name(type)));
      return false;
    }
    use.types.push_back(type);
    auto cell = constant(use.args[i]);
    if (i >= spec.constant_from && !cell) {
      diagnostics_.add(Code::K0204, node.span, "this argument of `" + node.text + "` must be a constant");
      return false;
    }
    use.constants.push_back(cell ? *cell : Cell());
  }
  bool all = spec.result_rule == ResultType::All;
  use.num_results = all ? use.args.size() : 1;
  for (size_t i = 0; i < use.num_results; ++i) {
    std::string name = given;
    if (i > 0 || given.empty()) {
      std::string prefix = spec.prefix;
      std::string argument = i < names.size() ? names[i] : "";
      name = prefix.empty() ? argument : argument.empty() ? prefix + "_" : prefix + "_" + argument;
      if (name.empty()) name = std::string(spec.name) + "_";
    }
    Type type = all ? use.types[i] : result_type(spec, use.types);
    out.schema.push_back({unique_name(out.schema, name), type});
  }
  out.aggregates.push_back(std::move(use));
  return true;
}

}  // namespace kqlc::plan

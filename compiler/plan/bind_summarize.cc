// SPDX-License-Identifier: Apache-2.0
//
// summarize: keys are computed first, then aggregates run over the rows of each key. An expression around
// aggregates, as `round(avg(x), 1)`, becomes a projection of the summary: each aggregate in it is a column
// there. Source: KQL "summarize operator"; names as Microsoft's parser gives them.
#include <algorithm>

#include "compiler/plan/binder.h"

namespace kqlc::plan {

using source::Code;
using syntax::Kind;

const Aggregate* find_aggregate(std::string_view name) {
  for (const Aggregate& row : aggregate_table()) {
    if (name == row.spec.name) return &row;
    for (const char* alias : row.spec.aliases)
      if (alias && name == alias) return &row;
  }
  return nullptr;
}

// count_, set_x; arg_max keeps the names of its arguments.
std::string result_name(const AggregateSpec& spec, const std::string& argument) {
  std::string prefix = spec.prefix;
  if (prefix.empty()) return argument.empty() ? std::string(spec.name) + "_" : argument;
  return prefix + "_" + argument;
}

namespace {

bool accepts(Accepts what, Type type) {
  bool number = type == Type::Int || type == Type::Long || type == Type::Real || type == Type::Decimal;
  switch (what) {
    case Accepts::Any:
      return true;
    case Accepts::Number:
      return number;
    case Accepts::Summable:
      return number || type == Type::TimeSpan || type == Type::DateTime;
    case Accepts::Orderable:
      return type != Type::Dynamic;
    case Accepts::Bool:
      return type == Type::Bool;
    case Accepts::Long:
      return type == Type::Int || type == Type::Long;
    case Accepts::Percentile:
      return number || type == Type::Dynamic;
    case Accepts::Dynamic:
      return type == Type::Dynamic;
  }
  return false;
}

Type result_type(const AggregateSpec& spec, const std::vector<Type>& types) {
  Type first = types.empty() ? Type::Long : types[0];
  switch (spec.result_rule) {
    case ResultType::Fixed:
      return spec.result;
    case ResultType::First:
    case ResultType::All:
    case ResultType::PerConstant:
      return first;
    case ResultType::Widest:
      return first == Type::Int ? Type::Long : first;
    case ResultType::Mean:
      return first == Type::Int || first == Type::Long ? Type::Real : first;
  }
  return first;
}

// The same for aggregates whose results are rows: each argument gives a column. An argument without a name of
// its own is called by its place: max_, max_first_arg1, any_arg0.
std::string unnamed_row_result(const AggregateSpec& spec, const std::vector<std::string>& names,
                               size_t index) {
  const std::string stem = std::string(spec.row_name) + "_", place = "arg" + std::to_string(index);
  bool extreme = stem != "any_";
  if (names[index].empty()) {
    if (extreme) return index == 0 ? stem : stem + names[0] + "_" + place;
    return *spec.prefix && names.size() == 1 ? stem : stem + place;
  }
  return result_name(spec, spec.names_hold_first && index > 0 ? names[0] + "_" + names[index] : names[index]);
}

// What result number `index` is called where the query gives no name. `names` are the arguments' names, empty
// for expressions.
std::string unnamed_result(const AggregateSpec& spec, const std::vector<std::string>& names,
                           const AggregateUse& use, size_t index, Arena& arena) {
  if (spec.result_rule == ResultType::All) return unnamed_row_result(spec, names, index);
  std::string argument = names.empty() ? "" : names[0];
  for (size_t i = 1; i < spec.named_arguments && i < names.size(); ++i)
    argument += (argument.empty() ? "" : "_") + names[i];
  std::string name = result_name(spec, argument);
  if (spec.result_rule != ResultType::PerConstant) return name;
  size_t constant = spec.constant_from + index;
  dynamic::Node value = dynamic::node_of_cell(use.constants[constant], use.types[constant], arena);
  std::string digits(dynamic::to_text(&value, arena).view());
  if (digits.ends_with(".0")) digits.resize(digits.size() - 2);
  std::replace(digits.begin(), digits.end(), '.', '_');
  return name + "_" + digits;
}

bool is_percentile(const dynamic::Node& node) {
  if (node.kind == dynamic::Kind::Long) return node.l >= 0 && node.l <= 100;
  if (node.kind == dynamic::Kind::Real) return node.d >= 0 && node.d <= 100;
  bool good = node.kind == dynamic::Kind::Array && node.size > 0;
  for (uint32_t i = 0; good && i < node.size; ++i)
    good = node.items[i].kind != dynamic::Kind::Array && is_percentile(node.items[i]);
  return good;
}

bool has_key(const Node& summary, const std::string& name) {
  for (size_t i = 0; i < summary.exprs.size(); ++i)
    if (summary.schema[i].name == name) return true;
  return false;
}

}  // namespace

Binder::Table Binder::bind_summarize(NodeId input, const Syntax& node) {
  const Schema before = plan_.nodes[input].schema;
  Node out;
  out.kind = NodeKind::Summarize;
  out.inputs = {input};
  out.span = node.span;
  std::set<std::string> declared;
  bool good = true;
  for (syntax::NodeId child : node.children)
    if (at(child).kind == Kind::By) good &= bind_keys(at(child), before, out, declared);
  std::vector<SummaryItem> items;
  const Schema* outer = aggregated_;
  aggregated_ = &before;
  for (syntax::NodeId child : node.children)
    if (at(child).kind != Kind::By && at(child).kind != Kind::Option)
      good &= bind_summary_item(child, out, items);
  aggregated_ = outer;
  return good ? finish_summarize(std::move(out), items, std::move(declared), node.span) : std::nullopt;
}

bool Binder::bind_keys(const Syntax& by, const Schema& before, Node& out, std::set<std::string>& declared) {
  bool good = true;
  for (syntax::NodeId key : by.children) {
    bool wildcard = at(key).kind == Kind::Star || at(key).kind == Kind::Wildcard;
    good &= wildcard ? project_wildcard(at(key), before, out.schema, out.exprs)
                     : bind_output(key, before, out.schema, out.exprs, declared);
  }
  return good;
}

// One item: an aggregate with its results, named or not, or an expression over aggregates.
bool Binder::bind_summary_item(syntax::NodeId id, Node& out, std::vector<SummaryItem>& items) {
  const Syntax& item = at(id);
  bool named = item.kind == Kind::Named;
  const Syntax& value = named ? at(item.children.back()) : item;
  std::vector<std::string> given;
  if (named && item.children.size() == 1) given.push_back(item.text);
  for (size_t i = 0; named && i + 1 < item.children.size(); ++i) given.push_back(at(item.children[i]).text);
  size_t first = items.size();
  if (value.kind == Kind::Call && !find(value.text) && find_aggregate(value.text)) {
    if (!bind_aggregate(value, out, items)) return false;
  } else {
    aggregating_ = &out;
    Columns columns = bind_columns(id, nullptr);
    aggregating_ = nullptr;
    if (!columns) return false;
    for (OutputColumn& column : *columns) {
      if (column.name.empty()) column.name = next_column_name({});
      items.push_back({column.name, false, column.expr});
    }
  }
  if (given.size() > items.size() - first) {
    diagnostics_.add(Code::K0204, item.span, "more names than values");
    return false;
  }
  for (size_t i = 0; i < given.size(); ++i) {
    items[first + i].name = given[i];
    items[first + i].given = true;
  }
  return true;
}

// Adds one aggregate to the summary, and an item for each of its results.
bool Binder::bind_aggregate(const Syntax& node, Node& out, std::vector<SummaryItem>& items) {
  const AggregateSpec& spec = find_aggregate(node.text)->spec;
  AggregateUse use;
  std::vector<std::string> names;
  Node* outer = aggregating_;
  aggregating_ = nullptr;
  bool good = bind_aggregate_arguments(node, out, use, names) && check_aggregate_arguments(node, use);
  aggregating_ = outer;
  if (!good) return false;
  bool all = spec.result_rule == ResultType::All;
  use.num_results = num_results_of(spec, use.args.size());
  for (size_t i = 0; i < use.num_results; ++i) {
    Type type = all ? use.types[i] : result_type(spec, use.types);
    items.push_back({unnamed_result(spec, names, use, i, *plan_.arena), false,
                     column(out.schema.size(), type, node.span)});
    out.schema.push_back({"", type});
  }
  out.aggregates.push_back(std::move(use));
  return true;
}

// An aggregate inside an expression: the expression reads its first result.
Binder::Scalar Binder::bind_nested_aggregate(const Syntax& node) {
  std::vector<SummaryItem> results;
  if (!bind_aggregate(node, *aggregating_, results)) return std::nullopt;
  return results[0].expr;
}

// Chooses the aggregate and binds its arguments. count(x) is the old name of countif(x); where x is no bool
// it counts rows.
bool Binder::bind_aggregate_arguments(const Syntax& node, Node& out, AggregateUse& use,
                                      std::vector<std::string>& names) {
  bool count_of = node.text == "count" && node.children.size() == 1;
  use.aggregate = find_aggregate(count_of ? "countif" : node.text);
  const AggregateSpec& spec = use.aggregate->spec;
  for (syntax::NodeId child : node.children) {
    if (at(child).kind != Kind::Star) {
      Scalar value = bind_expr(child, aggregated_);
      if (!value) return false;
      use.args.push_back(*value);
      names.push_back(name_of(child));
      continue;
    }
    if (!spec.star) {
      diagnostics_.add(Code::K0204, at(child).span, "`" + node.text + "` does not take `*`");
      return false;
    }
    for (size_t c = 0; c < aggregated_->size(); ++c) {
      const ColumnDef& def = (*aggregated_)[c];
      if (has_key(out, def.name) || (!names.empty() && names[0] == def.name)) continue;
      use.args.push_back(column(c, def.type, at(child).span));
      names.push_back(def.name);
    }
  }
  if (count_of && type_of(use.args[0]) != Type::Bool) {
    use.aggregate = find_aggregate("count");
    use.args.clear();
    return true;
  }
  size_t least = static_cast<size_t>(spec.num_params - spec.num_optional);
  if (use.args.size() >= least && (use.args.size() <= spec.num_params || spec.variadic)) return true;
  diagnostics_.add(Code::K0204, node.span, "wrong number of arguments for `" + node.text + "`");
  return false;
}

bool Binder::check_aggregate_arguments(const Syntax& node, AggregateUse& use) {
  const AggregateSpec& spec = use.aggregate->spec;
  for (size_t i = 0; i < use.args.size(); ++i) {
    Accepts wanted = spec.params[std::min<size_t>(i, static_cast<size_t>(spec.num_params) - 1)];
    if (wanted == Accepts::Bool && type_of(use.args[i]) != Type::Bool) {
      Scalar condition = convert(use.args[i], Type::Bool, node.span);
      if (!condition) return false;
      use.args[i] = *condition;
    }
    // A percentile of int values is a long.
    if (i == 0 && spec.result_rule == ResultType::PerConstant && type_of(use.args[i]) == Type::Int)
      use.args[i] = convert(use.args[i], Type::Long, node.span).value_or(use.args[i]);
    Type type = type_of(use.args[i]);
    if (!accepts(wanted, type)) {
      diagnostics_.add(Code::K0204, node.span,
                       "`" + node.text + "` does not take " + std::string(type_name(type)));
      return false;
    }
    use.types.push_back(type);
    auto cell = constant(use.args[i]);
    if (i >= spec.constant_from && !cell) {
      diagnostics_.add(Code::K0204, node.span, "this argument of `" + node.text + "` must be a constant");
      return false;
    }
    if (wanted == Accepts::Percentile) {
      dynamic::Node given = dynamic::node_of_cell(*cell, type, *plan_.arena);
      const dynamic::Node* value = dynamic::resolve({&given}, *plan_.arena);
      bool list = value && value->kind == dynamic::Kind::Array;
      if (!value || !is_percentile(*value) || (list && spec.result_rule == ResultType::PerConstant)) {
        diagnostics_.add(Code::K0204, node.span, "a percentile is a number from 0 to 100");
        return false;
      }
    }
    use.constants.push_back(cell ? *cell : Cell());
  }
  return true;
}

// Names the columns. Where the items are just the aggregates in order the summary is the result; else it is
// projected.
Binder::Table Binder::finish_summarize(Node out, const std::vector<SummaryItem>& items,
                                       std::set<std::string> declared, source::Span span) {
  size_t num_keys = out.exprs.size();
  Schema schema = out.schema.first(num_keys);
  std::vector<ExprId> exprs = all_columns(schema, span);
  bool plain = items.size() + num_keys == out.schema.size();
  for (size_t i = 0; i < items.size(); ++i) {
    const SummaryItem& item = items[i];
    if (item.given && !declared.insert(item.name).second) {
      diagnostics_.add(Code::K0206, span, "the column `" + item.name + "` is declared twice");
      return std::nullopt;
    }
    const Expr& expr = plan_.exprs[item.expr];
    plain &= expr.kind == ExprKind::Column && static_cast<size_t>(expr.column) == num_keys + i;
    schema.push_back({unique_name(schema, item.name), type_of(item.expr)});
    exprs.push_back(item.expr);
  }
  if (plain) {
    out.schema = std::move(schema);
    return add(std::move(out));
  }
  for (size_t i = num_keys; i < out.schema.size(); ++i)
    out.schema.edit()[i].name = unique_name(out.schema, "aggregate");
  return project(add(std::move(out)), std::move(schema), std::move(exprs), span);
}

}  // namespace kqlc::plan

// SPDX-License-Identifier: Apache-2.0
//
// Expressions are made from the type that is wanted: a column, a literal, or a call of a function that gives
// it. Names of functions are drawn first and overloads second, so that a function with many overloads is not
// drawn more often.
#include "tests/differential/generate.h"

#include <algorithm>
#include <map>

#include "runtime/aggregates/aggregate.h"

namespace kqlc::differential {

namespace {

constexpr std::string_view kLiterals[][24] = {
    {"true", "false", "bool(null)"},
    {"int(0)", "int(1)", "int(-7)", "int(2147483647)", "int(-2147483648)", "int(null)"},
    {"0", "1", "2", "-1", "3", "10", "100", "9223372036854775807", "long(-9223372036854775808)", "0x1F",
     "long(null)"},
    {"0.0", "1.5", "-2.25", "1e3", "real(nan)", "real(+inf)", "real(-inf)", "1e300", "5e-324", "0.1",
     "real(null)"},
    {"decimal(0)", "decimal(1.5)", "decimal(-0.001)", "decimal(9999999999999999999999999999999999)",
     "decimal(null)"},
    {"datetime(2023-07-19)", "datetime(2024-02-29 23:59:59.9999999)", "datetime(0001-01-01)",
     "datetime(9999-12-31 23:59:59.9999999)", "datetime(1970-01-01)", "datetime(null)"},
    {"1d", "1h", "5m", "0s", "1tick", "timespan(-1.02:03:04.5)", "timespan(10675199.02:48:05.4775807)",
     "365d", "timespan(null)"},
    {"guid(74be27de-1e4e-49d9-b579-fe0b331d3642)", "guid(00000000-0000-0000-0000-000000000000)",
     "guid(null)"},
    {"''",
     "'a'",
     "'cmd.exe'",
     "'powershell'",
     "'Distant Software'",
     "@'C:\\Windows'",
     "'\xC3\xA9t\xC3\xA9'",
     "'.'",
     "'[a-z]+'",
     "'(\\\\w+)\\\\.(\\\\d+)'",
     "'yyyy-MM-dd HH:mm'",
     "'HH:mm:ss'",
     "'year'",
     "'day'",
     "'month'",
     "'hour'",
     "'$.a'",
     "'$[0].a'",
     "'windows'",
     "'([a-z])'",
     "', '",
     "'utf 8 \xF0\x9F\x98\x80'"},
    {"dynamic(null)", "dynamic([1,2,3])", "dynamic(['a','cmd.exe'])", "dynamic({'a':1,'b':{'c':[1,2]}})",
     "dynamic('x')", "dynamic(1.5)", "dynamic([])", "dynamic([null,true,'\xC3\xA9'])", "dynamic({})"},
};

size_t num_literals(Type type) {
  const auto& row = kLiterals[static_cast<size_t>(type)];
  size_t count = 0;
  while (count < std::size(row) && !row[count].empty()) ++count;
  return count;
}

// Functions by result type and name.
using Overloads = std::vector<const Function*>;
const std::vector<Overloads>& functions_giving(Type type) {
  static const std::vector<std::vector<Overloads>> all = [] {
    std::vector<std::map<std::string, Overloads>> named(kNumTypes);
    for (const Function& row : function_table()) {
      if (!row.spec.deterministic || !row.spec.is_written) continue;
      std::string name =
          row.spec.operators[0] ? std::string("operator ") + row.spec.operators[0] : row.spec.name;
      named[static_cast<size_t>(row.result)][name].push_back(&row);
    }
    std::vector<std::vector<Overloads>> out(kNumTypes);
    for (size_t i = 0; i < out.size(); ++i)
      for (auto& [name, rows] : named[i]) out[i].push_back(rows);
    return out;
  }();
  return all[static_cast<size_t>(type)];
}

// Joins the arguments with `between` them.
Term joined(const std::string& before, std::vector<Term> args, const std::string& between,
            const std::string& after) {
  Term out;
  out.parts = {before};
  for (size_t i = 0; i < args.size(); ++i) out.parts.push_back(i + 1 < args.size() ? between : after);
  if (args.empty()) out.parts[0] += after;
  out.args = std::move(args);
  return out;
}

bool accepts(Accepts what, Type type) {
  bool number = type == Type::Int || type == Type::Long || type == Type::Real || type == Type::Decimal;
  switch (what) {
    case Accepts::Any:
      return true;
    case Accepts::Number:
      return number;
    case Accepts::Summable:
      return number || type == Type::TimeSpan;
    case Accepts::Orderable:
      return type != Type::Dynamic;
    case Accepts::Bool:
      return type == Type::Bool;
    case Accepts::Long:
      return type == Type::Long;
    case Accepts::Percentile:
      return number;
    case Accepts::Dynamic:
      return type == Type::Dynamic;
  }
  return false;
}

}  // namespace

Type Generator::any_type() { return static_cast<Type>(random_.below(kNumTypes)); }

Term Generator::literal(Type type) {
  // Constants that are known when the query runs.
  if (type == Type::String && random_.chance(6)) {
    static constexpr std::string_view timed[] = {
        "format_datetime(now(), 'yyyy')", "tostring(now())", "format_datetime(ago(1d), 'd')",
        "iff(now() > datetime(2000-01-01), 'a', 'b')", "substring(tostring(now()), 2, 2)"};
    return term(std::string(random_.pick(timed)));
  }
  if (type == Type::Long && random_.chance(3)) return term("iff(now() > datetime(2000-01-01), 1, 2)");
  return term(std::string(kLiterals[static_cast<size_t>(type)][random_.below(num_literals(type))]));
}

// A column or a name of that type, else a literal.
Term Generator::operand(Type type, int) {
  std::vector<std::string> fitting;
  for (const auto* schema : {&schema_, &scalars_})
    for (const auto& column : *schema)
      if (column.type == type) fitting.push_back(column.name);
  if (!fitting.empty() && random_.chance(85)) return term(random_.pick(fitting));
  return literal(type);
}

Term Generator::expression(Type type, int depth) {
  if (depth <= 0 || random_.chance(15)) return operand(type, depth);
  if (type == Type::Bool && random_.chance(25)) return logic(depth);
  if (random_.chance(10)) return choice(type, depth);
  if (type == Type::Bool && random_.chance(8)) return between(depth);
  if (type == Type::Dynamic && random_.chance(30)) {
    static constexpr std::string_view paths[] = {".a",   ".b",    ".c.d", "[0]",
                                                 "[-1]", "['a']", "[1]",  ".b.c[0]"};
    return joined("", {operand(Type::Dynamic, 0)}, "", std::string(random_.pick(paths)));
  }
  return call(type, depth);
}

Term Generator::logic(int depth) {
  if (random_.chance(20)) return joined("not(", {expression(Type::Bool, depth - 1)}, "", ")");
  std::vector<Term> args{expression(Type::Bool, depth - 1), expression(Type::Bool, depth - 1)};
  if (random_.chance(20)) args.push_back(expression(Type::Bool, depth - 1));
  return joined("(", std::move(args), random_.chance(50) ? " and " : " or ", ")");
}

Term Generator::choice(Type type, int depth) {
  switch (random_.below(3)) {
    case 0:
      return joined(
          "iff(",
          {expression(Type::Bool, depth - 1), expression(type, depth - 1), expression(type, depth - 1)}, ", ",
          ")");
    case 1:
      return joined("coalesce(", {expression(type, depth - 1), expression(type, depth - 1)}, ", ", ")");
    default:
      return joined(
          "case(",
          {expression(Type::Bool, depth - 1), expression(type, depth - 1), expression(Type::Bool, depth - 1),
           expression(type, depth - 1), expression(type, depth - 1)},
          ", ", ")");
  }
}

Term Generator::between(int depth) {
  static constexpr Type types[] = {Type::Int,     Type::Long,     Type::Real,
                                   Type::Decimal, Type::DateTime, Type::TimeSpan};
  Type type = random_.pick(types);
  Term out = joined("(", {expression(type, depth - 1), operand(type, 0), operand(type, 0)}, " .. ", "))");
  out.parts[1] = random_.chance(60) ? " between (" : " !between (";
  return out;
}

Term Generator::argument(const Function& row, size_t index, bool constants, int depth) {
  const Param& param = row.params[std::min<size_t>(index, row.num_params)];
  bool constant = constants && (row.prepared_mask >> std::min<size_t>(index, 31) & 1);
  Type type = param.text || param.value ? any_type() : param.type;
  if (param.text && random_.chance(60)) type = Type::String;
  return constant ? literal(type) : expression(type, depth - 1);
}

Term Generator::call(Type type, int depth) {
  const auto& names = functions_giving(type);
  if (names.empty()) return operand(type, depth);
  const Function& row = *random_.pick(random_.pick(names));
  bool constants = row.needs_constants || random_.chance(70);
  size_t count = row.num_params + (row.variadic ? 1 + random_.below(3) : 0);
  std::vector<Term> args;
  for (size_t i = 0; i < count; ++i) args.push_back(argument(row, i, constants, depth));
  const char* spelling = row.spec.operators[0];
  if (!spelling) return joined(std::string(row.spec.name) + "(", std::move(args), ", ", ")");
  if (count == 1) return joined("(" + std::string(spelling), std::move(args), "", ")");
  std::string name = spelling;
  if (!row.variadic && name.find("has_a") == std::string::npos && name.find("in") != 0 &&
      name.find("!in") != 0)
    return joined("(", std::move(args), " " + name + " ", ")");
  Term out = joined("(", std::move(args), ", ", "))");
  out.parts[1] = " " + name + " (";
  return out;
}

// What aggregates may add up without the order of rows showing: columns of the table and small constants.
Term Generator::plain_number() {
  static constexpr Type types[] = {Type::Long, Type::Int, Type::Real, Type::Decimal, Type::TimeSpan};
  Type type = random_.pick(types);
  Term out = operand(type, 0);
  if ((type == Type::Real || type == Type::Decimal) && out.args.empty() &&
      out.parts[0].find_first_of("0123456789(") != std::string::npos)
    return term(type == Type::Real ? "R" : "M", false);
  return out;
}

Term Generator::aggregate(std::string& name) {
  const Aggregate& row = random_.pick(aggregate_table());
  name = row.spec.name;
  size_t required = row.spec.num_params - row.spec.num_optional;
  size_t count = required + (row.spec.num_optional ? random_.below(row.spec.num_optional + size_t{1}) : 0);
  if (row.spec.variadic) count += random_.below(3);
  std::vector<Term> args;
  for (size_t i = 0; i < count; ++i) {
    Accepts what = row.spec.params[std::min<size_t>(i, row.spec.num_params - size_t{1})];
    if (i >= row.spec.constant_from) {
      args.push_back(term(
          what == Accepts::Percentile ? std::to_string(random_.below(101)) : std::to_string(random_.below(5)),
          false));
    } else if (what == Accepts::Summable || what == Accepts::Number) {
      args.push_back(plain_number());
    } else {
      Type type = any_type();
      while (!accepts(what, type)) type = any_type();
      args.push_back(expression(type, 2));
    }
  }
  return joined(name + "(", std::move(args), ", ", ")");
}

std::string Generator::some_columns(size_t most) {
  std::string out;
  std::vector<std::string> names;
  for (size_t i = 0; i < most; ++i) {
    const std::string& name = random_.pick(schema_).name;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

Stage Generator::source() {
  Stage stage;
  size_t which = random_.below(20);
  if (which == 0) {
    stage.head = "range X from " + std::to_string(random_.below(5)) + " to 50 step " +
                 std::to_string(1 + random_.below(9));
    schema_ = {{"X", Type::Long}};
  } else if (which == 1) {
    stage.head = "print ";
    schema_ = {};
    plan::Schema made;
    for (size_t i = 0; i < 1 + random_.below(4); ++i) {
      Type type = any_type();
      std::string name = new_name();
      stage.items.push_back(joined(name + " = ", {expression(type, 3)}, "", ""));
      stage.items.back().replaceable = false;
      made.push_back({name, type});
    }
    schema_ = made;
  } else if (which == 2) {
    stage.head = "datatable(A: long, S: string, Y: dynamic)[";
    for (size_t i = 0; i < random_.below(6); ++i)
      for (Type type : {Type::Long, Type::String, Type::Dynamic}) {
        stage.items.push_back(literal(type));
        stage.items.back().replaceable = false;
      }
    stage.tail = "]";
    schema_ = {{"A", Type::Long}, {"S", Type::String}, {"Y", Type::Dynamic}};
  } else {
    const engines::TableData& table = random_.pick(tables_);
    stage.head = table.name;
    schema_ = table.schema;
  }
  return stage;
}

void Generator::add_where(Query& query) {
  Stage stage;
  stage.head = random_.chance(50) ? "where " : "filter ";
  stage.separator = " and ";
  for (size_t i = 0; i < 1 + random_.below(3); ++i) stage.items.push_back(expression(Type::Bool, 3));
  query.stages.push_back(std::move(stage));
}

void Generator::add_columns(Query& query, bool extend) {
  Stage stage;
  stage.head = extend ? "extend " : "project ";
  plan::Schema made;
  for (size_t i = 0; i < 1 + random_.below(5); ++i) {
    Type type = any_type();
    bool replace = extend && random_.chance(15) && !schema_.empty();
    std::string name = replace ? random_.pick(schema_).name : new_name();
    if (std::any_of(made.begin(), made.end(), [&](const auto& c) { return c.name == name; })) continue;
    stage.items.push_back(joined(name + " = ", {expression(type, 3)}, "", ""));
    stage.items.back().replaceable = false;
    made.push_back({name, type});
  }
  if (extend) {
    for (auto& column : made) {
      auto known =
          std::find_if(schema_.begin(), schema_.end(), [&](const auto& c) { return c.name == column.name; });
      const auto place = static_cast<size_t>(known - schema_.begin());
      if (place == schema_.size()) {
        schema_.push_back(column);
      } else {
        schema_.edit()[place].type = column.type;
      }
    }
  } else {
    for (const auto& column : schema_)
      if (random_.chance(30)) {
        stage.items.push_back(term(column.name, false));
        made.push_back(column);
      }
    schema_ = made;
  }
  query.stages.push_back(std::move(stage));
}

void Generator::add_column_choice(Query& query) {
  Stage stage;
  std::string names = some_columns(1 + random_.below(4));
  auto named = [&](const plan::ColumnDef& column) {
    return (", " + names + ",").find(", " + column.name + ",") != std::string::npos;
  };
  switch (random_.below(4)) {
    case 0:
      if (std::all_of(schema_.begin(), schema_.end(), named)) return;
      stage.head = "project-away " + names;
      std::erase_if(schema_.edit(), named);
      break;
    case 1:
      stage.head = "project-keep " + names;
      std::erase_if(schema_.edit(), [&](const auto& column) { return !named(column); });
      break;
    case 2:
      stage.head = "project-reorder " + names + (random_.chance(30) ? " asc" : "");
      break;
    default: {
      std::string name = new_name();
      size_t which = random_.below(schema_.size());
      stage.head = "project-rename " + name + " = " + schema_[which].name;
      schema_.edit()[which].name = name;
    }
  }
  query.stages.push_back(std::move(stage));
}

void Generator::add_summarize(Query& query) {
  Stage stage;
  stage.head = "summarize ";
  for (size_t i = 0; i < 1 + random_.below(4); ++i) {
    std::string name;
    Term made = aggregate(name);
    stage.items.push_back(joined(new_name() + " = ", {std::move(made)}, "", ""));
    stage.items.back().replaceable = false;
  }
  plan::Schema keys;
  for (size_t i = 0; i < random_.below(3); ++i) {
    Type type = any_type();
    std::string name = new_name();
    stage.keys.push_back(
        joined(name + " = ", {random_.chance(60) ? operand(type, 0) : expression(type, 2)}, "", ""));
    stage.keys.back().replaceable = false;
    keys.push_back({name, type});
  }
  schema_ = keys;  // results of aggregates are not looked at again: their rounding may differ
  query.stages.push_back(std::move(stage));
}

void Generator::add_sort(Query& query) {
  Stage stage;
  std::vector<std::string> orderable;
  for (const auto& column : schema_)
    if (column.type != Type::Dynamic) orderable.push_back(column.name);
  if (orderable.empty()) return;
  bool top = random_.chance(40);
  stage.head = top ? "top " + std::to_string(random_.below(20)) + " by " : "sort by ";
  static constexpr std::string_view orders[] = {
      "", " asc", " desc", " asc nulls last", " desc nulls first", " nulls first", " nulls last"};
  for (size_t i = 0; i < 1 + random_.below(3); ++i) {
    stage.items.push_back(term(random_.pick(orderable) + std::string(random_.pick(orders)), false));
  }
  query.stages.push_back(std::move(stage));
}

void Generator::add_union(Query& query) {
  Stage stage;
  stage.head = random_.chance(50) ? "union T" : "union (U | where L > 1), T";
  if (query.stages[0].head.starts_with("print") || query.stages[0].head.starts_with("range")) return;
  query.stages.push_back(std::move(stage));
  std::vector<plan::ColumnDef> kept;  // columns that both sides have with one type keep their name
  for (const auto& column : schema_)
    if (column.name.starts_with("v")) kept.push_back(column);
  schema_ = kept;
}

std::string Generator::right_side(plan::Schema& schema) {
  const engines::TableData& table = random_.pick(tables_);
  schema = table.schema;
  std::swap(schema, schema_);  // expressions are about the right side
  std::string out = "(" + table.name;
  if (random_.chance(40)) out += " | where " + print(expression(Type::Bool, 2));
  if (random_.chance(30)) {
    Type type = any_type();
    std::string name = new_name();
    out += " | extend " + name + " = " + print(expression(type, 2));
    schema_.push_back({name, type});
  }
  if (random_.chance(15)) {
    std::string key = random_.pick(schema_).name, name = new_name();
    auto column = std::ranges::find(schema_, key, &plan::ColumnDef::name);
    out += " | summarize " + name + " = count() by " + key;
    schema_ = {*column, {name, Type::Long}};
  }
  out += random_.chance(70) ? " | take " + std::to_string(random_.below(30)) + ")" : ")";
  std::swap(schema, schema_);
  return out;
}

// One pair of columns that can be compared, or two; "" where there is none.
std::string Generator::join_condition(const plan::Schema& right) {
  std::vector<std::string> pairs;
  auto widened = [](Type type) { return type == Type::Int ? Type::Long : type; };
  for (const auto& left : schema_)
    for (const auto& other : right)
      if (left.type != Type::Dynamic && widened(left.type) == widened(other.type))
        pairs.push_back(left.name == other.name && left.type == other.type
                            ? left.name
                            : "$left." + left.name + " == $right." + other.name);
  if (pairs.empty()) return "";
  std::string out = random_.pick(pairs);
  if (random_.chance(20)) out += ", " + random_.pick(pairs);
  return out;
}

void Generator::add_join(Query& query) {
  static constexpr std::string_view kinds[] = {"",
                                               " kind=inner",
                                               " kind=innerunique",
                                               " kind=inner",
                                               " kind=leftouter",
                                               " kind=rightouter",
                                               " kind=leftsemi",
                                               " kind=leftanti",
                                               " kind=rightsemi",
                                               " kind=rightanti",
                                               " kind=fullouter"};
  plan::Schema right;
  Stage stage;
  std::string side = right_side(right), condition = join_condition(right);
  if (condition.empty()) return;
  std::string_view kind = random_.pick(kinds);
  stage.head = "join" + std::string(kind) + " " + side + " on " + condition;
  query.stages.push_back(std::move(stage));
  if (kind == " kind=leftsemi" || kind == " kind=leftanti") return;
  plan::Schema kept;  // names that only one side has stay as they are
  auto has = [](const plan::Schema& schema, const std::string& name) {
    return std::ranges::find(schema, name, &plan::ColumnDef::name) != schema.end();
  };
  bool right_only = kind == " kind=rightsemi" || kind == " kind=rightanti";
  if (!right_only) kept = schema_;
  for (const auto& column : right)
    if (right_only || !has(schema_, column.name)) kept.push_back(column);
  schema_ = kept;
}

void Generator::add_let(Query& query) {
  Type type = any_type();
  std::string name = "n" + std::to_string(names_++);
  Stage let;
  let.head = "let " + name + " = ";
  let.items.push_back(expression(type, 2));
  query.lets.push_back(std::move(let));
  scalars_.push_back({name, type});
}

void Generator::add_operator(Query& query) {
  if (schema_.empty()) return;
  size_t which = random_.below(100);
  if (which < 25) return add_where(query);
  if (which < 45) return add_columns(query, true);
  if (which < 58) return add_columns(query, false);
  if (which < 66) return add_column_choice(query);
  if (which < 76) return add_summarize(query);
  if (which < 82) return add_sort(query);
  if (which < 88) return add_join(query);
  Stage stage;
  if (which < 92) {
    stage.head = random_.chance(50) ? "take " + std::to_string(random_.below(40))
                                    : "limit " + std::to_string(random_.below(40));
  } else if (which < 95) {
    std::string names = some_columns(3);
    stage.head = "distinct " + names;
    std::erase_if(schema_.edit(), [&](const plan::ColumnDef& column) {
      return (", " + names + ",").find(", " + column.name + ",") == std::string::npos;
    });
  } else if (which < 97) {
    stage.head = "count";
    schema_ = {{"Count", Type::Long}};
  } else if (which < 98) {
    stage.head = "as Q" + std::to_string(names_++);
  } else {
    return add_union(query);
  }
  query.stages.push_back(std::move(stage));
}

Query Generator::make_query() {
  Query query;
  if (random_.chance(5)) {
    Stage set;
    set.head = "set notruncation";
    query.lets.push_back(set);
  }
  for (size_t i = random_.chance(30) ? 1 + random_.below(2) : 0; i > 0; --i) add_let(query);
  query.stages.push_back(source());
  for (size_t i = 1 + random_.below(4); i > 0; --i) add_operator(query);
  query.twice = random_.chance(10);
  return query;
}

}  // namespace kqlc::differential

// SPDX-License-Identifier: Apache-2.0
//
// join: which columns have to be equal, what the result's columns are called, and how each flavor is made of
// the four kinds that a plan knows: the right flavors are the left ones with the sides exchanged, innerunique
// is an inner join of the first left row of each key, fullouter is a leftouter and the right rows without a
// match. Sources: KQL "join operator"; names and types of keys as Microsoft's parser has them.
#include <algorithm>
#include <map>
#include <set>

#include "compiler/plan/binder.h"

namespace kqlc::plan {

using source::Code;
using syntax::Kind;

namespace {

constexpr std::string_view kFlavors[] = {"inner",     "innerunique", "leftouter",    "rightouter",
                                         "fullouter", "leftsemi",    "rightsemi",    "leftanti",
                                         "anti",      "rightanti",   "leftantisemi", "rightantisemi"};

Type widened(Type type) { return type == Type::Int ? Type::Long : type; }

}  // namespace

Binder::JoinSides Binder::JoinSides::swapped() const {
  JoinSides out{right, left, keys, span};
  for (JoinKey& key : out.keys) std::swap(key.left, key.right);
  return out;
}

// The flavor that `kind=` names. Hints say how a cluster shares the work, which changes no row.
std::optional<std::string> Binder::join_flavor(const Syntax& node) {
  std::string flavor = "innerunique";
  for (syntax::NodeId child : node.children) {
    const Syntax& option = at(child);
    if (option.kind != Kind::Option || option.text.starts_with("hint.")) continue;
    if (option.text == "kind") flavor = at(option.children[0]).text;
    bool known = option.text == "kind" && std::ranges::find(kFlavors, flavor) != std::end(kFlavors);
    if (known) continue;
    diagnostics_.add(Code::K0204, option.span,
                     option.text == "kind" ? "there is no join of the kind `" + flavor + "`"
                                           : "`join` has no parameter `" + option.text + "`");
    return std::nullopt;
  }
  return flavor;
}

Binder::Table Binder::bind_join(NodeId left, const Syntax& node) {
  auto flavor = join_flavor(node);
  JoinSides sides{left, 0, {}, node.span};
  Table right;
  const Syntax* on = nullptr;
  for (syntax::NodeId child : node.children) {
    if (at(child).kind == Kind::Subquery) right = bind_table(child);
    if (at(child).kind == Kind::Clause) return refuse_table(at(child).span, "`join ... where`");
    if (at(child).kind == Kind::On) on = &at(child);
  }
  as_name_.clear();
  if (!on)
    diagnostics_.add(Code::K0204, node.span, "`join` needs the columns that have to be equal",
                     "write `on` and the name of a column that both tables have");
  if (!right || !on || !flavor) return std::nullopt;
  sides.right = *right;
  size_t num_columns = plan_.nodes[left].schema.size() + plan_.nodes[*right].schema.size();
  if (++num_joins_ > kMaxJoins || num_columns > kMaxJoinColumns) {
    diagnostics_.add(Code::K0103, node.span,
                     num_joins_ > kMaxJoins ? "the query has more than 500 joins"
                                            : "the join has more than 10,000 columns");
    return std::nullopt;
  }
  bool good = true;
  for (syntax::NodeId condition : on->children) good &= bind_join_condition(condition, sides);
  return good ? make_join(*flavor, sides) : std::nullopt;
}

bool Binder::bind_join_condition(syntax::NodeId id, JoinSides& sides) {
  const Syntax& node = at(id);
  if (node.kind == Kind::And)
    return std::ranges::all_of(node.children,
                               [&](syntax::NodeId child) { return bind_join_condition(child, sides); });
  if (node.kind == Kind::Binary && node.text == "==") return bind_join_equality(node, sides);
  if (node.kind != Kind::Name) {
    diagnostics_.add(Code::K0204, node.span,
                     "a join is on a column that both tables have, or on `$left.a == $right.b`");
    return false;
  }
  auto left = find_join_column(node, plan_.nodes[sides.left].schema, "left");
  auto right = left ? find_join_column(node, plan_.nodes[sides.right].schema, "right") : left;
  if (!right) return false;
  JoinKey key{static_cast<int>(*left), static_cast<int>(*right)};
  sides.keys.push_back(key);
  Type a = plan_.nodes[sides.left].schema[*left].type, b = plan_.nodes[sides.right].schema[*right].type;
  if (a == b) return check_join_types(node, sides, key);
  diagnostics_.add(Code::K0204, node.span,
                   "the column `" + node.text + "` is " + std::string(type_name(a)) + " on the left and " +
                       std::string(type_name(b)) + " on the right",
                   "convert one of them before the join");
  return false;
}

bool Binder::bind_join_equality(const Syntax& node, JoinSides& sides) {
  auto left = bind_join_operand(node.children[0], "left", plan_.nodes[sides.left].schema);
  auto right = bind_join_operand(node.children[1], "right", plan_.nodes[sides.right].schema);
  if (!left || !right) return false;
  JoinKey key{static_cast<int>(*left), static_cast<int>(*right)};
  sides.keys.push_back(key);
  return check_join_types(node, sides, key);
}

std::optional<size_t> Binder::bind_join_operand(syntax::NodeId id, std::string_view side,
                                                const Schema& schema) {
  const Syntax& node = at(id);
  bool good = node.kind == Kind::Member && at(node.children[0]).kind == Kind::Name &&
              at(node.children[0]).text == "$" + std::string(side);
  if (good) return find_join_column(node, schema, side);
  diagnostics_.add(Code::K0204, node.span,
                   "this side of the join condition must be `$" + std::string(side) + ".column`");
  return std::nullopt;
}

std::optional<size_t> Binder::find_join_column(const Syntax& name, const Schema& schema,
                                               std::string_view side) {
  for (size_t i = 0; i < schema.size(); ++i)
    if (schema[i].name == name.text) return i;
  diagnostics_.add(Code::K0203, name.span,
                   "the " + std::string(side) + " side of the join has no column `" + name.text + "`",
                   column_hint(schema, name.text));
  return std::nullopt;
}

bool Binder::check_join_types(const Syntax& node, const JoinSides& sides, JoinKey key) {
  Type left = plan_.nodes[sides.left].schema[static_cast<size_t>(key.left)].type,
       right = plan_.nodes[sides.right].schema[static_cast<size_t>(key.right)].type;
  std::string problem;
  if (left == Type::Dynamic || right == Type::Dynamic) {
    problem = "a dynamic value cannot be the key of a join";
  } else if (widened(left) != widened(right)) {
    problem = "a key of the type " + std::string(type_name(left)) +
              " cannot be joined with one of the type " + std::string(type_name(right));
  }
  if (problem.empty()) return true;
  diagnostics_.add(Code::K0204, node.span, problem, "convert it before the join, as with tostring()");
  return false;
}

// The columns of both tables. A name that is there already gets a number, the least that is free; a column
// that bears its name from the start keeps it: a, a, a1 become a, a2, a1.
Schema Binder::joined_schema(NodeId left, NodeId right) const {
  Schema schema = plan_.nodes[left].schema;
  schema.append(plan_.nodes[right].schema);
  std::set<std::string> taken, seen;
  for (const ColumnDef& column : schema) taken.insert(column.name);
  std::map<std::string, int> last;
  for (ColumnDef& column : schema.edit()) {
    if (seen.insert(column.name).second) continue;
    const std::string name = column.name;
    do {
      column.name = name + std::to_string(++last[name]);
    } while (!taken.insert(column.name).second);
  }
  return schema;
}

// Of a side that is only asked whether it has a key, each key once.
Binder::JoinSides Binder::distinct_keys(const JoinSides& sides) {
  std::vector<size_t> positions;
  for (const JoinKey& key : sides.keys) positions.push_back(static_cast<size_t>(key.right));
  NodeId keys = project_columns(sides.right, positions, sides.span);
  JoinSides out = sides;
  out.right = add_over(keys, NodeKind::Distinct, plan_.nodes[keys].schema, sides.span);
  for (size_t i = 0; i < out.keys.size(); ++i) out.keys[i].right = static_cast<int>(i);
  return out;
}

NodeId Binder::add_join(JoinKind kind, JoinSides sides) {
  if (!has_right_columns(kind)) sides = distinct_keys(sides);
  Node node;
  node.kind = NodeKind::Join;
  node.join = kind;
  node.join_keys = sides.keys;
  node.inputs = {sides.left, sides.right};
  node.schema =
      has_right_columns(kind) ? joined_schema(sides.left, sides.right) : plan_.nodes[sides.left].schema;
  node.span = sides.span;
  return add(std::move(node));
}

Binder::Table Binder::make_join(const std::string& flavor, const JoinSides& sides) {
  if (flavor == "inner") return add_join(JoinKind::Inner, sides);
  if (flavor == "leftouter") return add_join(JoinKind::LeftOuter, sides);
  if (flavor == "leftsemi") return add_join(JoinKind::LeftSemi, sides);
  if (flavor == "rightsemi") return add_join(JoinKind::LeftSemi, sides.swapped());
  if (flavor == "leftanti" || flavor == "anti" || flavor == "leftantisemi")
    return add_join(JoinKind::LeftAnti, sides);
  if (flavor == "rightanti" || flavor == "rightantisemi")
    return add_join(JoinKind::LeftAnti, sides.swapped());
  if (flavor == "innerunique") {
    JoinSides unique = sides;
    unique.left = first_rows(sides);
    return add_join(JoinKind::Inner, unique);
  }
  if (flavor == "fullouter") {
    if (!is_repeatable(sides.left) || !is_repeatable(sides.right))
      return refuse_table(sides.span, "`fullouter` over values that are others each time");
    return add_full_join(sides);
  }
  // rightouter: the left columns come first all the same.
  NodeId join = add_join(JoinKind::LeftOuter, sides.swapped());
  size_t num_left = plan_.nodes[sides.left].schema.size(), num_right = plan_.nodes[sides.right].schema.size();
  Schema schema = joined_schema(sides.left, sides.right);
  std::vector<ExprId> exprs;
  for (size_t i = 0; i < schema.size(); ++i)
    exprs.push_back(column(i < num_left ? num_right + i : i - num_left, schema[i].type, sides.span));
  return project(join, std::move(schema), std::move(exprs), sides.span);
}

// Of the left rows with equal keys the first in input order, which is one of those that Kusto may take.
NodeId Binder::first_rows(const JoinSides& sides) {
  const Schema before = plan_.nodes[sides.left].schema;
  Node groups;
  groups.kind = NodeKind::Summarize;
  groups.span = sides.span;
  groups.inputs = {sides.left};
  for (const JoinKey& key : sides.keys) {
    const ColumnDef& def = before[static_cast<size_t>(key.left)];
    groups.exprs.push_back(column(static_cast<size_t>(key.left), def.type, sides.span));
    groups.schema.push_back({"", def.type});
  }
  AggregateUse first;
  first.aggregate = find_aggregate("take_any");
  first.args = all_columns(before, sides.span);
  first.num_results = before.size();
  for (const ColumnDef& def : before) {
    first.types.push_back(def.type);
    first.constants.push_back(null_cell(def.type));
  }
  // Of one value it would take the first that is not empty: of two columns it takes the row.
  if (before.size() == 1) {
    first.args.push_back(first.args[0]);
    first.types.push_back(before[0].type);
    first.constants.push_back(null_cell(before[0].type));
    ++first.num_results;
  }
  for (Type type : first.types) groups.schema.push_back({"", type});
  groups.aggregates.push_back(std::move(first));
  size_t num_keys = sides.keys.size();
  NodeId grouped = add(std::move(groups));
  std::vector<ExprId> exprs;
  for (size_t i = 0; i < before.size(); ++i) {
    // A key is that of the first row, too, and filters can see that it is one.
    auto key = std::ranges::find(sides.keys, static_cast<int>(i), &JoinKey::left);
    size_t place = key == sides.keys.end() ? num_keys + i : static_cast<size_t>(key - sides.keys.begin());
    exprs.push_back(column(place, before[i].type, sides.span));
  }
  return project(grouped, before, std::move(exprs), sides.span);
}

NodeId Binder::add_full_join(const JoinSides& sides) {
  NodeId matched = add_join(JoinKind::LeftOuter, sides);
  NodeId rest = add_join(JoinKind::LeftAnti, sides.swapped());
  Node out;
  out.kind = NodeKind::Union;
  out.span = sides.span;
  out.inputs = {matched, rest};
  out.schema = plan_.nodes[matched].schema;
  out.mappings.resize(2);
  int num_left = static_cast<int>(plan_.nodes[sides.left].schema.size());
  for (int i = 0; i < static_cast<int>(out.schema.size()); ++i) {
    out.mappings[0].push_back(i);
    out.mappings[1].push_back(i < num_left ? -1 : i - num_left);
  }
  return add(std::move(out));
}

// Whether a table gives the same rows each time it is computed.
bool Binder::is_repeatable(NodeId id) const {
  std::vector<bool> nodes(plan_.nodes.size(), false), exprs(plan_.exprs.size(), false);
  nodes[id] = true;
  // Inputs and arguments stand before what uses them.
  for (size_t i = id + size_t{1}; i-- > 0;) {
    if (!nodes[i]) continue;
    const Node& node = plan_.nodes[i];
    for (NodeId input : node.inputs) nodes[input] = true;
    for (ExprId expr : node.exprs) exprs[expr] = true;
    for (const AggregateUse& use : node.aggregates)
      for (ExprId arg : use.args) exprs[arg] = true;
  }
  for (size_t i = exprs.size(); i-- > 0;) {
    if (!exprs[i]) continue;
    const Expr& expr = plan_.exprs[i];
    if (expr.kind == ExprKind::Call && !expr.function->spec.deterministic) return false;
    for (ExprId arg : expr.args) exprs[arg] = true;
  }
  return true;
}

}  // namespace kqlc::plan

// SPDX-License-Identifier: Apache-2.0
//
// Calls that are more than a function of values: what they mean hangs on names, on the columns of the row, or
// on types written in the query. In: the call's syntax node. Out: an expression of ordinary calls. Source:
// the function's page.
#include <strings.h>

#include <algorithm>

#include "compiler/plan/binder.h"
#include "runtime/functions/units.h"

namespace kqlc::plan {

using source::Code;
using syntax::Kind;

// column_ifexists('name', default): the column where the row has it.
Binder::Scalar Binder::bind_column_ifexists(const Syntax& node, const Schema* row) {
  if (node.children.size() != 2) {
    diagnostics_.add(Code::K0204, node.span, "wrong number of arguments for `" + node.text + "`");
    return std::nullopt;
  }
  auto text = constant_text(node.children[0]);
  if (!text) return std::nullopt;
  Syntax name = at(node.children[0]);
  name.text = *text;
  bool known =
      row && std::any_of(row->begin(), row->end(), [&](const ColumnDef& c) { return c.name == *text; });
  return known ? bind_name(name, row) : bind_expr(node.children[1], row);
}

// extract(..., typeof(long)): what is found, as that type.
Binder::Scalar Binder::bind_typeof_call(const Syntax& node, const Schema* row) {
  const Syntax& name = at(at(node.children.back()).children[0]);
  Type type = Type::String;
  if (!node.text.starts_with("extract")) return refuse(node.span, "`" + node.text + "` with `typeof`");
  if (name.kind != Kind::TypeName || !find_type(name.text, type))
    return refuse(node.span, "`typeof` of a table here");
  Syntax plain = node;
  plain.children.pop_back();
  Scalar found = bind_call(plain, row);
  return found && type_of(*found) != type ? call(std::string(converter(type)), {*found}, node.span) : found;
}

// The engine counts weeks in a real, everything else in a long.
Binder::Scalar Binder::bind_datetime_diff(const Syntax& node, std::vector<ExprId> args) {
  auto part = type_of(args[0]) == Type::String ? constant(args[0]) : std::nullopt;
  Scalar count = call(node.text, std::move(args), node.span);
  bool weeks = part && part->s.size == 4 && strncasecmp(part->s.data, "week", 4) == 0;
  return count && weeks ? convert(*count, Type::Real, node.span) : count;
}

// hash(value, mod). What the remainder of a negative hash is, no page says; others are the same in any
// reading.
Binder::Scalar Binder::bind_hash_modulo(const Syntax& node, std::vector<ExprId> args) {
  ExprId mod = args.back();
  args.pop_back();
  Scalar hash = call(node.text, std::move(args), node.span);
  if (!hash) return std::nullopt;
  auto value = constant(*hash), divisor = constant(mod);
  bool whole = type_of(mod) == Type::Long || type_of(mod) == Type::Int;
  if (!whole || !value || !divisor || !value->valid || value->l < 0)
    return refuse(node.span, "`" + node.text + "` with a modulus where the hash may be negative",
                  "take the remainder with `%`, which is never negative");
  return call("%", {*hash, mod}, node.span, true);
}

// convert_length(value, from, to) and its relatives.
Binder::Scalar Binder::bind_unit_conversion(const Syntax& node, std::vector<ExprId> args) {
  for (size_t i = 1; i < 3; ++i) {
    auto cell = type_of(args[i]) == Type::String ? constant(args[i]) : std::nullopt;
    for (int q = 0; cell && q < functions::kNumQuantities; ++q) {
      if (node.text != functions::kConversions[q]) continue;
      const functions::Unit* unit = functions::find_unit(static_cast<functions::Quantity>(q), cell->s.view());
      if (unit && unit->scale == 0)
        return refuse(at(node.children[i]).span, "the unit `" + std::string(unit->name) + "`");
    }
  }
  return call(node.text, std::move(args), node.span);
}

// bag_pack of columns under their own names.
Binder::Scalar Binder::bind_pack_columns(const Syntax& node, const std::vector<ExprId>& columns) {
  std::vector<ExprId> pairs;
  for (size_t i = 0; i < columns.size(); ++i) {
    const Syntax& name = at(node.children[i]);
    if (name.kind != Kind::Name || plan_.exprs[columns[i]].kind != ExprKind::Column)
      return refuse(name.span, "`bag_pack_columns()` of what is no column");
    pairs.push_back(text_literal(name.text, name.span));
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
    pairs.push_back(text_literal((*row)[i].name, node.span));
    pairs.push_back(column(i, (*row)[i].type, node.span));
  }
  return call(skip_empty ? "bag_pack_filled" : "bag_pack", std::move(pairs), node.span);
}

}  // namespace kqlc::plan

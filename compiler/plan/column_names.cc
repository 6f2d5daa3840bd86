// SPDX-License-Identifier: Apache-2.0
//
// How the columns of expressions without a name are called. In: a syntax node. Out: the name that its columns
// and functions suggest (`tostring(d.a)` is `d_a`, `strlen(x)` is `strlen_x`), made unique where it must be;
// Column1, Column2, ... where they suggest none. The rules are those of Microsoft's parser.
#include <algorithm>

#include "compiler/plan/binder.h"

namespace kqlc::plan {

using syntax::Kind;

namespace {

bool has_column(const Schema& schema, const std::string& name) {
  return std::any_of(schema.begin(), schema.end(), [&](const ColumnDef& def) { return def.name == name; });
}

}  // namespace

std::string Binder::unique_name(const Schema& schema, std::string name) const {
  if (!has_column(schema, name)) return name;
  for (int i = 1;; ++i)
    if (std::string numbered = name + std::to_string(i); !has_column(schema, numbered)) return numbered;
}

std::string Binder::next_column_name(const Schema& schema) {
  for (;;)
    if (std::string name = "Column" + std::to_string(++unnamed_columns_); !has_column(schema, name))
      return name;
}

std::string Binder::name_of_call(const Syntax& node) const {
  if (find(node.text)) return "";  // a function of the query
  std::string argument = node.children.empty() ? "" : name_of(node.children[0]);
  if (const Aggregate* aggregate = find_aggregate(node.text)) return result_name(aggregate->spec, argument);
  auto rows = functions_called(node.text, false);
  if (rows.empty()) return "";
  const Function* row = rows[0];
  switch (row->spec.result_name) {
    case ResultName::None:
      return "";
    case ResultName::FirstArgument:
      return argument;
    case ResultName::OnlyArgument:
      return node.children.size() == 1 ? argument : "";
    case ResultName::Prefix:
      return std::string(row->spec.result_prefix) + "_" + argument;
    case ResultName::FunctionName:
      return node.text + "_" + argument;
  }
  return "";
}

std::string Binder::name_of(syntax::NodeId id) const {
  const Syntax& node = at(id);
  switch (node.kind) {
    case Kind::Name:
    case Kind::Named:
      return node.text;
    case Kind::Member: {
      std::string object = name_of(node.children[0]);
      return object.empty() ? node.text : object + "_" + node.text;
    }
    case Kind::Index: {
      std::string object = name_of(node.children[0]);
      const Syntax& index = at(node.children[1]);
      std::string key = index.kind == Kind::String || index.kind == Kind::Long ? index.text : "";
      return object.empty() ? key : object + "_" + key;
    }
    case Kind::Call:
      return name_of_call(node);
    default:
      return "";
  }
}

}  // namespace kqlc::plan

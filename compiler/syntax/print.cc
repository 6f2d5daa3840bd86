// SPDX-License-Identifier: Apache-2.0
//
// The text of a syntax tree: one node a line, indented by depth.
#include "compiler/syntax/tree.h"

namespace kqlc::syntax {

namespace {
constexpr std::string_view kNames[] = {
    "query",  "let",     "set",      "declare", "statement", "function", "param",  "schema",
    "body",   "pipe",    "operator", "option",  "sort",      "by",       "on",     "with",
    "clause", "name",    "wildcard", "star",    "string",    "long",     "real",   "timespan",
    "bool",   "typed",   "dynamic",  "array",   "bag",       "property", "null",   "typeof",
    "type",   "call",    "member",   "index",   "or",        "and",      "binary", "unary",
    "in",     "between", "named",    "list",    "subquery",  "error"};
static_assert(std::size(kNames) == static_cast<size_t>(Kind::Error) + 1);
}  // namespace

std::string print(const SyntaxTree& tree) {
  std::string out;
  std::vector<std::pair<NodeId, size_t>> stack;
  if (tree.root != kNoNode) stack.push_back({tree.root, 0});
  while (!stack.empty()) {
    auto [id, depth] = stack.back();
    stack.pop_back();
    const Node& node = tree[id];
    out.append(depth * 2, ' ').append(kNames[static_cast<size_t>(node.kind)]);
    if (!node.extra.empty()) out.append(" ").append(node.extra);
    if (!node.text.empty()) out.append(" `").append(node.text).append("`");
    out += '\n';
    for (size_t i = node.children.size(); i-- > 0;) stack.push_back({node.children[i], depth + 1});
  }
  return out;
}

}  // namespace kqlc::syntax

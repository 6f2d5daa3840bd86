// SPDX-License-Identifier: Apache-2.0
//
// Tabular operators: which one it is, and what most of them are made of (options, lists, keys, tables). In:
// the tokens after `|`. Out: an Operator node with its canonical name; named options come first, then
// operands in the order of the text. What has a grammar of its own is in parse_forms.cc. Source: KQL "Tabular
// operators".
#include <algorithm>

#include "compiler/source/nearest.h"
#include "compiler/syntax/parser.h"

namespace kqlc::syntax {

using source::Code;

namespace {

// The operators that a misspelt one may have been meant for.
constexpr std::string_view kOperators[] = {"as",
                                           "consume",
                                           "count",
                                           "distinct",
                                           "evaluate",
                                           "extend",
                                           "facet",
                                           "filter",
                                           "find",
                                           "fork",
                                           "getschema",
                                           "invoke",
                                           "join",
                                           "limit",
                                           "lookup",
                                           "make-series",
                                           "mv-apply",
                                           "mv-expand",
                                           "order",
                                           "parse",
                                           "parse-kv",
                                           "parse-where",
                                           "partition",
                                           "print",
                                           "project",
                                           "project-away",
                                           "project-keep",
                                           "project-rename",
                                           "project-reorder",
                                           "range",
                                           "reduce",
                                           "render",
                                           "sample",
                                           "sample-distinct",
                                           "scan",
                                           "search",
                                           "serialize",
                                           "sort",
                                           "summarize",
                                           "take",
                                           "top",
                                           "top-hitters",
                                           "top-nested",
                                           "union",
                                           "where"};

std::string operator_hint(std::string_view name) {
  std::string_view best;
  size_t distance = source::nearest_bound(name);
  for (std::string_view known : kOperators)
    if (size_t d = source::edit_distance(name, known); d < distance) {
      distance = d;
      best = known;
    }
  return best.empty() ? "" : "did you mean `" + std::string(best) + "`?";
}

}  // namespace

std::string Parser::hyphenated_word(size_t& count) const {
  if (peek().kind != TokenKind::Name) return "";
  std::string word = peek().text;
  count = 1;
  while (at_symbol("-", count) && !peek(count).blank_before && peek(count + 1).kind == TokenKind::Name &&
         !peek(count + 1).blank_before) {
    word += "-" + peek(count + 1).text;
    count += 2;
  }
  return word;
}

NodeId Parser::parse_operator() {
  uint32_t start = begin();
  size_t count = 0;
  std::string word = hyphenated_word(count);
  static constexpr std::pair<std::string_view, std::string_view> kSpellings[] = {
      {"filter", "where"},         {"order", "sort"},       {"limit", "take"},
      {"mvexpand", "mv-expand"},   {"mvapply", "mv-apply"}, {"makeseries", "make-series"},
      {"project-smart", "project"}};
  for (auto [spelling, name] : kSpellings)
    if (word == spelling) word = name;
  if (word.empty()) {
    fail("an operator");
    recover();
    return add(Kind::Error, span_from(start));
  }
  at_ += count;
  return parse_operator_body(word, start);
}

NodeId Parser::parse_operator_body(const std::string& name, uint32_t start) {
  Depth depth(*this);
  if (too_deep()) return add(Kind::Error, peek().span);
  std::vector<NodeId> out;
  auto any = [&](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (any({"where", "take"})) {
    parse_options(out);
    out.push_back(parse_expression());
  } else if (any({"extend", "project", "project-away", "project-keep", "project-rename", "project-reorder",
                  "project-by-names", "distinct", "print", "serialize"})) {
    parse_options(out);
    parse_named_list(out, any({"project-away", "project-keep", "project-reorder", "project-by-names"}));
  } else if (name == "count" || name == "getschema" || name == "consume") {
    parse_options(out);
    if (name == "count" && take_word("as")) out.push_back(parse_name());
  } else if (name == "as") {
    parse_options(out);
    out.push_back(parse_name());
  } else if (name == "summarize") {
    parse_summarize(out);
  } else if (name == "sort") {
    parse_options(out);
    if (!take_word("by")) fail("`by`");
    parse_sort_list(out);
  } else if (name == "top" || name == "top-hitters") {
    parse_top(out);
  } else if (name == "top-nested") {
    parse_top_nested(out);
  } else if (name == "join" || name == "lookup") {
    parse_join(out);
  } else if (name == "union") {
    parse_union(out);
  } else if (any({"parse", "parse-where", "parse-kv"})) {
    parse_pattern(out);
  } else if (name == "mv-expand" || name == "mv-apply") {
    parse_mv(out, name == "mv-apply");
  } else if (name == "make-series") {
    parse_make_series(out);
  } else if (name == "render") {
    parse_render(out);
  } else if (name == "range") {
    parse_range(out);
  } else if (name == "datatable") {
    parse_datatable(out);
  } else if (name == "externaldata" || name == "external_data") {
    parse_externaldata(out);
  } else if (any({"partition", "fork", "facet"}) || name == "__partitionby") {
    parse_partition(out);
  } else if (name == "search") {
    parse_search(out);
  } else if (name == "find") {
    parse_find(out);
  } else if (name == "scan") {
    parse_scan(out);
  } else if (any({"sample", "sample-distinct"})) {
    parse_options(out);
    out.push_back(parse_expression());
    if (take_word("of")) out.push_back(parse_expression());
  } else if (name == "reduce") {
    parse_options(out);
    out.push_back(parse_by(false));
    parse_with(out);
  } else if (name == "evaluate" || name == "invoke") {
    parse_options(out);
    out.push_back(parse_path());
    if (take_symbol(":")) out.push_back(parse_schema());
  } else if (name == "assert-schema") {
    out.push_back(parse_schema());
  } else if (name == "execute-and-cache") {
  } else if (name.starts_with("graph-") || name == "make-graph" || name == "macro-expand") {
    parse_graph(out);
  } else {
    diagnostics_.add(Code::K0101, span_from(start), "no operator is called `" + name + "`",
                     operator_hint(name));
    failed_at_ = at_;
    recover();
    return add(Kind::Error, span_from(start));
  }
  return add(Kind::Operator, span_from(start), name, std::move(out));
}

// name=value, or hint.name=value.
bool Parser::option_follows() const {
  if (peek().kind != TokenKind::Name) return false;
  static constexpr std::string_view kOptions[] = {
      "kind",        "flags",        "withsource",        "with_source",  "isfuzzy",
      "best_effort", "bagexpansion", "with_itemindex",    "decodeblocks", "with_match_id",
      "cycles",      "output",       "with_component_id", "force_remote"};
  if (at_symbol("=", 1))
    return std::find(std::begin(kOptions), std::end(kOptions), peek().text) != std::end(kOptions);
  return at_word("hint") && at_symbol(".", 1) && at_symbol("=", 3);
}

void Parser::parse_options(std::vector<NodeId>& out) {
  while (option_follows()) {
    uint32_t start = begin();
    std::string name = peek().text;
    if (at_symbol(".", 1)) {
      name += "." + peek(2).text;
      at_ += 2;
    }
    at_ += 2;
    // A word alone: in `kind=inner (...)` the brackets are no call.
    NodeId value =
        peek().kind == TokenKind::Name && !at_any_word({"true", "false"}) ? parse_name() : parse_primary();
    out.push_back(add(Kind::Option, span_from(start), name, {value}));
  }
}

NodeId Parser::parse_column_pattern(bool inner_stars) {
  // Wildcards: `a*`, `*b`, `a*b*`: names and stars that touch. `a*b` is a product where there may be one.
  uint32_t start = begin();
  bool star =
      at_symbol("*") || (peek().kind == TokenKind::Name && at_symbol("*", 1) && !peek(1).blank_before);
  if (!star) return kNoNode;
  size_t first = at_;
  std::string text;
  bool wildcard = false;
  while ((peek().kind == TokenKind::Name || peek().kind == TokenKind::Long || at_symbol("*")) &&
         (at_ == first || !peek().blank_before)) {
    wildcard |= at_symbol("*");
    text += peek().text;
    ++at_;
  }
  bool closed = at_end() || at_symbol(",") || at_symbol("|") || at_symbol(";") || at_symbol(")") ||
                at_symbol("}") || at_any_word({"asc", "desc", "granny", "nulls", "by", "on"});
  bool product = !inner_stars && !text.starts_with('*') && !text.ends_with('*');
  if (!wildcard || !closed || product) {
    at_ = first;
    return kNoNode;
  }
  return add(text == "*" ? Kind::Star : Kind::Wildcard, span_from(start), text);
}

void Parser::parse_named_list(std::vector<NodeId>& out, bool by_name) {
  if (at_end() || at_symbol("|") || at_symbol(";") || at_symbol(")")) return;
  do {
    NodeId pattern = parse_column_pattern(by_name);
    NodeId item = pattern != kNoNode ? pattern : parse_named_expression();
    if (at_any_word({"asc", "desc"}) || at_word("granny")) {  // project-reorder
      uint32_t start = tree_[item].span.begin;
      size_t count = 0;
      std::string order = hyphenated_word(count);
      at_ += count;
      item = add(Kind::Sort, span_from(start), order, {item});
    }
    out.push_back(item);
  } while (take_symbol(","));
}

NodeId Parser::parse_sort_item() {
  uint32_t start = begin();
  NodeId expression = parse_named_expression();
  std::string order;
  if (at_any_word({"asc", "desc"})) order = tokens_[at_++].text;
  if (take_word("nulls")) {
    if (!at_any_word({"first", "last"})) fail("`first` or `last`");
    order += " " + peek().text;
    if (!at_end()) ++at_;
  }
  return add(Kind::Sort, span_from(start), order, {expression});
}

void Parser::parse_sort_list(std::vector<NodeId>& out) {
  do out.push_back(parse_sort_item());
  while (take_symbol(","));
}

NodeId Parser::parse_by(bool sorted) {
  uint32_t start = begin();
  expect_word("by");
  std::vector<NodeId> items;
  if (sorted) {
    parse_sort_list(items);
  } else {
    parse_named_list(items);
  }
  return add(Kind::By, span_from(start), "", std::move(items));
}

void Parser::parse_summarize(std::vector<NodeId>& out) {
  parse_options(out);
  if (!at_word("by")) parse_named_list(out);
  if (at_word("by")) out.push_back(parse_by(false));
}

void Parser::parse_top(std::vector<NodeId>& out) {
  parse_options(out);
  out.push_back(parse_expression());
  if (take_word("of")) out.push_back(add(Kind::Clause, peek().span, "of", {parse_expression()}));
  if (at_word("by")) out.push_back(parse_by(true));
}

// A pipeline without its source, in brackets: mv-apply ... on ( ... ), partition by x ( ... ).
NodeId Parser::parse_sub_pipe() {
  uint32_t start = begin();
  std::string close = at_symbol("{") ? "}" : ")";
  if (close == "}") {
    ++at_;
  } else {
    expect_symbol("(");
  }
  size_t count = 0;
  hyphenated_word(count);
  std::vector<NodeId> children;
  take_symbol("|");
  do children.push_back(parse_operator());
  while (take_symbol("|"));
  expect_symbol(close);
  return add(Kind::Pipe, span_from(start), "sub", std::move(children));
}

void Parser::parse_join(std::vector<NodeId>& out) {
  parse_options(out);
  uint32_t right = begin();
  NodeId table = at_symbol("(") && pipe_follows_in_brackets() ? parse_pipe_in_brackets() : parse_path();
  out.push_back(add(Kind::Subquery, span_from(right), "", {table}));
  uint32_t start = begin();
  if (take_word("on")) {
    std::vector<NodeId> conditions;
    do conditions.push_back(parse_expression());
    while (take_symbol(","));
    out.push_back(add(Kind::On, span_from(start), "", std::move(conditions)));
  } else if (take_word("where")) {
    out.push_back(add(Kind::Clause, span_from(start), "where", {parse_expression()}));
  }
}

void Parser::parse_union(std::vector<NodeId>& out) {
  parse_options(out);
  do {
    uint32_t start = begin();
    NodeId pattern = parse_column_pattern();
    if (pattern != kNoNode) {
      out.push_back(pattern);
      continue;
    }
    NodeId table = at_symbol("(") ? (pipe_follows_in_brackets() ? parse_pipe_in_brackets() : parse_path())
                                  : parse_path();
    out.push_back(add(Kind::Subquery, span_from(start), "", {table}));
  } while (take_symbol(","));
}

}  // namespace kqlc::syntax

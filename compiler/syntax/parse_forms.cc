// SPDX-License-Identifier: Apache-2.0
//
// Operators with a grammar of their own: parse, mv-expand, make-series, render, datatable, partition, search,
// find, scan and others. In: the tokens behind the operator's name. Out: its operands; clauses become nodes
// that bear the clause's word. Source: the page of each operator.
#include "compiler/syntax/parser.h"

namespace kqlc::syntax {

void Parser::parse_top_nested(std::vector<NodeId>& out) {
  do {
    if (take_word("top")) {
      expect_symbol("-");
      expect_word("nested");
    }
    uint32_t start = begin();
    std::vector<NodeId> level;
    if (!at_word("of")) level.push_back(parse_expression());
    expect_word("of");
    level.push_back(parse_named_expression());
    if (take_word("with")) {
      expect_word("others");
      expect_symbol("=");
      level.push_back(add(Kind::Clause, peek().span, "others", {parse_expression()}));
    }
    expect_word("by");
    NodeId value = parse_named_expression();
    std::string order;
    if (at_any_word({"asc", "desc"})) order = tokens_[at_++].text;
    level.push_back(add(Kind::Sort, span_from(start), order, {value}));
    out.push_back(add(Kind::Clause, span_from(start), "level", std::move(level)));
  } while (take_symbol(","));
}

void Parser::parse_pattern(std::vector<NodeId>& out) {
  parse_options(out);
  out.push_back(parse_named_expression());
  if (take_word("as")) {  // parse-kv
    out.push_back(parse_schema());
    parse_with(out);
    return;
  }
  expect_word("with");
  uint32_t start = begin();
  std::vector<NodeId> items;
  while (!at_end() && !at_symbol("|") && !at_symbol(";") && !at_symbol(")") && !at_symbol("}")) {
    if (at_symbol("*")) {
      items.push_back(add(Kind::Star, peek().span));
      ++at_;
    } else if (peek().kind == TokenKind::String) {
      items.push_back(add(Kind::String, peek().span, peek().text));
      ++at_;
    } else if (peek().kind == TokenKind::Name || peek().kind == TokenKind::BracketName) {
      NodeId name = parse_name();
      if (tree_[name].kind == Kind::Error) break;  // `by`, `and`, `or` are no names: nothing was taken
      if (take_symbol(":")) {
        NodeId type = parse_param_type();
        name = add(Kind::Param, tree_[name].span, tree_[name].text, {type});
      }
      items.push_back(name);
    } else if (!take_symbol(",")) {
      fail("a part of the pattern");
      break;
    }
  }
  out.push_back(add(Kind::Clause, span_from(start), "with", std::move(items)));
}

void Parser::parse_mv(std::vector<NodeId>& out, bool apply) {
  parse_options(out);
  do {
    uint32_t start = begin();
    NodeId item = parse_named_expression();
    if (take_word("to")) {
      NodeId type = parse_typeof();
      item = add(Kind::Clause, span_from(start), "to", {item, type});
    }
    out.push_back(item);
  } while (take_symbol(","));
  uint32_t start = begin();
  if (take_word("limit")) out.push_back(add(Kind::Clause, span_from(start), "limit", {parse_expression()}));
  if (!apply) return;
  start = begin();
  expect_word("on");
  out.push_back(add(Kind::On, span_from(start), "", {parse_sub_pipe()}));
}

void Parser::parse_make_series(std::vector<NodeId>& out) {
  parse_options(out);
  do {
    uint32_t start = begin();
    NodeId item = parse_named_expression();
    if (take_word("default")) {
      expect_symbol("=");
      item = add(Kind::Clause, span_from(start), "default", {item, parse_expression()});
    }
    out.push_back(item);
  } while (take_symbol(","));
  uint32_t start = begin();
  expect_word("on");
  NodeId axis = parse_named_expression();
  std::vector<NodeId> parts{axis};
  if (take_word("in")) {
    NodeId range = parse_path();
    parts.push_back(add(Kind::Clause, span_from(start), "in", {range}));
  }
  for (std::string_view word : {"from", "to", "step"})
    if (take_word(word))
      parts.push_back(add(Kind::Clause, span_from(start), std::string(word), {parse_expression()}));
  out.push_back(add(Kind::On, span_from(start), "", std::move(parts)));
  if (at_word("by")) out.push_back(parse_by(false));
}

void Parser::parse_with(std::vector<NodeId>& out) {
  uint32_t start = begin();
  if (!take_word("with")) return;
  bool brackets = take_symbol("(");
  std::vector<NodeId> options;
  while ((peek().kind == TokenKind::Name || peek().kind == TokenKind::BracketName) && !at_symbol(")")) {
    uint32_t option_start = begin();
    std::string name = peek().text;
    ++at_;
    expect_symbol("=");
    std::vector<NodeId> values{parse_unary()};
    while (at_symbol(",") && peek(1).kind == TokenKind::Name && !at_symbol("=", 2)) {  // ycolumns=a, b
      ++at_;
      values.push_back(parse_unary());
    }
    options.push_back(add(Kind::Option, span_from(option_start), name, std::move(values)));
    take_symbol(",");
  }
  if (brackets) expect_symbol(")");
  out.push_back(add(Kind::With, span_from(start), "", std::move(options)));
}

void Parser::parse_render(std::vector<NodeId>& out) {
  out.push_back(parse_name());
  while (peek().kind == TokenKind::Name && at_symbol("=", 1)) {  // legacy: render timechart kind=stacked
    uint32_t start = begin();
    std::string name = peek().text;
    at_ += 2;
    NodeId value = parse_primary();
    out.push_back(add(Kind::Option, span_from(start), name, {value}));
  }
  if (at_word("by")) out.push_back(parse_by(false));
  parse_with(out);
}

void Parser::parse_range(std::vector<NodeId>& out) {
  out.push_back(parse_name());
  for (std::string_view word : {"from", "to", "step"}) {
    expect_word(word);
    out.push_back(parse_additive());
  }
}

void Parser::parse_bracket_list(const char* name, std::vector<NodeId>& out) {
  uint32_t start = begin();
  std::vector<NodeId> values;
  if (peek().kind == TokenKind::BracketName) {  // ["x"] was read as a bracketed name
    values.push_back(add(Kind::String, peek().span, peek().text));
    ++at_;
  } else {
    expect_symbol("[");
    while (!at_symbol("]") && !at_end()) {
      values.push_back(parse_expression());
      if (!take_symbol(",")) break;
    }
    expect_symbol("]");
  }
  out.push_back(add(Kind::Clause, span_from(start), name, std::move(values)));
}

void Parser::parse_datatable(std::vector<NodeId>& out) {
  out.push_back(parse_schema());
  parse_bracket_list("values", out);
}

void Parser::parse_externaldata(std::vector<NodeId>& out) {
  parse_options(out);
  out.push_back(parse_schema());
  parse_bracket_list("uris", out);
  parse_with(out);
}

void Parser::parse_partition(std::vector<NodeId>& out) {
  parse_options(out);
  if (take_word("by")) {
    std::vector<NodeId> keys;
    do keys.push_back(parse_name());
    while (take_symbol(","));
    out.push_back(add(Kind::By, peek().span, "", std::move(keys)));
    parse_options(out);
  }
  if (take_word("with")) {  // facet by x with ( ... )
    out.push_back(parse_sub_pipe());
    return;
  }
  if (take_word("in")) out.push_back(parse_primary());
  while (at_symbol("(") || at_symbol("{") || (peek().kind == TokenKind::Name && at_symbol("=", 1))) {
    uint32_t start = begin();
    std::string name;
    if (peek().kind == TokenKind::Name) {  // fork name=( ... )
      name = peek().text;
      at_ += 2;
    }
    if (at_symbol("{") && !(peek(1).kind == TokenKind::Name && at_any_word({"where"}))) {
      NodeId body = parse_body();
      out.push_back(add(Kind::Clause, span_from(start), name, {body}));
    } else {
      out.push_back(add(Kind::Clause, span_from(start), name, {parse_sub_pipe()}));
    }
  }
}

// `in (T1, T*, ...)`, where it is there; `find` takes queries in brackets besides.
bool Parser::parse_in_tables(std::vector<NodeId>& out, bool with_queries) {
  uint32_t start = begin();
  if (!take_word("in")) return false;
  expect_symbol("(");
  std::vector<NodeId> tables;
  do {
    NodeId pattern = parse_column_pattern();
    bool is_query = pattern == kNoNode && with_queries && at_symbol("(");
    tables.push_back(pattern != kNoNode ? pattern : is_query ? parse_pipe_in_brackets() : parse_path());
  } while (take_symbol(","));
  expect_symbol(")");
  out.push_back(add(Kind::Clause, span_from(start), "in", std::move(tables)));
  return true;
}

void Parser::parse_search(std::vector<NodeId>& out) {
  parse_options(out);
  parse_in_tables(out, false);
  NodeId pattern = parse_column_pattern();
  out.push_back(pattern != kNoNode ? pattern : parse_expression());
}

void Parser::parse_find(std::vector<NodeId>& out) {
  parse_options(out);
  if (parse_in_tables(out, true)) parse_options(out);
  take_word("where");
  out.push_back(parse_expression());
  size_t count = 0;
  for (std::string word = hyphenated_word(count);
       word == "project" || word == "project-away" || word == "project-smart";
       word = hyphenated_word(count)) {
    uint32_t start = begin();
    at_ += count;
    std::vector<NodeId> columns;
    do {
      NodeId pattern = parse_column_pattern();
      NodeId column = pattern != kNoNode ? pattern : parse_path();
      if (take_symbol(":")) parse_param_type();
      columns.push_back(column);
    } while (take_symbol(","));
    out.push_back(add(Kind::Clause, span_from(start), word, std::move(columns)));
  }
}

void Parser::parse_scan(std::vector<NodeId>& out) {
  parse_options(out);
  uint32_t start = begin();
  if (take_word("order")) {
    expect_word("by");
    std::vector<NodeId> keys;
    parse_sort_list(keys);
    out.push_back(add(Kind::By, span_from(start), "order", std::move(keys)));
  }
  if (take_word("partition")) out.push_back(parse_by(false));
  if (take_word("declare")) out.push_back(parse_schema());
  expect_word("with");
  expect_symbol("(");
  while (at_word("step") && !at_end()) {
    uint32_t step_start = begin();
    ++at_;
    std::string name = peek().text;
    if (!at_end()) ++at_;
    std::vector<NodeId> parts;
    if (take_word("optional")) parts.push_back(add(Kind::Clause, peek().span, "optional"));
    if (take_word("output")) {
      expect_symbol("=");
      parts.push_back(add(Kind::Clause, peek().span, "output", {parse_name()}));
    }
    expect_symbol(":");
    parts.push_back(parse_expression());
    if (take_symbol("=>")) parse_named_list(parts);
    expect_symbol(";");
    out.push_back(add(Kind::Clause, span_from(step_start), name, std::move(parts)));
  }
  expect_symbol(")");
}

// Graph operators and macro-expand are recognised as a whole: everything up to the next `|` outside brackets.
void Parser::parse_graph(std::vector<NodeId>& out) {
  uint32_t start = begin();
  int nesting = 0;
  for (; !at_end(); ++at_) {
    if (at_symbol("(") || at_symbol("{") || at_symbol("[")) ++nesting;
    if (at_symbol(")") || at_symbol("}") || at_symbol("]")) {
      if (nesting == 0) break;
      --nesting;
    }
    if (nesting == 0 && (at_symbol("|") || at_symbol(";"))) break;
  }
  if (nesting > 0) fail("a closing bracket");
  out.push_back(add(Kind::Clause, span_from(start), "pattern"));
}

}  // namespace kqlc::syntax

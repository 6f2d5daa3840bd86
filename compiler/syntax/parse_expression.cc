// SPDX-License-Identifier: Apache-2.0
//
// Expressions. Precedence, loosest first: or; and; == != in between; < > <= >=; + -; * / %; the string
// operators; sign; paths and calls. Source: the KQL grammar; see also "Scalar operators".
#include <algorithm>
#include <cstdint>

#include "compiler/syntax/parser.h"

namespace kqlc::syntax {

using source::Code;

namespace {

constexpr std::string_view kStringOperators[] = {"has",
                                                 "!has",
                                                 "has_cs",
                                                 "!has_cs",
                                                 "hasprefix",
                                                 "!hasprefix",
                                                 "hasprefix_cs",
                                                 "!hasprefix_cs",
                                                 "hassuffix",
                                                 "!hassuffix",
                                                 "hassuffix_cs",
                                                 "!hassuffix_cs",
                                                 "contains",
                                                 "!contains",
                                                 "contains_cs",
                                                 "!contains_cs",
                                                 "containscs",
                                                 "!containscs",
                                                 "notcontains",
                                                 "notcontainscs",
                                                 "startswith",
                                                 "!startswith",
                                                 "startswith_cs",
                                                 "!startswith_cs",
                                                 "endswith",
                                                 "!endswith",
                                                 "endswith_cs",
                                                 "!endswith_cs",
                                                 "like",
                                                 "!like",
                                                 "likecs",
                                                 "!likecs",
                                                 "notlike",
                                                 "notlikecs",
                                                 "=~",
                                                 "!~",
                                                 ":"};

bool is_string_operator(std::string_view word) {
  return std::find(std::begin(kStringOperators), std::end(kStringOperators), word) !=
         std::end(kStringOperators);
}

bool is_list_operator(std::string_view word) {
  return word == "in" || word == "!in" || word == "in~" || word == "!in~" || word == "has_any" ||
         word == "has_all" || word == "!has_any" || word == "!has_all";
}

}  // namespace

bool Parser::too_deep() {
  if (depth_ <= kMaxDepth) return false;
  if (failed_at_ != at_) diagnostics_.add(Code::K0103, peek().span, "the query is nested too deeply");
  give_up();
  return true;
}

// Nothing more is read or reported: brackets left open on the way out are no mistakes of the author's.
void Parser::give_up() {
  at_ = tokens_.size() - 1;
  failed_at_ = at_;
}

bool Parser::chain_too_long(size_t links) {
  if (links <= kMaxChain) return false;
  diagnostics_.add(Code::K0103, peek().span, "more than 1000 operators in one chain");
  give_up();
  return true;
}

// Reads an operator that is a word, with `!` before or `~` after it: "!has", "in~".
std::string Parser::operator_word(size_t& num_tokens) const {
  size_t i = 0;
  std::string word;
  if (at_symbol("!") && peek(1).kind == TokenKind::Name && !peek(1).blank_before) {
    word = "!";
    i = 1;
  }
  if (i == 0 && peek().kind == TokenKind::Symbol) {
    num_tokens = 1;
    return peek().text;
  }
  if (peek(i).kind != TokenKind::Name) {
    num_tokens = 0;
    return "";
  }
  word += peek(i).text;
  num_tokens = i + 1;
  if (at_symbol("~", num_tokens) && !peek(num_tokens).blank_before) {
    word += '~';
    ++num_tokens;
  }
  return word;
}

NodeId Parser::parse_named_expression() {
  uint32_t start = begin();
  bool name = peek().kind == TokenKind::Name || peek().kind == TokenKind::BracketName ||
              (peek().kind == TokenKind::TypedLiteral && false);
  if (name && at_symbol("=", 1)) {
    std::string text = peek().text;
    at_ += 2;
    NodeId value = parse_expression();
    return add(Kind::Named, span_from(start), text, {value});
  }
  if (at_symbol("(")) {  // (a, b) = expression
    size_t i = 1;
    while (peek(i).kind == TokenKind::Name || peek(i).kind == TokenKind::BracketName || at_symbol(",", i))
      ++i;
    if (at_symbol(")", i) && at_symbol("=", i + 1)) {
      std::vector<NodeId> children;
      for (size_t j = 1; j < i; ++j)
        if (peek(j).kind != TokenKind::Symbol)
          children.push_back(add(Kind::Name, peek(j).span, peek(j).text));
      at_ += i + 2;
      children.push_back(parse_expression());
      return add(Kind::Named, span_from(start), "", std::move(children));
    }
  }
  return parse_expression();
}

NodeId Parser::parse_expression() {
  Depth depth(*this);
  if (too_deep()) return add(Kind::Error, peek().span);
  uint32_t start = begin();
  NodeId first = parse_and();
  if (!at_word("or")) return first;
  std::vector<NodeId> operands{first};
  while (take_word("or")) operands.push_back(parse_and());
  return add(Kind::Or, span_from(start), "", std::move(operands));
}

NodeId Parser::parse_and() {
  uint32_t start = begin();
  NodeId first = parse_equality();
  if (!at_word("and")) return first;
  std::vector<NodeId> operands{first};
  while (take_word("and")) operands.push_back(parse_equality());
  return add(Kind::And, span_from(start), "", std::move(operands));
}

NodeId Parser::parse_equality() {
  uint32_t start = begin();
  NodeId left;
  if (at_symbol("*") && (peek(1).kind == TokenKind::Name || peek(1).kind == TokenKind::Symbol)) {
    left = add(Kind::Star, peek().span);  // * has "x"
    ++at_;
    size_t count = 0;
    std::string op = operator_word(count);
    if (is_string_operator(op) || op == "matches") {
      at_ += count;
      if (op == "matches") {
        expect_word("regex");
        op = "matches regex";
      }
      return add(Kind::Binary, span_from(start), op, {left, parse_unary()});
    }
  } else {
    left = parse_relational();
  }
  size_t count = 0;
  std::string op = operator_word(count);
  if (op == "==" || op == "!=" || op == "<>") {
    at_ += count;
    NodeId right = parse_relational();
    return add(Kind::Binary, span_from(start), op == "<>" ? "!=" : op, {left, right});
  }
  if (is_list_operator(op)) {
    at_ += count;
    return parse_list_operation(left, op, start);
  }
  if (op == "between" || op == "!between") {
    at_ += count;
    return parse_between(left, op, start);
  }
  return left;
}

NodeId Parser::parse_list_operation(NodeId left, std::string op, uint32_t start) {
  std::vector<NodeId> children{left};
  if (!at_symbol("(")) {
    children.push_back(parse_unary());  // x in TableName
    return add(Kind::InList, span_from(start), op, std::move(children));
  }
  if (pipe_follows_in_brackets()) {
    children.push_back(parse_pipe_in_brackets());
    return add(Kind::InList, span_from(start), op, std::move(children));
  }
  expect_symbol("(");
  while (!at_symbol(")") && !at_end()) {
    children.push_back(parse_expression());
    if (!take_symbol(",")) break;
  }
  expect_symbol(")");
  return add(Kind::InList, span_from(start), op, std::move(children));
}

NodeId Parser::parse_between(NodeId left, std::string op, uint32_t start) {
  expect_symbol("(");
  NodeId low = parse_additive();
  expect_symbol("..");
  NodeId high = parse_additive();
  expect_symbol(")");
  return add(Kind::Between, span_from(start), op, {left, low, high});
}

NodeId Parser::parse_relational() {
  uint32_t start = begin();
  NodeId left = parse_additive();
  for (std::string_view op : {"<", ">", "<=", ">="})
    if (at_symbol(op)) {
      ++at_;
      NodeId right = parse_additive();
      return add(Kind::Binary, span_from(start), std::string(op), {left, right});
    }
  return left;
}

NodeId Parser::parse_additive() {
  uint32_t start = begin();
  NodeId left = parse_multiplicative();
  for (size_t links = 0; at_symbol("+") || at_symbol("-"); ++links) {
    if (chain_too_long(links)) break;
    std::string op = peek().text;
    ++at_;
    NodeId right = parse_multiplicative();
    left = add(Kind::Binary, span_from(start), op, {left, right});
  }
  return left;
}

NodeId Parser::parse_multiplicative() {
  uint32_t start = begin();
  NodeId left = parse_string_operation();
  for (size_t links = 0; at_symbol("*") || at_symbol("/") || at_symbol("%"); ++links) {
    if (chain_too_long(links)) break;
    std::string op = peek().text;
    ++at_;
    NodeId right = parse_string_operation();
    left = add(Kind::Binary, span_from(start), op, {left, right});
  }
  return left;
}

NodeId Parser::parse_string_operation() {
  uint32_t start = begin();
  NodeId left = parse_unary();
  for (size_t links = 0;; ++links) {
    size_t count = 0;
    std::string op = operator_word(count);
    if (op == "matches" && at_word("regex", 1)) {
      op = "matches regex";
      count = 2;
    } else if (!is_string_operator(op)) {
      return left;
    }
    if (chain_too_long(links)) return left;
    at_ += count;
    NodeId right = at_symbol("*") ? (++at_, add(Kind::Star, tokens_[at_ - 1].span)) : parse_unary();
    left = add(Kind::Binary, span_from(start), op, {left, right});
  }
}

NodeId Parser::parse_unary() {
  Depth depth(*this);
  if (too_deep()) return add(Kind::Error, peek().span);
  if (at_symbol("-") || at_symbol("+")) {
    uint32_t start = begin();
    std::string op = peek().text;
    ++at_;
    NodeId operand = parse_unary();
    return add(Kind::Unary, span_from(start), op, {operand});
  }
  return parse_path();
}

NodeId Parser::parse_path() {
  uint32_t start = begin();
  NodeId left = parse_primary();
  for (size_t links = 0;; ++links) {
    if (chain_too_long(links)) return left;
    if (at_symbol(".") &&
        (peek(1).kind == TokenKind::Name || peek(1).kind == TokenKind::BracketName ||
         peek(1).kind == TokenKind::Long || at_symbol("[", 1) || peek(1).kind == TokenKind::TypedLiteral)) {
      ++at_;
      if (at_symbol("[")) continue;  // a.[0]
      if (peek().kind == TokenKind::Name && at_symbol("(", 1)) {
        Token name = peek();
        ++at_;
        NodeId call = parse_call(name);  // database("x").Table(...)
        tree_[call].children.insert(tree_[call].children.begin(), left);
        note_height(call);
        tree_[call].extra = "qualified";
        left = call;
        continue;
      }
      NodeId member = add(Kind::Member, span_from(start), peek().text, {left});
      tree_[member].quoted = peek().kind == TokenKind::BracketName;
      ++at_;
      tree_[member].span = span_from(start);
      left = member;
    } else if (at_symbol("[")) {
      ++at_;
      NodeId index = parse_expression();
      expect_symbol("]");
      left = add(Kind::Index, span_from(start), "", {left, index});
    } else if (peek().kind == TokenKind::BracketName && !peek().blank_before) {
      NodeId key = add(Kind::String, peek().span, peek().text);
      ++at_;
      left = add(Kind::Index, span_from(start), "", {left, key});
    } else {
      return left;
    }
  }
}

// True where `( ... )` holds a pipeline: a `|` at its own depth, or a tabular source word first.
bool Parser::pipe_follows_in_brackets() const {
  size_t i = at_ + 1;
  if (i >= tokens_.size()) return false;
  const Token& first = tokens_[i];
  if (first.kind == TokenKind::Name &&
      (first.text == "print" || first.text == "union" || first.text == "datatable" ||
       first.text == "externaldata" || first.text == "find" || first.text == "search" ||
       first.text == "evaluate" || first.text == "let") &&
      i + 1 < tokens_.size() && !(tokens_[i + 1].kind == TokenKind::Symbol && tokens_[i + 1].text == ")"))
    return first.text == "datatable" || first.text == "externaldata" || first.text == "union" ||
           !(tokens_[i + 1].kind == TokenKind::Symbol &&
             (tokens_[i + 1].text == "," || tokens_[i + 1].text == "."));
  if (first.kind == TokenKind::Name && first.text == "range" && tokens_[i + 1].kind == TokenKind::Name)
    return true;
  int nesting = 0;
  for (; i < tokens_.size(); ++i) {
    if (tokens_[i].kind != TokenKind::Symbol) continue;
    const std::string& text = tokens_[i].text;
    if (text == "(" || text == "[" || text == "{") ++nesting;
    if (text == ")" || text == "]" || text == "}") {
      if (nesting == 0) return false;
      --nesting;
    }
    if (text == "|" && nesting == 0) return true;
    if (text == ";" && nesting == 0) return false;
  }
  return false;
}

NodeId Parser::parse_pipe_in_brackets() {
  uint32_t start = begin();
  expect_symbol("(");
  NodeId pipe = parse_pipe();
  expect_symbol(")");
  return add(Kind::Subquery, span_from(start), "", {pipe});
}

NodeId Parser::parse_primary() {
  const Token token = peek();
  switch (token.kind) {
    case TokenKind::String: {
      std::string text = token.text;
      ++at_;
      while (peek().kind == TokenKind::String) text += tokens_[at_++].text;
      return add(Kind::String, span_from(token.span.begin), text);
    }
    case TokenKind::Long:
      ++at_;
      return add(Kind::Long, token.span, token.text);
    case TokenKind::Real:
      ++at_;
      return add(Kind::Real, token.span, token.text);
    case TokenKind::TimeSpan:
      ++at_;
      return add(Kind::TimeSpan, token.span, token.text);
    case TokenKind::TypedLiteral: {
      ++at_;
      NodeId id = add(Kind::Typed, token.span, token.text);
      tree_[id].extra = token.type;
      return id;
    }
    case TokenKind::BracketName: {
      ++at_;
      NodeId id = add(Kind::Name, token.span, token.text);
      tree_[id].quoted = true;
      return id;
    }
    case TokenKind::Name:
      break;
    case TokenKind::Symbol:
      if (token.text == "(") {
        if (pipe_follows_in_brackets()) return parse_pipe_in_brackets();
        ++at_;
        std::vector<NodeId> items{parse_expression()};
        while (take_symbol(",")) items.push_back(parse_expression());
        expect_symbol(")");
        if (items.size() == 1) return items[0];
        return add(Kind::List, span_from(token.span.begin), "", std::move(items));
      }
      if (token.text == "[" || token.text == "{") return parse_json();
      [[fallthrough]];
    case TokenKind::End:
      fail("an expression");
      return add(Kind::Error, token.span);
  }
  if (token.text == "dynamic" && at_symbol("(", 1)) return parse_dynamic();
  if (token.text == "typeof" && at_symbol("(", 1)) return parse_typeof();
  static constexpr std::string_view kTrue[] = {"true", "True", "TRUE"},
                                    kFalse[] = {"false", "False", "FALSE"};
  bool is_true = std::find(std::begin(kTrue), std::end(kTrue), token.text) != std::end(kTrue);
  if (is_true || std::find(std::begin(kFalse), std::end(kFalse), token.text) != std::end(kFalse)) {
    ++at_;
    return add(Kind::Bool, token.span, is_true ? "true" : "false");
  }
  if (at_symbol("(", 1)) {
    ++at_;
    return parse_call(token);
  }
  return parse_name();
}

NodeId Parser::parse_name() {
  const Token token = peek();
  if (token.kind != TokenKind::Name && token.kind != TokenKind::BracketName) {
    fail("a name");
    return add(Kind::Error, token.span);
  }
  if (token.kind == TokenKind::Name && (token.text == "and" || token.text == "or" || token.text == "by")) {
    fail("an expression");
    return add(Kind::Error, token.span);
  }
  ++at_;
  NodeId id = add(Kind::Name, token.span, token.text);
  tree_[id].quoted = token.kind == TokenKind::BracketName;
  return id;
}

NodeId Parser::parse_call(const Token& name) {
  Depth depth(*this);
  expect_symbol("(");
  std::vector<NodeId> arguments;
  bool table = name.text == "toscalar" || name.text == "materialize" || name.text == "view";
  while (!too_deep() && !at_symbol(")") && !at_end()) {
    if (at_symbol("*") && (at_symbol(")", 1) || at_symbol(",", 1))) {
      arguments.push_back(add(Kind::Star, peek().span));
      ++at_;
    } else if (table || at_word("let") || (at_word("range") && peek(1).kind == TokenKind::Name)) {
      arguments.push_back(parse_pipe());
    } else {
      uint32_t start = begin();
      NodeId argument = parse_named_expression();
      if (at_symbol("|")) argument = parse_pipe_from(argument, start);  // f(T | where ...)
      arguments.push_back(argument);
    }
    if (!take_symbol(",")) break;
  }
  expect_symbol(")");
  return add(Kind::Call, span_from(name.span.begin), name.text, std::move(arguments));
}

NodeId Parser::parse_typeof() {
  uint32_t start = begin();
  ++at_;
  expect_symbol("(");
  NodeId type;
  if (at_symbol("*")) {
    type = add(Kind::TypeName, peek().span, "*");
    ++at_;
  } else if (peek().kind == TokenKind::Name && at_symbol(")", 1)) {
    type = add(Kind::TypeName, peek().span, peek().text);
    ++at_;
  } else {
    std::vector<NodeId> columns;
    uint32_t begin_schema = begin();
    do {
      if (take_symbol("*")) continue;
      columns.push_back(parse_param());
    } while (take_symbol(","));
    type = add(Kind::Schema, span_from(begin_schema), "", std::move(columns));
  }
  expect_symbol(")");
  return add(Kind::TypeOf, span_from(start), "", {type});
}

NodeId Parser::parse_dynamic() {
  uint32_t start = begin();
  ++at_;
  expect_symbol("(");
  NodeId value = parse_json();
  expect_symbol(")");
  return add(Kind::Dynamic, span_from(start), "", {value});
}

NodeId Parser::parse_json() {
  Depth depth(*this);
  if (too_deep()) return add(Kind::Error, peek().span);
  uint32_t start = begin();
  if (take_symbol("[")) {
    std::vector<NodeId> items;
    while (!at_symbol("]") && !at_end()) {
      items.push_back(parse_json());
      if (!take_symbol(",")) break;
    }
    expect_symbol("]");
    return add(Kind::Array, span_from(start), "", std::move(items));
  }
  if (peek().kind == TokenKind::BracketName) {  // ["x"] was read as a bracketed name
    NodeId item = add(Kind::String, peek().span, peek().text);
    ++at_;
    return add(Kind::Array, span_from(start), "", {item});
  }
  if (take_symbol("{")) {
    std::vector<NodeId> properties;
    while (!at_symbol("}") && !at_end()) {
      uint32_t property_start = begin();
      std::string key = peek().text;
      if (peek().kind != TokenKind::String && peek().kind != TokenKind::Name) {
        fail("a key");
        break;
      }
      ++at_;
      expect_symbol(":");
      NodeId value = parse_json();
      properties.push_back(add(Kind::Property, span_from(property_start), key, {value}));
      if (!take_symbol(",")) break;
    }
    expect_symbol("}");
    return add(Kind::Bag, span_from(start), "", std::move(properties));
  }
  if (at_word("null")) {
    ++at_;
    return add(Kind::Null, span_from(start));
  }
  return parse_unary();
}

}  // namespace kqlc::syntax
